package server

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"raftsim/raft"
	"raftsim/raft/statemachine"
)

// Three to five servers, four clients, and everything that may go wrong short of a broken disk: messages lost, doubled and out of
// order, slow disks, crashes and power losses at any moment, members that come and go. Servers take snapshots and forget what is
// before them, in tiny segments; some apply later. All choices come from one seed. Outside ledgers say what must not change any
// more: who led a term, which entry is at an index and what state it makes, where an operation was executed, what a client was
// told, and how recent a read must be.

// dice are a reproducible source of choices (splitmix64).
type dice struct{ state uint64 }

func (d *dice) below(n int) int {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) % uint64(n))
}

func (d *dice) chance(percent int) bool { return d.below(100) < percent }

type storm struct {
	*cluster
	dice
	clients [4]customer
	ledger  ledger
	lie     bool // disks say that a sync is done before it is
	totals  totals
}

// stormConfig is what a storm is made of besides its seed.
type stormConfig struct {
	core NewCore
	lie  bool
}

type totals struct {
	acked, reads, elections, crashes, powerLosses, repeats, outstanding               int
	taken, installed, chunks, changes, transfers, retired, dropped, expired, sessions int
}

// ledger remembers what must stay true.
type ledger struct {
	leaders  map[uint64]uint64    // by term
	entries  map[uint64]slot      // by index
	last     uint64               // the highest index
	executed map[[2]uint64]uint64 // index by (client, seq)
	newest   map[uint64]uint64    // the last command executed of each client
	floor    map[uint64]uint64    // how much of a client's writing every linearizable read that begins now must see
	conf     raft.ConfState       // the newest committed one
	confAt   uint64
}

type slot struct {
	term, hash uint64
	outcomes   string
}

// watch is the ledger's eye on one server.
type watch struct {
	*storm
	id uint64
}

func (w watch) Recovered(*raft.InitialState) {}

func (w watch) Turn(rd *raft.Ready, st *raft.Status) {
	w.totals.chunks += len(rd.Chunks)
	if st.Role != raft.StateLeader {
		return
	}
	if was, known := w.ledger.leaders[st.Term]; known && was != w.id {
		panic(fmt.Sprintf("n%d and n%d lead term %d", was, w.id, st.Term))
	}
	w.ledger.leaders[st.Term] = w.id
}

func (w watch) Applied(e *raft.Entry, outcomes []statemachine.Outcome, hash uint64) {
	is := slot{term: e.Term, hash: hash}
	for i := range outcomes {
		is.outcomes += fmt.Sprintf("%+v", outcomes[i])
	}
	w.at(e.Index, is)
	w.ledger.last = max(w.ledger.last, e.Index)
	for i := range outcomes {
		o := &outcomes[i]
		switch {
		case o.Status == statemachine.StatusApplied && o.Kind == statemachine.EnvelopeCommand:
			key := [2]uint64{o.Client, o.Seq}
			if was, known := w.ledger.executed[key]; known && was != e.Index {
				panic(fmt.Sprintf("n%d executes c%d #%d at %d, which was executed at %d", w.id, o.Client, o.Seq, e.Index, was))
			} else if !known && o.Seq < w.ledger.newest[o.Client] {
				panic(fmt.Sprintf("n%d executes c%d #%d after #%d", w.id, o.Client, o.Seq, w.ledger.newest[o.Client]))
			}
			w.ledger.executed[key] = e.Index
			w.ledger.newest[o.Client] = max(w.ledger.newest[o.Client], o.Seq)
		case o.Status == statemachine.StatusRepeated || o.Status == statemachine.StatusStale:
			w.totals.repeats++
		}
	}
}

func (w watch) at(index uint64, is slot) {
	if was, known := w.ledger.entries[index]; known && was != is {
		panic(fmt.Sprintf("n%d applies %+v at %d, where %+v was applied before", w.id, is, index, was))
	}
	w.ledger.entries[index] = is
}

func (w watch) Configured(index uint64, conf raft.ConfState) {
	if index <= w.ledger.confAt {
		return
	}
	for id := uint64(1); id <= uint64(len(w.rigs)); id++ {
		if isMember(w.ledger.conf, id) && !isMember(conf, id) {
			w.rig(id).retired, w.rig(id).retiredAt = true, index
		}
	}
	w.ledger.conf, w.ledger.confAt = conf, index
	w.totals.changes++
}

func isMember(c raft.ConfState, id uint64) bool {
	return slices.Contains(c.Voters, id) || slices.Contains(c.Outgoing, id) || slices.Contains(c.Learners, id)
}

func (w watch) SnapshotTaken(meta raft.SnapshotMeta, hash uint64) {
	w.state(meta, hash)
	w.totals.taken++
}

func (w watch) SnapshotSaved(raft.SnapshotMeta) {}

func (w watch) SnapshotInstalled(meta raft.SnapshotMeta, hash uint64) {
	w.state(meta, hash)
	w.totals.installed++
}

// state judges that a snapshot stands for the state that the log leads to.
func (w watch) state(meta raft.SnapshotMeta, hash uint64) {
	if was := w.ledger.entries[meta.Index]; was.term != meta.Term || was.hash != hash {
		panic(fmt.Sprintf("n%d has a snapshot of %d/%d with state %x, where the log leads to %+v", w.id, meta.Index, meta.Term, hash, was))
	}
}

func (w watch) Compacted(uint64)                     {}
func (w watch) ReadConfirmed(uint64, uint64, uint64) {}

// eager is the core with the mistake this package exists to prevent: what depends on the disk leaves before it is durable.
type eager struct{ Core }

func (c eager) Ready() *raft.Ready {
	rd := *c.Core.Ready()
	rd.Messages = append(append([]raft.Message(nil), rd.Messages...), rd.Dependent...)
	rd.Dependent = nil
	return &rd
}

func newEager(cfg raft.Config, now int64, initial raft.InitialState) (Core, error) {
	core, err := NewRaft(cfg, now, initial)
	return eager{core}, err
}

// selfSure is a core that takes its own commit index for that of the cluster (D03, D10).
type selfSure struct {
	Core
	states *[]raft.ReadState
}

func (c selfSure) ReadIndex(now int64, context uint64, lease bool) error {
	*c.states = append(*c.states, raft.ReadState{Context: context, Index: c.Status().Commit})
	return nil
}

func (c selfSure) HasReady() bool { return len(*c.states) > 0 || c.Core.HasReady() }

func (c selfSure) Ready() *raft.Ready {
	rd := *c.Core.Ready()
	rd.Reads, *c.states = *c.states, nil
	return &rd
}

func newSelfSure(cfg raft.Config, now int64, initial raft.InitialState) (Core, error) {
	core, err := NewRaft(cfg, now, initial)
	return selfSure{core, new([]raft.ReadState)}, err
}

// newStorm starts the servers.
func newStorm(t testing.TB, seed uint64, sc stormConfig) *storm {
	s := &storm{cluster: &cluster{t: t}, dice: dice{seed}, lie: sc.lie, ledger: ledger{
		leaders: make(map[uint64]uint64), entries: make(map[uint64]slot), executed: make(map[[2]uint64]uint64),
		newest: make(map[uint64]uint64), floor: make(map[uint64]uint64), conf: raft.ConfState{Voters: []uint64{1, 2, 3}},
	}}
	for i := range s.clients {
		s.clients[i].id = uint64(i + 1)
	}
	cfg := Config{
		NewCore: sc.core, SegmentBytes: int64(200 + s.below(4000)),
		SnapshotEntries: []uint64{0, 7, 25}[s.below(3)], SnapshotBytes: []uint64{0, 0, 1000}[s.below(3)],
		SessionTTL: []time.Duration{0, 0, 2 * electionTimeout}[s.below(3)],
		Raft: raft.Config{
			ElectionTimeout: electionTimeout, HeartbeatInterval: heartbeat, RetainEntries: s.below(2) * 10,
			MaxChunkBytes: 50 + s.below(500), LeaseReads: s.chance(50), MaxApplying: s.below(2) * 20, MaxPendingAppends: s.below(3) * 2,
			MaxBytesPerWrite: s.below(2) * (1 + s.below(400)),
		},
	}
	for id := uint64(1); id <= 5; id++ {
		var r *rig
		if id <= 3 {
			r = newRig(t, id, 3)
		} else {
			r = newJoiner(t, id, 0)
		}
		r.cfg = cfg
		r.cfg.Raft.ID, r.cfg.Forward, r.cfg.AsyncApply = id, s.chance(50), s.chance(50)
		r.watch = watch{s, id}
		s.equip(r)
		s.rigs = append(s.rigs, r)
		r.restart()
	}
	return s
}

func (s *storm) equip(r *rig) {
	r.host.kill = func(Moment) bool { return s.below(2500) == 0 }
}

// run does steps random things, then lets everything heal, and returns what was found wrong.
func (s *storm) run(steps int) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
		s.totals.elections = len(s.ledger.leaders)
	}()
	for range steps {
		s.act()
		if err := s.after(); err != nil {
			return err
		}
	}
	return s.heal()
}

func (s *storm) act() {
	r := s.rigs[s.below(len(s.rigs))]
	switch kind := s.below(100); {
	case kind < 50:
		for range 1 + s.below(10) {
			s.deliverAny()
		}
	case kind < 53 && len(s.wire) > 0:
		i := s.below(len(s.wire))
		s.wire = append(s.wire[:i:i], s.wire[i+1:]...)
	case kind < 70:
		s.totals.outstanding = max(s.totals.outstanding, len(r.disk.pending))
		for range 1 + s.below(3) {
			s.finishSync(r)
		}
	case kind < 74:
		s.applyLater(r, s.below(4))
	case kind < 82:
		s.pass(int64(s.below(12)) * millisecond)
		for _, r := range s.rigs {
			if r.server != nil {
				r.server.Tick(r.now)
			}
		}
	case kind < 92:
		s.operate(&s.clients[s.below(len(s.clients))], r)
	case r.server == nil:
		s.start(r)
	case kind < 93:
		r.server.Campaign(r.now)
	case kind < 94:
		r.host.dead = s.chance(25)
	case kind < 95:
		_ = r.server.ForceSnapshot(r.now)
	case kind < 96:
		if r.server.TransferLeader(r.now, uint64(1+s.below(5))) == nil {
			s.totals.transfers++
		}
	case kind < 98:
		s.reconfigure(r)
	}
}

// start brings a server back, as another member if it was removed: its disk is wiped.
func (s *storm) start(r *rig) {
	if r.retired {
		fresh := newJoiner(s.t, r.id, r.retiredAt)
		r.disk, r.host, r.retired = fresh.disk, fresh.host, false
		s.equip(r)
		s.totals.retired++
	}
	r.restart()
}

// reconfigure asks a leader for a change, unless the one in force is not applied yet.
func (s *storm) reconfigure(r *rig) {
	st := r.server.Status()
	if index, _ := r.server.Applied(); st.Role != raft.StateLeader || st.ConfIndex > index {
		return
	}
	var c raft.ConfChange
	for range 1 + s.below(2) {
		c.Changes = append(c.Changes, raft.ConfChangeSingle{Type: raft.ConfChangeType(s.below(3)), ID: uint64(1 + s.below(5))})
	}
	if voters := len(r.server.ConfState().Voters); voters < 3 && c.Changes[0].Type != raft.ConfChangeAddVoter {
		return // two voters come to rest too often
	}
	_ = r.server.ProposeConfChange(r.now, &c)
}

// applyLater lets a server apply what waits.
func (s *storm) applyLater(r *rig, max int) {
	if r.server != nil && r.host.later > 0 {
		r.host.later = 0
		r.server.HandleApply(r.now, max)
	}
}

// deliverAny hands on a message: mostly the oldest, sometimes any, sometimes not for the last time.
func (s *storm) deliverAny() {
	if len(s.wire) == 0 {
		return
	}
	i := 0
	if s.below(3) == 0 {
		i = s.below(len(s.wire))
	}
	s.deliver(i, s.below(12) == 0)
	s.collect()
}

// finishSync ends the oldest sync of a server's disk. A lying disk says that it is done and keeps nothing.
func (s *storm) finishSync(r *rig) {
	if r.server == nil || len(r.disk.pending) == 0 {
		return
	}
	if s.lie {
		c := r.disk.pending[0].completion
		r.disk.pending = r.disk.pending[1:]
		r.server.HandleSync(r.now, c.Ticket, c.Err)
		return
	}
	r.syncOne()
}

// after buries the dead and takes in the answers.
func (s *storm) after() error {
	s.collect()
	for _, r := range s.rigs {
		if len(r.host.halts) > 0 {
			return fmt.Errorf("n%d halted: %w", r.id, r.host.halts[0])
		}
		if r.host.after > 0 {
			return fmt.Errorf("n%d had %d effects after its death", r.id, r.host.after)
		}
		if (r.host.dead || r.retired) && r.server != nil {
			s.bury(r)
		}
		r.host.lines = r.host.lines[:0]
	}
	for len(s.wire) > 100 { // old messages get lost in the end
		s.wire = s.wire[1:]
	}
	for _, a := range s.replies {
		if err := s.told(a); err != nil {
			return err
		}
	}
	s.replies = s.replies[:0]
	return nil
}

func (s *storm) bury(r *rig) {
	n := r.server.Counters()
	s.totals.dropped += int(n.Dropped)
	s.totals.expired += int(n.Expired)
	r.server.Close()
	r.server, r.host.later = nil, 0
	if s.below(2) == 0 {
		s.totals.crashes++
		if s.lie {
			r.disk.pending = nil
		} else {
			r.disk.crash()
		}
		return
	}
	s.totals.powerLosses++
	extra := 0
	if !s.lie {
		extra, r.disk.loose = s.below(200), s.chance(30)
	}
	r.disk.powerLoss(extra)
}

// heal ends all disturbances, and checks that every member holds everything that was acknowledged.
func (s *storm) heal() error {
	for range 200 {
		for _, r := range s.rigs {
			r.host.kill = nil
			if r.server == nil {
				s.start(r)
				r.host.kill = nil
			}
		}
		s.settle()
		s.pass(10 * millisecond)
		for _, r := range s.rigs {
			r.server.Tick(r.now)
			s.settle()
		}
		if err := s.after(); err != nil {
			return err
		}
	}
	want := s.ledger.entries[s.ledger.last].hash
	for _, r := range s.rigs {
		if !isMember(s.ledger.conf, r.id) {
			continue
		}
		if index, hash := r.server.Applied(); hash != want || index != s.ledger.last {
			return fmt.Errorf("n%d has applied %d entries to hash %x, want %d and %x: %s", r.id, index, hash, s.ledger.last, want,
				raft.DescribeStatus(nil, r.server.Status()))
		}
		for i := range s.clients {
			cu := &s.clients[i]
			if got := number(r.kv.Lookup(cu.id)); got != s.ledger.newest[cu.id] {
				return fmt.Errorf("n%d holds #%d of c%d, the last executed is #%d", r.id, got, cu.id, s.ledger.newest[cu.id])
			}
		}
	}
	return nil
}

// number is which of its commands a client's key shows.
func number(c statemachine.Cell) uint64 {
	n, _ := strconv.ParseUint(string(c.Value), 10, 64)
	return n
}

const (
	stormSeeds = 100
	stormSteps = 4000
)

// Whatever happens, what was acknowledged stays, and reads see it.
func TestAcknowledgedWritesSurvive(t *testing.T) {
	var sum totals
	for seed := range uint64(stormSeeds) {
		s := newStorm(t, seed, stormConfig{core: NewRaft})
		if err := s.run(stormSteps); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		sum.add(&s.totals)
	}
	t.Logf("%+v", sum)
	for _, count := range []struct {
		what     string
		got, min int
	}{
		{"operations acknowledged", sum.acked, 20 * stormSeeds}, {"reads", sum.reads, 5 * stormSeeds},
		{"elections", sum.elections, 4 * stormSeeds}, {"crashes", sum.crashes, stormSeeds},
		{"power losses", sum.powerLosses, stormSeeds}, {"repeats", sum.repeats, 1}, {"outstanding syncs", sum.outstanding, 2},
		{"sessions", sum.sessions, stormSeeds}, {"expired", sum.expired, 1},
		{"snapshots taken", sum.taken, stormSeeds}, {"snapshots installed", sum.installed, stormSeeds / 4},
		{"chunks", sum.chunks, stormSeeds}, {"changes of membership", sum.changes, stormSeeds},
		{"transfers", sum.transfers, stormSeeds / 4}, {"members retired", sum.retired, 1},
	} {
		if count.got < count.min {
			t.Errorf("too little happened: %d %s, want %d", count.got, count.what, count.min)
		}
	}
}

func (t *totals) add(u *totals) {
	t.acked += u.acked
	t.reads += u.reads
	t.elections += u.elections
	t.crashes += u.crashes
	t.powerLosses += u.powerLosses
	t.repeats += u.repeats
	t.outstanding = max(t.outstanding, u.outstanding)
	t.taken += u.taken
	t.installed += u.installed
	t.chunks += u.chunks
	t.changes += u.changes
	t.transfers += u.transfers
	t.retired += u.retired
	t.dropped += u.dropped
	t.expired += u.expired
	t.sessions += u.sessions
}

// The storm finds a server that lets votes and acknowledgements leave early, a disk that lies about its syncs, and a core that
// answers reads from what it happens to know.
func TestTheStormBites(t *testing.T) {
	for _, test := range []struct {
		name string
		stormConfig
	}{
		{"dependent messages leave early", stormConfig{core: newEager}},
		{"syncs complete early", stormConfig{core: NewRaft, lie: true}},
		{"reads at the server's own commit index", stormConfig{core: newSelfSure}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for seed := range uint64(stormSeeds) {
				if err := newStorm(t, seed, test.stormConfig).run(stormSteps); err != nil {
					t.Logf("seed %d: %v", seed, err)
					return
				}
			}
			t.Errorf("not found in %d seeds of %d steps", stormSeeds, stormSteps)
		})
	}
}

// The same seed is the same storm.
func TestStormIsDeterministic(t *testing.T) {
	a, b := newStorm(t, 3, stormConfig{core: NewRaft}), newStorm(t, 3, stormConfig{core: NewRaft})
	for _, s := range []*storm{a, b} {
		if err := s.run(stormSteps); err != nil {
			t.Fatal(err)
		}
	}
	_, hashA := a.rigs[0].server.Applied()
	_, hashB := b.rigs[0].server.Applied()
	if a.totals != b.totals || a.state != b.state || hashA != hashB {
		t.Errorf("%+v with %x, and %+v with %x", a.totals, hashA, b.totals, hashB)
	}
}
