//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package osfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// lock is a file that only one process can make. It names that process for people: after a crash they have to remove it.
type lock struct{ path string }

func takeLock(path string) (*lock, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%w: %s (if no process uses it, one has crashed: remove %s)", ErrLocked, filepath.Dir(path), path)
	} else if err != nil {
		return nil, err
	}
	_, err = file.WriteString("process " + strconv.Itoa(os.Getpid()) + "\n")
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	return &lock{path}, nil
}

func (l *lock) release() error { return os.Remove(l.path) }
