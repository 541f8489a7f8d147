//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package osfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lock is an open file with a lock of the system, which ends with the file. The file stays: to remove it would let two processes lock
// two files of one name.
type lock struct{ file *os.File }

func takeLock(path string) (*lock, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		if err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != syscall.EINTR {
			break
		}
	}
	switch {
	case err == nil:
		return &lock{file}, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		err = fmt.Errorf("%w: %s", ErrLocked, filepath.Dir(path))
	default:
		err = fmt.Errorf("osfs: lock of %s: %w", filepath.Dir(path), err)
	}
	return nil, errors.Join(err, file.Close())
}

func (l *lock) release() error { return l.file.Close() }
