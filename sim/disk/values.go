package disk

import (
	"fmt"
	"math"
	"time"

	"raftsim/sim"
)

// Values of Torn and Names. Thousandths go from 1 to 999.

// KeepAll returns the value that keeps everything.
func KeepAll() sim.Value { return sim.Value{N: int64(subsetAll)} }

// KeepBytes returns the value of Torn that keeps so many thousandths of the unsynced bytes, from the first.
func KeepBytes(thousandths int64) sim.Value { return keep(familyBytes, thousandths) }

// KeepSectors returns the value that keeps so many thousandths of the unsynced sectors, or changes of names, from the first.
func KeepSectors(thousandths int64) sim.Value { return keep(familyFirst, thousandths) }

// KeepHole returns the value that keeps all but the one at so many thousandths.
func KeepHole(thousandths int64) sim.Value { return keep(familyHole, thousandths) }

// KeepSurvivor returns the value that keeps only the one at so many thousandths.
func KeepSurvivor(thousandths int64) sim.Value { return keep(familySurvivor, thousandths) }

// KeepMask returns the value that keeps those whose bits are set, the first being bit 0: from 1 to 2^60 - 1.
func KeepMask(mask uint64) sim.Value { return keep(familyMask, int64(mask)) }

// KeepRandom returns the value that tosses a coin for each: of a pattern from 1 to 2^63 - 1.
func KeepRandom(pattern uint64) sim.Value { return keep(familyRandom, int64(pattern)) }

func keep(f family, n int64) sim.Value {
	s, ok := makeSubset(f, n)
	if !ok {
		panic(fmt.Sprintf("disk: %d does not say what to keep", n))
	}
	return sim.Value{N: int64(s)}
}

// residue is the second part of a value of Torn, packed into At: what becomes of the size, and what is where data was lost.
type residue struct {
	size    sizeRule
	fill    fillRule
	pattern uint64 // of the fill, 32 bits
}

type sizeRule uint8

const (
	sizeFits sizeRule = iota // grown as far as surviving sectors reach; smaller only if everything survived
	sizeOld                  // the durable one: surviving data beyond it is lost
	sizeNew                  // the one the process saw, whatever survived below it
	sizeRules
)

type fillRule uint8

const (
	fillZeros fillRule = iota
	fillGarbage
	fillStale // the bytes of another file at the same place
	fillRules
)

func (r residue) pack() int64 { return int64(r.size) | int64(r.fill)<<4 | int64(r.pattern)<<8 }

func unpackResidue(at int64) (residue, bool) {
	r := residue{size: sizeRule(at & 15), fill: fillRule(at >> 4 & 15), pattern: uint64(at) >> 8}
	return r, r.size < sizeRules && r.fill < fillRules && r.pattern <= math.MaxUint32
}

// WithSizeOld returns a value of Torn with which the size stays the durable one.
func WithSizeOld(v sim.Value) sim.Value { return withResidue(v, residue{size: sizeOld}) }

// WithSizeNew returns a value of Torn with which the size is the unsynced one. Of lost data beyond the durable size there
// are zeros.
func WithSizeNew(v sim.Value) sim.Value { return withResidue(v, residue{size: sizeNew}) }

// WithGarbage returns a value of Torn that leaves garbage where data beyond the durable size was lost.
func WithGarbage(v sim.Value, pattern uint32) sim.Value {
	r, _ := unpackResidue(v.At)
	return withResidue(v, residue{size: r.size, fill: fillGarbage, pattern: uint64(pattern)})
}

// WithStale returns a value of Torn that leaves what another file holds where data beyond the durable size was lost: the sectors
// were used before.
func WithStale(v sim.Value, pattern uint32) sim.Value {
	r, _ := unpackResidue(v.At)
	return withResidue(v, residue{size: r.size, fill: fillStale, pattern: uint64(pattern)})
}

func withResidue(v sim.Value, r residue) sim.Value {
	v.At = r.pack()
	if !legalTorn(v) {
		panic(fmt.Sprintf("disk: a power loss cannot leave %+v", v))
	}
	return v
}

// legalTorn says whether v means something no other value of Torn means.
func legalTorn(v sim.Value) bool {
	r, ok := unpackResidue(v.At)
	f, _ := subset(v.N).parts()
	switch {
	case !ok || f == familyIllegal || v.For != 0:
		return false
	case v.Calm():
		return true
	case r.fill == fillZeros && r.pattern != 0, r.size == sizeOld && r.fill != fillZeros:
		return false // nothing is left to fill
	case f == familyNone:
		return r.size == sizeNew
	case f == familyAll:
		return r.size != sizeNew && r.fill == fillZeros
	}
	return true
}

// Thousandths returns the value of LostWrite and Unreadable that names a sector, from 1 to 999.
func Thousandths(n int64) sim.Value {
	checkThousandths(n)
	return sim.Value{N: n}
}

// MisdirectedTo returns the value of Misdirected: from which written sector, to which sector of the file.
func MisdirectedTo(from, to int64) sim.Value {
	checkThousandths(from)
	checkThousandths(to)
	return sim.Value{N: from*1000 + to}
}

// RotAt returns the value of Rot that changes bits at so many thousandths of all durable bytes.
func RotAt(thousandths int64, bits uint64) sim.Value {
	checkThousandths(thousandths)
	return sim.Value{N: thousandths, At: int64(max(bits, 1))}
}

// SpaceFor returns the value of NoSpace: the disk is full after so many bytes more, and for how long from now.
func SpaceFor(bytes int64, length time.Duration) sim.Value {
	if bytes < 0 || length <= 0 {
		panic(fmt.Sprintf("disk: space for %d bytes for %v", bytes, length))
	}
	return sim.Value{N: bytes, For: int64(length)}
}

// LandedValue returns the value of Landed with which so many of count syncs under way land, from 0 to count; count is below 999.
func LandedValue(landed, count int64) sim.Value {
	switch {
	case landed == 0:
		return sim.Value{}
	case landed == count:
		return KeepAll()
	}
	return KeepSectors((landed*1000 + count) / (count + 1))
}

func checkThousandths(n int64) {
	if n < 1 || n > 999 {
		panic(fmt.Sprintf("disk: %d thousandths, want 1 to 999", n))
	}
}
