package world

import (
	"math"
	"math/bits"

	"raftsim/sim"
)

// clock is the local monotonic clock of one server: true time, run at a rate that may differ from one and may change. It
// never goes back. The zero value is a true clock.
//
// A restart does not disturb it: what a crashed process leaves behind is the machine's clock.
type clock struct {
	since sim.Time // rate holds since then
	local int64    // what it showed then, less since
	rate  int64    // parts per million faster than true time; above -1e6
}

const million = 1_000_000

// scaled returns d * num / den rounded down, for 0 <= d and factors up to a few millions.
func scaled(d, num, den int64) int64 { return d/den*num + d%den*num/den }

// at returns what the clock shows at a true time not before the last change of its rate.
func (c *clock) at(now sim.Time) int64 {
	if c.rate == 0 { // as it mostly is: divisions cost
		return int64(now) + c.local
	}
	elapsed := int64(now - c.since)
	gained := int64(0)
	if c.rate >= 0 {
		gained = scaled(elapsed, c.rate, million)
	} else {
		gained = -scaled(elapsed, -c.rate, million)
	}
	return int64(now) + c.local + gained
}

// when returns the first true time, not before now, at which the clock shows at least local; NoDeadline stays what it is, and a time
// that no run reaches becomes it.
func (c *clock) when(now sim.Time, local int64) sim.Time {
	if local == math.MaxInt64 {
		return sim.Time(local)
	}
	if c.rate == 0 {
		return max(now, sim.Time(local-c.local))
	}
	if c.at(now) >= local {
		return now
	}
	// In e nanoseconds the clock goes on by e*speed/million, rounded down if it is fast and up if it is slow: what it gains or loses is
	// rounded down. The least e for which that is at least left follows.
	left := local - (c.local + int64(c.since)) // at least 1: the clock does not show local yet
	speed := uint64(million + c.rate)
	slow := uint64(0)
	if c.rate < 0 {
		slow = 1
	}
	hi, lo := bits.Mul64(uint64(left)-slow, million)
	if hi >= speed {
		return sim.Never
	}
	e, rest := bits.Div64(hi, lo, speed)
	if slow > 0 || rest > 0 {
		e++
	}
	if e > math.MaxInt64-uint64(c.since) {
		return sim.Never
	}
	return c.since + sim.Time(e)
}

// setRate makes the clock run at another rate from now on.
func (c *clock) setRate(now sim.Time, ppm int64) {
	shown := c.at(now)
	*c = clock{since: now, local: shown - int64(now), rate: ppm}
}

// step makes the clock jump forward.
func (c *clock) step(now sim.Time, by int64) {
	c.setRate(now, c.rate)
	c.local += max(by, 0)
}
