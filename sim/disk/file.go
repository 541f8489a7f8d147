package disk

import (
	"errors"
	"io"
	"io/fs"

	"raftsim/raft/vfs"
)

// MaxFile bounds the size of a file, in bytes.
const MaxFile = 1 << 30

// ErrFileTooLarge refuses a write or a size beyond MaxFile.
var ErrFileTooLarge = errors.New("disk: file too large: at most 1 GiB")

// ErrUnreadable is what a read of an unreadable sector returns, with the bytes before it. It lasts until these bytes are written
// again.
var ErrUnreadable = errors.New("disk: sector cannot be read")

type file struct {
	system *system
	name   string
	node   *node
	closed bool
}

func (f *file) check(op string, off int64) error {
	err := f.system.fault()
	switch {
	case err != nil:
	case f.closed:
		err = fs.ErrClosed
	case off < 0:
		err = fs.ErrInvalid
	default:
		return nil
	}
	return vfs.PathError(op, f.name, err)
}

// change admits a change of the file.
func (f *file) change(op string, off int64) error {
	if err := f.check(op, off); err != nil {
		return err
	}
	if err := f.system.disk.enter(); err != nil {
		return vfs.PathError(op, f.name, err)
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
	if len(f.node.marks) > 0 {
		if sound := f.system.disk.damage(f.node, p[:n], off); sound < n {
			return sound, vfs.PathError("read", f.name, ErrUnreadable)
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements vfs.File.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	if err := f.change("write", off); err != nil {
		return 0, err
	}
	if off > MaxFile-int64(len(p)) {
		return 0, vfs.PathError("write", f.name, ErrFileTooLarge)
	}
	d, asked := f.system.disk, len(p)
	if d.full.on {
		p = p[:d.allot(asked)]
	}
	if len(p) > 0 {
		f.node.writeAt(p, off)
		if !d.setup {
			d.stats.BytesWritten += uint64(len(p))
		}
	}
	if len(p) < asked {
		return len(p), vfs.PathError("write", f.name, ErrNoSpace)
	}
	return len(p), nil
}

// Truncate implements vfs.File. It takes no space.
func (f *file) Truncate(size int64) error {
	if err := f.change("truncate", size); err != nil {
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
	if f.system.life == f.system.disk.life {
		f.system.disk.submit(t, f.node, f.change("sync", 0))
	}
}

// Close implements vfs.File.
func (f *file) Close() error {
	if err := f.check("close", 0); err != nil {
		return err
	}
	f.closed = true
	return nil
}
