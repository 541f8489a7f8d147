package mutants

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// builder makes programs out of the tree at source. What it writes goes to scratch and to the build cache.
type builder struct {
	source  string // absolute
	scratch string
	cache   string
}

// DefaultCache returns the folder of mutants' own build cache: below the user's cache, so that the next build is fast, and apart
// from the usual one, so that mutated code never lies beside anybody's work and can be deleted at once.
func DefaultCache() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("nowhere to keep a build cache: %w", err)
	}
	return filepath.Join(dir, module+"-mutants"), nil
}

// overlay is what go build -overlay reads.
type overlay struct {
	Replace map[string]string
}

// build compiles the program with the changes and returns its path.
func (b *builder) build(ctx context.Context, name string, changes []Change) (string, error) {
	dir := filepath.Join(b.scratch, name)
	files := overlay{Replace: map[string]string{}}
	for _, c := range changes {
		local := filepath.FromSlash(c.Name)
		path := filepath.Join(dir, "source", local)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(path, c.Content, 0o644); err != nil {
			return "", err
		}
		files.Replace[filepath.Join(b.source, local)] = path
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	text, err := json.MarshalIndent(files, "", "\t")
	if err != nil {
		return "", err
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, append(text, '\n'), 0o644); err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "simrun-mutant")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-overlay="+list, "-o", binary, "./cmd/simrun")
	cmd.Dir = b.source
	cmd.Env = append(os.Environ(), "GOCACHE="+b.cache, "GOWORK=off")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", fmt.Errorf("%s does not build: %w\n%s", name, err, bytes.TrimSpace(out.Bytes()))
	}
	return binary, nil
}
