package server

import (
	"raftsim/raft"
	"raftsim/raft/client"
)

// held are the requests that a follower took from clients and has sent to a leader, or would have if it knew of one. When it learns of a
// leader, or of a later leadership, it forwards all of them that are not done. An operation may so be in the log twice, and is executed
// once: forwarding again is what a client does that tries again, only sooner. Rows whose operation nobody waits for any more
// are freed when somebody needs the place.
type held struct {
	requests table[client.Request] // their commands are copies; the buffer stays with the row
	leader   uint64                // the leadership they were forwarded in
	term     uint64
}

// retain keeps a request of a client's for the next leader. It reports whether there was room (Config.Reforward).
func (s *Server) retain(r *client.Request) bool {
	if s.cfg.Reforward == 0 || !s.cfg.Forward || r.Hops > 0 {
		return false
	}
	t := &s.held.requests
	i := t.find(r.Client, r.Seq)
	if i == noRow {
		if t.len() >= s.cfg.Reforward {
			s.forgetDone()
		}
		if t.len() >= s.cfg.Reforward {
			return false
		}
		i = t.add(r.Client, r.Seq)
		t.rows[i].value.Attempt = 0
	}
	kept := &t.rows[i].value
	if r.Attempt >= kept.Attempt {
		command := append(kept.Command[:0], r.Command...)
		*kept = *r
		kept.Command = command
	}
	return true
}

// forgetDone frees the rows of operations that nobody waits for here. Cost: O(Config.Reforward).
func (s *Server) forgetDone() {
	t := &s.held.requests
	for i := range t.rows {
		if r := &t.rows[i]; r.client != 0 && s.waiting.find(r.client, r.seq) == noRow {
			t.remove(int32(i))
		}
	}
}

// reforward sends what is held on its way to a leader that has just become known.
func (s *Server) reforward(st *raft.Status) {
	h := &s.held
	if st.Lead == raft.None {
		h.leader = raft.None
		return
	}
	if st.Lead == h.leader && st.Term == h.term {
		return
	}
	h.leader, h.term = st.Lead, st.Term
	if h.requests.len() == 0 {
		return
	}
	s.forgetDone()
	lead := st.Lead // st is scratch
	for i := range h.requests.rows {
		r := &h.requests.rows[i]
		if r.client == 0 {
			continue
		}
		s.counters.Reforwarded++
		if lead == s.cfg.Raft.ID {
			s.request(&r.value) // whatever it leads to, this server owes the answer already
			continue
		}
		s.forwardOnce(lead, &r.value)
	}
}

// forwardOnce forwards a request of a client's: once, and no further.
func (s *Server) forwardOnce(lead uint64, r *client.Request) {
	s.forward = *r
	s.forward.Hops, s.forward.Origin = client.MaxHops, s.cfg.Raft.ID
	s.host.SendForward(lead, &s.forward)
	s.forward = client.Request{}
}
