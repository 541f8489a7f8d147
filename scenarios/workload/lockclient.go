package workload

import (
	"slices"

	"raftsim/raft/statemachine/lock"
)

// lockPhase is where in the recipe a client is.
type lockPhase uint8

const (
	phaseAway    lockPhase = iota // wants no lock
	phaseUnsure                   // has asked for a child and not heard of it
	phaseWaiting                  // has a child that is not the first
	phaseHolding                  // believes that its child is the first
	phaseLeaving                  // has released and not heard of it
)

// lockClient is one client of the lock service.
type lockClient struct {
	id     uint64
	life   uint64 // owners are (client, life): who has died or expired comes back as another
	phase  lockPhase
	lock   uint64
	child  uint64 // its number, the token
	reread bool   // the children have changed, or may have
	renew  bool   // the next thing to do while holding; else write
}

// owner is the id under which the client has children.
func (c *lockClient) owner() uint64 { return c.id<<clientShift | c.life }

// begin begins a new life.
func (c *lockClient) begin() { *c = lockClient{id: c.id, life: c.life + 1} }

// next says what a client with this intent does now; ttl is the lease it asks for.
func (c *lockClient) next(i intent, number, seq uint64, ttl int64) lock.Command {
	switch i {
	case intentLook:
		return lock.Command{Op: lock.OpChildren, Lock: number}
	case intentRead:
		return lock.Command{Op: lock.OpRead, Lock: number}
	case intentRelease:
		if c.phase == phaseHolding {
			c.phase = phaseLeaving
		}
	}
	me := lock.Command{Lock: c.lock, Owner: c.owner()}
	switch c.phase {
	case phaseAway:
		c.phase, c.lock = phaseUnsure, number
		fallthrough
	case phaseUnsure:
		me.Op, me.Lock, me.TTL = lock.OpAcquire, c.lock, ttl
	case phaseWaiting:
		me.Op = lock.OpChildren
		if !c.reread {
			me.Op, me.Lock = lock.OpRenew, 0
		}
	case phaseHolding:
		if c.renew = !c.renew; c.renew || i == intentStall { // whoever wakes up has something to write
			return lock.Command{Op: lock.OpWrite, Lock: c.lock, Token: c.child, Value: uniqueWord(c.id, seq)}
		}
		me.Op, me.Lock = lock.OpRenew, 0
	case phaseLeaving:
		me.Op, me.Token = lock.OpRelease, c.child
	}
	return me
}

// learn takes in an answer. It reports whether the client has come to believe that it holds its lock.
func (c *lockClient) learn(command *lock.Command, r *lock.Result) (holds bool) {
	if command.Op == lock.OpWrite {
		if r.Status == lock.StatusRefused && c.phase == phaseHolding {
			c.phase, c.reread = phaseWaiting, true // somebody else has it, or had
		}
		return false
	}
	if command.Owner != c.owner() {
		return false // said as somebody else
	}
	switch r.Status {
	case lock.StatusListed:
		c.reread = false
		switch {
		case r.Own == 0:
			c.phase = phaseAway
		case r.Children[0].Number == r.Own:
			holds = c.phase != phaseHolding
			c.phase, c.child = phaseHolding, r.Own
		default:
			c.phase, c.child = phaseWaiting, r.Own
		}
	case lock.StatusAlive:
		c.reread = c.reread || slices.Contains(r.Fired, c.lock)
	case lock.StatusGone:
		c.begin()
	case lock.StatusReleased:
		c.phase = phaseAway
	}
	return holds
}

// wonder takes in that the outcome of a command stays unknown.
func (c *lockClient) wonder(command *lock.Command) {
	if command.Op == lock.OpRenew && command.Owner == c.owner() {
		c.reread = true // news of a watch may have been lost
	}
}
