package sim

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// newFates returns the decision function of a case over the toy vocabulary.
func newFates(t rapid.TB, c FatesConfig) *Fates {
	t.Helper()
	if c.Vocabulary == nil {
		c.Vocabulary = toyVocabulary(t)
	}
	if c.Noisy && c.Noise == nil {
		c.Noise = toyNoise(toyOptions{})
	}
	f, err := NewFates(c)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func parseLines(t rapid.TB, v *Vocabulary, lines ...string) []Disturbance {
	t.Helper()
	var out []Disturbance
	for _, line := range lines {
		d, err := v.ParseLine(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		out = append(out, d)
	}
	return out
}

func parseOne(t rapid.TB, line string) Disturbance {
	return parseLines(t, toyVocabulary(t), line)[0]
}

// panics returns what f panics with, "" if it does not.
func panics(f func()) (message string) {
	defer func() {
		if r := recover(); r != nil {
			message = fmt.Sprint(r)
		}
	}()
	f()
	return ""
}

func TestCheckOnceBites(t *testing.T) {
	k := parseOne(t, "late n1>n2 token t3 #4 = calm").Key
	isolate := parseOne(t, "isolate n2 #1000 = at 1s for 1s both")
	const twice = "sim: key asked twice: late n1>n2 token t3 #4"
	for _, c := range []struct {
		name   string
		config FatesConfig
		do     func(f *Fates)
		want   string
	}{
		{"asked twice", FatesConfig{CheckOnce: true}, func(f *Fates) { f.Ask(k, 0, 0); f.Ask(k, 5, 1) }, twice},
		{"recording implies it", FatesConfig{Record: true}, func(f *Fates) { f.Ask(k, 0, 0); f.Ask(k, 0, 0) }, twice},
		{"noise", FatesConfig{CheckOnce: true, Noisy: true}, func(f *Fates) { f.Ask(k, 0, 0); f.Ask(k, 0, 0) }, twice},
		{"override", FatesConfig{CheckOnce: true, Overrides: []Disturbance{{Key: k, Value: Value{For: 1}}}},
			func(f *Fates) { f.Ask(k, 0, 0); f.Ask(k, 0, 0) }, twice},
		{"emitted twice", FatesConfig{CheckOnce: true}, func(f *Fates) { f.Emit(isolate); f.Emit(isolate) }, "sim: key asked twice: isolate n2 #1000"},
		{"emitted after asked", FatesConfig{CheckOnce: true}, func(f *Fates) { f.Ask(isolate.Key, 0, 0); f.Emit(isolate) }, "sim: key asked twice: isolate n2 #1000"},
		{"another purpose of the subject", FatesConfig{CheckOnce: true}, func(f *Fates) { f.Ask(k, 0, 0); f.Ask(k.WithPurpose(toyLost), 0, 0) }, ""},
		{"unchecked", FatesConfig{}, func(f *Fates) { f.Ask(k, 0, 0); f.Ask(k, 0, 0) }, ""},
		{"a new case", FatesConfig{CheckOnce: true}, func(f *Fates) {
			f.Ask(k, 0, 0)
			if err := f.Reset(FatesConfig{Vocabulary: f.vocabulary, CheckOnce: true}); err != nil {
				panic(err)
			}
			f.Ask(k, 0, 0)
		}, ""},
		{"a part that does not print", FatesConfig{CheckOnce: true}, func(f *Fates) { f.Ask(MakeKey(toyPause, Subject{A: 1, B: 2}), 0, 0) },
			"sim: pause n1 #0: the purpose does not use every part of {A:1 B:2 Kind:0 Epoch:0 Ordinal:0}"},
		{"no purpose", FatesConfig{CheckOnce: true}, func(f *Fates) { f.Ask(MakeKey(200, Subject{}), 0, 0) }, "sim: purpose 200 is not in the vocabulary"},
	} {
		f := newFates(t, c.config)
		if got := panics(func() { c.do(f) }); got != c.want {
			t.Errorf("%s: panic %q, want %q", c.name, got, c.want)
		}
	}
}

func TestRefusedOverrides(t *testing.T) {
	v := toyVocabulary(t)
	late := parseOne(t, "late n1>n2 token t3 #4 = 12ms")
	for _, c := range []struct {
		name      string
		overrides []Disturbance
		want      string
	}{
		{"one key twice", []Disturbance{late, late}, "override 2: late n1>n2 token t3 #4 is there twice"},
		{"unknown purpose", []Disturbance{{Key: MakeKey(99, Subject{})}}, "override 1: purpose 99 is not in the vocabulary"},
		{"no purpose", []Disturbance{{}}, "override 1: purpose 0 is not in the vocabulary"},
		{"a part that does not print", []Disturbance{late, {Key: MakeKey(toyPause, Subject{A: 1, Epoch: 3})}},
			"override 2: pause n1 #0: the purpose does not use every part of {A:1 B:0 Kind:0 Epoch:3 Ordinal:0}"},
		{"a flag of 2", []Disturbance{{Key: late.Key.WithPurpose(toyLost), Value: Value{N: 2}}},
			"override 1: lost n1>n2 token t3 #4: value {N:2 At:0 For:0} is not yes"},
		{"a delay below 0", []Disturbance{{Key: late.Key, Value: Value{For: -1}}},
			"override 1: late n1>n2 token t3 #4: value {N:0 At:0 For:-1} is not a duration above 0, like 12ms"},
		{"a delay with a time", []Disturbance{{Key: late.Key, Value: Value{At: 1, For: 1}}},
			"override 1: late n1>n2 token t3 #4: value {N:0 At:1 For:1} is not a duration above 0, like 12ms"},
		{"a count with a length", []Disturbance{{Key: MakeKey(toyKnob, Subject{A: 1}), Value: Value{N: 1, For: 1}}},
			"override 1: knob n1 #0: value {N:1 At:0 For:1} is not a number other than 0"},
		{"a choice there is not", []Disturbance{{Key: MakeKey(toyIsolate, Subject{A: 1}), Value: Value{N: -1, At: 1, For: 1}}},
			"override 1: isolate n1 #0: value {N:-1 At:1 For:1} is not at 1.2s for 300ms both|inbound|outbound"},
		{"a choice beyond 32 bits", []Disturbance{{Key: MakeKey(toyIsolate, Subject{A: 1}), Value: Value{N: 3 << 31, At: 1, For: 1}}},
			"override 1: isolate n1 #0: value {N:6442450944 At:1 For:1} is not at 1.2s for 300ms both|inbound|outbound"},
		{"a span at no time", []Disturbance{{Key: MakeKey(toyPause, Subject{A: 1}), Value: Value{At: int64(Never), For: 1}}},
			"override 1: pause n1 #0: value {N:0 At:9223372036854775807 For:1} is not at 1.2s for 300ms"},
		{"a moment with a time", []Disturbance{{Key: MakeKey(toyCrash, Subject{A: 1}), Value: Value{At: 1, For: 1}}},
			"override 1: crash n1 received t0 #0: value {N:0 At:1 For:1} is not for 300ms"},
	} {
		_, err := NewFates(FatesConfig{Vocabulary: v, Overrides: c.overrides})
		if err == nil || err.Error() != c.want {
			t.Errorf("%s:\n got %v\nwant %s", c.name, err, c.want)
		}
	}
}

// override, even if it says calm; else noise, where no mask covers it; else calm.
func TestFateIsOverrideElseNoiseElseCalm(t *testing.T) {
	v := toyVocabulary(t)
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64Range(0, 50).Draw(t, "seed")
		specs := toySpecs()[:3]
		overrides := rapid.SliceOfNDistinct(drawDisturbance(specs, 3), 0, 30, func(d Disturbance) Key { return d.Key }).Draw(t, "overrides")
		f := newFates(t, FatesConfig{Vocabulary: v, Noisy: rapid.Bool().Draw(t, "noisy"), Seed: seed, Overrides: overrides})
		noise := newFates(t, FatesConfig{Vocabulary: v, Noisy: true, Seed: seed})
		byKey := make(map[Key]Value)
		for _, d := range overrides {
			byKey[d.Key] = d.Value
		}
		keys := rapid.SliceOfN(rapid.OneOf(
			drawKey(specs[0], 3), drawKey(specs[1], 3), drawKey(specs[2], 3),
			rapid.Custom(func(t *rapid.T) Key {
				return append(overrides, Disturbance{Key: MakeKey(toyLost, Subject{A: 1, B: 2})})[rapid.IntRange(0, len(overrides)).Draw(t, "i")].Key
			})), 1, 40).Draw(t, "keys")
		for _, k := range keys {
			var want Value
			if f.purposes[k.Purpose()].noisy {
				want = noise.Ask(k, 0, 0)
			}
			if o, ok := byKey[k]; ok {
				want = o
			}
			if got := f.Ask(k, 0, 0); got != want {
				t.Fatalf("%s: got %+v, want %+v", v.AppendKey(nil, k), got, want)
			}
		}
	})
}

// The order of questions, and questions in between, change no answer.
func TestAnswersDoNotDependOnOrder(t *testing.T) {
	v := toyVocabulary(t)
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfNDistinct(drawKey(toySpecs()[2], 4), 1, 50, rapid.ID[Key]).Draw(t, "keys")
		a := newFates(t, FatesConfig{Vocabulary: v, Noisy: true, Seed: 9})
		b := newFates(t, FatesConfig{Vocabulary: v, Noisy: true, Seed: 9, Noise: toyNoise(toyOptions{extraWord: true, knob: true})})
		for _, k := range rapid.Permutation(keys).Draw(t, "order") {
			b.Ask(k.WithPurpose(toyLost), 0, 0)
			b.Ask(k, 77, 7)
		}
		for _, k := range keys {
			if x, y := a.Ask(k, 0, 0), b.Ask(k, 0, 0); x != y {
				t.Fatalf("%s: %+v and %+v", v.AppendKey(nil, k), x, y)
			}
		}
	})
}

func TestActive(t *testing.T) {
	k := parseOne(t, "late n1>n2 token t3 #4 = 12ms")
	for _, c := range []struct {
		name              string
		config            FatesConfig
		late, lost, knobs bool
	}{
		{"calm", FatesConfig{}, false, false, false},
		{"noisy", FatesConfig{Noisy: true}, true, true, false},
		{"noise without a base for it", FatesConfig{Noise: toyNoise(toyOptions{})}, false, false, false},
		{"one override", FatesConfig{Overrides: []Disturbance{k}}, true, false, false},
		{"checked", FatesConfig{CheckOnce: true}, true, true, true},
		{"recorded", FatesConfig{Record: true}, true, true, true},
	} {
		f := newFates(t, c.config)
		if got := [...]bool{f.Active(toyLate), f.Active(toyLost), f.Active(toyKnob)}; got != [...]bool{c.late, c.lost, c.knobs} {
			t.Errorf("%s: active %v", c.name, got)
		}
		before := f.Active(toyLate)
		f.CloseFaults()
		if f.Active(toyLate) != before {
			t.Errorf("%s: closing the faults changed Active", c.name)
		}
	}
}

// Where a purpose is not active every answer is calm, whatever the key.
func TestInactiveIsCalm(t *testing.T) {
	v := toyVocabulary(t)
	rapid.Check(t, func(t *rapid.T) {
		f := newFates(t, FatesConfig{Vocabulary: v, Seed: rapid.Uint64().Draw(t, "seed"), Noise: toyNoise(toyOptions{})})
		d := drawDisturbance(toySpecs(), 0).Draw(t, "d")
		if f.Active(d.Key.Purpose()) || !f.Ask(d.Key, 0, 0).Calm() {
			t.Fatal("a calm base is not calm")
		}
	})
}

// No effect of a fault begins after the close or lasts past close + grace; what is no fault goes on.
func TestFaultWindow(t *testing.T) {
	const second = 1000 * millisecond
	v := toyVocabulary(t)
	overrides := parseLines(t, v,
		"late n1>n2 token t0 #0 = 3s",
		"late n1>n2 token t0 #1 = 100ms",
		"lost n1>n2 token t0 #2 = yes",
		"pause n1 #0 = at 900ms for 10s",
		"pause n1 #1 = at 1s for 10s",
		"pause n1 #2 = at 200ms for 50ms",
		"crash n1 sent t0 #0 = for 9s",
		"timeout n1 t0 #0 = 7s",
	)
	type question struct {
		line  string
		at    int64
		close bool // the faults are closed by hand before
		want  Value
	}
	for _, q := range []question{
		{"late n1>n2 token t0 #0", 0, false, Value{For: second + second/5}},
		{"late n1>n2 token t0 #0", 900 * millisecond, false, Value{For: 300 * millisecond}},
		{"late n1>n2 token t0 #0", second - 1, false, Value{For: 200*millisecond + 1}},
		{"late n1>n2 token t0 #0", second, false, Value{}},
		{"late n1>n2 token t0 #0", 0, true, Value{}},
		{"late n1>n2 token t0 #1", 900 * millisecond, false, Value{For: 100 * millisecond}},
		{"lost n1>n2 token t0 #2", second - 1, false, Value{N: 1}},
		{"lost n1>n2 token t0 #2", second, false, Value{}},
		{"pause n1 #0", 0, false, Value{At: 900 * millisecond, For: 300 * millisecond}},
		{"pause n1 #1", 0, false, Value{}},
		{"pause n1 #2", 0, false, Value{At: 200 * millisecond, For: 50 * millisecond}},
		{"crash n1 sent t0 #0", 500 * millisecond, false, Value{For: 700 * millisecond}},
		{"timeout n1 t0 #0", 2 * second, false, Value{For: 7 * second}},
		{"timeout n1 t0 #0", 2 * second, true, Value{For: 7 * second}},
	} {
		f := newFates(t, FatesConfig{Vocabulary: v, Overrides: overrides, CloseAt: Time(second), Grace: Time(second / 5), Record: true})
		if q.close {
			f.CloseFaults()
		}
		k := parseOne(t, q.line+" = calm").Key
		if got := f.Ask(k, Time(q.at), 0); got != q.want {
			t.Errorf("%s asked at %s: %+v, want %+v", q.line, Time(q.at), got, q.want)
		}
		want := []Disturbance{{Key: k, Value: q.want}}
		if q.want.Calm() {
			want = nil
		}
		if d := cmp.Diff(want, f.Recorded()); d != "" {
			t.Errorf("%s: recorded (-want +got):\n%s", q.line, d)
		}
	}
}

// After the close a toy run sees no fault, over noise and over overrides.
func TestRunAfterClose(t *testing.T) {
	w := newToyWorld(t)
	closeAt, grace := Time(200*millisecond), Time(30*millisecond)
	reached := 0
	for seed := range uint64(100) {
		run := w.run(t, toyOptions{seed: seed, noisy: true, closeAt: closeAt, grace: grace})
		for _, d := range run.recorded {
			end := d.Value.At + d.Value.For
			switch d.Key.Purpose() {
			case toyPause, toyIsolate:
				if d.Value.At >= int64(closeAt) || end > int64(closeAt+grace) {
					t.Fatalf("seed %d: %s", seed, w.vocabulary.Line(d))
				}
				if end == int64(closeAt+grace) {
					reached++
				}
			}
		}
		for _, n := range w.nodes {
			if n.cutIn != 0 || n.cutOut != 0 || n.down || n.pausedUntil > closeAt+grace {
				t.Fatalf("seed %d: n%d is still disturbed at the end", seed, n.id)
			}
		}
	}
	if reached == 0 {
		t.Error("no disturbance was ever cut short")
	}
}

func TestEmit(t *testing.T) {
	v := toyVocabulary(t)
	override := parseOne(t, "isolate n2 #1000 = at 300ms for 1ms inbound")
	calmed := parseOne(t, "isolate n2 #1001 = calm")
	f := newFates(t, FatesConfig{
		Vocabulary: v, Overrides: []Disturbance{override, calmed}, Record: true, CloseAt: Time(500 * millisecond), Grace: Time(100 * millisecond),
	})
	for _, c := range []struct{ emitted, granted string }{
		{"isolate n2 #1000 ~7 = at 100ms for 50ms both", ""},
		{"isolate n2 #1001 = at 100ms for 50ms both", ""},
		{"isolate n3 #1000 ~7 = at 100ms for 50ms both", "isolate n3 #1000 ~7 = at 100ms for 50ms both"},
		{"isolate n3 #1001 = at 400ms for 9s outbound", "isolate n3 #1001 = at 400ms for 200ms outbound"},
		{"isolate n3 #1002 = at 500ms for 1ms both", ""},
		{"isolate n3 #1003 = calm", ""},
	} {
		got, granted := f.Emit(parseOne(t, c.emitted))
		if granted != (c.granted != "") || granted && v.Line(got) != c.granted {
			t.Errorf("%s: granted %v as %s, want %q", c.emitted, granted, v.Line(got), c.granted)
		}
	}
	var lines []string
	for _, d := range f.Recorded() {
		lines = append(lines, v.Line(d))
	}
	if d := cmp.Diff([]string{"isolate n3 #1000 ~7 = at 100ms for 50ms both", "isolate n3 #1001 = at 400ms for 200ms outbound"}, lines); d != "" {
		t.Errorf("recorded (-want +got):\n%s", d)
	}
	if f.Hits(0) != 0 || f.Hits(1) != 0 {
		t.Error("a dropped emission counted as a hit")
	}
	f.CloseFaults()
	if _, granted := f.Emit(parseOne(t, "isolate n3 #1009 = at 1ms for 1ms both")); granted {
		t.Error("emitted after the close")
	}
	if _, granted := f.Emit(parseOne(t, "knob n3 #1000 = 5")); !granted {
		t.Error("what is no fault was refused after the close")
	}
}

func TestAimIsAskedAndNotRecorded(t *testing.T) {
	aim := parseOne(t, "aim #0 = at 1ms for 2ms")
	f := newFates(t, FatesConfig{Overrides: []Disturbance{aim}, Record: true})
	if got := f.Ask(aim.Key, 0, 0); got != aim.Value {
		t.Errorf("asked: %+v", got)
	}
	if f.Hits(0) != 1 || f.Counts(toyAim) != (Count{Asked: 1, Departed: 1}) || len(f.Recorded()) != 0 {
		t.Errorf("hits %d, counts %+v, recorded %v", f.Hits(0), f.Counts(toyAim), f.Recorded())
	}
}

func TestWeightsMultiplyChance(t *testing.T) {
	f := newFates(t, FatesConfig{Noisy: true, Seed: 3, Noise: func(p Purpose) Noise {
		if p != toyCrash {
			return Noise{}
		}
		return Noise{Chance: Ratio{1, 100}, Weights: []uint32{0, 100}, Draw: func(*Words) Value { return Value{For: 1} }}
	}})
	var departed [3]int
	for kind := range uint8(3) {
		for i := range uint32(10000) {
			if !f.Ask(MakeKey(toyCrash, Subject{A: 1, Kind: kind, Ordinal: i}), 0, 0).Calm() {
				departed[kind]++
			}
		}
	}
	if departed[0] != 0 || departed[1] != 10000 || departed[2] < 70 || departed[2] > 130 {
		t.Errorf("departed by kind with weights 0, 100 and (beyond the end) 1 of 1/100: %v of 10000", departed)
	}
	if got := f.Counts(toyCrash); got.Asked != 30000 || got.Departed != uint64(departed[0]+departed[1]+departed[2]) {
		t.Errorf("counts %+v", got)
	}
}
