package faults

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"raftsim/sim"
)

// Knobs says which faults a noisy base has, and how often. The zero value has none.
type Knobs struct {
	Timeout time.Duration `toml:"timeout"` // T, the election timeout
	Window  time.Duration `toml:"window"`  // timed faults begin before this

	Isolate    Slots `toml:"isolate"`  // per server
	Split      Slots `toml:"split"`    // of the run
	Cut        Slots `toml:"cut"`      // per pair of servers and direction
	CrashAt    Slots `toml:"crash_at"` // per server
	PowerAt    Slots `toml:"power_at"` // per server
	Blackout   Slots `toml:"blackout"` // of the run, as the aims
	AimIsolate Slots `toml:"aim_isolate"`
	AimCrash   Slots `toml:"aim_crash"`
	AimPower   Slots `toml:"aim_power"`

	Crash sim.Ratio `toml:"crash"` // per moment, times the moment's weight
	Power sim.Ratio `toml:"power"`

	CutMin     time.Duration `toml:"cut_min"` // cuts last from CutMin to CutMax, log-uniform
	CutMax     time.Duration `toml:"cut_max"`
	OnDeadline sim.Ratio     `toml:"on_deadline"` // of the cuts end within 1 ms of a multiple of T
	DownMin    time.Duration `toml:"down_min"`    // servers are down from DownMin to DownMax, log-uniform
	DownMax    time.Duration `toml:"down_max"`
	Winner     sim.Ratio     `toml:"winner"` // of the aims are at the node about to win, the others at the leader
}

// Slots is a number of slots per subject and the chance that one holds a fault. Its text is "2 x 1/6", or "none".
type Slots struct {
	Count  uint32
	Chance sim.Ratio
}

// Population says who takes part in a run, as far as draws may know it: values are cut down to those who are there, and
// everybody keeps what he has when another joins.
type Population struct {
	Present       Side     // servers and clients of the run; 0 for everybody
	MomentWeights []uint32 // by moment: multiplies the chance of hazards (nil, or beyond the end: 1)
}

// Validate reports in one sentence what is wrong with k, or nil.
func (k *Knobs) Validate() error {
	timed := false
	for p := purposesBegin; p < purposesEnd; p++ {
		s := k.slots(p)
		if s.Count > AimedOrdinal {
			return fmt.Errorf("faults: %d slots of one subject, more than %d: later ordinals belong to aims", s.Count, AimedOrdinal)
		}
		timed = timed || s.Count > 0 && !s.Chance.Zero()
	}
	switch {
	case timed && (k.Window <= 0 || k.Timeout <= 0):
		return fmt.Errorf("faults: timed faults want a window and an election timeout above zero, not %v and %v", k.Window, k.Timeout)
	case k.Window < 0 || k.Timeout < 0:
		return fmt.Errorf("faults: window and timeout must not be negative, not %v and %v", k.Window, k.Timeout)
	case k.CutMin < 0 || k.CutMax < k.CutMin:
		return fmt.Errorf("faults: cuts last from %v to %v, which is no range", k.CutMin, k.CutMax)
	case k.DownMin < 0 || k.DownMax < k.DownMin:
		return fmt.Errorf("faults: servers are down from %v to %v, which is no range", k.DownMin, k.DownMax)
	}
	return nil
}

// slots returns the slots of p, none for a purpose that has no slots.
func (k *Knobs) slots(p sim.Purpose) Slots {
	switch p {
	case PurposeIsolate:
		return k.Isolate
	case PurposeSplit:
		return k.Split
	case PurposeCut:
		return k.Cut
	case PurposeCrashAt:
		return k.CrashAt
	case PurposePowerAt:
		return k.PowerAt
	case PurposeBlackout:
		return k.Blackout
	case PurposeAimIsolate:
		return k.AimIsolate
	case PurposeAimCrash:
		return k.AimCrash
	case PurposeAimPower:
		return k.AimPower
	}
	return Slots{}
}

// For returns the noise of one purpose, the zero value if it is none of this package's.
func (k Knobs) For(p sim.Purpose, who Population) sim.Noise {
	present := who.Present
	if present == 0 {
		present = serverBits | clientBits
	}
	present |= ClientsBoth
	n := sim.Noise{Chance: k.slots(p).Chance}
	switch p {
	case PurposeIsolate:
		n.Draw = func(w *sim.Words) sim.Value {
			return sim.Value{At: k.atSpan(w), For: k.cutLength(w), N: direction(w)}
		}
	case PurposeSplit:
		n.Draw = func(w *sim.Words) sim.Value {
			return sim.Value{At: k.atSpan(w), For: k.cutLength(w), N: int64(splitSide(w) & present)}
		}
	case PurposeCut:
		n.Draw = func(w *sim.Words) sim.Value {
			return sim.Value{At: k.atSpan(w), For: k.cutLength(w), N: bothWays(w)}
		}
	case PurposeCrashAt, PurposePowerAt:
		n.Draw = func(w *sim.Words) sim.Value { return sim.Value{At: k.atSpan(w), For: k.downtime(w)} }
	case PurposeBlackout:
		n.Draw = func(w *sim.Words) sim.Value {
			return sim.Value{At: k.atSpan(w), For: k.downtime(w), N: int64(blackoutSide(w) & present)}
		}
	case PurposeCrash, PurposePower:
		n.Chance = k.Power
		if p == PurposeCrash {
			n.Chance = k.Crash
		}
		n.Weights = who.MomentWeights
		n.Draw = func(w *sim.Words) sim.Value { return sim.Value{For: k.downtime(w)} }
	case PurposeAimIsolate:
		n.Draw = func(w *sim.Words) sim.Value {
			v := sim.Value{At: k.atSpan(w), For: k.cutLength(w), N: direction(w)}
			v.N += k.role(w) * int64(len(directions))
			return v
		}
	case PurposeAimCrash, PurposeAimPower:
		n.Draw = func(w *sim.Words) sim.Value {
			return sim.Value{At: k.atSpan(w), For: k.downtime(w), N: k.role(w)}
		}
	}
	return n
}

// bothWays draws whether a cut is of both directions (one link of a mesh is gone, everybody else is between) or of one.
func bothWays(w *sim.Words) int64 {
	if w.Chance(sim.Ratio{Num: 2, Den: 3}) {
		return cutBothWays
	}
	return cutOneWay
}

func (k *Knobs) role(w *sim.Words) int64 {
	if w.Chance(k.Winner) {
		return roleWinner
	}
	return roleLeader
}

func (s Slots) String() string {
	if s == (Slots{}) {
		return "none"
	}
	return strconv.FormatUint(uint64(s.Count), 10) + " x " + s.Chance.String()
}

// MarshalText implements encoding.TextMarshaler.
func (s Slots) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Slots) UnmarshalText(b []byte) error {
	if string(b) == "none" {
		*s = Slots{}
		return nil
	}
	count, chance, found := strings.Cut(string(b), " x ")
	n, err := strconv.ParseUint(count, 10, 32)
	if !found || err != nil || n > AimedOrdinal {
		return fmt.Errorf("faults: %q is no number of slots: write COUNT x CHANCE with COUNT up to %d, like 2 x 1/6, or none", b, AimedOrdinal)
	}
	r, err := sim.ParseRatio(chance)
	if err != nil {
		return err
	}
	*s = Slots{Count: uint32(n), Chance: r}
	return nil
}
