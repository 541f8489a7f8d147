package storage

import (
	"hash/crc32"
	"slices"
	"testing"

	"raftsim/raft"
)

// byTheBook decodes an undamaged disk by the text of the package comment and with nothing of this package: numbers are taken from
// where the text says they are.
func byTheBook(t *testing.T, s *site) (st State) {
	t.Helper()
	table := crc32.MakeTable(crc32.Castagnoli)
	u32 := func(b []byte, at int64) uint32 {
		return uint32(b[at]) | uint32(b[at+1])<<8 | uint32(b[at+2])<<16 | uint32(b[at+3])<<24
	}
	u64 := func(b []byte, at int64) uint64 { return uint64(u32(b, at)) | uint64(u32(b, at+4))<<32 }
	number := func(n uint64) []byte {
		return []byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24), byte(n >> 32), byte(n >> 40), byte(n >> 48), byte(n >> 56)}
	}
	type file struct {
		name string
		b    []byte
	}
	var files []file
	for _, name := range s.names() { // fixed width makes the order of names that of numbers
		if len(name) == 37 && name[33:] == ".log" {
			files = append(files, file{name, s.bytes(name)})
		}
		if len(name) == 38 && name[33:] == ".snap" {
			b := s.bytes(name)
			end := int64(len(b))
			length := int64(u32(b, end-16))
			size := end - length
			blocks := (size + 65535) / 65536
			sum := crc32.Checksum(append(slices.Clone(b[size:end-12]), "raftsnp\x02"...), table)
			meta := size + 4*blocks
			st.Snapshot = raft.SnapshotMeta{Index: u64(b, meta+8), Term: u64(b, meta+16), Size: u64(b, meta+24)}
			if sum != u32(b, end-12) || string(b[end-8:]) != "raftsnp\x02" || u64(b, meta) != member || u64(b, meta+24) != uint64(size) {
				t.Fatalf("%s: bad footer", name)
			}
			for i := range blocks {
				block := slices.Concat(number(st.Snapshot.Index), number(st.Snapshot.Term), number(uint64(i*65536)), b[i*65536:min((i+1)*65536, size)])
				if crc32.Checksum(block, table) != u32(b, size+4*i) {
					t.Fatalf("%s: bad block %d", name, i)
				}
			}
			if err := raft.DecodeConfState(b[meta+32:end-16], &st.Snapshot.ConfState); err != nil {
				t.Fatal(err)
			}
		}
	}
	sumOf := func(b []byte, at int64) uint32 {
		if at == 0 {
			return u32(b, 8)
		}
		return u32(b, at+4)
	}
	lastSum := make([]uint32, len(files))
	for i, f := range files {
		b := f.b
		length := int64(u32(b, 12))
		if string(b[:8]) != "raftseg\x03" || u32(b, 8) != crc32.Checksum(slices.Concat(b[:8], b[12:length]), table) {
			t.Fatalf("%s: bad header", f.name)
		}
		st.ID, st.JoinedAfter = u64(b, 24), u64(b, 168)
		if f.name != SegmentName(u64(b, 32), u64(b, 40)) {
			t.Fatalf("%s says it is segment %d of incarnation %d", f.name, u64(b, 32), u64(b, 40))
		}
		if u32(b, 16)&1 == 1 {
			st.Entries = nil
		} else if i > 0 && (files[i-1].name != SegmentName(u64(b, 48), u64(b, 56)) || u32(b, 20) != lastSum[i-1]) {
			t.Fatalf("%s does not follow %s", f.name, files[i-1].name)
		}
		if i+1 < len(files) && u32(files[i+1].b, 16)&1 == 0 {
			b = b[:u64(files[i+1].b, 64)]
		}
		if i == 0 {
			st.Offset, st.OffsetTerm = u64(b, 112), u64(b, 120)
		}
		if u32(b, 16)&1 == 1 {
			st.Offset, st.OffsetTerm = u64(b, 112), u64(b, 120)
		}
		st.HardState = raft.HardState{Term: u64(b, 88), Vote: u64(b, 96), Commit: u64(b, 104)}
		st.Lost = raft.EntryID{Index: u64(b, 128), Term: u64(b, 136)}
		if err := raft.DecodeConfState(b[176:length], &st.ConfState); err != nil {
			t.Fatal(err)
		}
		last := u64(b, 112)
		if last < st.Offset {
			t.Fatalf("%s: the log ended with entry %d, and begins after %d", f.name, last, st.Offset)
		}
		st.Entries = st.Entries[:last-st.Offset]
		if carried := int64(u64(b, 160)); carried > 0 && int64(u32(b, length+8))+int64(u32(b, length+20)) != carried {
			t.Fatalf("%s: the header carries %d bytes", f.name, carried)
		}
		before := int64(0)
		for at := length; at < int64(len(b)); {
			salt := slices.Concat(number(st.ID), number(u64(b, 40)), number(u64(b, 32)))
			length, count := int64(u32(b, at+8)), int64(u32(b, at+12))
			head := b[at : at+length]
			if string(head[:4]) != "rec\x02" || u32(head, 4) != crc32.Checksum(slices.Concat(salt, number(uint64(at)), head[:4], head[8:]), table) {
				t.Fatalf("%s: bad record at %d", f.name, at)
			}
			if u32(head, 16) != sumOf(b, before) {
				t.Fatalf("%s: broken chain at %d", f.name, at)
			}
			st.HardState = raft.HardState{Term: u64(head, 24), Vote: u64(head, 32), Commit: u64(head, 40)}
			before = at
			index := u64(head, 48)
			if count > 0 && index < st.Offset {
				st.Offset, st.OffsetTerm, st.Entries = index, u64(head, 56), nil
			}
			end := at + length
			for i := range count {
				row := head[80+17*i:]
				n := int64(u32(row, 9))
				data := b[end : end+n]
				if u32(row, 13) != crc32.Checksum(slices.Concat(salt, number(uint64(end)), data), table) {
					t.Fatalf("%s: bad data at %d", f.name, end)
				}
				index++
				st.Entries = append(st.Entries[:index-st.Offset-1], raft.Entry{Term: u64(row, 0), Type: raft.EntryType(row[8]), Index: index, Data: slices.Clone(data)})
				end += n
			}
			at = end
		}
		lastSum[i] = sumOf(b, before)
	}
	if st.Snapshot.Index > 0 {
		st.ConfState = st.Snapshot.ConfState
		st.HardState.Commit = max(st.HardState.Commit, st.Snapshot.Index)
	}
	return st
}
