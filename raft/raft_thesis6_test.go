package raft

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The rules of thesis §6.4 (linearizable reads without the log) and §3.10 (transfer of leadership), by section; see also
// testdata/reads.txt, lease.txt and transfer.txt.

func (c *cluster) read(id, context uint64, lease bool) {
	if err := c.node(id).r.ReadIndex(c.now, context, lease); err != nil {
		panic(err)
	}
}

// answers takes the reads that a server has answered since it was last asked.
func (n *testNode) answers() string {
	var all []string
	for _, s := range n.reads {
		if s.Refused {
			all = append(all, fmt.Sprintf("%d refused", s.Context))
		} else {
			all = append(all, fmt.Sprintf("%d at %d", s.Context, s.Index))
		}
	}
	n.reads = nil
	return strings.Join(all, ", ")
}

func (c *cluster) expectAnswers(t *testing.T, what string, id uint64, want string) {
	t.Helper()
	c.pump(c.node(id))
	if got := c.node(id).answers(); got != want {
		t.Errorf("%s: n%d answers %q, want %q", what, id, got, want)
	}
}

func beatResp(from, round uint64) Message {
	return Message{Type: MsgHeartbeatResp, From: from, Term: 1, Round: round}
}

// §6.4, step 1: before it has committed an entry of its term, a leader does not know what is committed (D02).
func TestThesis64WaitsForACommitInItsTerm(t *testing.T) {
	cfg := leaseConfig()
	cfg.DisablePreVote = true
	c := newCluster(3, cfg)
	c.restartWith(1, 3, None, 0, 1, 3)
	c.now = int64(cfg.ElectionTimeout)
	r := c.leader()
	c.tell(Message{Type: MsgHeartbeatResp, From: 2, Term: 4, Round: 1})
	c.read(1, 7, false)
	c.read(1, 8, true)
	if said := c.tell(); len(said) > 0 {
		t.Errorf("a round begins: %v", lines(said))
	}
	c.now += int64(c.cfg.HeartbeatInterval)
	r.Tick(c.now)
	c.tell()
	c.tell(Message{Type: MsgHeartbeatResp, From: 2, Term: 4, Round: 2})
	c.expectAnswers(t, "before", 1, "")
	said := c.tell(Message{Type: MsgAppResp, From: 2, Term: 4, Index: 3, Round: 1})
	if len(said) != 3 || r.Status().Commit != 3 {
		t.Errorf("after the commitment: %v", lines(said))
	}
	c.tell(Message{Type: MsgHeartbeatResp, From: 2, Term: 4, Round: 3})
	c.expectAnswers(t, "after", 1, "7 at 3, 8 at 3")
}

// §6.4, steps 2 and 3: an answer needs a round that begins after the request. Answers to earlier rounds do not count, whatever they
// are answers to and however late they come (D01, D03).
func TestThesis64RoundBeginsAfterTheRequest(t *testing.T) {
	c := newCluster(3, testConfig())
	c.elect(1)
	c.tell()
	c.read(1, 1, false)
	expect(t, "a round", c.tell(), "n1>n2 heartbeat t1 commit 1 round 2", "n1>n3 heartbeat t1 commit 1 round 2")
	c.read(1, 2, false)
	c.read(1, 3, false)
	expect(t, "a round for two", c.tell(), "n1>n2 heartbeat t1 commit 1 round 3", "n1>n3 heartbeat t1 commit 1 round 3")
	c.tell(beatResp(3, 1), beatResp(2, 1), beatResp(9, 3), beatResp(2, 99))
	c.expectAnswers(t, "round 1", 1, "")
	c.tell(beatResp(2, 2), beatResp(2, 2))
	c.expectAnswers(t, "round 2", 1, "1 at 1")
	// An answer to a later round is one to all before; an append is as good as a heartbeat.
	c.tell(Message{Type: MsgAppResp, From: 3, Term: 1, Index: 1, Round: 3})
	c.expectAnswers(t, "round 3", 1, "2 at 1, 3 at 1")
}

// §6.4: each read has the commit index of its own time (D18).
func TestThesis64EveryReadHasItsIndex(t *testing.T) {
	c := newCluster(3, testConfig())
	c.elect(1)
	c.read(1, 1, false)
	c.tell()
	index := c.propose(1, "x")
	c.tell()
	c.tell(Message{Type: MsgAppResp, From: 2, Term: 1, Index: index, Round: 1})
	c.read(1, 2, false)
	c.tell()
	c.tell(beatResp(3, 3))
	c.expectAnswers(t, "both at once", 1, "1 at 1, 2 at 2")
}

// §6.4: in a joint configuration both majorities have to answer (M22).
func TestThesis64JointNeedsBoth(t *testing.T) {
	for _, tc := range []struct {
		from []uint64
		want string
	}{{[]uint64{4, 5}, ""}, {[]uint64{2, 3}, ""}, {[]uint64{2, 4}, "1 at 1"}} {
		c := newCluster(5, testConfig())
		c.conf = ConfState{Voters: []uint64{1, 4, 5}, Outgoing: []uint64{1, 2, 3}, LearnersNext: []uint64{2}}
		for _, n := range c.nodes {
			c.start(n)
		}
		c.elect(1)
		c.read(1, 1, false)
		c.tell()
		for _, id := range tc.from {
			c.tell(beatResp(id, 2))
		}
		c.expectAnswers(t, fmt.Sprint(tc.from), 1, tc.want)
	}
}

// §6.4: a read that a smaller quorum has answered need not wait for more (D13); and a single voter asks nobody.
func TestThesis64SmallerQuorum(t *testing.T) {
	c := newCluster(4, testConfig())
	c.elect(1)
	c.read(1, 1, false)
	c.tell()
	c.tell(beatResp(2, 2))
	c.expectAnswers(t, "two of four", 1, "")
	c.change(1, remove(4))
	c.expectAnswers(t, "two of three", 1, "1 at 1")

	c = newCluster(1, testConfig())
	c.elect(1)
	c.read(1, 5, false)
	c.expectAnswers(t, "alone", 1, "5 at 1")
}

// §6.4: followers and learners ask the leader, by a name that never comes back, and never answer from what they know (D10, D19).
func TestThesis64FollowersAsk(t *testing.T) {
	c := newCluster(3, testConfig())
	c.conf = ConfState{Voters: []uint64{2, 3}, Learners: []uint64{1}}
	c.node(1).joiner = false
	c.start(c.node(1))
	if err := c.node(1).r.ReadIndex(0, 1, false); err != ErrNoLeader {
		t.Errorf("without a leader: %v", err)
	}
	life := uint64(c.node(1).life) << readNameBits
	c.tell(Message{Type: MsgApp, From: 2, Term: 1, Entries: entriesOf(1, 1), Commit: 1})
	c.read(1, 77, true)
	c.read(1, 77, false)
	expect(t, "the question", c.tell(), fmt.Sprintf("n1>n2 read-index t1 read %d", life+1), fmt.Sprintf("n1>n2 read-index t1 read %d", life+2))
	answer := Message{Type: MsgReadIndexResp, From: 2, Term: 1, Context: life + 2, Index: 9}
	c.tell(answer, answer, Message{Type: MsgReadIndexResp, From: 2, Term: 1, Context: 77, Index: 3})
	c.expectAnswers(t, "the second", 1, "77 at 9")
	c.tell(Message{Type: MsgReadIndexResp, From: 2, Term: 1, Context: life + 1, Reject: true})
	c.expectAnswers(t, "a refusal", 1, "77 refused")
}

// §6.4: only the leader of the term answers others, and says no if it cannot (D11).
func TestThesis64WhoIsAsked(t *testing.T) {
	c := newCluster(3, testConfig())
	c.tell(Message{Type: MsgHeartbeat, From: 2, Term: 3})
	expect(t, "a follower", c.tell(Message{Type: MsgReadIndex, From: 3, Term: 3, Context: 5}), "n1>n3 read-index-resp t3 read 5 rejected")
	expect(t, "of an earlier term", c.tell(Message{Type: MsgReadIndex, From: 3, Term: 2, Context: 5}), "n1>n3 read-index-resp t3 read 5 rejected")

	c = newCluster(3, testConfig())
	c.elect(1)
	c.tell(Message{Type: MsgReadIndex, From: 3, Term: 1, Context: 5})
	expect(t, "the leader", c.tell(beatResp(3, 2)), "n1>n3 read-index-resp t1 read 5 at 1")
	c.tell(Message{Type: MsgReadIndex, From: 3, Term: 1, Context: 6})
	c.read(1, 7, false)
	said := c.tell(Message{Type: MsgHeartbeatResp, From: 2, Term: 2, Reject: true})
	if got := lines(said); len(got) != 1 || got[0] != "n1>n3 read-index-resp t2 read 6 rejected" {
		t.Errorf("a deposed leader says %v", got)
	}
	c.expectAnswers(t, "and its own", 1, "7 refused")
}

// D11: whatever makes a server lose sight of its leader refuses what it has asked.
func TestReadsAreRefusedWithTheLeader(t *testing.T) {
	for what, do := range map[string]func(c *cluster){
		"a new term":        func(c *cluster) { c.tell(Message{Type: MsgApp, From: 3, Term: 2}) },
		"an election":       func(c *cluster) { c.now = c.node(1).r.electionAt; c.node(1).r.Tick(c.now) },
		"its own candidacy": func(c *cluster) { c.tell(Message{Type: MsgTimeoutNow, From: 2, Term: 1}) },
		"an election timeout": func(c *cluster) {
			c.now += int64(c.cfg.ElectionTimeout) / 2
			c.tell(Message{Type: MsgHeartbeat, From: 2, Term: 1})
			c.now += int64(c.cfg.ElectionTimeout) / 2
			if c.node(1).r.Deadline() > c.now {
				t.Error("the deadline does not say so")
			}
			c.node(1).r.Tick(c.now)
		},
	} {
		c := newCluster(3, testConfig())
		c.tell(Message{Type: MsgHeartbeat, From: 2, Term: 1})
		c.read(1, 7, false)
		c.tell()
		c.expectAnswers(t, what, 1, "")
		do(c)
		c.expectAnswers(t, what, 1, "7 refused")
	}
}

// TestReadsAreBounded: in number, and in the rounds they begin; and however many rounds they begin, contact is dated as ever.
func TestReadsAreBounded(t *testing.T) {
	c := newCluster(3, testConfig())
	c.elect(1)
	r := c.node(1).r
	for i := range uint64(maxReadRounds + 5) {
		c.read(1, i, false)
		if got := len(c.tell()) > 0; got != (i < maxReadRounds) {
			t.Errorf("read %d begins a round: %v", i, got)
		}
	}
	if len(c.tell(beatResp(2, 2))) != 2 {
		t.Error("an answered round makes no room for another")
	}
	for range maxReads - len(r.reads.pending) {
		c.read(1, 99, false)
	}
	if err := r.ReadIndex(0, 1, false); err != ErrReadDropped {
		t.Errorf("one too many: %v", err)
	}
	expect(t, "for others too", c.tell(Message{Type: MsgReadIndex, From: 2, Term: 1, Context: 3}), "n1>n2 read-index-resp t1 read 3 rejected")
	if r = c.node(2).r; r.Status().Lead != 1 {
		t.Fatal("n2 does not follow")
	}
	for range maxReads {
		c.read(2, 1, false)
	}
	if err := r.ReadIndex(0, 1, false); err != ErrReadDropped {
		t.Errorf("one too many: %v", err)
	}
}

func TestRoundsOfReadsKeepTheDates(t *testing.T) {
	var r rounds
	timeout := int64(320)
	r.reset(timeout)
	begun := map[uint64]int64{}
	for now := int64(0); now < 3*timeout; now++ {
		begun[r.at(now)] = now
		for range 50 {
			before := r.newest
			round := r.next(now)
			if round <= before {
				t.Fatalf("round %d again", round)
			}
			begun[round] = now
		}
	}
	last := 3*timeout - 1
	for round, at := range begun {
		got, ok := r.begun(round)
		if last-at <= timeout && (!ok || got > at || at-got > r.quantum) {
			t.Errorf("round %d of %d is dated %d, %v", round, at, got, ok)
		}
	}
	if _, ok := r.begun(r.newest + 1); ok {
		t.Error("a round that nobody began has a date")
	}
}

func leaseConfig() Config {
	cfg := testConfig()
	cfg.LeaseReads = true
	return cfg
}

// §6.4.1: a lease is as long as the election timeout less what two clocks can differ by (D04).
func TestThesis641LengthOfTheLease(t *testing.T) {
	for _, tc := range []struct {
		timeout time.Duration
		ppm     int
		want    int64
	}{
		{150 * time.Millisecond, 0, 149_850_000}, {150 * time.Millisecond, 100_000, 120_000_000}, {3, 500, 2}, {1 << 60, 499_999, 2_305_843_009_213},
	} {
		cfg := Config{ElectionTimeout: tc.timeout, MaxClockDriftPPM: tc.ppm}.withDefaults()
		if got := cfg.leaseLength(); got != tc.want {
			t.Errorf("%v at %d ppm: %d, want %d", tc.timeout, tc.ppm, got, tc.want)
		}
	}
	// A follower's clock that runs fast by the declared rate against a leader's that runs slow: the lease ends first.
	for ppm := int64(1); ppm < 499_999; ppm += 997 {
		cfg := Config{ElectionTimeout: time.Second, MaxClockDriftPPM: int(ppm)}
		lease, promise := cfg.leaseLength()*1_000_000/(1_000_000-ppm), int64(time.Second)*1_000_000/(1_000_000+ppm)
		if lease > promise {
			t.Fatalf("at %d ppm the lease lasts %d ns, the promise %d", ppm, lease, promise)
		}
	}
}

// §6.4.1: the lease counts from the begin of a round that a quorum has answered, and is no lease before.
func TestThesis641LeaseCountsFromTheRound(t *testing.T) {
	c := newCluster(3, leaseConfig())
	c.elect(1)
	r := c.node(1).r
	c.now = int64(60 * time.Millisecond)
	r.Tick(c.now)
	c.tell()
	c.now = int64(140 * time.Millisecond)
	c.tell(beatResp(2, 2)) // begun at 60 ms
	length := r.cfg.leaseLength()
	c.now = int64(60*time.Millisecond) + length - 1
	c.read(1, 1, true)
	c.expectAnswers(t, "just before its end", 1, "1 at 1")
	c.read(1, 2, false)
	c.expectAnswers(t, "unasked", 1, "")
	c.now++
	c.read(1, 3, true)
	c.expectAnswers(t, "at its end", 1, "")

	// The election itself is no round.
	cfg := leaseConfig()
	cfg.DisablePreVote = true
	c = newCluster(3, cfg)
	c.leader()
	c.tell(Message{Type: MsgAppResp, From: 2, Term: 1, Index: 1})
	c.read(1, 1, true)
	c.expectAnswers(t, "before any round", 1, "")
	// Without the option there is no lease.
	c = newCluster(3, testConfig())
	c.elect(1)
	c.read(1, 1, true)
	c.expectAnswers(t, "without the option", 1, "")
}

// §6.4.1: what the lease is built on is kept by all who answer. A server that hears of a larger term while it trusts a leader does
// not vote in it before an election timeout has passed, and its host cannot make it campaign.
func TestThesis641PromisesAreKept(t *testing.T) {
	for _, lease := range []bool{true, false} {
		cfg := leaseConfig()
		cfg.LeaseReads = lease
		c := newCluster(3, cfg)
		r := c.node(1).r
		c.tell(Message{Type: MsgHeartbeat, From: 2, Term: 1}, Message{Type: MsgVoteResp, From: 3, Term: 2, Reject: true})
		if s := r.Status(); s.Term != 2 || s.Lead != None {
			t.Fatalf("%s", DescribeStatus(nil, s))
		}
		ask := func(term uint64) bool {
			said := c.tell(Message{Type: MsgVote, From: 3, Term: term})
			return len(said) > 0 && !said[0].Reject
		}
		c.now = int64(cfg.ElectionTimeout) - 1
		if got := ask(2); got == lease {
			t.Errorf("lease %v: a vote in the term it has heard of: %v", lease, got)
		}
		r.Campaign(c.now)
		if got := r.Status().Role == StateFollower; got != lease {
			t.Errorf("lease %v: %v", lease, r.Status().Role)
		}
		if !lease {
			continue
		}
		if ask(3) {
			t.Error("a vote in a later term")
		}
		c.now++
		if !ask(3) {
			t.Error("no vote for ever")
		}
	}
}

// §6.4.1: a server that was restarted may have been part of a lease.
func TestThesis641RestartedServersWait(t *testing.T) {
	for _, lease := range []bool{true, false} {
		cfg := leaseConfig()
		cfg.LeaseReads = lease
		c := newCluster(3, cfg)
		c.now = 1000
		c.restartWith(1, 3, None, 0, 1)
		r := c.node(1).r
		vote := func(m Message) bool {
			m.Type, m.From, m.Index, m.LogTerm = MsgVote, 2, 1, 1
			said := c.tell(m)
			return len(said) > 0 && !said[0].Reject
		}
		c.now += int64(cfg.ElectionTimeout) - 1
		c.tell(Message{Type: MsgHeartbeat, From: 3, Term: 3})
		c.tell(Message{Type: MsgTimeoutNow, From: 3, Term: 3})
		r.Campaign(c.now)
		if got := r.Status().Role == StateFollower; got != lease {
			t.Errorf("lease %v: it is %v", lease, r.Status().Role)
		}
		if got := vote(Message{Term: 8, Transfer: true}); got == lease {
			t.Errorf("lease %v: its vote: %v", lease, got)
		}
		c.now++
		if !vote(Message{Term: 9, Transfer: true}) {
			t.Errorf("lease %v: no vote for ever", lease)
		}
	}
	// Its own vote counts like any other.
	c := newCluster(1, leaseConfig())
	c.restartWith(1, 3, None, 0, 1)
	c.now = int64(c.cfg.ElectionTimeout) - 1
	c.node(1).r.Campaign(c.now)
	c.pump(c.node(1))
	if s := c.node(1).r.Status(); s.Role != StateFollower {
		t.Errorf("%s", DescribeStatus(nil, s))
	}
	// A server that has never been anywhere has promised nothing.
	c = newCluster(3, leaseConfig())
	expect(t, "the first vote", c.tell(Message{Type: MsgVote, From: 2, Term: 1}), "n1>n2 vote-resp t1 granted commit 0/0")
}

// D07, and drifts that make no sense.
func TestLeaseOptions(t *testing.T) {
	for want, change := range map[string]func(c *Config){
		"LeaseReads needs check-quorum":  func(c *Config) { c.DisableCheckQuorum = true },
		"MaxClockDriftPPM (-1) must not": func(c *Config) { c.MaxClockDriftPPM = -1 },
		"must be below 500000":           func(c *Config) { c.MaxClockDriftPPM = 500_000 },
	} {
		cfg := leaseConfig()
		cfg.ID = 1
		change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// §3.10: the target is brought up to date, then asked to campaign, in the leader's term; proposals are refused meanwhile (T04).
func TestThesis310Transfer(t *testing.T) {
	c := newCluster(3, testConfig())
	c.elect(1)
	r := c.node(1).r
	index := c.propose(1, "x")
	c.tell()
	if err := r.TransferLeader(0, 3); err != nil {
		t.Fatal(err)
	}
	expect(t, "not yet", c.tell(), fmt.Sprintf("n1>n3 app t1 after %d/1 commit 1 round 1", index))
	if _, _, err := r.Propose(0, nil); err != ErrTransferring {
		t.Errorf("a proposal: %v", err)
	}
	if _, _, err := r.ProposeConfChange(0, remove(2)); err != ErrTransferring {
		t.Errorf("a change: %v", err)
	}
	ack := Message{Type: MsgAppResp, From: 3, Term: 1, Index: index, Round: 1}
	said := c.tell(ack, ack)
	if got := strings.Join(lines(said), "; "); strings.Count(got, "timeout-now") != 1 || !strings.Contains(got, "n1>n3 timeout-now t1") {
		t.Error(got)
	}
	if s := r.Status(); s.Transferee != 3 || r.Deadline() > int64(c.cfg.ElectionTimeout) {
		t.Errorf("%s", DescribeStatus(nil, s))
	}
	// The vote requests of the transfer pass by everybody's protection of the leader.
	c.tell(Message{Type: MsgVote, From: 3, Term: 2, Index: index, LogTerm: 1, Transfer: true})
	if s := r.Status(); s.Role != StateFollower || s.Vote != 3 || s.Transferee != None {
		t.Errorf("%s", DescribeStatus(nil, s))
	}
	// Others do not.
	c = newCluster(3, testConfig())
	c.elect(1)
	expect(t, "unasked for", c.tell(Message{Type: MsgVote, From: 3, Term: 2, Index: 9, LogTerm: 1}))
}

// §3.10: a transfer that comes to nothing ends after an election timeout (T06), or when the target is no voter any more.
func TestThesis310TransferEnds(t *testing.T) {
	for _, removed := range []bool{false, true} {
		c := newCluster(3, testConfig())
		c.elect(1)
		r := c.node(1).r
		index := uint64(0)
		if removed {
			index = c.change(1, learn(3))
			r.confs.reset(0, c.conf) // as if the transfer had begun before
			r.switchConf()
		}
		if err := r.TransferLeader(0, 3); err != nil {
			t.Fatal(err)
		}
		if removed {
			r.restoreConf(index, ConfState{Voters: []uint64{1, 2}, Learners: []uint64{3}})
		} else {
			c.now = int64(c.cfg.ElectionTimeout)
			c.tell(Message{Type: MsgHeartbeatResp, From: 2, Term: 1, Round: 1})
			r.quorumAt = NoDeadline
			if r.Deadline() > c.now {
				t.Error("the deadline does not say so")
			}
			r.Tick(c.now)
		}
		if _, _, err := r.Propose(c.now, nil); err != nil || r.Status().Transferee != None {
			t.Errorf("removed %v: %v", removed, err)
		}
	}
}

// §3.10: only a follower of that very leader listens (T07), and only one that may campaign (T05, M08).
func TestThesis310WhoListens(t *testing.T) {
	now := func(from, term uint64) Message { return Message{Type: MsgTimeoutNow, From: from, Term: term} }
	for _, tc := range []struct {
		what  string
		tells []Message
		want  Role
	}{
		{"its leader's", []Message{{Type: MsgHeartbeat, From: 2, Term: 4}, now(2, 4)}, StateCandidate},
		{"another server's", []Message{{Type: MsgHeartbeat, From: 2, Term: 4}, now(3, 4)}, StateFollower},
		{"of an earlier term", []Message{{Type: MsgHeartbeat, From: 2, Term: 4}, {Type: MsgHeartbeat, From: 2, Term: 6}, now(2, 4)}, StateFollower},
		{"of a later term", []Message{{Type: MsgHeartbeat, From: 2, Term: 4}, now(2, 5)}, StateFollower},
		{"of nobody's", []Message{now(2, 1)}, StateFollower},
	} {
		c := newCluster(3, testConfig())
		c.tell(tc.tells...)
		if got := c.node(1).r.Status().Role; got != tc.want {
			t.Errorf("%s: %v", tc.what, got)
		}
	}
	// It campaigns at once, without asking whether it could win.
	c := newCluster(3, testConfig())
	expect(t, "the campaign", c.tell(Message{Type: MsgHeartbeat, From: 2, Term: 4}, now(2, 4))[1:],
		"n1>n2 vote t5 last 0/0 commit 0/0 transfer", "n1>n3 vote t5 last 0/0 commit 0/0 transfer")
	// A candidate is told nothing new.
	before := c.node(1).r.Status()
	c.tell(now(2, 5))
	if diff := cmp.Diff(before, c.node(1).r.Status()); diff != "" {
		t.Error(diff)
	}
}
