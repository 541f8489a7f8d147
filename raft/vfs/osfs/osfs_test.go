package osfs_test

import (
	"os"
	"path/filepath"
	"testing"

	"raftsim/raft/vfs"
	"raftsim/raft/vfs/osfs"
	"raftsim/raft/vfs/vfstest"
)

func TestConforms(t *testing.T) {
	vfstest.Run(t, func(t *testing.T) vfstest.Subject {
		f := open(t, filepath.Join(t.TempDir(), "member"))
		return vfstest.Subject{FS: f, Settle: func() []vfs.Completion { return f.Poll(-1) }}
	})
}

func open(t *testing.T, dir string) *osfs.FS {
	t.Helper()
	f, err := osfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// What one process wrote another one finds, in the operating system's own files.
func TestFilesAreTheSystems(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "member")
	f := open(t, dir)
	file, err := f.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte("hello"), 0); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "a")); err != nil || string(b) != "hello" {
		t.Errorf("the file holds %q, %v", b, err)
	}
	again := open(t, dir)
	if names, err := again.List(); err != nil || len(names) != 1 || names[0] != "a" {
		t.Errorf("names %v, %v", names, err)
	}
}

// Syncs wait for Poll, and are carried out few at a time if that is asked for.
func TestPollInParts(t *testing.T) {
	f := open(t, t.TempDir())
	for ticket := range vfs.Ticket(5) {
		f.SyncDir(ticket)
	}
	next := vfs.Ticket(0)
	for _, n := range []int{0, 2, 1, -1, -1} {
		before := f.Pending()
		got := f.Poll(n)
		if f.Pending() != before-len(got) || n >= 0 && len(got) != n {
			t.Errorf("a poll of %d of %d returned %d and left %d", n, before, len(got), f.Pending())
		}
		for _, c := range got {
			if c.Ticket != next || c.Err != nil {
				t.Errorf("completion %+v, want ticket %d", c, next)
			}
			next++
		}
	}
	if next != 5 {
		t.Errorf("%d completions, want 5", next)
	}
}

func TestNoSuchParent(t *testing.T) {
	if _, err := osfs.Open(filepath.Join(t.TempDir(), "missing", "member")); err == nil {
		t.Error("opened in a directory that does not exist")
	}
}
