package raft

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// The wire and disk format of messages and entries. Numbers are unsigned varints of minimal length.
//
//	message = kind:1 mask:3 (little endian) numbers conf data entries
//	kind    = message type, plus 0x80 for a rejection
//	mask    = bit i below 14: the i-th number is present and not zero; bits 14 and 15: Transfer, Abstaining; bits 16, 17, 18: there
//	          are entries, data, a configuration
//	numbers = From To Term LogTerm Index Commit CommitTerm RejectHint Round Epoch Context Offset Length Size, as far as present
//	conf    = a ConfState (see AppendConfState), nothing when there is none
//	data    = length bytes, nothing when there are none
//	entries = count entry..., nothing when there are none
//	entry   = type:1 term index length data
//
// Every message has exactly one encoding, and everything else is refused.

// ErrCorrupt is returned for bytes that no encoder of this package has written.
const ErrCorrupt Error = "raft: corrupt encoding"

const (
	rejectBit     = 0x80
	numbersCount  = 14
	transferBit   = 1 << 14
	abstainingBit = 1 << 15
	entriesBit    = 1 << 16
	dataBit       = 1 << 17
	confBit       = 1 << 18
	maskEnd       = 1 << 19
	headSize      = 4
	minEntrySize  = 4
)

// numbers lists the fields in the order of the format.
func (m *Message) numbers() [numbersCount]uint64 {
	return [numbersCount]uint64{m.From, m.To, m.Term, m.LogTerm, m.Index,
		m.Commit, m.CommitTerm, m.RejectHint, m.Round, m.Epoch, m.Context, m.Offset, m.Length, m.Size}
}

// setNumbers is the inverse of numbers.
func (m *Message) setNumbers(n *[numbersCount]uint64) {
	m.From, m.To, m.Term, m.LogTerm, m.Index = n[0], n[1], n[2], n[3], n[4]
	m.Commit, m.CommitTerm, m.RejectHint, m.Round, m.Epoch = n[5], n[6], n[7], n[8], n[9]
	m.Context, m.Offset, m.Length, m.Size = n[10], n[11], n[12], n[13]
}

// AppendMessage appends the encoding of m to dst. It allocates nothing if dst has room.
func AppendMessage(dst []byte, m *Message) []byte {
	kind := byte(m.Type)
	if m.Reject {
		kind |= rejectBit
	}
	start := len(dst)
	dst = append(dst, kind, 0, 0, 0)
	mask := uint32(0)
	numbers := m.numbers()
	for i := range numbers {
		switch n := numbers[i]; {
		case n == 0:
		case n < 0x80: // most are
			mask |= 1 << i
			dst = append(dst, byte(n))
		default:
			mask |= 1 << i
			dst = binary.AppendUvarint(dst, n)
		}
	}
	if m.Transfer {
		mask |= transferBit
	}
	if m.Abstaining {
		mask |= abstainingBit
	}
	if m.Conf != nil {
		mask |= confBit
		dst = AppendConfState(dst, m.Conf)
	}
	if len(m.Data) > 0 {
		mask |= dataBit
		dst = binary.AppendUvarint(dst, uint64(len(m.Data)))
		dst = append(dst, m.Data...)
	}
	if len(m.Entries) > 0 {
		mask |= entriesBit
		dst = binary.AppendUvarint(dst, uint64(len(m.Entries)))
		for i := range m.Entries {
			dst = AppendEntry(dst, &m.Entries[i])
		}
	}
	dst[start+1], dst[start+2], dst[start+3] = byte(mask), byte(mask>>8), byte(mask>>16)
	return dst
}

// DecodeMessage sets m to the message that b encodes. The capacity of m.Entries is used again; the entries' data and m.Data
// alias b. The error is ErrCorrupt, and m is useless then. Hostile bytes cost no more memory than a constant times their
// length.
func DecodeMessage(b []byte, m *Message) error {
	*m = Message{Entries: m.Entries[:0]}
	if len(b) < headSize {
		return ErrCorrupt
	}
	m.Type, m.Reject = MessageType(b[0]&^rejectBit), b[0]&rejectBit != 0
	mask := uint32(b[1]) | uint32(b[2])<<8 | uint32(b[3])<<16
	if m.Type >= messageTypeEnd || mask >= maskEnd {
		return ErrCorrupt
	}
	m.Transfer, m.Abstaining = mask&transferBit != 0, mask&abstainingBit != 0
	b = b[headSize:]
	ok := true
	var numbers [numbersCount]uint64
	for rest := mask & (1<<numbersCount - 1); rest != 0; rest &= rest - 1 {
		n := &numbers[bits.TrailingZeros32(rest)]
		if len(b) > 0 && b[0]-1 < 0x7f { // most are of one byte
			*n, b = uint64(b[0]), b[1:]
			continue
		}
		if *n, b, ok = uvarint(b); !ok || *n == 0 {
			return ErrCorrupt
		}
	}
	m.setNumbers(&numbers)
	if mask&confBit != 0 {
		m.Conf = new(ConfState)
		if b, ok = decodeConfState(b, m.Conf); !ok {
			return ErrCorrupt
		}
	}
	if mask&dataBit != 0 {
		var length uint64
		if length, b, ok = uvarint(b); !ok || length == 0 || length > uint64(len(b)) {
			return ErrCorrupt
		}
		m.Data, b = b[:length:length], b[length:]
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
	size := headSize
	for _, n := range m.numbers() {
		if n != 0 {
			size += uvarintSize(n)
		}
	}
	if m.Conf != nil {
		size += encodedConfStateSize(m.Conf)
	}
	if n := len(m.Data); n > 0 {
		size += uvarintSize(uint64(n)) + n
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
	if len(b) > 1 && b[1]-1 < 0x7f {
		return uint64(b[0]&0x7f) | uint64(b[1])<<7, b[2:], true
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
