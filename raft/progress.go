package raft

import (
	"math"

	"raftsim/raft/quorum"
)

// progressState is how a leader sends entries to a follower.
type progressState uint8

const (
	// progressProbe: the leader looks for the point where the logs agree, with one append per answer or heartbeat.
	progressProbe progressState = iota
	// progressReplicate: the logs agree up to Match; appends are pipelined, Next running ahead of the answers.
	progressReplicate
	// progressSnapshot: the log no longer holds what comes after Match; a snapshot is sent instead.
	progressSnapshot
)

// progress is what a server knows about a member. Match, Next and the flow control mean something at a leader only.
type progress struct {
	id    uint64
	state progressState
	vote  voteState
	// paused stops appends until an answer comes: in probe after every append, in replicate while the window is full.
	paused bool
	// match is the last entry known to be durable there (for the leader itself: here). It never goes back (R07).
	match uint64
	// next is the first entry not sent yet; above match.
	next uint64
	// sentCommit is the largest commit index an append has told the follower. A lost one is made up for by heartbeats.
	sentCommit uint64
	// epoch is the index of the configuration entry that made this a member, 0 for the first configuration.
	epoch uint64
	// contact is contactOf the begin of the newest round answered, 0 for none in this term.
	contact uint64
	// round is the newest round answered, 0 for none in this term.
	round    uint64
	inflight inflight
	// sending is the snapshot under way to a follower in progressSnapshot; nil once it was given up, until the follower
	// answers again.
	sending *sending
}

type voteState uint8

const (
	voteMissing voteState = iota
	voteGranted
	voteRefused
)

// resetForTerm makes pr what a new leader may assume of a follower: nothing (paper §5.3, next one past the last entry).
func (pr *progress) resetForTerm(next uint64) {
	pr.state = progressProbe
	pr.paused = false
	pr.match = 0
	pr.next = next
	pr.sentCommit = 0
	pr.contact = 0
	pr.sending = nil
	pr.round = 0
	pr.inflight.reset()
}

// forgotten notes that the follower has lost what it acknowledged, and holds something like the entry at hint. This is the only
// way in which match goes back.
func (pr *progress) forgotten(hint uint64) {
	pr.match = 0
	pr.becomeProbe()
	pr.next = hint + 1
}

func (pr *progress) becomeProbe() {
	pr.state = progressProbe
	pr.paused = false
	pr.next = pr.match + 1
	pr.sentCommit = min(pr.sentCommit, pr.match)
	pr.sending = nil
	pr.inflight.reset()
}

func (pr *progress) becomeReplicate() {
	pr.state = progressReplicate
	pr.paused = false
	pr.next = pr.match + 1
	pr.sending = nil
	pr.inflight.reset()
}

// becomeSnapshot stops appends: what would come before the next one is in the given snapshot.
func (pr *progress) becomeSnapshot(s *sending) {
	pr.state = progressSnapshot
	pr.paused = false
	pr.sentCommit = min(pr.sentCommit, pr.match)
	pr.sending = s
	pr.inflight.reset()
}

// sent notes an append of n entries with so many bytes of data, up to last, with the commit index as far as the append
// could verify it.
func (pr *progress) sent(n int, bytes, last, commit uint64) {
	pr.sentCommit = max(pr.sentCommit, min(commit, last))
	switch pr.state {
	case progressProbe:
		pr.paused = true
	case progressReplicate:
		if n > 0 {
			pr.next = last + 1
		}
		// One without entries counts too: with a window of one, nothing else is under way until it is answered. The one
		// that a full window is forced open for does not: its answer frees the window or ends it.
		if !pr.inflight.full() {
			pr.inflight.add(last, bytes)
		}
		pr.paused = pr.inflight.full()
	}
}

// acked notes that everything up to index is durable there; false if that is no news.
func (pr *progress) acked(index uint64) bool {
	if pr.state == progressReplicate {
		pr.inflight.freeTo(index)
		pr.paused = pr.inflight.full()
	}
	if index <= pr.match {
		return false
	}
	pr.match = index
	pr.next = max(pr.next, index+1)
	return true
}

// rejected notes that the follower does not hold the entry at index, and that the search may go on at hint; false if the
// rejection is an old one (R11).
func (pr *progress) rejected(index, hint uint64) bool {
	if pr.state == progressSnapshot {
		return false // of an append from before the snapshot
	}
	if pr.state == progressReplicate {
		// Appends may overtake each other: one that found its predecessor missing says nothing if an answer has
		// covered it since.
		if index <= pr.match {
			return false
		}
		pr.becomeProbe()
		return true
	}
	// While probing only the newest append counts. Entry 0 is in every log: its rejection is a server of a newer term
	// saying so, meant for a leader that is no more.
	if index == 0 || pr.next-1 != index {
		return false
	}
	pr.next = max(min(index, hint+1), pr.match+1)
	pr.paused = false
	return true
}

// inflight is the window of unanswered appends, oldest first, in a ring that grows on demand.
type inflight struct {
	limit int
	ring  []flight
	start int
	count int
	bytes uint64 // of data, in all of them
}

// flight is one append: its last entry and its bytes of data.
type flight struct{ last, bytes uint64 }

func (f *inflight) full() bool { return f.count >= f.limit }

func (f *inflight) reset() { f.start, f.count, f.bytes = 0, 0, 0 }

func (f *inflight) add(last, bytes uint64) {
	if f.count == len(f.ring) {
		grown := make([]flight, min(f.limit, max(8, 2*len(f.ring))))
		for i := range f.count {
			grown[i] = f.at(i)
		}
		f.ring, f.start = grown, 0
	}
	i := f.start + f.count
	if i >= len(f.ring) {
		i -= len(f.ring)
	}
	f.ring[i] = flight{last, bytes}
	f.count++
	f.bytes += bytes
}

func (f *inflight) at(i int) flight {
	i += f.start
	if i >= len(f.ring) {
		i -= len(f.ring)
	}
	return f.ring[i]
}

// freeTo removes the appends that end at or before index: an answer to a later one answers them too.
func (f *inflight) freeTo(index uint64) {
	for f.count > 0 && f.ring[f.start].last <= index {
		f.bytes -= f.ring[f.start].bytes
		if f.start++; f.start == len(f.ring) {
			f.start = 0
		}
		f.count--
	}
}

// tracker is the membership and what is known about each member.
type tracker struct {
	self   uint64
	config quorum.Joint
	voter  bool       // self is in config
	peers  []progress // by id, ascending; everybody in the configuration, learners and the server itself included
	blank  progress   // what is known about a new member
}

// newTracker returns one without members; see apply.
func newTracker(self uint64, maxInflight int) tracker {
	return tracker{self: self, blank: progress{next: 1, inflight: inflight{limit: maxInflight}}}
}

// peer returns the member with the given id, nil for strangers. Clusters are small: a scan beats a table.
func (t *tracker) peer(id uint64) *progress {
	for i := range t.peers {
		if t.peers[i].id == id {
			return &t.peers[i]
		}
	}
	return nil
}

// matched shows each member's match to the quorum arithmetic.
type matched struct{ *tracker }

func (t matched) AckedIndex(voter uint64) (uint64, bool) {
	if pr := t.peer(voter); pr != nil {
		return pr.match, true
	}
	return 0, false
}

// contacted shows each member's contact to the quorum arithmetic; a leader is always in contact with itself.
type contacted struct{ *tracker }

func (t contacted) AckedIndex(voter uint64) (uint64, bool) {
	if voter == t.self {
		return math.MaxUint64, true
	}
	if pr := t.peer(voter); pr != nil {
		return pr.contact, true
	}
	return 0, false
}

// contactOf maps a time to a number with the same order that leaves 0 for never.
func contactOf(at int64) uint64 { return uint64(at) ^ 1<<63 }

// timeOf is the inverse of contactOf.
func timeOf(contact uint64) int64 { return int64(contact ^ 1<<63) }

// VoteOf shows the votes to the quorum arithmetic.
func (t *tracker) VoteOf(voter uint64) (granted, found bool) {
	if pr := t.peer(voter); pr != nil {
		return pr.vote == voteGranted, pr.vote != voteMissing
	}
	return false, false
}

func (t *tracker) clearVotes() {
	for i := range t.peers {
		t.peers[i].vote = voteMissing
	}
}

// recordVote notes a voter's answer. Only the first counts: votes are counted by voter, not by message (E01).
func (t *tracker) recordVote(voter uint64, granted bool) {
	pr := t.peer(voter)
	if pr == nil || pr.vote != voteMissing {
		return
	}
	pr.vote = voteRefused
	if granted {
		pr.vote = voteGranted
	}
}
