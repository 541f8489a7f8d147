package server

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"raftsim/raft"
	"raftsim/raft/storage"
	"raftsim/raft/vfs"
)

// snapshots is what a server knows of its own snapshots, and of the one that arrives.
type snapshots struct {
	possible   bool   // the machine is a Snapshotter
	saving     bool   // one is being saved
	installing uint64 // the ticket under which a received one is being installed, 0: none

	last           raft.SnapshotMeta // the newest that is durable; Index 0: none
	entries, bytes uint64            // applied since the last one was taken, or installed
	compacted      uint64            // entries up to here are needed no more
	terms          terms             // of the applied entries from there on
	pinned         func(index uint64) bool

	state []byte // scratch: the bytes of a whole snapshot
	chunk []byte // scratch: the piece that is being sent
}

// ForceSnapshot takes a snapshot of the state machine now, whether it is due or not. It is durable later (SnapshotSaved).
func (s *Server) ForceSnapshot(now int64) error {
	if s.phase != phaseRunning {
		return ErrNotRunning
	}
	s.enter(now)
	err := s.force()
	s.inside = false
	return err
}

func (s *Server) force() error {
	n := &s.snapshots
	switch {
	case !n.possible:
		return ErrNoSnapshotter
	case n.saving || n.installing != 0:
		return ErrSnapshotPending
	case s.applied.Index == n.last.Index:
		return ErrNothingNew
	}
	refused := s.counters.SnapshotsRefused
	switch {
	case !s.takeSnapshot():
		return ErrNotRunning
	case s.counters.SnapshotsRefused > refused:
		return ErrSnapshotTooLarge
	}
	return nil
}

// snapshotIfDue takes a snapshot if enough was applied since the last one. It reports whether the server lives on.
func (s *Server) snapshotIfDue() bool {
	n := &s.snapshots
	due := s.cfg.SnapshotEntries > 0 && n.entries >= s.cfg.SnapshotEntries ||
		s.cfg.SnapshotBytes > 0 && n.bytes >= s.cfg.SnapshotBytes
	if !due || !n.possible || n.saving || n.installing != 0 {
		return true
	}
	return s.takeSnapshot()
}

// takeSnapshot begins to save the state as of the last applied entry, unless it is too large; then the next one is due as after one that
// was taken. The core has been told that the entry is applied. It reports whether the server lives on.
func (s *Server) takeSnapshot() bool {
	n := &s.snapshots
	n.state = s.sessions.AppendSnapshot(n.state[:0])
	if len(n.state) > s.cfg.MaxSnapshotBytes {
		n.state, n.entries, n.bytes = nil, 0, 0
		s.counters.SnapshotsRefused++
		return true
	}
	meta := raft.SnapshotMeta{
		Index: s.applied.Index, Term: s.applied.Term, Size: uint64(len(n.state)),
		ConfState: s.conf,
	}
	if s.observer != nil {
		s.observer.SnapshotTaken(meta, s.sessions.Hash())
	}
	if err := s.log.SaveSnapshot(meta, n.state); err != nil {
		s.halt(err)
		return false
	}
	n.saving, n.entries, n.bytes = true, 0, 0
	s.counters.SnapshotsTaken++
	return s.moment(MomentSnapshotTaken)
}

// snapshotSaved goes on when a snapshot of this server has become durable: now what it replaces may go.
func (s *Server) snapshotSaved(meta raft.SnapshotMeta) {
	n := &s.snapshots
	n.saving = false
	if !s.moment(MomentSnapshotWritten) {
		return
	}
	if s.observer != nil {
		s.observer.SnapshotSaved(meta)
	}
	if meta.Index > n.last.Index { // a newer one may have been installed meanwhile
		n.last = meta
		s.core.Snapshotted(s.now, meta)
	}
	if s.compact(s.core.Status().FirstIndex) && s.removeSnapshots() {
		s.turn()
	}
}

// compact drops the entries before first, the first one the core still needs, if a durable snapshot replaces them: a core that
// has just accepted one from another server begins its log after it before this server has it. It reports whether the server
// lives on.
func (s *Server) compact(first uint64) bool {
	n := &s.snapshots
	if first <= n.compacted+1 || first-1 > n.last.Index || n.installing != 0 {
		return true
	}
	n.compacted = first - 1
	n.terms.forget(n.compacted)
	if err := s.log.Compact(n.compacted, n.terms.at(n.compacted)); err != nil {
		s.halt(err)
		return false
	}
	if s.observer != nil {
		s.observer.Compacted(n.compacted)
	}
	return s.moment(MomentCompacted)
}

// removeSnapshots removes the snapshots before the newest, but those being sent.
func (s *Server) removeSnapshots() bool {
	if err := s.log.RemoveSnapshotsBefore(s.snapshots.last.Index, s.snapshots.pinned); err != nil {
		s.halt(err)
		return false
	}
	return true
}

// sendChunk fills in the bytes of a piece of a snapshot and lets it leave. If this server cannot, the message is dropped like one
// that the network lost: the core asks again, or begins anew with a newer snapshot.
func (s *Server) sendChunk(m *raft.Message) {
	n := &s.snapshots
	if uint64(cap(n.chunk)) < m.Length {
		n.chunk = make([]byte, m.Length)
	}
	got, err := s.log.ReadSnapshot(m.Index, m.Offset, n.chunk[:m.Length])
	if err != nil && !errors.Is(err, storage.ErrNoSnapshot) && !errors.Is(err, io.EOF) {
		// Its own state cannot be read any more: a leader that went on would keep whoever needs it waiting for ever.
		s.halt(fmt.Errorf("the snapshot of entry %d cannot be sent: %w", m.Index, err))
		return
	}
	if err != nil || uint64(got) != m.Length {
		s.counters.ChunksDropped++
		return
	}
	s.message = *m
	s.message.Data = n.chunk[:m.Length]
	s.host.SendMessage(&s.message)
	s.message = raft.Message{}
	s.counters.ChunksSent++
}

// keep stores the pieces of a snapshot that arrived. It reports whether the server lives on.
func (s *Server) keep(chunks []raft.Chunk) bool {
	for i := range chunks {
		if err := s.log.ReceiveChunk(chunks[i]); err != nil {
			s.halt(err)
			return false
		}
		if !s.moment(MomentChunk) {
			return false
		}
	}
	return true
}

// install begins to make a received snapshot durable, and the log start after it. It reports whether the server lives on.
func (s *Server) install(rd *raft.Ready) bool {
	n := &s.snapshots
	if !n.possible {
		s.halt(fmt.Errorf("the snapshot of entry %d has arrived: %w", rd.Snapshot.Index, ErrNoSnapshotter))
		return false
	}
	n.installing = rd.Ticket
	if err := s.log.InstallSnapshot(*rd.Snapshot, vfs.Ticket(rd.Ticket)); err != nil {
		s.halt(err)
		return false
	}
	return true
}

// installed goes on when a received snapshot has become durable: it replaces the state machine's state, and what waits for an
// entry in it is looked at again.
func (s *Server) installed(meta raft.SnapshotMeta, ticket uint64) {
	n := &s.snapshots
	if !s.moment(MomentSnapshotInstalled) {
		return
	}
	if err := s.restore(meta); err != nil {
		s.halt(err)
		return
	}
	n.installing, n.compacted = 0, max(n.compacted, meta.Index)
	n.terms.forget(n.compacted)
	s.counters.SnapshotsInstalled++
	s.queue.dropTo(meta.Index)
	for len(s.configs) > 0 && s.configs[0].index <= meta.Index {
		s.configs = slices.Delete(s.configs, 0, 1)
	}
	if s.observer != nil {
		s.observer.SnapshotInstalled(meta, s.sessions.Hash())
		s.observer.Compacted(n.compacted)
	}
	if !s.removeSnapshots() {
		return
	}
	s.answerRestored()
	s.serveReads()
	s.synced(ticket)
}

// restore makes the state machine's state that of a snapshot on disk.
func (s *Server) restore(meta raft.SnapshotMeta) error {
	n := &s.snapshots
	if meta.Size > math.MaxInt32 {
		return fmt.Errorf("the snapshot of entry %d has %d bytes, which do not fit into memory", meta.Index, meta.Size)
	}
	if uint64(cap(n.state)) < meta.Size {
		n.state = make([]byte, meta.Size)
	}
	n.state = n.state[:meta.Size]
	got, err := s.log.ReadSnapshot(meta.Index, 0, n.state)
	if err == nil && uint64(got) != meta.Size {
		err = fmt.Errorf("%d of %d bytes", got, meta.Size)
	}
	if err == nil {
		err = s.sessions.Restore(n.state)
	}
	if err != nil {
		return fmt.Errorf("the snapshot of entry %d cannot be restored: %w", meta.Index, err)
	}
	if got := s.sessions.Applied(); got != meta.Index {
		return fmt.Errorf("the snapshot of entry %d holds the state after entry %d", meta.Index, got)
	}
	n.last, n.entries, n.bytes = meta, 0, 0
	n.terms.add(meta.Index, meta.Term)
	s.applied, s.conf = raft.EntryID{Index: meta.Index, Term: meta.Term}, meta.ConfState
	return nil
}
