package storage

import (
	"bytes"
	"errors"
	"hash/crc32"
	"testing"

	"raftsim/raft"
	"raftsim/raft/vfs"
)

// FuzzOpen gives arbitrary bytes to the reader of segments and snapshots. With seal it first makes the checksums of what looks like
// a header, a head or a footer right, so that what is behind them is reached. Nothing may panic, and a disk that is accepted must
// make sense, take appends, and be found the same at the next restart.
func FuzzOpen(f *testing.F) {
	for _, size := range []int64{1, 500, 1 << 20} {
		s, _ := storySite(f, size, story())
		names := s.names()
		last := s.bytes(names[len(names)-1])
		f.Add(s.bytes(names[0]), s.bytes(names[1]), last, []byte{}, false)
		f.Add(s.bytes(names[0]), s.bytes(names[1]), last, []byte{}, true)
	}
	s := grown(f)
	s.save(1, 2, "a state")
	f.Add(s.bytes(s.names()[0]), s.bytes(SegmentName(2, 1)), s.bytes(SegmentName(3, 1)), s.bytes(SnapshotName(1, 2)), true)
	f.Fuzz(func(t *testing.T, first, second, third, snap []byte, seal bool) {
		s := &site{TB: t, mem: &vfs.Mem{}, size: 300}
		for i, b := range [][]byte{first, second, third} {
			segment, incarnation := uint64(i+1), uint64(min(i, 1))
			if len(b) == 0 {
				continue
			}
			b = bytes.Clone(b)
			if seal {
				sealSegment(b, segment, incarnation)
			}
			s.put(SegmentName(segment, incarnation), b)
		}
		if len(snap) > 0 {
			snap = bytes.Clone(snap)
			if seal {
				sealSnapshot(snap)
			}
			s.put(SnapshotName(1, 2), snap)
		}
		st, err := s.tryOpen()
		if err != nil {
			var c *CorruptError
			if !errors.As(err, &c) && !errors.Is(err, ErrEmpty) && !errors.Is(err, ErrWrongID) {
				t.Fatalf("error %v", err)
			}
			return
		}
		makesSense(t, &st)
		second2 := s.open()
		if diff := sameState(st, second2); diff != "" {
			t.Fatalf("second restart (-first +second):\n%s", diff)
		}
		last := s.log.LastID()
		if last.Index == ^uint64(0) {
			return
		}
		e := entry(s.log.HardState().Term, last.Index+1, "one more")
		if e.Term == 0 {
			e.Term = 1
		}
		s.write(batch{hs: hard(e.Term, 0, 0), entries: []raft.Entry{e}})
		third3 := s.open()
		if n := len(third3.Entries); n == 0 || string(third3.Entries[n-1].Data) != "one more" {
			t.Fatalf("what was appended is not there: %+v", third3)
		}
	})
}

func makesSense(t *testing.T, st *State) {
	t.Helper()
	id := raft.EntryID{Index: st.Offset, Term: st.OffsetTerm}
	for i := range st.Entries {
		e := &st.Entries[i]
		if e.Index != id.Index+1 || e.Term < id.Term || e.Term == 0 {
			t.Fatalf("entry %+v follows %+v", e, id)
		}
		id = raft.EntryID{Index: e.Index, Term: e.Term}
	}
	if st.HardState.Term < id.Term || st.HardState.Commit > id.Index || st.Offset > st.Snapshot.Index || st.Snapshot.Index > id.Index {
		t.Fatalf("state %+v", st)
	}
	if st.ID != member || st.Lost != (raft.EntryID{}) && !newer(st.Lost, id) {
		t.Fatalf("state %+v", st)
	}
}

// sealSegment makes checksums right.
func sealSegment(b []byte, segment, incarnation uint64) {
	table := crc32.MakeTable(crc32.Castagnoli)
	if len(b) < headerFixed+5 {
		return
	}
	copy(b, headerMagic)
	length := int64(le.Uint32(b[12:])%8) + headerFixed + 5
	length = min(length, int64(len(b)))
	le.PutUint32(b[12:], uint32(length))
	le.PutUint32(b[16:], le.Uint32(b[16:])&1)
	le.PutUint64(b[24:], member)
	le.PutUint64(b[32:], segment)
	le.PutUint64(b[40:], incarnation)
	le.PutUint32(b[8:], headerSum(b[:length], table))
	s := newSummer(member, incarnation, segment)
	for at := length; at+recordFixed <= int64(len(b)); at++ {
		if string(b[at:at+4]) != recordMagic {
			continue
		}
		count := int64(le.Uint32(b[at+12:])) % 4
		size := recordFixed + recordEntry*count
		if at+size > int64(len(b)) {
			continue
		}
		le.PutUint32(b[at+12:], uint32(count))
		le.PutUint32(b[at+8:], uint32(size))
		body, data := int64(0), at+size
		for i := range count {
			row := b[at+recordFixed+recordEntry*i:]
			n := min(int64(le.Uint32(row[9:])%64), int64(len(b))-data)
			le.PutUint32(row[9:], uint32(n))
			le.PutUint32(row[13:], s.sum(data, b[data:data+n], nil))
			body += n
			data += n
		}
		le.PutUint32(b[at+20:], uint32(body))
		le.PutUint32(b[at+4:], headSum(b[at:at+size], &s, at))
		at = data - 1
	}
}

func sealSnapshot(b []byte) {
	table := crc32.MakeTable(crc32.Castagnoli)
	const fixed = snapMeta + 5 + snapTail
	if len(b) < fixed {
		return
	}
	size := len(b)
	copy(b[size-8:], snapMagic)
	length := min(int(le.Uint32(b[size-snapTail:]))%64+fixed, size)
	le.PutUint32(b[size-snapTail:], uint32(length))
	sum := crc32.Checksum(b[size-length:size-12], table)
	le.PutUint32(b[size-12:], crc32.Update(sum, table, []byte(snapMagic)))
}
