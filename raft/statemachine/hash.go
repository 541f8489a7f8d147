package statemachine

import (
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// The hash of a state is the sum, modulo 2^64, of the hashes of its parts. A sum does not depend on the order in which
// parts were made, a changed part costs one subtraction and one addition, and unlike exclusive or it does not lose two equal
// parts against each other. Each part is mixed with its own name (key, session) first, so values cannot trade places.

// avalanche spreads every bit of x over the whole word (the finalizer of splitmix64). It is a bijection.
func avalanche(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	x ^= x >> 31
	return x
}

// combine hashes the ordered pair (a, b).
func combine(a, b uint64) uint64 {
	return avalanche(avalanche(a+0x9e3779b97f4a7c15) ^ b)
}

// fold hashes the ordered pair (a, b) too, in a third of the time. a must be the outcome of another hash: with a small a it
// has little to multiply by.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0xa0761d6478bd642f, b^0xe7037ed1a0b428db)
	return hi ^ lo
}

// hashBytes hashes the content of b; the same on every architecture. Cost: O(len(b)), some bytes per nanosecond.
func hashBytes(b []byte) uint64 { return xxhash.Sum64(b) }
