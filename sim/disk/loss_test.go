package disk

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"raftsim/raft/vfs"
	"raftsim/sim"
)

// A file of 24 durable bytes 'a' with sectors of 16 bytes grows by 40 bytes 'b': unsynced are half of the second sector and two more,
// 8 + 16 + 16. The fate says which survive, what the size is, and what is where none did.
func TestSubsetsOfSectors(t *testing.T) {
	for _, tt := range []struct {
		value string
		want  string // runs: count and byte, zeros as z, what another file left as s
	}{
		{"calm", "24a"},
		{"sectors 300", "24a 8b"},
		{"hole 1", "24a 8z 32b"},
		{"hole 500", "24a 8b 16z 16b"},
		{"hole 999", "24a 24b"},
		{"survivor 1", "24a 8b"},
		{"survivor 500", "24a 8z 16b"},
		{"survivor 999", "24a 24z 16b"},
		{"mask 5", "24a 8b 16z 16b"},
		{"mask 6", "24a 8z 32b"},
		{"mask f8", "24a"},
		{"mask 7", "24a 40b"},
		{"all", "24a 40b"},
		{"all old", "24a"},
		{"mask 5 old", "24a"},
		{"none new", "24a 40z"},
		{"survivor 1 new", "24a 8b 32z"},
		{"bytes 500 new", "24a 20b 20z"},
		{"hole 500 stale 9", "24a 8b 16s 16b"},
		{"survivor 1 new stale 9", "24a 8b 32s"},
		{"survivor 1 stale 9", "24a 8b"},
	} {
		t.Run(tt.value, func(t *testing.T) {
			b := newBench(t, Options{SectorSize: 16}, "torn n1 t1 #0 = "+tt.value)
			b.durable("other", strings.Repeat("s", 100))
			f := b.durable("log", strings.Repeat("a", 24))
			b.write(f, strings.Repeat("b", 40), 24)
			b.disk.PowerLoss()
			if got := runs(b.view("log")); got != tt.want {
				t.Errorf("left %s, want %s", got, tt.want)
			}
			s := b.disk.Stats()
			if kept := strings.Count(b.view("log"), "b"); int(s.BytesKept) != kept || s.BytesKept+s.BytesLost != 40 {
				t.Errorf("%d bytes are left of 40, but counts are %+v", kept, s)
			}
			for what, c := range map[string][2]bool{
				"hole": {s.Holes == 1, strings.Contains(tt.want, "z 32b") || strings.Contains(tt.want, " 16b") || strings.Contains(tt.want, "z 16b")},
				"size": {s.SizesApart == 1, strings.Contains(tt.value, "new") || tt.value == "all old" || tt.value == "mask 5 old"},
				"fill": {s.BytesFilled == uint64(strings.Count(b.view("log"), "s")), true},
			} {
				if c[0] != c[1] {
					t.Errorf("%s: counts %+v", what, s)
				}
			}
			if b.fates.Hits(0) != 1 {
				t.Error("the fate was never asked")
			}
		})
	}
}

// Garbage is where data was lost behind the durable end, follows the pattern, and is nowhere else.
func TestGarbage(t *testing.T) {
	left := func(pattern string) string {
		b := newBench(t, Options{SectorSize: 16}, "torn n1 t1 #0 = hole 999 new garbage "+pattern)
		f := b.durable("log", strings.Repeat("a", 16))
		b.write(f, strings.Repeat("b", 32), 16)
		b.disk.PowerLoss()
		if got := b.disk.Stats().BytesFilled; got != 16 {
			t.Errorf("%d bytes of garbage, want 16", got)
		}
		return b.view("log")
	}
	one, two := left("1"), left("2")
	if one[:32] != strings.Repeat("a", 16)+strings.Repeat("b", 16) || len(one) != 48 || one[32:] == two[32:] || strings.Contains(one[32:], "bbb") {
		t.Errorf("left %q and %q", one, two)
	}
	if again := left("1"); again != one {
		t.Errorf("left %q, then %q", one, again)
	}
}

// A smaller size survives apart from the bytes, too.
func TestShrunkSizes(t *testing.T) {
	for value, want := range map[string]string{
		"calm": "16a 16a", "all": "16b 4a", "all old": "16b 16a", "none new": "16a 4a", "survivor 1": "16b 16a", "survivor 1 new": "16b 4a",
	} {
		b := newBench(t, Options{SectorSize: 16}, "torn n1 t1 #0 = "+value)
		f := b.durable("log", strings.Repeat("a", 32))
		b.write(f, strings.Repeat("b", 16), 0)
		if err := f.Truncate(20); err != nil {
			t.Fatal(err)
		}
		b.disk.PowerLoss()
		left := b.view("log")
		if got := runs(left[:16]) + " " + runs(left[16:]); got != want {
			t.Errorf("%s left %s, want %s", value, got, want)
		}
	}
}

// The usual way to replace a file: write a new one, sync it, rename it, sync the names. Whatever survives of the names, there is
// the old file or the new one.
func TestNamesAtPowerLoss(t *testing.T) {
	replace := func(b *bench) {
		b.create("tmp", "new").Sync(1)
		b.settle()
		_ = b.disk.FS().Rename("tmp", "file")
		_ = b.disk.FS().Remove("junk")
	}
	for _, tt := range []struct {
		value string
		want  string
	}{
		{"calm", "file=old junk=x tmp=(none)"},
		{"all", "file=new junk=(none) tmp=(none)"},
		{"first 300", "file=old junk=x tmp=new"},
		{"first 500", "file=new junk=x tmp=(none)"},
		{"hole 1", "file=old junk=(none) tmp=(none)"}, // the rename builds on the creation
		{"hole 500", "file=old junk=(none) tmp=new"},
		{"hole 999", "file=new junk=x tmp=(none)"},
		{"survivor 1", "file=old junk=x tmp=new"},
		{"survivor 500", "file=new junk=x tmp=(none)"}, // and brings it along
		{"survivor 999", "file=old junk=(none) tmp=(none)"},
		{"mask 5", "file=old junk=(none) tmp=new"},
		{"mask 6", "file=old junk=(none) tmp=(none)"},
	} {
		t.Run(tt.value, func(t *testing.T) {
			b := newBench(t, Options{}, "names n1 t1 = "+tt.value)
			b.durable("file", "old")
			b.durable("junk", "x")
			replace(b)
			b.disk.PowerLoss()
			if got := fmt.Sprintf("file=%s junk=%s tmp=%s", b.view("file"), b.view("junk"), b.view("tmp")); got != tt.want {
				t.Errorf("left %s\nwant %s", got, tt.want)
			}
			if s := b.disk.Stats(); s.NamesKept+s.NamesLost != 3 || (s.NamesKept > 0) != (tt.value != "calm" && tt.want != "file=old junk=x tmp=(none)") || b.fates.Hits(0) != 1 {
				t.Errorf("counts %+v", s)
			}
		})
	}
}

// What reached the disk although nobody was told: the oldest syncs under way.
func TestLanded(t *testing.T) {
	for value, want := range map[string]string{
		"calm": "one (none)", "first 300": "one,two (none)", "first 600": "one,two x", "all": "one,two,three x",
	} {
		b := newBench(t, Options{SyncLatency: 10}, "landed n1 t1 = "+value)
		f := b.durable("log", "one")
		b.create("new", "x").Sync(1)
		b.settle()
		b.write(f, ",two", 3)
		f.Sync(3)
		b.disk.FS().SyncDir(4)
		b.write(f, ",three", 7)
		f.Sync(5)
		b.write(f, ",four", 13)
		b.disk.PowerLoss()
		if got := b.view("log") + " " + b.view("new"); got != want {
			t.Errorf("%s left %q, want %q", value, got, want)
		}
		if got := b.settle(); len(got) != 0 || b.lost != 3 {
			t.Errorf("%s: completions %v, %d void", value, got, b.lost)
		}
		if s := b.disk.Stats(); s.SyncsLanded+s.SyncsLost != 3 || (s.SyncsLanded > 0) != (value != "calm") || b.fates.Hits(0) != 1 {
			t.Errorf("%s: counts %+v", value, s)
		}
	}
}

func TestWipe(t *testing.T) {
	b := newBench(t, Options{SyncLatency: 10})
	f := b.durable("log", "one")
	f.Sync(3)
	b.disk.Wipe()
	if names, err := b.disk.FS().List(); len(names) != 0 || err != nil {
		t.Errorf("names %q, %v", names, err)
	}
	if _, err := f.WriteAt([]byte("x"), 0); err == nil {
		t.Error("the process outlived its disk")
	}
	b.durable("new", "two")
	b.disk.PowerLoss()
	b.wantView("new", "two")
	b.wantView("log", "(none)")
	if s := b.disk.Stats(); s.Wipes != 1 || s.SyncsLost != 1 || b.lost != 1 {
		t.Errorf("counts %+v, %d lost", s, b.lost)
	}
}

// Every value of an enumeration is tried, and the states it leaves are all the twin knows of: each set of whole sectors under each
// size, each set of changes of names that is closed, each number of landed syncs.
func TestEnumerationReachesEveryState(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(b *bench, w *twin)
		want int
	}{
		{"grown over four sectors", func(b *bench, w *twin) { act(b, w, "durable a 20", "write a 20 40") }, 1 + 8},
		{"overwritten", func(b *bench, w *twin) { act(b, w, "durable a 40", "write a 0 40") }, 8},
		{"shrunk", func(b *bench, w *twin) { act(b, w, "durable a 40", "truncate a 5") }, 2},
		{"overwritten and shrunk", func(b *bench, w *twin) { act(b, w, "durable a 40", "write a 0 40", "truncate a 18") }, 2 * 4},
		{"six sectors", func(b *bench, w *twin) { act(b, w, "durable a 96", "write a 0 96") }, 64},
		{"replaced", func(b *bench, w *twin) {
			act(b, w, "durable a 4", "create t", "write t 0 4", "sync t", "settle", "rename t a")
		}, 3},
		{"three independent names", func(b *bench, w *twin) {
			act(b, w, "durable a 4", "create b", "create c", "remove a")
		}, 8},
		{"names under way", func(b *bench, w *twin) {
			act(b, w, "create a", "names", "create b", "names", "create c")
		}, 8},
		{"syncs under way", func(b *bench, w *twin) {
			act(b, w, "durable a 8", "write a 0 8", "sync a", "write a 0 4", "write a 16 4", "sync a", "write a 0 8")
		}, 10},
		{"files and names", func(b *bench, w *twin) {
			act(b, w, "durable a 8", "write a 0 8", "create b", "write b 0 20", "sync b", "settle", "write b 0 20")
		}, 2 + 2*4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run := func(lines ...string) (*bench, *twin) {
				b := newBench(t, Options{SyncLatency: 10, SectorSize: 16}, lines...)
				w := &twin{view: map[string]*twinFile{}, durable: map[string]*twinFile{}}
				b.onDeliver = w.complete
				tt.do(b, w)
				return b, w
			}
			b, w := run()
			possible := w.possible(16)
			_, names, syncs := b.disk.Exposed(nil)
			reached := map[string]bool{}
			v := vocabulary(t)
			key := func(p sim.Purpose, ordinal uint32) sim.Key {
				return sim.MakeKey(p, sim.Subject{A: owner, Epoch: 1, Ordinal: ordinal})
			}
			// A file may get its name, or its bytes, from what lands and survives: so all subsets of more sectors than it has.
			sectors := 3
			switch tt.name {
			case "six sectors":
				sectors = 6
			case "files and names":
				sectors = 2
			}
			torn := TornValues(nil, Exposed{Sectors: sectors, Inside: sectors, Resized: true})
			for _, land := range LandedValues(nil, syncs) {
				for _, name := range NameValues(nil, names) {
					for _, first := range torn {
						for _, second := range torn {
							if !second.Calm() && !strings.Contains(tt.name, "files and") {
								continue
							}
							var lines []string
							for _, d := range []sim.Disturbance{{Key: key(Landed, 0), Value: land}, {Key: key(Names, 0), Value: name},
								{Key: key(Torn, 0), Value: first}, {Key: key(Torn, 1), Value: second}} {
								if !d.Value.Calm() {
									lines = append(lines, v.Line(d))
								}
							}
							b, _ := run(lines...)
							b.disk.PowerLoss()
							reached[contents(b)] = true
							if !possible[contents(b)] {
								t.Fatalf("%q leave %q, which is not possible", lines, contents(b))
							}
						}
					}
				}
			}
			for state := range possible {
				if !reached[state] {
					t.Errorf("never left: %q", state)
				}
			}
			if len(possible) != tt.want {
				t.Errorf("%d states are possible, want %d: %q", len(possible), tt.want, slices.Sorted(maps.Keys(possible)))
			}
		})
	}
}

// Exposed says what an enumeration of one moment needs: its values alone reach every state, none twice, while no sync is under way.
func TestExposedValuesAreEnoughAndDistinct(t *testing.T) {
	history := func(b *bench) {
		w := &twin{view: map[string]*twinFile{}, durable: map[string]*twinFile{}}
		b.onDeliver = w.complete
		act(b, w, "durable a 20", "durable b 8", "durable c 8", "write a 20 20", "write c 0 8", "create d")
	}
	b := newBench(t, Options{SyncLatency: 10, SectorSize: 16})
	history(b)
	files, names, syncs := b.disk.Exposed(nil)
	if want := []Exposed{{Ordinal: 0, Sectors: 2, Resized: true}, {Ordinal: 1, Sectors: 1, Inside: 1}}; !slices.Equal(files, want) || names != 1 || syncs != 0 {
		t.Fatalf("exposed %+v, %d names, %d syncs", files, names, syncs)
	}
	v := vocabulary(t)
	states := map[string]string{}
	for _, first := range TornValues(nil, files[0]) {
		for _, second := range TornValues(nil, files[1]) {
			lines := []string{
				v.Line(sim.Disturbance{Key: sim.MakeKey(Torn, sim.Subject{A: owner, Epoch: 1}), Value: first}),
				v.Line(sim.Disturbance{Key: sim.MakeKey(Torn, sim.Subject{A: owner, Epoch: 1, Ordinal: 1}), Value: second}),
			}
			b := newBench(t, Options{SyncLatency: 10, SectorSize: 16}, lines...)
			history(b)
			b.disk.PowerLoss()
			state, text := contents(b), strings.Join(lines, "; ")
			if other, ok := states[state]; ok {
				t.Errorf("%s and %s leave one state", other, text)
			}
			states[state] = text
		}
	}
	if len(states) != (1+4)*2 {
		t.Errorf("%d states, want 10", len(states))
	}
	for _, count := range []int{0, 1, 6, 7, 40, 2000} {
		seen := map[sim.Value]bool{}
		for _, value := range NameValues(nil, count) {
			if text := string(NamesFormat{}.Append(nil, value)); seen[value] || text == "?" {
				t.Errorf("of %d changes, %q twice", count, text)
			}
			seen[value] = true
		}
		if count > allSubsets && count < 100 && len(seen) != 2+count-1+2*count {
			t.Errorf("%d values for %d changes", len(seen), count)
		}
	}
}

// act does the same to a disk and its twin: OPERATION FILE NUMBERS.
func act(b *bench, w *twin, steps ...string) {
	b.t.Helper()
	fill := byte(0)
	must := func(err error) {
		b.t.Helper()
		if err != nil {
			b.t.Fatal(err)
		}
	}
	open := func(name string) vfs.File {
		f, err := b.disk.FS().Open(name)
		must(err)
		return f
	}
	create := func(name string) {
		f, err := b.disk.FS().Create(name)
		must(err)
		w.change(twinChange{to: name, file: &twinFile{node: f.(*file).node}})
	}
	write := func(name string, off, count int) {
		fill++
		p := slices.Repeat([]byte{'a' + fill}, count)
		_, err := open(name).WriteAt(p, int64(off))
		must(err)
		w.view[name].write(p, off)
	}
	sync := func(name string) { open(name).Sync(1); w.sync(w.view[name], false) }
	names := func() { b.disk.FS().SyncDir(2); w.syncDir(false) }
	for _, step := range steps {
		var op, name, to string
		var x, y int
		_, _ = fmt.Sscan(step, &op, &name)
		switch op {
		case "durable":
			_, _ = fmt.Sscan(step, &op, &name, &x)
			create(name)
			write(name, 0, x)
			sync(name)
			names()
			b.settle()
		case "create":
			create(name)
		case "write":
			_, _ = fmt.Sscan(step, &op, &name, &x, &y)
			write(name, x, y)
		case "truncate":
			_, _ = fmt.Sscan(step, &op, &name, &x)
			must(open(name).Truncate(int64(x)))
			w.view[name].truncate(x)
		case "sync":
			sync(name)
		case "names":
			names()
		case "settle":
			b.settle()
		case "remove":
			must(b.disk.FS().Remove(name))
			w.change(twinChange{from: name, file: w.view[name]})
		case "rename":
			_, _ = fmt.Sscan(step, &op, &name, &to)
			must(b.disk.FS().Rename(name, to))
			w.change(twinChange{from: name, to: to, file: w.view[name]})
		default:
			b.t.Fatalf("unknown step %q", step)
		}
	}
}

// contents renders the names and bytes a process sees.
func contents(b *bench) string {
	var out strings.Builder
	for _, e := range b.disk.view {
		fmt.Fprintf(&out, "%s=%s ", e.name, runs(string(e.node.view)))
	}
	return out.String()
}

// possible lists what a power loss may leave, of whole sectors with zeros where none survived.
func (w *twin) possible(sector int) map[string]bool {
	all := map[string]bool{}
	for {
		for _, set := range w.surviving() {
			texts := []string{""}
			durable := applied(w.durable, set)
			for _, name := range slices.Sorted(maps.Keys(durable)) {
				var longer []string
				for _, text := range texts {
					for left := range durable[name].possible(sector) {
						longer = append(longer, text+name+"="+runs(left)+" ")
					}
				}
				texts = longer
			}
			for _, text := range texts {
				all[text] = true
			}
		}
		if len(w.queue) == 0 {
			return all
		}
		w.complete()
	}
}

func (f *twinFile) possible(sector int) map[string]bool {
	all := map[string]bool{}
	size := max(len(f.view), len(f.durable))
	count := (size + sector - 1) / sector
	for mask := range 1 << count {
		b := resized(f.durable, size)
		for i := range size {
			if mask>>(i/sector)&1 == 1 && i < len(f.view) {
				b[i] = f.view[i]
			}
		}
		all[string(b[:len(f.durable)])] = true
		all[string(b[:len(f.view)])] = true
	}
	return all
}
