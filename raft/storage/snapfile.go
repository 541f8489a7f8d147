package storage

import (
	"hash/crc32"
	"io"

	"raftsim/raft"
	"raftsim/raft/vfs"
)

const (
	snapMagic    = "raftsnp\x02"
	snapBlock    = 65536 // bytes of data under one checksum
	snapMeta     = 4 * 8
	snapTail     = 4 + 4 + 8
	maxSnapshots = 1 << 16 // blocks of a snapshot that is read: 4 GiB
)

// sums collects the checksums of the blocks of a snapshot whose bytes come in order.
type sums struct {
	table  *crc32.Table
	id     raft.EntryID
	size   uint64
	blocks []uint32 // the last one is of a block that may go on
}

func (s *sums) reset(table *crc32.Table, id raft.EntryID) {
	*s = sums{table: table, id: id, blocks: s.blocks[:0]}
}

// add takes in the bytes at the end.
func (s *sums) add(p []byte) {
	for len(p) > 0 {
		room := snapBlock - s.size%snapBlock
		if room == snapBlock {
			s.blocks = append(s.blocks, sumNumbers(s.table, 0, s.id.Index, s.id.Term, s.size))
		}
		n := min(room, uint64(len(p)))
		last := &s.blocks[len(s.blocks)-1]
		*last = crc32.Update(*last, s.table, p[:n])
		s.size += n
		p = p[n:]
	}
}

// appendFooter appends the footer of a snapshot of member id whose bytes s has seen.
func appendFooter(dst []byte, id uint64, s *sums, conf *raft.ConfState) []byte {
	start := len(dst)
	for _, sum := range s.blocks {
		dst = le.AppendUint32(dst, sum)
	}
	for _, n := range [...]uint64{id, s.id.Index, s.id.Term, s.size} {
		dst = le.AppendUint64(dst, n)
	}
	dst = raft.AppendConfState(dst, conf)
	dst = le.AppendUint32(dst, uint32(len(dst)-start+snapTail))
	sum := crc32.Update(crc32.Checksum(dst[start:], s.table), s.table, []byte(snapMagic))
	dst = le.AppendUint32(dst, sum)
	return append(dst, snapMagic...)
}

// readFooter reads the footer of the snapshot that a file should hold. The sums are those of its blocks. Errors are *CorruptError.
func readFooter(f vfs.File, name string, member uint64, id raft.EntryID, table *crc32.Table) (meta raft.SnapshotMeta, blocks []uint32, err error) {
	size, err := f.Size()
	if err != nil {
		return meta, nil, corrupt(name, 0, "%v", err)
	}
	if size < snapMeta+snapTail {
		return meta, nil, corrupt(name, size, "%d bytes are too few", size)
	}
	var tail [snapTail]byte
	if n, err := f.ReadAt(tail[:], size-snapTail); n < snapTail {
		return meta, nil, corrupt(name, size-snapTail, "footer: %v", err)
	}
	length := int64(le.Uint32(tail[:]))
	if string(tail[8:]) != snapMagic || length < snapMeta+snapTail || length > size || length > maxSnapshots*4+(1<<20) {
		return meta, nil, corrupt(name, size-snapTail, "no footer")
	}
	b := make([]byte, length)
	if n, err := f.ReadAt(b, size-length); int64(n) < length {
		return meta, nil, corrupt(name, size-length, "footer: %v", err)
	}
	if sum := crc32.Checksum(b[:length-12], table); crc32.Update(sum, table, []byte(snapMagic)) != le.Uint32(b[length-12:]) {
		return meta, nil, corrupt(name, size-length, "the footer fails its checksum")
	}
	data := uint64(size - length)
	count := int64((data + snapBlock - 1) / snapBlock)
	at := 4 * count
	if length < at+snapMeta+snapTail {
		return meta, nil, corrupt(name, size-length, "a footer of %d bytes for %d bytes of data", length, data)
	}
	meta = raft.SnapshotMeta{Index: le.Uint64(b[at+8:]), Term: le.Uint64(b[at+16:]), Size: le.Uint64(b[at+24:])}
	switch of := le.Uint64(b[at:]); {
	case of != member:
		return meta, nil, corrupt(name, size-length, "a snapshot of member %d, this is member %d", of, member)
	case meta.Index != id.Index || meta.Term != id.Term || meta.Size != data || id.Index == 0 || id.Term == 0:
		return meta, nil, corrupt(name, size-length, "a snapshot of entry %d of term %d, %d bytes; the file has %d bytes of data",
			meta.Index, meta.Term, meta.Size, data)
	}
	if err := raft.DecodeConfState(b[at+snapMeta:length-snapTail], &meta.ConfState); err != nil {
		return meta, nil, corrupt(name, size-length, "configuration: %v", err)
	}
	blocks = make([]uint32, count)
	for i := range blocks {
		blocks[i] = le.Uint32(b[4*i:])
	}
	return meta, blocks, nil
}

// readBlock reads and checks block n of a snapshot into buf.
func readBlock(f vfs.File, name string, meta *raft.SnapshotMeta, blocks []uint32, n uint64, table *crc32.Table, buf []byte) ([]byte, error) {
	at := n * snapBlock
	b := buf[:min(snapBlock, meta.Size-at)]
	if got, err := f.ReadAt(b, int64(at)); got < len(b) {
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		return nil, corrupt(name, int64(at), "%v", err)
	}
	sum := crc32.Update(sumNumbers(table, 0, meta.Index, meta.Term, at), table, b)
	if sum != blocks[n] {
		return nil, corrupt(name, int64(at), "a block fails its checksum")
	}
	return b, nil
}
