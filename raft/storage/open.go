package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"

	"raftsim/raft"
	"raftsim/raft/vfs"
)

// Errors of Open.
var (
	// ErrEmpty: the disk holds no member's state. A server that starts on it would have forgotten its votes and entries.
	ErrEmpty = errors.New("storage: empty disk: a wiped member must be removed and join again")
	// ErrWrongID: the disk belongs to another member.
	ErrWrongID = errors.New("storage: disk of another member")
)

// CorruptError says that the log is damaged in a place that no interrupted write explains, or holds what no server writes.
type CorruptError struct {
	File   string
	Offset int64 // of the bad record
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("storage: %q is corrupt at offset %d: %s", e.File, e.Offset, e.Reason)
}

// State is what the disk remembered.
type State struct {
	ID        uint64
	ConfState raft.ConfState
	HardState raft.HardState
	Entries   []raft.Entry // without gaps, from index 1; their data shares one buffer that nothing else uses
	Cut       int64        // bytes of an unfinished tail that were cut off
}

// Open is the restart of member id: it reads the whole log, checks every record, cuts off an unfinished tail (see the
// package comment) and submits a sync with ticket t.
//
// The state must not be acted upon, and nothing appended, before t has completed without error. Two reasons: what Open read
// may be what a crashed process wrote and never synced, so acknowledging it would promise what a power loss still takes
// away; and a tail that is cut off but not durably so may come back.
//
// It refuses a disk without a finished Bootstrap (ErrEmpty), one of another member (ErrWrongID), and damage (*CorruptError);
// the view of the disk is then as before.
func Open(fsys vfs.FS, id uint64, t vfs.Ticket) (*Log, State, error) {
	file, err := fsys.Open(Name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, State{}, fmt.Errorf("%w (member %d: no file %q)", ErrEmpty, id, Name)
	}
	if err != nil {
		return nil, State{}, fmt.Errorf("storage: open: %w", err)
	}
	l, st, err := recoverLog(file, id)
	if err != nil {
		_ = file.Close() // the first error is the one to tell
		return nil, State{}, err
	}
	if st.Cut > 0 {
		if err := file.Truncate(l.end); err != nil {
			return nil, State{}, fmt.Errorf("storage: cut off the unfinished tail at offset %d: %w", l.end, err)
		}
	}
	file.Sync(t)
	return l, st, nil
}

func recoverLog(file vfs.File, id uint64) (*Log, State, error) {
	b, err := readAll(file)
	if err != nil {
		return nil, State{}, err
	}
	s := scanner{chain: chainStart}
	if err := s.scan(b); err != nil {
		return nil, State{}, err
	}
	if s.end == 0 {
		return nil, State{}, fmt.Errorf("%w (member %d: no finished bootstrap in the %d bytes of %q)", ErrEmpty, id, len(b), Name)
	}
	if s.state.ID != id {
		return nil, State{}, fmt.Errorf("%w: it belongs to member %d, this is member %d", ErrWrongID, s.state.ID, id)
	}
	s.state.Cut = int64(len(b) - s.end)
	return &Log{file: file, end: int64(s.end), chain: s.chain}, s.state, nil
}

func readAll(file vfs.File) ([]byte, error) {
	size, err := file.Size()
	if err != nil {
		return nil, fmt.Errorf("storage: read: %w", err)
	}
	if size > math.MaxInt32 {
		return nil, fmt.Errorf("storage: %q has %d bytes, more than this format is for", Name, size)
	}
	b := make([]byte, size)
	if n, err := file.ReadAt(b, 0); n < len(b) || (err != nil && err != io.EOF) {
		return nil, fmt.Errorf("storage: read %d of %d bytes of %q: %w", n, size, Name, err)
	}
	return b, nil
}

// scanner collects the state up to end, the end of the last whole batch.
type scanner struct {
	state State
	end   int
	chain uint32 // checksum up to end
}

// scan reads the batches of b. It returns an error for corruption; what it leaves behind end is an unfinished tail.
func (s *scanner) scan(b []byte) error {
	for s.end < len(b) {
		// Look for the end of the batch before anything in it counts.
		at, chain := s.end, s.chain
		for last := false; !last; {
			r, ok := readRecord(b[at:], chain)
			if !ok {
				if good, rot := goodBehind(b, at, chain); rot {
					return corrupt(at, "the record fails its checksum, yet a good one follows at offset %d", good)
				}
				return nil
			}
			at, chain, last = at+r.size, r.sum, r.last
		}
		for s.end < at {
			r, _ := plausible(b[s.end:])
			if err := s.apply(r); err != nil {
				return err
			}
			s.end, s.chain = s.end+r.size, r.sum
		}
	}
	return nil
}

// apply takes one record into the state.
func (s *scanner) apply(r record) error {
	if (r.kind == kindBootstrap) != (s.end == 0) {
		return corrupt(s.end, "the first record, and no other, is the bootstrap state")
	}
	switch r.kind {
	case kindBootstrap:
		if err := decodeBootstrap(r.payload, &s.state); err != nil {
			return corrupt(s.end, "bootstrap state: %v", err)
		}
	case kindHardState:
		if err := decodeHardState(r.payload, &s.state.HardState); err != nil {
			return corrupt(s.end, "hard state: %v", err)
		}
	case kindEntry:
		var e raft.Entry
		if err := raft.DecodeEntry(r.payload, &e); err != nil {
			return corrupt(s.end, "entry: %v", err)
		}
		return s.place(e)
	}
	return nil
}

// place puts e at its index, replacing what was there and behind.
func (s *scanner) place(e raft.Entry) error {
	last := uint64(len(s.state.Entries))
	if e.Index == 0 || e.Index > last+1 {
		return corrupt(s.end, "entry %d follows entry %d", e.Index, last)
	}
	s.state.Entries = append(s.state.Entries[:e.Index-1], e)
	return nil
}

func corrupt(at int, format string, args ...any) error {
	return &CorruptError{File: Name, Offset: int64(at), Reason: fmt.Sprintf(format, args...)}
}
