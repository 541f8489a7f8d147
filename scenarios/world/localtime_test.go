package world

import (
	"testing"
	"time"

	"raftsim/raft"
	"raftsim/scenarios/workload"
	"raftsim/sim"
)

// Deadlines are kept by the local clock: of three servers that wait for a leader, the first to stand for election is the one whose
// clock first shows its timeout. By true time that is n1 after 9/8 of the election timeout, n2 after 10/8, n3 after 11/8.
func TestDeadlinesByTheLocalClock(t *testing.T) {
	const eighth = playTimeout / 8
	for _, tc := range []struct {
		name   string
		faults []string
		first  uint64
		at     time.Duration
	}{
		{"true clocks", nil, 1, 9 * eighth},
		{"n3 twice as fast", []string{"clock n3 = 1000000ppm"}, 3, 11 * eighth / 2},
		{"n1 at half the speed", []string{"clock n1 = -500000ppm"}, 2, 10 * eighth},
		{"n2 set forward", []string{"clock-step n2 #0 = at 50ms by +100ms"}, 2, 10*eighth - 100*ms},
		{"n2 set beyond its deadline", []string{"clock-step n2 #0 = at 50ms by +1h"}, 2, 50 * ms},
		{"n3 ten times as fast from 100 ms on", []string{"clock-rate n3 #0 = at 100ms for 1s 10x"}, 3, 100*ms + (11*eighth-100*ms)/10},
		{"n3 ten times as fast for 5 ms", []string{"clock-rate n3 #0 = at 100ms for 5ms 10x"}, 3, 11*eighth - 45*ms},
		{"n1 slow for 100 ms", []string{"clock-rate n1 #0 = at 0s for 100ms 0.1x"}, 2, 10 * eighth},
		{"n1 slow for 10 ms", []string{"clock-rate n1 #0 = at 0s for 10ms 0.1x"}, 1, 9*eighth + 9*ms},
		{"errors add up", []string{"clock n3 = 500000ppm", "clock-rate n3 #0 = at 0s for 1s 1.5x"}, 3, 11 * eighth / 2},
		{"errors cancel out", []string{"clock n1 = 500000ppm", "clock-rate n1 #0 = at 0s for 1s 0.5x"}, 1, 9 * eighth},
		{"set forward while it sleeps", []string{"pause n2 #0 = at 10ms for 50ms", "clock-step n2 #0 = at 20ms by +1h"}, 2, 60 * ms},
		{"twice as fast while it sleeps", []string{"pause n3 #0 = at 10ms for 50ms", "clock-rate n3 #0 = at 20ms for 1s 2x"}, 3, 20*ms + (11*eighth-20*ms)/2},
	} {
		p := newPlay(t, func(c *Config) { c.InitialLeader, c.Window, c.Disk.SyncLatency = 0, 300*ms, 0 }, tc.faults...)
		var last sim.Event // the step before
		first, at := uint64(0), sim.Time(0)
		p.before = func(ev sim.Event) {
			for _, n := range p.nodes[:3] {
				if first == 0 && n.server.Status().Role != raft.StateFollower {
					first, at = n.id, last.At
				}
			}
			last = ev
		}
		p.well()
		// A rate in parts per million is exact to a nanosecond or two.
		if d := at.Sub(sim.Time(tc.at)); first != tc.first || d < -2 || d > 2 {
			t.Errorf("%s: n%d is the first, at %v; want n%d at %v", tc.name, first, at, tc.first, tc.at)
		}
	}
}

// A clock is the machine's: what a process leaves behind, the next one finds. Timeouts of both are of local time, and it never goes
// back (every play watches that).
func TestClocksOutlastTheProcess(t *testing.T) {
	for _, death := range []string{"crash-at n2 #0 = at 600ms for 100ms", "power-at n2 #0 = at 600ms for 100ms"} {
		p := newPlay(t, nil, "clock n2 = 1000000ppm", "clock-step n2 #0 = at 300ms by +1s", death)
		p.before = func(sim.Event) {
			now := int64(p.kernel.Now())
			want := 2 * now
			if now > int64(300*ms) {
				want += int64(time.Second)
			}
			if got := p.nodes[1].now(); got != want && now != int64(300*ms) {
				t.Fatalf("%s: at %v the clock shows %d, want %d", death, p.kernel.Now(), got, want)
			}
			if p.kernel.Now() > sim.Time(p.config.Window) {
				p.before = nil // healed: rates are true again but for the drift
			}
		}
		p.well()
		if p.outcome.Counts.Restarts != 1 {
			t.Errorf("%s: %d restarts", death, p.outcome.Counts.Restarts)
		}
	}
}

// Reads by lease count only while every clock keeps to the bound that leases allow for: the drift of a clock does, if it is small enough,
// steps and other rates never do, and what they broke stays broken.
func TestClocksThatBreakLeases(t *testing.T) {
	lease := func(c *Config) {
		c.Raft.LeaseReads = true
		c.Plan.Reads = workload.Reads{Lease: 1}
		c.Plan.Classes = []string{workload.ClassRegister}
		// Half of what clients do in a noisy world are gets. Nothing else is noisy.
		c.Noisy, c.Seed = true, 1
	}
	for _, tc := range []struct {
		faults []string
		broken bool
	}{
		{nil, false},
		{[]string{"clock n1 = 500ppm", "clock n2 = -500ppm"}, false},
		{[]string{"clock n1 = 501ppm"}, true},
		{[]string{"clock n3 = -501ppm"}, true},
		{[]string{"clock-step n2 #0 = at 500ms by +1ns"}, true},
		{[]string{"clock-rate n1 #0 = at 500ms for 1ms 1.000001x"}, false}, // within the bound
		{[]string{"clock-rate n1 #0 = at 500ms for 1ms 1.001x"}, true},
		{[]string{"clock n1 = 400ppm", "clock-rate n1 #0 = at 500ms for 1ms 1.0002x"}, true},
	} {
		p := newPlay(t, lease, tc.faults...).well()
		s := p.outcome.Judgement.Stages
		if s.CurrentReads < 50 || (s.OutOfContractReads > 0) != tc.broken || s.OutOfContractReads > s.CurrentReads {
			t.Errorf("%v: %d reads, %d out of contract", tc.faults, s.CurrentReads, s.OutOfContractReads)
		}
		if tc.broken && s.OutOfContractReads < s.CurrentReads/3 {
			t.Errorf("%v: only %d of %d reads are out of contract", tc.faults, s.OutOfContractReads, s.CurrentReads)
		}
	}
}
