package storage

import (
	"sort"

	"raftsim/raft"
)

// terms knows the identity of every entry of the log after base, in as many words as the log has changes of the term.
type terms struct {
	base raft.EntryID
	last uint64
	runs []termRun // ascending in first and term
}

// termRun is the entries from first up to the next run.
type termRun struct{ first, term uint64 }

func (t *terms) reset(base raft.EntryID) {
	t.base, t.last, t.runs = base, base.Index, t.runs[:0]
}

func (t *terms) lastID() raft.EntryID {
	if n := len(t.runs); n > 0 {
		return raft.EntryID{Index: t.last, Term: t.runs[n-1].term}
	}
	return t.base
}

// id returns the identity of the entry at index, if it is known: base, or an entry after it.
func (t *terms) id(index uint64) (raft.EntryID, bool) {
	switch {
	case index == t.base.Index:
		return t.base, true
	case index < t.base.Index || index > t.last:
		return raft.EntryID{}, false
	}
	n := len(t.runs) - 1
	if t.runs[n].first > index { // the last run is the one mostly asked for
		n = sort.Search(n, func(i int) bool { return t.runs[i].first > index }) - 1
	}
	return raft.EntryID{Index: index, Term: t.runs[n].term}, true
}

// put says that the entry at index has this term and is the last. There is an entry before it, or it follows base.
func (t *terms) put(index, term uint64) {
	n := len(t.runs)
	for n > 0 && t.runs[n-1].first >= index {
		n--
	}
	t.runs = t.runs[:n]
	if n == 0 || t.runs[n-1].term != term {
		t.runs = append(t.runs, termRun{index, term})
	}
	t.last = index
}

// forget moves base up to an entry.
func (t *terms) forget(base raft.EntryID) {
	if base.Index >= t.last {
		t.reset(base)
		return
	}
	n := 0
	for n+1 < len(t.runs) && t.runs[n+1].first <= base.Index+1 {
		n++
	}
	t.runs = t.runs[:copy(t.runs, t.runs[n:])]
	t.runs[0].first = max(t.runs[0].first, base.Index+1)
	t.base = base
}
