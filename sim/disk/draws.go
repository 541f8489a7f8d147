package disk

import (
	"fmt"
	"math"
	"time"

	"raftsim/sim"
)

// Draws make the noise of the purposes. Each takes the same number of words whatever it makes.

// DrawTorn makes noise for Torn, in parts of 20: everything 3, a prefix in bytes 5 and in sectors 3, a hole 2, one survivor 2,
// any subset 3, no data but the new size 2. Of those with data and a choice, 3 of 8 have the new size whatever survived and 1 of 8
// the old one; half of all that can have lost data below their size show zeros there, the others garbage or another file's
// bytes. It takes five words.
func DrawTorn(w *sim.Words) sim.Value {
	pick, n, size, fill, pattern := w.Below(20), w.Between(1, 999), w.Below(8), w.Below(4), w.Next()
	var v sim.Value
	switch {
	case pick < 3:
		v = KeepAll()
	case pick < 8:
		v = KeepBytes(n)
	case pick < 11:
		v = KeepSectors(n)
	case pick < 13:
		v = KeepHole(n)
	case pick < 15:
		v = KeepSurvivor(n)
	case pick < 18:
		v = KeepRandom(1 + pattern>>40)
	default:
		size = 0 // the only data left is the size
	}
	all := v == KeepAll()
	switch {
	case size < 3 && !all:
		v = WithSizeNew(v)
	case size == 3:
		return WithSizeOld(v)
	}
	if !all && fill == 0 {
		return WithGarbage(v, uint32(pattern)&0xffff)
	} else if !all && fill == 1 {
		return WithStale(v, uint32(pattern)&0xffff)
	}
	return v
}

// DrawTornPrefix makes noise for Torn as a file system without reordering does: a quarter of the values keep everything, a quarter
// whole sectors from the first, half tear a sector. It takes two words.
func DrawTornPrefix(w *sim.Words) sim.Value {
	family, n := w.Below(4), w.Between(1, 999)
	switch family {
	case 0:
		return KeepAll()
	case 1:
		return KeepSectors(n)
	}
	return KeepBytes(n)
}

// DrawNames makes noise for Names, in parts of 8: everything 2, a prefix 2, a hole 1, one survivor 1, any subset 2. It takes three
// words.
func DrawNames(w *sim.Words) sim.Value {
	pick, n, pattern := w.Below(8), w.Between(1, 999), w.Next()
	switch {
	case pick < 2:
		return KeepAll()
	case pick < 4:
		return KeepSectors(n)
	case pick < 5:
		return KeepHole(n)
	case pick < 6:
		return KeepSurvivor(n)
	}
	return KeepRandom(1 + pattern>>40)
}

// DrawLanded makes noise for Landed: all in half the cases, else any number of them. It takes two words.
func DrawLanded(w *sim.Words) sim.Value {
	all, n := w.Below(2) == 0, w.Between(1, 999)
	if all {
		return KeepAll()
	}
	return KeepSectors(n)
}

// DrawSlowSync returns noise for SlowSync: delays from least to most, each power of two of them equally likely. A delay
// takes two words. least must be positive and at most most.
func DrawSlowSync(least, most time.Duration) func(*sim.Words) sim.Value {
	draw := drawLength("slow syncs", least, most)
	return func(w *sim.Words) sim.Value { return sim.Value{For: draw(w)} }
}

// DrawSyncFails makes noise for SyncFails. It takes no word.
func DrawSyncFails(*sim.Words) sim.Value { return sim.Value{N: 1} }

// DrawSpace returns noise for NoSpace: the disk is full at once in a quarter of the cases, else after up to bytes; for how long is as
// in DrawSlowSync. It takes four words.
func DrawSpace(bytes int64, least, most time.Duration) func(*sim.Words) sim.Value {
	draw := drawLength("no space", least, most)
	return func(w *sim.Words) sim.Value {
		v := sim.Value{N: w.Between(0, bytes)}
		if w.Below(4) == 0 {
			v.N = 0
		}
		v.For = draw(w)
		return v
	}
}

// DrawLostWrite makes noise for LostWrite: any sector. It takes one word.
func DrawLostWrite(w *sim.Words) sim.Value { return Thousandths(w.Between(1, 999)) }

// DrawUnreadable makes noise for Unreadable: any sector. It takes one word.
func DrawUnreadable(w *sim.Words) sim.Value { return Thousandths(w.Between(1, 999)) }

// DrawMisdirected makes noise for Misdirected: any sector over any. It takes two words.
func DrawMisdirected(w *sim.Words) sim.Value {
	from, to := w.Between(1, 999), w.Between(1, 999)
	return MisdirectedTo(from, to)
}

// DrawRot makes noise for Rot: anywhere one bit in half the cases, else a whole word. It takes three words.
func DrawRot(w *sim.Words) sim.Value {
	at, one, bits := w.Between(1, 999), w.Below(16), w.Next()
	if one < 8 {
		bits = 1 << one
	}
	return RotAt(at, max(bits, 1))
}

// DrawFreeze returns noise for Freeze: before one of the first so many changes, a power of two up to most of them first, so that
// early ones are likelier. It takes two words.
func DrawFreeze(most int64) func(*sim.Words) sim.Value {
	if most < 1 || most > math.MaxInt64/2 {
		panic(fmt.Sprintf("disk: freezes within %d changes", most))
	}
	draw := drawLength("freezes", 1, time.Duration(most))
	return func(w *sim.Words) sim.Value { return sim.Value{N: draw(w)} }
}

// drawLength returns a draw from least to most, each power of two equally likely, of two words.
func drawLength(what string, least, most time.Duration) func(*sim.Words) int64 {
	if least <= 0 || most < least {
		panic(fmt.Sprintf("disk: %s from %v to %v", what, least, most))
	}
	octaves := uint64(1)
	for d := most / 2; d >= least; d /= 2 {
		octaves++
	}
	return func(w *sim.Words) int64 {
		low := int64(least) << w.Below(octaves)
		return w.Between(low, min(2*low-1, int64(most)))
	}
}
