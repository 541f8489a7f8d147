package vfs_test

import (
	"errors"
	"testing"

	"raftsim/raft/vfs"
	"raftsim/raft/vfs/vfstest"
)

func TestMemConforms(t *testing.T) {
	vfstest.Run(t, func(*testing.T) vfstest.Subject {
		m := &vfs.Mem{}
		return vfstest.Subject{FS: m, Settle: m.Completions}
	})
}

func TestMemFailedSyncs(t *testing.T) {
	m := &vfs.Mem{}
	broken := errors.New("medium error")
	f, err := m.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	f.Sync(1)
	m.FailSyncs(broken)
	f.Sync(2)
	m.SyncDir(3)
	m.FailSyncs(nil)
	f.Sync(4)
	want := []vfs.Completion{{Ticket: 1}, {Ticket: 2, Err: broken}, {Ticket: 3, Err: broken}, {Ticket: 4}}
	got := m.Completions()
	if len(got) != len(want) {
		t.Fatalf("completions %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("completion %d is %v, want %v", i, got[i], want[i])
		}
	}
}

// The core of a run writes and syncs once per Ready; neither may allocate once the file has its capacity.
func TestMemDoesNotAllocate(t *testing.T) {
	m := &vfs.Mem{}
	f, err := m.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(1 << 12); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 64)
	step := func() {
		if _, err := f.WriteAt(p, 100); err != nil {
			t.Fatal(err)
		}
		f.Sync(1)
		m.Completions()
	}
	step()
	step()
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("%v allocations per write and sync, want 0", n)
	}
}

// A lent file reads as the lender's bytes, and nothing done to it shows there.
func TestMemLend(t *testing.T) {
	for name, change := range map[string]func(vfs.File) error{
		"write":    func(f vfs.File) error { _, err := f.WriteAt([]byte("x"), 1); return err },
		"append":   func(f vfs.File) error { _, err := f.WriteAt([]byte("x"), 4); return err },
		"shrink":   func(f vfs.File) error { return f.Truncate(2) },
		"lengthen": func(f vfs.File) error { return f.Truncate(6) },
	} {
		array := []byte("lent, and what is behind it")
		m := &vfs.Mem{}
		if err := m.Lend("a", array[:4]); err != nil {
			t.Fatal(err)
		}
		f, err := m.Open("a")
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 4)
		if _, err := f.ReadAt(got, 0); err != nil || string(got) != "lent" {
			t.Errorf("%s: a lent file reads %q, %v", name, got, err)
		}
		if err := change(f); err != nil {
			t.Fatal(err)
		}
		if string(array) != "lent, and what is behind it" {
			t.Errorf("%s: the lender has %q", name, array)
		}
	}

	array := []byte("lent")
	m := &vfs.Mem{}
	if err := m.Lend("a", array); err != nil {
		t.Fatal(err)
	}
	f, err := m.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("own"), 0); err != nil || string(array) != "lent" {
		t.Errorf("created anew: the lender has %q, %v", array, err)
	}
	m.Reset()
	if names, err := m.List(); len(names) != 0 || err != nil {
		t.Errorf("after Reset there are %q, %v", names, err)
	}
}
