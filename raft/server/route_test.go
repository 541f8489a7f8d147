package server

import (
	"testing"

	"raftsim/raft"
	"raftsim/raft/client"
)

// Where a server that does not lead sends requests, by what it knows.
func TestRouteOfAFollower(t *testing.T) {
	fresh, relayed := ask(5, 1, 1), forwardedBy(3, ask(5, 1, 1))
	for _, test := range []struct {
		name    string
		lead    uint64
		forward bool
		request client.Request
		want    string
	}{
		{"forwards to the leader", 2, true, fresh, "forward to n2: request c5 #1 try 1 from n1: 10 bytes"},
		{"redirects with a hint", 2, false, fresh, "reply c5 #1 try 1 redirect, leader n2"},
		{"forwards once only", 2, true, relayed, "reply c5 #1 try 1 redirect, leader n2"},
		{"no leader", 0, true, fresh, "reply c5 #1 try 1 unavailable"},
		{"no leader, redirecting", 0, false, fresh, "reply c5 #1 try 1 unavailable"},
		{"no leader for a forwarded one", 0, true, relayed, "reply c5 #1 try 1 unavailable"},
		{"not to itself", 1, true, fresh, "reply c5 #1 try 1 unavailable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, 1, 3)
			r.cfg.Forward = test.forward
			core := r.scripted()
			r.running()
			core.status.Lead = test.lead
			r.request(test.request)
			r.want(test.want)
			if core.proposes > 0 {
				t.Error("a follower proposed")
			}
		})
	}
}

// A leader that loses the lead at the very moment of proposing treats the request as any follower would.
func TestLeadLostWhileProposing(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running()
	core.status.Role, core.status.Lead = raft.StateLeader, 1
	core.proposed = func() error {
		core.status.Role, core.status.Lead = raft.StateFollower, raft.None
		return raft.ErrNotLeader
	}
	r.request(ask(5, 1, 1))
	r.want("reply c5 #1 try 1 unavailable")
	if len(r.server.waiting)+len(r.server.proposed) > 0 {
		t.Error("the refused request is remembered")
	}
}

// A core that has too much uncommitted refuses: busy. An earlier attempt that is in the log is still answered.
func TestBusyWhenTooMuchIsUncommitted(t *testing.T) {
	r := newRig(t, 1, 1)
	r.cfg.Raft.MaxUncommitted = 1
	r.running().lead()
	r.request(ask(5, 1, 1))
	r.request(ask(6, 1, 1))
	r.want("write", "sync 3", "reply c6 #1 try 1 busy")
	r.request(ask(6, 1, 2))
	r.want("reply c6 #1 try 2 busy")
	r.request(ask(5, 1, 2)) // in the log already: not refused
	r.sync()
	r.want("reply c5 #1 try 2 ok: 1 bytes")
	r.request(ask(6, 1, 3))
	r.sync()
	r.want("write", "sync 4", "reply c6 #1 try 3 ok: 1 bytes")
}

// A retry that is refused does not make the server forget that it owes an answer to the attempt before, which an earlier term
// of this leader has put into the log.
func TestRefusedRetryKeepsTheWaiter(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running()
	core.status.Role, core.status.Lead = raft.StateLeader, 1
	r.request(ask(5, 1, 1))
	core.status.Term = 2
	core.proposed = func() error { return raft.ErrProposalDropped }
	r.request(ask(5, 1, 2))
	r.want("reply c5 #1 try 2 busy")
	core.readies = []raft.Ready{{Committed: []raft.Entry{entry(1, 1, 5, 1)}}}
	r.step(raft.Message{})
	r.want("reply c5 #1 try 1 ok: 1 bytes")
}

// Waiting clients are bounded, at a leader and at a server that forwards. A refused request is never proposed.
func TestBusyWhenTooManyWait(t *testing.T) {
	for _, role := range []raft.Role{raft.StateLeader, raft.StateFollower} {
		r := newRig(t, 1, 3)
		r.cfg.MaxWaiting = 2
		core := r.scripted()
		r.running()
		core.status.Role, core.status.Lead = role, 2
		r.request(ask(5, 1, 1))
		r.request(ask(6, 1, 1))
		proposes := core.proposes
		r.host.lines = nil
		r.request(ask(7, 1, 1))
		r.want("reply c7 #1 try 1 busy")
		if core.proposes != proposes {
			t.Errorf("%v: the refused request was proposed", role)
		}
		r.request(ask(5, 2, 1)) // has its place
		if got := r.server.Counters().Busy; got != 1 {
			t.Errorf("%v: %d requests refused, want 1", role, got)
		}
		// A forwarded one needs no place: another server owes the answer.
		r.request(forwardedBy(3, ask(8, 1, 1)))
		if role == raft.StateLeader && core.proposes != proposes+2 {
			t.Errorf("a forwarded request was refused for want of a place")
		}
		if len(r.server.waiting) != 2 {
			t.Errorf("%v: %d wait, want 2", role, len(r.server.waiting))
		}
	}
}

// Clients that have gone away for good do not keep their places for ever: the one not heard of longest makes room.
func TestGoneClientsMakeRoom(t *testing.T) {
	r := newRig(t, 1, 3)
	r.cfg.MaxWaiting = 2
	core := r.scripted()
	r.running()
	core.status.Role = raft.StateLeader
	r.request(ask(5, 1, 1))
	r.request(ask(6, 1, 1))
	r.now = patience*int64(electionTimeout) - 1
	r.request(ask(5, 1, 2))
	r.request(ask(7, 1, 1))
	r.want("reply c7 #1 try 1 busy")
	r.now++
	r.request(ask(7, 1, 2))
	r.want()
	core.readies = []raft.Ready{{Committed: []raft.Entry{entry(1, 1, 5, 1), entry(1, 2, 6, 1), entry(1, 3, 7, 1)}}}
	r.step(raft.Message{})
	r.want("reply c5 #1 try 2 ok: 1 bytes", "reply c7 #1 try 2 ok: 1 bytes")
}

// A command that the log may not be able to hold never gets there: the leader would halt.
func TestLargeCommandIsRefused(t *testing.T) {
	r := newRig(t, 1, 1)
	r.cfg.MaxCommand = 12
	r.running().lead()
	fits, large := ask(5, 1, 1), ask(6, 1, 1)
	fits.Command, large.Command = put(5, "123"), put(6, "1234")
	r.request(large)
	r.want("reply c6 #1 try 1 busy")
	r.request(fits)
	r.want("write", "sync 3")
}

// Requests no client sends are nothing.
func TestRequestOfNobody(t *testing.T) {
	r := newRig(t, 1, 1).running().lead()
	r.request(ask(0, 1, 1))
	r.request(ask(5, 0, 1))
	r.want()
}

// An operation that was applied is answered from the session, without another entry; of an older one nothing is said.
func TestAnswersFromTheSession(t *testing.T) {
	r := newRig(t, 1, 1).running().lead()
	for seq := uint64(1); seq <= 2; seq++ {
		r.request(ask(5, seq, 1))
		r.sync()
	}
	r.host.lines = nil
	r.request(ask(5, 2, 2))
	r.want("reply c5 #2 try 2 ok: 1 bytes")
	r.request(ask(5, 1, 9))
	r.request(forwardedBy(3, ask(5, 1, 9)))
	r.want()
	r.request(forwardedBy(3, ask(5, 2, 2))) // n3 answers that when it has applied it
	r.want()
	if n := r.server.Counters(); n.Proposed != 2 || n.AnsweredFromSession != 1 {
		t.Errorf("proposed %d, answered %d from sessions, want 2 and 1", n.Proposed, n.AnsweredFromSession)
	}
}

// A leader proposes an operation once per term. An older one of the same client is over and is not proposed behind it.
func TestOperationIsProposedOncePerTerm(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running()
	core.status.Role = raft.StateLeader
	for _, step := range []struct {
		seq, term uint64
		proposed  uint64
	}{
		{1, 1, 1}, {1, 1, 1}, // a retry
		{2, 1, 2}, {1, 1, 2}, {2, 1, 2}, // the next one, and the one before, late
		{2, 2, 3}, {2, 2, 3}, // another term, whose log may not have it
	} {
		core.status.Term = step.term
		r.request(ask(5, step.seq, 1))
		if got := r.server.Counters().Proposed; got != step.proposed {
			t.Fatalf("#%d in term %d: %d proposals so far, want %d", step.seq, step.term, got, step.proposed)
		}
	}
	r.want()
}

// A client that has gone on to a later operation gets no answer to the earlier one.
func TestClientThatWentOnGetsTheLaterAnswerOnly(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running()
	core.status.Role = raft.StateLeader
	core.readies = []raft.Ready{ack(1)}
	r.step(raft.Message{}) // the server learns that it leads
	r.host.lines = nil
	r.request(ask(5, 1, 1))
	r.request(ask(5, 2, 3))
	r.request(ask(5, 2, 2)) // late
	core.readies = []raft.Ready{{Committed: []raft.Entry{entry(1, 1, 5, 1)}}}
	r.step(raft.Message{})
	r.want()
	core.readies = []raft.Ready{{Committed: []raft.Entry{entry(1, 2, 5, 2)}}}
	r.step(raft.Message{})
	r.want("reply c5 #2 try 3 ok: 1 bytes")
	if len(r.server.waiting)+len(r.server.proposed) > 0 {
		t.Error("applied operations are still remembered as pending")
	}
}

// A client whose later operation comes through another server no longer waits here.
func TestClientThatWentElsewhereIsForgotten(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running()
	core.status.Lead = 2
	r.request(ask(5, 1, 1))
	core.readies = []raft.Ready{{Committed: []raft.Entry{entry(1, 1, 5, 2)}}}
	r.step(raft.Message{})
	r.want("forward to n2: request c5 #1 try 1 from n1: 10 bytes")
	if len(r.server.waiting) > 0 {
		t.Error("the client is still waited for")
	}
}
