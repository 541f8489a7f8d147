package ledger

import (
	"encoding/binary"
	"testing"

	"raftsim/checker"
	"raftsim/raft"
	"raftsim/raft/storage"
	"raftsim/raft/vfs"
)

// deaf is a Judge that costs nothing.
type deaf struct{}

func (deaf) DiskEntry(_, _, _, _ uint64)               {}
func (deaf) DiskTruncated(_, _ uint64)                 {}
func (deaf) DiskSnapshot(_, _, _ uint64)               {}
func (deaf) DiskCompacted(_, _ uint64)                 {}
func (deaf) DiskHardState(_, _, _, _ uint64)           {}
func (deaf) ObserveDisk(uint64, *checker.DiskImage)    {}
func (deaf) RecoveredImage(uint64, *checker.DiskImage) {}
func (deaf) Damaged(uint64)                            {}

// growing is a disk that holds a member's files and lets the last one grow a record at a time.
type growing struct {
	names []string
	files [][]byte
	ends  []int // of the records in the last file
	at    int
}

func (g *growing) DurableFiles() int { return len(g.names) }

func (g *growing) DurableFile(i int) (string, []byte) {
	if i == len(g.names)-1 {
		return g.names[i], g.files[i][:g.ends[g.at]]
	}
	return g.names[i], g.files[i]
}

func (g *growing) ViewFiles() int { return g.DurableFiles() }
func (g *growing) ViewFile(i int) (string, []byte, int64) {
	name, bytes := g.DurableFile(i)
	return name, bytes, 0
}
func (g *growing) DamagedFile(i int) (string, []byte) { return g.DurableFile(i) }
func (g *growing) Damaged() bool                      { return false }
func (g *growing) DurableChanges() uint64             { return uint64(g.at) + 1 }
func (g *growing) OtherChanges(int) uint64            { return 0 }

// records makes the disk of a member that has appended so many records of one entry, and has a few files more.
func records(t fataler, count, size int) *growing {
	mem := &vfs.Mem{}
	check := func(err error) {
		if err != nil {
			t.Fatalf("%v", err)
		}
	}
	var log *storage.Log
	drain := func() {
		for _, c := range mem.Completions() {
			log.Completed(c.Ticket, c.Err)
		}
	}
	check(storage.Bootstrap(mem, member, raft.ConfState{Voters: []uint64{1, 2, member}}, 1, 2))
	mem.Completions()
	for range 4 {
		var err error
		log, _, err = storage.Open(mem, member, storage.Options{}, 1)
		check(err)
		drain()
		drain()
		drain()
	}
	g := &growing{}
	names, err := mem.List()
	check(err)
	read := func(name string) []byte {
		f, err := mem.Open(name)
		check(err)
		size, _ := f.Size()
		b := make([]byte, size)
		if size > 0 {
			_, err = f.ReadAt(b, 0)
			check(err)
		}
		return b
	}
	last := names[len(names)-1]
	g.ends = append(g.ends, len(read(last)))
	for i := range count {
		e := raft.Entry{Term: 1, Index: uint64(i) + 1, Data: make([]byte, size)}
		binary.LittleEndian.PutUint64(e.Data, uint64(i))
		check(log.Append(&raft.HardState{Term: 1, Vote: 2, Commit: uint64(i)}, []raft.Entry{e}))
		log.Sync(vfs.Ticket(i + 2))
		drain()
		g.ends = append(g.ends, g.ends[i]+headBytes+rowBytes+size)
	}
	for _, name := range names {
		g.names, g.files = append(g.names, name), append(g.files, read(name))
	}
	return g
}

// A sync with one record of one small entry, of a server with five files.
func BenchmarkSynced(b *testing.B) {
	const batch = 10000
	g := records(b, batch, 40)
	for _, judge := range []struct {
		name string
		Judge
	}{{"deaf", deaf{}}, {"cluster", nil}} {
		b.Run(judge.name, func(b *testing.B) {
			l := &Ledger{Judge: judge.Judge}
			if l.Judge == nil {
				c := &checker.Cluster{DecodedDisks: true, WatchDisks: true}
				c.Reset(member)
				for i := range uint64(batch) {
					data := make([]byte, 40)
					binary.LittleEndian.PutUint64(data, i)
					c.Appended(member, i+1, 1, data)
				}
				l.Judge = c
			}
			b.ReportAllocs()
			for b.Loop() {
				if g.at == batch {
					b.StopTimer()
					l.Wiped(member)
					if c, ok := l.Judge.(*checker.Cluster); ok {
						c.ObserveDisk(member, &checker.DiskImage{})
					}
					g.at = 0
					l.Synced(member, g)
					b.StartTimer()
				}
				g.at++
				l.Synced(member, g)
			}
		})
	}
}

// A sync that covers nothing this package reads.
func BenchmarkNothingNew(b *testing.B) {
	g := records(b, 1, 40)
	l := &Ledger{Judge: deaf{}}
	for b.Loop() {
		l.Synced(member, g)
	}
}
