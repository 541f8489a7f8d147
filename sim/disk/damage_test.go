package disk

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"raftsim/internal/fixed"
	"raftsim/raft/vfs"
)

// read renders what a process reads in a file: runs of equal bytes, then "!" where a sector cannot be read.
func (b *bench) read(name string) string {
	b.t.Helper()
	f, err := b.disk.FS().Open(name)
	if err != nil {
		b.t.Fatal(err)
	}
	p := make([]byte, 1000)
	n, err := f.ReadAt(p, 0)
	switch {
	case err == io.EOF:
		return runs(string(p[:n]))
	case errors.Is(err, ErrUnreadable):
		return runs(string(p[:n])) + "!"
	}
	b.t.Fatal(err)
	return ""
}

func (b *bench) wantRead(name, want string) {
	b.t.Helper()
	if got := b.read(name); got != want {
		b.t.Errorf("file %s reads %s, want %s", name, got, want)
	}
}

// Rotten bits stay through crashes and power losses, until they are written again and synced; the pristine bytes are kept beneath.
func TestRot(t *testing.T) {
	b := newBench(t, Options{SyncLatency: 10})
	b.durable("log", strings.Repeat("a", 100))
	b.durable("other", "x")
	if !b.disk.Rot(0, 500, 0x0300_01) || !b.disk.Damaged() {
		t.Fatal("nothing rots")
	}
	b.wantRead("log", "50a 1` 1a 1b 47a") // 'a' is 0x61
	b.wantView("log", strings.Repeat("a", 100))
	b.disk.Crash()
	b.disk.PowerLoss()
	b.wantRead("log", "50a 1` 1a 1b 47a")
	if s := b.disk.Stats(); s.Rotted != 1 || s.DamagedReads != 2 {
		t.Errorf("counts %+v", s)
	}
	f, _ := b.disk.FS().Open("log")
	b.write(f, "c", 50)
	b.wantRead("log", "50a 1c 1a 1b 47a")
	b.disk.PowerLoss() // before it was synced
	b.wantRead("log", "50a 1` 1a 1b 47a")
	f, _ = b.disk.FS().Open("log")
	b.write(f, "c", 50)
	f.Sync(1)
	b.wantRead("log", "50a 1c 1a 1b 47a") // in memory until the sync completes
	b.settle()
	b.disk.PowerLoss()
	b.wantRead("log", "50a 1c 1a 1b 47a")
	b.disk.Repair()
	b.wantRead("log", "50a 1c 49a")
	if b.disk.Damaged() {
		t.Error("damaged after the repair")
	}
}

func TestResetForgetsDamage(t *testing.T) {
	b := newBench(t, Options{})
	b.durable("log", "a")
	b.disk.Rot(0, 0, 1)
	b.disk.Reset(Options{})
	if err := b.disk.Setup(func(fsys vfs.FS) error { _, err := fsys.Create("log"); return err }); err != nil {
		t.Fatal(err)
	}
	if n := b.disk.view[0].node; len(n.marks) > 0 || len(n.stale) > 0 {
		t.Errorf("a new file has marks %v", n.marks)
	}
}

// A write into the middle of damage leaves the rest of it as it was.
func TestDamageIsCutByWrites(t *testing.T) {
	b := newBench(t, Options{})
	f := b.durable("log", strings.Repeat("`", 10)) // 0x60
	b.disk.Rot(0, 100, 0x0504030201)
	b.wantRead("log", "1` 1a 1b 1c 1d 1e 4`")
	b.write(f, "z", 3)
	f.Sync(1)
	b.settle()
	b.wantRead("log", "1` 1a 1b 1z 1d 1e 4`")
}

// Files are numbered by name among those with durable bytes, and round and round.
func TestDamageFindsAFile(t *testing.T) {
	b := newBench(t, Options{})
	if b.disk.Rot(0, 0, 1) || b.disk.Unreadable(7, 999) {
		t.Error("an empty disk has something to damage")
	}
	b.durable("b", "aaaa")
	b.durable("a", "aaaa")
	b.durable("0", "")
	b.create("c", "aaaa")
	for _, file := range []uint32{0, 3} {
		b.disk.Rot(file, 999, 2)
	}
	b.wantRead("a", "3a 1c")
	b.wantRead("b", "3a 1c")
	b.wantRead("c", "4a")
	b.disk.Rot(0, 250, 0) // no bits are one
	b.wantRead("a", "1a 1` 1a 1c")
	b.disk.Rot(2, 999, 2) // twice is once back
	b.wantRead("a", "1a 1` 2a")
}

// A sector that cannot be read fails the read where it begins, until it is written again.
func TestUnreadable(t *testing.T) {
	b := newBench(t, Options{SectorSize: 16, SyncLatency: 10})
	f := b.durable("log", strings.Repeat("a", 40))
	b.disk.Unreadable(0, 500)
	b.wantRead("log", "16a!")
	p := make([]byte, 8)
	if n, err := f.ReadAt(p, 32); n != 8 || err != nil {
		t.Errorf("read behind it: %d, %v", n, err)
	}
	if n, err := f.ReadAt(p, 20); n != 0 || !errors.Is(err, ErrUnreadable) {
		t.Errorf("read in it: %d, %v", n, err)
	}
	b.write(f, strings.Repeat("b", 10), 16)
	b.wantRead("log", "16a 10b!")
	b.write(f, strings.Repeat("b", 6), 26)
	b.wantRead("log", "16a 16b 8a")
	b.disk.PowerLoss()
	b.wantRead("log", "16a!")
	f, _ = b.disk.FS().Open("log")
	b.write(f, strings.Repeat("b", 16), 16)
	f.Sync(1)
	b.settle()
	b.disk.Unreadable(0, 999)
	b.wantRead("log", "16a 16b!")
	if err := f.Truncate(32); err != nil {
		t.Fatal(err)
	}
	b.wantRead("log", "16a 16b")
	b.disk.Repair()
	if s := b.disk.Stats(); s.Unreadable != 2 || s.UnreadableReads != 5 {
		t.Errorf("counts %+v", s)
	}
}

// An acknowledged write that was never made: the old bytes are read, the size is the new one.
func TestLostWrite(t *testing.T) {
	for line, want := range map[string]string{
		"lost-write n1 #2 = 1":   "24a 8z 28b", // of the sector that has a's, what the sync wrote
		"lost-write n1 #2 = 500": "24a 8b 16z 12b",
		"lost-write n1 #2 = 999": "24a 24b 12z",
		"lost-write n1 #3 = 1":   "24a 36b", // a sync that writes nothing
	} {
		b := newBench(t, Options{SectorSize: 16, SyncLatency: 10}, line)
		f := b.durable("log", strings.Repeat("a", 24))
		b.write(f, strings.Repeat("b", 36), 24)
		f.Sync(3)
		b.wantRead("log", "24a 36b")
		f.Sync(4)
		if got := b.settle(); len(got) != 2 || got[0].Err != nil || got[1].Err != nil {
			t.Errorf("%s: completions %v", line, got)
		}
		b.wantRead("log", want)
		b.disk.PowerLoss()
		b.wantRead("log", want)
		if s := b.disk.Stats(); (s.LostWrites == 1) != (want != "24a 36b") || b.fates.Hits(0) != 1 {
			t.Errorf("%s: counts %+v", line, s)
		}
		b.disk.Repair()
		b.wantRead("log", "24a 36b")
	}
}

// What is lost of an overwrite is what was read there before, damage included.
func TestLostOverwrite(t *testing.T) {
	b := newBench(t, Options{SectorSize: 16})
	f := b.durable("log", strings.Repeat("a", 32))
	b.disk.Rot(0, 0, 2)
	b.disk.LoseWrite(0)
	b.write(f, strings.Repeat("b", 20), 0)
	f.Sync(1)
	b.settle()
	b.wantRead("log", "1c 15a 4b 12a")
	b.write(f, strings.Repeat("b", 20), 0) // the trap is used up
	f.Sync(1)
	b.settle()
	b.wantRead("log", "20b 12a")
}

// A sector that went elsewhere: it is missing where it should be, and another one has its bytes, as far as the file goes.
func TestMisdirectedWrite(t *testing.T) {
	for _, tt := range []struct {
		value string
		want  string
	}{
		{"1 to 999", "48a 12b"},
		{"1 to 300", "16a 16b 28a"},
		{"999 to 300", "16a 16b 28a"}, // one sector is written, so every place is that one
		{"1 to 1", "16b 44a"},         // onto itself: nothing is misdirected
	} {
		b := newBench(t, Options{SectorSize: 16}, "misdirected n1 #2 = "+tt.value)
		f := b.durable("log", strings.Repeat("a", 60))
		b.write(f, strings.Repeat("b", 16), 0)
		f.Sync(3)
		b.settle()
		b.wantRead("log", tt.want)
		if s := b.disk.Stats(); (s.Misdirected == 1) != (tt.want != "16b 44a") || b.fates.Hits(0) != 1 {
			t.Errorf("%s: counts %+v", tt.value, s)
		}
		b.disk.Repair()
		b.wantRead("log", "16b 44a")
	}
}

// What the next process finds: fates of its number, over all durable bytes.
func TestDecay(t *testing.T) {
	b := newBench(t, Options{SectorSize: 16}, "rot n1 t2 = 800 bits 3", "unreadable n1 t3 = 100", "rot n1 t4 = 1 bits 1")
	b.durable("a", strings.Repeat("a", 40))
	b.durable("b", strings.Repeat("a", 40))
	b.disk.Crash()
	b.wantRead("a", "40a")
	b.wantRead("b", "24a 1b 15a")
	b.disk.PowerLoss()
	b.wantRead("a", "!")
	b.wantRead("b", "24a 1b 15a")
	b.disk.Wipe() // asks nothing
	b.disk.Crash()
	for i := range 2 {
		if b.fates.Hits(i) != 1 {
			t.Errorf("fate %d was never asked", i)
		}
	}
	if b.fates.Hits(2) != 0 || b.fates.Counts(Rot).Asked != 3 {
		t.Errorf("asked %d times", b.fates.Counts(Rot).Asked)
	}
}

// Bytes on their way to the disk are read from memory whatever is damaged there, and are sound when they arrive.
func TestDamageMeetsSyncUnderWay(t *testing.T) {
	b := newBench(t, Options{SectorSize: 16, SyncLatency: 10})
	f := b.durable("log", strings.Repeat("a", 32))
	b.write(f, strings.Repeat("b", 16), 8)
	f.Sync(1)
	b.write(f, "cc", 0)
	b.disk.Unreadable(0, 0)
	b.disk.Unreadable(0, 999)
	b.wantRead("log", "2c!")
	b.settle()
	b.wantRead("log", "2c!")
	b.write(f, strings.Repeat("c", 8), 0)
	b.wantRead("log", "8c 16b!")
	b.disk.PowerLoss()
	b.wantRead("log", "!")
}

// What survives a power loss was written by it: it is sound. Where the file ends earlier there is no damage any more.
func TestDamageMeetsPowerLoss(t *testing.T) {
	b := newBench(t, Options{SectorSize: 16}, "torn n1 t1 #0 = mask 2", "torn n1 t2 #0 = all")
	f := b.durable("log", strings.Repeat("a", 64))
	for _, at := range []int64{0, 250, 999} {
		b.disk.Unreadable(0, at)
	}
	b.write(f, strings.Repeat("b", 32), 0)
	b.disk.PowerLoss()
	b.wantRead("log", "!")
	f, _ = b.disk.FS().Open("log")
	p := make([]byte, 48)
	if n, err := f.ReadAt(p, 16); n != 32 || !errors.Is(err, ErrUnreadable) || runs(string(p[:n])) != "16b 16a" {
		t.Errorf("read %d, %v: %q", n, err, p[:n])
	}
	b.write(f, strings.Repeat("c", 16), 0)
	if err := f.Truncate(48); err != nil {
		t.Fatal(err)
	}
	b.disk.PowerLoss()
	b.wantRead("log", "16c 16b 16a")
	if b.disk.Damaged() {
		t.Error("something is still damaged")
	}
}

// cell is one byte of a disk that keeps apart what should be there and what is read.
type cell struct {
	sound byte
	shown int // what a read shows, -1 if it fails
}

// Damage equals a disk of single bytes: reads show the disk, but for bytes not written to it yet.
func TestDamageEqualsTwin(t *testing.T) {
	var reached Stats
	property := func(t *rapid.T) {
		const sector = 16
		b := newBench(t, Options{SyncLatency: 10, SectorSize: sector})
		f := b.durable("log", "")
		var view []byte
		var memory, written []bool // of the view: not on the disk yet, and by a write
		var disk []cell
		low := 0
		size := func(n int) {
			low = min(low, n)
			for len(view) < n {
				view, memory, written = append(view, 0), append(memory, true), append(written, false)
			}
			view, memory, written = view[:n], memory[:n], written[:n]
		}
		thousandth := func(label string) int { return rapid.IntRange(0, 999).Draw(t, label) }
		reopen := func() {
			g, err := b.disk.FS().Open("log")
			if err != nil {
				t.Fatal(err)
			}
			f = g
		}
		// land makes durable what was written, but for one sector, and returns the sectors written.
		land := func(lost, from, to int) {
			var sectors []int
			for i := range view {
				if written[i] && !slices.Contains(sectors, i/sector) {
					sectors = append(sectors, i/sector)
				}
			}
			old := slices.Clone(disk[:min(low, len(disk))])
			next := make([]cell, len(view))
			for i := range next {
				if memory[i] {
					next[i] = cell{view[i], int(view[i])}
				} else {
					next[i] = old[i]
				}
			}
			disk = next
			if lost == 0 || len(sectors) == 0 {
				return
			}
			at := sectors[from*len(sectors)/1000]
			target := to * ((len(view) + sector - 1) / sector) / 1000
			if lost == 2 && at == target {
				return
			}
			for i := at * sector; i < min(len(view), (at+1)*sector); i++ {
				if lost == 2 && target*sector+i%sector < len(disk) {
					disk[target*sector+i%sector].shown = int(disk[i].sound)
				}
			}
			for i := at * sector; i < min(len(view), (at+1)*sector); i++ {
				was := 0
				if i < len(old) {
					was = max(old[i].shown, 0)
					if old[i].shown < 0 {
						was = int(old[i].sound)
					}
				}
				if written[i] {
					disk[i].shown = was
				}
			}
		}
		write := func(t *rapid.T, most int) {
			off := rapid.IntRange(0, 60).Draw(t, "offset")
			p := rapid.SliceOfN(rapid.Byte(), 1, most).Draw(t, "bytes")
			b.write(f, string(p), int64(off))
			size(max(len(view), off+len(p)))
			for i := range p {
				view[off+i], memory[off+i], written[off+i] = p[i], true, true
			}
		}
		truncate := func(t *rapid.T) {
			n := rapid.IntRange(0, 70).Draw(t, "size")
			if err := f.Truncate(int64(n)); err != nil {
				t.Fatal(err)
			}
			size(n)
		}
		t.Repeat(map[string]func(*rapid.T){
			"write":          func(t *rapid.T) { write(t, 40) },
			"write a little": func(t *rapid.T) { write(t, 3) },
			"truncate":       truncate,
			"cut and go on": func(t *rapid.T) {
				truncate(t)
				write(t, 20)
			},
			"sync": func(t *rapid.T) {
				lost, from, to := rapid.IntRange(0, 2).Draw(t, "lost"), thousandth("from"), thousandth("to")
				switch lost {
				case 1:
					b.disk.LoseWrite(int64(from))
				case 2:
					b.disk.Misdirect(int64(from), int64(to))
				}
				f.Sync(1)
				b.settle()
				land(lost, from, to)
				clear(memory)
				clear(written)
				low = len(view)
			},
			"rot": func(t *rapid.T) {
				at, bits := thousandth("at"), rapid.Uint64Min(1).Draw(t, "bits")
				if !b.disk.Rot(3, int64(at), bits) {
					return
				}
				// Bits beyond the highest set one leave damage as it is; those below show through an unreadable sector.
				for i := at * len(disk) / 1000; i < len(disk) && bits != 0; i++ {
					if disk[i].shown < 0 {
						disk[i].shown = int(disk[i].sound)
					}
					disk[i].shown ^= int(byte(bits))
					bits >>= 8
				}
			},
			"unreadable": func(t *rapid.T) {
				at := thousandth("at")
				if b.disk.Unreadable(3, int64(at)) {
					from := at * ((len(disk) + sector - 1) / sector) / 1000 * sector
					for i := from; i < min(len(disk), from+sector); i++ {
						disk[i].shown = -1
					}
				}
			},
			"repair": func(t *rapid.T) {
				b.disk.Repair()
				for i := range disk {
					disk[i].shown = int(disk[i].sound)
				}
			},
			"crash": func(t *rapid.T) {
				b.disk.Crash()
				reopen()
			},
			"power loss": func(t *rapid.T) {
				b.disk.PowerLoss()
				view = view[:0]
				for _, c := range disk {
					view = append(view, c.sound)
				}
				memory, written, low = make([]bool, len(view)), make([]bool, len(view)), len(view)
				reopen()
			},
			"": func(t *rapid.T) {
				for i := range view {
					want := int(view[i])
					if !memory[i] {
						want = disk[i].shown
					}
					var p [1]byte
					n, err := f.ReadAt(p[:], int64(i))
					got := int(p[0])
					if n == 0 && errors.Is(err, ErrUnreadable) {
						got = -1
					}
					if got != want {
						t.Fatalf("byte %d reads %d, want %d", i, got, want)
					}
				}
				checkWholeRead(t, f, int64(len(view)))
			},
		})
		stats := b.disk.Stats()
		reached.Add(&stats)
	}
	fixed.Check(t, 100, property)
	if min(reached.Rotted, reached.Unreadable, reached.LostWrites, reached.Misdirected, reached.DamagedReads, reached.UnreadableReads) < 10 {
		t.Fatalf("counts %+v", reached)
	}
	rapid.Check(t, property)
}

// checkWholeRead: one large read is what many small ones are, up to the first that fails.
func checkWholeRead(t *rapid.T, f vfs.File, size int64) {
	p := make([]byte, size+1)
	n, err := f.ReadAt(p, 0)
	for i := range int64(n) {
		var q [1]byte
		if _, err := f.ReadAt(q[:], i); err != nil || q[0] != p[i] {
			t.Fatalf("byte %d is %d in a large read, and %d, %v alone", i, p[i], q[0], err)
		}
	}
	if int64(n) < size != errors.Is(err, ErrUnreadable) {
		t.Fatalf("read %d of %d: %v", n, size, err)
	}
}
