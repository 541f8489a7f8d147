package storage

import (
	"hash/crc32"

	"raftsim/raft"
)

// position is a place in the log on disk.
type position struct {
	segment uint64
	offset  int64
}

func (p position) before(q position) bool {
	return p.segment < q.segment || p.segment == q.segment && p.offset < q.offset
}

// newer is the order of §5.4.1 of the paper.
func newer(a, b raft.EntryID) bool { return a.Term > b.Term || a.Term == b.Term && a.Index > b.Index }

// summer makes the checksums of one segment.
type summer struct {
	room  [256]byte // scratch; on the stack it would escape
	table *crc32.Table
	seed  uint32 // checksum of id, incarnation and segment
}

func newSummer(id, incarnation, segment uint64) summer {
	s := summer{table: crc32.MakeTable(crc32.Castagnoli)}
	s.seed = sumNumbers(s.table, 0, id, incarnation, segment)
	return s
}

// sum returns the checksum of two pieces, salted with the offset off at which they begin. Short ones are put together first: most
// records are short, and sums of few bytes, or of bytes at odd addresses, cost more than copying them.
func (s *summer) sum(off int64, a, b []byte) uint32 {
	le.PutUint64(s.room[:], uint64(off))
	if n := 8 + len(a) + len(b); n <= len(s.room) {
		copy(s.room[8:], a)
		copy(s.room[8+len(a):], b)
		return crc32.Update(s.seed, s.table, s.room[:n])
	}
	return crc32.Update(crc32.Update(crc32.Update(s.seed, s.table, s.room[:8]), s.table, a), s.table, b)
}

func sumNumbers(table *crc32.Table, sum uint32, numbers ...uint64) uint32 {
	var b [8]byte
	for _, n := range numbers {
		le.PutUint64(b[:], n)
		sum = crc32.Update(sum, table, b[:])
	}
	return sum
}
