package checker

import "github.com/cespare/xxhash/v2"

// entry is one log entry ever seen, together with all that lies below it: the logs of all nodes at all times are paths of one
// tree, in which an entry's parent is the entry one index lower. A log at a moment is therefore one number, the identity of its
// last entry, and costs nothing to remember.
type entry struct {
	chain  uint64 // hash over this entry and every one below it
	term   uint64
	index  uint32 // depth in the tree; the tree's bound is a bound for it
	parent uint32
	jump   uint32 // an ancestor further down, see ancestor
	forked uint32 // 1: another entry was first seen at this index and term, or at one below it
}

// MaxEntries bounds the distinct entries of one run.
const MaxEntries = 1 << 30

// entryTree holds every entry once. Identity 0 is the empty log.
type entryTree struct {
	nodes []entry
	first pairTable // (index, term) -> the first entry seen there
	forks pairTable // (chain, index) -> an entry that is not the first of its index and term
}

func (t *entryTree) reset() {
	t.nodes = append(t.nodes[:0], entry{})
	t.first.reset()
	t.forks.reset()
}

// add finds or makes the entry of (term, data) on top of parent. When the first entry seen at that index and term is
// another one, rival is its identity and the entry becomes a fork; otherwise rival is 0. Expected O(len(data)).
func (t *entryTree) add(parent uint32, term uint64, data []byte) (id, rival uint32) {
	below := &t.nodes[parent]
	chain := mix(mix(below.chain, term), xxhash.Sum64(data))
	index := below.index + 1
	first, ok := t.first.find(uint64(index), term)
	if !ok {
		id = t.grow(parent, term, chain, below.forked)
		t.first.put(uint64(index), term, id)
		return id, 0
	}
	if t.nodes[first].chain == chain {
		return first, 0
	}
	if fork, ok := t.forks.find(chain, uint64(index)); ok {
		return fork, first
	}
	id = t.grow(parent, term, chain, 1)
	t.forks.put(chain, uint64(index), id)
	return id, first
}

func (t *entryTree) grow(parent uint32, term, chain uint64, forked uint32) uint32 {
	if len(t.nodes) >= MaxEntries {
		panic("checker: a run has more than MaxEntries distinct log entries")
	}
	p := &t.nodes[parent]
	jump := parent
	j := &t.nodes[p.jump]
	if p.index-j.index == j.index-t.nodes[j.jump].index {
		jump = j.jump
	}
	t.nodes = append(t.nodes, entry{chain: chain, term: term, index: p.index + 1, parent: parent, jump: jump, forked: forked})
	return uint32(len(t.nodes) - 1)
}

// ancestor returns the entry at index on the path below id, which must reach that high. The jumps follow the skew-binary
// numbers (Myers 1983), so a path of n entries takes O(log n) hops with one extra pointer per entry.
func (t *entryTree) ancestor(id uint32, index uint64) uint32 {
	for {
		e := &t.nodes[id]
		if uint64(e.index) <= index {
			return id
		}
		if uint64(t.nodes[e.jump].index) >= index {
			id = e.jump
		} else {
			id = e.parent
		}
	}
}
