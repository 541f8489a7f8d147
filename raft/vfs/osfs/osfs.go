// Package osfs is a vfs.FS in a directory of the operating system, with real syncs.
//
// A submitted sync is queued. Who carries it out is for Options to say: Poll, on the caller's goroutine, which then waits for the
// disk; or a goroutine of the file system, while the caller goes on and Poll returns what is done (Options.Async). A server whose
// disk stalls must see time pass and messages come: production wants the second.
//
// What was written between the submission and the sync itself is covered too, which a sync may do. Names are synced by a sync of the
// directory, as POSIX systems have it.
//
// The directory is locked as long as the FS is open: two servers that wrote one log would each forget what the other promised. The
// lock is a file in it, LOCK, that the FS does not show. On Unix systems it is locked with flock(2), and the system lets go of
// it when the process ends, however it does. (Over NFS flock is as good as the server's locks.) Elsewhere the file itself is the
// lock: it is made by Open and removed by Close, so after a crash it must be removed by hand.
package osfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"raftsim/raft/vfs"
)

// Error is a sentence that can be compared; what Open refuses is said by constants of it.
type Error string

// Error returns the sentence.
func (e Error) Error() string { return string(e) }

const (
	// ErrLocked refuses a directory that is open already, here or in another process.
	ErrLocked Error = "osfs: the directory is in use"
	// ErrNoDirectory refuses a path that is something else.
	ErrNoDirectory Error = "osfs: not a directory"
)

// Options say how an FS works. The zero value is the simplest.
type Options struct {
	// Async lets a goroutine of the FS carry out syncs, one after the other in the order of submission. Poll then never waits, and
	// Ready tells when there is something to poll.
	Async bool
}

// FS is one directory. It is made by Open, and belongs to one process and, apart from Ready, to one goroutine.
type FS struct {
	dir  string
	lock *lock
	done []vfs.Completion // handed out by Poll

	sync func(*request) error // carryOut; tests make it slow

	// Of an asynchronous one: the worker takes from queue and adds to finished.
	async    bool
	mu       sync.Mutex
	wake     sync.Cond
	queue    []request // submitted, in order; without Async the only one of these in use
	finished []vfs.Completion
	busy     bool          // the worker carries out one more
	closed   bool          // by the owner
	ready    chan struct{} // holds one token if something may have finished
	stopped  chan struct{} // closed by the worker when it ends
}

type request struct {
	ticket vfs.Ticket
	file   *node // nil: the names
	err    error // known at the submission
}

// node is a file of the operating system, which stays open until no handle and no queued sync needs it.
type node struct {
	file *os.File
	uses atomic.Int32
}

func newNode(file *os.File) *node {
	n := &node{file: file}
	n.uses.Store(1)
	return n
}

func (n *node) release() error {
	if n.uses.Add(-1) > 0 {
		return nil
	}
	return n.file.Close()
}

// Open returns the file system in dir, whose syncs Poll carries out. It makes dir if there is none; the directory's own name is then
// synced in its parent. Refused are what is no directory (ErrNoDirectory) and a directory in use (ErrLocked).
func Open(dir string) (*FS, error) { return OpenWith(dir, Options{}) }

// OpenWith is Open with options.
func OpenWith(dir string, o Options) (*FS, error) {
	if err := os.Mkdir(dir, 0o700); err == nil {
		if err := syncDir(filepath.Dir(dir)); err != nil {
			return nil, err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if info, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%w: %s", ErrNoDirectory, dir)
	}
	l, err := takeLock(filepath.Join(dir, lockName))
	if err != nil {
		return nil, err
	}
	f := &FS{dir: dir, lock: l, async: o.Async}
	f.sync = f.carryOut
	if o.Async {
		f.wake.L = &f.mu
		f.ready, f.stopped = make(chan struct{}, 1), make(chan struct{})
		go f.work()
	}
	return f, nil
}

// Close lets go of the directory. It waits for the sync under way and drops those behind it. Files that are open stay so, and are their
// owner's to close; nothing else may be done with f.
func (f *FS) Close() error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return vfs.PathError("close", f.dir, fs.ErrClosed)
	}
	f.closed = true
	dropped := f.queue
	f.queue = nil
	f.mu.Unlock()
	if f.async {
		f.wake.Signal()
		<-f.stopped
	}
	var err error
	for _, r := range dropped {
		if r.file != nil && r.err == nil {
			err = errors.Join(err, r.file.release())
		}
	}
	return errors.Join(err, f.lock.release())
}

// Pending returns how many syncs were submitted and not returned by Poll.
func (f *FS) Pending() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.queue) + len(f.finished)
	if f.busy {
		n++
	}
	return n
}

// Ready returns a channel that holds a token whenever Poll may have something new to return. Without Options.Async it is nil: nothing
// finishes by itself.
func (f *FS) Ready() <-chan struct{} { return f.ready }

// Poll returns the completions of up to n syncs, of all for a negative n, in the order of submission. Without Options.Async it carries
// them out first; with it, it returns those that are done, and if there are more than n, Ready says so again. The slice is valid
// until the next call.
func (f *FS) Poll(n int) []vfs.Completion {
	f.done = f.done[:0]
	if f.async {
		return f.collect(n)
	}
	if n < 0 || n > len(f.queue) {
		n = len(f.queue)
	}
	for i := range f.queue[:n] {
		r := &f.queue[i]
		f.done = append(f.done, vfs.Completion{Ticket: r.ticket, Err: f.sync(r)})
	}
	f.queue = slices.Delete(f.queue, 0, n)
	return f.done
}

// collect takes what the worker has finished.
func (f *FS) collect(n int) []vfs.Completion {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n < 0 || n > len(f.finished) {
		n = len(f.finished)
	}
	f.done = append(f.done, f.finished[:n]...)
	f.finished = slices.Delete(f.finished, 0, n)
	if len(f.finished) > 0 {
		f.tell()
	}
	return f.done
}

// work is the goroutine of an asynchronous FS.
func (f *FS) work() {
	defer close(f.stopped)
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		for len(f.queue) == 0 && !f.closed {
			f.wake.Wait()
		}
		if f.closed {
			return
		}
		r := f.queue[0]
		f.queue = slices.Delete(f.queue, 0, 1)
		f.busy = true
		f.mu.Unlock()
		err := f.sync(&r)
		f.mu.Lock()
		f.busy = false
		f.finished = append(f.finished, vfs.Completion{Ticket: r.ticket, Err: err})
		f.tell()
	}
}

// tell puts the token into ready, where at most one is.
func (f *FS) tell() {
	select {
	case f.ready <- struct{}{}:
	default:
	}
}

// submit queues a sync.
func (f *FS) submit(r request) {
	f.mu.Lock()
	f.queue = append(f.queue, r)
	f.mu.Unlock()
	if f.async {
		f.wake.Signal()
	}
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
	if !valid(name) {
		return nil, vfs.PathError(op, name, invalid(op))
	}
	file, err := os.OpenFile(f.path(name), flag, 0o600)
	if err != nil {
		return nil, plain(op, name, err)
	}
	return &handle{fs: f, name: name, node: newNode(file)}, nil
}

// valid says whether a name is one that a file of this FS can have. Nobody sees the lock.
func valid(name string) bool { return vfs.ValidName(name) && name != lockName }

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
	if !valid(name) {
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
	case !valid(newName):
		return vfs.PathError("rename", newName, fs.ErrInvalid)
	case !valid(oldName):
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
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if e.Name() != lockName {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// SyncDir implements vfs.FS.
func (f *FS) SyncDir(t vfs.Ticket) { f.submit(request{ticket: t}) }

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
		h.node.uses.Add(1)
	}
	h.fs.submit(r)
}

func (h *handle) Close() error {
	if err := h.check("close", 0); err != nil {
		return err
	}
	h.closed = true
	return h.node.release()
}
