package disk

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"raftsim/raft/vfs"
	"raftsim/sim"
)

// A failed sync leaves its bytes readable and clean: the next sync succeeds without them, and only a power loss shows it.
func TestFailedSyncForgets(t *testing.T) {
	b := newBench(t, Options{SyncLatency: 10}, "sync-fails n1 #2 = yes")
	f := b.durable("log", "one")
	b.write(f, ",two", 3)
	f.Sync(3)
	b.write(f, ",three", 7)
	f.Sync(4)
	want := []vfs.Completion{{Ticket: 3, Err: ErrSyncFailed}, {Ticket: 4}}
	if diff := cmp.Diff(want, b.settle(), cmpopts.EquateErrors()); diff != "" {
		t.Errorf("completions (-want +got):\n%s", diff)
	}
	f.Sync(5)
	b.settle()
	b.wantView("log", "one,two,three")
	b.disk.Crash()
	b.wantView("log", "one,two,three")
	b.disk.PowerLoss()
	b.wantView("log", "one\x00\x00\x00\x00,three")
	if s := b.disk.Stats(); s.SyncsFailed != 1 || b.fates.Hits(0) != 1 {
		t.Errorf("counts %+v", s)
	}
}

// Names are in a journal: a failed sync of them makes nothing durable, the next one also what the failed one covered.
func TestFailedSyncOfNames(t *testing.T) {
	b := newBench(t, Options{SyncLatency: 10}, "sync-fails n1 #1 = yes")
	fsys := b.disk.FS()
	b.create("a", "")
	fsys.SyncDir(1)
	b.create("b", "")
	fsys.SyncDir(2)
	want := []vfs.Completion{{Ticket: 1}, {Ticket: 2, Err: ErrSyncFailed}}
	if diff := cmp.Diff(want, b.settle(), cmpopts.EquateErrors()); diff != "" {
		t.Errorf("completions (-want +got):\n%s", diff)
	}
	if _, durable := b.disk.DurableBytes("b"); durable || contents(b) != "a= b= " {
		t.Errorf("names %s, b is durable: %t", contents(b), durable)
	}
	fsys.SyncDir(3)
	b.settle()
	b.disk.PowerLoss()
	if got := contents(b); got != "a= b= " {
		t.Errorf("left %s, want a and b", got)
	}
}

// A file has one name, even if the sync of the change that took the other one away failed.
func TestFailedSyncOfRename(t *testing.T) {
	b := newBench(t, Options{SyncLatency: 10}, "sync-fails n1 #2 = yes")
	fsys := b.disk.FS()
	b.durable("a", "x")
	for _, name := range []string{"b", "c"} {
		if err := fsys.Rename(string(name[0]-1), name); err != nil {
			t.Fatal(err)
		}
		fsys.SyncDir(3)
	}
	b.settle()
	b.disk.PowerLoss()
	if got := contents(b); got != "c=1x " {
		t.Errorf("left %s", got)
	}
}

// A sync that was lost holds up nobody.
func TestLostSyncsAreForgotten(t *testing.T) {
	for name, end := range map[string]func(*Disk){"power loss": (*Disk).PowerLoss, "wipe": (*Disk).Wipe} {
		b := newBench(t, Options{SyncLatency: 10}, "slow-sync n1 #0 = 1000ns")
		b.create("a", "x").Sync(1)
		end(b.disk)
		b.create("b", "x").Sync(2)
		b.settle()
		if diff := cmp.Diff([]sim.Time{10}, b.when); diff != "" {
			t.Errorf("%s: times (-want +got):\n%s", name, diff)
		}
	}
}

// A sync that fails and is put off all the same: the fates are independent.
func TestFailedSyncCanBeSlow(t *testing.T) {
	b := newBench(t, Options{SyncLatency: 10}, "sync-fails n1 #0 = yes", "slow-sync n1 #0 = 90ns")
	b.create("a", "x").Sync(1)
	b.settle()
	if diff := cmp.Diff([]sim.Time{100}, b.when); diff != "" {
		t.Errorf("times (-want +got):\n%s", diff)
	}
}

// A stall holds up what is under way and what comes; the order stays, whoever dies meanwhile.
func TestStall(t *testing.T) {
	b := newBench(t, Options{SyncLatency: 10})
	f := b.create("a", "x")
	f.Sync(1) // due at 10
	b.run(5)
	f.Sync(2)         // due at 15
	b.disk.Stall(100) // puts both off
	b.run(5)
	f.Sync(3) // due at 100, too
	b.run(20)
	b.disk.Stall(60)  // is over before the first
	b.disk.Stall(200) // puts all off again
	b.run(100)
	b.disk.Stall(50) // is in the past
	f.Sync(4)
	b.run(200)
	f.Sync(5) // at 330
	b.run(50)
	if diff := cmp.Diff([]sim.Time{200, 200, 200, 200, 340}, b.when); diff != "" {
		t.Errorf("times (-want +got):\n%s", diff)
	}
	for i, c := range b.got {
		if c.Ticket != vfs.Ticket(i+1) {
			t.Errorf("completion %d has ticket %d", i, c.Ticket)
		}
	}
	if s := b.disk.Stats(); s.Stalls != 2 || s.StalledSyncs != 2+1+3+1 || s.Completed != 5 {
		t.Errorf("counts %+v", s)
	}
}

// What is due at the very end of a stall stays behind what is put off to it.
func TestStallKeepsOrderAtItsEnd(t *testing.T) {
	b := newBench(t, Options{SyncLatency: 10}, "slow-sync n1 #1 = 10ns")
	f := b.create("a", "x")
	f.Sync(1) // due at 10
	f.Sync(2) // due at 20
	f.Sync(3) // with it
	b.disk.Stall(20)
	b.disk.Stall(20)
	f.Sync(4)
	b.settle()
	if diff := cmp.Diff([]sim.Time{20, 20, 20, 20}, b.when); diff != "" {
		t.Errorf("times (-want +got):\n%s", diff)
	}
	if s := b.disk.Stats(); s.StalledSyncs != 2 {
		t.Errorf("%d syncs were held up, want 2: the first and the last", s.StalledSyncs)
	}
}

func TestStallThroughDeaths(t *testing.T) {
	b := newBench(t, Options{SyncLatency: 10})
	b.create("a", "x").Sync(1)
	b.disk.FS().SyncDir(2)
	b.disk.Stall(100)
	b.disk.Crash()
	f, err := b.disk.FS().Open("a")
	if err != nil {
		t.Fatal(err)
	}
	b.write(f, "y", 0)
	f.Sync(3)
	b.run(200)
	if len(b.got) != 3 || b.when[0] != 100 || b.when[2] != 100 {
		t.Errorf("completions %v at %v", b.got, b.when)
	}
	b.got, b.when, b.lost = nil, nil, 0
	f.Sync(4)
	b.disk.Stall(300)
	b.disk.PowerLoss()
	b.wantView("a", "y")
	f, err = b.disk.FS().Open("a")
	if err != nil {
		t.Fatal(err)
	}
	f.Sync(5)
	if diff := cmp.Diff([]vfs.Completion{{Ticket: 5}}, b.settle()); diff != "" {
		t.Errorf("completions (-want +got):\n%s", diff)
	}
	if b.lost != 2 || b.when[0] != 300 { // the event that was put off, and the one it was put off to
		t.Errorf("%d void events, completed at %v", b.lost, b.when)
	}
}

// A full disk takes a part of a write, then nothing, and no new file; it goes on reading, cutting and syncing, and empties.
func TestNoSpace(t *testing.T) {
	b := newBench(t, Options{SyncLatency: 10}, "no-space n1 #1 = after 5 for 100ns")
	f := b.create("log", "one")
	f.Sync(1)
	f.Sync(2)
	b.run(10)
	b.write(f, "abc", 3)
	n, err := f.WriteAt([]byte("defg"), 6)
	if n != 2 || !errors.Is(err, ErrNoSpace) {
		t.Errorf("wrote %d, %v; want 2, %v", n, err, ErrNoSpace)
	}
	if n, err := f.WriteAt([]byte("x"), 0); n != 0 || !errors.Is(err, ErrNoSpace) {
		t.Errorf("wrote %d, %v; want 0, %v", n, err, ErrNoSpace)
	}
	if _, err := b.disk.FS().Create("new"); !errors.Is(err, ErrNoSpace) {
		t.Errorf("create: %v, want %v", err, ErrNoSpace)
	}
	if _, err := f.WriteAt(nil, 0); err != nil {
		t.Errorf("writing nothing: %v", err)
	}
	b.wantView("log", "oneabcde")
	if err := f.Truncate(4); err != nil {
		t.Errorf("truncate: %v", err)
	}
	if g, err := b.disk.FS().Create("log"); err != nil {
		t.Errorf("create what exists: %v", err)
	} else {
		b.run(90) // to 100
		b.write(g, "room again", 0)
	}
	b.wantView("log", "room again")
	if s := b.disk.Stats(); s.NoSpace != 3 || s.ShortWrites != 1 || b.fates.Hits(0) != 1 {
		t.Errorf("counts %+v", s)
	}
}

func TestFull(t *testing.T) {
	b := newBench(t, Options{})
	f := b.create("log", "x")
	b.disk.Full(10, 50)
	b.disk.Full(3, 20) // the smaller number, the later time
	b.run(30)
	if n, err := f.WriteAt([]byte("abcdef"), 0); n != 3 || !errors.Is(err, ErrNoSpace) {
		t.Errorf("wrote %d, %v", n, err)
	}
	b.disk.Full(0, 0) // ends it
	b.write(f, "abcdef", 0)
	b.disk.Full(0, sim.Never)
	b.disk.Crash()
	if _, err := b.disk.FS().Create("new"); !errors.Is(err, ErrNoSpace) {
		t.Errorf("create: %v: a full disk stays full when a process dies", err)
	}
	if err := b.disk.Setup(func(fsys vfs.FS) error { _, err := fsys.Create("set up"); return err }); err != nil {
		t.Errorf("setup: %v", err)
	}
}

// The process is stopped before the n-th change, whichever that is: nothing of that one happens, all before it did.
func TestFreezeBeforeEveryChange(t *testing.T) {
	changes := []struct {
		name string
		do   func(fsys vfs.FS, f vfs.File) error
		want string // what a process sees after it
	}{
		{"create", func(fsys vfs.FS, _ vfs.File) error { _, err := fsys.Create("b"); return err }, "a=3x b= "},
		{"write", func(_ vfs.FS, f vfs.File) error { _, err := f.WriteAt([]byte("y"), 3); return err }, "a=3x 1y b= "},
		{"sync", func(_ vfs.FS, f vfs.File) error { f.Sync(7); return nil }, "a=3x 1y b= "},
		{"truncate", func(_ vfs.FS, f vfs.File) error { return f.Truncate(2) }, "a=2x b= "},
		{"rename", func(fsys vfs.FS, _ vfs.File) error { return fsys.Rename("b", "c") }, "a=2x c= "},
		{"sync names", func(fsys vfs.FS, _ vfs.File) error { fsys.SyncDir(8); return nil }, "a=2x c= "},
		{"remove", func(fsys vfs.FS, _ vfs.File) error { return fsys.Remove("c") }, "a=2x "},
		{"empty", func(fsys vfs.FS, _ vfs.File) error { _, err := fsys.Create("a"); return err }, "a= "},
	}
	for _, fated := range []bool{false, true} {
		for n := range len(changes) + 1 {
			var lines []string
			if fated { // four changes come before: a is created, written and synced, and the names
				lines = append(lines, "freeze n1 t1 = "+string(operationText(int64(n+5))))
			}
			b := newBench(t, Options{SyncLatency: 10}, lines...)
			f := b.durable("a", "xxx")
			if !fated {
				b.disk.FreezeAfter(uint64(n + 1))
			}
			fsys, want := b.disk.FS(), "a=3x "
			for i, c := range changes {
				err := c.do(fsys, f)
				if i < n {
					want = c.want
				}
				if submits := c.name == "sync" || c.name == "sync names"; errors.Is(err, ErrFrozen) != (i >= n && !submits) {
					t.Errorf("frozen before %d: %s: %v", n, c.name, err)
				}
			}
			if n < len(changes) {
				_, err1 := f.ReadAt(make([]byte, 1), 0)
				_, err2 := f.Size()
				_, err3 := fsys.List()
				_, err4 := fsys.Open("a")
				for i, err := range []error{err1, err2, err3, err4, f.Close()} {
					if !errors.Is(err, ErrFrozen) {
						t.Errorf("frozen before %d: call %d: %v", n, i, err)
					}
				}
			}
			if got := contents(b); got != want || b.disk.Frozen() != (n < len(changes)) {
				t.Errorf("frozen before %d (%v): sees %s, want %s", n, b.disk.Frozen(), got, want)
			}
			if s := b.disk.Stats(); (s.Freezes == 1) != b.disk.Frozen() || b.disk.Operations() != uint64(min(4+n+1, 4+len(changes))) {
				t.Errorf("frozen before %d: counts %+v", n, s)
			}
			for _, c := range b.settle() {
				if frozen := c.Ticket == 7 && n <= 2 || c.Ticket == 8 && n <= 5; errors.Is(c.Err, ErrFrozen) != frozen {
					t.Errorf("frozen before %d: completion %v", n, c)
				}
			}
			b.disk.Crash()
			if names, err := b.disk.FS().List(); err != nil || b.disk.Frozen() {
				t.Errorf("the next process is frozen too: %q, %v", names, err)
			}
			b.create("next", "x")
		}
	}
}

func operationText(n int64) []byte { return numberFormat{most: n}.Append(nil, sim.Value{N: n}) }

func TestFreezeCanBeTakenBack(t *testing.T) {
	b := newBench(t, Options{}, "freeze n1 t1 = 4")
	b.disk.FreezeAfter(3)
	b.create("a", "") // two changes: there is nothing to write
	b.disk.FreezeAfter(0)
	if _, err := b.disk.FS().Create("c"); err != nil {
		t.Errorf("frozen: %v", err)
	}
	if _, err := b.disk.FS().Create("d"); !errors.Is(err, ErrFrozen) {
		t.Errorf("the fate is gone: %v", err)
	}
}

// Bytes are written one after the other, latencies overlap; names and what is clean have no bytes, and a disk that lost what was under way
// has nothing to write.
func TestSyncsTakeTimeForTheirBytes(t *testing.T) {
	b := newBench(t, Options{SyncLatency: 100, SyncPerByte: 10})
	f := b.create("a", "12345")
	f.Sync(1) // 50 for the bytes
	b.write(f, "1234567890", 5)
	f.Sync(2)              // written at 150
	b.disk.FS().SyncDir(3) // nothing to write, and not before the others
	f.Sync(4)
	b.run(300)
	b.write(f, "x", 0)
	f.Sync(5)
	b.settle()
	if diff := cmp.Diff([]sim.Time{150, 250, 250, 250, 410}, b.when); diff != "" {
		t.Errorf("times (-want +got):\n%s", diff)
	}
	for name, end := range map[string]func(*Disk){"power loss": (*Disk).PowerLoss, "wipe": (*Disk).Wipe} {
		b := newBench(t, Options{SyncPerByte: 10})
		b.create("a", "a long text that nobody will read").Sync(1)
		end(b.disk)
		b.create("b", "x").Sync(2)
		b.settle()
		if diff := cmp.Diff([]sim.Time{10}, b.when); diff != "" {
			t.Errorf("%s: times (-want +got):\n%s", name, diff)
		}
	}
}
