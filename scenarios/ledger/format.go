package ledger

import (
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"strings"
)

// The words of the format, as package raft/storage documents it.

// identity is an entry's index and term; the zero value is the beginning of every log.
type identity struct{ index, term uint64 }

// older orders identities as logs are compared (§5.4.1): by term, then by index.
func (a identity) older(b identity) bool {
	return a.term < b.term || a.term == b.term && a.index < b.index
}

// place is a position in the log's files.
type place struct{ segment, offset uint64 }

func (a place) before(b place) bool {
	return a.segment < b.segment || a.segment == b.segment && a.offset < b.offset
}

type hardState struct{ term, vote, commit uint64 }

const (
	segmentMagic  = "raftseg\x03"
	recordMagic   = "rec\x02"
	snapshotMagic = "raftsnp\x02"

	headerBytes   = 176 // and the configuration
	headBytes     = 80  // and the table
	rowBytes      = 17  // of the table
	metaBytes     = 32
	closingBytes  = 16 // length, sum and magic at the end of a snapshot
	snapshotBlock = 65536

	flagAnew = 1
)

// parseName reads a name of two numbers and an ending.
func parseName(name, ending string) (a, b uint64, ok bool) {
	if len(name) != 33+len(ending) || name[16] != '-' || !strings.HasSuffix(name, ending) {
		return 0, 0, false
	}
	a, ok = parseHex(name[:16])
	if !ok {
		return 0, 0, false
	}
	b, ok = parseHex(name[17:33])
	return a, b, ok
}

func parseHex(s string) (uint64, bool) {
	var text, number [16]byte
	copy(text[:], s)
	for _, c := range text {
		if c >= 'A' && c <= 'F' {
			return 0, false
		}
	}
	if _, err := hex.Decode(number[:8], text[:]); err != nil {
		return 0, false
	}
	return binary.BigEndian.Uint64(number[:8]), true
}

// header is the beginning of a segment.
type header struct {
	sum, length, flags, prevSum uint32
	id, segment, incarnation    uint64
	prevSegment, prevLife       uint64
	prevEnd                     uint64
	mark                        place
	hard                        hardState
	last, lost, snapshot        identity
	carried                     uint64 // size of the first record, if the header counts only together with it
}

// reader takes bytes apart.
type reader struct {
	room  [256]byte // scratch
	table *crc32.Table
	block [24]byte // scratch
	seeds [24]byte // scratch
	stats Stats
	walk  walk
}

func (r *reader) crc(sum uint32, b []byte) uint32 {
	if r.table == nil {
		r.table = crc32.MakeTable(crc32.Castagnoli)
	}
	return crc32.Update(sum, r.table, b)
}

// salted is the sum of an offset and two pieces. Short ones are put together first: that is faster than sums of few bytes.
func (r *reader) salted(seed uint32, offset uint64, a, b []byte) uint32 {
	binary.LittleEndian.PutUint64(r.room[:], offset)
	if n := 8 + len(a) + len(b); n <= len(r.room) {
		copy(r.room[8:], a)
		copy(r.room[8+len(a):], b)
		return r.crc(seed, r.room[:n])
	}
	return r.crc(r.crc(r.crc(seed, r.room[:8]), a), b)
}

// header reads the header of the segment with this number and incarnation in its name. False: it is not valid.
func (r *reader) header(b []byte, s *segment) bool {
	h := &s.header
	if len(b) < headerBytes || string(b[:8]) != segmentMagic {
		return false
	}
	le := binary.LittleEndian
	h.sum, h.length, h.flags, h.prevSum = le.Uint32(b[8:]), le.Uint32(b[12:]), le.Uint32(b[16:]), le.Uint32(b[20:])
	if h.length < headerBytes || uint64(h.length) > uint64(len(b)) || h.flags&^flagAnew != 0 {
		return false
	}
	all := b
	b = b[:h.length]
	r.stats.Bytes += uint64(len(b))
	if r.crc(r.crc(0, b[:8]), b[12:]) != h.sum || !wellFormed(b[headerBytes:]) {
		return false
	}
	word := func(at int) uint64 { return le.Uint64(b[at:]) }
	h.id, h.segment, h.incarnation = word(24), word(32), word(40)
	h.prevSegment, h.prevLife, h.prevEnd = word(48), word(56), word(64)
	h.mark = place{word(72), word(80)}
	h.hard = hardState{word(88), word(96), word(104)}
	h.last, h.lost, h.snapshot = identity{word(112), word(120)}, identity{word(128), word(136)}, identity{word(144), word(152)}
	h.carried = word(160)
	return h.segment == s.number && h.incarnation == s.life && (h.carried == 0 || r.carries(all, s))
}

// carries says whether the record that belongs to a header is behind it.
func (r *reader) carries(b []byte, s *segment) bool {
	h, at := &s.header, uint64(s.header.length)
	var first head
	return r.head(b, at, s.seed, &first) && first.chain == h.sum && first.prev == h.last && first.end(at) == at+h.carried &&
		r.sound(&first, b, at, s.seed) == first.count
}

// wellFormed says whether b is a configuration: flags, and four lists of numbers of minimal length.
func wellFormed(b []byte) bool {
	if len(b) == 0 || b[0] > 1 {
		return false
	}
	b = b[1:]
	for range 4 {
		count, size := binary.Uvarint(b)
		if !minimal(b, size) || count > uint64(len(b)-size) {
			return false
		}
		b = b[size:]
		for range count {
			_, size := binary.Uvarint(b)
			if !minimal(b, size) {
				return false
			}
			b = b[size:]
		}
	}
	return len(b) == 0
}

// minimal says whether the number of size bytes at the beginning of b is there, and as short as it can be.
func minimal(b []byte, size int) bool { return size == 1 || size > 1 && b[size-1] != 0 }

// head is that of a record.
type head struct {
	sum, length, count, chain, body uint32
	hard                            hardState
	prev                            identity
	mark                            place
	table                           []byte // of the disk
}

// end is where a record ends that begins at offset.
func (h *head) end(offset uint64) uint64 { return offset + uint64(h.length) + uint64(h.body) }

// last is the identity of the last entry of the log after the record.
func (h *head) last() identity {
	if h.count == 0 {
		return h.prev
	}
	row := h.table[len(h.table)-rowBytes:]
	return identity{h.prev.index + uint64(h.count), binary.LittleEndian.Uint64(row)}
}

// seed is the beginning of the salt of all that is in one segment, as a sum: id, incarnation, segment.
func (r *reader) seed(id, number, incarnation uint64) uint32 {
	le := binary.LittleEndian
	le.PutUint64(r.seeds[0:], id)
	le.PutUint64(r.seeds[8:], incarnation)
	le.PutUint64(r.seeds[16:], number)
	return r.crc(0, r.seeds[:])
}

// head reads the head at offset. False: there is no valid one.
func (r *reader) head(b []byte, offset uint64, seed uint32, h *head) bool {
	if offset > uint64(len(b)) {
		return false
	}
	b = b[offset:]
	if len(b) < headBytes || string(b[:4]) != recordMagic {
		return false
	}
	le := binary.LittleEndian
	h.sum, h.length, h.count, h.chain, h.body = le.Uint32(b[4:]), le.Uint32(b[8:]), le.Uint32(b[12:]), le.Uint32(b[16:]), le.Uint32(b[20:])
	if uint64(h.length) > uint64(len(b)) || uint64(h.length) != headBytes+rowBytes*uint64(h.count) {
		return false
	}
	b = b[:h.length]
	r.stats.Bytes += uint64(len(b))
	if r.salted(seed, offset, b[:4], b[8:]) != h.sum {
		return false
	}
	h.table = b[headBytes:]
	body := uint64(0)
	for at := 0; at < len(h.table); at += rowBytes {
		body += uint64(le.Uint32(h.table[at+9:]))
	}
	if body != uint64(h.body) {
		return false
	}
	h.hard = hardState{le.Uint64(b[24:]), le.Uint64(b[32:]), le.Uint64(b[40:])}
	h.prev = identity{le.Uint64(b[48:]), le.Uint64(b[56:])}
	h.mark = place{le.Uint64(b[64:]), le.Uint64(b[72:])}
	return true
}

// datum checks the data at offset, and returns it.
func (r *reader) datum(b []byte, offset uint64, length, sum, seed uint32) (data []byte, ok bool) {
	if offset > uint64(len(b)) || uint64(length) > uint64(len(b))-offset {
		return nil, false
	}
	data = b[offset : offset+uint64(length)]
	r.stats.Bytes += uint64(len(data))
	return data, r.salted(seed, offset, data, nil) == sum
}

// sound counts the entries of the record at offset before the first whose data is bad.
func (r *reader) sound(h *head, b []byte, offset uint64, seed uint32) (good uint32) {
	le := binary.LittleEndian
	at := offset + uint64(h.length)
	for ; good < h.count; good++ {
		row := h.table[rowBytes*uint64(good):]
		length := le.Uint32(row[9:])
		if _, ok := r.datum(b, at, length, le.Uint32(row[13:]), seed); !ok {
			break
		}
		at += uint64(length)
	}
	return good
}

// snapshot says whether b is the member's snapshot of this entry. O(len(b)).
func (r *reader) snapshot(b []byte, member uint64, of identity) bool {
	le := binary.LittleEndian
	size := uint64(len(b))
	if size < closingBytes+metaBytes || string(b[size-8:]) != snapshotMagic {
		return false
	}
	length := uint64(le.Uint32(b[size-16:]))
	if length > size || length < closingBytes+metaBytes {
		return false
	}
	data, footer := b[:size-length], b[size-length:]
	if r.crc(r.crc(0, footer[:length-12]), footer[length-8:]) != le.Uint32(footer[length-12:]) {
		return false
	}
	blocks := (uint64(len(data)) + snapshotBlock - 1) / snapshotBlock
	if length < 4*blocks+metaBytes+closingBytes {
		return false
	}
	meta := footer[4*blocks:]
	if le.Uint64(meta) != member || le.Uint64(meta[8:]) != of.index || le.Uint64(meta[16:]) != of.term || le.Uint64(meta[24:]) != uint64(len(data)) {
		return false
	}
	if !wellFormed(meta[metaBytes : len(meta)-closingBytes]) {
		return false
	}
	r.stats.Bytes += size
	for i := range blocks {
		le.PutUint64(r.block[0:], of.index)
		le.PutUint64(r.block[8:], of.term)
		le.PutUint64(r.block[16:], i*snapshotBlock)
		block := data[i*snapshotBlock : min((i+1)*snapshotBlock, uint64(len(data)))]
		if r.crc(r.crc(0, r.block[:]), block) != le.Uint32(footer[4*i:]) {
			return false
		}
	}
	r.stats.Snapshots++
	return true
}
