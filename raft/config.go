package raft

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Defaults of the limits in Config.
const (
	defaultMaxEntriesPerMessage = 64
	defaultMaxBytesPerMessage   = 1 << 20
	defaultMaxInflight          = 256
	defaultMaxUncommitted       = 1 << 14
	defaultMaxCommittedPerReady = 1 << 10
)

// Config is what a server is told once. Besides ID and the two durations, the zero value is the strictest choice or the
// default named at the field.
type Config struct {
	ID uint64
	// ElectionTimeout is how long a follower trusts a silent leader, at least; the jitter comes on top.
	ElectionTimeout time.Duration
	// HeartbeatInterval must be below ElectionTimeout.
	HeartbeatInterval time.Duration

	// DisablePreVote lets a server raise its term before it knows that it could win (thesis §9.6 says why not).
	DisablePreVote bool
	// DisableCheckQuorum lets a leader go on without hearing from a quorum, and turns off leader stickiness.
	DisableCheckQuorum bool

	MaxEntriesPerMessage int // entries in one append; 0 means 64
	MaxBytesPerMessage   int // bytes of data in one append, exceeded by a single large entry only; 0 means 1 MiB
	MaxInflight          int // unanswered appends per follower; 0 means 256
	MaxUncommitted       int // entries a leader holds beyond its commit index before it drops proposals; 0 means 16384
	MaxCommittedPerReady int // entries in Ready.Committed; 0 means 1024

	// Jitter is asked for the addition to ElectionTimeout each time one is drawn: at New, at every change of the term, and
	// when the server becomes pre-candidate or candidate. That is at least once per term and often more than once; term is the
	// server's term after the transition. The result is clamped into [0, ElectionTimeout).
	// nil means ((ID + term) mod 8) / 8 of the election timeout.
	Jitter func(term uint64) time.Duration
}

// Validate reports in one sentence what is wrong with c, or nil.
func (c *Config) Validate() error {
	switch {
	case c.ID == None:
		return fmt.Errorf("raft: the id of a server must not be 0")
	case c.HeartbeatInterval <= 0:
		return fmt.Errorf("raft: the heartbeat interval (%v) must be above zero", c.HeartbeatInterval)
	case c.HeartbeatInterval >= c.ElectionTimeout:
		return fmt.Errorf("raft: the heartbeat interval (%v) must be below the election timeout (%v)",
			c.HeartbeatInterval, c.ElectionTimeout)
	case c.ElectionTimeout > math.MaxInt64/4:
		return fmt.Errorf("raft: the election timeout (%v) must be below a quarter of the largest duration", c.ElectionTimeout)
	}
	for _, limit := range []struct {
		name  string
		value int
	}{
		{"MaxEntriesPerMessage", c.MaxEntriesPerMessage},
		{"MaxBytesPerMessage", c.MaxBytesPerMessage},
		{"MaxInflight", c.MaxInflight},
		{"MaxUncommitted", c.MaxUncommitted},
		{"MaxCommittedPerReady", c.MaxCommittedPerReady},
	} {
		if limit.value < 0 {
			return fmt.Errorf("raft: %s (%d) must not be negative", limit.name, limit.value)
		}
	}
	return nil
}

// withDefaults returns c with every zero limit replaced by its default.
func (c Config) withDefaults() Config {
	for _, limit := range []struct {
		value *int
		zero  int
	}{
		{&c.MaxEntriesPerMessage, defaultMaxEntriesPerMessage},
		{&c.MaxBytesPerMessage, defaultMaxBytesPerMessage},
		{&c.MaxInflight, defaultMaxInflight},
		{&c.MaxUncommitted, defaultMaxUncommitted},
		{&c.MaxCommittedPerReady, defaultMaxCommittedPerReady},
	} {
		if *limit.value == 0 {
			*limit.value = limit.zero
		}
	}
	return c
}

// jitter draws the addition to the election timeout for a term.
func (c *Config) jitter(term uint64) int64 {
	timeout := int64(c.ElectionTimeout)
	if c.Jitter == nil {
		// In this order a timeout below 8 ns still spreads, and nothing overflows (ElectionTimeout is below 2^61).
		eighths := int64((c.ID + term) % 8)
		return timeout/8*eighths + timeout%8*eighths/8
	}
	return min(max(int64(c.Jitter(term)), 0), timeout-1)
}

// Validate reports in one sentence what makes s an impossible state, or nil. Storage that recovered such a state has lost
// or invented something, and the server must not take part.
func (s *InitialState) Validate() error {
	index, term := s.Offset, s.OffsetTerm
	if (index == 0) != (term == 0) {
		return fmt.Errorf("raft: the offset %d has the term %d", index, term)
	}
	for i := range s.Entries {
		e := &s.Entries[i]
		if e.Index != index+1 {
			return fmt.Errorf("raft: entry %d follows entry %d in the recovered log", e.Index, index)
		}
		if e.Term < term || e.Term == 0 {
			return fmt.Errorf("raft: entry %d of term %d follows one of term %d in the recovered log", e.Index, e.Term, term)
		}
		index, term = e.Index, e.Term
	}
	switch {
	case s.HardState.Term < term:
		return fmt.Errorf("raft: the recovered term %d is below the term %d of the last entry", s.HardState.Term, term)
	case s.HardState.Vote != None && s.HardState.Term == 0:
		return fmt.Errorf("raft: a vote for n%d was recovered without a term", s.HardState.Vote)
	case s.HardState.Commit > index:
		return fmt.Errorf("raft: the recovered commit index %d is beyond the last entry %d", s.HardState.Commit, index)
	case s.Applied > index:
		return fmt.Errorf("raft: the state machine has applied entry %d, but the recovered log ends at %d", s.Applied, index)
	case s.Applied < s.Offset:
		return fmt.Errorf("raft: the state machine has applied entry %d, but the recovered log starts after %d", s.Applied, s.Offset)
	}
	return s.ConfState.Validate()
}

// Validate reports in one sentence what is wrong with the membership, or nil.
func (s *ConfState) Validate() error {
	if len(s.Voters) == 0 {
		return fmt.Errorf("raft: the configuration has no voter")
	}
	for i, id := range s.Voters {
		if id == None {
			return fmt.Errorf("raft: the configuration has a voter with id 0")
		}
		if slices.Contains(s.Voters[:i], id) {
			return fmt.Errorf("raft: the configuration has the voter n%d twice", id)
		}
	}
	return nil
}
