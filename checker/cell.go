package checker

import "encoding/binary"

// A cell is the whole state of one key as one number. 0 is a key never written; other even numbers are a key that was deleted,
// told apart by the deletion's tombstone id; odd numbers are a value. A value is a sequence of 8-byte words, each the unique id
// of the write that added it, and its cell is a chain over them: appending a word to a value chains one step further, and to a
// missing key is the same as putting the word.

const (
	emptyCell   uint64 = 0x9ae16a3b2f90404f // odd: the value of no words
	missingSeed uint64 = 0xc3a5c85c97cb3127
)

// WordSize is the size of one id within a value, in bytes.
const WordSize = 8

// CellHash returns the cell of a value. A tail shorter than a word, which no write makes, gives a cell no write makes.
// O(len(value)), no allocation.
func CellHash(value []byte) uint64 {
	cell := emptyCell
	for len(value) >= WordSize {
		cell = chainWord(cell, binary.LittleEndian.Uint64(value))
		value = value[WordSize:]
	}
	if len(value) > 0 {
		cell = chainWord(mix(cell, uint64(len(value)))|1, tailWord(value))
	}
	return cell
}

// MissingHash returns the cell of a key that was deleted by the delete with this tombstone id; 0 is a key never written.
func MissingHash(tombstone uint64) uint64 {
	if tombstone == 0 {
		return 0
	}
	if cell := mix(missingSeed, tombstone) &^ 1; cell != 0 {
		return cell
	}
	return 2
}

// AppendHash returns the cell after appending one word to a cell.
func AppendHash(cell, word uint64) uint64 { return chainWord(cell, word) }

func present(cell uint64) bool { return cell&1 == 1 }

func chainWord(cell, word uint64) uint64 {
	if !present(cell) {
		cell = emptyCell
	}
	return mix(cell, word) | 1
}

func tailWord(tail []byte) uint64 {
	var word [WordSize]byte
	copy(word[:], tail)
	return binary.LittleEndian.Uint64(word[:])
}

// Seen is the state of a key as a client was told it. The zero value is a key never written.
type Seen struct {
	Present   bool
	Value     []byte // when present
	Tombstone uint64 // when missing: id of the delete that removed it, 0 for never written
}

// SeenValue is a present key.
func SeenValue(value []byte) Seen { return Seen{Present: true, Value: value} }

// SeenMissing is a key deleted by the delete with this tombstone id, or never written when it is 0.
func SeenMissing(tombstone uint64) Seen { return Seen{Tombstone: tombstone} }

// Cell returns the cell.
func (s Seen) Cell() uint64 {
	if s.Present {
		return CellHash(s.Value)
	}
	return MissingHash(s.Tombstone)
}
