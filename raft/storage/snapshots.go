package storage

import (
	"fmt"
	"io"
	"slices"

	"raftsim/raft"
	"raftsim/raft/vfs"
)

// snapFile is a snapshot under its own name.
type snapFile struct{ id raft.EntryID }

// saving is a snapshot of our own on its way.
type saving struct {
	busy bool
	meta raft.SnapshotMeta
	sums sums
	buf  []byte
}

// SaveSnapshot writes the state after the entry meta names. It becomes durable in the background, and the completion that finishes
// it makes EventSnapshotSaved. meta.Size is taken from data, which belongs to the caller again on return. One snapshot is saved
// at a time (ErrBusy). After an error of the file system nothing has changed, and saving may be tried again.
func (l *Log) SaveSnapshot(meta raft.SnapshotMeta, data []byte) error {
	if l.failed != nil {
		return l.failed
	}
	l.mustBeRecovered("SaveSnapshot")
	s := &l.saving
	switch {
	case s.busy:
		return fmt.Errorf("%w: of entry %d", ErrBusy, s.meta.Index)
	case meta.Index == 0 || meta.Term == 0 || meta.Term > l.hs.Term:
		return fmt.Errorf("%w: a snapshot of entry %d of term %d, in term %d", ErrOrder, meta.Index, meta.Term, l.hs.Term)
	}
	s.meta = cloneMeta(meta)
	s.meta.Size = uint64(len(data))
	s.sums.reset(l.table, raft.EntryID{Index: meta.Index, Term: meta.Term})
	s.sums.add(data)
	s.buf = appendFooter(s.buf[:0], l.id, &s.sums, &s.meta.ConfState)
	f, err := l.fs.Create(saveTemp)
	if err != nil {
		return fmt.Errorf("storage: save a snapshot: %w", err)
	}
	if _, err = f.WriteAt(data, 0); err == nil {
		_, err = f.WriteAt(s.buf, int64(len(data)))
	}
	if err != nil {
		_ = f.Close() // the first error is the one to tell
		return fmt.Errorf("storage: save a snapshot: %w", err)
	}
	f.Sync(l.internal(stepSaved))
	s.busy = true
	return f.Close()
}

// nameSaved gives our own snapshot its name once its bytes are durable.
func (l *Log) nameSaved() error {
	if err := l.fs.Rename(saveTemp, SnapshotName(l.saving.meta.Index, l.saving.meta.Term)); err != nil {
		return fmt.Errorf("storage: save a snapshot: %w", err)
	}
	l.fs.SyncDir(l.internal(stepSavedName))
	return nil
}

func (l *Log) savedSnapshot() Event {
	meta := l.saving.meta
	l.saving.busy, l.saving.meta = false, raft.SnapshotMeta{}
	l.addSnapshot(raft.EntryID{Index: meta.Index, Term: meta.Term})
	return Event{Kind: EventSnapshotSaved, Meta: meta}
}

// addSnapshot notes a durable snapshot.
func (l *Log) addSnapshot(id raft.EntryID) {
	if l.reading.meta.Index == id.Index {
		l.reading.close() // the file was replaced
	}
	i, ok := l.findSnapshot(id.Index)
	if !ok {
		l.snaps = slices.Insert(l.snaps, i, snapFile{id})
	}
	if id.Index > l.saved.Index {
		l.saved = id
	}
}

func (l *Log) findSnapshot(index uint64) (int, bool) {
	return slices.BinarySearchFunc(l.snaps, index, func(s snapFile, index uint64) int {
		switch {
		case s.id.Index < index:
			return -1
		case s.id.Index > index:
			return 1
		}
		return 0
	})
}

// reading is the snapshot that was read last.
type reading struct {
	file   vfs.File
	name   string
	meta   raft.SnapshotMeta
	blocks []uint32
	buf    []byte
}

func (r *reading) close() {
	if r.file != nil {
		_ = r.file.Close() // nothing was written
	}
	*r = reading{buf: r.buf}
}

// ReadSnapshot reads bytes of the state in the durable snapshot of this index, and checks the blocks of 64 KiB that they are in. It
// fills dst, or what of it lies before the end of the state. Damage is a *CorruptError, a snapshot that is not there
// ErrNoSnapshot, an offset beyond the end io.EOF.
func (l *Log) ReadSnapshot(index, offset uint64, dst []byte) (int, error) {
	if err := l.openSnapshot(index); err != nil {
		return 0, err
	}
	r := &l.reading
	if offset > r.meta.Size {
		return 0, fmt.Errorf("storage: read %q at %d of %d bytes: %w", r.name, offset, r.meta.Size, io.EOF)
	}
	dst = dst[:min(uint64(len(dst)), r.meta.Size-offset)]
	n := 0
	for n < len(dst) {
		at := offset + uint64(n)
		b, err := readBlock(r.file, r.name, &r.meta, r.blocks, at/snapBlock, l.table, r.buf)
		if err != nil {
			return n, err
		}
		n += copy(dst[n:], b[at%snapBlock:])
	}
	return n, nil
}

// SnapshotMeta returns what the durable snapshot of this index says of itself. Errors are those of ReadSnapshot.
func (l *Log) SnapshotMeta(index uint64) (raft.SnapshotMeta, error) {
	if err := l.openSnapshot(index); err != nil {
		return raft.SnapshotMeta{}, err
	}
	return cloneMeta(l.reading.meta), nil
}

// openSnapshot makes a snapshot the one that is being read.
func (l *Log) openSnapshot(index uint64) error {
	r := &l.reading
	if r.file != nil && r.meta.Index == index {
		return nil
	}
	i, ok := l.findSnapshot(index)
	if !ok {
		return fmt.Errorf("%w: of entry %d", ErrNoSnapshot, index)
	}
	r.close()
	return l.openFile(l.snaps[i].id)
}

func (l *Log) openFile(id raft.EntryID) error {
	r := &l.reading
	name := SnapshotName(id.Index, id.Term)
	f, err := l.fs.Open(name)
	if err != nil {
		return fmt.Errorf("storage: read a snapshot: %w", err)
	}
	meta, blocks, err := readFooter(f, name, l.id, id, l.table)
	if err != nil {
		_ = f.Close() // the first error is the one to tell
		return err
	}
	r.file, r.name, r.meta, r.blocks = f, name, meta, blocks
	if need := int(min(meta.Size, snapBlock)); len(r.buf) < need {
		r.buf = make([]byte, need)
	}
	return nil
}

// findSnapshots returns the newest snapshot that is good. damaged is what is wrong with the newest one, if that is another, and
// worse its identity as far as its name tells.
func (l *Log) findSnapshots(names []string) (meta raft.SnapshotMeta, worse raft.EntryID, damaged, err error) {
	for _, name := range names {
		if index, term, ok := ParseSnapshotName(name); ok && index != 0 {
			l.snaps = append(l.snaps, snapFile{raft.EntryID{Index: index, Term: term}})
		}
	}
	slices.SortFunc(l.snaps, func(a, b snapFile) int {
		if newer(b.id, a.id) {
			return -1
		}
		return 1
	})
	for i := len(l.snaps) - 1; i >= 0; i-- {
		id := l.snaps[i].id
		err := l.verify(id)
		if err == nil {
			meta := cloneMeta(l.reading.meta)
			return meta, worse, damaged, nil
		}
		if _, ok := err.(*CorruptError); !ok {
			return meta, worse, nil, err
		}
		if damaged == nil {
			worse, damaged = id, err
		}
	}
	return meta, worse, damaged, nil
}

// verify checks a whole snapshot and leaves it the one that is being read.
func (l *Log) verify(id raft.EntryID) error {
	l.reading.close()
	if err := l.openFile(id); err != nil {
		return err
	}
	r := &l.reading
	for n := range r.blocks {
		if _, err := readBlock(r.file, r.name, &r.meta, r.blocks, uint64(n), l.table, r.buf); err != nil {
			return err
		}
	}
	return nil
}

// RemoveSnapshotsBefore removes the snapshots of entries before index, except the newest durable one and those keep wants (nil: none).
// The removals are not synced; one that a power loss undoes is made again by a later call.
func (l *Log) RemoveSnapshotsBefore(index uint64, keep func(index uint64) bool) error {
	for i := 0; i < len(l.snaps); {
		id := l.snaps[i].id
		if id.Index >= index || id == l.saved || keep != nil && keep(id.Index) {
			i++
			continue
		}
		if l.reading.meta.Index == id.Index {
			l.reading.close()
		}
		if err := l.fs.Remove(SnapshotName(id.Index, id.Term)); err != nil {
			return fmt.Errorf("storage: remove a snapshot: %w", err)
		}
		l.snaps = slices.Delete(l.snaps, i, i+1)
	}
	return nil
}

func (l *Log) mustBeRecovered(call string) {
	if l.phase == phaseOpening {
		panic(fmt.Sprintf("storage: member %d: %s before the log is durable as it was opened", l.id, call))
	}
}

func cloneMeta(m raft.SnapshotMeta) raft.SnapshotMeta {
	c := &m.ConfState
	c.Voters, c.Outgoing = slices.Clone(c.Voters), slices.Clone(c.Outgoing)
	c.Learners, c.LearnersNext = slices.Clone(c.Learners), slices.Clone(c.LearnersNext)
	return m
}
