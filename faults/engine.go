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
// acknowledged write is still on a majority of them. A lost disk would not be legal here, and no fault of this package loses
// one.
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
	cuts   []cut
	aims   []aim
	counts Counts
}

// cut is a disturbance of links that took effect.
type cut struct {
	what sim.Disturbance
	open bool // its links are to be unblocked
}

// Reset makes e the faults of the run of k, which must have been reset before, keeping e's memory. knobs says how many slots
// a noisy base has; overrides are laid out whatever it says.
func (e *Engine) Reset(k *sim.Kernel, w World, knobs Knobs) {
	*e = Engine{kernel: k, world: w, knobs: knobs, cuts: e.cuts[:0], aims: e.aims[:0]}
}

// Lay asks every slot for its fate and queues what is not calm. It is called once, when the world is complete.
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
}

// forSlots visits the slots of p that the knobs provide.
func (e *Engine) forSlots(p sim.Purpose, do func(sim.Key)) {
	n := e.knobs.slots(p).Count
	each := func(a, b sim.ProcID) {
		for i := range n {
			do(sim.MakeKey(p, sim.Subject{A: a, B: b, Ordinal: i}))
		}
	}
	switch p {
	case PurposeIsolate, PurposeCrashAt, PurposePowerAt:
		for _, id := range e.world.Servers() {
			each(id, 0)
		}
	case PurposeCut:
		for _, from := range e.world.Servers() {
			for _, to := range e.world.Servers() {
				if from != to {
					each(from, to)
				}
			}
		}
	default:
		each(0, 0)
	}
}

// isSlot reports whether forSlots visits k.
func (e *Engine) isSlot(k sim.Key) bool {
	s := k.Subject()
	return s.Ordinal < e.knobs.slots(k.Purpose()).Count && e.isServerOrNone(s.A) && e.isServerOrNone(s.B) && e.exists(k)
}

// exists reports whether the run has the subject of a timed key. A case may name processes that a smaller world lacks;
// they stay calm.
func (e *Engine) exists(k sim.Key) bool {
	s := k.Subject()
	switch k.Purpose() {
	case PurposeIsolate:
		return e.isServer(s.A) || e.isClient(s.A)
	case PurposeCut:
		return s.A != s.B && (e.isServer(s.A) || e.isClient(s.A)) && (e.isServer(s.B) || e.isClient(s.B))
	case PurposeCrashAt, PurposePowerAt:
		return e.isServer(s.A)
	}
	return true
}

func (e *Engine) isServer(id sim.ProcID) bool       { return contains(e.world.Servers(), id) }
func (e *Engine) isClient(id sim.ProcID) bool       { return contains(e.world.Clients(), id) }
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

// Disturb implements sim.World. It panics on a disturbance that is not of this package.
func (e *Engine) Disturb(d sim.Disturbance) {
	_, length := span(d.Value)
	switch p := d.Key.Purpose(); p {
	case PurposeIsolate, PurposeSplit, PurposeCut:
		e.open(d)
	case PurposeCrashAt, PurposePowerAt:
		if id := d.Key.Subject().A; e.world.Up(id) {
			e.counts.add(p)
			e.stop(id, p == PurposePowerAt, length)
		}
	case PurposeBlackout:
		hit := false
		for _, id := range e.world.Servers() {
			if Side(d.Value.N).Has(id) && e.world.Up(id) {
				hit = true
				e.stop(id, true, length)
			}
		}
		if hit {
			e.counts.add(p)
		}
	default:
		panic(fmt.Sprintf("faults: a disturbance of purpose %d is none that strikes at a time", p))
	}
}

func (e *Engine) stop(id sim.ProcID, power bool, down time.Duration) {
	if power {
		e.world.PowerLoss(id, down)
	} else {
		e.world.Crash(id, down)
	}
}

func (e *Engine) open(d sim.Disturbance) {
	links := 0
	e.forLinks(d, func(from, to sim.ProcID) {
		links++
		e.world.Block(from, to)
	})
	if links == 0 {
		return
	}
	e.counts.add(d.Key.Purpose())
	e.cuts = append(e.cuts, cut{what: d, open: true})
	_, length := span(d.Value)
	e.world.ScheduleHeal(e.kernel.Now().Add(length), uint32(len(e.cuts)-1))
}

// span is the time and the length of a timed disturbance.
func span(v sim.Value) (at sim.Time, length time.Duration) {
	return sim.Time(v.At), time.Duration(v.For)
}

// Heal ends the cut that ScheduleHeal was called for. It does nothing if HealAll was there before.
func (e *Engine) Heal(slot uint32) {
	c := &e.cuts[slot]
	if !c.open {
		return
	}
	c.open = false
	e.forLinks(c.what, e.world.Unblock)
}

// HealAll ends every cut and disarms every aim: the fault window closes.
func (e *Engine) HealAll() {
	for i := range e.cuts {
		e.Heal(uint32(i))
	}
	for i := range e.aims {
		e.aims[i].done = true
	}
}

// Counts returns what took effect so far, hazards apart: those are Hazards.Counts.
func (e *Engine) Counts() Counts { return e.counts }

// forLinks visits the links that a cut closes: a function of the disturbance and of who takes part, so that healing
// opens what was closed.
func (e *Engine) forLinks(d sim.Disturbance, do func(from, to sim.ProcID)) {
	servers, clients := e.world.Servers(), e.world.Clients()
	s := d.Key.Subject()
	switch d.Key.Purpose() {
	case PurposeIsolate:
		way := d.Value.N % withClients
		cutOff := func(others []sim.ProcID) {
			for _, other := range others {
				if other == s.A {
					continue
				}
				if way != wayOutbound {
					do(other, s.A)
				}
				if way != wayInbound {
					do(s.A, other)
				}
			}
		}
		cutOff(servers)
		if d.Value.N >= withClients {
			cutOff(clients)
		}
	case PurposeCut:
		do(s.A, s.B)
		if d.Value.N == cutBothWays {
			do(s.B, s.A)
		}
	case PurposeSplit:
		side := Side(d.Value.N)
		apart := func(group, others []sim.ProcID) {
			for _, from := range group {
				for _, to := range others {
					if side.Has(from) != side.Has(to) {
						do(from, to)
					}
				}
			}
		}
		apart(servers, servers)
		if side&ClientsBoth == 0 {
			apart(servers, clients)
			apart(clients, servers)
			apart(clients, clients)
		}
	}
}
