package world

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"raftsim/network"
	"raftsim/sim"
)

// A busy server does nothing: what comes waits, and it goes on with one thing at a time.
func TestBusyServerHandlesOneThingAfterTheOther(t *testing.T) {
	const cost = 2 * ms
	p := newPlay(t, func(c *Config) { c.StepCost = cost })
	var began [4]sim.Time // when each server was last seen to take something up
	var done [4]int
	p.before = func(ev sim.Event) {
		for i, n := range p.nodes[:3] {
			if l := &n.labour; l.until != began[i] {
				if l.until < began[i].Add(cost) {
					t.Fatalf("n%d is busy until %v and took something up at less than %v after it", n.id, began[i], cost)
				}
				began[i] = l.until
				done[i]++
			}
		}
	}
	p.well()
	if w := p.outcome.Counts.Waited; w < 100 || done[0] < 100 {
		t.Errorf("%d events waited, n1 took up %d", w, done[0])
	}
	for _, n := range p.nodes[:3] {
		if n.labour.waiting() > 5 {
			t.Errorf("n%d ends with %d things to do", n.id, n.labour.waiting())
		}
	}
}

// What a busy server sends leaves when it is done with what it sends it for.
func TestWorkDelaysAnswers(t *testing.T) {
	first := func(change func(*Config)) time.Duration {
		p := newPlay(t, func(c *Config) {
			c.Plan.Clients, c.Window = 1, 400*ms
			change(c)
		}).well()
		for _, s := range p.steps {
			if s.to > clientBase && s.to < refereeProc && s.kind == evMessage {
				return time.Duration(s.at)
			}
		}
		t.Fatal("no answer")
		return 0
	}
	free := first(func(*Config) {})
	// The client's session is an entry behind the leader's own: both are applied, one after the other or at once.
	if applied := first(func(c *Config) { c.ApplyCost = 5 * ms }); applied < free+5*ms || applied > free+20*ms {
		t.Errorf("an answer at %v, with applying of 5ms at %v", free, applied)
	}
	if stepped := first(func(c *Config) { c.StepCost = ms }); stepped < free+4*ms || stepped > free+30*ms {
		t.Errorf("an answer at %v, with steps of 1ms at %v", free, stepped)
	}
}

// Applying makes a server busy; applied asynchronously it does not.
func TestApplierIsBusyInsteadOfTheServer(t *testing.T) {
	for _, async := range []bool{false, true} {
		p := newPlay(t, func(c *Config) { c.ApplyCost, c.Server.AsyncApply = 3*ms, async })
		busy, applier := 0, 0
		p.before = func(ev sim.Event) {
			if l := &p.nodes[0].labour; l.until > p.kernel.Now() {
				busy++
			} else if l.applier > p.kernel.Now() {
				applier++
			}
		}
		p.well()
		if async && (busy > 0 || applier < 100) || !async && (busy < 100 || applier > 0) {
			t.Errorf("async %v: busy at %d steps, its applier at %d", async, busy, applier)
		}
	}
}

// Whatever comes together, costs keep all promises: nothing is lost, and a run equals its recording.
func TestCostsUnderFaults(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var faults []string
		for id := range rapid.IntRange(0, 3).Draw(rt, "crashes") {
			faults = append(faults, fmt.Sprintf("crash-at n%d #0 = at %dms for 100ms", id+1, rapid.IntRange(0, 700).Draw(rt, "crash")))
		}
		for i := range rapid.IntRange(0, 3).Draw(rt, "pauses") {
			faults = append(faults, fmt.Sprintf("pause n%d #%d = at %dms for %dms", rapid.IntRange(1, 3).Draw(rt, "who"), i,
				rapid.IntRange(0, 700).Draw(rt, "at"), rapid.IntRange(1, 400).Draw(rt, "length")))
		}
		p := newPlay(rt, func(c *Config) {
			c.Window = 800 * ms
			c.StepCost = time.Duration(rapid.IntRange(0, 1000).Draw(rt, "step")) * time.Microsecond
			c.ApplyCost = time.Duration(rapid.IntRange(0, 1000).Draw(rt, "apply")) * time.Microsecond
			c.Server.AsyncApply = rapid.Bool().Draw(rt, "async")
			c.Network.Bandwidth = rapid.SampledFrom([]int64{0, 50_000, 1_000_000}).Draw(rt, "bandwidth")
			c.Network.Policy = network.Policy(rapid.IntRange(0, 1).Draw(rt, "policy"))
			c.Network.Queue = rapid.SampledFrom([]int{0, 3}).Draw(rt, "queue")
			c.Disk.SyncPerByte = time.Duration(rapid.SampledFrom([]int{0, 3000}).Draw(rt, "bytes"))
		}, faults...).run()
		if len(p.outcome.Violations) > 0 || p.outcome.Broken != "" {
			rt.Fatalf("%v %s", p.outcome.Violations, p.outcome.Broken)
		}
		s := p.outcome.Counts.Network
		if gone := s.Lost + s.CutAtSend + s.QueueDrops + s.Replaced + s.Delivered + s.CutAtArrival + s.Unheard; s.Sent+s.Doubled < gone {
			rt.Fatalf("more packets ended than were sent: %+v", s)
		}
	})
}

// Nothing of a dead process's work is done by the next one.
func TestWorkDiesWithItsProcess(t *testing.T) {
	p := newPlay(t, func(c *Config) { c.StepCost = 4 * ms }, "crash-at n1 #0 = at 600ms for 100ms")
	waited := 0
	p.before = func(ev sim.Event) {
		n := p.nodes[0]
		if !n.up() && (n.labour.waiting() > 0 || n.labour.until > 0) {
			t.Fatalf("at %v n1 is dead and has %d things to do", ev.At, n.labour.waiting())
		}
		if n.up() && p.kernel.Now() < sim.Time(600*ms) {
			waited = n.labour.waiting()
		}
	}
	p.well()
	if waited == 0 {
		t.Error("it had nothing to do when it died")
	}
	if left := p.network.UnderWay(); left > 200 {
		t.Errorf("%d packets were never released", left)
	}
}
