package workload

import (
	"fmt"
	"slices"

	"raftsim/checker"
	"raftsim/raft/statemachine/lock"
)

// lockPromises judges answers of the lock service as they come, each by a promise that needs no search for an order. Log time, which
// every answer tells, does not go back in the log, so answers that come late are judged as well.
//
//   - A token is honoured only if no larger one had been: before the write began, as far as clients were told.
//   - Two clients never own a lock at one log time: an answer that shows a child as the first excludes every child with a lower
//     number whose owner is alive at that log time by what it was told, and has not begun to release it.
//   - An owner is alive until its TTL has gone by since its last command, and its children are gone when more has.
//   - A number is given to one owner.
//
// What clients believe is another matter: see believe.
type lockPromises struct {
	ttl      int64
	locks    []lockHistory // by number
	lives    [][]life      // by client and life
	holders  [][]uint64    // by lock: clients that believe they hold it
	findings checker.Findings
}

// lockHistory is what clients were told of one lock.
type lockHistory struct {
	honoured uint64  // the largest token with which a write has completed
	claims   []claim // children of which owners were told
	grants   []grant // children shown as the first to their owners
}

type claim struct {
	number, owner uint64
	until         int64 // log time until which it is there, by the newest answer
	over          bool  // its owner has begun to release it
}

type grant struct {
	number uint64
	at     int64 // log time, the earliest known
}

// life is what an owner was told last.
type life struct {
	at        int64 // log time of its last command that was answered
	known     bool
	busy      bool // a command is under way
	unsettled bool // the outcome of one since the last answer is unknown
}

func (p *lockPromises) reset(plan Plan) {
	*p = lockPromises{ttl: int64(plan.LockTTL), locks: p.locks[:0], lives: p.lives[:0], holders: p.holders[:0], findings: p.findings}
	p.findings.Reset()
	for range plan.Keys {
		p.locks = append(p.locks, lockHistory{})
		p.holders = append(p.holders, nil)
	}
	for range plan.Clients + 1 {
		p.lives = append(p.lives, nil)
	}
}

// life returns what is known of an owner; nil for one that no client can be.
func (p *lockPromises) life(owner uint64) *life {
	id, n := owner>>clientShift, owner&(1<<clientShift-1)
	if id == 0 || id >= uint64(len(p.lives)) || n == 0 || n > 1<<12 {
		return nil
	}
	for uint64(len(p.lives[id])) < n {
		p.lives[id] = append(p.lives[id], life{})
	}
	return &p.lives[id][n-1]
}

// invoked notes that a command begins, and returns the largest token of its lock that is known to be honoured.
func (p *lockPromises) invoked(c *lock.Command) (floor uint64) {
	if l := p.life(c.Owner); l != nil {
		l.busy = true
	}
	h := &p.locks[c.Lock]
	if c.Op == lock.OpRelease {
		if k := h.claim(c.Token); k != nil {
			k.over = true
		}
	}
	return h.honoured
}

func (h *lockHistory) claim(number uint64) *claim {
	for i := range h.claims {
		if h.claims[i].number == number {
			return &h.claims[i]
		}
	}
	return nil
}

// abandoned notes that the outcome of a command stays unknown.
func (p *lockPromises) abandoned(c *lock.Command) {
	if l := p.life(c.Owner); l != nil {
		l.busy, l.unsettled = false, true
	}
}

// answered judges an answer.
func (p *lockPromises) answered(a *lockAsked, r *lock.Result, step uint64) {
	c := &a.command
	h := &p.locks[c.Lock]
	bad := func(rule, format string, args ...any) {
		text := appendLockCommand(fmt.Appendf(nil, "c%d: ", a.client), c)
		text = appendLockAnswer(append(text, " -> "...), lockOutput(r))
		p.findings.Add(checker.Violation{
			Property: checker.LockSafety, Rule: rule, Step: step, Detail: string(fmt.Appendf(append(text, ": "...), format, args...)),
		})
	}
	switch r.Status {
	case lock.StatusWritten:
		if c.Token < a.floor {
			bad("old-token-honoured", "a write with token %d was honoured before", a.floor)
		}
		h.honoured = max(h.honoured, c.Token)
	case lock.StatusResource:
		if r.Token < a.floor && !a.void {
			bad("resource-went-back", "a write with token %d was honoured before", a.floor)
		}
	}
	if l := p.life(c.Owner); l != nil {
		p.renewed(l, c.Owner, r, bad)
	}
	if r.Status != lock.StatusListed {
		return
	}
	for _, child := range r.Children {
		if l := p.life(child.Owner); l != nil && l.known && !l.busy && !l.unsettled && r.Now-l.at > p.ttl {
			bad("child-outlives-owner", "the last command of %s was at log time %d, %d ns before", appendOwner(nil, child.Owner), l.at, r.Now-l.at)
		}
	}
	if r.Own != 0 {
		p.owns(h, c.Owner, r, bad)
	}
}

type reporter func(rule, format string, args ...any)

// renewed takes in that an owner was answered, and moves on what its children are owed.
func (p *lockPromises) renewed(l *life, owner uint64, r *lock.Result, bad reporter) {
	l.busy = false
	if r.Status == lock.StatusGone {
		if l.known && r.Now-l.at <= p.ttl {
			bad("lease-cut-short", "its last command was at log time %d, %d ns before", l.at, r.Now-l.at)
		}
		return
	}
	l.at, l.known, l.unsettled = max(l.at, r.Now), true, false
	for i := range p.locks {
		h := &p.locks[i]
		for at := range h.claims {
			if k := &h.claims[at]; k.owner == owner && !k.over {
				h.extend(k, r.Now+p.ttl, bad)
			}
		}
	}
}

// extend moves on the log time until which a child is there.
func (h *lockHistory) extend(k *claim, until int64, bad reporter) {
	k.until = max(k.until, until)
	for _, g := range h.grants {
		if g.number > k.number && g.at <= k.until {
			bad("two-owners", "child %d was shown as the first at log time %d, with child %d there until %d", g.number, g.at, k.number, k.until)
		}
	}
}

// owns takes in that an owner was told the number of its child, and whether it is the first.
func (p *lockPromises) owns(h *lockHistory, owner uint64, r *lock.Result, bad reporter) {
	k := h.claim(r.Own)
	if k == nil {
		h.claims = append(h.claims, claim{number: r.Own, owner: owner})
		k = &h.claims[len(h.claims)-1]
	}
	if k.owner != owner {
		bad("number-given-twice", "%s was given it too", appendOwner(nil, k.owner))
	}
	if !k.over {
		h.extend(k, r.Now+p.ttl, bad)
	}
	if r.Children[0].Number != r.Own {
		return
	}
	for i := range h.claims {
		if o := &h.claims[i]; o.number < r.Own && !o.over && o.until >= r.Now {
			bad("two-owners", "child %d of %s is there until log time %d", o.number, appendOwner(nil, o.owner), o.until)
		}
	}
	if at := slices.IndexFunc(h.grants, func(g grant) bool { return g.number == r.Own }); at < 0 {
		h.grants = append(h.grants, grant{number: r.Own, at: r.Now})
	} else {
		h.grants[at].at = min(h.grants[at].at, r.Now)
	}
}

// believe notes that a client believes that it holds its lock, and reports whether another one does too.
func (p *lockPromises) believe(c *lockClient) bool {
	h := &p.holders[c.lock]
	*h = append(*h, c.id)
	return len(*h) > 1
}

// doubt notes that a client does not believe so, or any more.
func (p *lockPromises) doubt(c *lockClient) {
	for i, h := range p.holders {
		p.holders[i] = slices.DeleteFunc(h, func(id uint64) bool { return id == c.id })
	}
}
