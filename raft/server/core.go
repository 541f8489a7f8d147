package server

import "raftsim/raft"

// Core is a consensus implementation as the server sees it: a function of (state, input, local time). *raft.Raft is one; an
// adapter makes another library one. now is local monotonic time in nanoseconds. What a Ready holds belongs to the core again
// at the next call of Ready, except for the data of entries, which never changes; what is passed in belongs to the caller again
// on return.
type Core interface {
	// Step takes in a message of another member. An error means that it was not acted upon.
	Step(now int64, m *raft.Message) error
	// Tick lets time pass; calling it early does nothing. Deadline says when it next wants to be called.
	Tick(now int64)
	Deadline() int64
	// Campaign starts an election now.
	Campaign(now int64)
	// Propose appends a command to the leader's log. After an error the command is in no log.
	Propose(now int64, data []byte) (index, term uint64, err error)
	// ProposeConfChange appends a change of the membership to the leader's log. After an error it is in no log.
	ProposeConfChange(now int64, c *raft.ConfChange) (index, term uint64, err error)
	// TransferLeader starts handing over leadership. An error means that nothing was begun; no error, that it was tried.
	TransferLeader(now int64, to uint64) error
	// ReadIndex asks from which applied index on this server's state answers a linearizable read; Ready.Reads answers, under
	// the same context, or nothing ever does. lease allows an answer from a lease instead of a round.
	ReadIndex(now int64, context uint64, lease bool) error
	// Snapshotted reports a durable snapshot of the state machine: entries up to it may be forgotten, snapshots before it too
	// unless SnapshotPinned. Status().FirstIndex says which entries still are needed.
	Snapshotted(now int64, meta raft.SnapshotMeta)
	SnapshotPinned(index uint64) bool
	// ConfState returns the configuration after the entry at index, which is the last applied one or was handed out as committed
	// by the last Ready.
	ConfState(index uint64) raft.ConfState
	// HasReady and Ready hand out what is to be written, sent and applied.
	HasReady() bool
	Ready() *raft.Ready
	// Advance acknowledges that the Ready with this ticket, and every earlier one, is durable.
	Advance(now int64, ticket uint64)
	// Applied acknowledges that the state machine has taken the entry at index and all before.
	Applied(now int64, index uint64)
	Status() raft.Status
}

// StatusReader is a Core that fills in a Status where it is wanted: it is asked for after every event. A core that embeds one and has
// a Status of its own needs a ReadStatus of its own.
type StatusReader interface{ ReadStatus(st *raft.Status) }

var _ interface {
	Core
	StatusReader
} = (*raft.Raft)(nil)

// NewCore makes the consensus core of a member from what its disk remembered.
type NewCore func(cfg raft.Config, now int64, initial raft.InitialState) (Core, error)

// NewRaft is the NewCore of this project's own implementation.
func NewRaft(cfg raft.Config, now int64, initial raft.InitialState) (Core, error) {
	return raft.New(cfg, now, initial)
}
