package fixed_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"raftsim/internal/fixed"
)

// drawn returns what a property is given, case by case.
func drawn(t *testing.T, cases int) (all []string) {
	t.Helper()
	fixed.Check(t, cases, func(t *rapid.T) {
		actions := 0
		t.Repeat(map[string]func(*rapid.T){"act": func(t *rapid.T) { rapid.Bool().Draw(t, "what"); actions++ }})
		all = append(all, fmt.Sprint(rapid.Uint64().Draw(t, "number"), rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"), actions))
	})
	return all
}

// The numbers are of the generator of rapid, which go.mod pins: no process, architecture or setting has others.
func TestSameDrawsEveryTime(t *testing.T) {
	first := drawn(t, 40)
	if len(first) != 40 || first[0] == first[1] {
		t.Fatalf("%d cases, which begin with %s and %s", len(first), first[0], first[1])
	}
	for _, setting := range []string{"rapid.seed=77", "rapid.checks=3", "rapid.steps=5", "test.short=true"} {
		name, value, _ := strings.Cut(setting, "=")
		before := flag.Lookup(name).Value.String()
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
		got, left := drawn(t, 40), flag.Lookup(name).Value.String()
		if err := flag.Set(name, before); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, got); diff != "" {
			t.Errorf("with -%s the draws are others (-without +with):\n%s", setting, diff)
		}
		if left != value {
			t.Errorf("-%s is %s afterwards", setting, left)
		}
	}
	if diff := cmp.Diff(first[:5], drawn(t, 5)); diff != "" {
		t.Errorf("fewer cases are not the first of more:\n%s", diff)
	}
}

// recorder takes the place of a test that fails.
type recorder struct {
	testing.TB
	failed bool
	text   strings.Builder
}

func (r *recorder) Helper()                   {}
func (r *recorder) Logf(f string, a ...any)   { fmt.Fprintf(&r.text, f+"\n", a...) }
func (r *recorder) Errorf(f string, a ...any) { r.failed = true; r.Logf(f, a...) }
func (r *recorder) FailNow()                  { panic(r) }
func (r *recorder) Failed() bool              { return r.failed }

// A failure is not lost, says how to find it again, and leaves the settings as they were.
func TestFailureIsReported(t *testing.T) {
	before := flag.Lookup("rapid.nofailfile").Value.String()
	if err := flag.Set("rapid.nofailfile", "true"); err != nil {
		t.Fatal(err)
	}
	defer flag.Set("rapid.nofailfile", before)
	seed := flag.Lookup("rapid.seed").Value.String()
	r := &recorder{TB: t}
	func() {
		defer func() {
			if p := recover(); p != nil && p != any(r) {
				panic(p)
			}
		}()
		fixed.Check(r, 40, func(t *rapid.T) {
			if n := rapid.IntRange(0, 1000).Draw(t, "number"); n > 500 {
				t.Fatalf("%d is above 500", n)
			}
		})
	}()
	if text := r.text.String(); !r.failed || !strings.Contains(text, "501 is above 500") || !strings.Contains(text, "-rapid.seed=") {
		t.Errorf("failed %v: %s", r.failed, text)
	}
	if now := flag.Lookup("rapid.seed").Value.String(); now != seed {
		t.Errorf("the seed was %s and is %s", seed, now)
	}
}
