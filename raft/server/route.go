package server

import (
	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
)

// HandleRequest takes in a request, from a client or forwarded by another server.
func (s *Server) HandleRequest(now int64, r *client.Request) {
	if s.phase != phaseRunning || !s.moment(MomentReceived) {
		return
	}
	if done := s.answerFromSession(r); done {
		return
	}
	st := s.core.Status()
	if st.Role != raft.StateLeader {
		s.route(r, st.Lead)
		return
	}
	if !s.wait(r) {
		return
	}
	if s.proposedAlready(r, st.Term) {
		s.counters.Suppressed++
		return
	}
	s.envelope = statemachine.AppendEnvelope(s.envelope[:0], r.Client, r.Seq, r.Command)
	if _, _, err := s.core.Propose(now, s.envelope); err != nil {
		// The command is in no log: too much is uncommitted, or the lead was lost this instant.
		s.forget(r)
		s.refuse(r, client.ReplyBusy, 0)
		s.counters.Busy++
	} else {
		s.proposed[r.Client] = proposal{seq: r.Seq, term: st.Term}
		s.counters.Proposed++
	}
	s.turn()
}

// proposedAlready reports whether the operation is in this leader's log from its present term, where it stays as long as the
// server leads: to propose it again would only make the log longer. Without this, clients that retry before a slow cluster can
// commit keep it slow: the log grows by retries faster than it is replicated, and every answer comes too late.
func (s *Server) proposedAlready(r *client.Request, term uint64) bool {
	p, ok := s.proposed[r.Client]
	return ok && p.seq == r.Seq && p.term == term
}

// answerFromSession deals with requests whose operation was applied before, and reports whether r was one.
func (s *Server) answerFromSession(r *client.Request) bool {
	seq, result := s.sessions.Last(r.Client)
	if seq == 0 || r.Seq > seq {
		return false
	}
	if r.Seq == seq {
		s.reply = client.Reply{Client: r.Client, Seq: r.Seq, Attempt: r.Attempt, Status: client.ReplyOK, Result: result}
		s.host.SendReply(&s.reply)
		s.counters.AnsweredFromSession++
	}
	// Of an older one neither "done" nor "not done" is known any more: no answer.
	return true
}

// route sends r on its way to the leader, if there is one.
func (s *Server) route(r *client.Request, lead uint64) {
	switch {
	case lead == raft.None || lead == s.cfg.Raft.ID:
		s.refuse(r, client.ReplyUnavailable, 0)
		s.counters.Unavailable++
	case s.cfg.Forward && r.Hops == 0:
		if !s.wait(r) {
			return
		}
		forwarded := *r
		forwarded.Hops, forwarded.Origin = 1, s.cfg.Raft.ID
		s.host.SendForward(lead, &forwarded)
		s.counters.Forwarded++
	default:
		s.refuse(r, client.ReplyRedirect, lead)
		s.counters.Redirected++
	}
}

// wait notes that this server owes r's client an answer, if it came from the client itself. It reports false, having
// refused r, if too many wait.
func (s *Server) wait(r *client.Request) bool {
	if r.Hops > 0 {
		return true
	}
	for i := range s.waiting {
		if w := &s.waiting[i]; w.client == r.Client {
			if r.Seq >= w.seq {
				w.seq, w.attempt = r.Seq, r.Attempt
			}
			return true
		}
	}
	if len(s.waiting) >= s.cfg.MaxWaiting {
		s.refuse(r, client.ReplyBusy, 0)
		s.counters.Busy++
		return false
	}
	s.waiting = append(s.waiting, waiter{client: r.Client, seq: r.Seq, attempt: r.Attempt})
	return true
}

// forget drops the waiter of r.
func (s *Server) forget(r *client.Request) {
	for i := range s.waiting {
		if w := s.waiting[i]; w.client == r.Client && w.seq == r.Seq && r.Hops == 0 {
			s.drop(i)
			return
		}
	}
}

func (s *Server) drop(i int) {
	last := len(s.waiting) - 1
	s.waiting[i] = s.waiting[last]
	s.waiting = s.waiting[:last]
}

// answer tells a waiting client its result.
func (s *Server) answer(id, seq uint64, result []byte) {
	for i := range s.waiting {
		w := s.waiting[i]
		if w.client != id {
			continue
		}
		if w.seq <= seq {
			s.drop(i)
		}
		if w.seq == seq {
			s.reply = client.Reply{Client: id, Seq: seq, Attempt: w.attempt, Status: client.ReplyOK, Result: result}
			s.host.SendReply(&s.reply)
			s.counters.Answered++
		}
		return
	}
}

// refuse tells the client that this server did nothing about r.
func (s *Server) refuse(r *client.Request, status client.ReplyStatus, leader uint64) {
	s.reply = client.Reply{Client: r.Client, Seq: r.Seq, Attempt: r.Attempt, Status: status, Leader: leader}
	s.host.SendReply(&s.reply)
}
