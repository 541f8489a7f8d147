package server

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"raftsim/raft"
)

// What a host asks of the leadership goes to the core, and its answer back.
func TestMembershipCallsReachTheCore(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running()
	change := raft.ConfChange{Changes: []raft.ConfChangeSingle{{Type: raft.ConfChangeAddLearner, ID: 4}}}
	if err := r.server.ProposeConfChange(0, &change); err != raft.ErrConfChangePending {
		t.Errorf("change: %v", err)
	}
	if err := r.server.TransferLeader(0, 2); err != raft.ErrNotLeader {
		t.Errorf("transfer: %v", err)
	}
	if diff := cmp.Diff([]raft.ConfChange{change}, core.changes); diff != "" || len(core.transfers) != 1 || core.transfers[0] != 2 {
		t.Errorf("the core was asked to transfer to %d, and to change (-want +got):\n%s", core.transfers, diff)
	}
	r.host.kill = func(Moment) bool { return true }
	if err := r.server.ProposeConfChange(0, &change); err != ErrNotRunning {
		t.Errorf("change at a dead server: %v", err)
	}
	if err := r.server.TransferLeader(0, 2); err != ErrNotRunning || len(core.transfers) != 1 || len(core.changes) != 1 {
		t.Errorf("transfer at a dead server: %v", err)
	}
}

// A configuration is the server's, and told, when the entry that made it is applied, also if that is later.
func TestConfigurationOfTheAppliedState(t *testing.T) {
	for _, async := range []bool{false, true} {
		r := newRig(t, 1, 3)
		r.cfg.AsyncApply = async
		told := new(witness)
		r.watch = told
		core := r.scripted()
		core.confs = map[uint64]raft.ConfState{9: {Voters: []uint64{1, 2, 3, 4}}, 11: {Voters: []uint64{2, 3, 4}}}
		r.running().opened(core)
		if diff := cmp.Diff(raft.ConfState{Voters: []uint64{1, 2, 3}}, r.server.ConfState()); diff != "" {
			t.Fatalf("at first (-want +got):\n%s", diff)
		}
		core.readies = []raft.Ready{committed(
			raft.Entry{Term: 1, Index: 9, Type: raft.EntryConfChange}, entry(1, 10, 5, 2), raft.Entry{Term: 1, Index: 11, Type: raft.EntryConfChange})}
		r.step(raft.Message{})
		core.confs = nil // the core need not remember
		if async {
			r.server.HandleApply(0, 1)
			if diff := cmp.Diff([]uint64{1, 2, 3, 4}, r.server.ConfState().Voters); diff != "" {
				t.Errorf("after the first change (-want +got):\n%s", diff)
			}
			r.server.HandleApply(0, 5)
		}
		if diff := cmp.Diff([]uint64{2, 3, 4}, r.server.ConfState().Voters); diff != "" {
			t.Errorf("async %v: in the end (-want +got):\n%s", async, diff)
		}
		if diff := cmp.Diff([]string{"configured 9 [1 2 3 4]", "configured 11 [2 3 4]"}, told.lines); diff != "" {
			t.Errorf("async %v: told (-want +got):\n%s", async, diff)
		}
	}
}

// A server that is added by Join catches up, counts once it is a voter, and takes over; one that is removed goes on until
// its host retires it.
func TestMembersComeAndGo(t *testing.T) {
	c := newCluster(t, 3)
	joiner := newJoiner(t, 4, 0).running()
	c.rigs = append(c.rigs, joiner)
	c.elect(1)
	c.open(5)
	if st := joiner.server.Status(); !st.Abstaining || joiner.server.Deadline() != raft.NoDeadline {
		t.Errorf("the joiner: %s", raft.DescribeStatus(nil, st))
	}
	c.change(1, raft.ConfChangeAddLearner, 4)
	c.change(1, raft.ConfChangeAddVoter, 4)
	if err := c.rig(1).server.TransferLeader(c.now, 4); err != nil {
		t.Fatal(err)
	}
	c.settle()
	if st := joiner.server.Status(); st.Role != raft.StateLeader {
		t.Fatalf("after the transfer: %s", raft.DescribeStatus(nil, st))
	}
	c.beat(joiner)
	c.change(4, raft.ConfChangeRemove, 1)
	c.rig(4).request(ask(5, 2, 1))
	c.settle()
	c.beat(c.rig(4))
	index, hash := c.rig(4).server.Applied()
	c.want(ok(4, 5, 2, 1, index))
	for id := uint64(2); id <= 4; id++ {
		r := c.rig(id)
		if diff := cmp.Diff([]uint64{2, 3, 4}, r.server.ConfState().Voters); diff != "" {
			t.Errorf("n%d (-want +got):\n%s", id, diff)
		}
		if _, got := r.server.Applied(); got != hash {
			t.Errorf("n%d is not in the leader's state", id)
		}
	}
	if gone := c.rig(1); !gone.server.Running() || gone.server.Status().Role == raft.StateLeader {
		t.Errorf("the removed server: %s", raft.DescribeStatus(nil, gone.server.Status()))
	}
}

// change makes a leader change the membership and lets everybody know.
func (c *cluster) change(leader uint64, kind raft.ConfChangeType, id uint64) {
	c.t.Helper()
	err := c.rig(leader).server.ProposeConfChange(c.now, &raft.ConfChange{Changes: []raft.ConfChangeSingle{{Type: kind, ID: id}}})
	if errors.Is(err, raft.ErrUnsupported) {
		c.t.Skip("the core cannot")
	}
	if err != nil {
		c.t.Fatalf("%v n%d: %v", kind, id, err)
	}
	c.settle()
	c.beat(c.rig(leader))
}
