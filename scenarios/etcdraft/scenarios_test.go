package etcdraft

import (
	"testing"

	"raftsim/scenarios"
)

// TestScenarios: etcd's core passes under the judges of this project, and a run is a function of its case whoever ran before.
func TestScenarios(t *testing.T) {
	cat, err := Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	first, second := scenarios.NewRunner(cat), scenarios.NewRunner(cat)
	for _, name := range cat.Names(false) {
		elections, restarts := uint64(0), uint64(0)
		for seed := uint64(1); seed <= 40; seed++ {
			c, err := cat.Case(name, seed)
			if err != nil {
				t.Fatal(err)
			}
			res, err := first.Run(c, scenarios.RunOptions{CheckOnce: true})
			if err != nil {
				t.Fatal(err)
			}
			if res.Verdict != scenarios.Pass {
				t.Errorf("%s seed %d: %v %v", name, seed, res.Verdict, res.Violations)
			}
			if seed%10 == 0 {
				again, err := second.Run(c, scenarios.RunOptions{})
				if err != nil || again.Digest != res.Digest {
					t.Errorf("%s seed %d: digest %016x, again %016x, %v", name, seed, res.Digest, again.Digest, err)
				}
			}
			elections += res.Counts.Elections
			restarts += res.Counts.Restarts
		}
		if elections < 40 || name == "crashes" && restarts == 0 || name == "calm" && restarts > 0 {
			t.Errorf("%s: %d elections, %d restarts in 40 runs", name, elections, restarts)
		}
	}
}

// TestParallelRuns: runs side by side do not disturb each other.
func TestParallelRuns(t *testing.T) {
	cat, err := Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	digests := make(chan uint64, 4)
	for range cap(digests) {
		go func() {
			r := scenarios.NewRunner(cat)
			sum := uint64(0)
			for seed := uint64(1); seed <= 20; seed++ {
				c, err := cat.Case("crashes", seed)
				if err != nil {
					break
				}
				if res, err := r.Run(c, scenarios.RunOptions{}); err == nil {
					sum = sum*31 + res.Digest
				}
			}
			digests <- sum
		}()
	}
	want := <-digests
	if want == 0 {
		t.Fatal("no run")
	}
	for range cap(digests) - 1 {
		if got := <-digests; got != want {
			t.Errorf("digests of 20 runs: %016x and %016x", got, want)
		}
	}
}
