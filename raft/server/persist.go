package server

import (
	"fmt"
	"slices"

	"raftsim/raft"
	"raftsim/raft/storage"
	"raftsim/raft/vfs"
)

// maxHeld bounds the messages that wait for the disk. A disk that stalls for minutes meets a leader that goes on sending
// heartbeats; an answer that is dropped is like one the network lost.
const maxHeld = 1 << 12

// recoveryTicket is the sync of what a restart read. The core's tickets rise from 1 and a bootstrap uses 0 and 1: neither
// can be taken for it. Those of the log itself lie above.
const recoveryTicket = storage.InternalTickets - 1

// dependent is a message that may leave once ticket is durable.
type dependent struct {
	ticket  uint64
	message raft.Message
}

// persist writes what must be durable and submits the sync. It reports whether the server lives on.
func (s *Server) persist(rd *raft.Ready) bool {
	if rd.Ticket == 0 {
		return true
	}
	if !s.moment(MomentPersist) {
		return false
	}
	var hs *raft.HardState
	if rd.HardStateChanged {
		hs = &rd.HardState
	}
	// Before a snapshot is installed, because nothing may be appended until it is: the term it came in goes first.
	if err := s.log.Append(hs, rd.Entries); err != nil {
		s.halt(err)
		return false
	}
	if rd.Snapshot != nil && !s.install(rd) {
		return false
	}
	if !s.moment(MomentWritten) {
		return false
	}
	s.issued = rd.Ticket
	if rd.Snapshot == nil {
		s.log.Sync(vfs.Ticket(rd.Ticket))
	}
	return s.moment(MomentSubmitted)
}

// completed takes in the end of a sync. The log goes first: it has syncs of its own, and what follows a sync of its files.
func (s *Server) completed(t vfs.Ticket, err error) {
	own := t >= storage.InternalTickets
	if err == nil && s.phase == phaseRunning {
		if !own && (uint64(t) <= s.durable || uint64(t) > s.issued) {
			panic(fmt.Sprintf("server: n%d: sync %d completed, but %d were issued and %d are complete", s.cfg.Raft.ID, t, s.issued, s.durable))
		}
		if !s.moment(MomentSynced) {
			return
		}
	}
	ev := s.log.Completed(t, err)
	switch {
	case err != nil:
		s.halt(fmt.Errorf("sync %d failed, so what the disk holds is unknown: %w", t, err))
	case ev.Kind == storage.EventFailed:
		s.halt(ev.Err)
	case s.phase == phaseRecovering:
		if t == recoveryTicket {
			s.start()
		}
	case ev.Kind == storage.EventSnapshotSaved:
		s.snapshotSaved(ev.Meta)
	case ev.Kind == storage.EventInstalled:
		s.installed(ev.Meta, uint64(ev.Ticket))
	case !own && uint64(t) != s.snapshots.installing:
		s.synced(uint64(t))
	}
}

// synced lets go of what waited for a ticket.
func (s *Server) synced(ticket uint64) {
	s.durable = ticket
	s.core.Advance(s.now, ticket)
	s.release()
	if s.moment(MomentSent) {
		s.turn()
	}
}

// hold keeps a message until everything issued so far is durable. The core may use the message's memory again before that.
func (s *Server) hold(m *raft.Message) {
	if len(s.dependent) >= maxHeld {
		s.counters.Shed++
		return
	}
	s.dependent = append(s.dependent, dependent{ticket: s.issued})
	held := &s.dependent[len(s.dependent)-1].message
	*held = *m
	held.Entries = slices.Clone(m.Entries)
	held.Data = slices.Clone(m.Data)
	if m.Conf != nil {
		conf := cloneConf(m.Conf)
		held.Conf = &conf
	}
}

func cloneConf(c *raft.ConfState) raft.ConfState {
	return raft.ConfState{
		Voters: slices.Clone(c.Voters), Outgoing: slices.Clone(c.Outgoing),
		Learners: slices.Clone(c.Learners), LearnersNext: slices.Clone(c.LearnersNext), AutoLeave: c.AutoLeave,
	}
}

// release lets go of the messages whose ticket is durable.
func (s *Server) release() {
	n := 0
	for n < len(s.dependent) && s.dependent[n].ticket <= s.durable {
		s.send(&s.dependent[n].message)
		n++
	}
	left := s.dependent[:copy(s.dependent, s.dependent[n:])]
	clear(s.dependent[len(left):]) // what it points to is not to be kept alive by a queue that was long once
	s.dependent = left
}
