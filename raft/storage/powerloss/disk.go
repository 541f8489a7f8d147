package powerloss

import (
	"io"
	"io/fs"
	"slices"
	"strings"

	"raftsim/raft/vfs"
)

// disk is a vfs.FS that knows, besides what its process sees, everything a power loss may leave. It calls after when an operation is
// over that changed something, and is a Machine.
type disk struct {
	view    dir
	durable dir
	syncs   []pendingSync // submitted and not completed, oldest first
	strange int           // of them, those of dead processes
	after   func(what string)
	wrap    func(vfs.FS) vfs.FS
}

// node is a file apart from its names.
type node struct {
	durable []byte
	// versions are the contents since the last completed sync, oldest first: what was captured by that sync, then one after
	// every change. The last one is the view.
	versions [][]byte
	first    int // number of versions[0] since the file was made
}

func (n *node) view() []byte { return n.versions[len(n.versions)-1] }

// dir is a set of names in ascending order.
type dir []dirEntry

type dirEntry struct {
	name string
	node *node
}

func (d dir) find(name string) (int, bool) {
	return slices.BinarySearchFunc(d, name, func(e dirEntry, s string) int { return strings.Compare(e.name, s) })
}

// get returns the file of a name, nil for none.
func (d dir) get(name string) *node {
	if i, ok := d.find(name); ok {
		return d[i].node
	}
	return nil
}

// put makes name mean n, or nothing if n is nil.
func (d dir) put(name string, n *node) dir {
	i, ok := d.find(name)
	switch {
	case ok && n == nil:
		return slices.Delete(d, i, i+1)
	case ok:
		d[i].node = n
		return d
	case n == nil:
		return d
	}
	return slices.Insert(d, i, dirEntry{name, n})
}

type pendingSync struct {
	ticket  vfs.Ticket
	node    *node // nil: the names
	version int   // of the node
	names   dir
	err     error
}

func (d *disk) did(what, name string) {
	if d.after != nil {
		d.after(what + " " + name)
	}
}

// Start implements Machine.
func (d *disk) Start() (vfs.FS, error) {
	d.strange = len(d.syncs)
	if d.wrap != nil {
		return d.wrap(d), nil
	}
	return d, nil
}

// Complete implements Machine.
func (d *disk) Complete() (c vfs.Completion, own, ok bool) {
	if len(d.syncs) == 0 {
		return c, false, false
	}
	p := d.syncs[0]
	d.syncs = d.syncs[1:]
	if own = d.strange == 0; !own {
		d.strange--
	}
	switch {
	case p.err != nil:
	case p.node == nil:
		d.durable = p.names
	default:
		n := p.node
		drop := p.version - n.first
		n.durable = n.versions[drop]
		n.versions, n.first = n.versions[drop:], p.version
	}
	return vfs.Completion{Ticket: p.ticket, Err: p.err}, own, true
}

// hash returns a checksum of all names and bytes (FNV-1a).
func (d *disk) hash() uint64 {
	sum := uint64(14695981039346656037)
	add := func(c byte) { sum = (sum ^ uint64(c)) * 1099511628211 }
	for _, e := range d.view {
		for i := range len(e.name) {
			add(e.name[i])
		}
		add('/')
		b := e.node.view()
		for _, c := range b {
			add(c)
		}
		for n := len(b); n > 0; n >>= 8 {
			add(byte(n))
		}
	}
	return sum
}

// Create implements vfs.FS.
func (d *disk) Create(name string) (vfs.File, error) {
	if !vfs.ValidName(name) {
		return nil, vfs.PathError("create", name, fs.ErrInvalid)
	}
	n := d.view.get(name)
	if n == nil {
		n = &node{versions: [][]byte{nil}}
		d.view = d.view.put(name, n)
	} else {
		n.change(nil)
	}
	d.did("create", name)
	return &handle{disk: d, name: name, node: n}, nil
}

// Open implements vfs.FS.
func (d *disk) Open(name string) (vfs.File, error) {
	n := d.view.get(name)
	if n == nil {
		return nil, vfs.PathError("open", name, fs.ErrNotExist)
	}
	return &handle{disk: d, name: name, node: n}, nil
}

// Remove implements vfs.FS.
func (d *disk) Remove(name string) error {
	if d.view.get(name) == nil {
		return vfs.PathError("remove", name, fs.ErrNotExist)
	}
	d.view = d.view.put(name, nil)
	d.did("remove", name)
	return nil
}

// Rename implements vfs.FS.
func (d *disk) Rename(oldName, newName string) error {
	if !vfs.ValidName(newName) {
		return vfs.PathError("rename", newName, fs.ErrInvalid)
	}
	n := d.view.get(oldName)
	if n == nil {
		return vfs.PathError("rename", oldName, fs.ErrNotExist)
	}
	d.view = d.view.put(oldName, nil).put(newName, n)
	d.did("rename", oldName+" to "+newName)
	return nil
}

// List implements vfs.FS.
func (d *disk) List() ([]string, error) {
	names := make([]string, len(d.view))
	for i, e := range d.view {
		names[i] = e.name
	}
	return names, nil
}

// SyncDir implements vfs.FS.
func (d *disk) SyncDir(t vfs.Ticket) {
	d.syncs = append(d.syncs, pendingSync{ticket: t, names: slices.Clone(d.view)})
}

// change makes b, which is nobody else's, the content.
func (n *node) change(b []byte) { n.versions = append(n.versions, b) }

type handle struct {
	disk   *disk
	name   string
	node   *node
	closed bool
}

func (f *handle) check(op string, off int64) error {
	if f.closed {
		return vfs.PathError(op, f.name, fs.ErrClosed)
	}
	if off < 0 {
		return vfs.PathError(op, f.name, fs.ErrInvalid)
	}
	return nil
}

func (f *handle) ReadAt(p []byte, off int64) (int, error) {
	if err := f.check("read", off); err != nil || len(p) == 0 {
		return 0, err
	}
	b := f.node.view()
	n := copy(p, b[min(off, int64(len(b))):])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *handle) WriteAt(p []byte, off int64) (int, error) {
	if err := f.check("write", off); err != nil || len(p) == 0 {
		return 0, err
	}
	old := f.node.view()
	b := make([]byte, max(int64(len(old)), off+int64(len(p))))
	copy(b, old)
	copy(b[off:], p)
	f.node.change(b)
	f.disk.did("write", f.name)
	return len(p), nil
}

func (f *handle) Truncate(size int64) error {
	if err := f.check("truncate", size); err != nil {
		return err
	}
	b := make([]byte, size)
	copy(b, f.node.view())
	f.node.change(b)
	f.disk.did("truncate", f.name)
	return nil
}

func (f *handle) Size() (int64, error) {
	if err := f.check("size", 0); err != nil {
		return 0, err
	}
	return int64(len(f.node.view())), nil
}

func (f *handle) Sync(t vfs.Ticket) {
	n := f.node
	f.disk.syncs = append(f.disk.syncs, pendingSync{ticket: t, node: n, version: n.first + len(n.versions) - 1, err: f.check("sync", 0)})
}

func (f *handle) Close() error {
	if err := f.check("close", 0); err != nil {
		return err
	}
	f.closed = true
	return nil
}
