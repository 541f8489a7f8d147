package raft

import "fmt"

// HasReady reports whether Ready would return anything.
func (r *Raft) HasReady() bool {
	return r.appendPending || len(r.messages) > 0 || len(r.dependent) > 0 ||
		r.log.handed < r.log.lastIndex() ||
		r.term != r.handedHS.Term || r.vote != r.handedHS.Vote ||
		r.log.applying < r.log.appliable()
}

// Ready returns what is to be done since the last call. The result and its slices are valid until the next call; the entries
// in them share the log's data, which never changes.
func (r *Raft) Ready() *Ready {
	if r.appendPending {
		r.broadcastAppend()
	}
	rd := &r.ready
	// The buffers of the Ready before are the core's again; those filled since change sides with them.
	rd.Messages, r.messages = r.messages, rd.Messages[:0]
	rd.Dependent, r.dependent = r.dependent, rd.Dependent[:0]

	rd.Entries = r.log.slice(r.log.handed+1, r.log.lastIndex())
	r.log.handed = r.log.lastIndex()
	// The commit index is only a hint on disk: it never names what the disk may lack, and never causes a write.
	hs := HardState{Term: r.term, Vote: r.vote, Commit: r.log.appliable()}
	changed := hs.Term != r.handedHS.Term || hs.Vote != r.handedHS.Vote
	rd.HardStateChanged = changed || len(rd.Entries) > 0 && hs.Commit != r.handedHS.Commit
	rd.HardState = hs
	if rd.HardStateChanged {
		r.handedHS = hs
	}
	rd.Ticket = 0
	if changed || len(rd.Entries) > 0 {
		r.ticket++
		rd.Ticket = r.ticket
		r.tickets.add(ticketed{ticket: r.ticket, term: r.term, vote: r.vote, last: r.log.handed})
	}

	from, to := r.log.applying+1, r.log.appliable()
	to = min(to, r.log.applying+uint64(r.cfg.MaxCommittedPerReady))
	rd.Committed = r.log.slice(from, to)
	r.log.applying = max(r.log.applying, to)
	return rd
}

// Advance reports that what the Ready with this ticket, and every Ready before it, asked to make durable is durable. A
// ticket acknowledged before, and 0, change nothing.
func (r *Raft) Advance(now int64, ticket uint64) {
	r.raiseClock(now)
	if ticket > r.ticket {
		panic(fmt.Sprintf("raft: n%d is told that ticket %d is durable, but %d is the last one issued", r.id, ticket, r.ticket))
	}
	t, ok := r.tickets.take(ticket)
	if !ok {
		return
	}
	r.durable = HardState{Term: t.term, Vote: t.vote}
	r.log.stableTo(t.last)
	switch r.role {
	case StateCandidate:
		if r.durable.Term == r.term && r.durable.Vote == r.id {
			r.tracker.recordVote(r.id, true)
			r.tally()
		}
	case StateLeader:
		r.noteOwnProgress()
		if r.maybeCommit() {
			r.appendPending = true
		}
	}
}

// Applied reports that the state machine contains everything up to index. An index reported before changes nothing.
func (r *Raft) Applied(now int64, index uint64) {
	r.raiseClock(now)
	if index > r.log.applying {
		panic(fmt.Sprintf("raft: n%d is told that entry %d is applied, but only entries up to %d were handed out for it",
			r.id, index, r.log.applying))
	}
	r.log.applied = max(r.log.applied, index)
}

// ticketed is what becomes durable with a ticket.
type ticketed struct {
	ticket, term, vote uint64
	last               uint64 // the last entry of today's log that the write contains
}

// tickets are those issued and not acknowledged, oldest first.
type tickets struct {
	queue []ticketed
	start int
}

func (t *tickets) add(w ticketed) {
	if t.start > 0 && len(t.queue) == cap(t.queue) {
		n := copy(t.queue, t.queue[t.start:])
		t.queue, t.start = t.queue[:n], 0
	}
	t.queue = append(t.queue, w)
}

// take removes the tickets up to the given one and returns the last of them.
func (t *tickets) take(ticket uint64) (last ticketed, ok bool) {
	for t.start < len(t.queue) && t.queue[t.start].ticket <= ticket {
		last, ok = t.queue[t.start], true
		t.start++
	}
	if t.start == len(t.queue) {
		t.queue, t.start = t.queue[:0], 0
	}
	return last, ok
}

// truncated notes that the log was cut from index on. The writes under way still contain the removed entries at those
// indexes; their acknowledgement must not be taken for that of what replaces them. Comparing terms would not be enough:
// the same entry may be written, cut off and written again, and then the disk holds what the middle write says until the
// third is acknowledged (A-B-A, S03).
func (t *tickets) truncated(index uint64) {
	for i := t.start; i < len(t.queue); i++ {
		t.queue[i].last = min(t.queue[i].last, index-1)
	}
}
