package server

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"raftsim/raft"
	"raftsim/raft/client"
)

// With asynchronous application nothing is applied in the turn that hands entries out. The host is told once that they wait; what
// it then lets be applied is reported to the core once, and if more wait it is told again.
func TestAsyncApply(t *testing.T) {
	r := newRig(t, 1, 3)
	r.cfg.AsyncApply = true
	core := r.scripted()
	r.running().opened(core)
	core.status.Role, core.status.Lead = raft.StateLeader, 1
	for id := uint64(5); id <= 7; id++ {
		r.request(ask(id, 2, 1))
	}
	core.readies = []raft.Ready{committed(entry(1, 9, 5, 2)), committed(entry(1, 10, 6, 2), entry(1, 11, 7, 2))}
	r.step(raft.Message{})
	r.want("apply later")
	if index, _ := r.server.Applied(); index != 8 || len(core.applied) > 0 {
		t.Fatalf("applied up to %d, the core was told %d", index, core.applied)
	}
	r.now++
	r.server.HandleApply(r.now, 2)
	r.want("reply c5 #2 try 1 ok, index 9: 1 bytes", "reply c6 #2 try 1 ok, index 10: 1 bytes", "apply later")
	r.server.HandleApply(r.now, 0)
	r.want("reply c7 #2 try 1 ok, index 11: 1 bytes")
	r.server.HandleApply(r.now, 0) // one too many
	r.want()
	if diff := cmp.Diff([]uint64{10, 11}, core.applied); diff != "" {
		t.Errorf("reported to the core (-want +got):\n%s", diff)
	}
	core.readies = []raft.Ready{committed(raft.Entry{Term: 1, Index: 12})}
	r.step(raft.Message{})
	r.want("apply later")
}

// Entries wait in a copy: the core uses its buffers again.
func TestWaitingEntriesAreCopies(t *testing.T) {
	r := newRig(t, 1, 3)
	r.cfg.AsyncApply, r.cfg.ApplyBatch = true, 1
	core := r.scripted()
	r.running().opened(core)
	for i := range uint64(20) {
		core.readies = []raft.Ready{committed(entry(1, 9+2*i, 5, 2+2*i), entry(1, 10+2*i, 5, 3+2*i))}
		r.step(raft.Message{})
		r.server.HandleApply(r.now, 0)
	}
	for i := range uint64(20) {
		if index, _ := r.server.Applied(); index != 28+i {
			t.Fatalf("applied up to %d, want %d", index, 28+i)
		}
		r.server.HandleApply(r.now, 0)
	}
	if got := string(r.kv.Lookup(5).Value); got != "41" {
		t.Errorf("the last command wrote %q", got)
	}
}

// A read waits for entries that wait to be applied.
func TestReadWaitsForAsyncApply(t *testing.T) {
	r := newRig(t, 1, 3)
	r.cfg.AsyncApply = true
	core := r.scripted()
	r.running().opened(core)
	core.status.Lead = 1
	r.request(query(client.ReadLeader, 5, 3, 1))
	core.readies = []raft.Ready{{
		Committed: []raft.Entry{entry(1, 9, 5, 2)}, Reads: []raft.ReadState{{Context: core.contexts[0], Index: 9}},
	}}
	r.step(raft.Message{})
	r.want("apply later")
	r.server.HandleApply(r.now, 0)
	r.want("reply c5 #3 try 1 ok, leader n1, index 9: 7 bytes")
}

// A death between two entries leaves the rest alone.
func TestDeathWhileApplyingLater(t *testing.T) {
	r := newRig(t, 1, 3)
	r.cfg.AsyncApply = true
	core := r.scripted()
	r.running().opened(core)
	core.readies = []raft.Ready{committed(entry(1, 9, 5, 2), entry(1, 10, 6, 2))}
	r.step(raft.Message{})
	r.host.kill = func(m Moment) bool { return m == MomentApplied }
	r.server.HandleApply(r.now, 0)
	if index, _ := r.server.Applied(); index != 9 || r.server.Running() || len(core.applied) > 0 {
		t.Errorf("applied up to %d, the core was told %d", index, core.applied)
	}
	r.server.HandleApply(r.now, 0)
	if r.host.after > 0 {
		t.Errorf("%d effects after death", r.host.after)
	}
}

// A cluster that applies later answers like one that applies at once.
func TestAsyncCluster(t *testing.T) {
	c := &cluster{t: t}
	for id := uint64(1); id <= 3; id++ {
		r := newRig(t, id, 3)
		r.cfg.AsyncApply = true
		c.rigs = append(c.rigs, r.running())
	}
	c.elect(1)
	c.open(5, 6)
	c.rig(3).request(ask(5, 2, 1))
	c.rig(1).request(ask(6, 2, 1))
	c.settle()
	c.beat(c.rig(1))
	c.want(ok(1, 6, 2, 1, 7), ok(3, 5, 2, 1, 8))
}
