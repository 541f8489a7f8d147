package storage

import (
	"fmt"
	"testing"

	"raftsim/raft"
)

// BenchmarkAppendSync is the cost of making one entry of 64 bytes durable, without the disk: the file is in memory.
func BenchmarkAppendSync(b *testing.B) {
	s := newSite(b, 16<<20)
	entries := []raft.Entry{{Term: 1, Data: make([]byte, 64)}}
	hs := raft.HardState{Term: 1}
	index := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		index++
		entries[0].Index, hs.Commit = index, index-1
		if err := s.log.Append(&hs, entries); err != nil {
			b.Fatal(err)
		}
		s.log.Sync(1)
		for _, c := range s.mem.Completions() {
			s.log.Completed(c.Ticket, c.Err)
		}
		if index%100000 == 0 { // the memory is not what is measured
			b.StopTimer()
			s = newSite(b, 16<<20)
			index = 0
			b.StartTimer()
		}
	}
}

// BenchmarkOpen is the cost of a restart, by the number of entries in the log.
func BenchmarkOpen(b *testing.B) {
	for _, n := range []uint64{0, 10, 100, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := newSite(b, 600)
			if n > 100 {
				s = newSite(b, 0)
			}
			for i := range n {
				s.write(batch{hs: hard(1, 1, i), entries: []raft.Entry{entry(1, i+1, "a command of an ordinary size")}})
			}
			s = s.copy()
			names := len(s.names())
			b.ReportAllocs()
			for b.Loop() {
				l, _, err := Open(s.mem, member, Options{SegmentBytes: 600}, 1)
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				s.mem.Completions()
				_ = l.Close()
				for _, name := range s.names()[names:] {
					if err := s.mem.Remove(name); err != nil {
						b.Fatal(err)
					}
				}
				b.StartTimer()
			}
		})
	}
}
