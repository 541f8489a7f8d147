package storage

import (
	"fmt"

	"raftsim/raft"
)

// Compact says that entries up to the one of this index and term are not needed any more, because a durable snapshot covers them
// (ErrNoSnapshot if none does). It removes the segments that hold nothing else. Removals are not synced: those that a power
// loss undoes are made again by a later Compact, or mean nothing to recovery.
//
// Appends must not go back to those entries afterwards.
func (l *Log) Compact(index, term uint64) error {
	l.mustBeRecovered("Compact")
	if index > l.saved.Index {
		return fmt.Errorf("%w: entries up to %d are to go, the newest durable snapshot is of entry %d", ErrNoSnapshot, index, l.saved.Index)
	}
	if index > l.terms.base.Index {
		if id, ok := l.terms.id(index); !ok || id.Term != term {
			return fmt.Errorf("%w: compaction up to entry %d of term %d, which the log does not hold", ErrOrder, index, term)
		}
		l.terms.forget(raft.EntryID{Index: index, Term: term})
	}
	// What is before a segment whose header is durable, and says that the log ended at or before index, is not needed.
	keep := 0
	for i := range l.segments {
		if s := &l.segments[i]; s.headed && s.durable && s.last.Index <= index {
			keep = i
		}
	}
	return l.removeSegments(keep)
}

// removeSegments removes the first n segments.
func (l *Log) removeSegments(n int) error {
	for i := range n {
		s := &l.segments[i]
		if err := l.fs.Remove(SegmentName(s.number, s.incarnation)); err != nil {
			l.segments = l.segments[:copy(l.segments, l.segments[i:])]
			return fmt.Errorf("storage: compact: %w", err)
		}
	}
	l.segments = l.segments[:copy(l.segments, l.segments[n:])]
	return nil
}
