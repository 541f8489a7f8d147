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
			deadline := c.at(later) + rapid.Int64Range(-5, 1e10).Draw(t, "deadline")
			at := c.when(later, deadline)
			// A slow clock shows one number for several nanoseconds of true time.
			early := at - max(1, sim.Time(million/(million+c.rate)))
			if at < later || c.at(at) < deadline || early > later && c.at(early) >= deadline {
				t.Fatalf("deadline %d is due at %d (the clock shows %d, at %d it showed %d)", deadline, at, c.at(at), early, c.at(early))
			}
		}
		if c.when(now, math.MaxInt64) != math.MaxInt64 {
			t.Fatal("no deadline has become one")
		}
	})
}
