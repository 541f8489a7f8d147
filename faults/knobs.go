package faults

import (
	"fmt"
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

	Pause       Slots `toml:"pause"` // per server
	AimPause    Slots `toml:"aim_pause"`
	ClockStep   Slots `toml:"clock_step"` // per server, as clock_rate; beyond what lease reads allow for
	ClockRate   Slots `toml:"clock_rate"`
	Members     Slots `toml:"members"` // of the run, as all aims
	AimMembers  Slots `toml:"aim_members"`
	Transfer    Slots `toml:"transfer"` // of the run
	AimTransfer Slots `toml:"aim_transfer"`
	Snapshot    Slots `toml:"snapshot"` // per server
	AimSnapshot Slots `toml:"aim_snapshot"`
	Stall       Slots `toml:"stall"` // per server
	AimStall    Slots `toml:"aim_stall"`
	Damage      Slots `toml:"damage"` // per server in Damageable, as wipe
	Wipe        Slots `toml:"wipe"`
	Outage      Slots `toml:"outage"` // per front

	Damageable Side `toml:"damageable"` // servers that may be damaged; less than half of the first members are

	Crash sim.Ratio `toml:"crash"` // per moment, times the moment's weight
	Power sim.Ratio `toml:"power"`

	CutMin     time.Duration `toml:"cut_min"` // cuts, and other rates of clocks, last from CutMin to CutMax, log-uniform
	CutMax     time.Duration `toml:"cut_max"`
	OnDeadline sim.Ratio     `toml:"on_deadline"` // of the cuts end within 1 ms of a multiple of T
	DownMin    time.Duration `toml:"down_min"`    // servers are down from DownMin to DownMax, log-uniform
	DownMax    time.Duration `toml:"down_max"`
	PauseMin   time.Duration `toml:"pause_min"` // pauses last from PauseMin to PauseMax, log-uniform
	PauseMax   time.Duration `toml:"pause_max"`
	StallMin   time.Duration `toml:"stall_min"` // disks stand still from StallMin to StallMax, log-uniform
	StallMax   time.Duration `toml:"stall_max"`
	ClockDrift int64         `toml:"clock_drift"` // clocks are wrong by up to so many parts per million all the time
	RateMax    int64         `toml:"rate_max"`    // other rates are up to (1 + RateMax/1,000,000) times true time, or as many times slower
	StepMin    time.Duration `toml:"step_min"`    // clocks are set forward by StepMin to StepMax, log-uniform
	StepMax    time.Duration `toml:"step_max"`
	Winner     sim.Ratio     `toml:"winner"` // of the aims are at the node about to win, the others at the leader
	Reader     sim.Ratio     `toml:"reader"` // of the aimed pauses are at a leader that owes an answer to a read; of the others, Winner
	Meet       sim.Ratio     `toml:"meet"`   // of the timed faults begin within 2 T of MeetAt, the others at any time
	MeetAt     time.Duration `toml:"meet_at"`
}

// Validate reports in one sentence what is wrong with k, or nil.
func (k *Knobs) Validate() error {
	timed, cuts, pauses, stalls, steps := false, false, false, false, false
	for p := purposesBegin; p < purposesEnd; p++ {
		s := k.slots(p)
		if s.Count > AimedOrdinal {
			return fmt.Errorf("faults: %d slots of one subject, more than %d: later ordinals belong to aims", s.Count, AimedOrdinal)
		}
		if !s.on() {
			continue
		}
		timed = true
		switch p {
		case PurposeIsolate, PurposeSplit, PurposeCut, PurposeAimIsolate:
			cuts = true
		case PurposePause, PurposeAimPause:
			pauses = true
		case PurposeStall, PurposeAimStall:
			stalls = true
		case PurposeClockStep:
			steps = true
		}
	}
	switch {
	case timed && k.Window <= 0:
		return fmt.Errorf("faults: timed faults want faults.window above 0, not %v: they begin before it", k.Window)
	case timed && k.Timeout <= 0:
		return fmt.Errorf("faults: timed faults want faults.timeout above 0, not %v: the election timeout they are timed by", k.Timeout)
	case cuts && k.CutMax == 0:
		return fmt.Errorf("faults: cuts of no length: want faults.cut_max above 0 where isolate, split or cut are")
	case pauses && k.PauseMax == 0:
		return fmt.Errorf("faults: pauses of no length: want faults.pause_max above 0 where pauses are")
	case stalls && k.StallMax == 0:
		return fmt.Errorf("faults: stalls of no length: want faults.stall_max above 0 where stalls are")
	case steps && k.StepMax == 0:
		return fmt.Errorf("faults: clocks set forward by nothing: want faults.step_max above 0 where clock_step is")
	case (k.Damage.on() || k.Wipe.on()) && k.Damageable == 0:
		return fmt.Errorf("faults: no server may be damaged: want faults.damageable where damage or wipe are, like n1")
	case k.Window < 0 || k.Timeout < 0:
		return fmt.Errorf("faults: window and timeout must not be negative, not %v and %v", k.Window, k.Timeout)
	case k.CutMin < 0 || k.CutMax < k.CutMin:
		return fmt.Errorf("faults: cuts last from %v to %v, which is no range", k.CutMin, k.CutMax)
	case k.DownMin < 0 || k.DownMax < k.DownMin:
		return fmt.Errorf("faults: servers are down from %v to %v, which is no range", k.DownMin, k.DownMax)
	case k.PauseMin < 0 || k.PauseMax < k.PauseMin:
		return fmt.Errorf("faults: pauses last from %v to %v, which is no range", k.PauseMin, k.PauseMax)
	case k.StallMin < 0 || k.StallMax < k.StallMin:
		return fmt.Errorf("faults: disks stand still from %v to %v, which is no range", k.StallMin, k.StallMax)
	case k.StepMin < 0 || k.StepMax < k.StepMin || k.StepMax > longestStep:
		return fmt.Errorf("faults: clocks are set forward by %v to %v, which is no range up to %v", k.StepMin, k.StepMax, longestStep)
	case k.ClockDrift < 0 || k.ClockDrift > -slowestRate:
		return fmt.Errorf("faults: clocks wrong by up to %d parts per million: want 0 to %d", k.ClockDrift, -slowestRate)
	case k.RateMax < 0 || k.RateMax > fastestRate || k.RateMax == 0 && k.ClockRate.on():
		return fmt.Errorf("faults: clocks faster by %d parts per million: want 0 to %d, and above 0 where clock_rate is", k.RateMax, fastestRate)
	case k.MeetAt < 0:
		return fmt.Errorf("faults: faults that meet at %v: want a time of the run", k.MeetAt)
	case k.Damageable&^serverBits != 0:
		return fmt.Errorf("faults: %v may be damaged: want servers", k.Damageable)
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
	case PurposePause:
		return k.Pause
	case PurposeAimPause:
		return k.AimPause
	case PurposeClockStep:
		return k.ClockStep
	case PurposeClockRate:
		return k.ClockRate
	case PurposeMembers:
		return k.Members
	case PurposeAimMembers:
		return k.AimMembers
	case PurposeTransfer:
		return k.Transfer
	case PurposeAimTransfer:
		return k.AimTransfer
	case PurposeSnapshot:
		return k.Snapshot
	case PurposeAimSnapshot:
		return k.AimSnapshot
	case PurposeStall:
		return k.Stall
	case PurposeAimStall:
		return k.AimStall
	case PurposeDamage:
		return k.Damage
	case PurposeWipe:
		return k.Wipe
	case PurposeOutage:
		return k.Outage
	}
	return Slots{}
}
