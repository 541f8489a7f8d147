package sim

import (
	"testing"

	"pgregory.net/rapid"

	"raftsim/internal/fixed"
)

func TestMaskLines(t *testing.T) {
	v := toyVocabulary(t)
	for _, line := range []string{
		"quiet * * *", "quiet lost,late n1>n2 0s..1.2s", "quiet * n3 *", "quiet crash n1 5ms..", "quiet * *>n2 1ns..2ns", "quiet late n1>* *",
		"quiet * *>* *", "quiet knob c1 1h0m0s..1h0m0.000000001s",
	} {
		m, err := v.ParseMask(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if got := string(v.AppendMask(nil, m)); got != line {
			t.Errorf("%s printed as %s", line, got)
		}
	}
	const form = "a mask reads: quiet PURPOSES PROCS FROM..UNTIL, like: quiet lost,late n1>n2 0s..1.2s"
	for _, c := range []struct{ line, want string }{
		{"", form},
		{"quiet * *", form},
		{"quiet * * * *", form},
		{"loud * * *", form},
		{"quiet lots * *", `unknown purpose "lots": did you mean "lost"?`},
		{"quiet lost,,late * *", `unknown purpose "": known are lost, doubled, late, crash, pause, isolate, timeout, aim, knob`},
		{"quiet * x1 *", `"x1" names no process`},
		{"quiet * n1>x *", `"x" names no process`},
		{"quiet * n1>n2>n3 *", `"n2>n3" names no process`},
		{"quiet * * 1s", `"1s" is no time window: write FROM..UNTIL, like 0s..1.2s, or FROM.. for no end`},
		{"quiet * * ..1s", `"..1s" is no time window: write FROM..UNTIL, like 0s..1.2s, or FROM.. for no end`},
		{"quiet * * -1s..1s", `"-1s..1s" is no time window: write FROM..UNTIL, like 0s..1.2s, or FROM.. for no end`},
		{"quiet * * 1s..1s", `"1s..1s" is no time window: UNTIL must be later than FROM`},
		{"quiet * * 1s..x", `"1s..x" is no time window: UNTIL must be later than FROM`},
		{"quiet * * 0s..2562047h47m16.854775807s", `"0s..2562047h47m16.854775807s" is no time window: UNTIL must be later than FROM`},
		{"quiet * * 2562047h47m16.854775807s..", `"2562047h47m16.854775807s.." is no time window: write FROM..UNTIL, like 0s..1.2s, or FROM.. for no end`},
	} {
		if _, err := v.ParseMask(c.line); err == nil || err.Error() != c.want {
			t.Errorf("%q:\n got %v\nwant %s", c.line, err, c.want)
		}
	}
}

func TestMaskPrintsAndParses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, err := NewVocabulary(nil, drawSpecs().Draw(t, "specs")...)
		if err != nil {
			t.Fatal(err)
		}
		m := drawMask(v).Draw(t, "mask")
		text := string(v.AppendMask(nil, m))
		if back, err := v.ParseMask(text); err != nil || back != m {
			t.Fatalf("%q parsed to %+v, %v; want %+v", text, back, err, m)
		}
	})
}

// slowCovers says the same as Mask.covers, in the words of the mask's description.
func slowCovers(m Mask, k Key, at Time) bool {
	everyPurpose, purpose := true, false
	for p := range 256 {
		if m.Purposes[p/64]&(1<<(p%64)) != 0 {
			everyPurpose = false
			purpose = purpose || Purpose(p) == k.Purpose()
		}
	}
	s := k.Subject()
	procs := m.A == 0 || s.A == m.A || s.B == m.A
	if m.Link {
		procs = (m.A == 0 || s.A == m.A) && (m.B == 0 || s.B == m.B)
	}
	window := at >= m.From && (m.Until == 0 || at < m.Until)
	return (everyPurpose || purpose) && procs && window
}

// Noise that a mask covers is calm, all other noise is as without masks, overrides do not notice; and a timed disturbance lies where
// its value says.
func TestMasksBite(t *testing.T) {
	v := toyVocabulary(t)
	always := func(p Purpose) Noise {
		n := toyNoise(toyOptions{knob: true})(p)
		n.Chance = Ratio{1, 1}
		return n
	}
	silenced, spared := 0, 0
	property := func(t *rapid.T) {
		masks := rapid.SliceOfN(drawMask(v), 1, 3).Draw(t, "masks")
		override := drawDisturbance(toySpecs(), 6).Draw(t, "override")
		plain := newFates(t, FatesConfig{Vocabulary: v, Noisy: true, Seed: 1, Noise: always})
		masked := newFates(t, FatesConfig{Vocabulary: v, Noisy: true, Seed: 1, Noise: always, Masks: masks, Overrides: []Disturbance{override}})
		for range 20 {
			spec := rapid.SampledFrom(toySpecs()).Draw(t, "spec")
			k := drawKey(spec, 6).Draw(t, "key")
			at := Time(rapid.Int64Range(0, 700*millisecond).Draw(t, "at"))
			if k == override.Key {
				continue
			}
			want := plain.Ask(k, at, 0)
			lies := at
			if spec.Timed {
				lies = Time(want.At)
			}
			covered := false
			for _, m := range masks {
				covered = covered || slowCovers(m, k, lies)
			}
			if covered {
				want = Value{}
				silenced++
			} else {
				spared++
			}
			if got := masked.Ask(k, at, 0); got != want {
				t.Fatalf("%s asked at %s: %+v, want %+v", v.AppendKey(nil, k), at, got, want)
			}
		}
		if got := masked.Ask(override.Key, 0, 0); got != override.Value {
			t.Fatalf("the masks changed an override to %+v", got)
		}
	}
	fixed.Check(t, 100, property)
	if silenced < 50 || spared < 50 {
		t.Fatalf("%d silenced, %d spared: the masks say nothing", silenced, spared)
	}
	rapid.Check(t, property)
}
