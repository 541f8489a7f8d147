package campaign

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrDiffers says that a file exists and holds something else.
var ErrDiffers = errors.New("it exists and holds something else")

// WriteFile writes a seed file at path: all of it under a temporary name, which then becomes path. A file that is there already
// is left alone if it holds the same case and expectation, whatever its human part says; otherwise the error is ErrDiffers,
// unless force.
func WriteFile(path string, data []byte, force bool) error {
	temp, err := os.CreateTemp(filepath.Dir(path), ".simrun-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(data)
	if err == nil {
		err = temp.Sync()
	}
	if e := temp.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Chmod(temp.Name(), 0o644)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if force {
		return os.Rename(temp.Name(), path)
	}
	// A link, unlike a rename, never replaces what is there.
	err = os.Link(temp.Name(), path)
	if err == nil {
		return nil
	}
	old, readErr := os.ReadFile(path)
	switch {
	case readErr == nil && bytes.Equal(machinePart(old), machinePart(data)):
		return nil
	case readErr == nil, errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s: %w", path, ErrDiffers)
	}
	// No such file, and no links on this file system.
	return os.Rename(temp.Name(), path)
}

// WriteNew writes a seed file in dir, which it makes if need be, under the first of STEM.seed, STEM-2.seed, STEM-3.seed ... that
// is free or holds the same. data makes the content for a name.
func WriteNew(dir, stem string, data func(name string) ([]byte, error)) (path string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for n := 1; n <= 1000; n++ {
		name := stem + ".seed"
		if n > 1 {
			name = fmt.Sprintf("%s-%d.seed", stem, n)
		}
		text, err := data(name)
		if err != nil {
			return "", err
		}
		path := filepath.Join(dir, name)
		if err := WriteFile(path, text, false); !errors.Is(err, ErrDiffers) {
			return path, err
		}
	}
	return "", fmt.Errorf("%s: a thousand different files are called %s-N.seed", dir, stem)
}

// machinePart returns what follows the text for people.
func machinePart(data []byte) []byte {
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	if i := strings.Index(text, "\n-- "); i >= 0 {
		text = text[i+1:]
	}
	return []byte(text)
}
