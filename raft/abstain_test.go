package raft

import (
	"strings"
	"testing"
	"time"
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
	expect(t, "a heartbeat to another", c.tell(Message{Type: MsgHeartbeat, From: 2, Term: 2, Commit: 9, Epoch: 1}))
	if got := c.node(1).r.Status().Commit; got != 0 {
		t.Errorf("commit %d on the word of a heartbeat to another", got)
	}
	c.tell(Message{Type: MsgHeartbeat, From: 2, Term: 2, Commit: 1, Epoch: 2})
	if got := c.node(1).r.Status().Commit; got != 1 {
		t.Errorf("commit %d, want 1", got)
	}
}

// What a leader says to the former member of its id is nothing to a server that was wiped and made to join: not even the term is
// taken over. A candidate is answered, and gets no vote.
func TestJoiningServerIgnoresLeadersOfItsFormerSelf(t *testing.T) {
	snap := Message{Type: MsgSnap, From: 2, Term: 7, Index: 3, LogTerm: 6, Size: 2, Data: []byte("x"), Conf: &ConfState{Voters: []uint64{1, 2, 3}}}
	for _, m := range []Message{
		{Type: MsgApp, From: 2, Term: 7, Entries: entriesOf(1, 7)},
		{Type: MsgHeartbeat, From: 2, Term: 7},
		{Type: MsgTimeoutNow, From: 2, Term: 7},
		snap,
	} {
		for _, epoch := range []uint64{0, 4, 5} {
			c := newCluster(3, testConfig())
			c.node(1).joiner, c.node(1).after = true, 4
			c.start(c.node(1))
			m.Epoch = epoch
			said := c.tell(m)
			if s := c.node(1).r.Status(); (s.Term == 7) != (epoch == 5) || epoch < 5 && len(said) > 0 {
				t.Errorf("%v of a member since entry %d: term %d, says %v", m.Type, epoch, s.Term, lines(said))
			}
		}
	}
}

// n2 leads term 1 of {1,2,3} and is cut off. n3 wins term 2, adds n4, removes n1. n1 is wiped, made to join after its removal, and is
// all that n2 reaches then: n2 must neither answer a read nor commit.
func TestFormerLeaderCountsNoWipedServer(t *testing.T) {
	c := newCluster(3, testConfig())
	c.elect(2)
	c.propose(2, "one")
	c.settle(nil, nil)
	start := c.now
	cut := func(m *Message) bool { return m.To == 2 || m.From == 2 }
	c.now += int64(c.cfg.ElectionTimeout) + int64(10*time.Millisecond) // nobody is protected any more
	c.node(3).r.Campaign(c.now)
	c.settle(cut, nil)
	c.join()
	removed := uint64(0)
	for _, change := range []*ConfChange{add(4), remove(1)} {
		removed = c.change(3, change)
		for range 3 {
			c.settle(cut, nil)
			c.now = c.node(3).r.Deadline()
			c.node(3).r.Tick(c.now)
		}
		c.settle(cut, nil)
		if s := c.node(3).r.Status(); s.Role != StateLeader || s.Commit < removed {
			t.Fatalf("entry %d is not committed: %s", removed, DescribeStatus(nil, s))
		}
	}
	n1 := c.node(1)
	c.crash(n1, len(n1.writes))
	n1.wipe(removed)
	c.start(n1)
	// n2 was paused all the time.
	c.now = start
	n2 := c.node(2).r
	if err := n2.ReadIndex(c.now, 77, false); err != nil {
		t.Fatal(err)
	}
	c.propose(2, "two")
	before := n2.Status().Commit
	only := func(m *Message) bool { return m.To+m.From != 3 }
	for range 3 {
		c.settle(only, nil)
		n2.broadcastHeartbeat()
	}
	c.settle(only, nil)
	if got := n2.Status().Commit; got != before || len(c.node(2).reads) > 0 {
		t.Errorf("commit %d, was %d, and %v", got, before, c.node(2).reads)
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
		if s := c.node(1).r.Status(); s.Abstaining != want || c.node(1).r.promotable() == want {
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
