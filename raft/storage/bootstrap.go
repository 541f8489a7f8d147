package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"raftsim/raft"
	"raftsim/raft/vfs"
)

// ErrNotEmpty is returned by Bootstrap for a disk that holds anything at all.
var ErrNotEmpty = errors.New("storage: disk is not empty: bootstrap is for a new member only")

// formatVersion is the first byte of every log.
const formatVersion = 1

// Bootstrap writes the first state of a new member and submits a sync of the file (ticket file) and of its name (ticket
// dir). The member exists once both have completed without error, and may be opened then. A bootstrap that did not get so
// far is to be repeated on a disk made empty; no server can have acknowledged anything on it.
func Bootstrap(fsys vfs.FS, id uint64, conf raft.ConfState, file, dir vfs.Ticket) error {
	if id == raft.None {
		return errors.New("storage: bootstrap: a member needs an id other than 0")
	}
	if len(conf.Voters) > math.MaxUint16 {
		return fmt.Errorf("storage: bootstrap of member %d: %d voters, at most %d fit", id, len(conf.Voters), math.MaxUint16)
	}
	names, err := fsys.List()
	if err != nil {
		return fmt.Errorf("storage: bootstrap of member %d: %w", id, err)
	}
	if len(names) > 0 {
		return fmt.Errorf("%w (member %d: %d files, the first is %q)", ErrNotEmpty, id, len(names), names[0])
	}
	f, err := fsys.Create(Name)
	if err != nil {
		return fmt.Errorf("storage: bootstrap of member %d: %w", id, err)
	}
	buf, start := appendHeader(nil)
	buf = appendBootstrap(buf, id, conf)
	sealRecord(buf, start, kindBootstrap|lastOfBatch, chainStart)
	if _, err := f.WriteAt(buf, 0); err != nil {
		return fmt.Errorf("storage: bootstrap of member %d: %w", id, err)
	}
	f.Sync(file)
	fsys.SyncDir(dir)
	return f.Close()
}

// The payload of the bootstrap record: version uint8, id uint64, number of voters uint16, voters uint64 each.
func appendBootstrap(dst []byte, id uint64, conf raft.ConfState) []byte {
	dst = append(dst, formatVersion)
	dst = binary.LittleEndian.AppendUint64(dst, id)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(conf.Voters)))
	for _, v := range conf.Voters {
		dst = binary.LittleEndian.AppendUint64(dst, v)
	}
	return dst
}

const bootstrapFixed = 1 + 8 + 2

func decodeBootstrap(b []byte, st *State) error {
	if len(b) == 0 {
		return errors.New("no bytes")
	}
	if b[0] != formatVersion {
		return fmt.Errorf("format version %d, this program reads %d", b[0], formatVersion)
	}
	if len(b) < bootstrapFixed {
		return fmt.Errorf("%d bytes, want %d at least", len(b), bootstrapFixed)
	}
	n := int(binary.LittleEndian.Uint16(b[9:]))
	if len(b) != bootstrapFixed+8*n {
		return fmt.Errorf("%d bytes for %d voters", len(b), n)
	}
	st.ID = binary.LittleEndian.Uint64(b[1:])
	st.ConfState.Voters = make([]uint64, n)
	for i := range n {
		st.ConfState.Voters[i] = binary.LittleEndian.Uint64(b[bootstrapFixed+8*i:])
	}
	return nil
}

// The payload of a hard state: term, vote and commit, uint64 each.
func appendHardState(dst []byte, hs *raft.HardState) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, hs.Term)
	dst = binary.LittleEndian.AppendUint64(dst, hs.Vote)
	return binary.LittleEndian.AppendUint64(dst, hs.Commit)
}

func decodeHardState(b []byte, hs *raft.HardState) error {
	if len(b) != 24 {
		return fmt.Errorf("%d bytes, want 24", len(b))
	}
	hs.Term = binary.LittleEndian.Uint64(b)
	hs.Vote = binary.LittleEndian.Uint64(b[8:])
	hs.Commit = binary.LittleEndian.Uint64(b[16:])
	return nil
}
