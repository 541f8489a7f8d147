package mutants

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// module is the tree that patches are against.
const module = "raftsim"

// ErrNoSource says that there is no source tree to mutate.
var ErrNoSource = errors.New("no source tree: no folder here or above has a go.mod with \"module " + module + "\"")

// FindSource returns the root of the source tree that dir lies in.
func FindSource(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for {
		if isSource(dir) {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", ErrNoSource
		}
		dir = parent
	}
}

func isSource(dir string) bool {
	f, err := os.Open(filepath.Join(dir, "go.mod"))
	if err != nil {
		return false
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if words := strings.Fields(lines.Text()); len(words) >= 2 && words[0] == "module" {
			return words[1] == module
		}
	}
	return false
}

// Patches returns the patch files of the tree at root, in order of their names; none is an error.
func Patches(root string) ([]string, error) {
	dir := filepath.Join(root, "testdata", "mutants")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".patch" {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no patch file in %s", dir)
	}
	return files, nil
}
