package world

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"raftsim/internal/fixed"
	"raftsim/raft"
	"raftsim/sim"
)

// crowded is a cluster with more to write than its disks take at once: with one write under way at a time, a leader keeps entries back
// that are in its log, and that it may send, before they are handed out to be written.
func crowded(pending int) func(*Config) {
	return func(c *Config) {
		c.Raft.MaxPendingAppends, c.Plan.Clients, c.Client.Window = pending, 6, 4
		c.Pace.Pause, c.Disk.SyncLatency, c.Window = ms, 5*ms, 800*ms
	}
}

// keptBack counts the steps at which a leader has entries that were not handed out to be written, and those at which a follower has.
func keptBack(p *play) (leading, following *int) {
	leading, following = new(int), new(int)
	before := p.before
	p.before = func(ev sim.Event) {
		if before != nil {
			before(ev)
		}
		for _, n := range p.nodes[:p.slots()] {
			if !n.running() {
				continue
			}
			if st := n.server.Status(); st.LastIndex > st.Handed {
				if st.Role == raft.StateLeader {
					*leading++
				} else {
					*following++
				}
			}
		}
	}
	return leading, following
}

// What a server keeps back is not held against it: the judges know it as the log of a leader, and as nothing at a follower.
func TestWithheldAppendsAreNoFinding(t *testing.T) {
	for _, pending := range []int{0, 1, 2} {
		for _, decode := range []bool{true, false} {
			for _, parallel := range []bool{true, false} {
				p := newPlay(t, func(c *Config) {
					crowded(pending)(c)
					c.DecodeDisks, c.Raft.DisableParallelAppend = decode, !parallel
				})
				leading, following := keptBack(p)
				p.well()
				if held := *leading > 100; held != (pending == 1) && pending < 2 {
					t.Errorf("%d writes at a time, parallel %v: kept back at %d steps by leaders, at %d by followers", pending, parallel, *leading, *following)
				}
			}
		}
	}
}

// Nor when the leader dies with them, is deposed, or hands over, at any instant.
func TestWithheldAppendsAreLostWell(t *testing.T) {
	withheld := 0
	property := func(rt *rapid.T) {
		at := time.Duration(rapid.Int64Range(int64(150*ms), int64(600*ms)).Draw(rt, "at"))
		fault := rapid.SampledFrom([]string{
			"crash-at n1 #0 = at %v for 100ms", "power-at n1 #0 = at %v for 100ms", "isolate n1 #0 = at %v for 200ms both", "pause n1 #0 = at %v for 200ms",
			"transfer #0 = at %v to n2", "stall n1 #0 = at %v for 200ms", "members #0 = at %v to n2,n3", "members #0 = at %v to n1,n2,n3,n4 joint",
			"blackout #0 = at %v for 50ms side n1,n2,n3", "wipe n2 #0 = at %v for 50ms",
		}).Draw(rt, "fault")
		p := newPlay(rt, func(c *Config) {
			crowded(rapid.IntRange(1, 2).Draw(rt, "pending"))(c)
			c.Spares, c.Window = 1, 700*ms
			c.Raft.DisablePipeline = rapid.Bool().Draw(rt, "pipeline")
			if rapid.Bool().Draw(rt, "async") {
				c.Server.AsyncApply, c.ApplyDelay = true, 10*ms
			}
		}, fmt.Sprintf(fault, at))
		leading, _ := keptBack(p)
		p.well()
		withheld += *leading
	}
	fixed.Check(t, 20, property)
	if withheld < 1000 {
		t.Fatalf("something was kept back at %d steps", withheld)
	}
	rapid.Check(t, property)
}

// Committed entries are applied later where a server may do that on its own time: exactly the delay after they were handed out, one event at
// a time, and the answers come as much later.
func TestAsyncApply(t *testing.T) {
	const delay = 30 * ms
	run := func(async bool, faults ...string) *play {
		return newPlay(t, func(c *Config) { c.Server.AsyncApply, c.ApplyDelay = async, delay }, faults...).well()
	}
	at, later := run(false), run(true)
	if n := kinds(at.steps)[evApply]; n != 0 {
		t.Errorf("%d applications on their own", n)
	}
	if n := kinds(later.steps)[evApply]; n < 50 {
		t.Errorf("%d applications on their own", n)
	}
	// A client asks 20 ms after each answer, so that its operations take so much longer.
	if a, b := at.outcome.Counts.Operations.Completed, later.outcome.Counts.Operations.Completed; b >= a*3/4 || b < a/4 {
		t.Errorf("%d operations completed at once, %d with a delay of %v", a, b, delay)
	}
	lag := 0
	p := newPlay(t, func(c *Config) { c.Server.AsyncApply, c.ApplyDelay = true, delay }, "crash-at n2 #0 = at 605ms for 5ms", "power-at n3 #0 = at 907ms for 5ms")
	p.before = func(sim.Event) {
		for _, n := range p.nodes[:3] {
			if n.running() && n.server.Status().Commit > n.applied() {
				lag++
			}
		}
	}
	p.well() // what waited for a process that died is void: nothing is applied twice, or by the next process too early
	if lag == 0 {
		t.Error("nobody is ever behind its commitments")
	}
}
