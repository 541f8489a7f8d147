package quorum

// Joint is a configuration of two sets of voters, incoming first: a decision needs a majority of each (paper §6).
// Outside a change of membership the second set is empty.
type Joint [2]Majority

// Contains reports whether the voter belongs to either set.
func (j Joint) Contains(voter uint64) bool { return j[0].Contains(voter) || j[1].Contains(voter) }

// CommittedIndex returns the largest index that a majority of each set has acknowledged.
func (j Joint) CommittedIndex(l AckedIndexer) uint64 {
	return min(j[0].CommittedIndex(l), j[1].CommittedIndex(l))
}

// VoteResult returns what the votes decide: won when both sets have won, lost as soon as one has lost.
func (j Joint) VoteResult(v Voted) VoteResult {
	a, b := j[0].VoteResult(v), j[1].VoteResult(v)
	switch {
	case a == VoteLost || b == VoteLost:
		return VoteLost
	case a == VoteWon && b == VoteWon:
		return VoteWon
	}
	return VotePending
}
