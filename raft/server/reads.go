package server

import (
	"raftsim/raft"
	"raftsim/raft/client"
)

// reads are those that wait for the core to name an index, or for the state machine to reach it. Each has a row, and a context
// that names it to the core: a number that rises from read to read, and ends in the row's number.
type reads struct {
	pending   table[read]
	contexts  uint64 // made so far
	confirmed int    // reads whose index is known
}

type read struct {
	context   uint64
	index     uint64 // what the state must contain
	confirmed bool
	attempt   uint32
	via       uint64 // the front that one came through
	heard     int64  // when the client asked last
	query     []byte // a copy; the buffer stays with the row
}

// readRowBits is the part of a context that names the row. 2^48 reads are left to one life of a server.
const readRowBits = 16

// read takes in a read that is to be answered from this server's own state.
//
//   - ReadStale and ReadSequential ask for nothing but the state of this server, once it is as new as what the client has seen
//     (Request.Index).
//   - ReadFollower lets this server ask its core for an index, whoever leads.
//   - ReadLeader and ReadLease are for the leader. A server that forwards requests does not send such a read on: it forwards the
//     question for the index only (its core does), and answers the client itself like all it took. One that does not forward
//     redirects the client.
func (s *Server) read(r *client.Request) {
	if r.Read.Own() && r.Index <= s.applied.Index {
		s.answerRead(r.Client, r.Seq, r.Attempt, r.Via, r.Command)
		return
	}
	lead := s.core.Status().Lead
	if !local(r.Read) && lead != s.cfg.Raft.ID && !s.cfg.Forward {
		if lead == raft.None {
			s.refuseRead(r.Client, r.Seq, r.Attempt, r.Via)
		} else {
			s.refuse(r, client.ReplyRedirect, lead)
			s.counters.Redirected++
		}
		return
	}
	i := s.reads.pending.find(r.Client, r.Seq)
	switch {
	case i != noRow && s.reads.pending.rows[i].value.confirmed:
		// Another attempt of a read whose index is known: that index is as good for it, the read began before.
		old := &s.reads.pending.rows[i].value
		if old.heard = s.now; r.Attempt >= old.attempt {
			old.attempt, old.via = r.Attempt, r.Via
		}
		return
	case i == noRow && !s.readRoom():
		s.busy(r)
		return
	case i == noRow:
		i = s.reads.pending.add(r.Client, r.Seq)
		s.reads.pending.rows[i].value.attempt = 0
	}
	// The question of an earlier attempt may be lost, so each asks its own; the answer to an earlier question is then to
	// nobody.
	s.reads.contexts++
	n := &s.reads.pending.rows[i].value
	n.context = s.reads.contexts<<readRowBits | uint64(i)
	n.index, n.confirmed, n.heard = r.Index, false, s.now
	if r.Attempt >= n.attempt {
		n.attempt, n.via = r.Attempt, r.Via
	}
	n.query = append(n.query[:0], r.Command...)
	if r.Read.Own() {
		n.confirmed = true
		s.reads.confirmed++
		return
	}
	if err := s.core.ReadIndex(s.now, n.context, r.Read == client.ReadLease); err != nil {
		s.refuseRead(r.Client, r.Seq, n.attempt, n.via)
		s.reads.pending.remove(i)
	}
}

// local reports whether the server that is asked answers, whoever leads.
func local(k client.ReadKind) bool { return k == client.ReadFollower || k.Own() }

// readRoom reports whether one more read may wait. One whose client has not asked again for long was given up, or its question
// was lost: it makes room. Cost: O(waiting reads) when they are at their bound.
func (s *Server) readRoom() bool {
	t := &s.reads.pending
	if t.len() < s.cfg.MaxReads {
		return true
	}
	oldest := noRow
	for i := range t.rows {
		if r := &t.rows[i]; r.client != 0 && (oldest == noRow || r.value.heard < t.rows[oldest].value.heard) {
			oldest = int32(i)
		}
	}
	if !s.impatient(t.rows[oldest].value.heard) {
		return false
	}
	s.forgetRead(oldest)
	return true
}

func (s *Server) forgetRead(i int32) {
	if s.reads.pending.rows[i].value.confirmed {
		s.reads.confirmed--
	}
	s.reads.pending.remove(i)
}

// readable takes in the core's answers.
func (s *Server) readable(answers []raft.ReadState) {
	if len(answers) == 0 {
		return
	}
	for _, a := range answers {
		i := int32(a.Context & (1<<readRowBits - 1))
		if int(i) >= len(s.reads.pending.rows) {
			continue
		}
		r := &s.reads.pending.rows[i]
		if r.client == 0 || r.value.context != a.Context || r.value.confirmed {
			continue
		}
		if a.Refused {
			s.refuseRead(r.client, r.seq, r.value.attempt, r.value.via)
			s.reads.pending.remove(i)
			continue
		}
		r.value.index, r.value.confirmed = max(r.value.index, a.Index), true
		if s.observer != nil {
			s.observer.ReadConfirmed(r.client, r.seq, s.term)
		}
		s.reads.confirmed++
	}
	s.serveReads()
}

// serveReads answers the reads whose index the state machine has reached. Cost: O(waiting reads) if there is any whose index is
// known.
func (s *Server) serveReads() {
	if s.reads.confirmed == 0 {
		return
	}
	t := &s.reads.pending
	for i := range t.rows {
		r := &t.rows[i]
		if r.client == 0 || !r.value.confirmed || r.value.index > s.applied.Index {
			continue
		}
		s.answerRead(r.client, r.seq, r.value.attempt, r.value.via, r.value.query)
		s.forgetRead(int32(i))
	}
}

// answerRead answers a read from the present state.
func (s *Server) answerRead(id, seq uint64, attempt uint32, via uint64, query []byte) {
	result, ok := s.sessions.Query(query, s.result[:0])
	s.result = result
	if !ok {
		s.refuseRead(id, seq, attempt, via)
		return
	}
	s.reply = client.Reply{
		Client: id, Seq: seq, Attempt: attempt, Via: via, Status: client.ReplyOK, Result: result, Index: s.applied.Index,
		Leader: s.core.Status().Lead, // the client's next read may go there at once
	}
	s.host.SendReply(&s.reply)
	s.counters.Reads++
}

// refuseRead tells the client to ask again: nothing was done.
func (s *Server) refuseRead(id, seq uint64, attempt uint32, via uint64) {
	s.reply = client.Reply{Client: id, Seq: seq, Attempt: attempt, Via: via, Status: client.ReplyUnavailable}
	s.host.SendReply(&s.reply)
	s.counters.ReadsRefused++
}
