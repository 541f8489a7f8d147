package server

import (
	"fmt"
	"testing"

	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
)

// Three servers, four clients, and everything that may go wrong short of a broken disk: messages lost, doubled and out of
// order, slow disks, crashes and power losses at any moment. All choices come from one seed. Outside ledgers say what must
// not change any more: who led a term, which entry is at an index, where an operation was executed, what a client was told.

// dice are a reproducible source of choices (splitmix64).
type dice struct{ state uint64 }

func (d *dice) below(n int) int {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) % uint64(n))
}

type storm struct {
	*cluster
	dice
	clients [4]customer
	ledger  ledger
	lie     bool // disks say that a sync is done before it is
	totals  totals
}

type customer struct {
	id, seq, acked uint64
	attempt        uint32
}

type totals struct{ acked, elections, crashes, powerLosses, repeats, outstanding int }

// ledger remembers what must stay true.
type ledger struct {
	leaders  map[uint64]uint64    // by term
	entries  map[uint64]committed // by index
	executed map[[2]uint64]uint64 // index by (client, seq)
}

type committed struct{ term, client, seq, hash uint64 }

// watch is the ledger's eye on one server.
type watch struct {
	*storm
	id uint64
}

func (w watch) Recovered(raft.HardState, []raft.Entry) {}

func (w watch) Turn(_ *raft.Ready, st raft.Status) {
	if st.Role != raft.StateLeader {
		return
	}
	if was, known := w.ledger.leaders[st.Term]; known && was != w.id {
		panic(fmt.Sprintf("n%d and n%d lead term %d", was, w.id, st.Term))
	}
	w.ledger.leaders[st.Term] = w.id
}

func (w watch) Applied(e *raft.Entry, id, seq uint64, status statemachine.Status, hash uint64) {
	is := committed{e.Term, id, seq, hash}
	if was, known := w.ledger.entries[e.Index]; known && was != is {
		panic(fmt.Sprintf("n%d applies %+v at %d, where %+v was applied before", w.id, is, e.Index, was))
	}
	w.ledger.entries[e.Index] = is
	switch status {
	case statemachine.StatusApplied:
		key := [2]uint64{id, seq}
		if was, known := w.ledger.executed[key]; known && was != e.Index {
			panic(fmt.Sprintf("n%d executes c%d #%d at %d, which was executed at %d", w.id, id, seq, e.Index, was))
		}
		w.ledger.executed[key] = e.Index
	case statemachine.StatusRepeated, statemachine.StatusStale:
		w.totals.repeats++
	}
}

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

// newStorm starts the servers.
func newStorm(t testing.TB, seed uint64, core NewCore, lie bool) *storm {
	s := &storm{cluster: &cluster{t: t}, dice: dice{seed}, lie: lie, ledger: ledger{
		leaders: make(map[uint64]uint64), entries: make(map[uint64]committed), executed: make(map[[2]uint64]uint64),
	}}
	for i := range s.clients {
		s.clients[i].id = uint64(i + 1)
	}
	for id := uint64(1); id <= 3; id++ {
		r := newRig(t, id, 3)
		r.cfg.NewCore, r.cfg.Forward = core, s.below(2) == 0
		r.host.kill = func(Moment) bool { return s.below(400) == 0 }
		s.rigs = append(s.rigs, r)
		s.start(r)
	}
	return s
}

func (s *storm) start(r *rig) {
	r.restart()
	r.server.observer = watch{s, r.id}
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
	r := s.rigs[s.below(3)]
	switch kind := s.below(100); {
	case kind < 50:
		for range 1 + s.below(5) {
			s.deliverAny()
		}
	case kind < 53 && len(s.wire) > 0:
		i := s.below(len(s.wire))
		s.wire = append(s.wire[:i:i], s.wire[i+1:]...)
	case kind < 72:
		s.totals.outstanding = max(s.totals.outstanding, len(r.disk.pending))
		s.finishSync(r)
	case kind < 82:
		s.pass(int64(s.below(12)) * millisecond)
		for _, r := range s.rigs {
			if r.server != nil {
				r.server.Tick(r.now)
			}
		}
	case kind < 93:
		s.operate(&s.clients[s.below(len(s.clients))], r)
	case kind < 94:
		if r.server != nil {
			r.server.Campaign(r.now)
		}
	case kind < 95:
		if r.server != nil {
			r.host.dead = true
		}
	default:
		if r.server == nil {
			s.start(r)
		}
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
	r.sync()
}

// operate lets a client try once: its operation again, or the next one if that has been answered or given up.
func (s *storm) operate(cu *customer, r *rig) {
	if cu.acked == cu.seq || s.below(20) == 0 {
		cu.seq, cu.attempt = cu.seq+1, 0
	}
	cu.attempt++
	if r.server != nil {
		r.request(ask(cu.id, cu.seq, cu.attempt))
	}
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
		if r.host.dead && r.server != nil {
			s.bury(r)
		}
		r.host.lines = r.host.lines[:0]
	}
	for len(s.wire) > 60 { // old messages get lost in the end
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
	r.server = nil
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
		extra = s.below(200)
	}
	r.disk.powerLoss(extra)
}

// told takes in what a client was told: an "ok" is an operation that was executed, which the ledger keeps from then on.
func (s *storm) told(a answer) error {
	cu := &s.clients[a.reply.Client-1]
	if a.reply.Status != client.ReplyOK {
		return nil
	}
	if _, known := s.ledger.executed[[2]uint64{cu.id, a.reply.Seq}]; !known {
		return fmt.Errorf("n%d told c%d that #%d is done, which nobody executed", a.from, cu.id, a.reply.Seq)
	}
	if a.reply.Seq == cu.seq && cu.acked < cu.seq {
		cu.acked = cu.seq
		s.totals.acked++
	}
	return nil
}

// heal ends all disturbances, and checks that every server holds everything that was acknowledged.
func (s *storm) heal() error {
	for _, r := range s.rigs {
		r.host.kill = nil
		if r.server == nil {
			s.start(r)
		}
	}
	s.settle()
	for range 200 {
		s.pass(10 * millisecond)
		for _, r := range s.rigs {
			r.server.Tick(r.now)
			s.settle()
		}
	}
	if err := s.after(); err != nil {
		return err
	}
	_, want := s.rigs[0].server.Applied()
	for _, r := range s.rigs {
		if index, hash := r.server.Applied(); hash != want || int(index) != len(s.ledger.entries) {
			return fmt.Errorf("n%d has applied %d entries to hash %x, want %d and %x", r.id, index, hash, len(s.ledger.entries), want)
		}
		for i := range s.clients {
			cu := &s.clients[i]
			if seq, _ := r.server.sessions.Last(cu.id); seq < cu.acked {
				return fmt.Errorf("n%d knows c%d up to #%d, and #%d was acknowledged", r.id, cu.id, seq, cu.acked)
			}
		}
	}
	return nil
}

const (
	stormSeeds = 100
	stormSteps = 3000
)

// Whatever happens, what was acknowledged stays.
func TestAcknowledgedWritesSurvive(t *testing.T) {
	var sum totals
	for seed := range uint64(stormSeeds) {
		s := newStorm(t, seed, NewRaft, false)
		if err := s.run(stormSteps); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		sum.acked += s.totals.acked
		sum.elections += s.totals.elections
		sum.crashes += s.totals.crashes
		sum.powerLosses += s.totals.powerLosses
		sum.repeats += s.totals.repeats
		sum.outstanding = max(sum.outstanding, s.totals.outstanding)
	}
	t.Logf("%+v", sum)
	if sum.acked < 20*stormSeeds || sum.elections < 5*stormSeeds || sum.crashes < stormSeeds || sum.powerLosses < stormSeeds ||
		sum.repeats == 0 || sum.outstanding < 2 {
		t.Errorf("too little happened: %+v", sum)
	}
}

// The storm finds a server that lets votes and acknowledgements leave early, and a disk that lies about its syncs.
func TestTheStormBites(t *testing.T) {
	for _, test := range []struct {
		name string
		core NewCore
		lie  bool
	}{
		{"dependent messages leave early", newEager, false},
		{"syncs complete early", NewRaft, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			for seed := range uint64(stormSeeds) {
				if err := newStorm(t, seed, test.core, test.lie).run(stormSteps); err != nil {
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
	a, b := newStorm(t, 3, NewRaft, false), newStorm(t, 3, NewRaft, false)
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
