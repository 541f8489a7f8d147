package world

import (
	"fmt"
	"strings"
	"time"

	"raftsim/checker"
	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/server"
	"raftsim/raft/vfs"
	"raftsim/scenarios/ledger"
	"raftsim/sim"
	"raftsim/sim/disk"
)

// node is one machine and the server on it: it brings the server events, carries out its effects, and lets it die.
type node struct {
	world  *World
	proc   sim.ProcID
	id     uint64
	disk   *disk.Disk
	clock  clock
	server *server.Server // nil while down
	core   server.Core    // of the server, once it has recovered

	state presence
	// joinedAfter is what the server was told when it was last given an empty disk, 0 at one of the first members.
	joinedAfter uint64
	tells       ledger.Reading // what its process could know when it began
	harmed      bool           // damage was done to its disk, or will be by a write to come
	gone        bool           // its disk was lost to a fault: it does not come back as it was
	wiped       bool           // a fault has emptied its disk
	fate        death          // set by a moment: the server is dead, and buried when its call returns
	down        time.Duration
	restart     uint32 // number of the restart that counts; earlier ones are void
	panics      int
	turns       uint64 // of the call under way
	alarm       sim.Alarm
	paused      int
	missed      []sim.Event // while paused
	coming      int         // of these, how many come again now
	labour      labour

	status  raft.Status     // scratch of settle
	seen    raft.Status     // the last one looked at
	ledFrom uint64          // last entry of its log when it was elected last
	routed  server.Counters // of the server, when its ways were counted last
	told    told
	writes  []write // under way, oldest first
	reading []read  // reads that this server has taken on
	visit   visit
	message raft.Message
	request client.Request
}

// presence is what a machine is to the cluster.
type presence uint8

const (
	spare   presence = iota // has never run, or was taken away
	fresh                   // runs on an empty disk, to be added
	member                  // has been a member since it was last given an empty disk
	removed                 // was taken away; its disk remembers
)

// read is one that a server has to answer from its state. Everything up to floor was committed when a server first heard of it, and
// the answer must not be older; nor must it come from a leader of a term before the newest one that was won then.
type read struct {
	client, seq    uint64
	floor, elected uint64
	lease          bool
}

// visit is what came of the follower reads that a server was asked in the second half of the quiet end.
type visit struct {
	asked    sim.Time // when the first one came; 0: none did
	floor    uint64   // what was committed then
	answered bool
}

// minTurns is the least bound on the turns of one call, whatever the bound on steps at one instant.
const minTurns = 1000

func (n *node) up() bool { return n.server != nil }

func (n *node) running() bool { return n.server != nil && n.server.Running() }

// Deliver implements sim.Process.
func (n *node) Deliver(ev sim.Event) {
	n.world.stamp()
	if n.queues(&ev) || n.miss(ev) {
		return
	}
	switch ev.Kind {
	case evMessage:
		n.arrive(ev.Payload)
	case evTimer:
		n.alarm.Rang(ev.At)
		switch {
		case !n.up():
		case n.now() < n.server.Deadline(): // nothing is due, and looking is free
			n.call(callTick, 0, disk.Completion{})
		default:
			n.handle(work{kind: callTick})
		}
	case evSync:
		done, ok := n.disk.Complete(ev.Payload)
		if !ok {
			break
		}
		n.world.ledger.synced(n)
		if n.up() && done.Incarnation == n.disk.Incarnation() {
			n.handle(work{kind: callSync, done: done})
		}
	case evApply:
		if n.up() && ev.Payload == n.disk.Incarnation() {
			n.labour.apply = true
			n.call(callApply, 0, disk.Completion{})
		}
	case evRestart:
		if !n.up() && ev.Payload == n.restart {
			n.start()
		}
	case evFree:
		if ev.Payload == n.labour.life {
			n.free()
		}
	}
	n.settle()
	n.attend()
}

type callKind uint8

const (
	callTick callKind = iota
	callSync
	callMessage
	callRequest
	callApply
	callStart
	callCampaign
	callChange
	callTransfer
	callSnapshot
)

// call runs the server's code. A panic of it is a finding, and the end of the process; a panic of the harness goes on up.
func (n *node) call(kind callKind, handle uint32, done disk.Completion) (err error) {
	defer n.catch()
	n.turns = 0
	now := n.now()
	switch kind {
	case callTick:
		n.server.Tick(now)
	case callSync:
		n.written(done)
		n.server.HandleSync(now, done.Ticket, done.Err)
	case callMessage:
		p := n.world.network.Packet(handle)
		if err := raft.DecodeMessage(p.Bytes, &n.message); err != nil {
			panic(fmt.Sprintf("world: n%d: the network delivered a damaged message: %v", n.id, err))
		}
		n.world.story.hears()
		n.server.HandleMessage(now, &n.message)
		n.world.acknowledged(n)
		n.world.story.heard(n)
	case callRequest:
		p := n.world.network.Packet(handle)
		if err := client.DecodeRequest(p.Bytes, &n.request); err != nil {
			panic(fmt.Sprintf("world: n%d: the network delivered a damaged request: %v", n.id, err))
		}
		n.world.takes(n, &n.request)
		n.takeOn(&n.request)
		n.server.HandleRequest(now, &n.request)
		n.countHeld()
	case callApply:
		n.server.HandleApply(now, 0)
	case callStart:
		n.open()
	case callCampaign:
		n.server.Campaign(now)
	case callChange:
		return n.server.ProposeConfChange(now, &n.world.operator.change)
	case callTransfer:
		return n.server.TransferLeader(now, uint64(handle))
	case callSnapshot:
		return n.server.ForceSnapshot(now)
	}
	return nil
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
		n.handle(work{kind: callMessage, handle: handle})
	} else {
		n.handle(work{kind: callRequest, handle: handle})
	}
}

// takeOn notes that this server has a read to answer.
func (n *node) takeOn(r *client.Request) {
	if r.Kind != client.KindRead {
		return
	}
	if r.Read.Own() {
		if r.Index > n.applied() {
			n.world.counts.ReadsWaited++
		}
		return
	}
	if r.Read == client.ReadFollower && n.world.referee.phase > 0 && n.visit.asked == 0 {
		n.visit = visit{asked: n.world.kernel.Now(), floor: n.world.judges.LedgerEnd()}
	}
	asked := n.world.firstAsked(r.Client, r.Seq)
	if len(n.reading) == maxReading {
		return
	}
	for i := range n.reading {
		if n.reading[i].client == r.Client && n.reading[i].seq == r.Seq {
			return
		}
	}
	n.reading = append(n.reading, read{r.Client, r.Seq, asked.floor, asked.elected, r.Read == client.ReadLease})
}

// askedRead is a read that some server has heard of, what was committed then, and the highest term that had been won.
type askedRead struct{ seq, floor, elected uint64 }

// firstAsked returns how things stood when a server first heard of a read. All attempts of an operation share it: what one attempt set
// going may answer another.
func (w *World) firstAsked(id, seq uint64) askedRead {
	asked := w.asked[id]
	for i := len(asked) - 1; i >= 0; i-- {
		if asked[i].seq == seq {
			return asked[i]
		}
	}
	if len(asked) == maxAsked {
		asked = asked[:copy(asked, asked[maxAsked/2:])]
	}
	now := askedRead{seq, w.judges.LedgerEnd(), w.judges.LastTerm()}
	w.asked[id] = append(asked, now)
	return now
}

// maxAsked bounds the memory of reads: of those so far back nobody waits for an answer any more.
const maxAsked = 256

// maxReading bounds the memory of reads that were never answered.
const maxReading = 1 << 10

// settle buries a server that died during its call, tells the judges what changed, and arms the timer.
func (n *node) settle() {
	n.charge()
	if n.fate != alive {
		n.bury()
		return
	}
	if !n.up() {
		return
	}
	if n.running() {
		n.server.ReadStatus(&n.status)
		n.observe(&n.status)
	}
	n.arm()
}

// ask proposes the operator's change of the membership. It is in the log if the error is nil.
func (n *node) ask() error {
	err := n.call(callChange, 0, disk.Completion{})
	n.world.changeRefused(n, err)
	n.settle()
	return err
}

// configuration returns the one in force at the server.
func (n *node) configuration() raft.ConfState {
	return n.core.ConfState(n.core.Status().LastIndex)
}

// jitter is what comes on top of the base election timeout. In the calm world timeouts are spread by (id + term) over eight
// slots, so that two servers rarely stand for election at once. Of servers beyond the seventh the slots move on faster: n1 and n9
// meet in some terms, not in all.
func (n *node) jitter(term uint64) time.Duration {
	w := n.world
	calm := w.config.Raft.ElectionTimeout / 8 * time.Duration(calmSlot(n.id, term))
	if !w.fates.Active(PurposeElection) {
		return calm
	}
	key := w.ordinals.Next(electionSpace, sim.Subject{A: n.proc, Epoch: term}).WithPurpose(PurposeElection)
	if v := w.fates.Ask(key, w.kernel.Now(), 0); !v.Calm() {
		return time.Duration(v.For)
	}
	return calm
}

func calmSlot(id, term uint64) uint64 { return (id + term*(1+id/8*2)) % 8 }

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
		dst = n.world.describePacket(ev.Payload, dst)
	case evTimer:
		dst = append(dst, "timer"...)
	case evSync:
		dst = append(dst, "sync done"...)
		if done, ok := n.disk.Pending(ev.Payload); ok && done.Err != nil {
			dst = fmt.Appendf(dst, ": %v", done.Err)
		}
	case evApply:
		dst = append(dst, "applies"...)
	case evFree:
		dst = append(dst, "is free"...)
	case evRestart:
		dst = append(dst, "restart"...)
		if ev.Payload != n.restart {
			dst = append(dst, " (void)"...)
		}
	}
	if n.paused > 0 || n.coming > 0 && ev.Flags&flagMissed == 0 {
		dst = append(dst, " (paused: later)"...)
	}
	return dst
}

// foldState adds the final state of the server and its disk to d.
func (n *node) foldState(d *sim.Digest) {
	d.Word(n.id)
	if n.up() {
		st := n.server.Status()
		applied, hash := n.server.Applied()
		for _, w := range [...]uint64{st.Term, st.Vote, st.Lead, st.Commit, st.LastIndex, st.LastTerm, uint64(st.Role), st.FirstIndex, st.ConfIndex, applied, hash} {
			d.Word(w)
		}
	}
	n.disk.Fold(d)
}

type vfsFS = vfs.FS
