package raft

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The rules about time, one by one: Tick and Deadline, now that never goes back, being late, and equal instants.

// inRole is n1 of three in a role, with nothing to hand out.
func inRole(role Role) *cluster {
	c := newCluster(3, testConfig())
	n := c.node(1)
	switch role {
	case StatePreCandidate:
		n.r.Campaign(0)
	case StateCandidate:
		n.r.Campaign(0)
		c.pump(n)
		c.tell(Message{Type: MsgPreVoteResp, From: 2, Term: 1})
	case StateLeader:
		c.elect(1)
	}
	c.tell()
	return c
}

var allRoles = [...]Role{StateFollower, StatePreCandidate, StateCandidate, StateLeader}

// A wake-up before the deadline changes nothing, at whatever time and however often.
func TestSpuriousWakeUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		role := allRoles[rapid.IntRange(0, len(allRoles)-1).Draw(t, "role")]
		r := inRole(role).node(1).r
		before, deadline := r.Status(), r.Deadline()
		for range rapid.IntRange(1, 5).Draw(t, "ticks") {
			r.Tick(rapid.Int64Range(-1000, deadline-1).Draw(t, "now"))
			if diff := cmp.Diff(before, r.Status()); diff != "" || r.Deadline() != deadline || r.HasReady() {
				t.Fatalf("a %v: deadline %d, was %d; %s", role, r.Deadline(), deadline, diff)
			}
		}
		if before.Role != role {
			t.Fatalf("a %v", before.Role)
		}
	})
}

// At the deadline something happens, and the next one is later: time cannot stand still.
func TestDeadlineAlwaysMoves(t *testing.T) {
	for _, role := range allRoles {
		c := inRole(role)
		n := c.node(1)
		for range 20 {
			deadline := n.r.Deadline()
			before := n.r.Status()
			n.r.Tick(deadline)
			if !n.r.HasReady() && cmp.Equal(before, n.r.Status()) {
				t.Fatalf("nothing happened to a %v at its deadline", before.Role)
			}
			c.pump(n)
			if n.r.Deadline() <= deadline {
				t.Fatalf("a %v that became a %v at %d has the deadline %d", before.Role, n.r.Status().Role, deadline, n.r.Deadline())
			}
		}
	}
}

// Late by far, one wake-up does what is due once: a server that was paused does not catch up on missed heartbeats.
func TestLateWakeUpDoesThingsOnce(t *testing.T) {
	cfg := testConfig()
	cfg.DisableCheckQuorum = true
	c := leaderOf(3, cfg)
	n := c.node(1)
	n.r.Tick(n.r.Deadline() + 100*int64(cfg.HeartbeatInterval))
	if said := c.tell(); len(said) != 2 {
		t.Errorf("%q", lines(said))
	}
	if got := n.r.Deadline(); got != n.r.now+int64(cfg.HeartbeatInterval) {
		t.Errorf("the next heartbeat at %d", got)
	}
}

// A leader that was paused for an election timeout gives up at once: whatever it is asked first, it does nothing as a leader.
func TestLateLeaderGivesUpAtOnce(t *testing.T) {
	for name, ask := range map[string]func(r *Raft, now int64) error{
		"tick": func(r *Raft, now int64) error { r.Tick(now); return ErrNotLeader },
		"propose": func(r *Raft, now int64) error {
			_, _, err := r.Propose(now, nil)
			return err
		},
		"change": func(r *Raft, now int64) error {
			_, _, err := r.ProposeConfChange(now, &ConfChange{Changes: []ConfChangeSingle{{Type: ConfChangeRemove, ID: 3}}})
			return err
		},
		"transfer": func(r *Raft, now int64) error { return r.TransferLeader(now, 2) },
		"vote request": func(r *Raft, now int64) error {
			m := Message{Type: MsgPreVote, From: 2, To: 1, Term: 2, Index: 9, LogTerm: 1}
			if err := r.Step(now, &m); err != nil {
				return err
			}
			return ErrNotLeader
		},
	} {
		c := inRole(StateLeader)
		r := c.node(1).r
		if err := ask(r, r.quorumAt); err != ErrNotLeader || r.Status().Role != StateFollower {
			t.Errorf("%s: %v, a %v", name, err, r.Status().Role)
		}
		for _, m := range c.tell() {
			if m.Type == MsgApp || m.Type == MsgHeartbeat || m.Reject {
				t.Errorf("%s: says %s", name, DescribeMessage(nil, &m))
			}
		}
	}
}

// A follower that was paused hears what waited for it before it decides: the election deadline is armed again by queued input,
// also when that comes at the very instant of the deadline. The other order is as right: it asks, and follows again.
func TestQueuedInputBeforeTheDeadline(t *testing.T) {
	for _, late := range []int64{0, 1, 1 << 40} {
		c := newCluster(3, testConfig())
		r := c.node(1).r
		c.tell(Message{Type: MsgHeartbeat, From: 2, Term: 3})
		c.now = r.Deadline() + late
		c.tell(Message{Type: MsgHeartbeat, From: 2, Term: 3})
		r.Tick(c.now)
		if s := r.Status(); s.Role != StateFollower || s.Lead != 2 || r.Deadline() <= c.now {
			t.Errorf("%d late: %s", late, DescribeStatus(nil, s))
		}

		c.now = r.Deadline() + late
		r.Tick(c.now)
		if s := r.Status(); s.Role != StatePreCandidate || s.Term != 3 {
			t.Errorf("%d late: %s", late, DescribeStatus(nil, s))
		}
		c.tell(Message{Type: MsgHeartbeat, From: 2, Term: 3})
		if s := r.Status(); s.Role != StateFollower || s.Lead != 2 || s.Term != 3 {
			t.Errorf("%d late: %s", late, DescribeStatus(nil, s))
		}
	}
}

// An answer that arrives at the instant at which leadership ends, or later, counts for when its question was asked: it may show
// that leadership has not ended.
func TestAnswerAtTheQuorumDeadline(t *testing.T) {
	c := inRole(StateLeader)
	r := c.node(1).r
	end := r.quorumAt
	c.now = r.heartbeatAt
	asked := c.now
	r.Tick(c.now)
	round := r.rounds.newest
	c.tell()
	c.now = end
	c.tell(Message{Type: MsgHeartbeatResp, From: 2, Term: 1, Round: round})
	if r.Status().Role != StateLeader || r.quorumAt != asked+int64(c.cfg.ElectionTimeout) {
		t.Errorf("a %v until %d, asked at %d", r.Status().Role, r.quorumAt, asked)
	}
	// A piece of a snapshot asks too.
	c.node(1).r.tracker.peer(2).contact = 0
	r.updateQuorumDeadline()
	c.now = r.quorumAt
	c.tell(Message{Type: MsgSnapResp, From: 2, Term: 1, Round: round})
	if r.Status().Role != StateLeader || r.quorumAt != asked+int64(c.cfg.ElectionTimeout) {
		t.Errorf("a %v until %d, asked at %d", r.Status().Role, r.quorumAt, asked)
	}
	// So late that what it shows has ended too.
	c.now = r.quorumAt
	c.tell(Message{Type: MsgHeartbeatResp, From: 3, Term: 1, Round: round})
	r.Tick(c.now)
	if r.Status().Role != StateFollower {
		t.Error("it goes on leading")
	}
}

// Time never goes back inside: a call from the past sets deadlines as one from now would.
func TestNowNeverGoesBack(t *testing.T) {
	for _, role := range allRoles {
		c := inRole(role)
		r := c.node(1).r
		now := r.Deadline() - 1
		r.Tick(now)
		m := Message{Type: MsgHeartbeat, From: 2, To: 1, Term: 9}
		if err := r.Step(-1<<62, &m); err != nil {
			t.Fatal(err)
		}
		if r.now != now || r.Deadline() < now+int64(c.cfg.ElectionTimeout) {
			t.Errorf("a %v: now %d, deadline %d", role, r.now, r.Deadline())
		}
	}
}

// The end of time is no deadline and overflows nothing.
func TestTheEndOfTime(t *testing.T) {
	for _, role := range allRoles {
		r := inRole(role).node(1).r
		r.Tick(NoDeadline - 1)
		if got := r.Deadline(); got < NoDeadline-1 {
			t.Errorf("a %v: deadline %d", role, got)
		}
	}
}

// A server that cannot campaign forgets a leader that was silent for as long as would make another campaign: nobody is to be sent there.
// It hears of it, and of any other, as before.
func TestSilentLeaderIsForgotten(t *testing.T) {
	for name, make := range map[string]func(c *cluster){
		"a learner":                 func(c *cluster) { c.conf = ConfState{Voters: []uint64{2, 3}, Learners: []uint64{1}} },
		"a stranger":                func(c *cluster) { c.conf = ConfState{Voters: []uint64{2, 3}} },
		"one that joins":            func(c *cluster) { c.node(1).joiner = true },
		"one that has lost entries": func(c *cluster) { c.node(1).lost = EntryID{Index: 9, Term: 9} },
	} {
		c := newCluster(3, testConfig())
		make(c)
		c.start(c.node(1))
		r := c.node(1).r
		if r.Deadline() != NoDeadline {
			t.Errorf("%s: a deadline at %d", name, r.Deadline())
		}
		for _, lead := range []uint64{2, 2, 3} {
			c.tell(Message{Type: MsgHeartbeat, From: lead, Term: lead})
			end := c.now + int64(c.cfg.ElectionTimeout) + r.jitter
			if r.Deadline() != end {
				t.Fatalf("%s: the deadline is %d, want %d", name, r.Deadline(), end)
			}
			c.now = end - 2
			if err := r.ReadIndex(c.now, 7, false); err != nil {
				t.Errorf("%s: a read: %v", name, err)
			}
			if r.Tick(end - 1); r.Status().Lead != lead {
				t.Errorf("%s: the leader is forgotten early", name)
			}
			c.now = end
			r.Tick(c.now)
			c.tell()
			if s := r.Status(); s.Lead != None || s.Role != StateFollower || s.Term != lead || r.Deadline() != NoDeadline {
				t.Errorf("%s: %s, deadline %d", name, DescribeStatus(nil, s), r.Deadline())
			}
			if reads := c.node(1).reads; len(reads) != 1 || !reads[0].Refused {
				t.Errorf("%s: reads %v", name, reads)
			}
			c.node(1).reads = nil
			if err := r.ReadIndex(c.now, 8, false); err != ErrNoLeader {
				t.Errorf("%s: a read: %v", name, err)
			}
		}
	}
}
