package world

import (
	"errors"
	"fmt"
	"time"

	"raftsim/checker"
	"raftsim/raft"
	"raftsim/raft/server"
	"raftsim/raft/statemachine"
	"raftsim/raft/storage"
	"raftsim/scenarios/workload"
	"raftsim/sim"
	"raftsim/sim/disk"
)

// death is how a server ended.
type death uint8

const (
	alive death = iota
	crashed
	powerLost
	panicked
	halted    // by itself, for good reason or not
	takenAway // by the operator
)

// maxPanics bounds the restarts after panics: a server that panics on its own log would do so for ever.
const maxPanics = 3

// bury ends the process as its fate says, and schedules its return.
func (n *node) bury() {
	w := n.world
	fate, down := n.fate, n.down
	if n.seen.Role == raft.StateLeader {
		w.leaderDied(n, n.seen.Term)
	}
	w.story.died(n, fate)
	n.server.Close()
	n.fate, n.server, n.core = alive, nil, nil
	w.judges.Crashed(n.id)
	n.seen = raft.Status{}
	n.reading = n.reading[:0]
	n.drop()
	n.restart++
	switch fate {
	case powerLost:
		n.disk.PowerLoss()
		w.ledger.lost(n)
		w.counts.PowerLosses++
	case crashed:
		n.disk.Crash()
		w.ledger.died(n)
		w.counts.Crashes++
	case panicked:
		n.disk.Crash()
		w.ledger.died(n)
		w.counts.Panics++
		if n.panics > maxPanics {
			return
		}
	case halted:
		n.disk.Crash()
		w.ledger.died(n)
		w.counts.Halts++
		if n.down == 0 {
			return
		}
	case takenAway:
		n.disk.Crash()
		n.state = removed
		return
	}
	w.kernel.Schedule(sim.Event{At: w.kernel.Now().Add(down), To: n.proc, Kind: evRestart, Payload: n.restart})
}

// kill ends the server between events.
func (n *node) kill(fate death, down time.Duration) {
	if n.up() {
		n.fate, n.down = fate, down
		n.bury()
	}
}

// stayAway ends the server, unless something has, and lets it come back after down.
func (n *node) stayAway(down time.Duration) {
	if n.up() {
		n.kill(crashed, down)
		return
	}
	n.restart++
	w := n.world
	w.kernel.Schedule(sim.Event{At: w.kernel.Now().Add(down), To: n.proc, Kind: evRestart, Payload: n.restart})
}

func (n *node) start() {
	n.world.counts.Restarts++
	n.call(callStart, 0, disk.Completion{})
}

// open starts the server's process.
func (n *node) open() {
	w := n.world
	cfg := w.config
	sc := cfg.Server
	sc.Raft = cfg.Raft
	sc.Raft.ID, sc.Raft.Jitter = n.id, n.jitter
	sc.Forward, sc.Announce = cfg.Forward, w.announce()
	n.routed = server.Counters{}
	newCore := cfg.NewCore
	if newCore == nil {
		newCore = server.NewRaft
	}
	sc.NewCore = func(c raft.Config, now int64, initial raft.InitialState) (server.Core, error) {
		core, err := newCore(c, now, initial)
		n.core = core
		return core, err
	}
	w.ledger.opening(n)
	machine := w.newMachine()
	if machine == nil {
		return
	}
	s, err := server.Restart(sc, n.disk.FS(), n, n, machine)
	if err != nil {
		n.world.refused(n, err)
		return
	}
	n.server = s
}

// newMachine asks the application for a state machine. If it has none, the run counts for nothing.
func (w *World) newMachine() (machine statemachine.StateMachine) {
	defer func() {
		if p := recover(); p != nil {
			w.broken = &workload.ApplicationError{Problem: fmt.Sprintf("making a state machine panicked: %v", p)}
		}
	}()
	if machine = w.config.Application.NewMachine(); machine == nil {
		w.broken = &workload.ApplicationError{Problem: "it made a state machine that is nil"}
	}
	return machine
}

// Halt implements server.Host.
func (n *node) Halt(err error) {
	n.fate, n.down = halted, 0
	if n.excused(err) {
		n.down = 2 * n.world.config.Raft.ElectionTimeout // somebody looks after it, and starts it again
		return
	}
	n.world.find(checker.Durability, "server-halted", n.id, err.Error())
}

// refused handles a start that failed. Where a disk was damaged on purpose it may be refused for good.
func (w *World) refused(n *node, err error) {
	w.counts.StartsRefused++
	n.disk.Crash()
	if n.excused(err) {
		w.ledger.refused(n, err)
		n.gone = errors.As(err, new(*storage.CorruptError)) || errors.Is(err, storage.ErrEmpty) ||
			errors.Is(err, disk.ErrUnreadable) // what cannot be read today cannot be read tomorrow
		if !n.gone {
			// The disk was full, or would not be read: once more, later.
			n.restart++
			w.kernel.Schedule(sim.Event{At: w.kernel.Now().Add(2 * w.config.Raft.ElectionTimeout), To: n.proc, Kind: evRestart, Payload: n.restart})
		}
		return
	}
	w.find(checker.Durability, "server-halted", n.id, err.Error())
}

// excused reports whether a server that refuses to go on has a reason which the case gave it.
func (n *node) excused(err error) bool {
	for _, reason := range [...]error{disk.ErrNoSpace, disk.ErrSyncFailed, disk.ErrUnreadable, disk.ErrFrozen} {
		if errors.Is(err, reason) {
			return true
		}
	}
	if errors.Is(err, storage.ErrEmpty) {
		return n.wiped || n.disk.Damaged() // by a fault: it must not start
	}
	return n.disk.Damaged() && errors.As(err, new(*storage.CorruptError))
}

// join gives the machine an empty disk, unless it has a new member's already, and starts it as a server to be added.
// after is an index at which a configuration without it is committed.
func (n *node) join(after uint64) {
	w := n.world
	if n.state != fresh {
		n.kill(takenAway, 0)
		n.disk.Wipe()
		w.ledger.wiped(n)
		if n.state != spare {
			w.judges.Wiped(n.id)
			w.counts.Rejoined++
		}
		w.judges.Joined(n.id)
		if err := n.disk.Setup(func(fsys vfsFS) error { return server.Join(fsys, n.id, after) }); err != nil {
			panic("world: an empty disk refuses a new member: " + err.Error())
		}
		w.ledger.begin(n)
		n.state, n.gone, n.wiped, n.joinedAfter = fresh, false, false, after
		n.restart++
		w.counts.Joined++
		n.start()
		n.settle()
	}
}
