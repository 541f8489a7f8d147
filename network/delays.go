package network

import (
	"fmt"
	"math/bits"
	"time"

	"raftsim/sim"
)

// Shape is how delays are spread around their mean.
type Shape uint8

const (
	Fixed       Shape = iota // always the mean
	Uniform                  // from 0 to twice the mean
	Exponential              // no memory; the tail ends beyond 22 times the mean
	HeavyTail                // Pareto with exponent 3/2, cut off at 100 times the mean: mostly short, sometimes very long
)

// Delays is a distribution of delays. The zero value is the shortest delay there is, one nanosecond.
type Delays struct {
	Shape Shape         `toml:"shape"`
	Mean  time.Duration `toml:"mean"`
}

// Draw returns a delay of at least one nanosecond. It takes exactly one word for every shape, computes in integers (by
// inverse transform through a table of 256 knots, straight lines between) and never rejects. The mean over all words is
// Mean within 2 %.
func (d Delays) Draw(w *sim.Words) time.Duration {
	word := w.Next()
	mean := uint64(min(max(d.Mean, 0), meanMax))
	switch d.Shape {
	case Uniform:
		delay, _ := bits.Mul64(word, 2*mean+1)
		return atLeastOne(delay)
	case Exponential:
		return atLeastOne(scale(mean, exponential(word)))
	case HeavyTail:
		// The table is in units of the smallest delay, of which the mean is heavyMean.
		factor := min(heavyTail(word), heavyLimit)
		hi, lo := bits.Mul64(mean, factor)
		delay, _ := bits.Div64(hi, lo, heavyMean)
		return atLeastOne(delay)
	}
	return atLeastOne(mean)
}

// meanMax, 13 days, keeps products within two words; a larger mean counts as this.
const meanMax = 1 << 50

// value is Draw as the value of a disturbance.
func (d Delays) value(w *sim.Words) sim.Value { return sim.Value{For: int64(d.Draw(w))} }

func atLeastOne(delay uint64) time.Duration { return time.Duration(max(delay, 1)) }

// scale returns x times a factor with 16 binary places.
func scale(x, factor uint64) uint64 {
	hi, lo := bits.Mul64(x, factor)
	return hi<<48 | lo>>16
}

// exponential returns -ln(1-u) for the word's u in [0,1), with 16 binary places. The distribution has no memory: beyond
// the last knot it starts again, so the next bits of the word say how far into the tail. Four levels use 32 bits, the
// rest interpolates.
func exponential(word uint64) uint64 {
	var base uint64
	for range exponentialLevels - 1 {
		if word>>56 != 255 {
			break
		}
		base += exponentialStep
		word <<= 8
	}
	i := word >> 56
	return base + between(uint64(exponentialKnots[i]), uint64(exponentialKnots[i+1]), word)
}

// heavyTail returns (1-u)^(-2/3) with 16 binary places. Beyond the last knot the curve is itself again, enlarged; the
// second level reaches past heavyLimit.
func heavyTail(word uint64) uint64 {
	enlarge := uint64(1 << 16)
	if word>>56 == 255 {
		enlarge = heavyStep
		word <<= 8
	}
	i := word >> 56
	return scale(between(uint64(heavyKnots[i]), uint64(heavyKnots[i+1]), word), enlarge)
}

// between interpolates by the 16 bits after the first 8 of word.
func between(low, high, word uint64) uint64 {
	return low + (high-low)*(word>>40&0xffff)>>16
}

// names of the shapes, by number.
var shapeNames = [...]string{"fixed", "uniform", "exponential", "heavy-tail"}

func (s Shape) String() string {
	if int(s) < len(shapeNames) {
		return shapeNames[s]
	}
	return fmt.Sprintf("shape-%d", uint8(s))
}

// MarshalText implements encoding.TextMarshaler.
func (s Shape) MarshalText() ([]byte, error) {
	if int(s) >= len(shapeNames) {
		return nil, fmt.Errorf("network: no shape of delays has the number %d", uint8(s))
	}
	return []byte(s.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Shape) UnmarshalText(b []byte) error {
	for i, name := range shapeNames {
		if name == string(b) {
			*s = Shape(i)
			return nil
		}
	}
	return fmt.Errorf("network: %q is no shape of delays: one of fixed, uniform, exponential, heavy-tail", b)
}
