package raft

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// take calls Ready and copies the result.
func take(r *Raft) Ready { return clone(r.Ready()) }

// clone copies a Ready and its slices.
func clone(rd *Ready) Ready {
	c := *rd
	c.Messages = slices.Clone(rd.Messages)
	for i := range c.Messages {
		c.Messages[i].Entries = slices.Clone(c.Messages[i].Entries)
	}
	c.Dependent = slices.Clone(rd.Dependent)
	c.Entries = slices.Clone(rd.Entries)
	c.Committed = slices.Clone(rd.Committed)
	return c
}

// TestReadySaysWhatToWrite: Term, Vote and entries make a ticket, a commit index alone does not, and what Ready says of the
// commit index never goes beyond this server's disk.
func TestReadySaysWhatToWrite(t *testing.T) {
	c := newCluster(3, testConfig())
	r := c.node(1).r
	step := func(m Message) {
		t.Helper()
		m.From, m.To, m.Term = 2, 1, 4
		if err := r.Step(0, &m); err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string, want Ready, said ...string) {
		t.Helper()
		if !r.HasReady() {
			t.Errorf("%s: HasReady is false", what)
		}
		got := take(r)
		if diff := cmp.Diff(said, lines(got.Dependent)); diff != "" || len(got.Messages) > 0 {
			t.Errorf("%s: %d messages at once, dependent %s", what, len(got.Messages), diff)
		}
		got.Dependent = nil
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	if r.HasReady() {
		t.Error("a fresh server wants something")
	}
	step(Message{Type: MsgHeartbeat, Round: 3})
	check("a new term", Ready{Ticket: 1, HardStateChanged: true, HardState: HardState{Term: 4}},
		"n1>n2 heartbeat-resp t4 round 3")
	step(Message{Type: MsgHeartbeat, Round: 4})
	check("nothing to write", Ready{HardState: HardState{Term: 4}}, "n1>n2 heartbeat-resp t4 round 4")

	entries := entriesOf(1, 2, 4)
	step(Message{Type: MsgApp, Entries: entries, Commit: 1})
	check("entries", Ready{Ticket: 2, HardState: HardState{Term: 4}, Entries: entries}, "n1>n2 app-resp t4 upto 2")
	r.Advance(0, 1)
	if r.HasReady() {
		t.Error("the first ticket's acknowledgement leads to something")
	}
	r.Advance(0, 2)
	check("entry 1 is durable and committed", Ready{HardState: HardState{Term: 4, Commit: 1}, Committed: entries[:1]})

	step(Message{Type: MsgApp, Index: 2, LogTerm: 4, Entries: entriesOf(3, 4), Commit: 3})
	check("the commit index rides along, as far as it is durable", Ready{Ticket: 3, HardStateChanged: true,
		HardState: HardState{Term: 4, Commit: 2}, Entries: entriesOf(3, 4), Committed: entries[1:]}, "n1>n2 app-resp t4 upto 3")
	r.Advance(0, 3)
	check("the rest", Ready{HardState: HardState{Term: 4, Commit: 3}, Committed: entriesOf(3, 4)})

	if r.HasReady() {
		t.Error("there is more")
	}
	r.Applied(0, 3)
	r.Applied(0, 1)
	if got := r.Status().Applied; got != 3 {
		t.Errorf("applied went to %d", got)
	}
	r.Advance(0, 2)
	r.Advance(0, 0)
	mustPanic(t, "raft: n1 is told that ticket 4 is durable, but 3 is the last one issued", func() { r.Advance(0, 4) })
	mustPanic(t, "raft: n1 is told that entry 4 is applied, but only entries up to 3 were handed out for it", func() { r.Applied(0, 4) })
}

// TestVoteIsWrittenAfterRestart (S17): a vote in the recovered term is a change.
func TestVoteIsWrittenAfterRestart(t *testing.T) {
	c := newCluster(3, testConfig())
	c.restartWith(1, 4, None, 0)
	r := c.node(1).r
	m := Message{Type: MsgVote, From: 2, To: 1, Term: 4}
	if err := r.Step(0, &m); err != nil {
		t.Fatal(err)
	}
	rd := take(r)
	if !rd.HardStateChanged || rd.HardState != (HardState{Term: 4, Vote: 2}) || rd.Ticket != 1 {
		t.Errorf("%+v", rd)
	}
	if len(rd.Messages) != 0 || len(rd.Dependent) != 1 {
		t.Errorf("the grant does not wait for the disk: %+v", rd)
	}
}

// TestOwnVoteCountsWhenDurable: alone, and when the others' votes come first.
func TestOwnVoteCountsWhenDurable(t *testing.T) {
	cfg := testConfig()
	cfg.DisablePreVote = true
	for size := 1; size <= 3; size++ {
		c := newCluster(size, cfg)
		r := c.node(1).r
		r.Campaign(0)
		for id := uint64(2); id <= uint64(size); id++ { // grants out of thin air, before the write was even issued
			c.wire = append(c.wire, Message{Type: MsgVoteResp, From: id, To: 1, Term: 1})
			if err := c.deliver(0, false); err != nil {
				t.Fatal(err)
			}
		}
		rd := take(r)
		if r.Status().Role != StateCandidate || rd.Ticket != 1 || len(rd.Messages) > 0 || len(rd.Dependent) != size-1 {
			t.Errorf("of %d: %v with %+v", size, r.Status().Role, rd)
		}
		r.Advance(0, 1)
		if r.Status().Role != map[int]Role{1: StateLeader, 2: StateLeader, 3: StateLeader}[size] {
			t.Errorf("of %d: %v after the write", size, r.Status().Role)
		}
	}
}

// TestOwnVoteOfAnotherTermDoesNotCount: the write of an earlier candidacy is acknowledged during a later one.
func TestOwnVoteOfAnotherTermDoesNotCount(t *testing.T) {
	cfg := testConfig()
	cfg.DisablePreVote = true
	c := newCluster(1, cfg)
	r := c.node(1).r
	r.Campaign(0)
	take(r)
	r.Campaign(0)
	take(r)
	r.Advance(0, 1)
	if s := r.Status(); s.Role != StateCandidate || s.Term != 2 {
		t.Errorf("%s", DescribeStatus(nil, s))
	}
	r.Advance(0, 2)
	if s := r.Status(); s.Role != StateLeader {
		t.Errorf("%s", DescribeStatus(nil, s))
	}
}

// TestAcknowledgementOfReplacedEntries (S03): entry 2 is written, replaced, and replaced again by the very same entry, all
// before the first write is acknowledged. Until the third write is, the disk may hold the second one's entry.
func TestAcknowledgementOfReplacedEntries(t *testing.T) {
	c := newCluster(3, testConfig())
	r := c.node(1).r
	send := func(from, term uint64, entries []Entry) uint64 {
		t.Helper()
		m := Message{Type: MsgApp, From: from, To: 1, Term: term, Index: 1, LogTerm: 1, Entries: entries}
		if entries[0].Index == 1 {
			m.Index, m.LogTerm = 0, 0
		}
		if err := r.Step(0, &m); err != nil {
			t.Fatal(err)
		}
		return take(r).Ticket
	}
	a := entriesOf(2, 2, 2)
	t1 := send(2, 2, append(entriesOf(1, 1), a...)) // 1/1 2/2 3/2
	t2 := send(3, 3, entriesOf(2, 3))               // 1/1 2/3
	t3 := send(2, 4, a)                             // 1/1 2/2 3/2 again
	for i, step := range []struct{ ticket, stable uint64 }{{t1, 1}, {t2, 1}, {t3, 3}} {
		r.Advance(0, step.ticket)
		if r.Stable() != step.stable {
			t.Errorf("after write %d entries up to %d count as durable, want %d", i+1, r.Stable(), step.stable)
		}
	}
}

// TestNewLeaderDoesNotCountWhatItHasNotWritten (C11): its first entry, with one follower of two.
func TestNewLeaderDoesNotCountWhatItHasNotWritten(t *testing.T) {
	c := server(t, 3, None, 1, 3)
	r := c.leader()
	n := c.node(1)
	n.slow = true
	r.Campaign(0) // no effect at a leader
	c.tell(Message{Type: MsgVote, From: 2, Term: 9}, Message{Type: MsgVoteResp, From: 2, Term: 9, Reject: true})
	r.Campaign(0)
	c.pump(n)
	c.syncDisk(n, len(n.writes))
	c.tell(Message{Type: MsgVoteResp, From: 2, Term: 10})
	if s := r.Status(); s.Role != StateLeader || s.Term != 10 || r.Stable() != 3 {
		t.Fatalf("%s, %d entries durable", DescribeStatus(nil, s), r.Stable())
	}
	c.tell(Message{Type: MsgAppResp, From: 2, Term: 10, Index: 4, Round: 1})
	if got := r.Status().Commit; got != 0 {
		t.Errorf("entry %d is committed with one copy on disk", got)
	}
	c.syncDisk(n, len(n.writes))
	if got := r.Status().Commit; got != 4 {
		t.Errorf("commit %d after the write", got)
	}
}

// TestReadyStaysUntilTheNext: what is stepped in afterwards does not show in it, truncation included.
func TestReadyStaysUntilTheNext(t *testing.T) {
	c := newCluster(3, testConfig())
	c.elect(1)
	r := c.node(1).r
	c.propose(1, "first")
	rd := r.Ready()
	before := clone(rd)
	now := int64(c.cfg.HeartbeatInterval)
	r.Tick(now) // heartbeats
	for _, m := range []Message{
		{Type: MsgVote, From: 2, Term: 5, Index: 9, LogTerm: 9},
		{Type: MsgApp, From: 3, Term: 6, Index: 1, LogTerm: 1, Entries: entriesOf(2, 6, 6), Commit: 1},
	} {
		m.To = 1
		now += int64(c.cfg.ElectionTimeout)
		if err := r.Step(now, &m); err != nil {
			t.Fatal(err)
		}
	}
	if c.node(1).logText() != "1 6 6" || len(before.Messages) != 2 || len(before.Entries) != 1 {
		t.Fatalf("the log is %s, Ready was %+v", c.node(1).logText(), before)
	}
	if diff := cmp.Diff(before, *rd); diff != "" {
		t.Error(diff)
	}
}

// TestManyTickets: the queue of what is outstanding neither forgets nor mixes anything up.
func TestManyTickets(t *testing.T) {
	choose := choices(7)
	var q tickets
	issued, acked := uint64(0), uint64(0)
	for range 2000 {
		if choose(2) == 0 {
			issued++
			q.add(ticketed{ticket: issued, last: issued * 10})
			continue
		}
		upto := acked + uint64(choose(4))
		last, ok := q.take(upto)
		want := min(upto, issued)
		if ok != (want > acked) || ok && (last.ticket != want || last.last != want*10) {
			t.Fatalf("take(%d) after %d of %d: %+v, %v", upto, acked, issued, last, ok)
		}
		acked = max(acked, want)
	}
}

// TestFlowControl: what a leader has under way is bounded in entries, bytes and messages, and nothing is left out (R12, F06).
func TestFlowControl(t *testing.T) {
	cfg := testConfig()
	cfg.MaxEntriesPerMessage, cfg.MaxBytesPerMessage, cfg.MaxInflight, cfg.MaxUncommitted = 3, 5, 2, 10
	c := newCluster(2, cfg)
	c.elect(1)
	r := c.node(1).r
	for i, data := range []string{"aa", "bb", "cc", "dddddddd", "", "", "", "", "e", "f"} {
		if _, _, err := r.Propose(0, []byte(data)); err != nil {
			t.Errorf("proposal %d: %v", i, err)
		}
	}
	if _, _, err := r.Propose(0, nil); err != ErrProposalDropped {
		t.Errorf("one proposal too many: %v", err)
	}
	said := c.tell()
	expect(t, "the window holds two", said,
		`n1>n2 app t1 after 1/1 commit 1 round 1 [2/1 "aa" 3/1 "bb"]`,
		`n1>n2 app t1 after 3/1 commit 1 round 1 [4/1 "cc"]`)
	expect(t, "an answer makes room", c.tell(Message{Type: MsgAppResp, From: 2, Term: 1, Index: 3, Round: 1}),
		`n1>n2 app t1 after 4/1 commit 3 round 1 [5/1 "dddddddd"]`)
	expect(t, "an answer to the later one covers both", c.tell(Message{Type: MsgAppResp, From: 2, Term: 1, Index: 5, Round: 1}),
		`n1>n2 app t1 after 5/1 commit 5 round 1 [6/1 "" 7/1 "" 8/1 ""]`,
		`n1>n2 app t1 after 8/1 commit 5 round 1 [9/1 "" 10/1 "e" 11/1 "f"]`)
	expect(t, "a heartbeat's answer asks where the follower stands", c.tell(Message{Type: MsgHeartbeatResp, From: 2, Term: 1, Round: 1}),
		`n1>n2 app t1 after 11/1 commit 5 round 1`)
	expect(t, "the window is still full", c.tell(Message{Type: MsgAppResp, From: 2, Term: 1, Index: 5, Round: 1}))
}

// TestEpochs (R10): an answer to a former membership of the same server is ignored.
func TestEpochs(t *testing.T) {
	c := newCluster(3, testConfig())
	c.elect(1)
	r := c.node(1).r
	pr := r.tracker.peer(2)
	pr.epoch = 7
	index := c.propose(1, "x")
	expect(t, "appends carry the epoch", c.tell()[:1], fmt.Sprintf(`n1>n2 app t1 after 1/1 commit 1 round 1 epoch 7 [%d/1 "x"]`, index))
	contact := pr.contact
	c.tell(Message{Type: MsgAppResp, From: 2, Term: 1, Index: index, Round: 1},
		Message{Type: MsgAppResp, From: 2, Term: 1, Index: index, Round: 1, Epoch: 6},
		Message{Type: MsgHeartbeatResp, From: 2, Term: 1, Round: 1, Epoch: 8})
	if pr.match != 1 || pr.contact != contact {
		t.Errorf("match %d, contact %d", pr.match, pr.contact)
	}
	c.tell(Message{Type: MsgAppResp, From: 2, Term: 1, Index: index, Round: 1, Epoch: 7})
	if pr.match != index {
		t.Errorf("match %d", pr.match)
	}
}

// TestTime: it never goes back inside, and a Tick before the deadline changes nothing.
func TestTime(t *testing.T) {
	c := newCluster(3, testConfig())
	r := c.node(1).r
	deadline := r.Deadline()
	r.Tick(deadline - 1)
	r.Tick(-1 << 60)
	if r.HasReady() || r.now != deadline-1 {
		t.Errorf("HasReady %v at %d", r.HasReady(), r.now)
	}
	m := Message{Type: MsgHeartbeat, From: 2, To: 1, Term: 1}
	if err := r.Step(0, &m); err != nil {
		t.Fatal(err)
	}
	if want := deadline - 1 + int64(c.cfg.ElectionTimeout); r.Deadline() < want {
		t.Errorf("a message of the past sets the deadline to %d, want at least %d", r.Deadline(), want)
	}
	// A server that is no voter waits for ever.
	cfg := testConfig()
	cfg.ID = 9
	r, err := New(cfg, 1<<62, InitialState{ConfState: c.conf})
	if err != nil || r.Deadline() != NoDeadline {
		t.Errorf("a stranger's deadline is %d, %v", r.Deadline(), err)
	}
	r.Campaign(1 << 62)
	if r.HasReady() {
		t.Error("a stranger campaigns")
	}
}

// TestRoundsDateContact: an answer with an unknown round is no contact.
func TestRoundsDateContact(t *testing.T) {
	c := newCluster(3, testConfig())
	c.elect(1)
	r := c.node(1).r
	deadline := r.quorumAt
	c.now = int64(100 * time.Millisecond)
	c.tell(Message{Type: MsgHeartbeatResp, From: 2, Term: 1, Round: 99}, Message{Type: MsgHeartbeatResp, From: 2, Term: 1})
	if r.quorumAt != deadline {
		t.Errorf("the deadline moved from %d to %d", deadline, r.quorumAt)
	}
}

func TestStepRefuses(t *testing.T) {
	app := func(entries ...Entry) Message {
		return Message{Type: MsgApp, From: 2, To: 1, Term: 3, Index: 1, LogTerm: 2, Entries: entries}
	}
	for want, m := range map[string]Message{
		"a message of the unknown type 13":      {Type: messageTypeEnd, From: 2, To: 1, Term: 3},
		"a message for n3":                      {From: 2, To: 3, Term: 3},
		"a message from n1":                     {From: 1, To: 1, Term: 3},
		"a message from n0":                     {To: 1, Term: 3},
		"a message without a term":              {From: 2, To: 1},
		"1 entries in a message of type vote":   {Type: MsgVote, From: 2, To: 1, Term: 3, Entries: entriesOf(1, 1)},
		"an append of term 3 after entry 0":     {From: 2, To: 1, Term: 3, LogTerm: 1},
		"an append of term 3 after entry 4":     {From: 2, To: 1, Term: 3, Index: 4, LogTerm: 4},
		"with entry 3 of term 2 after entry 1":  app(entriesOf(3, 2)...),
		"with entry 2 of term 1 after entry 1":  app(entriesOf(2, 1)...),
		"with entry 2 of term 4 after entry 1":  app(entriesOf(2, 4)...),
		"with entry 3 of term 2 after entry 2 ": app(entriesOf(2, 3, 2)...),
		"with entry 2 of term 2 after":          app(Entry{Index: 2, Term: 2, Type: 9}),
	} {
		c := newCluster(3, testConfig())
		r := c.node(1).r
		if err := r.Step(0, &m); err == nil || !strings.Contains(err.Error(), want) || r.HasReady() || r.term != 0 {
			t.Errorf("%v, want %s", err, want)
		}
	}
	c := newCluster(3, testConfig())
	c.elect(1)
	m := Message{Type: MsgAppResp, From: 2, To: 1, Term: 1, Index: 9}
	if err := c.node(1).r.Step(0, &m); err == nil {
		t.Error("an answer from the future is accepted")
	}
	m = Message{Type: MsgAppResp, From: 7, To: 1, Term: 1, Index: 1}
	if err := c.node(1).r.Step(0, &m); err != nil {
		t.Errorf("a stranger's answer: %v", err)
	}
}

// TestPanicsNameTheInvariant: two leaders of a term, and a commit index beyond a log that was acknowledged.
func TestPanicsNameTheInvariant(t *testing.T) {
	c := newCluster(3, testConfig())
	c.elect(1)
	step := func(m Message) func() {
		return func() { _ = c.node(m.To).r.Step(0, &m) }
	}
	mustPanic(t, "raft: n1 and n3 both lead term 1, as n1 sees it", step(Message{Type: MsgApp, From: 3, To: 1, Term: 1}))
	mustPanic(t, "raft: n1 and n3 both lead term 1, as n2 sees it", step(Message{Type: MsgHeartbeat, From: 3, To: 2, Term: 1}))
	mustPanic(t, "raft: n2 is told that entry 4 is committed, but its log ends at 1: entries it acknowledged are lost",
		step(Message{Type: MsgHeartbeat, From: 1, To: 2, Term: 1, Commit: 4}))
	mustPanic(t, "raft: n2 would truncate committed entry 1 (commit 1): it has term 1, the leader's has term 2",
		step(Message{Type: MsgApp, From: 3, To: 2, Term: 2, Entries: entriesOf(1, 2)}))
}

func TestValidate(t *testing.T) {
	for want, change := range map[string]func(c *Config, s *InitialState){
		"":                                      func(c *Config, s *InitialState) {},
		"the id of a server must not be 0":      func(c *Config, s *InitialState) { c.ID = 0 },
		"heartbeat interval (0s) must be above": func(c *Config, s *InitialState) { c.HeartbeatInterval = 0 },
		"raft: the heartbeat interval (150ms) must be below the election timeout (150ms)": func(c *Config, s *InitialState) {
			c.HeartbeatInterval = c.ElectionTimeout
		},
		"must be below a quarter of the largest duration":  func(c *Config, s *InitialState) { c.ElectionTimeout = 1 << 62 },
		"MaxInflight (-1) must not be negative":            func(c *Config, s *InitialState) { c.MaxInflight = -1 },
		"the configuration has no voter":                   func(c *Config, s *InitialState) { s.ConfState = ConfState{Learners: []uint64{1}} },
		"has a voter with id 0":                            func(c *Config, s *InitialState) { s.ConfState.Voters[0] = 0 },
		"has the voter n2 twice":                           func(c *Config, s *InitialState) { s.ConfState.Voters[0] = 2 },
		"entry 3 follows entry 1":                          func(c *Config, s *InitialState) { s.Entries[1].Index = 3 },
		"entry 3 of term 1 follows one of term 2":          func(c *Config, s *InitialState) { s.Entries[2].Term = 1 },
		"recovered term 2 is below the term 3":             func(c *Config, s *InitialState) { s.HardState.Term = 2 },
		"recovered commit index 4 is beyond":               func(c *Config, s *InitialState) { s.HardState.Commit = 4 },
		"applied entry 4, but the recovered log ends at 3": func(c *Config, s *InitialState) { s.Applied = 4 },
		"a vote for n1 was recovered without a term":       func(c *Config, s *InitialState) { s.Entries, s.HardState = nil, HardState{Vote: 1} },
		"the offset 2 has the term 0":                      func(c *Config, s *InitialState) { s.Offset = 2 },
		"starts after entry 9, but the last snapshot ends at 0": func(c *Config, s *InitialState) {
			s.Offset, s.OffsetTerm, s.Entries = 9, 1, nil
		},
		"starts after entry 9, but the last snapshot has no configuration": func(c *Config, s *InitialState) {
			s.Offset, s.OffsetTerm, s.Entries, s.Snapshot = 9, 1, nil, SnapshotMeta{Index: 9, Term: 1}
		},
		"the last snapshot ends at entry 4, but the recovered log at 3": func(c *Config, s *InitialState) {
			s.Snapshot = SnapshotMeta{Index: 4, Term: 3}
		},
		"ends at entry 2 of term 1, which has the term 2": func(c *Config, s *InitialState) { s.Snapshot = SnapshotMeta{Index: 2, Term: 1} },
		"has applied entry 1, but the last snapshot ends at 2": func(c *Config, s *InitialState) {
			s.Snapshot, s.Applied = SnapshotMeta{Index: 2, Term: 2}, 1
		},
		"MaxInflightBytes (-1) must not be negative":  func(c *Config, s *InitialState) { c.MaxInflightBytes = -1 },
		"MaxBytesPerWrite (-1) must not be negative":  func(c *Config, s *InitialState) { c.MaxBytesPerWrite = -1 },
		"MaxPendingAppends (-1) must not be negative": func(c *Config, s *InitialState) { c.MaxPendingAppends = -1 },
		"RetainEntries (-1) must not be negative":     func(c *Config, s *InitialState) { c.RetainEntries = -1 },
		"entry 1 follows entry 9":                     func(c *Config, s *InitialState) { s.Offset, s.OffsetTerm = 9, 1 },
		"entry 1 of term 0 follows one of term 0":     func(c *Config, s *InitialState) { s.Entries[0].Term = 0 },
	} {
		cfg := testConfig()
		cfg.ID = 1
		s := InitialState{HardState: HardState{Term: 3, Commit: 1}, ConfState: ConfState{Voters: []uint64{1, 2}},
			Entries: entriesOf(1, 1, 2, 3)}
		change(&cfg, &s)
		r, err := New(cfg, 0, s)
		if want == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) || r != nil {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestRestartAfterSnapshot: a log that begins after an offset works like any other.
func TestRestartAfterSnapshot(t *testing.T) {
	c := newCluster(2, testConfig())
	for _, n := range c.nodes {
		cfg := testConfig()
		cfg.ID = n.id
		r, err := New(cfg, 0, InitialState{HardState: HardState{Term: 3, Commit: 2}, ConfState: c.conf,
			Snapshot: SnapshotMeta{Index: 10, Term: 3, ConfState: c.conf},
			Offset:   10, OffsetTerm: 3, Applied: 10, Entries: entriesOf(11, 3)[:2-n.id]})
		if err != nil {
			t.Fatal(err)
		}
		if s := r.Status(); s.Commit != 10 || s.Applied != 10 {
			t.Errorf("%s", DescribeStatus(nil, s))
		}
		n.r = r
		n.disk.offset, n.disk.offsetTerm, n.disk.entries = 10, 3, entriesOf(11, 3)[:2-n.id]
		n.snaps.handedOut = 10
	}
	c.elect(1)
	c.propose(1, "x")
	c.settle(nil, nil)
	for _, n := range c.nodes {
		if s := n.r.Status(); s.Commit != 13 || s.LastIndex != 13 {
			t.Errorf("%s", DescribeStatus(nil, s))
		}
		if _, ok := n.r.Entry(10); ok {
			t.Error("entry 10 is in the snapshot")
		}
	}
	// An append from before the offset: what it shares with the log must agree and counts as verified.
	m := Message{Type: MsgApp, From: 1, To: 2, Term: 4, Index: 8, LogTerm: 2, Entries: entriesOf(9, 2, 3, 3)}
	if err := c.node(2).r.Step(0, &m); err != nil {
		t.Fatal(err)
	}
	c.pump(c.node(2))
	expect(t, "answer", c.wire, "n2>n1 app-resp t4 upto 13")
}
