package storage

import (
	"fmt"

	"raftsim/raft"
	"raftsim/raft/vfs"
)

// EventKind says what came of a completion.
type EventKind uint8

const (
	// EventNone: nothing the caller has to know.
	EventNone EventKind = iota
	// EventSnapshotSaved: the snapshot of SaveSnapshot is durable.
	EventSnapshotSaved
	// EventInstalled: the snapshot of InstallSnapshot is durable, and the log starts after it. Ticket is the caller's.
	EventInstalled
	// EventFailed: the log cannot go on, Err says why; the server must halt.
	EventFailed
)

// Event is what a completion meant to the log.
type Event struct {
	Kind   EventKind
	Meta   raft.SnapshotMeta
	Ticket vfs.Ticket
	Err    error
}

// Completed takes in the completion of a sync. The host passes every one here, in the order in which they come, before it acts on
// it itself; those of syncs that the log has not submitted mean nothing to it. After a failed sync it does nothing any more.
func (l *Log) Completed(t vfs.Ticket, err error) Event {
	p, ok := l.waiting.front()
	if !ok || p.ticket != t {
		if t >= InternalTickets {
			panic(fmt.Sprintf("storage: member %d: completion of ticket %d, which is not the next one", l.id, t))
		}
		return Event{}
	}
	l.waiting.pop()
	if err != nil {
		return l.failure(fmt.Errorf("storage: sync %d failed, so what the disk holds is unknown: %w", t, err))
	}
	if l.failed != nil {
		return Event{}
	}
	if p.step != stepNone && p.covers != (position{}) {
		l.durableUpTo(p.covers)
	}
	switch p.step {
	case stepCopied:
		err = l.nameCopied()
	case stepCopiedName:
		err = l.beginOwn()
	case stepOpened:
		err = l.opened()
	case stepSaved:
		err = l.nameSaved()
	case stepSavedName:
		return l.savedSnapshot()
	case stepReceived:
		err = l.nameReceived()
	case stepReceivedName:
		err = l.beginAnew()
	case stepInstalled:
		return l.installed(t)
	}
	if err != nil {
		return l.failure(err)
	}
	return Event{}
}

func (l *Log) failure(err error) Event {
	return Event{Kind: EventFailed, Err: l.fail(err)}
}

// durableUpTo moves the mark.
func (l *Log) durableUpTo(p position) {
	if l.mark.before(p) {
		l.mark = p
	}
	for i := len(l.segments) - 1; i >= 0 && !l.segments[i].durable; i-- {
		l.segments[i].durable = l.segments[i].number <= p.segment
	}
}

// step is what a completed sync lets go on.
type step uint8

const (
	stepNone         step = iota
	stepLog               // the log up to a position is durable
	stepCopied            // the copy of a snapshot that Open makes is durable
	stepCopiedName        // and its name
	stepOpened            // the segment of this incarnation is durable
	stepSaved             // the bytes of our own snapshot are durable
	stepSavedName         // and its name
	stepReceived          // the bytes of a snapshot that was received are durable, and the log before it
	stepReceivedName      // and its name
	stepInstalled         // and the segment that begins after it
)

// pendingSync is one submitted sync.
type pendingSync struct {
	ticket vfs.Ticket
	step   step
	covers position // of the log, when it completes
}

// internal takes a ticket for a sync that is submitted next.
func (l *Log) internal(s step) vfs.Ticket {
	t := l.ticket
	l.ticket++
	l.waiting.push(pendingSync{ticket: t, step: s})
	return t
}

// queue holds the syncs under way, oldest first.
type queue struct {
	items []pendingSync
	start int
}

func (q *queue) push(p pendingSync) {
	if q.start > 0 && len(q.items) == cap(q.items) {
		q.items = q.items[:copy(q.items, q.items[q.start:])]
		q.start = 0
	}
	q.items = append(q.items, p)
}

func (q *queue) front() (pendingSync, bool) {
	if q.start == len(q.items) {
		return pendingSync{}, false
	}
	return q.items[q.start], true
}

func (q *queue) pop() {
	q.start++
	if q.start == len(q.items) {
		q.items, q.start = q.items[:0], 0
	}
}
