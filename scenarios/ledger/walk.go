package ledger

import (
	"encoding/binary"
	"math"

	"raftsim/checker"
	"raftsim/raft"
)

// walk reads the log of a disk from its first segment to its last, over holes where there are any.
type walk struct {
	reader   *reader
	files    []file
	table    []known
	snapshot identity // newest valid one
	damaged  identity // newest damaged one

	stretches []stretch
	spare     []stretch
	hard      hardState
	told      identity // the last entry of the log, as what was read last tells
	promised  identity // what the last header calls lost, or may have
	headed    bool     // a header was read
	refusal   string

	// Where reading is: at offset of table[at], after the record or header of this sum, unless that is unknown (behind a hole).
	at      int // -1: before the first segment
	offset  uint64
	sum     uint32
	chained bool
	holed   bool // a hole was passed
	gap     bool // one that reached to the end of table[at]
	ended   bool // all was read, to the last byte
}

// stretch is a part of the log without gaps.
type stretch struct {
	base    identity // it begins after this entry
	entries []checker.ImageEntry
	commit  uint64
}

func (s *stretch) holds(id identity) bool {
	if id.index < s.base.index || id.index-s.base.index > uint64(len(s.entries)) {
		return false
	}
	if id.index == s.base.index {
		return id.term == s.base.term
	}
	return s.entries[id.index-s.base.index-1].Term == id.term
}

func (w *walk) begin(r *reader, files []file, all []known, snapshot, damaged identity) {
	w.spare = append(w.spare, w.stretches...)
	clear(w.stretches)
	*w = walk{reader: r, files: files, table: all, snapshot: snapshot, damaged: damaged, stretches: w.stretches[:0], spare: w.spare, at: -1}
}

// next returns the next segment of the log after table[i], -1 if there is none.
func (w *walk) next(i int) int {
	for i++; i < len(w.table); i++ {
		if k := &w.table[i]; k.kind == kindSegment && !k.log.dead {
			return i
		}
	}
	return -1
}

func (w *walk) read() {
	for i := w.next(-1); i >= 0; i = w.next(i) {
		if !w.enter(i) || !w.records(i) {
			return
		}
	}
	w.ended = !w.gap
}

// enter reads the header of a segment. False: what was read before is all.
func (w *walk) enter(i int) bool {
	s := &w.table[i].log
	if !s.valid {
		if w.end(i) {
			return false
		}
		w.promised = newest(w.promised, w.told) // what it called lost is not known
		w.at, w.offset = i, 0
		w.resume(i, 0)
		return true
	}
	h := &s.header
	if w.at >= 0 {
		missing := !h.names(&w.table[w.at].log)
		other := !w.gap && w.chained && w.offset == h.prevEnd && h.prevSum != w.sum
		if (missing || other) && !w.bad(w.at, math.MaxUint64) {
			return false
		}
	}
	w.told, w.promised, w.hard, w.headed = h.last, h.lost, h.hard, true
	log := w.link(h.last)
	log.entries, log.commit = log.entries[:h.last.index-log.base.index], h.hard.commit
	w.at, w.offset, w.sum, w.chained, w.gap = i, uint64(h.length), h.sum, true, false
	return true
}

// end judges a segment whose header is not valid. True: nothing was ever written there, or what was is torn.
func (w *walk) end(i int) bool {
	empty := true
	for j := i; j >= 0; j = w.next(j) {
		empty = empty && w.table[j].size == 0
	}
	if empty {
		w.ended = w.at >= 0 && !w.gap
		return true
	}
	return !w.bad(i, 0)
}

// records reads the records of a segment, up to where its successor says that it counts. Of a bad one with a valid head something may be good.
// False: what was read is all.
func (w *walk) records(i int) bool {
	k, bytes := &w.table[i], w.files[i].bytes
	limit := w.limit(i)
	bytes = bytes[:min(limit, uint64(len(bytes)))]
	var h head
	for !w.gap && w.offset < limit {
		ok := w.reader.head(bytes, w.offset, k.log.seed, &h) && (!w.chained || h.chain == w.sum)
		good := ok && h.end(w.offset) <= limit && w.reader.sound(&h, bytes, w.offset, k.log.seed) == h.count
		if !good && !w.bad(i, w.offset) {
			return false
		}
		if !ok {
			w.resume(i, w.offset+1)
			continue
		}
		if !w.take(k, &h, bytes) {
			return false
		}
		w.offset, w.sum, w.chained = h.end(w.offset), h.sum, true
	}
	return true
}

// limit is where a segment ceases to count.
func (w *walk) limit(i int) uint64 {
	if j := w.next(i); j >= 0 && w.table[j].log.valid && w.table[j].log.header.names(&w.table[i].log) {
		return w.table[j].log.header.prevEnd
	}
	return uint64(len(w.files[i].bytes))
}

// resume goes on at the next valid head of the segment, behind a hole; without any, at the next segment.
func (w *walk) resume(i int, from uint64) {
	var h head
	w.chained, w.gap = false, true
	bytes := w.files[i].bytes
	for end := min(w.limit(i), uint64(len(bytes))); from < end; from++ {
		if w.reader.head(bytes, from, w.table[i].log.seed, &h) {
			w.at, w.offset, w.gap = i, from, false
			return
		}
	}
}

// take adds a record to the log. An entry whose data is bad is taken from what was read before, if that has it; else the log ends before it.
// False: the disk is refused.
func (w *walk) take(k *known, h *head, bytes []byte) bool {
	le := binary.LittleEndian
	w.told = h.last()
	if h.prev.index < k.log.low.index {
		k.log.low = h.prev
	}
	w.hard = h.hard
	s := w.link(h.prev)
	at, held := w.offset+uint64(h.length), s.entries[h.prev.index-s.base.index:]
	s.entries = s.entries[:h.prev.index-s.base.index]
	for i := range uint64(h.count) {
		row := h.table[rowBytes*i:]
		e := checker.ImageEntry{Term: le.Uint64(row)}
		length := le.Uint32(row[9:])
		if data, ok := w.reader.datum(bytes, at, length, le.Uint32(row[13:]), k.log.seed); ok {
			if e.Hash, ok = contentHash(row[8], data); !ok {
				w.refusal = refusedType
				return false
			}
		} else if i < uint64(len(held)) && held[i].Term == e.Term {
			e = held[i]
		} else {
			break
		}
		at += uint64(length)
		s.entries = append(s.entries, e)
		w.reader.stats.Entries++
	}
	s.commit = h.hard.commit
	w.reader.stats.Records++
	return true
}

// contentHash is checker.EntryHash of an entry's data; not ok if no entry has that type.
func contentHash(kind byte, data []byte) (hash uint64, ok bool) {
	if kind > byte(raft.EntryConfChange) {
		return 0, false
	}
	return checker.EntryHash(data, kind == byte(raft.EntryConfChange)), true
}

func (w *walk) top() *stretch { return &w.stretches[len(w.stretches)-1] }

// link returns the newest stretch that holds this entry, and drops those begun since; if none does, a new one begins after it. Without
// a hole that is a log of which the beginning was compacted.
func (w *walk) link(prev identity) *stretch {
	for n := len(w.stretches); n > 0; n-- {
		if w.stretches[n-1].holds(prev) {
			w.spare = append(w.spare, w.stretches[n:]...)
			w.stretches = w.stretches[:n]
			return w.top()
		}
	}
	w.push(prev)
	return w.top()
}

func (w *walk) push(base identity) {
	var s stretch
	if n := len(w.spare); n > 0 {
		s, w.spare = w.spare[n-1], w.spare[:n-1]
	}
	w.stretches = append(w.stretches, stretch{base: base, entries: s.entries[:0]})
}

// replaced says whether the log that was read is one which the snapshot was installed in the place of: nothing is missing in it, from
// the snapshot or before to the last entry that anything tells of.
func (w *walk) replaced() bool {
	s := w.top()
	n := uint64(len(s.entries))
	last := s.base
	if n > 0 {
		last = identity{s.base.index + n, s.entries[n-1].Term}
	}
	return s.base.index <= w.snapshot.index && last == w.told
}

// lost is the newest entry that was lost to damage when the log ends with last: what was read last says how far the log went.
func (w *walk) lost(last identity) identity {
	lost := last
	for _, id := range [...]identity{w.told, w.promised, w.damaged} {
		if lost.older(id) {
			lost = id
		}
	}
	if lost == last {
		return identity{}
	}
	return lost
}
