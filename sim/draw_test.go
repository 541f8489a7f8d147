package sim

import (
	"fmt"
	"math"

	"pgregory.net/rapid"
)

// drawFormat draws one of the value formats.
func drawFormat() *rapid.Generator[ValueFormat] {
	return rapid.SampledFrom([]ValueFormat{
		FlagFormat{}, DelayFormat{}, CountFormat{}, SpanFormat{}, SpanFormat{NoTime: true}, SpanFormat{Set: "side"},
		SpanFormat{Choices: []string{"both", "inbound", "outbound"}}, SpanFormat{Choices: []string{"x"}, NoTime: true},
		SpanFormat{Set: "lost", NoTime: true},
	})
}

// drawSpecs draws declarations with distinct names and purposes.
func drawSpecs() *rapid.Generator[[]Spec] {
	return rapid.Custom(func(t *rapid.T) []Spec {
		purposes := rapid.SliceOfNDistinct(rapid.Uint8Range(1, 255), 1, 8, rapid.ID[uint8]).Draw(t, "purposes")
		specs := make([]Spec, len(purposes))
		for i, p := range purposes {
			s := Spec{Purpose: Purpose(p), Name: rapid.StringMatching("[a-z][a-z0-9-]{0,6}").Draw(t, "name") + fmt.Sprint(i), Value: drawFormat().Draw(t, "format")}
			s.Fields = Fields(rapid.Uint8Range(0, 31).Draw(t, "fields"))
			if s.Fields&FieldA == 0 {
				s.Fields &^= FieldB
			}
			if s.Fields&FieldKind != 0 {
				for k := range rapid.IntRange(1, 5).Draw(t, "kinds") {
					s.Kinds = append(s.Kinds, rapid.StringMatching("[a-z-]{1,6}").Draw(t, "kind")+fmt.Sprint("-", k))
				}
			}
			s.Timed = rapid.Bool().Draw(t, "timed")
			specs[i] = s
		}
		return specs
	})
}

// drawKey draws a key that uses what s uses; ids and ordinals often small, at most procs where that is not 0.
func drawKey(s Spec, procs ProcID) *rapid.Generator[Key] {
	if s.Fields == 0 {
		return rapid.Just(MakeKey(s.Purpose, Subject{}))
	}
	return rapid.Custom(func(t *rapid.T) Key {
		proc := func(label string) ProcID {
			if procs != 0 {
				return ProcID(rapid.Uint16Range(1, uint16(procs)).Draw(t, label))
			}
			return ProcID(rapid.Uint16Range(0, MaxKeyProc).Draw(t, label))
		}
		var sub Subject
		if s.Fields&FieldA != 0 {
			sub.A = proc("a")
		}
		if s.Fields&FieldB != 0 {
			sub.B = proc("b")
		}
		if s.Fields&FieldKind != 0 {
			sub.Kind = rapid.OneOf(rapid.Uint8Range(0, uint8(len(s.Kinds)-1)), rapid.Uint8()).Draw(t, "kind")
		}
		if s.Fields&FieldEpoch != 0 {
			sub.Epoch = rapid.OneOf(rapid.Uint64Range(0, 9), rapid.Uint64()).Draw(t, "epoch")
		}
		if s.Fields&FieldOrdinal != 0 {
			sub.Ordinal = rapid.OneOf(rapid.Uint32Range(0, 9), rapid.Uint32Range(0, MaxKeyOrdinal)).Draw(t, "ordinal")
		}
		return MakeKey(s.Purpose, sub)
	})
}

// drawValue draws a value that f can print: calm now and then.
func drawValue(f ValueFormat) *rapid.Generator[Value] {
	return rapid.Custom(func(t *rapid.T) Value {
		if rapid.IntRange(0, 7).Draw(t, "calm") == 0 {
			return Value{}
		}
		length := rapid.OneOf(rapid.Int64Range(1, 100*millisecond), rapid.Int64Range(1, math.MaxInt64))
		switch f := f.(type) {
		case FlagFormat:
			return Value{N: 1}
		case DelayFormat:
			return Value{For: length.Draw(t, "for")}
		case CountFormat:
			return Value{N: rapid.Int64().Filter(func(n int64) bool { return n != 0 }).Draw(t, "n")}
		case SpanFormat:
			v := Value{For: length.Draw(t, "for")}
			if !f.NoTime {
				v.At = rapid.OneOf(rapid.Int64Range(0, 500*millisecond), rapid.Int64Range(0, math.MaxInt64-1)).Draw(t, "at")
			}
			if len(f.Choices) > 0 {
				v.N = rapid.Int64Range(0, int64(len(f.Choices)-1)).Draw(t, "choice")
			}
			if f.Set != "" {
				v.N = rapid.Int64Range(0, math.MaxInt64).Draw(t, "set")
			}
			return v
		}
		panic(fmt.Sprintf("no generator for %T", f))
	})
}

// drawDisturbance draws a disturbance of one of specs, with process ids up to procs where that is not 0.
func drawDisturbance(specs []Spec, procs ProcID) *rapid.Generator[Disturbance] {
	return rapid.Custom(func(t *rapid.T) Disturbance {
		s := rapid.SampledFrom(specs).Draw(t, "spec")
		return Disturbance{
			Key: drawKey(s, procs).Draw(t, "key"), Value: drawValue(s.Value).Draw(t, "value"),
			Alias: rapid.OneOf(rapid.Just[uint64](0), rapid.Uint64()).Draw(t, "alias"),
		}
	})
}

// drawMask draws a mask that v can print.
func drawMask(v *Vocabulary) *rapid.Generator[Mask] {
	return rapid.Custom(func(t *rapid.T) Mask {
		var m Mask
		for _, s := range rapid.SliceOfN(rapid.SampledFrom(v.Specs()), 0, 3).Draw(t, "purposes") {
			m.Purposes[s.Purpose>>6] |= 1 << (s.Purpose & 63)
		}
		proc := rapid.Uint16Range(0, 6)
		m.A = ProcID(proc.Draw(t, "a"))
		if m.Link = rapid.Bool().Draw(t, "link"); m.Link {
			m.B = ProcID(proc.Draw(t, "b"))
		}
		m.From = Time(rapid.Int64Range(0, 300*millisecond).Draw(t, "from"))
		if rapid.Bool().Draw(t, "ends") {
			m.Until = m.From + Time(rapid.Int64Range(1, 300*millisecond).Draw(t, "length"))
		}
		return m
	})
}
