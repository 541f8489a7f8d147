package checker

import "math/bits"

// pairTable maps a pair of numbers to a small one: open addressing, linear probing, at most half full. Emptying it costs
// O(1), because each slot carries the generation that wrote it. No key is ever removed. The zero value is ready.
type pairTable struct {
	slots      []pairSlot
	shift      uint8 // 64 - log2(len(slots))
	generation uint32
	count      int
}

type pairSlot struct {
	a, b       uint64
	value      uint32
	generation uint32
}

const pairTableMin = 64

func (t *pairTable) reset() {
	t.count = 0
	t.generation++
	if t.generation == 0 { // wrapped: old slots could look current
		clear(t.slots)
		t.generation = 1
	}
}

// find returns the value of (a, b). Expected O(1).
func (t *pairTable) find(a, b uint64) (uint32, bool) {
	if t.count == 0 {
		return 0, false
	}
	mask := len(t.slots) - 1
	for i := t.home(a, b); ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.generation != t.generation {
			return 0, false
		}
		if s.a == a && s.b == b {
			return s.value, true
		}
	}
}

// put sets the value of (a, b). Amortised expected O(1); allocates only when it grows.
func (t *pairTable) put(a, b uint64, value uint32) {
	if 2*(t.count+1) > len(t.slots) {
		t.grow()
	}
	mask := len(t.slots) - 1
	for i := t.home(a, b); ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.generation != t.generation {
			*s = pairSlot{a: a, b: b, value: value, generation: t.generation}
			t.count++
			return
		}
		if s.a == a && s.b == b {
			s.value = value
			return
		}
	}
}

// home is where the search for (a, b) begins. Numbers that follow each other mostly come one after the other, as b, to be put in and
// to be found: eight of them are neighbours, which memory likes better than eight places anywhere.
func (t *pairTable) home(a, b uint64) int {
	h := (bits.RotateLeft64(a*0x9e3779b97f4a7c15, 32) ^ b>>3) * 0xd6e8feb86659fd93
	return int(h>>t.shift)&^7 | int((a+b)&7)
}

func (t *pairTable) grow() {
	old, generation := t.slots, t.generation
	size := max(pairTableMin, 2*len(old))
	t.slots = make([]pairSlot, size)
	t.shift = uint8(64 - bits.TrailingZeros(uint(size)))
	t.generation = 1
	t.count = 0
	for i := range old {
		if old[i].generation == generation && generation != 0 {
			t.put(old[i].a, old[i].b, old[i].value)
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
