package server

import (
	"raftsim/raft"
)

// turn carries out what the core wants, until it wants nothing more.
func (s *Server) turn() {
	for s.phase == phaseRunning && s.core.HasReady() {
		rd := s.core.Ready()
		st := &s.status
		s.readStatus(st)
		if s.observer != nil {
			s.observer.Turn(rd, st)
		}
		if !s.note(st) || !s.keep(rd.Chunks) || !s.persist(rd) {
			return
		}
		for i := range rd.Messages {
			s.send(&rd.Messages[i])
		}
		for i := range rd.Dependent {
			if s.issued == s.durable {
				s.send(&rd.Dependent[i])
			} else {
				s.hold(&rd.Dependent[i])
			}
		}
		if s.phase == phaseHalted || len(rd.Messages)+len(rd.Dependent) > 0 && !s.moment(MomentSent) {
			return
		}
		if !s.commit(rd.Committed) {
			return
		}
		s.readable(rd.Reads)
		s.reforward(st)
		if !s.compact(st.FirstIndex) {
			return
		}
	}
}

// note takes in the term and role of a turn. It reports whether the server lives on.
func (s *Server) note(st *raft.Status) bool {
	leading := st.Role == raft.StateLeader
	same := leading == s.leading && st.Term == s.term
	s.leading, s.term = leading, st.Term
	if same {
		return true
	}
	s.proposals.deposed()
	if !leading {
		return true
	}
	if !s.moment(MomentElected) {
		return false
	}
	s.announce()
	return true
}

// send lets a message leave, unless the server has halted over one before.
func (s *Server) send(m *raft.Message) {
	if s.phase == phaseHalted {
		return
	}
	if m.Type == raft.MsgSnap {
		s.sendChunk(m)
		return
	}
	s.host.SendMessage(m)
}
