package server

import "raftsim/raft"

// terms knows the term of every applied entry from some index on: the first entry of each term, ascending. It is as long as
// there were terms.
type terms []raft.EntryID

// add says that the entry at index is applied and has this term. Indexes rise.
func (t *terms) add(index, term uint64) {
	if n := len(*t); n == 0 || (*t)[n-1].Term != term {
		*t = append(*t, raft.EntryID{Index: index, Term: term})
	}
}

// at returns the term of the entry at index, 0 if it was forgotten.
func (t terms) at(index uint64) uint64 {
	for i := len(t) - 1; i >= 0; i-- {
		if t[i].Index <= index {
			return t[i].Term
		}
	}
	return 0
}

// forget keeps the entries from index on.
func (t *terms) forget(index uint64) {
	n := 0
	for n+1 < len(*t) && (*t)[n+1].Index <= index {
		n++
	}
	*t = (*t)[:copy(*t, (*t)[n:])]
}
