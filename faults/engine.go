// Which faults are legal, and why the system must survive them.
//
// Cuts. Links may fail in any pattern, in one direction only, for any time, towards servers and clients alike: Raft
// assumes nothing of the network but that a message is not forged (paper section 2, "delays, partitions, and packet loss,
// duplication, and reordering"). Safety must hold throughout; progress is owed only while some majority is connected, and
// again soon after the links have healed. So every cut ends, by itself or when the fault window closes.
//
// Crashes and power losses. A server may stop between any two effects and start again from its disk; nothing it has not
// made durable may matter to anybody (paper section 5.1: a response leaves when the state is on stable storage). A crash leaves
// what the operating system holds, a power loss only what was synced. Any number of servers may be down, all at once too: a
// minority costs nothing but time, a majority costs progress until it is back. Disks come back as they were, so every
// acknowledged write is still on a majority of them: only damage loses anything.
//
// Outages. What stands between clients and servers holds nothing that anybody relies on: a frontend, a load balancer or a registry may
// be out for any time, and come back knowing nothing. Clients that have no other way then get nowhere, which is what there is to see.
// Fronts are on both sides of a split; a server isolated from its clients is so from fronts, too.
//
// Pauses. A process may stand still for any time while its clock goes on (a collector, a hypervisor, a stopped signal): it wakes
// and believes what it last knew. Raft makes no promise about speed, so only progress may suffer, and reads most of all must
// not come from a leader that overslept its successor.
//
// Slow disks. A sync may take as long as it likes; nothing may be said before it is done, and everything else must go on.
//
// Operators. Changes of the membership, transfers of leadership and snapshots are no faults but duties, which go wrong when
// something else does; clocks and damage have rules of their own, in clock.go and damage.go.
//
// Moments. The interesting instants are between writing, syncing and sending; a timer never hits them. Hazards do.
//
// What no fault does: act on a process that is not there, last beyond the fault window and its grace, or depend on a draw
// that another server would shift.

package faults

import (
	"fmt"
	"time"

	"raftsim/sim"
)

// Engine lays out the faults of one run and puts them into effect. The zero value needs Reset. A world forwards
// sim.World's two methods to it.
type Engine struct {
	kernel *sim.Kernel
	world  World
	knobs  Knobs
	spells []spell
	aims   []aim
	clocks []clock // by id
	counts Counts
}

// Reset makes e the faults of the run of k, which must have been reset before, keeping e's memory. knobs says how many slots
// a noisy base has; overrides are laid out whatever it says.
func (e *Engine) Reset(k *sim.Kernel, w World, knobs Knobs) {
	*e = Engine{kernel: k, world: w, knobs: knobs, spells: e.spells[:0], aims: e.aims[:0], clocks: e.clocks[:0]}
}

// Lay asks every slot for its fate and queues what is not calm, and sets the clocks. It is called once, when the world is
// complete.
func (e *Engine) Lay() {
	fates := e.kernel.Fates()
	for p := purposesBegin; p < purposesEnd; p++ {
		if isTimed(p) && fates.Active(p) {
			e.forSlots(p, e.lay)
		}
	}
	for _, d := range fates.Overrides() {
		if isTimed(d.Key.Purpose()) && !e.isSlot(d.Key) && e.exists(d.Key) {
			e.lay(d.Key)
		}
	}
	if fates.Active(PurposeClock) {
		e.setClocks()
	}
}

// forSlots visits the slots of p that the knobs provide.
func (e *Engine) forSlots(p sim.Purpose, do func(sim.Key)) {
	n := e.knobs.slots(p).Count
	if n == 0 {
		return
	}
	each := func(a, b sim.ProcID) {
		for i := range n {
			do(sim.MakeKey(p, sim.Subject{A: a, B: b, Ordinal: i}))
		}
	}
	switch traitOf(p).scope {
	case ofServer:
		for _, id := range e.world.Servers() {
			each(id, 0)
		}
	case ofFront:
		for _, id := range e.world.Fronts() {
			each(id, 0)
		}
	case ofDamaged:
		damageable := e.damageable()
		for _, id := range e.world.Servers() {
			if damageable.Has(id) {
				each(id, 0)
			}
		}
	case ofPair:
		for _, from := range e.world.Servers() {
			for _, to := range e.world.Servers() {
				if from != to {
					each(from, to)
				}
			}
		}
	case ofRun:
		each(0, 0)
	}
}

// isSlot reports whether forSlots visits k.
func (e *Engine) isSlot(k sim.Key) bool {
	s := k.Subject()
	if traitOf(k.Purpose()).scope == ofFront {
		return s.Ordinal < e.knobs.slots(k.Purpose()).Count && e.exists(k)
	}
	if s.Ordinal >= e.knobs.slots(k.Purpose()).Count || !e.isServerOrNone(s.A) || !e.isServerOrNone(s.B) || !e.exists(k) {
		return false
	}
	return traitOf(k.Purpose()).scope != ofDamaged || e.damageable().Has(s.A)
}

// exists reports whether the run has the subject of a timed key. A case may name processes that a smaller world lacks;
// they stay calm.
func (e *Engine) exists(k sim.Key) bool {
	s := k.Subject()
	if isAim(k.Purpose()) {
		return s.Ordinal < AimedOrdinal
	}
	switch traitOf(k.Purpose()).scope {
	case ofPair:
		return s.A != s.B && e.takesPart(s.A) && e.takesPart(s.B)
	case ofFront:
		return e.isFront(s.A)
	case ofServer, ofDamaged:
		return e.isServer(s.A) || k.Purpose() == PurposeIsolate && e.isClient(s.A)
	}
	return true
}

func (e *Engine) takesPart(id sim.ProcID) bool {
	return e.isServer(id) || e.isClient(id) || e.isFront(id)
}
func (e *Engine) isServer(id sim.ProcID) bool       { return contains(e.world.Servers(), id) }
func (e *Engine) isClient(id sim.ProcID) bool       { return contains(e.world.Clients(), id) }
func (e *Engine) isFront(id sim.ProcID) bool        { return contains(e.world.Fronts(), id) }
func (e *Engine) isServerOrNone(id sim.ProcID) bool { return id == 0 || e.isServer(id) }

func contains(ids []sim.ProcID, id sim.ProcID) bool {
	for _, other := range ids {
		if other == id {
			return true
		}
	}
	return false
}

func (e *Engine) lay(k sim.Key) {
	v := e.kernel.Fates().Ask(k, e.kernel.Now(), 0)
	if v.Calm() {
		return
	}
	d := sim.Disturbance{Key: k, Value: v}
	if isAim(k.Purpose()) {
		e.arm(d)
	} else {
		e.kernel.Lay(d)
	}
}

// setClocks asks how wrong every clock is.
func (e *Engine) setClocks() {
	for _, id := range e.world.Servers() {
		v := e.kernel.Fates().Ask(sim.MakeKey(PurposeClock, sim.Subject{A: id}), e.kernel.Now(), 0)
		if v.Calm() {
			continue
		}
		c := e.clockOf(id)
		c.drift = v.N
		e.counts.add(PurposeClock)
		e.world.SetClockRate(id, c.rate())
	}
}

// Disturb implements sim.World. It panics on a disturbance that is not of this package.
func (e *Engine) Disturb(d sim.Disturbance) {
	p, id := d.Key.Purpose(), d.Key.Subject().A
	_, length := span(d.Value)
	switch p {
	case PurposeIsolate, PurposeSplit, PurposeCut:
		e.closeLinks(d)
	case PurposeCrashAt, PurposePowerAt:
		e.tally(p, e.stop(id, p == PurposePowerAt, length))
	case PurposeBlackout:
		e.tally(p, e.blackout(Side(d.Value.N), length))
	case PurposePause:
		if e.world.Up(id) {
			e.world.Pause(id)
			e.cast(d)
		}
	case PurposeClockStep:
		if e.world.Up(id) {
			e.world.StepClock(id, time.Duration(d.Value.N))
			e.counts.add(p)
		}
	case PurposeClockRate:
		e.changeRate(id, d.Value.N)
		e.cast(d)
	case PurposeMembers:
		voters, learners, joint := membersIn(d.Value.N)
		there := SideOf(e.world.Servers()...)
		e.tally(p, voters&there != 0 && e.world.Reconfigure(voters&there, learners&there, joint))
	case PurposeTransfer:
		to := sim.ProcID(d.Value.N)
		e.tally(p, e.isServer(to) && e.world.Transfer(to))
	case PurposeSnapshot:
		e.tally(p, e.world.Up(id) && e.world.Snapshot(id))
	case PurposeStall:
		if e.world.Up(id) {
			e.world.StallDisk(id, length)
			e.counts.add(p)
		}
	case PurposeDamage:
		if length > 0 {
			e.stop(id, true, length)
		}
		e.tally(p, e.world.Damage(id, damageIn(d.Value.N)))
	case PurposeOutage:
		e.world.Outage(id)
		e.cast(d)
	case PurposeWipe:
		e.stop(id, true, length)
		e.tally(p, e.world.Damage(id, Damage{Kind: DamageWipe}))
	default:
		panic(fmt.Sprintf("faults: a disturbance of purpose %d is none that strikes at a time", p))
	}
}

// tally counts a fault if it took effect.
func (e *Engine) tally(p sim.Purpose, effect bool) {
	if effect {
		e.counts.add(p)
	}
}

// stop ends a server, and reports whether there was one to end.
func (e *Engine) stop(id sim.ProcID, power bool, down time.Duration) bool {
	if !e.world.Up(id) {
		return false
	}
	if power {
		e.world.PowerLoss(id, down)
	} else {
		e.world.Crash(id, down)
	}
	return true
}

// blackout takes the power of a side, and reports whether anybody lost it.
func (e *Engine) blackout(side Side, down time.Duration) (hit bool) {
	for _, id := range e.world.Servers() {
		if side.Has(id) && e.stop(id, true, down) {
			hit = true
		}
	}
	return hit
}

// span is the time and the length of a timed disturbance.
func span(v sim.Value) (at sim.Time, length time.Duration) {
	return sim.Time(v.At), time.Duration(v.For)
}

// Counts returns what took effect so far, hazards apart: those are Hazards.Counts.
func (e *Engine) Counts() Counts { return e.counts }
