// Package world puts servers, disks, links, clients, faults and judges on one kernel and runs them.
//
// A run has three parts. In the fault window the case's disturbances act. Then everything heals, and the liveness phase begins:
// within half of it a leader must exist and every client must complete a new write, even if a minority of the servers stays down for
// as long. At its end all servers must have applied the same prefix with the same state.
package world

import (
	"time"

	"raftsim/faults"
	"raftsim/network"
	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/server"
	"raftsim/scenarios/workload"
	"raftsim/sim"
	"raftsim/sim/disk"
)

// Config is everything a run depends on.
type Config struct {
	Servers       int    // the first members
	Spares        int    // servers that may be added to them
	InitialLeader uint64 // campaigns at time 0; 0 for none
	Raft          raft.Config
	Server        server.Config  // besides Raft, NewCore and Forward
	NewCore       server.NewCore // nil: this project's own
	Routing       Routing
	Forward       bool          // followers forward requests; else they redirect
	ApplyDelay    time.Duration // with Server.AsyncApply: from the hand-out of committed entries to their application
	StepCost      time.Duration // a server needs per message, request, completed sync and deadline; see busy.go
	ApplyCost     time.Duration // per applied entry
	DecodeDisks   bool          // what is on disk is judged by its bytes; else by the tickets of the server
	Memberships   []Membership  // that an operator brings about one after the other
	Transition    Transition    // how an operator has memberships changed
	Impatient     bool          // an operator asks for the next change while one is under way
	Settle        bool          // the membership asked for last is to be reached in the liveness phase

	Application workload.Application
	Session     workload.Session // of the application, reused from run to run; nil for a new one
	Plan        workload.Plan
	Client      client.Config
	Pace        workload.Pace

	Network network.Config
	Noise   network.Noise
	Disk    disk.Options
	Torn    sim.Ratio // of power losses that leave something of unsynced bytes, names and syncs
	Slow    SlowSync
	Fails   sim.Ratio // of syncs that fail
	Full    DiskFull
	Faults  faults.Knobs
	Jitter  bool // noisy bases draw election timeouts; else they are spread by id and term

	Window   time.Duration // the fault window
	Liveness time.Duration // how long the quiet end lasts
	Absent   faults.Side   // a minority that stays down for half of it, where nothing but that is missing

	Noisy     bool
	Seed      uint64
	Masks     []sim.Mask
	Overrides []sim.Disturbance
	CheckOnce bool
	Record    bool
	Bounds    sim.Bounds
	Budget    uint64 // model steps of a search for a legal order, per part of the history
	Tracer    sim.Tracer
	Narrator  Narrator // hears the run told as a story; nil for nobody
	Meter     Meter    // hears of the clients' operations; nil for nobody
}

// DiskFull is how often a disk gets full, and for how long.
type DiskFull struct {
	Chance   sim.Ratio // per sync
	Bytes    int64     // most that can be written before it is noticed
	Min, Max time.Duration
}

// SlowSync is how often, and how much, a sync is slow.
type SlowSync struct {
	Chance   sim.Ratio
	Min, Max time.Duration
}

// Process ids: server i is process i, client i is process 1024 + i, front i is process 2048 + i.
const clientBase sim.ProcID = 1024

const refereeProc sim.ProcID = 4000

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
	evApply
	evOperate
	evFree
)

// Kinds of messages: clients' first, so that a new message of Raft changes no number.
const (
	msgRequest uint8 = iota
	msgForward
	msgReply
	msgRaft // plus raft.MessageType

	msgBeacon = msgRaft + uint8(raft.MsgReadIndexResp) + 1 // behind Raft's last
)

// PurposeElection is the fate of an election timeout: what comes on top of the base.
const PurposeElection sim.Purpose = 96

// ElectionSpace keeps the ordinals of elections apart from others.
const electionSpace = 2

// MessageKinds returns the names of the kinds of messages, by number.
func MessageKinds() []string {
	return append(append([]string{"request", "forward", "reply"}, raft.MessageTypeNames()...), "beacon")
}

// NewVocabulary returns the vocabulary of runs with this application; extra adds a user's own purposes.
func NewVocabulary(app workload.Application, extra ...sim.Spec) (*sim.Vocabulary, error) {
	specs := network.Specs(MessageKinds())
	specs = append(specs, faults.Specs(server.MomentNames())...)
	specs = append(specs, disk.Specs()...)
	specs = append(specs, workload.Specs(app)...)
	specs = append(specs, sim.Spec{
		Purpose: PurposeElection, Name: "election", Doc: "an election timeout is its base plus this",
		Fields: sim.FieldA | sim.FieldEpoch | sim.FieldOrdinal, Value: sim.DelayFormat{},
	})
	return sim.NewVocabulary([]sim.ProcName{
		{Prefix: "n", Base: 0, First: 1, Last: 1023},
		{Prefix: "c", Base: clientBase, First: clientBase + 1, Last: 2047},
		{Prefix: "f", Base: frontBase, First: frontBase + 1, Last: frontBase + 1023},
	}, append(specs, extra...)...)
}

// noise answers, for the decision function, how purposes depart from calm.
func (c *Config) noise(session workload.Session) func(sim.Purpose) sim.Noise {
	who := faults.Population{Present: c.present(), Spares: c.spares(), MomentWeights: momentWeights()}
	return func(p sim.Purpose) sim.Noise {
		switch p {
		case workload.PurposeOperation:
			pause := int64(2 * c.Pace.Pause)
			return sim.Noise{Chance: sim.Ratio{Num: 1, Den: 1}, Draw: func(w *sim.Words) sim.Value {
				choice := session.Draw(w)
				return sim.Value{N: choice, For: w.Between(0, pause) + int64(session.Lapse(choice))}
			}}
		case PurposeElection:
			if !c.Jitter {
				return sim.Noise{}
			}
			timeout := int64(c.Raft.ElectionTimeout)
			return sim.Noise{Chance: sim.Ratio{Num: 1, Den: 1}, Draw: func(w *sim.Words) sim.Value {
				return sim.Value{For: w.Between(1, timeout-1)}
			}}
		}
		if n := c.MachineNoise(p); n.Draw != nil {
			return n
		}
		return c.Faults.For(p, who)
	}
}

// OnlyNamed reports whether a fault of purpose p strikes only where a case names it: no noise draws it. The damage that noise does to
// disks is drawn as faults.PurposeDamage, which says whose disk, and when.
func OnlyNamed(p sim.Purpose) bool {
	switch p {
	case disk.LostWrite, disk.Misdirected, disk.Rot, disk.Unreadable, disk.Freeze:
		return true
	}
	return false
}

// MachineNoise answers, for purposes of links and disks, how they depart from calm; it is the zero value for all others.
func (c *Config) MachineNoise(p sim.Purpose) sim.Noise {
	switch p {
	case disk.Torn:
		return sim.Noise{Chance: c.Torn, Draw: disk.DrawTorn}
	case disk.Names:
		return sim.Noise{Chance: c.Torn, Draw: disk.DrawNames}
	case disk.Landed:
		return sim.Noise{Chance: c.Torn, Draw: disk.DrawLanded}
	case disk.SyncFails:
		return sim.Noise{Chance: c.Fails, Draw: disk.DrawSyncFails}
	case disk.NoSpace:
		if c.Full.Chance.Zero() {
			return sim.Noise{}
		}
		return sim.Noise{Chance: c.Full.Chance, Draw: disk.DrawSpace(c.Full.Bytes, c.Full.Min, c.Full.Max)}
	case disk.SlowSync:
		if c.Slow.Chance.Zero() {
			return sim.Noise{}
		}
		return sim.Noise{Chance: c.Slow.Chance, Draw: disk.DrawSlowSync(c.Slow.Min, c.Slow.Max)}
	}
	return c.Noise.For(p)
}

// present says who takes part, as faults see it.
func (c *Config) present() (side faults.Side) {
	for i := range c.Servers + c.Spares {
		side |= faults.SideOf(sim.ProcID(i + 1))
	}
	for i := range c.Plan.Clients {
		side |= faults.SideOf(clientBase + sim.ProcID(i+1))
	}
	return side
}

// spares says who is no member at first.
func (c *Config) spares() (side faults.Side) {
	for i := range c.Spares {
		side |= faults.SideOf(sim.ProcID(c.Servers + i + 1))
	}
	return side
}

// momentWeights makes the moments at which a crash hurts most likelier: between writing, syncing and sending.
func momentWeights() []uint32 {
	weights := make([]uint32, len(server.MomentNames()))
	for i := range weights {
		weights[i] = 1
	}
	for _, m := range [...]server.Moment{server.MomentPersist, server.MomentWritten, server.MomentSubmitted, server.MomentSynced, server.MomentElected,
		server.MomentChunk, server.MomentSnapshotTaken, server.MomentSnapshotWritten, server.MomentCompacted, server.MomentSnapshotInstalled} {
		weights[m] = 10
	}
	return weights
}
