package raft

import "fmt"

// raftLog is the log of one server with the marks that move over it:
//
//	offset <= applied <= applying <= commit          offset <= stable <= handed <= last
//	applying <= stable
//
// While a snapshot is being installed, applied and stable may still lie below offset: the snapshot is in the log's place
// already, but neither on disk nor in the state machine.
//
// A slot of the entries' array is written once: appending grows the array, and truncating gives up the right to its tail
// (truncate). Slices of the log therefore stay true for as long as anyone holds them, which is why messages and
// Readies carry views instead of copies.
type raftLog struct {
	id         uint64 // for panics only
	offset     uint64 // the index before entries[0]
	offsetTerm uint64
	entries    []Entry
	slab       slab
	settled    uint64 // the lesser of commit and stable; not below offset
	unsettled  uint64 // bytes of data in the entries after settled

	commit   uint64 // committed as far as this server knows
	applying uint64 // handed out in Ready.Committed
	applied  uint64 // reported back by the host
	handed   uint64 // handed out in Ready.Entries
	stable   uint64 // durable on this server
}

func (l *raftLog) lastIndex() uint64 { return l.offset + uint64(len(l.entries)) }

func (l *raftLog) lastTerm() uint64 {
	if n := len(l.entries); n > 0 {
		return l.entries[n-1].Term
	}
	return l.offsetTerm
}

// term returns the term of the entry at index; ok is false when the log does not reach there, on either side.
func (l *raftLog) term(index uint64) (term uint64, ok bool) {
	switch {
	case index == l.offset:
		return l.offsetTerm, true
	case index > l.offset && index-l.offset <= uint64(len(l.entries)):
		return l.entries[index-l.offset-1].Term, true
	}
	return 0, false
}

// matches reports whether the log holds the entry (index, term). The empty log's beginning is the entry (0, 0).
func (l *raftLog) matches(index, term uint64) bool {
	own, ok := l.term(index)
	return ok && own == term
}

// slice returns a view of the entries from index from to index to, both included; nil when from is beyond to.
func (l *raftLog) slice(from, to uint64) []Entry {
	if from > to {
		return nil
	}
	if from <= l.offset || to > l.lastIndex() {
		panic(fmt.Sprintf("raft: n%d sliced entries %d to %d of a log that has %d to %d",
			l.id, from, to, l.offset+1, l.lastIndex()))
	}
	a, b := from-l.offset-1, to-l.offset
	return l.entries[a:b:b]
}

// upToDate reports whether a log that ends with (lastIndex, lastTerm) is at least as new as this one (paper §5.4.1).
func (l *raftLog) upToDate(lastIndex, lastTerm uint64) bool {
	own := l.lastTerm()
	return lastTerm > own || lastTerm == own && lastIndex >= l.lastIndex()
}

// appendOwn appends an entry a leader has made, copying its data.
func (l *raftLog) appendOwn(term uint64, data []byte) uint64 {
	index := l.lastIndex() + 1
	l.unsettled += uint64(len(data))
	l.entries = append(l.entries, Entry{Term: term, Index: index, Type: EntryNormal, Data: l.slab.copy(data)})
	return index
}

// follow makes the log agree with entries that follow an entry the log holds. Entries it has already are left alone, so
// that an old append cannot shorten the log; from the first one that differs on, the rest is replaced (paper §5.3, R02).
// It returns the index truncated from, 0 for none. Data is copied.
func (l *raftLog) follow(entries []Entry) (truncated uint64) {
	for i := range entries {
		e := &entries[i]
		term, ok := l.term(e.Index)
		if ok && term == e.Term {
			continue
		}
		if ok {
			truncated = e.Index
			l.truncate(e.Index, e.Term)
		}
		l.appendCopies(entries[i:])
		return truncated
	}
	return 0
}

// truncate removes the entries from index on, to make room for one of the given term there.
func (l *raftLog) truncate(index, term uint64) {
	if index <= l.commit {
		own, _ := l.term(index)
		panic(fmt.Sprintf("raft: n%d would truncate committed entry %d (commit %d): it has term %d, the leader's has term %d",
			l.id, index, l.commit, own, term))
	}
	keep := index - l.offset - 1
	l.unsettled -= dataBytes(l.entries[keep:])
	// Without capacity the next append moves to a new array: views of the removed entries stay as they are.
	l.entries = l.entries[:keep:keep]
	l.handed = min(l.handed, index-1)
	l.stable = min(l.stable, index-1)
}

func (l *raftLog) appendCopies(entries []Entry) {
	if next := l.lastIndex() + 1; entries[0].Index != next {
		panic(fmt.Sprintf("raft: n%d would append entry %d where %d is next", l.id, entries[0].Index, next))
	}
	size := 0
	for i := range entries {
		size += len(entries[i].Data)
	}
	l.unsettled += uint64(size)
	l.slab.reserve(size)
	for i := range entries {
		e := entries[i]
		e.Data = l.slab.copy(e.Data)
		l.entries = append(l.entries, e)
	}
}

// conflictByTerm returns the last entry at or before index whose term is at most the given one. It is the shortcut of
// conflict back-tracking: every entry between the result and index has a larger term than anything the other log can hold
// there, so none of them can match. The cost is the number of entries skipped.
func (l *raftLog) conflictByTerm(index, term uint64) (at, atTerm uint64) {
	index = min(index, l.lastIndex())
	for index > l.offset {
		own := l.entries[index-l.offset-1].Term
		if own <= term {
			return index, own
		}
		index--
	}
	return index, l.offsetTerm
}

// commitTo raises the commit index; it never goes back (R06).
func (l *raftLog) commitTo(index uint64) bool {
	if index <= l.commit {
		return false
	}
	if last := l.lastIndex(); index > last {
		panic(fmt.Sprintf("raft: n%d is told that entry %d is committed, but its log ends at %d: entries it acknowledged are lost",
			l.id, index, last))
	}
	l.commit = index
	l.settle()
	return true
}

// stableTo raises the mark of what is durable here.
func (l *raftLog) stableTo(index uint64) bool {
	if index <= l.stable {
		return false
	}
	l.stable = index
	l.settle()
	return true
}

// settle raises the mark of what is committed, and durable here. Cutting the log never lowers it.
func (l *raftLog) settle() {
	if to := min(l.commit, l.stable); to > l.settled {
		l.unsettled -= dataBytes(l.slice(l.settled+1, to))
		l.settled = to
	}
}

// appliable returns the last entry that may be applied now: committed, and durable here.
func (l *raftLog) appliable() uint64 { return min(l.commit, l.stable) }

// slab cuts small copies from larger pieces of memory, so that an entry does not cost an allocation of its own. A piece
// lives as long as the last entry cut from it.
type slab struct{ free []byte }

const slabSize = 4096

// reserve makes sure that the next n bytes come from one piece.
func (s *slab) reserve(n int) {
	if n > len(s.free) {
		s.free = make([]byte, max(n, slabSize))
	}
}

// copy returns a copy of data that nothing else will ever write; nil for empty data.
func (s *slab) copy(data []byte) []byte {
	n := len(data)
	if n == 0 {
		return nil
	}
	s.reserve(n)
	c := s.free[:n:n]
	s.free = s.free[n:]
	copy(c, data)
	return c
}
