// Package osfs is a vfs.FS in a directory of the operating system, with real syncs.
//
// A submitted sync is queued, and carried out when its owner asks for completions: Poll blocks for as long as the disk takes. What
// was written between the submission and Poll is covered too, which a sync may do. Names are synced by a sync of the directory, as
// POSIX systems have it.
package osfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"raftsim/raft/vfs"
)

// FS is one directory. It is made by Open, and belongs to one process and one goroutine.
type FS struct {
	dir   string
	queue []request
	done  []vfs.Completion
}

type request struct {
	ticket vfs.Ticket
	file   *node // nil: the names
	err    error // known at the submission
}

// node is a file of the operating system, which stays open until no handle and no queued sync needs it.
type node struct {
	file *os.File
	uses int
}

func (n *node) release() error {
	if n.uses--; n.uses > 0 {
		return nil
	}
	return n.file.Close()
}

// Open returns the file system in dir, which it makes if there is none. The directory's own name is then synced in its parent.
func Open(dir string) (*FS, error) {
	if err := os.Mkdir(dir, 0o700); err == nil {
		if err := syncDir(filepath.Dir(dir)); err != nil {
			return nil, err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return &FS{dir: dir}, nil
}

// Pending returns how many syncs are queued.
func (f *FS) Pending() int { return len(f.queue) }

// Poll carries out up to n of the queued syncs, all for a negative n, and returns their completions in the order of submission.
// The slice is valid until the next call.
func (f *FS) Poll(n int) []vfs.Completion {
	if n < 0 || n > len(f.queue) {
		n = len(f.queue)
	}
	f.done = f.done[:0]
	for _, r := range f.queue[:n] {
		f.done = append(f.done, vfs.Completion{Ticket: r.ticket, Err: f.carryOut(&r)})
	}
	f.queue = slices.Delete(f.queue, 0, n)
	return f.done
}

func (f *FS) carryOut(r *request) error {
	switch {
	case r.err != nil:
		return r.err
	case r.file == nil:
		return syncDir(f.dir)
	}
	err := r.file.file.Sync()
	return errors.Join(err, r.file.release())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (f *FS) path(name string) string { return filepath.Join(f.dir, name) }

// Create implements vfs.FS.
func (f *FS) Create(name string) (vfs.File, error) {
	return f.open("create", name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

// Open implements vfs.FS.
func (f *FS) Open(name string) (vfs.File, error) { return f.open("open", name, os.O_RDWR) }

func (f *FS) open(op, name string, flag int) (vfs.File, error) {
	if !vfs.ValidName(name) {
		return nil, vfs.PathError(op, name, invalid(op))
	}
	file, err := os.OpenFile(f.path(name), flag, 0o600)
	if err != nil {
		return nil, plain(op, name, err)
	}
	return &handle{fs: f, name: name, node: &node{file: file, uses: 1}}, nil
}

// invalid is what a name is that no file can have: nothing of that name exists, and none can be made.
func invalid(op string) error {
	if op == "create" {
		return fs.ErrInvalid
	}
	return fs.ErrNotExist
}

// plain puts the name in place of the path.
func plain(op, name string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		err = link.Err
	}
	return vfs.PathError(op, name, err)
}

// Remove implements vfs.FS.
func (f *FS) Remove(name string) error {
	if !vfs.ValidName(name) {
		return vfs.PathError("remove", name, fs.ErrNotExist)
	}
	if err := os.Remove(f.path(name)); err != nil {
		return plain("remove", name, err)
	}
	return nil
}

// Rename implements vfs.FS.
func (f *FS) Rename(oldName, newName string) error {
	switch {
	case !vfs.ValidName(newName):
		return vfs.PathError("rename", newName, fs.ErrInvalid)
	case !vfs.ValidName(oldName):
		return vfs.PathError("rename", oldName, fs.ErrNotExist)
	}
	if err := os.Rename(f.path(oldName), f.path(newName)); err != nil {
		return plain("rename", oldName, err)
	}
	return nil
}

// List implements vfs.FS.
func (f *FS) List() ([]string, error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	slices.Sort(names)
	return names, nil
}

// SyncDir implements vfs.FS.
func (f *FS) SyncDir(t vfs.Ticket) { f.queue = append(f.queue, request{ticket: t}) }

type handle struct {
	fs     *FS
	name   string
	node   *node
	closed bool
}

func (h *handle) check(op string, off int64) error {
	switch {
	case h.closed:
		return vfs.PathError(op, h.name, fs.ErrClosed)
	case off < 0:
		return vfs.PathError(op, h.name, fs.ErrInvalid)
	}
	return nil
}

func (h *handle) ReadAt(p []byte, off int64) (int, error) {
	if err := h.check("read", off); err != nil {
		return 0, err
	}
	return h.node.file.ReadAt(p, off)
}

func (h *handle) WriteAt(p []byte, off int64) (int, error) {
	if err := h.check("write", off); err != nil {
		return 0, err
	}
	return h.node.file.WriteAt(p, off)
}

func (h *handle) Truncate(size int64) error {
	if err := h.check("truncate", size); err != nil {
		return err
	}
	return h.node.file.Truncate(size)
}

func (h *handle) Size() (int64, error) {
	if err := h.check("size", 0); err != nil {
		return 0, err
	}
	info, err := h.node.file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (h *handle) Sync(t vfs.Ticket) {
	r := request{ticket: t, file: h.node, err: h.check("sync", 0)}
	if r.err == nil {
		h.node.uses++
	}
	h.fs.queue = append(h.fs.queue, r)
}

func (h *handle) Close() error {
	if err := h.check("close", 0); err != nil {
		return err
	}
	h.closed = true
	return h.node.release()
}
