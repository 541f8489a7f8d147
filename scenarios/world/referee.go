package world

import (
	"fmt"
	"slices"

	"raftsim/checker"
	"raftsim/raft/vfs"
	"raftsim/sim"
	"raftsim/sim/disk"
)

// referee ends the fault window, and says what must be true after it.
type referee struct {
	world *World
	phase uint8 // deadlines passed
}

// Deliver implements sim.Process.
func (r *referee) Deliver(ev sim.Event) {
	w := r.world
	w.stamp()
	switch ev.Kind {
	case evHeal:
		w.engine.Heal(ev.Payload)
	case evClose:
		r.heal()
	case evDeadline:
		if r.phase++; r.phase == 1 {
			r.demandProgress()
		} else {
			r.demandConvergence()
		}
	}
}

// heal ends all faults: links carry, servers run, what waits to happen is forgotten.
func (r *referee) heal() {
	w := r.world
	w.fates.CloseFaults()
	w.kernel.DropDisturbances()
	w.engine.HealAll()
	now := w.kernel.Now()
	for _, n := range w.nodes[:w.config.Servers] {
		if !n.up() && n.panics <= maxPanics {
			n.restart++
			w.kernel.Schedule(sim.Event{At: now, To: n.proc, Kind: evRestart, Payload: n.restart})
		}
	}
	for _, id := range w.ids.clients {
		w.kernel.Schedule(sim.Event{At: now, To: id, Kind: evFinal})
	}
	half := w.config.Liveness / 2
	w.kernel.ScheduleTimer(sim.Event{At: now.Add(half), To: refereeProc, Kind: evDeadline})
	w.kernel.ScheduleTimer(sim.Event{At: now.Add(w.config.Liveness), To: refereeProc, Kind: evDeadline})
}

// demandProgress: half of the liveness phase after the healing, a leader exists and every client has completed a new write.
func (r *referee) demandProgress() {
	w := r.world
	if w.Leader() == 0 {
		w.find(checker.Liveness, "no-leader", 0, fmt.Sprintf("no leader %v after all faults ended", w.config.Liveness/2))
	}
	for i, cl := range w.clients[:w.config.Plan.Clients] {
		if !cl.Wrote() {
			w.find(checker.Liveness, "no-progress", 0,
				fmt.Sprintf("c%d completed no new write within %v after all faults ended", i+1, w.config.Liveness/2))
			return
		}
	}
}

// demandConvergence: at the end every server has applied everything that was committed.
func (r *referee) demandConvergence() {
	w := r.world
	last := w.judges.LedgerEnd()
	for _, n := range w.nodes[:w.config.Servers] {
		if !n.running() {
			w.find(checker.Liveness, "server-missing", n.id, fmt.Sprintf("n%d does not run at the end of the liveness phase", n.id))
			return
		}
		if applied, _ := n.server.Applied(); applied != last {
			w.find(checker.Liveness, "no-convergence", n.id,
				fmt.Sprintf("n%d has applied up to %d at the end, %d entries are committed", n.id, applied, last))
			return
		}
	}
}

// Fold implements sim.Process.
func (r *referee) Fold(ev sim.Event, d *sim.Digest) {
}

// Describe implements sim.Process.
func (r *referee) Describe(ev sim.Event, dst []byte) []byte {
	switch ev.Kind {
	case evHeal:
		return append(dst, "a cut heals"...)
	case evClose:
		return append(dst, "all faults end"...)
	}
	return append(dst, "deadline"...)
}

type vfsFS = vfs.FS

// sortViolations puts the earliest first; of one step, what broke before what fell over because of it.
func sortViolations(vs []checker.Violation) {
	slices.SortStableFunc(vs, func(a, b checker.Violation) int {
		if a.Step != b.Step {
			if a.Step < b.Step {
				return -1
			}
			return 1
		}
		return 0
	})
}

func addDisk(sum *disk.Stats, s disk.Stats) {
	sum.Syncs += s.Syncs
	sum.Completed += s.Completed
	sum.SlowSyncs += s.SlowSyncs
	sum.BytesWritten += s.BytesWritten
	sum.Crashes += s.Crashes
	sum.PowerLosses += s.PowerLosses
	sum.BytesLost += s.BytesLost
	sum.BytesKept += s.BytesKept
	sum.TornSectors += s.TornSectors
	sum.SyncsLost += s.SyncsLost
}
