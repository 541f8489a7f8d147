package campaign

import (
	"context"
	"fmt"
	"math/bits"
	"runtime"
	"sync/atomic"
	"time"

	"raftsim/checker"
	"raftsim/scenarios"
	"raftsim/sim"
)

// Config says which runs a campaign makes, and how.
type Config struct {
	Catalogue *scenarios.Catalogue
	Scenarios []string           // in the order of the runs; at least one
	Seeds     Range              // of every scenario
	Time      time.Duration      // no run but the first starts after it; 0: no limit
	Workers   int                // 0: as many as the machine has cores
	Set       []string           // assignments of options, as scenarios.Options.Set reads them
	Hang      time.Duration      // a run that takes longer ends the campaign; 0: no limit
	StopAt    []checker.Property // a run that breaks one of them is the last one to be handed out
	KeepRuns  int                // how many runs, from the first on, are listed in the summary

	Progress func(Progress) // called from one goroutine; nil for none
	Every    time.Duration  // how often; 0: every second
}

// Progress is how far a campaign has come.
type Progress struct {
	Runs, Total uint64 // Total is 0 where only time bounds the campaign
	Violations  uint64
	Virtual     time.Duration
	Wall        time.Duration
}

// Summary is what a campaign came to.
type Summary struct {
	Scenarios   []string
	Seeds       Range
	Workers     int
	Runs        uint64
	Interrupted bool
	Stopped     bool      // at a property of Config.StopAt
	Verdicts    [3]uint64 // by scenarios.Verdict
	Digest      uint64    // of (scenario, seed, digest) of every run in order
	Wall        time.Duration
	Totals      []Totals // by scenario
	Findings    []Finding
	Broken      []Broken // in the order of first runs
	Listed      []Run    // the first Config.KeepRuns

	catalogue *scenarios.Catalogue
}

// Run is one run of a campaign in short.
type Run struct {
	Scenario  string
	Seed      uint64
	Verdict   scenarios.Verdict
	Signature string
	Digest    uint64
}

// Finding is a kind of violation and the first run that showed it.
type Finding struct {
	Run
	Count uint64 // runs of the campaign with this signature
}

// Do makes the runs of c. Cancelling ctx stops it after the runs under way. The summary is of the runs made and is there even
// with an error, which is a *RunError.
func Do(ctx context.Context, c Config) (*Summary, error) {
	if c.Workers <= 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Every <= 0 {
		c.Every = time.Second
	}
	if c.Catalogue == nil || len(c.Scenarios) == 0 {
		return nil, fmt.Errorf("campaign: no scenario to run")
	}
	total := c.total()
	if total > 0 && uint64(c.Workers) > total {
		c.Workers = int(total)
	}
	t := &team{config: c, total: total, begun: time.Now(), results: make(chan result, 4*c.Workers)}
	if c.Time > 0 {
		t.deadline = t.begun.Add(c.Time)
	}
	for range c.Workers {
		w := &worker{team: t, done: make(chan struct{})}
		t.workers = append(t.workers, w)
		go w.work(ctx)
	}
	return t.collect(ctx)
}

// total returns how many runs the campaign has at most. Half a million years fit.
func (c *Config) total() uint64 {
	n := c.Seeds.Last - c.Seeds.First + 1
	if n == 0 {
		return 1<<64 - 1
	}
	high, low := bits.Mul64(n, uint64(len(c.Scenarios)))
	if high > 0 {
		return 1<<64 - 1
	}
	return low
}

// at returns the scenario and the seed of run i.
func (c *Config) at(i uint64) (scenario int, seed uint64) {
	k := uint64(len(c.Scenarios))
	return int(i % k), c.Seeds.First + i/k
}

// Case makes the case of a scenario and a seed, with options assigned. Its error is a mistake of the caller.
func Case(cat *scenarios.Catalogue, scenario string, seed uint64, set []string) (*scenarios.Case, error) {
	c, err := cat.Case(scenario, seed)
	if err != nil || len(set) == 0 {
		return c, err
	}
	for _, assignment := range set {
		if err := c.Options.Set(assignment); err != nil {
			return nil, err
		}
	}
	if err := cat.Check(c); err != nil {
		return nil, fmt.Errorf("--set makes scenario %q of seed %d impossible: %w", scenario, seed, err)
	}
	return c, nil
}

// Exceeds reports whether part of whole is above the share allowed. Nothing is rounded: one of twenty is above 1/100.
func Exceeds(part, whole uint64, share sim.Ratio) bool {
	return part*max(1, share.Den) > share.Num*whole
}

// team is the workers of a campaign and what they share.
type team struct {
	config   Config
	total    uint64
	begun    time.Time
	deadline time.Time
	workers  []*worker
	results  chan result
	next     atomic.Uint64 // the run handed out next
	stop     atomic.Bool
}

// result is what a worker says about run index.
type result struct {
	index  uint64
	result *scenarios.Result
	err    *RunError
}

// take hands out the next run; ok is false when there is none. A campaign in which nothing was tried says nothing: on a machine that
// is busy the time may be over before a worker gets its turn, and still the first run is made.
func (t *team) take(ctx context.Context) (index uint64, ok bool) {
	if t.stop.Load() || ctx.Err() != nil || t.next.Load() > 0 && !t.deadline.IsZero() && !time.Now().Before(t.deadline) {
		return 0, false
	}
	index = t.next.Add(1) - 1
	return index, index < t.total
}

// fold adds a run to the digest of a campaign.
func fold(d *sim.Digest, run Run) {
	d.Bytes([]byte(run.Scenario))
	d.Word(run.Seed)
	d.Word(run.Digest)
}
