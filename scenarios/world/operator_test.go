package world

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"raftsim/checker"
	"raftsim/faults"
	"raftsim/sim"
)

// watched is a play in which an operator is held to its order: a disk is wiped only when a configuration without its server is
// committed, and who is taken away is no member of the one in force.
func watched(t fatal, change func(*Config), lines ...string) *play {
	t.Helper()
	p := newPlay(t, change, lines...)
	var wipes [31]uint64
	var members faults.Side // of the leader's configuration before the step, if it was committed
	var settled bool
	p.before = func(ev sim.Event) {
		for i, n := range p.nodes[:p.slots()] {
			gone := n.disk.Stats().Wipes > wipes[i] || n.state == removed && n.up()
			if wipes[i] = n.disk.Stats().Wipes; gone && (!settled || members.Has(n.proc)) {
				t.Fatalf("before %v: n%d was wiped or taken away; members %v, committed %v", ev.At, n.id, members, settled)
			}
		}
		settled = false
		if leader := p.server(p.Leader()); leader != nil {
			st, conf := leader.server.Status(), leader.configuration()
			members, settled = sideOf(conf.Voters)|sideOf(conf.Learners), st.ConfIndex <= st.Commit && len(conf.Outgoing) == 0
		}
	}
	return p
}

// In a calm world an operator brings about what it is asked for, whatever that is, and the servers it no longer wants are gone.
func TestOperatorReachesMemberships(t *testing.T) {
	sides := func(ids ...sim.ProcID) faults.Side { return faults.SideOf(ids...) }
	for _, tc := range []struct {
		name             string
		servers, spares  int
		memberships      []string // asked for 900 ms apart
		voters, learners faults.Side
		want             Counts // of what an operator does
	}{
		{"grows", 1, 2, []string{"n1,n2,n3"}, sides(1, 2, 3), 0, Counts{MembershipsReached: 1, Joined: 2}},
		{"grows at once", 1, 4, []string{"n1,n2,n3,n4,n5 joint"}, sides(1, 2, 3, 4, 5), 0, Counts{MembershipsReached: 1, Joined: 4}},
		{"shrinks", 3, 0, []string{"n1,n2"}, sides(1, 2), 0, Counts{MembershipsReached: 1, Retired: 1}},
		{"shrinks to one", 5, 0, []string{"n1 joint"}, sides(1), 0, Counts{MembershipsReached: 1, Retired: 4}},
		{"the leader leaves", 3, 0, []string{"n2,n3"}, sides(2, 3), 0, Counts{MembershipsReached: 1, Retired: 1}},
		{"one replaced", 3, 1, []string{"n1,n2,n4"}, sides(1, 2, 4), 0, Counts{MembershipsReached: 1, Joined: 1, Retired: 1}},
		{"all replaced", 2, 2, []string{"n3,n4"}, sides(3, 4), 0, Counts{MembershipsReached: 1, Joined: 2, Retired: 2}},
		{"all replaced at once", 3, 3, []string{"n4,n5,n6 joint"}, sides(4, 5, 6), 0, Counts{MembershipsReached: 1, Joined: 3, Retired: 3}},
		{"a learner", 3, 1, []string{"n1,n2,n3 learners n4"}, sides(1, 2, 3), sides(4), Counts{MembershipsReached: 1, Joined: 1}},
		{"promoted", 2, 1, []string{"n1,n2 learners n3", "n1,n2,n3"}, sides(1, 2, 3), 0, Counts{MembershipsReached: 2, Joined: 1}},
		{"demoted", 3, 0, []string{"n1,n2 learners n3"}, sides(1, 2), sides(3), Counts{MembershipsReached: 1}},
		{"the leader demoted", 3, 0, []string{"n2,n3 learners n1"}, sides(2, 3), sides(1), Counts{MembershipsReached: 1}},
		{"nothing new", 3, 0, []string{"n1,n2,n3"}, sides(1, 2, 3), 0, Counts{}},
		// Taken away before it was asked for again, or still running then: either way it comes back with an empty disk.
		{"away and back", 3, 0, []string{"n1,n2", "n1,n2", "n1,n2,n3"}, sides(1, 2, 3), 0, Counts{MembershipsReached: 2, Joined: 1, Rejoined: 1, Retired: 1}},
		{"back and forth", 2, 2, []string{"n3,n4", "n1,n2", "n3,n4"}, sides(3, 4), 0, Counts{MembershipsReached: 3}},
	} {
		var lines []string
		for i, m := range tc.memberships {
			at := 500*ms + time.Duration(i)*900*ms
			lines = append(lines, "members #"+string(rune('0'+i))+" = at "+at.String()+" to "+m)
		}
		p := watched(t, func(c *Config) { c.Servers, c.Spares, c.Settle, c.Window = tc.servers, tc.spares, true, 3*time.Second }, lines...).well()
		voters, learners := p.Members()
		if voters != tc.voters || learners != tc.learners || p.operator.active {
			t.Errorf("%s: members %v, learners %v", tc.name, voters, learners)
		}
		c := &p.outcome.Counts
		got := Counts{MembershipsReached: c.MembershipsReached, Joined: c.Joined, Rejoined: c.Rejoined, Retired: c.Retired}
		if tc.name == "back and forth" {
			// How many have been taken away when they are wanted again depends on the order of elections.
			if got.MembershipsReached != 3 || got.Rejoined < 4 || got.Joined < got.Rejoined {
				t.Errorf("%s: %d reached, %d joined, %d of them again", tc.name, got.MembershipsReached, got.Joined, got.Rejoined)
			}
		} else if got != tc.want {
			t.Errorf("%s: %d reached, %d joined, %d of them again, %d retired; want %d, %d, %d, %d", tc.name,
				got.MembershipsReached, got.Joined, got.Rejoined, got.Retired, tc.want.MembershipsReached, tc.want.Joined, tc.want.Rejoined, tc.want.Retired)
		}
		if joint := slices.ContainsFunc(tc.memberships, func(m string) bool { return len(m) > 6 && m[len(m)-5:] == "joint" }); joint != (c.JointConfigurations > 0) {
			t.Errorf("%s: %d joint configurations", tc.name, c.JointConfigurations)
		}
		for _, n := range p.nodes[:p.slots()] {
			switch {
			case (voters | learners).Has(n.proc):
				if !n.running() || n.state != member || n.applied() != c.Committed {
					t.Errorf("%s: n%d: running %v, state %d, applied %d of %d", tc.name, n.id, n.running(), n.state, n.applied(), c.Committed)
				}
			case n.up() || n.state == member || n.state == fresh:
				t.Errorf("%s: n%d is no member, up %v, state %d", tc.name, n.id, n.up(), n.state)
			}
		}
	}
}

// An operator goes on asking whoever leads until the membership is in force, whatever is in the way.
func TestOperatorIsPatient(t *testing.T) {
	const ask = "members #0 = at 600ms to n2,n3,n4"
	for _, tc := range []struct {
		name   string
		faults []string
	}{
		{"nobody leads", []string{"blackout #0 = at 590ms for 200ms side n1,n2,n3"}},
		{"the leader cannot commit", []string{"isolate n1 #0 = at 590ms for 500ms both"}},
		{"the leader sleeps", []string{"pause n1 #0 = at 590ms for 100ms"}},
		{"the leader crashes with the change in its log", []string{"crash-at n1 #0 = at 601ms for 300ms"}},
		{"the new server loses power", []string{"power-at n4 #0 = at 603ms for 200ms"}},
		{"the new server cannot be reached", []string{"isolate n4 #0 = at 500ms for 500ms both"}},
		{"leadership is being handed over", []string{"transfer #0 = at 599ms to n3"}},
	} {
		p := watched(t, func(c *Config) { c.Spares, c.Settle = 1, true }, append(tc.faults, ask)...).well()
		if voters, _ := p.Members(); voters != faults.SideOf(2, 3, 4) || p.outcome.Counts.MembershipsReached != 1 || p.outcome.Counts.Joined != 1 {
			t.Errorf("%s: members %v, %+v", tc.name, voters, p.outcome.Counts)
		}
	}
}

// What is asked for later takes the place of what was asked for before; at the end of the faults an operator that need not settle stops.
func TestOperatorChangesItsMind(t *testing.T) {
	cut := "isolate n1 #0 = at 550ms for 300ms both" // nothing is committed until the others have a leader
	p := watched(t, func(c *Config) { c.Spares = 2 }, cut, "members #0 = at 560ms to n1,n2,n3,n4", "members #1 = at 570ms to n1,n2,n3,n5").well()
	if voters, _ := p.Members(); voters != faults.SideOf(1, 2, 3, 5) || p.outcome.Counts.MembershipsReached != 1 {
		t.Errorf("members %v, %+v", voters, p.outcome.Counts)
	}
	late := watched(t, func(c *Config) { c.Spares = 1 }, "isolate n1 #0 = at 1.9s for 100h both", "isolate n2 #0 = at 1.9s for 100h both",
		"isolate n3 #0 = at 1.9s for 100h both", "members #0 = at 1.95s to n1,n2,n3,n4").well()
	if late.operator.active || late.outcome.Counts.MembershipsReached != 0 {
		t.Errorf("the operator goes on after the faults: %+v", late.outcome.Counts)
	}
}

// Planned memberships follow each other, each when the one before is in force, and a server that is wanted again is given an empty disk.
func TestOperatorFollowsItsPlan(t *testing.T) {
	plan := []Membership{
		{Voters: faults.SideOf(1, 2, 3)}, {Voters: faults.SideOf(3, 4), Learners: faults.SideOf(1)}, {Voters: faults.SideOf(2, 5), Joint: true}, {Voters: faults.SideOf(5)},
	}
	p := watched(t, func(c *Config) {
		c.Servers, c.Spares, c.Memberships, c.Settle, c.Window = 1, 4, plan, true, 4*time.Second
	})
	next := 0
	watch := p.before
	p.before = func(ev sim.Event) {
		watch(ev)
		if leader := p.server(p.Leader()); leader != nil && next < len(plan) {
			st, conf := leader.server.Status(), leader.configuration()
			if st.ConfIndex <= st.Commit && len(conf.Outgoing) == 0 && sideOf(conf.Voters) == plan[next].Voters && sideOf(conf.Learners) == plan[next].Learners {
				next++
			}
		}
	}
	p.well()
	if next != len(plan) || !p.operator.done() || p.outcome.Counts.MembershipsReached != uint64(len(plan)) {
		t.Errorf("%d of %d memberships were in force, %d reached", next, len(plan), p.outcome.Counts.MembershipsReached)
	}
}

// A server whose disk was wiped by a fault does not start again as what it was; an operator brings it back as a new member, once it is
// out of the membership.
func TestWipedServerComesBackAsNewMember(t *testing.T) {
	wipe := "wipe n3 #0 = at 500ms for 100ms"
	alone := newPlay(t, nil, wipe).well()
	if n := alone.nodes[2]; n.up() || !n.gone || alone.outcome.Counts.StartsRefused == 0 {
		t.Errorf("wiped: up %v, gone %v, %d starts refused", n.up(), n.gone, alone.outcome.Counts.StartsRefused)
	}
	p := newPlay(t, func(c *Config) { c.Settle = true }, wipe, "members #0 = at 800ms to n1,n2", "members #1 = at 1.4s to n1,n2,n3").well()
	// The same of one that has joined a moment ago.
	joined := newPlay(t, func(c *Config) { c.Spares = 1 }, "members #0 = at 500ms to n1,n2,n3,n4", "wipe n4 #0 = at 1s for 100ms").well()
	if n := joined.nodes[3]; n.up() || !n.gone || joined.outcome.Counts.StartsRefused == 0 {
		t.Errorf("joined and wiped: up %v, gone %v, %d starts refused", n.up(), n.gone, joined.outcome.Counts.StartsRefused)
	}
	if n := p.nodes[2]; !n.running() || n.gone || n.state != member || n.applied() != p.outcome.Counts.Committed || p.outcome.Counts.Rejoined != 1 {
		t.Errorf("back: running %v, gone %v, state %d, applied %d of %d, %d rejoined", n.running(), n.gone, n.state, n.applied(),
			p.outcome.Counts.Committed, p.outcome.Counts.Rejoined)
	}
}

// So it is with one that has joined, and of which the operator has not yet seen that it is a member: it has lost its disk, and is
// nobody's fault. One that is no member yet is given up: a cluster that counted on it would wait for it for ever.
func TestFreshServerIsWiped(t *testing.T) {
	for _, tc := range []struct {
		name     string
		faults   []string
		members  faults.Side
		reached  uint64
		electing bool
	}{
		{"member, not yet seen", []string{"members #0 = at 500ms to n1,n2", "wipe n2 #0 = at 520ms for 10ms"}, faults.SideOf(1, 2), 1, true},
		{"member, and nobody looks", []string{"members #0 = at 500ms to n1,n2", "pause n1 #0 = at 515ms for 80ms", "wipe n2 #0 = at 520ms for 10ms"}, faults.SideOf(1, 2), 1, true},
		{"no member", []string{"members #0 = at 500ms to n1,n2", "power-at n1 #0 = at 500100us for 30ms", "wipe n2 #0 = at 501ms for 10ms"}, faults.SideOf(1), 1, false},
		{"rotten before it ever wrote", []string{"members #0 = at 500ms to n1,n2", "power-at n2 #0 = at 501ms for 50ms", "damage n2 #0 = at 510ms rot 0 100 ff"}, faults.SideOf(1), 0, true},
	} {
		p := newPlay(t, func(c *Config) { c.Servers, c.Spares, c.Disk.SyncLatency = 1, 1, 2*ms }, tc.faults...)
		p.run()
		for _, v := range p.outcome.Violations {
			// Half of the cluster is gone where it counts.
			if tc.electing && v.Property == checker.Liveness {
				continue
			}
			t.Errorf("%s: %v", tc.name, v)
		}
		n := p.nodes[1]
		if n.up() || !n.gone || p.outcome.Counts.StartsRefused == 0 {
			t.Errorf("%s: up %v, gone %v, %d starts refused", tc.name, n.up(), n.gone, p.outcome.Counts.StartsRefused)
		}
		voters, _ := p.Members()
		if voters != tc.members || p.outcome.Counts.MembershipsReached != tc.reached {
			t.Errorf("%s: members %v, %d reached", tc.name, voters, p.outcome.Counts.MembershipsReached)
		}
	}
}

// A leader that was deposed, and does not know it, knows of no member that came later: that one is neither wiped nor taken away.
func TestOperatorSeesThroughFormerLeaders(t *testing.T) {
	for _, later := range []string{"", "members #1 = at 1.005s to n1,n2,n3,n4,n5"} {
		lines := []string{"isolate n1 #0 = at 300ms for 1.5s both", "members #0 = at 600ms to n1,n2,n3,n4"}
		if later != "" {
			lines = append(lines, later)
		}
		scout := newPlay(t, func(c *Config) { c.Spares, c.Raft.DisableCheckQuorum = 2, true }, lines...)
		leader, at := sim.ProcID(0), sim.Time(0)
		scout.before = func(sim.Event) {
			if now := scout.kernel.Now(); now < sim.Time(time.Second) {
				leader, at = scout.Leader(), now
			}
		}
		scout.well()
		if leader == 1 || leader == 0 {
			t.Fatalf("n%d leads at %v", leader, at)
		}
		lines = append(lines, fmt.Sprintf("crash-at n%d #0 = at 900ms for 300ms", leader))
		p := newPlay(t, func(c *Config) { c.Spares, c.Raft.DisableCheckQuorum = 2, true }, lines...)
		asked := false
		p.before = func(sim.Event) {
			if now := p.kernel.Now(); now > sim.Time(900*ms) && now < sim.Time(1200*ms) {
				asked = asked || p.Leader() == 1
				if n := p.nodes[3]; n.state != member || n.disk.Stats().Wipes > 1 {
					t.Fatalf("%v: n4 is in state %d", now, n.state)
				}
			}
		}
		p.well()
		if !asked {
			t.Error("the former leader is never the one that leads")
		}
	}
}

// A transfer is asked for once, of whoever leads: it makes the target lead, or does nothing.
func TestTransfers(t *testing.T) {
	for _, tc := range []struct {
		name       string
		faults     []string
		leader     sim.ProcID // at the end of the faults
		begun      uint64
		over, once bool
	}{
		{"to a voter", []string{"transfer #0 = at 600ms to n3"}, 3, 1, true, true},
		{"to itself", []string{"transfer #0 = at 600ms to n1"}, 1, 0, false, false},
		{"to a learner", []string{"members #0 = at 300ms to n1,n2 learners n3", "transfer #0 = at 600ms to n3"}, 1, 0, false, false},
		{"to a server that is no member", []string{"transfer #0 = at 600ms to n4"}, 1, 0, false, false},
		{"to a server that is down", []string{"crash-at n2 #0 = at 550ms for 500ms", "transfer #0 = at 600ms to n2"}, 1, 1, false, true},
		{"there and back", []string{"transfer #0 = at 600ms to n2", "transfer #1 = at 900ms to n1"}, 1, 2, true, true},
	} {
		p := newPlay(t, func(c *Config) { c.Spares = 1 }, tc.faults...)
		leader := sim.ProcID(0)
		p.before = func(sim.Event) {
			if p.kernel.Now() < sim.Time(p.config.Window) {
				leader = p.Leader()
			}
		}
		p.well()
		c := &p.outcome.Counts
		if leader != tc.leader || c.Transfers != tc.begun || (c.Transferred > 0) != tc.over || (c.Faults.Of(faults.PurposeTransfer) > 0) != tc.once {
			t.Errorf("%s: n%d leads, %d transfers begun, %d carried out, %d asked for", tc.name, leader, c.Transfers, c.Transferred,
				c.Faults.Of(faults.PurposeTransfer))
		}
	}
}

// Whichever way an operator has memberships changed, it reaches them; one in a hurry is refused while a change is under way, and a
// joint configuration that the leader does not leave by itself is left.
func TestTransitions(t *testing.T) {
	for _, tc := range []struct {
		name       string
		transition Transition
		impatient  bool
		membership string
		asked      uint64 // changes that got into the log
		pending    uint64 // changes that were refused because one was under way
		joint      bool
	}{
		{"one by one", TransitionSteps, false, "n1,n4", 3, 0, false},
		{"one by one, in a hurry", TransitionSteps, true, "n1,n4", 3, 2, false},
		{"the last one of its kind, in a hurry", TransitionSteps, true, "n1,n2", 1, 0, false},
		{"at once", TransitionAuto, false, "n1,n4", 1, 0, true},
		{"at once, one voter", TransitionAuto, false, "n1,n2 learners n4", 1, 0, false},
		{"at once, in a hurry", TransitionAuto, true, "n1,n4", 1, 0, true},
		{"left on demand", TransitionExplicit, false, "n1,n4", 2, 0, true},
		{"left on demand, in a hurry", TransitionExplicit, true, "n1,n4 learners n2", 2, 0, true},
	} {
		p := watched(t, func(c *Config) { c.Spares, c.Settle, c.Transition, c.Impatient = 1, true, tc.transition, tc.impatient },
			"members #0 = at 600ms to "+tc.membership).well()
		c := &p.outcome.Counts
		if c.MembershipsReached != 1 || c.ChangesBegun != tc.asked || c.ChangesPending != tc.pending || (c.JointConfigurations > 0) != tc.joint {
			t.Errorf("%s: %d reached by %d changes, %d refused, %d joint configurations", tc.name, c.MembershipsReached, c.ChangesBegun,
				c.ChangesPending, c.JointConfigurations)
		}
	}
	// The faults end, and with them what the operator wants, while a joint configuration waits to be left.
	p := watched(t, func(c *Config) { c.Spares, c.Transition = 1, TransitionExplicit }, "isolate n2 #0 = at 1.9s for 100h both",
		"isolate n3 #0 = at 1.9s for 100h both", "members #0 = at 1.95s to n1,n2,n4").well()
	if conf := p.server(p.Leader()).configuration(); conf.IsJoint() || p.outcome.Counts.JointConfigurations == 0 {
		t.Errorf("the joint configuration stays: %+v", conf)
	}
}
