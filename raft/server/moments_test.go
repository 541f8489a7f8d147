package server

import (
	"testing"

	"raftsim/raft"
)

// life takes n1 of three servers through everything a server does: it is elected, takes a request, and commits it.
func life(c *cluster) {
	c.pass(3 * int64(electionTimeout))
	c.rig(1).server.Campaign(c.now)
	c.settle()
	c.rig(1).request(ask(5, 1, 1))
	c.settle()
	c.pass(int64(heartbeat))
	c.rig(1).server.Tick(c.now)
	c.settle()
}

// Every moment is visited, and a server that its host finds dead at one has no effect ever after: it writes, syncs, sends and
// answers nothing, and visits no other moment.
func TestDeathAtEveryMoment(t *testing.T) {
	whole := newCluster(t, 3)
	before := whole.rig(1).host.visits
	life(whole)
	whole.want(ok(1, 5, 1, 1))
	for m := range momentEnd {
		visits := whole.rig(1).host.visits[m] - before[m]
		t.Run(MomentNames()[m], func(t *testing.T) {
			if visits == 0 {
				t.Fatal("never visited")
			}
			for nth := range visits {
				dieAt(t, m, nth)
			}
		})
	}
}

func dieAt(t *testing.T, m Moment, nth int) {
	t.Helper()
	c := newCluster(t, 3)
	r := c.rig(1)
	seen := 0
	r.host.kill = func(at Moment) bool {
		if at == m {
			seen++
		}
		return at == m && seen == nth+1
	}
	life(c)
	poke(r)
	if !r.host.dead || r.host.after > 0 {
		t.Errorf("visit %d: dead %v, %d effects after death:\n%q", nth, r.host.dead, r.host.after, r.host.lines)
	}
	if r.server.Running() {
		t.Errorf("visit %d: the dead server says it runs", nth)
	}
	// What it left on its disk is a state to restart from, whether the machine went on or not.
	r.host.kill = nil
	r.disk.crash()
	r.restart()
	r.sync()
	r.disk.powerLoss(0)
	r.restart()
	r.sync()
	if st := r.server.Status(); !r.server.Running() || st.Role != raft.StateFollower {
		t.Errorf("visit %d: after the restart: %s", nth, raft.DescribeStatus(nil, st))
	}
}

// Each moment has a name.
func TestMomentNames(t *testing.T) {
	names := MomentNames()
	if len(names) != int(momentEnd) {
		t.Errorf("%d names for %d moments", len(names), momentEnd)
	}
}

// A leader of a new term has become leader again, even if nobody saw it follow in between.
func TestElectedOncePerTerm(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running()
	core.status.Role = raft.StateLeader
	for _, term := range []uint64{1, 1, 2, 2} {
		core.status.Term = term
		core.readies = []raft.Ready{ack(term)}
		r.step(raft.Message{})
	}
	if got := r.host.visits[MomentElected]; got != 2 {
		t.Errorf("elected %d times, want 2", got)
	}
}
