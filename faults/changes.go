package faults

import "raftsim/sim"

// change is a way to change a membership that need not be known when it is chosen.
type change int64

// Changes. One that cannot be made becomes its nearest kin: who cannot be added is removed, so that a drawn change seldom does
// nothing.
const (
	changeAdd          change = iota // a voter more, new or promoted
	changeLearner                    // a learner more
	changeRemove                     // a member less
	changeRemoveLeader               // the leader leaves
	changeReplace                    // a voter leaves, another comes
	changeSwap                       // half of the voters leave, as many others come, by way of a joint configuration
	changePromote                    // a learner becomes a voter
	changeDemote                     // a voter becomes a learner
	changeBounce                     // a voter leaves and comes back soon after, as another member
)

var changes = [...]string{"add", "learner", "remove", "remove-leader", "replace", "swap", "promote", "demote", "bounce"}

// changeWeights says how often each is drawn.
var changeWeights = [len(changes)]uint64{4, 2, 3, 4, 3, 2, 2, 1, 5}

// membership is who is in, and who could be.
type membership struct {
	voters, learners Side
	servers          Side // all of the run
}

// after returns the membership that a change makes of m, or m itself where it cannot be made at all. Some voter always stays.
// pick says whom it is about; leader is 0 where nobody leads.
func (m membership) after(c change, pick uint64, leader sim.ProcID) membership {
	outside, leavers := m.outside(), m.leavers()
	switch m.kin(c, leader) {
	case changeAdd:
		m.voters |= choose(outside, pick)
	case changeLearner:
		m.learners |= choose(outside, pick)
	case changeRemove:
		x := choose(leavers|m.learners, pick)
		m.voters, m.learners = m.voters&^x, m.learners&^x
	case changeRemoveLeader:
		m.voters &^= leavers & SideOf(leader)
	case changeReplace:
		m.voters = m.voters&^choose(m.voters, pick) | choose(outside, pick)
	case changeSwap:
		n := max(1, m.voters.Len()/2)
		in := chooseMany(outside, pick, n)
		m.voters = m.voters&^chooseMany(m.voters, pick, min(n, m.voters.Len()+in.Len()-1)) | in
	case changePromote:
		x := choose(m.learners, pick)
		m.voters, m.learners = m.voters|x, m.learners&^x
	case changeDemote:
		x := choose(leavers, pick)
		m.voters, m.learners = m.voters&^x, m.learners|x
	case changeBounce:
		m.voters &^= choose(leavers, pick)
	}
	return m
}

// kin returns c, or what takes its place where it cannot be made.
func (m membership) kin(c change, leader sim.ProcID) change {
	full, taught := m.outside() == 0, m.learners != 0
	switch {
	case (c == changeAdd || c == changeLearner) && full && taught, c == changeDemote && m.leavers() == 0:
		return changePromote
	case (c == changeAdd || c == changeLearner || c == changeReplace) && full, c == changeRemoveLeader && !m.voters.Has(leader):
		return changeRemove
	case c == changePromote && !taught:
		return changeDemote
	}
	return c
}

// outside returns who could come.
func (m membership) outside() Side { return m.servers &^ (m.voters | m.learners) }

// leavers returns the voters of whom one may go: nobody where there is one voter.
func (m membership) leavers() Side {
	if m.voters.Len() == 1 {
		return 0
	}
	return m.voters
}

// Whom a transfer is aimed at.
const (
	successorVoter = 0 // another voter
	successorOther = 1 // a server that may not lead: a learner, one that was removed or never was a member; else a voter
)

// successors returns the words for them.
func successors() []string { return []string{"voter", "other"} }

// successor returns whom a leader is asked to hand over to, 0 for nobody.
func (m membership) successor(who int64, pick uint64, leader sim.ProcID) sim.ProcID {
	if others := m.servers &^ m.voters &^ SideOf(leader); who == successorOther && others != 0 {
		return choose(others, pick).First()
	}
	return choose(m.voters&^SideOf(leader), pick).First()
}

// choose returns one member of s by lot, 0 of none. Each has a lot of its own, and the highest is taken: whoever joins s changes the
// choice only to himself.
func choose(s Side, pick uint64) (chosen Side) {
	var top uint64
	for id := sim.ProcID(1); id <= serversMax; id++ {
		if !s.Has(id) {
			continue
		}
		lot := pick<<8 | uint64(id)
		lot = (lot ^ lot>>31) * 0x9e3779b97f4a7c15
		lot = (lot ^ lot>>29) * 0xbf58476d1ce4e5b9
		if lot ^= lot >> 32; chosen == 0 || lot > top {
			chosen, top = SideOf(id), lot
		}
	}
	return chosen
}

// chooseMany returns n members of s by lot, all of s if it has no more.
func chooseMany(s Side, pick uint64, n int) (chosen Side) {
	for range n {
		chosen |= choose(s&^chosen, pick)
	}
	return chosen
}
