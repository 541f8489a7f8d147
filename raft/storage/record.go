package storage

import (
	"encoding/binary"
	"hash/crc32"
)

// A record is
//
//	length   uint32  bytes of payload
//	checksum uint32  CRC-32C of everything from the start of the file to the end of this record, checksum fields left out
//	kind     uint8   what the payload is; the top bit marks the last record of a batch
//	payload
//
// in little-endian order. The checksum runs on from the record before, so a record is valid at one place only: behind the
// very records it was written behind. Bytes left over from a tail that was cut off never pass for a continuation.
const (
	headerSize = 9
	// maxPayload bounds one record, so that a damaged length is mostly recognised as one.
	maxPayload = 64 << 20

	kindBootstrap = 1
	kindHardState = 2
	kindEntry     = 3
	kindMask      = 0x7f
	lastOfBatch   = 0x80
)

// chainStart is what the checksum of an empty log is: not 0, so that a file of zeros holds no record by accident.
const chainStart uint32 = 0x52414654

type record struct {
	kind    byte
	last    bool // of its batch
	payload []byte
	sum     uint32 // stored checksum, which the next record's continues
	size    int    // header and payload
}

// appendHeader reserves room for a header and returns where it begins; sealRecord fills it once the payload follows.
func appendHeader(dst []byte) ([]byte, int) {
	var header [headerSize]byte
	return append(dst, header[:]...), len(dst)
}

// sealRecord fills the header at start, whose payload runs to the end of buf, and returns the new end of the chain.
func sealRecord(buf []byte, start int, kind byte, chain uint32) uint32 {
	b := buf[start:]
	binary.LittleEndian.PutUint32(b, uint32(len(b)-headerSize))
	b[8] = kind
	sum := checksum(b, chain)
	binary.LittleEndian.PutUint32(b[4:], sum)
	return sum
}

// checksum continues chain over one whole record.
func checksum(b []byte, chain uint32) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	chain = crc32.Update(chain, table, b[:4])
	return crc32.Update(chain, table, b[8:])
}

// plausible reads the record at the start of b by its form alone: a length that fits, a known kind.
func plausible(b []byte) (record, bool) {
	if len(b) < headerSize {
		return record{}, false
	}
	length := binary.LittleEndian.Uint32(b)
	kind := b[8] & kindMask
	if length > maxPayload || int64(length) > int64(len(b)-headerSize) || kind < kindBootstrap || kind > kindEntry {
		return record{}, false
	}
	size := headerSize + int(length)
	return record{
		kind:    kind,
		last:    b[8]&lastOfBatch != 0,
		payload: b[headerSize:size:size],
		sum:     binary.LittleEndian.Uint32(b[4:]),
		size:    size,
	}, true
}

// readRecord reads the record at the start of b, which must continue chain.
func readRecord(b []byte, chain uint32) (record, bool) {
	r, ok := plausible(b)
	return r, ok && checksum(b[:r.size], chain) == r.sum
}

// goodBehind looks for a whole record behind the bad one at offset bad: proof that the bad one was once written in full,
// and so is rot and no torn write. It returns the offset of the good record.
//
// chain is the checksum up to bad. A record counts as good if it continues
//   - the checksum stored in the bad record (its payload, kind or length is damaged),
//   - the checksum the bad record should have (the stored one is damaged), or
//   - the checksum stored in another plausible record just before it (anything is damaged, two good ones follow).
//
// The cost is O(bytes behind x length of what looks like a record there), paid only when a record is bad.
func goodBehind(b []byte, bad int, chain uint32) (int, bool) {
	var seeds [2]uint32
	n := 0
	if len(b)-bad >= headerSize {
		seeds[n] = binary.LittleEndian.Uint32(b[bad+4:])
		n++
	}
	if r, ok := plausible(b[bad:]); ok {
		seeds[n] = checksum(b[bad:bad+r.size], chain)
		n++
	}
	for at := bad + 1; at+headerSize <= len(b); at++ {
		r, ok := plausible(b[at:])
		if !ok {
			continue
		}
		for _, seed := range seeds[:n] {
			if checksum(b[at:at+r.size], seed) == r.sum {
				return at, true
			}
		}
		if _, ok := readRecord(b[at+r.size:], r.sum); ok {
			return at + r.size, true
		}
	}
	return 0, false
}
