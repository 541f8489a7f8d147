package campaign

import (
	"raftsim/scenarios"
	"raftsim/scenarios/workload"
	"raftsim/scenarios/world"
	"raftsim/sim"
)

// Totals is what happened in a number of runs. The zero value is none.
type Totals struct {
	Runs    uint64
	Steps   uint64
	Virtual uint64 // nanoseconds
	Stages  workload.Stages
	Counts  world.Counts
	Fates   [256]sim.Count // by purpose
}

// Add adds one run.
func (t *Totals) Add(r *scenarios.Result) {
	t.Merge(&Totals{
		Runs: 1, Steps: r.Steps, Virtual: uint64(r.Virtual), Stages: r.Stages, Counts: r.Counts, Fates: r.Fates,
	})
}

// Merge adds other to t. Both must be of one vocabulary: fates are added by number of purpose.
func (t *Totals) Merge(other *Totals) {
	t.Runs += other.Runs
	t.Steps += other.Steps
	t.Virtual += other.Virtual
	t.Stages.Add(other.Stages)
	t.Counts.Add(&other.Counts)
	for i := range t.Fates {
		t.Fates[i].Asked += other.Fates[i].Asked
		t.Fates[i].Departed += other.Fates[i].Departed
	}
}
