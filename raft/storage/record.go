package storage

import (
	"bytes"
	"math"

	"raftsim/raft"
)

const (
	recordMagic = "rec\x02"
	recordFixed = 80
	recordEntry = 17 // bytes of the table for each entry

	maxEntry  = 64 << 20  // bytes of data
	maxRecord = 256 << 20 // bytes in all
)

// head is the beginning of a record.
type head struct {
	at     int64
	length int64
	body   int64
	chain  uint32
	sum    uint32
	hs     raft.HardState
	prev   raft.EntryID
	mark   position
	table  []byte // recordEntry bytes for each entry
}

func (h *head) count() int { return len(h.table) / recordEntry }

// end is where the next record begins.
func (h *head) end() int64 { return h.at + h.length + h.body }

// row returns what the head says of its i-th entry; the index follows from prev.
func (h *head) row(i int) (term uint64, kind raft.EntryType, length int64, sum uint32) {
	b := h.table[i*recordEntry : (i+1)*recordEntry]
	return le.Uint64(b), raft.EntryType(b[8]), int64(le.Uint32(b[9:])), le.Uint32(b[13:])
}

// appendRecord appends the record of one batch that is to begin at offset at of its file, and returns its sum. It allocates
// only if dst has no room.
func appendRecord(dst []byte, s *summer, h *head, entries []raft.Entry) ([]byte, uint32) {
	start := len(dst)
	length := recordFixed + recordEntry*len(entries)
	body := 0
	for i := range entries {
		body += len(entries[i].Data)
	}
	dst = append(dst, recordMagic...)
	dst = le.AppendUint32(dst, 0)
	dst = le.AppendUint32(dst, uint32(length))
	dst = le.AppendUint32(dst, uint32(len(entries)))
	dst = le.AppendUint32(dst, h.chain)
	dst = le.AppendUint32(dst, uint32(body))
	dst = le.AppendUint64(dst, h.hs.Term)
	dst = le.AppendUint64(dst, h.hs.Vote)
	dst = le.AppendUint64(dst, h.hs.Commit)
	dst = le.AppendUint64(dst, h.prev.Index)
	dst = le.AppendUint64(dst, h.prev.Term)
	dst = le.AppendUint64(dst, h.mark.segment)
	dst = le.AppendUint64(dst, uint64(h.mark.offset))
	at := h.at + int64(length)
	for i := range entries {
		e := &entries[i]
		dst = le.AppendUint64(dst, e.Term)
		dst = append(dst, byte(e.Type))
		dst = le.AppendUint32(dst, uint32(len(e.Data)))
		dst = le.AppendUint32(dst, s.sum(at, e.Data, nil))
		at += int64(len(e.Data))
	}
	b := dst[start:]
	sum := headSum(b, s, h.at)
	le.PutUint32(b[4:], sum)
	for i := range entries {
		dst = append(dst, entries[i].Data...)
	}
	return dst, sum
}

func headSum(b []byte, s *summer, at int64) uint32 {
	return s.sum(at, b[:4], b[8:])
}

// recordSize returns the bytes of a record, and whether neither it nor an entry is too large.
func recordSize(entries []raft.Entry) (size int64, ok bool) {
	size, ok = recordFixed, true
	for i := range entries {
		ok = ok && len(entries[i].Data) <= maxEntry
		size += recordEntry + int64(len(entries[i].Data))
	}
	return size, ok && size <= maxRecord
}

// decodeHead reads the head at offset at of a segment's bytes into h, which means nothing if it is not valid.
func decodeHead(data []byte, at int64, s *summer, h *head) bool {
	b := data[at:]
	if len(b) < recordFixed || string(b[:4]) != recordMagic {
		return false
	}
	length, count := le.Uint32(b[8:]), le.Uint32(b[12:])
	if uint64(length) != recordFixed+recordEntry*uint64(count) || uint64(length) > uint64(len(b)) {
		return false
	}
	b = b[:length:length]
	h.sum = le.Uint32(b[4:])
	if headSum(b, s, at) != h.sum {
		return false
	}
	h.at, h.length = at, int64(length)
	h.chain, h.body = le.Uint32(b[16:]), int64(le.Uint32(b[20:]))
	h.hs = raft.HardState{Term: le.Uint64(b[24:]), Vote: le.Uint64(b[32:]), Commit: le.Uint64(b[40:])}
	h.prev = raft.EntryID{Index: le.Uint64(b[48:]), Term: le.Uint64(b[56:])}
	h.mark = position{le.Uint64(b[64:]), int64(le.Uint64(b[72:]))}
	h.table = b[recordFixed:]
	body := int64(0)
	for i := range h.count() {
		_, _, n, _ := h.row(i)
		body += n
	}
	return body == h.body && h.mark.offset >= 0 && h.prev.Index <= math.MaxUint64-uint64(count)
}

// findHead reads the first valid head at offset at or behind it into h.
func findHead(data []byte, at int64, s *summer, h *head) bool {
	for at < int64(len(data)) {
		i := bytes.Index(data[at:], []byte(recordMagic))
		if i < 0 {
			break
		}
		at += int64(i)
		if decodeHead(data, at, s, h) {
			return true
		}
		at++
	}
	return false
}

// whole reports whether all data of a record is there.
func whole(data []byte, h *head, s *summer) bool {
	at := h.at + h.length
	for i := range h.count() {
		_, _, length, sum := h.row(i)
		if _, ok := entryData(data, at, length, sum, s); !ok {
			return false
		}
		at += length
	}
	return true
}

// entryData returns the data of the entry whose bytes begin at offset at, and whether they are all there and right.
func entryData(data []byte, at, length int64, sum uint32, s *summer) ([]byte, bool) {
	if length > int64(len(data))-at || s.sum(at, data[at:at+length], nil) != sum {
		return nil, false
	}
	return entryBytes(data, at, length), true
}

func entryBytes(data []byte, at, length int64) []byte {
	if length == 0 {
		return nil
	}
	return data[at : at+length : at+length]
}
