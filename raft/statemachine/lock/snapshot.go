package lock

import (
	"math"
	"math/bits"
	"slices"
)

// The form of a snapshot, numbers little endian:
//
//	now:8 owners:4, each id:8 ttl:8 active:8 watching:4 lock:8... fired:4 lock:8...
//	locks:4, each number:8 made:8 token:8 value:8 children:4, each number:8 owner:8
//
// everything in order of ids and numbers.

// AppendSnapshot implements statemachine.Snapshotter. Cost: the size of the state.
func (m *Machine) AppendSnapshot(dst []byte) []byte {
	dst = appendCount(appendWord(dst, uint64(m.now)), len(m.owners))
	for i := range m.owners {
		o := &m.owners[i]
		dst = appendWord(appendWord(appendWord(dst, o.id), uint64(o.ttl)), uint64(o.active))
		dst = appendWords(appendWords(dst, o.watching), o.fired)
	}
	dst = appendCount(dst, len(m.parents))
	for i := range m.parents {
		p := &m.parents[i]
		dst = appendWord(appendWord(appendWord(appendWord(dst, p.number), p.made), p.token), p.value)
		dst = appendCount(dst, len(p.children))
		for _, c := range p.children {
			dst = appendWord(appendWord(dst, c.number), c.owner)
		}
	}
	return dst
}

// Restore implements statemachine.Snapshotter. Cost: the size of the snapshot.
func (m *Machine) Restore(b []byte) error {
	d := decoder{rest: b}
	read := Machine{now: int64(d.word()), expiry: math.MaxInt64}
	for range d.count(32) {
		o := owner{id: d.word(), ttl: int64(d.word()), active: int64(d.word())}
		o.watching, o.fired = d.words(), d.words()
		read.owners = append(read.owners, o)
		read.expiry = min(read.expiry, o.until())
		read.sum += o.hash()
	}
	for range d.count(36) {
		p := parent{number: d.word(), made: d.word(), token: d.word(), value: d.word()}
		for range d.count(16) {
			p.children = append(p.children, child{number: d.word(), owner: d.word()})
			read.sum += p.childHash(len(p.children) - 1)
		}
		read.parents = append(read.parents, p)
		read.sum += p.hash()
	}
	if d.bad || len(d.rest) > 0 || !read.sound() {
		return ErrSnapshot
	}
	*m = read
	return nil
}

func (d *decoder) words() (list []uint64) {
	for range d.count(8) {
		list = append(list, d.word())
	}
	return list
}

// sound reports whether commands can lead to this state.
func (m *Machine) sound() bool {
	last := uint64(0)
	for i := range m.owners {
		o := &m.owners[i]
		if o.id <= last || o.ttl <= 0 || o.active < 0 || o.active > m.now || m.now-o.active > o.ttl || !m.locks(o.watching) || !m.locks(o.fired) {
			return false
		}
		last = o.id
	}
	for i := range m.parents {
		p := &m.parents[i]
		if i > 0 && p.number <= m.parents[i-1].number || p.token > p.made || p.token == 0 && p.value != 0 {
			return false
		}
		last = 0
		for at, c := range p.children {
			if c.number <= last || c.number > p.made || p.childOf(c.owner) != at || !m.alive(c.owner) {
				return false
			}
			last = c.number
		}
	}
	return m.now >= 0
}

// locks reports whether a list is one of locks that there are, in order.
func (m *Machine) locks(list []uint64) bool {
	for i, number := range list {
		if i > 0 && number <= list[i-1] || m.find(number) == nil {
			return false
		}
	}
	return true
}

func (m *Machine) alive(id uint64) bool {
	return slices.ContainsFunc(m.owners, func(o owner) bool { return o.id == id })
}

// Hash implements statemachine.StateMachine: of the parts as a sum, which does not depend on the order in which they came about.
func (m *Machine) Hash() uint64 { return mix(mix(markNow, uint64(m.now)), m.sum) }

// Marks that keep the parts apart.
const (
	markNow      = 0xc2b2ae3d27d4eb4f
	markParent   = 0x165667b19e3779f9
	markChild    = 0x27d4eb2f165667c5
	markOwner    = 0x9e3779b185ebca87
	markWatching = 0xd6e8feb86659fd93
	markFired    = 0xa0761d6478bd642f
)

func (p *parent) hash() uint64 {
	return mix(mix(mix(mix(markParent, p.number), p.made), p.token), p.value)
}

func (p *parent) childHash(at int) uint64 {
	c := p.children[at]
	return mix(mix(mix(markChild, p.number), c.number), c.owner)
}

func (o *owner) hash() uint64 {
	name := mix(markOwner, o.id)
	h := mix(mix(name, uint64(o.ttl)), uint64(o.active))
	for _, lock := range o.watching {
		h += mix(name^markWatching, lock)
	}
	for _, lock := range o.fired {
		h += mix(name^markFired, lock)
	}
	return h
}

// mix hashes the ordered pair (a, b): a step of the finalizer of splitmix64 on either side of their product.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0x9e3779b97f4a7c15, (b^b>>32)*0xbf58476d1ce4e5b9+0x94d049bb133111eb)
	x := hi ^ lo
	return x ^ x>>29
}
