package disk

import (
	"errors"
	"io"
	"io/fs"

	"raftsim/raft/vfs"
)

// ErrDead is what a file system and its files return once the process they belong to has died.
var ErrDead = errors.New("disk: the process that had this file open is dead")

// MaxFile bounds the size of a file, in bytes.
const MaxFile = 1 << 30

// ErrFileTooLarge refuses a write or a size beyond MaxFile.
var ErrFileTooLarge = errors.New("disk: file too large: at most 1 GiB")

// system is the vfs.FS of one incarnation of the owner.
type system struct {
	disk *Disk
	life uint64
}

func (s *system) alive() bool { return s.life == s.disk.life }

// Create implements vfs.FS.
func (s *system) Create(name string) (vfs.File, error) {
	switch {
	case !s.alive():
		return nil, vfs.PathError("create", name, ErrDead)
	case !vfs.ValidName(name):
		return nil, vfs.PathError("create", name, fs.ErrInvalid)
	}
	d := s.disk
	if i, ok := d.view.find(name); ok {
		d.view[i].node.truncate(0)
		return &file{system: s, name: name, node: d.view[i].node}, nil
	}
	n := d.newNode()
	d.view = d.view.put(name, n)
	return &file{system: s, name: name, node: n}, nil
}

// Open implements vfs.FS.
func (s *system) Open(name string) (vfs.File, error) {
	if !s.alive() {
		return nil, vfs.PathError("open", name, ErrDead)
	}
	i, ok := s.disk.view.find(name)
	if !ok {
		return nil, vfs.PathError("open", name, fs.ErrNotExist)
	}
	return &file{system: s, name: name, node: s.disk.view[i].node}, nil
}

// Remove implements vfs.FS.
func (s *system) Remove(name string) error {
	if !s.alive() {
		return vfs.PathError("remove", name, ErrDead)
	}
	d := s.disk
	i, ok := d.view.find(name)
	if !ok {
		return vfs.PathError("remove", name, fs.ErrNotExist)
	}
	d.view = d.view.remove(i)
	return nil
}

// Rename implements vfs.FS.
func (s *system) Rename(oldName, newName string) error {
	switch {
	case !s.alive():
		return vfs.PathError("rename", oldName, ErrDead)
	case !vfs.ValidName(newName):
		return vfs.PathError("rename", newName, fs.ErrInvalid)
	}
	d := s.disk
	i, ok := d.view.find(oldName)
	if !ok {
		return vfs.PathError("rename", oldName, fs.ErrNotExist)
	}
	if oldName != newName {
		n := d.view[i].node
		d.view = d.view.remove(i).put(newName, n)
	}
	return nil
}

// List implements vfs.FS.
func (s *system) List() ([]string, error) {
	if !s.alive() {
		return nil, vfs.PathError("list", ".", ErrDead)
	}
	out := make([]string, len(s.disk.view))
	for i := range s.disk.view {
		out[i] = s.disk.view[i].name
	}
	return out, nil
}

// SyncDir implements vfs.FS. Of a dead process it does nothing: there is nobody to tell.
func (s *system) SyncDir(t vfs.Ticket) {
	if s.alive() {
		s.disk.submit(t, nil, nil)
	}
}

type file struct {
	system *system
	name   string
	node   *node
	closed bool
}

func (f *file) check(op string, off int64) error {
	switch {
	case !f.system.alive():
		return vfs.PathError(op, f.name, ErrDead)
	case f.closed:
		return vfs.PathError(op, f.name, fs.ErrClosed)
	case off < 0:
		return vfs.PathError(op, f.name, fs.ErrInvalid)
	}
	return nil
}

// ReadAt implements vfs.File.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if err := f.check("read", off); err != nil {
		return 0, err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if off >= int64(len(f.node.view)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.view[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements vfs.File.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	if err := f.check("write", off); err != nil {
		return 0, err
	}
	if off > MaxFile-int64(len(p)) {
		return 0, vfs.PathError("write", f.name, ErrFileTooLarge)
	}
	if len(p) > 0 {
		f.node.writeAt(p, off)
		if !f.system.disk.setup {
			f.system.disk.stats.BytesWritten += uint64(len(p))
		}
	}
	return len(p), nil
}

// Truncate implements vfs.File.
func (f *file) Truncate(size int64) error {
	if err := f.check("truncate", size); err != nil {
		return err
	}
	if size > MaxFile {
		return vfs.PathError("truncate", f.name, ErrFileTooLarge)
	}
	f.node.truncate(size)
	return nil
}

// Size implements vfs.File.
func (f *file) Size() (int64, error) {
	if err := f.check("size", 0); err != nil {
		return 0, err
	}
	return int64(len(f.node.view)), nil
}

// Sync implements vfs.File. Of a dead process it does nothing: there is nobody to tell.
func (f *file) Sync(t vfs.Ticket) {
	if !f.system.alive() {
		return
	}
	err := f.check("sync", 0)
	f.system.disk.submit(t, f.node, err)
}

// Close implements vfs.File.
func (f *file) Close() error {
	if err := f.check("close", 0); err != nil {
		return err
	}
	f.closed = true
	return nil
}
