package statemachine

import (
	"encoding/binary"
	"fmt"
)

// Op is what a command asks of the map.
type Op uint8

// The numbers are part of the log's format.
const (
	// OpGet asks for the cell. It goes through the log like a write, so it is as strong as one.
	OpGet Op = 1
	// OpPut sets the value.
	OpPut Op = 2
	// OpDelete removes the value and leaves a tombstone, also where there was no value.
	OpDelete Op = 3
	// OpCAS sets the value if the cell is the expected one, and otherwise answers what it saw.
	OpCAS Op = 4
	// OpAppend adds bytes to the end of the value; a missing key gets just them.
	OpAppend Op = 5
)

// Command is one operation on the replicated map. Which fields count depends on Op.
type Command struct {
	Op        Op
	Key       uint64 // printed k3
	Value     []byte // put, cas, append
	Tombstone uint64 // delete: a number no other delete uses; never 0
	Expect    Cell   // cas
}

// commandHeader is the operation and the key.
const commandHeader = 1 + 8

// Why a command does not decode.
const (
	ErrCommandShort     = codecError("statemachine: command cut short")
	ErrCommandOp        = codecError("statemachine: unknown operation")
	ErrCommandTrailing  = codecError("statemachine: bytes after the end of the command")
	ErrCommandTombstone = codecError("statemachine: delete without a tombstone")
)

// AppendGet appends a command that reads a key.
func AppendGet(dst []byte, key uint64) []byte { return appendHeader(dst, OpGet, key) }

// AppendPut appends a command that sets a key.
func AppendPut(dst []byte, key uint64, value []byte) []byte {
	return append(appendHeader(dst, OpPut, key), value...)
}

// AppendDelete appends a command that removes a key. The tombstone is a number the client never uses for another delete;
// with 0, the mark of a key never written, the command does not decode.
func AppendDelete(dst []byte, key, tombstone uint64) []byte {
	return binary.LittleEndian.AppendUint64(appendHeader(dst, OpDelete, key), tombstone)
}

// AppendCAS appends a command that sets a key to value if it holds exactly expect.
func AppendCAS(dst []byte, key uint64, expect Cell, value []byte) []byte {
	return append(AppendCell(appendHeader(dst, OpCAS, key), expect), value...)
}

// AppendAppend appends a command that adds value to the end of what the key holds.
func AppendAppend(dst []byte, key uint64, value []byte) []byte {
	return append(appendHeader(dst, OpAppend, key), value...)
}

// AppendCommand appends c in the form its Op has. An Op that does not exist is a panic.
func AppendCommand(dst []byte, c Command) []byte {
	switch c.Op {
	case OpGet:
		return AppendGet(dst, c.Key)
	case OpPut:
		return AppendPut(dst, c.Key, c.Value)
	case OpDelete:
		return AppendDelete(dst, c.Key, c.Tombstone)
	case OpCAS:
		return AppendCAS(dst, c.Key, c.Expect, c.Value)
	case OpAppend:
		return AppendAppend(dst, c.Key, c.Value)
	}
	panic(fmt.Sprintf("statemachine: command with operation %d", c.Op))
}

func appendHeader(dst []byte, op Op, key uint64) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, byte(op)), key)
}

// DecodeCommand takes a command apart. Slices alias b. Each command has one encoding: whatever decodes encodes to b again.
func DecodeCommand(b []byte) (Command, error) {
	var c Command
	if err := c.decode(b); err != nil {
		return Command{}, err
	}
	return c, nil
}

// decode is DecodeCommand for a c that is zero. On an error c is of no use.
func (c *Command) decode(b []byte) error {
	if len(b) < commandHeader {
		return ErrCommandShort
	}
	c.Op, c.Key = Op(b[0]), binary.LittleEndian.Uint64(b[1:])
	b = b[commandHeader:]
	switch c.Op {
	case OpGet:
		if len(b) != 0 {
			return ErrCommandTrailing
		}
	case OpPut, OpAppend:
		c.Value = b
	case OpDelete:
		if len(b) < 8 {
			return ErrCommandShort
		}
		if len(b) > 8 {
			return ErrCommandTrailing
		}
		c.Tombstone = binary.LittleEndian.Uint64(b)
		if c.Tombstone == 0 {
			return ErrCommandTombstone
		}
	case OpCAS:
		expect, rest, err := decodeCell(b)
		if err != nil {
			return err
		}
		c.Expect, c.Value = expect, rest
	default:
		return ErrCommandOp
	}
	return nil
}
