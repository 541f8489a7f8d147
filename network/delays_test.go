package network

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"raftsim/sim"
)

// TestMeans draws the middle of every stretch of the unit interval and holds the mean against Mean.
func TestMeans(t *testing.T) {
	const n = 1 << 20
	const mean = 10 * time.Millisecond
	for _, shape := range []Shape{Fixed, Uniform, Exponential, HeavyTail} {
		w := sim.KeyedWords(7, sim.MakeKey(PurposeLate, sim.Subject{A: 1, B: 2}))
		var sum time.Duration
		for range n {
			sum += Delays{Shape: shape, Mean: mean}.Draw(&w)
		}
		if got := sum / n; got < mean*98/100 || got > mean*102/100 {
			t.Errorf("%v: mean %v, want %v within 2%%", shape, got, mean)
		}
	}
}

// TestCurves holds the tables against the functions they stand for, over the whole range and deep into the tails.
func TestCurves(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		word := rapid.Uint64().Draw(r, "word")
		if tail := rapid.IntRange(0, 3).Draw(r, "levels into the tail"); tail > 0 {
			word = word>>(8*tail) | ^uint64(0)<<(64-8*tail)
		}
		left := 1 - float64(word>>8)/(1<<56) // 1-u
		if left < 1.0/(1<<24) {
			return // beyond what the tables promise
		}
		want := -math.Log(left)
		if got := float64(exponential(word)) / (1 << 16); math.Abs(got-want) > 0.002+0.02*want {
			r.Errorf("exponential(%#x) = %v, want %v", word, got, want)
		}
		want = math.Min(math.Pow(left, -2.0/3), float64(heavyLimit)/(1<<16))
		if got := math.Min(float64(heavyTail(word)), heavyLimit) / (1 << 16); math.Abs(got-want) > 0.05*want {
			r.Errorf("heavyTail(%#x) = %v, want %v", word, got, want)
		}
	})
}

// TestDrawBounds: no draw is calm, none passes the shape's end, and each takes one word whatever the shape.
func TestDrawBounds(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		d := Delays{
			Shape: Shape(rapid.IntRange(0, 3).Draw(r, "shape")),
			Mean:  time.Duration(rapid.Int64Range(-1, math.MaxInt64).Draw(r, "mean")),
		}
		w := sim.KeyedWords(rapid.Uint64().Draw(r, "seed"), sim.Key{Hi: 1})
		twin := w
		got := d.Draw(&w)
		twin.Next()
		if w != twin {
			r.Errorf("%+v took not one word", d)
		}
		limit := time.Duration(meanMax) * 100
		if d.Mean < meanMax {
			limit = max(100*d.Mean, 1)
		}
		if got < 1 || got > limit {
			r.Errorf("%+v drew %v, want 1ns to %v", d, got, limit)
		}
	})
}

// TestZeroWord pins the smallest draw of each shape.
func TestSmallestWord(t *testing.T) {
	if got := exponential(0); got != 0 {
		t.Errorf("exponential(0) = %d, want 0", got)
	}
	if got := heavyTail(0); got != 1<<16 {
		t.Errorf("heavyTail(0) = %d, want 1 with 16 places", got)
	}
	if heavyTail(math.MaxUint64) < heavyLimit {
		t.Error("the heavy tail's second level does not reach its limit")
	}
}

func TestShapeText(t *testing.T) {
	for i, name := range shapeNames {
		text, err := Shape(i).MarshalText()
		if err != nil || string(text) != name {
			t.Errorf("shape %d prints %q, %v, want %q", i, text, err, name)
		}
		var back Shape
		if err := back.UnmarshalText(text); err != nil || back != Shape(i) {
			t.Errorf("%q reads as %v, %v", text, back, err)
		}
	}
	if err := new(Shape).UnmarshalText([]byte("normal")); err == nil {
		t.Error("an unknown shape was accepted")
	}
	if _, err := Shape(9).MarshalText(); err == nil {
		t.Error("an unknown number was printed")
	}
}

// TestNoiseFor: the zero Noise is calm, and each purpose gets its own chance and delays.
func TestNoiseFor(t *testing.T) {
	for p := sim.Purpose(0); p < 10; p++ {
		if n := (Noise{}).For(p); !n.Chance.Zero() {
			t.Errorf("purpose %d: zero noise has chance %v", p, n.Chance)
		}
	}
	n := Noise{
		Lost: sim.Ratio{Num: 1, Den: 2}, Doubled: sim.Ratio{Num: 1, Den: 3}, Late: sim.Ratio{Num: 1, Den: 4},
		Delay: Delays{Mean: 4}, DoubledDelay: Delays{Mean: 3},
	}
	want := map[sim.Purpose]sim.Value{PurposeLost: {N: 1}, PurposeDoubled: {For: 3}, PurposeLate: {For: 4}}
	den := map[sim.Purpose]uint64{PurposeLost: 2, PurposeDoubled: 3, PurposeLate: 4}
	var w sim.Words
	for p, v := range want {
		got := n.For(p)
		if got.Chance.Den != den[p] || got.Draw(&w) != v {
			t.Errorf("purpose %d: chance %v, value %+v", p, got.Chance, got.Draw(&w))
		}
	}
}
