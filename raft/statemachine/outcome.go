package statemachine

import "fmt"

// Status says what an entry of the log did about a command, or about the opening of a session.
type Status uint8

const (
	// StatusNoop: the entry was empty, a new leader's first one. Nothing changed, no one waits for an answer.
	StatusNoop Status = iota
	// StatusMalformed: the bytes are no envelope. Nothing changed, on any replica.
	StatusMalformed
	// StatusApplied: the command was executed, the result is new; or the session was opened.
	StatusApplied
	// StatusRepeated: it was done before. Nothing changed; the result is the one given then.
	StatusRepeated
	// StatusWaiting: the command came before its predecessor and is kept. It will be executed at an entry that says so
	// (StatusApplied), or never.
	StatusWaiting
	// StatusStale: the client has gone on: it has had the answer, or has given up. Nothing changed and no answer may be
	// given: the result is forgotten, and "not executed" would be a lie if this was a second copy.
	StatusStale
	// StatusTooEarly: the number lies Window or more above the lowest one the client still wants an answer to. This copy does
	// nothing and never will. No client that keeps to Window sees it.
	StatusTooEarly
	// StatusExpired: the session does not exist, or no longer. This copy does nothing and never will; an earlier one may have
	// been executed while the session existed.
	StatusExpired
)

func (s Status) String() string {
	switch s {
	case StatusNoop:
		return "noop"
	case StatusMalformed:
		return "malformed"
	case StatusApplied:
		return "applied"
	case StatusRepeated:
		return "repeated"
	case StatusWaiting:
		return "waiting"
	case StatusStale:
		return "stale"
	case StatusTooEarly:
		return "too early"
	case StatusExpired:
		return "expired"
	}
	return fmt.Sprintf("Status(%d)", uint8(s))
}

// Outcome is what became of one command, or of one opening of a session.
type Outcome struct {
	Client, Seq uint64 // zero for a no-op and for malformed bytes
	Session     uint64 // the one the envelope named, or the one that was opened (and 0 if no session was)
	Status      Status
	Kind        EnvelopeKind
	Result      []byte // of a command that was applied or is repeated; part of the session, not to be written to
}
