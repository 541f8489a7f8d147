package disk

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"raftsim/raft/vfs"
	"raftsim/raft/vfs/vfstest"
	"raftsim/sim"
)

func TestDiskConforms(t *testing.T) {
	vfstest.Run(t, func(t *testing.T) vfstest.Subject {
		b := newBench(t, Options{SyncLatency: time.Millisecond})
		return vfstest.Subject{FS: b.disk.FS(), Settle: b.settle}
	})
}

// Bytes written after the submission of a sync are not covered by it, even if they are written before it completes.
func TestSyncCoversTheSubmission(t *testing.T) {
	b := newBench(t, Options{SyncLatency: 10})
	f := b.durable("log", "one")
	f.Sync(3)
	b.write(f, ",two", 3)
	f.Sync(4)
	b.write(f, "ONE,TWO,three", 0)
	if got, _ := b.disk.DurableBytes("log"); string(got) != "one" {
		t.Errorf("before any completion %q is durable", got)
	}
	b.settle()
	if got, _ := b.disk.DurableBytes("log"); string(got) != "one,two" {
		t.Errorf("after both completions %q is durable, want %q", got, "one,two")
	}
	b.wantView("log", "ONE,TWO,three")
	b.disk.PowerLoss()
	b.wantView("log", "one,two")
}

// A crash is not a power loss: the operating system keeps what was written and finishes the syncs it was given, although
// their process no longer hears of them.
func TestCrashKeepsTheView(t *testing.T) {
	b := newBench(t, Options{SyncLatency: 10})
	f := b.durable("log", "one")
	b.write(f, ",two", 3)
	f.Sync(7)
	b.write(f, ",three", 7)
	b.disk.Crash()
	b.wantView("log", "one,two,three")
	b.run(10)
	want := []Completion{{vfs.Completion{Ticket: 7}, 1}}
	if diff := cmp.Diff(want, b.got); diff != "" {
		t.Errorf("completions (-want +got):\n%s", diff)
	}
	if b.disk.Incarnation() != 2 {
		t.Errorf("incarnation %d, want 2", b.disk.Incarnation())
	}
	b.disk.PowerLoss()
	b.wantView("log", "one,two")
}

// Syncs under way at a power loss have not happened, and their events mean nothing, also when new syncs follow at once.
func TestPowerLossTakesSyncsUnderWay(t *testing.T) {
	b := newBench(t, Options{SyncLatency: 10})
	f := b.durable("log", "one")
	b.write(f, ",two", 3)
	f.Sync(7)
	b.disk.PowerLoss()
	b.wantView("log", "one")
	g, err := b.disk.FS().Open("log")
	if err != nil {
		t.Fatal(err)
	}
	b.write(g, ",deux", 3)
	g.Sync(8)
	if diff := cmp.Diff([]vfs.Completion{{Ticket: 8}}, b.settle()); diff != "" {
		t.Errorf("completions (-want +got):\n%s", diff)
	}
	if b.lost != 1 || b.disk.Stats().SyncsLost != 1 {
		t.Errorf("%d events of lost syncs, %d counted; want 1", b.lost, b.disk.Stats().SyncsLost)
	}
	b.disk.PowerLoss()
	b.wantView("log", "one,deux")
}

// A file that nobody can reach any more is not used for another one while a sync still writes to it.
func TestRemovedFileWithSyncUnderWay(t *testing.T) {
	b := newBench(t, Options{SyncLatency: 10}, "slow-sync n1 #3 = 90ns")
	f := b.durable("a", "one")
	if err := b.disk.FS().Remove("a"); err != nil {
		t.Fatal(err)
	}
	b.disk.FS().SyncDir(3)
	b.write(f, "two", 0)
	f.Sync(4)
	b.run(50)
	b.disk.Crash()
	b.create("b", "x")
	b.disk.FS().SyncDir(5)
	b.settle()
	b.disk.PowerLoss()
	b.wantView("b", "")
}

// The bytes of a file and its name are durable apart: each needs its own sync.
func TestNamesNeedTheirOwnSync(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(b *bench)
		want string // what a power loss leaves of "old" and "new"
	}{
		{"created, file synced", func(b *bench) { b.create("new", "x").Sync(1) }, "old=1 new=(none)"},
		{"created, names synced", func(b *bench) { b.create("new", "x"); b.disk.FS().SyncDir(1) }, "old=1 new="},
		{"created, both synced", func(b *bench) { b.create("new", "x").Sync(1); b.disk.FS().SyncDir(2) }, "old=1 new=x"},
		{"created after the names were synced", func(b *bench) { b.disk.FS().SyncDir(2); b.create("new", "x").Sync(1) }, "old=1 new=(none)"},
		{"removed", func(b *bench) { _ = b.disk.FS().Remove("old") }, "old=1 new=(none)"},
		{"removed, names synced", func(b *bench) { _ = b.disk.FS().Remove("old"); b.disk.FS().SyncDir(1) }, "old=(none) new=(none)"},
		{"renamed", func(b *bench) { _ = b.disk.FS().Rename("old", "new") }, "old=1 new=(none)"},
		{"renamed, names synced", func(b *bench) { _ = b.disk.FS().Rename("old", "new"); b.disk.FS().SyncDir(1) }, "old=(none) new=1"},
		{"emptied", func(b *bench) { b.create("old", "") }, "old=1 new=(none)"},
		{"emptied, synced", func(b *bench) { b.create("old", "").Sync(1) }, "old= new=(none)"},
		{"replaced by a rename, names not synced", func(b *bench) {
			b.create("new", "2").Sync(1)
			_ = b.disk.FS().Rename("new", "old")
		}, "old=1 new=(none)"},
		{"replaced by a rename, all synced", func(b *bench) {
			b.create("new", "2").Sync(1)
			_ = b.disk.FS().Rename("new", "old")
			b.disk.FS().SyncDir(2)
		}, "old=2 new=(none)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, Options{})
			b.durable("old", "1")
			tt.do(b)
			b.settle()
			b.disk.PowerLoss()
			if got := "old=" + b.view("old") + " new=" + b.view("new"); got != tt.want {
				t.Errorf("left: %s\nwant: %s", got, tt.want)
			}
		})
	}
}

// A file of 510 durable bytes 'a' grows by 1030 unsynced bytes 'b': two of them fall into the first sector, then come two whole
// sectors and 4 bytes of a fourth. The fate says what a power loss leaves.
func TestTornTails(t *testing.T) {
	for _, tt := range []struct {
		value string
		want  string // runs: count and byte
	}{
		{"calm", "510a"},
		{"all", "510a 1030b"},
		{"sectors 1", "510a"},
		{"sectors 250", "510a 2b"},
		{"sectors 500", "510a 514b"},
		{"sectors 700", "510a 1026b"},
		{"sectors 999", "510a 1030b"},
		{"bytes 1", "510a 1b 1z"},
		{"bytes 2", "510a 2b"},
		{"bytes 3", "510a 3b 511z"},
		{"bytes 500", "510a 515b 511z"},
		{"bytes 998", "510a 1028b 2z"},
		{"bytes 999", "510a 1029b 1z"},
	} {
		t.Run(tt.value, func(t *testing.T) {
			b := newBench(t, Options{}, "torn n1 t1 #0 = "+tt.value)
			f := b.durable("log", strings.Repeat("a", 510))
			b.write(f, strings.Repeat("b", 1030), 510)
			b.disk.PowerLoss()
			if got := runs(b.view("log")); got != tt.want {
				t.Errorf("left %s, want %s", got, tt.want)
			}
			if s := b.disk.Stats(); s.BytesKept+s.BytesLost != 1030 || (s.TornSectors == 1) != strings.Contains(tt.want, "z") {
				t.Errorf("counts %+v", s)
			}
			if b.fates.Hits(0) != 1 {
				t.Error("the fate was never asked")
			}
		})
	}
}

// runs renders a file as lengths of equal bytes, zeros as z.
func runs(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); {
		j := i
		for j < len(s) && s[j] == s[i] {
			j++
		}
		if i > 0 {
			out.WriteByte(' ')
		}
		c := string(s[i])
		if s[i] == 0 {
			c = "z"
		}
		out.WriteString(strconv.Itoa(j-i) + c)
		i = j
	}
	return out.String()
}

// A torn sector never costs durable bytes: an overwrite that does not survive leaves the old bytes, and a file made smaller
// keeps its size.
func TestTornOverwriteKeepsOldBytes(t *testing.T) {
	b := newBench(t, Options{}, "torn n1 t1 #0 = bytes 500", "torn n1 t2 #0 = bytes 500")
	f := b.durable("log", "aaaaaaaa")
	b.write(f, "bbbb", 2)
	b.disk.PowerLoss()
	b.wantView("log", "aabbaaaa")
	f, err := b.disk.FS().Open("log")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(3); err != nil {
		t.Fatal(err)
	}
	b.disk.PowerLoss()
	b.wantView("log", "aabbaaaa")
}

// The fate of a file is asked only where there is something to lose and a name to find it by. It is named by the power loss and the
// position among the files with something to lose, whatever becomes of their names.
func TestTornKeys(t *testing.T) {
	history := func(b *bench) {
		b.durable("a", "1")
		b.create("c", "no name yet")
		f := b.durable("b", "1")
		_ = b.disk.FS().Remove("c")
		b.create("c", "nor now")
		b.write(f, "22", 1)
		b.disk.PowerLoss()
	}
	b := newBench(t, Options{})
	history(b)
	if got := b.fates.Counts(Torn).Asked; got != 2 {
		t.Errorf("%d fates asked, want 2: b and the first c have unsynced bytes and a durable name", got)
	}
	b = newBench(t, Options{}, "torn n1 t1 #1 = all") // #0 is the c that was removed, whose removal is not durable
	history(b)
	b.wantView("b", "122")
	b = newBench(t, Options{}, "torn n1 t1 #1 = all", "torn n1 t1 #2 = all", "names n1 t1 = all")
	history(b)
	b.wantView("b", "122")
	b.wantView("c", "nor now")
}

func TestLyingSyncKeepsNothing(t *testing.T) {
	b := newBench(t, Options{LyingSync: true})
	err := b.disk.Setup(func(fsys vfs.FS) error {
		f, err := fsys.Create("log")
		if err != nil {
			return err
		}
		b.write(f, "set up", 0)
		f.Sync(1)
		fsys.SyncDir(2)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := b.disk.FS().Open("log")
	if err != nil {
		t.Fatal(err)
	}
	b.write(f, ", and more", 6)
	f.Sync(3)
	if diff := cmp.Diff([]vfs.Completion{{Ticket: 3}}, b.settle()); diff != "" {
		t.Errorf("completions (-want +got):\n%s", diff)
	}
	b.wantView("log", "set up, and more")
	b.disk.PowerLoss()
	b.wantView("log", "set up")
}

// Setup leaves a durable disk and no trace in the run: no event, no fate, no count.
func TestSetupIsSilent(t *testing.T) {
	b := newBench(t, Options{SyncLatency: time.Second})
	if err := b.disk.Setup(func(fsys vfs.FS) error {
		f, err := fsys.Create("log")
		if err != nil {
			return err
		}
		b.write(f, "x", 0)
		f.Sync(1)
		fsys.SyncDir(2)
		return f.Close()
	}); err != nil {
		t.Fatal(err)
	}
	if got := b.settle(); len(got) != 0 || b.kernel.Steps() != 0 || b.fates.Counts(SlowSync).Asked != 0 || b.disk.Stats() != (Stats{}) {
		t.Errorf("setup left completions %v, %d steps, counts %+v", got, b.kernel.Steps(), b.disk.Stats())
	}
	b.disk.PowerLoss()
	b.wantView("log", "x")
	failed := errors.New("no")
	if err := b.disk.Setup(func(vfs.FS) error { return failed }); err != failed {
		t.Errorf("error %v, want %v", err, failed)
	}
}

// A slow sync holds up those behind it: completions come in the order of submission.
func TestSyncTimes(t *testing.T) {
	b := newBench(t, Options{SyncLatency: 10}, "slow-sync n1 #1 = 100ns")
	f := b.create("log", "x")
	f.Sync(1) // at 0, done at 10
	b.run(5)
	f.Sync(2) // at 5, slow, done at 115
	b.run(5)
	b.disk.FS().SyncDir(3) // at 10, done with the one before
	b.run(190)
	f.Sync(4) // at 200, done at 210
	b.run(100)
	if diff := cmp.Diff([]sim.Time{10, 115, 115, 210}, b.when); diff != "" {
		t.Errorf("times (-want +got):\n%s", diff)
	}
	for i, c := range b.got {
		if c.Ticket != vfs.Ticket(i+1) {
			t.Errorf("completion %d has ticket %d", i, c.Ticket)
		}
	}
	if s := b.disk.Stats(); s.Syncs != 4 || s.Completed != 4 || s.SlowSyncs != 1 {
		t.Errorf("counts %+v", s)
	}
}

// What a dead process still holds does nothing, not even in a later run on the same disk.
func TestDeadHandles(t *testing.T) {
	for _, tt := range []struct {
		name string
		die  func(*bench)
	}{
		{"crash", func(b *bench) { b.disk.Crash() }},
		{"power loss", func(b *bench) { b.disk.PowerLoss() }},
		{"reset", func(b *bench) { b.disk.Reset(Options{}) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, Options{})
			f := b.durable("log", "x")
			fsys := b.disk.FS()
			tt.die(b)
			_, err1 := f.WriteAt([]byte("y"), 0)
			_, err2 := f.ReadAt(make([]byte, 1), 0)
			_, err3 := f.Size()
			_, err4 := fsys.Create("new")
			_, err5 := fsys.Open("log")
			_, err6 := fsys.List()
			for i, err := range []error{
				err1, err2, err3, err4, err5, err6, f.Truncate(0), f.Close(), fsys.Remove("log"), fsys.Rename("log", "new"),
			} {
				if !errors.Is(err, ErrDead) {
					t.Errorf("call %d: error %v, want %v", i+1, err, ErrDead)
				}
			}
			f.Sync(8)
			fsys.SyncDir(9)
			if got := b.settle(); len(got) != 0 {
				t.Errorf("completions %v", got)
			}
			if want := map[bool]string{true: "(none)", false: "x"}[tt.name == "reset"]; b.view("log") != want {
				t.Errorf("file reads %q, want %q", b.view("log"), want)
			}
		})
	}
}

func TestFileSizeIsBounded(t *testing.T) {
	b := newBench(t, Options{})
	f := b.create("log", "x")
	if _, err := f.WriteAt([]byte("yy"), MaxFile-1); !errors.Is(err, ErrFileTooLarge) {
		t.Errorf("write: error %v, want %v", err, ErrFileTooLarge)
	}
	if err := f.Truncate(MaxFile + 1); !errors.Is(err, ErrFileTooLarge) {
		t.Errorf("truncate: error %v, want %v", err, ErrFileTooLarge)
	}
	b.wantView("log", "x")
}

// The final digest sees every byte and name, durable and seen.
func TestFoldSeesEverything(t *testing.T) {
	sum := func(do func(*bench, vfs.File)) uint64 {
		b := newBench(t, Options{})
		f := b.durable("log", "abc")
		do(b, f)
		var d sim.Digest
		b.disk.Fold(&d)
		return d.Sum()
	}
	seen := map[uint64]string{}
	for _, tt := range []struct {
		name string
		do   func(*bench, vfs.File)
	}{
		{"nothing", func(*bench, vfs.File) {}},
		{"unsynced byte", func(b *bench, f vfs.File) { b.write(f, "x", 1) }},
		{"synced byte", func(b *bench, f vfs.File) { b.write(f, "x", 1); f.Sync(1); b.settle() }},
		{"other synced byte", func(b *bench, f vfs.File) { b.write(f, "y", 1); f.Sync(1); b.settle() }},
		{"unsynced name", func(b *bench, _ vfs.File) { b.create("m", "") }},
		{"synced name", func(b *bench, _ vfs.File) { b.create("m", ""); b.disk.FS().SyncDir(1); b.settle() }},
		{"unsynced removal", func(b *bench, _ vfs.File) { _ = b.disk.FS().Remove("log") }},
	} {
		s := sum(tt.do)
		if other, ok := seen[s]; ok {
			t.Errorf("%q and %q have one digest", tt.name, other)
		}
		seen[s] = tt.name
		if again := sum(tt.do); again != s {
			t.Errorf("%q has two digests", tt.name)
		}
	}
}

// A reset disk behaves like a new one, whatever happened before; it only keeps its memory.
func TestResetEqualsNew(t *testing.T) {
	run := func(b *bench) (uint64, Stats) {
		f := b.create("log", "hello")
		f.Sync(1)
		b.disk.FS().SyncDir(2)
		b.run(3)
		b.write(f, "world", 8)
		_ = b.disk.FS().Rename("log", "m")
		b.run(20)
		b.disk.PowerLoss()
		var d sim.Digest
		b.disk.Fold(&d)
		d.Word(uint64(b.disk.Incarnation()))
		return d.Sum(), b.disk.Stats()
	}
	o := Options{SyncLatency: 10}
	wantSum, wantStats := run(newBench(t, o))
	b := newBench(t, o)
	b.create("log", strings.Repeat("y", 3000))
	f := b.durable("other", strings.Repeat("x", 5000))
	f.Sync(5)
	b.disk.Crash()
	for range 2 {
		b.disk.Rot(0, 0, 1)
		b.disk.LoseWrite(0)
		b.disk.Stall(1 << 40)
		b.disk.Full(0, 1<<40)
		b.disk.FreezeAfter(1)
		if err := b.fates.Reset(sim.FatesConfig{Vocabulary: vocabulary(t), Record: true}); err != nil {
			t.Fatal(err)
		}
		b.kernel.Reset(&b.fates, nil, sim.Bounds{}, nil)
		b.kernel.Host(owner, b)
		b.disk.Reset(o)
		sum, stats := run(b)
		if sum != wantSum || stats != wantStats {
			t.Errorf("after a reset: digest %x and %+v, want %x and %+v", sum, stats, wantSum, wantStats)
		}
	}
}

func TestBrokenUseIsAPanic(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(b *bench)
		want string
	}{
		{"unknown payload", func(b *bench) { b.disk.Complete(7) }, "which is not under way"},
		{"payload completed twice", func(b *bench) { b.create("a", "").Sync(1); b.settle(); b.disk.Complete(0) }, "which is not under way"},
		{"wrong order", func(b *bench) { f := b.create("a", ""); f.Sync(1); f.Sync(2); b.disk.Complete(1) }, "sync 2 of process 1 completes after sync 0"},
		{"negative latency", func(b *bench) { b.disk.Reset(Options{SyncLatency: -1}) }, "is negative"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				if got, _ := recover().(string); !strings.Contains(got, tt.want) {
					t.Errorf("panic %q, want one with %q", got, tt.want)
				}
			}()
			tt.do(newBench(t, Options{SyncLatency: time.Second}))
		})
	}
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	b := newBench(t, Options{SyncLatency: 10})
	if err := b.fates.Reset(sim.FatesConfig{
		Vocabulary: vocabulary(t), Noisy: true, Seed: 1,
		Noise: func(p sim.Purpose) sim.Noise {
			if p != SlowSync {
				return sim.Noise{}
			}
			return sim.Noise{Chance: sim.Ratio{Num: 1, Den: 2}, Draw: DrawSlowSync(1, 100)}
		},
	}); err != nil {
		t.Fatal(err)
	}
	f := b.durable("log", strings.Repeat("x", 1<<16))
	fsys := b.disk.FS()
	p := make([]byte, 100)
	off := int64(0)
	step := func() {
		for range 3 {
			if _, err := f.WriteAt(p, off); err != nil {
				t.Fatal(err)
			}
			off = (off + 100) % (1<<16 - 100)
			f.Sync(1)
		}
		fsys.SyncDir(2)
		b.run(500)
		b.got, b.when = b.got[:0], b.when[:0]
	}
	for range 100 {
		step()
	}
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("%v allocations per round of writes and syncs, want 0", n)
	}
}

// The bound is on the machinery around one sync: a write, its submission, the event and its completion; calm, and with every
// fate of a sync as rare noise.
func BenchmarkWriteAndSync(b *testing.B) {
	b.Run("calm", func(b *testing.B) { benchmarkWriteAndSync(b, sim.FatesConfig{}) })
	b.Run("noisy", func(b *testing.B) {
		rare := func(p sim.Purpose) sim.Noise {
			return sim.Noise{Chance: sim.Ratio{Num: 1, Den: 1 << 30}, Draw: draws()[p-Torn]}
		}
		benchmarkWriteAndSync(b, sim.FatesConfig{Noisy: true, Seed: 1, Noise: rare})
	})
}

func benchmarkWriteAndSync(b *testing.B, c sim.FatesConfig) {
	k := newBench(b, Options{SyncLatency: 10})
	c.Vocabulary = vocabulary(b)
	if err := k.fates.Reset(c); err != nil {
		b.Fatal(err)
	}
	f := k.durable("log", strings.Repeat("x", 1<<16))
	p := make([]byte, 200)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := f.WriteAt(p, int64(i%300)*200); err != nil {
			b.Fatal(err)
		}
		f.Sync(1)
		k.run(20)
		k.got, k.when = k.got[:0], k.when[:0]
	}
}

// A power loss over a file of 64 KiB of which a quarter is unsynced, with any fate of its sectors.
func BenchmarkPowerLoss(b *testing.B) {
	k := newBench(b, Options{})
	if err := k.fates.Reset(sim.FatesConfig{Vocabulary: vocabulary(b), Noisy: true, Noise: func(p sim.Purpose) sim.Noise {
		if p != Torn {
			return sim.Noise{}
		}
		return sim.Noise{Chance: sim.Ratio{Num: 1, Den: 1}, Draw: DrawTorn}
	}}); err != nil {
		b.Fatal(err)
	}
	old, new := []byte(strings.Repeat("x", 1<<16)), []byte(strings.Repeat("y", 1<<14))
	n := k.disk.newNode()
	k.disk.durable = k.disk.durable.put("log", n)
	b.ReportAllocs()
	for b.Loop() {
		n.durable = append(n.durable[:0], old...)
		n.revert()
		n.writeAt(new, 20000)
		k.disk.PowerLoss()
	}
}
