package faults

import (
	"time"

	"raftsim/sim"
)

// World is what the faults act on.
type World interface {
	// Servers and Clients list everybody who takes part in the run, up or down. They do not change during a run: a cut
	// must open the links it closed.
	Servers() []sim.ProcID
	Clients() []sim.ProcID
	// Up reports whether a server is running.
	Up(id sim.ProcID) bool
	// Leader returns the running leader of the highest term, 0 if there is none.
	Leader() sim.ProcID
	// AboutToWin returns a running candidate that lacks one vote, 0 if there is none.
	AboutToWin() sim.ProcID

	// Block cuts the link from one process to another, Unblock takes back one Block.
	Block(from, to sim.ProcID)
	Unblock(from, to sim.ProcID)
	// Crash ends the process of a running server, PowerLoss its machine; either way it starts again after down.
	Crash(id sim.ProcID, down time.Duration)
	PowerLoss(id sim.ProcID, down time.Duration)
	// ScheduleHeal schedules a protocol event at which the world calls Engine.Heal(slot).
	ScheduleHeal(at sim.Time, slot uint32)
}
