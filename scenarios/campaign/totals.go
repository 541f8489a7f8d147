package campaign

import (
	"raftsim/network"
	"raftsim/scenarios"
	"raftsim/scenarios/workload"
	"raftsim/scenarios/world"
	"raftsim/sim"
	"raftsim/sim/disk"
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
	addCounts(&t.Counts, &other.Counts)
	for i := range t.Fates {
		t.Fates[i].Asked += other.Fates[i].Asked
		t.Fates[i].Departed += other.Fates[i].Departed
	}
}

func addCounts(c, o *world.Counts) {
	c.Elections += o.Elections
	c.Candidacies += o.Candidacies
	c.StepDowns += o.StepDowns
	c.Truncations += o.Truncations
	c.Redirects += o.Redirects
	c.Forwards += o.Forwards
	c.Repeats += o.Repeats
	c.Crashes += o.Crashes
	c.PowerLosses += o.PowerLosses
	c.Restarts += o.Restarts
	c.Panics += o.Panics
	c.Halts += o.Halts
	for i, n := range o.Messages {
		c.Messages[i] += n
	}
	addNetwork(&c.Network, &o.Network)
	c.Faults.Add(o.Faults)
	addDisk(&c.Disk, &o.Disk)
	c.Operations.Invoked += o.Operations.Invoked
	c.Operations.Completed += o.Operations.Completed
	c.Operations.Abandoned += o.Operations.Abandoned
	c.Committed += o.Committed
	c.Executed += o.Executed
}

func addNetwork(s, o *network.Stats) {
	s.Sent += o.Sent
	s.Lost += o.Lost
	s.CutAtSend += o.CutAtSend
	s.Held += o.Held
	s.Doubled += o.Doubled
	s.Late += o.Late
	s.Delivered += o.Delivered
	s.CutAtArrival += o.CutAtArrival
	s.Unheard += o.Unheard
	s.Reordered += o.Reordered
}

func addDisk(s, o *disk.Stats) {
	s.Syncs += o.Syncs
	s.Completed += o.Completed
	s.SlowSyncs += o.SlowSyncs
	s.BytesWritten += o.BytesWritten
	s.Crashes += o.Crashes
	s.PowerLosses += o.PowerLosses
	s.BytesLost += o.BytesLost
	s.BytesKept += o.BytesKept
	s.TornSectors += o.TornSectors
	s.SyncsLost += o.SyncsLost
}
