package storage

import (
	"encoding/binary"
	"hash/crc32"

	"raftsim/raft"
)

var le = binary.LittleEndian

const (
	headerMagic = "raftseg\x03"
	headerFixed = 176
	anewFlag    = 1
)

// header is the beginning of a segment. See the package comment for what the fields mean.
type header struct {
	anew            bool
	prevSum         uint32
	id              uint64
	segment         uint64
	incarnation     uint64
	prevSegment     uint64
	prevIncarnation uint64
	prevEnd         int64
	mark            position
	hs              raft.HardState
	last            raft.EntryID
	lost            raft.EntryID
	snap            raft.EntryID // the newest snapshot known to be durable
	carried         int64        // size of the record that belongs to the header
	joined          uint64       // after which entry the member joined
	conf            []byte       // encoded
	length          int64
	sum             uint32
}

// appendHeader appends the encoding of h, but for its length and sum, which it sets.
func appendHeader(dst []byte, h *header, table *crc32.Table) []byte {
	start := len(dst)
	h.length = headerFixed + int64(len(h.conf))
	dst = append(dst, headerMagic...)
	dst = le.AppendUint32(dst, 0)
	dst = le.AppendUint32(dst, uint32(h.length))
	flags := uint32(0)
	if h.anew {
		flags = anewFlag
	}
	dst = le.AppendUint32(dst, flags)
	dst = le.AppendUint32(dst, h.prevSum)
	for _, n := range [...]uint64{
		h.id, h.segment, h.incarnation, h.prevSegment, h.prevIncarnation, uint64(h.prevEnd),
		h.mark.segment, uint64(h.mark.offset), h.hs.Term, h.hs.Vote, h.hs.Commit,
		h.last.Index, h.last.Term, h.lost.Index, h.lost.Term, h.snap.Index, h.snap.Term, uint64(h.carried), h.joined,
	} {
		dst = le.AppendUint64(dst, n)
	}
	dst = append(dst, h.conf...)
	b := dst[start:]
	h.sum = headerSum(b, table)
	le.PutUint32(b[8:], h.sum)
	return dst
}

func headerSum(b []byte, table *crc32.Table) uint32 {
	return crc32.Update(crc32.Checksum(b[:8], table), table, b[12:])
}

// decodeHeader reads the header that b begins with. It does not know which file b is from, and does not look at the record that may
// belong to the header.
func decodeHeader(b []byte, table *crc32.Table) (h header, ok bool) {
	if len(b) < headerFixed || string(b[:8]) != headerMagic {
		return h, false
	}
	length, flags := le.Uint32(b[12:]), le.Uint32(b[16:])
	if length < headerFixed || uint64(length) > uint64(len(b)) || flags > anewFlag {
		return h, false
	}
	b = b[:length:length]
	h.sum = le.Uint32(b[8:])
	if headerSum(b, table) != h.sum {
		return h, false
	}
	h.length = int64(length)
	h.anew = flags == anewFlag
	h.prevSum = le.Uint32(b[20:])
	h.id, h.segment, h.incarnation = le.Uint64(b[24:]), le.Uint64(b[32:]), le.Uint64(b[40:])
	h.prevSegment, h.prevIncarnation, h.prevEnd = le.Uint64(b[48:]), le.Uint64(b[56:]), int64(le.Uint64(b[64:]))
	h.mark = position{le.Uint64(b[72:]), int64(le.Uint64(b[80:]))}
	h.hs = raft.HardState{Term: le.Uint64(b[88:]), Vote: le.Uint64(b[96:]), Commit: le.Uint64(b[104:])}
	h.last = raft.EntryID{Index: le.Uint64(b[112:]), Term: le.Uint64(b[120:])}
	h.lost = raft.EntryID{Index: le.Uint64(b[128:]), Term: le.Uint64(b[136:])}
	h.snap = raft.EntryID{Index: le.Uint64(b[144:]), Term: le.Uint64(b[152:])}
	h.carried, h.joined = int64(le.Uint64(b[160:])), le.Uint64(b[168:])
	h.conf = b[headerFixed:]
	var conf raft.ConfState
	return h, h.prevEnd >= 0 && h.mark.offset >= 0 && h.carried >= 0 && raft.DecodeConfState(h.conf, &conf) == nil
}
