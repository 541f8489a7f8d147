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
	closer int      // for another role, before the leader will do
	done   bool     // the faults are over
}

// How long an aim looks for its role. Elections and reads are over within a few message delays, so looks for one are close
// together; they are silent, and cost no step.
const (
	leaderLooks    = 20  // at most, T/10 apart
	leaderLooksIn  = 10  // per T
	closerLooks    = 400 // for another role, T/100 apart; then the leader will do
	closerLooksIn  = 100
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
	if role, _ := chosen(d); role != roleLeader {
		a.closer = closerLooks
		a.until = a.until.Add(closerLooks * e.fraction(closerLooksIn))
	}
	e.aims = append(e.aims, a)
	e.kernel.LookAt(at, uint32(len(e.aims)-1))
}

// resolved returns the key of the fault that an aim becomes when it strikes id, which is 0 where the fault is of the run.
func resolved(d sim.Disturbance, id sim.ProcID) sim.Key {
	becomes := traitOf(d.Key.Purpose()).becomes
	if traitOf(becomes).scope == ofRun {
		id = 0
	}
	return sim.MakeKey(becomes, sim.Subject{A: id, Ordinal: AimedOrdinal + d.Key.Subject().Ordinal})
}

// chosen unpacks the role of an aim, and the direction of what it resolves to. Who asks for a membership or a transfer asks
// the leader.
func chosen(d sim.Disturbance) (role, direction int64) {
	switch d.Key.Purpose() {
	case PurposeAimMembers, PurposeAimTransfer:
		return roleLeader, 0
	case PurposeAimIsolate:
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
		if target = e.player(a.what); target == 0 && a.closer > 0 {
			e.kernel.LookAt(now.Add(e.fraction(closerLooksIn)), n)
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
	e.strike(a.what, target)
}

// player returns who plays the role of an aim that is not at the leader as such.
func (e *Engine) player(d sim.Disturbance) sim.ProcID {
	if role, _ := chosen(d); role == roleReader {
		return e.world.Reading()
	}
	return e.world.AboutToWin()
}

// strike resolves an aim that has found its target, and does nothing where that leaves everything as it is.
func (e *Engine) strike(d sim.Disturbance, target sim.ProcID) {
	at := e.kernel.Now() + 1
	become := func(v sim.Value) { e.kernel.Resolve(sim.Disturbance{Key: resolved(d, target), Value: v}) }
	switch d.Key.Purpose() {
	case PurposeAimMembers:
		e.strikeMembers(d, target)
	case PurposeAimTransfer:
		who, pick, _ := pickIn(d.Value.N)
		if to := e.membership().successor(who, pick, target); to != 0 {
			become(TransferValue(at, to))
		}
	case PurposeAimSnapshot:
		become(sim.Value{At: int64(at), N: 1})
	default:
		_, direction := chosen(d)
		become(sim.Value{N: direction, At: int64(at), For: d.Value.For})
	}
}

// strikeMembers resolves a change of the membership: whoever bounces is in two of what it resolves to.
func (e *Engine) strikeMembers(d sim.Disturbance, leader sim.ProcID) {
	n, pick, joint := pickIn(d.Value.N)
	c, before, at := change(n), e.membership(), e.kernel.Now()+1
	after := before.after(c, pick, leader)
	if after == before {
		return
	}
	key := resolved(d, leader)
	ask := func(k sim.Key, at sim.Time, m membership) {
		e.kernel.Resolve(sim.Disturbance{Key: k, Value: MembersValue(at, m.voters, m.learners, joint || c == changeSwap)})
	}
	ask(key, at, after)
	if c == changeBounce {
		ask(key.WithOrdinal(AgainOrdinal+d.Key.Subject().Ordinal), at.Add(time.Duration(d.Value.For)), before)
	}
}

// membership returns who is a member now.
func (e *Engine) membership() membership {
	voters, learners := e.world.Members()
	return membership{voters: voters & serverBits, learners: learners & serverBits, servers: SideOf(e.world.Servers()...)}
}
