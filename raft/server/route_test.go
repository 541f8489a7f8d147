package server

import (
	"testing"

	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
)

// Where a server that does not lead sends requests, by what it knows.
func TestRouteOfAFollower(t *testing.T) {
	fresh, relayed := ask(5, 2, 1), forwardedBy(3, ask(5, 2, 1))
	for _, test := range []struct {
		name    string
		lead    uint64
		forward bool
		request client.Request
		want    string
	}{
		{"forwards to the leader", 2, true, fresh, "forward to n2: command c5 #2 try 1 from n1 session 5 after #1 ack #2: 10 bytes"},
		{"redirects with a hint", 2, false, fresh, "reply c5 #2 try 1 redirect, leader n2"},
		{"forwards once only", 2, true, relayed, "reply c5 #2 try 1 redirect, leader n2"},
		{"no leader", 0, true, fresh, "reply c5 #2 try 1 unavailable"},
		{"no leader, redirecting", 0, false, fresh, "reply c5 #2 try 1 unavailable"},
		{"no leader for a forwarded one", 0, true, relayed, "reply c5 #2 try 1 unavailable"},
		{"not to itself", 1, true, fresh, "reply c5 #2 try 1 unavailable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, 1, 3)
			r.cfg.Forward = test.forward
			core := r.scripted()
			r.running().opened(core)
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
	r.running().opened(core)
	core.status.Role, core.status.Lead = raft.StateLeader, 1
	core.proposed = func() error {
		core.status.Role, core.status.Lead = raft.StateFollower, raft.None
		return raft.ErrNotLeader
	}
	r.request(ask(5, 2, 1))
	r.want("reply c5 #2 try 1 unavailable")
	if r.server.waiting.len()+r.server.proposals.current.len() > 0 {
		t.Error("the refused request is remembered")
	}
}

// A core that has too much uncommitted refuses: busy. An earlier attempt that is in the log is still answered.
func TestBusyWhenTooMuchIsUncommitted(t *testing.T) {
	r := newRig(t, 1, 1)
	r.cfg.Raft.MaxUncommitted = 1
	r.running().lead().open(5, 6)
	r.request(ask(5, 2, 1))
	r.request(ask(6, 2, 1))
	r.want("write", "sync 8", "reply c6 #2 try 1 busy")
	r.request(ask(6, 2, 2))
	r.want("reply c6 #2 try 2 busy")
	r.request(ask(5, 2, 2)) // in the log already: not refused
	r.sync()
	r.want("reply c5 #2 try 2 ok, index 7: 1 bytes")
	r.request(ask(6, 2, 3))
	r.sync()
	r.want("write", "sync 9", "reply c6 #2 try 3 ok, index 8: 1 bytes")
}

// A retry that is refused does not make the server forget that it owes an answer to the attempt before, which an earlier term
// of this leader has put into the log.
func TestRefusedRetryKeepsTheWaiter(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running().opened(core)
	core.status.Role, core.status.Lead = raft.StateLeader, 1
	r.request(ask(5, 2, 1))
	core.status.Term = 2
	core.proposed = func() error { return raft.ErrProposalDropped }
	r.request(ask(5, 2, 2))
	r.want("reply c5 #2 try 2 busy")
	core.readies = []raft.Ready{committed(entry(1, 9, 5, 2))}
	r.step(raft.Message{})
	r.want("reply c5 #2 try 1 ok, index 9: 1 bytes")
}

// Waiting clients are bounded, at a leader and at a server that forwards. A refused request is never proposed.
func TestBusyWhenTooManyWait(t *testing.T) {
	for _, role := range []raft.Role{raft.StateLeader, raft.StateFollower} {
		r := newRig(t, 1, 3)
		r.cfg.MaxWaiting = 2
		core := r.scripted()
		r.running().opened(core)
		core.status.Role, core.status.Lead = role, 2
		r.request(ask(5, 2, 1))
		r.request(ask(6, 2, 1))
		proposes := core.proposes
		r.host.lines = nil
		r.request(ask(7, 2, 1))
		r.want("reply c7 #2 try 1 busy")
		if core.proposes != proposes {
			t.Errorf("%v: the refused request was proposed", role)
		}
		again := ask(5, 3, 1)
		r.request(again) // takes the place of the one before, which the client wants no answer to any more
		if got := r.server.Counters().Busy; got != 1 {
			t.Errorf("%v: %d requests refused, want 1", role, got)
		}
		// A forwarded one needs no place: another server owes the answer.
		r.request(forwardedBy(3, ask(8, 2, 1)))
		if role == raft.StateLeader && core.proposes != proposes+2 {
			t.Errorf("a forwarded request was refused for want of a place")
		}
		if r.server.waiting.len() != 2 {
			t.Errorf("%v: %d wait, want 2", role, r.server.waiting.len())
		}
	}
}

// Clients that have gone away for good do not keep their places for ever: the one not heard of longest makes room.
func TestGoneClientsMakeRoom(t *testing.T) {
	r := newRig(t, 1, 3)
	r.cfg.MaxWaiting = 2
	core := r.scripted()
	r.running().opened(core)
	core.status.Role = raft.StateLeader
	r.request(ask(5, 2, 1))
	r.request(ask(6, 2, 1))
	r.now = patience*int64(electionTimeout) - 1
	r.request(ask(5, 2, 2))
	r.request(ask(7, 2, 1))
	r.want("reply c7 #2 try 1 busy")
	r.now++
	r.request(ask(7, 2, 2))
	r.want()
	core.readies = []raft.Ready{committed(entry(1, 9, 5, 2), entry(1, 10, 6, 2), entry(1, 11, 7, 2))}
	r.step(raft.Message{})
	r.want("reply c5 #2 try 2 ok, index 9: 1 bytes", "reply c7 #2 try 2 ok, index 11: 1 bytes")
}

// A command that the log may not be able to hold never gets there: the leader would halt. Its client is told that to ask again is
// no use; whatever is done already is answered, whoever let it into the log.
func TestLargeCommandIsRefused(t *testing.T) {
	r := newRig(t, 1, 1)
	r.cfg.MaxCommand = 12
	core := r.scripted()
	r.running().opened(core)
	core.status.Role, core.status.Lead = raft.StateLeader, 1
	core.readies = []raft.Ready{committed(entry(1, 9, 5, 2))}
	r.step(raft.Message{})
	r.want()
	large, question := ask(6, 2, 1), query(client.ReadStale, 6, 3, 1)
	large.Command, question.Command = put(6, "1234"), put(6, "1234")
	r.request(large)
	r.want("reply c6 #2 try 1 too-large")
	r.request(forwardedBy(2, large))
	r.want("reply c6 #2 try 1 too-large")
	r.request(question)
	r.want("reply c6 #3 try 1 too-large")
	if n := r.server.Counters(); n.TooLarge != 3 || n.Proposed != 0 || r.server.waiting.len() != 0 {
		t.Errorf("%+v, %d waiting", n, r.server.waiting.len())
	}
	done := ask(5, 2, 2)
	done.Command = put(5, "a long one")
	r.request(done)
	r.want("reply c5 #2 try 2 ok, index 9: 1 bytes")
	fits := ask(6, 2, 2)
	fits.Command = put(6, "123")
	r.request(fits)
	if n := r.server.Counters(); n.Proposed != 1 {
		t.Errorf("%+v after a command that fits", n)
	}
}

// Requests no client sends are nothing.
func TestRequestOfNobody(t *testing.T) {
	r := newRig(t, 1, 1).running().lead().open(5)
	for _, change := range []func(r *client.Request){
		func(r *client.Request) { r.Client = 0 },
		func(r *client.Request) { r.Seq = 0 },
		func(r *client.Request) { r.Attempt = 0 },
		func(r *client.Request) { r.Session = 0 },
		func(r *client.Request) { r.Prev = 0 },
		func(r *client.Request) { r.Prev = r.Seq },
		func(r *client.Request) { r.Ack = 0 },
		func(r *client.Request) { r.Ack = r.Seq + 1 },
	} {
		req := ask(5, 2, 1)
		change(&req)
		r.request(req)
		r.want()
	}
}

// An operation that was applied is answered from the session, without another entry; of an older one nothing is said.
func TestAnswersFromTheSession(t *testing.T) {
	r := newRig(t, 1, 1).running().lead().open(5)
	before := r.server.Counters()
	for seq := uint64(2); seq <= 3; seq++ {
		r.request(ask(5, seq, 1))
		r.sync()
	}
	r.host.lines = nil
	r.request(ask(5, 3, 2))
	r.want("reply c5 #3 try 2 ok, index 7: 1 bytes")
	r.request(opening(5, 1, 2))
	r.want("reply c5 #1 try 2 ok, index 7, session 5")
	r.request(ask(5, 2, 9))
	r.request(forwardedBy(3, ask(5, 2, 9)))
	r.want()
	r.request(forwardedBy(3, ask(5, 3, 2))) // n3 answers that when it has applied it
	r.want()
	if n := r.server.Counters(); n.Proposed-before.Proposed != 2 || n.AnsweredFromSession != 2 {
		t.Errorf("proposed %d, answered %d from sessions, want 2 and 2", n.Proposed-before.Proposed, n.AnsweredFromSession)
	}
}

// A session that is gone is told at once, by any server that knows it.
func TestExpiredSessionIsTold(t *testing.T) {
	r := newRig(t, 1, 1)
	r.cfg.SessionTTL = electionTimeout
	r.running().lead().open(5, 6)
	r.now += int64(electionTimeout) + 1
	r.request(ask(6, 2, 1)) // shows that log time has gone on
	r.sync()
	r.want("write", "sync 8", "reply c6 #2 try 1 expired, index 7")
	r.request(ask(5, 2, 1))
	r.want("reply c5 #2 try 1 expired, index 7")
	r.request(forwardedBy(3, ask(5, 2, 1)))
	r.want("reply c5 #2 try 1 expired, index 7")
	if n := r.server.Counters().Expired; n != 3 {
		t.Errorf("%d counted as expired, want 3", n)
	}
	// One that this server has not heard of yet may exist: only the log can tell.
	late := ask(9, 2, 1)
	late.Session = 100
	r.request(late)
	r.want("write", "sync 9")
}

// The envelope carries the leader's clock at the time of the proposal: log time.
func TestLeaderStampsTheEntry(t *testing.T) {
	r := newRig(t, 1, 1).running().lead().open(5)
	r.now = 7 * millisecond
	r.request(ask(5, 2, 1))
	r.now = 9 * millisecond
	r.sync()
	if got := r.server.sessions.LogTime(); got != 7*millisecond {
		t.Errorf("log time is %d, want the leader's clock at the proposal", got)
	}
}

// window is an attempt of a command whose client still wants the answers from ack on.
func window(id, seq, ack uint64, attempt uint32) client.Request {
	r := ask(id, seq, attempt)
	r.Ack = ack
	return r
}

// A leader proposes an operation once per term, whatever else of its client is under way.
func TestOperationIsProposedOncePerTerm(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running().opened(core)
	core.status.Role = raft.StateLeader
	for _, step := range []struct {
		seq, term uint64
		proposed  uint64
	}{
		{2, 1, 1}, {2, 1, 1}, // a retry
		{4, 1, 2}, {2, 1, 2}, {4, 1, 2}, // a later one, and both again
		{3, 1, 3}, {3, 1, 3}, // one between
		{4, 2, 4}, {4, 2, 4}, {2, 2, 5}, // another term, whose log may not have them
	} {
		core.status.Term = step.term
		r.request(window(5, step.seq, 2, 1))
		if got := r.server.Counters().Proposed; got != step.proposed {
			t.Fatalf("#%d in term %d: %d proposals so far, want %d", step.seq, step.term, got, step.proposed)
		}
	}
	r.want()
}

// Several operations of a client under way: each gets its answer when its turn has come, which one entry may bring for many.
func TestSeveralOperationsUnderWay(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running().opened(core)
	core.status.Role, core.status.Lead = raft.StateLeader, 1
	for _, seq := range []uint64{4, 3, 2} { // the network has turned them round
		r.request(window(5, seq, 2, 1))
	}
	early := func(index, seq uint64) raft.Entry {
		e := statemachine.Envelope{
			Kind: statemachine.EnvelopeCommand, Client: 5, Seq: seq, Session: 5, Prev: seq - 1, Ack: 2, Command: put(5, "x"),
		}
		return raft.Entry{Term: 1, Index: index, Data: statemachine.AppendEnvelope(nil, &e)}
	}
	core.readies = []raft.Ready{committed(early(9, 4), early(10, 3))}
	r.step(raft.Message{})
	r.want()
	r.request(window(5, 4, 2, 2)) // waits in the session: another entry would bring nothing
	if core.proposes != 3 {
		t.Errorf("%d proposals, want 3", core.proposes)
	}
	core.readies = []raft.Ready{committed(early(11, 2))}
	r.step(raft.Message{})
	r.want("reply c5 #2 try 1 ok, index 11: 1 bytes", "reply c5 #3 try 1 ok, index 11: 1 bytes", "reply c5 #4 try 2 ok, index 11: 1 bytes")
	if r.server.waiting.len()+r.server.proposals.current.len()+len(r.server.proposals.queue) > 0 {
		t.Error("applied operations are still remembered as pending")
	}
}

// A proposal whose place in the log went to another leader's entry is lost for good, and its client is told at once; one that
// may be in a log is not spoken of (X07, X11).
func TestLostProposalIsTold(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running().opened(core)
	core.status.Role, core.status.Lead = raft.StateLeader, 1
	r.request(ask(5, 2, 1))                 // entry 9 of term 1
	r.request(ask(6, 2, 1))                 // entry 10
	r.request(forwardedBy(3, ask(7, 2, 1))) // entry 11: another server waits for it
	core.status.Role, core.status.Lead, core.status.Term = raft.StateFollower, 2, 2
	core.readies = []raft.Ready{ack(2)}
	r.step(raft.Message{}) // deposed, and the log may be cut: nothing is said
	core.readies = []raft.Ready{committed(entry(1, 9, 5, 2))}
	r.step(raft.Message{})
	r.want("send n1>n2 heartbeat-resp t2", "reply c5 #2 try 1 ok, index 9: 1 bytes")
	core.readies = []raft.Ready{committed(raft.Entry{Term: 2, Index: 10}, raft.Entry{Term: 2, Index: 11})}
	r.step(raft.Message{})
	r.want("reply c6 #2 try 1 dropped")
	if n := r.server.Counters().Dropped; n != 1 || r.server.waiting.len() > 0 {
		t.Errorf("%d dropped, %d waiting, want 1 and 0", n, r.server.waiting.len())
	}
}

// Of several copies of one attempt the loss of one means nothing, nor does that of an attempt before the latest; the loss of the
// latest is told, whatever late copy of an earlier one came after it.
func TestLossOfOneOfSeveralCopies(t *testing.T) {
	for _, test := range []struct {
		attempts [2]uint32
		told     [2]string // when the first, and the second proposal is lost
	}{
		{[2]uint32{1, 1}, [2]string{"", ""}},
		{[2]uint32{1, 2}, [2]string{"", "reply c5 #2 try 2 dropped"}},
		{[2]uint32{2, 1}, [2]string{"reply c5 #2 try 2 dropped", ""}},
	} {
		r := newRig(t, 1, 3)
		core := r.scripted()
		r.running().opened(core)
		core.status.Role, core.status.Lead = raft.StateLeader, 1
		r.request(ask(5, 2, test.attempts[0])) // entry 9 of term 1
		core.status.Term, core.index = 3, 9
		r.request(ask(5, 2, test.attempts[1])) // entry 10 of term 3
		for i, lost := range []raft.Entry{{Term: 2, Index: 9}, {Term: 4, Index: 10}} {
			core.readies = []raft.Ready{committed(lost)}
			r.step(raft.Message{})
			if test.told[i] == "" {
				r.want()
			} else {
				r.want(test.told[i])
			}
		}
	}
}

// A copy that this server has forwarded may be executed, whatever becomes of the one that it proposed itself before. A late copy of an
// earlier attempt says nothing.
func TestLossBesideAForwardedCopy(t *testing.T) {
	for attempt, want := range map[uint32][]string{
		1: {"reply c5 #2 try 2 dropped"},
		2: {"reply c5 #2 try 2 ok, index 10: 1 bytes"},
		3: {"reply c5 #2 try 3 ok, index 10: 1 bytes"},
	} {
		r := newRig(t, 1, 3)
		core := r.scripted()
		r.running().opened(core)
		core.status.Role, core.status.Lead = raft.StateLeader, 1
		r.request(ask(5, 2, 2)) // entry 9 of term 1
		core.status.Role, core.status.Lead, core.status.Term = raft.StateFollower, 2, 2
		core.readies = []raft.Ready{ack(2)}
		r.step(raft.Message{})
		r.request(ask(5, 2, attempt)) // n2 makes it entry 10 of term 2
		r.host.take()
		core.readies = []raft.Ready{committed(raft.Entry{Term: 2, Index: 9}), committed(entry(2, 10, 5, 2))}
		r.step(raft.Message{})
		r.want(want...)
	}
}

// What a leadership has proposed is no reason, after it, not to propose it again, and takes no memory.
func TestDeposedLeaderForgetsItsProposals(t *testing.T) {
	p := proposals{current: newTable[proposal]()}
	p.add(proposed{index: 9, term: 1, client: 5, seq: 2})
	p.add(proposed{index: 10, term: 1, client: 6, seq: 2})
	p.deposed()
	if n := p.current.len(); n != 0 {
		t.Errorf("%d operations are remembered", n)
	}
	p.add(proposed{index: 9, term: 3, client: 7, seq: 2})
	if len(p.queue) != 1 || p.current.len() != 1 {
		t.Errorf("%d proposals and %d operations are remembered, want 1 and 1", len(p.queue), p.current.len())
	}
}

// A leader that proposes at an index where it had proposed before, in an earlier term, knows nothing of the earlier proposal any
// more: its own log has lost it, but others may hold it.
func TestProposalAtAnIndexUsedBefore(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running().opened(core)
	core.status.Role, core.status.Lead = raft.StateLeader, 1
	r.request(ask(5, 2, 1))
	r.request(ask(6, 2, 1)) // entry 10 of term 1
	core.status.Term, core.index = 3, 8
	r.request(ask(7, 2, 1)) // entry 9 of term 3
	core.readies = []raft.Ready{committed(entry(1, 9, 5, 2))}
	r.step(raft.Message{}) // another leader had the entries of term 1
	r.want("reply c5 #2 try 1 ok, index 9: 1 bytes", "reply c7 #2 try 1 dropped")
	core.readies = []raft.Ready{committed(entry(1, 10, 6, 2))}
	r.step(raft.Message{})
	r.want("reply c6 #2 try 1 ok, index 10: 1 bytes")
}

// A client that has gone on to a later operation gets no answer to the earlier one.
func TestClientThatWentOnGetsTheLaterAnswerOnly(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running().opened(core)
	core.status.Role = raft.StateLeader
	core.readies = []raft.Ready{ack(1)}
	r.step(raft.Message{}) // the server learns that it leads
	r.host.lines = nil
	r.request(ask(5, 2, 1))
	r.request(ask(5, 3, 3))
	r.request(ask(5, 3, 2)) // late
	core.readies = []raft.Ready{committed(entry(1, 9, 5, 2))}
	r.step(raft.Message{})
	r.want()
	core.readies = []raft.Ready{committed(entry(1, 10, 5, 3))}
	r.step(raft.Message{})
	r.want("reply c5 #3 try 3 ok, index 10: 1 bytes")
	if r.server.waiting.len()+r.server.proposals.current.len() > 0 {
		t.Error("applied operations are still remembered as pending")
	}
}

// A client whose later operation comes through another server no longer waits here.
func TestClientThatWentElsewhereIsForgotten(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running().opened(core)
	core.status.Lead = 2
	r.request(ask(5, 2, 1))
	core.readies = []raft.Ready{committed(entry(1, 9, 5, 3))}
	r.step(raft.Message{})
	r.want("forward to n2: command c5 #2 try 1 from n1 session 5 after #1 ack #2: 10 bytes")
	if r.server.waiting.len() > 0 {
		t.Error("the client is still waited for")
	}
}
