package raft

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The rules of paper §7 (thesis chapter 5) at a receiver, n1 of three. Chunks come from n2.

// snapshotOf is n2's snapshot of a log with these terms.
func snapshotOf(terms ...uint64) testSnapshot {
	return makeSnapshot(2, ConfState{Voters: []uint64{1, 2, 3}}, entriesOf(1, terms...))
}

// chunk is a piece of a snapshot that n2 sends as the leader of a term.
func (s *testSnapshot) chunk(term uint64, from, to int) Message {
	conf := s.meta.ConfState.clone()
	return Message{Type: MsgSnap, From: 2, Term: term, Index: s.meta.Index, LogTerm: s.meta.Term, Round: 1,
		Offset: uint64(from), Length: uint64(to - from), Size: s.meta.Size, Data: s.data[from:to], Conf: &conf}
}

// whole is all of it in one piece.
func (s *testSnapshot) whole(term uint64) Message { return s.chunk(term, 0, len(s.data)) }

func appliedText(n *testNode) (text string) {
	for _, e := range n.applied {
		text += fmt.Sprintf(" %d/%d", e.Index, e.Term)
	}
	return text
}

// §7: with the last piece the snapshot takes the place of the log, whether the log was shorter, longer or in conflict with it; the
// term stays what it is (N01), and what follows can be appended at once.
func TestPaper7SnapshotReplacesTheLog(t *testing.T) {
	s := snapshotOf(1, 1, 2, 2)
	for name, tc := range map[string]struct {
		commit uint64
		log    []uint64
	}{
		"an empty log":                  {0, nil},
		"a shorter log":                 {1, []uint64{1, 1}},
		"another log, as long":          {2, []uint64{1, 1, 1, 1}},
		"another log, longer and newer": {2, []uint64{1, 1, 1, 3, 3, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(3, paperConfig())
			c.restartWith(1, 7, 3, tc.commit, tc.log...)
			n := c.node(1)
			expect(t, "answer", c.tell(s.whole(7)), "n1>n2 app-resp t7 upto 4 round 1")
			if got, want := DescribeStatus(nil, n.r.Status()), "n1 follower t7 vote n3 lead n2 commit 4 applied 4 last 4/2"; string(got) != want {
				t.Errorf("%s, want %s", got, want)
			}
			if got := appliedText(n); got != " 1/1 2/1 3/2 4/2" {
				t.Errorf("applied%s", got)
			}
			expect(t, "the log goes on", c.tell(Message{Type: MsgApp, From: 2, Term: 7, Index: 4, LogTerm: 2, Entries: entriesOf(5, 7), Commit: 5}),
				"n1>n2 app-resp t7 upto 5")
			if s := n.r.Status(); s.FirstIndex != 5 || s.Commit != 5 || s.Applied != 5 || n.disk.offset != 4 || n.disk.last() != 5 {
				t.Errorf("%s, the disk has %d to %d", DescribeStatus(nil, s), n.disk.offset+1, n.disk.last())
			}
			// And it survives a crash.
			c.crash(n, 0)
			c.start(n)
			if s := n.r.Status(); s.Commit != 5 && s.Commit != 4 || s.LastIndex != 5 || s.Applied != 4 || s.FirstIndex != 5 {
				t.Errorf("after a restart %s", DescribeStatus(nil, s))
			}
		})
	}
}

// §7: a snapshot of a prefix of the log changes nothing that follows. Its last entry is committed, and the log holds what it stands
// for: there is nothing to install, and the state machine goes on entry by entry.
func TestPaper7SnapshotOfAPrefixKeepsTheLog(t *testing.T) {
	c := newCluster(3, paperConfig())
	c.restartWith(1, 7, None, 1, 1, 1, 2, 2, 5)
	s := snapshotOf(1, 1, 2)
	expect(t, "the first piece is enough", c.tell(s.chunk(7, 0, 5)), "n1>n2 app-resp t7 upto 3 round 1")
	n := c.node(1)
	if s := n.r.Status(); s.Commit != 3 || s.LastIndex != 5 || s.FirstIndex != 1 || n.snaps.incoming.Index != 0 || n.snaps.installs != 0 {
		t.Errorf("%s, %d bytes at the host", DescribeStatus(nil, s), len(n.snaps.incoming.Data))
	}
	if got := appliedText(n); got != " 1/1 2/1 3/2" {
		t.Errorf("applied%s", got)
	}
}

// N13: index and term are looked at before the data: a snapshot of what is committed here anyway never reaches the host.
func TestStaleSnapshotIsNotTouched(t *testing.T) {
	c := newCluster(3, paperConfig())
	c.restartWith(1, 7, None, 4, 1, 1, 2, 2)
	for _, s := range []testSnapshot{snapshotOf(1), snapshotOf(1, 1, 2, 2)} {
		expect(t, "answer", c.tell(s.whole(7)), "n1>n2 app-resp t7 upto 4 round 1")
	}
	expect(t, "of an earlier term", c.tell(func() Message { s := snapshotOf(1, 1, 2, 2, 2); return s.whole(6) }()), "n1>n2 snap-resp t7 of 0/0 has 0")
	n := c.node(1)
	if n.snaps.incoming.Index != 0 || n.r.Status().FirstIndex != 1 {
		t.Errorf("the host got %d/%d", n.snaps.incoming.Index, n.snaps.incoming.Term)
	}
	c.snapshot(n) // the log does not know entry 3 any more, but knows that it is committed
	s := snapshotOf(1, 1, 2)
	expect(t, "of what is forgotten", c.tell(s.chunk(7, 0, 5)), "n1>n2 app-resp t7 upto 4 round 1")
	if n.snaps.incoming.Index != 0 || n.r.Status().FirstIndex != 5 {
		t.Errorf("the host got %d/%d", n.snaps.incoming.Index, n.snaps.incoming.Term)
	}
}

// §7 rules 2-4: pieces are taken in order; whatever else arrives is answered with what is held. The receiver decides where to go
// on: after a restart it holds nothing (N07).
func TestPaper7Chunks(t *testing.T) {
	c := newCluster(3, paperConfig())
	s := snapshotOf(1, 1, 2)
	end := len(s.data)
	n := c.node(1)
	steps := []struct {
		what     string
		from, to int
		want     string
	}{
		{"one from the middle", 4, 8, "has 0"},
		{"the first", 0, 4, "has 4"},
		{"again", 0, 4, "has 4"},
		{"overlapping", 2, 6, "has 4"},
		{"too far", 6, 8, "has 4"},
		{"without data", 4, 4, "has 4"},
		{"the next", 4, 8, "has 8"},
	}
	for _, step := range steps {
		expect(t, step.what, c.tell(s.chunk(3, step.from, step.to)), "n1>n2 snap-resp t3 of 3/2 "+step.want+" round 1")
	}
	c.crash(n, 0)
	c.start(n)
	expect(t, "after a restart", c.tell(s.chunk(3, 8, 12)), "n1>n2 snap-resp t3 of 3/2 has 0 round 1")
	c.tell(s.chunk(3, 0, 8))
	expect(t, "the rest", c.tell(s.chunk(3, 8, end)), "n1>n2 app-resp t3 upto 3 round 1")
	expect(t, "the last once more", c.tell(s.chunk(3, 8, end)), "n1>n2 app-resp t3 upto 3 round 1")
	if got := appliedText(n); got != " 1/1 2/1 3/2" || n.snaps.installs != 1 {
		t.Errorf("applied%s, %d installed", got, n.snaps.installs)
	}
}

// A newer snapshot ends the transfer of an older one, late pieces of which change nothing; another leader's pieces are never put
// together with those that are there.
func TestChunksOfSeveralSnapshots(t *testing.T) {
	c := newCluster(3, paperConfig())
	n := c.node(1)
	older, newer := snapshotOf(1, 1, 2), snapshotOf(1, 1, 2, 2)
	c.tell(older.chunk(3, 0, 6))
	expect(t, "the newer one", c.tell(newer.chunk(3, 0, 5)), "n1>n2 snap-resp t3 of 4/2 has 5 round 1")
	expect(t, "a late piece of the older one", c.tell(older.chunk(3, 6, 9)), "n1>n2 snap-resp t3 of 3/2 has 0 round 1")
	expect(t, "the newer one goes on", c.tell(newer.chunk(3, 5, 9)), "n1>n2 snap-resp t3 of 4/2 has 9 round 1")

	own := makeSnapshot(3, newer.meta.ConfState, entriesOf(1, 1, 1, 2, 2))
	other := own.chunk(4, 9, 12)
	other.From = 3
	expect(t, "another leader", c.tell(other), "n1>n3 snap-resp t4 of 4/2 has 0 round 1")
	other = own.whole(4)
	other.From = 3
	expect(t, "from its beginning", c.tell(other), "n1>n3 app-resp t4 upto 4 round 1")
	if got := appliedText(n); got != " 1/1 2/1 3/2 4/2" {
		t.Errorf("applied%s", got)
	}
}

// A snapshot of nothing but its identity is one piece without data.
func TestEmptySnapshot(t *testing.T) {
	c := newCluster(3, paperConfig())
	r := c.node(1).r
	m := Message{Type: MsgSnap, From: 2, To: 1, Term: 3, Index: 9, LogTerm: 2, Conf: &ConfState{Voters: []uint64{1, 2, 3}}}
	if err := r.Step(0, &m); err != nil {
		t.Fatal(err)
	}
	first := take(r)
	r.Advance(0, first.Ticket)
	second := take(r)
	chunks := append(first.Chunks, second.Chunks...)
	if diff := cmp.Diff([]Chunk{{Index: 9, Term: 2}}, chunks); diff != "" || second.Snapshot == nil || second.Snapshot.Index != 9 {
		t.Errorf("snapshot %+v, chunks %s", second.Snapshot, diff)
	}
}

// §7: a piece of a snapshot is the leader's word: it makes a follower and resets the election timer.
func TestPaper7ChunkIsContactWithTheLeader(t *testing.T) {
	c := server(t, 4, None)
	r := c.node(1).r
	r.Campaign(0)
	c.now = r.Deadline() - 1
	s := snapshotOf(1)
	c.tell(s.chunk(5, 0, 1))
	if st := r.Status(); st.Role != StateFollower || st.Lead != 2 || r.Deadline() < c.now+int64(c.cfg.ElectionTimeout) {
		t.Errorf("%s, deadline %d", DescribeStatus(nil, st), r.Deadline())
	}
}

// N11: between the last piece and the write's completion the server stands for no election, asked or not, and nothing it says or
// writes overtakes the snapshot.
func TestNothingOvertakesAnInstallation(t *testing.T) {
	c := newCluster(3, paperConfig())
	c.restartWith(1, 2, None, 0, 1, 1)
	n := c.node(1)
	n.slow = true
	s := snapshotOf(1, 1, 2)
	c.tell(Message{Type: MsgApp, From: 2, Term: 3, Index: 2, LogTerm: 1, Entries: entriesOf(3, 1)}) // a write under way
	c.tell(s.whole(3))
	if len(n.writes) == 0 || n.writes[len(n.writes)-1].snapshot != nil {
		t.Fatal("the snapshot does not wait for the write before it")
	}
	if got := n.r.Stable(); got > 2 {
		t.Errorf("entries up to %d count as durable", got)
	}
	c.syncDisk(n, len(n.writes))
	c.pump(n)
	if got := n.writes[len(n.writes)-1]; got.snapshot == nil || got.snapshot.Index != 3 || len(got.entries) > 0 {
		t.Fatalf("%+v", got)
	}
	c.wire = nil
	said := c.tell(
		Message{Type: MsgApp, From: 2, Term: 3, Index: 3, LogTerm: 2, Entries: entriesOf(4, 3), Commit: 4},
		Message{Type: MsgHeartbeat, From: 2, Term: 3, Round: 9},
		Message{Type: MsgTimeoutNow, From: 2, Term: 3})
	n.r.Snapshotted(0, SnapshotMeta{Index: 2, Term: 1, ConfState: c.conf}) // of the log that was: too late
	n.r.Applied(0, 0)
	if n.r.promotable() {
		t.Error("it may campaign")
	}
	n.r.Campaign(1 << 40)
	n.r.Tick(1 << 41)
	c.pump(n)
	newer := snapshotOf(1, 1, 2, 3, 3, 3)
	said = append(said, c.tell(newer.whole(3))...)
	if st := n.r.Status(); len(said)+len(c.wire) > 0 || st.Role != StateFollower || st.Term != 3 || n.r.HasReady() {
		t.Errorf("%s, said %q", DescribeStatus(nil, st), lines(append(said, c.wire...)))
	}
	if len(n.writes) != 1 || len(n.applied) != 0 {
		t.Fatalf("%d writes under way, %d entries applied", len(n.writes), len(n.applied))
	}
	n.slow = false
	c.syncDisk(n, 1)
	c.pump(n)
	expect(t, "then all of it", c.wire,
		"n1>n2 app-resp t3 upto 3 round 1",
		"n1>n2 app-resp t3 upto 4",
		"n1>n2 heartbeat-resp t3 round 9",
		"n1>n2 snap-resp t3 of 6/3 has 0 round 1")
	if got := appliedText(n); got != " 1/1 2/1 3/2 4/3" || n.r.Deadline() == NoDeadline {
		t.Errorf("applied%s, deadline %d", got, n.r.Deadline())
	}
}

// While a snapshot is in memory only, no acknowledgement of an earlier write makes it, or what it replaced, count as durable.
func TestEarlierWritesDoNotVouchForASnapshot(t *testing.T) {
	c := newCluster(3, paperConfig())
	c.restartWith(1, 2, None, 1, 1, 1)
	n := c.node(1)
	n.slow = true
	c.tell(Message{Type: MsgApp, From: 2, Term: 2, Index: 2, LogTerm: 1, Entries: entriesOf(3, 1, 1, 1, 1)}) // a write of entries 3 to 6
	s := snapshotOf(1, 1, 2)
	c.tell(s.whole(5)) // and of a new term
	if len(n.writes) != 2 || n.writes[0].ticket != 1 || n.writes[1].ticket != 2 || n.writes[1].hs.Term != 5 || n.writes[1].snapshot != nil {
		t.Fatalf("%+v", n.writes)
	}
	for range 2 {
		c.syncDisk(n, 1)
		if got := n.r.Stable(); got > 1 {
			t.Errorf("entries up to %d count as durable", got)
		}
	}
	c.pump(n)
	c.syncDisk(n, len(n.writes))
	if got := n.r.Stable(); got != 3 || n.r.Status().LastIndex != 3 {
		t.Errorf("with the snapshot entries up to %d count as durable", got)
	}
}

// A crash in the middle of an installation leaves the old log or the new one.
func TestCrashDuringInstallation(t *testing.T) {
	for kept := range 2 {
		c := newCluster(3, paperConfig())
		c.restartWith(1, 3, None, 1, 1, 1)
		n := c.node(1)
		n.slow = true
		s := snapshotOf(1, 1, 2)
		c.tell(s.whole(3))
		c.crash(n, kept)
		c.start(n)
		if s := n.r.Status(); s.LastIndex != uint64(2+kept) || s.FirstIndex != uint64(1+3*kept) || s.Term != 3 {
			t.Errorf("%d writes kept: %s", kept, DescribeStatus(nil, s))
		}
	}
}

// N04: the configuration of a snapshot replaces the one in force.
func TestSnapshotBringsItsConfiguration(t *testing.T) {
	c := newCluster(3, paperConfig())
	s := makeSnapshot(2, ConfState{Voters: []uint64{2, 4, 5}}, entriesOf(1, 1, 1))
	c.tell(s.whole(3))
	n := c.node(1)
	if diff := cmp.Diff([]uint64{2, 4, 5}, n.r.ConfState(2).Voters); diff != "" {
		t.Error(diff)
	}
	if n.r.promotable() {
		t.Error("a server that the snapshot says is no member campaigns")
	}
	c.crash(n, 0)
	c.start(n)
	if diff := cmp.Diff([]uint64{2, 4, 5}, n.r.ConfState(2).Voters); diff != "" {
		t.Errorf("after a restart: %s", diff)
	}
}

// R01: an old append that begins at the beginning, or before the log does, changes nothing and is answered with the commit index;
// one that claims to follow what the snapshot replaced is judged by what is known.
func TestOldAppendMeetsACompactedLog(t *testing.T) {
	c := newCluster(3, paperConfig())
	c.restartWith(1, 3, None, 5, 1, 1, 2, 2, 3, 3)
	n := c.node(1)
	c.tell()
	c.snapshot(n)
	if n.r.Status().FirstIndex != 6 {
		t.Fatalf("the log begins with %d", n.r.Status().FirstIndex)
	}
	said := c.tell(
		Message{Type: MsgApp, From: 2, Term: 3, Entries: entriesOf(1, 1, 1)},
		Message{Type: MsgApp, From: 2, Term: 3, Index: 2, LogTerm: 1, Entries: entriesOf(3, 2, 2, 3)},
		Message{Type: MsgApp, From: 2, Term: 3, Index: 3, LogTerm: 2},
		Message{Type: MsgApp, From: 2, Term: 3, Index: 4, LogTerm: 2, Entries: entriesOf(5, 3, 3, 3), Commit: 7})
	expect(t, "answers", said,
		"n1>n2 app-resp t3 upto 5", "n1>n2 app-resp t3 upto 5", "n1>n2 app-resp t3 upto 5", "n1>n2 app-resp t3 upto 7")
	if got := n.logText(); got != "3 3" {
		t.Errorf("the log is %s", got)
	}
}

func TestChecksOfSnapshots(t *testing.T) {
	for want, change := range map[string]func(m *Message){
		"a snapshot up to entry 0 of term 2 in term 3":  func(m *Message) { m.Index = 0 },
		"a snapshot up to entry 3 of term 0 in term 3":  func(m *Message) { m.LogTerm = 0 },
		"a snapshot up to entry 3 of term 4 in term 3":  func(m *Message) { m.LogTerm = 4 },
		"4 bytes at offset 0 of a snapshot of 3":        func(m *Message) { m.Size = 3 },
		"4 bytes at offset 18446744073709551615 of a s": func(m *Message) { m.Offset = 1<<64 - 1 },
		"a snapshot without a configuration":            func(m *Message) { m.Conf = nil },
		"no voter":                                      func(m *Message) { m.Conf = &ConfState{} },
	} {
		c := newCluster(3, paperConfig())
		r := c.node(1).r
		s := snapshotOf(1, 1, 2)
		m := s.chunk(3, 0, 4)
		m.To = 1
		change(&m)
		err := r.Step(0, &m)
		if err == nil || !strings.Contains(err.Error(), want) || r.HasReady() || r.term != 0 {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
