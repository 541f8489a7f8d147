package world

import (
	"time"

	"raftsim/sim"
)

// Behind says how old the answers of reads were that promise no newest state. It takes no part in any verdict: what such a read promises
// is judged by index.
type Behind struct {
	Answers uint64
	Late    uint64 // answers without something that was committed already
	Entries uint64 // that they lacked, summed up
	Micros  uint64 // since the first of these was committed, in microseconds of virtual time, summed up
}

// answered counts an answer from the state after index.
func (b *Behind) answered(w *World, index uint64) {
	b.since(w, index, min(w.judges.LedgerEnd(), uint64(len(w.commits))))
}

// since counts an answer from the state after index when everything up to end is committed.
func (b *Behind) since(w *World, index, end uint64) {
	b.Answers++
	if index >= end {
		return
	}
	b.Late++
	b.Entries += end - index
	b.Micros += uint64(w.kernel.Now().Sub(w.commits[index]) / time.Microsecond)
}

// dates notes when the entries up to end were first known to be committed.
func (w *World) dates(end uint64) {
	for uint64(len(w.commits)) < end {
		w.commits = append(w.commits, w.kernel.Now())
	}
}

// commitTimes are when entries were committed, from index 1.
type commitTimes []sim.Time
