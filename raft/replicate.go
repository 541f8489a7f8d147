package raft

import "fmt"

// This file is about the log: proposing, sending, following, committing.

// Propose appends a command to the log of a leader and returns the entry's identity, which says nothing yet about its being
// committed. data is copied. The error is ErrNotLeader, ErrTransferring, ErrProposalDropped or ErrProposalTooLarge; the command is
// in no log then.
func (r *Raft) Propose(now int64, data []byte) (index, term uint64, err error) {
	r.raiseClock(now)
	r.expireLeadership()
	if r.role != StateLeader {
		return 0, 0, ErrNotLeader
	}
	if r.transferee != None {
		return 0, 0, ErrTransferring // T04
	}
	if err := r.admit(len(data)); err != nil {
		return 0, 0, err
	}
	// The append is made by the next Ready: proposals in between share a message.
	r.appendPending = true
	return r.log.appendOwn(r.term, data), r.term, nil
}

// broadcastAppend sends every follower what it has not been sent, as far as flow control allows.
func (r *Raft) broadcastAppend() {
	r.appendPending = false
	for i := range r.tracker.peers {
		if pr := &r.tracker.peers[i]; pr.id != r.id {
			r.sendAppends(pr)
		}
	}
}

// sendAppends sends as many appends as there is news and flow control allows.
func (r *Raft) sendAppends(pr *progress) {
	for r.sendAppend(pr, false) {
	}
}

// sendAppend sends one append if flow control allows; without news only if forced. It reports whether it sent one.
//
// A full window forced open sends an append without entries: its answer shows whether those in flight arrived.
func (r *Raft) sendAppend(pr *progress, force bool) bool {
	if pr.paused {
		return false
	}
	if pr.state == progressSnapshot {
		return false // chunks go at their own pace
	}
	prev := pr.next - 1
	prevTerm, ok := r.log.term(prev)
	if !ok {
		return r.sendSnapshot(pr)
	}
	var entries []Entry
	var size uint64
	if pr.state == progressProbe || !pr.inflight.full() {
		entries, size = r.page(pr.next, pr.inflight.bytes)
	}
	last := prev + uint64(len(entries))
	if len(entries) == 0 && !force && min(r.log.commit, last) <= pr.sentCommit {
		return false
	}
	m := r.compose(MsgApp)
	m.To = pr.id
	m.Term = r.term
	m.LogTerm = prevTerm
	m.Index = prev
	m.Commit = r.log.commit
	m.Round = r.rounds.at(r.now)
	m.Epoch = pr.epoch
	m.Entries = entries
	pr.sent(len(entries), size, last, r.log.commit)
	return true
}

func (r *Raft) broadcastHeartbeat() {
	r.heartbeatAt = after(r.now, int64(r.cfg.HeartbeatInterval))
	r.giveUpSending()
	round := r.beginReadRound()
	for i := range r.tracker.peers {
		pr := &r.tracker.peers[i]
		if pr.id == r.id {
			continue
		}
		r.send(&Message{
			Type: MsgHeartbeat,
			To:   pr.id,
			Term: r.term,
			// A heartbeat verifies nothing: it may speak only of entries the follower is known to hold (R05).
			Commit: min(pr.match, r.log.commit),
			Round:  round,
			Epoch:  pr.epoch,
		})
	}
	r.advanceReads() // a single voter needs nobody's answer
}

// follow accepts the sender of an append or heartbeat of this term as its leader (paper §5.2).
func (r *Raft) follow(m *Message) {
	if r.role == StateLeader || r.lead != None && r.lead != m.From {
		panic(fmt.Sprintf("raft: n%d and n%d both lead term %d, as n%d sees it", r.lead, m.From, m.Term, r.id))
	}
	r.becomeFollower(m.Term, m.From)
	r.heardAt = r.now
	r.resetElectionTimer()
}

func (r *Raft) handleAppend(m *Message) {
	index, logTerm, entries := m.Index, m.LogTerm, m.Entries
	if index < r.log.commit {
		// What is committed here is in the log of every later leader (Leader Completeness), the sender among them: that
		// part of the append must agree, and may be taken as verified even if it begins before this log does.
		n := min(uint64(len(entries)), r.log.commit-index)
		r.mustAgree(entries[:n])
		entries = entries[n:]
		index = r.log.commit
		logTerm, _ = r.log.term(index)
	}
	if !r.log.matches(index, logTerm) {
		reply := r.answerAppend(m, index)
		reply.Reject = true
		reply.RejectHint, reply.LogTerm = r.log.conflictByTerm(index, logTerm)
		return
	}
	first := r.log.lastIndex() + 1
	if truncated := r.log.follow(entries); truncated != 0 {
		r.tickets.truncated(truncated)
		first = truncated
	}
	r.followConf(first)
	last := index + uint64(len(entries))
	// Only what this message verified may be committed on its word: beyond it the log may be another leader's (R04).
	r.log.commitTo(max(r.log.commit, min(m.Commit, last)))
	r.answerAppend(m, last)
}

// answerAppend puts an answer to m about the entry at index under way.
func (r *Raft) answerAppend(m *Message, index uint64) (reply *Message) {
	reply = r.compose(MsgAppResp)
	reply.To = m.From
	reply.Term = r.term
	reply.Index = index
	reply.Round = m.Round
	reply.Epoch = m.Epoch
	reply.Abstaining = r.abstaining()
	return reply
}

// mustAgree panics if an entry contradicts one that is committed here.
func (r *Raft) mustAgree(entries []Entry) {
	for i := range entries {
		e := &entries[i]
		if term, ok := r.log.term(e.Index); ok && term != e.Term {
			r.log.truncate(e.Index, e.Term) // panics, naming the entry
		}
	}
}

func (r *Raft) handleHeartbeat(m *Message) {
	// The leader speaks of entries that this server once acknowledged. One that may have lost them waits for an append.
	if !r.abstaining() {
		r.log.commitTo(m.Commit)
	}
	r.send(&Message{Type: MsgHeartbeatResp, To: m.From, Term: r.term, Round: m.Round, Epoch: m.Epoch})
}

func (r *Raft) handleAppendResp(m *Message) error {
	pr := r.followerOf(m)
	if pr == nil {
		return nil
	}
	if last := r.log.lastIndex(); m.Index > last {
		return fmt.Errorf("raft: n%d answered an append up to entry %d, but n%d leads term %d with a log up to %d",
			m.From, m.Index, r.id, r.term, last)
	}
	r.recordContact(pr, m.Round)
	if m.Reject {
		// The follower's entries after the hint have terms too large to match; so have the leader's own after the one
		// found here, seen from the hint. Together a divergent tail costs one round trip per term in it, not one per entry.
		hint, _ := r.log.conflictByTerm(m.RejectHint, m.LogTerm)
		if m.Abstaining && pr.match > 0 {
			pr.forgotten(min(hint, m.Index))
			r.sendAppend(pr, true)
			return nil
		}
		if pr.rejected(m.Index, hint) {
			r.sendAppend(pr, true)
		}
		return nil
	}
	wasPaused := pr.paused
	news := pr.acked(m.Index)
	switch pr.state {
	case progressProbe:
		if m.Index >= pr.next-1 {
			// The logs agree up to an entry that is not before the one probed for.
			pr.becomeReplicate()
		}
	case progressSnapshot:
		r.leaveSnapshot(pr)
	}
	if news && r.maybeCommit() {
		r.appendPending = true
	}
	if news || wasPaused {
		r.sendAppends(pr)
	}
	r.advanceTransfer(pr)
	return nil
}

func (r *Raft) handleHeartbeatResp(m *Message) {
	pr := r.followerOf(m)
	if pr == nil {
		return
	}
	r.recordContact(pr, m.Round)
	if pr.state == progressSnapshot {
		r.repeatChunk(pr, m.Round)
		return
	}
	// Whatever was in flight had the time of a round to arrive: ask again where the follower stands.
	pr.paused = false
	if pr.state == progressProbe || pr.match < r.log.lastIndex() {
		r.sendAppend(pr, true)
	}
}

// followerOf returns the follower that answers this leader, nil if the answer is to be ignored: because this server does not
// lead, or because the answer is a stranger's or a former member's (R10).
func (r *Raft) followerOf(m *Message) *progress {
	if r.role != StateLeader {
		return nil
	}
	pr := r.tracker.peer(m.From)
	if pr == nil || pr.epoch != m.Epoch {
		return nil
	}
	return pr
}

// noteOwnProgress counts the leader's own entries as far as they are durable (C11).
func (r *Raft) noteOwnProgress() {
	if pr := r.tracker.peer(r.id); pr != nil {
		pr.acked(r.log.stable)
	}
}

// maybeCommit commits what a quorum holds durably, if the last of it is of this leader's own term: older entries are
// committed by what follows them, never by counting (paper §5.4.2, figure 8, C01).
func (r *Raft) maybeCommit() bool {
	index := r.tracker.config.CommittedIndex(matched{&r.tracker})
	return index > r.log.commit && r.log.matches(index, r.term) && r.log.commitTo(index)
}

// send queues a message of this server.
func (r *Raft) send(m *Message) {
	queued := r.compose(m.Type)
	*queued = *m
	queued.From = r.id
}

// compose queues an empty message of this server and returns it, to be filled in before another one is queued. What a leader says as one reveals nothing that is not durable (see the top of
// election.go), and reads promise nothing: they name a term that somebody else has made durable. Everything else reveals a
// term, a vote or entries, and waits for the disk.
func (r *Raft) compose(t MessageType) *Message {
	queue := &r.dependent
	switch t {
	case MsgApp, MsgHeartbeat, MsgSnap, MsgTimeoutNow, MsgReadIndex, MsgReadIndexResp:
		queue = &r.messages
	default:
		if len(r.dependent) >= maxWithheld && r.withholds() {
			return new(Message) // dropped
		}
	}
	*queue = append(*queue, Message{})
	m := &(*queue)[len(*queue)-1]
	m.Type, m.From = t, r.id
	return m
}
