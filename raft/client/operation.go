package client

import "math"

type phase uint8

const (
	phaseSent     phase = iota + 1 // waiting for a reply until wake
	phaseWaiting                   // refused; the next attempt leaves at wake
	phaseHeld                      // a command that waits for its session to be opened
	phaseLocating                  // waits until a leader is found
)

// remembered is how many attempts of an operation the client can tell the server of. It matters only for a reply later than
// that many attempts: it completes the operation, and the client does not move to the server that sent it.
const remembered = 8

// operation is one that is outstanding.
type operation struct {
	request   Request // of the latest attempt; the command's buffer is used again
	phase     phase
	busy      bool   // the last reply was busy
	redirects int    // followed in a row
	server    uint64 // asked last, or to be asked next
	place     int    // in the rotation
	asked     [remembered]uint64
	wake      int64 // end of this phase
	end       int64 // the operation is abandoned from here on; MaxInt64: never
}

// add makes an operation with the next number, held, and returns its place.
func (c *Client) add(kind Kind, read ReadKind, command []byte) int {
	n := len(c.ops)
	if n < cap(c.ops) {
		c.ops = c.ops[:n+1]
	} else {
		c.ops = append(c.ops, operation{})
	}
	c.seq++
	op := &c.ops[n]
	r := &op.request
	r.Kind, r.Read, r.Client, r.Seq, r.Attempt = kind, read, c.cfg.Client, c.seq, 0
	r.Session, r.Prev, r.Ack, r.Index, r.Via = 0, 0, 0, 0, 0
	r.Command = append(r.Command[:0], command...)
	op.phase, op.busy, op.redirects = phaseHeld, false, 0
	op.server, op.asked = c.routes.begin(&c.cfg, read), [remembered]uint64{}
	op.place = c.routes.place(read)
	op.wake, op.end = math.MaxInt64, math.MaxInt64
	return n
}

// remove takes an operation out; its memory is kept.
func (c *Client) remove(i int) {
	for ; i < len(c.ops)-1; i++ {
		c.ops[i], c.ops[i+1] = c.ops[i+1], c.ops[i]
	}
	c.ops = c.ops[:i]
}

// find returns the place of an operation, or -1.
func (c *Client) find(seq uint64) int {
	for i := range c.ops {
		if c.ops[i].request.Seq == seq {
			return i
		}
	}
	return -1
}

// opening returns the place of the opening under way, or -1. There is at most one.
func (c *Client) opening() int {
	for i := range c.ops {
		if c.ops[i].request.Kind == KindOpen {
			return i
		}
	}
	return -1
}

// lowest returns the lowest number outstanding, openings apart; 0 for none.
func (c *Client) lowest() uint64 {
	for i := range c.ops {
		if c.ops[i].request.Kind != KindOpen {
			return c.ops[i].request.Seq
		}
	}
	return 0
}

// due returns the place of the first operation above a number that has something to do now, or -1.
func (c *Client) due(above uint64) int {
	for i := range c.ops {
		op := &c.ops[i]
		if op.request.Seq > above && (op.over(c.now) || op.phase != phaseHeld && c.now >= op.wake) {
			return i
		}
	}
	return -1
}

// over reports whether the operation's time is up.
func (op *operation) over(now int64) bool { return now >= op.end && op.end != math.MaxInt64 }

// join makes a command one of the present session, after all earlier ones.
func (c *Client) join(op *operation) {
	op.request.Session = c.session
	op.request.Prev = c.last
	c.last = op.request.Seq
}

// attempt asks op.server, unless the operation's time is up.
func (c *Client) attempt(i int, env Env) {
	op := &c.ops[i]
	if op.over(c.now) || op.request.Attempt == math.MaxUint32 {
		c.abandon(i, ReasonTimeout, env)
		return
	}
	if c.locates(op) {
		if c.routes.leader == 0 {
			c.wait(op, env)
			return
		}
		op.server = c.routes.leader
	}
	op.request.Attempt++
	switch {
	case op.request.Kind == KindCommand:
		op.request.Ack = c.ops[0].request.Seq
	case op.request.Read == ReadSequential, op.request.Read == ReadStale && c.cfg.Monotonic:
		op.request.Index = c.seen
	}
	op.asked[op.request.Attempt%remembered] = op.server
	op.phase = phaseSent
	op.wake = later(c.now, int64(c.cfg.AttemptTimeout))
	c.counters.Attempts++
	c.sending = true
	env.SendRequest(op.server, &op.request)
	c.sending = false
}

// complete ends an operation well. The callback comes last: it may begin the next operation.
func (c *Client) complete(i int, r *Reply, env Env) {
	op := &c.ops[i]
	if back := op.request.Attempt - r.Attempt; back < remembered {
		c.routes.answered(&c.cfg, op, op.asked[r.Attempt%remembered])
	}
	if r.Leader != 0 && c.cfg.place(r.Leader) >= 0 && c.cfg.Locate != LocateRegistry {
		c.routes.leader = r.Leader
	}
	c.seen = max(c.seen, r.Index)
	opened := op.request.Kind == KindOpen
	c.remove(i)
	if opened {
		c.opened(r, env)
		return
	}
	c.counters.Completed++
	env.Completed(r)
}

// opened lets the commands go that waited for a session, in the order of their numbers. One whose time is up stays for Tick to
// end: it would be the predecessor of the next one and never sent.
func (c *Client) opened(r *Reply, env Env) {
	c.counters.Opened++
	c.session, c.last = r.Session, r.Seq
	for i := range c.ops {
		if op := &c.ops[i]; op.phase == phaseHeld && !op.over(c.now) {
			c.join(op)
			op.server = c.routes.begin(&c.cfg, ReadLog)
			op.place = c.routes.place(ReadLog)
			c.attempt(i, env)
		}
	}
}

// expire ends a command whose session is gone. Others of the session may have been executed before, and learn so on their own.
func (c *Client) expire(i int, env Env) {
	if c.ops[i].request.Session == c.session {
		c.session = 0
	}
	c.counters.Expired++
	c.abandon(i, ReasonExpired, env)
}

// tooLarge ends an operation that the server of its latest attempt does not take for its size. An opening has none.
func (c *Client) tooLarge(i int, env Env) {
	why := ReasonTooLarge
	if op := &c.ops[i]; op.request.Attempt > 1 && op.request.Kind == KindCommand {
		why = ReasonTooLargeLater
	}
	c.counters.TooLarge++
	c.abandon(i, why, env)
}

// abandon ends an operation without knowing how it ended, or because it cannot begin. An opening that nobody waits for any more ends with the last that did.
// The callback comes last: it may begin the next operation.
func (c *Client) abandon(i int, why Reason, env Env) {
	op := &c.ops[i]
	seq := op.request.Seq
	if op.request.Kind == KindOpen { // out of attempts: go on under another number
		c.remove(i)
		c.attempt(c.add(KindOpen, ReadLog, nil), env)
		return
	}
	c.remove(i)
	if i := c.opening(); i >= 0 && !c.holds() {
		c.remove(i)
	}
	c.counters.Abandoned++
	env.Abandoned(seq, why)
}

// holds reports whether a command waits for a session.
func (c *Client) holds() bool {
	for i := range c.ops {
		if c.ops[i].phase == phaseHeld {
			return true
		}
	}
	return false
}
