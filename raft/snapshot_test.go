package raft

import (
	"fmt"
	"strings"
	"testing"
)

// The rules of paper §7 at a leader: n1 of three, which has a log of terms 1 1 2 2 3 and its own entry 6 of term 4, all
// committed with the help of n2, and a snapshot. n3 has not been heard.

func snapshotLeader(t *testing.T, cfg Config) *cluster {
	t.Helper()
	cfg.DisablePreVote = true
	c := newCluster(3, cfg)
	c.restartWith(1, 3, None, 0, 1, 1, 2, 2, 3)
	c.leader()
	c.tell(Message{Type: MsgAppResp, From: 2, Term: 4, Index: 6, Round: 1})
	if !c.snapshot(c.node(1)) || c.node(1).disk.snapshot.meta.Index != 6 {
		t.Fatal("no snapshot")
	}
	return c
}

func chunkConfig(bytes int) Config {
	cfg := testConfig()
	cfg.MaxChunkBytes = bytes
	return cfg
}

// beat lets time pass until n1's next heartbeat, which n3 answers.
func (c *cluster) beat() []Message {
	n := c.node(1)
	c.now = n.r.heartbeatAt
	n.r.Tick(c.now)
	c.tell(Message{Type: MsgHeartbeatResp, From: 2, Term: n.r.term, Round: n.r.rounds.newest})
	return c.tell(Message{Type: MsgHeartbeatResp, From: 3, Term: n.r.term, Round: n.r.rounds.newest})
}

// answer is what n3 says about the newest snapshot.
func (c *cluster) answer(index, term, offset uint64) Message {
	return Message{Type: MsgSnapResp, From: 3, Term: c.node(1).r.term, Index: index, LogTerm: term, Offset: offset, Round: 1}
}

// Entries that a snapshot stands for go; the last RetainEntries stay, and so does what identifies the entry before.
func TestSnapshottedTruncatesTheFront(t *testing.T) {
	for retain, first := range map[int]uint64{0: 7, 2: 5, 6: 1, 100: 1} {
		cfg := testConfig()
		cfg.RetainEntries = retain
		c := snapshotLeader(t, cfg)
		r := c.node(1).r
		if got := r.Status().FirstIndex; got != first {
			t.Errorf("retaining %d: the log begins with %d, want %d", retain, got, first)
		}
		for index, term := range []uint64{0, 1, 1, 2, 2, 3, 4} {
			got, ok := r.Term(uint64(index))
			if ok != (uint64(index)+1 >= first) || ok && got != term {
				t.Errorf("retaining %d: entry %d has term %d, %v", retain, index, got, ok)
			}
		}
		r.Snapshotted(0, SnapshotMeta{Index: 3, Term: 2, ConfState: c.conf})
		if got := r.Status().FirstIndex; got != first || r.snapshot.Index != 6 {
			t.Errorf("an older snapshot counts")
		}
	}
	c := snapshotLeader(t, testConfig())
	c.propose(1, "x")
	mustPanic(t, "raft: n1 is told of a snapshot up to entry 7 of term 4, but has applied up to 6 and has the term 4 there",
		func() { c.node(1).r.Snapshotted(0, SnapshotMeta{Index: 7, Term: 4, ConfState: c.conf}) })
}

// A server that was made to join and does not know the configuration yet has nothing that others could start from.
func TestSnapshotWithoutConfiguration(t *testing.T) {
	c := newCluster(3, testConfig())
	n := c.join()
	m := Message{Type: MsgApp, From: 1, To: 4, Term: 1, Entries: entriesOf(1, 1, 1), Commit: 2}
	if err := n.r.Step(0, &m); err != nil {
		t.Fatal(err)
	}
	c.pump(n)
	if c.snapshot(n) {
		t.Error("it has a configuration")
	}
	n.r.Snapshotted(0, SnapshotMeta{Index: 2, Term: 1})
	if s := n.r.Status(); s.Applied != 2 || s.FirstIndex != 1 || n.r.snapshot.Index != 0 {
		t.Errorf("%s", DescribeStatus(nil, s))
	}
}

// N06: a leader whose whole log is replaced sends the snapshot to a follower that lacks something, one piece at a time, and entries
// as soon as it is there.
func TestLeaderSendsSnapshot(t *testing.T) {
	c := snapshotLeader(t, chunkConfig(20))
	n := c.node(1)
	size := n.disk.snapshot.meta.Size
	index := c.propose(1, "x")
	expect(t, "entries for n2, the probe of n3 is not answered", c.tell(), `n1>n2 app t4 after 6/4 commit 6 round 1 [7/4 "x"]`)
	line := func(offset, length uint64) string {
		return fmt.Sprintf("n1>n3 snap t4 of 6/4 bytes %d+%d of %d (1 2 3) round 1", offset, length, size)
	}
	expect(t, "n3 is empty", c.tell(Message{Type: MsgAppResp, From: 3, Term: 4, Reject: true, Index: 5, Round: 1}), line(0, 20))
	if !n.r.SnapshotPinned(6) || n.r.SnapshotPinned(5) {
		t.Error("the snapshot being sent is not pinned")
	}
	c.propose(1, "y")
	expect(t, "no append beside it", c.tell(), `n1>n2 app t4 after 7/4 commit 6 round 1 [8/4 "y"]`)
	expect(t, "the next piece", c.tell(c.answer(6, 4, 20)), line(20, 20))
	expect(t, "the last piece", c.tell(c.answer(6, 4, size-7)), line(size-7, 7))
	expect(t, "installed", c.tell(Message{Type: MsgAppResp, From: 3, Term: 4, Index: 6, Round: 1}),
		`n1>n3 app t4 after 6/4 commit 6 round 1 [7/4 "x" 8/4 "y"]`)
	if n.r.SnapshotPinned(6) {
		t.Error("still pinned")
	}
	expect(t, "committed with n3", c.tell(Message{Type: MsgAppResp, From: 3, Term: 4, Index: index, Round: 1}),
		"n1>n3 app t4 after 8/4 commit 7 round 1", "n1>n2 app t4 after 8/4 commit 7 round 1")
}

// The receiver says where to go on (N07). A doubled or late answer makes no second piece travel; one that goes back counts only
// when the piece under way was repeated, and that takes the answer to a heartbeat begun after it.
func TestChunksAreRepeatedOnHeartbeats(t *testing.T) {
	c := snapshotLeader(t, chunkConfig(10))
	n := c.node(1)
	c.tell(Message{Type: MsgAppResp, From: 3, Term: 4, Reject: true, Index: 5, Round: 1})
	c.tell(c.answer(6, 4, 10))
	expect(t, "again", c.tell(c.answer(6, 4, 10)))
	expect(t, "a late one", c.tell(c.answer(6, 4, 0)))
	expect(t, "an answer to an earlier heartbeat", c.tell(Message{Type: MsgHeartbeatResp, From: 3, Term: 4, Round: 1}))
	repeat := c.beat()
	if len(repeat) != 1 || repeat[0].Type != MsgSnap || repeat[0].Offset != 10 {
		t.Fatalf("%q", lines(repeat))
	}
	expect(t, "nothing new", c.tell(c.answer(6, 4, 10)))
	back := c.tell(c.answer(6, 4, 0)) // it was restarted
	if len(back) != 1 || back[0].Offset != 0 {
		t.Fatalf("%q", lines(back))
	}
	forward := c.tell(c.answer(6, 4, 30)) // it was not, after all
	if len(forward) != 1 || forward[0].Offset != 30 {
		t.Fatalf("%q", lines(forward))
	}
	expect(t, "another snapshot", c.tell(c.answer(5, 3, 10)))
	expect(t, "another term of it", c.tell(c.answer(6, 3, 10)))
	m := c.answer(6, 4, 1000)
	m.To = 1
	if err := n.r.Step(c.now, &m); err == nil || !strings.Contains(err.Error(), "n3 claims to hold 1000 bytes of the snapshot 6/4") {
		t.Error(err)
	}
}

// A transfer keeps its snapshot, and the log after it, as long as it makes progress.
func TestTransferKeepsItsSnapshot(t *testing.T) {
	c := snapshotLeader(t, chunkConfig(10))
	n := c.node(1)
	c.tell(Message{Type: MsgAppResp, From: 3, Term: 4, Reject: true, Index: 5, Round: 1})
	more := func() {
		index := c.propose(1, "x")
		c.tell(Message{Type: MsgAppResp, From: 2, Term: 4, Index: index, Round: n.r.rounds.newest})
		if !c.snapshot(n) {
			t.Fatal("no snapshot")
		}
	}
	offset := uint64(0)
	for range 4 { // progress at every heartbeat
		more()
		c.beat()
		offset += 10
		c.tell(c.answer(6, 4, offset))
		if !n.r.SnapshotPinned(6) || n.r.Status().FirstIndex != 7 {
			t.Fatalf("at %d the snapshot is given up, the log begins with %d", c.now, n.r.Status().FirstIndex)
		}
	}
	// Once it is over, what was kept for it goes.
	c.tell(Message{Type: MsgAppResp, From: 3, Term: 4, Index: 6, Round: 1})
	if n.r.SnapshotPinned(6) || n.r.Status().FirstIndex != 11 {
		t.Fatalf("pinned %v, the log begins with %d", n.r.SnapshotPinned(6), n.r.Status().FirstIndex)
	}
}

// One that makes no progress for an election timeout is given up, and begun anew with the newest snapshot when the follower shows
// itself.
func TestTransferIsGivenUp(t *testing.T) {
	c := snapshotLeader(t, chunkConfig(10))
	n := c.node(1)
	more := func() {
		index := c.propose(1, "x")
		c.tell(Message{Type: MsgAppResp, From: 2, Term: 4, Index: index, Round: n.r.rounds.newest})
		if !c.snapshot(n) {
			t.Fatal("no snapshot")
		}
	}
	c.tell(Message{Type: MsgAppResp, From: 3, Term: 4, Reject: true, Index: 5, Round: 1})
	more()
	more()
	// Repetition after repetition is lost.
	var said []Message
	for i := 0; n.r.SnapshotPinned(6); i++ {
		if i > 3 {
			t.Fatal("it is never given up")
		}
		said = c.beat()
	}
	if len(said) != 1 || said[0].Type != MsgSnap || said[0].Index != 8 || said[0].Offset != 0 {
		t.Errorf("%q", lines(said))
	}
	if got := n.r.Status().FirstIndex; got != 9 || !n.r.SnapshotPinned(8) {
		t.Errorf("the log begins with %d", got)
	}
	if len(n.snaps.kept) != 2 {
		t.Errorf("the host keeps %d snapshots", len(n.snaps.kept))
	}
	more()
	if len(n.snaps.kept) != 2 {
		t.Errorf("the host keeps %d snapshots", len(n.snaps.kept))
	}
	// Whoever steps down sends nothing any more.
	c.tell(Message{Type: MsgHeartbeat, From: 2, Term: 9})
	if n.r.SnapshotPinned(8) || n.r.SnapshotPinned(9) {
		t.Error("a follower has a snapshot pinned")
	}
}

// A dead follower: nobody answers, and nothing stays pinned.
func TestTransferToTheDeadIsGivenUp(t *testing.T) {
	c := snapshotLeader(t, chunkConfig(10))
	n := c.node(1)
	c.tell(Message{Type: MsgAppResp, From: 3, Term: 4, Reject: true, Index: 5, Round: 1})
	for range 4 {
		c.now = n.r.heartbeatAt
		n.r.Tick(c.now)
		c.tell(Message{Type: MsgHeartbeatResp, From: 2, Term: 4, Round: n.r.rounds.newest})
	}
	if n.r.SnapshotPinned(6) || n.r.Status().Role != StateLeader {
		t.Errorf("pinned %v at a %v", n.r.SnapshotPinned(6), n.r.Status().Role)
	}
}

// N05: a follower is out of the snapshot state as soon as it holds what the log lacks, whatever index it names: less than the
// snapshot being sent, or more.
func TestLeavingTheSnapshotState(t *testing.T) {
	for _, index := range []uint64{5, 6, 8} {
		cfg := chunkConfig(10)
		cfg.RetainEntries = 1
		c := snapshotLeader(t, cfg) // the log begins after entry 5
		c.propose(1, "x")
		c.propose(1, "y")
		c.tell(Message{Type: MsgAppResp, From: 3, Term: 4, Reject: true, Index: 5, Round: 1})
		pr := c.node(1).r.tracker.peer(3)
		if pr.state != progressSnapshot {
			t.Fatal("no snapshot under way")
		}
		c.tell(Message{Type: MsgAppResp, From: 3, Term: 4, Index: 4, Round: 1})
		if pr.state != progressSnapshot {
			t.Error("entry 4 is not enough")
		}
		c.tell(Message{Type: MsgAppResp, From: 3, Term: 4, Index: index, Round: 1})
		if pr.state != progressReplicate || pr.match != index || c.node(1).r.SnapshotPinned(6) {
			t.Errorf("after entry %d: state %d, match %d", index, pr.state, pr.match)
		}
	}
}

// N19: silence is no success: a transfer whose pieces are all lost leaves the follower where it was.
func TestLostSnapshotIsNoSuccess(t *testing.T) {
	c := snapshotLeader(t, chunkConfig(1000))
	c.tell(Message{Type: MsgAppResp, From: 3, Term: 4, Reject: true, Index: 5, Round: 1})
	pr := c.node(1).r.tracker.peer(3)
	for range 10 {
		said := c.beat()
		if len(said) != 1 || said[0].Type != MsgSnap || pr.match != 0 || pr.state != progressSnapshot {
			t.Fatalf("match %d, said %q", pr.match, lines(said))
		}
	}
}

// R11: a late rejection from before the snapshot neither ends the transfer nor moves anything; nor does one that an answer has
// overtaken.
func TestLateRejections(t *testing.T) {
	c := snapshotLeader(t, chunkConfig(1000))
	pr := c.node(1).r.tracker.peer(3)
	reject := Message{Type: MsgAppResp, From: 3, Term: 4, Reject: true, Index: 5, Round: 1}
	c.tell(reject)
	expect(t, "in the snapshot state", c.tell(reject))
	c.tell(Message{Type: MsgAppResp, From: 3, Term: 4, Index: 6, Round: 1})
	expect(t, "after it", c.tell(reject))
	if pr.state != progressReplicate || pr.match != 6 || pr.next != 7 {
		t.Errorf("state %d, match %d, next %d", pr.state, pr.match, pr.next)
	}
	waits := progress{next: 4}
	waits.becomeSnapshot(nil)
	if waits.rejected(3, 1) || waits.next != 4 {
		t.Errorf("a rejection of the last probe moves next to %d", waits.next)
	}
}

// MsgSnapResp dates contact like any other answer.
func TestSnapshotAnswersAreContact(t *testing.T) {
	c := snapshotLeader(t, chunkConfig(10))
	r := c.node(1).r
	c.tell(Message{Type: MsgAppResp, From: 3, Term: 4, Reject: true, Index: 5, Round: 1})
	c.now = r.heartbeatAt
	r.Tick(c.now)
	before := r.quorumAt
	m := c.answer(6, 4, 0)
	m.Round = r.rounds.newest
	c.tell(m)
	if r.quorumAt != c.now+int64(c.cfg.ElectionTimeout) || r.quorumAt == before {
		t.Errorf("the deadline is %d, was %d", r.quorumAt, before)
	}
	c.tell(Message{Type: MsgSnapResp, From: 3, Term: 8, Reject: true})
	if s := r.Status(); s.Role != StateFollower || s.Term != 8 {
		t.Errorf("%s", DescribeStatus(nil, s))
	}
}

// A log may begin before the last snapshot does, at a start too; what is applied then begins after the snapshot.
func TestStartWithEntriesFromBeforeTheSnapshot(t *testing.T) {
	cfg := testConfig()
	cfg.ID = 1
	conf := ConfState{Voters: []uint64{1, 2, 3}}
	r, err := New(cfg, 0, InitialState{HardState: HardState{Term: 4, Commit: 5}, ConfState: conf, Offset: 2, OffsetTerm: 1,
		Entries: entriesOf(3, 1, 2, 2, 3), Snapshot: SnapshotMeta{Index: 4, Term: 2, ConfState: conf, Size: 9}, Applied: 4})
	if err != nil {
		t.Fatal(err)
	}
	if s := r.Status(); s.FirstIndex != 3 || s.LastIndex != 6 || s.Commit != 5 || s.Applied != 4 {
		t.Errorf("%s", DescribeStatus(nil, s))
	}
	rd := take(r)
	if len(rd.Committed) != 1 || rd.Committed[0].Index != 5 || rd.Ticket != 0 {
		t.Errorf("%+v", rd)
	}
}

// Views in messages and Readies stay true when the front is cut off.
func TestViewsStayTrueWhenTheFrontGoes(t *testing.T) {
	c := snapshotLeader(t, testConfig())
	n := c.node(1)
	r := n.r
	first := c.propose(1, "one")
	rd := r.Ready()
	before := clone(rd)
	r.Advance(0, rd.Ticket)
	m := Message{Type: MsgAppResp, From: 2, To: 1, Term: 4, Index: first, Round: 1}
	if err := r.Step(0, &m); err != nil {
		t.Fatal(err)
	}
	r.log.applying, r.log.applied = first, first // as a Ready would, which would end the one that is looked at
	r.Snapshotted(0, SnapshotMeta{Index: first, Term: 4, ConfState: c.conf})
	for range 100 {
		r.log.appendOwn(4, []byte("other"))
	}
	if r.Status().FirstIndex != first+1 || string(rd.Entries[0].Data) != "one" || rd.Entries[0].Index != before.Entries[0].Index ||
		string(rd.Messages[0].Entries[0].Data) != "one" {
		t.Errorf("%+v", *rd)
	}
}
