package server

import (
	"testing"

	"raftsim/raft"
)

// life takes n1 of three servers through everything a server does: it is elected, takes requests, commits them, takes a
// snapshot and forgets what is before it.
func life(c *cluster) {
	c.pass(3 * int64(electionTimeout))
	c.rig(1).server.Campaign(c.now)
	c.settle()
	c.rig(1).request(opening(5, 1, 1))
	c.settle()
	c.rig(1).request(opening(6, 1, 1))
	c.settle()
	c.pass(int64(heartbeat))
	c.rig(1).server.Tick(c.now)
	c.settle()
}

// follow takes n1 through what only a follower does that is far behind: it receives a snapshot.
func follow(c *cluster) {
	c.cut = 1
	c.elect(2)
	for seq := uint64(1); seq <= 4; seq++ {
		c.rig(2).request(opening(5, seq, 1))
		c.settle()
	}
	c.cut = 0
	for range 4 {
		c.pass(int64(heartbeat))
		c.rig(2).server.Tick(c.now)
		c.settle()
	}
}

// newMortals is a cluster whose servers take snapshots often.
func newMortals(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t}
	for id := uint64(1); id <= 3; id++ {
		r := newRig(t, id, 3)
		r.cfg.SnapshotEntries, r.cfg.Raft.MaxChunkBytes, r.cfg.SegmentBytes = 2, 100, 200
		c.rigs = append(c.rigs, r.running())
	}
	return c
}

// Every moment is visited, and a server that its host finds dead at one has no effect ever after: it writes, syncs, sends and
// answers nothing, and visits no other moment.
func TestDeathAtEveryMoment(t *testing.T) {
	var seen [momentEnd]bool
	for _, story := range []struct {
		name string
		play func(c *cluster)
	}{{"leader", life}, {"follower", follow}} {
		whole := newMortals(t)
		before := whole.rig(1).host.visits
		story.play(whole)
		for m := range momentEnd {
			visits := whole.rig(1).host.visits[m] - before[m]
			seen[m] = seen[m] || visits > 0
			t.Run(story.name+" "+MomentNames()[m], func(t *testing.T) {
				for nth := range visits {
					dieAt(t, story.play, m, nth)
				}
			})
		}
	}
	for m := range momentEnd {
		if !seen[m] {
			t.Errorf("%s was never visited", MomentNames()[m])
		}
	}
}

func dieAt(t *testing.T, play func(c *cluster), m Moment, nth int) {
	t.Helper()
	c := newMortals(t)
	r := c.rig(1)
	seen := 0
	r.host.kill = func(at Moment) bool {
		if at == m {
			seen++
		}
		return at == m && seen == nth+1
	}
	play(c)
	poke(r)
	if !r.host.dead || r.host.after > 0 {
		t.Errorf("visit %d: dead %v, %d effects after death:\n%q", nth, r.host.dead, r.host.after, r.host.lines)
	}
	if r.server.Running() {
		t.Errorf("visit %d: the dead server says it runs", nth)
	}
	// What it left on its disk is a state to restart from, whether the machine went on or not.
	r.host.kill = nil
	r.server.Close()
	r.disk.crash()
	r.restart()
	r.recover()
	r.server.Close()
	r.disk.powerLoss(0)
	r.restart()
	r.recover()
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
