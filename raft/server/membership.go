package server

import "raftsim/raft"

// ProposeConfChange asks this server, as the leader, to change the membership. No error means that the change is in its log: it
// is in force there, and made for good once it is committed (Observer.Configured, ConfState). An error means that it is in no
// log.
//
// A server that learns that it was removed goes on, without a say: others may still need what it holds. Its host retires it.
func (s *Server) ProposeConfChange(now int64, c *raft.ConfChange) error {
	if s.phase != phaseRunning {
		return ErrNotRunning
	}
	s.enter(now)
	var err error = ErrNotRunning
	if s.moment(MomentReceived) {
		_, _, err = s.core.ProposeConfChange(now, c)
		s.turn()
	}
	s.inside = false
	return err
}

// TransferLeader asks this server, as the leader, to hand over to another voter. No error means that it tries, for an election
// timeout at most; until then it takes no commands.
func (s *Server) TransferLeader(now int64, to uint64) error {
	if s.phase != phaseRunning {
		return ErrNotRunning
	}
	s.enter(now)
	var err error = ErrNotRunning
	if s.moment(MomentReceived) {
		err = s.core.TransferLeader(now, to)
		s.turn()
	}
	s.inside = false
	return err
}

// ConfState returns the configuration after the last applied entry. It is empty at a server that has joined and learnt of none
// yet. It is not to be changed.
func (s *Server) ConfState() raft.ConfState { return s.conf }
