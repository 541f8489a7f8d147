package disk

import (
	"math"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"raftsim/sim"
)

func TestLinesRoundTrip(t *testing.T) {
	v := vocabulary(t)
	for _, line := range []string{
		"torn n1 t1 #0 = all",
		"torn n1 t1 #0 = all old",
		"torn n2 t3 #1 = bytes 1",
		"torn n2 t3 #1 = bytes 999",
		"torn n2 t3 #1 = sectors 250",
		"torn n2 t3 #1 ~400 = sectors 999",
		"torn n2 t3 #1 = sectors 999 new garbage 0",
		"torn n2 t3 #1 = hole 250",
		"torn n2 t3 #1 = hole 250 old",
		"torn n2 t3 #1 = survivor 999 new",
		"torn n2 t3 #1 = random 8f3a garbage 5e",
		"torn n2 t3 #1 = random 7fffffffffffffff",
		"torn n2 t3 #1 = mask 2b",
		"torn n2 t3 #1 = mask fffffffffffffff new stale ffffffff",
		"torn n2 t3 #1 = none new",
		"torn n2 t3 #1 = none new stale 7",
		"torn n2 t3 #1 = calm",
		"slow-sync n3 #17 = 1.5s",
		"slow-sync n3 #17 = calm",
		"names n1 t2 = all",
		"names n1 t2 = first 500",
		"names n1 t2 = hole 1",
		"names n1 t2 = survivor 1",
		"names n1 t2 = mask 5",
		"names n1 t2 = random 1",
		"landed n1 t2 = all",
		"landed n1 t2 = first 500",
		"sync-fails n1 #3 = yes",
		"no-space n1 #3 = after 0 for 300ms",
		"no-space n1 #3 = after 200 for 1ns",
		"lost-write n1 #3 = 1",
		"misdirected n1 #3 = 250 to 700",
		"rot n1 t2 = 250 bits 1f",
		"rot n1 t2 = 999 bits ffffffffffffffff",
		"unreadable n1 t2 = 999",
		"freeze n1 t1 = 17",
	} {
		d, err := v.ParseLine(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if got := v.Line(d); got != line {
			t.Errorf("%q prints as %q", line, got)
		}
		if err := v.CheckValue(d); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// One meaning has one text.
func TestFormatsAreStrict(t *testing.T) {
	for _, tt := range []struct {
		format sim.ValueFormat
		texts  []string
	}{
		{TornFormat{}, []string{
			"", "none", "none old", "none garbage 1", "bytes", "bytes 0", "bytes 1000", "bytes -1", "bytes 07", "bytes 1 2", "sectors 1000",
			"halves 3", "all 1", "all new", "all garbage 1", "500", "hole 0", "survivor 1000", "mask 0", "mask 1000000000000000", "mask 2B",
			"random 0", "random -1", "random 8000000000000000", "hole 1 old garbage 1", "hole 1 new old", "hole 1 garbage", "hole 1 garbage 100000000",
			"hole 1 garbage 1 stale 1", "first 1", " all", "all ", "hole  1",
		}},
		{NamesFormat{}, []string{"", "none", "sectors 1", "bytes 1", "first 0", "first 1000", "all old", "mask 0", "random 0", "all "}},
		{LandedFormat{}, []string{"", "mask 1", "hole 1", "first 0", "first 1000", "all 1"}},
		{SpaceFormat{}, []string{"", "after -1 for 1s", "after 1 for 0s", "after 1", "for 1s", "after 1 for 1s now", "after 1 for 1000ms"}},
		{MisdirectedFormat{}, []string{"", "1", "0 to 1", "1 to 0", "1000 to 1", "1 to 1000", "1 to 2 to 3", "01 to 2"}},
		{RotFormat{}, []string{"", "1", "0 bits 1", "1000 bits 1", "1 bits 0", "1 bits", "1 bits 1F"}},
		{numberFormat{most: 999, form: "a number"}, []string{"", "0", "1000", "-1", "+1", "01"}},
	} {
		for _, s := range tt.texts {
			if v, err := tt.format.Parse(s); err == nil {
				t.Errorf("%T: %q parses as %+v", tt.format, s, v)
			}
		}
		if v, err := tt.format.Parse("calm"); err != nil || !v.Calm() || string(tt.format.Append(nil, v)) != "calm" {
			t.Errorf("%T: calm parses as %+v, %v", tt.format, v, err)
		}
	}
}

// A value prints and parses back to itself, or does not parse: so overrides that mean nothing are refused.
func TestEveryValueRoundTripsOrIsRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.OneOf(rapid.Int64Range(-2, 4100), rapid.Int64(), rapid.Int64Range(int64(maskBase)-1, int64(maskBase)+9), rapid.Just(int64(math.MinInt64)))
		v := sim.Value{N: number.Draw(t, "n"), At: rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, 1<<10), rapid.Int64()).Draw(t, "at")}
		if rapid.IntRange(0, 3).Draw(t, "timed") == 0 {
			v.For = rapid.Int64().Draw(t, "for")
		}
		for _, s := range Specs() {
			if s.Value == (sim.DelayFormat{}) || s.Value == (sim.FlagFormat{}) {
				continue // of another package
			}
			text := string(s.Value.Append(nil, v))
			back, err := s.Value.Parse(text)
			if err == nil && back != v {
				t.Fatalf("%s: %+v prints as %q, which is %+v", s.Name, v, text, back)
			}
			if err != nil && text != "?" {
				t.Fatalf("%s: %+v prints as %q, which is refused: %v", s.Name, v, text, err)
			}
		}
	})
}

func draws() []func(*sim.Words) sim.Value {
	const least, most = 3 * time.Millisecond, 100 * time.Millisecond
	return []func(*sim.Words) sim.Value{
		DrawTorn, DrawSlowSync(least, most), DrawNames, DrawLanded, DrawSyncFails, DrawSpace(1000, least, most), DrawLostWrite, DrawMisdirected,
		DrawRot, DrawUnreadable, DrawFreeze(100),
	}
}

// Every value that noise makes is a departure, prints, and parses back to itself.
func TestDrawsAreLegal(t *testing.T) {
	specs := Specs()
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		for i, draw := range append(draws(), DrawTornPrefix) {
			spec := specs[i%len(specs)]
			w := sim.KeyedWords(seed, sim.MakeKey(spec.Purpose, sim.Subject{A: 1}))
			v := draw(&w)
			text := string(spec.Value.Append(nil, v))
			if back, err := spec.Value.Parse(text); err != nil || back != v || v.Calm() {
				t.Fatalf("%s: drew %+v, printed %q, parsed %+v, %v", spec.Name, v, text, back, err)
			}
			if v.For != 0 && (v.For < int64(3*time.Millisecond) || v.For > int64(100*time.Millisecond)) {
				t.Fatalf("%s: drew a length of %v", spec.Name, time.Duration(v.For))
			}
			if spec.Purpose == Freeze && v.N > 100 {
				t.Fatalf("drew a freeze before change %d", v.N)
			}
		}
	})
}

// The families come up as often as their comments say: counted over fixed seeds, so that the test is the same every time.
func TestDrawFamilies(t *testing.T) {
	const n = 8000
	for _, tt := range []struct {
		name string
		draw func(*sim.Words) sim.Value
		of   int
		want [familyIllegal]int
	}{
		{"torn", DrawTorn, 20, [familyIllegal]int{familyNone: 2, familyBytes: 5, familyAll: 3, familyFirst: 3, familyHole: 2, familySurvivor: 2, familyRandom: 3}},
		{"prefix", DrawTornPrefix, 4, [familyIllegal]int{familyBytes: 2, familyAll: 1, familyFirst: 1}},
		{"names", DrawNames, 8, [familyIllegal]int{familyAll: 2, familyFirst: 2, familyHole: 1, familySurvivor: 1, familyRandom: 2}},
		{"landed", DrawLanded, 2, [familyIllegal]int{familyAll: 1, familyFirst: 1}},
	} {
		var got [familyIllegal]int
		for seed := range uint64(n) {
			w := sim.KeyedWords(seed, sim.MakeKey(Torn, sim.Subject{A: 1}))
			f, _ := subset(tt.draw(&w).N).parts()
			got[f]++
		}
		for f, c := range got {
			if want := n * tt.want[f] / tt.of; c < want*85/100 || c > want*115/100 {
				t.Errorf("%s: family %d: %d of %d, want about %d", tt.name, f, c, n, want)
			}
		}
	}
}

// Prefixes of n things are from 0 to n long, each about equally often; a place of n things is each of them about equally often; and
// what is said to keep so many syncs keeps so many.
func TestThousandthsAreEven(t *testing.T) {
	for _, n := range []int64{0, 1, 2, 4, 9, 99} {
		count, places := make([]int, n+1), make([]int, n)
		for k := range int64(1000) {
			count[share(k, n)]++
			if n > 0 {
				places[place(k, n)]++
			}
		}
		for kept, c := range count {
			if even := int(1000 / (n + 1)); c < even || c > even+1 {
				t.Errorf("of %d, %d are kept by %d values of k, want about %d", n, kept, c, even)
			}
		}
		for at, c := range places {
			if even := int(1000 / n); c < even || c > even+1 {
				t.Errorf("of %d, number %d is meant by %d values of k, want about %d", n, at, c, even)
			}
		}
		for kept := range n + 1 {
			if got := subset(LandedValue(kept, n).N).prefix(n); got != kept {
				t.Errorf("%d of %d syncs land, want %d", got, n, kept)
			}
		}
	}
}

func TestSpecsAreFaultsOfThisPackage(t *testing.T) {
	next := Torn
	for _, s := range Specs() {
		if s.Purpose != next || !Owns(s.Purpose) || !s.Fault || s.Doc == "" || s.Fields&sim.FieldA == 0 {
			t.Errorf("spec %+v, want purpose %d, a fault of the owner, with a doc", s, next)
		}
		next++
	}
	if next != purposesEnd || purposesEnd > 64 || Owns(Torn-1) || Owns(purposesEnd) {
		t.Errorf("purposes %d to %d", Torn, next)
	}
}

// Add knows every count.
func TestStatsAdd(t *testing.T) {
	var ones, sum Stats
	v := reflect.ValueOf(&ones).Elem()
	for i := range v.NumField() {
		v.Field(i).SetUint(uint64(i + 1))
	}
	sum.Add(&ones)
	if sum != ones || v.NumField() != statFields {
		t.Errorf("added %+v to nothing: %+v", ones, sum)
	}
	sum.Add(&ones)
	if sum.Syncs != 2*ones.Syncs || sum.Freezes != 2*ones.Freezes {
		t.Errorf("added twice: %+v", sum)
	}
}

func TestIllegalValuesArePanics(t *testing.T) {
	for name, do := range map[string]func(){
		"no thousandth": func() { KeepBytes(0) }, "mask 0": func() { KeepMask(0) }, "random 0": func() { KeepRandom(0) },
		"all with garbage": func() { WithGarbage(KeepAll(), 1) }, "nothing with the old size": func() { WithSizeOld(sim.Value{}) },
		"no time": func() { SpaceFor(1, 0) }, "place 0": func() { Thousandths(0) }, "place 1000": func() { MisdirectedTo(1, 1000) },
		"no freeze": func() { DrawFreeze(0) }, "slow to fast": func() { DrawSlowSync(2, 1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			do()
		}()
	}
}
