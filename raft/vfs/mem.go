package vfs

import (
	"io"
	"io/fs"
	"slices"
	"strings"
)

// Mem is an FS in memory for tests. It keeps the view only: every sync succeeds (or fails with the error set by
// FailSyncs) and its completion waits until the caller collects it. The zero value is empty and ready to use.
//
// For crashes, power losses and delayed completions use the simulated disk.
type Mem struct {
	names   []memName // ascending
	done    []Completion
	spare   []Completion // the other half of the double buffer behind Completions
	syncErr error
}

type memName struct {
	name string
	node *memNode
}

// memNode is a file apart from its name, shared by all handles on it.
type memNode struct {
	data []byte
	lent bool // data is somebody else's: it is copied before it changes
}

// Lend makes name a file of these bytes, without a copy. They must not change as long as it is used; it changes none of them.
func (m *Mem) Lend(name string, bytes []byte) error {
	f, err := m.Create(name)
	if err != nil {
		return err
	}
	node := f.(*memFile).node
	node.data, node.lent = bytes, true
	return f.Close()
}

// Reset empties the directory, keeping memory.
func (m *Mem) Reset() {
	clear(m.names)
	*m = Mem{names: m.names[:0], done: m.done[:0], spare: m.spare[:0]}
}

// Lent returns the bytes of a file that were lent and have not changed since, nil for any other file. They are only to be read.
func (f *memFile) Lent() []byte {
	if !f.node.lent {
		return nil
	}
	return f.node.data
}

// own makes the bytes the file's.
func (n *memNode) own() {
	if n.lent {
		n.data, n.lent = slices.Clone(n.data), false
	}
}

// Completions returns the completions of all syncs submitted since the last call, in the order of submission. The slice
// is valid until the call after the next.
func (m *Mem) Completions() []Completion {
	out := m.done
	m.done, m.spare = m.spare[:0], out
	return out
}

// FailSyncs makes syncs submitted from now on complete with err; nil makes them succeed again.
func (m *Mem) FailSyncs(err error) { m.syncErr = err }

func (m *Mem) find(name string) (int, bool) {
	return slices.BinarySearchFunc(m.names, name, func(e memName, s string) int { return strings.Compare(e.name, s) })
}

// Create implements FS.
func (m *Mem) Create(name string) (File, error) {
	if !ValidName(name) {
		return nil, PathError("create", name, fs.ErrInvalid)
	}
	i, ok := m.find(name)
	if !ok {
		m.names = slices.Insert(m.names, i, memName{name, &memNode{}})
	}
	node := m.names[i].node
	if node.lent {
		node.data, node.lent = nil, false
	}
	node.data = node.data[:0]
	return &memFile{mem: m, name: name, node: node}, nil
}

// Open implements FS.
func (m *Mem) Open(name string) (File, error) {
	i, ok := m.find(name)
	if !ok {
		return nil, PathError("open", name, fs.ErrNotExist)
	}
	return &memFile{mem: m, name: name, node: m.names[i].node}, nil
}

// Remove implements FS.
func (m *Mem) Remove(name string) error {
	i, ok := m.find(name)
	if !ok {
		return PathError("remove", name, fs.ErrNotExist)
	}
	m.names = slices.Delete(m.names, i, i+1)
	return nil
}

// Rename implements FS.
func (m *Mem) Rename(oldName, newName string) error {
	if !ValidName(newName) {
		return PathError("rename", newName, fs.ErrInvalid)
	}
	i, ok := m.find(oldName)
	if !ok {
		return PathError("rename", oldName, fs.ErrNotExist)
	}
	if oldName == newName {
		return nil
	}
	node := m.names[i].node
	m.names = slices.Delete(m.names, i, i+1)
	if j, ok := m.find(newName); ok {
		m.names[j].node = node
	} else {
		m.names = slices.Insert(m.names, j, memName{newName, node})
	}
	return nil
}

// List implements FS.
func (m *Mem) List() ([]string, error) {
	out := make([]string, len(m.names))
	for i, e := range m.names {
		out[i] = e.name
	}
	return out, nil
}

// SyncDir implements FS.
func (m *Mem) SyncDir(t Ticket) { m.done = append(m.done, Completion{t, m.syncErr}) }

type memFile struct {
	mem    *Mem
	name   string
	node   *memNode
	closed bool
}

func (f *memFile) check(op string, off int64) error {
	if f.closed {
		return PathError(op, f.name, fs.ErrClosed)
	}
	if off < 0 {
		return PathError(op, f.name, fs.ErrInvalid)
	}
	return nil
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.check("read", off); err != nil {
		return 0, err
	}
	if off >= int64(len(f.node.data)) {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	n := copy(p, f.node.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.check("write", off); err != nil {
		return 0, err
	}
	if len(p) == 0 {
		return 0, nil
	}
	f.node.own()
	if end := off + int64(len(p)); end > int64(len(f.node.data)) {
		f.node.resize(end)
	}
	return copy(f.node.data[off:], p), nil
}

func (f *memFile) Truncate(size int64) error {
	if err := f.check("truncate", size); err != nil {
		return err
	}
	f.node.resize(size)
	return nil
}

func (f *memFile) Size() (int64, error) {
	if err := f.check("size", 0); err != nil {
		return 0, err
	}
	return int64(len(f.node.data)), nil
}

func (f *memFile) Sync(t Ticket) {
	err := f.mem.syncErr
	if closed := f.check("sync", 0); closed != nil {
		err = closed
	}
	f.mem.done = append(f.mem.done, Completion{t, err})
}

func (f *memFile) Close() error {
	if err := f.check("close", 0); err != nil {
		return err
	}
	f.closed = true
	return nil
}

// resize sets the length; bytes gained are zeros even where the array held older ones.
func (n *memNode) resize(size int64) {
	n.own()
	old := len(n.data)
	if int64(old) >= size {
		n.data = n.data[:size]
		return
	}
	n.data = slices.Grow(n.data, int(size)-old)[:size]
	clear(n.data[old:])
}
