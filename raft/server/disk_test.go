package server

import (
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"raftsim/raft/storage"
	"raftsim/raft/vfs"
)

// disk is a file system that knows what a power loss leaves, completes syncs on demand, and writes down what happens to it.
type disk struct {
	host    *host
	names   map[string]*node // the view
	durable map[string]*node // the names a power loss leaves
	pending []pendingSync
	failing error // what writes return
	syncErr error // what syncs submitted from now on end with
	open    int   // files
	loose   bool  // removed names and fresh ones survive a power loss before any SyncDir; bytes never do
}

// node is a file apart from its names.
type node struct{ view, durable []byte }

type pendingSync struct {
	completion vfs.Completion
	node       *node
	covers     []byte           // of node
	names      map[string]*node // of a SyncDir
}

func newDisk() *disk {
	return &disk{names: make(map[string]*node), durable: make(map[string]*node)}
}

func (d *disk) Create(name string) (vfs.File, error) {
	if d.failing != nil {
		return nil, d.failing
	}
	n := d.names[name]
	if n == nil {
		n = new(node)
		d.names[name] = n
	}
	n.view = nil
	d.open++
	return &file{d, name, n, false}, nil
}

func (d *disk) Open(name string) (vfs.File, error) {
	n := d.names[name]
	if n == nil {
		return nil, vfs.PathError("open", name, fs.ErrNotExist)
	}
	d.open++
	return &file{d, name, n, false}, nil
}

func (d *disk) Remove(name string) error {
	if d.names[name] == nil {
		return vfs.PathError("remove", name, fs.ErrNotExist)
	}
	delete(d.names, name)
	return nil
}

func (d *disk) Rename(from, to string) error {
	n := d.names[from]
	if n == nil {
		return vfs.PathError("rename", from, fs.ErrNotExist)
	}
	delete(d.names, from)
	d.names[to] = n
	return nil
}

func (d *disk) List() ([]string, error) { return slices.Sorted(maps.Keys(d.names)), nil }

func (d *disk) SyncDir(t vfs.Ticket) {
	d.noteSync(t)
	d.pending = append(d.pending, pendingSync{completion: vfs.Completion{Ticket: t, Err: d.syncErr}, names: maps.Clone(d.names)})
}

func (d *disk) noteSync(t vfs.Ticket) {
	switch {
	case t >= storage.InternalTickets: // the log's own business
		d.quietly()
	case t == recoveryTicket:
		d.note("sync recovery")
	default:
		d.note("sync %d", t)
	}
}

func (d *disk) note(format string, args ...any) {
	if d.host != nil {
		d.host.note(format, args...)
	}
}

// quietly counts an effect that is not written down.
func (d *disk) quietly() {
	if d.host != nil && d.host.dead {
		d.host.after++
	}
}

// complete ends the oldest sync under way.
func (d *disk) complete() vfs.Completion {
	p := d.pending[0]
	d.pending = d.pending[1:]
	switch {
	case p.completion.Err != nil:
	case p.node != nil:
		p.node.durable = p.covers
	default:
		d.durable = p.names
	}
	return p.completion
}

// crash ends the process: nobody is told any more of the syncs under way.
func (d *disk) crash() {
	for len(d.pending) > 0 {
		d.complete()
	}
}

// powerLoss leaves what is durable and at most extra bytes of what was written behind it, in each file.
func (d *disk) powerLoss(extra int) {
	d.pending = nil
	if !d.loose {
		d.names = d.durable
	}
	d.names = maps.Clone(d.names)
	for _, n := range d.names {
		keep := slices.Clone(n.durable)
		if len(n.view) > len(keep) {
			keep = append(keep, n.view[len(keep):min(len(n.view), len(keep)+extra)]...)
		}
		n.view, n.durable = keep, slices.Clone(keep)
	}
	d.durable = maps.Clone(d.names)
}

type file struct {
	disk   *disk
	name   string
	node   *node
	closed bool
}

func (f *file) check(op string) error {
	if f.closed {
		return vfs.PathError(op, f.name, fs.ErrClosed)
	}
	return nil
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if err := f.check("read"); err != nil {
		return 0, err
	}
	n := copy(p, f.node.view[min(off, int64(len(f.node.view))):])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	if err := f.check("write"); err != nil {
		return 0, err
	}
	if strings.HasSuffix(f.name, ".log") && off > 0 {
		f.disk.note("write")
	} else {
		f.disk.quietly()
	}
	if f.disk.failing != nil {
		return 0, f.disk.failing
	}
	f.resize(max(off+int64(len(p)), int64(len(f.node.view))))
	return copy(f.node.view[off:], p), nil
}

func (f *file) Truncate(size int64) error {
	f.resize(size)
	return f.check("truncate")
}

func (f *file) resize(size int64) {
	if old := int64(len(f.node.view)); size > old {
		f.node.view = append(f.node.view, make([]byte, size-old)...)
	}
	f.node.view = f.node.view[:size]
}

func (f *file) Size() (int64, error) { return int64(len(f.node.view)), f.check("size") }

func (f *file) Sync(t vfs.Ticket) {
	f.disk.noteSync(t)
	err := f.disk.syncErr
	if closed := f.check("sync"); closed != nil {
		err = closed
	}
	f.disk.pending = append(f.disk.pending, pendingSync{
		completion: vfs.Completion{Ticket: t, Err: err}, node: f.node, covers: slices.Clone(f.node.view),
	})
}

func (f *file) Close() error {
	err := f.check("close")
	if err == nil {
		f.disk.open--
	}
	f.closed = true
	return err
}

// count returns the number of files in the view whose names have an ending.
func (d *disk) count(ending string) (n int) {
	for name := range d.names {
		if strings.HasSuffix(name, ending) {
			n++
		}
	}
	return n
}
