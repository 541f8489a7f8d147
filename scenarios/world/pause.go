package world

import (
	"time"

	"raftsim/sim"
)

// What a paused machine misses is kept here, in order of arrival, and comes again as events of their own when the last pause
// ends: messages and completions first, then what arrives at that very instant, then the timer. So a server sees its input in the
// order in which it came, and all of it before it acts on a deadline which it overslept.

// Pause implements faults.World.
func (w *World) Pause(id sim.ProcID) { w.server(id).paused++ }

// Resume implements faults.World.
func (w *World) Resume(id sim.ProcID) {
	n := w.server(id)
	if n.paused--; n.paused > 0 {
		return
	}
	now := w.kernel.Now()
	for _, ev := range n.missed {
		ev.At, ev.Flags = now, flagMissed
		w.kernel.Schedule(ev)
	}
	n.coming += len(n.missed)
	n.missed = n.missed[:0]
	n.arm()
}

// flagMissed marks events that come for the second time.
const flagMissed = 1

// queues puts an event behind those that the machine missed and that are on their way: it may have been sent long before its pause
// ended, to arrive at just that instant.
func (n *node) queues(ev *sim.Event) bool {
	switch {
	case n.coming == 0:
		return false
	case ev.Flags&flagMissed != 0:
		n.coming--
		ev.Flags = 0
		return false
	}
	n.world.kernel.Schedule(*ev)
	return true
}

// miss keeps an event for later, if the machine is paused.
func (n *node) miss(ev sim.Event) bool {
	if n.paused == 0 {
		return false
	}
	switch ev.Kind {
	case evTimer:
		n.alarm.Rang(ev.At) // armed again by Resume
		return true
	case evMessage:
		n.world.counts.Delayed++
	}
	n.missed = append(n.missed, ev)
	return true
}

// SetClockRate implements faults.World.
func (w *World) SetClockRate(id sim.ProcID, ppm int64) {
	n := w.server(id)
	n.clock.setRate(w.kernel.Now(), ppm)
	if drift := int64(w.config.Raft.MaxClockDriftPPM); ppm > drift || ppm < -drift {
		w.breakClocks()
	}
	n.arm()
}

// StepClock implements faults.World.
func (w *World) StepClock(id sim.ProcID, by time.Duration) {
	n := w.server(id)
	n.clock.step(w.kernel.Now(), int64(by))
	w.breakClocks()
	n.arm()
}

// breakClocks notes that leases are void from now on: what they promise rests on a bound that no longer holds.
func (w *World) breakClocks() {
	w.clocksBroken = true
	w.session.ClocksBroken()
}

// now is what the server's clock shows.
func (n *node) now() int64 { return n.clock.at(n.world.kernel.Now()) }

// arm makes sure that the server is woken at its deadline, by its own clock.
func (n *node) arm() {
	if n.up() && n.paused == 0 && !n.labour.ticking {
		w := n.world
		n.alarm.Set(&w.kernel, n.proc, evTimer, n.clock.when(w.kernel.Now(), n.server.Deadline()))
	}
}
