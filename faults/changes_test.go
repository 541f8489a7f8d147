package faults

import (
	"testing"

	"pgregory.net/rapid"

	"raftsim/sim"
)

// TestChanges: what each change makes of a membership, whoever is picked. Sets hold one server in each column where the pick
// decides.
func TestChanges(t *testing.T) {
	three, spare := SideOf(1, 2, 3), SideOf(4)
	tests := []struct {
		name   string
		c      change
		before membership
		leader sim.ProcID
		ok     func(before, after membership) bool
	}{
		{"add takes one from outside", changeAdd, membership{three, 0, three | spare}, 1,
			func(_, m membership) bool { return m.voters == three|spare && m.learners == 0 }},
		{"add prefers those outside to learners", changeAdd, membership{three, SideOf(5), three | spare | SideOf(5)}, 1,
			func(_, m membership) bool { return m.voters == three|spare && m.learners == SideOf(5) }},
		{"add with nobody outside promotes", changeAdd, membership{three, spare, three | spare}, 1,
			func(_, m membership) bool { return m.voters == three|spare && m.learners == 0 }},
		{"add with everybody in removes", changeAdd, membership{three, 0, three}, 1,
			func(_, m membership) bool { return m.voters.Len() == 2 && m.voters&^three == 0 }},
		{"learner takes one from outside", changeLearner, membership{three, 0, three | spare}, 1,
			func(_, m membership) bool { return m.voters == three && m.learners == spare }},
		{"remove takes a member away", changeRemove, membership{three, spare, three | spare}, 1,
			func(_, m membership) bool { return m.voters.Len()+m.learners.Len() == 3 }},
		{"remove leaves the last voter", changeRemove, membership{SideOf(2), spare, three | spare}, 2,
			func(_, m membership) bool { return m.voters == SideOf(2) && m.learners == 0 }},
		{"remove-leader", changeRemoveLeader, membership{three, spare, three | spare}, 2,
			func(_, m membership) bool { return m.voters == SideOf(1, 3) && m.learners == spare }},
		{"remove-leader of one who is on his way out", changeRemoveLeader, membership{three, 0, three | spare}, 4,
			func(_, m membership) bool { return m.voters.Len() == 2 }},
		{"remove-leader leaves the last voter", changeRemoveLeader, membership{SideOf(2), 0, three}, 2,
			func(b, m membership) bool { return m == b }},
		{"replace", changeReplace, membership{three, 0, three | spare}, 1,
			func(_, m membership) bool { return m.voters.Len() == 3 && m.voters.Has(4) }},
		{"replace the only voter", changeReplace, membership{SideOf(1), 0, SideOf(1, 2)}, 1,
			func(_, m membership) bool { return m.voters == SideOf(2) }},
		{"swap half", changeSwap, membership{SideOf(1, 2, 3, 4, 5), 0, SideOf(1, 2, 3, 4, 5, 6, 7, 8)}, 1,
			func(b, m membership) bool {
				return m.voters.Len() == 5 && (m.voters&b.voters).Len() == 3
			}},
		{"swap half for fewer", changeSwap, membership{SideOf(1, 2, 3, 4), 0, SideOf(1, 2, 3, 4, 5)}, 1,
			func(b, m membership) bool { return m.voters.Len() == 3 && m.voters.Has(5) }},
		{"promote", changePromote, membership{three, spare, three | spare}, 1,
			func(_, m membership) bool { return m.voters == three|spare && m.learners == 0 }},
		{"promote with no learner demotes", changePromote, membership{three, 0, three}, 1,
			func(_, m membership) bool { return m.voters.Len() == 2 && m.learners.Len() == 1 }},
		{"demote", changeDemote, membership{three, 0, three}, 1,
			func(_, m membership) bool { return m.voters.Len() == 2 && m.voters|m.learners == three }},
		{"demote with one voter promotes", changeDemote, membership{SideOf(1), SideOf(2), three}, 1,
			func(_, m membership) bool { return m.voters == SideOf(1, 2) }},
		{"bounce leaves first", changeBounce, membership{three, spare, three | spare}, 1,
			func(_, m membership) bool { return m.voters.Len() == 2 && m.learners == spare }},
		{"nothing can be made of a single server", changeAdd, membership{SideOf(1), 0, SideOf(1)}, 1,
			func(b, m membership) bool { return m == b }},
	}
	for _, test := range tests {
		picked := map[membership]bool{}
		for pick := range uint64(50) {
			m := test.before.after(test.c, pick, test.leader)
			picked[m] = true
			if !test.ok(test.before, m) {
				t.Errorf("%s: %v and learners %v become %v and %v", test.name, test.before.voters, test.before.learners, m.voters, m.learners)
				break
			}
		}
		if test.c == changeBounce && len(picked) != 3 {
			t.Errorf("%s: the pick chooses one of %d, want of 3", test.name, len(picked))
		}
	}
}

// TestChangesAreLegal: whatever is asked of whatever membership, some voter stays, nobody is in twice and nobody comes who is not
// there; where there are three servers and somebody can go or come, something changes.
func TestChangesAreLegal(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		servers := Side(rapid.Int64Range(1, 127).Draw(r, "servers")) << 1
		voters := Side(rapid.Int64Range(0, 127).Draw(r, "voters")) << 1 & servers
		if voters == 0 {
			voters = SideOf(servers.First())
		}
		learners := Side(rapid.Int64Range(0, 127).Draw(r, "learners")) << 1 & servers &^ voters
		before := membership{voters, learners, servers}
		c := change(rapid.IntRange(0, len(changes)-1).Draw(r, "change"))
		leader := sim.ProcID(rapid.IntRange(0, 8).Draw(r, "leader"))
		after := before.after(c, rapid.Uint64Range(0, picksMax-1).Draw(r, "pick"), leader)
		if after.voters == 0 || after.voters&after.learners != 0 || (after.voters|after.learners)&^servers != 0 || after.servers != servers {
			r.Errorf("%s of %+v by n%d: %+v", changes[c], before, leader, after)
		}
		if voters.Len() > 1 && after == before {
			r.Errorf("%s of %+v by n%d changes nothing", changes[c], before, leader)
		}
		if c != changeSwap && (after.voters&^voters|voters&^after.voters).Len() > 2 {
			r.Errorf("%s of %+v by n%d: %v, more than one comes and one goes", changes[c], before, leader, after.voters)
		}
		v := MembersValue(5, after.voters, after.learners, true)
		if a, b, _ := membersIn(MembersValue(5, after.voters, servers, false).N); a != after.voters || b != servers&^after.voters {
			r.Errorf("voters %v and learners %v pack as %v, %v", after.voters, servers, a, b)
		}
		if a, b, joint := membersIn(v.N); a != after.voters || b != after.learners || !joint {
			r.Errorf("%+v packs as %v, %v", after, a, b)
		}
	})
}

// TestChoose: everybody is chosen as often as the next one, and who joins changes the choice only to himself.
func TestChoose(t *testing.T) {
	three := SideOf(1, 2, 3)
	var chosen [5]int
	for pick := range uint64(picksMax) {
		few, many := choose(three, pick), choose(three|SideOf(4), pick)
		if few.Len() != 1 || few&^three != 0 || many != few && many != SideOf(4) {
			t.Errorf("pick %d chooses %v of %v, %v of one more", pick, few, three, many)
		}
		chosen[many.First()]++
	}
	for id := 1; id <= 4; id++ {
		near(t, "choices", chosen[id], picksMax, 25, 3)
	}
	if choose(0, 7) != 0 || chooseMany(three, 7, 9) != three {
		t.Error("there is somebody in an empty set, or not everybody in a full one")
	}
}

// TestSuccessor: whom a leader is asked to hand over to.
func TestSuccessor(t *testing.T) {
	m := membership{voters: SideOf(1, 2, 3), learners: SideOf(4), servers: SideOf(1, 2, 3, 4, 5)}
	var voters, others Side
	for pick := range uint64(100) {
		voters |= SideOf(m.successor(successorVoter, pick, 2))
		others |= SideOf(m.successor(successorOther, pick, 2))
	}
	if voters != SideOf(1, 3) || others != SideOf(4, 5) {
		t.Errorf("leader n2 is to hand over to %v, or to %v who may not lead", voters, others)
	}
	alone := membership{voters: SideOf(2), servers: SideOf(2)}
	if a, b := alone.successor(successorVoter, 1, 2), alone.successor(successorOther, 1, 2); a != 0 || b != 0 {
		t.Errorf("a single server is to hand over to n%d, n%d", a, b)
	}
}

// TestChangesAreDrawn: each as often as its weight says.
func TestChangesAreDrawn(t *testing.T) {
	const n = 10_000
	w := sim.KeyedWords(1, sim.Key{Hi: 1})
	var drawn [len(changes)]int
	sum := 0
	for range n {
		drawn[drawChange(&w)]++
	}
	for _, weight := range changeWeights {
		sum += int(weight)
	}
	for c, weight := range changeWeights {
		near(t, changes[c], drawn[c], n, 100*int(weight)/sum, 2)
	}
}
