// Package vfstest checks that a vfs.FS keeps the promises of its interface that do not need a power loss to be seen:
// names, bytes, sizes, handles, and completions in the order of submission.
package vfstest

import (
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"raftsim/raft/vfs"
)

// Subject is one empty file system under test.
type Subject struct {
	FS vfs.FS
	// Settle lets every submitted sync complete and returns the completions since the last call, oldest first.
	Settle func() []vfs.Completion
}

// Run checks the file systems that fresh returns, a new empty one for each rule.
func Run(t *testing.T, fresh func(t *testing.T) Subject) {
	for _, rule := range rules() {
		t.Run(rule.name, func(t *testing.T) { rule.check(t, fresh(t)) })
	}
}

type rule struct {
	name  string
	check func(*testing.T, Subject)
}

func rules() []rule {
	return []rule{
		{"a file that does not exist cannot be opened, removed or renamed", func(t *testing.T, s Subject) {
			_, err := s.FS.Open("a")
			wantError(t, "open", err, fs.ErrNotExist)
			wantError(t, "remove", s.FS.Remove("a"), fs.ErrNotExist)
			wantError(t, "rename", s.FS.Rename("a", "b"), fs.ErrNotExist)
			wantNames(t, s)
		}},
		{"a name that is a path is refused", func(t *testing.T, s Subject) {
			for _, name := range []string{"", ".", "..", "a/b", "a\\b", "a\x00"} {
				_, err := s.FS.Create(name)
				wantError(t, "create "+name, err, fs.ErrInvalid)
			}
			create(t, s, "a", "")
			wantError(t, "rename", s.FS.Rename("a", "b/c"), fs.ErrInvalid)
			wantNames(t, s, "a")
		}},
		{"names are listed in ascending order", func(t *testing.T, s Subject) {
			for _, name := range []string{"b", "a", "d", "c"} {
				create(t, s, name, "")
			}
			wantNames(t, s, "a", "b", "c", "d")
		}},
		{"what is written is read back, by every handle and after closing", func(t *testing.T, s Subject) {
			f := create(t, s, "a", "hello")
			g := open(t, s, "a")
			write(t, g, "J", 0)
			wantBytes(t, f, "Jello")
			must(t, f.Close())
			must(t, g.Close())
			wantBytes(t, open(t, s, "a"), "Jello")
		}},
		{"a read at the end or beyond is io.EOF, a short one returns what there is", func(t *testing.T, s Subject) {
			f := create(t, s, "a", "hello")
			p := make([]byte, 4)
			n, err := f.ReadAt(p, 3)
			if n != 2 || err != io.EOF || string(p[:n]) != "lo" {
				t.Errorf("read of 4 at 3 = %d %q, %v; want 2 \"lo\", EOF", n, p[:n], err)
			}
			if n, err := f.ReadAt(p[:2], 3); n != 2 || (err != nil && err != io.EOF) {
				t.Errorf("read of the last 2 bytes = %d, %v", n, err)
			}
			for _, off := range []int64{5, 6, 1 << 40} {
				if n, err := f.ReadAt(p, off); n != 0 || err != io.EOF {
					t.Errorf("read at %d = %d, %v; want 0, EOF", off, n, err)
				}
			}
		}},
		{"a gap reads as zeros", func(t *testing.T, s Subject) {
			f := create(t, s, "a", "x")
			write(t, f, "y", 3)
			wantBytes(t, f, "x\x00\x00y")
		}},
		{"truncate cuts, and what it adds is zeros, not the bytes it cut", func(t *testing.T, s Subject) {
			f := create(t, s, "a", "hello")
			must(t, f.Truncate(2))
			wantBytes(t, f, "he")
			must(t, f.Truncate(4))
			wantBytes(t, f, "he\x00\x00")
			must(t, f.Truncate(1))
			write(t, f, "z", 3)
			wantBytes(t, f, "h\x00\x00z")
		}},
		{"a negative offset or size is invalid", func(t *testing.T, s Subject) {
			f := create(t, s, "a", "hello")
			_, err := f.ReadAt(make([]byte, 1), -1)
			wantError(t, "read", err, fs.ErrInvalid)
			_, err = f.WriteAt([]byte("x"), -1)
			wantError(t, "write", err, fs.ErrInvalid)
			wantError(t, "truncate", f.Truncate(-1), fs.ErrInvalid)
			wantBytes(t, f, "hello")
		}},
		{"the writer keeps its buffer", func(t *testing.T, s Subject) {
			f := create(t, s, "a", "")
			p := []byte("hello")
			if _, err := f.WriteAt(p, 0); err != nil {
				t.Fatal(err)
			}
			copy(p, "XXXXX")
			wantBytes(t, f, "hello")
		}},
		{"create empties an existing file for all its handles", func(t *testing.T, s Subject) {
			f := create(t, s, "a", "hello")
			g := create(t, s, "a", "")
			wantBytes(t, f, "")
			write(t, g, "y", 1)
			wantBytes(t, f, "\x00y")
			wantNames(t, s, "a")
		}},
		{"a removed file lives on in its handles only", func(t *testing.T, s Subject) {
			f := create(t, s, "a", "old")
			must(t, s.FS.Remove("a"))
			wantNames(t, s)
			g := create(t, s, "a", "new")
			write(t, f, "O", 0)
			wantBytes(t, f, "Old")
			wantBytes(t, g, "new")
		}},
		{"rename moves the file and replaces its target", func(t *testing.T, s Subject) {
			f := create(t, s, "a", "one")
			g := create(t, s, "b", "two")
			must(t, s.FS.Rename("a", "b"))
			wantNames(t, s, "b")
			wantBytes(t, open(t, s, "b"), "one")
			wantBytes(t, g, "two")
			write(t, f, "O", 0)
			wantBytes(t, open(t, s, "b"), "One")
			must(t, s.FS.Rename("b", "b"))
			must(t, s.FS.Rename("b", "0"))
			wantNames(t, s, "0")
		}},
		{"writing and reading nothing changes nothing", func(t *testing.T, s Subject) {
			f := create(t, s, "a", "hello")
			if n, err := f.WriteAt(nil, 100); n != 0 || err != nil {
				t.Errorf("write of nothing = %d, %v", n, err)
			}
			if n, err := f.ReadAt(nil, 2); n != 0 || err != nil {
				t.Errorf("read of nothing = %d, %v", n, err)
			}
			wantBytes(t, f, "hello")
		}},
		{"closing one handle leaves the others open", func(t *testing.T, s Subject) {
			f := create(t, s, "a", "hello")
			g := open(t, s, "a")
			must(t, f.Close())
			write(t, g, "J", 0)
			g.Sync(1)
			if diff := cmp.Diff([]vfs.Completion{{Ticket: 1}}, s.Settle()); diff != "" {
				t.Errorf("completions (-want +got):\n%s", diff)
			}
			wantBytes(t, g, "Jello")
		}},
		{"what fails changes nothing", func(t *testing.T, s Subject) {
			create(t, s, "a", "one")
			create(t, s, "b", "two")
			wantError(t, "rename", s.FS.Rename("missing", "a"), fs.ErrNotExist)
			wantError(t, "rename", s.FS.Rename("a", ""), fs.ErrInvalid)
			wantError(t, "remove", s.FS.Remove("missing"), fs.ErrNotExist)
			wantError(t, "remove", s.FS.Remove("a/b"), fs.ErrNotExist)
			_, err := s.FS.Open("a/b")
			wantError(t, "open", err, fs.ErrNotExist)
			wantNames(t, s, "a", "b")
			wantBytes(t, open(t, s, "a"), "one")
			wantBytes(t, open(t, s, "b"), "two")
		}},
		{"the list of names belongs to the caller", func(t *testing.T, s Subject) {
			create(t, s, "a", "")
			create(t, s, "b", "")
			names, err := s.FS.List()
			must(t, err)
			names[0] = "x"
			wantNames(t, s, "a", "b")
		}},
		{"errors tell the name", func(t *testing.T, s Subject) {
			_, err := s.FS.Open("missing")
			var path *fs.PathError
			if !errors.As(err, &path) || path.Path != "missing" || path.Op != "open" {
				t.Errorf("error %v, want one of opening \"missing\"", err)
			}
		}},
		{"a large file, written from the end", func(t *testing.T, s Subject) {
			f := create(t, s, "a", "")
			const size = 1 << 20
			for at := int64(size - 4096); at >= 0; at -= 4096 {
				write(t, f, strings.Repeat(string(rune('a'+at>>12%26)), 4096), at)
			}
			got := make([]byte, 2)
			for at := int64(4095); at < size-1; at += 4096 {
				if _, err := f.ReadAt(got, at); err != nil {
					t.Fatal(err)
				}
				if want := []byte{byte('a' + at>>12%26), byte('a' + (at+1)>>12%26)}; string(got) != string(want) {
					t.Fatalf("at %d %q, want %q", at, got, want)
				}
			}
		}},
		{"a sync of a file that was renamed, removed or emptied completes", func(t *testing.T, s Subject) {
			f := create(t, s, "a", "one")
			f.Sync(1)
			must(t, s.FS.Rename("a", "b"))
			f.Sync(2)
			create(t, s, "b", "")
			f.Sync(3)
			must(t, s.FS.Remove("b"))
			f.Sync(4)
			s.FS.SyncDir(5)
			want := []vfs.Completion{{Ticket: 1}, {Ticket: 2}, {Ticket: 3}, {Ticket: 4}, {Ticket: 5}}
			if diff := cmp.Diff(want, s.Settle()); diff != "" {
				t.Errorf("completions (-want +got):\n%s", diff)
			}
		}},
		{"a closed file does nothing more, and its sync completes with the error", func(t *testing.T, s Subject) {
			f := create(t, s, "a", "hello")
			must(t, f.Close())
			_, err := f.ReadAt(make([]byte, 1), 0)
			wantError(t, "read", err, fs.ErrClosed)
			_, err = f.WriteAt([]byte("x"), 0)
			wantError(t, "write", err, fs.ErrClosed)
			_, err = f.Size()
			wantError(t, "size", err, fs.ErrClosed)
			wantError(t, "truncate", f.Truncate(0), fs.ErrClosed)
			wantError(t, "close", f.Close(), fs.ErrClosed)
			f.Sync(3)
			got := s.Settle()
			if len(got) != 1 || got[0].Ticket != 3 || !errors.Is(got[0].Err, fs.ErrClosed) {
				t.Errorf("completions %v, want ticket 3 with %v", got, fs.ErrClosed)
			}
			wantBytes(t, open(t, s, "a"), "hello")
		}},
		{"every sync completes once, in the order of submission", func(t *testing.T, s Subject) {
			f, g := create(t, s, "a", "x"), create(t, s, "b", "y")
			f.Sync(7)
			s.FS.SyncDir(3)
			g.Sync(9)
			f.Sync(1)
			s.FS.SyncDir(2)
			must(t, f.Close()) // closing cancels no sync
			want := []vfs.Completion{{Ticket: 7}, {Ticket: 3}, {Ticket: 9}, {Ticket: 1}, {Ticket: 2}}
			if diff := cmp.Diff(want, s.Settle()); diff != "" {
				t.Errorf("completions (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]vfs.Completion{}, s.Settle(), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("second collection (-want +got):\n%s", diff)
			}
			g.Sync(4)
			if diff := cmp.Diff([]vfs.Completion{{Ticket: 4}}, s.Settle()); diff != "" {
				t.Errorf("third collection (-want +got):\n%s", diff)
			}
		}},
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, s Subject, name, data string) vfs.File {
	t.Helper()
	f, err := s.FS.Create(name)
	must(t, err)
	write(t, f, data, 0)
	return f
}

func open(t *testing.T, s Subject, name string) vfs.File {
	t.Helper()
	f, err := s.FS.Open(name)
	must(t, err)
	return f
}

func write(t *testing.T, f vfs.File, data string, off int64) {
	t.Helper()
	if n, err := f.WriteAt([]byte(data), off); n != len(data) || err != nil {
		t.Fatalf("write of %q at %d = %d, %v", data, off, n, err)
	}
}

func wantError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: error %v, want %v", what, got, want)
	}
}

func wantNames(t *testing.T, s Subject, want ...string) {
	t.Helper()
	got, err := s.FS.List()
	must(t, err)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func wantBytes(t *testing.T, f vfs.File, want string) {
	t.Helper()
	size, err := f.Size()
	must(t, err)
	got := make([]byte, size)
	if _, err := f.ReadAt(got, 0); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("file holds %q, want %q", got, want)
	}
}
