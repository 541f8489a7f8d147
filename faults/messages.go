package faults

import (
	"time"

	"raftsim/sim"
)

// Messages says how messages are disturbed. The words for shapes are those of the network's delay tables.
type Messages struct {
	Sparse                  bool // a few messages in a thousand, at most
	FIFO                    bool // links keep the order of sending
	Lost, Doubled, Late     sim.Ratio
	LateShape, DoubledShape string
	LateMean, DoubledMean   time.Duration
}

// draw draws how messages are disturbed. Half of the runs disturb a few in a thousand: they find as much, and shrink far
// better.
func (m *Messages) draw(d drawer, timeout time.Duration) {
	m.Sparse = d.chance("density", 50)
	m.Lost = d.rate("lost", m.Sparse, 30)
	m.Doubled = d.rate("doubled", m.Sparse, 50)
	m.Late = d.rate("late", m.Sparse, 100)

	// The heavy tail ends at 100 times its mean: bursts of up to 10 T.
	w := d.words("late delay")
	m.LateMean = time.Duration(logBetween(&w, timeout/100, timeout/10))
	if d.chance("very late messages", 15) {
		// Messages that outlive the election or the term they were about.
		m.LateMean = time.Duration(logBetween(&w, timeout/10, 3*timeout))
	}
	m.LateShape = "heavy-tail"
	switch x := w.Below(10); {
	case x < 4:
		m.LateShape = "exponential"
	case x < 6:
		m.LateShape = "uniform"
	}
	w = d.words("doubled delay")
	m.DoubledMean = time.Duration(logBetween(&w, timeout/100, timeout/10))
	m.DoubledShape = "exponential"
	if d.chance("very late copies", 20) {
		// A message delivered again terms later.
		m.DoubledMean = time.Duration(w.Between(int64(timeout), int64(5*timeout)))
	}
}

// rate draws whether messages are disturbed in one way, and how often: up to limit per cent, or between 5 and 100 in ten
// thousand, small numbers as likely as large ones.
func (d drawer) rate(knob string, sparse bool, limit uint64) sim.Ratio {
	if !d.chance(knob, 50) {
		return sim.Ratio{}
	}
	w := d.words(knob + " rate")
	few := uint64(logBetween(&w, 5, 100))
	many := 1 + w.Below(limit*100)
	if sparse {
		return ratio(few, 10_000)
	}
	return ratio(many, 10_000)
}
