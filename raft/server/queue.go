package server

import "raftsim/raft"

// queue are committed entries in order that wait to be applied. Their data is the core's, which never changes it.
type queue struct {
	entries []raft.Entry
	start   int
	asked   bool // the host knows that something waits
}

func (q *queue) len() int { return len(q.entries) - q.start }

func (q *queue) add(entries []raft.Entry) {
	if q.start > 0 && len(q.entries)+len(entries) > cap(q.entries) {
		n := copy(q.entries, q.entries[q.start:])
		clear(q.entries[n:])
		q.entries, q.start = q.entries[:n], 0
	}
	q.entries = append(q.entries, entries...)
}

// first returns the next n entries.
func (q *queue) first(n int) []raft.Entry { return q.entries[q.start : q.start+n] }

// drop removes the next n entries.
func (q *queue) drop(n int) {
	clear(q.entries[q.start : q.start+n]) // their data is not to be kept alive
	if q.start += n; q.start == len(q.entries) {
		q.entries, q.start = q.entries[:0], 0
	}
}

// dropTo removes the entries up to an index.
func (q *queue) dropTo(index uint64) {
	n := 0
	for n < q.len() && q.entries[q.start+n].Index <= index {
		n++
	}
	q.drop(n)
}
