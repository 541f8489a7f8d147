package disk

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"raftsim/internal/fixed"
	"raftsim/raft/vfs"
	"raftsim/sim"
)

// twin is a disk that remembers what was done, and replays it to learn what is durable. Of a power loss it does not say what happens
// but what may. It is slow and obviously right.
type twin struct {
	view, durable map[string]*twinFile
	changes       []twinChange // of names, not durable
	made          int          // how many changes of names ever
	queue         []twinSync   // under way, oldest first
}

type twinFile struct {
	node          *node // the same file on the disk under test
	view, durable []byte
	log           []func([]byte) []byte // what was done since the last sync was submitted, from the size there was then
}

type twinChange struct {
	number   int
	from, to string
	file     *twinFile
}

// twinSync is one sync: of a file, or of the first so many changes of names that there were at its submission.
type twinSync struct {
	fails   bool
	file    *twinFile
	log     []func([]byte) []byte
	size    int
	changes []twinChange
}

func resized(b []byte, size int) []byte {
	b = slices.Clone(b[:min(size, len(b))])
	return append(b, make([]byte, size-len(b))...)
}

func (f *twinFile) do(act func([]byte) []byte) {
	f.view = act(f.view)
	f.log = append(f.log, act)
}

func (f *twinFile) truncate(size int) { f.do(func(b []byte) []byte { return resized(b, size) }) }

func (f *twinFile) write(p []byte, off int) {
	if p = slices.Clone(p); len(p) > 0 {
		f.do(func(b []byte) []byte {
			b = resized(b, max(len(b), off+len(p)))
			copy(b[off:], p)
			return b
		})
	}
}

func (w *twin) sync(f *twinFile, fails bool) {
	w.queue = append(w.queue, twinSync{file: f, log: f.log, size: len(f.view), fails: fails})
	size := len(f.view)
	f.log = []func([]byte) []byte{func(b []byte) []byte { return resized(b, size) }}
}

func (w *twin) syncDir(fails bool) {
	w.queue = append(w.queue, twinSync{changes: slices.Clone(w.changes), fails: fails})
}

func (w *twin) change(c twinChange) {
	w.view = applied(w.view, []twinChange{c})
	w.made++
	c.number = w.made
	w.changes = append(w.changes, c)
}

// applied gives every name of a copy its meaning after some changes.
func applied(names map[string]*twinFile, changes []twinChange) map[string]*twinFile {
	names = maps.Clone(names)
	for _, c := range changes {
		delete(names, c.from)
		if c.to != "" {
			maps.DeleteFunc(names, func(_ string, f *twinFile) bool { return f == c.file })
			names[c.to] = c.file
		}
	}
	return names
}

// complete makes the oldest sync happen.
func (w *twin) complete() {
	s := w.queue[0]
	w.queue = w.queue[1:]
	if s.file != nil {
		if !s.fails {
			b := s.file.durable
			for _, act := range s.log {
				b = act(b)
			}
			s.file.durable = resized(b, s.size)
		}
		return
	}
	still := func(c twinChange) bool { return slices.Contains(w.changes, c) }
	covered := slices.DeleteFunc(s.changes, func(c twinChange) bool { return !still(c) })
	if !s.fails {
		w.durable = applied(w.durable, covered)
		w.changes = w.changes[len(covered):]
	}
}

// surviving lists what sets of changes may survive: with a change all earlier ones about one of its names.
func (w *twin) surviving() (all [][]twinChange) {
	shares := func(a, b twinChange) bool {
		for _, n := range []string{a.from, a.to} {
			if n != "" && (n == b.from || n == b.to) {
				return true
			}
		}
		return false
	}
sets:
	for mask := range 1 << len(w.changes) {
		var set []twinChange
		for i, c := range w.changes {
			if mask>>i&1 == 0 {
				continue
			}
			for k, earlier := range w.changes[:i] {
				if mask>>k&1 == 0 && shares(c, earlier) {
					continue sets
				}
			}
			set = append(set, c)
		}
		all = append(all, set)
	}
	return all
}

// may says whether a power loss can leave these bytes of a file: every sector is old or new, one may be torn, and behind the old end
// there may be anything where nothing survived.
func (f *twinFile) may(left []byte, sector int, exact bool) bool {
	if slices.Equal(left, f.durable) {
		return true
	}
	if exact || len(left) > max(len(f.view), len(f.durable)) {
		return false
	}
	if len(left) < len(f.durable) && len(left) != len(f.view) || len(left) > len(f.durable) && len(left)%sector != 0 && len(left) != len(f.view) {
		return false
	}
	torn := 0
	for from := 0; from < len(left); from += sector {
		to := min(from+sector, len(left))
		old, fresh := 0, 0 // of the bytes below the durable end
		for i := from; i < to && i < len(f.durable); i++ {
			if o, n := left[i] == f.durable[i], i < len(f.view) && left[i] == f.view[i]; !o && !n {
				return false
			} else if o && !n {
				old++
			} else if n && !o {
				fresh++
			}
		}
		if old > 0 && fresh > 0 {
			torn++
		}
	}
	return torn <= 1
}

// busyBench has every fault that leaves reads alone, as noise.
func busyBench(t fataler, seed uint64) *bench {
	b := newBench(t, Options{SyncLatency: 10, SectorSize: 16})
	draw := draws()
	if err := b.fates.Reset(sim.FatesConfig{Vocabulary: vocabulary(t), CheckOnce: true, Noisy: true, Seed: seed, Noise: func(p sim.Purpose) sim.Noise {
		switch p {
		case Torn, Names, Landed:
			return sim.Noise{Chance: sim.Ratio{Num: 3, Den: 4}, Draw: draw[p-Torn]}
		case SlowSync:
			return sim.Noise{Chance: sim.Ratio{Num: 1, Den: 4}, Draw: DrawSlowSync(1, 50)}
		case SyncFails:
			return sim.Noise{Chance: sim.Ratio{Num: 1, Den: 8}, Draw: DrawSyncFails}
		case NoSpace:
			return sim.Noise{Chance: sim.Ratio{Num: 1, Den: 8}, Draw: DrawSpace(40, 10, 100)}
		}
		return sim.Noise{}
	}}); err != nil {
		t.Fatal(err)
	}
	return b
}

// Whatever a process writes, syncs, cuts and renames, however its life ends, the disk holds what the twin holds: the bytes of a
// sync are those of its submission, names and bytes are durable apart, what a failed sync covered is forgotten, and a power loss leaves
// one of the states that it may leave.
func TestDiskEqualsTwin(t *testing.T) {
	var reached Stats
	property := func(t *rapid.T) {
		b := busyBench(t, rapid.Uint64().Draw(t, "seed"))
		w := &twin{view: map[string]*twinFile{}, durable: map[string]*twinFile{}}
		b.onDeliver = w.complete
		var seen watch
		type pair struct {
			real vfs.File
			twin *twinFile
		}
		var open []pair
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
		fails := func(submit func()) bool {
			before := b.disk.Stats().SyncsFailed
			submit()
			return b.disk.Stats().SyncsFailed > before
		}
		sync := func(h pair) { w.sync(h.twin, fails(func() { h.real.Sync(1) })) }
		syncDir := func() { w.syncDir(fails(func() { b.disk.FS().SyncDir(2) })) }
		full := func(err error) bool {
			if err != nil && !errors.Is(err, ErrNoSpace) {
				t.Fatal(err)
			}
			return err != nil
		}
		write := func(t *rapid.T, least int) {
			h := handle()
			off := rapid.IntRange(0, 50).Draw(t, "offset")
			// Few values, zero among them, so that old and new bytes are often equal by accident.
			p := rapid.SliceOfN(rapid.ByteRange(0, 2), least, least+20).Draw(t, "bytes")
			if rapid.Bool().Draw(t, "append") {
				off = len(h.twin.view)
			}
			n, err := h.real.WriteAt(p, int64(off))
			if full(err) != (n < len(p)) {
				t.Fatalf("wrote %d of %d: %v", n, len(p), err)
			}
			h.twin.write(p[:n], off)
		}
		actions := map[string]func(*rapid.T){
			"create": func(t *rapid.T) {
				n := name("name")
				f, err := b.disk.FS().Create(n)
				if full(err) {
					if w.view[n] != nil {
						t.Fatalf("no space to empty %s", n)
					}
					return
				}
				if w.view[n] == nil {
					w.change(twinChange{to: n, file: &twinFile{node: f.(*file).node}})
				} else {
					w.view[n].truncate(0)
				}
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
			"write large": func(t *rapid.T) { write(t, 100) },
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
				sync(h)
			},
			"settle": func(t *rapid.T) {
				for _, h := range open {
					sync(h)
				}
				syncDir()
				b.run(time.Second)
			},
			"truncate": func(t *rapid.T) {
				h := handle()
				size := rapid.IntRange(0, 70).Draw(t, "size")
				must(h.real.Truncate(int64(size)))
				h.twin.truncate(size)
			},
			"sync":       func(t *rapid.T) { sync(handle()) },
			"sync names": func(t *rapid.T) { syncDir() },
			"stall": func(t *rapid.T) {
				b.disk.Stall(b.kernel.Now().Add(time.Duration(rapid.IntRange(1, 60).Draw(t, "for"))))
			},
			"remove": func(t *rapid.T) {
				n := name("name")
				if err := b.disk.FS().Remove(n); (err == nil) != (w.view[n] != nil) {
					t.Fatalf("remove %s: %v", n, err)
				}
				if f := w.view[n]; f != nil {
					w.change(twinChange{from: n, file: f})
				}
			},
			"rename": func(t *rapid.T) {
				from, to := name("from"), name("to")
				if err := b.disk.FS().Rename(from, to); (err == nil) != (w.view[from] != nil) {
					t.Fatalf("rename %s: %v", from, err)
				}
				if f := w.view[from]; f != nil && from != to {
					w.change(twinChange{from: from, to: to, file: f})
				}
			},
			"wait": func(t *rapid.T) { b.run(time.Duration(rapid.IntRange(1, 30).Draw(t, "for"))) },
			"crash": func(t *rapid.T) {
				b.disk.Crash()
				open = nil
			},
			"wipe": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "really") > 0 {
					t.Skip("rarely")
				}
				b.disk.Wipe()
				*w = twin{view: map[string]*twinFile{}, durable: map[string]*twinFile{}}
				open = nil
			},
			"power loss": func(t *rapid.T) {
				if len(w.changes) > 10 {
					t.Skip("too many sets of changes")
				}
				w.powerLoss(t, b)
				open = nil
			},
			"": func(t *rapid.T) {
				seen.look(t, b.disk)
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
		stats := b.disk.Stats()
		reached.Add(&stats)
	}
	fixed.Check(t, 100, property)
	for name, count := range map[string]uint64{
		"lost and kept": min(reached.BytesLost, reached.BytesKept), "torn sectors": reached.TornSectors, "holes": reached.Holes,
		"sizes apart": reached.SizesApart, "filled": reached.BytesFilled, "names": min(reached.NamesLost, reached.NamesKept),
		"syncs lost and landed": min(reached.SyncsLost, reached.SyncsLanded), "failed syncs": reached.SyncsFailed, "slow": reached.SlowSyncs,
		"stalled": reached.StalledSyncs, "short writes": reached.ShortWrites, "wipes": reached.Wipes,
	} {
		if count < 10 {
			t.Errorf("%s: %d in all histories", name, count)
		}
	}
	if !t.Failed() {
		rapid.Check(t, property)
	}
}

// powerLoss checks that what is left may be, and goes on from there.
// watch remembers what was durable, and holds what the disk says of changes since against it.
type watch struct {
	changes uint64
	names   []string
	bytes   []string
}

func (w *watch) look(t *rapid.T, d *Disk) {
	now := watch{changes: d.DurableChanges()}
	for i := range d.DurableFiles() {
		name, bytes := d.DurableFile(i)
		now.names, now.bytes = append(now.names, name), append(now.bytes, string(bytes))
	}
	same := slices.Equal(now.names, w.names)
	if now.changes == w.changes && (!same || !slices.Equal(now.bytes, w.bytes)) {
		t.Fatalf("what is durable has changed, and still it was changed %d times", now.changes)
	}
	for i := range now.names {
		if d.OtherChanges(i) > w.changes {
			continue
		}
		for k := range now.names {
			if !same || k != i && now.bytes[k] != w.bytes[k] {
				t.Fatalf("%q was not all that has changed between changes %d and %d", now.names[i], w.changes, now.changes)
			}
		}
	}
	*w = now
}

func (w *twin) powerLoss(t *rapid.T, b *bench) {
	departed := func(p sim.Purpose) uint64 { return b.fates.Counts(p).Departed }
	torn, names, landed := departed(Torn), departed(Names), departed(Landed)
	b.disk.PowerLoss()
	calmTorn, calmNames, calmLanded := departed(Torn) == torn, departed(Names) == names, departed(Landed) == landed
	w.view = maps.Clone(w.view)
	for {
		if w.loses(b, calmTorn, calmNames) {
			return
		}
		if calmLanded || len(w.queue) == 0 {
			t.Fatalf("the power loss left what it cannot: calm are torn %v, names %v, landed %v", calmTorn, calmNames, calmLanded)
		}
		w.complete()
	}
}

// loses says whether the state of the disk is one that a power loss may leave, if no sync under way landed, and makes it the twin's.
func (w *twin) loses(b *bench, calmTorn, calmNames bool) bool {
	for _, set := range w.surviving() {
		if calmNames && len(set) > 0 {
			continue
		}
		durable := applied(w.durable, set)
		fits := len(durable) == len(b.disk.durable)
		for _, e := range b.disk.durable {
			f := durable[e.name]
			fits = fits && f != nil && f.node == e.node && f.may(e.node.durable, int(b.disk.sector), calmTorn)
		}
		if !fits {
			continue
		}
		for _, f := range durable {
			f.durable = slices.Clone(f.node.durable)
			f.view, f.log = slices.Clone(f.durable), nil
		}
		w.durable, w.view, w.changes, w.queue = durable, maps.Clone(durable), nil, nil
		return true
	}
	return false
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

// The check of power losses bites: it refuses what no power loss leaves.
func TestTwinRefuses(t *testing.T) {
	f := &twinFile{view: []byte("NEW2NEW2NEW2NEW2n"), durable: []byte("OLD1OLD1OLD1OLD1")}
	for _, tt := range []struct {
		left string
		want bool
	}{
		{"OLD1OLD1OLD1OLD1", true},
		{"NEW2NEW2NEW2NEW2n", true},
		{"NEW2OLD1OLD1OLD1", true},
		{"OLD1OLD1OLD1OLD1n", true},
		{"OLD1OLD1OLD1OLD1\x00", true},
		{"OLD1NEW3OLD1OLD1", false},
		{"OLD1OLD1OLD1", false},
		{"OLD1OLD1OLD1OLD1nn", false},
		{"", false},
	} {
		if got := f.may([]byte(tt.left), 16, false); got != tt.want {
			t.Errorf("%q may be left: %v, want %v", tt.left, got, tt.want)
		}
	}
	w := &twin{view: map[string]*twinFile{}, durable: map[string]*twinFile{}}
	g := &twinFile{}
	w.change(twinChange{to: "a", file: f})
	w.change(twinChange{from: "a", to: "b", file: f})
	w.change(twinChange{to: "c", file: g})
	var got []string
	for _, set := range w.surviving() {
		got = append(got, fmt.Sprint(slices.Sorted(maps.Keys(applied(w.durable, set)))))
	}
	if want := []string{"[]", "[a]", "[b]", "[c]", "[a c]", "[b c]"}; !slices.Equal(got, want) {
		t.Errorf("left may be %v, want %v", got, want)
	}
}
