package storage

import (
	"errors"
	"hash/crc32"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"raftsim/raft"
	"raftsim/raft/vfs"
)

func TestRestartRemembers(t *testing.T) {
	segmentSizes(t, func(t *testing.T, size int64) {
		s := newSite(t, size)
		for n := 0; ; n++ {
			st := s.open()
			if diff := sameState(replay(story()[:n]), st); diff != "" {
				t.Errorf("after %d batches (-want +got):\n%s", n, diff)
			}
			if st.Cut != 0 || st.Incarnation != uint64(n+2) {
				t.Errorf("after %d batches: %d bytes cut off of a whole log, incarnation %d", n, st.Cut, st.Incarnation)
			}
			if n == len(story()) {
				break
			}
			s.write(story()[n])
		}
	})
}

// The whole hard state is in every record (S20): whichever of them is the last one that survives, the vote is the one of its time.
func TestHardStateRidesAlong(t *testing.T) {
	s := newSite(t, 0)
	s.write(batch{hs: hard(3, 2, 0)}, batch{entries: []raft.Entry{entry(3, 1, "a")}})
	name := s.log.currentName()
	b := s.bytes(name)
	var h, second head
	if !findHead(b, 0, &s.log.sum, &h) {
		t.Fatal("no record")
	}
	if !decodeHead(b, h.end(), &s.log.sum, &second) || second.hs != *hard(3, 2, 0) || second.count() != 1 {
		t.Errorf("the record of the entry carries %+v", second)
	}
}

// What a server has voted for in its last life it has not forgotten in the next, nor in the one after (E04, S17).
func TestVotesSurviveLives(t *testing.T) {
	s := newSite(t, 0)
	s.write(batch{hs: hard(7, 2, 0)})
	for range 3 {
		if st := s.open(); st.HardState != *hard(7, 2, 0) {
			t.Fatalf("hard state %+v", st.HardState)
		}
	}
	s.write(batch{hs: hard(8, 1, 0)})
	if st := s.open(); st.HardState != *hard(8, 1, 0) {
		t.Fatalf("hard state %+v", st.HardState)
	}
}

func TestEmptyBatchWritesNothing(t *testing.T) {
	s := newSite(t, 0)
	before := s.log.end
	s.append(batch{})
	if s.log.end != before {
		t.Errorf("an empty batch takes %d bytes", s.log.end-before)
	}
}

func TestCommitIsLoweredToTheLog(t *testing.T) {
	s := newSite(t, 0)
	s.write(batch{hs: hard(1, 0, 9), entries: []raft.Entry{entry(1, 1, "")}})
	if got := byTheBook(t, s).HardState.Commit; got != 1 {
		t.Errorf("commit index %d is written", got)
	}
	if st := s.open(); st.HardState.Commit != 1 {
		t.Errorf("commit index %d", st.HardState.Commit)
	}
}

func TestRefusals(t *testing.T) {
	t.Run("bootstrap of a disk in use", func(t *testing.T) {
		s := newSite(t, 0)
		before := s.copy()
		for _, err := range []error{Bootstrap(s.mem, member, conf(), 1, 2), Join(s.mem, member, 0, 1, 2)} {
			if !errors.Is(err, ErrNotEmpty) || !strings.Contains(err.Error(), s.names()[0]) {
				t.Errorf("error %v, want %v naming the file", err, ErrNotEmpty)
			}
		}
		if !cmp.Equal(before.names(), s.names()) || len(s.mem.Completions()) != 0 {
			t.Error("the refused bootstrap touched the disk")
		}
	})
	t.Run("bootstrap beside a strange file", func(t *testing.T) {
		m := &vfs.Mem{}
		if _, err := m.Create("lost+found"); err != nil {
			t.Fatal(err)
		}
		if err := Bootstrap(m, member, conf(), 1, 2); !errors.Is(err, ErrNotEmpty) {
			t.Errorf("error %v, want %v", err, ErrNotEmpty)
		}
	})
	t.Run("bootstrap without an id or voters", func(t *testing.T) {
		for _, err := range []error{
			Bootstrap(&vfs.Mem{}, raft.None, conf(), 1, 2), Join(&vfs.Mem{}, raft.None, 0, 1, 2),
			Bootstrap(&vfs.Mem{}, member, raft.ConfState{}, 1, 2),
		} {
			if err == nil {
				t.Error("accepted")
			}
		}
	})
	t.Run("restart on an empty disk", func(t *testing.T) {
		s := &site{TB: t, mem: &vfs.Mem{}}
		if _, err := s.tryOpen(); !errors.Is(err, ErrEmpty) {
			t.Errorf("error %v, want %v", err, ErrEmpty)
		}
		if len(s.mem.Completions()) != 0 || len(s.names()) != 0 {
			t.Error("the refused restart touched the disk")
		}
	})
	t.Run("restart as another member", func(t *testing.T) {
		s := newSite(t, 0)
		_, _, err := Open(s.mem, member+1, Options{}, 1)
		if !errors.Is(err, ErrWrongID) || !strings.Contains(err.Error(), "member 3") {
			t.Errorf("error %v, want %v naming member 3", err, ErrWrongID)
		}
	})
	t.Run("restart after half a bootstrap", func(t *testing.T) {
		m := &vfs.Mem{}
		if err := Bootstrap(m, member, conf(), 1, 2); err != nil {
			t.Fatal(err)
		}
		name := SegmentName(1, 0)
		b := (&site{TB: t, mem: m}).bytes(name)
		for n := range len(b) {
			s := &site{TB: t, mem: &vfs.Mem{}}
			s.put(name, b[:n])
			if _, err := s.tryOpen(); !errors.Is(err, ErrEmpty) {
				t.Errorf("%d of %d bytes: error %v, want %v", n, len(b), err, ErrEmpty)
			}
		}
	})
	t.Run("segments without a size", func(t *testing.T) {
		if _, _, err := Open(newSite(t, 0).mem, member, Options{SegmentBytes: -1}, 1); err == nil {
			t.Error("accepted")
		}
	})
}

func TestJoinerHasNoConfiguration(t *testing.T) {
	s := &site{TB: t, mem: &vfs.Mem{}}
	s.must(Join(s.mem, member, 0, 1, 2))
	st := s.open()
	if diff := sameState(State{ID: member}, st); diff != "" {
		t.Errorf("state of a joiner (-want +got):\n%s", diff)
	}
	s.write(batch{hs: hard(2, 0, 0)})
	meta := s.install(9, 2, "")
	want := State{ID: member, HardState: *hard(2, 0, 9), Offset: 9, OffsetTerm: 2, Snapshot: meta, ConfState: conf()}
	if diff := sameState(want, s.open()); diff != "" {
		t.Errorf("state after its first snapshot (-want +got):\n%s", diff)
	}
}

// What Join was told is in every header: it outlives segments, snapshots and any number of restarts, and no number of restarts
// makes it up.
func TestJoinedAfterIsForGood(t *testing.T) {
	for _, after := range []uint64{0, 1, 7, MaxJoinedAfter} {
		s := &site{TB: t, mem: &vfs.Mem{}, size: 300}
		// As if it had been started 65533 times: the incarnation then reaches that of one that joined after the next entry.
		h := header{anew: true, id: member, segment: 9, incarnation: after<<restartBits + 65533, mark: position{9, 0}, joined: after,
			conf: raft.AppendConfState(nil, &raft.ConfState{})}
		if after == 0 {
			voters := conf()
			h.conf = raft.AppendConfState(nil, &voters)
		}
		s.put(SegmentName(h.segment, h.incarnation), appendHeader(nil, &h, crc32.MakeTable(crc32.Castagnoli)))
		check := func(what string) {
			t.Helper()
			if st := s.open(); st.JoinedAfter != after {
				t.Errorf("%s: joined after %d, restart %d says %d", what, after, st.Incarnation&(1<<restartBits-1), st.JoinedAfter)
			}
		}
		for range 4 - after/MaxJoinedAfter*3 { // the greatest leaves room for two
			check("a restart")
		}
		if after == MaxJoinedAfter {
			continue
		}
		s.write(story()...)
		check("a log of many segments")
		s.save(5, 4, "a state")
		s.must(s.log.Compact(5, 4))
		check("a compaction")
		s.install(9, 5, "another state")
		s.write(batch{entries: []raft.Entry{entry(5, 10, "ten")}})
		check("an installation")
	}
	s := &site{TB: t, mem: &vfs.Mem{}}
	if err := Join(s.mem, member, MaxJoinedAfter+1, 1, 2); err == nil || len(s.names()) != 0 {
		t.Errorf("a bound exceeded: error %v, files %v", err, s.names())
	}
	s.must(Join(s.mem, member, 12, 1, 2))
	if st := s.open(); st.JoinedAfter != 12 || st.Incarnation != 12<<restartBits+1 {
		t.Errorf("joined after %d, incarnation %d", st.JoinedAfter, st.Incarnation)
	}
}

// Nothing is written that a restart would refuse.
func TestNonsenseIsNotWritten(t *testing.T) {
	for _, tt := range []struct {
		name string
		b    batch
	}{
		{"gap", batch{hs: hard(5, 0, 0), entries: []raft.Entry{entry(5, 8, "")}}},
		{"index 0", batch{hs: hard(5, 0, 0), entries: []raft.Entry{entry(5, 0, "")}}},
		{"gap inside", batch{hs: hard(5, 0, 0), entries: []raft.Entry{entry(5, 7, ""), entry(5, 9, "")}}},
		{"older term", batch{hs: hard(5, 0, 0), entries: []raft.Entry{entry(4, 7, "")}}},
		{"term 0", batch{hs: hard(5, 0, 0), entries: []raft.Entry{entry(0, 1, "")}}},
		{"term beyond the hard state's", batch{hs: hard(5, 0, 0), entries: []raft.Entry{entry(6, 7, "")}}},
		{"hard state that goes back", batch{hs: hard(4, 0, 0)}},
		{"unknown type", batch{hs: hard(5, 0, 0), entries: []raft.Entry{{Term: 5, Index: 7, Type: raft.EntryConfChange + 1}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, 0)
			s.write(story()...)
			before := s.log.end
			if err := s.log.Append(tt.b.hs, tt.b.entries); !errors.Is(err, ErrOrder) || s.log.end != before {
				t.Errorf("error %v, want %v", err, ErrOrder)
			}
			if diff := sameState(replay(story()), s.open()); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTooLargeEntryIsRefusedWhole(t *testing.T) {
	s := newSite(t, 0)
	s.write(batch{hs: hard(1, 0, 0), entries: []raft.Entry{entry(1, 1, "one")}})
	big := raft.Entry{Term: 1, Index: 3, Data: make([]byte, maxEntry+1)}
	if err := s.log.Append(nil, []raft.Entry{entry(1, 2, "two"), big}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("error %v, want %v", err, ErrTooLarge)
	}
	many := make([]raft.Entry, 5)
	for i := range many {
		many[i] = raft.Entry{Term: 1, Index: uint64(i) + 2, Data: big.Data[:maxEntry]}
	}
	if err := s.log.Append(nil, many); !errors.Is(err, ErrTooLarge) {
		t.Errorf("error %v, want %v", err, ErrTooLarge)
	}
	s.write(batch{entries: []raft.Entry{entry(1, 2, "deux")}})
	if st := s.open(); len(st.Entries) != 2 || string(st.Entries[1].Data) != "deux" {
		t.Errorf("recovered %v", st.Entries)
	}
}

// counting counts what is asked of a file system, and fails writes after a while.
type counting struct {
	vfs.FS
	writes, syncs, dirSyncs int
	good                    int // writes until they fail in the middle; 0: never
}

type countingFile struct {
	vfs.File
	fs *counting
}

var errMedium = errors.New("medium error")

func (c *counting) wrap(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return countingFile{f, c}, nil
}

func (c *counting) Create(name string) (vfs.File, error) { return c.wrap(c.FS.Create(name)) }
func (c *counting) Open(name string) (vfs.File, error)   { return c.wrap(c.FS.Open(name)) }
func (c *counting) SyncDir(t vfs.Ticket)                 { c.dirSyncs++; c.FS.SyncDir(t) }
func (f countingFile) Sync(t vfs.Ticket)                 { f.fs.syncs++; f.File.Sync(t) }

func (f countingFile) WriteAt(p []byte, off int64) (int, error) {
	f.fs.writes++
	if f.fs.good > 0 && f.fs.writes > f.fs.good {
		n, _ := f.File.WriteAt(p[:len(p)/2], off)
		return n, errMedium
	}
	return f.File.WriteAt(p, off)
}

// An append is one write, a sync one sync of one file; in a new segment it is also one write, and the sync covers the full segment,
// the names and the new one.
func TestCostOfAppendAndSync(t *testing.T) {
	s := newSite(t, 700)
	c := &counting{FS: s.mem}
	log, _, err := Open(c, member, Options{SegmentBytes: 700}, 1)
	s.must(err)
	s.log = log
	s.settle()
	*c = counting{FS: s.mem}
	var segments int
	for i := range uint64(40) {
		before := *c
		file := s.log.currentName()
		s.append(batch{hs: hard(1, 0, 0), entries: []raft.Entry{entry(1, i+1, "some data")}})
		if c.writes != before.writes+1 {
			t.Fatalf("append %d made %d writes", i, c.writes-before.writes)
		}
		s.log.Sync(vfs.Ticket(i + 2))
		syncs, dirs := 1, 0
		if s.log.currentName() != file {
			segments++
			dirs = 1
		}
		if c.syncs != before.syncs+syncs || c.dirSyncs != before.dirSyncs+dirs {
			t.Errorf("append %d: %d syncs of files and %d of names, want %d and %d", i, c.syncs-before.syncs, c.dirSyncs-before.dirSyncs, syncs, dirs)
		}
		s.settle()
	}
	if segments < 5 {
		t.Errorf("only %d segments were begun", segments)
	}
	// Without a sync between, a full segment is synced with the next one.
	*c = counting{FS: s.mem}
	file := s.log.currentName()
	for i, begun := uint64(40), 0; begun < 2; i++ {
		s.append(batch{entries: []raft.Entry{entry(1, i+1, "some data")}})
		if s.log.currentName() != file {
			file = s.log.currentName()
			begun++
		}
	}
	s.log.Sync(50)
	if c.syncs < 2 || c.syncs > 3 || c.dirSyncs != 1 {
		t.Errorf("%d syncs of files and %d of names, want 2 or 3 and 1", c.syncs, c.dirSyncs)
	}
	s.settle()
}

// A failed write leaves the end of the file unknown: the log takes nothing more, and the next restart finds what was whole.
func TestFailedWriteEndsTheLog(t *testing.T) {
	for good := range len(story()) {
		segmentSizes(t, func(t *testing.T, size int64) {
			s := newSite(t, size)
			c := &counting{FS: s.mem}
			log, _, err := Open(c, member, Options{SegmentBytes: size}, 1)
			s.must(err)
			s.log = log
			s.settle()
			c.good, c.writes = good+1, 1
			s.write(story()[:good]...)
			for range 2 {
				err := s.log.Append(story()[good].hs, story()[good].entries)
				if !errors.Is(err, errMedium) || !strings.Contains(err.Error(), ".log") {
					t.Errorf("error %v, want %v naming the file", err, errMedium)
				}
			}
			s.log.Sync(99) // must not vouch for what was not written
			if done := s.mem.Completions(); len(done) > 0 {
				t.Errorf("completions %v", done)
			}
			if diff := sameState(replay(story()[:good]), s.open()); diff != "" {
				t.Errorf("recovered (-want +got):\n%s", diff)
			}
		})
	}
}

// After a failed sync nothing goes on (E09).
func TestFailedSyncEndsTheLog(t *testing.T) {
	s := newSite(t, 0)
	s.append(story()[0])
	s.mem.FailSyncs(errMedium)
	s.log.Sync(77)
	for _, c := range s.mem.Completions() {
		if ev := s.log.Completed(c.Ticket, c.Err); ev.Kind != EventFailed || !errors.Is(ev.Err, errMedium) {
			t.Errorf("event %+v", ev)
		}
	}
	s.mem.FailSyncs(nil)
	if err := s.log.Append(story()[1].hs, story()[1].entries); !errors.Is(err, errMedium) {
		t.Errorf("append after a failed sync: %v", err)
	}
	if err := s.log.SaveSnapshot(raft.SnapshotMeta{Index: 1, Term: 1}, nil); !errors.Is(err, errMedium) {
		t.Errorf("snapshot after a failed sync: %v", err)
	}
}

// Each sync of an opening may fail; the opening then never completes.
func TestFailedSyncEndsTheOpening(t *testing.T) {
	for n := range 10 {
		s := newSite(t, 0)
		s.write(story()...)
		log, _, err := Open(s.mem, member, Options{}, 5)
		s.must(err)
		count, failed := 0, false
		for done := s.mem.Completions(); len(done) > 0 && !failed; done = s.mem.Completions() {
			for _, c := range done {
				if failed {
					break // the server has halted
				}
				if count == n {
					c.Err = errMedium
				}
				count++
				failed = log.Completed(c.Ticket, c.Err).Kind == EventFailed
			}
		}
		if !failed {
			if count < 2 {
				t.Errorf("an opening of %d syncs", count)
			}
			return
		}
	}
	t.Error("openings have no end")
}

func TestNothingBeforeTheOpeningIsDurable(t *testing.T) {
	s := newSite(t, 0)
	log, _, err := Open(s.mem, member, Options{}, 5)
	s.must(err)
	for name, call := range map[string]func(){
		"Append":          func() { _ = log.Append(hard(1, 0, 0), nil) },
		"Sync":            func() { log.Sync(6) },
		"ReceiveChunk":    func() { _ = log.ReceiveChunk(raft.Chunk{Index: 1, Term: 1}) },
		"InstallSnapshot": func() { _ = log.InstallSnapshot(raft.SnapshotMeta{}, 6) },
		"SaveSnapshot":    func() { _ = log.SaveSnapshot(raft.SnapshotMeta{Index: 1, Term: 1}, nil) },
		"Compact":         func() { _ = log.Compact(0, 0) },
	} {
		wantPanic(t, name, call)
	}
	wantPanic(t, "ticket", func() { newSite(t, 0).log.Sync(InternalTickets) })
	wantPanic(t, "not the next one", func() { newSite(t, 0).log.Completed(InternalTickets+100, nil) })
	if ev := s.log.Completed(12345, nil); ev.Kind != EventNone {
		t.Errorf("a ticket of somebody else makes %+v", ev)
	}
}

func wantPanic(t *testing.T, want string, call func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got, _ := recover().(string); !strings.Contains(got, want) || !strings.Contains(got, "member 3") {
			t.Errorf("panic %q, want one that names %q", got, want)
		}
	}()
	call()
}

func TestClosedLogSaysSo(t *testing.T) {
	s := newSite(t, 0)
	s.must(s.log.Close())
	if err := s.log.Append(hard(1, 0, 0), nil); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("error %v, want %v", err, fs.ErrClosed)
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	s := newSite(t, 0)
	data := []byte(strings.Repeat("x", 64))
	entries := []raft.Entry{{Term: 1, Index: 1, Data: data}}
	hs := raft.HardState{Term: 1}
	step := func() {
		if err := s.log.Append(&hs, entries); err != nil {
			t.Fatal(err)
		}
		s.log.Sync(1)
		for _, c := range s.mem.Completions() {
			s.log.Completed(c.Ticket, c.Err)
		}
	}
	for range 3000 { // lets the file in memory grow beyond what is measured
		step()
		entries[0].Index++
	}
	s.must(s.log.file.Truncate(s.log.end / 2))
	s.log.end /= 2
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("%v allocations per batch, want 0", n)
	}
}

// Any sequence of batches and restarts remembers what a list of batches remembers.
func TestLogEqualsTwin(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newSite(t, rapid.SampledFrom([]int64{1, 300, 1000, 1 << 20}).Draw(rt, "segment"))
		var batches []batch
		for range rapid.IntRange(0, 20).Draw(rt, "batches") {
			b := drawBatch(rt, replay(batches))
			batches = append(batches, b)
			s.append(b)
			if rapid.Bool().Draw(rt, "sync") {
				s.log.Sync(1)
				s.settle()
			}
			if rapid.IntRange(0, 3).Draw(rt, "restart") == 0 {
				s.open()
			}
		}
		want := replay(batches)
		if diff := sameState(want, s.open()); diff != "" {
			rt.Fatalf("recovered (-want +got):\n%s", diff)
		}
		if diff := sameState(want, byTheBook(t, s)); diff != "" {
			rt.Fatalf("read by the book (-want +got):\n%s", diff)
		}
	})
}

func drawBatch(t *rapid.T, st State) (b batch) {
	last, lastTerm := uint64(len(st.Entries)), uint64(0)
	first := rapid.Uint64Range(1, last+1).Draw(t, "first")
	if first > 1 {
		lastTerm = st.Entries[first-2].Term
	}
	term := max(st.HardState.Term, 1)
	if rapid.Bool().Draw(t, "new term") {
		term += rapid.Uint64Range(0, 1<<40).Draw(t, "by")
	}
	for i := range rapid.Uint64Range(0, 4).Draw(t, "entries") {
		data := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "data")
		lastTerm = rapid.Uint64Range(max(lastTerm, 1), term).Draw(t, "entry's term")
		b.entries = append(b.entries, raft.Entry{Term: lastTerm, Index: first + i, Data: data})
	}
	if len(b.entries) == 0 || st.HardState.Term == 0 || term != st.HardState.Term || rapid.Bool().Draw(t, "hard state changed") {
		end := last
		if n := len(b.entries); n > 0 {
			end = b.entries[n-1].Index
		}
		b.hs = hard(term, rapid.Uint64().Draw(t, "vote"), rapid.Uint64Range(0, end).Draw(t, "commit"))
	} else if n := len(b.entries); st.HardState.Commit > b.entries[n-1].Index {
		b.hs = hard(term, st.HardState.Vote, b.entries[n-1].Index)
	}
	return b
}
