package raft

// This file is what is said about memberships; membership.go is what is done with them.

// ConfState is the membership: who votes, and who only learns. Ids may be in any order; duplicates and None are refused, and so is
// a server in two roles that exclude each other.
type ConfState struct {
	Voters []uint64
	// Outgoing are the voters of the configuration that is being left, nil outside a joint configuration (paper §6).
	Outgoing []uint64
	// Learners receive the log and have no say.
	Learners []uint64
	// LearnersNext are voters of Outgoing that become learners when the joint configuration is left.
	LearnersNext []uint64
	// AutoLeave: the leader leaves the joint configuration by itself as soon as it is committed.
	AutoLeave bool
}

// ConfChangeType is what happens to one server.
type ConfChangeType uint8

const (
	// ConfChangeAddVoter makes a server a voter: a new one, or a learner that is promoted.
	ConfChangeAddVoter ConfChangeType = iota
	// ConfChangeAddLearner makes a server a learner: a new one, or a voter that is demoted.
	ConfChangeAddLearner
	// ConfChangeRemove removes a server.
	ConfChangeRemove
	confChangeTypeEnd
)

// String names the type as it appears in transcripts.
func (t ConfChangeType) String() string {
	switch t {
	case ConfChangeAddVoter:
		return "voter"
	case ConfChangeAddLearner:
		return "learner"
	case ConfChangeRemove:
		return "remove"
	}
	return "unknown"
}

// ConfChangeSingle is what happens to one server.
type ConfChangeSingle struct {
	Type ConfChangeType
	ID   uint64
}

// ConfTransition says how a change is made.
type ConfTransition uint8

const (
	// ConfTransitionAuto changes at most one voter directly and everything else through a joint configuration, left
	// automatically.
	ConfTransitionAuto ConfTransition = iota
	// ConfTransitionJoint goes through a joint configuration in any case, left automatically.
	ConfTransitionJoint
	// ConfTransitionExplicit goes through a joint configuration that is left by an empty ConfChange.
	ConfTransitionExplicit
	confTransitionEnd
)

// String names the transition as it appears in transcripts.
func (t ConfTransition) String() string {
	switch t {
	case ConfTransitionAuto:
		return "auto"
	case ConfTransitionJoint:
		return "joint"
	case ConfTransitionExplicit:
		return "explicit"
	}
	return "unknown"
}

// ConfChange is a change of the membership. With no Changes it leaves a joint configuration.
type ConfChange struct {
	Transition ConfTransition
	Changes    []ConfChangeSingle
	// Result is the configuration that the change makes. The leader that accepts the change puts it there, whatever the proposal
	// says: a server that was made to join knows no configuration before the first change in its log, and could not apply it.
	Result ConfState
}
