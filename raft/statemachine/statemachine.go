// Package statemachine holds what a replicated log is applied to: the interface a user's state machine satisfies, the
// client sessions that make a retry harmless, and a key-value map as the state machine of the house.
//
// The terms:
//
//   - A command is bytes whose meaning only the state machine knows.
//   - An envelope is what the log stores: (client, sequence number, command). AppendEnvelope makes one.
//   - A session is what a replica remembers per client: the last sequence number it applied and the answer it gave.
//     Sessions are part of the replicated state, so every replica drops the same repeats (Raft dissertation, 6.3).
//   - A result is bytes too; it travels back to the client that sent the command.
//
// Nothing here knows time, chance, the network or the disk: a replica that applies the same log has the same state, the
// same results and the same hash, on every architecture.
package statemachine

// StateMachine is what the committed commands of a log act on. All replicas apply the same commands in the same order,
// so everything Apply does must follow from the state and the command alone: no clock, no randomness, no map order, no
// address, no float, nothing of the machine it runs on.
//
// statemachinetest.Check tests an implementation against this contract.
//
// A machine that wants log compaction will also implement an optional interface with Snapshot and Restore, which is
// discovered by a type assertion; one that does not is replayed from the whole log.
type StateMachine interface {
	// Apply executes one command and returns dst with the result appended; it leaves dst[:len(dst)] as it was. The
	// index is the command's place in the log: it rises from call to call, with gaps where the log holds entries that
	// are not commands. A result must not depend on it unless the same log on another replica gives the same one.
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

// codecError says why bytes do not decode. A constant of this type is an error that costs no allocation and that no
// one can reassign.
type codecError string

func (e codecError) Error() string { return string(e) }
