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
