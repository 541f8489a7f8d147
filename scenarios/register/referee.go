package register

import (
	"fmt"
	"time"

	"raftsim/checker"
	"raftsim/faults"
	"raftsim/scenarios/register/abd"
	"raftsim/sim"
)

// referee ends the fault window, and says what must be true after it.
type referee struct {
	world *World
	phase uint8 // deadlines passed
}

// Deliver implements sim.Process.
func (r *referee) Deliver(ev sim.Event) {
	switch ev.Kind {
	case evHeal:
		r.world.engine.Heal(ev.Payload)
	case evClose:
		r.heal()
	case evDeadline:
		if r.phase++; r.phase == 1 {
			r.demandProgress()
		} else {
			r.demandReplicas()
		}
	}
}

// heal ends all faults: links carry, replicas run, what waits to happen is forgotten.
func (r *referee) heal() {
	w := r.world
	w.fates.CloseFaults()
	w.kernel.DropDisturbances()
	w.engine.HealAll()
	absent := w.absent()
	for _, n := range w.nodes[:w.config.Servers] {
		switch {
		case absent.Has(n.proc) && n.up():
			n.kill(crashed, w.config.Liveness/2)
		case absent.Has(n.proc):
			n.restart++
			n.comeBack(w.config.Liveness / 2)
		case !n.up() && n.panics <= maxPanics:
			n.restart++
			n.comeBack(0)
		}
	}
	now := w.kernel.Now()
	for _, id := range w.ids.clients {
		w.kernel.Schedule(sim.Event{At: now, To: id, Kind: evFinal})
	}
	for _, after := range [...]time.Duration{w.config.Liveness / 2, w.config.Liveness} {
		w.kernel.ScheduleTimer(sim.Event{At: now.Add(after), To: refereeProc, Kind: evDeadline})
	}
}

// absent says who stays down after the faults: progress is owed by any majority.
func (w *World) absent() (absent faults.Side) {
	for _, n := range w.nodes[:w.config.Servers] {
		if n.panics > 0 {
			return 0
		}
		if w.config.Absent.Has(n.proc) {
			absent |= faults.SideOf(n.proc)
		}
	}
	if absent.Len() > w.config.Servers-abd.Majority(w.config.Servers) {
		return 0
	}
	w.counts.Absences += uint64(absent.Len())
	return absent
}

// demandProgress: half of the liveness phase after the healing, every client has completed a new write, for a majority has been there.
func (r *referee) demandProgress() {
	w := r.world
	for _, c := range w.clients[:w.config.Clients] {
		if !c.wrote {
			w.find(checker.Liveness, "no-progress", 0,
				fmt.Sprintf("c%d completed no new write within %v after all faults ended", c.id, w.config.Liveness/2))
			return
		}
	}
}

// demandReplicas: at the end every replica runs, and has what it ever said it had. That all have the newest versions is not demanded:
// nobody brings them to a replica but the next operation.
func (r *referee) demandReplicas() {
	w := r.world
	for _, n := range w.nodes[:w.config.Servers] {
		switch {
		case n.up():
			n.judgeTold("has ended")
		case n.panics <= maxPanics:
			w.find(checker.Liveness, "server-missing", uint64(n.proc), fmt.Sprintf("n%d does not run at the end of the liveness phase", n.proc))
		}
	}
	for _, c := range w.clients[:w.config.Clients] {
		if c.core.Busy() {
			w.find(checker.Liveness, "operation-without-end", 0, fmt.Sprintf("c%d#%d is under way at the end of the liveness phase", c.id, c.seq))
			return
		}
	}
}

// judgeMajority: a version that an operation returns, or has written, is with a majority at that moment. Whoever asks later meets it.
func (w *World) judgeMajority(client, operation, key uint64, t abd.Timestamp) {
	have := 0
	for _, n := range w.nodes[:w.config.Servers] {
		if key < uint64(len(n.told)) && !n.told[key].Less(t) || t == (abd.Timestamp{}) {
			have++
		}
	}
	if have < abd.Majority(w.config.Servers) {
		w.find(checker.Durability, "returned-without-majority", 0, fmt.Sprintf("c%d#%d returned with %s of k%d, which %d of %d replicas had said they have",
			client, operation, t.AppendText(nil), key, have, w.config.Servers))
	}
}

// Fold implements sim.Process.
func (r *referee) Fold(sim.Event, *sim.Digest) {}

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
