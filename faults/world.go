package faults

import (
	"time"

	"raftsim/sim"
)

// World is what the faults act on. What reads may be called at a silent wake-up and must change nothing. What acts is called
// when a disturbance strikes or ends, on servers that exist; methods with a result report whether anything was done.
type World interface {
	// Servers and Clients list everybody who takes part in the run, up or down, member or spare. They do not change during a run:
	// a cut must open the links it closed.
	Servers() []sim.ProcID
	Clients() []sim.ProcID
	// Fronts lists those between clients and servers.
	Fronts() []sim.ProcID
	// Up reports whether a server is running, paused or not.
	Up(id sim.ProcID) bool
	// Leader returns the running leader of the highest term, 0 if there is none.
	Leader() sim.ProcID
	// AboutToWin returns a running candidate that lacks one vote, 0 if there is none.
	AboutToWin() sim.ProcID
	// Reading returns a running leader that has a read to answer and has not answered it, 0 if there is none.
	Reading() sim.ProcID
	// Members returns the newest configuration in the log of Leader, or without a leader the newest one known committed; of a joint
	// one the incoming half. Before the run begins it is the one the servers are bootstrapped with.
	Members() (voters, learners Side)

	// Block cuts the link from one process to another, Unblock takes back one Block.
	Block(from, to sim.ProcID)
	Unblock(from, to sim.ProcID)
	// Outage ends the process of a front, and what it knew; Restore takes back one Outage, and with the last it starts anew.
	Outage(id sim.ProcID)
	Restore(id sim.ProcID)
	// Crash ends the process of a running server, PowerLoss its machine; either way it starts again after down.
	Crash(id sim.ProcID, down time.Duration)
	PowerLoss(id sim.ProcID, down time.Duration)
	// Pause stops the machine of a server, Resume takes back one Pause. Meanwhile its clock goes on and what comes for it (messages,
	// completions of its disk, timers, its restart) waits; with the last Resume all that is delivered in its order, deadlines
	// that have passed after everything else. A pause outlasts the process: one that dies during it starts again after it.
	Pause(id sim.ProcID)
	Resume(id sim.ProcID)
	// SetClockRate makes the local clock of a server run ppm parts per million faster than true time from now on, slower
	// below zero; it is above -1,000,000. StepClock sets it forward at once. Both act on a machine, so they outlast the process, and
	// both move the true time of deadlines the server has set.
	SetClockRate(id sim.ProcID, ppm int64)
	StepClock(id sim.ProcID, by time.Duration)
	// Reconfigure makes an operator ask for a membership, by way of a joint configuration in any case if joint. The operator goes
	// on asking whoever leads while it is refused or nobody leads, until the membership is in force, the next Reconfigure
	// replaces it, or the faults are over. False: the membership is in force and nothing else was asked for.
	Reconfigure(voters, learners Side, joint bool) bool
	// Transfer asks whoever leads now, once, to hand over to a server. False: nobody leads, or the leader refused.
	Transfer(to sim.ProcID) bool
	// Snapshot makes a running server begin a snapshot of what it has applied. False: it has nothing new to take, or is taking one.
	Snapshot(id sim.ProcID) bool
	// StallDisk makes the disk of a server complete nothing for d; then it goes on with what waits.
	StallDisk(id sim.ProcID, d time.Duration)
	// Damage spoils what the disk of a server holds durably, or will hold with its next sync. False: there is nothing to spoil.
	Damage(id sim.ProcID, what Damage) bool

	// ScheduleHeal schedules a protocol event at which the world calls Engine.Heal(slot).
	ScheduleHeal(at sim.Time, slot uint32)
}
