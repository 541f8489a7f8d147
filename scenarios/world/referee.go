package world

import (
	"fmt"
	"slices"
	"time"

	"raftsim/checker"
	"raftsim/faults"
	"raftsim/sim"
)

// referee ends the fault window, and says what must be true after it.
type referee struct {
	world *World
	phase uint8    // deadlines passed
	moved []uint64 // what each server had applied one election timeout before the end
	known uint64   // what was committed then: of what came later nobody need have heard
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
	absent := w.absent()
	for _, n := range w.nodes[:w.slots()] {
		if absent.Has(n.proc) {
			n.stayAway(w.config.Liveness / 2)
			continue
		}
		if !n.up() && n.panics <= maxPanics && (n.state == member || n.state == fresh) {
			n.restart++
			w.kernel.Schedule(sim.Event{At: now, To: n.proc, Kind: evRestart, Payload: n.restart})
		}
	}
	if !w.config.Settle {
		w.operator.stop()
	}
	for _, id := range w.ids.clients {
		w.kernel.Schedule(sim.Event{At: now, To: id, Kind: evFinal})
	}
	length := w.config.Liveness
	for _, after := range [...]time.Duration{length / 2, length - w.config.Raft.ElectionTimeout, length} {
		w.kernel.ScheduleTimer(sim.Event{At: now.Add(after), To: refereeProc, Kind: evDeadline})
	}
}

// absent says who stays down after the faults. A quorum is owed progress whoever else is missing: a vote that nobody but a third
// server could give would hide that two cannot agree (P05). That holds while the members are the first ones; where the membership
// was to change, or a server has lost what it held or is about to (a write that will be lost), the minority may be needed.
func (w *World) absent() faults.Side {
	absent := w.config.Absent & sideOf(serverNumbers(w.config.Servers))
	if absent == 0 || 2*absent.Len() >= w.config.Servers || w.operator.active || len(w.config.Memberships) > 0 || w.counts.ChangesAsked > 0 {
		return 0
	}
	for _, n := range w.nodes[:w.config.Servers] {
		if n.state != member || n.gone || n.harmed || n.panics > 0 {
			return 0
		}
	}
	w.counts.Absences += uint64(absent.Len())
	return absent
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
	r.moved, r.known = r.moved[:0], w.judges.LedgerEnd()
	for _, n := range w.nodes[:w.slots()] {
		r.moved = append(r.moved, n.applied())
	}
}

// demandConvergence: at the end every server has applied everything that was committed, or is still catching up. How long that
// takes depends on how far behind the faults left it and on how much the options let a leader send at once, so there is no
// bound on the whole; but within an election timeout something must have moved.
func (r *referee) demandConvergence() {
	w := r.world
	last := w.judges.LedgerEnd()
	if w.config.Settle && !w.operator.done() {
		w.find(checker.Liveness, "membership-not-reached", 0, string(w.operator.Describe(sim.Event{}, nil)))
	}
	r.demandReads()
	voters, learners := w.Members()
	for i, n := range w.nodes[:w.slots()] {
		if n.panics > maxPanics || n.gone || !(voters | learners).Has(n.proc) {
			continue // given up, and every panic is a finding that says more; or it has lost its disk; or it is no member
		}
		if !n.running() {
			w.find(checker.Liveness, "server-missing", n.id, fmt.Sprintf("n%d does not run at the end of the liveness phase", n.id))
			return
		}
		if applied := n.applied(); applied < r.known && applied <= r.moved[i] {
			w.find(checker.Liveness, "no-convergence", n.id, fmt.Sprintf(
				"n%d has applied up to %d and nothing more in the last %v; %d entries are committed", n.id, applied, w.config.Raft.ElectionTimeout, last))
			return
		}
	}
}

// demandReads: reads are answered, whichever way they go, and by every member that has what was committed when it was asked. A
// refusal is none: in the second half of the quiet end every member knows of a leader.
func (r *referee) demandReads() {
	w := r.world
	// A read may be asked of every server before the only one that runs answers: the others may be spares, or gone.
	round := sim.Time(w.slots()+2) * sim.Time(w.config.Client.AttemptTimeout)
	for i, cl := range w.clients[:w.config.Plan.Clients] {
		if owed := cl.Owed(); owed > 0 && cl.Wrote() && w.kernel.Now()-cl.LastBegin() > round {
			w.find(checker.Liveness, "no-final-reads", 0,
				fmt.Sprintf("c%d still waits for %d of its reads %v after all faults ended", i+1, owed, w.config.Liveness))
			break
		}
	}
	patience := sim.Time(2 * w.config.Raft.ElectionTimeout)
	voters, learners := w.Members()
	for _, n := range w.nodes[:w.slots()] {
		v := &n.visit
		if !n.running() || n.panics > maxPanics || !(voters | learners).Has(n.proc) || v.asked == 0 || v.answered {
			continue
		}
		if w.kernel.Now()-v.asked > patience && r.caughtUp(n, v.floor) {
			w.find(checker.Liveness, "server-answers-no-reads", n.id,
				fmt.Sprintf("n%d was asked for a read at %v and has answered none", n.id, time.Duration(v.asked)))
			return
		}
	}
}

// caughtUp reports whether a server had applied up to index an election timeout before the end.
func (r *referee) caughtUp(n *node, index uint64) bool { return r.moved[n.id-1] >= index }

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
