package faults

import (
	"time"

	"raftsim/sim"
)

// aim is a slot that waits for its time, or for somebody to play its role.
type aim struct {
	what   sim.Disturbance
	until  sim.Time // no look later than this
	looks  int      // for a leader
	closer int      // for a winner, before the leader will do
	done   bool     // the faults are over
}

// How long an aim looks for its role. An election is over within a few message delays, so looks for one are close
// together; they are silent, and cost no step.
const (
	leaderLooks    = 20  // at most, T/10 apart
	leaderLooksIn  = 10  // per T
	winnerLooks    = 400 // T/100 apart; then the leader will do
	winnerLooksIn  = 100
	defaultTimeout = 100 * time.Millisecond // T where the knobs name none: a case of overrides only
)

// arm queues the first look of an aim, unless the case says already what it resolved to: whoever that was then, the
// override stands in its place.
func (e *Engine) arm(d sim.Disturbance) {
	target := resolved(d, 0)
	for _, o := range e.kernel.Fates().Overrides() {
		if o.Key.Purpose() == target.Purpose() && o.Key.Subject().Ordinal == target.Subject().Ordinal {
			return
		}
	}
	at, length := span(d.Value)
	a := aim{what: d, until: at.Add(length)}
	if role, _ := chosen(d); role == roleWinner {
		a.closer = winnerLooks
		a.until = a.until.Add(winnerLooks * e.fraction(winnerLooksIn))
	}
	e.aims = append(e.aims, a)
	e.kernel.LookAt(at, uint32(len(e.aims)-1))
}

// resolved returns the key of the fault that an aim becomes when it strikes id.
func resolved(d sim.Disturbance, id sim.ProcID) sim.Key {
	return sim.MakeKey(aimedAt(d.Key.Purpose()), sim.Subject{A: id, Ordinal: AimedOrdinal + d.Key.Subject().Ordinal})
}

// chosen unpacks the role of an aim, and the direction of what it resolves to.
func chosen(d sim.Disturbance) (role, direction int64) {
	if d.Key.Purpose() == PurposeAimIsolate {
		return d.Value.N / int64(len(directions)), d.Value.N % int64(len(directions))
	}
	return d.Value.N, 0
}

// fraction returns T/n, at least a nanosecond.
func (e *Engine) fraction(n time.Duration) time.Duration {
	timeout := e.knobs.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	return max(timeout/n, 1)
}

// Look implements sim.World: aim n looks who plays its role. It changes nothing but what it resolves.
func (e *Engine) Look(n uint32) {
	a := &e.aims[n]
	if a.done {
		return
	}
	now := e.kernel.Now()
	target := sim.ProcID(0)
	if a.closer > 0 {
		a.closer--
		if target = e.world.AboutToWin(); target == 0 && a.closer > 0 {
			e.kernel.LookAt(now.Add(e.fraction(winnerLooksIn)), n)
			return
		}
	}
	if target == 0 {
		target = e.world.Leader()
	}
	if target == 0 {
		a.looks++
		if next := now.Add(e.fraction(leaderLooksIn)); a.looks < leaderLooks && next <= a.until {
			e.kernel.LookAt(next, n)
		}
		return
	}
	_, direction := chosen(a.what)
	e.kernel.Resolve(sim.Disturbance{
		Key:   resolved(a.what, target),
		Value: sim.Value{N: direction, At: int64(now) + 1, For: a.what.Value.For},
	})
}
