package faults

import (
	"time"

	"raftsim/sim"
)

// SwarmConfig is what a swarm draw depends on.
type SwarmConfig struct {
	Seed    uint64
	Profile Profile
	Servers int           // turns a number of faults into chances per slot
	Timeout time.Duration // T
	Window  time.Duration // of the faults
	// Moments is the number of moments, times their weights, that the servers pass through in the window, roughly: it turns a
	// number of crashes into the chance of one. 0 takes 200 per server and T.
	Moments uint64
}

// Choice is which faults a run has, and how many.
type Choice struct {
	Profile   Profile
	Faultless bool // one run in twenty
	Events    int  // episode faults to expect: partitions, crashes, power losses
	CrashLoop bool // besides them, about ten crashes with short downtimes
	Messages  Messages
	Knobs     Knobs
}

// Messages says how messages are disturbed. The words for shapes are those of the network's delay tables.
type Messages struct {
	Sparse                  bool // a few messages in a thousand, at most
	FIFO                    bool // links keep the order of sending
	Lost, Doubled, Late     sim.Ratio
	LateShape, DoubledShape string
	LateMean, DoubledMean   time.Duration
}

// class is a sort of episode fault that a run has or has not. Weights are how often the first fault of an episode is of it,
// in thousandths of all: partitions twice as often as crashes, and most of them isolate one node.
type class struct {
	name   string
	crash  bool
	weight uint64
}

var classes = [...]class{
	{"isolate", false, 367},
	{"split", false, 100},
	{"cut", false, 200},
	{"crash", true, 167},
	{"power", true, 166},
}

const (
	classIsolate = iota
	classSplit
	classCut
	classCrash
	classPower
)

// Swarm draws which faults a run has at all, then how many of each. Leaving whole classes out lets the others show what
// they can do alone. Every draw has words of its own, named like the knob, so a new knob changes no other.
func Swarm(c SwarmConfig) Choice {
	d := drawer{seed: c.Seed}
	out := Choice{Profile: c.Profile, Knobs: Knobs{
		Timeout: c.Timeout, Window: c.Window,
		CutMin: c.Timeout / 2, CutMax: 20 * c.Timeout, OnDeadline: sim.Ratio{Num: 1, Den: 4},
		DownMin: c.Timeout / 5, DownMax: 5 * c.Timeout,
		Winner: sim.Ratio{Num: 1, Den: 3},
	}}
	out.Messages.FIFO = d.chance("fifo", 30)
	out.Faultless = c.Profile == ProfileCalm || d.chance("faultless", 5)
	if out.Faultless {
		return out
	}
	if c.Profile.messages() {
		out.Messages.draw(d, c.Timeout)
	}
	out.Events = d.events()
	budget := d.share(c.Profile, out.Events)
	out.Knobs.spend(c, budget)
	if c.Profile.crashes() {
		if d.chance("majority", 20) {
			out.Knobs.Blackout = Slots{Count: 1, Chance: sim.Ratio{Num: 1, Den: 1}}
		}
		if d.chance("crash-loop", 10) {
			out.CrashLoop = true
			out.Knobs.Crash = perMoment(c, budget[classCrash]/2+10*thousandths)
			out.Knobs.DownMin, out.Knobs.DownMax = c.Timeout/50, c.Timeout/2
		}
	}
	return out
}

// thousandths of an event are what a budget counts.
const thousandths = 1000

// crashesMax bounds what crashes and power losses together get: bugs need at most three crashes (fault-model, CREB).
const crashesMax = 3 * thousandths

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

// share divides events among the classes that are on, by weight. If all are off, one of them is on all the same: the number
// of events stands.
func (d drawer) share(p Profile, events int) (budget [len(classes)]uint64) {
	var on [len(classes)]bool
	var weights, allowed uint64
	for i, c := range classes {
		if c.crash && !p.crashes() || !c.crash && !p.partitions() {
			continue
		}
		allowed += c.weight
		if on[i] = d.chance(c.name, 50); on[i] {
			weights += c.weight
		}
	}
	if weights == 0 {
		w := d.words("only class")
		x := w.Below(allowed)
		for i, c := range classes {
			if c.crash && !p.crashes() || !c.crash && !p.partitions() {
				continue
			}
			if x < c.weight {
				on[i], weights = true, c.weight
				break
			}
			x -= c.weight
		}
	}
	for i, c := range classes {
		if on[i] {
			budget[i] = uint64(events) * thousandths * c.weight / weights
		}
	}
	if down := budget[classCrash] + budget[classPower]; down > crashesMax {
		budget[classCrash] = budget[classCrash] * crashesMax / down
		budget[classPower] = budget[classPower] * crashesMax / down
	}
	return budget
}

// spend turns budgets into slots and chances. Three of four isolations are aimed; half of the crashes strike at moments, a quarter
// by the clock, a quarter whoever leads.
func (k *Knobs) spend(c SwarmConfig, budget [len(classes)]uint64) {
	n := uint64(max(c.Servers, 1))
	k.Isolate = slotsFor(budget[classIsolate]/4, n)
	k.AimIsolate = slotsFor(budget[classIsolate]*3/4, 1)
	k.Split = slotsFor(budget[classSplit], 1)
	k.Cut = slotsFor(budget[classCut], n*(n-1))
	k.CrashAt = slotsFor(budget[classCrash]/4, n)
	k.AimCrash = slotsFor(budget[classCrash]/4, 1)
	k.Crash = perMoment(c, budget[classCrash]/2)
	k.PowerAt = slotsFor(budget[classPower]/4, n)
	k.AimPower = slotsFor(budget[classPower]/4, 1)
	k.Power = perMoment(c, budget[classPower]/2)
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

// drawer gives every knob words of its own.
type drawer struct{ seed uint64 }

// purposeKnob is the purpose of keys whose subject is a knob.
const purposeKnob sim.Purpose = 64

func (d drawer) words(knob string) sim.Words {
	hash := uint64(14695981039346656037) // FNV-1a
	for i := 0; i < len(knob); i++ {
		hash = (hash ^ uint64(knob[i])) * 1099511628211
	}
	return sim.KeyedWords(d.seed, sim.MakeKey(purposeKnob, sim.Subject{Epoch: hash}))
}

func (d drawer) chance(knob string, percent uint64) bool {
	w := d.words(knob)
	return w.Chance(sim.Ratio{Num: percent, Den: 100})
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
