package sim

import (
	"fmt"
	"strings"
	"testing"
)

func toyTrail(t *testing.T, o toyOptions) (*Trail, toyResult) {
	trail := new(Trail)
	o.tracer = trail
	run := runToy(t, o)
	if uint64(trail.Len()) != run.steps {
		t.Fatalf("%d steps in the trail of %d", trail.Len(), run.steps)
	}
	return trail, run
}

func TestEqualRunsHaveNoDifference(t *testing.T) {
	for seed := range uint64(20) {
		a, run := toyTrail(t, toyOptions{seed: seed, noisy: true})
		b, replay := toyTrail(t, toyOptions{overrides: run.recorded})
		run.compare(t, "traced", replay)
		if d, differ := FirstDifference(a, b); differ {
			t.Fatal(d)
		}
		if untraced := runToy(t, toyOptions{seed: seed, noisy: true}); untraced.digest != run.digest {
			t.Fatal("tracing changed the run")
		}
	}
}

// One bit of one payload: the difference is the arrival of that message, and nothing earlier.
func TestFirstDifferenceOfASpoiltPayload(t *testing.T) {
	a, _ := toyTrail(t, toyOptions{})
	found := 0
	for n := uint64(1); n <= 60; n++ {
		b, _ := toyTrail(t, toyOptions{spoil: n})
		d, differ := FirstDifference(a, b)
		if !differ {
			t.Fatalf("message %d was spoilt, and no step differs", n)
		}
		i := int(d.Step) - 1
		for j := range i {
			if a.digests[j] != b.digests[j] || a.Line(j) != b.Line(j) {
				t.Fatalf("step %d differs before step %d", j+1, d.Step)
			}
		}
		if a.digests[i] == b.digests[i] || d.A != a.Line(i) || d.B != b.Line(i) || d.A == d.B {
			t.Fatalf("message %d: %s", n, d)
		}
		if strings.Contains(d.B, " from ") && strings.Contains(d.B, " count 720575940379279") { // 2^56, the top byte of the counter
			found++
		}
	}
	if found != 60 {
		t.Errorf("%d of 60 differences show the spoilt message", found)
	}
}

func TestFirstDifferenceOfALostMessage(t *testing.T) {
	a, _ := toyTrail(t, toyOptions{})
	b, _ := toyTrail(t, toyOptions{overrides: []Disturbance{parseOne(t, "lost n2>n3 token t0 #0 = yes")}})
	d, differ := FirstDifference(a, b)
	want := "first difference at step 11:\n  A: 12.6ms n3 token from n2 t0 count 2\n  B: 20ms n1 event 2"
	if !differ || d.String() != want {
		t.Errorf("got %s\nwant %s", d, want)
	}
}

func TestFirstDifferenceTable(t *testing.T) {
	trail := func(steps string) *Trail {
		tr := new(Trail)
		for i, c := range []byte(steps) {
			tr.Step(uint64(i)+1, Event{At: Time(i)}, fmt.Appendf(nil, "line %c", c|0x20), uint64(c))
		}
		return tr
	}
	for _, c := range []struct{ a, b, want string }{
		{"", "", ""},
		{"abc", "abc", ""},
		{"abc", "axc", "first difference at step 2:\n  A: 1ns line b\n  B: 1ns line x"},
		{"abc", "aBc", "first difference at step 2:\n  A: 1ns line b\n  B: 1ns line b"}, // equal lines, other digests
		{"ab", "abc", "first difference at step 3:\n  A: (the run had ended)\n  B: 2ns line c"},
		{"a", "", "first difference at step 1:\n  A: 0s line a\n  B: (the run had ended)"},
	} {
		d, differ := FirstDifference(trail(c.a), trail(c.b))
		got := ""
		if differ {
			got = d.String()
		}
		if got != c.want {
			t.Errorf("%q and %q: %q, want %q", c.a, c.b, got, c.want)
		}
	}
	same, other := new(Trail), new(Trail)
	same.Step(1, Event{}, []byte("x"), 1)
	other.Step(1, Event{}, []byte("y"), 1)
	if _, differ := FirstDifference(same, other); !differ {
		t.Error("equal digests hide other lines")
	}
}
