package storage

import (
	"errors"
	"fmt"
	"hash/crc32"

	"raftsim/raft"
	"raftsim/raft/vfs"
)

// Bootstrap writes the first state of a member of a new cluster and submits a sync of the file (ticket file) and of its name
// (ticket dir). The member exists once both have completed without error, and may be opened then. A bootstrap that did not get so
// far is to be repeated on a disk made empty; no server can have acknowledged anything on it.
func Bootstrap(fsys vfs.FS, id uint64, conf raft.ConfState, file, dir vfs.Ticket) error {
	if err := conf.Validate(); err != nil {
		return fmt.Errorf("storage: bootstrap of member %d: %w", id, err)
	}
	return found(fsys, id, &conf, 0, file, dir)
}

// Join writes the first state of a new member of a cluster that exists: it has no configuration until its log tells it one.
// after is an index at which a configuration without this id is committed, 0 for an id that was never used (see
// raft.InitialState.JoinedAfter); no later configuration has the id either, committed or not. It is at most MaxJoinedAfter. Otherwise Join is like Bootstrap.
func Join(fsys vfs.FS, id, after uint64, file, dir vfs.Ticket) error {
	if after > MaxJoinedAfter {
		return fmt.Errorf("storage: member %d joins after entry %d, above the bound %d", id, after, uint64(MaxJoinedAfter))
	}
	return found(fsys, id, &raft.ConfState{}, after, file, dir)
}

// The incarnations of a member that joined after entry a begin at a<<restartBits: so they go on rising when a server is
// removed, wiped and made to join again, unless it was started more often than that leaves room for. They say nothing else: after
// which entry the member joined is in every header.
const (
	restartBits = 16
	// MaxJoinedAfter bounds the index given to Join.
	MaxJoinedAfter = 1<<(64-restartBits) - 1
)

func found(fsys vfs.FS, id uint64, conf *raft.ConfState, joined uint64, file, dir vfs.Ticket) error {
	if id == raft.None {
		return errors.New("storage: a member needs an id other than 0")
	}
	names, err := fsys.List()
	if err != nil {
		return fmt.Errorf("storage: first state of member %d: %w", id, err)
	}
	if len(names) > 0 {
		return fmt.Errorf("%w (member %d: %d files, the first is %q)", ErrNotEmpty, id, len(names), names[0])
	}
	h := header{
		anew: true, id: id, segment: firstSegment, incarnation: joined << restartBits, mark: position{firstSegment, 0},
		joined: joined, conf: raft.AppendConfState(nil, conf),
	}
	f, err := fsys.Create(SegmentName(h.segment, h.incarnation))
	if err != nil {
		return fmt.Errorf("storage: first state of member %d: %w", id, err)
	}
	if _, err := f.WriteAt(appendHeader(nil, &h, crc32.MakeTable(crc32.Castagnoli)), 0); err != nil {
		return fmt.Errorf("storage: first state of member %d: %w", id, err)
	}
	f.Sync(file)
	fsys.SyncDir(dir)
	return f.Close()
}

// firstSegment is what Bootstrap and Join write, and nobody else. Open begins the next one, under the next incarnation.
const firstSegment = 1
