package storage

import (
	"fmt"

	"raftsim/raft"
	"raftsim/raft/vfs"
)

// receiving is the snapshot that is arriving.
type receiving struct {
	file vfs.File // nil: nothing is arriving
	sums sums
	buf  []byte

	// of the snapshot that is being installed
	meta   raft.SnapshotMeta
	ticket vfs.Ticket
}

func (r *receiving) close() {
	if r.file != nil {
		_ = r.file.Close() // what was received and not synced may be lost
		r.file = nil
	}
}

// ReceiveChunk appends a piece to the snapshot that is arriving. A piece at offset 0 begins a new one; any other that is not the
// next one of the same snapshot is refused with ErrChunk. What has arrived does not outlive the process. After an error of the
// file system the snapshot must begin anew.
func (l *Log) ReceiveChunk(c raft.Chunk) error {
	l.mustBeOpen("ReceiveChunk")
	r := &l.receiving
	id := raft.EntryID{Index: c.Index, Term: c.Term}
	if c.Offset == 0 {
		r.close()
		f, err := l.fs.Create(receiveTemp)
		if err != nil {
			return fmt.Errorf("storage: receive a snapshot: %w", err)
		}
		r.file = f
		r.sums.reset(l.table, id)
	}
	if r.file == nil || r.sums.id != id || r.sums.size != c.Offset {
		return fmt.Errorf("%w: offset %d of the snapshot of entry %d of term %d, at hand are %d bytes of that of entry %d of term %d",
			ErrChunk, c.Offset, c.Index, c.Term, r.sums.size, r.sums.id.Index, r.sums.id.Term)
	}
	if _, err := r.file.WriteAt(c.Data, int64(c.Offset)); err != nil {
		r.close()
		return fmt.Errorf("storage: receive a snapshot: %w", err)
	}
	r.sums.add(c.Data)
	return nil
}

// InstallSnapshot makes the snapshot that has arrived durable, and then the log start after it, without any entry: a log that holds
// the entry (meta.Index, meta.Term) has no use for the snapshot, and what it holds instead of it is void. All that is durable when t
// completes, which makes EventInstalled. Until then nothing may be appended. Everything appended before is made durable first. The
// commit index is raised to that of the snapshot.
func (l *Log) InstallSnapshot(meta raft.SnapshotMeta, t vfs.Ticket) error {
	if l.failed != nil {
		return l.failed
	}
	l.mustBeOpen("InstallSnapshot")
	r := &l.receiving
	id := raft.EntryID{Index: meta.Index, Term: meta.Term}
	switch {
	case r.file == nil || r.sums.id != id || r.sums.size != meta.Size:
		return fmt.Errorf("%w: %d bytes of the snapshot of entry %d of term %d are to be installed, at hand are %d of that of entry %d of term %d",
			ErrChunk, meta.Size, meta.Index, meta.Term, r.sums.size, r.sums.id.Index, r.sums.id.Term)
	case meta.Index == 0 || meta.Term == 0 || meta.Term > l.hs.Term:
		return fmt.Errorf("%w: a snapshot of entry %d of term %d, in term %d", ErrOrder, meta.Index, meta.Term, l.hs.Term)
	case meta.Index <= l.saved.Index:
		return fmt.Errorf("%w: a snapshot of entry %d, there is one of entry %d", ErrOrder, meta.Index, l.saved.Index)
	}
	r.meta, r.ticket = cloneMeta(meta), t
	r.buf = appendFooter(r.buf[:0], l.id, &r.sums, &r.meta.ConfState)
	if _, err := r.file.WriteAt(r.buf, int64(meta.Size)); err != nil {
		return l.fail(fmt.Errorf("storage: install a snapshot: %w", err))
	}
	if l.unsynced || l.newNames || len(l.full) > 0 {
		l.syncBefore()
		own := l.ticket
		l.ticket++
		l.file.Sync(own)
		l.submitted(own)
	}
	r.file.Sync(l.internal(stepReceived))
	r.close()
	l.phase = phaseInstalling
	return nil
}

// nameReceived gives the snapshot that was received its name, once its bytes are durable.
func (l *Log) nameReceived() error {
	r := &l.receiving
	if err := l.fs.Rename(receiveTemp, SnapshotName(r.meta.Index, r.meta.Term)); err != nil {
		return fmt.Errorf("storage: install a snapshot: %w", err)
	}
	l.fs.SyncDir(l.internal(stepReceivedName))
	return nil
}

// beginAnew begins the segment that starts after the snapshot that was received, once that is durable under its name.
func (l *Log) beginAnew() error {
	id := l.receiving.sums.id
	l.terms.reset(id)
	l.hs.Commit = max(l.hs.Commit, id.Index)
	l.refind()
	h := l.nextHeader(l.segments[len(l.segments)-1], position{}, id)
	l.anew(&h)
	h.snap = id
	return l.beginDurably(&h, nil, l.receiving.ticket, stepInstalled)
}

// installed ends an installation.
func (l *Log) installed(t vfs.Ticket) Event {
	r := &l.receiving
	meta := r.meta
	r.meta = raft.SnapshotMeta{}
	l.phase = phaseOpen
	l.addSnapshot(raft.EntryID{Index: meta.Index, Term: meta.Term})
	l.hs.Commit = max(l.hs.Commit, meta.Index)
	if err := l.removeSegments(len(l.segments) - 1); err != nil {
		return l.failure(err)
	}
	return Event{Kind: EventInstalled, Meta: meta, Ticket: t}
}
