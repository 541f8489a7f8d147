package faults

import (
	"time"

	"raftsim/sim"
)

// Population says who takes part in a run, as far as draws may know it: values are cut down to those who are there, and
// everybody keeps what he has when another joins.
type Population struct {
	Present       Side     // servers and clients of the run; 0 for everybody
	Spares        Side     // of the servers, those that are no members at first
	MomentWeights []uint32 // by moment: multiplies the chance of hazards (nil, or beyond the end: 1)
}

// For returns the noise of one purpose, the zero value if it is none of this package's.
func (k Knobs) For(p sim.Purpose, who Population) sim.Noise {
	if !ours(p) {
		return sim.Noise{}
	}
	n := sim.Noise{Chance: k.slots(p).Chance, Draw: k.draw(p, who)}
	switch {
	case p == PurposeCrash:
		n.Chance, n.Weights = k.Crash, who.MomentWeights
	case p == PurposePower:
		n.Chance, n.Weights = k.Power, who.MomentWeights
	case p == PurposeClock && k.ClockDrift > 0:
		n.Chance = sim.Ratio{Num: 1, Den: 1}
	case isTimed(p) && !k.Meet.Zero():
		alone := n.Draw
		n.Draw = func(w *sim.Words) sim.Value {
			v := alone(w)
			k.meet(w, &v)
			return v
		}
	}
	return n
}

// draw returns what makes the values of p.
func (k *Knobs) draw(p sim.Purpose, who Population) func(*sim.Words) sim.Value {
	switch p {
	case PurposeIsolate, PurposeSplit, PurposeCut, PurposeAimIsolate:
		return k.drawCut(p, who.present())
	case PurposeCrashAt, PurposePowerAt, PurposeWipe:
		return func(w *sim.Words) sim.Value { return sim.Value{At: k.atSpan(w), For: k.downtime(w)} }
	case PurposeBlackout:
		present := who.present()
		return func(w *sim.Words) sim.Value {
			return sim.Value{At: k.atSpan(w), For: k.downtime(w), N: int64(blackoutSide(w) & present)}
		}
	case PurposeCrash, PurposePower:
		return func(w *sim.Words) sim.Value { return sim.Value{For: k.downtime(w)} }
	case PurposeAimCrash, PurposeAimPower:
		return func(w *sim.Words) sim.Value {
			return sim.Value{At: k.atSpan(w), For: k.downtime(w), N: k.role(w)}
		}
	case PurposeOutage:
		return func(w *sim.Words) sim.Value { return sim.Value{At: k.atSpan(w), For: k.patience(w)} }
	case PurposePause:
		return func(w *sim.Words) sim.Value {
			return sim.Value{At: k.atSpan(w), For: logBetween(w, k.PauseMin, k.PauseMax)}
		}
	case PurposeAimPause:
		return func(w *sim.Words) sim.Value {
			return sim.Value{At: k.atSpan(w), For: logBetween(w, k.PauseMin, k.PauseMax), N: k.readerOr(w)}
		}
	case PurposeStall:
		return func(w *sim.Words) sim.Value {
			return sim.Value{At: k.atSpan(w), For: logBetween(w, k.StallMin, k.StallMax)}
		}
	case PurposeAimStall:
		return func(w *sim.Words) sim.Value {
			return sim.Value{At: k.atSpan(w), For: logBetween(w, k.StallMin, k.StallMax), N: k.role(w)}
		}
	case PurposeClock, PurposeClockStep, PurposeClockRate:
		return k.drawClock(p)
	case PurposeDamage:
		return func(w *sim.Words) sim.Value {
			at, what := k.atSpan(w), drawDamage(w)
			return sim.Value{At: at, N: what.value(), For: k.downtimeOrNone(w, what)}
		}
	}
	return k.drawOperation(p, who)
}

// drawCut makes the values of what closes links.
func (k *Knobs) drawCut(p sim.Purpose, present Side) func(*sim.Words) sim.Value {
	return func(w *sim.Words) sim.Value {
		v := sim.Value{At: k.atSpan(w), For: k.cutLength(w)}
		switch p {
		case PurposeIsolate:
			v.N = direction(w)
		case PurposeSplit:
			v.N = int64(splitSide(w) & present)
		case PurposeCut:
			v.N = bothWays(w)
		case PurposeAimIsolate:
			v.N = direction(w)
			v.N += k.role(w) * int64(len(directions))
		}
		return v
	}
}

// drawClock makes the values of clocks.
func (k *Knobs) drawClock(p sim.Purpose) func(*sim.Words) sim.Value {
	switch p {
	case PurposeClockStep:
		return func(w *sim.Words) sim.Value {
			return sim.Value{At: k.atSpan(w), N: logBetween(w, k.StepMin, k.StepMax)}
		}
	case PurposeClockRate:
		return func(w *sim.Words) sim.Value {
			return sim.Value{At: k.atSpan(w), For: k.cutLength(w), N: k.rate(w)}
		}
	}
	return func(w *sim.Words) sim.Value {
		// Half of the clocks are as wrong as they may be: what is to hold within a bound shows at the bound.
		n := w.Between(-k.ClockDrift, k.ClockDrift)
		switch {
		case !w.Chance(sim.Ratio{Num: 1, Den: 2}):
		case n < 0:
			n = -k.ClockDrift
		default:
			n = k.ClockDrift
		}
		return sim.Value{N: n}
	}
}

// drawOperation makes the values of what an operator asks for.
func (k *Knobs) drawOperation(p sim.Purpose, who Population) func(*sim.Words) sim.Value {
	first := who.members()
	switch p {
	case PurposeMembers:
		return func(w *sim.Words) sim.Value {
			at, c, pick := sim.Time(k.atSpan(w)), drawChange(w), w.Below(picksMax)
			m := first.after(c, pick, 0)
			return MembersValue(at, m.voters, m.learners, drawJoint(w) || c == changeSwap)
		}
	case PurposeAimMembers:
		return func(w *sim.Words) sim.Value {
			v := sim.Value{At: k.atSpan(w)}
			c, pick := drawChange(w), w.Below(picksMax)
			v.N, v.For = pickValue(int64(c), pick, drawJoint(w)), k.patience(w)
			return v
		}
	case PurposeTransfer:
		return func(w *sim.Words) sim.Value {
			return TransferValue(sim.Time(k.atSpan(w)), choose(first.servers, w.Below(picksMax)).First())
		}
	case PurposeAimTransfer:
		return func(w *sim.Words) sim.Value {
			v := sim.Value{At: k.atSpan(w)}
			v.N, v.For = pickValue(drawSuccessor(w), w.Below(picksMax), false), k.patience(w)
			return v
		}
	case PurposeSnapshot:
		return func(w *sim.Words) sim.Value { return sim.Value{At: k.atSpan(w), N: 1} }
	case PurposeAimSnapshot:
		return func(w *sim.Words) sim.Value {
			return sim.Value{At: k.atSpan(w), N: k.role(w), For: k.patience(w)}
		}
	}
	return nil
}

// present returns everybody who takes part.
func (who *Population) present() Side {
	if who.Present == 0 {
		return serverBits | clientBits | ClientsBoth
	}
	return who.Present | ClientsBoth
}

// members returns the membership at first.
func (who *Population) members() membership {
	m := membership{servers: who.present() & serverBits}
	if m.voters = m.servers &^ who.Spares; m.voters == 0 {
		m.voters = m.servers
	}
	return m
}

// meet draws whether a fault begins near MeetAt instead: two words, behind all others, so that the rest of a value stays what it
// is.
func (k *Knobs) meet(w *sim.Words, v *sim.Value) {
	meets, after := w.Chance(k.Meet), w.Below(uint64(2*max(k.Timeout, 0)))
	if meets {
		v.At = max(min(int64(k.MeetAt)+int64(after), int64(k.Window)-1), 0)
	}
}

// patience draws how long an aim of an operator waits for a leader, and a server that bounces stays away: T/10 to 3 T.
func (k *Knobs) patience(w *sim.Words) int64 {
	return logBetween(w, k.Timeout/10, 3*k.Timeout)
}

// rate draws the error of another rate: two words.
func (k *Knobs) rate(w *sim.Words) int64 {
	more := logBetween(w, time.Duration(k.RateMax/1000), time.Duration(k.RateMax))
	if slower := w.Below(2) == 1; slower {
		return min(-more*PerMillion/(PerMillion+more), -1)
	}
	return more
}

// downtimeOrNone draws for how long a server whose disk is damaged is without power: two words. One in three goes on, and
// everybody whose damage is in what he writes next.
func (k *Knobs) downtimeOrNone(w *sim.Words, what Damage) int64 {
	down, goesOn := k.downtime(w), w.Below(3) == 0
	if goesOn || what.Kind == DamageLoseWrite || what.Kind == DamageMisdirect {
		return 0
	}
	return down
}

func (k *Knobs) role(w *sim.Words) int64 {
	if w.Chance(k.Winner) {
		return roleWinner
	}
	return roleLeader
}

// readerOr draws the role of an aimed pause: two words.
func (k *Knobs) readerOr(w *sim.Words) int64 {
	reader, other := w.Chance(k.Reader), k.role(w)
	if reader {
		return roleReader
	}
	return other
}
