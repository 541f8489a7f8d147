// Package lock is a lock service as a replicated state machine: the recipe people know from ZooKeeper, with leases in log time
// and fencing tokens.
//
// The terms:
//
//   - A lock is a persistent parent. Who wants it makes a child of it. Children are numbered in the order in which they are made,
//     and no number is ever given again: the child with the lowest number owns the lock.
//   - An owner is who children belong to: a number that a client makes up, another one for each of its lives. Children are ephemeral:
//     they go when their owner releases them, or all at once when the owner expires.
//   - An owner expires when log time has gone on by more than its TTL since its last command, at the entry that shows it and before
//     that entry does anything else. Log time is the largest stamp in the log (see statemachine.Timed), so all replicas agree on who
//     has expired and no clock of a replica plays a part. The clock of the owner may disagree: it may believe in a lock that it
//     has lost.
//   - That is what fencing tokens are for. The number of a child is the token of its owner; a resource that others protect by a lock
//     takes a write only with a token that is not smaller than the largest it has taken. Here the resource is in the machine too,
//     one word per lock; it knows of tokens and nothing of owners.
//   - A watch is one owner's wish to hear, once, that the children of a lock changed. It is set by reading the children. That it fired
//     is told in the answer to the owner's next renewal, as nothing can be sent to a client that did not ask.
//
// So a client acquires (makes its child and sees the others), is the owner if its child is the first, and else renews until its watch
// has fired and then reads the children again. All waiters of a lock are woken by each change: the recipe is the simple one.
package lock

import (
	"cmp"
	"math"
	"slices"
)

// Machine is the lock service. It is a statemachine.StateMachine, Snapshotter, Reader and Timed. The zero value is ready: log time
// 0, no lock, no owner.
//
// Memory: O(locks ever named + owners alive + their children and watches).
type Machine struct {
	now     int64
	expiry  int64    // no owner expires while log time is not above this; a lower bound
	parents []parent // by number
	owners  []owner  // by id
	sum     uint64   // of the hashes of all parts
}

// parent is a lock.
type parent struct {
	number   uint64
	made     uint64  // children so far, and the number of the last one
	token    uint64  // the largest that came with a write
	value    uint64  // of the protected resource
	children []child // by number
}

type child struct{ number, owner uint64 }

type owner struct {
	id       uint64
	ttl      int64
	active   int64    // log time of its last command
	watching []uint64 // locks, in order
	fired    []uint64 // locks whose watch has fired and that the owner was not told of, in order
}

// New returns a machine in its initial state.
func New() *Machine { return &Machine{expiry: math.MaxInt64} }

// Advance implements statemachine.Timed: owners whose lease is over by now are gone. Cost: O(1), and O(owners) when one may be.
func (m *Machine) Advance(now int64) {
	if now <= m.now {
		return
	}
	m.now = now
	if now <= m.expiry {
		return
	}
	m.expiry = math.MaxInt64
	for i := 0; i < len(m.owners); {
		if o := &m.owners[i]; now-o.active <= o.ttl {
			m.expiry = min(m.expiry, o.until())
			i++
		} else {
			m.expire(i)
		}
	}
}

// until is the last log time at which the owner is alive unless it renews.
func (o *owner) until() int64 {
	if o.active > math.MaxInt64-o.ttl {
		return math.MaxInt64
	}
	return o.active + o.ttl
}

// expire removes an owner with its children.
func (m *Machine) expire(at int) {
	id := m.owners[at].id
	m.sum -= m.owners[at].hash()
	m.owners = remove(m.owners, at)
	for i := range m.parents {
		p := &m.parents[i]
		if at := p.childOf(id); at >= 0 {
			m.drop(p, at)
		}
	}
}

// Apply executes one command and appends its Result. Bytes that are no command give StatusInvalid and change nothing. The index
// plays no part.
//
// Cost: binary searches, O(children of the lock), and O(owners) where children change.
func (m *Machine) Apply(_ uint64, command, dst []byte) []byte {
	var c Command
	if c.decode(command) != nil {
		return append(dst, byte(StatusInvalid))
	}
	switch c.Op {
	case OpAcquire:
		return m.acquire(&c, dst)
	case OpChildren:
		return m.listAndWatch(&c, dst)
	case OpRelease:
		return m.release(&c, dst)
	case OpRenew:
		return m.renew(&c, dst)
	case OpWrite:
		return m.write(&c, dst)
	}
	return m.read(&c, dst)
}

// Query implements statemachine.Reader: the children of a lock without a watch, and the protected resource.
func (m *Machine) Query(query, dst []byte) []byte {
	var c Command
	switch err := c.decode(query); {
	case err == nil && c.Op == OpChildren && c.Owner == 0:
		return m.listed(m.find(c.Lock), 0, dst)
	case err == nil && c.Op == OpRead:
		return m.read(&c, dst)
	}
	return append(dst, byte(StatusInvalid))
}

// acquire makes a child for the owner, unless it has one, and the owner if need be.
func (m *Machine) acquire(c *Command, dst []byte) []byte {
	at, known := slices.BinarySearchFunc(m.owners, c.Owner, func(o owner, id uint64) int { return cmp.Compare(o.id, id) })
	if !known {
		m.owners = insert(m.owners, at)
		o := &m.owners[at]
		*o = owner{id: c.Owner, watching: o.watching[:0], fired: o.fired[:0]}
	} else {
		m.sum -= m.owners[at].hash()
	}
	o := &m.owners[at]
	o.ttl, o.active = c.TTL, m.now
	m.expiry = min(m.expiry, o.until()) // the TTL may be shorter than before
	m.sum += o.hash()
	p := m.parent(c.Lock)
	if p.childOf(c.Owner) < 0 {
		m.sum -= p.hash()
		p.made++
		m.sum += p.hash()
		p.children = append(p.children, child{p.made, c.Owner})
		m.sum += p.childHash(len(p.children) - 1)
		m.fire(p.number)
	}
	m.watch(o, p.number)
	return m.listed(p, c.Owner, dst)
}

// listAndWatch is OpChildren: with an owner it renews and sets a watch.
func (m *Machine) listAndWatch(c *Command, dst []byte) []byte {
	if c.Owner == 0 {
		return m.listed(m.find(c.Lock), 0, dst)
	}
	o := m.touch(c.Owner)
	if o == nil {
		return m.status(StatusGone, dst)
	}
	p := m.parent(c.Lock)
	m.watch(o, p.number)
	return m.listed(p, c.Owner, dst)
}

func (m *Machine) release(c *Command, dst []byte) []byte {
	if m.touch(c.Owner) == nil {
		return m.status(StatusGone, dst)
	}
	if p := m.find(c.Lock); p != nil {
		if at := p.childOf(c.Owner); at >= 0 && p.children[at].number == c.Token {
			m.drop(p, at)
		}
	}
	return m.status(StatusReleased, dst)
}

func (m *Machine) renew(c *Command, dst []byte) []byte {
	o := m.touch(c.Owner)
	if o == nil {
		return m.status(StatusGone, dst)
	}
	dst = appendWords(m.status(StatusAlive, dst), o.fired)
	m.sum -= o.hash()
	o.fired = o.fired[:0]
	m.sum += o.hash()
	return dst
}

func (m *Machine) write(c *Command, dst []byte) []byte {
	p := m.find(c.Lock)
	switch {
	case p == nil:
		return appendWord(m.status(StatusRefused, dst), 0)
	case c.Token == 0 || c.Token < p.token || c.Token > p.made:
		return appendWord(m.status(StatusRefused, dst), p.token)
	}
	m.sum -= p.hash()
	p.token, p.value = c.Token, c.Value
	m.sum += p.hash()
	return m.status(StatusWritten, dst)
}

func (m *Machine) read(c *Command, dst []byte) []byte {
	p := m.find(c.Lock)
	if p == nil {
		p = new(parent)
	}
	return appendWord(appendWord(m.status(StatusResource, dst), p.token), p.value)
}

// listed answers the children of a lock; a nil one has none.
func (m *Machine) listed(p *parent, owner uint64, dst []byte) []byte {
	dst = m.status(StatusListed, dst)
	if p == nil {
		return appendCount(appendWord(dst, 0), 0)
	}
	own := uint64(0)
	if at := p.childOf(owner); at >= 0 {
		own = p.children[at].number
	}
	dst = appendCount(appendWord(dst, own), len(p.children))
	for _, c := range p.children {
		dst = appendWord(appendWord(dst, c.number), c.owner)
	}
	return dst
}

func (m *Machine) status(s Status, dst []byte) []byte {
	return appendWord(append(dst, byte(s)), uint64(m.now))
}

// touch renews an owner; nil if there is none.
func (m *Machine) touch(id uint64) *owner {
	at, known := slices.BinarySearchFunc(m.owners, id, func(o owner, id uint64) int { return cmp.Compare(o.id, id) })
	if !known {
		return nil
	}
	o := &m.owners[at]
	m.sum -= o.hash()
	o.active = m.now
	m.sum += o.hash()
	return o
}

// drop removes a child and tells who watches.
func (m *Machine) drop(p *parent, at int) {
	m.sum -= p.childHash(at)
	p.children = append(p.children[:at], p.children[at+1:]...)
	m.fire(p.number)
}

// watch sets a watch; there is at most one of an owner on a lock.
func (m *Machine) watch(o *owner, lock uint64) {
	m.sum -= o.hash()
	o.watching = include(o.watching, lock)
	m.sum += o.hash()
}

// fire turns every watch on a lock into the news that it fired.
func (m *Machine) fire(lock uint64) {
	for i := range m.owners {
		o := &m.owners[i]
		if at, ok := slices.BinarySearch(o.watching, lock); ok {
			m.sum -= o.hash()
			o.watching = append(o.watching[:at], o.watching[at+1:]...)
			o.fired = include(o.fired, lock)
			m.sum += o.hash()
		}
	}
}

// find returns a lock, nil if nobody has named it in a command that could make it.
func (m *Machine) find(number uint64) *parent {
	at, known := m.search(number)
	if !known {
		return nil
	}
	return &m.parents[at]
}

// parent returns a lock, making it if need be.
func (m *Machine) parent(number uint64) *parent {
	at, known := m.search(number)
	if !known {
		m.parents = insert(m.parents, at)
		p := &m.parents[at]
		*p = parent{number: number, children: p.children[:0]}
		m.sum += p.hash()
	}
	return &m.parents[at]
}

func (m *Machine) search(number uint64) (at int, known bool) {
	return slices.BinarySearchFunc(m.parents, number, func(p parent, n uint64) int { return cmp.Compare(p.number, n) })
}

// childOf returns the position of an owner's child, -1 for none.
func (p *parent) childOf(owner uint64) int {
	for i := range p.children {
		if p.children[i].owner == owner {
			return i
		}
	}
	return -1
}

// include adds v to a list in order, once.
func include(list []uint64, v uint64) []uint64 {
	at, there := slices.BinarySearch(list, v)
	if there {
		return list
	}
	return slices.Insert(list, at, v)
}

// insert makes room at a position; what lies there is one that was removed before, for its buffers, or zero.
func insert[T any](list []T, at int) []T {
	if n := len(list); n < cap(list) {
		list = list[:n+1]
	} else {
		var zero T
		list = append(list, zero)
	}
	last := list[len(list)-1]
	copy(list[at+1:], list[at:])
	list[at] = last
	return list
}

// remove takes an element out and keeps it, for its buffers, beyond the end.
func remove[T any](list []T, at int) []T {
	gone := list[at]
	copy(list[at:], list[at+1:])
	list[len(list)-1] = gone
	return list[:len(list)-1]
}
