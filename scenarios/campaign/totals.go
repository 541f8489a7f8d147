package campaign

import (
	"slices"

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
	Own     []world.OwnCount // of another protocol than Raft; nil for Raft
	Fates   [256]sim.Count   // by purpose
}

// Add adds one run.
func (t *Totals) Add(r *scenarios.Result) {
	t.Merge(&Totals{
		Runs: 1, Steps: r.Steps, Virtual: uint64(r.Virtual), Stages: r.Stages, Counts: r.Counts, Own: r.Own, Fates: r.Fates,
	})
}

// Merge adds other to t. Both must be of one scenario: fates are added by number of purpose, a protocol's own numbers by place.
func (t *Totals) Merge(other *Totals) {
	t.Runs += other.Runs
	t.Steps += other.Steps
	t.Virtual += other.Virtual
	t.Stages.Add(other.Stages)
	t.Counts.Add(&other.Counts)
	t.addOwn(other.Own)
	for i := range t.Fates {
		t.Fates[i].Asked += other.Fates[i].Asked
		t.Fates[i].Departed += other.Fates[i].Departed
	}
}

func (t *Totals) addOwn(own []world.OwnCount) {
	if t.Own == nil {
		t.Own = slices.Clone(own)
		return
	}
	for i := range own {
		if t.Own[i].Name != own[i].Name {
			panic("campaign: numbers of two protocols are added: " + t.Own[i].Name + " and " + own[i].Name)
		}
		t.Own[i].Count += own[i].Count
	}
}
