package sim

import (
	"math/bits"

	//lint:ignore SA1019 the generator is deprecated upstream but chosen for this project: its PCG has a pinned, seedable 128-bit state.
	"golang.org/x/exp/rand"
)

// Words is the fixed sequence of random words that belongs to one (seed, key). Word n is the same whoever asks and
// whatever else was asked, so a draw that takes one word more changes no other draw.
type Words struct{ pcg rand.PCGSource }

// KeyedWords returns the words of (seed, key). The key is mixed before it seeds the generator: raw keys differ in a few
// bits, and generators seeded by neighbours are visibly alike.
func KeyedWords(seed uint64, k Key) (w Words) {
	w.pcg.Seed(mix(seed, k.Hi, k.Lo))
	return w
}

// Next returns the next word.
func (w *Words) Next() uint64 { return w.pcg.Uint64() }

// Below returns a number in [0, n), 0 if n is 0. It takes exactly one word: the multiply-shift maps the word linearly,
// with a bias below n/2^64, and never rejects.
func (w *Words) Below(n uint64) uint64 {
	hi, _ := bits.Mul64(w.Next(), n)
	return hi
}

// Between returns a number in [low, high], low if high < low. It takes exactly one word.
func (w *Words) Between(low, high int64) int64 {
	if high < low {
		w.Next()
		return low
	}
	return low + int64(w.Below(uint64(high-low)+1))
}

// Chance reports true with probability r. It takes exactly one word.
func (w *Words) Chance(r Ratio) bool {
	return w.Below(r.denominator()) < r.Num
}

// mix hashes three words into one; every bit of the input reaches every bit of the result (two rounds of the
// multiply-fold used by wyhash-like functions).
func mix(a, b, c uint64) uint64 {
	hi, lo := bits.Mul64(a^0x9e3779b97f4a7c15, b^0xd1b54a32d192ed03)
	x := hi ^ lo
	hi, lo = bits.Mul64(x^c^0x8cb92ba72f3d8dd7, 0xe7037ed1a0b428db^bits.RotateLeft64(b, 32))
	x = hi ^ lo ^ a
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	return x ^ x>>32
}
