package workload

import (
	"fmt"
	"time"

	"raftsim/checker"
	"raftsim/raft/client"
	"raftsim/raft/statemachine/lock"
	"raftsim/sim"
)

// LockCounts counts what happened to locks: as the log has it, and Overlaps as clients believed.
type LockCounts struct {
	checker.LockTally
	Overlaps uint64 // a client came to believe that it holds a lock while another one believed so too
}

// lockSession is the memory of all clients of the lock service, and of who is owed what.
type lockSession struct {
	plan     Plan
	clients  []lockClient // by id
	history  []checker.GenericOperation
	asked    []lockAsked // of the history's operations
	last     []int       // by client: position of its last operation, -1 for none
	clock    uint64      // orders invocations and answers, finer than steps
	count    Operations
	overlaps uint64
	lastStep uint64 // of an answer
	promises lockPromises
	result   lock.Result

	clocksBroken bool
}

// lockAsked is what is remembered of an operation besides the history.
type lockAsked struct {
	command lock.Command
	client  uint64
	read    client.ReadKind
	floor   uint64 // the largest token known honoured when it began
	void    bool   // a lease read under broken clocks
}

// Reset implements Session.
func (s *lockSession) Reset(p Plan) error {
	if p.Keys < 1 || p.LockTTL <= 0 {
		return fmt.Errorf("workload: the lock service needs at least one lock and a TTL above 0, not %d and %v", p.Keys, p.LockTTL)
	}
	*s = lockSession{
		plan: p, history: s.history[:0], asked: s.asked[:0], last: s.last[:0], clients: s.clients[:0], promises: s.promises, result: s.result,
	}
	for i := range p.Clients + 1 {
		s.last = append(s.last, -1)
		s.clients = append(s.clients, lockClient{id: uint64(i), life: 1})
	}
	s.promises.reset(p)
	return nil
}

// Draw implements Session.
func (s *lockSession) Draw(w *sim.Words) int64 { return drawLock(&s.plan, w) }

// Calm implements Session: clients go round the locks, and look now and then.
func (s *lockSession) Calm(id, k uint64) int64 {
	number := int((id + k/8) % uint64(s.plan.Keys))
	switch k % 8 {
	case 5:
		return chooseLock(intentLook, client.ReadLog, number)
	case 6:
		return chooseLock(intentRelease, client.ReadLog, number)
	case 7:
		return chooseLock(intentRead, client.ReadLog, number)
	}
	return chooseLock(intentStep, client.ReadLog, number)
}

// finalLooks are the ways in which every client looks at a lock at the end of a run.
func finalLooks() [finalLooksCount]client.ReadKind {
	return [finalLooksCount]client.ReadKind{client.ReadLeader, client.ReadFollower, client.ReadLease, client.ReadLog}
}

const finalLooksCount = 4

// Final implements Session: one more step of the recipe, an end to it, a look of each kind, a look at every lock and at what it protects.
func (s *lockSession) Final(id, k uint64) (int64, bool) {
	keys := uint64(s.plan.Keys)
	if owed, _ := s.Finals(); k >= 2 {
		looks := owed - 2
		if k < 2+looks {
			return chooseLock(intentLook, finalLooks()[(id+k)%looks], int((id+k)%keys)), true
		}
		k -= looks
	}
	switch {
	case k == 0:
		return chooseLock(intentStep, client.ReadLog, int(id%keys)), true
	case k == 1:
		return chooseLock(intentRelease, client.ReadLog, int(id%keys)), true
	case k < 2+keys:
		return chooseLock(intentLook, client.ReadLog, int(k-2)), true
	case k < 2+2*keys:
		return chooseLock(intentRead, client.ReadLog, int(k-2-keys)), true
	}
	return 0, false
}

// Finals implements Session: all but looks at every lock must complete, and nothing comes at a walk.
func (s *lockSession) Finals() (owed, brisk uint64) {
	owed = 2
	if s.plan.FinalReads {
		owed += finalLooksCount
	}
	return owed, owed + 2*uint64(s.plan.Keys)
}

// Lapse implements Session.
func (s *lockSession) Lapse(choice int64) time.Duration {
	if i, _, _ := chosenLock(choice); i == intentStall || i == intentDie {
		return 2 * s.plan.LockTTL
	}
	return 0
}

// Chosen implements Session: who is to die believes nothing any more.
func (s *lockSession) Chosen(id uint64, choice int64) {
	if i, _, _ := chosenLock(choice); i == intentDie {
		s.promises.doubt(&s.clients[id])
		s.clients[id].begin()
	}
}

// Read implements Session.
func (s *lockSession) Read(choice int64) client.ReadKind {
	_, read, _ := chosenLock(choice)
	return read
}

// Invoke implements Session.
func (s *lockSession) Invoke(id, seq uint64, choice int64, _ uint64, dst []byte) ([]byte, error) {
	if err := (Lock{}).CheckChoice(s.plan, choice); err != nil {
		return nil, err
	}
	i, read, number := chosenLock(choice)
	c := &s.clients[id]
	command := c.next(i, number, seq, int64(s.plan.LockTTL))
	if command.Op == lock.OpRelease {
		s.promises.doubt(c)
	}
	s.asked = append(s.asked, lockAsked{command: command, client: id, read: read, floor: s.promises.invoked(&command)})
	s.clock++
	s.last[id] = len(s.history)
	s.history = append(s.history, checker.GenericOperation{
		Client: id, Seq: seq, Input: lockInput(&command), Invoke: s.clock, Return: checker.NoReturn,
	})
	s.count.Invoked++
	return lock.AppendCommand(dst, &command), nil
}

func lockInput(c *lock.Command) checker.LockInput {
	return checker.LockInput{Op: checker.LockOp(c.Op), Lock: c.Lock, Owner: c.Owner, TTL: c.TTL, Token: c.Token, Value: c.Value}
}

// Complete implements Session.
func (s *lockSession) Complete(id, seq, step, index uint64, result []byte) error {
	s.count.Completed++
	s.lastStep = step
	at := s.find(id, seq)
	if at < 0 {
		return fmt.Errorf("workload: c%d#%d completed but was never invoked", id, seq)
	}
	a, r := &s.asked[at], &s.result
	if err := lock.DecodeResult(result, r); err != nil {
		return fmt.Errorf("c%d#%d: answer %x: %w", id, seq, result, err)
	}
	if !fitting(a.command.Op, r.Status) {
		return fmt.Errorf("c%d#%d: operation %d was answered with status %d", id, seq, a.command.Op, r.Status)
	}
	s.clock++
	h := &s.history[at]
	h.Output, h.Return = lockOutput(r), s.clock
	if a.read != client.ReadLog {
		h.ReadAt = index
		a.void = a.void || a.read == client.ReadLease && s.clocksBroken
	}
	s.promises.answered(a, r, step)
	c := &s.clients[id]
	if c.learn(&a.command, r) {
		if s.promises.believe(c) {
			s.overlaps++
		}
	} else if c.phase != phaseHolding {
		s.promises.doubt(c)
	}
	return nil
}

// fitting reports whether a status can answer an operation at all.
func fitting(op lock.Op, s lock.Status) bool {
	switch op {
	case lock.OpAcquire:
		return s == lock.StatusListed
	case lock.OpChildren:
		return s == lock.StatusListed || s == lock.StatusGone
	case lock.OpRelease:
		return s == lock.StatusReleased || s == lock.StatusGone
	case lock.OpRenew:
		return s == lock.StatusAlive || s == lock.StatusGone
	case lock.OpWrite:
		return s == lock.StatusWritten || s == lock.StatusRefused
	}
	return s == lock.StatusResource
}

func lockOutput(r *lock.Result) *checker.LockOutput {
	out := &checker.LockOutput{Status: checker.LockStatus(r.Status), At: r.Now, Own: r.Own, Token: r.Token, Value: r.Value}
	for _, c := range r.Children {
		out.Queue = append(out.Queue, checker.LockPlace{Number: c.Number, Owner: c.Owner})
	}
	out.Fired = append(out.Fired, r.Fired...)
	return out
}

// Abandon implements Session.
func (s *lockSession) Abandon(id, seq, _ uint64) {
	s.count.Abandoned++
	if at := s.find(id, seq); at >= 0 {
		s.promises.abandoned(&s.asked[at].command)
		s.clients[id].wonder(&s.asked[at].command)
	}
}

// find returns the position of an operation, -1 for none. It is among the client's last ones.
func (s *lockSession) find(id, seq uint64) int {
	if id >= uint64(len(s.last)) {
		return -1
	}
	for at := s.last[id]; at >= 0; at-- {
		if o := &s.history[at]; o.Client == id && o.Seq <= seq {
			if o.Seq == seq {
				return at
			}
			break
		}
	}
	return -1
}

// Asked implements Session.
func (s *lockSession) Asked(id, seq uint64) client.ReadKind {
	if at := s.find(id, seq); at >= 0 {
		return s.asked[at].read
	}
	return client.ReadLog
}

// ClocksBroken implements Session.
func (s *lockSession) ClocksBroken() { s.clocksBroken = true }

// Operations implements Session.
func (s *lockSession) Operations() Operations { return s.count }

// Describe implements Session.
func (s *lockSession) Describe(dst []byte, id, seq uint64) []byte {
	dst = fmt.Appendf(dst, "c%d#%d", id, seq)
	at := s.find(id, seq)
	if at < 0 {
		return dst
	}
	dst = appendLockCommand(append(dst, ' '), &s.asked[at].command)
	if out, ok := s.history[at].Output.(*checker.LockOutput); ok {
		dst = appendLockAnswer(append(dst, " -> "...), out)
	}
	return dst
}

// Answer appends what a person would call the answer of an operation.
func (s *lockSession) Answer(dst []byte, id, seq uint64) []byte {
	if at := s.find(id, seq); at >= 0 {
		if out, ok := s.history[at].Output.(*checker.LockOutput); ok {
			return appendLockAnswer(dst, out)
		}
	}
	return dst
}

// appendOwner appends an owner as the client and its life: "c3.2".
func appendOwner(dst []byte, owner uint64) []byte {
	return fmt.Appendf(dst, "c%d.%d", owner>>clientShift, owner&(1<<clientShift-1))
}

func appendLockCommand(dst []byte, c *lock.Command) []byte {
	switch c.Op {
	case lock.OpAcquire:
		return appendOwner(fmt.Appendf(dst, "acquire k%d as ", c.Lock), c.Owner)
	case lock.OpChildren:
		if c.Owner == 0 {
			return fmt.Appendf(dst, "look k%d", c.Lock)
		}
		return appendOwner(fmt.Appendf(dst, "watch k%d as ", c.Lock), c.Owner)
	case lock.OpRelease:
		return appendOwner(fmt.Appendf(dst, "release k%d %d as ", c.Lock, c.Token), c.Owner)
	case lock.OpRenew:
		return appendOwner(append(dst, "renew as "...), c.Owner)
	case lock.OpWrite:
		return fmt.Appendf(dst, "write k%d with token %d", c.Lock, c.Token)
	}
	return fmt.Appendf(dst, "read k%d", c.Lock)
}

func appendLockAnswer(dst []byte, out *checker.LockOutput) []byte {
	switch out.Status {
	case checker.LockListed:
		if len(out.Queue) == 0 {
			dst = append(dst, "nobody"...)
		}
		for i, p := range out.Queue {
			if i > 0 {
				dst = append(dst, ' ')
			}
			dst = appendOwner(fmt.Appendf(dst, "%d:", p.Number), p.Owner)
		}
	case checker.LockAlive:
		dst = append(dst, "alive"...)
		for _, number := range out.Fired {
			dst = fmt.Appendf(dst, ", k%d changed", number)
		}
	case checker.LockGone:
		dst = append(dst, "expired"...)
	case checker.LockReleased:
		dst = append(dst, "released"...)
	case checker.LockWritten:
		dst = append(dst, "written"...)
	case checker.LockRefused:
		dst = fmt.Appendf(dst, "refused, token %d was here", out.Token)
	case checker.LockResource:
		dst = fmt.Appendf(dst, "c%d#%d with token %d", out.Value>>clientShift, out.Value&(1<<clientShift-1), out.Token)
	}
	return fmt.Appendf(dst, " (log time %v)", time.Duration(out.At))
}
