package server

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
)

// cluster is a few servers with a network that a test empties by hand.
type cluster struct {
	t    testing.TB
	rigs []*rig
	now  int64
	cut  uint64 // a server nothing reaches or leaves; 0: none
	wire []packet
	// replies are what clients got, with who sent it.
	replies []answer
}

type packet struct {
	from, to uint64
	message  raft.Message
	request  *client.Request // instead of a message
}

type answer struct {
	from  uint64
	reply client.Reply
}

func newCluster(t testing.TB, members int) *cluster {
	t.Helper()
	c := &cluster{t: t}
	for i := range members {
		c.rigs = append(c.rigs, newRig(t, uint64(i+1), members).running())
	}
	return c
}

func (c *cluster) rig(id uint64) *rig { return c.rigs[id-1] }

// pass lets time pass at every server without telling any.
func (c *cluster) pass(d int64) {
	c.now += d
	for _, r := range c.rigs {
		r.now = c.now
	}
}

// collect puts what servers sent on the wire.
func (c *cluster) collect() {
	for _, r := range c.rigs {
		h := r.host
		for i := range h.messages {
			c.wire = append(c.wire, packet{from: r.id, to: h.messages[i].To, message: h.messages[i]})
		}
		for i := range h.forwards {
			c.wire = append(c.wire, packet{from: r.id, to: h.forwards[i].to, request: &h.forwards[i].request})
		}
		for i := range h.replies {
			c.replies = append(c.replies, answer{r.id, h.replies[i]})
		}
		h.messages, h.forwards, h.replies = nil, nil, nil
	}
}

// deliver takes packet i off the wire, or leaves a copy there.
func (c *cluster) deliver(i int, again bool) {
	p := c.wire[i]
	if !again {
		c.wire = append(c.wire[:i:i], c.wire[i+1:]...)
	}
	r := c.rig(p.to)
	switch {
	case r.server == nil || c.cut != 0 && (c.cut == p.to || c.cut == p.from):
	case p.request != nil:
		r.request(*p.request)
	default:
		r.step(p.message)
	}
}

// settle delivers everything and completes every sync until nothing moves.
func (c *cluster) settle() {
	c.t.Helper()
	for range 100_000 {
		c.collect()
		moved := false
		for _, r := range c.rigs {
			if r.server != nil && len(r.disk.pending) > 0 {
				r.sync()
				moved = true
			}
			if r.host.later > 0 {
				r.host.later = 0
				r.server.HandleApply(r.now, 0)
				moved = true
			}
		}
		if len(c.wire) > 0 {
			c.deliver(0, false)
			moved = true
		}
		if !moved {
			return
		}
	}
	c.t.Fatal("the cluster never comes to rest")
}

// elect makes a server the leader after everybody has stopped believing in another, and forgets what was written down.
func (c *cluster) elect(id uint64) *rig {
	c.t.Helper()
	c.pass(3 * int64(electionTimeout))
	r := c.rig(id)
	r.server.Campaign(c.now)
	c.settle()
	if st := r.server.Status(); st.Role != raft.StateLeader {
		c.t.Fatalf("want a leader, got %s", raft.DescribeStatus(nil, st))
	}
	for _, r := range c.rigs {
		r.host.lines = nil
	}
	return r
}

// open opens the session of clients whose id is the next index of the log, or makes it so with sessions of others.
func (c *cluster) open(ids ...uint64) {
	c.t.Helper()
	leader := c.leader()
	for _, id := range ids {
		for filler := uint64(1000); ; filler++ {
			next := leader.server.Status().LastIndex + 1
			if next > id {
				c.t.Fatalf("the log is at entry %d already", next)
			}
			if next == id {
				filler = id
			}
			leader.request(opening(filler, 1, 1))
			c.settle()
			if next == id {
				break
			}
		}
	}
	c.beat(leader)
	for _, r := range c.rigs {
		r.host.lines = nil
	}
	c.replies = nil
}

func (c *cluster) leader() *rig {
	c.t.Helper()
	for _, r := range c.rigs {
		if r.server != nil && r.server.Status().Role == raft.StateLeader {
			return r
		}
	}
	c.t.Fatal("no leader")
	return nil
}

// beat lets a leader send heartbeats, which tell the others what is committed.
func (c *cluster) beat(leader *rig) {
	c.t.Helper()
	c.pass(int64(heartbeat))
	leader.server.Tick(c.now)
	c.settle()
}

func (c *cluster) want(answers ...answer) {
	c.t.Helper()
	if diff := cmp.Diff(answers, c.replies, cmp.AllowUnexported(answer{})); diff != "" && len(answers)+len(c.replies) > 0 {
		c.t.Fatalf("replies (-want +got):\n%s", diff)
	}
	c.replies = nil
}

func ok(from, id, seq uint64, attempt uint32, index uint64) answer {
	result := statemachine.AppendResult(nil, statemachine.Result{Kind: statemachine.ResultOK})
	return answer{from, client.Reply{Client: id, Seq: seq, Attempt: attempt, Status: client.ReplyOK, Index: index, Result: result}}
}

func refused(from, id, seq uint64, attempt uint32, status client.ReplyStatus, leader uint64) answer {
	return answer{from, client.Reply{Client: id, Seq: seq, Attempt: attempt, Status: status, Leader: leader}}
}

// A2, A3: any server takes a request, and the one that took it answers once its own state machine has applied it.
func TestTheServerThatTookARequestAnswersIt(t *testing.T) {
	c := newCluster(t, 3)
	c.elect(1)
	c.open(5, 6)
	before := c.rig(1).server.Counters()
	c.rig(3).request(ask(5, 2, 1))
	c.settle()
	c.want(ok(3, 5, 2, 1, 7))
	if n := c.rig(1).server.Counters(); n.Proposed != before.Proposed+1 || n.Answered != before.Answered {
		t.Errorf("the leader proposed %d and answered %d, want 1 and 0", n.Proposed-before.Proposed, n.Answered-before.Answered)
	}
	// Asked once more through another server that is behind, the leader does not answer in its place either.
	c.cut = 2
	c.rig(1).request(ask(6, 2, 1))
	c.settle()
	c.want(ok(1, 6, 2, 1, 8))
	c.cut = 0
	c.rig(2).request(ask(6, 2, 2))
	c.collect()
	for i := range c.wire {
		if c.wire[i].request != nil {
			c.deliver(i, false)
			break
		}
	}
	c.collect()
	c.want()
	c.beat(c.rig(1))
	c.want(ok(2, 6, 2, 2, 8))
}

// A leader that is deposed with a proposal under way says nothing about it: neither "failed" nor "try again". The next leader
// commits the entry, and the server that took the request answers it.
func TestDeposedLeaderStaysSilentUntilItKnows(t *testing.T) {
	c := newCluster(t, 3)
	old := c.elect(1)
	c.open(5)
	old.request(ask(5, 2, 1))
	c.collect()
	for i := range c.wire { // the append reaches n2; its answer will not come back
		if c.wire[i].to == 2 {
			c.deliver(i, false)
			break
		}
	}
	c.cut = 1
	c.settle()
	next := c.elect(2)
	old.server.Tick(c.now)
	if st := old.server.Status(); st.Role == raft.StateLeader {
		t.Fatal("the old leader still leads")
	}
	c.settle()
	if index, _ := next.server.Applied(); index != 7 {
		t.Fatalf("the new leader has applied up to %d, want the old leader's 6 and its own", index)
	}
	c.want()
	c.cut = 0
	c.beat(next)
	c.want(ok(1, 5, 2, 1, 6))
}

// Proposals that a deposed leader alone had are overwritten. The retry elsewhere is the first execution of one, and answers its
// client; that of the other is told, as soon as it is known, that the attempt is lost.
func TestOverwrittenProposals(t *testing.T) {
	c := newCluster(t, 3)
	c.elect(1)
	c.open(5, 6)
	c.cut = 1
	c.rig(1).request(ask(5, 2, 1)) // entry 7
	c.rig(1).request(ask(6, 2, 1)) // entry 8
	c.settle()
	next := c.elect(2)         // with entry 7
	next.request(ask(5, 2, 2)) // entry 8
	c.settle()
	c.want(ok(2, 5, 2, 2, 8))
	c.cut = 0
	c.beat(next)
	c.beat(next)
	c.want(answer{1, client.Reply{Client: 5, Seq: 2, Attempt: 1, Status: client.ReplyDropped}}, answer{1, client.Reply{Client: 6, Seq: 2, Attempt: 1, Status: client.ReplyDropped}})
	for _, r := range c.rigs {
		if index, _ := r.server.Applied(); index != 8 {
			t.Errorf("n%d has applied up to %d, want 8", r.id, index)
		}
	}
}

// A deposed leader that regains the lead proposes again what it proposed in a term that is over: its log may have lost it.
func TestProposalsOfAnEarlierTermAreNotTrusted(t *testing.T) {
	c := newCluster(t, 3)
	c.elect(1)
	c.open(5)
	before := c.rig(1).server.Counters().Proposed
	c.cut = 1
	c.rig(1).request(ask(5, 2, 1))
	c.settle()
	next := c.elect(2)
	c.cut = 0
	c.beat(next) // overwrites it
	c.beat(next)
	c.elect(1)
	if n := c.rig(1).server.proposals.current.len(); n != 0 {
		t.Errorf("a new leader remembers %d proposals", n)
	}
	c.replies = nil
	c.rig(1).request(ask(5, 2, 2))
	c.settle()
	c.want(ok(1, 5, 2, 2, 8))
	if n := c.rig(1).server.Counters(); n.Proposed-before != 2 || n.Suppressed != 0 {
		t.Errorf("proposed %d, suppressed %d, want 2 and 0", n.Proposed-before, n.Suppressed)
	}
}

// A4: a forwarded request that meets an ex-leader goes no further. The client is told to try again, with the hint if there is
// one, and the retry succeeds.
func TestForwardedRequestMeetsAnExLeader(t *testing.T) {
	c := newCluster(t, 3)
	c.elect(1)
	c.open(5)
	c.rig(3).request(ask(5, 2, 1)) // on its way to n1
	c.collect()
	late := c.wire
	c.wire = nil
	c.cut = 3
	c.elect(2)
	c.cut = 0
	c.wire = late
	c.settle()
	c.want(refused(1, 5, 2, 1, client.ReplyRedirect, 2))
	c.beat(c.rig(2))
	c.rig(2).request(ask(5, 2, 2))
	c.settle()
	c.beat(c.rig(2))
	c.want(ok(2, 5, 2, 2, 7), ok(3, 5, 2, 1, 7))
}

// However often a client repeats an operation, at whatever server, it happens once.
func TestRetriesAreOneOperation(t *testing.T) {
	c := newCluster(t, 3)
	leader := c.elect(1)
	c.open(5)
	before := leader.server.Counters().Proposed
	add := func(attempt uint32) client.Request {
		r := ask(5, 2, attempt)
		r.Command = statemachine.AppendAppend(nil, 9, []byte("x"))
		return r
	}
	for attempt := uint32(1); attempt <= 6; attempt++ {
		c.rig(uint64(attempt)%3 + 1).request(add(attempt))
	}
	c.settle()
	c.elect(2)
	c.rig(3).request(add(7))
	c.rig(2).request(add(8))
	c.settle()
	for _, r := range c.rigs {
		if got := string(r.kv.Lookup(9).Value); got != "x" {
			t.Errorf("n%d holds %q, want one x", r.id, got)
		}
	}
	if n := leader.server.Counters(); n.Proposed-before != 1 || n.Suppressed != 5 {
		t.Errorf("the leader proposed %d times and suppressed %d, want 1 and 5", n.Proposed-before, n.Suppressed)
	}
}
