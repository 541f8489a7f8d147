package raft

import (
	"fmt"
	"slices"
)

// This file is the arithmetic of configurations: which are possible, and what a change makes of one. Pure functions.
//
// A change either replaces the configuration directly or goes through a joint one, in which every decision needs a majority
// of the voters before and one of the voters after (paper §6). Directly is right if at most one voter comes or goes: then
// every majority before shares a server with every majority after (thesis §4.1). Learners count for nothing either way.

// ConfChangeRule names what a change of the configuration would break.
type ConfChangeRule uint8

const (
	// RuleNoVoter: somebody must vote.
	RuleNoVoter ConfChangeRule = iota
	// RuleInJoint: a joint configuration is left, by a change without content, before anything else changes.
	RuleInJoint
	// RuleNotJoint: a change without content leaves a joint configuration, and this is none.
	RuleNotJoint
	// RuleUnknownServer: only a member can be removed.
	RuleUnknownServer
	// RuleNoChange: the server is already what the change would make it.
	RuleNoChange
	// RuleTwice: one change says one thing about a server.
	RuleTwice
	// RuleNoID: 0 is the id of no server.
	RuleNoID
	// RuleUnknownKind: the change or its transition is of a kind this package does not know.
	RuleUnknownKind
)

// String says what is wrong in a few words.
func (r ConfChangeRule) String() string {
	switch r {
	case RuleNoVoter:
		return "no voter would be left"
	case RuleInJoint:
		return "the joint configuration must be left first"
	case RuleNotJoint:
		return "the configuration is not joint"
	case RuleUnknownServer:
		return "the server is no member"
	case RuleNoChange:
		return "the server is that already"
	case RuleTwice:
		return "the server is named twice"
	case RuleNoID:
		return "0 is the id of no server"
	case RuleUnknownKind:
		return "unknown kind of change"
	}
	return "unknown"
}

// ConfChangeError refuses a change that is impossible in the configuration in force. The change is in no log.
type ConfChangeError struct {
	Rule ConfChangeRule
	// ID is the server in question, None where the rule is about no particular one.
	ID uint64
}

// Error returns the rule and the server.
func (e *ConfChangeError) Error() string {
	if e.ID == None {
		return fmt.Sprintf("raft: impossible change of the configuration: %v", e.Rule)
	}
	return fmt.Sprintf("raft: impossible change of the configuration for n%d: %v", e.ID, e.Rule)
}

// IsEmpty reports whether s is no configuration at all: that of a server which does not know any yet.
func (s *ConfState) IsEmpty() bool {
	return len(s.Voters) == 0 && len(s.Outgoing) == 0 && len(s.Learners) == 0 && len(s.LearnersNext) == 0 && !s.AutoLeave
}

// IsJoint reports whether s is between two configurations.
func (s *ConfState) IsJoint() bool { return len(s.Outgoing) > 0 }

// Equivalent reports whether s and o say the same, in whatever order.
func (s *ConfState) Equivalent(o *ConfState) bool {
	a, b := s.normal(), o.normal()
	return slices.Equal(a.Voters, b.Voters) && slices.Equal(a.Outgoing, b.Outgoing) && slices.Equal(a.Learners, b.Learners) &&
		slices.Equal(a.LearnersNext, b.LearnersNext) && a.AutoLeave == b.AutoLeave
}

// IsVoter reports whether the server has a vote in s.
func (s *ConfState) IsVoter(id uint64) bool {
	return slices.Contains(s.Voters, id) || slices.Contains(s.Outgoing, id)
}

// IsMember reports whether the server is in s.
func (s *ConfState) IsMember(id uint64) bool { return s.IsVoter(id) || slices.Contains(s.Learners, id) }

// Validate reports in one sentence what is wrong with the membership, or nil.
func (s *ConfState) Validate() error {
	if len(s.Voters) == 0 {
		return fmt.Errorf("raft: the configuration has no voter")
	}
	for _, list := range []struct {
		name string
		ids  []uint64
	}{{"voter", s.Voters}, {"outgoing voter", s.Outgoing}, {"learner", s.Learners}, {"next learner", s.LearnersNext}} {
		for i, id := range list.ids {
			if id == None {
				return fmt.Errorf("raft: the configuration has a %s with id 0", list.name)
			}
			if slices.Contains(list.ids[:i], id) {
				return fmt.Errorf("raft: the configuration has the %s n%d twice", list.name, id)
			}
		}
	}
	for _, id := range s.Learners {
		if s.IsVoter(id) {
			return fmt.Errorf("raft: the configuration has n%d both as voter and as learner", id)
		}
	}
	for _, id := range s.LearnersNext {
		if !slices.Contains(s.Outgoing, id) || slices.Contains(s.Voters, id) {
			return fmt.Errorf("raft: the configuration makes n%d a learner when it is left, but it is not a voter only of the one before", id)
		}
	}
	if s.AutoLeave && !s.IsJoint() {
		return fmt.Errorf("raft: the configuration is to be left by itself, but it is not joint")
	}
	return nil
}

// normal returns a copy of s with sorted lists, nil if empty.
func (s *ConfState) normal() ConfState {
	return ConfState{Voters: sorted(s.Voters), Outgoing: sorted(s.Outgoing), Learners: sorted(s.Learners),
		LearnersNext: sorted(s.LearnersNext), AutoLeave: s.AutoLeave}
}

func sorted(ids []uint64) []uint64 {
	if len(ids) == 0 {
		return nil
	}
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return ids
}

// applyConfChange returns what c makes of the configuration s. The error is a *ConfChangeError.
func applyConfChange(s *ConfState, c *ConfChange) (ConfState, error) {
	if c.Transition >= confTransitionEnd {
		return ConfState{}, &ConfChangeError{Rule: RuleUnknownKind}
	}
	if len(c.Changes) == 0 {
		return leaveJoint(s)
	}
	if s.IsJoint() {
		return ConfState{}, &ConfChangeError{Rule: RuleInJoint}
	}
	next := s.normal()
	for i, change := range c.Changes {
		if rule, ok := applySingle(&next, change, c.Changes[:i]); !ok {
			return ConfState{}, &ConfChangeError{Rule: rule, ID: change.ID}
		}
	}
	if len(next.Voters) == 0 {
		return ConfState{}, &ConfChangeError{Rule: RuleNoVoter}
	}
	if c.Transition == ConfTransitionAuto && difference(s.Voters, next.Voters) <= 1 {
		return next.normal(), nil
	}
	next.Outgoing = slices.Clone(s.Voters)
	next.AutoLeave = c.Transition != ConfTransitionExplicit
	// Who still votes cannot be a learner yet.
	next.LearnersNext = slices.DeleteFunc(slices.Clone(next.Learners), func(id uint64) bool { return !slices.Contains(s.Voters, id) })
	next.Learners = slices.DeleteFunc(next.Learners, func(id uint64) bool { return slices.Contains(s.Voters, id) })
	return next.normal(), nil
}

func leaveJoint(s *ConfState) (ConfState, error) {
	if !s.IsJoint() {
		return ConfState{}, &ConfChangeError{Rule: RuleNotJoint}
	}
	next := ConfState{Voters: s.Voters, Learners: slices.Concat(s.Learners, s.LearnersNext)}
	return next.normal(), nil
}

// applySingle changes the target of a change, which is not joint; before are the parts of the same change already made.
func applySingle(next *ConfState, change ConfChangeSingle, before []ConfChangeSingle) (broken ConfChangeRule, ok bool) {
	id := change.ID
	if id == None {
		return RuleNoID, false
	}
	for _, b := range before {
		if b.ID == id {
			return RuleTwice, false
		}
	}
	votes, learns := slices.Contains(next.Voters, id), slices.Contains(next.Learners, id)
	switch change.Type {
	case ConfChangeAddVoter:
		if votes {
			return RuleNoChange, false
		}
		next.Voters = append(next.Voters, id)
		next.Learners = without(next.Learners, id)
	case ConfChangeAddLearner:
		if learns {
			return RuleNoChange, false
		}
		next.Voters = without(next.Voters, id)
		next.Learners = append(next.Learners, id)
	case ConfChangeRemove:
		if !votes && !learns {
			return RuleUnknownServer, false
		}
		next.Voters, next.Learners = without(next.Voters, id), without(next.Learners, id)
	default:
		return RuleUnknownKind, false
	}
	return 0, true
}

func without(ids []uint64, id uint64) []uint64 {
	return slices.DeleteFunc(ids, func(other uint64) bool { return other == id })
}

// difference returns how many servers are in one of the sets only.
func difference(a, b []uint64) int {
	n := 0
	for _, id := range a {
		if !slices.Contains(b, id) {
			n++
		}
	}
	for _, id := range b {
		if !slices.Contains(a, id) {
			n++
		}
	}
	return n
}
