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
			if len(r.disk.pending) > 0 {
				r.sync()
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

func ok(from, id, seq uint64, attempt uint32) answer {
	result := statemachine.AppendResult(nil, statemachine.Result{Kind: statemachine.ResultOK})
	return answer{from, client.Reply{Client: id, Seq: seq, Attempt: attempt, Status: client.ReplyOK, Result: result}}
}

func refused(from, id, seq uint64, attempt uint32, status client.ReplyStatus, leader uint64) answer {
	return answer{from, client.Reply{Client: id, Seq: seq, Attempt: attempt, Status: status, Leader: leader}}
}

// A2, A3: any server takes a request, and the one that took it answers once its own state machine has applied it.
func TestTheServerThatTookARequestAnswersIt(t *testing.T) {
	c := newCluster(t, 3)
	c.elect(1)
	c.rig(3).request(ask(5, 1, 1))
	c.settle()
	c.want(ok(3, 5, 1, 1))
	if n := c.rig(1).server.Counters(); n.Proposed != 1 || n.Answered != 0 {
		t.Errorf("the leader proposed %d and answered %d, want 1 and 0", n.Proposed, n.Answered)
	}
	// Asked once more through another server that is behind, the leader does not answer in its place either.
	c.cut = 2
	c.rig(1).request(ask(6, 1, 1))
	c.settle()
	c.want(ok(1, 6, 1, 1))
	c.cut = 0
	c.rig(2).request(ask(6, 1, 2))
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
	c.want(ok(2, 6, 1, 2))
}

// A leader that is deposed with a proposal under way says nothing about it: neither "failed" nor "try again". The next leader
// commits the entry, and the server that took the request answers it.
func TestDeposedLeaderStaysSilentUntilItKnows(t *testing.T) {
	c := newCluster(t, 3)
	old := c.elect(1)
	old.request(ask(5, 1, 1))
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
	if index, _ := next.server.Applied(); index != 3 {
		t.Fatalf("the new leader has applied %d entries, want the old leader's two and its own", index)
	}
	c.want()
	c.cut = 0
	c.beat(next)
	c.want(ok(1, 5, 1, 1))
}

// A proposal that a deposed leader alone had is overwritten, without a word. The retry elsewhere is its first execution.
func TestOverwrittenProposalIsNotAnswered(t *testing.T) {
	c := newCluster(t, 3)
	c.elect(1)
	c.cut = 1
	c.rig(1).request(ask(5, 1, 1))
	c.rig(1).request(ask(6, 1, 1))
	c.settle()
	next := c.elect(2)
	next.request(ask(5, 1, 2))
	c.settle()
	c.want(ok(2, 5, 1, 2))
	c.cut = 0
	c.beat(next)
	c.beat(next)
	c.want(ok(1, 5, 1, 1)) // it came through the new leader; of c6 nobody knows anything
	for _, r := range c.rigs {
		if index, _ := r.server.Applied(); index != 3 {
			t.Errorf("n%d has applied up to %d, want 3", r.id, index)
		}
	}
}

// A deposed leader that regains the lead proposes again what it proposed in a term that is over: its log may have lost it.
func TestProposalsOfAnEarlierTermAreNotTrusted(t *testing.T) {
	c := newCluster(t, 3)
	c.elect(1)
	c.cut = 1
	c.rig(1).request(ask(5, 1, 1))
	c.settle()
	next := c.elect(2)
	c.cut = 0
	c.beat(next) // overwrites it
	c.beat(next)
	c.elect(1)
	if n := len(c.rig(1).server.proposed); n != 0 {
		t.Errorf("a new leader remembers %d proposals", n)
	}
	c.rig(1).request(ask(5, 1, 2))
	c.settle()
	c.want(ok(1, 5, 1, 2))
	if n := c.rig(1).server.Counters(); n.Proposed != 2 || n.Suppressed != 0 {
		t.Errorf("proposed %d, suppressed %d, want 2 and 0", n.Proposed, n.Suppressed)
	}
}

// A4: a forwarded request that meets an ex-leader goes no further. The client is told to try again, with the hint if there is
// one, and the retry succeeds.
func TestForwardedRequestMeetsAnExLeader(t *testing.T) {
	c := newCluster(t, 3)
	c.elect(1)
	c.rig(3).request(ask(5, 1, 1)) // on its way to n1
	c.collect()
	late := c.wire
	c.wire = nil
	c.cut = 3
	c.elect(2)
	c.cut = 0
	c.wire = late
	c.settle()
	c.want(refused(1, 5, 1, 1, client.ReplyRedirect, 2))
	c.beat(c.rig(2))
	c.rig(2).request(ask(5, 1, 2))
	c.settle()
	c.beat(c.rig(2))
	c.want(ok(2, 5, 1, 2), ok(3, 5, 1, 1))
}

// However often a client repeats an operation, at whatever server, it happens once.
func TestRetriesAreOneOperation(t *testing.T) {
	c := newCluster(t, 3)
	leader := c.elect(1)
	add := func(attempt uint32) client.Request {
		return client.Request{Client: 5, Seq: 1, Attempt: attempt, Command: statemachine.AppendAppend(nil, 9, []byte("x"))}
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
	if n := leader.server.Counters(); n.Proposed != 1 || n.Suppressed != 5 {
		t.Errorf("the leader proposed %d times and suppressed %d, want 1 and 5", n.Proposed, n.Suppressed)
	}
}
