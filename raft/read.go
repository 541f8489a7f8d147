package raft

import "math/bits"

// This file is about linearizable reads that do not go through the log (thesis §6.4).
//
// A leader notes its commit index, makes sure that it still leads by a round that begins after the request, and answers with
// that index: whatever was committed anywhere when the request came is at or before it. Three conditions:
//
//   - An entry of its own term must be committed. Before, the leader may not know all that is committed (D02).
//   - A quorum must have answered a round that begins after the request. Rounds are the leader's own numbers, so that an answer
//     to an earlier question can never be taken for one to this (D01). In a joint configuration both halves count (M22).
//   - With a lease no round is needed: as long as a quorum heard this leader within an election timeout, by clocks that may run
//     wrong by a bounded rate, none of that quorum has voted for another.
//
// Other servers ask the leader. Their own commit index means nothing (D10).

// ErrReadDropped refuses a read at a server with too many unanswered ones.
const ErrReadDropped Error = "raft: read dropped"

// ErrNoLeader refuses a read at a server that knows of no leader to ask.
const ErrNoLeader Error = "raft: no leader is known"

const (
	// maxReads bounds the unanswered reads of a server, and at a leader all those of others besides.
	maxReads = 1 << 14
	// maxReadRounds bounds the rounds begun for reads and not yet answered; further reads wait, and share the next one.
	maxReadRounds = 8
	// readNameBits is how much of a forwarded read's name is its number; the rest is the incarnation. A name would have to come
	// back within one term, while an answer is under way, to do harm.
	readNameBits = 24
)

// pendingRead is a read that a leader has taken on.
type pendingRead struct {
	from    uint64 // who asked; this server's own id for its host
	context uint64
	index   uint64
	round   uint64 // the round that confirms it, 0 while none was begun
}

// forwardedRead is a read that this server has asked its leader about.
type forwardedRead struct {
	name    uint64
	context uint64
	until   int64 // when to give up: messages get lost
}

// reads are a server's unanswered reads, in the order in which they came.
type reads struct {
	pending   []pendingRead // at a leader; those with a round first
	fresh     int           // how many at the end of pending have none
	rounds    int           // how many different rounds pending waits for
	forwarded []forwardedRead
	counter   uint64      // of names
	states    []ReadState // of Ready.Reads, since the last Ready
}

// ReadIndex asks for a point up to which state must be known to answer a linearizable read. The answer comes in Ready.Reads under
// the same context; it may be a refusal, and in the end always comes from a server that goes on being called. lease allows a
// leader with Config.LeaseReads to answer from its lease. The error is ErrNoLeader or ErrReadDropped; there is no answer then.
func (r *Raft) ReadIndex(now int64, context uint64, lease bool) error {
	r.raiseClock(now)
	r.expireLeadership()
	if r.role == StateLeader {
		if lease && r.leaseValid(r.now) {
			r.reads.states = append(r.reads.states, ReadState{Context: context, Index: r.log.commit})
			return nil
		}
		return r.takeRead(r.id, context)
	}
	if r.lead == None {
		return ErrNoLeader
	}
	if len(r.reads.forwarded) >= maxReads {
		return ErrReadDropped
	}
	r.reads.counter++
	name := r.incarnation<<readNameBits | r.reads.counter&(1<<readNameBits-1)
	r.reads.forwarded = append(r.reads.forwarded, forwardedRead{name: name, context: context,
		until: after(r.now, int64(r.cfg.ElectionTimeout))})
	r.send(&Message{Type: MsgReadIndex, To: r.lead, Term: r.term, Context: name})
	return nil
}

// takeRead queues a read at a leader.
func (r *Raft) takeRead(from, context uint64) error {
	if len(r.reads.pending) >= maxReads {
		return ErrReadDropped
	}
	r.reads.pending = append(r.reads.pending, pendingRead{from: from, context: context})
	r.reads.fresh++
	return nil
}

// readRoundDue reports whether the next Ready begins a round for reads. Those that came since the last one share it.
func (r *Raft) readRoundDue() bool {
	return r.reads.fresh > 0 && r.reads.rounds < maxReadRounds && r.committedInTerm()
}

// beginReadRound returns the round of heartbeats about to be sent: a new one that confirms all reads which wait for one, if there
// are any.
func (r *Raft) beginReadRound() uint64 {
	if r.reads.fresh == 0 || !r.committedInTerm() {
		return r.rounds.at(r.now)
	}
	round := r.rounds.next(r.now)
	for i := len(r.reads.pending) - r.reads.fresh; i < len(r.reads.pending); i++ {
		r.reads.pending[i].index, r.reads.pending[i].round = r.log.commit, round
	}
	r.reads.fresh = 0
	r.reads.rounds++
	return round
}

// advanceReads answers the reads whose round a quorum has answered.
func (r *Raft) advanceReads() {
	q := &r.reads
	if q.rounds == 0 {
		return
	}
	confirmed := r.tracker.config.CommittedIndex(answered{&r.tracker})
	n := 0
	for n < len(q.pending) && q.pending[n].round != 0 && q.pending[n].round <= confirmed {
		p := q.pending[n]
		if n++; n == len(q.pending) || q.pending[n].round != p.round {
			q.rounds--
		}
		if p.from == r.id {
			q.states = append(q.states, ReadState{Context: p.context, Index: p.index})
			continue
		}
		r.send(&Message{Type: MsgReadIndexResp, To: p.from, Term: r.term, Index: p.index, Context: p.context})
	}
	q.pending = q.pending[:copy(q.pending, q.pending[n:])]
}

// refuseReads gives up on every unanswered read: the leader that was to answer is none any more, as far as this server
// knows (D11).
func (r *Raft) refuseReads() {
	q := &r.reads
	for _, p := range q.pending {
		if p.from == r.id {
			q.states = append(q.states, ReadState{Context: p.context, Refused: true})
			continue
		}
		r.send(&Message{Type: MsgReadIndexResp, To: p.from, Term: r.term, Context: p.context, Reject: true})
	}
	for _, f := range q.forwarded {
		q.states = append(q.states, ReadState{Context: f.context, Refused: true})
	}
	q.pending, q.forwarded, q.fresh, q.rounds = q.pending[:0], q.forwarded[:0], 0, 0
}

// expireReads gives up on the forwarded reads that were not answered for an election timeout.
func (r *Raft) expireReads() {
	q := &r.reads
	n := 0
	for n < len(q.forwarded) && q.forwarded[n].until <= r.now {
		q.states = append(q.states, ReadState{Context: q.forwarded[n].context, Refused: true})
		n++
	}
	q.forwarded = q.forwarded[:copy(q.forwarded, q.forwarded[n:])]
}

// readDeadline returns when expireReads has something to do.
func (r *Raft) readDeadline() int64 {
	if len(r.reads.forwarded) == 0 {
		return NoDeadline
	}
	return r.reads.forwarded[0].until
}

// handleReadIndex takes on a read of another server.
func (r *Raft) handleReadIndex(m *Message) {
	if r.role == StateLeader && r.takeRead(m.From, m.Context) == nil {
		return
	}
	r.send(&Message{Type: MsgReadIndexResp, To: m.From, Term: r.term, Context: m.Context, Reject: true})
}

// handleReadIndexResp passes the answer to a forwarded read on. It is an answer of this term, so that its leader is meant; a
// second one finds nothing to answer.
func (r *Raft) handleReadIndexResp(m *Message) {
	q := &r.reads
	for i := range q.forwarded {
		if f := q.forwarded[i]; f.name == m.Context {
			q.states = append(q.states, ReadState{Context: f.context, Index: m.Index, Refused: m.Reject})
			q.forwarded = append(q.forwarded[:i], q.forwarded[i+1:]...)
			return
		}
	}
}

// leaseValid reports whether a leader may answer a read without asking anybody: nobody else can have been elected, if no clock
// runs wrong by more than is declared. The lease counts from the begin of the newest round that a quorum has answered; the
// election does not count. It is void for good once a server was asked to campaign in this term (see advanceTransfer).
func (r *Raft) leaseValid(now int64) bool {
	if !r.cfg.LeaseReads || r.leaseLost || r.transferee != None || !r.committedInTerm() {
		return false
	}
	contact := r.tracker.config.CommittedIndex(contacted{&r.tracker})
	if contact == ^uint64(0) {
		return true // it is a quorum by itself
	}
	return contact != 0 && now < after(timeOf(contact), r.cfg.leaseLength())
}

// LeaseHeld reports whether a read by lease would be answered at once if it were asked now. It changes nothing, not even the largest
// time seen: it is for those who watch.
func (r *Raft) LeaseHeld(now int64) bool {
	now = max(now, r.now)
	return r.role == StateLeader && now < r.quorumAt && r.leaseValid(now)
}

// leaseLength is the election timeout less what two clocks can disagree on in that time, rounded down. The followers' promise
// lasts an election timeout of theirs, which is shorter in true time if their clocks run fast, and this server measures its lease
// with a clock that may run slow.
func (c *Config) leaseLength() int64 {
	hi, lo := bits.Mul64(uint64(c.ElectionTimeout), 2*uint64(c.MaxClockDriftPPM))
	margin, rest := bits.Div64(hi, lo, 1_000_000)
	if rest > 0 {
		margin++
	}
	return int64(c.ElectionTimeout) - int64(margin)
}

// answered shows each member's newest answered round to the quorum arithmetic; a leader always answers itself.
type answered struct{ *tracker }

func (t answered) AckedIndex(voter uint64) (uint64, bool) {
	if voter == t.self {
		return ^uint64(0), true
	}
	if pr := t.peer(voter); pr != nil {
		return pr.round, true
	}
	return 0, false
}
