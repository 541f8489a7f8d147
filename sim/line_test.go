package sim

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestLines(t *testing.T) {
	v := toyVocabulary(t)
	for _, c := range []struct {
		line string
		want Disturbance
	}{
		{"late n1>n2 gossip t3 #4 = 12ms", Disturbance{Key: MakeKey(toyLate, Subject{A: 1, B: 2, Kind: 1, Epoch: 3, Ordinal: 4}), Value: Value{For: 12 * millisecond}}},
		{"lost n2>c1 ack t2 #0 ~1f = yes", Disturbance{Key: MakeKey(toyLost, Subject{A: 2, B: 40, Kind: 2, Epoch: 2}), Value: Value{N: 1}, Alias: 31}},
		{"lost n2>n1 kind-9 t2 #0 = calm", Disturbance{Key: MakeKey(toyLost, Subject{A: 2, B: 1, Kind: 9, Epoch: 2})}},
		{"isolate n2 #0 = at 1.2s for 300ms both", Disturbance{Key: MakeKey(toyIsolate, Subject{A: 2}), Value: Value{At: 1200 * millisecond, For: 300 * millisecond}}},
		{"isolate n2 #1000 = at 0s for 1ns outbound", Disturbance{Key: MakeKey(toyIsolate, Subject{A: 2, Ordinal: 1000}), Value: Value{N: 2, For: 1}}},
		{"crash n3 sent t2 #7 = for 250ms", Disturbance{Key: MakeKey(toyCrash, Subject{A: 3, Kind: 1, Epoch: 2, Ordinal: 7}), Value: Value{For: 250 * millisecond}}},
		{"timeout c4056 t3.17 #16777215 = 1h0m0.000000001s", Disturbance{
			Key:   MakeKey(toyTimeout, Subject{A: 4095, Epoch: PairedEpoch(3, 17), Ordinal: MaxKeyOrdinal}),
			Value: Value{For: 3600*1000*millisecond + 1}}},
		{"aim #2 = at 1ms for 1m0s", Disturbance{Key: MakeKey(toyAim, Subject{Ordinal: 2}), Value: Value{At: millisecond, For: 60000 * millisecond}}},
		{"knob p0 #0 = -17", Disturbance{Key: MakeKey(toyKnob, Subject{}), Value: Value{N: -17}}},
	} {
		got, err := v.ParseLine(c.line)
		if err != nil || got != c.want {
			t.Errorf("%s: parsed %+v, %v; want %+v", c.line, got, err, c.want)
		}
		if text := v.Line(c.want); text != c.line {
			t.Errorf("printed %q, want %q", text, c.line)
		}
	}
}

func TestLinesReadLeniently(t *testing.T) {
	v := toyVocabulary(t)
	for _, c := range []struct{ line, canonical string }{
		{"  late  n1>n2\tgossip t3 #4   =   12000us  // the reason", "late n1>n2 gossip t3 #4 = 12ms"},
		{"late p1>n02 token t0.0 #04 ~0 = 1500ms", ""},
		{"late p1>n02 token t0 #04 ~0 = 1500ms", "late n1>n2 token t0 #4 = 1.5s"},
	} {
		d, err := v.ParseLine(c.line)
		if c.canonical == "" {
			if err == nil {
				t.Errorf("%q parsed", c.line)
			}
			continue
		}
		if err != nil || v.Line(d) != c.canonical {
			t.Errorf("%q: %q, %v; want %q", c.line, v.Line(d), err, c.canonical)
		}
	}
	for _, blank := range []string{"", "   ", "// late n1>n2 gossip t3 #4 = 12ms", "\t// x"} {
		if _, err := v.ParseLine(blank); !errors.Is(err, ErrNoDisturbance) {
			t.Errorf("%q: %v", blank, err)
		}
	}
}

func TestMalformedLines(t *testing.T) {
	v := toyVocabulary(t)
	const (
		shape = "a disturbance reads SUBJECT = VALUE, like: late n1>n2 app t3 #4 = 12ms"
		known = "known are lost, doubled, late, crash, pause, isolate, timeout, aim, knob"
	)
	for _, c := range []struct{ rule, line, want string }{
		{"no value", "late n1>n2 gossip t3 #4", shape},
		{"no space around =", "late n1>n2 gossip t3 #4=12ms", shape},
		{"nothing before =", " = 12ms", shape},
		{"nothing after =", "late n1>n2 gossip t3 #4 = ", shape},
		{"unknown purpose, near one", "lats n1>n2 gossip t3 #4 = 12ms", `unknown purpose "lats": did you mean "late"?`},
		{"unknown purpose, far from all", "elephant n1 = 12ms", `unknown purpose "elephant": ` + known},
		{"one process for two", "late n1 gossip t3 #4 = 12ms", "late: wants two processes, like n1>n2, first"},
		{"two processes for one", "pause n1>n2 #4 = at 1s for 1s", "pause: wants one process, like n1, first"},
		{"no process", "late = 12ms", "late: wants two processes, like n1>n2, first"},
		{"unknown sender", "late x1>n2 gossip t3 #4 = 12ms", `late: "x1" names no process`},
		{"unknown receiver", "late n1>n gossip t3 #4 = 12ms", `late: "n" names no process`},
		{"process outside its range", "late n40>n2 gossip t3 #4 = 12ms", `late: "n40" names no process`},
		{"process beyond 12 bits", "late p4096>n2 gossip t3 #4 = 12ms", `late: "p4096" names no process`},
		{"unknown kind", "late n1>n2 gossips t3 #4 = 12ms", `late: unknown kind "gossips": one of token, gossip, ack`},
		{"number of a kind with a name", "late n1>n2 kind-1 t3 #4 = 12ms", `late: unknown kind "kind-1": one of token, gossip, ack`},
		{"kind beyond 8 bits", "late n1>n2 kind-256 t3 #4 = 12ms", `late: unknown kind "kind-256": one of token, gossip, ack`},
		{"no epoch", "late n1>n2 gossip #4 = 12ms", `late: epoch: want tNUMBER, found "#4"`},
		{"epoch is no number", "late n1>n2 gossip tx #4 = 12ms", `late: epoch: want tNUMBER of at most 40 bits, found "tx"`},
		{"epoch beyond 40 bits", "late n1>n2 gossip t1099511627776 #4 = 12ms", `late: epoch: want tNUMBER of at most 40 bits, found "t1099511627776"`},
		{"paired epoch with 0 first", "late n1>n2 gossip t0.4 #4 = 12ms", `late: epoch: want tNUMBER or tNUMBER.NUMBER, found "t0.4"`},
		{"paired epoch, first beyond 24 bits", "late n1>n2 gossip t16777216.4 #4 = 12ms", `late: epoch: want tNUMBER of at most 24 bits, found "t16777216"`},
		{"paired epoch without the second", "late n1>n2 gossip t3. #4 = 12ms", `late: epoch: want tNUMBER or tNUMBER.NUMBER, found "t3."`},
		{"no ordinal", "late n1>n2 gossip t3 = 12ms", `late: ordinal: want #NUMBER, found ""`},
		{"ordinal beyond 24 bits", "late n1>n2 gossip t3 #16777216 = 12ms", `late: ordinal: want #NUMBER of at most 24 bits, found "#16777216"`},
		{"negative ordinal", "late n1>n2 gossip t3 #-1 = 12ms", `late: ordinal: want #NUMBER of at most 24 bits, found "#-1"`},
		{"alias is not hexadecimal", "late n1>n2 gossip t3 #4 ~xyz = 12ms", `late: alias: want ~NUMBER of at most 64 bits, found "~xyz"`},
		{"field the purpose does not use", "pause n1 t3 #4 = at 1s for 1s", `pause: ordinal: want #NUMBER, found "t3"`},
		{"word too many", "late n1>n2 gossip t3 #4 #5 = 12ms", `late: unexpected "#5"`},
		{"fields in another order", "late n1>n2 t3 gossip #4 = 12ms", `late: unknown kind "t3": one of token, gossip, ack`},
		{"flag that is no flag", "lost n1>n2 gossip t3 #4 = true", `lost: value "true": want yes, or calm`},
		{"delay without unit", "late n1>n2 gossip t3 #4 = 12", `late: value "12": want a duration above 0, like 12ms, or calm`},
		{"delay of 0", "late n1>n2 gossip t3 #4 = 0s", `late: value "0s": want a duration above 0, like 12ms, or calm`},
		{"negative delay", "late n1>n2 gossip t3 #4 = -1ms", `late: value "-1ms": want a duration above 0, like 12ms, or calm`},
		{"count of 0", "knob n1 #4 = 0", `knob: value "0": want a number other than 0, or calm`},
		{"count beyond 64 bits", "knob n1 #4 = 9223372036854775808", `knob: value "9223372036854775808": want a number other than 0, or calm`},
		{"span without time", "pause n1 #4 = for 1s", `pause: value "for 1s": want at 1.2s for 300ms, or calm`},
		{"span without length", "pause n1 #4 = at 1s", `pause: value "at 1s": want at 1.2s for 300ms, or calm`},
		{"span with negative time", "pause n1 #4 = at -1s for 1s", `pause: value "at -1s for 1s": want at 1.2s for 300ms, or calm`},
		{"span that never begins", "pause n1 #4 = at 2562047h47m16.854775807s for 1s", `pause: value "at 2562047h47m16.854775807s for 1s": want at 1.2s for 300ms, or calm`},
		{"span of length 0", "pause n1 #4 = at 1s for 0s", `pause: value "at 1s for 0s": want at 1.2s for 300ms, or calm`},
		{"span with a word too many", "pause n1 #4 = at 1s for 1s both", `pause: value "at 1s for 1s both": want at 1.2s for 300ms, or calm`},
		{"span without its choice", "isolate n1 #4 = at 1s for 1s", `isolate: value "at 1s for 1s": want at 1.2s for 300ms both|inbound|outbound, or calm`},
		{"span with an unknown choice", "isolate n1 #4 = at 1s for 1s up", `isolate: value "at 1s for 1s up": want at 1.2s for 300ms both|inbound|outbound, or calm`},
		{"moment with a time", "crash n1 sent t3 #4 = at 1s for 1s", `crash: value "at 1s for 1s": want for 300ms, or calm`},
	} {
		d, err := v.ParseLine(c.line)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %q:\n got %+v, %v\nwant %s", c.rule, c.line, d, err, c.want)
		}
	}
}

func TestSets(t *testing.T) {
	f := SpanFormat{Set: "side"}
	for _, c := range []struct {
		text string
		n    int64
		ok   bool
	}{
		{"at 1s for 2s side 1,2,5", 1<<1 | 1<<2 | 1<<5, true},
		{"at 1s for 2s side none", 0, true},
		{"at 1s for 2s side 0,62", 1 | 1<<62, true},
		{"at 1s for 2s side 63", 0, false},
		{"at 1s for 2s side 64", 0, false},
		{"at 1s for 2s side 1,1", 0, false},
		{"at 1s for 2s side 1,", 0, false},
		{"at 1s for 2s side", 0, false},
		{"at 1s for 2s edge 1", 0, false},
		{"at 1s for 2s", 0, false},
	} {
		v, err := f.Parse(c.text)
		if (err == nil) != c.ok || c.ok && v != (Value{N: c.n, At: 1000 * millisecond, For: 2000 * millisecond}) {
			t.Errorf("%q: %+v, %v", c.text, v, err)
		}
		if c.ok && string(f.Append(nil, v)) != c.text {
			t.Errorf("%q printed as %q", c.text, f.Append(nil, v))
		}
	}
}

func TestEveryLinePrintsAndParses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		specs := drawSpecs().Draw(t, "specs")
		names := []ProcName{{Prefix: "n", First: 1, Last: 1023}, {Prefix: "c", Base: 1023, First: 1024, Last: 2047}, {Prefix: "disk", Base: 3000, First: 3000, Last: 3100}}
		v, err := NewVocabulary(names[:rapid.IntRange(0, 3).Draw(t, "names")], specs...)
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			d := drawDisturbance(specs, 0).Draw(t, "disturbance")
			if err := v.CheckValue(d); err != nil {
				t.Fatal(err)
			}
			if err := v.CheckKey(d.Key); err != nil {
				t.Fatal(err)
			}
			line := v.Line(d)
			back, err := v.ParseLine(line + " // a comment")
			if err != nil || back != d {
				t.Fatalf("%q parsed to %+v, %v; want %+v", line, back, err, d)
			}
		}
	})
}

// FuzzLine checks that no line panics the parser, and that what parses prints as a line that parses to the same.
func FuzzLine(f *testing.F) {
	for _, line := range []string{
		"late n1>n2 gossip t3 #4 = 12ms", "lost n2>c1 ack t2.9 #0 ~1f = yes // why", "isolate n2 #0 = at 1.2s for 300ms both",
		"crash n3 kind-9 t2 #7 = for 250ms", "knob p0 #0 = -17", "aim #2 = calm", "split #0 = at 1s for 2s side 1,2,5", "quiet lost,late n1>* 0s..1.2s",
		"pause n1 #0 = at 2562047h47m16.854775807s for 1s",
	} {
		f.Add(line)
	}
	v, err := NewVocabulary([]ProcName{{Prefix: "n", First: 1, Last: 39}, {Prefix: "c", Base: 39, First: 40, Last: 4095}},
		append(toySpecs(), Spec{Purpose: 30, Name: "split", Fields: FieldOrdinal, Value: SpanFormat{Set: "side"}, Timed: true})...)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if d, err := v.ParseLine(line); err == nil {
			text := v.Line(d)
			if back, err := v.ParseLine(text); err != nil || back != d {
				t.Fatalf("%q printed as %q, which parsed to %+v, %v; want %+v", line, text, back, err, d)
			}
			if err := v.CheckValue(d); err != nil {
				t.Fatal(err)
			}
			if err := v.CheckKey(d.Key); err != nil {
				t.Fatal(err)
			}
		}
		if m, err := v.ParseMask(line); err == nil {
			text := string(v.AppendMask(nil, m))
			if back, err := v.ParseMask(text); err != nil || back != m {
				t.Fatalf("%q printed as %q, which parsed to %+v, %v; want %+v", line, text, back, err, m)
			}
		}
	})
}

func TestNearest(t *testing.T) {
	for _, c := range []struct {
		word       string
		candidates string
		want       string
	}{
		{"lats", "lost late", "late"}, {"lst", "late lost", "lost"}, {"x", "ab cd", ""}, {"isolte", "isolate pause", "isolate"},
		{"", "a b", "a"}, {"abc", "", ""}, {"tie", "tia tib", "tia"},
	} {
		if got := Nearest(c.word, strings.Fields(c.candidates)); got != c.want {
			t.Errorf("%q among %q: %q, want %q", c.word, c.candidates, got, c.want)
		}
	}
}

func TestVocabularyRefuses(t *testing.T) {
	ok := Spec{Purpose: 1, Name: "lost", Value: FlagFormat{}}
	with := func(change func(*Spec)) []Spec {
		s := ok
		change(&s)
		return []Spec{s}
	}
	kinds := func(names ...string) []Spec {
		return with(func(s *Spec) { s.Fields, s.Kinds = FieldKind, names })
	}
	for _, c := range []struct {
		specs []Spec
		want  string
	}{
		{[]Spec{ok}, ""},
		{with(func(s *Spec) { s.Purpose = 0 }), `purpose "lost": number 0 is never used`},
		{with(func(s *Spec) { s.Name = "two words" }), `purpose 1: name "two words" is not one word of a-z, 0-9 and '-'`},
		{with(func(s *Spec) { s.Name = "" }), `purpose 1: name "" is not one word of a-z, 0-9 and '-'`},
		{[]Spec{ok, {Purpose: 1, Name: "late", Value: FlagFormat{}}}, `purpose 1 is declared as "lost" and as "late"`},
		{[]Spec{ok, {Purpose: 2, Name: "lost", Value: FlagFormat{}}}, `purpose name "lost" is declared twice`},
		{with(func(s *Spec) { s.Value = nil }), `purpose "lost" has no value format`},
		{with(func(s *Spec) { s.Fields = FieldB }), `purpose "lost" uses field B without A`},
		{with(func(s *Spec) { s.Fields = FieldKind }), `purpose "lost": FieldKind and 1 to 256 kind names go together`},
		{with(func(s *Spec) { s.Kinds = []string{"app"} }), `purpose "lost": FieldKind and 1 to 256 kind names go together`},
		{kinds("app", "vote"), ""},
		{kinds("t12"), `purpose "lost": kind name "t12" cannot be told from other words`},
		{kinds("kind-3"), `purpose "lost": kind name "kind-3" cannot be told from other words`},
		{kinds("app", "vote", "app"), `purpose "lost": kind name "app" cannot be told from other words`},
		{kinds("App"), `purpose "lost": kind name "App" cannot be told from other words`},
	} {
		_, err := NewVocabulary(nil, c.specs...)
		if got := errorText(err); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestRatio(t *testing.T) {
	for _, text := range []string{"0", "1", "1/20", "3/7", "4294967295/4294967296"} {
		var r Ratio
		if err := r.UnmarshalText([]byte(text)); err != nil || r.String() != text {
			t.Errorf("%s: %v, %v", text, r, err)
		}
	}
	for _, bad := range []string{"", "2", "3/2", "1/0", "-1", "1/-2", "0.5", "1/2/3", "1/4294967297", "5%"} {
		if r, err := ParseRatio(bad); err == nil {
			t.Errorf("%q parsed to %v", bad, r)
		}
	}
	if !(Ratio{}).Zero() || (Ratio{}).String() != "0" {
		t.Error("the zero value is not 0")
	}
}
