package raft

import (
	"fmt"
	"slices"
)

// This file is about giving up the front of the log for a snapshot, and about sending it to followers that would need what is
// gone (paper §7). The core decides what is sent and when; the bytes are its host's.
//
// One chunk is under way to a follower at a time. The receiver says how many bytes it holds, and the leader goes on from there,
// whatever it believed before (N07): a follower that was restarted holds none. An answer that shows progress is followed by the
// next chunk at once; one that does not, only after the chunk has been repeated, which happens when a heartbeat begun after it is
// answered. Otherwise a single doubled answer would put two chunks under way for the rest of the transfer.

// sending is a snapshot on its way to a follower.
type sending struct {
	meta   SnapshotMeta
	offset uint64 // what the follower is believed to hold, in bytes
	round  uint64 // of the chunk under way
	// repeated: the chunk under way has been sent before, so the follower may hold less than is believed.
	repeated bool
	movedAt  int64 // when it began, or made progress last
}

// Snapshotted reports that a snapshot of the state machine is durable. The entries that it replaces are forgotten, except for
// the last Config.RetainEntries and what follows a snapshot that is being sent. One that is not newer than an earlier one, own
// or received, changes nothing; nor does one of a server that joins, made before its log told it the configuration, which nobody
// could start from. It must be of entries that were reported as applied.
func (r *Raft) Snapshotted(now int64, meta SnapshotMeta) {
	r.raiseClock(now)
	if meta.Index <= max(r.snapshot.Index, r.log.offset) || meta.ConfState.IsEmpty() {
		return
	}
	term, ok := r.log.term(meta.Index)
	if meta.Index > r.log.applied || !ok || term != meta.Term {
		panic(fmt.Sprintf("raft: n%d is told of a snapshot up to entry %d of term %d, but has applied up to %d and has the term %d there",
			r.id, meta.Index, meta.Term, r.log.applied, term))
	}
	r.snapshot = meta.clone()
	r.compact()
}

// SnapshotPinned reports whether the snapshot up to the entry at index is being sent, so that its bytes are still needed.
func (r *Raft) SnapshotPinned(index uint64) bool {
	if r.role != StateLeader {
		return false
	}
	for i := range r.tracker.peers {
		if s := r.tracker.peers[i].sending; s != nil && s.meta.Index == index {
			return true
		}
	}
	return false
}

// compact forgets the entries that nobody needs. After a snapshot that is being sent, its receiver needs the rest of the log.
func (r *Raft) compact() {
	to := r.snapshot.Index - min(r.snapshot.Index, uint64(r.cfg.RetainEntries))
	if r.role == StateLeader {
		for i := range r.tracker.peers {
			if s := r.tracker.peers[i].sending; s != nil {
				to = min(to, s.meta.Index)
			}
		}
	}
	if to > r.log.offset {
		r.log.compact(to)
		r.confs.compact(to)
	}
}

// sendSnapshot begins to send the newest snapshot to a follower that needs entries from before the log. It reports that
// something was sent.
func (r *Raft) sendSnapshot(pr *progress) bool {
	if r.snapshot.Index < r.log.offset {
		panic(fmt.Sprintf("raft: n%d has forgotten the entries up to %d with a snapshot up to %d only",
			r.id, r.log.offset, r.snapshot.Index))
	}
	pr.becomeSnapshot(&sending{meta: r.snapshot, movedAt: r.now})
	r.sendChunk(pr)
	return true
}

// sendChunk asks the host to send the bytes from offset on.
func (r *Raft) sendChunk(pr *progress) {
	s := pr.sending
	s.round = r.rounds.at(r.now)
	r.send(&Message{
		Type:    MsgSnap,
		To:      pr.id,
		Term:    r.term,
		LogTerm: s.meta.Term,
		Index:   s.meta.Index,
		Round:   s.round,
		Epoch:   pr.epoch,
		Offset:  s.offset,
		Length:  min(s.meta.Size-s.offset, uint64(r.cfg.MaxChunkBytes)),
		Size:    s.meta.Size,
		Conf:    &s.meta.ConfState,
	})
}

// repeatChunk is called when a follower has answered the heartbeat of a round, and so is alive: a transfer that was given up begins
// anew with the newest snapshot, and a chunk that was sent before that heartbeat has had its time to arrive.
func (r *Raft) repeatChunk(pr *progress, round uint64) {
	switch {
	case pr.sending == nil:
		r.sendSnapshot(pr)
	case round > pr.sending.round:
		pr.sending.repeated = true
		r.sendChunk(pr)
	}
}

// giveUpSending ends the transfers that have made no progress for an election timeout, so that a dead follower keeps neither
// its snapshot nor the log after it.
func (r *Raft) giveUpSending() {
	given := false
	for i := range r.tracker.peers {
		pr := &r.tracker.peers[i]
		if pr.sending != nil && r.now >= after(pr.sending.movedAt, int64(r.cfg.ElectionTimeout)) {
			pr.sending, given = nil, true
		}
	}
	if given {
		r.compact()
	}
}

func (r *Raft) handleSnapResp(m *Message) error {
	pr := r.followerOf(m)
	if pr == nil {
		return nil
	}
	r.recordContact(pr, m.Round)
	s := pr.sending
	if s == nil || m.Index != s.meta.Index || m.LogTerm != s.meta.Term {
		return nil // of a transfer that is over
	}
	if m.Offset > s.meta.Size {
		return fmt.Errorf("raft: n%d claims to hold %d bytes of the snapshot %d/%d, which has %d",
			m.From, m.Offset, m.Index, m.LogTerm, s.meta.Size)
	}
	if m.Offset > s.offset || m.Offset < s.offset && s.repeated {
		s.offset, s.repeated, s.movedAt = m.Offset, false, r.now
		r.sendChunk(pr)
	}
	return nil
}

// leaveSnapshot returns to sending entries as soon as the follower holds all that this log lacks, however it came by it: by the
// snapshot being sent, an older one, or entries that were still under way (N05).
func (r *Raft) leaveSnapshot(pr *progress) {
	if pr.match < r.log.offset {
		return
	}
	pr.becomeReplicate()
	r.compact()
}

// clone returns a copy that shares nothing with m.
func (m *SnapshotMeta) clone() SnapshotMeta {
	c := *m
	c.ConfState = m.ConfState.clone()
	return c
}

func (s *ConfState) clone() ConfState {
	return ConfState{
		Voters:       slices.Clone(s.Voters),
		Outgoing:     slices.Clone(s.Outgoing),
		Learners:     slices.Clone(s.Learners),
		LearnersNext: slices.Clone(s.LearnersNext),
		AutoLeave:    s.AutoLeave,
	}
}
