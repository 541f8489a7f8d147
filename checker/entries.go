package checker

import "github.com/cespare/xxhash/v2"

// entry is one log entry ever seen, together with all that lies below it: the logs of all nodes at all times are paths of one
// tree, in which an entry's parent is the entry one index lower. A log at a moment is therefore one number, the identity of its
// last entry, and costs nothing to remember.
type entry struct {
	chain  uint64 // hash over this entry and every one below it
	term   uint64
	index  uint32 // the tree's bound is a bound for it
	parent uint32
	jump   uint32 // an ancestor further down, see ancestor
	marks  uint32 // forkedMark, and the identity of the newest configuration entry up to here
}

// MaxEntries bounds the distinct entries of one run, and the index of any of them.
const MaxEntries = 1 << 30

// forkedMark: another entry was first seen at this index and term, or at one below it.
const forkedMark uint32 = 1 << 31

func (e *entry) forked() bool { return e.marks&forkedMark != 0 }

// configuration is the identity of the newest entry up to e that changes the configuration, 0 for none.
func (e *entry) configuration() uint32 { return e.marks &^ forkedMark }

// entryTree holds every entry once. Identity 0 is the empty log.
type entryTree struct {
	nodes []entry
	first pairTable // (term, index) -> the first entry seen there
	forks pairTable // (chain, index) -> an entry that is not the first of its index and term
}

func (t *entryTree) reset() {
	t.nodes = append(t.nodes[:0], entry{})
	t.first.reset()
	t.forks.reset()
}

// EntryHash returns what an entry's content adds to its identity: its data, and whether it changes the configuration. O(len(data)).
func EntryHash(data []byte, configuration bool) uint64 {
	hash := xxhash.Sum64(data)
	if configuration {
		return mix(hash, 0x5bd1e9955bd1e995)
	}
	return hash
}

// add finds or makes the entry of this term and content on top of parent. When the first entry seen at that index and term is
// another one, rival is its identity and the entry becomes a fork; otherwise rival is 0. Expected O(1).
func (t *entryTree) add(parent uint32, term, hash uint64, configuration bool) (id, rival uint32) {
	chain := mix(mix(t.nodes[parent].chain, term), hash)
	if next := parent + 1; t.follows(next, parent, chain) && !t.nodes[next].forked() {
		return next, 0
	}
	below := &t.nodes[parent]
	index := below.index + 1
	first, ok := t.first.find(term, uint64(index))
	if !ok {
		id = t.grow(parent, term, chain, below.marks&forkedMark, configuration)
		t.first.put(term, uint64(index), id)
		return id, 0
	}
	if t.nodes[first].chain == chain {
		return first, 0
	}
	if fork, ok := t.forks.find(chain, uint64(index)); ok {
		return fork, first
	}
	id = t.grow(parent, term, chain, forkedMark, configuration)
	t.forks.put(chain, uint64(index), id)
	return id, first
}

// find returns the entry of this term and content on top of parent, if any log ever held it. Expected O(1).
func (t *entryTree) find(parent uint32, term, hash uint64) (id uint32, ok bool) {
	chain := mix(mix(t.nodes[parent].chain, term), hash)
	if next := parent + 1; t.follows(next, parent, chain) {
		return next, true
	}
	index := uint64(t.nodes[parent].index) + 1
	if first, ok := t.first.find(term, index); ok && t.nodes[first].chain == chain {
		return first, true
	}
	return t.forks.find(chain, index)
}

// follows tells whether id is the entry with this chain on top of parent. Entries are numbered as they are made, so the one made
// right after its parent, which most are, needs no table.
func (t *entryTree) follows(id, parent uint32, chain uint64) bool {
	return id < uint32(len(t.nodes)) && t.nodes[id].chain == chain && t.nodes[id].parent == parent
}

func (t *entryTree) grow(parent uint32, term, chain uint64, forked uint32, configuration bool) uint32 {
	if len(t.nodes) >= MaxEntries {
		panic("checker: a run has more than MaxEntries distinct log entries")
	}
	p := &t.nodes[parent]
	jump := parent
	j := &t.nodes[p.jump]
	if p.index-j.index == j.index-t.nodes[j.jump].index {
		jump = j.jump
	}
	id := uint32(len(t.nodes))
	marks := p.configuration() | forked
	if configuration {
		marks = id | forked
	}
	t.nodes = append(t.nodes, entry{chain: chain, term: term, index: p.index + 1, parent: parent, jump: jump, marks: marks})
	return id
}

// orphan finds or makes an entry of which nothing but its index and term is known: the end of a snapshot no log explains. Nothing
// lies below it but the empty log.
func (t *entryTree) orphan(index, term uint64) uint32 {
	chain := mix(mix(0x2545f4914f6cdd1d, index), term)
	if id, ok := t.forks.find(chain, index); ok {
		return id
	}
	id := t.grow(0, term, chain, forkedMark, false)
	t.nodes[id].index = uint32(index)
	t.forks.put(chain, index, id)
	return id
}

// ancestor returns the entry at index on the path below id, or id when that is not above index; below an orphan lies only the empty
// log. The jumps follow the skew-binary numbers (Myers 1983), so a path of n entries takes O(log n) hops with one extra pointer
// per entry.
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

// older tells whether a log that ends with a is less up to date than one that ends with b (§5.4.1).
func (t *entryTree) older(a, b uint32) bool {
	x, y := &t.nodes[a], &t.nodes[b]
	return x.term < y.term || x.term == y.term && x.index < y.index
}

// common returns the newest entry on both paths. O(log² of the paths' length).
func (t *entryTree) common(a, b uint32) uint32 {
	low, high := uint64(0), uint64(min(t.nodes[a].index, t.nodes[b].index)) // equal at low; perhaps up to high
	for low < high {
		middle := high - (high-low)/2
		if t.ancestor(a, middle) == t.ancestor(b, middle) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return t.ancestor(a, low)
}

// logView is a log as it is at a moment: the entries after offset, which may all be gone, and what is remembered of older ones.
type logView struct {
	ids    []uint32 // identities by index, from base on; never empty
	base   uint64   // index of ids[0]
	offset uint64   // the log begins after this entry; at least base
}

func (v *logView) last() uint64           { return v.base + uint64(len(v.ids)) - 1 }
func (v *logView) tip() uint32            { return v.ids[len(v.ids)-1] }
func (v *logView) at(index uint64) uint32 { return v.ids[index-v.base] } // base <= index <= last

// restart makes the log empty after the entry id at index.
func (v *logView) restart(index uint64, id uint32) {
	v.ids = append(v.ids[:0], id)
	v.base, v.offset = index, index
}

// cut removes the entries above last, which is at least base.
func (v *logView) cut(last uint64) {
	v.ids = v.ids[:last-v.base+1]
	v.offset = min(v.offset, last)
}

// compact removes the entries up to index, which is at most last. Amortised O(1) per entry removed.
func (v *logView) compact(index uint64) {
	if index <= v.offset {
		return
	}
	v.offset = index
	if gone := index - v.base; 2*gone > uint64(len(v.ids)) {
		v.ids = v.ids[:copy(v.ids, v.ids[gone:])]
		v.base = index
	}
}

// entryAt returns the view's entry at index, which is at most last, also where the log does not hold it any more. O(1) for what it
// holds, else O(log of the log's length).
func (t *entryTree) entryAt(v *logView, index uint64) uint32 {
	if index >= v.base {
		return v.at(index)
	}
	return t.ancestor(v.ids[0], index)
}

// holds tells whether the entry id at index is in the log, or was before it was compacted.
func (t *entryTree) holds(v *logView, index uint64, id uint32) bool {
	return index <= v.last() && t.entryAt(v, index) == id
}

// cutTo removes the view's entries above last, also where the log does not hold that one any more.
func (t *entryTree) cutTo(v *logView, last uint64) {
	if last >= v.base {
		v.cut(last)
		return
	}
	v.restart(last, t.ancestor(v.ids[0], last))
}
