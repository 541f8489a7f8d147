package server

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
)

// What a server does about a read of each kind, by what it knows of the leader.
func TestRouteOfReads(t *testing.T) {
	for _, test := range []struct {
		kind    client.ReadKind
		lead    uint64
		forward bool
		want    string // "" if the core is asked
	}{
		{client.ReadStale, 0, false, "reply c5 #2 try 1 ok, index 8: 10 bytes"},
		{client.ReadStale, 2, true, "reply c5 #2 try 1 ok, leader n2, index 8: 10 bytes"},
		{client.ReadFollower, 2, false, ""},
		{client.ReadFollower, 1, false, ""},
		{client.ReadLeader, 1, false, ""},
		{client.ReadLeader, 2, false, "reply c5 #2 try 1 redirect, leader n2"},
		{client.ReadLeader, 2, true, ""},
		{client.ReadLeader, 0, false, "reply c5 #2 try 1 unavailable"},
		{client.ReadLease, 1, false, ""},
		{client.ReadLease, 2, false, "reply c5 #2 try 1 redirect, leader n2"},
		{client.ReadLease, 2, true, ""},
		{client.ReadLease, 0, false, "reply c5 #2 try 1 unavailable"},
	} {
		t.Run(fmt.Sprintf("%v leader %d forward %v", test.kind, test.lead, test.forward), func(t *testing.T) {
			r := newRig(t, 1, 3)
			r.cfg.Forward = test.forward
			core := r.scripted()
			r.running().opened(core)
			core.status.Lead = test.lead
			r.request(query(test.kind, 5, 2, 1))
			if test.want != "" {
				r.want(test.want)
			} else {
				r.want()
			}
			if asked := len(core.contexts) == 1; asked != (test.want == "") {
				t.Errorf("the core was asked %d times", len(core.contexts))
			}
			if len(core.leases) == 1 && core.leases[0] != (test.kind == client.ReadLease) {
				t.Errorf("the core was asked with lease %v", core.leases[0])
			}
			if core.proposes > 0 {
				t.Error("a read was proposed")
			}
		})
	}
}

// A read is answered when the state machine has reached the index that the core has named, from the state it has then.
func TestReadWaitsForItsIndex(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running().opened(core)
	core.status.Lead = 2
	r.request(query(client.ReadFollower, 5, 3, 1))
	r.request(query(client.ReadFollower, 6, 2, 1))
	core.readies = []raft.Ready{{Reads: []raft.ReadState{{Context: core.contexts[0], Index: 9}, {Context: core.contexts[1], Index: 8}}}}
	r.step(raft.Message{})
	r.want("reply c6 #2 try 1 ok, leader n2, index 8: 10 bytes")
	core.readies = []raft.Ready{committed(entry(1, 9, 5, 2), entry(1, 10, 6, 3))}
	r.host.replies = nil
	r.step(raft.Message{})
	r.want("reply c5 #3 try 1 ok, leader n2, index 10: 7 bytes")
	got, err := statemachine.DecodeResult(r.host.replies[0].Result)
	if err != nil || string(got.Cell.Value) != "2" {
		t.Errorf("read %v (%v), want what was written", got, err)
	}
	if r.server.reads.pending.len()+r.server.reads.confirmed > 0 {
		t.Error("answered reads are still pending")
	}
}

// An index that comes with the entries up to it is answered at once; answers to nobody are nothing.
func TestReadAnswersOfTheCore(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running().opened(core)
	core.status.Lead = 1
	r.request(query(client.ReadLeader, 5, 3, 1))
	context := core.contexts[0]
	core.readies = []raft.Ready{{
		Committed: []raft.Entry{entry(1, 9, 5, 2)},
		Reads:     []raft.ReadState{{Context: context + 1, Index: 9}, {Context: context, Index: 9}, {Context: context, Index: 9}},
	}}
	r.step(raft.Message{})
	r.want("reply c5 #3 try 1 ok, leader n1, index 9: 7 bytes")
	core.readies = []raft.Ready{{Reads: []raft.ReadState{{Context: context, Index: 9}, {Context: 1<<readRowBits - 1, Index: 9}}}}
	r.step(raft.Message{})
	r.want()
}

// A read the core refuses, at once or later, and one of a machine that takes none, may be asked again.
func TestRefusedReads(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running().opened(core)
	core.status.Lead = 2
	core.readFunc = func(uint64, bool) error { return errors.New("no") }
	r.request(query(client.ReadFollower, 5, 2, 1))
	r.want("reply c5 #2 try 1 unavailable")
	core.readFunc = nil
	r.request(query(client.ReadFollower, 5, 2, 2))
	core.readies = []raft.Ready{{Reads: []raft.ReadState{{Context: core.contexts[1], Refused: true}}}}
	r.step(raft.Message{})
	r.want("reply c5 #2 try 2 unavailable")
	r.request(forwardedBy(2, query(client.ReadFollower, 5, 2, 3))) // nobody forwards reads
	r.want()
	if n := r.server.Counters(); n.ReadsRefused != 2 || r.server.reads.pending.len() > 0 {
		t.Errorf("%d refused, %d pending, want 2 and 0", n.ReadsRefused, r.server.reads.pending.len())
	}
	mute := newRig(t, 1, 3)
	mute.machine = bare
	mute.scripted()
	mute.running()
	mute.request(query(client.ReadStale, 5, 2, 1))
	mute.want("reply c5 #2 try 1 unavailable")
}

// Each attempt of a read asks anew, under a new context: the question before may be lost. Once its index is known, that will
// do for any attempt.
func TestRetriedRead(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running().opened(core)
	core.status.Lead = 2
	r.request(query(client.ReadFollower, 5, 2, 2))
	r.request(query(client.ReadFollower, 5, 2, 1)) // late
	if len(core.contexts) != 2 || core.contexts[1] <= core.contexts[0] {
		t.Fatalf("contexts %d, want two that rise", core.contexts)
	}
	core.readies = []raft.Ready{{Reads: []raft.ReadState{{Context: core.contexts[0], Index: 9}}}}
	r.step(raft.Message{})
	core.readies = []raft.Ready{committed(entry(1, 9, 6, 2))}
	r.step(raft.Message{}) // the answer to the earlier question is to nobody
	r.want()
	core.readies = []raft.Ready{{Reads: []raft.ReadState{{Context: core.contexts[1], Index: 10}}}}
	r.step(raft.Message{})
	r.request(query(client.ReadFollower, 5, 2, 3))
	if len(core.contexts) != 2 {
		t.Error("a read whose index is known asked again")
	}
	core.readies = []raft.Ready{committed(entry(1, 10, 6, 3))}
	r.step(raft.Message{})
	r.want("reply c5 #2 try 3 ok, leader n2, index 10: 10 bytes")
}

// A client that has seen an index gets no answer from a state before it, however stale it allows the answer to be.
func TestReadAtAnIndexSeen(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running().opened(core)
	stale, follower := query(client.ReadStale, 5, 2, 1), query(client.ReadFollower, 6, 2, 1)
	stale.Index, follower.Index = 9, 9
	r.request(stale)
	r.request(follower)
	core.readies = []raft.Ready{{Reads: []raft.ReadState{{Context: core.contexts[0], Index: 8}}}}
	r.step(raft.Message{})
	r.want()
	core.readies = []raft.Ready{committed(entry(1, 9, 7, 2))}
	r.step(raft.Message{})
	r.want("reply c5 #2 try 1 ok, index 9: 10 bytes", "reply c6 #2 try 1 ok, index 9: 10 bytes")
}

// Waiting reads are bounded; those whose clients have gone make room.
func TestReadsAreBounded(t *testing.T) {
	r := newRig(t, 1, 3)
	r.cfg.MaxReads = 2
	core := r.scripted()
	r.running().opened(core)
	core.status.Lead = 2
	for id := uint64(5); id <= 7; id++ {
		r.request(query(client.ReadFollower, id, 2, 1))
	}
	r.want("reply c7 #2 try 1 busy")
	r.now = patience * int64(electionTimeout)
	r.request(query(client.ReadFollower, 7, 2, 2))
	r.want()
	if got := r.server.reads.pending.len(); got != 2 {
		t.Errorf("%d reads wait, want 2", got)
	}
	core.readies = []raft.Ready{{Reads: []raft.ReadState{
		{Context: core.contexts[0], Index: 8}, {Context: core.contexts[1], Index: 8}, {Context: core.contexts[2], Index: 8},
	}}}
	r.step(raft.Message{})
	r.want("reply c7 #2 try 2 ok, leader n2, index 8: 10 bytes", "reply c6 #2 try 1 ok, leader n2, index 8: 10 bytes")
}

// Every kind of read sees every write that was acknowledged before it, at every server but the stale one.
func TestReadsSeeAcknowledgedWrites(t *testing.T) {
	c := newCluster(t, 3)
	c.elect(1)
	c.open(5)
	c.rig(1).request(ask(5, 2, 1))
	c.settle()
	c.replies = nil
	for seq, kind := range []client.ReadKind{client.ReadLeader, client.ReadLease, client.ReadFollower} {
		for id := uint64(1); id <= 3; id++ {
			r := query(kind, 5+id, uint64(seq)+2, 1)
			r.Command = statemachine.AppendGet(nil, 5)
			c.rig(id).request(r)
			c.settle()
			c.beat(c.rig(1))
			if len(c.replies) != 1 || c.replies[0].reply.Status != client.ReplyOK {
				t.Fatalf("%v at n%d: %v", kind, id, c.replies)
			}
			want := statemachine.AppendResult(nil, statemachine.Result{
				Kind: statemachine.ResultFound, Cell: statemachine.Cell{Present: true, Value: []byte("2")},
			})
			if diff := cmp.Diff(want, c.replies[0].reply.Result); diff != "" {
				t.Errorf("%v at n%d (-want +got):\n%s", kind, id, diff)
			}
			c.replies = nil
		}
	}
}

// A leader that is cut off does not answer reads, and refuses them when it notices.
func TestCutOffLeaderRefusesReads(t *testing.T) {
	c := newCluster(t, 3)
	c.elect(1)
	c.open(5)
	c.cut = 1
	c.rig(1).request(query(client.ReadLeader, 5, 2, 1))
	c.settle()
	c.want()
	c.pass(3 * int64(electionTimeout))
	c.rig(1).server.Tick(c.now)
	c.settle()
	c.want(refused(1, 5, 2, 1, client.ReplyUnavailable, 0))
}
