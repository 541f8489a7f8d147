package checker

import (
	"cmp"
	"slices"

	"github.com/anishathalye/porcupine"
)

// A lock service as its clients know it: who wants a lock is put at the end of its queue under the next number, and the first in the
// queue owns it. Owners that do nothing for longer than their TTL of log time lose all their places. Whoever asked for it is
// told, once, that a queue has changed. A number is the token for writing what the lock protects: a write with a smaller one than
// the largest so far is refused.

// LockOp is what a client of a lock service asks for.
type LockOp uint8

const (
	LockAcquire  LockOp = iota + 1 // a place in the queue, or the one the owner has; renews, watches
	LockChildren                   // the queue; with an owner: renews, watches
	LockRelease                    // the owner's place with this number is given up; renews
	LockRenew                      // renews; which watches have fired?
	LockWrite                      // with a token
	LockRead                       // what the lock protects
)

// LockInput is an operation.
type LockInput struct {
	Op    LockOp
	Lock  uint64
	Owner uint64
	TTL   int64
	Token uint64
	Value uint64
	At    int64 // log time at which it took effect; 0: whatever the answer says
}

// LockStatus is what became of an operation.
type LockStatus uint8

const (
	LockListed   LockStatus = iota + 1 // acquired or read: the queue
	LockAlive                          // renewed
	LockGone                           // the owner has expired
	LockReleased                       // the owner does not have the place
	LockWritten
	LockRefused
	LockResource
)

// LockOutput is an answer.
type LockOutput struct {
	Status LockStatus
	At     int64 // log time at which it was made
	Own    uint64
	Queue  []LockPlace
	Fired  []uint64
	Token  uint64
	Value  uint64
}

// LockPlace is a place in a queue.
type LockPlace struct{ Number, Owner uint64 }

func (o *LockOutput) equal(p *LockOutput) bool {
	return o.Status == p.Status && o.At == p.At && o.Own == p.Own && o.Token == p.Token && o.Value == p.Value &&
		slices.Equal(o.Queue, p.Queue) && slices.Equal(o.Fired, p.Fired)
}

// LockTally counts what became of locks in an order of operations.
type LockTally struct {
	Acquisitions    uint64 // somebody came to own a lock
	ReleaseHandOver uint64 // of these, because the one before released it
	ExpiryHandOver  uint64 // of these, because the one before expired
	Expirations     uint64 // of owners
	WatchesFired    uint64
	TokensRefused   uint64
}

// LockModel judges histories of LockInput and *LockOutput.
func LockModel() Model {
	return PorcupineModel("lock", porcupine.Model{
		Init: func() any { return new(lockState) },
		Step: func(state, input, output any) (bool, any) {
			in, next := input.(LockInput), state.(*lockState).clone()
			if output == nil {
				next.step(&in, max(in.At, next.now))
				return in.At == 0 || in.At == next.now, next
			}
			out := output.(*LockOutput)
			if in.At != 0 && in.At != out.At || out.At < next.now {
				return false, next
			}
			got := next.step(&in, out.At)
			return got.equal(out), next
		},
		Equal: func(a, b any) bool { return a.(*lockState).equal(b.(*lockState)) },
	})
}

// ReplayLocks lets operations take effect in this order of positions in the history. It returns what happened, and the position of
// the first answer that is not the right one, -1 for none, with the one that would be.
func ReplayLocks(history []GenericOperation, order []int) (tally LockTally, wrong int, right LockOutput) {
	s := new(lockState)
	wrong = -1
	for _, at := range order {
		in := history[at].Input.(LockInput)
		out, answered := history[at].Output.(*LockOutput)
		now := max(in.At, s.now)
		if answered {
			now = max(out.At, now)
		}
		got := s.step(&in, now)
		if answered && wrong < 0 && !got.equal(out) {
			wrong, right = at, got
		}
	}
	return s.tally, wrong, right
}

// lockState is the whole service, in lists that are kept in order.
type lockState struct {
	now    int64
	owners []lockOwner
	queue  []lockChild
	locks  []lockRecord
	wishes []lockWish
	tally  LockTally // no part of the state
}

type lockOwner struct {
	id   uint64
	ttl  int64
	last int64
}

type lockChild struct {
	lock uint64
	LockPlace
}

type lockRecord struct{ lock, made, token, value uint64 }

// lockWish is a watch, or the news that one has fired.
type lockWish struct {
	owner, lock uint64
	fired       bool
}

func (s *lockState) clone() *lockState {
	return &lockState{
		now: s.now, owners: slices.Clone(s.owners), queue: slices.Clone(s.queue), locks: slices.Clone(s.locks), wishes: slices.Clone(s.wishes),
	}
}

func (s *lockState) equal(o *lockState) bool {
	return s.now == o.now && slices.Equal(s.owners, o.owners) && slices.Equal(s.queue, o.queue) &&
		slices.Equal(s.locks, o.locks) && slices.Equal(s.wishes, o.wishes)
}

// step lets an operation take effect at a log time and returns the right answer.
func (s *lockState) step(in *LockInput, at int64) LockOutput {
	s.now = at
	s.expire()
	out := LockOutput{At: at}
	switch in.Op {
	case LockWrite:
		r := s.record(in.Lock)
		if in.Token == 0 || in.Token < r.token || in.Token > r.made {
			s.tally.TokensRefused++
			out.Status, out.Token = LockRefused, r.token
			return out
		}
		r.token, r.value, out.Status = in.Token, in.Value, LockWritten
		return out
	case LockRead:
		r := s.record(in.Lock)
		out.Status, out.Token, out.Value = LockResource, r.token, r.value
		return out
	case LockChildren:
		if in.Owner == 0 {
			return s.list(in, out)
		}
	}
	o := s.owner(in.Owner)
	if o == nil && in.Op == LockAcquire {
		s.owners = append(s.owners, lockOwner{id: in.Owner})
		slices.SortFunc(s.owners, func(a, b lockOwner) int { return cmp.Compare(a.id, b.id) })
		o = s.owner(in.Owner)
	}
	if o == nil {
		out.Status = LockGone
		return out
	}
	o.last = at
	switch in.Op {
	case LockAcquire:
		o.ttl = in.TTL
		s.enter(in)
		s.wish(in)
		return s.list(in, out)
	case LockChildren:
		s.wish(in)
		return s.list(in, out)
	case LockRelease:
		out.Status = LockReleased
		gone := s.leave(func(c lockChild) bool { return c.lock == in.Lock && c.Owner == in.Owner && c.Number == in.Token })
		s.tally.ReleaseHandOver += gone
	case LockRenew:
		out.Status = LockAlive
		for _, w := range s.wishes {
			if w.owner == in.Owner && w.fired {
				out.Fired = append(out.Fired, w.lock)
			}
		}
		s.wishes = slices.DeleteFunc(s.wishes, func(w lockWish) bool { return w.owner == in.Owner && w.fired })
	}
	return out
}

// expire takes away who has been silent for too long.
func (s *lockState) expire() {
	var dead []uint64
	s.owners = slices.DeleteFunc(s.owners, func(o lockOwner) bool {
		over := s.now-o.last > o.ttl
		if over {
			dead = append(dead, o.id)
		}
		return over
	})
	if len(dead) == 0 {
		return
	}
	s.tally.Expirations += uint64(len(dead))
	s.wishes = slices.DeleteFunc(s.wishes, func(w lockWish) bool { return slices.Contains(dead, w.owner) })
	s.tally.ExpiryHandOver += s.leave(func(c lockChild) bool { return slices.Contains(dead, c.Owner) })
}

// enter puts an owner at the end of a queue it is not in.
func (s *lockState) enter(in *LockInput) {
	empty := true
	for _, c := range s.queue {
		if c.lock == in.Lock {
			if c.Owner == in.Owner {
				return
			}
			empty = false
		}
	}
	if empty {
		s.tally.Acquisitions++
	}
	r := s.record(in.Lock)
	r.made++
	s.queue = append(s.queue, lockChild{in.Lock, LockPlace{Number: r.made, Owner: in.Owner}})
	slices.SortFunc(s.queue, func(a, b lockChild) int { return cmp.Or(cmp.Compare(a.lock, b.lock), cmp.Compare(a.Number, b.Number)) })
	s.changed(in.Lock)
}

// leave removes places and returns how many locks went to another owner by that.
func (s *lockState) leave(who func(lockChild) bool) (handed uint64) {
	before := slices.Clone(s.queue)
	s.queue = slices.DeleteFunc(s.queue, who)
	var last *lockRecord
	for _, c := range before {
		if !who(c) {
			continue
		}
		if r := s.record(c.lock); r != last {
			last = r
			if first := s.first(c.lock, s.queue); first != 0 && first != s.first(c.lock, before) {
				handed++
			}
			s.changed(c.lock)
		}
	}
	s.tally.Acquisitions += handed
	return handed
}

func (s *lockState) first(lock uint64, queue []lockChild) uint64 {
	for _, c := range queue {
		if c.lock == lock {
			return c.Number
		}
	}
	return 0
}

// changed fires the watches on a queue.
func (s *lockState) changed(lock uint64) {
	for i := range s.wishes {
		if w := &s.wishes[i]; w.lock == lock && !w.fired {
			w.fired = true
			s.tally.WatchesFired++
		}
	}
	s.orderWishes()
}

func (s *lockState) wish(in *LockInput) {
	s.wishes = append(s.wishes, lockWish{owner: in.Owner, lock: in.Lock})
	s.orderWishes()
}

func (s *lockState) orderWishes() {
	slices.SortFunc(s.wishes, func(a, b lockWish) int {
		switch {
		case a.owner != b.owner || a.lock != b.lock || a.fired == b.fired:
			return cmp.Or(cmp.Compare(a.owner, b.owner), cmp.Compare(a.lock, b.lock))
		case a.fired:
			return 1
		}
		return -1
	})
	s.wishes = slices.Compact(s.wishes)
}

func (s *lockState) list(in *LockInput, out LockOutput) LockOutput {
	out.Status = LockListed
	for _, c := range s.queue {
		if c.lock == in.Lock {
			out.Queue = append(out.Queue, c.LockPlace)
			if c.Owner == in.Owner {
				out.Own = c.Number
			}
		}
	}
	return out
}

func (s *lockState) owner(id uint64) *lockOwner {
	for i := range s.owners {
		if s.owners[i].id == id {
			return &s.owners[i]
		}
	}
	return nil
}

// record returns what is known of a lock.
func (s *lockState) record(lock uint64) *lockRecord {
	at, known := slices.BinarySearchFunc(s.locks, lock, func(r lockRecord, lock uint64) int { return cmp.Compare(r.lock, lock) })
	if !known {
		s.locks = slices.Insert(s.locks, at, lockRecord{lock: lock})
	}
	return &s.locks[at]
}
