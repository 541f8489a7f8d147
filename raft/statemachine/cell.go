package statemachine

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Cell is what a key holds: a value, or nothing, together with the mark of whoever deleted it.
//
// The mark is why a judge of histories can tell which delete a reader saw: a plain "missing" could come from any of
// them, or from before the first write.
type Cell struct {
	Present   bool
	Value     []byte // the value when Present
	Tombstone uint64 // when not Present: the number of the delete, or 0 for a key never written
}

// Equal reports whether two cells hold the same.
func (c Cell) Equal(d Cell) bool {
	if c.Present != d.Present {
		return false
	}
	if c.Present {
		return string(c.Value) == string(d.Value)
	}
	return c.Tombstone == d.Tombstone
}

const (
	cellMissing = 0 // followed by the tombstone, 8 bytes
	cellPresent = 1 // followed by the length of the value, 4 bytes, and the value
)

// Why a cell does not decode.
const (
	ErrCellShort = codecError("statemachine: cell cut short")
	ErrCellTag   = codecError("statemachine: cell of an unknown kind")
)

// AppendCell appends the one encoding of c. A value of 2^32 bytes or more is a panic.
func AppendCell(dst []byte, c Cell) []byte {
	if !c.Present {
		dst = append(dst, cellMissing)
		return binary.LittleEndian.AppendUint64(dst, c.Tombstone)
	}
	if uint64(len(c.Value)) > math.MaxUint32 {
		panic(fmt.Sprintf("statemachine: value of %d bytes", len(c.Value)))
	}
	dst = append(dst, cellPresent)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(c.Value)))
	return append(dst, c.Value...)
}

// decodeCell reads the cell at the start of b and returns what follows it. The value aliases b.
func decodeCell(b []byte) (c Cell, rest []byte, err error) {
	if len(b) == 0 {
		return Cell{}, nil, ErrCellShort
	}
	tag, b := b[0], b[1:]
	switch tag {
	case cellMissing:
		if len(b) < 8 {
			return Cell{}, nil, ErrCellShort
		}
		return Cell{Tombstone: binary.LittleEndian.Uint64(b)}, b[8:], nil
	case cellPresent:
		if len(b) < 4 {
			return Cell{}, nil, ErrCellShort
		}
		size := uint64(binary.LittleEndian.Uint32(b))
		b = b[4:]
		if size > uint64(len(b)) {
			return Cell{}, nil, ErrCellShort
		}
		return Cell{Present: true, Value: b[:size:size]}, b[size:], nil
	}
	return Cell{}, nil, ErrCellTag
}
