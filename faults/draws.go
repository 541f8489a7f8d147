package faults

import (
	"math/bits"
	"time"

	"raftsim/sim"
)

// The draws behind noise. Each takes a fixed number of words, in an order that is part of the format of a seed; none sees
// how many processes there are.

// atSpan draws the time of a fault, uniform over the window.
func (k *Knobs) atSpan(w *sim.Words) int64 { return int64(w.Below(uint64(max(k.Window, 0)))) }

// cutLength draws how long a cut lasts: three words.
func (k *Knobs) cutLength(w *sim.Words) int64 {
	length := logBetween(w, k.CutMin, k.CutMax)
	onDeadline, off := w.Chance(k.OnDeadline), w.Between(int64(-time.Millisecond), int64(time.Millisecond))
	if onDeadline && k.Timeout > 0 {
		// Deadlines stand near multiples of T after the last message got through.
		times := max(1, (length+int64(k.Timeout)/2)/int64(k.Timeout))
		length = times*int64(k.Timeout) + off
	}
	return max(length, 1)
}

// downtime draws how long a server is down: one word.
func (k *Knobs) downtime(w *sim.Words) int64 { return max(logBetween(w, k.DownMin, k.DownMax), 1) }

// direction draws how a process is isolated: one word. Half of the isolated ones lose their clients too; one in five goes on to
// hear, or to be heard.
func direction(w *sim.Words) int64 {
	x := w.Below(20)
	way := int64(wayBoth)
	switch x / 2 {
	case 0:
		way = wayInbound
	case 1:
		way = wayOutbound
	}
	return way + int64(x%2)*withClients
}

// bothWays draws whether a cut is of both directions (one link of a mesh is gone, everybody else is between) or of one.
func bothWays(w *sim.Words) int64 {
	if w.Chance(sim.Ratio{Num: 2, Den: 3}) {
		return cutBothWays
	}
	return cutOneWay
}

// splitSide draws a side: three words. One of the first three servers is in, another is out, all others take part by the
// flip of a coin, so that in any cluster of three or more both sides are manned. Of the clients, all are with the side, all
// against it, dealt out, or on both sides: a side is without clients in about half of the splits.
func splitSide(w *sim.Words) Side {
	pair, coins, clients := w.Below(6), Side(w.Next()), w.Below(16)
	in := sim.ProcID(1 + pair%3)
	out := sim.ProcID(1 + (pair%3+1+pair/3)%3)
	s := coins&serverBits | bitOf(in)
	s &^= bitOf(out)
	switch {
	case clients < 5:
		s |= clientBits
	case clients < 9:
	case clients < 13:
		s |= coins & clientBits
	default:
		s |= ClientsBoth
	}
	return s
}

// blackoutSide draws who loses power at once: two words. Everybody, in half of the blackouts; else each with probability
// 3/4, mostly a majority.
func blackoutSide(w *sim.Words) Side {
	a, b := Side(w.Next()), Side(w.Next())
	if a>>62&1 == 1 {
		return serverBits
	}
	return (a | b) & serverBits
}

// drawChange draws a change of the membership: one word.
func drawChange(w *sim.Words) change {
	var sum uint64
	for _, weight := range changeWeights {
		sum += weight
	}
	x := w.Below(sum)
	for c, weight := range changeWeights {
		if x < weight {
			return change(c)
		}
		x -= weight
	}
	panic("faults: the weights of changes do not cover the draw")
}

// drawJoint draws whether a membership is to be reached by way of a joint configuration even if a step would do: one word.
func drawJoint(w *sim.Words) bool { return w.Below(4) == 0 }

// drawSuccessor draws whom a transfer is aimed at: one word.
func drawSuccessor(w *sim.Words) int64 {
	if w.Below(5) == 0 {
		return successorOther
	}
	return successorVoter
}

// drawDamage draws what becomes of which bytes: four words.
func drawDamage(w *sim.Words) Damage {
	kind, file, place, more := w.Below(8), uint32(w.Below(filesMax)), w.Between(0, placesMax-1), w.Next()
	switch kind {
	case 0:
		return Damage{Kind: DamageLoseWrite, Place: place}
	case 1:
		return Damage{Kind: DamageMisdirect, Place: place, To: (place + 1 + int64(more%(placesMax-1))) % placesMax}
	case 2, 3:
		return Damage{Kind: DamageUnreadable, File: file, Place: place}
	}
	if more>>32&1 == 0 {
		return Damage{Kind: DamageRot, File: file, Place: place, Bits: 1 << (more & 7)}
	}
	return Damage{Kind: DamageRot, File: file, Place: place, Bits: max(uint8(more), 1)}
}

// logBetween returns a length in [low, high] whose logarithm is uniform: short ones are as likely as long ones, octave by
// octave. It takes one word.
func logBetween(w *sim.Words, low, high time.Duration) int64 {
	low = max(low, 1)
	from, to := log2(uint64(low)), log2(uint64(max(low, high)))
	x := from + w.Below(to-from+1)
	// Computing the power anew from 1 keeps one line of code; what the fixed point loses is clamped away.
	return min(max(int64(exp2(x)), int64(low)), int64(max(low, high)))
}

const logPlaces = 16

// log2 returns the binary logarithm of x >= 1 with 16 binary places, rounded down, by repeated squaring.
func log2(x uint64) uint64 {
	whole := uint64(bits.Len64(x) - 1)
	m := x << (63 - whole) // in [1,2) with 63 places
	result := whole
	for range logPlaces {
		hi, _ := bits.Mul64(m, m) // in [1,4) with 62 places
		result <<= 1
		if hi>>63 == 1 {
			result |= 1
			m = hi
		} else {
			m = hi << 1
		}
	}
	return result
}

// exp2 returns 2^(x/65536), rounded down, for x below 63 x 65536: the product of the roots of two that the fraction is the
// sum of.
func exp2(x uint64) uint64 {
	m := uint64(1) << 32 // with 32 places, in [1,2)
	for i, root := range roots {
		if x>>(logPlaces-1-i)&1 == 1 {
			hi, lo := bits.Mul64(m, root)
			m = hi<<32 | lo>>32
		}
	}
	hi, lo := bits.Mul64(m, 1<<(x>>logPlaces))
	return hi<<32 | lo>>32
}

// roots holds 2^(1/2^(i+1)) with 32 binary places.
var roots = [logPlaces]uint64{
	0x16a09e668, 0x1306fe0a3, 0x1172b83c8, 0x10b5586d0, 0x1059b0d31, 0x102c9a3e7, 0x10163daa0, 0x100b1afa6,
	0x10058c86e, 0x1002c605e, 0x100162f39, 0x1000b175f, 0x100058ba0, 0x10002c5cc, 0x1000162e5, 0x10000b172,
}
