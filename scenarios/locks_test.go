package scenarios

import (
	"strings"
	"testing"
)

// The lock service keeps its promises in every run, each run is its own record, and everything that can happen to locks happens.
func TestLocks(t *testing.T) {
	cat := builtin(t)
	runner := NewRunner(cat)
	sums := map[string]uint64{}
	for seed := uint64(1); seed <= 12; seed++ {
		c := mustCase(t, cat, "locks", seed)
		r, err := runner.Run(c, RunOptions{Record: true, CheckOnce: true})
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != Pass {
			t.Errorf("seed %d: %v %v", seed, r.Verdict, r.Violations)
		}
		for _, n := range r.Counts.Numbers() {
			if strings.HasPrefix(n.Name, "lock_") {
				sums[n.Name] += *n.Count
			}
		}
		if seed > 4 {
			continue
		}
		again, err := runner.Run(c.Explicit(r.Recorded), RunOptions{CheckOnce: true})
		if err != nil || again.Digest != r.Digest || again.Counts.Locks != r.Counts.Locks {
			t.Errorf("seed %d: the record of the run is another run: %v", seed, err)
		}
	}
	if len(sums) != 7 {
		t.Errorf("%d counts of locks: %v", len(sums), sums)
	}
	for name, sum := range sums {
		if sum == 0 {
			t.Errorf("%s is 0", name)
		}
	}
}

// A client of the lock service does one thing after the other.
func TestLockWindow(t *testing.T) {
	c := mustCase(t, builtin(t), "locks", 1)
	c.Options.Workload.Window = 2
	if err := c.Options.Validate(); err == nil || !strings.HasPrefix(err.Error(), "workload.window: ") {
		t.Error(err)
	}
}
