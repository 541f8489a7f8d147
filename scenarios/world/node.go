package world

import (
	"fmt"
	"strings"
	"time"

	"raftsim/checker"
	"raftsim/network"
	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/server"
	"raftsim/raft/statemachine"
	"raftsim/raft/vfs"
	"raftsim/sim"
	"raftsim/sim/disk"
)

// node hosts one server: it brings it events, carries out its effects, and lets it die.
type node struct {
	world  *World
	proc   sim.ProcID
	id     uint64
	disk   *disk.Disk
	server *server.Server // nil while down

	fate    death // set by a moment: the server is dead, and buried when its call returns
	down    time.Duration
	restart uint32 // number of the restart that counts; earlier ones are void
	panics  int
	turns   uint64 // of the call under way
	alarm   sim.Alarm

	seen    raft.Status // as last told to the judges
	writes  []write     // under way, oldest first
	message raft.Message
	request client.Request
}

type death uint8

const (
	alive death = iota
	crashed
	powerLost
	panicked
	halted
)

// maxPanics bounds the restarts after panics: a server that panics on its own log would do so for ever.
const maxPanics = 3

// minTurns is the least bound on the turns of one call, whatever the bound on steps at one instant.
const minTurns = 1000

func (n *node) up() bool { return n.server != nil }

// Deliver implements sim.Process.
func (n *node) Deliver(ev sim.Event) {
	n.world.stamp()
	switch ev.Kind {
	case evMessage:
		n.arrive(ev.Payload)
	case evTimer:
		n.alarm.Rang(ev.At)
		if n.up() {
			n.call(callTick, 0, 0, nil)
		}
	case evSync:
		done, ok := n.disk.Complete(ev.Payload)
		if ok && n.up() && done.Incarnation == n.disk.Incarnation() {
			n.call(callSync, 0, done.Ticket, done.Err)
		}
	case evRestart:
		if !n.up() && ev.Payload == n.restart {
			n.start()
		}
	}
	n.settle()
}

type callKind uint8

const (
	callTick callKind = iota
	callSync
	callMessage
	callRequest
	callStart
	callCampaign
)

// call runs the server's code. A panic of it is a finding, and the end of the process; a panic of the harness goes on up.
func (n *node) call(kind callKind, handle uint32, ticket vfs.Ticket, err error) {
	defer n.catch()
	n.turns = 0
	now := int64(n.world.kernel.Now())
	switch kind {
	case callTick:
		n.server.Tick(now)
	case callSync:
		n.written(uint64(ticket))
		n.server.HandleSync(now, ticket, err)
	case callMessage:
		p := n.world.network.Packet(handle)
		if err := raft.DecodeMessage(p.Bytes, &n.message); err != nil {
			panic(fmt.Sprintf("world: n%d: the network delivered a damaged message: %v", n.id, err))
		}
		n.server.HandleMessage(now, &n.message)
	case callRequest:
		p := n.world.network.Packet(handle)
		if err := client.DecodeRequest(p.Bytes, &n.request); err != nil {
			panic(fmt.Sprintf("world: n%d: the network delivered a damaged request: %v", n.id, err))
		}
		n.server.HandleRequest(now, &n.request)
	case callStart:
		n.open()
	case callCampaign:
		n.server.Campaign(now)
	}
}

func (n *node) catch() {
	cause := recover()
	if cause == nil {
		return
	}
	if endless, ok := cause.(endlessTurns); ok {
		n.world.find(checker.Bound, "turns-without-end", n.id, endless.String())
		n.fate = halted
		return
	}
	text := fmt.Sprint(cause)
	for _, own := range [...]string{"sim:", "network:", "faults:", "world:", "workload:", "disk:", "checker:"} {
		if strings.HasPrefix(text, own) {
			panic(cause)
		}
	}
	n.world.find(checker.Crash, panicRule(text), n.id, text)
	n.panics++
	n.fate, n.down = panicked, 2*n.world.config.Raft.ElectionTimeout
}

// endlessTurns ends a call in which the core has always more to hand out: virtual time stands still in it, and the kernel,
// which bounds steps, never gets to count one.
type endlessTurns uint64

func (e endlessTurns) String() string {
	return fmt.Sprintf("bound reached: %d turns of the server for one event", uint64(e))
}

// panicRule makes a slug of a panic's text that names the broken invariant and not the values.
func panicRule(text string) string {
	var slug strings.Builder
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') }) {
		if strings.ContainsAny(word, "0123456789") {
			continue
		}
		if slug.Len() > 0 {
			slug.WriteByte('-')
		}
		slug.WriteString(strings.ToLower(word))
		if slug.Len() > 48 {
			break
		}
	}
	return "panic-" + slug.String()
}

func (n *node) arrive(handle uint32) {
	net := &n.world.network
	if !n.up() {
		net.Discard(handle)
		return
	}
	p := net.Arrive(handle)
	if p == nil {
		return
	}
	if p.Label.Kind >= msgRaft {
		n.call(callMessage, handle, 0, nil)
	} else {
		n.call(callRequest, handle, 0, nil)
	}
	net.Release(handle)
}

// settle buries a server that died during its call, tells the judges what changed, and arms the timer.
func (n *node) settle() {
	if n.fate != alive {
		n.bury()
		return
	}
	if !n.up() {
		return
	}
	n.observe(n.server.Status())
	n.alarm.Set(&n.world.kernel, n.proc, evTimer, sim.Time(n.server.Deadline()))
}

// bury ends the process as its fate says, and schedules its return.
func (n *node) bury() {
	w := n.world
	fate, down := n.fate, n.down
	n.fate, n.server = alive, nil
	w.judges.Crashed(n.id)
	n.seen = raft.Status{}
	n.restart++
	switch fate {
	case powerLost:
		n.disk.PowerLoss()
		w.counts.PowerLosses++
	case crashed:
		n.disk.Crash()
		w.counts.Crashes++
	case panicked:
		n.disk.Crash()
		w.counts.Panics++
		if n.panics > maxPanics {
			return
		}
	case halted:
		n.disk.Crash()
		w.counts.Halts++
		return
	}
	w.kernel.Schedule(sim.Event{At: w.kernel.Now().Add(down), To: n.proc, Kind: evRestart, Payload: n.restart})
}

// kill ends the server between events.
func (n *node) kill(fate death, down time.Duration) {
	if n.up() {
		n.fate, n.down = fate, down
		n.bury()
	}
}

func (n *node) start() {
	n.world.counts.Restarts++
	n.call(callStart, 0, 0, nil)
}

func (n *node) open() {
	w := n.world
	cfg := w.config
	rc := cfg.Raft
	rc.ID = n.id
	rc.Jitter = n.jitter
	s, err := server.Restart(server.Config{Raft: rc, NewCore: cfg.NewCore, Forward: cfg.Forward},
		n.disk.FS(), n, n, cfg.Application.NewMachine())
	if err != nil {
		n.Halt(err)
		return
	}
	n.server = s
}

// jitter is what comes on top of the base election timeout. In the calm world timeouts are spread by (id + term) over eight
// slots, so that two servers rarely stand for election at once.
func (n *node) jitter(term uint64) time.Duration {
	w := n.world
	calm := w.config.Raft.ElectionTimeout / 8 * time.Duration((n.id+term)%8)
	if !w.fates.Active(PurposeElection) {
		return calm
	}
	key := w.ordinals.Next(electionSpace, sim.Subject{A: n.proc, Epoch: term}).WithPurpose(PurposeElection)
	if v := w.fates.Ask(key, w.kernel.Now(), 0); !v.Calm() {
		return time.Duration(v.For)
	}
	return calm
}

// Moment implements server.Host.
func (n *node) Moment(m server.Moment, term uint64) bool {
	if n.fate != alive {
		return false
	}
	strike := n.world.hazards.Strike(n.world.kernel.Now(), n.proc, uint8(m), term)
	switch {
	case strike.Power:
		n.fate = powerLost
	case strike.Crash:
		n.fate = crashed
	default:
		return true
	}
	n.down = strike.Down
	return false
}

// Halt implements server.Host. Nothing a case may contain today justifies it, so it is a finding.
func (n *node) Halt(err error) {
	n.world.find(checker.Durability, "server-halted", n.id, err.Error())
	n.fate = halted
}

// SendMessage implements server.Host.
func (n *node) SendMessage(m *raft.Message) {
	w := n.world
	switch {
	case m.Type == raft.MsgVote, m.Type == raft.MsgApp, m.Type == raft.MsgHeartbeat:
		w.judges.Promised(n.id, m.Term, n.id)
	case m.Type == raft.MsgVoteResp && !m.Reject:
		w.judges.Promised(n.id, m.Term, m.To)
	case m.Type == raft.MsgAppResp && !m.Reject:
		w.judges.Promised(n.id, m.Term, 0)
		w.judges.Acked(n.id, m.Index)
	}
	alias := m.Index<<16 | uint64(min(len(m.Entries), 4095))<<4
	if m.Reject {
		alias |= 1
	}
	w.counts.Messages[m.Type]++
	w.network.Send(n.proc, sim.ProcID(m.To), network.Label{Kind: msgRaft + uint8(m.Type), Epoch: m.Term, Alias: alias},
		raft.AppendMessage(w.network.Buffer(), m))
}

// SendForward implements server.Host.
func (n *node) SendForward(to uint64, r *client.Request) {
	w := n.world
	w.counts.Forwards++
	w.network.Send(n.proc, sim.ProcID(to), network.Label{Kind: msgForward, Epoch: sim.PairedEpoch(r.Client, r.Seq), Alias: uint64(r.Attempt)},
		client.AppendRequest(w.network.Buffer(), r))
}

// SendReply implements server.Host.
func (n *node) SendReply(r *client.Reply) {
	w := n.world
	switch r.Status {
	case client.ReplyOK:
		w.judges.AcknowledgedOperation(n.id, r.Client, r.Seq)
	case client.ReplyRedirect:
		w.counts.Redirects++
	}
	w.network.Send(n.proc, clientBase+sim.ProcID(r.Client),
		network.Label{Kind: msgReply, Epoch: sim.PairedEpoch(r.Client, r.Seq), Alias: uint64(r.Status)},
		client.AppendReply(w.network.Buffer(), r))
}

// Recovered implements server.Observer.
func (n *node) Recovered(hs raft.HardState, entries []raft.Entry) {
	j := &n.world.judges
	j.Restarted(n.id)
	for i := range entries {
		j.Appended(n.id, entries[i].Index, entries[i].Term, entries[i].Data)
	}
	j.Recovered(n.id)
	n.writes = n.writes[:0]
	j.HardState(n.id, hs.Term, hs.Vote)
	n.seen = raft.Status{Term: hs.Term, Vote: hs.Vote, LastIndex: uint64(len(entries))}
}

// Turn implements server.Observer.
func (n *node) Turn(rd *raft.Ready, st raft.Status) {
	j := &n.world.judges
	if n.turns++; n.turns > max(n.world.config.Bounds.InstantSteps, minTurns) {
		panic(endlessTurns(n.turns - 1))
	}
	n.observeRole(st)
	for i := range rd.Entries {
		e := &rd.Entries[i]
		if e.Index <= n.seen.LastIndex {
			n.world.counts.Truncations++
		}
		j.Appended(n.id, e.Index, e.Term, e.Data)
		n.seen.LastIndex = e.Index
	}
	n.writing(rd)
	n.observe(st)
}

// write is a ticket under way: when it completes, the log is on disk up to last.
type write struct{ ticket, last uint64 }

// writing notes what a Ready is about to write. What it replaces no longer becomes durable by the writes before it.
func (n *node) writing(rd *raft.Ready) {
	if rd.Ticket == 0 {
		return
	}
	if len(rd.Entries) > 0 {
		for i := range n.writes {
			n.writes[i].last = min(n.writes[i].last, rd.Entries[0].Index-1)
		}
	}
	n.writes = append(n.writes, write{ticket: rd.Ticket, last: n.seen.LastIndex})
}

// written tells the judges that a ticket, and all before it, has completed.
func (n *node) written(ticket uint64) {
	done := 0
	for done < len(n.writes) && n.writes[done].ticket <= ticket {
		n.world.judges.Durable(n.id, n.writes[done].last)
		done++
	}
	n.writes = n.writes[:copy(n.writes, n.writes[done:])]
}

// Applied implements server.Observer.
func (n *node) Applied(e *raft.Entry, id, seq uint64, status statemachine.Status, hash uint64) {
	j := &n.world.judges
	j.Applied(n.id, e.Index, hash)
	switch status {
	case statemachine.StatusApplied:
		j.Executed(n.id, e.Index, id, seq)
	case statemachine.StatusRepeated, statemachine.StatusStale:
		n.world.counts.Repeats++
	}
}

// observe tells the judges what changed in a server's view of itself.
func (n *node) observe(st raft.Status) {
	if !n.running() {
		return
	}
	n.observeRole(st)
	j := &n.world.judges
	if st.LastIndex < n.seen.LastIndex {
		j.Truncated(n.id, st.LastIndex)
		n.world.counts.Truncations++
	}
	if st.Commit != n.seen.Commit {
		j.Committed(n.id, st.Commit)
	}
	n.seen = st
}

func (n *node) observeRole(st raft.Status) {
	j := &n.world.judges
	was, is := n.seen.Role == raft.StateLeader, st.Role == raft.StateLeader
	if was && (!is || st.Term != n.seen.Term) {
		j.SteppedDown(n.id, n.seen.Term)
		n.world.counts.StepDowns++
	}
	if st.Term != n.seen.Term || st.Vote != n.seen.Vote {
		j.HardState(n.id, st.Term, st.Vote)
	}
	if is && (!was || st.Term != n.seen.Term) {
		j.Elected(n.id, st.Term)
		n.world.counts.Elections++
	}
	if st.Role == raft.StateCandidate && (n.seen.Role != raft.StateCandidate || st.Term != n.seen.Term) {
		n.world.counts.Candidacies++
	}
	n.seen.Term, n.seen.Vote, n.seen.Role = st.Term, st.Vote, st.Role
}

func (n *node) running() bool { return n.server != nil && n.server.Running() }

// applied returns the last index the server has applied, 0 while it is down.
func (n *node) applied() uint64 {
	if !n.up() {
		return 0
	}
	index, _ := n.server.Applied()
	return index
}

// Fold implements sim.Process.
func (n *node) Fold(ev sim.Event, d *sim.Digest) {
	if ev.Kind == evMessage {
		n.world.network.Fold(ev.Payload, d)
	}
}

// Describe implements sim.Process.
func (n *node) Describe(ev sim.Event, dst []byte) []byte {
	dst = fmt.Appendf(dst, "n%d ", n.id)
	switch ev.Kind {
	case evMessage:
		return n.world.describePacket(ev.Payload, dst)
	case evTimer:
		dst = append(dst, "timer"...)
	case evSync:
		dst = append(dst, "sync done"...)
	case evRestart:
		dst = append(dst, "restart"...)
		if ev.Payload != n.restart {
			dst = append(dst, " (void)"...)
		}
	}
	return dst
}

// foldState adds the final state of the server and its disk to d.
func (n *node) foldState(d *sim.Digest) {
	d.Word(n.id)
	if n.up() {
		st := n.server.Status()
		applied, hash := n.server.Applied()
		for _, w := range [...]uint64{st.Term, st.Vote, st.Lead, st.Commit, st.LastIndex, st.LastTerm, uint64(st.Role), applied, hash} {
			d.Word(w)
		}
	}
	n.disk.Fold(d)
}
