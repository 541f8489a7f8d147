package statemachine

import "fmt"

// ResultKind is how a command on the map ended.
type ResultKind uint8

// The numbers are part of the replies' format.
const (
	// ResultFound answers a get: the cell holds the value.
	ResultFound ResultKind = 1
	// ResultMissing answers a get: the cell holds a tombstone, 0 for a key never written.
	ResultMissing ResultKind = 2
	// ResultOK answers a put, a delete, an append and a cas that took place.
	ResultOK ResultKind = 3
	// ResultFailed answers a cas that found something else; the cell is what it saw.
	ResultFailed ResultKind = 4
	// ResultInvalid answers bytes that are no command. The state did not change.
	ResultInvalid ResultKind = 5
)

// Result is the answer to a command.
type Result struct {
	Kind ResultKind
	Cell Cell // found, missing, failed
}

// Why a result does not decode.
const (
	ErrResultShort    = codecError("statemachine: empty result")
	ErrResultKind     = codecError("statemachine: result of an unknown kind")
	ErrResultTrailing = codecError("statemachine: bytes after the end of the result")
	ErrResultCell     = codecError("statemachine: result and its cell disagree")
)

// AppendResult appends the one encoding of r. A kind that does not exist is a panic.
func AppendResult(dst []byte, r Result) []byte {
	switch r.Kind {
	case ResultOK, ResultInvalid:
		return append(dst, byte(r.Kind))
	case ResultFound, ResultMissing, ResultFailed:
		return AppendCell(append(dst, byte(r.Kind)), r.Cell)
	}
	panic(fmt.Sprintf("statemachine: result of kind %d", r.Kind))
}

// DecodeResult takes a result apart. The value aliases b.
func DecodeResult(b []byte) (Result, error) {
	if len(b) == 0 {
		return Result{}, ErrResultShort
	}
	r := Result{Kind: ResultKind(b[0])}
	b = b[1:]
	switch r.Kind {
	case ResultOK, ResultInvalid:
		if len(b) != 0 {
			return Result{}, ErrResultTrailing
		}
		return r, nil
	case ResultFound, ResultMissing, ResultFailed:
	default:
		return Result{}, ErrResultKind
	}
	cell, rest, err := decodeCell(b)
	if err != nil {
		return Result{}, err
	}
	if len(rest) != 0 {
		return Result{}, ErrResultTrailing
	}
	if r.Kind != ResultFailed && cell.Present != (r.Kind == ResultFound) {
		return Result{}, ErrResultCell
	}
	r.Cell = cell
	return r, nil
}
