package sim

// Ordinals counts subjects: how many of a kind there were before. It belongs to the harness, survives restarts of the
// process it counts for, and continues when an old epoch reappears, so a name is never given twice. The subject is counted once,
// whatever becomes of it and whichever purposes ask about it. The zero value is ready.
type Ordinals struct {
	blocks []ordinalBlock // open addressing, linear probing, at most half full, no deletion
	used   int
}

// ordinalBlock counts the subjects that differ in the lowest bits of their epoch only. Operations of a client follow each other, so
// that most are counted where memory was touched just before.
type ordinalBlock struct {
	hi, lo uint64 // of the keys, lo without those bits; a key's purpose is not 0, so a block with hi 0 is free
	next   [ordinalEpochs]uint32
}

const ordinalEpochs = 8

// Reset forgets all counts, keeping memory.
func (o *Ordinals) Reset() {
	clear(o.blocks)
	o.used = 0
}

// Next returns s as a key without purpose (ask with WithPurpose) whose ordinal is the number of earlier calls with the same
// A, B, Kind and Epoch; the ordinal in s is ignored. space, 1 to 255, keeps sorts of subjects apart. Expected O(1).
func (o *Ordinals) Next(space uint8, s Subject) Key {
	s.Ordinal = 0
	k := MakeKey(Purpose(space), s)
	n := &o.block(k.Hi, k.Lo/ordinalEpochs).next[k.Lo%ordinalEpochs]
	k = k.WithOrdinal(*n)
	*n++
	return k
}

// block returns the block of these keys, a new one if there is none. It is valid until the next call.
func (o *Ordinals) block(hi, lo uint64) *ordinalBlock {
	if 2*(o.used+1) > len(o.blocks) {
		o.grow()
	}
	mask := uint64(len(o.blocks) - 1)
	for i := hashKey(Key{Hi: hi, Lo: lo}) & mask; ; i = (i + 1) & mask {
		switch b := &o.blocks[i]; {
		case b.hi == hi && b.lo == lo:
			return b
		case b.hi == 0:
			b.hi, b.lo = hi, lo
			o.used++
			return b
		}
	}
}

func (o *Ordinals) grow() {
	old := o.blocks
	o.blocks, o.used = make([]ordinalBlock, max(16, 2*len(old))), 0
	for i := range old {
		if b := &old[i]; b.hi != 0 {
			*o.block(b.hi, b.lo) = *b
		}
	}
}
