package disk

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"raftsim/raft/vfs"
	"raftsim/sim"
)

// twin is a disk that copies whole files and whole directories at every sync. It is slow and obviously right.
type twin struct {
	view, durable map[string]*twinFile
	queue         []func() // effects of the syncs under way, oldest first
}

type twinFile struct{ view, durable []byte }

func (f *twinFile) truncate(size int) {
	f.view = slices.Clone(f.view[:min(size, len(f.view))])
	f.view = append(f.view, make([]byte, size-len(f.view))...)
}

func (w *twin) sync(f *twinFile) {
	snapshot := slices.Clone(f.view)
	w.queue = append(w.queue, func() { f.durable = slices.Clone(snapshot) })
}

func (w *twin) syncDir() {
	snapshot := maps.Clone(w.view)
	w.queue = append(w.queue, func() { w.durable = maps.Clone(snapshot) })
}

func (w *twin) complete() {
	w.queue[0]()
	w.queue = w.queue[1:]
}

func (w *twin) powerLoss(fates []keep) {
	w.queue = nil
	for i, name := range slices.Sorted(maps.Keys(w.durable)) {
		f := w.durable[name]
		f.durable = twinTail(f.view, f.durable, fates[i])
		f.view = slices.Clone(f.durable)
	}
	w.view = maps.Clone(w.durable)
}

// twinTail lists every unsynced byte first and then lets each survive or not.
func twinTail(view, durable []byte, k keep) []byte {
	if k == 1000 {
		return slices.Clone(view)
	}
	var unsynced []int
	sectors := map[int]bool{}
	for i := range view {
		if i >= len(durable) || view[i] != durable[i] {
			unsynced = append(unsynced, i)
			sectors[i/512] = true
		}
	}
	count := 0
	if k > 1000 {
		n := int(k-1000) * (len(sectors) + 1) / 1000
		for _, s := range slices.Sorted(maps.Keys(sectors))[:n] {
			for _, i := range unsynced {
				if i/512 == s {
					count++
				}
			}
		}
	} else {
		count = int(k) * (len(unsynced) + 1) / 1000
	}
	out := slices.Clone(durable)
	set := func(i int, c byte) {
		for len(out) <= i {
			out = append(out, 0)
		}
		out[i] = c
	}
	for n, i := range unsynced {
		switch {
		case n < count:
			set(i, view[i])
		case count > 0 && i/512 == unsynced[count-1]/512 && i >= len(durable):
			set(i, 0)
		}
	}
	return out
}

const twinNames = 3

func drawKeep(t *rapid.T) keep {
	return keep(rapid.OneOf(rapid.Just(int64(0)), rapid.Just(int64(1000)), rapid.Int64Range(1, 999), rapid.Int64Range(1001, 1999)).Draw(t, "keep"))
}

// Whatever a process writes, syncs, cuts and renames, however its life ends, the disk holds what the twin holds: the bytes of a
// sync are those of its submission, names and bytes are durable apart, and a power loss leaves exactly what its fate says.
func TestDiskEqualsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const maxLosses = 4
		var fates [maxLosses][twinNames]keep
		var lines []string
		for loss := range fates {
			for i := range fates[loss] {
				if k := drawKeep(t); k != 0 {
					fates[loss][i] = k
					value := TornFormat{}.Append(nil, sim.Value{N: int64(k)})
					lines = append(lines, fmt.Sprintf("torn n1 t%d #%d = %s", loss+1, i, value))
				}
			}
		}
		for i := range 20 {
			if rapid.IntRange(0, 3).Draw(t, "slow") == 0 {
				lines = append(lines, fmt.Sprintf("slow-sync n1 #%d = %dns", i, rapid.IntRange(1, 50).Draw(t, "delay")))
			}
		}
		b := newBench(t, Options{SyncLatency: 10}, lines...)
		w := &twin{view: map[string]*twinFile{}, durable: map[string]*twinFile{}}
		b.onDeliver = w.complete
		type pair struct {
			real vfs.File
			twin *twinFile
		}
		var open []pair
		losses := 0
		name := func(label string) string { return rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, label) }
		handle := func() pair {
			if len(open) == 0 {
				t.Skip("no open file")
			}
			return open[max(0, len(open)-rapid.IntRange(1, 3).Draw(t, "handle"))]
		}
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		write := func(t *rapid.T, least int) {
			h := handle()
			off := rapid.Int64Range(0, 50).Draw(t, "offset")
			// Few values, zero among them, so that old and new bytes are often equal by accident.
			p := rapid.SliceOfN(rapid.ByteRange(0, 2), least, least+20).Draw(t, "bytes")
			if rapid.Bool().Draw(t, "append") {
				off = int64(len(h.twin.view))
			}
			_, err := h.real.WriteAt(p, off)
			must(err)
			if len(p) == 0 {
				return // writing nothing extends nothing
			}
			for int64(len(h.twin.view)) < off+int64(len(p)) {
				h.twin.view = append(h.twin.view, 0)
			}
			copy(h.twin.view[off:], p)
		}
		actions := map[string]func(*rapid.T){
			"create": func(t *rapid.T) {
				n := name("name")
				f, err := b.disk.FS().Create(n)
				must(err)
				if w.view[n] == nil {
					w.view[n] = &twinFile{}
				}
				w.view[n].view = nil
				open = append(open, pair{f, w.view[n]})
			},
			"open": func(t *rapid.T) {
				n := name("name")
				f, err := b.disk.FS().Open(n)
				if (err == nil) != (w.view[n] != nil) {
					t.Fatalf("open %s: %v", n, err)
				}
				if err == nil {
					open = append(open, pair{f, w.view[n]})
				}
			},
			"write":       func(t *rapid.T) { write(t, 0) },
			"write large": func(t *rapid.T) { write(t, 600) },
			"write some": func(t *rapid.T) {
				for range rapid.IntRange(2, 6).Draw(t, "writes") {
					write(t, 1)
				}
			},
			"cut and go on": func(t *rapid.T) {
				h := handle()
				size := rapid.IntRange(0, 20).Draw(t, "size")
				must(h.real.Truncate(int64(size)))
				h.twin.truncate(size)
				write(t, 1)
				h.real.Sync(1)
				w.sync(h.twin)
			},
			"settle": func(t *rapid.T) {
				for _, h := range open {
					h.real.Sync(1)
					w.sync(h.twin)
				}
				b.disk.FS().SyncDir(2)
				w.syncDir()
				b.run(time.Second)
			},
			"truncate": func(t *rapid.T) {
				h := handle()
				size := rapid.IntRange(0, 70).Draw(t, "size")
				must(h.real.Truncate(int64(size)))
				h.twin.truncate(size)
			},
			"sync": func(t *rapid.T) {
				h := handle()
				h.real.Sync(1)
				w.sync(h.twin)
			},
			"sync names": func(t *rapid.T) {
				b.disk.FS().SyncDir(2)
				w.syncDir()
			},
			"remove": func(t *rapid.T) {
				n := name("name")
				if err := b.disk.FS().Remove(n); (err == nil) != (w.view[n] != nil) {
					t.Fatalf("remove %s: %v", n, err)
				}
				delete(w.view, n)
			},
			"rename": func(t *rapid.T) {
				from, to := name("from"), name("to")
				if err := b.disk.FS().Rename(from, to); (err == nil) != (w.view[from] != nil) {
					t.Fatalf("rename %s: %v", from, err)
				}
				if f := w.view[from]; f != nil {
					delete(w.view, from)
					w.view[to] = f
				}
			},
			"wait": func(t *rapid.T) { b.run(time.Duration(rapid.IntRange(1, 30).Draw(t, "for"))) },
			"crash": func(t *rapid.T) {
				b.disk.Crash()
				open = nil
			},
			"power loss": func(t *rapid.T) {
				if losses == maxLosses {
					t.Skip("enough power losses")
				}
				b.disk.PowerLoss()
				w.powerLoss(fates[losses][:])
				losses++
				open = nil
			},
			"": func(t *rapid.T) {
				names, err := b.disk.FS().List()
				must(err)
				if want := slices.Sorted(maps.Keys(w.view)); !slices.Equal(names, want) {
					t.Fatalf("names %q, want %q", names, want)
				}
				for _, n := range []string{"a", "b", "c"} {
					compare(t, "view of "+n, w.view[n], (*twinFile).viewBytes)(b.disk.ViewBytes(n))
					compare(t, "durable bytes of "+n, w.durable[n], (*twinFile).durableBytes)(b.disk.DurableBytes(n))
				}
			},
		}
		for range 5 { // longer histories than one repetition makes
			t.Repeat(actions)
		}
	})
}

func (f *twinFile) viewBytes() []byte    { return f.view }
func (f *twinFile) durableBytes() []byte { return f.durable }

func compare(t *rapid.T, what string, f *twinFile, of func(*twinFile) []byte) func([]byte, bool) {
	return func(got []byte, ok bool) {
		if ok != (f != nil) {
			t.Fatalf("%s: there is %v, want %v", what, ok, f != nil)
		}
		if ok && !slices.Equal(got, of(f)) {
			t.Fatalf("%s: %d bytes %x, want %d bytes %x", what, len(got), got, len(of(f)), of(f))
		}
	}
}
