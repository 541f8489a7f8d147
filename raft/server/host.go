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
	momentEnd
)

// MomentNames returns the names of all moments, by number.
func MomentNames() []string {
	return []string{"received", "persist", "written", "submitted", "synced", "sent", "elected", "applied"}
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
	SendReply(r *client.Reply)
	// Halt is told once that the server has stopped for good because going on would not be safe.
	Halt(err error)
}

// Observer sees what a server does, in the order it does it. It must not change anything.
type Observer interface {
	// Recovered: the server restarts with this log (the entries are those of the disk).
	Recovered(hs raft.HardState, entries []raft.Entry)
	// Turn: the core decided this; nothing of it has been carried out yet. st is the status after the decision.
	Turn(rd *raft.Ready, st raft.Status)
	// Applied: the entry went into the state machine, which now has this hash.
	Applied(e *raft.Entry, client, seq uint64, status statemachine.Status, hash uint64)
}
