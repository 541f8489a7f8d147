package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"raftsim/raft"
	"raftsim/raft/vfs"
)

const member = 3

func conf() raft.ConfState { return raft.ConfState{Voters: []uint64{1, 2, member}} }

// batch is what one Append writes.
type batch struct {
	hs      *raft.HardState
	entries []raft.Entry
}

// replay says, without any encoding, what the disk should remember of batches.
func replay(batches []batch) State {
	st := State{ID: member, ConfState: conf()}
	for _, b := range batches {
		if b.hs != nil {
			st.HardState = *b.hs
		}
		for _, e := range b.entries {
			st.Entries = append(st.Entries[:e.Index-1:e.Index-1], e)
		}
	}
	return st
}

func sameState(want, got State) string {
	return cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(State{}, "Cut"))
}

func entry(term, index uint64, data string) raft.Entry {
	return raft.Entry{Term: term, Index: index, Data: []byte(data)}
}

// story is a leader change that replaces a tail, with batches of every shape.
func story() []batch {
	return []batch{
		{hs: &raft.HardState{Term: 1, Vote: 2}},
		{hs: &raft.HardState{Term: 1, Vote: 2, Commit: 0}, entries: []raft.Entry{entry(1, 1, ""), entry(1, 2, "two"), entry(1, 3, "three")}},
		{entries: []raft.Entry{entry(1, 4, "four")}},
		{hs: &raft.HardState{Term: 4, Vote: 0, Commit: 2}, entries: []raft.Entry{entry(4, 3, "other three")}},
		{hs: &raft.HardState{Term: 4, Vote: 3, Commit: 3}, entries: []raft.Entry{entry(4, 4, "other four"), entry(4, 5, strings.Repeat("x", 40))}},
	}
}

func bootstrapped(t testing.TB) *vfs.Mem {
	t.Helper()
	m := &vfs.Mem{}
	if err := Bootstrap(m, member, conf(), 1, 2); err != nil {
		t.Fatal(err)
	}
	want := []vfs.Completion{{Ticket: 1}, {Ticket: 2}}
	if diff := cmp.Diff(want, m.Completions()); diff != "" {
		t.Fatalf("syncs of bootstrap (-want +got):\n%s", diff)
	}
	return m
}

func mustOpen(t testing.TB, m *vfs.Mem) (*Log, State) {
	t.Helper()
	l, st, err := Open(m, member, 9)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]vfs.Completion{{Ticket: 9}}, m.Completions()); diff != "" {
		t.Fatalf("syncs of open (-want +got):\n%s", diff)
	}
	return l, st
}

func mustAppend(t testing.TB, l *Log, batches ...batch) {
	t.Helper()
	for _, b := range batches {
		if err := l.Append(b.hs, b.entries); err != nil {
			t.Fatal(err)
		}
	}
}

// written returns the bytes of the log of a story and where each record begins, and each batch ends.
func written(t testing.TB) (log []byte, records []int, batchEnds []int64) {
	t.Helper()
	m := bootstrapped(t)
	l, _ := mustOpen(t, m)
	batchEnds = append(batchEnds, l.Size())
	for _, b := range story() {
		mustAppend(t, l, b)
		batchEnds = append(batchEnds, l.Size())
	}
	log = contents(t, m)
	for at := 0; at < len(log); {
		r, ok := plausible(log[at:])
		if !ok {
			t.Fatalf("no record at %d", at)
		}
		records = append(records, at)
		at += r.size
	}
	return log, records, batchEnds
}

func contents(t testing.TB, m *vfs.Mem) []byte {
	t.Helper()
	f, err := m.Open(Name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := readAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// diskWith returns a disk whose log holds these bytes.
func diskWith(t testing.TB, log []byte) *vfs.Mem {
	t.Helper()
	m := &vfs.Mem{}
	f, err := m.Create(Name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(log, 0); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRestartRemembers(t *testing.T) {
	m := bootstrapped(t)
	for n := 0; ; n++ {
		l, st := mustOpen(t, m)
		if diff := sameState(replay(story()[:n]), st); diff != "" {
			t.Errorf("after %d batches (-want +got):\n%s", n, diff)
		}
		if st.Cut != 0 {
			t.Errorf("after %d batches: cut off %d bytes of a whole log", n, st.Cut)
		}
		if n == len(story()) {
			break
		}
		mustAppend(t, l, story()[n])
	}
}

func TestEmptyBatchWritesNothing(t *testing.T) {
	m := bootstrapped(t)
	l, _ := mustOpen(t, m)
	before := l.Size()
	mustAppend(t, l, batch{})
	if l.Size() != before {
		t.Errorf("an empty batch takes %d bytes", l.Size()-before)
	}
}

func TestRefusals(t *testing.T) {
	t.Run("bootstrap of a disk in use", func(t *testing.T) {
		m := bootstrapped(t)
		before := contents(t, m)
		err := Bootstrap(m, member, conf(), 1, 2)
		if !errors.Is(err, ErrNotEmpty) || !strings.Contains(err.Error(), `"log"`) {
			t.Errorf("error %v, want %v naming the file", err, ErrNotEmpty)
		}
		if !bytes.Equal(before, contents(t, m)) || len(m.Completions()) != 0 {
			t.Error("the refused bootstrap touched the disk")
		}
	})
	t.Run("bootstrap beside a strange file", func(t *testing.T) {
		m := &vfs.Mem{}
		if _, err := m.Create("snapshot"); err != nil {
			t.Fatal(err)
		}
		if err := Bootstrap(m, member, conf(), 1, 2); !errors.Is(err, ErrNotEmpty) {
			t.Errorf("error %v, want %v", err, ErrNotEmpty)
		}
	})
	t.Run("bootstrap without an id", func(t *testing.T) {
		if err := Bootstrap(&vfs.Mem{}, raft.None, conf(), 1, 2); err == nil {
			t.Error("accepted")
		}
	})
	t.Run("restart on an empty disk", func(t *testing.T) {
		m := &vfs.Mem{}
		if _, _, err := Open(m, member, 1); !errors.Is(err, ErrEmpty) {
			t.Errorf("error %v, want %v", err, ErrEmpty)
		}
		if len(m.Completions()) != 0 {
			t.Error("the refused restart synced")
		}
	})
	t.Run("restart as another member", func(t *testing.T) {
		_, _, err := Open(bootstrapped(t), member+1, 1)
		if !errors.Is(err, ErrWrongID) || !strings.Contains(err.Error(), "member 3") {
			t.Errorf("error %v, want %v naming member 3", err, ErrWrongID)
		}
	})
	t.Run("restart after half a bootstrap", func(t *testing.T) {
		log := contents(t, bootstrapped(t))
		for n := range len(log) {
			if _, _, err := Open(diskWith(t, log[:n]), member, 1); !errors.Is(err, ErrEmpty) {
				t.Errorf("%d of %d bytes: error %v, want %v", n, len(log), err, ErrEmpty)
			}
		}
	})
}

// A power loss may end the log at any byte, followed by zeros up to the end of a sector. The batches that are there in whole
// are recovered, the rest is cut off for good, and the log goes on from there (S08).
func TestTornTailIsCutOff(t *testing.T) {
	log, _, batchEnds := written(t)
	for n := int(batchEnds[0]); n <= len(log); n++ {
		for _, zeros := range []int{0, 1, 8, 9, 512} {
			what := fmt.Sprintf("%d of %d bytes and %d zeros", n, len(log), zeros)
			torn := append(bytes.Clone(log[:n]), make([]byte, zeros)...)
			whole := 0 // the zeros may happen to be the bytes that are missing
			for whole+1 < len(batchEnds) && bytes.HasPrefix(torn, log[:batchEnds[whole+1]]) {
				whole++
			}
			m := diskWith(t, torn)
			l, st := mustOpen(t, m)
			if diff := sameState(replay(story()[:whole]), st); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", what, diff)
			}
			if want := int64(n+zeros) - batchEnds[whole]; st.Cut != want {
				t.Fatalf("%s: cut off %d bytes, want %d", what, st.Cut, want)
			}
			if got := len(contents(t, m)); int64(got) != batchEnds[whole] {
				t.Fatalf("%s: the file has %d bytes after the cut, want %d", what, got, batchEnds[whole])
			}
			again := batch{hs: &raft.HardState{Term: 7}}
			mustAppend(t, l, again)
			if _, st = mustOpen(t, m); st.HardState.Term != 7 {
				t.Fatalf("%s: what was appended after the cut is lost", what)
			}
		}
	}
}

// One flipped bit anywhere before the last record is told, with the place of the damaged record; in the last record it may only
// cost that record's batch. Never is anything else dropped or invented (S09).
func TestBitRotIsTold(t *testing.T) {
	log, records, batchEnds := written(t)
	lastRecord := records[len(records)-1]
	for at := range log {
		record := 0
		for record+1 < len(records) && records[record+1] <= at {
			record++
		}
		for bit := range 8 {
			b := bytes.Clone(log)
			b[at] ^= 1 << bit
			m := diskWith(t, b)
			_, st, err := Open(m, member, 1)
			if at >= lastRecord {
				if err != nil {
					t.Fatalf("bit %d of byte %d in the last record: %v", bit, at, err)
				}
				if diff := sameState(replay(story()[:len(story())-1]), st); diff != "" {
					t.Fatalf("bit %d of byte %d in the last record (-want +got):\n%s", bit, at, diff)
				}
				continue
			}
			var c *CorruptError
			if !errors.As(err, &c) {
				t.Fatalf("bit %d of byte %d (batches end at %v): error %v, want a corruption", bit, at, batchEnds, err)
			}
			if c.File != Name || c.Offset != int64(records[record]) {
				t.Fatalf("bit %d of byte %d: blamed %s at %d, want %s at %d", bit, at, c.File, c.Offset, Name, records[record])
			}
			if !bytes.Equal(b, contents(t, m)) || len(m.Completions()) != 0 {
				t.Fatalf("bit %d of byte %d: the refused restart touched the disk", bit, at)
			}
		}
	}
}

// Rot of whole sectors, zeroed or overwritten, is told as long as two whole records follow.
func TestLargerRotIsTold(t *testing.T) {
	log, records, _ := written(t)
	limit := records[len(records)-2]
	rapid.Check(t, func(rt *rapid.T) {
		from := rapid.IntRange(0, limit-1).Draw(rt, "from")
		to := rapid.IntRange(from+1, limit).Draw(rt, "to")
		b := bytes.Clone(log)
		copy(b[from:to], rapid.SliceOfN(rapid.OneOf(rapid.Just(byte(0)), rapid.Byte()), to-from, to-from).Draw(rt, "rot"))
		if bytes.Equal(b, log) {
			return
		}
		_, _, err := Open(diskWith(t, b), member, 1)
		var c *CorruptError
		if !errors.As(err, &c) || c.Offset > int64(to) {
			rt.Fatalf("error %v, want a corruption before %d", err, to)
		}
	})
}

// Records of a tail that was cut off are never taken for the continuation of what was written in its place, even where
// lengths are the same and the cut itself was lost.
func TestOldTailNeverRevalidates(t *testing.T) {
	log, _, batchEnds := written(t)
	for n := range len(batchEnds) - 2 {
		old := diskWith(t, log[:batchEnds[n]])
		l, _ := mustOpen(t, old)
		b := story()[n]
		if b.hs != nil {
			hs := *b.hs
			hs.Vote ^= 1
			b.hs = &hs
		} else {
			b.entries[0].Data = []byte("FOUR")
		}
		mustAppend(t, l, b)
		if l.Size() != batchEnds[n+1] {
			t.Fatalf("batch %d has another length now", n)
		}
		mixed := append(contents(t, old), log[batchEnds[n+1]:]...)
		_, st, err := Open(diskWith(t, mixed), member, 1)
		if err == nil {
			if diff := sameState(replay(append(story()[:n:n], b)), st); diff != "" {
				t.Errorf("tail behind batch %d came back (-want +got):\n%s", n, diff)
			}
		}
	}
}

// What is written must make sense: gaps and second bootstraps have valid checksums, yet no server writes them.
func TestNonsenseIsCorruption(t *testing.T) {
	for _, tt := range []struct {
		name  string
		write func(l *Log)
		want  string
	}{
		{"gap", func(l *Log) { mustAppend(t, l, batch{entries: []raft.Entry{entry(1, 2, "")}}) }, "entry 2 follows entry 0"},
		{"index 0", func(l *Log) { mustAppend(t, l, batch{entries: []raft.Entry{entry(1, 0, "")}}) }, "entry 0 follows entry 0"},
		{"second bootstrap", func(l *Log) { raw(t, l, kindBootstrap, appendBootstrap(nil, member, conf())) }, "the first record, and no other"},
		{"short hard state", func(l *Log) { raw(t, l, kindHardState, make([]byte, 23)) }, "hard state: 23 bytes"},
		{"no entry", func(l *Log) { raw(t, l, kindEntry, []byte{0xff}) }, "entry: raft: corrupt encoding"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := bootstrapped(t)
			l, _ := mustOpen(t, m)
			at := l.Size()
			tt.write(l)
			_, _, err := Open(m, member, 1)
			var c *CorruptError
			if !errors.As(err, &c) || c.Offset != at || !strings.Contains(c.Reason, tt.want) {
				t.Errorf("error %v, want corruption at %d: %s", err, at, tt.want)
			}
		})
	}
}

func raw(t testing.TB, l *Log, kind byte, payload []byte) {
	t.Helper()
	buf, start := appendHeader(nil)
	buf = append(buf, payload...)
	l.chain = sealRecord(buf, start, kind|lastOfBatch, l.chain)
	if _, err := l.file.WriteAt(buf, l.end); err != nil {
		t.Fatal(err)
	}
	l.end += int64(len(buf))
}

// failing is a file whose writes fail after a while, in the middle.
type failing struct {
	vfs.File
	good int
}

var errMedium = errors.New("medium error")

func (f *failing) WriteAt(p []byte, off int64) (int, error) {
	if f.good--; f.good >= 0 {
		return f.File.WriteAt(p, off)
	}
	n, _ := f.File.WriteAt(p[:len(p)/2], off)
	return n, errMedium
}

// A failed write leaves the end of the file unknown: the log takes nothing more, and the next restart finds what was whole.
func TestFailedWriteEndsTheLog(t *testing.T) {
	m := bootstrapped(t)
	l, _ := mustOpen(t, m)
	l.file = &failing{l.file, 1}
	mustAppend(t, l, story()[0])
	for range 2 {
		err := l.Append(story()[1].hs, story()[1].entries)
		if !errors.Is(err, errMedium) || !strings.Contains(err.Error(), `"log"`) {
			t.Errorf("error %v, want %v naming the file", err, errMedium)
		}
	}
	_, st := mustOpen(t, m)
	if diff := sameState(replay(story()[:1]), st); diff != "" {
		t.Errorf("recovered (-want +got):\n%s", diff)
	}
}

func TestTooLargeEntryIsRefusedWhole(t *testing.T) {
	m := bootstrapped(t)
	l, _ := mustOpen(t, m)
	mustAppend(t, l, batch{entries: []raft.Entry{entry(1, 1, "one")}})
	big := raft.Entry{Term: 1, Index: 3, Data: make([]byte, maxPayload)}
	if err := l.Append(nil, []raft.Entry{entry(1, 2, "two"), big}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("error %v, want %v", err, ErrTooLarge)
	}
	mustAppend(t, l, batch{entries: []raft.Entry{entry(1, 2, "deux")}})
	if _, st := mustOpen(t, m); len(st.Entries) != 2 || string(st.Entries[1].Data) != "deux" {
		t.Errorf("recovered %v", st.Entries)
	}
}

func TestClosedLogSaysSo(t *testing.T) {
	m := bootstrapped(t)
	l, _ := mustOpen(t, m)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(&raft.HardState{Term: 1}, nil); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("error %v, want %v", err, fs.ErrClosed)
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	m := bootstrapped(t)
	l, _ := mustOpen(t, m)
	b := story()[1]
	for range 2000 { // lets the file in memory grow beyond what is measured
		mustAppend(t, l, b)
	}
	if err := l.file.Truncate(l.end / 2); err != nil {
		t.Fatal(err)
	}
	l.end /= 2
	n := testing.AllocsPerRun(100, func() {
		if err := l.Append(b.hs, b.entries); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations per batch, want 0", n)
	}
}

// Any sequence of batches and restarts remembers what a list of batches remembers.
func TestLogEqualsTwin(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := bootstrapped(t)
		l, _ := mustOpen(t, m)
		var batches []batch
		last := 0
		for range rapid.IntRange(0, 20).Draw(rt, "batches") {
			b := drawBatch(rt, last)
			if n := len(b.entries); n > 0 {
				last = int(b.entries[n-1].Index)
			}
			mustAppend(t, l, b)
			batches = append(batches, b)
			if rapid.IntRange(0, 3).Draw(rt, "restart") == 0 {
				l, _ = mustOpen(t, m)
			}
		}
		_, st := mustOpen(t, m)
		if diff := sameState(replay(batches), st); diff != "" {
			rt.Fatalf("recovered (-want +got):\n%s", diff)
		}
	})
}

func drawBatch(t *rapid.T, last int) (b batch) {
	if rapid.Bool().Draw(t, "hard state changed") {
		b.hs = &raft.HardState{
			Term: rapid.Uint64().Draw(t, "term"), Vote: rapid.Uint64().Draw(t, "vote"), Commit: rapid.Uint64().Draw(t, "commit"),
		}
	}
	first := rapid.IntRange(1, last+1).Draw(t, "first")
	for i := range rapid.IntRange(0, 4).Draw(t, "entries") {
		data := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "data")
		b.entries = append(b.entries, raft.Entry{Term: rapid.Uint64().Draw(t, "term"), Index: uint64(first + i), Data: data})
	}
	return b
}
