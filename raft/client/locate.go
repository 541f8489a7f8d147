package client

import (
	"fmt"
	"math"
)

// Locate is how a client finds the leader.
type Locate uint8

const (
	// LocateHints: it asks any server and follows the hints in redirects.
	LocateHints Locate = iota
	// LocateServers: while it knows of no leader it asks all servers at once whom they believe in, and believes whoever names the
	// highest term, once more than half have answered or a RetryDelay has passed. It follows hints, too.
	LocateServers
	// LocateRegistry: it asks one of Config.Registries, and nobody else: hints of servers are not followed. Where no registry answers, no
	// leader is found.
	LocateRegistry
)

func (l Locate) String() string {
	switch l {
	case LocateHints:
		return "hints"
	case LocateServers:
		return "servers"
	case LocateRegistry:
		return "registry"
	}
	return fmt.Sprintf("Locate(%d)", uint8(l))
}

// lookup is the question who leads, asked for all operations that wait for the answer. There is at most one.
type lookup struct {
	seq     uint64 // the operation it was first asked for; 0: none under way
	attempt uint32 // of all questions of the client's life
	answers int
	leader  uint64 // of the highest term heard of, 0 none
	term    uint64
	late    bool  // a RetryDelay has passed without anybody being named: the first name counts
	pause   bool  // nobody was named: asked again at wake
	wake    int64 // end of this step
	next    int   // place of the registry to be asked next
	request Request
}

// locates reports whether an operation goes to the leader that was asked for.
func (c *Client) locates(op *operation) bool {
	return c.cfg.Locate != LocateHints && !op.request.Read.local()
}

// wait keeps an operation until a leader is found, and sees to it that one is looked for.
func (c *Client) wait(op *operation, env Env) {
	op.phase, op.wake = phaseLocating, math.MaxInt64
	if c.lookup.seq == 0 {
		c.lookup.seq = op.request.Seq
		c.lookUp(env)
	}
}

// lookUp asks who leads.
func (c *Client) lookUp(env Env) {
	l := &c.lookup
	l.attempt++
	l.answers, l.leader, l.term, l.late, l.pause = 0, 0, 0, false, false
	l.request = Request{Kind: KindWho, Client: c.cfg.Client, Seq: l.seq, Attempt: l.attempt}
	c.sending = true
	if c.cfg.Locate == LocateRegistry {
		l.late = true
		l.wake = later(c.now, max(int64(c.cfg.AttemptTimeout)/2, 1))
		c.counters.Lookups++
		env.SendRequest(c.cfg.Registries[l.next], &l.request)
		l.next = (l.next + 1) % len(c.cfg.Registries)
	} else {
		l.wake = later(c.now, int64(c.cfg.RetryDelay))
		for _, server := range c.cfg.Servers {
			c.counters.Lookups++
			env.SendRequest(server, &l.request)
		}
	}
	c.sending = false
}

// told takes in an answer to the question who leads. The copy of an answer counts as one.
func (c *Client) told(r *Reply, env Env) {
	l := &c.lookup
	if l.seq == 0 || l.pause || r.Client != c.cfg.Client || r.Seq != l.seq || r.Attempt != l.attempt {
		c.counters.Ignored++
		return
	}
	l.answers++
	if c.cfg.place(r.Leader) >= 0 && r.Term > l.term {
		l.leader, l.term = r.Leader, r.Term
	}
	switch {
	case l.leader != 0 && (l.late || 2*l.answers > len(c.cfg.Servers)):
		c.found(env)
	case c.cfg.Locate == LocateRegistry:
		l.pause = true
		l.wake = later(c.now, int64(c.cfg.RetryDelay))
	}
}

// lookupDue goes on when a step of the lookup is over.
func (c *Client) lookupDue(env Env) {
	l := &c.lookup
	if l.seq == 0 || c.now < l.wake {
		return
	}
	switch {
	case !c.locating():
		l.seq = 0
	case l.leader != 0:
		c.found(env)
	case l.pause:
		c.lookUp(env)
	case l.late:
		c.counters.LookupTimeouts++
		c.lookUp(env)
	default:
		l.late = true
		l.wake = later(c.now, max(int64(c.cfg.AttemptTimeout)/2, 1))
	}
}

// found sends what waits to the leader that was named.
func (c *Client) found(env Env) {
	c.routes.leader = c.lookup.leader
	c.lookup.seq = 0
	for i := c.waits(0); i >= 0; {
		seq := c.ops[i].request.Seq
		c.attempt(i, env)
		i = c.waits(seq)
	}
}

// waits returns the place of the first operation above a number that waits for a leader, or -1.
func (c *Client) waits(above uint64) int {
	for i := range c.ops {
		if op := &c.ops[i]; op.request.Seq > above && op.phase == phaseLocating {
			return i
		}
	}
	return -1
}

// locating reports whether any operation waits for a leader.
func (c *Client) locating() bool { return c.waits(0) >= 0 }
