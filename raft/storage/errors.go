package storage

import (
	"errors"
	"fmt"
)

// Errors of Bootstrap, Join, Open and Log.
var (
	// ErrEmpty: the disk holds no member's state. A server that starts on it would have forgotten its votes and entries.
	ErrEmpty = errors.New("storage: empty disk: a wiped member must be removed and join again")
	// ErrWrongID: the disk belongs to another member.
	ErrWrongID = errors.New("storage: disk of another member")
	// ErrNotEmpty: the disk holds something already, and a new member needs an empty one.
	ErrNotEmpty = errors.New("storage: disk is not empty: bootstrap and join are for new members only")
	// ErrTooLarge: an entry has more than 64 MiB of data, or a batch more than 256 MiB.
	ErrTooLarge = errors.New("storage: record too large")
	// ErrOrder: entries that do not follow from each other or from the log, or a hard state that does not fit them. Nothing was
	// written.
	ErrOrder = errors.New("storage: entries out of order")
	// ErrChunk: a piece of a snapshot that is not the next one of what is arriving, or a snapshot that is not complete.
	ErrChunk = errors.New("storage: not the next piece of the snapshot that is arriving")
	// ErrNoSnapshot: there is no snapshot of that index, or none that is durable and covers it.
	ErrNoSnapshot = errors.New("storage: no such snapshot")
	// ErrBusy: another snapshot of our own is being saved.
	ErrBusy = errors.New("storage: a snapshot is being saved already")
)

// CorruptError says that a file is damaged, or missing, in a way that no interrupted write explains, or holds what no server
// writes.
type CorruptError struct {
	File   string
	Offset int64 // of the damage
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("storage: %q is corrupt at offset %d: %s", e.File, e.Offset, e.Reason)
}

func corrupt(file string, at int64, format string, args ...any) error {
	return &CorruptError{File: file, Offset: at, Reason: fmt.Sprintf(format, args...)}
}
