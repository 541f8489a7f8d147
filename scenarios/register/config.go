package register

import (
	"time"

	"raftsim/faults"
	"raftsim/network"
	"raftsim/scenarios/register/abd"
	"raftsim/sim"
	"raftsim/sim/disk"
)

// Config is everything a run depends on.
type Config struct {
	Servers   int
	Clients   int
	Keys      int
	Hot       sim.Ratio     // of operations that go to key 0
	Interval  time.Duration // at least from one beginning of a client's operations to the next
	Pause     time.Duration // in the calm world, from an answer to the next beginning
	FileBytes int64         // of a replica's file

	AttemptTimeout   time.Duration
	OperationTimeout time.Duration

	Network network.Config
	Disk    disk.Options
	Noise   func(sim.Purpose) sim.Noise // of messages and disks
	Faults  faults.Knobs

	Unit     time.Duration // T: how long a server that halts stays down is measured by it, and so is the grace of faults
	Window   time.Duration // the fault window
	Liveness time.Duration // how long the quiet end lasts
	Absent   faults.Side   // a minority that stays down for half of it

	Noisy     bool
	Seed      uint64
	Masks     []sim.Mask
	Overrides []sim.Disturbance
	CheckOnce bool
	Record    bool
	Bounds    sim.Bounds
	Budget    uint64 // model steps of a search for a legal order, per key
	Tracer    sim.Tracer
	Narrator  Narrator // nil for nobody
}

// Process ids: server i is process i, client i is process 1024 + i.
const (
	clientBase  sim.ProcID = 1024
	refereeProc sim.ProcID = 4000
)

// Kinds of events.
const (
	evMessage uint8 = iota + 1
	evTimer
	evSync
	evRestart
	evFinal
	evHeal
	evClose
	evDeadline
)

// maxWaiting bounds the answers that wait for a disk: many times what clients have under way.
const maxWaiting = 1024

// Limits of a run.
const (
	maxServers = 31
	maxClients = 30
)

// NewVocabulary returns the vocabulary of these runs; extra adds a user's own purposes. It has the faults that a register can be
// asked to survive, and no others.
func NewVocabulary(extra ...sim.Spec) (*sim.Vocabulary, error) {
	specs := network.Specs(abd.KindNames())
	for _, s := range faults.Specs(abd.MomentNames()) {
		if survived(s.Purpose) {
			specs = append(specs, s)
		}
	}
	for _, s := range disk.Specs() {
		if survived(s.Purpose) {
			specs = append(specs, s)
		}
	}
	specs = append(specs, sim.Spec{
		Purpose: PurposeOperation, Name: "op", Doc: "a client chooses its next operation",
		Fields: sim.FieldA | sim.FieldEpoch, Value: choiceFormat{},
	})
	return sim.NewVocabulary([]sim.ProcName{
		{Prefix: "n", Base: 0, First: 1, Last: 1023},
		{Prefix: "c", Base: clientBase, First: clientBase + 1, Last: 2047},
	}, append(specs, extra...)...)
}

// survived reports whether a fault of servers or disks is one that the register is built for.
func survived(p sim.Purpose) bool {
	switch p {
	case faults.PurposeIsolate, faults.PurposeSplit, faults.PurposeCut, faults.PurposeCrashAt, faults.PurposePowerAt, faults.PurposeBlackout,
		faults.PurposeCrash, faults.PurposePower, faults.PurposePause, faults.PurposeStall,
		disk.Torn, disk.SlowSync, disk.Names, disk.Landed, disk.SyncFails, disk.NoSpace:
		return true
	}
	return false
}

// noise answers, for the decision function, how purposes depart from calm.
func (c *Config) noise() func(sim.Purpose) sim.Noise {
	who := faults.Population{Present: c.present(), MomentWeights: momentWeights()}
	return func(p sim.Purpose) sim.Noise {
		if p == PurposeOperation {
			pause := int64(2 * c.Pause)
			return sim.Noise{Chance: sim.Ratio{Num: 1, Den: 1}, Draw: func(w *sim.Words) sim.Value {
				choice := c.draw(w)
				return sim.Value{N: choice, For: w.Between(0, pause)}
			}}
		}
		if n := c.Noise(p); n.Draw != nil {
			return n
		}
		return c.Faults.For(p, who)
	}
}

// present says who takes part, as faults see it.
func (c *Config) present() (side faults.Side) {
	for i := range c.Servers {
		side |= faults.SideOf(sim.ProcID(i + 1))
	}
	for i := range c.Clients {
		side |= faults.SideOf(clientBase + sim.ProcID(i+1))
	}
	return side
}

// momentWeights makes the moments at which a crash hurts most likelier: between writing, syncing and answering.
func momentWeights() []uint32 {
	weights := make([]uint32, len(abd.MomentNames()))
	for i := range weights {
		weights[i] = 1
	}
	for _, m := range [...]abd.Moment{abd.MomentRestored, abd.MomentWritten, abd.MomentSubmitted, abd.MomentBegun, abd.MomentSynced, abd.MomentRemoved} {
		weights[m] = 10
	}
	return weights
}
