package faults

import "raftsim/sim"

// drawer gives every knob words of its own.
type drawer struct{ seed uint64 }

func (d drawer) words(knob string) sim.Words { return sim.KnobWords(d.seed, "swarm."+knob) }

func (d drawer) chance(knob string, percent uint64) bool {
	w := d.words(knob)
	return w.Chance(sim.Ratio{Num: percent, Den: 100})
}

// ratio returns num/den in lowest terms, or the nearest one below that a ratio can hold.
func ratio(num, den uint64) sim.Ratio {
	if num == 0 {
		return sim.Ratio{}
	}
	if num > den {
		num = den
	}
	a, b := num, den
	for b != 0 {
		a, b = b, a%b
	}
	num, den = num/a, den/a
	for den > 1<<32 {
		num, den = num>>1, den>>1
	}
	return sim.Ratio{Num: max(num, 1), Den: den}
}

// events draws how many episode faults to expect.
func (d drawer) events() int {
	w := d.words("events")
	x, many := w.Below(100), w.Below(5)
	switch {
	case x < 5:
		return 0
	case x < 35:
		return 1
	case x < 65:
		return 2
	case x < 85:
		return 3
	}
	return 4 + int(many)
}

// slotsFor returns slots that hold budget thousandths of a fault on average, over all subjects. Each slot is filled with
// a chance of at most one half, so that the number varies.
func slotsFor(budget, subjects uint64) Slots {
	if budget == 0 || subjects == 0 {
		return Slots{}
	}
	count := max(1, (2*budget+thousandths*subjects-1)/(thousandths*subjects))
	return Slots{Count: uint32(min(count, AimedOrdinal)), Chance: ratio(budget, thousandths*subjects*count)}
}

func perMoment(c SwarmConfig, budget uint64) sim.Ratio {
	moments := c.Moments
	if moments == 0 {
		moments = max(1, 200*uint64(max(c.Servers, 1))*uint64(c.Window)/uint64(max(c.Timeout, 1)))
	}
	return ratio(budget, thousandths*moments)
}
