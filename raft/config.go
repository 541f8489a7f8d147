package raft

import (
	"fmt"
	"math"
	"time"
)

// Defaults of the limits in Config.
const (
	defaultMaxEntriesPerMessage = 64
	defaultMaxBytesPerMessage   = 1 << 20
	defaultMaxInflight          = 256
	defaultMaxInflightBytes     = 16 << 20
	defaultMaxUncommitted       = 1 << 14
	defaultMaxUncommittedBytes  = 64 << 20
	defaultMaxCommittedPerReady = 1 << 10
	defaultMaxCommittedBytes    = 4 << 20
	defaultMaxBytesPerWrite     = 16 << 20
	defaultMaxChunkBytes        = 64 << 10
	defaultMaxClockDriftPPM     = 500
)

// MaxProposalBytes is the size of the largest proposal. Whatever the limits in Config say, one this large gets into a log,
// a message and a page, alone if need be; a larger one is refused with ErrProposalTooLarge.
const MaxProposalBytes = 32 << 20

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
	MaxInflightBytes     int // bytes of data in unanswered appends per follower, exceeded by a single append only; 0 means 16 MiB
	MaxUncommitted       int // entries a leader holds that are not committed, or not durable on its own disk, before it drops proposals; 0 means 16384
	MaxUncommittedBytes  int // bytes of data in them; 0 means 64 MiB. A proposal is let in if there are none yet, or it has none
	MaxCommittedPerReady int // entries in Ready.Committed; 0 means 1024
	MaxCommittedBytes    int // bytes of data in Ready.Committed, exceeded by a single large entry only; 0 means 4 MiB
	MaxBytesPerWrite     int // bytes in Ready.Entries, each counting for 32 beside its data, exceeded by a single large entry only; 0 means 16 MiB
	MaxPendingAppends    int // tickets under way; while there are as many nothing new is handed out to be written; 0 means no limit
	MaxApplying          int // entries handed out to be applied and not reported back; 0 means no limit
	MaxChunkBytes        int // bytes of a snapshot in one message; 0 means 64 KiB
	RetainEntries        int // entries before the last snapshot that are kept for followers a little behind

	// DisableParallelAppend makes a leader's appends wait until its own log is durable (thesis §10.2.1 says why not).
	DisableParallelAppend bool
	// DisablePipeline sends one append at a time to each follower, even when it keeps up (thesis §10.2.1).
	DisablePipeline bool

	// LeaseReads lets a leader answer lease reads without asking (thesis §6.4.1), and makes a voter that restarts refuse votes for
	// one election timeout: before its restart it may have been part of a lease. All servers of a cluster must agree on it, and on
	// ElectionTimeout. It needs check-quorum.
	LeaseReads bool
	// MaxClockDriftPPM bounds, in parts per million, how much faster or slower than true time any server's clock runs. Lease
	// reads are linearizable as long as it holds. 0 means 500.
	MaxClockDriftPPM int

	// Jitter is asked for the addition to ElectionTimeout each time one is drawn: at New, at every change of the term, and
	// when the server becomes pre-candidate or candidate. That is at least once per term and often more than once; term is the
	// server's term after the transition. The result is clamped into [0, ElectionTimeout).
	// nil means a multiple of 1/1024 of the election timeout, which looks drawn but follows from ID and term.
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
	if err := c.validateLease(); err != nil {
		return err
	}
	for _, limit := range []struct {
		name  string
		value int
	}{
		{"MaxEntriesPerMessage", c.MaxEntriesPerMessage},
		{"MaxBytesPerMessage", c.MaxBytesPerMessage},
		{"MaxInflight", c.MaxInflight},
		{"MaxInflightBytes", c.MaxInflightBytes},
		{"MaxUncommitted", c.MaxUncommitted},
		{"MaxUncommittedBytes", c.MaxUncommittedBytes},
		{"MaxCommittedPerReady", c.MaxCommittedPerReady},
		{"MaxCommittedBytes", c.MaxCommittedBytes},
		{"MaxBytesPerWrite", c.MaxBytesPerWrite},
		{"MaxPendingAppends", c.MaxPendingAppends},
		{"MaxApplying", c.MaxApplying},
		{"MaxChunkBytes", c.MaxChunkBytes},
		{"RetainEntries", c.RetainEntries},
	} {
		if limit.value < 0 {
			return fmt.Errorf("raft: %s (%d) must not be negative", limit.name, limit.value)
		}
	}
	return nil
}

// validateLease refuses leases that nothing would keep (D07) and drifts that leave nothing of them.
func (c *Config) validateLease() error {
	switch {
	case c.LeaseReads && c.DisableCheckQuorum:
		return fmt.Errorf("raft: LeaseReads needs check-quorum: without it servers vote while a lease is in force")
	case c.MaxClockDriftPPM < 0:
		return fmt.Errorf("raft: MaxClockDriftPPM (%d) must not be negative", c.MaxClockDriftPPM)
	case c.MaxClockDriftPPM >= 500_000:
		return fmt.Errorf("raft: MaxClockDriftPPM (%d) must be below 500000: twice that leaves nothing of a lease", c.MaxClockDriftPPM)
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
		{&c.MaxInflightBytes, defaultMaxInflightBytes},
		{&c.MaxUncommitted, defaultMaxUncommitted},
		{&c.MaxUncommittedBytes, defaultMaxUncommittedBytes},
		{&c.MaxCommittedPerReady, defaultMaxCommittedPerReady},
		{&c.MaxCommittedBytes, defaultMaxCommittedBytes},
		{&c.MaxBytesPerWrite, defaultMaxBytesPerWrite},
		{&c.MaxPendingAppends, math.MaxInt},
		{&c.MaxApplying, math.MaxInt},
		{&c.MaxChunkBytes, defaultMaxChunkBytes},
		{&c.MaxClockDriftPPM, defaultMaxClockDriftPPM},
	} {
		if *limit.value == 0 {
			*limit.value = limit.zero
		}
	}
	if c.DisablePipeline {
		c.MaxInflight = 1
	}
	return c
}

// jitter draws the addition to the election timeout for a term.
func (c *Config) jitter(term uint64) int64 {
	timeout := int64(c.ElectionTimeout)
	if c.Jitter == nil {
		// Any simple rhythm of ids and terms has pairs of servers that keep step with each other, and split every vote for ever. In
		// this order a timeout below 1024 ns still spreads, and nothing overflows (ElectionTimeout is below 2^61).
		parts := int64(mix(mix(c.ID)^term) >> 54)
		return timeout/1024*parts + timeout%1024*parts/1024
	}
	return min(max(int64(c.Jitter(term)), 0), timeout-1)
}

// mix spreads every bit of x over the whole word: a bijection of two rounds of multiplication (constants of splitmix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Validate reports in one sentence what makes s an impossible state, or nil. Storage that recovered such a state has lost
// or invented something, and the server must not take part.
func (s *InitialState) Validate() error {
	index, term := s.Offset, s.OffsetTerm
	snapshotTerm := s.OffsetTerm // what the log says
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
		if index == s.Snapshot.Index {
			snapshotTerm = term
		}
	}
	switch {
	case s.Snapshot.Index < s.Offset:
		return fmt.Errorf("raft: the recovered log starts after entry %d, but the last snapshot ends at %d", s.Offset, s.Snapshot.Index)
	case s.Offset > 0 && s.Snapshot.ConfState.IsEmpty():
		return fmt.Errorf("raft: the recovered log starts after entry %d, but the last snapshot has no configuration", s.Offset)
	case s.Snapshot.Index > index:
		return fmt.Errorf("raft: the last snapshot ends at entry %d, but the recovered log at %d", s.Snapshot.Index, index)
	case s.Snapshot.Index > 0 && s.Snapshot.Term != snapshotTerm:
		return fmt.Errorf("raft: the last snapshot ends at entry %d of term %d, which has the term %d in the recovered log",
			s.Snapshot.Index, s.Snapshot.Term, snapshotTerm)
	case s.Applied < s.Snapshot.Index:
		return fmt.Errorf("raft: the state machine has applied entry %d, but the last snapshot ends at %d", s.Applied, s.Snapshot.Index)
	case s.HardState.Term < term:
		return fmt.Errorf("raft: the recovered term %d is below the term %d of the last entry", s.HardState.Term, term)
	case s.HardState.Vote != None && s.HardState.Term == 0:
		return fmt.Errorf("raft: a vote for n%d was recovered without a term", s.HardState.Vote)
	case s.HardState.Commit > index && s.Lost == (EntryID{}):
		return fmt.Errorf("raft: the recovered commit index %d is beyond the last entry %d", s.HardState.Commit, index)
	case s.Applied > index:
		return fmt.Errorf("raft: the state machine has applied entry %d, but the recovered log ends at %d", s.Applied, index)
	}
	if (s.Lost.Index == 0) != (s.Lost.Term == 0) {
		return fmt.Errorf("raft: entry %d of term %d was lost", s.Lost.Index, s.Lost.Term)
	}
	if s.ConfState.IsEmpty() {
		return nil // it is to join
	}
	return s.ConfState.Validate()
}
