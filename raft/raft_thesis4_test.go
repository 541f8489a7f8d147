package raft

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// One test per rule of chapter 4 of "Consensus: Bridging Theory and Practice" (cluster membership changes), by section; see also
// testdata/membership_*.txt and confchange_test.go.

func add(id uint64) *ConfChange {
	return &ConfChange{Changes: []ConfChangeSingle{{ConfChangeAddVoter, id}}}
}
func learn(id uint64) *ConfChange {
	return &ConfChange{Changes: []ConfChangeSingle{{ConfChangeAddLearner, id}}}
}
func remove(id uint64) *ConfChange {
	return &ConfChange{Changes: []ConfChangeSingle{{ConfChangeRemove, id}}}
}

// change proposes at a server and fails the test if it is refused.
func (c *cluster) change(id uint64, change *ConfChange) uint64 {
	index, _, err := c.node(id).r.ProposeConfChange(c.now, change)
	if err != nil {
		panic(err)
	}
	return index
}

// confEntry is the entry that a leader makes of a change.
func confEntry(index, term uint64, before *ConfState, change *ConfChange) Entry {
	result, err := applyConfChange(before, change)
	if err != nil {
		panic(err)
	}
	c := *change
	c.Result = result
	return Entry{Term: term, Index: index, Type: EntryConfChange, Data: AppendConfChange(nil, &c)}
}

func confText(r *Raft) string {
	s := r.ConfState(r.log.lastIndex())
	return string(DescribeConfState(nil, &s))
}

// §4.1: a leader uses a configuration from the moment it has the entry. With four voters two answers besides its own are needed.
func TestThesis41ActsFromTheEntry(t *testing.T) {
	c := newCluster(3, testConfig())
	c.elect(1)
	c.join()
	r := c.node(1).r
	index := c.change(1, add(4))
	c.tell(Message{Type: MsgAppResp, From: 2, Term: 1, Index: index, Round: 1})
	if r.Status().Commit == index {
		t.Error("two of four are a majority")
	}
	c.tell(Message{Type: MsgAppResp, From: 4, Term: 1, Index: index, Round: 1, Epoch: index})
	if r.Status().Commit != index {
		t.Error("three of four are none")
	}
	if before, after := r.ConfState(index-1), r.ConfState(index); len(before.Voters) != 3 || len(after.Voters) != 4 {
		t.Errorf("from %+v to %+v", before, after)
	}
}

// §4.1: a server that loses the entry goes back to the configuration before (N04).
func TestThesis41FallsBackWhenTheEntryIsCut(t *testing.T) {
	for _, again := range []bool{false, true} {
		c := newCluster(3, testConfig())
		r := c.node(1).r
		first := confEntry(1, 1, &c.conf, remove(2))
		c.tell(Message{Type: MsgApp, From: 2, Term: 1, Entries: []Entry{first, {Term: 1, Index: 2}}})
		if got := confText(r); got != "(1 3)" || r.Status().ConfIndex != 1 {
			t.Fatalf("with the entry: %s since %d", got, r.Status().ConfIndex)
		}
		replacement := entriesOf(1, 2)
		want, since := "(1 2 3)", uint64(0)
		if again { // one change takes the place of another
			replacement = []Entry{confEntry(1, 2, &c.conf, remove(1))}
			want, since = "(2 3)", 1
		}
		c.tell(Message{Type: MsgApp, From: 3, Term: 2, Entries: replacement})
		if got := confText(r); got != want || r.Status().ConfIndex != since || r.promotable() != true {
			t.Errorf("without it: %s since %d", got, r.Status().ConfIndex)
		}
		if voters := r.ConfState(9).Voters; !slices.Equal(r.tracker.config[0], voters) || len(r.tracker.peers) != len(voters) {
			t.Errorf("the quorum counts %v", r.tracker.config[0])
		}
	}
}

// §4.1: one change at a time (M03), and (Ongaro 2015, M01) none before an entry of the leader's own term is committed.
func TestThesis41OneAtATime(t *testing.T) {
	c := newCluster(4, paperConfig())
	c.restartWith(1, 3, None, 0, 1, 3)
	r := c.node(1).r
	if _, _, err := r.ProposeConfChange(0, remove(2)); err != ErrNotLeader {
		t.Errorf("a follower: %v", err)
	}
	r.Campaign(0)
	c.tell()
	c.tell(Message{Type: MsgVoteResp, From: 2, Term: 4}, Message{Type: MsgVoteResp, From: 3, Term: 4})
	c.tell(Message{Type: MsgAppResp, From: 2, Term: 4, Index: 2, Round: 1}, Message{Type: MsgAppResp, From: 3, Term: 4, Index: 2, Round: 1})
	if _, _, err := r.ProposeConfChange(0, remove(2)); err != ErrNoCommitInTerm {
		t.Errorf("before a commitment of its own: %v", err)
	}
	c.tell(Message{Type: MsgAppResp, From: 2, Term: 4, Index: 3, Round: 1}, Message{Type: MsgAppResp, From: 3, Term: 4, Index: 3, Round: 1})
	index := c.change(1, remove(2))
	if _, _, err := r.ProposeConfChange(0, remove(3)); err != ErrConfChangePending {
		t.Errorf("while one is under way: %v", err)
	}
	c.tell(Message{Type: MsgAppResp, From: 3, Term: 4, Index: index, Round: 1})
	var refused *ConfChangeError
	if _, _, err := r.ProposeConfChange(0, remove(2)); !errors.As(err, &refused) || refused.Rule != RuleUnknownServer {
		t.Errorf("what is impossible: %v", err)
	}
	if last := r.Status().LastIndex; last != index {
		t.Errorf("refused changes are in the log: it ends at %d", last)
	}
	c.change(1, remove(3))
}

// Why M01 matters: the schedule of Ongaro's correction. Without the rule two leaders with configurations of disjoint majorities
// come out; with it the second change waits for an entry that overwrites or settles the first.
func TestThesis41TheBugOfSingleServerChanges(t *testing.T) {
	schedule := func(c *cluster, propose func(id uint64, change *ConfChange) error) error {
		// n1 leads four servers and adds n5, but only n1 and n5 learn of it.
		c.elect(1)
		c.join()
		if err := propose(1, add(5)); err != nil {
			return err
		}
		c.settle(func(m *Message) bool { return m.To != 5 && m.From != 5 || m.From == 1 && m.To < 5 }, nil)
		// n2 leads and removes n1, with the help of n3.
		c.node(2).r.Campaign(c.now)
		outside := func(m *Message) bool { return m.To == 1 || m.From == 1 || m.To == 5 || m.From == 5 }
		c.settle(func(m *Message) bool { return outside(m) || m.Type == MsgApp && m.Term == 2 }, nil)
		if err := propose(2, remove(1)); err != nil {
			return err
		}
		c.now += int64(c.cfg.HeartbeatInterval)
		c.node(2).r.Tick(c.now)
		c.settle(func(m *Message) bool { return outside(m) || m.From == 4 || m.To == 4 }, nil)
		// n1 comes back with n4 and n5: three of five.
		c.crash(c.node(1), 0)
		c.start(c.node(1))
		c.node(1).r.Campaign(c.now)
		c.settle(func(m *Message) bool { return m.To == 2 || m.From == 2 || m.To == 3 || m.From == 3 }, nil)
		c.node(1).r.Campaign(c.now)
		c.settle(func(m *Message) bool { return m.To == 2 || m.From == 2 || m.To == 3 || m.From == 3 }, nil)
		return newJudge().violation(c)
	}
	run := func(force bool) error {
		c := newCluster(4, paperConfig())
		return schedule(c, func(id uint64, change *ConfChange) error {
			r := c.node(id).r
			if force {
				made, data, err := r.makeConfChange(change)
				if err == nil {
					r.appendConfChange(&made, data)
				}
				return err
			}
			_, _, err := r.ProposeConfChange(c.now, change)
			return err
		})
	}
	if err := run(false); err != ErrNoCommitInTerm {
		t.Errorf("with the rule: %v", err)
	}
	if err := run(true); err == nil || !strings.Contains(err.Error(), "Safety") && !strings.Contains(err.Error(), "Completeness") {
		t.Errorf("without the rule: %v", err)
	}
}

// §4.1: a server takes part in the elections, and in the log, of leaders that are not in its configuration, as a learner too.
func TestThesis41ServesStrangers(t *testing.T) {
	c := newCluster(3, paperConfig())
	c.conf = ConfState{Voters: []uint64{2, 3}, Learners: []uint64{1}}
	c.start(c.node(1))
	expect(t, "a vote", c.tell(Message{Type: MsgVote, From: 7, Term: 1}), "n1>n7 vote-resp t1 granted commit 0/0")
	expect(t, "an append", c.tell(Message{Type: MsgApp, From: 7, Term: 1, Entries: entriesOf(1, 1), Round: 1}),
		"n1>n7 app-resp t1 upto 1 round 1")
}

// §4.2.1: a new server is sent the log as a learner, and counts for nothing until it is made a voter (M14, M23).
func TestThesis421LearnersDoNotCount(t *testing.T) {
	c := newCluster(3, paperConfig())
	c.conf.Learners = []uint64{4, 5}
	c.conf.Voters = []uint64{1, 2, 3}
	for _, n := range c.nodes {
		c.start(n)
	}
	r := c.node(1).r
	r.Campaign(0)
	if said := lines(c.tell()); len(said) != 2 {
		t.Errorf("votes are asked for by %v", said)
	}
	c.tell(Message{Type: MsgVoteResp, From: 4, Term: 1}, Message{Type: MsgVoteResp, From: 5, Term: 1})
	if r.role == StateLeader {
		t.Fatal("learners elect a leader")
	}
	if said := c.tell(Message{Type: MsgVoteResp, From: 2, Term: 1}); len(said) != 4 {
		t.Errorf("the first append goes to %v", lines(said))
	}
	c.tell(Message{Type: MsgAppResp, From: 4, Term: 1, Index: 1, Round: 1}, Message{Type: MsgAppResp, From: 5, Term: 1, Index: 1, Round: 1})
	if r.Status().Commit != 0 {
		t.Error("learners commit")
	}
	c.tell(Message{Type: MsgAppResp, From: 3, Term: 1, Index: 1, Round: 1})
	if r.Status().Commit != 1 {
		t.Error("voters do not")
	}
}

// §4.2.1: whoever is added is probed at once, and nothing is assumed of it (M21).
func TestThesis421NewServersAreProbedAtOnce(t *testing.T) {
	c := newCluster(3, testConfig())
	c.elect(1)
	for range 5 {
		c.propose(1, "x")
	}
	c.settle(nil, nil)
	index := c.change(1, learn(4))
	pr := c.node(1).r.tracker.peer(4)
	if pr.match != 0 || pr.state != progressProbe || pr.next != index {
		t.Errorf("%+v", pr)
	}
	expect(t, "an idle group", c.tell()[2:],
		`n1>n4 app t1 after 6/1 commit 6 round 1 epoch 7 [7/1 conf-change learner n4 -> (1 2 3) learners (4)]`)
}

// §4.2.1, M08: a learner does not campaign, whoever says so, and neither does a removed server.
func TestThesis421OnlyVotersCampaign(t *testing.T) {
	for _, conf := range []ConfState{{Voters: []uint64{2, 3}, Learners: []uint64{1}}, {Voters: []uint64{2, 3}}} {
		c := newCluster(3, paperConfig())
		c.conf = conf
		c.start(c.node(1))
		r := c.node(1).r
		c.tell(Message{Type: MsgHeartbeat, From: 2, Term: 4})
		r.Campaign(0)
		c.tell(Message{Type: MsgTimeoutNow, From: 2, Term: 4}) // T05
		r.Tick(1 << 50)
		if r.Deadline() != NoDeadline {
			t.Errorf("the deadline is %d", r.Deadline())
		}
		if s := r.Status(); s.Role != StateFollower || s.Term != 4 || s.Learner != (len(conf.Learners) > 0) {
			t.Errorf("%s", DescribeStatus(nil, s))
		}
	}
}

// §4.2.2: a leader that is being removed does not count itself, and leads until the entry is committed (M09). So does one that is
// made a learner.
func TestThesis422RemovedLeader(t *testing.T) {
	for _, change := range []*ConfChange{remove(1), learn(1)} {
		c := newCluster(3, testConfig())
		c.elect(1)
		r := c.node(1).r
		index := c.change(1, change)
		c.tell(Message{Type: MsgAppResp, From: 2, Term: 1, Index: index, Round: 1})
		if s := r.Status(); s.Role != StateLeader || s.Commit == index {
			t.Errorf("with one of two: %s", DescribeStatus(nil, s))
		}
		said := c.tell(Message{Type: MsgAppResp, From: 3, Term: 1, Index: index, Round: 1})
		expect(t, "the last words", said, "n1>n3 app t1 after 2/1 commit 2 round 1", "n1>n2 app t1 after 2/1 commit 2 round 1")
		if s := r.Status(); s.Role != StateFollower || s.Commit != index || s.Lead != None || r.Deadline() != NoDeadline {
			t.Errorf("with both: %s", DescribeStatus(nil, s))
		}
	}
}

// §4.2.2: while the entry that removes it may need its help, a server campaigns (E22), and not after.
func TestThesis422CampaignsForItsOwnRemoval(t *testing.T) {
	c := newCluster(2, paperConfig())
	r := c.node(1).r
	c.tell(Message{Type: MsgApp, From: 2, Term: 1, Entries: []Entry{confEntry(1, 1, &c.conf, remove(1))}})
	if !r.promotable() || r.Deadline() == NoDeadline {
		t.Error("it waits for ever")
	}
	r.Campaign(0)
	if said := c.tell(); len(said) != 1 || said[0].Type != MsgVote {
		t.Errorf("it says %v", lines(said))
	}
	c.tell(Message{Type: MsgHeartbeat, From: 2, Term: 3, Commit: 1})
	if r.promotable() {
		t.Error("it disturbs the others for ever")
	}
}

// §4.2.2: a candidate that learns from an answer that its removal is committed gives up: nobody needs it any more.
func TestThesis422CandidateLearnsOfItsRemoval(t *testing.T) {
	c := newCluster(3, paperConfig())
	r := c.node(1).r
	c.tell(Message{Type: MsgApp, From: 2, Term: 1, Entries: []Entry{confEntry(1, 1, &c.conf, remove(1))}})
	r.Campaign(0)
	c.tell()
	c.tell(Message{Type: MsgVoteResp, From: 2, Term: 2, Commit: 1, CommitTerm: 1},
		Message{Type: MsgVoteResp, From: 3, Term: 2, Commit: 1, CommitTerm: 1})
	if s := r.Status(); s.Role != StateFollower || s.Commit != 1 {
		t.Errorf("it goes on: %s", DescribeStatus(nil, s))
	}
}

// §4.2.3 (E21): a removed server that has not heard of its removal deposes nobody as long as the leader is heard.
func TestThesis423RemovedServersDoNotDisturb(t *testing.T) {
	cfg := testConfig()
	cfg.DisablePreVote = true
	c := newCluster(4, cfg)
	c.elect(1)
	c.change(1, remove(4))
	c.settle(func(m *Message) bool { return m.To == 4 || m.From == 4 }, nil)
	for range 20 {
		c.now += int64(cfg.HeartbeatInterval)
		for _, n := range c.nodes {
			n.r.Tick(c.now)
		}
		c.settle(nil, nil)
	}
	if s, other := c.node(1).r.Status(), c.node(4).r.Status(); s.Role != StateLeader || s.Term != 1 || other.Term < 2 {
		t.Errorf("%s, %s", DescribeStatus(nil, s), DescribeStatus(nil, other))
	}
}

// §4.3: while joint, elections and commitments need both majorities.
func TestThesis43JointNeedsBoth(t *testing.T) {
	for _, tc := range []struct {
		acks []uint64
		want bool
	}{
		{[]uint64{2}, false}, {[]uint64{4}, false}, {[]uint64{2, 3}, false}, {[]uint64{4, 5}, false},
		{[]uint64{2, 4}, true}, {[]uint64{3, 5}, true},
	} {
		c := newCluster(5, paperConfig())
		c.conf = ConfState{Voters: []uint64{1, 4, 5}, Outgoing: []uint64{1, 2, 3}}
		for _, n := range c.nodes {
			c.start(n)
		}
		r := c.node(1).r
		r.Campaign(0)
		c.tell()
		for _, id := range tc.acks {
			c.tell(Message{Type: MsgVoteResp, From: id, Term: 1})
		}
		if got := r.role == StateLeader; got != tc.want {
			t.Errorf("votes of %v: %v", tc.acks, r.role)
		}
		c.tell(Message{Type: MsgVoteResp, From: 2, Term: 1}, Message{Type: MsgVoteResp, From: 4, Term: 1})
		for _, id := range tc.acks {
			c.tell(Message{Type: MsgAppResp, From: id, Term: 1, Index: 1, Round: 1})
		}
		if got := r.Status().Commit == 1; got != tc.want {
			t.Errorf("acknowledgements of %v: committed %v", tc.acks, got)
		}
	}
}

// §4.3: a joint configuration is left once it is committed, by a new leader as well, which commits an entry of its own first; unless
// whoever made it wanted to do that.
func TestThesis43LeavesTheJointConfiguration(t *testing.T) {
	for _, transition := range []ConfTransition{ConfTransitionAuto, ConfTransitionJoint, ConfTransitionExplicit} {
		c := newCluster(5, testConfig())
		c.conf = ConfState{Voters: []uint64{1, 2, 3}, Learners: []uint64{4, 5}}
		for _, n := range c.nodes {
			c.start(n)
		}
		c.elect(1)
		c.change(1, &ConfChange{Transition: transition,
			Changes: []ConfChangeSingle{{ConfChangeAddVoter, 4}, {ConfChangeAddVoter, 5}, {ConfChangeRemove, 1}, {ConfChangeAddLearner, 3}}})
		// All get the entry; nobody hears of its commitment, and the leader is gone.
		c.settle(func(m *Message) bool { return m.To == 1 }, nil)
		c.crash(c.node(1), 0)
		c.wire = nil
		for _, n := range c.nodes[1:] {
			if got := confText(n.r); !strings.HasPrefix(got, "(2 4 5)&&(1 2 3) next (3)") {
				t.Fatalf("n%d: %s", n.id, got)
			}
		}
		c.now += 2 * int64(c.cfg.ElectionTimeout)
		c.elect(4)
		want := "(2 4 5) learners (3)"
		if transition == ConfTransitionExplicit {
			if got := confText(c.node(4).r); !strings.HasPrefix(got, "(2 4 5)&&") {
				t.Errorf("left without being asked: %s", got)
			}
			c.change(4, &ConfChange{})
			c.settle(nil, nil)
		}
		for _, id := range []uint64{2, 3, 4, 5} {
			if got := confText(c.node(id).r); got != want {
				t.Errorf("%v, n%d: %s", transition, id, got)
			}
		}
		if s := c.node(4).r.Status(); s.Commit != s.LastIndex || s.ConfIndex != s.LastIndex {
			t.Errorf("%s, configuration of %d", DescribeStatus(nil, s), s.ConfIndex)
		}
	}
}

// R10, M16: a server that was removed and added again in one term is another one: nothing is assumed of it, and answers to its
// former self do not count.
func TestReaddedServerIsAnother(t *testing.T) {
	c := newCluster(3, testConfig())
	c.elect(1)
	r := c.node(1).r
	c.propose(1, "x")
	c.settle(nil, nil)
	ack := func(from, index, epoch uint64) Message {
		return Message{Type: MsgAppResp, From: from, Term: 1, Index: index, Round: 1, Epoch: epoch}
	}
	c.change(1, remove(3)) // 3
	c.tell(ack(2, 3, 0))
	index := c.change(1, add(3)) // 4
	pr := r.tracker.peer(3)
	if pr.match != 0 || pr.epoch != index {
		t.Fatalf("%+v", pr)
	}
	c.tell(ack(3, 2, 0), ack(3, 3, 0), Message{Type: MsgHeartbeatResp, From: 3, Term: 1, Round: 1})
	if pr = r.tracker.peer(3); pr.match != 0 || pr.contact != 0 {
		t.Errorf("a former self answers: %+v", pr)
	}
	c.tell(ack(3, 4, index))
	if pr = r.tracker.peer(3); pr.match != 4 {
		t.Errorf("%+v", pr)
	}
}

// A follower that takes over both changes at once knows it for another as well.
func TestReaddedServerAtAFollower(t *testing.T) {
	c := newCluster(3, testConfig())
	without := ConfState{Voters: []uint64{1, 2}}
	c.tell(Message{Type: MsgApp, From: 2, Term: 1, Entries: []Entry{confEntry(1, 1, &c.conf, remove(3)), confEntry(2, 1, &without, add(3))}})
	if pr := c.node(1).r.tracker.peer(3); pr.epoch != 2 {
		t.Errorf("%+v", pr)
	}
}

// TestSmallerQuorumCommits: what a majority of fewer voters holds needs no further answer to be committed.
func TestSmallerQuorumCommits(t *testing.T) {
	c := newCluster(4, testConfig())
	c.elect(1)
	index := c.propose(1, "x")
	c.tell()
	c.tell(Message{Type: MsgAppResp, From: 2, Term: 1, Index: index, Round: 1})
	r := c.node(1).r
	if got := r.Status().Commit; got == index {
		t.Error("two of four commit")
	}
	c.change(1, remove(4))
	if got := r.Status().Commit; got != index {
		t.Error("two of three do not")
	}
}

// TestCheckQuorumAllowsForNewServers: a single server that adds another does not depose itself because that one was never heard.
func TestCheckQuorumAllowsForNewServers(t *testing.T) {
	c := newCluster(1, testConfig())
	c.elect(1)
	r := c.node(1).r
	c.now = 10 * int64(c.cfg.ElectionTimeout)
	c.change(1, add(2))
	r.Tick(c.now)
	if s := r.Status(); s.Role != StateLeader || r.quorumAt != c.now+int64(c.cfg.ElectionTimeout) {
		t.Errorf("%s, until %d", DescribeStatus(nil, s), r.quorumAt)
	}
}

// TestRestartFindsTheConfiguration: entries behind what is applied change it again; what cannot be is refused (M14).
func TestRestartFindsTheConfiguration(t *testing.T) {
	conf := ConfState{Voters: []uint64{1, 2, 3}, Learners: []uint64{4}}
	entries := []Entry{{Term: 1, Index: 1}, confEntry(2, 1, &conf, remove(3))}
	cfg := testConfig()
	cfg.ID = 1
	at := func(applied uint64, conf ConfState, entries []Entry) (*Raft, error) {
		return New(cfg, 0, InitialState{HardState: HardState{Term: 1}, ConfState: conf, Entries: entries, Applied: applied})
	}
	r, err := at(1, conf, entries)
	if err != nil || confText(r) != "(1 2) learners (4)" || r.Status().ConfIndex != 2 {
		t.Errorf("%v", err)
	}
	if r, err = at(2, ConfState{Voters: []uint64{1, 2}, Learners: []uint64{4}}, entries); err != nil || confText(r) != "(1 2) learners (4)" {
		t.Errorf("applied already: %v", err)
	}
	other := ConfState{Voters: []uint64{1, 2, 3, 5}}
	if _, err = at(1, other, entries); err == nil || !strings.Contains(err.Error(), "entry 2 of term 1 makes another configuration here") {
		t.Errorf("another history: %v", err)
	}
	if _, err = at(1, ConfState{Voters: []uint64{1, 2}}, entries); err == nil || !strings.Contains(err.Error(), "for n3: the server is no member") {
		t.Errorf("an impossible history: %v", err)
	}
	entries[1].Data = []byte("?")
	if _, err = at(1, conf, entries); err == nil || !strings.Contains(err.Error(), "corrupt") {
		t.Errorf("damage: %v", err)
	}
	entries[1] = confEntry(2, 1, &conf, remove(3))
	// What is restored replaces everything, learners stay learners, and what the log holds behind it is done again.
	r, _ = at(0, ConfState{Voters: []uint64{1, 9}}, nil)
	r.log.entries = entries
	r.restoreConf(1, conf)
	if got := confText(r); got != "(1 2) learners (4)" || len(r.tracker.peers) != 3 || r.tracker.config.Contains(4) {
		t.Errorf("restored: %s", got)
	}
	r.log.entries = nil
	r.restoreConf(0, conf)
	if got := confText(r); got != "(1 2 3) learners (4)" {
		t.Errorf("restored: %s", got)
	}
}

// TestConfStateOfThePast: what is forgotten cannot be asked for.
func TestConfStateOfThePast(t *testing.T) {
	c := newCluster(3, testConfig())
	c.elect(1)
	index := c.change(1, remove(3))
	c.settle(nil, nil)
	r := c.node(1).r
	conf := r.ConfState(index)
	conf.Voters[0] = 9 // the caller's
	if got := confText(r); got != "(1 2)" {
		t.Error(got)
	}
	r.confs.compact(index)
	if got := fmt.Sprint(r.ConfState(index).Voters); got != "[1 2]" {
		t.Error(got)
	}
	mustPanic(t, "raft: n1 is asked for the configuration after entry 1, but knows those from entry 2 on", func() { r.ConfState(1) })
}

// TestImpossibleChangesAreRefusedFromOutside: an append with one is an error, and changes nothing.
func TestImpossibleChangesAreRefusedFromOutside(t *testing.T) {
	c := newCluster(3, testConfig())
	r := c.node(1).r
	before := r.Status()
	for want, data := range map[string][]byte{
		"corrupt encoding": []byte("?"),
		"has no voter":     AppendConfChange(nil, &ConfChange{Changes: remove(2).Changes}),
	} {
		m := Message{Type: MsgApp, From: 2, To: 1, Term: 1, Entries: []Entry{{Term: 1, Index: 1, Type: EntryConfChange, Data: data}}}
		if err := r.Step(0, &m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if diff := cmp.Diff(before, r.Status()); diff != "" {
		t.Error(diff)
	}
	mustPanic(t, "raft: n1 took over an entry that no leader makes: entry 1 of term 1 makes another configuration here than at its leader", func() {
		m := Message{Type: MsgApp, From: 2, To: 1, Term: 1, Entries: []Entry{confEntry(1, 1, &ConfState{Voters: []uint64{2, 3, 4}}, remove(4))}}
		m.Entries[0] = confEntry(1, 1, &ConfState{Voters: []uint64{1, 2, 3, 4}}, remove(3))
		_ = r.Step(0, &m)
	})
}

// M02: a change acts before it is applied, so a candidate cannot have missed one that is committed.
func TestUnappliedChangesCount(t *testing.T) {
	c := newCluster(3, paperConfig())
	r := c.node(1).r
	m := Message{Type: MsgApp, From: 2, To: 1, Term: 1, Commit: 1, Entries: []Entry{confEntry(1, 1, &c.conf, remove(3))}}
	if err := r.Step(0, &m); err != nil {
		t.Fatal(err)
	}
	r.Campaign(0) // nothing was written or applied
	if said := c.tell(); len(said) != 2 || said[1].Type != MsgVote || said[1].To != 2 {
		t.Errorf("%v", lines(said))
	}
}
