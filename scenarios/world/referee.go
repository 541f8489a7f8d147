package world

import (
	"fmt"
	"slices"
	"time"

	"raftsim/checker"
	"raftsim/raft/vfs"
	"raftsim/sim"
	"raftsim/sim/disk"
)

// referee ends the fault window, and says what must be true after it.
type referee struct {
	world *World
	phase uint8    // deadlines passed
	moved []uint64 // what each server had applied one election timeout before the end
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
		switch r.phase++; r.phase {
		case 1:
			r.demandProgress()
		case 2:
			r.noteApplied()
		default:
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
	length := w.config.Liveness
	for _, after := range [...]time.Duration{length / 2, length - w.config.Raft.ElectionTimeout, length} {
		w.kernel.ScheduleTimer(sim.Event{At: now.Add(after), To: refereeProc, Kind: evDeadline})
	}
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

// noteApplied remembers how far every server is.
func (r *referee) noteApplied() {
	w := r.world
	r.moved = r.moved[:0]
	for _, n := range w.nodes[:w.config.Servers] {
		r.moved = append(r.moved, n.applied())
	}
}

// demandConvergence: at the end every server has applied everything that was committed, or is still catching up. How long that
// takes depends on how far behind the faults left it and on how much the options let a leader send at once, so there is no
// bound on the whole; but within an election timeout something must have moved.
func (r *referee) demandConvergence() {
	w := r.world
	last := w.judges.LedgerEnd()
	for i, n := range w.nodes[:w.config.Servers] {
		if n.panics > maxPanics {
			continue // it was given up, and every one of its panics is a finding that says more
		}
		if !n.running() {
			w.find(checker.Liveness, "server-missing", n.id, fmt.Sprintf("n%d does not run at the end of the liveness phase", n.id))
			return
		}
		if applied := n.applied(); applied != last && applied <= r.moved[i] {
			w.find(checker.Liveness, "no-convergence", n.id, fmt.Sprintf(
				"n%d has applied up to %d and nothing more in the last %v; %d entries are committed", n.id, applied, w.config.Raft.ElectionTimeout, last))
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
