package sim

import (
	"math/bits"
	"slices"
)

// keyTable maps keys to numbers: open addressing, linear probing, at most half full, no deletion. Key{} is not a legal
// key (purpose 0), so it marks a free slot.
type keyTable struct {
	slots []keySlot
	count int
}

type keySlot struct {
	key   Key
	value int32
}

func hashKey(k Key) uint64 {
	hi, lo := bits.Mul64(k.Hi^0x9e3779b97f4a7c15, k.Lo^0xe7037ed1a0b428db)
	return hi ^ lo ^ k.Hi>>17
}

// reset empties t and makes room for n keys.
func (t *keyTable) reset(n int) {
	size := 16
	for size < 2*n+2 {
		size *= 2
	}
	t.count = 0
	if len(t.slots) >= size {
		clear(t.slots)
		return
	}
	t.slots = make([]keySlot, size)
}

// insert adds k and reports true, or reports false if it is there already.
func (t *keyTable) insert(k Key, value int32) bool {
	if 2*(t.count+1) > len(t.slots) {
		t.grow()
	}
	mask := uint64(len(t.slots) - 1)
	for i := hashKey(k) & mask; ; i = (i + 1) & mask {
		switch t.slots[i].key {
		case Key{}:
			t.slots[i] = keySlot{key: k, value: value}
			t.count++
			return true
		case k:
			return false
		}
	}
}

// find returns the value of k, -1 if it is not there.
func (t *keyTable) find(k Key) int32 {
	if s := t.slot(k); s != nil {
		return s.value
	}
	return -1
}

func (t *keyTable) slot(k Key) *keySlot {
	mask := uint64(len(t.slots) - 1)
	for i := hashKey(k) & mask; ; i = (i + 1) & mask {
		switch t.slots[i].key {
		case k:
			return &t.slots[i]
		case Key{}:
			return nil
		}
	}
}

func (t *keyTable) grow() {
	old := t.slots
	t.slots = make([]keySlot, max(16, 2*len(old)))
	t.count = 0
	for _, s := range old {
		if s.key != (Key{}) {
			t.insert(s.key, s.value)
		}
	}
}

// SortDisturbances sorts ds by key, in place.
func SortDisturbances(ds []Disturbance) {
	slices.SortFunc(ds, func(a, b Disturbance) int { return a.Key.Compare(b.Key) })
}
