package powerloss

import (
	"bytes"
	"errors"
	"fmt"

	"raftsim/raft"
	"raftsim/raft/storage"
	"raftsim/raft/vfs"
)

const id = 2

func voters() raft.ConfState { return raft.ConfState{Voters: []uint64{1, id, 3}} }

// Machine is where a workload runs: something that keeps files from one process to the next.
type Machine interface {
	// Start returns the file system for a new process. The one before has died without notice.
	Start() (vfs.FS, error)
	// Complete lets the oldest sync complete that is under way, if there is one. own says whether the present process submitted it.
	Complete() (c vfs.Completion, own, ok bool)
}

// member is a log on a machine, and the model of what the machine should remember.
type member struct {
	machine Machine
	done    func(own bool) // called when a sync has completed, before the log hears of it; nil: nothing
	segment int64
	model   *model
	log     *storage.Log
	tickets []int // by ticket, from 1: the version that it covers
	opening vfs.Ticket
	life    uint64
	saving  uint64   // index of the snapshot that is being saved
	loose   []uint64 // snapshots that were saved and not compacted to
	install vfs.Ticket
	cut     int64 // bytes cut off in all openings
	halted  bool  // a sync has failed: the process must end
}

func (m *member) take(version int) vfs.Ticket {
	m.tickets = append(m.tickets, version)
	return vfs.Ticket(len(m.tickets))
}

// open starts a process on the disk. The state is checked; what becomes of it is up to the syncs.
func (m *member) open() (*storage.State, error) {
	fsys, err := m.machine.Start()
	if err != nil {
		return nil, err
	}
	m.opening = m.take(-1)
	m.install, m.saving, m.loose, m.halted = 0, 0, nil, false
	log, st, err := storage.Open(fsys, id, storage.Options{SegmentBytes: m.segment}, m.opening)
	if err != nil {
		return nil, err
	}
	m.log = log
	m.cut += st.Cut
	n, err := m.model.check(&st)
	if err != nil {
		return nil, err
	}
	if s := m.model.snapshot(st.Snapshot.Index); s != nil {
		if err := m.read(s); err != nil {
			return nil, err
		}
	}
	m.model.recovered(n, st.Snapshot.Index)
	m.tickets[m.opening-1] = len(m.model.versions) - 1
	m.life = st.Incarnation
	return &st, nil
}

// read compares a snapshot with what was written.
func (m *member) read(s *snapshot) error {
	got := make([]byte, len(s.data)+1)
	n, err := m.log.ReadSnapshot(s.meta.Index, 0, got)
	if err != nil {
		return err
	}
	if !bytes.Equal(got[:n], s.data) {
		return fmt.Errorf("the snapshot of entry %d has other bytes", s.meta.Index)
	}
	return nil
}

// completeOne lets a sync complete and hands the news to the process. It reports whether there was one.
func (m *member) completeOne() (bool, error) {
	c, own, ok := m.machine.Complete()
	if !ok {
		return false, nil
	}
	if own && c.Err == nil && c.Ticket < storage.InternalTickets {
		m.model.acked = max(m.model.acked, m.tickets[c.Ticket-1])
		if c.Ticket == m.opening {
			m.model.lives = max(m.model.lives, m.life)
			for i := range m.model.snaps {
				m.model.snaps[i].acked = true
			}
		}
	}
	if m.done != nil {
		m.done(own)
	}
	if !own {
		return true, nil
	}
	switch ev := m.log.Completed(c.Ticket, c.Err); ev.Kind {
	case storage.EventFailed:
		if m.halted = c.Err != nil; m.halted {
			return true, nil
		}
		return true, ev.Err
	case storage.EventSnapshotSaved:
		m.model.snapshot(ev.Meta.Index).acked = true
		m.loose = append(m.loose, ev.Meta.Index)
		m.saving = 0
	case storage.EventInstalled:
		if ev.Ticket != m.install {
			return true, fmt.Errorf("an installation ends with ticket %d, it has %d", ev.Ticket, m.install)
		}
		m.model.snapshot(ev.Meta.Index).acked = true
		m.install = 0
	}
	return true, nil
}

// settle lets all syncs complete, or those up to one that fails.
func (m *member) settle() error {
	for !m.halted {
		if more, err := m.completeOne(); !more || err != nil {
			return err
		}
	}
	return nil
}

// revive restarts the process until nothing fails.
func (m *member) revive() error {
	for range 100 {
		if _, err := m.open(); err != nil {
			return err
		}
		if err := m.settle(); err != nil || !m.halted {
			return err
		}
	}
	return errors.New("100 restarts, and a sync failed in each")
}

func (m *member) append(hs raft.HardState, entries []raft.Entry) error {
	m.model.append(hs, entries)
	return m.log.Append(&hs, entries)
}

func (m *member) sync() { m.log.Sync(m.take(len(m.model.versions) - 1)) }

// goOn checks that a recovered member can carry on: it appends, and remembers that in another life.
func (m *member) goOn() error {
	if err := m.revive(); err != nil {
		return err
	}
	v := m.model.latest()
	hs, last := v.hs, v.last()
	hs.Term++
	hs.Vote = id
	entry := raft.Entry{Term: hs.Term, Index: last.Index + 1, Data: []byte("after the power loss")}
	if err := m.append(hs, []raft.Entry{entry}); err != nil {
		return err
	}
	m.sync()
	if err := m.settle(); err != nil {
		return err
	}
	halted := m.halted
	st, err := m.open()
	if err != nil {
		return fmt.Errorf("second restart: %w", err)
	}
	if st.Cut != 0 && !halted {
		return fmt.Errorf("second restart: %d bytes cut off of a log that was synced", st.Cut)
	}
	return m.settle()
}
