package server

import (
	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
)

// Moment is a point between two effects of a server at which its host may find it dead.
type Moment uint8

const (
	MomentReceived  Moment = iota // input is at hand, nothing was done about it
	MomentPersist                 // something is about to be written
	MomentWritten                 // it was written, no sync was submitted
	MomentSubmitted               // the sync was submitted and has not completed
	MomentSynced                  // the sync completed, nothing that waits for it has left
	MomentSent                    // the messages of this turn have left
	MomentElected                 // became leader, nothing has left yet
	MomentApplied                 // an entry was applied, its client has no answer yet

	MomentChunk             // a piece of a snapshot was kept
	MomentSnapshotTaken     // a snapshot of the state machine is being saved
	MomentSnapshotWritten   // it is durable, nothing it replaces is gone
	MomentCompacted         // what it replaces is gone
	MomentSnapshotInstalled // a received snapshot is durable, the state machine does not have it yet
	momentEnd
)

// MomentNames returns the names of all moments, by number.
func MomentNames() []string {
	return []string{
		"received", "persist", "written", "submitted", "synced", "sent", "elected", "applied",
		"chunk", "snapshot-taken", "snapshot-written", "compacted", "snapshot-installed",
	}
}

// Host carries out what the server decides. None of its calls may call back into the server, except to read (Status,
// Running, Deadline, Applied, Counters). Messages, requests and
// replies are the host's for the time of the call only.
type Host interface {
	// Moment reports whether the server is alive; term is its current one. After false the server does nothing any more
	// and returns at once. A host in production always says true.
	Moment(m Moment, term uint64) bool
	SendMessage(m *raft.Message)
	SendForward(to uint64, r *client.Request)
	// SendReply is for the client r.Client, by way of the front r.Via if there is one.
	SendReply(r *client.Reply)
	// SendBeacon is for one of Config.Announce.
	SendBeacon(to uint64, b *client.Beacon)
	// ApplyLater says that committed entries wait: the host is to call HandleApply, soon, once. Only with Config.AsyncApply.
	ApplyLater()
	// Halt is told once that the server has stopped for good because going on would not be safe.
	Halt(err error)
}

// Observer sees what a server does, in the order it does it. It must not change anything, and what it is shown is valid for the
// time of the call only.
type Observer interface {
	// Recovered: the server restarts with this. Applied is where its state machine is: at the end of the snapshot. Entries may
	// begin before that.
	Recovered(initial *raft.InitialState)
	// Turn: the core decided this; nothing of it has been carried out yet. st is the status after the decision.
	Turn(rd *raft.Ready, st *raft.Status)
	// Applied: the entry was applied, with these effects on operations, none if it holds none; the replicated state now has this
	// hash.
	Applied(e *raft.Entry, outcomes []statemachine.Outcome, hash uint64)
	// Configured: the entry of this index, which is applied, made this configuration.
	Configured(index uint64, conf raft.ConfState)
	// ReadConfirmed: the core has named the index for a client's read, as the leader of this term or on its word.
	ReadConfirmed(client, seq, term uint64)
	// SnapshotTaken: what is being saved stands for the state with this hash. SnapshotSaved: it is durable. Both name the last
	// applied entry at the time it was taken.
	SnapshotTaken(meta raft.SnapshotMeta, hash uint64)
	SnapshotSaved(meta raft.SnapshotMeta)
	// SnapshotInstalled: a received snapshot is durable and has replaced the state, which now has this hash.
	SnapshotInstalled(meta raft.SnapshotMeta, hash uint64)
	// Compacted: entries up to index are needed no more, and the log may have dropped them.
	Compacted(index uint64)
}
