package raft

import "fmt"

// This file is about the front of the log: what a snapshot replaces is cut off there.

// compact removes the entries up to index, which are applied. Views of them stay true (see raftLog). The cost is O(1), or the
// entries kept if they are fewer than those removed: then they move to an array of their own, so that memory follows the
// log's length and not its history.
func (l *raftLog) compact(index uint64) {
	if index <= l.offset {
		return
	}
	if index > l.applied {
		panic(fmt.Sprintf("raft: n%d would forget the entries up to %d, but only %d is applied", l.id, index, l.applied))
	}
	removed := index - l.offset
	l.offset, l.offsetTerm = index, l.entries[removed-1].Term
	kept := l.entries[removed:]
	if uint64(len(kept)) < removed {
		kept = append(make([]Entry, 0, 2*len(kept)), kept...)
	}
	l.entries = kept
}

// restore makes the log begin, and end, after the entry (index, term) of a snapshot, which is beyond the commit index. What is
// committed of the old log stays durable until the snapshot is; stable tells of no more than that.
func (l *raftLog) restore(index, term uint64) {
	if index <= l.commit {
		panic(fmt.Sprintf("raft: n%d would go back from commit index %d to a snapshot of entry %d", l.id, l.commit, index))
	}
	l.stable = min(l.stable, l.commit)
	l.offset, l.offsetTerm, l.entries = index, term, nil
	l.commit, l.applying, l.handed = index, index, index
	l.settled, l.unsettled = index, 0
}

// dataBytes is the number of bytes of data in the entries.
func dataBytes(entries []Entry) uint64 {
	size := uint64(0)
	for i := range entries {
		size += uint64(len(entries[i].Data))
	}
	return size
}
