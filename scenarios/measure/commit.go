package measure

import (
	"fmt"
	"time"

	"raftsim/scenarios"
)

// optimisation switches one of the survey's four on (C11).
type optimisation struct {
	name string
	on   func(*scenarios.Cluster)
}

func optimisations() []optimisation {
	return []optimisation{
		{"batch", func(c *scenarios.Cluster) { c.MaxEntriesPerMessage = 64 }},
		{"pipeline", func(c *scenarios.Cluster) { c.Pipeline, c.MaxPendingAppends = true, 0 }},
		{"parallel append", func(c *scenarios.Cluster) { c.ParallelAppend = true }},
		{"asynchronous apply", func(c *scenarios.Cluster) { c.AsyncApply, c.ApplyBatch = true, 64 }},
	}
}

// baseline is one request at a time: one entry in a message, one message under way, sent once it is on the leader's disk, applied before
// anything else is done.
func baseline() scenarios.Options {
	o := options()
	c := &o.Cluster
	c.MaxEntriesPerMessage, c.Pipeline, c.ParallelAppend, c.AsyncApply, c.MaxPendingAppends = 1, false, false, false, 1
	c.ApplyDelay = 0
	c.MaxUncommitted = 4096
	c.Forward = false // clients ask the leader
	return o
}

// What busy servers take for an event and for applying an entry: about the same, so that it matters whether both are done by one.
const (
	busyStep  = 150 * time.Microsecond
	busyApply = 300 * time.Microsecond
)

const busy = "busy servers: "

func makeCommit(b *bench) (*Table, error) {
	o := baseline()
	t := &Table{
		Title: "what each optimisation gains over one request at a time",
		Model: append(model(&o), "alone: one client, one operation at a time; load: 20 clients with 8 operations each under way"),
		Columns: []Column{
			{Name: "alone p50", Unit: Nanoseconds}, {Name: "alone p99", Unit: Nanoseconds},
			{Name: "load p50", Unit: Nanoseconds}, {Name: "load p99", Unit: Nanoseconds}, {Name: "per second", Unit: PerSecond, Bar: true},
		},
		Notes: []string{
			fmt.Sprintf("busy servers: %v per event and %v per applied entry", busyStep, busyApply),
			"parallel append gains latency: under load the leader's writes are ahead of what it may send anyway;",
			"asynchronous apply gains where servers are busy: a server sends what it has to say before it applies",
		},
	}
	add := func(name string, o scenarios.Options, on ...optimisation) error {
		for _, opt := range on {
			opt.on(&o.Cluster)
		}
		o.Workload.Clients, o.Workload.Window = 1, 1
		alone, err := b.run(o, nil)
		if err != nil {
			return err
		}
		o.Workload.Clients, o.Workload.Window = 20, 8
		load, err := b.run(o, nil)
		if err != nil {
			return err
		}
		t.Rows = append(t.Rows, Row{name, []int64{alone.percentile(50), alone.percentile(99), load.percentile(50), load.percentile(99), load.perSecond()}})
		return nil
	}
	all := optimisations()
	if err := add("one at a time", o); err != nil {
		return nil, err
	}
	for _, opt := range all {
		if err := add("+ "+opt.name, o, opt); err != nil {
			return nil, err
		}
	}
	if err := add("all four", o, all...); err != nil {
		return nil, err
	}
	o.Cluster.StepCost, o.Cluster.ApplyCost = busyStep, busyApply
	if err := add(busy+"without asynchronous apply", o, all[:3]...); err != nil {
		return nil, err
	}
	if err := add(busy+"all four", o, all...); err != nil {
		return nil, err
	}
	return t, nil
}
