package raft

import (
	"fmt"

	"raftsim/raft/quorum"
)

// This file is about becoming: who may ask for votes, who gets them, and when a leader gives up.
//
// A candidate's own vote counts when it is durable, and not before. There are two ways to see why. With one voter it is
// the whole quorum: a leader that forgot its vote in a crash could grant another candidate the same term. With more voters
// the requests for votes are Dependent, so grants can only arrive after the term became durable; but hosts may release
// messages and call Advance in either order, so a quorum of grants that gets ahead of Advance also waits for it. Hence:
// a leader's term and vote are durable before it leads, and whatever it sends as a leader (appends, heartbeats) reveals
// nothing that a crash could take back and may leave before its own writes do.

// redraw asks for a new jitter. It happens at New, at every change of the term, and on becoming pre-candidate or candidate
// (a candidate begins a new term: once).
func (r *Raft) redraw() { r.jitter = r.cfg.jitter(r.term) }

// resetElectionTimer starts the election timeout again: on becoming pre-candidate or candidate, on granting a vote, on hearing the
// leader of the term, and when a leader steps down (paper §5.2). Never because a client or the host called (L04), and not because
// somebody else began a term: a server that cannot win, but whose timeouts are short, would keep all others from trying (E15).
func (r *Raft) resetElectionTimer() {
	r.electionAt = after(r.now, int64(r.cfg.ElectionTimeout)+r.jitter)
}

// becomeFollower joins a term, or steps back within one. The vote is the term's: it is kept if the term is (E03).
func (r *Raft) becomeFollower(term, lead uint64) {
	wasLeader := r.role == StateLeader
	changed := wasLeader || term != r.term || lead != r.lead
	r.role = StateFollower
	r.lead = lead
	r.appendPending = false
	r.transferee = None
	if term != r.term {
		r.term = term
		r.vote = None
		r.redraw()
	}
	if wasLeader {
		r.resetElectionTimer() // none was running
	}
	if changed {
		r.refuseReads()
	}
}

func (r *Raft) becomePreCandidate() {
	r.role = StatePreCandidate
	r.lead = None
	r.refuseReads()
	r.tracker.clearVotes()
	r.redraw()
	r.resetElectionTimer()
}

func (r *Raft) becomeCandidate() {
	r.role = StateCandidate
	r.lead = None
	r.term++
	r.vote = r.id
	r.refuseReads()
	r.tracker.clearVotes()
	r.redraw()
	r.resetElectionTimer()
}

// becomeLeader starts a term of leadership with an empty entry: only entries of its own term can be committed by counting,
// and with them all before (paper §5.4.2 and §8, L01).
func (r *Raft) becomeLeader() {
	if r.role != StateCandidate || r.durable.Term != r.term || r.durable.Vote != r.id {
		panic(fmt.Sprintf("raft: n%d would lead term %d as a %v whose durable vote is for n%d in term %d",
			r.id, r.term, r.role, r.durable.Vote, r.durable.Term))
	}
	r.role = StateLeader
	r.lead = r.id
	r.leaderSince = r.now
	r.leaseLost = false
	r.rounds.reset(int64(r.cfg.ElectionTimeout))
	next := r.log.lastIndex() + 1
	for i := range r.tracker.peers {
		r.tracker.peers[i].resetForTerm(next)
	}
	r.noteOwnProgress()
	r.updateQuorumDeadline()
	r.heartbeatAt = after(r.now, int64(r.cfg.HeartbeatInterval))
	r.log.appendOwn(r.term, nil)
	r.appendPending = true
}

// campaign asks for votes, or first for pre-votes.
func (r *Raft) campaign() {
	if r.cfg.DisablePreVote {
		r.requestVotes(false)
		return
	}
	r.becomePreCandidate()
	r.tracker.recordVote(r.id, true) // a pre-vote binds nobody: it needs no disk
	r.broadcastVoteRequest(Message{Type: MsgPreVote, Term: r.term + 1})
	r.tally()
}

// requestVotes begins a new term. Its own vote is counted by Advance. transfer says that the leader has asked for it.
func (r *Raft) requestVotes(transfer bool) {
	r.becomeCandidate()
	r.broadcastVoteRequest(Message{Type: MsgVote, Term: r.term, Transfer: transfer})
}

func (r *Raft) broadcastVoteRequest(m Message) {
	m.Index, m.LogTerm = r.log.lastIndex(), r.log.lastTerm()
	r.addCommit(&m)
	for i := range r.tracker.peers {
		if m.To = r.tracker.peers[i].id; m.To != r.id && r.tracker.config.Contains(m.To) {
			m.Epoch = r.tracker.peers[i].epoch
			r.send(&m)
		}
	}
}

// tally draws the consequence of the votes so far.
func (r *Raft) tally() {
	switch r.tracker.config.VoteResult(&r.tracker) {
	case quorum.VoteWon:
		switch {
		case r.role == StatePreCandidate:
			r.requestVotes(false)
		case r.durable.Term == r.term && r.durable.Vote == r.id:
			r.becomeLeader()
		}
	case quorum.VoteLost:
		r.becomeFollower(r.term, None)
	}
}

// inLease reports whether this server has reason to believe that a leader is alive: it heard one within the election
// timeout, or is one whose quorum contact has not expired (Step has looked). It takes part in no election then. A server that
// knows of no leader has no such reason, whatever its timers say (P12).
func (r *Raft) inLease() bool {
	if r.cfg.DisableCheckQuorum || r.lead == None {
		return false
	}
	return r.role == StateLeader || r.now < after(r.heardAt, int64(r.cfg.ElectionTimeout))
}

// ignoresElection reports whether a request for a (pre-)vote of a later term is to be ignored, term and all: the leader is
// protected (thesis §4.2.3), unless it asked for the election itself, or this server must not vote yet.
func (r *Raft) ignoresElection(m *Message) bool {
	return r.now < r.silentUntil || !m.Transfer && (r.inLease() || r.leasePromised())
}

// handleVote answers a request for a vote or pre-vote of this term, or a pre-vote of a later one.
func (r *Raft) handleVote(m *Message) {
	r.learnCommit(m)
	reply := Message{Type: MsgVoteResp, To: m.From, Term: m.Term}
	if m.Type == MsgPreVote {
		reply.Type = MsgPreVoteResp
	}
	var can bool
	switch {
	case !r.mayVote(m):
	case m.Type == MsgPreVote && m.Term > r.term:
		can = r.role != StateLeader // a leader knows of no need to elect another (P07)
	case r.vote == m.From:
		can = true // once more: the first answer may be lost
	default:
		can = r.vote == None && r.lead == None
	}
	if !can || !r.log.upToDate(m.Index, m.LogTerm) {
		reply.Reject = true
		if reply.Term = r.term; r.term == 0 {
			return // it joins, and has no term to speak in
		}
	} else if m.Type == MsgVote {
		r.vote = m.From
		if r.role == StatePreCandidate {
			r.becomeFollower(r.term, None) // it no longer wants what would disturb the one it votes for
		}
		r.resetElectionTimer()
	}
	r.addCommit(&reply)
	r.send(&reply)
}

// handleVoteResp counts an answer to the election that is under way.
func (r *Raft) handleVoteResp(m *Message) {
	r.learnCommit(m)
	switch {
	case r.role == StateCandidate && m.Type == MsgVoteResp:
	case r.role == StatePreCandidate && m.Type == MsgPreVoteResp && (m.Reject || m.Term == r.term+1):
	default:
		return // of an election that is decided (E23)
	}
	r.tracker.recordVote(m.From, !m.Reject)
	r.tally()
}

// addCommit puts the commit index with its term on a vote or its reply. So a server that cannot win learns what is
// committed even while nobody leads.
func (r *Raft) addCommit(m *Message) {
	m.Commit = r.log.commit
	m.CommitTerm, _ = r.log.term(r.log.commit)
}

// learnCommit takes over the commit index of a vote or its reply. The sender knows (Commit, CommitTerm) to be committed, and
// a log that holds this entry holds the same ones before it (Log Matching).
func (r *Raft) learnCommit(m *Message) {
	if r.role == StateLeader || m.CommitTerm == 0 || m.Commit <= r.log.commit || !r.log.matches(m.Commit, m.CommitTerm) {
		return
	}
	r.log.commitTo(m.Commit)
	if r.role != StateFollower && !r.promotable() {
		r.becomeFollower(r.term, None) // its removal is committed: nobody needs it any more
	}
}

// recordContact dates the contact with a follower from the round it answers.
func (r *Raft) recordContact(pr *progress, round uint64) {
	if round > pr.round && round <= r.rounds.newest {
		pr.round = round
		r.advanceReads()
	}
	at, ok := r.rounds.begun(round)
	if !ok || contactOf(at) <= pr.contact {
		return
	}
	pr.contact = contactOf(at)
	r.updateQuorumDeadline()
}

// updateQuorumDeadline sets when a leader that gets no further answers must step down: one election timeout after the
// newest time at which a quorum is known to have followed it. The election itself counts as contact here.
func (r *Raft) updateQuorumDeadline() {
	contact := r.tracker.config.CommittedIndex(contacted{&r.tracker})
	if r.cfg.DisableCheckQuorum || contact == ^uint64(0) { // the latter: it is a quorum by itself
		r.quorumAt = NoDeadline
		return
	}
	since := r.leaderSince
	if contact != 0 {
		since = max(since, timeOf(contact))
	}
	r.quorumAt = after(since, int64(r.cfg.ElectionTimeout))
}

// expireLeadership makes a leader step down that has not been followed by a quorum for an election timeout (thesis §6.2).
// It is asked at the deadline and before anything that relies on leading, so a leader that was paused gives up at once.
func (r *Raft) expireLeadership() {
	if r.role == StateLeader && r.now >= r.quorumAt {
		r.becomeFollower(r.term, None)
	}
}
