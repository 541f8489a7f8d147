package world

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"raftsim/sim"
)

// slowAt is the definition, in numbers without bounds: true time plus every step plus what each stretch gained.
type slowClock struct {
	since sim.Time
	shown *big.Int
	rate  int64
}

func (c *slowClock) at(now sim.Time) *big.Int {
	d := big.NewInt(int64(now - c.since))
	gained := new(big.Int).Mul(d, big.NewInt(c.rate))
	gained.Quo(gained, big.NewInt(million))
	return gained.Add(gained, d).Add(gained, c.shown)
}

// when is the definition: the first time at which the clock shows a deadline, found by halving.
func (c *slowClock) when(now sim.Time, deadline int64) sim.Time {
	due := func(at sim.Time) bool { return c.at(at).Cmp(big.NewInt(deadline)) >= 0 }
	early, late := now, now
	for length := sim.Time(1); !due(late); length *= 2 {
		early, late = late, late+length
	}
	for early < late {
		if mid := early + (late-early)/2; due(mid) {
			late = mid
		} else {
			early = mid + 1
		}
	}
	return late
}

func TestClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c clock
		slow := slowClock{shown: new(big.Int)}
		now := sim.Time(0)
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			now += sim.Time(rapid.Int64Range(0, 40e9).Draw(t, "wait"))
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				shown := slow.at(now)
				rate := rapid.Int64Range(-900_000, 9_000_000).Draw(t, "rate") // as far as faults go
				slow = slowClock{since: now, shown: shown, rate: rate}
				c.setRate(now, rate)
			case 1:
				by := rapid.Int64Range(0, 5e9).Draw(t, "step")
				slow = slowClock{since: now, shown: slow.at(now), rate: slow.rate}
				slow.shown.Add(slow.shown, big.NewInt(by))
				c.step(now, by)
			}
			later := now + sim.Time(rapid.Int64Range(0, 3e12).Draw(t, "later"))
			if got, want := c.at(later), slow.at(later); want.Cmp(big.NewInt(got)) != 0 {
				t.Fatalf("at %d the clock shows %d, want %v", later, got, want)
			}
			deadline := c.at(later) + rapid.Int64Range(-5, 50).Draw(t, "near") + rapid.Int64Range(0, 1e10).Draw(t, "deadline")
			if got, want := c.when(later, deadline), slow.when(later, deadline); got != want {
				t.Fatalf("deadline %d is due at %d (the clock shows %d then), want %d (%d)", deadline, got, c.at(got), want, c.at(want))
			}
		}
		if c.when(now, math.MaxInt64) != math.MaxInt64 {
			t.Fatal("no deadline has become one")
		}
	})
}

// Deadlines of clocks that are not true, by hand: a clock at a tenth of true speed shows 1 from the first nanosecond on, and 2 from the
// eleventh; one at twice the speed shows every other number.
func TestDeadlinesToTheNanosecond(t *testing.T) {
	for _, tt := range []struct {
		rate, local int64
		want        sim.Time
	}{
		{-900_000, 1, 1},
		{-900_000, 2, 11},
		{-900_000, 100, 991},
		{-500_000, 1, 1},
		{-500_000, 2, 3},
		{-1, 999_999, 999_999},
		{-1, 1_000_000, 1_000_001},
		{-1, 1_000_001, 1_000_002},
		{1, 1_000_000, 1_000_000},
		{1, 1_000_002, 1_000_001},
		{1_000_000, 1, 1},
		{1_000_000, 2, 1},
		{1_000_000, 3, 2},
		{9_000_000, 10, 1},
		{9_000_000, 11, 2},
		{-900_000, math.MaxInt64 - 1, sim.Never},
		{9_000_000, math.MaxInt64 - 1, 922337203685477581},
	} {
		c := clock{rate: tt.rate}
		if got := c.when(0, tt.local); got != tt.want {
			t.Errorf("at %+d ppm %d is due at %d, want %d", tt.rate, tt.local, got, tt.want)
		}
	}
}
