package statemachine

import "fmt"

// Status says what applying an entry of the log did.
type Status uint8

const (
	// StatusNoop: the entry was empty, a new leader's first one. Nothing changed, no one waits for an answer.
	StatusNoop Status = iota
	// StatusApplied: the command was executed; the result is new.
	StatusApplied
	// StatusRepeated: the client's last command came again. Nothing changed; the result is the one given then.
	StatusRepeated
	// StatusStale: the client has gone on to a later command. Nothing changed and no answer may be given: the result
	// is forgotten, and "not applied" would be a lie if this was a second copy.
	StatusStale
	// StatusMalformed: the bytes are no envelope. Nothing changed, on any replica.
	StatusMalformed
)

func (s Status) String() string {
	switch s {
	case StatusNoop:
		return "noop"
	case StatusApplied:
		return "applied"
	case StatusRepeated:
		return "repeated"
	case StatusStale:
		return "stale"
	case StatusMalformed:
		return "malformed"
	}
	return fmt.Sprintf("Status(%d)", uint8(s))
}

// Sessions applies each (client, sequence number) to its machine at most once, however often the log holds it, so a
// client may retry without risk (Raft dissertation, 6.3).
//
// A client has one operation outstanding and numbers them upward. A number may be left out (the client gave it up): a
// later one is applied all the same, and from then on the left-out one is stale. So "given up" means: takes effect once
// before the client's next operation, or never.
//
// Sessions never expire. To end one is a decision all replicas must take at the same place of the log; by a local clock
// or a local cache size they would differ.
//
// The zero value is not usable; call NewSessions. Memory: O(clients), one cached result each.
type Sessions struct {
	machine StateMachine
	applied uint64         // index of the last entry given to Apply
	slots   map[uint64]int // client -> position in list; looked up, never ranged over
	list    []session      // in the order of their first command
	sum     uint64         // sum of the sessions' hashes
}

type session struct {
	client uint64
	seq    uint64 // the last one applied, at least 1
	result []byte // what it answered; the buffer is reused
	hash   uint64 // what this session contributes to Sessions.sum
}

// NewSessions wraps a machine in its initial state.
func NewSessions(machine StateMachine) *Sessions {
	return &Sessions{machine: machine, slots: make(map[uint64]int)}
}

// Reset forgets every session and continues with machine, which must be in its initial state: a restart, before the log is
// replayed from its first entry.
func (s *Sessions) Reset(machine StateMachine) {
	s.machine = machine
	s.applied = 0
	clear(s.slots)
	s.list = s.list[:0]
	s.sum = 0
}

// Apply executes one committed entry. result is dst with the answer appended (Applied, Repeated) or dst itself; client and seq
// are zero for Noop and Malformed. Neither envelope nor dst is kept.
//
// Entries come in the order of the log: an index that does not rise is a panic. The sessions would hide such a bug for
// as long as the entry is a client's last one, and no longer.
//
// Cost: one map lookup and the hash of the result on top of the machine; no allocation unless a result outgrows all
// earlier ones of its client.
func (s *Sessions) Apply(index uint64, envelope, dst []byte) (client, seq uint64, result []byte, status Status) {
	if index <= s.applied {
		panic(fmt.Sprintf("statemachine: entry %d applied after entry %d", index, s.applied))
	}
	s.applied = index
	if len(envelope) == 0 {
		return 0, 0, dst, StatusNoop
	}
	client, seq, command, err := DecodeEnvelope(envelope)
	if err != nil {
		return 0, 0, dst, StatusMalformed
	}
	slot, known := s.slots[client]
	if known {
		last := &s.list[slot]
		if seq == last.seq {
			return client, seq, append(dst, last.result...), StatusRepeated
		}
		if seq < last.seq {
			return client, seq, dst, StatusStale
		}
	} else {
		slot = s.open(client)
	}
	start := len(dst)
	result = s.machine.Apply(index, command, dst)
	if len(result) < start {
		panic(fmt.Sprintf("statemachine: %T.Apply cut dst from %d bytes to %d", s.machine, start, len(result)))
	}
	s.remember(&s.list[slot], seq, result[start:])
	return client, seq, result, StatusApplied
}

// open adds an empty session, taking over the result buffer of one that a Reset dropped.
func (s *Sessions) open(client uint64) int {
	slot := len(s.list)
	if slot < cap(s.list) {
		s.list = s.list[:slot+1]
		s.list[slot] = session{client: client, result: s.list[slot].result[:0]}
	} else {
		s.list = append(s.list, session{client: client})
	}
	s.slots[client] = slot
	return slot
}

func (s *Sessions) remember(entry *session, seq uint64, result []byte) {
	s.sum -= entry.hash
	entry.seq = seq
	entry.result = append(entry.result[:0], result...)
	entry.hash = combine(combine(entry.client, seq), hashBytes(result))
	s.sum += entry.hash
}

// Last returns the client's last applied sequence number and its result, or zero and nil for a client never seen. A server may
// answer a retry of exactly that number from it without another entry: the first copy is committed and applied. The result
// aliases the session and is valid until the next Apply or Reset.
func (s *Sessions) Last(client uint64) (seq uint64, result []byte) {
	slot, known := s.slots[client]
	if !known {
		return 0, nil
	}
	return s.list[slot].seq, s.list[slot].result
}

// Len returns the number of clients that ever had a command applied.
func (s *Sessions) Len() int { return len(s.list) }

// Applied returns the index of the last entry given to Apply, or zero.
func (s *Sessions) Applied() uint64 { return s.applied }

// Machine returns the wrapped machine, for reading.
func (s *Sessions) Machine() StateMachine { return s.machine }

// Hash is a fingerprint of the machine's state and all sessions with their cached results. The applied index is no
// part of it: a no-op changes nothing. Cost: O(1).
func (s *Sessions) Hash() uint64 { return combine(s.sum, s.machine.Hash()) }
