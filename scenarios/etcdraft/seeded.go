package etcdraft

import (
	"encoding/binary"
	"math/bits"
)

// mix spreads a word over all 64 bits: the finalizer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), with its increment added
// first so that zero does not stay zero.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// seededReader is an endless stream of bytes that depends on its first state only.
type seededReader struct{ state uint64 }

// Read fills p. The bytes depend on how the reads were cut, which is the same in every run.
func (r *seededReader) Read(p []byte) (int, error) {
	var word [8]byte
	for rest := p; len(rest) > 0; {
		r.state++
		binary.LittleEndian.PutUint64(word[:], mix(r.state))
		rest = rest[copy(rest, word[:]):]
	}
	return len(p), nil
}

// fold is a running hash over words, a few cycles each. It notices differences; it withstands no adversary.
type fold uint64

func (f *fold) word(x uint64) {
	*f = fold(bits.RotateLeft64(uint64(*f)^x, 29) * 0x9e3779b97f4a7c15)
}

// event adds when, where and what happened. The bytes of entries count when they are applied.
func (f *fold) event(ev *event) {
	f.word(uint64(ev.at))
	f.word(uint64(ev.kind)<<32 | uint64(ev.to))
	m := ev.msg
	if m == nil {
		return
	}
	reject := uint64(0)
	if m.GetReject() {
		reject = 1
	}
	f.word(uint64(m.GetType())<<33 | reject<<32 | m.GetFrom())
	f.word(m.GetTerm())
	f.word(m.GetIndex())
	f.word(m.GetLogTerm())
	f.word(m.GetCommit())
	f.word(uint64(len(m.GetEntries())))
}
