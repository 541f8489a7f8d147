package server

import (
	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
)

// HandleRequest takes in a request, from a client or forwarded by another server.
func (s *Server) HandleRequest(now int64, r *client.Request) {
	if s.phase != phaseRunning {
		return
	}
	s.enter(now)
	if s.moment(MomentReceived) {
		s.request(r)
		s.turn()
	}
	s.inside = false
}

func (s *Server) request(r *client.Request) {
	if r.Client == 0 || r.Seq == 0 || s.answerFromSession(r) {
		return
	}
	if len(r.Command) > s.cfg.MaxCommand {
		s.busy(r)
		return
	}
	st := s.core.Status()
	if st.Role != raft.StateLeader {
		s.route(r, st.Lead)
		return
	}
	// There must be room before there is a proposal: to refuse afterwards would be to say "failed".
	if !s.room(r) {
		s.busy(r)
		return
	}
	if s.proposedAlready(r, st.Term) {
		s.wait(r)
		s.counters.Suppressed++
		return
	}
	s.envelope = statemachine.AppendEnvelope(s.envelope[:0], r.Client, r.Seq, r.Command)
	if _, _, err := s.core.Propose(s.now, s.envelope); err != nil {
		// This attempt is in no log. Earlier ones may be: who waits for them goes on waiting.
		if now := s.core.Status(); now.Role != raft.StateLeader {
			s.route(r, now.Lead)
		} else {
			s.busy(r)
		}
		return
	}
	s.wait(r)
	s.proposed[r.Client] = proposal{seq: r.Seq, term: st.Term}
	s.counters.Proposed++
}

// proposedAlready reports whether the operation, or a later one of its client, is in this leader's log from its present term,
// where it stays as long as the server leads: to propose it again would only make the log longer. Without this, clients that
// retry before a slow cluster can commit keep it slow: the log grows by retries faster than it is replicated, and every answer
// comes too late.
func (s *Server) proposedAlready(r *client.Request, term uint64) bool {
	p, ok := s.proposed[r.Client]
	return ok && p.seq >= r.Seq && p.term == term
}

// answerFromSession deals with requests whose operation was applied before, and reports whether r was one. A forwarded one is
// left to the server that took it from the client, which applies the operation too.
func (s *Server) answerFromSession(r *client.Request) bool {
	seq, result := s.sessions.Last(r.Client)
	if seq == 0 || r.Seq > seq {
		return false
	}
	if r.Seq == seq && r.Hops == 0 {
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
	case !s.cfg.Forward || r.Hops > 0:
		s.refuse(r, client.ReplyRedirect, lead)
		s.counters.Redirected++
	case !s.room(r):
		s.busy(r)
	default:
		s.wait(r)
		s.forward = *r
		s.forward.Hops, s.forward.Origin = 1, s.cfg.Raft.ID
		s.host.SendForward(lead, &s.forward)
		s.forward = client.Request{}
		s.counters.Forwarded++
	}
}

// patience is how many election timeouts a waiting client that does not ask again keeps its place when others need it.
const patience = 64

// room reports whether this server may come to owe r's client an answer. A client that has gone away for good must not keep
// its place for ever: to forget it is to stay silent, which is always allowed. Cost: O(waiting clients).
func (s *Server) room(r *client.Request) bool {
	if r.Hops > 0 || len(s.waiting) < s.cfg.MaxWaiting {
		return true
	}
	oldest := 0
	for i := range s.waiting {
		if s.waiting[i].client == r.Client {
			return true
		}
		if s.waiting[i].heard < s.waiting[oldest].heard {
			oldest = i
		}
	}
	if (s.now-s.waiting[oldest].heard)/patience < int64(s.cfg.Raft.ElectionTimeout) {
		return false
	}
	s.drop(oldest)
	return true
}

// wait notes that this server owes r's client an answer, if it came from the client itself. There must be room.
func (s *Server) wait(r *client.Request) {
	if r.Hops > 0 {
		return
	}
	for i := range s.waiting {
		w := &s.waiting[i]
		if w.client != r.Client {
			continue
		}
		switch {
		case r.Seq > w.seq:
			w.seq, w.attempt = r.Seq, r.Attempt
		case r.Seq == w.seq:
			w.attempt = max(w.attempt, r.Attempt)
		}
		w.heard = s.now
		return
	}
	s.waiting = append(s.waiting, waiter{client: r.Client, seq: r.Seq, attempt: r.Attempt, heard: s.now})
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

// busy tells the client that there is no room for r.
func (s *Server) busy(r *client.Request) {
	s.refuse(r, client.ReplyBusy, 0)
	s.counters.Busy++
}
