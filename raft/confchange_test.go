package raft

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"raftsim/raft/quorum"
)

// twin is a configuration as sets, changed one server at a time in place.
type twin struct {
	voters, outgoing, learners, next map[uint64]bool
	auto                             bool
}

func twinOf(s *ConfState) twin {
	set := func(ids []uint64) map[uint64]bool {
		m := map[uint64]bool{}
		for _, id := range ids {
			m[id] = true
		}
		return m
	}
	return twin{set(s.Voters), set(s.Outgoing), set(s.Learners), set(s.LearnersNext), s.AutoLeave}
}

func (w twin) state() ConfState {
	list := func(m map[uint64]bool) (ids []uint64) {
		for id := range m {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		return ids
	}
	return ConfState{list(w.voters), list(w.outgoing), list(w.learners), list(w.next), w.auto}
}

// apply changes w, or says that it cannot be. The joint configuration is entered first and then changed, the other way round than
// in applyConfChange.
func (w *twin) apply(c *ConfChange) bool {
	if len(c.Changes) == 0 {
		if len(w.outgoing) == 0 {
			return false
		}
		for id := range w.next {
			w.learners[id] = true
		}
		w.outgoing, w.next, w.auto = map[uint64]bool{}, map[uint64]bool{}, false
		return true
	}
	if len(w.outgoing) > 0 {
		return false
	}
	before := twinOf(&ConfState{Voters: w.state().Voters}).voters
	seen := map[uint64]bool{}
	for _, change := range c.Changes {
		id := change.ID
		if id == None || seen[id] {
			return false
		}
		seen[id] = true
		switch {
		case change.Type == ConfChangeAddVoter && !w.voters[id]:
			w.voters[id] = true
			delete(w.learners, id)
		case change.Type == ConfChangeAddLearner && !w.learners[id]:
			delete(w.voters, id)
			w.learners[id] = true
		case change.Type == ConfChangeRemove && (w.voters[id] || w.learners[id]):
			delete(w.voters, id)
			delete(w.learners, id)
		default:
			return false
		}
	}
	differ := 0
	for id := range uint64(20) {
		if before[id] != w.voters[id] {
			differ++
		}
	}
	if differ > 1 || c.Transition != ConfTransitionAuto {
		w.outgoing = before
		w.auto = c.Transition != ConfTransitionExplicit
		for id := range before {
			if w.learners[id] {
				delete(w.learners, id)
				w.next[id] = true
			}
		}
	}
	return len(w.voters) > 0
}

// smallChange draws changes among few servers, possible or not.
var smallChange = rapid.Custom(func(t *rapid.T) ConfChange {
	c := ConfChange{Transition: ConfTransition(rapid.IntRange(0, int(confTransitionEnd)-1).Draw(t, "transition"))}
	for range rapid.IntRange(0, 4).Draw(t, "changes") {
		c.Changes = append(c.Changes, ConfChangeSingle{
			Type: ConfChangeType(rapid.IntRange(0, int(confChangeTypeEnd)-1).Draw(t, "type")), ID: rapid.Uint64Range(0, 6).Draw(t, "id")})
	}
	return c
})

// disjoint returns a set of servers that is a quorum of a while the others are one of b.
func disjoint(a, b *ConfState) (servers uint64, found bool) {
	isQuorum := func(s *ConfState, set uint64) bool {
		joint := quorum.Joint{quorum.NewMajority(s.Voters), quorum.NewMajority(s.Outgoing)}
		return joint.VoteResult(granted(set)) == quorum.VoteWon
	}
	for set := range uint64(1 << 7) {
		if isQuorum(a, set) && isQuorum(b, ^set) {
			return set, true
		}
	}
	return 0, false
}

// granted is votes as bits.
type granted uint64

func (g granted) VoteOf(id uint64) (yes, found bool) { return g>>id&1 == 1, true }

// Thesis §4.1, §4.3: any change makes what its sets say, and no two configurations in a row have quorums without a common server.
func TestConfChangesAgainstSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state := ConfState{Voters: []uint64{1, 2, 3}}
		for range rapid.IntRange(1, 12).Draw(t, "length") {
			c := smallChange.Draw(t, "change")
			before := state.normal()
			next, err := applyConfChange(&state, &c)
			w := twinOf(&state)
			if ok := w.apply(&c); ok != (err == nil) {
				t.Fatalf("%s in %s: %v, the sets say %v", DescribeConfChange(nil, &c), DescribeConfState(nil, &state), err, ok)
			}
			if diff := cmp.Diff(before, state, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("the configuration was changed in place: %s", diff)
			}
			if err != nil {
				var refused *ConfChangeError
				if !errors.As(err, &refused) {
					t.Fatalf("the error is %T", err)
				}
				continue
			}
			if diff := cmp.Diff(w.state(), next); diff != "" {
				t.Fatalf("%s in %s: %s", DescribeConfChange(nil, &c), DescribeConfState(nil, &state), diff)
			}
			if err := next.Validate(); err != nil {
				t.Fatal(err)
			}
			if set, found := disjoint(&state, &next); found {
				t.Fatalf("%s and %s both decide, with %b and the others", DescribeConfState(nil, &state), DescribeConfState(nil, &next), set)
			}
			if next.IsJoint() {
				left, err := applyConfChange(&next, &ConfChange{})
				if err != nil || left.IsJoint() || !slices.Equal(left.Voters, next.Voters) {
					t.Fatalf("%s is left for %s, %v", DescribeConfState(nil, &next), DescribeConfState(nil, &left), err)
				}
				if !slices.Equal(next.Outgoing, state.Voters) {
					t.Fatalf("%s goes through %s", DescribeConfState(nil, &state), DescribeConfState(nil, &next))
				}
			}
			state = next
		}
	})
	// The check bites: two voters at once, directly, is a way to two leaders.
	if _, found := disjoint(&ConfState{Voters: []uint64{1, 2}}, &ConfState{Voters: []uint64{1, 2, 3, 4}}); found {
		t.Error("two of two and three of four share a server")
	}
	if _, found := disjoint(&ConfState{Voters: []uint64{1, 2, 3}}, &ConfState{Voters: []uint64{3, 4, 5}}); !found {
		t.Error("nothing is wrong with going from 1 2 3 to 3 4 5")
	}
}

func TestConfChangeRules(t *testing.T) {
	joint := ConfState{Voters: []uint64{1}, Outgoing: []uint64{1, 2}}
	plain := ConfState{Voters: []uint64{1, 2}, Learners: []uint64{3}}
	voter := func(id uint64) ConfChangeSingle { return ConfChangeSingle{ConfChangeAddVoter, id} }
	remove := func(id uint64) ConfChangeSingle { return ConfChangeSingle{ConfChangeRemove, id} }
	for _, tc := range []struct {
		state  ConfState
		change ConfChange
		want   ConfChangeError
		text   string
	}{
		{plain, ConfChange{Changes: []ConfChangeSingle{remove(1), {ConfChangeAddLearner, 2}}}, ConfChangeError{RuleNoVoter, None}, "no voter would be left"},
		{joint, ConfChange{Changes: []ConfChangeSingle{remove(2)}}, ConfChangeError{RuleInJoint, None}, "must be left first"},
		{plain, ConfChange{}, ConfChangeError{RuleNotJoint, None}, "the configuration is not joint"},
		{plain, ConfChange{Changes: []ConfChangeSingle{remove(9)}}, ConfChangeError{RuleUnknownServer, 9}, "for n9: the server is no member"},
		{plain, ConfChange{Changes: []ConfChangeSingle{voter(2)}}, ConfChangeError{RuleNoChange, 2}, "for n2: the server is that already"},
		{plain, ConfChange{Changes: []ConfChangeSingle{{ConfChangeAddLearner, 3}}}, ConfChangeError{RuleNoChange, 3}, "is that already"},
		{plain, ConfChange{Changes: []ConfChangeSingle{voter(4), remove(4)}}, ConfChangeError{RuleTwice, 4}, "for n4: the server is named twice"},
		{plain, ConfChange{Changes: []ConfChangeSingle{voter(0)}}, ConfChangeError{RuleNoID, None}, "0 is the id of no server"},
		{plain, ConfChange{Changes: []ConfChangeSingle{{9, 4}}}, ConfChangeError{RuleUnknownKind, 4}, "unknown kind"},
		{plain, ConfChange{Transition: 9}, ConfChangeError{RuleUnknownKind, None}, "unknown kind"},
	} {
		_, err := applyConfChange(&tc.state, &tc.change)
		var got *ConfChangeError
		if !errors.As(err, &got) || *got != tc.want || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%+v: %v, want %v", tc.change, err, tc.want)
		}
	}
}

func TestConfStateValidate(t *testing.T) {
	for want, s := range map[string]ConfState{
		"":                              jointConf,
		"has no voter":                  {Learners: []uint64{1}},
		"has a learner with id 0":       {Voters: []uint64{1}, Learners: []uint64{0}},
		"has the voter n1 twice":        {Voters: []uint64{1, 1}},
		"the outgoing voter n3 twice":   {Voters: []uint64{1}, Outgoing: []uint64{3, 3}},
		"n1 both as voter and as":       {Voters: []uint64{1}, Learners: []uint64{1}},
		"n2 both as voter and as":       {Voters: []uint64{1}, Outgoing: []uint64{2}, Learners: []uint64{2}},
		"makes n2 a learner when it is": {Voters: []uint64{1}, LearnersNext: []uint64{2}},
		"makes n1 a learner when it is": {Voters: []uint64{1}, Outgoing: []uint64{1}, LearnersNext: []uint64{1}},
		"but it is not joint":           {Voters: []uint64{1}, AutoLeave: true},
	} {
		err := s.Validate()
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", DescribeConfState(nil, &s), err, want)
		}
	}
	a, b := ConfState{Voters: []uint64{3, 1}}, ConfState{Voters: []uint64{1, 3}, Learners: []uint64{}}
	if !a.Equivalent(&b) || a.Equivalent(&jointConf) {
		t.Error("the order of ids counts")
	}
}

// TestConfHistory: what holds after an entry, against a list of everything that was ever added.
func TestConfHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type made struct{ index, voter uint64 }
		all := []made{{0, 1}}
		var h confHistory
		h.reset(0, ConfState{Voters: []uint64{1}})
		last, floor := uint64(0), uint64(0)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "do") {
			case 0:
				floor = rapid.Uint64Range(floor, last).Draw(t, "compact")
				h.compact(floor)
			case 1:
				cut := rapid.Uint64Range(floor+1, last+1).Draw(t, "cut")
				n := len(all)
				all = slices.DeleteFunc(all, func(m made) bool { return m.index >= cut })
				if h.truncate(cut) != (n != len(all)) {
					t.Fatal("truncate says otherwise")
				}
				last = min(last, cut-1)
			default:
				last += rapid.Uint64Range(1, 3).Draw(t, "by")
				all = append(all, made{last, last + 100})
				h.add(last, ConfState{Voters: []uint64{last + 100}}, last)
			}
			for index := floor; index <= last+2; index++ {
				want := all[0]
				for _, m := range all {
					if m.index <= index {
						want = m
					}
				}
				if got := h.at(index); got == nil || got.index != want.index || got.state.Voters[0] != want.voter {
					t.Fatalf("after entry %d: %+v, want %+v", index, got, want)
				}
			}
		}
	})
}

// R10: a member keeps its epoch through whatever it becomes, and gets another when it comes back.
func TestEpochOfAMember(t *testing.T) {
	var h confHistory
	h.reset(0, ConfState{Voters: []uint64{1, 2}})
	epoch := func() string {
		var all []string
		for _, m := range h.newest().members {
			all = append(all, fmt.Sprintf("%d@%d", m.id, m.epoch))
		}
		return strings.Join(all, " ")
	}
	for i, step := range []struct {
		state ConfState
		want  string
	}{
		{ConfState{Voters: []uint64{1, 2}, Learners: []uint64{3}}, "1@0 2@0 3@10"},
		{ConfState{Voters: []uint64{1, 2, 3}}, "1@0 2@0 3@10"},
		{ConfState{Voters: []uint64{1, 3}, Outgoing: []uint64{1, 2, 3}, LearnersNext: []uint64{2}, AutoLeave: true}, "1@0 2@0 3@10"},
		{ConfState{Voters: []uint64{1, 3}, Learners: []uint64{2}}, "1@0 2@0 3@10"},
		{ConfState{Voters: []uint64{1, 3}}, "1@0 3@10"},
		{ConfState{Voters: []uint64{1, 2, 3}}, "1@0 2@60 3@10"},
	} {
		index := uint64(10 * (i + 1))
		h.add(index, step.state, index)
		if got := epoch(); got != step.want {
			t.Errorf("after %d: %s, want %s", index, got, step.want)
		}
	}
	h.truncate(60)
	if got := epoch(); got != "1@0 3@10" {
		t.Errorf("after the cut: %s", got)
	}
}
