package server

import (
	"fmt"

	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
	"raftsim/raft/storage"
	"raftsim/raft/vfs"
)

// Bootstrap writes the first state of a member of a new cluster to an empty disk. It exists once the two syncs that it
// submits, tickets 0 and 1, have completed. Refused are a configuration that is impossible or does not have the id (ErrNotMember), and a
// disk that is not empty (storage.ErrNotEmpty).
func Bootstrap(fsys vfs.FS, id uint64, conf raft.ConfState) error {
	if fsys == nil {
		return ErrNoFS
	}
	if err := conf.Validate(); err == nil && !conf.IsMember(id) { // what is wrong with it, storage says
		return fmt.Errorf("bootstrap of member %d: %w", id, ErrNotMember)
	}
	return storage.Bootstrap(fsys, id, conf, 0, 1)
}

// Join writes the first state of a server that an existing cluster is to add, to an empty disk: it knows no configuration, takes
// part in no election, and waits for a leader to tell it everything. It exists once the two syncs that it submits, tickets 0
// and 1, have completed. A member whose disk was lost must be removed, and may join again under another id or this one: it
// must never bootstrap again.
//
// after is an index at which a configuration without this id is committed, 0 for an id that was never used. It is what tells the
// new member from one that voted under the same id before (raft.InitialState.JoinedAfter). Nor may any later configuration have the
// id, committed or not, when the disk is emptied: a server that was added again after that entry, and has answered or voted since, is
// taken for the new member. So the order is: remove, see the removal committed, empty the disk, Join, add.
func Join(fsys vfs.FS, id, after uint64) error {
	if fsys == nil {
		return ErrNoFS
	}
	return storage.Join(fsys, id, after, 0, 1)
}

// Restart starts a member from its disk. machine must be in its initial state; it is brought to that of the newest snapshot, and
// takes the log behind it as the core commits it. The server is recovering until the host has reported the completion of the
// syncs that Restart submits: what it read may be what a crashed process wrote and no sync ever covered, and to speak for it
// would promise what a power loss can still take.
//
// Refused are nil (ErrNoFS, ErrNoHost, ErrNoMachine), an impossible configuration, an empty disk (storage.ErrEmpty), another member's (storage.ErrWrongID), a damaged one
// (*storage.CorruptError), and one with a snapshot for a machine that takes none (ErrNoSnapshotter). observer may be nil.
func Restart(cfg Config, fsys vfs.FS, host Host, observer Observer, machine statemachine.StateMachine) (*Server, error) {
	switch {
	case fsys == nil:
		return nil, ErrNoFS
	case host == nil:
		return nil, ErrNoHost
	case machine == nil:
		return nil, ErrNoMachine
	}
	cfg, err := cfg.checked()
	if err != nil {
		return nil, err
	}
	log, state, err := storage.Open(fsys, cfg.Raft.ID, storage.Options{SegmentBytes: cfg.SegmentBytes}, recoveryTicket)
	if err != nil {
		return nil, fmt.Errorf("restart of member %d: %w", cfg.Raft.ID, err)
	}
	s := &Server{
		cfg: cfg, host: host, observer: observer, log: log,
		sessions:  statemachine.NewSessions(machine, cfg.SessionTTL),
		held:      held{requests: newTable[client.Request]()},
		waiting:   newTable[waiter](),
		proposals: proposals{current: newTable[proposal]()},
		reads:     reads{pending: newTable[read]()},
	}
	s.snapshots.possible = s.sessions.Snapshots()
	s.recovered = raft.InitialState{
		HardState: state.HardState, ConfState: state.ConfState, Snapshot: state.Snapshot, Lost: state.Lost,
		Incarnation: state.Incarnation, JoinedAfter: state.JoinedAfter, Offset: state.Offset, OffsetTerm: state.OffsetTerm, Entries: state.Entries,
		Applied: state.Snapshot.Index,
	}
	s.snapshots.compacted = state.Offset
	s.snapshots.terms.add(state.Offset, state.OffsetTerm)
	for i := 0; i < len(state.Entries) && state.Entries[i].Index <= state.Snapshot.Index; i++ {
		s.snapshots.terms.add(state.Entries[i].Index, state.Entries[i].Term)
	}
	s.term, s.conf = state.HardState.Term, state.ConfState
	if err := s.recall(state.Snapshot); err != nil {
		s.Close()
		return nil, fmt.Errorf("restart of member %d: %w", cfg.Raft.ID, err)
	}
	return s, nil
}

// recall brings the state machine to the snapshot the disk has, if it has one.
func (s *Server) recall(meta raft.SnapshotMeta) error {
	switch {
	case meta.Index == 0:
		return nil
	case !s.snapshots.possible:
		return fmt.Errorf("the disk holds the snapshot of entry %d: %w", meta.Index, ErrNoSnapshotter)
	}
	return s.restore(meta)
}

// start makes the core of the recovered state.
func (s *Server) start() {
	core, err := s.cfg.NewCore(s.cfg.Raft, s.now, s.recovered)
	if err != nil {
		s.halt(fmt.Errorf("start of member %d: %w", s.cfg.Raft.ID, err))
		return
	}
	s.core, s.phase = core, phaseRunning
	s.reader, _ = core.(StatusReader)
	s.snapshots.pinned = core.SnapshotPinned
	if s.observer != nil {
		s.observer.Recovered(&s.recovered)
	}
	s.recovered = raft.InitialState{}
	if s.campaign {
		s.core.Campaign(s.now)
	}
	s.turn()
}
