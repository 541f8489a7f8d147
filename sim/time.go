package sim

import (
	"math"
	"time"
)

// Time is a point in virtual time: nanoseconds since the start of the run. It is never negative inside a run.
type Time int64

// Never is later than every time a run can reach.
const Never Time = math.MaxInt64

// Add returns t + d, or Never where the sum does not fit.
func (t Time) Add(d time.Duration) Time {
	if sum := t + Time(d); d < 0 || sum >= t {
		return sum
	}
	return Never
}

// Sub returns the duration from u to t.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// String renders t exactly, as a duration since the start: "1.2s".
func (t Time) String() string {
	if t == Never {
		return "never"
	}
	return time.Duration(t).String()
}
