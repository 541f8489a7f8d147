package raft

import (
	"strings"
	"testing"
)

// A server that has lost part of its log abstains until it is as new again as what it lost (paper §5.4.1).
func TestDamagedServersAbstain(t *testing.T) {
	c := newCluster(3, paperConfig())
	n := c.node(1)
	n.lost = EntryID{Index: 5, Term: 3}
	n.disk = testDisk{hs: HardState{Term: 4, Commit: 4}, entries: entriesOf(1, 1, 3)}
	c.start(n) // with a commit index beyond its log
	r := n.r
	vote := func(from uint64) bool {
		said := c.tell(Message{Type: MsgVote, From: from, Term: 9, Index: 99, LogTerm: 8})
		return !said[0].Reject
	}
	if s := r.Status(); !s.Abstaining || s.Commit != 2 || r.Deadline() != NoDeadline {
		t.Errorf("%s", DescribeStatus(nil, s))
	}
	r.Campaign(0)
	expect(t, "a campaign", c.tell())
	expect(t, "a pre-vote", c.tell(Message{Type: MsgPreVote, From: 2, Term: 9, Index: 99, LogTerm: 8}), "n1>n2 pre-vote-resp t4 rejected commit 2/3")
	expect(t, "an append", c.tell(Message{Type: MsgApp, From: 3, Term: 5, Index: 5, LogTerm: 3, Commit: 5}),
		"n1>n3 app-resp t5 rejected 5 hint 2/3 abstaining")
	// The leader may still think that everything is there.
	expect(t, "a heartbeat", c.tell(Message{Type: MsgHeartbeat, From: 3, Term: 5, Commit: 5}), "n1>n3 heartbeat-resp t5")
	expect(t, "half of it", c.tell(Message{Type: MsgApp, From: 3, Term: 5, Index: 2, LogTerm: 3, Entries: entriesOf(3, 3, 3)}),
		"n1>n3 app-resp t5 upto 4 abstaining")
	if vote(2) {
		t.Error("it votes with a part of what it had")
	}
	expect(t, "all of it", c.tell(Message{Type: MsgApp, From: 3, Term: 9, Index: 4, LogTerm: 3, Entries: entriesOf(5, 3)}),
		"n1>n3 app-resp t9 upto 5")
	if s := r.Status(); s.Abstaining || r.Deadline() == NoDeadline {
		t.Errorf("%s", DescribeStatus(nil, s))
	}
	// A later term is as good as the entry itself: whoever has it had all that was committed before.
	c.start(n)
	c.tell(Message{Type: MsgApp, From: 3, Term: 10, Index: 2, LogTerm: 3, Entries: entriesOf(3, 8)})
	if n.r.Status().Abstaining {
		t.Error("it abstains with a newer log")
	}
}

// A leader takes an abstaining server's refusal at its word: what was acknowledged is gone.
func TestLeaderForgetsWhatWasLost(t *testing.T) {
	c := newCluster(3, testConfig())
	c.elect(1)
	for range 5 {
		c.propose(1, "x")
	}
	c.settle(nil, nil)
	pr := c.node(1).r.tracker.peer(2)
	refusal := Message{Type: MsgAppResp, From: 2, Term: 1, Reject: true, Index: 6, RejectHint: 2, LogTerm: 1, Round: 1}
	c.tell(refusal)
	if pr.match != 6 {
		t.Errorf("an old refusal: match %d", pr.match)
	}
	refusal.Abstaining = true
	said := c.tell(refusal)
	if pr.match != 0 || len(said) != 1 || said[0].Index != 2 || len(said[0].Entries) != 4 {
		t.Errorf("match %d, %v", pr.match, lines(said))
	}
	if c.node(1).r.Status().Commit != 6 {
		t.Error("the commit index went back")
	}
}

// A server that joins neither votes nor campaigns before its log says that it is a member.
func TestJoiningServersAbstain(t *testing.T) {
	c := newCluster(3, paperConfig())
	c.join()
	c.node(1).joiner = true
	c.start(c.node(1))
	r := c.node(1).r
	if s := r.Status(); !s.Abstaining || r.Deadline() != NoDeadline || s.ConfIndex != 0 {
		t.Errorf("%s", DescribeStatus(nil, s))
	}
	r.Campaign(0)
	expect(t, "a campaign", c.tell())
	expect(t, "a vote", c.tell(Message{Type: MsgVote, From: 2, Term: 2, Index: 9, LogTerm: 1, Commit: 5, CommitTerm: 1}),
		"n1>n2 vote-resp t2 rejected commit 0/0")
	conf := ConfState{Voters: []uint64{2, 3, 4}}
	entry := confEntry(2, 2, &conf, add(1))
	expect(t, "the log", c.tell(Message{Type: MsgApp, From: 2, Term: 2, Entries: entriesOf(1, 2)},
		Message{Type: MsgApp, From: 2, Term: 2, Index: 1, LogTerm: 2, Entries: []Entry{entry}}),
		"n1>n2 app-resp t2 upto 1 abstaining", "n1>n2 app-resp t2 upto 2")
	if got := confText(r); got != "(1 2 3 4)" || r.Deadline() == NoDeadline {
		t.Errorf("its configuration is %s", got)
	}
	// Started again, it finds the same in its log.
	c.node(1).disk.hs = HardState{Term: 2}
	c.start(c.node(1))
	if s := c.node(1).r.Status(); s.Abstaining || s.ConfIndex != 2 {
		t.Errorf("%s", DescribeStatus(nil, s))
	}
}

// A late heartbeat to a member that was removed speaks of entries which that one had acknowledged, and must not be believed by the
// one that has come back under its id.
func TestHeartbeatsToTheFormerMember(t *testing.T) {
	c := newCluster(3, testConfig())
	c.node(1).joiner, c.node(1).after = true, 1
	c.start(c.node(1))
	conf := ConfState{Voters: []uint64{2, 3}}
	c.tell(Message{Type: MsgApp, From: 2, Term: 2, Epoch: 2, Entries: append(entriesOf(1, 2), confEntry(2, 2, &conf, add(1)))})
	c.tell(Message{Type: MsgHeartbeat, From: 2, Term: 2, Commit: 9, Epoch: 1})
	if got := c.node(1).r.Status().Commit; got != 0 {
		t.Errorf("commit %d on the word of a heartbeat to another", got)
	}
	c.tell(Message{Type: MsgHeartbeat, From: 2, Term: 2, Commit: 1, Epoch: 2})
	if got := c.node(1).r.Status().Commit; got != 1 {
		t.Errorf("commit %d, want 1", got)
	}
}

// The log that a new member receives may begin with the story of the former one of its id. That it was a member once is no reason
// to vote; only the entry that brought it back is.
func TestJoiningServerReadsOfItsFormerSelf(t *testing.T) {
	c := newCluster(3, testConfig())
	c.node(1).joiner, c.node(1).after = true, 2
	c.start(c.node(1))
	two, three := ConfState{Voters: []uint64{2, 3}}, ConfState{Voters: []uint64{1, 2, 3}}
	story := []Entry{confEntry(1, 2, &two, add(1)), confEntry(2, 2, &three, remove(1)), confEntry(3, 2, &two, add(1))}
	for i, want := range []bool{true, true, false} {
		m := Message{Type: MsgApp, From: 2, Term: 2, Epoch: 3, Index: uint64(i), Entries: story[i : i+1]}
		if i > 0 {
			m.LogTerm = 2
		}
		c.tell(m)
		if s := c.node(1).r.Status(); s.Abstaining != want || (c.node(1).r.Deadline() == NoDeadline) != want {
			t.Errorf("with %d entries: %s, abstaining %t", i+1, DescribeStatus(nil, s), s.Abstaining)
		}
	}
}

// A member that is started again with a log which ends with its own removal has been a member all the same. The removal may be
// committed nowhere, and its log the newest: then nobody but this server can be elected.
func TestJoinedServerStartsBehindItsRemoval(t *testing.T) {
	c := newCluster(3, testConfig())
	c.node(1).joiner, c.node(1).after = true, 1
	alone, both := ConfState{Voters: []uint64{2}}, ConfState{Voters: []uint64{1, 2}}
	c.node(1).disk = testDisk{
		hs:      HardState{Term: 2, Vote: 1, Commit: 2},
		entries: append(entriesOf(1, 2), confEntry(2, 2, &alone, add(1)), confEntry(3, 2, &both, remove(1))),
	}
	c.start(c.node(1))
	if s := c.node(1).r.Status(); s.Abstaining || c.node(1).r.Deadline() == NoDeadline {
		t.Errorf("with its removal not committed: %s, abstaining %t", DescribeStatus(nil, s), s.Abstaining)
	}
	said := c.tell(Message{Type: MsgVote, From: 2, Term: 3, Index: 3, LogTerm: 2, Epoch: 1})
	if len(said) != 1 || said[0].Reject {
		t.Errorf("asked for a vote it says %v", lines(said))
	}
}

// A single server that adds another and crashes needs the vote of one that knows nothing yet. It says since when that is a member. Without that, the cluster would be lost.
func TestJoiningServersVoteWhereTheyAreNeeded(t *testing.T) {
	c := newCluster(1, testConfig())
	c.elect(1)
	c.join()
	c.change(1, add(2))
	c.settle(func(m *Message) bool { return true }, nil)
	c.crash(c.node(1), 0)
	c.start(c.node(1))
	c.elect(1)
	if got := confText(c.node(2).r); got != "(1 2)" || c.node(1).r.Status().Commit != 3 {
		t.Errorf("n2: %s, commit %d", got, c.node(1).r.Status().Commit)
	}
	// It was given its disk when entry 4, and nothing after it, had removed the former server of its id. A candidate that still
	// takes it for that one gets nothing (E16); one whose configuration has the new one gets its vote, settled or not.
	c = newCluster(3, paperConfig())
	c.node(1).joiner, c.node(1).after = true, 4
	c.start(c.node(1))
	for epoch, want := range []string{0: "rejected", 4: "rejected", 5: "granted"} {
		if want == "" {
			continue
		}
		said := c.tell(Message{Type: MsgVote, From: 2, Term: 1 + uint64(epoch), Index: 9, LogTerm: 1, Epoch: uint64(epoch), Commit: 9, CommitTerm: 1})
		if !strings.Contains(lines(said)[0], want) {
			t.Errorf("a member since entry %d: %v, want %s", epoch, lines(said), want)
		}
	}
}
