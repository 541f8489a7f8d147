package storage

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"raftsim/raft"
)

// grown is a member with 20 entries of term 2, in small segments, committed and durable.
func grown(t testing.TB) *site {
	t.Helper()
	s := newSite(t, 400)
	for i := range uint64(20) {
		s.write(batch{hs: hard(2, 1, i), entries: []raft.Entry{entry(2, i+1, "some data")}})
	}
	return s
}

func read(t testing.TB, l *Log, index uint64, size int) string {
	t.Helper()
	var out []byte
	buf := make([]byte, size)
	for {
		n, err := l.ReadSnapshot(index, uint64(len(out)), buf)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, buf[:n]...)
		if n < len(buf) {
			return string(out)
		}
	}
}

func TestSaveAndCompact(t *testing.T) {
	s := grown(t)
	files := len(s.names())
	meta := s.save(15, 2, "the state after 15")
	s.must(s.log.Compact(12, 2))
	if len(s.names()) >= files {
		t.Errorf("files before %d, after %v", files, s.names())
	}
	if got := read(t, s.log, 15, 4); got != "the state after 15" {
		t.Errorf("snapshot %q", got)
	}
	for range 2 {
		st := s.open()
		if st.Offset > 12 || st.Offset < 8 || st.OffsetTerm != 2 || st.Entries[0].Index != st.Offset+1 || len(st.Entries) != int(20-st.Offset) {
			t.Errorf("the log begins after entry %d of term %d and has %d entries", st.Offset, st.OffsetTerm, len(st.Entries))
		}
		if !cmp.Equal(st.Snapshot, meta) || st.HardState != *hard(2, 1, 19) || st.Lost != (raft.EntryID{}) {
			t.Errorf("state %+v", st)
		}
		if diff := sameState(st, byTheBook(t, s)); diff != "" {
			t.Errorf("by the book (-want +got):\n%s", diff)
		}
		if got := read(t, s.log, 15, 100); got != "the state after 15" {
			t.Errorf("snapshot %q", got)
		}
		s.write(batch{hs: hard(2, 1, 19)})
	}
}

func TestCompactRefusals(t *testing.T) {
	s := grown(t)
	if err := s.log.Compact(3, 2); !errors.Is(err, ErrNoSnapshot) {
		t.Errorf("without a snapshot: %v", err)
	}
	s.must(s.log.SaveSnapshot(raft.SnapshotMeta{Index: 10, Term: 2}, nil))
	if err := s.log.Compact(3, 2); !errors.Is(err, ErrNoSnapshot) {
		t.Errorf("before the snapshot is durable: %v", err)
	}
	if err := s.log.SaveSnapshot(raft.SnapshotMeta{Index: 11, Term: 2}, nil); !errors.Is(err, ErrBusy) {
		t.Errorf("second snapshot at once: %v", err)
	}
	s.settle()
	if err := s.log.Compact(11, 2); !errors.Is(err, ErrNoSnapshot) {
		t.Errorf("beyond the snapshot: %v", err)
	}
	if err := s.log.Compact(9, 3); !errors.Is(err, ErrOrder) {
		t.Errorf("of another term: %v", err)
	}
	s.must(s.log.Compact(9, 2))
	s.must(s.log.Compact(4, 2)) // already gone
	if err := s.log.Append(hard(3, 0, 0), []raft.Entry{entry(3, 9, "")}); !errors.Is(err, ErrOrder) {
		t.Errorf("append before the compaction: %v", err)
	}
	for _, meta := range []raft.SnapshotMeta{{Index: 0, Term: 2}, {Index: 12, Term: 0}, {Index: 12, Term: 3}} {
		if err := s.log.SaveSnapshot(meta, nil); !errors.Is(err, ErrOrder) {
			t.Errorf("snapshot %+v: %v", meta, err)
		}
	}
}

// A segment goes only once its successor is durable: what a removal leaves must be found whatever a power loss undoes.
func TestCompactWaitsForTheSuccessor(t *testing.T) {
	s := grown(t)
	s.save(20, 2, "all")
	for range 3 { // records of hard states fill the segment with entry 20
		s.append(batch{hs: hard(2, 1, 20)})
	}
	cur := s.log.currentName()
	for i := uint64(0); s.log.currentName() == cur; i++ {
		s.append(batch{hs: hard(2, 1, 20)})
	}
	s.must(s.log.Compact(20, 2))
	if !slices.Contains(s.names(), cur) {
		t.Fatal("the segment before one that is not durable was removed")
	}
	s.log.Sync(500)
	s.settle()
	s.must(s.log.Compact(20, 2))
	if slices.Contains(s.names(), cur) {
		t.Error("the segment is still there")
	}
}

func TestReadSnapshot(t *testing.T) {
	for _, size := range []int{0, 1, 65535, 65536, 65537, 200000} {
		s := grown(t)
		data := strings.Repeat("snapshot", size/8+1)[:size]
		meta := s.save(7, 2, data)
		for _, step := range []int{7919, 65536, 1 << 20} {
			if got := read(t, s.log, 7, step); got != data {
				t.Errorf("%d bytes in pieces of %d: differ", size, step)
			}
		}
		if _, err := s.log.ReadSnapshot(7, uint64(size)+1, make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("beyond the end: %v", err)
		}
		if _, err := s.log.ReadSnapshot(8, 0, nil); !errors.Is(err, ErrNoSnapshot) {
			t.Errorf("of another index: %v", err)
		}
		if got, err := s.log.SnapshotMeta(7); err != nil || !cmp.Equal(got, meta) {
			t.Errorf("meta %+v, %v", got, err)
		}
		st := s.open()
		if !cmp.Equal(st.Snapshot, meta) {
			t.Errorf("recovered %+v, want %+v", st.Snapshot, meta)
		}
		byTheBook(t, s)
	}
}

// A leader that sends a snapshot must not spread damage: what is read is checked.
func TestDamagedSnapshotIsNotSent(t *testing.T) {
	s := grown(t)
	s.save(7, 2, strings.Repeat("x", 100000))
	name := SnapshotName(7, 2)
	b := s.bytes(name)
	b[70000] ^= 1
	s.put(name, b)
	buf := make([]byte, 100)
	if _, err := s.log.ReadSnapshot(7, 0, buf); err != nil {
		t.Errorf("a good block: %v", err)
	}
	var c *CorruptError
	if _, err := s.log.ReadSnapshot(7, 70000, buf); !errors.As(err, &c) || c.File != name || c.Offset != 65536 {
		t.Errorf("a bad block: %v", err)
	}
}

func TestRemoveSnapshots(t *testing.T) {
	s := grown(t)
	for _, index := range []uint64{3, 5, 9, 12} {
		s.save(index, 2, "state")
	}
	left := func() (out []uint64) {
		for _, name := range s.names() {
			if index, _, ok := ParseSnapshotName(name); ok {
				out = append(out, index)
			}
		}
		return out
	}
	s.must(s.log.RemoveSnapshotsBefore(9, func(index uint64) bool { return index == 3 }))
	if got := left(); !cmp.Equal(got, []uint64{3, 9, 12}) {
		t.Errorf("left %v", got)
	}
	s.must(s.log.RemoveSnapshotsBefore(100, nil))
	if got := left(); !cmp.Equal(got, []uint64{12}) {
		t.Errorf("left %v: the newest must stay", got)
	}
	if _, err := s.log.ReadSnapshot(9, 0, nil); !errors.Is(err, ErrNoSnapshot) {
		t.Errorf("a removed snapshot is read: %v", err)
	}
}

func TestInstall(t *testing.T) {
	for _, tt := range []struct {
		name        string
		index, term uint64
	}{
		{"beyond the log", 50, 2},
		{"inside, of another term", 18, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := grown(t)
			meta := s.install(tt.index, tt.term, "a state that came from the leader")
			if len(s.names()) != 2 {
				t.Errorf("files %v, want a segment and a snapshot", s.names())
			}
			check := func(st State, lives int) {
				t.Helper()
				if !cmp.Equal(st.Snapshot, meta) || st.HardState.Commit != tt.index || st.Lost != (raft.EntryID{}) {
					t.Errorf("life %d: %+v", lives, st)
				}
				if last := st.Offset + uint64(len(st.Entries)); last != tt.index || st.Offset != tt.index {
					t.Errorf("life %d: the log begins after entry %d and ends with entry %d", lives, st.Offset, last)
				}
			}
			check(s.open(), 1)
			check(s.open(), 2)
			if got := read(t, s.log, tt.index, 7); got != "a state that came from the leader" {
				t.Errorf("snapshot %q", got)
			}
			next := tt.index + 1
			s.write(batch{hs: hard(4, 1, tt.index), entries: []raft.Entry{entry(4, next, "next")}})
			st := s.open()
			if n := len(st.Entries); n == 0 || st.Entries[n-1].Index != next || string(st.Entries[n-1].Data) != "next" {
				t.Errorf("entries %v", st.Entries)
			}
			if diff := sameState(st, byTheBook(t, s)); diff != "" {
				t.Errorf("by the book (-want +got):\n%s", diff)
			}
		})
	}
}

// A process may die at any step of an installation. The log that the snapshot replaces may end with entries of a newer term than the
// snapshot's: they were never committed, and nothing of them is reported as lost.
func TestCrashInAnInstallation(t *testing.T) {
	for _, tt := range []struct {
		name        string
		index, term uint64
	}{
		{"beyond the log", 35, 4},
		{"beyond the log, of its term", 35, 5},
		{"inside, of an older term", 20, 4},
		{"at its end, of an older term", 30, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			seen := map[uint64]int{} // by the snapshot found
			for steps := 0; seen[tt.index] < 2; steps++ {
				s := newSite(t, 300)
				s.write(batch{hs: hard(4, 1, 2), entries: []raft.Entry{entry(4, 1, "a"), entry(4, 2, "b")}})
				for i := uint64(3); i <= 30; i++ {
					s.write(batch{hs: hard(5, 2, 2), entries: []raft.Entry{entry(5, i, "not committed")}})
				}
				s.write(batch{hs: hard(6, 0, 2)})
				s.receive(tt.index, tt.term, "a state")
				s.ticket++
				meta := raft.SnapshotMeta{Index: tt.index, Term: tt.term, ConfState: conf(), Size: 7}
				s.must(s.log.InstallSnapshot(meta, s.ticket))
				for range steps {
					for _, c := range s.mem.Completions() {
						s.log.Completed(c.Ticket, c.Err)
					}
				}
				for life := range 2 {
					st := s.open()
					if life == 0 {
						seen[st.Snapshot.Index]++
					}
					last := st.Offset + uint64(len(st.Entries))
					if st.Lost != (raft.EntryID{}) || st.Snapshot.Index == 0 && last != 30 || st.Snapshot.Index > 0 && (st.Offset != tt.index || last != tt.index) {
						t.Errorf("after %d steps, life %d: snapshot %d, entries %d to %d, lost %+v", steps, life, st.Snapshot.Index, st.Offset+1, last, st.Lost)
					}
				}
			}
			if seen[0] == 0 {
				t.Error("the snapshot is always there")
			}
		})
	}
}

func TestInstallRefusals(t *testing.T) {
	s := grown(t)
	chunk := func(index, offset uint64, data string) error {
		return s.log.ReceiveChunk(raft.Chunk{Index: index, Term: 2, Offset: offset, Data: []byte(data)})
	}
	meta := raft.SnapshotMeta{Index: 30, Term: 2, Size: 6}
	if err := chunk(30, 3, "def"); !errors.Is(err, ErrChunk) {
		t.Errorf("a piece from the middle of nothing: %v", err)
	}
	s.must(chunk(30, 0, "abc"))
	if err := chunk(30, 4, "ef"); !errors.Is(err, ErrChunk) {
		t.Errorf("a gap: %v", err)
	}
	if err := chunk(31, 3, "def"); !errors.Is(err, ErrChunk) {
		t.Errorf("a piece of another: %v", err)
	}
	if err := s.log.InstallSnapshot(meta, 9); !errors.Is(err, ErrChunk) {
		t.Errorf("half a snapshot: %v", err)
	}
	s.must(chunk(30, 0, "AB")) // begins anew
	s.must(chunk(30, 2, "Cdef"))
	s.must(s.log.InstallSnapshot(meta, 9))
	wantPanic(t, "Append", func() { _ = s.log.Append(hard(2, 1, 0), nil) })
	s.settle()
	if got := read(t, s.log, 30, 10); got != "ABCdef" {
		t.Errorf("installed %q", got)
	}
	s.receive(30, 2, "again")
	if err := s.log.InstallSnapshot(raft.SnapshotMeta{Index: 30, Term: 2, Size: 5}, 9); !errors.Is(err, ErrOrder) {
		t.Errorf("the same once more: %v", err)
	}
	s.receive(40, 9, "later")
	if err := s.log.InstallSnapshot(raft.SnapshotMeta{Index: 40, Term: 9, Size: 5}, 9); !errors.Is(err, ErrOrder) {
		t.Errorf("of a later term than the hard state's (N01): %v", err)
	}
}

// What has arrived of a snapshot does not outlive the process (N07): after a restart the receiver has nothing.
func TestHalfASnapshotIsForgotten(t *testing.T) {
	s := grown(t)
	s.must(s.log.ReceiveChunk(raft.Chunk{Index: 30, Term: 2, Data: []byte("abc")}))
	s.must(s.log.SaveSnapshot(raft.SnapshotMeta{Index: 3, Term: 2}, []byte("never synced")))
	if !slices.Contains(s.names(), receiveTemp) || !slices.Contains(s.names(), saveTemp) {
		t.Fatalf("files %v", s.names())
	}
	if st := s.open(); st.Snapshot.Index != 0 {
		t.Errorf("snapshot %+v", st.Snapshot)
	}
	for _, name := range s.names() {
		if strings.HasSuffix(name, ".tmp") {
			t.Errorf("%s is still there", name)
		}
	}
	if err := s.log.ReceiveChunk(raft.Chunk{Index: 30, Term: 2, Offset: 3, Data: []byte("def")}); !errors.Is(err, ErrChunk) {
		t.Errorf("the transfer goes on where it was: %v", err)
	}
}

// A damaged snapshot is never used. An older one and the log replace it if they can; then nothing is lost.
func TestDamagedSnapshotIsReplaced(t *testing.T) {
	s := grown(t)
	old := s.save(5, 2, "the state after 5")
	s.must(s.log.Compact(5, 2))
	s.save(15, 2, "the state after 15")
	name := SnapshotName(15, 2)
	b := s.bytes(name)
	for at := range b {
		c := s.copy()
		rotten := bytes.Clone(b)
		rotten[at] ^= 0x10
		c.put(name, rotten)
		st := c.open()
		if !cmp.Equal(st.Snapshot, old) || st.Offset > 5 || len(st.Entries) != int(20-st.Offset) || st.Lost != (raft.EntryID{}) {
			t.Fatalf("byte %d: %+v", at, st)
		}
		if got := read(t, c.log, 5, 100); got != "the state after 5" {
			t.Fatalf("byte %d: snapshot %q", at, got)
		}
	}
	for n := range b {
		c := s.copy()
		c.put(name, b[:n])
		if st := c.open(); !cmp.Equal(st.Snapshot, old) {
			t.Fatalf("%d bytes: %+v", n, st)
		}
	}
}

// With the log compacted to it there is no replacement, and the disk is refused.
func TestDamagedSnapshotWithoutReplacementIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(s *site)
	}{
		{"compacted", func(s *site) {
			s.save(20, 2, "all there is")
			s.must(s.log.Compact(20, 2))
			s.open()
			s.must(s.log.Compact(20, 2))
		}},
		{"installed", func(s *site) { s.install(50, 2, "came from elsewhere") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := grown(t)
			tt.make(s)
			var name string
			for _, n := range s.names() {
				if strings.HasSuffix(n, ".snap") {
					name = n
				}
			}
			b := s.bytes(name)
			for at := range b {
				c := s.copy()
				rotten := bytes.Clone(b)
				rotten[at] ^= 0x10
				c.put(name, rotten)
				before := c.names()
				_, err := c.tryOpen()
				var e *CorruptError
				if !errors.As(err, &e) || e.File != name {
					t.Fatalf("byte %d: %v", at, err)
				}
				if !cmp.Equal(before, c.names()) || !bytes.Equal(rotten, c.bytes(name)) {
					t.Fatalf("byte %d: the refused restart touched the disk", at)
				}
			}
			c := s.copy()
			c.must(c.mem.Remove(name))
			var e *CorruptError
			if _, err := c.tryOpen(); !errors.As(err, &e) {
				t.Errorf("without the file: %v", err)
			}
		})
	}
}

// An older snapshot that the log does not reach back to is what is left; that the rest is lost is told.
func TestOlderSnapshotAloneIsReported(t *testing.T) {
	s := grown(t)
	old := s.save(5, 2, "the state after 5")
	s.install(50, 2, "came from elsewhere")
	s.write(batch{hs: hard(3, 1, 50), entries: []raft.Entry{entry(3, 51, "x")}})
	name := SnapshotName(50, 2)
	b := s.bytes(name)
	b[3] ^= 1
	s.put(name, b)
	st := s.open()
	want := State{
		ID: member, HardState: *hard(3, 1, 5), ConfState: old.ConfState, Offset: 5, OffsetTerm: 2, Snapshot: old,
		Lost: raft.EntryID{Index: 51, Term: 3},
	}
	if diff := sameState(want, st); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	if diff := sameState(want, s.open()); diff != "" {
		t.Errorf("state after another restart (-want +got):\n%s", diff)
	}
}

// The name of a damaged snapshot tells what the member once held, even if nothing in the log does.
func TestNameOfADamagedSnapshotCounts(t *testing.T) {
	s := grown(t)
	s.put(SnapshotName(50, 2), []byte("not a snapshot"))
	for range 2 {
		if st := s.open(); st.Lost != (raft.EntryID{Index: 50, Term: 2}) || len(st.Entries) != 20 || st.HardState != *hard(2, 1, 19) {
			t.Errorf("state %+v", st)
		}
	}
	s.must(s.mem.Remove(SnapshotName(50, 2)))
	if st := s.open(); st.Lost != (raft.EntryID{Index: 50, Term: 2}) {
		t.Errorf("without the file %+v is lost", st.Lost)
	}
}

// Damage in the part of the log that a snapshot covers costs nothing.
func TestDamageBeforeTheSnapshotIsRepaired(t *testing.T) {
	s := grown(t)
	meta := s.save(15, 2, "the state after 15")
	for _, name := range s.names()[1:4] {
		b := s.bytes(name)
		clear(b[100:])
		s.put(name, b)
	}
	st := s.open()
	if !cmp.Equal(st.Snapshot, meta) || st.Lost != (raft.EntryID{}) || st.HardState != *hard(2, 1, 19) {
		t.Errorf("state %+v", st)
	}
	if last := st.Offset + uint64(len(st.Entries)); last != 20 || st.Offset > 15 {
		t.Errorf("entries %d to %d", st.Offset+1, last)
	}
	if err := again(s, st); err != nil {
		t.Error(err)
	}
}

// Failures of the file system while a snapshot is made are told, and do not end the log.
func TestFailedSnapshotWrites(t *testing.T) {
	s := newSite(t, 0)
	c := &counting{FS: s.mem}
	log, _, err := Open(c, member, Options{}, 1)
	s.must(err)
	s.log = log
	s.settle()
	s.write(batch{hs: hard(1, 0, 1), entries: []raft.Entry{entry(1, 1, "a")}})
	c.good, c.writes = 1, 1
	if err := log.SaveSnapshot(raft.SnapshotMeta{Index: 1, Term: 1}, []byte("x")); !errors.Is(err, errMedium) {
		t.Errorf("save: %v", err)
	}
	if err := log.ReceiveChunk(raft.Chunk{Index: 1, Term: 1, Data: []byte("x")}); !errors.Is(err, errMedium) {
		t.Errorf("receive: %v", err)
	}
	if err := log.ReceiveChunk(raft.Chunk{Index: 1, Term: 1, Offset: 1, Data: []byte("y")}); !errors.Is(err, ErrChunk) {
		t.Errorf("receive after a failure: %v", err)
	}
	c.good = 0
	s.write(batch{hs: hard(2, 0, 1)})
	s.save(1, 1, "x")
	s.install(5, 2, "y")
}

// A power loss may undo some removals of a compaction and not others. What comes back then has a gap behind it, and that must not be
// taken for the end of the log, even if no mark tells of what is behind the gap.
func TestSegmentsThatComeBack(t *testing.T) {
	s := newSite(t, 1)
	for i := range uint64(12) {
		s.append(batch{hs: hard(2, 1, 0), entries: []raft.Entry{entry(2, i+1, "data")}})
	}
	s.write(batch{hs: hard(2, 1, 12)})
	meta := s.save(10, 2, "ten")
	before := s.copy()
	s.must(s.log.Compact(10, 2))
	var gone []string
	for _, name := range before.names() {
		if !slices.Contains(s.names(), name) {
			gone = append(gone, name)
		}
	}
	if len(gone) < 6 {
		t.Fatalf("only %d segments were removed", len(gone))
	}
	for some := range 1 << len(gone) {
		c := s.copy()
		for i, name := range gone {
			if some>>i&1 == 1 {
				c.put(name, before.bytes(name))
			}
		}
		for life := range 2 {
			st := c.open()
			if last := st.Offset + uint64(len(st.Entries)); last != 12 || st.Offset > 10 || st.HardState != *hard(2, 1, 12) ||
				st.Lost != (raft.EntryID{}) || !cmp.Equal(st.Snapshot, meta) {
				t.Fatalf("some of %v came back (%b), life %d: %+v", gone, some, life, st)
			}
		}
	}
}
