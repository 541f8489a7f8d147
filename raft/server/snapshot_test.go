package server

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
	"raftsim/raft/storage"
)

// write makes entries durable at a server with a script for a core, under the next ticket.
func (r *rig) write(core *script, term uint64, entries ...raft.Entry) {
	r.t.Helper()
	core.readies = []raft.Ready{{
		Ticket: r.server.issued + 1, HardStateChanged: true, HardState: raft.HardState{Term: term}, Entries: entries,
	}}
	r.step(raft.Message{})
	r.syncAll()
	r.host.lines = nil
}

// noops are entries without commands.
func noops(term, from, to uint64) (entries []raft.Entry) {
	for i := from; i <= to; i++ {
		entries = append(entries, raft.Entry{Term: term, Index: i})
	}
	return entries
}

// commits hands out entries.
func (r *rig) commits(core *script, entries ...raft.Entry) {
	core.readies = []raft.Ready{committed(entries...)}
	r.step(raft.Message{})
}

// A snapshot is taken as soon as enough was applied. When it is durable the core is told, then what it replaces goes: the log up to
// what the core still needs, and older snapshots but those being sent.
func TestSnapshotIsTakenAndReplacesTheLog(t *testing.T) {
	for _, bytes := range []bool{false, true} {
		r := newRig(t, 1, 3)
		told := new(witness)
		r.watch = told
		core := r.scripted()
		r.running()
		r.opened(core)
		r.write(core, 2, append(noops(1, 1, 8), noops(2, 9, 30)...)...)
		if r.server.cfg.SnapshotEntries = 4; bytes {
			r.server.cfg.SnapshotEntries, r.server.cfg.SnapshotBytes = 0, uint64(3*len(entry(1, 9, 5, 2).Data)+1)
		}
		r.server.snapshots.entries, r.server.snapshots.bytes = 0, 0
		core.pinned = 12
		r.syncAll()
		core.snapshotted, told.lines = nil, nil
		for n := range uint64(3) {
			first := 9 + 4*n
			told.lines = nil
			r.commits(core, entry(2, first, 5, first-7), entry(2, first+1, 5, first-6), entry(2, first+2, 5, first-5), entry(2, first+3, 5, first-4))
			index := first + 3
			if diff := cmp.Diff([]string{fmt.Sprintf("taken %d/2", index)}, told.lines); diff != "" {
				t.Fatalf("told (-want +got):\n%s", diff)
			}
			if len(core.snapshotted) != int(n) {
				t.Fatal("the core was told before the snapshot is durable")
			}
			r.syncAll()
			want := []string{fmt.Sprintf("taken %d/2", index), fmt.Sprintf("saved %d/2", index), fmt.Sprintf("compacted %d", index)}
			if diff := cmp.Diff(want, told.lines); diff != "" {
				t.Fatalf("told (-want +got):\n%s", diff)
			}
			if got := core.snapshotted[n]; got.Index != index || got.Term != 2 || got.Size == 0 || len(got.ConfState.Voters) != 3 {
				t.Errorf("the core was told of %+v", got)
			}
		}
		if got := r.disk.count(".snap"); got != 2 {
			t.Errorf("%d snapshots are kept, want the newest and the one that is being sent", got)
		}
		if got := r.server.Counters().SnapshotsTaken; got != 3 {
			t.Errorf("%d snapshots taken, want 3", got)
		}
	}
}

// With entries retained for followers a little behind, the log goes up to what the core names, and its term with it.
func TestCompactionUpToWhatTheCoreNeeds(t *testing.T) {
	r := newRig(t, 1, 3)
	told := new(witness)
	r.watch = told
	core := r.scripted()
	r.running()
	r.write(core, 3, append(append(noops(1, 1, 5), noops(2, 6, 9)...), noops(3, 10, 12)...)...)
	r.commits(core, append(append(noops(1, 1, 5), noops(2, 6, 9)...), noops(3, 10, 12)...)...)
	core.retain = 5
	if err := r.server.ForceSnapshot(0); err != nil {
		t.Fatal(err)
	}
	r.syncAll()
	core.status.FirstIndex = 10 // a transfer has ended, say
	core.readies = []raft.Ready{ack(3)}
	r.step(raft.Message{})
	if diff := cmp.Diff([]string{"taken 12/3", "saved 12/3", "compacted 7", "compacted 9"}, told.lines); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	core.status.FirstIndex = 20 // of a snapshot that was accepted and is not here yet
	core.readies = []raft.Ready{ack(3)}
	r.step(raft.Message{})
	if len(told.lines) != 4 || len(r.host.halts) > 0 {
		t.Errorf("told %q, halts %v", told.lines, r.host.halts)
	}
}

// A state that is too large to be restored is not saved: the log stays, and it is tried again when the next snapshot is due.
func TestSnapshotThatIsTooLarge(t *testing.T) {
	r := newRig(t, 1, 3)
	told := new(witness)
	r.watch = told
	r.cfg.SnapshotEntries, r.cfg.MaxSnapshotBytes = 4, 1
	core := r.scripted()
	r.running()
	r.write(core, 1, noops(1, 1, 10)...)
	for i := range uint64(10) {
		r.commits(core, noops(1, i+1, i+1)...)
	}
	if got := r.server.Counters(); got.SnapshotsRefused != 2 || got.SnapshotsTaken != 0 {
		t.Errorf("%d refused and %d taken, want 2 and 0", got.SnapshotsRefused, got.SnapshotsTaken)
	}
	if err := r.server.ForceSnapshot(0); err != ErrSnapshotTooLarge {
		t.Errorf("when asked for: %v", err)
	}
	r.syncAll()
	if len(told.lines) > 0 || len(core.snapshotted) > 0 || r.disk.count(".snap") > 0 || len(r.host.halts) > 0 {
		t.Errorf("told %q, the core of %v, %d files, halts %v", told.lines, core.snapshotted, r.disk.count(".snap"), r.host.halts)
	}
	r.server.cfg.MaxSnapshotBytes = 1 << 20
	if err := r.server.ForceSnapshot(0); err != nil {
		t.Errorf("of a state that fits: %v", err)
	}
}

// What refuses a snapshot that somebody asks for.
func TestForcedSnapshot(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running()
	if err := r.server.ForceSnapshot(0); err != ErrNothingNew {
		t.Errorf("of nothing: %v", err)
	}
	r.write(core, 1, noops(1, 1, 2)...)
	r.commits(core, noops(1, 1, 2)...)
	if err := r.server.ForceSnapshot(0); err != nil {
		t.Errorf("the first: %v", err)
	}
	if err := r.server.ForceSnapshot(0); err != ErrSnapshotPending {
		t.Errorf("before that is durable: %v", err)
	}
	r.syncAll()
	if err := r.server.ForceSnapshot(0); err != ErrNothingNew {
		t.Errorf("of the same: %v", err)
	}
	plain := newRig(t, 1, 3)
	plain.machine = bare
	plain.cfg.SnapshotEntries = 1
	core = plain.scripted()
	plain.running()
	plain.commits(core, noops(1, 1, 2)...)
	if err := plain.server.ForceSnapshot(0); err != ErrNoSnapshotter {
		t.Errorf("of a machine that takes none: %v", err)
	}
	if n := plain.server.Counters().SnapshotsTaken; n != 0 {
		t.Errorf("%d snapshots taken of a machine that takes none", n)
	}
}

// bare is a machine that neither takes snapshots nor answers queries.
func bare() statemachine.StateMachine {
	return struct{ statemachine.StateMachine }{statemachine.NewKV()}
}

// A piece of a snapshot leaves with its bytes; one that is not to be had does not leave.
func TestSendingASnapshot(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running()
	r.write(core, 1, noops(1, 1, 2)...)
	r.commits(core, noops(1, 1, 2)...)
	if err := r.server.ForceSnapshot(0); err != nil {
		t.Fatal(err)
	}
	r.syncAll()
	size := core.snapshotted[0].Size
	want := r.server.sessions.AppendSnapshot(nil)
	if size != uint64(len(want)) {
		t.Fatalf("the snapshot has %d bytes, want %d", size, len(want))
	}
	snap := func(index, offset, length uint64) raft.Message {
		return raft.Message{
			Type: raft.MsgSnap, From: 1, To: 2, Term: 1, Index: index, LogTerm: 1, Offset: offset, Length: length, Size: size,
			Conf: &raft.ConfState{Voters: []uint64{1, 2, 3}},
		}
	}
	r.host.messages = nil
	out := []raft.Message{snap(2, 0, 10), snap(2, 10, size-10), snap(1, 0, 10), snap(2, size-5, 10), snap(2, size+1, 1)}
	core.readies = []raft.Ready{{Messages: slices.Clone(out[:3]), Dependent: slices.Clone(out[3:])}}
	r.step(raft.Message{})
	var got []byte
	for _, m := range r.host.messages {
		got = append(got, m.Data...)
	}
	if diff := cmp.Diff(want, got); diff != "" || len(r.host.messages) != 2 {
		t.Errorf("%d messages left with (-want +got):\n%s", len(r.host.messages), diff)
	}
	if n := r.server.Counters(); n.ChunksSent != 2 || n.ChunksDropped != 3 {
		t.Errorf("%d sent, %d dropped, want 2 and 3", n.ChunksSent, n.ChunksDropped)
	}
}

// foreign is the snapshot of another server: c5 has a session and has written once, at entry 9; the log then goes on to 20.
func foreign(t *testing.T) (raft.SnapshotMeta, []byte, uint64) {
	t.Helper()
	r := newRig(t, 2, 3)
	core := r.scripted()
	r.running().opened(core)
	r.commits(core, append([]raft.Entry{entry(1, 9, 5, 2)}, noops(2, 10, 20)...)...)
	state := r.server.sessions.AppendSnapshot(nil)
	_, hash := r.server.Applied()
	conf := raft.ConfState{Voters: []uint64{1, 2, 3, 4}}
	return raft.SnapshotMeta{Index: 20, Term: 2, ConfState: conf, Size: uint64(len(state))}, state, hash
}

// A received snapshot replaces the state when it is durable and not before; then what waited for it is answered, what waited to be
// applied is dropped, the core is told, and what depends on it leaves. A restart finds it.
func TestReceivingASnapshot(t *testing.T) {
	meta, state, hash := foreign(t)
	r := newRig(t, 1, 3)
	r.cfg.AsyncApply = true
	told := new(witness)
	r.watch = told
	core := r.scripted()
	r.running()
	core.status.Lead = 2
	r.write(core, 2, noops(1, 1, 4)...)
	r.commits(core, raft.Entry{Term: 1, Index: 1}, raft.Entry{Term: 1, Index: 2, Type: raft.EntryConfChange})
	r.server.HandleApply(0, 1)
	r.request(ask(5, 2, 1)) // forwarded: the answer is in the snapshot
	r.request(ask(9, 2, 1)) // forwarded: there is no such session, as will be seen
	r.request(query(client.ReadFollower, 7, 1, 1))
	core.status.FirstIndex = 21
	core.readies = []raft.Ready{{
		Chunks:    []raft.Chunk{{Index: 20, Term: 2, Data: state[:30]}, {Index: 20, Term: 2, Offset: 30, Data: state[30:]}},
		Reads:     []raft.ReadState{{Context: core.contexts[0], Index: 15}},
		Snapshot:  &meta,
		Ticket:    2,
		Dependent: []raft.Message{{Type: raft.MsgAppResp, From: 1, To: 2, Term: 2, Index: 20}},
	}}
	r.host.lines = nil
	core.onAdvance = func() {
		if index, _ := r.server.Applied(); index != 20 {
			t.Errorf("the core is told of a snapshot, and the state is that of entry %d", index)
		}
	}
	r.step(raft.Message{})
	r.want()
	if err := r.server.ForceSnapshot(0); err != ErrSnapshotPending {
		t.Errorf("a snapshot while one is installed: %v", err)
	}
	for len(r.disk.pending) > 0 {
		if index, _ := r.server.Applied(); index != 1 || slices.Contains(core.advanced, 2) {
			t.Fatalf("the state is that of entry %d before the snapshot is durable; acknowledged %d", index, core.advanced)
		}
		r.syncOne()
	}
	r.want("sync 2", "reply c5 #2 try 1 ok, index 20: 1 bytes", "reply c9 #2 try 1 expired, index 20",
		"reply c7 #1 try 1 ok, leader n2, index 20: 10 bytes", "send n1>n2 app-resp t2 upto 20")
	check := func(what string) {
		t.Helper()
		if index, got := r.server.Applied(); index != 20 || got != hash {
			t.Errorf("%s: the state is %d %x, want 20 %x", what, index, got, hash)
		}
		if diff := cmp.Diff(meta.ConfState, r.server.ConfState()); diff != "" {
			t.Errorf("%s: configuration (-want +got):\n%s", what, diff)
		}
	}
	check("installed")
	if diff := cmp.Diff([]string{"confirmed c7 #1 in term 1", "installed 20/2", "compacted 20"}, told.lines); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if got := r.server.snapshots.terms.at(20); got != 2 {
		t.Errorf("the last entry of the snapshot is remembered with term %d", got)
	}
	r.server.HandleApply(0, 10)
	r.commits(core, raft.Entry{Term: 2, Index: 21})
	r.server.HandleApply(0, 10)
	if index, _ := r.server.Applied(); index != 21 || !slices.Contains(core.advanced, 2) {
		t.Errorf("after the snapshot applied up to %d, acknowledged %d", index, core.advanced)
	}
	r.server.Close()
	r.disk.powerLoss(0)
	r.restart()
	r.recover()
	check("restarted")
	in := core.initial
	if in.Applied != 20 || in.Offset != 20 || in.OffsetTerm != 2 || in.Snapshot.Index != 20 || in.Incarnation != 2 || told.recovered.Applied != 20 {
		t.Errorf("the core starts with %+v", in)
	}
}

// Snapshots that cannot be restored halt the server, or keep it from starting: its state would be another's guess.
func TestSnapshotThatCannotBeRestored(t *testing.T) {
	meta, state, _ := foreign(t)
	receive := func(r *rig, meta raft.SnapshotMeta, state []byte) {
		core := r.scripted()
		r.running()
		r.write(core, 2, noops(1, 1, 2)...)
		core.readies = []raft.Ready{{Chunks: []raft.Chunk{{Index: meta.Index, Term: meta.Term, Data: state}}, Snapshot: &meta, Ticket: 2}}
		r.step(raft.Message{})
		r.syncAll()
	}
	garbage := newRig(t, 1, 3)
	receive(garbage, raft.SnapshotMeta{Index: 20, Term: 2, Size: 4, ConfState: meta.ConfState}, []byte("what"))
	wrong := newRig(t, 1, 3)
	other := meta
	other.Index = 19
	receive(wrong, other, state)
	plain := newRig(t, 1, 3)
	plain.machine = bare
	receive(plain, meta, state)
	for i, r := range []*rig{garbage, wrong, plain} {
		if len(r.host.halts) != 1 || r.server.Running() {
			t.Errorf("%d: halts %v", i, r.host.halts)
		}
	}
	if !errors.Is(plain.host.halts[0], ErrNoSnapshotter) {
		t.Errorf("halted with %v", plain.host.halts[0])
	}
	// The disk of a server with a snapshot, and a machine that takes none.
	r := newRig(t, 1, 3)
	receive(r, meta, state)
	r.server.Close()
	open := r.disk.open
	if _, err := Restart(r.cfg, r.disk, r.host, nil, bare()); !errors.Is(err, ErrNoSnapshotter) || r.disk.open != open {
		t.Errorf("restart: %v, with %d files open", err, r.disk.open-open)
	}
	// And one whose file is damaged, with nothing else to start from.
	for name, n := range r.disk.names {
		if len(name) > 5 && name[len(name)-5:] == ".snap" {
			n.view[len(n.view)/2] ^= 1
		}
	}
	var damage *storage.CorruptError
	if _, err := Restart(r.cfg, r.disk, r.host, nil, statemachine.NewKV()); !errors.As(err, &damage) {
		t.Errorf("restart from a damaged snapshot: %v", err)
	}
}

// A write that fails halts, whatever it was for.
func TestFailedSnapshotWritesHalt(t *testing.T) {
	broken := errors.New("broken")
	meta, state, _ := foreign(t)
	for what, fail := range map[string]func(r *rig, core *script){
		"save": func(r *rig, core *script) {
			r.commits(core, noops(1, 1, 2)...)
			r.disk.failing = broken
			_ = r.server.ForceSnapshot(0)
		},
		"sync of a save": func(r *rig, core *script) {
			r.commits(core, noops(1, 1, 2)...)
			r.disk.syncErr = broken
			_ = r.server.ForceSnapshot(0)
			r.syncAll()
		},
		"receive": func(r *rig, core *script) {
			r.disk.failing = broken
			core.readies = []raft.Ready{{Chunks: []raft.Chunk{{Index: 20, Term: 2, Data: state}}}}
			r.step(raft.Message{})
		},
		"sync of an installation": func(r *rig, core *script) {
			r.disk.syncErr = broken
			core.readies = []raft.Ready{{Chunks: []raft.Chunk{{Index: 20, Term: 2, Data: state}}, Snapshot: &meta, Ticket: 2}}
			r.step(raft.Message{})
			r.syncAll()
		},
	} {
		r := newRig(t, 1, 3)
		core := r.scripted()
		r.running()
		r.write(core, 2, noops(1, 1, 2)...)
		fail(r, core)
		if len(r.host.halts) != 1 || !errors.Is(r.host.halts[0], broken) {
			t.Errorf("%s: halts %v", what, r.host.halts)
		}
		poke(r)
	}
}

// A server that was cut off for long gets a snapshot from the leader, and then what follows it; a restart of either finds
// everything behind its snapshot.
func TestSnapshotsInACluster(t *testing.T) {
	c := &cluster{t: t}
	for id := uint64(1); id <= 3; id++ {
		r := newRig(t, id, 3)
		r.cfg.SnapshotEntries, r.cfg.Raft.MaxChunkBytes, r.cfg.SegmentBytes = 5, 64, 300
		c.rigs = append(c.rigs, r.running())
	}
	c.elect(1)
	c.open(5)
	c.cut = 3
	for seq := uint64(2); seq <= 20; seq++ {
		c.rig(1).request(ask(5, seq, 1))
		c.settle()
	}
	if len(c.rig(1).server.snapshots.terms) == 0 || c.rig(1).server.Counters().SnapshotsTaken == 0 {
		t.Fatal("no snapshot was taken")
	}
	if c.rig(1).server.Status().FirstIndex <= 1 {
		t.Skip("the core cannot")
	}
	c.cut = 0
	for range 4 {
		c.beat(c.rig(1))
	}
	index, hash := c.rig(1).server.Applied()
	same := func() {
		t.Helper()
		for _, r := range c.rigs {
			if i, h := r.server.Applied(); i != index || h != hash {
				t.Errorf("n%d is at %d %x, want %d %x", r.id, i, h, index, hash)
			}
		}
	}
	same()
	if n := c.rig(3).server.Counters().SnapshotsInstalled; n == 0 {
		t.Error("the one that was cut off has installed no snapshot")
	}
	for _, r := range c.rigs {
		r.server.Close()
		r.disk.powerLoss(0)
		r.restart()
		r.recover()
		if i, _ := r.server.Applied(); i < index-5 || r.server.Status().FirstIndex < 5 {
			t.Errorf("n%d restarts at %d with the log from %d on", r.id, i, r.server.Status().FirstIndex)
		}
	}
	c.elect(1)
	c.beat(c.rig(1))
	index, hash = c.rig(1).server.Applied()
	same()
}
