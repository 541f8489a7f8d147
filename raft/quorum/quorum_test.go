package quorum

import (
	"math"
	"slices"
	"testing"
	"testing/quick"

	"pgregory.net/rapid"
)

// acks is an AckedIndexer for tests; a missing voter has acknowledged nothing.
type acks map[uint64]uint64

func (a acks) AckedIndex(voter uint64) (uint64, bool) {
	index, ok := a[voter]
	return index, ok
}

// votes is a Voted for tests; a missing voter has not answered.
type votes map[uint64]bool

func (v votes) VoteOf(voter uint64) (bool, bool) {
	granted, ok := v[voter]
	return granted, ok
}

// slowCommitted tries every index anyone has acknowledged and counts.
func slowCommitted(m Majority, a acks) uint64 {
	if len(m) == 0 {
		return math.MaxUint64
	}
	best := uint64(0)
	for _, candidate := range a {
		n := 0
		for _, voter := range m {
			if index, ok := a[voter]; ok && index >= candidate {
				n++
			}
		}
		if 2*n > len(m) {
			best = max(best, candidate)
		}
	}
	return best
}

// slowVote asks what every completion of the missing votes would decide.
func slowVote(j Joint, v votes) VoteResult {
	all := NewMajority(append(slices.Clone(j[0]), j[1]...))
	var missing []uint64
	for _, voter := range all {
		if _, ok := v[voter]; !ok {
			missing = append(missing, voter)
		}
	}
	won, lost := 0, 0
	for mask := range 1 << len(missing) {
		full := votes{}
		for voter, granted := range v {
			full[voter] = granted
		}
		for i, voter := range missing {
			full[voter] = mask>>i&1 == 1
		}
		if slowWins(j[0], full) && slowWins(j[1], full) {
			won++
		} else {
			lost++
		}
	}
	switch {
	case lost == 0:
		return VoteWon
	case won == 0:
		return VoteLost
	}
	return VotePending
}

func slowWins(m Majority, v votes) bool {
	n := 0
	for _, voter := range m {
		if v[voter] {
			n++
		}
	}
	return len(m) == 0 || 2*n > len(m)
}

func drawMajority(t *rapid.T, label string, atLeast int) Majority {
	return NewMajority(rapid.SliceOfN(rapid.Uint64Range(1, 7), atLeast, 6).Draw(t, label))
}

func TestCommittedIndexIsWhatAMajorityHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := Joint{drawMajority(t, "incoming", 1), drawMajority(t, "outgoing", 0)}
		a := acks(rapid.MapOf(rapid.Uint64Range(1, 8), rapid.Uint64Range(0, 6)).Draw(t, "acks"))
		want := min(slowCommitted(j[0], a), slowCommitted(j[1], a))
		if got := j.CommittedIndex(a); got != want {
			t.Fatalf("%v with %v: committed %d, counting says %d", j, a, got, want)
		}
	})
}

func TestVoteResultIsWhatEveryCompletionDecides(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := Joint{drawMajority(t, "incoming", 1), drawMajority(t, "outgoing", 0)}
		v := votes(rapid.MapOf(rapid.Uint64Range(1, 8), rapid.Bool()).Draw(t, "votes"))
		if got, want := j.VoteResult(v), slowVote(j, v); got != want {
			t.Fatalf("%v with %v: %v, trying out says %v", j, v, got, want)
		}
	})
}

// TestCommittedIndexNeverShrinks: more acknowledgement never commits less.
func TestCommittedIndexNeverShrinks(t *testing.T) {
	property := func(a, b, c, d, e, more uint8, who uint8) bool {
		m := NewMajority([]uint64{1, 2, 3, 4, 5})
		before := acks{1: uint64(a), 2: uint64(b), 3: uint64(c), 4: uint64(d), 5: uint64(e)}
		index := m.CommittedIndex(before)
		before[uint64(who%5)+1] += uint64(more)
		return m.CommittedIndex(before) >= index
	}
	if err := quick.Check(property, nil); err != nil {
		t.Fatal(err)
	}
}

func TestTable(t *testing.T) {
	for _, tc := range []struct {
		name   string
		voters Joint
		acks   acks
		index  uint64
		votes  votes
		result VoteResult
	}{
		{"nobody", Joint{}, nil, math.MaxUint64, nil, VoteWon},
		{"one alone", Joint{{1}}, acks{1: 4}, 4, votes{1: true}, VoteWon},
		{"one missing", Joint{{1}}, nil, 0, nil, VotePending},
		{"two need both", Joint{{1, 2}}, acks{1: 9, 2: 3}, 3, votes{1: true}, VotePending},
		{"two, one against", Joint{{1, 2}}, acks{1: 9}, 0, votes{2: false}, VoteLost},
		{"three need two", Joint{{1, 2, 3}}, acks{1: 9, 2: 5, 3: 1}, 5, votes{1: true, 3: true}, VoteWon},
		{"four need three", Joint{{1, 2, 3, 4}}, acks{1: 9, 2: 8, 3: 1, 4: 0}, 1, votes{1: true, 2: true, 3: false, 4: false}, VoteLost},
		{"five need three", Joint{{1, 2, 3, 4, 5}}, acks{1: 9, 2: 8, 3: 7}, 7, votes{1: false, 2: false}, VotePending},
		{"strangers do not count", Joint{{1, 2, 3}}, acks{1: 9, 7: 9, 8: 9}, 0, votes{7: true, 8: true}, VotePending},
		{"joint needs both halves", Joint{{1, 2, 3}, {3, 4, 5}}, acks{1: 9, 2: 9, 3: 9, 4: 2}, 2, votes{1: true, 2: true, 3: true}, VotePending},
		{"joint, one half lost", Joint{{1, 2, 3}, {4}}, acks{4: 9}, 0, votes{4: false}, VoteLost},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.voters.CommittedIndex(tc.acks); got != tc.index {
				t.Errorf("committed %d, want %d", got, tc.index)
			}
			if got := tc.voters.VoteResult(tc.votes); got != tc.result {
				t.Errorf("vote %v, want %v", got, tc.result)
			}
		})
	}
}

// TestManyVoters: beyond the space reserved on the stack.
func TestManyVoters(t *testing.T) {
	var voters []uint64
	a := acks{}
	for id := range uint64(25) {
		voters = append(voters, 25-id)
		a[id+1] = id + 1
	}
	m := NewMajority(append(voters, voters...))
	if len(m) != 25 || !slices.IsSorted(m) {
		t.Fatalf("NewMajority kept %v", m)
	}
	if got := m.CommittedIndex(a); got != 13 { // 13..25 are a majority
		t.Errorf("committed %d, want 13", got)
	}
}

func TestNoAllocation(t *testing.T) {
	j := Joint{NewMajority([]uint64{1, 2, 3, 4, 5}), NewMajority([]uint64{3, 4, 5, 6, 7})}
	var a AckedIndexer = acks{1: 1, 2: 2, 3: 3}
	var v Voted = votes{1: true}
	if n := testing.AllocsPerRun(100, func() {
		j.CommittedIndex(a)
		j.VoteResult(v)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNames(t *testing.T) {
	for r, want := range map[VoteResult]string{VotePending: "pending", VoteLost: "lost", VoteWon: "won", 9: "unknown"} {
		if r.String() != want {
			t.Errorf("%d is called %s", r, r)
		}
	}
}
