package raft

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// The wire and disk format of messages and entries. Numbers are unsigned varints of minimal length.
//
//	message = kind:1 mask:2 (little endian) numbers entries
//	kind    = message type, plus 0x80 for a rejection
//	mask    = bit i set: the i-th number is present and not zero; bit 15 set: there are entries
//	numbers = From To Term LogTerm Index Commit CommitTerm RejectHint Round Epoch, as far as present
//	entries = count entry..., nothing when there are none
//	entry   = type:1 term index length data
//
// Every message has exactly one encoding, and everything else is refused.

// ErrCorrupt is returned for bytes that no encoder of this package has written.
const ErrCorrupt Error = "raft: corrupt encoding"

const (
	rejectBit    = 0x80
	entriesBit   = 1 << 15
	numbersCount = 10
	minEntrySize = 4
)

// numbers lists the fields in the order of the format.
func (m *Message) numbers() [numbersCount]*uint64 {
	return [numbersCount]*uint64{&m.From, &m.To, &m.Term, &m.LogTerm, &m.Index,
		&m.Commit, &m.CommitTerm, &m.RejectHint, &m.Round, &m.Epoch}
}

// AppendMessage appends the encoding of m to dst. It allocates nothing if dst has room.
func AppendMessage(dst []byte, m *Message) []byte {
	kind := byte(m.Type)
	if m.Reject {
		kind |= rejectBit
	}
	start := len(dst)
	dst = append(dst, kind, 0, 0)
	mask := uint16(0)
	for i, n := range m.numbers() {
		if *n != 0 {
			mask |= 1 << i
			dst = binary.AppendUvarint(dst, *n)
		}
	}
	if len(m.Entries) > 0 {
		mask |= entriesBit
		dst = binary.AppendUvarint(dst, uint64(len(m.Entries)))
		for i := range m.Entries {
			dst = AppendEntry(dst, &m.Entries[i])
		}
	}
	binary.LittleEndian.PutUint16(dst[start+1:], mask)
	return dst
}

// DecodeMessage sets m to the message that b encodes. The capacity of m.Entries is used again; the entries' data aliases b.
// The error is ErrCorrupt, and m is useless then. Hostile bytes cost no more memory than a constant times their length.
func DecodeMessage(b []byte, m *Message) error {
	*m = Message{Entries: m.Entries[:0]}
	if len(b) < 3 {
		return ErrCorrupt
	}
	m.Type, m.Reject = MessageType(b[0]&^rejectBit), b[0]&rejectBit != 0
	mask := binary.LittleEndian.Uint16(b[1:])
	if m.Type >= messageTypeEnd || mask&^(entriesBit|1<<numbersCount-1) != 0 {
		return ErrCorrupt
	}
	b = b[3:]
	ok := true
	for i, n := range m.numbers() {
		if mask&(1<<i) == 0 {
			continue
		}
		if *n, b, ok = uvarint(b); !ok || *n == 0 {
			return ErrCorrupt
		}
	}
	if mask&entriesBit != 0 {
		var count uint64
		if count, b, ok = uvarint(b); !ok || count == 0 || count > uint64(len(b)/minEntrySize) {
			return ErrCorrupt
		}
		for range count {
			m.Entries = append(m.Entries, Entry{})
			if b, ok = decodeEntry(b, &m.Entries[len(m.Entries)-1]); !ok {
				return ErrCorrupt
			}
		}
	}
	if len(b) != 0 {
		return ErrCorrupt
	}
	return nil
}

// AppendEntry appends the encoding of e to dst. It allocates nothing if dst has room.
func AppendEntry(dst []byte, e *Entry) []byte {
	dst = append(dst, byte(e.Type))
	dst = binary.AppendUvarint(dst, e.Term)
	dst = binary.AppendUvarint(dst, e.Index)
	dst = binary.AppendUvarint(dst, uint64(len(e.Data)))
	return append(dst, e.Data...)
}

// DecodeEntry sets e to the entry that b encodes, all of it. The data aliases b. The error is ErrCorrupt, and e is useless
// then.
func DecodeEntry(b []byte, e *Entry) error {
	if rest, ok := decodeEntry(b, e); !ok || len(rest) != 0 {
		return ErrCorrupt
	}
	return nil
}

// EncodedEntrySize returns the length of what AppendEntry would append for e.
func EncodedEntrySize(e *Entry) int {
	return 1 + uvarintSize(e.Term) + uvarintSize(e.Index) + uvarintSize(uint64(len(e.Data))) + len(e.Data)
}

// EncodedMessageSize returns the length of what AppendMessage would append for m.
func EncodedMessageSize(m *Message) int {
	size := 3
	for _, n := range m.numbers() {
		if *n != 0 {
			size += uvarintSize(*n)
		}
	}
	if len(m.Entries) > 0 {
		size += uvarintSize(uint64(len(m.Entries)))
		for i := range m.Entries {
			size += EncodedEntrySize(&m.Entries[i])
		}
	}
	return size
}

func decodeEntry(b []byte, e *Entry) (rest []byte, ok bool) {
	*e = Entry{}
	if len(b) == 0 || EntryType(b[0]) >= entryTypeEnd {
		return nil, false
	}
	e.Type = EntryType(b[0])
	if e.Term, b, ok = uvarint(b[1:]); !ok {
		return nil, false
	}
	if e.Index, b, ok = uvarint(b); !ok {
		return nil, false
	}
	var size uint64
	if size, b, ok = uvarint(b); !ok || size > uint64(len(b)) {
		return nil, false
	}
	if size > 0 {
		e.Data = b[:size:size]
	}
	return b[size:], true
}

// uvarint reads a number of minimal length. Unlike a too long one, it has a last byte that is not zero, unless it is alone.
func uvarint(b []byte) (n uint64, rest []byte, ok bool) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), b[1:], true
	}
	n, size := binary.Uvarint(b)
	if size <= 0 || b[size-1] == 0 {
		return 0, nil, false
	}
	return n, b[size:], true
}

func uvarintSize(n uint64) int { return (bits.Len64(n|1) + 6) / 7 }

// The format has room for the types it must tell apart.
const _ = uint(math.MaxInt8 - messageTypeEnd)
