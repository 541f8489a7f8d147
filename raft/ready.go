package raft

import "fmt"

// HasReady reports whether Ready would return anything.
func (r *Raft) HasReady() bool {
	if r.appendPending || len(r.messages) > 0 || len(r.chunks) > 0 || len(r.reads.states) > 0 || r.readRoundDue() ||
		r.log.applying < r.committable() {
		return true
	}
	writes, rest := r.toWrite()
	return writes != writeNothing || rest == writeNothing && len(r.dependent) > 0
}

// Ready returns what is to be done since the last call. The result and its slices are valid until the next call; the entries
// in them share the log's data, which never changes.
func (r *Raft) Ready() *Ready {
	if r.appendPending {
		r.broadcastAppend()
	}
	if r.readRoundDue() {
		r.broadcastHeartbeat()
	}
	rd := &r.ready
	// The buffers of the Ready before are the core's again; those filled since change sides with them.
	rd.Messages, r.messages = r.messages, rd.Messages[:0]
	rd.Chunks, r.chunks = r.chunks, rd.Chunks[:0]
	rd.Reads, r.reads.states = r.reads.states, rd.Reads[:0]
	writes, rest := r.toWrite()
	if rest == writeNothing {
		rd.Dependent, r.dependent = r.dependent, rd.Dependent[:0]
	} else {
		rd.Dependent = rd.Dependent[:0]
	}

	rd.Entries = nil
	if writes&writeEntries != 0 {
		last := r.writable()
		rd.Entries = r.log.slice(r.log.handed+1, last)
		r.log.handed = last
	}
	// The commit index is only a hint on disk: it never names what the disk may lack, and never causes a write.
	hs := HardState{Term: r.term, Vote: r.vote, Commit: r.log.appliable()}
	rd.HardStateChanged = writes&writeHardState != 0 || len(rd.Entries) > 0 && hs.Commit != r.handedHS.Commit
	rd.HardState = hs
	if rd.HardStateChanged {
		r.handedHS = hs
	}
	rd.Ticket = 0
	if writes != writeNothing {
		r.ticket++
		rd.Ticket = r.ticket
		last := r.log.handed
		if r.installing.active && writes&writeSnapshot == 0 {
			last = r.installing.handed
		}
		r.tickets.add(ticketed{ticket: r.ticket, term: r.term, vote: r.vote, last: last})
	}
	rd.Snapshot = nil
	if writes&writeSnapshot != 0 {
		r.installing.ticket = r.ticket
		meta := r.installing.meta
		rd.Snapshot = &meta
	}

	rd.Committed = r.committedPage()
	r.log.applying += uint64(len(rd.Committed))
	return rd
}

// writes is a set of things to be made durable.
type writes uint8

const (
	writeHardState writes = 1 << iota // the term or the vote
	writeEntries
	writeSnapshot
	writeNothing writes = 0
)

// toWrite returns what the next Ready may ask to make durable, and what else there is that must wait. While there is such a
// rest, messages that depend on the disk wait too: one of them may speak of it.
//
// A snapshot waits for every write before it, and no write is handed out before it is durable: it replaces the log, and a disk
// on which the log is written and replaced at the same time would have to put in order what nobody has ordered. So the term on
// disk is never below a snapshot's either.
func (r *Raft) toWrite() (now, later writes) {
	if r.term != r.handedHS.Term || r.vote != r.handedHS.Vote {
		now = writeHardState
	}
	if r.log.handed < r.log.lastIndex() {
		now |= writeEntries
	}
	if r.installing.active {
		return r.toWriteInstalling(now)
	}
	if now != writeNothing && r.tickets.count() >= r.cfg.MaxPendingAppends {
		return writeNothing, now
	}
	if now&writeEntries != 0 && r.writable() < r.log.lastIndex() {
		later = writeEntries // the next page
	}
	return now, later
}

func (r *Raft) toWriteInstalling(all writes) (now, later writes) {
	switch {
	case r.installing.ticket != 0:
		return writeNothing, all
	case all&writeHardState != 0 && r.tickets.count() < r.cfg.MaxPendingAppends:
		return writeHardState, all&^writeHardState | writeSnapshot
	case all&writeHardState == 0 && r.tickets.count() == 0:
		return writeSnapshot, all
	}
	return writeNothing, all | writeSnapshot
}

// withholds reports whether messages that depend on the disk wait inside the core.
func (r *Raft) withholds() bool {
	_, later := r.toWrite()
	return later != writeNothing
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
	if r.installing.ticket != 0 && ticket >= r.installing.ticket {
		r.installed()
	}
	switch r.role {
	case StateCandidate:
		if r.durable.Term == r.term && r.durable.Vote == r.id {
			r.tracker.recordVote(r.id, true)
			r.tally()
		}
	case StateLeader:
		r.noteOwnProgress()
		if r.maybeCommit() || r.cfg.DisableParallelAppend {
			r.appendPending = true
		}
		r.settleConf()
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

func (t *tickets) count() int { return len(t.queue) - t.start }

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
