// Package storagetest checks that the log works on a vfs.FS: it runs workloads of appends, truncations, compactions, snapshots,
// installations and restarts on it and compares what is remembered with a model.
package storagetest

import (
	"testing"

	"raftsim/raft/storage/powerloss"
	"raftsim/raft/vfs"
)

// Subject is one empty file system under test.
type Subject struct {
	// Start returns the file system for a process. The one before has died: its syncs are never heard of again.
	Start func() (vfs.FS, error)
	// Next lets the oldest sync of the present process complete, if there is one.
	Next func() (vfs.Completion, bool)
}

// Options say how much is done.
type Options struct {
	Workloads  int // 0: 5
	Operations int // of each; 0: 200
}

// Run runs workloads on the file systems that fresh returns, a new empty one for each.
func Run(t *testing.T, o Options, fresh func(t *testing.T) Subject) {
	if o.Workloads == 0 {
		o.Workloads = 5
	}
	var total powerloss.Report
	for seed := range uint64(o.Workloads) {
		// Segments of a record each, of a few, and one for everything.
		size := []int64{1, 700, 1 << 20}[seed%3]
		r, err := powerloss.Run(machine{fresh(t)}, powerloss.Options{Seed: seed, Operations: o.Operations, SegmentBytes: size})
		if err != nil {
			t.Errorf("seed %d, segments of %d bytes: %v", seed, size, err)
		}
		for i, n := range r.Kinds {
			total.Kinds[i] += n
		}
	}
	for i, name := range powerloss.OpNames() {
		if total.Kinds[i] == 0 && !t.Failed() {
			t.Errorf("in %d workloads no operation of the kind %q", o.Workloads, name)
		}
	}
}

type machine struct{ s Subject }

func (m machine) Start() (vfs.FS, error) { return m.s.Start() }

func (m machine) Complete() (c vfs.Completion, own, ok bool) {
	c, ok = m.s.Next()
	return c, true, ok
}
