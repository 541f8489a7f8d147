package powerloss

import (
	"bytes"
	"fmt"
	"slices"

	"raftsim/raft"
	"raftsim/raft/storage"
)

// model says, without any encoding, what a disk should remember: every state the log has been in, and which of them have been
// acknowledged.
type model struct {
	versions []version // in order; the last one is what was asked for last
	acked    int       // the newest version covered by a completed sync
	snaps    []snapshot
	lives    uint64 // incarnation of the last opening that was acknowledged
}

// version is a state of the log.
type version struct {
	hs      raft.HardState
	base    raft.EntryID // where the log begins: (0, 0), or the last snapshot that replaced it
	entries []raft.Entry // all since, compacted or not
}

type snapshot struct {
	meta  raft.SnapshotMeta
	data  []byte
	acked bool
}

func (v *version) last() raft.EntryID {
	if n := len(v.entries); n > 0 {
		return raft.EntryID{Index: v.entries[n-1].Index, Term: v.entries[n-1].Term}
	}
	return v.base
}

// id returns the identity of the entry at index, which is not before base and not behind the last.
func (v *version) id(index uint64) raft.EntryID {
	if index == v.base.Index {
		return v.base
	}
	return raft.EntryID{Index: index, Term: v.entries[index-v.base.Index-1].Term}
}

func (v *version) holds(id raft.EntryID) bool {
	return id.Index >= v.base.Index && id.Index <= v.last().Index && v.id(id.Index) == id
}

func (m *model) latest() *version { return &m.versions[len(m.versions)-1] }

// append adds the version that a batch makes, and returns its number.
func (m *model) append(hs raft.HardState, entries []raft.Entry) int {
	v := *m.latest()
	v.hs = hs
	if len(entries) > 0 {
		keep := entries[0].Index - v.base.Index - 1
		v.entries = append(slices.Clone(v.entries[:keep]), entries...)
	}
	v.hs.Commit = min(v.hs.Commit, v.last().Index)
	m.versions = append(m.versions, v)
	return len(m.versions) - 1
}

// replace adds the version that the installation of a snapshot makes.
func (m *model) replace(meta raft.SnapshotMeta) int {
	n := m.commit(meta.Index)
	v := &m.versions[n]
	v.base, v.entries = raft.EntryID{Index: meta.Index, Term: meta.Term}, nil
	return n
}

// commit adds the version in which everything up to index is committed.
func (m *model) commit(index uint64) int {
	v := *m.latest()
	v.hs.Commit = max(v.hs.Commit, index)
	m.versions = append(m.versions, v)
	return len(m.versions) - 1
}

func (m *model) snapshot(index uint64) *snapshot {
	for i := range m.snaps {
		if m.snaps[i].meta.Index == index {
			return &m.snaps[i]
		}
	}
	return nil
}

// clone returns a model that may go its own way.
func (m *model) clone() *model {
	c := *m
	c.versions = slices.Clip(m.versions)
	c.snaps = slices.Clone(m.snaps)
	return &c
}

// check compares what a disk remembered with what it should, and returns the version that it is.
func (m *model) check(st *storage.State) (int, error) {
	if st.Lost != (raft.EntryID{}) {
		return 0, fmt.Errorf("a power loss is reported as damage: entry %d of term %d is lost", st.Lost.Index, st.Lost.Term)
	}
	if st.Incarnation <= m.lives {
		return 0, fmt.Errorf("incarnation %d after %d", st.Incarnation, m.lives)
	}
	var newest uint64
	for i := range m.snaps {
		if m.snaps[i].acked {
			newest = max(newest, m.snaps[i].meta.Index)
		}
	}
	if st.Snapshot.Index < newest {
		return 0, fmt.Errorf("the newest snapshot is of entry %d, one of entry %d was durable", st.Snapshot.Index, newest)
	}
	if s := m.snapshot(st.Snapshot.Index); st.Snapshot.Index > 0 && (s == nil || !sameMeta(s.meta, st.Snapshot)) {
		return 0, fmt.Errorf("the snapshot %+v was never written", st.Snapshot)
	}
	var why string
	for n := len(m.versions) - 1; n >= m.acked; n-- {
		differs := m.versions[n].differs(st)
		if differs == "" {
			return n, nil
		}
		why += fmt.Sprintf("\n  version %d: %s", n, differs)
	}
	return 0, fmt.Errorf("the disk remembers %s, which is none of the versions %d (acknowledged) to %d:%s",
		describe(st), m.acked, len(m.versions)-1, why)
}

// differs says in what st is not what this version and the snapshot of st make together; "" if it is.
func (v *version) differs(st *storage.State) string {
	snap := raft.EntryID{Index: st.Snapshot.Index, Term: st.Snapshot.Term}
	hs := v.hs
	hs.Commit = max(hs.Commit, snap.Index)
	if st.HardState != hs {
		return fmt.Sprintf("hard state %+v, want %+v", st.HardState, hs)
	}
	offset := raft.EntryID{Index: st.Offset, Term: st.OffsetTerm}
	if !v.holds(snap) {
		if offset != snap || len(st.Entries) > 0 {
			return "the log should begin after the snapshot, and be empty"
		}
		return ""
	}
	if st.Offset > snap.Index || !v.holds(offset) {
		return fmt.Sprintf("the log begins after entry %d of term %d", offset.Index, offset.Term)
	}
	want := v.entries[st.Offset-v.base.Index:]
	if len(want) != len(st.Entries) {
		return fmt.Sprintf("%d entries after %d, want %d", len(st.Entries), st.Offset, len(want))
	}
	for i := range want {
		w, g := &want[i], &st.Entries[i]
		if w.Index != g.Index || w.Term != g.Term || w.Type != g.Type || !bytes.Equal(w.Data, g.Data) {
			return fmt.Sprintf("entry %d of term %d with %d bytes %.20q, want %d of term %d with %d bytes %.20q",
				g.Index, g.Term, len(g.Data), g.Data, w.Index, w.Term, len(w.Data), w.Data)
		}
	}
	return ""
}

// recovered makes what was found after a restart the latest version.
func (m *model) recovered(n int, snap uint64) {
	m.versions = slices.Clip(m.versions[:n+1]) // others may share what is behind
	if s := m.snapshot(snap); s != nil && !m.versions[n].holds(raft.EntryID{Index: s.meta.Index, Term: s.meta.Term}) {
		m.replace(s.meta)
	} else if s != nil && m.versions[n].hs.Commit < snap {
		m.commit(snap)
	}
	m.snaps = slices.DeleteFunc(slices.Clone(m.snaps), func(s snapshot) bool { return s.meta.Index > snap })
}

func sameMeta(a, b raft.SnapshotMeta) bool {
	return a.Index == b.Index && a.Term == b.Term && a.Size == b.Size &&
		bytes.Equal(raft.AppendConfState(nil, &a.ConfState), raft.AppendConfState(nil, &b.ConfState))
}

func describe(st *storage.State) string {
	last := st.Offset + uint64(len(st.Entries))
	return fmt.Sprintf("term %d vote %d commit %d, entries %d to %d, a snapshot of entry %d (%d bytes cut off)",
		st.HardState.Term, st.HardState.Vote, st.HardState.Commit, st.Offset+1, last, st.Snapshot.Index, st.Cut)
}
