package faults

import (
	"testing"
	"time"

	"raftsim/sim"
)

// TestOperatorsActWhileFaultsDo: about half of what operators do in mixed runs falls into another fault, or the election timeout after
// it began or ended; and each sort of it takes effect in about as many runs as the table says.
func TestOperatorsActWhileFaultsDo(t *testing.T) {
	const runs = 1000
	asked, overlap := 0, 0
	effects := map[sim.Purpose]int{}
	faulty := 0
	for seed := range uint64(runs) {
		c := config(seed, ProfileMixed)
		c.Moments = 3 * uint64(c.Window/time.Millisecond)
		s := Swarm(c)
		if s.Faultless {
			continue
		}
		faulty++
		f := newFake(t, 5, 2, s.Knobs, sim.FatesConfig{
			Noisy: true, Seed: seed, Record: true, CloseAt: sim.Time(c.Window), Grace: sim.Time(c.Timeout),
			Noise: func(p sim.Purpose) sim.Noise { return s.Knobs.For(p, Population{Spares: SideOf(4, 5)}) },
		})
		f.voters = SideOf(1, 2, 3)
		f.leader = func(now sim.Time) sim.ProcID { return sim.ProcID(1 + now/sim.Time(c.Window/3)%3) }
		f.start(false)
		f.run(c.Window)
		record := f.fates.Recorded()
		for _, d := range record {
			if !operated(d) {
				continue
			}
			asked++
			for _, other := range record {
				at, length := span(other.Value)
				begin, end := at.Add(-c.Timeout), at.Add(length+c.Timeout)
				if p := other.Key.Purpose(); !operated(other) && isTimed(p) && begin <= sim.Time(d.Value.At) && sim.Time(d.Value.At) <= end {
					overlap++
					break
				}
			}
		}
		total := f.total()
		for _, p := range []sim.Purpose{PurposeMembers, PurposeTransfer, PurposeSnapshot, PurposeClock} {
			if total.Of(p) > 0 {
				effects[p]++
			}
		}
	}
	near(t, "operations during another fault", overlap, asked, 50, 10)
	near(t, "runs with a change of the membership", effects[PurposeMembers], faulty, 35, 6) // of 40, some draw none
	near(t, "runs with a transfer", effects[PurposeTransfer], faulty, 33, 6)
	near(t, "runs with a snapshot", effects[PurposeSnapshot], faulty, 35, 6)
	near(t, "runs with wrong clocks", effects[PurposeClock], faulty, 100, 1)
}

// operated reports whether d is what an operator does.
func operated(d sim.Disturbance) bool {
	p := d.Key.Purpose()
	return p == PurposeMembers || p == PurposeTransfer || p == PurposeSnapshot
}
