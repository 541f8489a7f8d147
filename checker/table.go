package checker

import "math/bits"

// pairTable maps a pair of numbers to a small one: open addressing, linear probing, at most half full. Emptying it costs
// O(1), because each block carries the generation that wrote it. No key is ever removed. The zero value is ready.
type pairTable struct {
	blocks     []pairBlock
	shift      uint8 // 64 - log2(len(blocks))
	generation uint32
	used       int // blocks
}

// pairBlock holds the pairs that differ in the lowest bits of b only. Numbers that follow each other mostly come one after the other, as
// b, to be put in and to be found: eight of them share a line of the cache.
type pairBlock struct {
	a, b       uint64 // b without those bits
	generation uint32
	held       uint8 // bit i: there is a value for the pair whose bits are i
	values     [pairsPerBlock]uint32
}

const (
	pairsPerBlock = 8
	pairTableMin  = 16 // blocks
)

func (t *pairTable) reset() {
	t.used = 0
	t.generation++
	if t.generation == 0 { // wrapped: old blocks could look current
		clear(t.blocks)
		t.generation = 1
	}
}

// find returns the value of (a, b). Expected O(1).
func (t *pairTable) find(a, b uint64) (value uint32, ok bool) {
	if t.used == 0 {
		return 0, false
	}
	high, low := b/pairsPerBlock, b%pairsPerBlock
	mask := len(t.blocks) - 1
	for i := t.home(a, high); ; i = (i + 1) & mask {
		p := &t.blocks[i]
		if p.generation != t.generation {
			return 0, false
		}
		if p.a == a && p.b == high {
			return p.values[low], p.held>>low&1 != 0
		}
	}
}

// put sets the value of (a, b). Amortised expected O(1); allocates only when it grows.
func (t *pairTable) put(a, b uint64, value uint32) {
	if 2*(t.used+1) > len(t.blocks) {
		t.grow()
	}
	p, low := t.block(a, b/pairsPerBlock), b%pairsPerBlock
	p.values[low] = value
	p.held |= 1 << low
}

// block returns the block of these pairs, a new one if there is none.
func (t *pairTable) block(a, high uint64) *pairBlock {
	mask := len(t.blocks) - 1
	for i := t.home(a, high); ; i = (i + 1) & mask {
		p := &t.blocks[i]
		if p.generation != t.generation {
			*p = pairBlock{a: a, b: high, generation: t.generation}
			t.used++
			return p
		}
		if p.a == a && p.b == high {
			return p
		}
	}
}

// home is where the search for a block begins.
func (t *pairTable) home(a, high uint64) int {
	return int((bits.RotateLeft64(a*0x9e3779b97f4a7c15, 32) ^ high) * 0xd6e8feb86659fd93 >> t.shift)
}

func (t *pairTable) grow() {
	old, generation := t.blocks, t.generation
	size := max(pairTableMin, 2*len(old))
	t.blocks = make([]pairBlock, size)
	t.shift = uint8(64 - bits.TrailingZeros(uint(size)))
	t.generation = 1
	t.used = 0
	for i := range old {
		if p := &old[i]; p.generation == generation && generation != 0 {
			moved := t.block(p.a, p.b)
			moved.held, moved.values = p.held, p.values
		}
	}
}

// mix folds b into a. It is the same on every machine.
func mix(a, b uint64) uint64 {
	h := a ^ bits.RotateLeft64(b*0x87c37b91114253d5, 31)*0x4cf5ad432745937f
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 29
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>32
}
