package server

import (
	"slices"

	"raftsim/raft"
	"raftsim/raft/statemachine"
)

// HandleApply applies at most max of the committed entries that wait (0: Config.ApplyBatch), answers their clients, and tells
// the core once for all of them. If more wait, the host is told again that they do. Without anything to apply it does nothing.
func (s *Server) HandleApply(now int64, max int) {
	if s.phase != phaseRunning {
		return
	}
	s.enter(now)
	s.queue.asked = false
	if max <= 0 {
		max = s.cfg.ApplyBatch
	}
	if n := min(max, s.queue.len()); n > 0 && s.apply(s.queue.first(n)) {
		s.queue.drop(n)
		s.applyLater()
		s.turn()
	}
	s.inside = false
}

// configuration is one that a committed entry made. It is asked of the core when the entry is handed out: the core need not
// know it any more when the state machine gets there.
type configuration struct {
	index uint64
	conf  raft.ConfState
}

// commit takes in committed entries. It reports whether the server lives on.
func (s *Server) commit(entries []raft.Entry) bool {
	for i := range entries {
		if e := &entries[i]; e.Type == raft.EntryConfChange {
			s.configs = append(s.configs, configuration{e.Index, s.core.ConfState(e.Index)})
		}
	}
	if !s.cfg.AsyncApply {
		return s.apply(entries)
	}
	s.queue.add(entries)
	s.applyLater()
	return true
}

// applyLater tells the host once that entries wait.
func (s *Server) applyLater() {
	if s.queue.len() > 0 && !s.queue.asked {
		s.queue.asked = true
		s.host.ApplyLater()
	}
}

// apply feeds committed entries to the state machine, answers the clients that wait for them, and the reads that wait for
// the state they make. It reports whether the server lives on.
func (s *Server) apply(entries []raft.Entry) bool {
	if len(entries) == 0 {
		return true
	}
	for i := range entries {
		e := &entries[i]
		var data []byte
		if e.Type == raft.EntryNormal {
			data = e.Data
		}
		outcomes := s.sessions.Apply(e.Index, data)
		s.applied = raft.EntryID{Index: e.Index, Term: e.Term}
		s.snapshots.terms.add(e.Index, e.Term)
		s.snapshots.entries++
		s.snapshots.bytes += uint64(len(e.Data))
		if s.observer != nil {
			s.observer.Applied(e, outcomes, s.sessions.Hash())
		}
		if !s.moment(MomentApplied) {
			return false
		}
		if e.Type == raft.EntryConfChange {
			s.configure(e.Index)
		}
		for i := range outcomes {
			s.settle(&outcomes[i])
		}
		s.compare(e)
	}
	s.core.Applied(s.now, s.applied.Index)
	s.serveReads()
	return s.snapshotIfDue()
}

// configure notes the configuration that an applied entry made.
func (s *Server) configure(index uint64) {
	n := 0
	for n < len(s.configs) && s.configs[n].index <= index {
		s.conf = s.configs[n].conf
		n++
	}
	s.configs = slices.Delete(s.configs, 0, n)
	if s.observer != nil {
		s.observer.Configured(index, s.conf)
	}
}

// settle tells the client that waits for it what became of an operation.
func (s *Server) settle(o *statemachine.Outcome) {
	i := s.waiting.first(o.Client)
	if i == noRow {
		return
	}
	switch o.Status {
	case statemachine.StatusApplied: // who waited for a repeated one was answered the first time
		// A session goes through its numbers in order: the client has given up those before, or has been answered elsewhere.
		for i != noRow {
			w := &s.waiting.rows[i]
			next := w.next
			if w.seq == o.Seq {
				s.answer(o, w.value.attempt, w.value.via)
				s.counters.Answered++
			}
			if w.seq <= o.Seq {
				s.waiting.remove(i)
			}
			i = next
		}
	case statemachine.StatusExpired, statemachine.StatusStale, statemachine.StatusTooEarly:
		if i := s.waiting.find(o.Client, o.Seq); i != noRow {
			s.reject(o, s.waiting.rows[i].value.attempt, s.waiting.rows[i].value.via)
			s.waiting.remove(i)
		}
	}
}

// compare looks at what this server itself had proposed for the index of an applied entry. If the entry is another leader's, the
// proposal is lost for good, and so is the attempt: its client is told at once.
func (s *Server) compare(e *raft.Entry) {
	for {
		p, ok := s.proposals.take(e.Index)
		if !ok {
			return
		}
		i := s.waiting.find(p.client, p.seq)
		if i == noRow {
			continue
		}
		w := &s.waiting.rows[i].value
		if w.index != p.index || w.term != p.term {
			continue // of an earlier attempt, or of one of several copies of this
		}
		w.index = 0
		if p.index == e.Index && p.term != e.Term {
			s.dropped(p.client, p.seq, w.attempt, w.via)
			s.waiting.remove(i)
		}
	}
}

// answerRestored answers the operations that a snapshot, which has just been restored, contains. Of proposals whose index it
// covers nobody can tell any more whether they were lost.
func (s *Server) answerRestored() {
	for {
		p, ok := s.proposals.take(s.applied.Index)
		if !ok {
			break
		}
		if i := s.waiting.find(p.client, p.seq); i != noRow {
			s.waiting.rows[i].value.index = 0
		}
	}
	for i := range s.waiting.rows {
		w := &s.waiting.rows[i]
		if w.client == 0 {
			continue
		}
		o, ok := s.sessions.Recall(&statemachine.Envelope{
			Kind: w.value.kind, Client: w.client, Seq: w.seq, Session: w.value.session,
		})
		if !ok || o.Status == statemachine.StatusWaiting {
			continue
		}
		if o.Status == statemachine.StatusRepeated {
			s.answer(&o, w.value.attempt, w.value.via)
			s.counters.Answered++
		} else {
			s.reject(&o, w.value.attempt, w.value.via)
		}
		s.waiting.remove(int32(i))
	}
}
