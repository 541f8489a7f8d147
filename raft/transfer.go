package raft

// This file is about handing over leadership (thesis §3.10): the leader takes no more proposals, brings the target up to date
// and asks it to campaign at once. If no larger term is heard of within an election timeout, the leader goes on as before.

// ErrNotTransferable refuses a transfer to a server that does not vote in the configuration in force, or will not when a joint
// one is left, and to the leader itself.
const ErrNotTransferable Error = "raft: leadership can be transferred to another voter only"

// TransferLeader starts handing over to another voter. Whether that succeeds shows in the term and role only; it takes an
// election timeout at most, in which proposals are refused. The error is ErrNotLeader or ErrNotTransferable.
func (r *Raft) TransferLeader(now int64, to uint64) error {
	r.raiseClock(now)
	r.expireLeadership()
	switch {
	case r.role != StateLeader:
		return ErrNotLeader
	case to == r.id || !r.tracker.config[0].Contains(to):
		return ErrNotTransferable
	case to == r.transferee:
		return nil
	}
	r.transferee = to
	r.transferUntil = after(r.now, int64(r.cfg.ElectionTimeout))
	r.transferAsked = false
	pr := r.tracker.peer(to)
	r.advanceTransfer(pr)
	if !r.transferAsked {
		r.sendAppend(pr, true) // also asks where it stands: what was sent may be lost
	}
	return nil
}

// advanceTransfer asks the target to campaign once it holds the whole log.
func (r *Raft) advanceTransfer(pr *progress) {
	if pr.id != r.transferee || r.transferAsked || pr.match != r.log.lastIndex() {
		return
	}
	r.transferAsked = true
	// From here on a campaign may begin at any time that followers do not protect this leader from: the message may be delayed
	// beyond the end of the transfer.
	r.leaseLost = true
	r.send(&Message{Type: MsgTimeoutNow, To: pr.id, Term: r.term, Epoch: pr.epoch})
}

func (r *Raft) abortTransfer() { r.transferee = None }

// handleTimeoutNow campaigns for the leader that asks. It must be the leader this server follows now: a message of an earlier
// term, or one that meets a server which has lost sight of its leader, is too late (T07).
func (r *Raft) handleTimeoutNow(m *Message) {
	if r.role != StateFollower || r.lead != m.From || !r.promotable() || r.now < r.silentUntil {
		return
	}
	r.requestVotes(true)
}
