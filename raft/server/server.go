// Package server is one server of a replicated state machine: a consensus core, a log and snapshots on disk, client sessions,
// the state machine, reads and the routing of requests. It is driven by events and has no goroutine, clock or socket; its host
// brings input and the time, and carries out effects.
//
// Rules it keeps, each needed for safety:
//
//   - Nothing that depends on a write leaves before the write is durable: votes, vote requests and acknowledgements wait for
//     their ticket (paper §5.1, figure 2: "updated on stable storage before responding").
//   - Time goes on while a sync is pending. A stalled disk must not keep a leader from noticing that it lost its quorum.
//   - No server says of a proposal that may be in a log that it is not, or will not be applied. It says nothing, and the outcome
//     stays unknown to the client. That an attempt is lost is known when its index was applied with another's entry (X07).
//   - The server that took a request from a client answers it, once its own state machine has applied it.
//   - A request is forwarded once at most: by the server that took it, to whoever leads (Config.Reforward: once per leadership). A server that cannot propose a forwarded one tells the client to try again.
//   - A read is answered from state that contains everything up to an index the core vouches for; only ReadStale and ReadSequential ask for less.
//   - A received snapshot replaces the state machine's state only after the core has accepted it and the disk holds it (N13).
//   - Nothing is forgotten for a snapshot that is not durable.
//   - After a failed write or sync the server halts: what its disk holds is unknown.
//   - Whatever outsiders can make grow has a bound: waiting operations (Config.MaxWaiting), reads (Config.MaxReads), commands
//     (Config.MaxCommand), requests kept for the next leader (Config.Reforward), held messages (maxHeld), remembered proposals (the entries a leader has of its terms and has not
//     applied), entries to be applied (raft.Config.MaxApplying).
//
// Calls do not nest: a host that calls back into the server, other than to read, meets a panic. So does one that goes on
// with a server after one of its calls ended in a panic: what was decided and what was carried out no longer agree.
//
// The example of this package is a cluster with a client in memory, and a place to start from.
package server

import (
	"fmt"
	"math"

	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
	"raftsim/raft/storage"
	"raftsim/raft/vfs"
)

// Counters say what became of requests.
type Counters struct {
	Proposed, Forwarded, Redirected, Unavailable, Busy, Suppressed, Answered, AnsweredFromSession uint64
	// Dropped is how many attempts were reported as lost: another entry was committed in their place.
	Dropped uint64
	// Expired is how many operations were answered with the end of their session.
	Expired uint64
	// Told is how often somebody was told who leads.
	Told uint64
	// Held is how many requests were kept because no leader was known; Reforwarded how many were sent on again, or for the first
	// time, to a leader that had become known.
	Held, Reforwarded uint64
	// TooLarge is how many commands and queries were refused for their size.
	TooLarge uint64
	// Reads is how many reads were answered from this server's state without an entry of the log, ReadsRefused how many were not.
	Reads, ReadsRefused uint64
	// Snapshots taken and saved, installed, and messages with pieces of one that left.
	SnapshotsTaken, SnapshotsInstalled, ChunksSent uint64
	// SnapshotsRefused is how many were not taken because the state is too large (Config.MaxSnapshotBytes): the log grows on.
	SnapshotsRefused uint64
	// ChunksDropped is how many messages with a piece of a snapshot were dropped because this server no longer has it.
	ChunksDropped uint64
	// Shed is how many messages were dropped because too many waited for the disk already.
	Shed uint64
}

// Error is a sentence that can be compared; what this package refuses is said by constants of it.
type Error string

// Error returns the sentence.
func (e Error) Error() string { return string(e) }

const (
	// ErrNotRunning refuses a call to a server that recovers, has stopped, or was found dead in the call.
	ErrNotRunning Error = "server: not running"
	// ErrNotMember refuses to bootstrap a server that is no member of the cluster it is to begin with. One that is added later joins.
	ErrNotMember Error = "server: not a member of the configuration"
	// ErrNoFS, ErrNoHost and ErrNoMachine refuse nil.
	ErrNoFS      Error = "server: no file system"
	ErrNoHost    Error = "server: no host"
	ErrNoMachine Error = "server: no state machine"
	// ErrNoSnapshotter refuses what needs snapshots to a state machine that has none.
	ErrNoSnapshotter Error = "server: the state machine is no Snapshotter"
	// ErrSnapshotPending refuses a snapshot while one is being saved or installed.
	ErrSnapshotPending Error = "server: a snapshot is under way"
	// ErrNothingNew refuses a snapshot when nothing was applied since the last one.
	ErrNothingNew Error = "server: nothing was applied since the last snapshot"
	// ErrSnapshotTooLarge refuses a snapshot of more than Config.MaxSnapshotBytes.
	ErrSnapshotTooLarge Error = "server: the state is too large for a snapshot"
)

type phase uint8

const (
	phaseRecovering phase = iota
	phaseRunning
	phaseDead
	phaseHalted
	phaseClosed
)

// Server is one member. It is made by Restart.
type Server struct {
	cfg      Config
	host     Host
	observer Observer
	log      *storage.Log
	core     Core
	reader   StatusReader // the core, if it is one
	sessions *statemachine.Sessions
	phase    phase
	campaign bool // as soon as recovered
	inside   bool // a call is under way, or one has panicked
	now      int64
	leading  bool
	term     uint64      // as of the last turn
	status   raft.Status // scratch

	recovered raft.InitialState
	// remembered is the status until there is a core, once somebody has asked.
	remembered *raft.Status

	issued    uint64      // last ticket given to the disk
	durable   uint64      // last ticket that completed
	dependent []dependent // in order of ticket
	counters  Counters

	held      held // what is to be forwarded again to the next leader
	beacon    beacons
	waiting   table[waiter]   // operations whose client this server owes an answer
	proposals proposals       // what this server put into its log as a leader and has not seen applied
	reads     reads           // reads that wait for an index, or for the state machine to reach it
	queue     queue           // committed entries that wait for HandleApply
	snapshots snapshots       // what is known of this server's snapshots
	applied   raft.EntryID    // the last entry the state machine has
	conf      raft.ConfState  // after that entry
	configs   []configuration // of entries handed out and not applied
	envelope  []byte          // scratch
	reply     client.Reply    // scratch
	forward   client.Request  // scratch
	message   raft.Message    // scratch
	result    []byte          // scratch
}

// HandleMessage takes in a message of another member. m, its entries and their data belong to the caller again when the call returns: the
// server copies what it keeps. What the host is given (Host.SendMessage) is its own for the time of that call only.
func (s *Server) HandleMessage(now int64, m *raft.Message) {
	if s.phase != phaseRunning {
		return
	}
	s.enter(now)
	if s.moment(MomentReceived) {
		// A message the core refuses (of no member, say) is dropped like one that was lost.
		_ = s.core.Step(now, m)
		s.turn()
	}
	s.inside = false
}

// HandleSync takes in the completion of a sync. Completions come in the order of submission.
func (s *Server) HandleSync(now int64, t vfs.Ticket, err error) {
	if s.phase != phaseRunning && s.phase != phaseRecovering {
		return
	}
	s.enter(now)
	s.completed(t, err)
	s.inside = false
}

// Tick lets time pass. It may be called at any time, and does something from Deadline on.
func (s *Server) Tick(now int64) {
	if s.phase != phaseRunning || now < s.Deadline() {
		return
	}
	s.enter(now)
	if s.moment(MomentReceived) {
		if now >= s.core.Deadline() {
			s.core.Tick(now)
			s.turn()
		}
		if s.phase == phaseRunning && now >= s.beaconDue() {
			s.announce()
		}
	}
	s.inside = false
}

// Deadline says when Tick next wants to be called, in local nanoseconds; math.MaxInt64 for never.
func (s *Server) Deadline() int64 {
	if s.phase != phaseRunning {
		return math.MaxInt64
	}
	return min(s.core.Deadline(), s.beaconDue())
}

// Campaign starts an election now, or as soon as the server has recovered.
func (s *Server) Campaign(now int64) {
	switch s.phase {
	case phaseRecovering:
		s.campaign = true
	case phaseRunning:
		s.enter(now)
		s.core.Campaign(now)
		s.turn()
		s.inside = false
	}
}

// Close gives the files back to the system. What was not synced stays so. The server does nothing any more, whatever is asked of
// it; closing it twice, or after its death or a panic, is allowed.
func (s *Server) Close() {
	if s.phase == phaseClosed {
		return
	}
	s.phase = phaseClosed
	_ = s.log.Close() // nothing depends on it: what counts was synced, and nothing else was promised
}

// Status returns the server's view of itself. While it recovers, and if it never got further, that is what its disk remembered: as a
// core of this project's own, made of that, would say it.
func (s *Server) Status() raft.Status {
	if s.core != nil {
		return s.core.Status()
	}
	if s.remembered == nil {
		st := s.remember()
		s.remembered = &st
	}
	return *s.remembered
}

// remember says what the disk remembers. The cost is that of a new core: O(entries).
func (s *Server) remember() raft.Status {
	in := &s.recovered
	cfg := s.cfg.Raft
	cfg.Jitter = nil // the host is asked by the core that runs, and by no other
	if core, err := raft.New(cfg, s.now, *in); err == nil {
		return core.Status()
	}
	// The core is going to refuse it too, and the server to halt.
	st := raft.Status{
		ID: s.cfg.Raft.ID, Term: in.HardState.Term, Vote: in.HardState.Vote, Applied: in.Applied, Commit: in.HardState.Commit,
		FirstIndex: in.Offset + 1, LastIndex: in.Offset, LastTerm: in.OffsetTerm,
	}
	if n := len(in.Entries); n > 0 {
		st.LastIndex, st.LastTerm = in.Entries[n-1].Index, in.Entries[n-1].Term
	}
	return st
}

// ReadStatus sets all of st to Status.
func (s *Server) ReadStatus(st *raft.Status) {
	if s.core != nil {
		s.readStatus(st)
	} else {
		*st = s.Status()
	}
}

// readStatus asks the core.
func (s *Server) readStatus(st *raft.Status) {
	if s.reader != nil {
		s.reader.ReadStatus(st)
	} else {
		*st = s.core.Status()
	}
}

// Running reports whether the server takes part: it has recovered and has not stopped.
func (s *Server) Running() bool { return s.phase == phaseRunning }

// Applied returns the index of the last applied entry, and the hash of the replicated state after it.
func (s *Server) Applied() (index, hash uint64) { return s.sessions.Applied(), s.sessions.Hash() }

// Counters returns what became of the requests so far.
func (s *Server) Counters() Counters { return s.counters }

// enter begins a call.
func (s *Server) enter(now int64) {
	if s.inside {
		panic(fmt.Sprintf("server: n%d: called from within one of its own calls, or after one that panicked", s.cfg.Raft.ID))
	}
	s.inside, s.now = true, now
}

func (s *Server) moment(m Moment) bool {
	if s.host.Moment(m, s.term) {
		return true
	}
	s.phase = phaseDead
	return false
}

func (s *Server) halt(err error) {
	s.phase = phaseHalted
	s.host.Halt(err)
}
