package server

import (
	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
)

// HandleRequest takes in a request, from a client or forwarded by another server. r and its command belong to the caller again when the
// call returns.
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
	if r.Client == 0 || r.Seq == 0 || r.Attempt == 0 {
		return
	}
	if r.Kind == client.KindWho {
		s.who(r)
		return
	}
	large := len(r.Command) > s.cfg.MaxCommand
	if r.Kind == client.KindRead {
		switch {
		case r.Hops > 0:
		case large:
			s.tooLarge(r)
		default:
			s.read(r)
		}
		return
	}
	e := statemachine.Envelope{
		Kind: envelopeKind(r), Client: r.Client, Seq: r.Seq, Stamp: s.now,
		Session: r.Session, Prev: r.Prev, Ack: r.Ack, Command: r.Command,
	}
	if e.Kind == statemachine.EnvelopeCommand && (e.Session == 0 || e.Prev == 0 || e.Prev >= e.Seq || e.Ack == 0 || e.Ack > e.Seq) {
		return // nothing a client sends, and nothing the state machine would take from the log
	}
	s.forgetBelow(r.Client, r.Ack)
	if s.recalled(r, &e) {
		return
	}
	// Behind what is known: another server, with a larger limit, may have brought it into the log.
	if large {
		s.tooLarge(r)
		return
	}
	st := &s.status
	s.readStatus(st)
	if st.Role != raft.StateLeader {
		s.route(r, st.Lead)
		return
	}
	// There must be room before there is a proposal: to refuse afterwards would be to say that it is in no log.
	if !s.room(r) {
		s.busy(r)
		return
	}
	if index, ok := s.proposals.has(r.Client, r.Seq, st.Term); ok {
		s.wait(r, index, st.Term)
		s.counters.Suppressed++
		return
	}
	s.envelope = statemachine.AppendEnvelope(s.envelope[:0], &e)
	index, term, err := s.core.Propose(s.now, s.envelope)
	if err != nil {
		// This attempt is in no log. Earlier ones may be: who waits for them goes on waiting.
		if now := s.core.Status(); now.Role != raft.StateLeader {
			s.route(r, now.Lead)
		} else {
			s.busy(r)
		}
		return
	}
	s.wait(r, index, term)
	s.proposals.add(proposed{index: index, term: term, client: r.Client, seq: r.Seq})
	s.counters.Proposed++
}

func envelopeKind(r *client.Request) statemachine.EnvelopeKind {
	if r.Kind == client.KindOpen {
		return statemachine.EnvelopeOpen
	}
	return statemachine.EnvelopeCommand
}

// recalled deals with requests of which the state machine knows already what became of them, and reports whether r was one. A
// forwarded one that was done is left to the server that took it from the client, which applies the operation too.
func (s *Server) recalled(r *client.Request, e *statemachine.Envelope) bool {
	o, ok := s.sessions.Recall(e)
	if !ok {
		return false
	}
	switch o.Status {
	case statemachine.StatusRepeated:
		if r.Hops == 0 {
			s.answer(&o, r.Attempt, r.Via)
			s.counters.AnsweredFromSession++
		}
	case statemachine.StatusWaiting:
		// It is in the log, and nothing but what comes before it will bring it forward.
		if !s.room(r) {
			s.busy(r)
			break
		}
		s.wait(r, 0, 0)
		s.counters.Suppressed++
	default:
		// Of an old one neither "done" nor "not done" is known any more: no answer. One of an expired session, or too early, is
		// told so.
		s.reject(&o, r.Attempt, r.Via)
	}
	return true
}

// route sends r on its way to the leader, if there is one.
func (s *Server) route(r *client.Request, lead uint64) {
	switch {
	case (lead == raft.None || lead == s.cfg.Raft.ID) && s.room(r) && s.retain(r):
		s.wait(r, 0, 0)
		s.held.leader = raft.None
		s.counters.Held++
	case lead == raft.None || lead == s.cfg.Raft.ID:
		s.refuse(r, client.ReplyUnavailable, 0)
		s.counters.Unavailable++
	case !s.cfg.Forward || r.Hops > 0:
		s.refuse(r, client.ReplyRedirect, lead)
		s.counters.Redirected++
	case !s.room(r):
		s.busy(r)
	default:
		s.wait(r, 0, 0)
		s.retain(r)
		s.forwardOnce(lead, r)
		s.counters.Forwarded++
	}
}

// who tells whom this server believes to lead.
func (s *Server) who(r *client.Request) {
	if r.Hops > 0 {
		return
	}
	st := s.core.Status()
	s.reply = client.Reply{
		Client: r.Client, Seq: r.Seq, Attempt: r.Attempt, Via: r.Via, Status: client.ReplyWho, Leader: st.Lead, Term: st.Term,
	}
	s.host.SendReply(&s.reply)
	s.counters.Told++
}
