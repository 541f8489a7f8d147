// Package quorum is the arithmetic of majorities: which index a set of voters has acknowledged, and what their votes
// decide, for one set and for a joint configuration of two (paper §6). Pure functions of their arguments, free of
// allocation up to 16 voters per set; the cost is O(voters²) with tiny constants.
package quorum

import "slices"

// AckedIndexer tells how far a voter has acknowledged. It need not be a log index: any quantity that only grows will do,
// 0 standing for nothing.
type AckedIndexer interface {
	// AckedIndex returns the voter's value; found is false if there is none, which counts as 0.
	AckedIndex(voter uint64) (index uint64, found bool)
}

// Voted tells what a voter said.
type Voted interface {
	// VoteOf returns whether the voter granted; found is false while it has not answered.
	VoteOf(voter uint64) (granted, found bool)
}

// VoteResult is what the votes so far decide.
type VoteResult uint8

const (
	// VotePending means that the missing votes decide.
	VotePending VoteResult = iota
	// VoteLost means that no majority can be reached any more.
	VoteLost
	// VoteWon means that a majority has granted.
	VoteWon
)

// String names the result.
func (r VoteResult) String() string {
	switch r {
	case VotePending:
		return "pending"
	case VoteLost:
		return "lost"
	case VoteWon:
		return "won"
	}
	return "unknown"
}

// Majority is a set of voters that decides by majority, sorted and without duplicates (see NewMajority). The empty set
// agrees with everything: it is the absent half of a joint configuration.
type Majority []uint64

// NewMajority returns the set of the given voters, which it copies.
func NewMajority(voters []uint64) Majority {
	m := Majority(slices.Clone(voters))
	slices.Sort(m)
	return slices.Compact(m)
}

// Contains reports whether the voter belongs to the set.
func (m Majority) Contains(voter uint64) bool {
	for _, id := range m {
		if id == voter {
			return true
		}
	}
	return false
}

// CommittedIndex returns the largest index that a majority has acknowledged; for the empty set the largest uint64.
func (m Majority) CommittedIndex(l AckedIndexer) uint64 {
	n := len(m)
	if n == 0 {
		return ^uint64(0)
	}
	var onStack [16]uint64
	acked := onStack[:0]
	for _, voter := range m {
		index, _ := l.AckedIndex(voter) // 0 when not found: never acknowledged
		// Insertion keeps the indexes in descending order.
		at := len(acked)
		acked = append(acked, index)
		for at > 0 && acked[at-1] < index {
			acked[at] = acked[at-1]
			at--
		}
		acked[at] = index
	}
	// A majority is n/2+1 voters; the smallest index among the n/2+1 largest is acknowledged by all of them.
	return acked[n/2]
}

// VoteResult returns what the votes decide. The empty set has won.
func (m Majority) VoteResult(v Voted) VoteResult {
	if len(m) == 0 {
		return VoteWon
	}
	granted, missing := 0, 0
	for _, voter := range m {
		switch yes, found := v.VoteOf(voter); {
		case !found:
			missing++
		case yes:
			granted++
		}
	}
	need := len(m)/2 + 1
	switch {
	case granted >= need:
		return VoteWon
	case granted+missing >= need:
		return VotePending
	}
	return VoteLost
}
