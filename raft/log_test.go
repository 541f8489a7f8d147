package raft

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func logOf(terms ...uint64) *raftLog {
	entries := entriesOf(1, terms...)
	last := uint64(len(entries))
	return &raftLog{id: 1, entries: entries, handed: last, stable: last}
}

func (l *raftLog) terms() []uint64 {
	var terms []uint64
	for i := range l.entries {
		terms = append(terms, l.entries[i].Term)
	}
	return terms
}

// TestLogFollow: only from the first entry that differs on does a leader's log replace a follower's (paper §5.3, R02).
func TestLogFollow(t *testing.T) {
	for _, tc := range []struct {
		name      string
		log       []uint64
		entries   []Entry
		want      []uint64
		truncated uint64
	}{
		{"nothing", []uint64{1, 2}, nil, []uint64{1, 2}, 0},
		{"all new", []uint64{1, 2}, entriesOf(3, 2, 3), []uint64{1, 2, 2, 3}, 0},
		{"all known", []uint64{1, 2, 2}, entriesOf(1, 1, 2), []uint64{1, 2, 2}, 0},
		{"known, then new", []uint64{1, 2}, entriesOf(2, 2, 3), []uint64{1, 2, 3}, 0},
		{"conflict at once", []uint64{1, 2, 2}, entriesOf(2, 3), []uint64{1, 3}, 2},
		{"conflict later", []uint64{1, 2, 2, 2}, entriesOf(2, 2, 3, 3), []uint64{1, 2, 3, 3}, 3},
		{"into an empty log", nil, entriesOf(1, 1), []uint64{1}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := logOf(tc.log...)
			truncated := l.follow(tc.entries)
			if diff := cmp.Diff(tc.want, l.terms()); diff != "" || truncated != tc.truncated {
				t.Errorf("truncated at %d, want %d; log %s", truncated, tc.truncated, diff)
			}
			if tc.truncated != 0 && (l.stable != tc.truncated-1 || l.handed != tc.truncated-1) {
				t.Errorf("after truncation at %d: stable %d, handed %d", tc.truncated, l.stable, l.handed)
			}
		})
	}
}

// TestViewsStayTrue: what a message or a Ready holds does not change when the log does.
func TestViewsStayTrue(t *testing.T) {
	l := logOf(1, 2, 2, 2)
	view := l.slice(2, 4)
	before := append([]Entry(nil), view...)
	l.follow(entriesOf(3, 3, 3, 3))
	l.follow(entriesOf(4, 4, 4, 4))
	l.appendOwn(5, []byte("own"))
	if diff := cmp.Diff(before, view); diff != "" {
		t.Error(diff)
	}
}

// TestLogFollowAgainstSlowTwin: follow keeps the longest agreeing part and puts the rest after it.
func TestLogFollowAgainstSlowTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		term := uint64(1)
		draw := func(label string, n int) []uint64 {
			var terms []uint64
			for range rapid.IntRange(0, n).Draw(t, label) {
				term += rapid.Uint64Range(0, 1).Draw(t, "rise")
				terms = append(terms, term)
			}
			return terms
		}
		common := draw("common", 5)
		fork := term
		mine := append(append([]uint64(nil), common...), draw("mine", 5)...)
		term = fork
		theirs := append(append([]uint64(nil), common...), draw("theirs", 5)...)
		from := rapid.IntRange(0, len(common)).Draw(t, "from")
		to := rapid.IntRange(from, len(theirs)).Draw(t, "to")

		l := logOf(mine...)
		l.follow(entriesOf(1, theirs...)[from:to])

		want := append([]uint64(nil), mine...)
		for i := from; i < to; i++ {
			if i >= len(want) || want[i] != theirs[i] {
				want = append(want[:i:i], theirs[i:to]...)
				break
			}
		}
		if diff := cmp.Diff(want, l.terms()); diff != "" {
			t.Fatal(diff)
		}
		for i := range l.entries {
			if e := l.entries[i]; string(e.Data) != fmt.Sprintf("%d/%d", e.Index, e.Term) {
				t.Fatalf("entry %d/%d has the data %q", e.Index, e.Term, e.Data)
			}
		}
	})
}

// TestConflictByTerm: no entry that is skipped can match one of the given term or lower.
func TestConflictByTerm(t *testing.T) {
	l := logOf(2, 2, 5, 5, 5)
	for _, tc := range []struct{ index, term, at, atTerm uint64 }{
		{5, 5, 5, 5}, {5, 4, 2, 2}, {5, 9, 5, 5}, {4, 5, 4, 5}, {5, 1, 0, 0}, {1, 2, 1, 2}, {99, 5, 5, 5}, {0, 7, 0, 0},
	} {
		if at, atTerm := l.conflictByTerm(tc.index, tc.term); at != tc.at || atTerm != tc.atTerm {
			t.Errorf("from %d with term %d: %d/%d, want %d/%d", tc.index, tc.term, at, atTerm, tc.at, tc.atTerm)
		}
	}
}

func TestUpToDate(t *testing.T) {
	l := logOf(1, 1, 3)
	for _, tc := range []struct {
		index, term uint64
		want        bool
	}{
		{3, 3, true}, {2, 3, false}, {4, 3, true}, {1, 4, true}, {99, 2, false}, {0, 0, false},
	} {
		if got := l.upToDate(tc.index, tc.term); got != tc.want {
			t.Errorf("a log that ends with %d/%d: up to date is %v, want %v", tc.index, tc.term, got, tc.want)
		}
	}
}

// TestOffset: a log that begins after a snapshot knows the entry before its first one, and nothing earlier.
func TestOffset(t *testing.T) {
	l := &raftLog{id: 1, offset: 10, offsetTerm: 3, entries: entriesOf(11, 3, 4), commit: 10, stable: 12, handed: 12}
	for index, want := range map[uint64]struct {
		term uint64
		ok   bool
	}{9: {0, false}, 10: {3, true}, 11: {3, true}, 12: {4, true}, 13: {0, false}} {
		if term, ok := l.term(index); term != want.term || ok != want.ok {
			t.Errorf("term(%d) = %d, %v", index, term, ok)
		}
	}
	if at, term := l.conflictByTerm(12, 1); at != 10 || term != 3 {
		t.Errorf("conflictByTerm goes to %d/%d", at, term)
	}
	mustPanic(t, "raft: n1 sliced entries 10 to 11 of a log that has 11 to 12", func() { l.slice(10, 11) })
}

func TestLogPanics(t *testing.T) {
	l := logOf(1, 2, 2)
	l.commit = 2
	mustPanic(t, "raft: n1 would truncate committed entry 2 (commit 2): it has term 2, the leader's has term 3",
		func() { l.follow(entriesOf(2, 3)) })
	mustPanic(t, "raft: n1 would append entry 5 where 4 is next", func() { l.follow(entriesOf(5, 3)) })
	mustPanic(t, "raft: n1 is told that entry 4 is committed, but its log ends at 3: entries it acknowledged are lost",
		func() { l.commitTo(4) })
}

func mustPanic(t *testing.T, want string, do func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := fmt.Sprint(recover()); got != want {
			t.Errorf("panic: %s\nwant:  %s", got, want)
		}
	}()
	do()
}

func TestProgress(t *testing.T) {
	pr := progress{id: 2, next: 8, inflight: inflight{limit: 2}}
	if !pr.rejected(7, 4) || pr.next != 5 {
		t.Errorf("a rejection of 7 with hint 4 leads to %d", pr.next)
	}
	if pr.rejected(7, 1) || pr.next != 5 {
		t.Errorf("the same rejection again leads to %d", pr.next)
	}
	pr.sent(1, 0, 5, 9)
	if !pr.paused || pr.next != 5 {
		t.Errorf("a probe leaves paused %v, next %d", pr.paused, pr.next)
	}
	pr.acked(5)
	pr.becomeReplicate()
	pr.sent(1, 0, 6, 9)
	if pr.paused || pr.next != 7 {
		t.Errorf("the first append leaves paused %v, next %d", pr.paused, pr.next)
	}
	pr.sent(2, 0, 8, 9)
	if !pr.paused || pr.next != 9 {
		t.Errorf("a full window leaves paused %v, next %d", pr.paused, pr.next)
	}
	if pr.acked(4) || pr.match != 5 { // R07
		t.Errorf("an old answer moved match to %d", pr.match)
	}
	if !pr.acked(6) || pr.paused || pr.inflight.count != 1 {
		t.Errorf("an answer leaves paused %v with %d in flight", pr.paused, pr.inflight.count)
	}
	if pr.rejected(6, 0) || pr.state != progressReplicate {
		t.Error("a rejection of what was acknowledged since counts")
	}
	if !pr.rejected(8, 0) || pr.state != progressProbe || pr.next != 7 {
		t.Errorf("a lost append leads to next %d", pr.next)
	}
	if pr.rejected(0, 0) {
		t.Error("nobody lacks entry 0")
	}
}

// TestInflightWindow against a plain slice.
func TestInflightWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 40).Draw(t, "limit")
		w := inflight{limit: limit}
		var plain []uint64
		last := uint64(0)
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			if !w.full() && rapid.IntRange(0, 2).Draw(t, "what") > 0 {
				last += rapid.Uint64Range(1, 3).Draw(t, "entries")
				w.add(last, 1)
				plain = append(plain, last)
			} else {
				to := last - min(last, rapid.Uint64Range(0, 60).Draw(t, "back"))
				w.freeTo(to)
				for len(plain) > 0 && plain[0] <= to {
					plain = plain[1:]
				}
			}
			if w.count != len(plain) || w.bytes != uint64(len(plain)) || w.full() != (len(plain) >= limit) {
				t.Fatalf("%d in flight with %d bytes, want %d of %d", w.count, w.bytes, len(plain), limit)
			}
			for i := range plain {
				if w.at(i).last != plain[i] {
					t.Fatalf("append %d ends at %d, want %d", i, w.at(i).last, plain[i])
				}
			}
		}
	})
}

// TestRoundsNeverDateTooLate: a round's date is at most the send and at least a quantum before it, for two timeouts.
func TestRoundsNeverDateTooLate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		timeout := rapid.Int64Range(1, 5000).Draw(t, "timeout")
		var r rounds
		r.reset(timeout)
		now := rapid.Int64Range(-9000, 9000).Draw(t, "start")
		type sent struct {
			round uint64
			at    int64
		}
		var all []sent
		for range rapid.IntRange(1, 300).Draw(t, "sends") {
			now += rapid.Int64Range(0, 1+timeout/20).Draw(t, "pause")
			all = append(all, sent{r.at(now), now})
		}
		for _, s := range all {
			at, ok := r.begun(s.round)
			if !ok && now-s.at < timeout {
				t.Fatalf("the round of %d is forgotten at %d, with a timeout of %d", s.at, now, timeout)
			}
			if ok && (at > s.at || s.at-at >= r.quantum) {
				t.Fatalf("what was sent at %d is dated %d, with a quantum of %d", s.at, at, r.quantum)
			}
		}
		if _, ok := r.begun(r.newest + 1); ok {
			t.Fatal("a round that was never made has a date")
		}
	})
}
