package server

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/vfs"
)

// A vote leaves when the ticket it depends on is durable, and not before (paper figure 2).
func TestDependentWaitsForItsTicket(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running()
	core.readies = []raft.Ready{vote(1, 1)}
	r.step(raft.Message{})
	r.want("write", "sync 1")
	r.sync()
	r.want("send n1>n2 vote t1 last 0/0 commit 0/0")
	if diff := cmp.Diff([]uint64{1}, core.advanced); diff != "" {
		t.Errorf("tickets acknowledged to the core (-want +got):\n%s", diff)
	}
}

// With two tickets outstanding each message waits for its own, and one that wrote nothing waits for all before it.
func TestDependentWithTwoTicketsOutstanding(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running()
	for _, rd := range []raft.Ready{vote(1, 1), ack(1), vote(2, 2), ack(2)} {
		core.readies = []raft.Ready{rd}
		r.step(raft.Message{})
	}
	r.want("write", "sync 1", "write", "sync 2")
	r.sync()
	r.want("send n1>n2 vote t1 last 0/0 commit 0/0", "send n1>n2 heartbeat-resp t1")
	core.readies = []raft.Ready{ack(3)}
	r.step(raft.Message{})
	r.want() // the second sync is still under way
	r.sync()
	r.want("send n1>n2 vote t2 last 0/0 commit 0/0", "send n1>n2 heartbeat-resp t2", "send n1>n2 heartbeat-resp t3")
	core.readies = []raft.Ready{ack(4)}
	r.step(raft.Message{})
	r.want("send n1>n2 heartbeat-resp t4") // nothing is under way
}

// One completion may cover several tickets: what was submitted before it is durable too.
func TestLaterCompletionCoversEarlierTickets(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running()
	core.readies = []raft.Ready{vote(1, 1), vote(2, 2)}
	r.step(raft.Message{})
	r.host.lines = nil
	r.disk.complete()
	r.sync()
	r.want("send n1>n2 vote t1 last 0/0 commit 0/0", "send n1>n2 vote t2 last 0/0 commit 0/0")
}

// A leader's appends need not wait for its own disk (thesis §10.2.1).
func TestMessagesNeedNoSync(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running()
	core.readies = []raft.Ready{{
		Ticket: 1, HardStateChanged: true, HardState: raft.HardState{Term: 1}, Entries: []raft.Entry{{Term: 1, Index: 1}},
		Messages: []raft.Message{{Type: raft.MsgHeartbeat, From: 1, To: 2, Term: 1}},
	}}
	r.step(raft.Message{})
	r.want("write", "sync 1", "send n1>n2 heartbeat t1 commit 0")
}

// What waits for the disk is a copy: the core reuses its buffers at the next Ready.
func TestHeldMessageIsACopy(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running()
	first := vote(1, 1)
	first.Dependent[0] = raft.Message{Type: raft.MsgApp, From: 1, To: 2, Term: 1, Entries: []raft.Entry{{Term: 1, Index: 1}}}
	core.readies = []raft.Ready{first, vote(2, 2)}
	r.step(raft.Message{})
	r.host.lines = nil
	r.sync()
	r.want(`send n1>n2 app t1 after 0/0 commit 0 [1/1 ""]`)
}

// Messages that wait for a stalled disk are bounded; those beyond count as lost.
func TestHeldMessagesAreBounded(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running()
	core.readies = []raft.Ready{vote(1, 1)}
	for range maxHeld + 5 {
		r.step(raft.Message{})
		core.readies = []raft.Ready{ack(1)}
	}
	r.host.lines, core.readies = nil, nil
	r.sync()
	sent := slices.DeleteFunc(r.host.take(), func(l string) bool { return !strings.HasPrefix(l, "send") })
	if len(sent) != maxHeld || r.server.Counters().Shed != 5 {
		t.Errorf("%d messages left and %d were dropped, want %d and 5", len(sent), r.server.Counters().Shed, maxHeld)
	}
}

// The order of effects: persist, write, submit, apart from that send; then the completion, then what waited for it.
func TestOrderOfEffects(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running()
	rd := vote(1, 1)
	rd.Messages = []raft.Message{{Type: raft.MsgHeartbeat, From: 1, To: 3, Term: 1}}
	core.readies = []raft.Ready{rd}
	r.step(raft.Message{})
	core.readies = []raft.Ready{{Committed: []raft.Entry{entry(1, 1, 5, 1)}}}
	r.sync()
	want := []string{
		"moment received",
		"moment persist", "write", "moment written", "sync 1", "moment submitted",
		"send n1>n3 heartbeat t1 commit 0", "moment sent",
		"moment synced", "send n1>n2 vote t1 last 0/0 commit 0/0", "moment sent",
		"moment applied",
	}
	if diff := cmp.Diff(want, r.host.take()); diff != "" {
		t.Errorf("effects (-want +got):\n%s", diff)
	}
}

// The core is told the time of the call it is in, also when that is before the clock's zero.
func TestCoreIsToldTheTime(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running()
	r.now = -7
	core.readies = []raft.Ready{{Committed: []raft.Entry{entry(1, 1, 5, 1)}}}
	r.step(raft.Message{})
	if diff := cmp.Diff([]int64{-7}, core.times); diff != "" {
		t.Errorf("times of Applied (-want +got):\n%s", diff)
	}
}

// A leader whose disk stalls still notices that it lost its quorum.
func TestTimeGoesOnWhileASyncIsPending(t *testing.T) {
	c := newCluster(t, 3)
	leader := c.elect(1)
	leader.request(ask(5, 2, 1))
	if len(leader.disk.pending) == 0 {
		t.Fatal("the leader writes nothing")
	}
	leader.host.messages = nil
	start := leader.now
	for range 100 {
		if leader.server.Status().Role != raft.StateLeader {
			break
		}
		leader.now = leader.server.Deadline()
		leader.server.Tick(leader.now)
	}
	if st := leader.server.Status(); st.Role == raft.StateLeader || leader.now-start > int64(electionTimeout) {
		t.Fatalf("after %d ms without answers or a disk: %s", (leader.now-start)/millisecond, raft.DescribeStatus(nil, st))
	}
	for _, m := range leader.host.messages {
		if m.Type != raft.MsgApp && m.Type != raft.MsgHeartbeat {
			t.Errorf("left during the stall: %s", raft.DescribeMessage(nil, &m))
		}
	}
}

// A tick before the deadline is nothing: not even a moment.
func TestEarlyTickIsNothing(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running()
	core.deadline = 10
	r.server.Tick(9)
	if len(r.host.lines) > 0 || core.ticked > 0 {
		t.Errorf("effects %q, %d ticks of the core", r.host.lines, core.ticked)
	}
	r.server.Tick(10)
	if core.ticked != 1 {
		t.Error("the tick at the deadline did not reach the core")
	}
}

// A completion that cannot be is a broken disk or host.
func TestImpossibleCompletionPanics(t *testing.T) {
	for _, ticket := range []vfs.Ticket{0, 1, 3, recoveryTicket} {
		r := newRig(t, 1, 3)
		core := r.scripted()
		r.running()
		core.readies = []raft.Ready{vote(1, 1), vote(2, 2)}
		r.step(raft.Message{})
		r.sync()
		mustPanic(t, "completed, but 2 were issued and 1 are complete", func() { r.server.HandleSync(0, ticket, nil) })
	}
}

// A host that calls back, or goes on after a panic, is told.
func TestCallsDoNotNest(t *testing.T) {
	r := newRig(t, 1, 1).running().lead()
	r.host.onEffect = func() {
		r.server.Status() // reading is fine
		r.server.Tick(math.MaxInt64 / 2)
	}
	mustPanic(t, "called from within", func() { r.request(ask(5, 2, 1)) })
	r.host.onEffect = nil
	mustPanic(t, "after one that panicked", func() { r.request(ask(5, 2, 1)) })
}

// After a failed sync or write the server halts, says so once, and does nothing ever after.
func TestFailedDiskHaltsOnce(t *testing.T) {
	broken := errors.New("broken")
	for _, test := range []struct {
		name string
		fail func(r *rig)
		want []string
	}{
		{"sync", func(r *rig) {
			r.disk.syncErr = broken
			r.step(raft.Message{})
			r.sync()
		}, []string{"write", "sync 1", "halt"}},
		{"write", func(r *rig) {
			r.disk.failing = broken
			r.step(raft.Message{})
		}, []string{"write", "halt"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, 1, 3)
			core := r.scripted()
			r.running()
			core.readies = []raft.Ready{vote(1, 1)}
			test.fail(r)
			r.want(test.want...)
			if len(r.host.halts) != 1 || !errors.Is(r.host.halts[0], broken) {
				t.Errorf("halted with %v, want one that wraps the disk's error", r.host.halts)
			}
			if r.server.Running() || r.server.Deadline() != math.MaxInt64 {
				t.Error("the server still wants to run")
			}
			core.readies = []raft.Ready{vote(2, 2), ack(2)}
			poke(r)
			r.want()
		})
	}
}

// poke gives the server every kind of input.
func poke(r *rig) {
	r.step(raft.Message{})
	r.request(ask(5, 2, 1))
	r.request(forwardedBy(2, ask(6, 2, 1)))
	r.server.Tick(math.MaxInt64)
	r.server.Campaign(r.now)
	r.server.HandleApply(r.now, 1)
	_ = r.server.ForceSnapshot(r.now)
	_ = r.server.TransferLeader(r.now, 2)
	_ = r.server.ProposeConfChange(r.now, &raft.ConfChange{})
	r.request(query(client.ReadStale, 5, 3, 1))
	for len(r.disk.pending) > 0 {
		r.sync()
	}
	r.server.HandleSync(r.now, 1, errors.New("another"))
}

func mustPanic(t *testing.T, with string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		text, _ := recover().(string)
		if !strings.Contains(text, with) {
			t.Errorf("want a panic with %q, got %q", with, text)
		}
	}()
	f()
}
