package raft

import (
	"fmt"
	"math"
)

// NoDeadline is what Deadline returns when only input can make the server do something.
const NoDeadline int64 = math.MaxInt64

// Raft is one server's consensus state. It is not safe for concurrent use.
type Raft struct {
	cfg Config
	id  uint64
	now int64 // the largest time seen

	term uint64
	vote uint64
	role Role
	lead uint64 // the leader of term as far as known; itself when leading

	log     raftLog
	tracker tracker
	rounds  rounds

	jitter      int64 // the present addition to the election timeout
	electionAt  int64 // when a server that does not lead campaigns
	heardAt     int64 // when lead was heard last; meaningful at a follower with a lead
	heartbeatAt int64 // when a leader sends the next heartbeats
	leaderSince int64
	quorumAt    int64 // when a leader without further answers steps down

	confs    confHistory
	confDuty bool // a leader has something to do once the configuration in force is committed: see settleConf
	reads    reads

	lost        EntryID // see InitialState.Lost; zero once made up for
	joining     bool    // this server was made to join and is no member yet
	joinedAfter uint64  // InitialState.JoinedAfter
	silentUntil int64   // until when no vote is given: see voteSilence
	incarnation uint64

	transferee    uint64 // whom a leader hands over to
	transferUntil int64
	transferAsked bool
	leaseLost     bool // in this term somebody was asked to campaign

	appendPending bool // a leader has news for its followers; the next Ready carries it

	messages  []Message // of Ready.Messages, since the last Ready
	dependent []Message // of Ready.Dependent, since the last Ready
	ready     Ready
	handedHS  HardState // the last one a Ready said to make durable
	durable   HardState // the last one acknowledged; its Commit is not kept
	ticket    uint64    // the last one issued
	tickets   tickets

	snapshot   SnapshotMeta // the newest one that is durable at the host
	receiving  receiving    // the one that is arriving
	installing installing   // the one that has arrived
	chunks     []Chunk      // of Ready.Chunks, since the last Ready
}

// New returns a server that starts as a follower without a leader, its election timer beginning at now. What initial holds
// is taken to be durable. An error means that cfg or initial is impossible.
func New(cfg Config, now int64, initial InitialState) (*Raft, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := initial.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	hs := initial.HardState
	hs.Commit = min(hs.Commit, initial.Offset+uint64(len(initial.Entries))) // damage may have taken entries known to be committed
	last := initial.Offset + uint64(len(initial.Entries))
	r := &Raft{
		cfg:  cfg,
		id:   cfg.ID,
		now:  now,
		term: hs.Term,
		vote: hs.Vote,
		log: raftLog{
			id:         cfg.ID,
			offset:     initial.Offset,
			offsetTerm: initial.OffsetTerm,
			entries:    initial.Entries[:len(initial.Entries):len(initial.Entries)],
			// What was applied or is in a snapshot was committed, whatever the hint in the hard state still says.
			commit:   max(hs.Commit, initial.Applied),
			applying: initial.Applied,
			applied:  initial.Applied,
			handed:   last,
			stable:   last,
		},
		tracker:     newTracker(cfg.ID, cfg.MaxInflight),
		heardAt:     never,
		lost:        initial.Lost,
		joining:     initial.ConfState.IsEmpty() || initial.JoinedAfter > 0,
		joinedAfter: initial.JoinedAfter,
		silentUntil: cfg.voteSilence(now, hs),
		incarnation: initial.Incarnation,
		handedHS:    hs,
		durable:     hs,
	}
	if !initial.Snapshot.ConfState.IsEmpty() {
		r.snapshot = initial.Snapshot.clone()
	}
	r.log.settled = r.log.commit
	r.log.unsettled = dataBytes(r.log.slice(r.log.commit+1, last))
	since := initial.Applied
	if initial.ConfState.IsEmpty() {
		since = initial.Offset // nothing is known: the log says it all
	}
	r.confs.reset(since, initial.ConfState)
	if _, err := r.scanConf(since + 1); err != nil {
		return nil, fmt.Errorf("raft: the recovered log is impossible: %w", err)
	}
	r.switchConf()
	r.redraw()
	r.resetElectionTimer()
	return r, nil
}

// Step handles a message of another server. The message and its entries belong to the caller again when it returns. An error
// means that the message is none that a server of this protocol sends to this one; nothing was changed.
func (r *Raft) Step(now int64, m *Message) error {
	r.raiseClock(now)
	if err := r.check(m); err != nil {
		return err
	}
	if r.meantForFormerMember(m) {
		return nil
	}
	switch m.Type {
	case MsgAppResp, MsgHeartbeatResp, MsgSnapResp:
		// An answer can show that leadership has not expired after all: it is looked at first.
	default:
		r.expireLeadership()
	}
	switch {
	case m.Term > r.term:
		if (m.Type == MsgVote || m.Type == MsgPreVote) && r.ignoresElection(m) {
			return nil
		}
		switch {
		case m.Type == MsgPreVote:
			// A question about a term does not begin it.
		case m.Type == MsgPreVoteResp && !m.Reject:
			// The granted term is the one asked for, which nobody has begun.
		case m.Type == MsgApp || m.Type == MsgHeartbeat || m.Type == MsgSnap:
			r.becomeFollower(m.Term, m.From)
		default:
			r.becomeFollower(m.Term, None)
		}
	case m.Term < r.term:
		r.answerStale(m)
		return nil
	}
	switch m.Type {
	case MsgApp:
		r.follow(m)
		r.handleAppend(m)
	case MsgHeartbeat:
		r.follow(m)
		r.handleHeartbeat(m)
	case MsgAppResp:
		if err := r.handleAppendResp(m); err != nil {
			return err
		}
		r.settleConf()
	case MsgHeartbeatResp:
		r.handleHeartbeatResp(m)
	case MsgSnap:
		r.follow(m)
		r.handleSnap(m)
	case MsgSnapResp:
		return r.handleSnapResp(m)
	case MsgVote, MsgPreVote:
		r.handleVote(m)
	case MsgVoteResp, MsgPreVoteResp:
		r.handleVoteResp(m)
	case MsgTimeoutNow:
		r.handleTimeoutNow(m)
	case MsgReadIndex:
		r.handleReadIndex(m)
	case MsgReadIndexResp:
		r.handleReadIndexResp(m)
	}
	return nil
}

// answerStale tells the sender of a request of an earlier term about this one (paper §5.1). Without that, a server that
// got ahead in term while it was cut off could neither be led nor elected: its requests for votes fall on deaf ears as
// long as the leader is heard, and it ignores the leader (P04). Replies of an earlier term answer questions nobody asks any
// more and are dropped (E02, R26).
func (r *Raft) answerStale(m *Message) {
	reply := Message{To: m.From, Term: r.term, Reject: true}
	switch m.Type {
	case MsgApp:
		reply.Type = MsgAppResp
	case MsgHeartbeat:
		reply.Type = MsgHeartbeatResp
	case MsgSnap:
		reply.Type = MsgSnapResp
	case MsgVote:
		reply.Type = MsgVoteResp
		r.addCommit(&reply)
	case MsgPreVote:
		reply.Type = MsgPreVoteResp
		r.addCommit(&reply)
	case MsgReadIndex:
		reply.Type, reply.Context = MsgReadIndexResp, m.Context
	default:
		return
	}
	r.send(&reply)
}

// Tick does what is due. Before the deadline it does nothing.
func (r *Raft) Tick(now int64) {
	r.raiseClock(now)
	if r.role != StateLeader {
		r.expireReads()
		switch {
		case r.now < r.electionAt:
		case r.promotable():
			r.campaign()
		case r.lead != None:
			r.becomeFollower(r.term, None) // it cannot replace a leader that is silent, but nobody is to be sent there
		}
		return
	}
	r.expireLeadership()
	if r.transferee != None && r.now >= r.transferUntil {
		r.abortTransfer() // T06
	}
	if r.role == StateLeader && r.now >= r.heartbeatAt {
		r.broadcastHeartbeat()
	}
}

// Deadline returns the time from which on a Tick does something, NoDeadline if there is none. It may lie in the past, and any
// other call may change it.
func (r *Raft) Deadline() int64 {
	switch {
	case r.role == StateLeader:
		if r.transferee != None {
			return min(r.heartbeatAt, r.quorumAt, r.transferUntil)
		}
		return min(r.heartbeatAt, r.quorumAt)
	case r.promotable() || r.lead != None:
		return min(r.electionAt, r.readDeadline())
	}
	return r.readDeadline()
}

// Campaign makes the server campaign now, as if its election deadline had come. A leader and a server that is no voter
// ignore it; with LeaseReads so does one that a lease may be built on, since its own vote would break it.
func (r *Raft) Campaign(now int64) {
	r.raiseClock(now)
	r.expireLeadership()
	if r.role != StateLeader && r.promotable() && !r.leasePromised() && r.now >= r.silentUntil {
		r.campaign()
	}
}

// Status returns the server's view of itself.
func (r *Raft) Status() (st Status) {
	r.ReadStatus(&st)
	return st
}

// ReadStatus sets all of st to the server's view of itself: Status for those who ask after every event.
func (r *Raft) ReadStatus(st *Status) {
	conf := r.confs.newest()
	// Field by field: a struct that is made and then copied in wider pieces makes a processor wait for its stores.
	st.ID = r.id
	st.Term = r.term
	st.Vote = r.vote
	st.Lead = r.lead
	st.Commit = r.log.commit
	st.Applied = r.log.applied
	st.LastIndex = r.log.lastIndex()
	st.LastTerm = r.log.lastTerm()
	st.Handed = r.log.handed
	st.Replacing = r.installing.active && r.installing.ticket == 0
	st.FirstIndex = r.log.offset + 1
	st.ConfIndex = conf.index
	st.Role = r.role
	st.Learner = !r.tracker.voter && conf.state.IsMember(r.id)
	st.Abstaining = r.abstaining()
	st.Transferee = r.transferee
}

// Term returns the term of the entry at index; ok is false if the log does not hold it. The entry before the first one
// counts as held.
func (r *Raft) Term(index uint64) (term uint64, ok bool) { return r.log.term(index) }

// LogTerm is Term for those to whom 0 says enough.
func (r *Raft) LogTerm(index uint64) uint64 {
	term, _ := r.log.term(index)
	return term
}

// Entry returns the entry at index, whose data must not be changed; ok is false if the log does not hold it.
func (r *Raft) Entry(index uint64) (e Entry, ok bool) {
	if index <= r.log.offset || index > r.log.lastIndex() {
		return Entry{}, false
	}
	return r.log.entries[index-r.log.offset-1], true
}

// Stable returns the last entry known to be durable on this server.
func (r *Raft) Stable() uint64 { return r.log.stable }

func (r *Raft) raiseClock(now int64) { r.now = max(r.now, now) }

// after returns the time d after at, or NoDeadline beyond the end of time.
func after(at, d int64) int64 {
	if at > NoDeadline-d {
		return NoDeadline
	}
	return at + d
}

// check refuses what no server of this protocol sends to this one.
func (r *Raft) check(m *Message) error {
	switch {
	case m.Type >= messageTypeEnd:
		return fmt.Errorf("raft: n%d got a message of the unknown type %d", r.id, m.Type)
	case m.To != r.id:
		return fmt.Errorf("raft: n%d got a message for n%d", r.id, m.To)
	case m.From == None || m.From == r.id:
		return fmt.Errorf("raft: n%d got a message from n%d", r.id, m.From)
	case m.Term == 0:
		return fmt.Errorf("raft: n%d got a message without a term", r.id)
	case m.Type != MsgApp:
		if len(m.Entries) > 0 {
			return fmt.Errorf("raft: n%d got %d entries in a message of type %v", r.id, len(m.Entries), m.Type)
		}
		if m.Type == MsgSnap {
			return r.checkSnap(m)
		}
		return nil
	case (m.Index == 0) != (m.LogTerm == 0) || m.LogTerm > m.Term:
		return fmt.Errorf("raft: n%d got an append of term %d after entry %d of term %d", r.id, m.Term, m.Index, m.LogTerm)
	}
	index, term := m.Index, m.LogTerm
	for i := range m.Entries {
		e := &m.Entries[i]
		if e.Index != index+1 || e.Index == 0 || e.Term < term || e.Term == 0 || e.Term > m.Term || e.Type >= entryTypeEnd {
			return fmt.Errorf("raft: n%d got an append of term %d with entry %d of term %d after entry %d of term %d",
				r.id, m.Term, e.Index, e.Term, index, term)
		}
		if e.Type == EntryConfChange {
			if err := checkConfEntry(e); err != nil {
				return fmt.Errorf("raft: n%d got an append of term %d with an impossible change: %w", r.id, m.Term, err)
			}
		}
		index, term = e.Index, e.Term
	}
	return nil
}
