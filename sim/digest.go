package sim

import (
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// Digest is a running hash of what a run did. It sees words and bytes only, so it is the same on every architecture. The
// zero value is ready.
type Digest struct{ state uint64 }

// Word folds one word.
func (d *Digest) Word(x uint64) {
	d.state = bits.RotateLeft64(d.state^x*0x9e3779b185ebca87, 31)*0xc2b2ae3d27d4eb4f + 0x165667b19e3779f9
}

// Bytes folds a byte string with its length.
func (d *Digest) Bytes(b []byte) {
	d.Word(uint64(len(b)))
	d.Word(xxhash.Sum64(b))
}

// Sum returns the digest of all that was folded so far.
func (d *Digest) Sum() uint64 {
	x := d.state
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 29
	return x
}
