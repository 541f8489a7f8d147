package raft

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// leaderOf makes n1 the leader of n servers with an empty wire.
func leaderOf(n int, cfg Config) *cluster {
	c := newCluster(n, cfg)
	c.elect(1)
	return c
}

func bytesOf(n int) string { return string(make([]byte, n)) }

func ack(from, index uint64) Message {
	return Message{Type: MsgAppResp, From: from, Term: 1, Index: index, Round: 1}
}

// sizes is what the appends to a server carry, in bytes of data per entry.
func sizes(messages []Message, to uint64) (all [][]int) {
	for _, m := range messages {
		if m.Type == MsgApp && m.To == to {
			var list []int
			for _, e := range m.Entries {
				list = append(list, len(e.Data))
			}
			all = append(all, list)
		}
	}
	return all
}

func wantSizes(t *testing.T, what string, got []Message, want ...[]int) {
	t.Helper()
	if diff := cmp.Diff(want, sizes(got, 2)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// F06: the window closes when the bytes in flight would exceed it; what is larger than the window goes alone.
func TestInflightBytes(t *testing.T) {
	cfg := testConfig()
	cfg.MaxInflightBytes, cfg.MaxBytesPerMessage = 10, 6
	c := leaderOf(2, cfg)
	for _, n := range []int{4, 2, 3, 3, 25, 1} {
		c.propose(1, bytesOf(n))
	}
	wantSizes(t, "two appends fill the window but for a byte", c.tell(), []int{4, 2}, []int{3})
	wantSizes(t, "the next does not fit when three are free", c.tell(ack(2, 3)), []int{3})
	wantSizes(t, "the large one waits, the commit index does not", c.tell(ack(2, 4)), []int(nil))
	wantSizes(t, "and goes alone", c.tell(ack(2, 5)), []int{25})
	wantSizes(t, "a heartbeat's answer opens nothing", c.tell(Message{Type: MsgHeartbeatResp, From: 2, Term: 1, Round: 1}), []int(nil))
	wantSizes(t, "the last", c.tell(ack(2, 6)), []int{1})
}

// F06, C11: without the pipeline one append is under way at a time, empty ones included; what is lost is asked for again with a
// heartbeat.
func TestDisablePipeline(t *testing.T) {
	cfg := testConfig()
	cfg.DisablePipeline = true
	c := leaderOf(2, cfg)
	c.propose(1, "a")
	expect(t, "first", c.tell(), `n1>n2 app t1 after 1/1 commit 1 round 1 [2/1 "a"]`)
	c.propose(1, "b")
	c.propose(1, "c")
	expect(t, "nothing beside it", c.tell())
	expect(t, "then the rest as one", c.tell(ack(2, 2)), `n1>n2 app t1 after 2/1 commit 2 round 1 [3/1 "b" 4/1 "c"]`)
	expect(t, "news of the commit", c.tell(ack(2, 4)), `n1>n2 app t1 after 4/1 commit 4 round 1`)
	c.propose(1, "d")
	expect(t, "which counts too", c.tell())
	expect(t, "it was lost", c.tell(Message{Type: MsgHeartbeatResp, From: 2, Term: 1, Round: 1}), `n1>n2 app t1 after 4/1 commit 4 round 1`)
	expect(t, "found", c.tell(ack(2, 4)), `n1>n2 app t1 after 4/1 commit 4 round 1 [5/1 "d"]`)
}

// C11: without parallel appends a leader sends only what its own disk holds.
func TestDisableParallelAppend(t *testing.T) {
	cfg := testConfig()
	cfg.DisableParallelAppend = true
	c := leaderOf(2, cfg)
	n := c.node(1)
	n.slow = true
	c.propose(1, "a")
	expect(t, "before the write", c.tell())
	c.now = n.r.heartbeatAt
	n.r.Tick(c.now)
	expect(t, "heartbeats go on", c.tell(), "n1>n2 heartbeat t1 commit 1 round 2")
	c.propose(1, "b")
	c.pump(n)
	c.syncDisk(n, 1)
	expect(t, "after it", c.tell(), `n1>n2 app t1 after 1/1 commit 1 round 2 [2/1 "a"]`)
	c.syncDisk(n, len(n.writes))
	expect(t, "and the other", c.tell(), `n1>n2 app t1 after 2/1 commit 1 round 2 [3/1 "b"]`)
}

// What a leader has uncommitted is bounded in bytes; a large proposal is let in when it is alone, one that is too large for
// anything never.
func TestUncommittedBytes(t *testing.T) {
	cfg := testConfig()
	cfg.MaxUncommittedBytes = 10
	c := leaderOf(2, cfg)
	r := c.node(1).r
	propose := func(size int, want error) {
		t.Helper()
		if _, _, err := r.Propose(0, make([]byte, size)); err != want {
			t.Errorf("%d bytes beside %d: %v, want %v", size, r.log.unsettled, err, want)
		}
	}
	propose(100, nil)
	propose(1, ErrProposalDropped)
	c.tell(ack(2, 2))
	propose(6, nil)
	propose(5, ErrProposalDropped)
	propose(4, nil)
	propose(0, nil)
	c.tell(ack(2, 3))
	propose(6, nil)
	propose(1, ErrProposalDropped)
	propose(MaxProposalBytes+1, ErrProposalTooLarge)
	c.tell(ack(2, 6))
	propose(MaxProposalBytes, nil)
	if r.log.unsettled != MaxProposalBytes {
		t.Errorf("%d bytes uncommitted", r.log.unsettled)
	}
	// A new leader finds its own log full and takes in nothing before it has committed something.
	c.tell(Message{Type: MsgHeartbeat, From: 2, Term: 5})
	c.restartWith(1, 5, None, 1, 1, 1, 1, 1)
	c.node(1).disk.entries[3].Data = make([]byte, 20)
	c.start(c.node(1))
	if got := c.node(1).r.log.unsettled; got != 26 {
		t.Errorf("%d bytes uncommitted after a restart", got)
	}
}

// A change of the membership counts like a command of as many bytes. What a leader does by itself is never held back.
func TestUncommittedBytesOfChanges(t *testing.T) {
	joint := &ConfChange{Transition: ConfTransitionJoint, Changes: remove(3).Changes}
	size := func(r *Raft) int {
		_, data, err := r.makeConfChange(joint)
		if err != nil {
			t.Fatal(err)
		}
		return len(data)
	}
	cfg := testConfig()
	c := leaderOf(3, cfg)
	entry := size(c.node(1).r)

	cfg.MaxUncommittedBytes = entry + 9
	c = leaderOf(3, cfg)
	r := c.node(1).r
	before := c.propose(1, bytesOf(10))
	if _, _, err := r.ProposeConfChange(0, joint); err != ErrProposalDropped {
		t.Errorf("a change of %d bytes beside 10, of %d: %v", entry, cfg.MaxUncommittedBytes, err)
	}
	if confText(r) != "(1 2 3)" || r.log.lastIndex() != before {
		t.Errorf("a change that was refused is in force: %s", confText(r))
	}
	c.tell(ack(2, before))
	c.propose(1, bytesOf(9))
	index := c.change(1, joint)
	if _, _, err := r.Propose(0, []byte("x")); err != ErrProposalDropped {
		t.Errorf("one byte beside %d of %d: %v", r.log.unsettled, cfg.MaxUncommittedBytes, err)
	}
	// Nothing is held back that has no bytes, and the joint configuration is committed and left, whatever there is beside it.
	r.cfg.MaxUncommittedBytes = 1
	c.propose(1, "")
	c.tell(ack(2, index))
	if got := confText(r); got != "(1 2)" || r.log.commit != index {
		t.Errorf("commit %d, in force is %s", r.log.commit, got)
	}

	cfg.MaxUncommittedBytes = 1
	c = leaderOf(3, cfg)
	c.change(1, joint) // alone
}

// F04, A03: pages of committed entries are bounded in entries, bytes and what is being applied; Applied may come late and for many
// at once, and nothing is left out or handed out twice.
func TestCommittedPages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := testConfig()
		cfg.MaxCommittedPerReady = rapid.IntRange(1, 5).Draw(t, "entries")
		cfg.MaxCommittedBytes = rapid.IntRange(1, 12).Draw(t, "bytes")
		cfg.MaxApplying = rapid.IntRange(0, 7).Draw(t, "applying")
		cfg.RetainEntries = rapid.IntRange(0, 3).Draw(t, "retain")
		c := leaderOf(1, cfg)
		n := c.node(1)
		n.apply.late = true
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1:
				c.propose(1, bytesOf(rapid.IntRange(0, 9).Draw(t, "size")))
			case 2:
				c.applyQueued(n, rapid.IntRange(0, len(n.apply.queue)).Draw(t, "count"))
			case 3:
				c.snapshot(n)
			}
			c.pump(n) // looks at every Ready
		}
		for len(n.apply.queue) > 0 {
			c.applyQueued(n, len(n.apply.queue))
			c.pump(n)
		}
		if s := n.r.Status(); s.Applied != s.LastIndex || uint64(len(n.applied)) != s.LastIndex || s.Commit != s.LastIndex {
			t.Fatalf("%s, %d applied", DescribeStatus(nil, s), len(n.applied))
		}
	})
}

// A03: the first page after a snapshot begins right behind it.
func TestPageAfterSnapshot(t *testing.T) {
	cfg := paperConfig()
	cfg.MaxCommittedPerReady, cfg.MaxApplying = 1, 2
	c := newCluster(3, cfg)
	n := c.node(1)
	n.apply.late = true
	c.tell(Message{Type: MsgApp, From: 2, Term: 3, Entries: entriesOf(1, 1, 1), Commit: 2}) // handed out, not applied
	s := snapshotOf(1, 1, 2, 2)
	c.tell(s.whole(3), Message{Type: MsgApp, From: 2, Term: 3, Index: 4, LogTerm: 2, Entries: entriesOf(5, 3, 3, 3), Commit: 7})
	var got []uint64
	for _, e := range n.apply.queue {
		got = append(got, e.Index)
	}
	if diff := cmp.Diff([]uint64{5, 6}, got); diff != "" {
		t.Error(diff)
	}
	n.r.Applied(0, 2) // late, of before
	c.applyQueued(n, 2)
	c.tell()
	if n.apply.queue[0].Index != 7 {
		t.Errorf("entry %d follows entry 6", n.apply.queue[0].Index)
	}
}

// While as many writes are under way as may be, nothing new is handed out to be written, and nothing leaves that depends on it. A
// leader's heartbeats and appends do not.
func TestPendingAppends(t *testing.T) {
	cfg := testConfig()
	cfg.MaxPendingAppends = 1
	c := leaderOf(3, cfg)
	n := c.node(1)
	n.slow = true
	c.propose(1, "a")
	if said := c.tell(); len(said) != 2 || len(n.writes) != 1 {
		t.Fatalf("%q, %d writes", lines(said), len(n.writes))
	}
	c.propose(1, "b")
	if said := c.tell(); len(said) != 2 || len(n.writes) > 1 && n.writes[1].ticket != 0 {
		t.Errorf("%q, %d writes", lines(said), len(n.writes))
	}
	c.now = n.r.heartbeatAt
	n.r.Tick(c.now)
	if said := c.tell(); len(said) != 2 || said[0].Type != MsgHeartbeat {
		t.Errorf("%q", lines(said))
	}
	if n.r.HasReady() {
		t.Error("there is something that may not be handed out")
	}
	c.tell(Message{Type: MsgVote, From: 2, Term: 1}) // a refusal speaks of the log
	if n.r.HasReady() || len(n.r.dependent) != 1 {
		t.Errorf("%d messages wait", len(n.r.dependent))
	}
	for range 2 * maxWithheld {
		m := Message{Type: MsgVote, From: 2, To: 1, Term: 1}
		if err := n.r.Step(c.now, &m); err != nil {
			t.Fatal(err)
		}
	}
	if len(n.r.dependent) != maxWithheld {
		t.Errorf("%d messages wait", len(n.r.dependent))
	}
	c.syncDisk(n, len(n.writes))
	c.pump(n)
	if w := n.writes[len(n.writes)-1]; len(w.entries) != 1 || len(w.dependent) != maxWithheld {
		t.Errorf("then %d entries and %d messages", len(w.entries), len(w.dependent))
	}
	if got := n.r.Status().Commit; got != 1 {
		t.Errorf("commit %d", got)
	}
	c.tell(ack(2, 3))
	if got := n.r.Status().Commit; got != 2 {
		t.Errorf("commit %d with entry 2 on two disks", got)
	}
}

// F05: a follower that takes nothing keeps nobody else from being sent to.
func TestBroadcastReachesEveryone(t *testing.T) {
	cfg := testConfig()
	cfg.MaxInflight = 1
	c := leaderOf(4, cfg)
	c.propose(1, "a")
	c.tell(ack(4, 2)) // the others are silent
	c.propose(1, "b")
	expect(t, "n4 alone has room", c.tell(), `n1>n4 app t1 after 2/1 commit 1 round 1 [3/1 "b"]`)
}

// F07: appends that overtake each other on the way end in the same log, at the cost of a rejection.
func TestPipelineOutOfOrder(t *testing.T) {
	cfg := testConfig()
	cfg.MaxEntriesPerMessage = 1
	c := leaderOf(2, cfg)
	for _, data := range []string{"a", "b", "c", "d"} {
		c.propose(1, data)
	}
	c.pump(c.node(1))
	for len(c.wire) > 0 { // the newest first
		if err := c.deliver(len(c.wire)-1, false); err != nil {
			t.Fatal(err)
		}
		c.pump(c.node(1))
		c.pump(c.node(2))
	}
	for _, n := range c.nodes {
		if s := n.r.Status(); s.Commit != 5 || n.logText() != "1 1 1 1 1" {
			t.Errorf("%s: %s", DescribeStatus(nil, s), n.logText())
		}
	}
}

// E24: a proposal at the very instant of winning comes after the leader's first entry, and both are sent.
func TestProposalAtTheInstantOfWinning(t *testing.T) {
	c := newCluster(3, paperConfig())
	r := c.node(1).r
	r.Campaign(0)
	c.tell()
	m := Message{Type: MsgVoteResp, From: 2, To: 1, Term: 1}
	if err := r.Step(0, &m); err != nil {
		t.Fatal(err)
	}
	if index := c.propose(1, "x"); index != 2 {
		t.Errorf("it is entry %d", index)
	}
	expect(t, "sent", c.tell(), `n1>n2 app t1 after 0/0 commit 0 round 1 [1/1 "" 2/1 "x"]`, `n1>n3 app t1 after 0/0 commit 0 round 1 [1/1 "" 2/1 "x"]`)
	c.tell(ack(2, 2))
	if s := r.Status(); s.Commit != 2 {
		t.Errorf("%s", DescribeStatus(nil, s))
	}
}

// A leader whose own disk stalls is held back, even if its followers commit without it: what is not durable here it must keep.
func TestStalledDiskHoldsProposalsBack(t *testing.T) {
	for _, limit := range []struct{ entries, bytes, want int }{{10, 1 << 20, 10}, {1 << 10, 100, 12}} {
		cfg := testConfig()
		cfg.MaxUncommitted, cfg.MaxUncommittedBytes, cfg.MaxPendingAppends = limit.entries, limit.bytes, 1
		c := leaderOf(3, cfg)
		n := c.node(1)
		n.slow = true
		taken := 0
		for range 50 {
			if _, _, err := n.r.Propose(c.now, make([]byte, 8)); err == nil {
				taken++
			} else if err != ErrProposalDropped {
				t.Fatal(err)
			}
			c.settle(nil, nil)
		}
		s := n.r.Status()
		if taken != limit.want || s.Commit != s.LastIndex || s.LastIndex-n.r.Stable() != uint64(taken) {
			t.Errorf("with limits %+v, %d proposals got in: %s, stable is %d", limit, taken, DescribeStatus(nil, s), n.r.Stable())
		}
		n.slow = false
		c.syncDisk(n, len(n.writes))
		c.settle(nil, nil)
		if c.propose(1, "x"); n.r.Stable() != s.LastIndex {
			t.Errorf("stable is %d, want %d", n.r.Stable(), s.LastIndex)
		}
	}
}

// What is to be written is handed out in pages, one ticket each, in order. Answers wait for the last one.
func TestWritePages(t *testing.T) {
	for pending, want := range [][]string{{"1 2", "3", "4 ack"}, {"1 2", "", "3", "", "4 ack"}} {
		cfg := testConfig()
		cfg.MaxBytesPerWrite, cfg.MaxPendingAppends = 2*(writeEntry+10), pending
		c := newCluster(2, cfg)
		r := c.node(1).r
		m := Message{Type: MsgApp, To: 1, From: 2, Term: 1, Entries: entriesOf(1, 1, 1, 1, 1)}
		for i, size := range []int{10, 10, 500, 1} {
			m.Entries[i].Data = make([]byte, size)
		}
		if err := r.Step(0, &m); err != nil {
			t.Fatal(err)
		}
		var got []string
		ticket := uint64(0)
		for len(got) < len(want) {
			if !r.HasReady() {
				r.Advance(0, ticket)
				got = append(got, "")
				continue
			}
			rd := r.Ready()
			var words []string
			for _, e := range rd.Entries {
				words = append(words, fmt.Sprint(e.Index))
			}
			for range rd.Dependent {
				words = append(words, "ack")
			}
			got = append(got, strings.Join(words, " "))
			if ticket++; rd.Ticket != ticket {
				t.Errorf("ticket %d, want %d", rd.Ticket, ticket)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || r.HasReady() {
			t.Errorf("%d writes under way (-want +got):\n%s", pending, diff)
		}
	}
}
