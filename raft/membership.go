package raft

import (
	"fmt"
	"slices"

	"raftsim/raft/quorum"
)

// This file is about the configuration in force: how a leader changes it, and what a change changes.
//
// A leader accepts a change only when
//
//   - it has committed an entry of its own term: only then does it know which configurations before are settled. Without that
//     two leaders can each replace an uncommitted change of the other, and end with configurations that share no majority
//     (Ongaro's correction of 2015 to thesis §4.1, M01);
//   - the configuration in force is committed: then every majority that can still decide anything shares a server with every
//     majority of the next configuration (thesis §4.1, M03);
//   - the change is possible (confchange.go).
//
// A configuration acts from the moment its entry is in the log, before it is committed and before it is applied, so there are no
// committed changes that a candidate does not know yet (M02).

// ProposeConfChange appends a change of the membership to the log of a leader and returns the entry's identity. c is copied, its
// Result ignored. The error is ErrNotLeader, ErrTransferring, ErrNoCommitInTerm, ErrConfChangePending, a *ConfChangeError,
// ErrProposalDropped or ErrProposalTooLarge; the change is in no log then.
//
// A change counts as what it is in the log: MaxUncommitted and MaxUncommittedBytes hold it back like a command of as many bytes. What a
// leader does by itself is never held back: the first entry of its term, and leaving a joint configuration.
func (r *Raft) ProposeConfChange(now int64, c *ConfChange) (index, term uint64, err error) {
	r.raiseClock(now)
	r.expireLeadership()
	switch {
	case r.role != StateLeader:
		return 0, 0, ErrNotLeader
	case r.transferee != None:
		return 0, 0, ErrTransferring
	case !r.committedInTerm():
		return 0, 0, ErrNoCommitInTerm
	case r.confs.newest().index > r.log.commit:
		return 0, 0, ErrConfChangePending
	}
	change, data, err := r.makeConfChange(c)
	if err == nil {
		err = r.admit(len(data))
	}
	if err != nil {
		return 0, 0, err
	}
	index = r.appendConfChange(&change, data)
	r.settleConf()
	return index, r.term, nil
}

// makeConfChange returns a change of the configuration in force with its result, and its encoding.
func (r *Raft) makeConfChange(c *ConfChange) (change ConfChange, data []byte, err error) {
	change = ConfChange{Transition: c.Transition, Changes: c.Changes}
	if change.Result, err = applyConfChange(&r.confs.newest().state, c); err != nil {
		return change, nil, err
	}
	return change, AppendConfChange(nil, &change), nil
}

// appendConfChange makes a change the last entry of this leader's log, and with it the configuration in force.
func (r *Raft) appendConfChange(change *ConfChange, data []byte) (index uint64) {
	index = r.log.appendOwn(r.term, data)
	r.log.entries[len(r.log.entries)-1].Type = EntryConfChange
	r.confs.add(index, change.Result, index)
	r.appendPending = true
	r.switchConf()
	return index
}

// ConfState returns the configuration in force after the entry at index, which must not be before the one the log begins after.
// The result is the caller's.
func (r *Raft) ConfState(index uint64) ConfState {
	rec := r.confs.at(index)
	if rec == nil {
		panic(fmt.Sprintf("raft: n%d is asked for the configuration after entry %d, but knows those from entry %d on",
			r.id, index, r.confs.records[0].index))
	}
	return rec.state.normal()
}

// committedInTerm reports whether a leader has committed an entry of its own term.
func (r *Raft) committedInTerm() bool { return r.log.matches(r.log.commit, r.term) }

// promotable reports whether this server may campaign: it votes in the configuration in force, or did in the one before while it
// may be that the one in force never gets committed without its help. The server may be the only one that has the entry
// which removes it (thesis §4.2.2, E22). While a snapshot is being installed it may not: what it would speak for is in nothing that
// survives a crash (N11).
func (r *Raft) promotable() bool {
	if r.installing.active || r.abstaining() {
		return false
	}
	if r.tracker.voter {
		return true
	}
	before := r.confs.before()
	return before != nil && r.confs.newest().index > r.log.commit && before.state.IsVoter(r.id)
}

// followConf takes note of a log that was cut from the entry at first on, or had its end there, and has now what it has: the
// configuration in force is the last one in it.
func (r *Raft) followConf(first uint64) {
	if first > r.log.lastIndex() {
		return // whatever is cut is replaced by something
	}
	changed := r.confs.truncate(first)
	added, err := r.scanConf(first)
	if err != nil {
		panic(fmt.Sprintf("raft: n%d took over an entry that no leader makes: %v", r.id, err))
	}
	if changed || added {
		r.switchConf()
	}
}

// restoreConf makes conf the configuration after the entry at index, and forgets those before. Changes that the log holds behind
// that entry are made again.
func (r *Raft) restoreConf(index uint64, conf ConfState) {
	r.confs.reset(index, conf)
	if _, err := r.scanConf(index + 1); err != nil {
		panic(fmt.Sprintf("raft: n%d holds an entry behind a snapshot that no leader makes: %v", r.id, err))
	}
	r.switchConf()
}

// scanConf makes the changes that the log holds from the entry at first on. It reports whether there are any.
func (r *Raft) scanConf(first uint64) (found bool, err error) {
	first = max(first, r.log.offset+1)
	last := r.log.lastIndex()
	for i := first; i <= last; i++ {
		e := &r.log.entries[i-r.log.offset-1]
		if e.Type == EntryNormal {
			continue
		}
		if err := r.addConf(e); err != nil {
			return found, err
		}
		found = true
	}
	return found, nil
}

// addConf makes the change of an entry. A server that knows no configuration yet takes what the entry says; all others know
// better than to trust it.
func (r *Raft) addConf(e *Entry) error {
	var c ConfChange
	if err := decodeConfEntry(e, &c); err != nil {
		return err
	}
	if state := &r.confs.newest().state; !state.IsEmpty() {
		next, err := applyConfChange(state, &c)
		if err != nil {
			return fmt.Errorf("entry %d of term %d: %w", e.Index, e.Term, err)
		}
		if !next.Equivalent(&c.Result) {
			return fmt.Errorf("entry %d of term %d makes another configuration here than at its leader", e.Index, e.Term)
		}
	}
	r.confs.add(e.Index, c.Result, e.Index)
	return nil
}

// decodeConfEntry sets c to the change in e.
func decodeConfEntry(e *Entry, c *ConfChange) error {
	err := DecodeConfChange(e.Data, c)
	if err == nil {
		err = c.Result.Validate()
	}
	if err != nil {
		return fmt.Errorf("entry %d of term %d: %w", e.Index, e.Term, err)
	}
	return nil
}

// checkConfEntry refuses an entry that no leader makes, as far as the entry alone tells.
func checkConfEntry(e *Entry) error {
	var c ConfChange
	return decodeConfEntry(e, &c)
}

// switchConf makes the newest configuration of the log the one that decides.
func (r *Raft) switchConf() {
	rec := r.confs.newest()
	// A new follower is probed with the entry that is sent next anyway, and nothing is assumed of it (M21).
	r.tracker.apply(rec, max(r.log.lastIndex(), 1))
	r.confDuty = !r.tracker.voter || rec.state.IsJoint() && rec.state.AutoLeave
	if r.role != StateLeader {
		return
	}
	// Whoever is new had no chance to answer yet: check-quorum begins again. That can be had once per election timeout of
	// following majorities only, since the next change needs a commitment.
	r.leaderSince = r.now
	r.updateQuorumDeadline()
	if r.transferee != None && !r.tracker.config[0].Contains(r.transferee) {
		r.abortTransfer()
	}
	if r.maybeCommit() { // fewer may now be enough
		r.appendPending = true
	}
	r.advanceReads() // D13
}

// settleConf does what a leader has to do once the configuration in force is committed: leave a joint one that is left
// automatically, or step down if this server is no voter in it any more (thesis §4.2.2, M09). Until then it leads without
// counting itself. It is called when the commit index may have moved and no follower's progress is in anybody's hands.
func (r *Raft) settleConf() {
	if !r.confDuty || r.role != StateLeader {
		return
	}
	rec := r.confs.newest()
	if rec.index > r.log.commit || !r.committedInTerm() {
		return
	}
	if !r.tracker.voter {
		// The followers hold the entry: told that it is committed, one of them can go on without a doubt.
		r.broadcastAppend()
		r.becomeFollower(r.term, None)
		return
	}
	leave, data, err := r.makeConfChange(&ConfChange{})
	if err != nil {
		panic(fmt.Sprintf("raft: n%d cannot leave the joint configuration of entry %d: %v", r.id, rec.index, err))
	}
	r.appendConfChange(&leave, data)
}

// apply makes the tracker follow a configuration. Who stays a member is known as before; who is new is probed from next on.
func (t *tracker) apply(rec *confRecord, next uint64) {
	t.config = quorum.Joint{quorum.NewMajority(rec.state.Voters), nil}
	if rec.state.IsJoint() {
		t.config[1] = quorum.NewMajority(rec.state.Outgoing)
	}
	t.voter = t.config.Contains(t.self)
	peers := make([]progress, 0, len(rec.members))
	for _, m := range rec.members {
		if pr := t.peer(m.id); pr != nil && pr.epoch == m.epoch {
			peers = append(peers, *pr)
			continue
		}
		pr := t.blank
		pr.id, pr.epoch, pr.next = m.id, m.epoch, next
		peers = append(peers, pr)
	}
	t.peers = slices.Clip(peers)
}
