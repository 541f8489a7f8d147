package measure

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"raftsim/raft/client"
	"raftsim/scenarios"
	"raftsim/scenarios/workload"
	"raftsim/scenarios/world"
	"raftsim/sim"
)

// bench makes the runs of a table.
type bench struct {
	runner    *scenarios.Runner
	catalogue *scenarios.Catalogue
	seed      uint64
}

// What is measured begins when the cluster has a leader that the clients know, and ends with the window of faults, in which none
// but those of the table happen.
const (
	warm   = sim.Time(500 * time.Millisecond)
	window = 2500 * time.Millisecond
)

// options is the world of the tables: three servers in one data centre, led by n1.
func options() scenarios.Options {
	o := scenarios.Defaults()
	o.Cluster.InitialLeader = 1
	o.Cluster.SnapshotEntries = 0
	o.Cluster.SegmentBytes = 1 << 20
	o.Cluster.StepCost = 10 * time.Microsecond
	o.Cluster.ApplyCost = 10 * time.Microsecond
	o.Network.Delay, o.Network.Spread = 500*time.Microsecond, 0
	o.Network.Bandwidth = 12_500_000
	o.Disk.SyncLatency, o.Disk.SyncPerByte = 2*time.Millisecond, 10*time.Nanosecond
	o.Workload.Keys = 20
	o.Workload.Classes = []string{workload.ClassRegister}
	o.Workload.Pause = 0
	o.Run.Window = window
	o.Run.LivenessTimeouts = 16
	o.Run.DecodeDisks = false
	o.Run.MaxSteps = 20_000_000
	return o
}

// model describes that world.
func model(o *scenarios.Options) []string {
	return []string{
		fmt.Sprintf("%d servers; links of %v each way, %d kB/s; a sync takes %v and %v per byte;", o.Cluster.Nodes, o.Network.Delay,
			o.Network.Bandwidth/1000, o.Disk.SyncLatency, o.Disk.SyncPerByte),
		fmt.Sprintf("a server needs %v per event and %v per applied entry", o.Cluster.StepCost, o.Cluster.ApplyCost),
	}
}

// outcome is what one run came to, for the operations that a filter lets through.
type outcome struct {
	times    []time.Duration // of operations that began and ended while it was measured, rising
	all      []world.Metered // the same, and those that were given up, by end
	length   time.Duration
	clients  client.Counters
	result   *scenarios.Result
	longest  time.Duration // without the end of an operation
	finished int64
}

// collector is the meter of a run.
type collector struct {
	wanted  func(text string) bool
	from    sim.Time
	to      sim.Time
	texts   map[int64]bool
	out     outcome
	lastEnd sim.Time
}

// Operation implements world.Meter.
func (c *collector) Operation(o world.Metered) {
	if o.To < c.from || o.To > c.to {
		return
	}
	want, known := c.texts[o.Choice]
	if !known {
		want = c.wanted == nil || c.wanted(textOf(o.Choice))
		c.texts[o.Choice] = want
	}
	if !want {
		return
	}
	if o.Unknown {
		c.out.all = append(c.out.all, o)
		return
	}
	c.out.longest = max(c.out.longest, o.To.Sub(c.lastEnd))
	c.lastEnd = o.To
	c.out.finished++
	if o.From >= c.from {
		c.out.all = append(c.out.all, o)
		c.out.times = append(c.out.times, o.To.Sub(o.From))
	}
}

// Ended implements world.Meter.
func (c *collector) Ended(clients client.Counters) { c.out.clients = clients }

// run runs a case and measures the operations whose text is wanted; nil wants all.
func (b *bench) run(o scenarios.Options, wanted func(text string) bool, lines ...string) (*outcome, error) {
	v, err := b.catalogue.Vocabulary("calm")
	if err != nil {
		return nil, err
	}
	c := &scenarios.Case{Scenario: "calm", Seed: b.seed, Options: o, Base: scenarios.Base{Noisy: true, Seed: b.seed}}
	for _, line := range lines {
		d, err := v.ParseLine(line)
		if err != nil {
			return nil, err
		}
		c.Overrides = append(c.Overrides, d)
	}
	m := &collector{wanted: wanted, from: warm, to: sim.Time(o.Run.Window), texts: make(map[int64]bool), lastEnd: warm}
	r, err := b.runner.Run(c, scenarios.RunOptions{Meter: m})
	if err != nil {
		return nil, err
	}
	if r.Verdict == scenarios.Violation {
		return nil, fmt.Errorf("the run is a violation: %v", r.Violations[0])
	}
	for i, hits := range r.Hits {
		if hits == 0 {
			return nil, fmt.Errorf("%q found no subject", lines[i])
		}
	}
	out := &m.out
	out.result = r
	out.length = m.to.Sub(m.from)
	out.longest = max(out.longest, m.to.Sub(m.lastEnd))
	out.sort()
	if len(out.times) == 0 {
		return nil, fmt.Errorf("no operation was measured")
	}
	return out, nil
}

func (o *outcome) sort() { slices.Sort(o.times) }

// percentile returns the time within which so many of a hundred operations ended.
func (o *outcome) percentile(p int) int64 {
	return int64(o.times[(len(o.times)*p-1)/100])
}

// perSecond returns how many operations ended per second.
func (o *outcome) perSecond() int64 { return o.finished * int64(time.Second) / int64(o.length) }

// per returns a count per operation that completed in the whole run, in hundredths.
func (o *outcome) per(n uint64) int64 {
	return int64(n * 100 / max(1, o.clients.Completed))
}

// textOf is a choice as a line of a seed file has it: "get-leader k1".
func textOf(choice int64) string { return string(workload.KV{}.AppendChoice(nil, choice)) }

// keyOf is the key in it.
func keyOf(choice int64) string { return strings.Fields(textOf(choice))[1] }
