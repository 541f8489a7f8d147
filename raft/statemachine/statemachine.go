// Package statemachine holds what a replicated log is applied to: the interface a user's state machine satisfies, the
// client sessions that make a retry harmless, and a key-value map as the state machine of the house.
//
// The terms:
//
//   - A command is bytes whose meaning only the state machine knows. A query is a command that changes nothing and needs no
//     place in the log.
//   - An envelope is what the log stores: who asks, in which session, under which number, and the command.
//   - A session is what a replica remembers of a client: which of its commands were executed, the answers it may still ask
//     for, and the commands that came too early. Sessions are part of the replicated state, so every replica drops the same
//     repeats (Raft dissertation, 6.3).
//   - Log time is the largest clock reading in any entry so far. It is part of the replicated state too, and the only time
//     there is here.
//   - A result is bytes; it travels back to the client that sent the command.
//
// Nothing here knows a clock, chance, the network or the disk: a replica that applies the same log, from the beginning or from
// a snapshot, has the same state, the same results and the same hash, on every architecture.
package statemachine

// StateMachine is what the committed commands of a log act on. All replicas apply the same commands in the same order,
// so everything Apply does must follow from the state and the command alone: no clock, no randomness, no map order, no
// address, no float, nothing of the machine it runs on.
//
// statemachinetest.Check tests an implementation against this contract.
//
// A machine may also be a Snapshotter, so that the log can be cut short, a Reader, so that reads need not go through it, and Timed.
type StateMachine interface {
	// Apply executes one command and returns dst with the result appended; it leaves dst[:len(dst)] as it was. The
	// index is the place in the log where the command takes effect. It never falls from call to call; it stays where an
	// entry brings several commands into effect, and has gaps where the log holds entries that are no commands. A
	// result must not depend on it unless the same log on another replica gives the same one.
	//
	// Neither command nor dst may be kept, and command may not be written to: both belong to the caller again when
	// the call returns. Bytes that are no command of this machine are still committed on every replica, so they must
	// give a deterministic result too; a panic would end all replicas, again after each restart.
	Apply(index uint64, command, dst []byte) (result []byte)

	// Hash is a fingerprint of the whole state. Equal states have equal hashes whatever led to them, on every
	// architecture; different states have different ones up to chance. It is maintained by Apply, costs O(1) and
	// changes nothing.
	Hash() uint64
}

// Snapshotter is a StateMachine whose state can be carried as bytes.
type Snapshotter interface {
	// AppendSnapshot appends the whole state and changes nothing. Equal states give equal bytes, whatever led to them.
	AppendSnapshot(dst []byte) []byte
	// Restore replaces the whole state, whatever it was, by that of a snapshot: every later result, hash and snapshot is
	// as if the machine had applied what led to the snapshot. Bytes that are no snapshot give an error and change nothing,
	// without a panic and without more memory than the bytes could mean. b may not be kept or written to.
	Restore(b []byte) error
}

// Reader is a StateMachine that can be asked without a command in the log.
type Reader interface {
	// Query answers from the present state and returns dst with the result appended, under the same rules as
	// StateMachine.Apply. It changes nothing, not even the hash; bytes that are no query give a deterministic result.
	Query(query, dst []byte) (result []byte)
}

// Timed is a StateMachine in which something ends by itself: leases, for instance. It is told log time, which all replicas agree on, and
// has no other.
type Timed interface {
	// Advance says that log time is now: the largest stamp of any entry so far, above 0, that of the entry whose commands are
	// applied next among them. It is called whenever log time has gone on, before anything else the entry does. A time that is not
	// larger than the one before changes nothing. Everything Advance does must follow from the state and the time alone, and the
	// time is part of the state: of hash and snapshot.
	Advance(now int64)
}

// codecError says why bytes do not decode. A constant of this type is an error that costs no allocation and that no
// one can reassign.
type codecError string

func (e codecError) Error() string { return string(e) }
