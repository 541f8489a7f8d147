package faults

import (
	"time"

	"raftsim/sim"
)

// SwarmConfig is what a swarm draw depends on.
type SwarmConfig struct {
	Seed    uint64
	Profile Profile
	Servers int           // members at first; turns a number of faults into chances per slot
	Timeout time.Duration // T
	Window  time.Duration // of the faults
	// Moments is the number of moments, times their weights, that the servers pass through in the window, roughly: it turns a
	// number of crashes into the chance of one. 0 takes 200 per server and T.
	Moments uint64
	// ClockDrift bounds how wrong clocks are in every run with faults, in parts per million; 0 takes 500. It must not be above what
	// the servers count on.
	ClockDrift int64
	// TimeProof says that nothing in the run relies on clocks but progress: there are no lease reads. One mixed run in five then has
	// clock faults beyond the bound.
	TimeProof bool
}

// Choice is which faults a run has, and how many.
type Choice struct {
	Profile   Profile
	Faultless bool // one run in twenty
	Events    int  // episode faults to expect: partitions, crashes, power losses, pauses, stalls, damage
	CrashLoop bool // besides them, about ten crashes with short downtimes
	Spares    int  // servers besides the members that changes of the membership would like to have, 0 to 3
	Messages  Messages
	Knobs     Knobs
}

// class is a sort of episode fault that a run has or has not. Weights are how often the first fault of an episode is of it, in
// thousandths of partitions and crashes: partitions twice as often as crashes, and most of them isolate one node; pauses and
// slow disks a fifth of both together, damage a seventh where there is any.
type class struct {
	name   string
	family family
	weight uint64
}

var classes = [...]class{
	{"isolate", cuts, 367},
	{"split", cuts, 100},
	{"cut", cuts, 200},
	{"crash", crashes, 167},
	{"power", crashes, 166},
	{"pause", pauses, 130},
	{"stall", pauses, 70},
	{"damage", damages, 100},
	{"wipe", damages, 33},
}

const (
	classIsolate = iota
	classSplit
	classCut
	classCrash
	classPower
	classPause
	classStall
	classDamage
	classWipe
)

// defaultDrift is how wrong clocks are where nobody says, in parts per million.
const defaultDrift = 500

// Swarm draws which faults a run has at all, then how many of each. Leaving whole classes out lets the others show what
// they can do alone. Every draw has words of its own, named like the knob, so a new knob changes no other.
func Swarm(c SwarmConfig) Choice {
	d := drawer{seed: c.Seed}
	t := c.Timeout
	out := Choice{Profile: c.Profile, Knobs: Knobs{
		Timeout: t, Window: c.Window,
		CutMin: t / 2, CutMax: 20 * t, OnDeadline: sim.Ratio{Num: 1, Den: 4},
		DownMin: t / 5, DownMax: 5 * t,
		PauseMin: t / 5, PauseMax: 5 * t,
		StallMin: t, StallMax: 50 * t,
		StepMin: t / 10, StepMax: min(10*t, longestStep), RateMax: PerMillion,
		Winner: sim.Ratio{Num: 1, Den: 3}, Reader: sim.Ratio{Num: 2, Den: 3},
	}}
	out.Messages.FIFO = d.chance("fifo", 30)
	out.Faultless = c.Profile == ProfileCalm || d.chance("faultless", 5)
	if out.Faultless {
		return out
	}
	out.Messages.draw(d, t)
	out.Events = d.events()
	k := &out.Knobs
	if c.Profile.has(damages) {
		k.Damageable = d.damageable(c.Servers)
	}
	budget := d.share(c.Profile, out.Events, k.Damageable)
	k.spend(c, budget)
	if c.Profile.has(crashes) {
		if d.chance("majority", 20) {
			k.Blackout = Slots{Count: 1, Chance: sim.Ratio{Num: 1, Den: 1}}
		}
		if d.chance("crash-loop", 10) {
			out.CrashLoop = true
			k.Crash = perMoment(c, budget[classCrash]/2+10*thousandths)
			k.DownMin, k.DownMax = t/50, t/2
		}
	}
	out.operate(c, d)
	k.ClockDrift = c.ClockDrift
	if k.ClockDrift == 0 {
		k.ClockDrift = defaultDrift
	}
	if c.Profile == ProfileClocks || c.Profile == ProfileMixed && c.TimeProof && d.chance("clock-faults", 20) {
		k.disturbClocks(d, uint64(max(c.Servers, 1)))
	}
	return out
}

// operate draws what operators do: each of three things in two runs of five, and half of what they do while something else
// goes on, as far as that can be arranged without looking at a run: half of all timed faults begin near one instant.
func (o *Choice) operate(c SwarmConfig, d drawer) {
	k, n := &o.Knobs, uint64(max(c.Servers, 1))
	events := func(name string, most uint64) uint64 {
		w := d.words(name)
		return (1 + w.Below(most)) * thousandths
	}
	busy := false
	if c.Profile.has(memberships) && (d.chance("membership", 40) || c.Profile == ProfileMembership) {
		busy = true
		b := events("membership events", 4)
		k.AimMembers, k.Members = slotsFor(b*3/4, 1), slotsFor(b/4, 1)
		w := d.words("spares")
		o.Spares = int(w.Below(4))
	}
	if c.Profile.has(operations) && d.chance("transfer", 40) {
		busy = true
		b := events("transfer events", 4)
		k.AimTransfer, k.Transfer = slotsFor(b*3/4, 1), slotsFor(b/4, 1)
	}
	if c.Profile.has(operations) && d.chance("snapshot", 40) {
		busy = true
		b := events("snapshot events", 6)
		k.AimSnapshot, k.Snapshot = slotsFor(b/3, 1), slotsFor(b*2/3, n)
	}
	if busy {
		w := d.words("meet")
		k.Meet = sim.Ratio{Num: 1, Den: 2}
		k.MeetAt = time.Duration(w.Between(int64(c.Window/6), int64(c.Window*2/3)))
	}
}

// disturbClocks draws faults of clocks: steps, other rates, or both.
func (k *Knobs) disturbClocks(d drawer, servers uint64) {
	w := d.words("clock events")
	sort, budget := w.Below(3), (1+w.Below(3))*thousandths
	if sort != 0 {
		k.ClockStep = slotsFor(budget, servers)
	}
	if sort != 1 {
		k.ClockRate = slotsFor(budget, servers)
	}
}

// damageable draws which servers may be damaged: one to less than half of the members, nobody where there are fewer than three.
func (d drawer) damageable(servers int) Side {
	w := d.words("damageable")
	pick, most := w.Below(picksMax), uint64(max(servers-1, 0)/2)
	if most == 0 {
		return 0
	}
	var all Side
	for i := range min(servers, serversMax) {
		all |= SideOf(sim.ProcID(i + 1))
	}
	return chooseMany(all, pick, 1+int(w.Below(most)))
}

// thousandths of an event are what a budget counts.
const thousandths = 1000

// Bounds of what crashes and power losses together get, and damage: bugs need at most three crashes (fault-model, CREB).
const (
	crashesMax = 3 * thousandths
	damageMax  = 3 * thousandths
)

// share divides events among the classes that are on, by weight. If all are off, one of them is on all the same: the number
// of events stands. Where somebody may be damaged there is damage, once at least.
func (d drawer) share(p Profile, events int, damageable Side) (budget [len(classes)]uint64) {
	var on, allowed [len(classes)]bool
	var weights, all uint64
	for i, c := range classes {
		if allowed[i] = p.has(c.family) && (c.family != damages || damageable != 0); !allowed[i] {
			continue
		}
		all += c.weight
		if on[i] = d.chance(c.name, 50) || i == classDamage; on[i] {
			weights += c.weight
		}
	}
	if weights == 0 {
		w := d.words("only class")
		x := w.Below(all)
		for i, c := range classes {
			if !allowed[i] {
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
	if on[classDamage] {
		budget[classDamage] = max(budget[classDamage], thousandths)
	}
	atMost(crashesMax, &budget[classCrash], &budget[classPower])
	atMost(damageMax, &budget[classDamage], &budget[classWipe])
	return budget
}

// atMost cuts a and b down so that together they are no more than most.
func atMost(most uint64, a, b *uint64) {
	if sum := *a + *b; sum > most {
		*a, *b = *a*most/sum, *b*most/sum
	}
}

// spend turns budgets into slots and chances. Three of four isolations and pauses are aimed; half of the crashes strike at
// moments, a quarter by the clock, a quarter whoever leads. Where nobody does, what would be aimed strikes by the clock.
func (k *Knobs) spend(c SwarmConfig, budget [len(classes)]uint64) {
	n := uint64(max(c.Servers, 1))
	if c.Profile == ProfileLeaderless {
		k.spendUnaimed(c, n, budget)
		return
	}
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
	k.Pause = slotsFor(budget[classPause]/4, n)
	k.AimPause = slotsFor(budget[classPause]*3/4, 1)
	k.Stall = slotsFor(budget[classStall]/2, n)
	k.AimStall = slotsFor(budget[classStall]/2, 1)
	damaged := uint64(k.Damageable.Len())
	k.Damage = slotsFor(budget[classDamage], damaged)
	k.Wipe = slotsFor(budget[classWipe], damaged)
}

// spendUnaimed is spend for servers that are all alike.
func (k *Knobs) spendUnaimed(c SwarmConfig, n uint64, budget [len(classes)]uint64) {
	k.Isolate = slotsFor(budget[classIsolate], n)
	k.Split = slotsFor(budget[classSplit], 1)
	k.Cut = slotsFor(budget[classCut], n*(n-1))
	k.CrashAt = slotsFor(budget[classCrash]/2, n)
	k.Crash = perMoment(c, budget[classCrash]/2)
	k.PowerAt = slotsFor(budget[classPower]/2, n)
	k.Power = perMoment(c, budget[classPower]/2)
	k.Pause = slotsFor(budget[classPause], n)
	k.Stall = slotsFor(budget[classStall], n)
}
