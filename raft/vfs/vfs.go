// Package vfs is the file interface the Raft server writes through.
//
// It separates what a process sees from what survives:
//
//   - The view. Every change of data (WriteAt, Truncate, Create of an existing name) and of names (Create, Remove, Rename)
//     acts at once on what this process, and one that restarts on the same running machine, reads back.
//   - The durable state. It is what a power loss leaves for certain. It moves only through Sync and SyncDir.
//
// Both syncs are *submitted* with a ticket and complete later. The host reports each completion to the process as
// (ticket, error); nothing here calls back. Completions of one FS come in the order of submission, file and directory
// syncs together: when ticket n is done, everything submitted before it is done too.
//
// Sync covers the file's bytes and its size as they were when Sync was submitted: what is written later, even before the
// completion arrives, is not covered. It does not cover the file's name. SyncDir covers the set of names, and which file
// each one means, as of its submission; it covers no bytes. So a new file survives for certain only after both.
//
// An FS and its files belong to one process and are not safe for concurrent use. Names are flat: there is one directory.
package vfs

import (
	"io/fs"
	"strings"
)

// Ticket names one submitted sync. The caller chooses it; an FS only hands it back.
type Ticket uint64

// Completion reports that a submitted sync is over. Err is nil when the state it covers is durable; otherwise what is
// durable is unknown, and submitting the sync again is no cure (the system may have forgotten the unwritten bytes).
type Completion struct {
	Ticket Ticket
	Err    error
}

// FS is one flat directory of files. Errors carry the operation and the name (PathError) and answer errors.Is for
// fs.ErrNotExist (no such name), fs.ErrInvalid (a name ValidName refuses) and fs.ErrClosed.
type FS interface {
	// Create opens name for reading and writing and makes it empty; the name appears if it did not exist. Handles that
	// were already open on the name see the same, now empty, file.
	Create(name string) (File, error)
	// Open opens an existing file for reading and writing.
	Open(name string) (File, error)
	// Remove takes the name away. Handles open on the file keep working on bytes nobody else can reach.
	Remove(name string) error
	// Rename makes newName mean the file of oldName, and oldName mean nothing. A file newName meant before is removed.
	Rename(oldName, newName string) error
	// List returns all names in ascending byte order. The slice belongs to the caller.
	List() ([]string, error)
	// SyncDir submits a sync of the names.
	SyncDir(t Ticket)
}

// File is an open file. Offsets and sizes are in bytes; a negative one is fs.ErrInvalid. After Close every method
// returns fs.ErrClosed, and Sync completes with it.
type File interface {
	// ReadAt is io.ReaderAt: fewer bytes than len(p) come with io.EOF.
	ReadAt(p []byte, off int64) (int, error)
	// WriteAt is io.WriterAt. A gap between the old end and off reads as zeros; writing
	// nothing extends nothing. p belongs to the caller again on return.
	WriteAt(p []byte, off int64) (int, error)
	// Truncate sets the size; bytes gained are zeros.
	Truncate(size int64) error
	// Size returns the size of the view.
	Size() (int64, error)
	// Sync submits a sync of the bytes and the size. It never fails on the spot: errors come with the completion.
	Sync(t Ticket)
	Close() error
}

// ValidName says whether name can be a file's name: not empty, not a path.
func ValidName(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\\\x00")
}

// PathError wraps err with the operation and the name it failed on.
func PathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}
