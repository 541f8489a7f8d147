package raft

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// One test per rule of "In Search of an Understandable Consensus Algorithm" (extended version), by section. Pre-vote and
// check-quorum, which the paper does not have, are off where they would get in the way.

func paperConfig() Config {
	cfg := testConfig()
	cfg.DisablePreVote, cfg.DisableCheckQuorum = true, true
	return cfg
}

// server is n1 of three with the given term, vote and log.
func server(t *testing.T, term, vote uint64, terms ...uint64) *cluster {
	t.Helper()
	c := newCluster(3, paperConfig())
	c.restartWith(1, term, vote, 0, terms...)
	return c
}

// tell steps messages into n1 and returns what it says.
func (c *cluster) tell(messages ...Message) []Message {
	for _, m := range messages {
		m.To = 1
		if err := c.node(1).r.Step(c.now, &m); err != nil {
			panic(err)
		}
	}
	c.pump(c.node(1))
	said := c.wire
	c.wire = nil
	return said
}

// leader makes n1 leader of the next term with the vote of n2; what it said so far is gone.
func (c *cluster) leader() *Raft {
	r := c.node(1).r
	r.Campaign(c.now)
	c.pump(c.node(1))
	c.tell(Message{Type: MsgVoteResp, From: 2, Term: r.term})
	if r.role != StateLeader {
		panic("n1 does not lead")
	}
	return r
}

func lines(messages []Message) []string {
	var all []string
	for i := range messages {
		all = append(all, string(DescribeMessage(nil, &messages[i])))
	}
	return all
}

func expect(t *testing.T, what string, got []Message, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, lines(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// §5.1: whoever meets a larger term takes it over, and is a follower in it whatever it was before.
func TestPaper51LargerTermMakesFollower(t *testing.T) {
	for _, m := range []Message{
		{Type: MsgApp, From: 3, Term: 9},
		{Type: MsgHeartbeat, From: 3, Term: 9},
		{Type: MsgVote, From: 3, Term: 9},
		{Type: MsgVoteResp, From: 3, Term: 9, Reject: true},
		{Type: MsgAppResp, From: 3, Term: 9, Reject: true},
		{Type: MsgHeartbeatResp, From: 3, Term: 9, Reject: true},
		{Type: MsgPreVoteResp, From: 3, Term: 9, Reject: true}, // P05
	} {
		for _, role := range []Role{StateFollower, StateCandidate, StateLeader} {
			c := server(t, 4, None)
			if role == StateCandidate {
				c.node(1).r.Campaign(0)
			} else if role == StateLeader {
				c.leader()
			}
			c.tell(m)
			if s := c.node(1).r.Status(); s.Role != StateFollower || s.Term != 9 {
				t.Errorf("a %v that gets a %v of term 9 is %v in term %d", role, m.Type, s.Role, s.Term)
			}
			if s := c.node(1).r.Status(); (m.Type == MsgApp || m.Type == MsgHeartbeat) != (s.Lead == 3) {
				t.Errorf("a %v that gets a %v believes in the leader n%d", role, m.Type, s.Lead)
			}
		}
	}
}

// §5.1: requests of an earlier term are refused. The answer carries the term (P04); replies of an earlier term get none.
func TestPaper51StaleRequestsAreRejected(t *testing.T) {
	c := server(t, 5, None, 1, 5)
	before := c.node(1).r.Status()
	expect(t, "answers", c.tell(
		Message{Type: MsgApp, From: 2, Term: 4, Index: 1, LogTerm: 1, Entries: entriesOf(2, 4), Commit: 2}, // R26
		Message{Type: MsgHeartbeat, From: 2, Term: 4, Commit: 2},
		Message{Type: MsgVote, From: 2, Term: 4, Index: 9, LogTerm: 4},
		Message{Type: MsgPreVote, From: 2, Term: 4, Index: 9, LogTerm: 4},
		Message{Type: MsgVoteResp, From: 2, Term: 4},
		Message{Type: MsgAppResp, From: 2, Term: 4, Index: 2},
	),
		"n1>n2 app-resp t5 rejected 0 hint 0/0",
		"n1>n2 heartbeat-resp t5 rejected",
		"n1>n2 vote-resp t5 rejected commit 0/0",
		"n1>n2 pre-vote-resp t5 rejected commit 0/0")
	if diff := cmp.Diff(before, c.node(1).r.Status()); diff != "" {
		t.Error(diff)
	}
}

// §5.2: a server starts as a follower.
func TestPaper52StartAsFollower(t *testing.T) {
	c := server(t, 3, 1, 1, 3)
	if s := c.node(1).r.Status(); s.Role != StateFollower || s.Lead != None || s.Term != 3 || s.Vote != 1 {
		t.Errorf("%s", DescribeStatus(nil, s))
	}
}

// §5.2: a follower that hears its leader stays one. After an election timeout of silence it raises its term, votes for itself
// and asks all others for their votes.
func TestPaper52ElectionTimeout(t *testing.T) {
	c := server(t, 4, None, 1, 2)
	r := c.node(1).r
	timeout := int64(c.cfg.ElectionTimeout)
	heartbeat := Message{Type: MsgHeartbeat, From: 2, Term: 4}
	for range 5 {
		c.now = r.Deadline() - 1
		r.Tick(c.now) // not yet
		c.tell(heartbeat)
		if r.Deadline() < c.now+timeout || r.Deadline() >= c.now+2*timeout {
			t.Fatalf("heard at %d, the deadline is %d", c.now, r.Deadline())
		}
	}
	// Neither a proposal nor a stale message nor a refused vote counts as hearing (L04).
	deadline := r.Deadline()
	c.now += timeout / 2
	if _, _, err := r.Propose(c.now, nil); err != ErrNotLeader {
		t.Errorf("a follower takes proposals: %v", err)
	}
	c.tell(Message{Type: MsgHeartbeat, From: 3, Term: 3}, Message{Type: MsgVote, From: 3, Term: 4, Index: 9, LogTerm: 4})
	if r.Deadline() != deadline {
		t.Errorf("the deadline moved from %d to %d", deadline, r.Deadline())
	}
	c.now = deadline
	r.Tick(c.now)
	expect(t, "election", c.tell(), "n1>n2 vote t5 last 2/2 commit 0/0", "n1>n3 vote t5 last 2/2 commit 0/0")
	if s := r.Status(); s.Role != StateCandidate || s.Vote != 1 || s.Term != 5 {
		t.Errorf("%s", DescribeStatus(nil, s))
	}
}

// §5.2: a candidate wins with the votes of a majority of all servers in one term. Votes are counted by voter (E01) and by
// term (E02).
func TestPaper52MajorityWins(t *testing.T) {
	for _, tc := range []struct {
		size   int
		grants []uint64
		want   Role
	}{
		{1, nil, StateLeader},
		{2, nil, StateCandidate},
		{2, []uint64{2}, StateLeader},
		{3, nil, StateCandidate},
		{3, []uint64{3}, StateLeader},
		{4, []uint64{2}, StateCandidate},
		{4, []uint64{2, 2, 2}, StateCandidate},
		{4, []uint64{2, 4}, StateLeader},
		{5, []uint64{2}, StateCandidate},
		{5, []uint64{2, 2, 9}, StateCandidate},
		{5, []uint64{5, 3}, StateLeader},
	} {
		t.Run(fmt.Sprint(tc.size, tc.grants), func(t *testing.T) {
			c := newCluster(tc.size, paperConfig())
			r := c.node(1).r
			r.Campaign(0)
			c.pump(c.node(1))
			r.Campaign(0) // term 2: grants of term 1 do not count
			c.pump(c.node(1))
			if tc.size > 1 {
				c.tell(Message{Type: MsgVoteResp, From: 2, Term: 1}, Message{Type: MsgVoteResp, From: 2, Term: 1})
			}
			for _, id := range tc.grants {
				c.tell(Message{Type: MsgVoteResp, From: id, Term: 2})
			}
			if r.Status().Role != tc.want {
				t.Errorf("%s", DescribeStatus(nil, r.Status()))
			}
		})
	}
}

// §5.2: the first candidate to ask gets a server's only vote of the term, and the server keeps to it whatever it becomes within
// the term (E03, E25).
func TestPaper52OneVotePerTerm(t *testing.T) {
	for _, tc := range []struct {
		vote, from uint64
		granted    bool
	}{{None, 2, true}, {None, 3, true}, {2, 2, true}, {3, 3, true}, {2, 3, false}, {1, 3, false}} {
		c := server(t, 4, tc.vote)
		want := "n1>n%d vote-resp t4 granted commit 0/0"
		if !tc.granted {
			want = "n1>n%d vote-resp t4 rejected commit 0/0"
		}
		expect(t, fmt.Sprintf("with a vote for n%d", tc.vote), c.tell(Message{Type: MsgVote, From: tc.from, Term: 4}),
			fmt.Sprintf(want, tc.from))
	}
	c := server(t, 4, None)
	c.node(1).r.Campaign(0)
	c.tell(Message{Type: MsgVoteResp, From: 2, Term: 5, Reject: true}, Message{Type: MsgVoteResp, From: 3, Term: 5, Reject: true})
	if s := c.node(1).r.Status(); s.Role != StateFollower || s.Vote != 1 {
		t.Errorf("after losing: %s", DescribeStatus(nil, s))
	}
	expect(t, "a late request", c.tell(Message{Type: MsgVote, From: 3, Term: 5}), "n1>n3 vote-resp t5 rejected commit 0/0")
}

// §5.2, figure 2 (rules for followers): giving a vote starts the election timeout again, so that the candidate has the time to
// win.
func TestPaper52GrantResetsTheTimer(t *testing.T) {
	c := server(t, 4, None)
	c.now = int64(c.cfg.ElectionTimeout) / 2
	before := c.node(1).r.Deadline()
	c.tell(Message{Type: MsgVote, From: 3, Term: 4})
	if got := c.node(1).r.Deadline(); got != before+c.now {
		t.Errorf("the deadline moved from %d to %d", before, got)
	}
}

// §5.2: a candidate that hears a leader of its own or a later term follows it, and is not impressed by one of an earlier term.
func TestPaper52CandidateFollowsLeader(t *testing.T) {
	for term, want := range map[uint64]Role{4: StateCandidate, 5: StateFollower, 6: StateFollower} {
		for _, kind := range []MessageType{MsgApp, MsgHeartbeat} {
			c := server(t, 4, None)
			c.node(1).r.Campaign(0)
			c.tell(Message{Type: kind, From: 2, Term: term})
			if s := c.node(1).r.Status(); s.Role != want {
				t.Errorf("a candidate of term 5 that gets a %v of term %d is %v", kind, term, s.Role)
			}
		}
	}
}

// §5.2: election timeouts are spread over an interval, here [T, 2T), and drawn anew for every election.
func TestPaper52TimeoutsSpread(t *testing.T) {
	timeout := testConfig().ElectionTimeout
	for id := range uint64(8) {
		seen := map[time.Duration]bool{}
		for term := range uint64(8) {
			cfg := testConfig()
			cfg.ID = id + 1
			draw := time.Duration(cfg.jitter(term))
			if draw < 0 || draw >= timeout {
				t.Errorf("n%d draws %v in term %d", id, draw, term)
			}
			seen[draw] = true
		}
		if len(seen) < 7 {
			t.Errorf("n%d draws %d values in 8 terms", id, len(seen))
		}
	}
	var asked []uint64
	draws := []time.Duration{-5, timeout, 70 * time.Millisecond, 0, 1, 2}
	cfg := paperConfig()
	cfg.Jitter = func(term uint64) time.Duration { asked = append(asked, term); return draws[len(asked)-1] }
	c := newCluster(1, cfg)
	r := c.node(1).r
	deadlines := []int64{r.Deadline()}
	c.conf.Voters = []uint64{1, 2, 3}
	c.start(c.node(1))
	r = c.node(1).r
	deadlines = append(deadlines, r.Deadline())
	c.tell(Message{Type: MsgHeartbeat, From: 2, Term: 3})
	c.tell(Message{Type: MsgHeartbeat, From: 2, Term: 3})
	deadlines = append(deadlines, r.Deadline())
	r.Campaign(0)
	deadlines = append(deadlines, r.Deadline())
	T := int64(timeout)
	if diff := cmp.Diff([]int64{T, 2*T - 1, T + int64(70*time.Millisecond), T}, deadlines); diff != "" {
		t.Errorf("deadlines: %s", diff)
	}
	if diff := cmp.Diff([]uint64{0, 0, 3, 4}, asked); diff != "" {
		t.Errorf("Jitter was asked for the terms: %s", diff)
	}
}

// §5.2: no two servers keep step. Whatever their ids, and however many elections they have behind them, one of them is clearly the
// first in most terms, and each of them is in many.
func TestPaper52NobodyKeepsStep(t *testing.T) {
	timeout := int64(testConfig().ElectionTimeout)
	for _, a := range []uint64{1, 2, 3, 1 << 40} {
		for _, b := range []uint64{4, 9, 17, 33, 1025, 1<<40 + 1024, 1 << 63} {
			first, close := 0, 0
			for term := range uint64(1000) {
				x, y := testConfig(), testConfig()
				x.ID, y.ID = a, b
				switch d := x.jitter(term) - y.jitter(term); {
				case d < timeout/40 && -d < timeout/40:
					close++
				case d < 0:
					first++
				}
			}
			if close > 100 || first < 400 || first > 550 {
				t.Errorf("n%d and n%d are close in %d of 1000 terms, and the first is first in %d", a, b, close, first)
			}
		}
	}
}

// §5.2: a leader is heard at regular intervals even when it has nothing to say.
func TestPaper52LeaderSendsHeartbeats(t *testing.T) {
	c := server(t, 0, None)
	r := c.leader()
	for i := range int64(3) {
		if want := (i + 1) * int64(c.cfg.HeartbeatInterval); r.Deadline() != want {
			t.Fatalf("the deadline is %d, want %d", r.Deadline(), want)
		}
		c.now = r.Deadline() - 1
		r.Tick(c.now)
		expect(t, "before the time", c.tell())
		c.now++
		r.Tick(c.now)
		r.Tick(c.now)
		expect(t, "heartbeats", c.tell(), fmt.Sprintf("n1>n2 heartbeat t1 commit 0 round %d", i+2),
			fmt.Sprintf("n1>n3 heartbeat t1 commit 0 round %d", i+2))
	}
}

// §5.3: a command becomes an entry of the leader's log and is sent to all followers at once, together with the identity of the
// entry before it. A new leader starts with an entry of its own (§8, L01).
func TestPaper53LeaderAppends(t *testing.T) {
	c := server(t, 3, None, 1, 3)
	r := c.node(1).r
	r.Campaign(0)
	c.tell()
	expect(t, "first append", c.tell(Message{Type: MsgVoteResp, From: 2, Term: 4}),
		`n1>n2 app t4 after 2/3 commit 0 round 1 [3/4 ""]`, `n1>n3 app t4 after 2/3 commit 0 round 1 [3/4 ""]`)
	c.tell(Message{Type: MsgAppResp, From: 2, Term: 4, Index: 3, Round: 1})
	index, term, err := r.Propose(0, []byte("x"))
	if index != 4 || term != 4 || err != nil {
		t.Errorf("proposal is %d/%d, %v", index, term, err)
	}
	// n3 is still being probed: it gets no second append before it answers.
	expect(t, "append", c.tell(), `n1>n2 app t4 after 3/4 commit 3 round 1 [4/4 "x"]`)
}

// §5.3: an entry is committed when a majority holds it durably. The leader's own disk counts like any other, and no earlier
// (C11).
func TestPaper53CommitOnMajority(t *testing.T) {
	for _, tc := range []struct {
		size   int
		acks   []uint64
		synced bool
		want   bool
	}{
		{1, nil, true, true}, {1, nil, false, false},
		{2, nil, true, false}, {2, []uint64{2}, true, true}, {2, []uint64{2}, false, false},
		{3, []uint64{2}, true, true}, {3, []uint64{2}, false, false}, {3, []uint64{2, 3}, false, true},
		{4, []uint64{2}, true, false}, {4, []uint64{2, 3}, true, true}, {4, []uint64{2, 2}, true, false},
		{5, []uint64{2, 3}, true, true}, {5, []uint64{2, 3}, false, false}, {5, []uint64{2, 9, 9}, true, false},
	} {
		t.Run(fmt.Sprint(tc.size, tc.acks, tc.synced), func(t *testing.T) {
			c := newCluster(tc.size, paperConfig())
			c.elect(1)
			n := c.node(1)
			n.slow = !tc.synced
			index := c.propose(1, "x")
			c.pump(n)
			for _, id := range tc.acks {
				c.tell(Message{Type: MsgAppResp, From: id, Term: 1, Index: index, Round: 1})
			}
			if got := n.r.Status().Commit == index; got != tc.want {
				t.Errorf("committed: %v", got)
			}
			if got := len(n.applied) == 2; got != (tc.want && tc.synced) {
				t.Errorf("applied %d entries", len(n.applied))
			}
		})
	}
}

// §5.3: with an entry everything before it in the leader's log is committed, whoever made it.
func TestPaper53CommitsPrecedingEntries(t *testing.T) {
	c := server(t, 3, None, 1, 2, 2, 3)
	c.leader()
	c.tell(Message{Type: MsgAppResp, From: 3, Term: 4, Index: 5, Round: 1})
	var got []uint64
	for _, e := range c.node(1).applied {
		got = append(got, e.Term)
	}
	if diff := cmp.Diff([]uint64{1, 2, 2, 3, 4}, got); diff != "" {
		t.Error(diff)
	}
}

// §5.3: a follower applies, in order, what it learns to be committed. It learns of no more than the message has verified
// (figure 2, AppendEntries rule 5; R04), and never unlearns (R06).
func TestPaper53FollowerCommits(t *testing.T) {
	c := server(t, 2, None, 1, 1, 2, 2)
	r := c.node(1).r
	for _, tc := range []struct {
		m    Message
		want uint64
	}{
		{Message{Index: 1, LogTerm: 1, Commit: 3}, 1},
		{Message{Index: 1, LogTerm: 1, Commit: 9, Entries: entriesOf(2, 1)}, 2},
		{Message{Index: 1, LogTerm: 1, Commit: 1}, 2},
		{Message{Index: 3, LogTerm: 2, Commit: 2}, 2},
		{Message{Index: 4, LogTerm: 1, Commit: 4}, 2}, // does not match
		{Message{Index: 4, LogTerm: 2, Commit: 4}, 4},
	} {
		tc.m.Type, tc.m.From, tc.m.Term = MsgApp, 2, 3
		c.tell(tc.m)
		if got := r.Status().Commit; got != tc.want || len(c.node(1).applied) != int(tc.want) {
			t.Errorf("after commit %d behind %d/%d: commit %d, %d applied, want %d", tc.m.Commit, tc.m.Index, tc.m.LogTerm,
				got, len(c.node(1).applied), tc.want)
		}
	}
}

// §5.3: a follower takes entries only behind an entry that it holds with the same index and term.
func TestPaper53ConsistencyCheck(t *testing.T) {
	for _, tc := range []struct {
		index, term uint64
		want        string
	}{
		{0, 0, "n1>n2 app-resp t3 upto 0"},
		{1, 1, "n1>n2 app-resp t3 upto 1"},
		{2, 2, "n1>n2 app-resp t3 upto 2"},
		{1, 2, "n1>n2 app-resp t3 rejected 1 hint 1/1"},
		{2, 1, "n1>n2 app-resp t3 rejected 2 hint 1/1"},
		{3, 3, "n1>n2 app-resp t3 rejected 3 hint 2/2"},
	} {
		c := server(t, 2, None, 1, 2)
		expect(t, fmt.Sprintf("after %d/%d", tc.index, tc.term),
			c.tell(Message{Type: MsgApp, From: 2, Term: 3, Index: tc.index, LogTerm: tc.term}), tc.want)
		if got := c.node(1).logText(); got != "1 2" {
			t.Errorf("the log is %s", got)
		}
	}
}

// §5.3, figure 2 (AppendEntries rules 3 and 4): an entry with another term than the leader's goes, and all after it; entries
// that do not differ stay, even behind the end of a short, late append (R02).
func TestPaper53FollowerOverwrites(t *testing.T) {
	for _, tc := range []struct {
		m    Message
		want string
	}{
		{Message{Index: 2, LogTerm: 2, Entries: entriesOf(3, 3)}, "1 2 3"},
		{Message{Index: 1, LogTerm: 1, Entries: entriesOf(2, 3, 4)}, "1 3 4"},
		{Message{Entries: entriesOf(1, 1)}, "1 2 2"},
		{Message{Index: 1, LogTerm: 1, Entries: entriesOf(2, 2)}, "1 2 2"},
		{Message{Index: 3, LogTerm: 2, Entries: entriesOf(4, 2, 4)}, "1 2 2 2 4"},
		{Message{Entries: entriesOf(1, 4)}, "4"},
	} {
		c := server(t, 3, None, 1, 2, 2)
		tc.m.Type, tc.m.From, tc.m.Term = MsgApp, 2, 4
		c.tell(tc.m)
		if got := c.node(1).logText(); got != tc.want {
			t.Errorf("the log becomes %s, want %s", got, tc.want)
		}
		if got := len(c.node(1).disk.entries); got != len(c.node(1).r.log.entries) {
			t.Errorf("the disk has %d entries, the log %s", got, tc.want)
		}
	}
}

// §5.3, figure 7: a new leader brings every one of the six logs to agree with its own.
func TestPaper53Figure7(t *testing.T) {
	leader := []uint64{1, 1, 1, 4, 4, 5, 5, 6, 6, 6}
	for i, log := range [][]uint64{
		{1, 1, 1, 4, 4, 5, 5, 6, 6},
		{1, 1, 1, 4},
		{1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6},
		{1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7},
		{1, 1, 1, 4, 4, 4, 4},
		{1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3},
	} {
		for page := range 3 {
			cfg := paperConfig()
			cfg.MaxEntriesPerMessage = page
			c := newCluster(3, cfg)
			c.restartWith(1, 7, None, 0, leader...)
			c.restartWith(2, 7, None, 0, log...)
			c.node(1).r.Campaign(0)
			c.settle(nil, nil)
			if a, b := c.node(1).logText(), c.node(2).logText(); a != b || c.node(1).r.Status().Role != StateLeader {
				t.Errorf("log %c of the figure becomes %s, want %s", 'a'+i, b, a)
			}
		}
	}
}

// §5.4.1: nobody votes for a candidate with an older log: by the term of the last entry first, by length among equals (E10).
func TestPaper541UpToDate(t *testing.T) {
	for _, tc := range []struct {
		log         []uint64
		index, term uint64
		granted     bool
	}{
		{[]uint64{1}, 1, 1, true}, {[]uint64{1}, 2, 1, true}, {[]uint64{1, 1}, 1, 1, false},
		{[]uint64{1}, 1, 2, true}, {[]uint64{1, 1, 1}, 1, 2, true}, {[]uint64{1, 2}, 9, 1, false}, {nil, 0, 0, true},
	} {
		for _, kind := range []MessageType{MsgVote, MsgPreVote} {
			c := server(t, 2, None, tc.log...)
			said := c.tell(Message{Type: kind, From: 2, Term: 3, Index: tc.index, LogTerm: tc.term})
			if got := !said[0].Reject; got != tc.granted {
				t.Errorf("%v with %d/%d from a log %v: granted %v", kind, tc.index, tc.term, tc.log, got)
			}
		}
	}
}

// §5.4.2: replicas are counted for entries of the leader's own term only (C01), and older ones do not stop the search (C02).
func TestPaper542OldTermsAreNotCounted(t *testing.T) {
	c := server(t, 2, None, 1, 2)
	r := c.leader()
	for ack, want := range []uint64{0, 0, 0, 3} {
		c.tell(Message{Type: MsgAppResp, From: 2, Term: 3, Index: uint64(ack), Round: 1})
		if got := r.Status().Commit; got != want {
			t.Errorf("with %d acknowledged: commit %d, want %d", ack, got, want)
		}
	}
}

// §5.5: an append that comes twice, or late, changes nothing.
func TestPaper55Idempotent(t *testing.T) {
	c := server(t, 1, None, 1)
	a := Message{Type: MsgApp, From: 2, Term: 2, Index: 1, LogTerm: 1, Entries: entriesOf(2, 2, 2), Commit: 2}
	b := Message{Type: MsgApp, From: 2, Term: 2, Index: 3, LogTerm: 2, Entries: entriesOf(4, 2), Commit: 4}
	c.tell(a, b)
	before := c.node(1).r.Status()
	c.tell(a, b, a)
	if diff := cmp.Diff(before, c.node(1).r.Status()); diff != "" {
		t.Error(diff)
	}
}

// §5.2: a follower's timeout goes on unless it hears the leader or grants its vote. A candidate that cannot win must not keep it from
// trying itself (E15).
func TestPaper52RefusedVotesDoNotResetTheTimer(t *testing.T) {
	cfg := paperConfig()
	cfg.DisablePreVote = true
	c := newCluster(2, cfg)
	c.restartWith(1, 1, None, 0, 1, 1) // two entries of term 1
	r := c.node(1).r
	due := r.Deadline()
	c.now += int64(cfg.ElectionTimeout) / 2
	said := c.tell(Message{Type: MsgVote, From: 2, Term: 2, Index: 1, LogTerm: 1})
	if len(said) != 1 || !said[0].Reject || r.Deadline() != due {
		t.Errorf("%v, deadline %d, was %d", lines(said), r.Deadline(), due)
	}
	said = c.tell(Message{Type: MsgVote, From: 2, Term: 3, Index: 2, LogTerm: 1})
	if len(said) != 1 || said[0].Reject || r.Deadline() <= due {
		t.Errorf("%v, deadline %d, was %d", lines(said), r.Deadline(), due)
	}
}
