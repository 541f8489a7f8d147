package server

import (
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
)

// waiter is an operation whose client this server owes an answer, as long as it knows of it.
type waiter struct {
	attempt uint32 // the latest
	via     uint64 // the front that one came through
	kind    statemachine.EnvelopeKind
	session uint64
	heard   int64 // when the client asked last
	// index and term are where this server proposed the latest attempt, index 0 if it did not, or if there are several copies
	// of that attempt: then nothing follows from the loss of one.
	index, term uint64
}

// patience is how many election timeouts a waiting client that does not ask again keeps its place when others need it.
const patience = 64

// impatient reports whether something heard then may lose its place now.
func (s *Server) impatient(heard int64) bool {
	return (s.now-heard)/patience >= int64(s.cfg.Raft.ElectionTimeout)
}

// room reports whether this server may come to owe r's client an answer. A client that has gone away for good must not keep
// its place for ever: to forget it is to stay silent, which is always allowed. Cost: O(waiting clients) when they are at their
// bound.
func (s *Server) room(r *client.Request) bool {
	if r.Hops > 0 || s.waiting.len() < s.cfg.MaxWaiting || s.waiting.find(r.Client, r.Seq) != noRow {
		return true
	}
	oldest := noRow
	for i := range s.waiting.rows {
		w := &s.waiting.rows[i]
		if w.client != 0 && (oldest == noRow || w.value.heard < s.waiting.rows[oldest].value.heard) {
			oldest = int32(i)
		}
	}
	if !s.impatient(s.waiting.rows[oldest].value.heard) {
		return false
	}
	s.waiting.remove(oldest)
	return true
}

// wait notes that this server owes r's client an answer, if it came from the client itself. There must be room. index and term
// are where the server has just proposed it, index 0 if it has not.
func (s *Server) wait(r *client.Request, index, term uint64) {
	if r.Hops > 0 {
		return
	}
	i := s.waiting.find(r.Client, r.Seq)
	if i == noRow {
		i = s.waiting.add(r.Client, r.Seq)
		s.waiting.rows[i].value = waiter{
			attempt: r.Attempt, via: r.Via, kind: envelopeKind(r), session: r.Session, heard: s.now, index: index, term: term,
		}
		return
	}
	w := &s.waiting.rows[i].value
	w.heard = s.now
	switch {
	case r.Attempt > w.attempt:
		w.attempt, w.via, w.index, w.term = r.Attempt, r.Via, index, term
	case r.Attempt < w.attempt || index == w.index && term == w.term:
		// A late one, whose loss says nothing of the latest; or nothing new.
	default:
		w.index = 0 // one more copy of the same attempt, here or wherever it is sent to
	}
}

// forgetBelow forgets what a client waits for no more.
func (s *Server) forgetBelow(id, ack uint64) {
	for i := s.waiting.first(id); i != noRow; {
		next := s.waiting.rows[i].next
		if s.waiting.rows[i].seq < ack {
			s.waiting.remove(i)
		}
		i = next
	}
}

// answer tells a client what became of its operation.
func (s *Server) answer(o *statemachine.Outcome, attempt uint32, via uint64) {
	s.reply = client.Reply{
		Client: o.Client, Seq: o.Seq, Attempt: attempt, Via: via, Status: client.ReplyOK, Result: o.Result, Index: s.applied.Index,
	}
	if o.Kind == statemachine.EnvelopeOpen {
		s.reply.Session = o.Session
	}
	s.host.SendReply(&s.reply)
}

// reject tells a client that its operation was not and will not be executed by this attempt, if that can be said.
func (s *Server) reject(o *statemachine.Outcome, attempt uint32, via uint64) {
	switch o.Status {
	case statemachine.StatusExpired:
		s.reply = client.Reply{Client: o.Client, Seq: o.Seq, Attempt: attempt, Via: via, Status: client.ReplyExpired, Index: s.applied.Index}
		s.host.SendReply(&s.reply)
		s.counters.Expired++
	case statemachine.StatusTooEarly:
		s.dropped(o.Client, o.Seq, attempt, via)
	}
}

// dropped tells a client that this attempt was lost: no state machine will ever execute it.
func (s *Server) dropped(id, seq uint64, attempt uint32, via uint64) {
	s.reply = client.Reply{Client: id, Seq: seq, Attempt: attempt, Via: via, Status: client.ReplyDropped}
	s.host.SendReply(&s.reply)
	s.counters.Dropped++
}

// refuse tells the client that this server did nothing about r.
func (s *Server) refuse(r *client.Request, status client.ReplyStatus, leader uint64) {
	s.reply = client.Reply{Client: r.Client, Seq: r.Seq, Attempt: r.Attempt, Via: r.Via, Status: status, Leader: leader}
	s.host.SendReply(&s.reply)
}

// tooLarge tells the client that r never will be accepted here.
func (s *Server) tooLarge(r *client.Request) {
	s.refuse(r, client.ReplyTooLarge, 0)
	s.counters.TooLarge++
}

// busy tells the client that there is no room for r.
func (s *Server) busy(r *client.Request) {
	s.refuse(r, client.ReplyBusy, 0)
	s.counters.Busy++
}
