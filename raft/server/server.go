// Package server is one server of a replicated state machine: a consensus core, a log on disk, client sessions, the state
// machine and the routing of requests. It is driven by events and has no goroutine, clock or socket; its host brings input
// and the time, and carries out effects.
//
// Rules it keeps, each needed for safety:
//
//   - Nothing that depends on a write leaves before the write is durable: votes, vote requests and acknowledgements wait for
//     their ticket (paper §5.1, figure 2: "updated on stable storage before responding").
//   - Time goes on while a sync is pending. A stalled disk must not keep a leader from noticing that it lost its quorum.
//   - No server says "failed" of a proposal that may be in a log. It says nothing, and the outcome stays unknown to the client.
//   - The server that took a request from a client answers it, once its own state machine has applied it.
//   - A request is forwarded once at most. A server that cannot propose a forwarded one tells the client to try again.
//   - After a failed write or sync the server halts: what its disk holds is unknown.
//   - Whatever outsiders can make grow has a bound: waiting clients (Config.MaxWaiting), commands (Config.MaxCommand), held
//     messages (maxHeld), remembered proposals (the entries a leader has of its term and has not applied).
//
// Calls do not nest: a host that calls back into the server, other than to read, meets a panic. So does one that goes on
// with a server after one of its calls ended in a panic: what was decided and what was carried out no longer agree.
package server

import (
	"fmt"
	"math"
	"slices"

	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
	"raftsim/raft/storage"
	"raftsim/raft/vfs"
)

// Config is what a server is told once.
type Config struct {
	Raft       raft.Config
	NewCore    NewCore // nil: NewRaft
	Forward    bool    // a follower forwards requests to the leader it believes in; else it redirects the client
	MaxWaiting int     // clients whose answer is pending at this server; beyond it they are refused; 0: 1024
	MaxCommand int     // bytes of a command; a larger one is refused before it is in any log; 0: 1 MiB, at most 32 MiB
}

// Counters say what became of requests.
type Counters struct {
	Proposed, Forwarded, Redirected, Unavailable, Busy, Suppressed, Answered, AnsweredFromSession uint64
	// Shed is how many messages were dropped because too many waited for the disk already.
	Shed uint64
}

const (
	defaultMaxWaiting = 1024
	defaultMaxCommand = 1 << 20
	// largestCommand leaves room for the envelope and the entry's head in a record of the log, which the log bounds by
	// 64 MiB: a leader halts when it cannot write its own log, and a client must not be able to bring that about.
	largestCommand = 32 << 20
	// maxHeld bounds the messages that wait for the disk. A disk that stalls for minutes meets a leader that goes on sending
	// heartbeats; an answer that is dropped is like one the network lost.
	maxHeld = 1 << 12
)

type phase uint8

const (
	phaseRecovering phase = iota
	phaseRunning
	phaseDead
	phaseHalted
)

// recoveryTicket is the sync of what a restart read. The core's tickets rise from 1 and a bootstrap uses 0 and 1: neither
// can be taken for it.
const recoveryTicket vfs.Ticket = math.MaxUint64

// Server is one member. It is made by Restart.
type Server struct {
	cfg      Config
	host     Host
	observer Observer
	log      *storage.Log
	core     Core
	sessions *statemachine.Sessions
	phase    phase
	campaign bool // as soon as recovered
	inside   bool // a call is under way, or one has panicked
	now      int64
	leading  bool
	term     uint64 // as of the last turn

	recovered storage.State
	issued    uint64              // last ticket given to the disk
	durable   uint64              // last ticket that completed
	dependent []dependent         // in order of ticket
	waiting   []waiter            // at most one per client, unordered
	proposed  map[uint64]proposal // by client: its last operation that this leader put into its log, until it is applied
	counters  Counters

	envelope []byte         // scratch
	result   []byte         // scratch
	reply    client.Reply   // scratch
	forward  client.Request // scratch
}

// dependent is a message that may leave once ticket is durable.
type dependent struct {
	ticket  uint64
	message raft.Message
}

// waiter is a client that this server owes an answer.
type waiter struct {
	client, seq uint64
	attempt     uint32
	heard       int64 // when the client asked last
}

// proposal is an operation in the log of a leader.
type proposal struct{ seq, term uint64 }

// Bootstrap writes the first state of a new member of a new cluster to an empty disk. It exists once the two syncs that it
// submits, tickets 0 and 1, have completed.
func Bootstrap(fsys vfs.FS, id uint64, conf raft.ConfState) error {
	return storage.Bootstrap(fsys, id, conf, 0, 1)
}

// Restart starts a member from its disk. machine must be in its initial state. The server is recovering until the host has
// reported the completion of the sync that Restart submits: what it read may be what a crashed process wrote and no sync
// ever covered, and to speak for it would promise what a power loss can still take. An empty disk, another member's disk and a
// damaged one are refused. observer may be nil.
func Restart(cfg Config, fsys vfs.FS, host Host, observer Observer, machine statemachine.StateMachine) (*Server, error) {
	if err := cfg.Raft.Validate(); err != nil {
		return nil, err
	}
	if cfg.NewCore == nil {
		cfg.NewCore = NewRaft
	}
	if cfg.MaxWaiting < 0 || cfg.MaxCommand < 0 || cfg.MaxCommand > largestCommand {
		return nil, fmt.Errorf("server: MaxWaiting (%d) and MaxCommand (%d) must not be negative, nor MaxCommand above %d",
			cfg.MaxWaiting, cfg.MaxCommand, largestCommand)
	}
	if cfg.MaxWaiting == 0 {
		cfg.MaxWaiting = defaultMaxWaiting
	}
	if cfg.MaxCommand == 0 {
		cfg.MaxCommand = defaultMaxCommand
	}
	log, state, err := storage.Open(fsys, cfg.Raft.ID, recoveryTicket)
	if err != nil {
		return nil, fmt.Errorf("restart of member %d: %w", cfg.Raft.ID, err)
	}
	return &Server{
		cfg: cfg, host: host, observer: observer, log: log, recovered: state,
		sessions: statemachine.NewSessions(machine), proposed: make(map[uint64]proposal),
	}, nil
}

// HandleMessage takes in a message of another member.
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
	switch {
	case err != nil:
		s.halt(fmt.Errorf("sync %d failed, so what the disk holds is unknown: %w", t, err))
	case s.phase == phaseRunning:
		s.synced(uint64(t))
	case t == recoveryTicket:
		s.start()
	}
	s.inside = false
}

// synced lets go of what waited for a ticket.
func (s *Server) synced(ticket uint64) {
	if ticket <= s.durable || ticket > s.issued {
		panic(fmt.Sprintf("server: n%d: sync %d completed, but %d were issued and %d are complete", s.cfg.Raft.ID, ticket, s.issued, s.durable))
	}
	if !s.moment(MomentSynced) {
		return
	}
	s.durable = ticket
	s.core.Advance(s.now, ticket)
	s.release()
	if s.moment(MomentSent) {
		s.turn()
	}
}

// Tick lets time pass. It may be called at any time, and does something from Deadline on.
func (s *Server) Tick(now int64) {
	if s.phase != phaseRunning || now < s.core.Deadline() {
		return
	}
	s.enter(now)
	if s.moment(MomentReceived) {
		s.core.Tick(now)
		s.turn()
	}
	s.inside = false
}

// Deadline says when Tick next wants to be called, in local nanoseconds; math.MaxInt64 for never.
func (s *Server) Deadline() int64 {
	if s.phase != phaseRunning {
		return math.MaxInt64
	}
	return s.core.Deadline()
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

// Status returns the server's view of itself; while it recovers, what its disk remembered.
func (s *Server) Status() raft.Status {
	if s.core == nil {
		st := raft.Status{ID: s.cfg.Raft.ID, Term: s.recovered.HardState.Term, Vote: s.recovered.HardState.Vote}
		if n := len(s.recovered.Entries); n > 0 {
			st.LastIndex, st.LastTerm = s.recovered.Entries[n-1].Index, s.recovered.Entries[n-1].Term
		}
		return st
	}
	return s.core.Status()
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

// start makes the core of the recovered state.
func (s *Server) start() {
	st := s.recovered
	core, err := s.cfg.NewCore(s.cfg.Raft, s.now, raft.InitialState{HardState: st.HardState, ConfState: st.ConfState, Entries: st.Entries})
	if err != nil {
		s.halt(fmt.Errorf("start of member %d: %w", s.cfg.Raft.ID, err))
		return
	}
	s.core, s.phase, s.term = core, phaseRunning, st.HardState.Term
	if s.observer != nil {
		s.observer.Recovered(st.HardState, st.Entries)
	}
	s.recovered = storage.State{}
	if s.campaign {
		s.core.Campaign(s.now)
	}
	s.turn()
}

// turn carries out what the core wants, until it wants nothing more.
func (s *Server) turn() {
	for s.phase == phaseRunning && s.core.HasReady() {
		rd := s.core.Ready()
		st := s.core.Status()
		if s.observer != nil {
			s.observer.Turn(rd, st)
		}
		if !s.note(st) {
			return
		}
		if !s.persist(rd) {
			return
		}
		for i := range rd.Messages {
			s.host.SendMessage(&rd.Messages[i])
		}
		for i := range rd.Dependent {
			if s.issued == s.durable {
				s.host.SendMessage(&rd.Dependent[i])
			} else {
				s.hold(&rd.Dependent[i])
			}
		}
		if len(rd.Messages)+len(rd.Dependent) > 0 && !s.moment(MomentSent) {
			return
		}
		if !s.apply(rd.Committed) {
			return
		}
	}
}

// note takes in the term and role of a turn. It reports whether the server lives on.
func (s *Server) note(st raft.Status) bool {
	leading := st.Role == raft.StateLeader
	same := leading == s.leading && st.Term == s.term
	s.leading, s.term = leading, st.Term
	if same {
		return true
	}
	clear(s.proposed) // of a leadership that is over: the log may have lost them, and may be made to lose them
	return !leading || s.moment(MomentElected)
}

// persist writes what must be durable and submits the sync. It reports whether the server lives on.
func (s *Server) persist(rd *raft.Ready) bool {
	if rd.Ticket == 0 {
		return true
	}
	if !s.moment(MomentPersist) {
		return false
	}
	var hs *raft.HardState
	if rd.HardStateChanged {
		hs = &rd.HardState
	}
	if err := s.log.Append(hs, rd.Entries); err != nil {
		s.halt(err)
		return false
	}
	if !s.moment(MomentWritten) {
		return false
	}
	s.issued = rd.Ticket
	s.log.Sync(vfs.Ticket(rd.Ticket))
	return s.moment(MomentSubmitted)
}

// hold keeps a message until everything issued so far is durable. The core may use the message's memory again before that.
func (s *Server) hold(m *raft.Message) {
	if len(s.dependent) >= maxHeld {
		s.counters.Shed++
		return
	}
	held := dependent{ticket: s.issued, message: *m}
	held.message.Entries = slices.Clone(m.Entries)
	s.dependent = append(s.dependent, held)
}

// release lets go of the messages whose ticket is durable.
func (s *Server) release() {
	n := 0
	for n < len(s.dependent) && s.dependent[n].ticket <= s.durable {
		s.host.SendMessage(&s.dependent[n].message)
		n++
	}
	s.dependent = s.dependent[:copy(s.dependent, s.dependent[n:])]
}

// apply feeds committed entries to the state machine and answers the clients that wait for them.
func (s *Server) apply(entries []raft.Entry) bool {
	for i := range entries {
		e := &entries[i]
		var data []byte
		if e.Type == raft.EntryNormal {
			data = e.Data
		}
		id, seq, result, status := s.sessions.Apply(e.Index, data, s.result[:0])
		s.result = result
		if s.observer != nil {
			s.observer.Applied(e, id, seq, status, s.sessions.Hash())
		}
		if !s.moment(MomentApplied) {
			return false
		}
		if p, ok := s.proposed[id]; ok && p.seq <= seq {
			delete(s.proposed, id)
		}
		if status == statemachine.StatusApplied { // who waited for a repeated one was answered the first time
			s.answer(id, seq, result)
		}
	}
	if n := len(entries); n > 0 {
		s.core.Applied(s.now, entries[n-1].Index)
	}
	return true
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
