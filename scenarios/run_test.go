package scenarios

import (
	"testing"
	"time"

	"raftsim/sim"
)

func builtin(t testing.TB) *Catalogue {
	t.Helper()
	cat, err := NewCatalogue(Builtin()...)
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

func mustCase(t testing.TB, cat *Catalogue, name string, seed uint64) *Case {
	t.Helper()
	c, err := cat.Case(name, seed)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A run, its record replayed over a calm base, and its record laid over its own noise, are the same run.
func TestRecordedRunIsTheRun(t *testing.T) {
	cat := builtin(t)
	r := NewRunner(cat)
	for _, name := range cat.Names(true) {
		for seed := uint64(1); seed <= 8; seed++ {
			c := mustCase(t, cat, name, seed)
			run := func(what string, c *Case) *Result {
				res, err := r.Run(c, RunOptions{Record: true})
				if err != nil {
					t.Fatalf("%s %d, %s: %v", name, seed, what, err)
				}
				return res
			}
			first := run("first", c)
			own := *c
			own.Overrides = first.Recorded
			for _, again := range []struct {
				what string
				c    *Case
			}{
				{"the same case", c},
				{"record over calm", c.Explicit(first.Recorded)},
				{"record over its own noise", &own},
			} {
				res := run(again.what, again.c)
				if res.Digest != first.Digest || res.Steps != first.Steps || res.Signature != first.Signature {
					t.Errorf("%s seed %d: %s: digest %x in %d steps (%s), the first run had %x in %d (%s)", name, seed, again.what,
						res.Digest, res.Steps, res.Signature, first.Digest, first.Steps, first.Signature)
					d, _ := differences(t, cat, c, again.c)
					t.Logf("%v", d)
				}
				if again.what != "the same case" && res.Missed() > 0 {
					t.Errorf("%s seed %d: %s: %d of %d recorded keys found no subject", name, seed, again.what, res.Missed(), len(res.Hits))
				}
			}
		}
	}
}

// differences returns the first step in which the runs of two cases differ.
func differences(t testing.TB, cat *Catalogue, a, b *Case) (sim.Difference, bool) {
	t.Helper()
	var trails [2]sim.Trail
	for i, c := range []*Case{a, b} {
		if _, err := NewRunner(cat).Run(c, RunOptions{Tracer: &trails[i]}); err != nil {
			t.Fatal(err)
		}
	}
	return sim.FirstDifference(&trails[0], &trails[1])
}

// About half of the runs are short; the others last 30 s and ask 500 operations or more, whatever goes wrong in them.
func TestLongRunsAskEnough(t *testing.T) {
	cat := builtin(t)
	r := NewRunner(cat)
	long := 0
	const seeds = 80
	for seed := uint64(1); seed <= seeds; seed++ {
		c := mustCase(t, cat, "mixed", seed)
		if c.Options.Run.Window < 30*time.Second {
			if c.Options.Run.Window > 3500*time.Millisecond {
				t.Errorf("seed %d: a fault window of %v is neither short nor long", seed, c.Options.Run.Window)
			}
			continue
		}
		long++
		res, err := r.Run(c, RunOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if n := res.Counts.Operations.Invoked; n < 500 {
			t.Errorf("seed %d: %d operations in %v", seed, n, c.Options.Run.Window)
		}
	}
	if long < seeds/3 || long > seeds*2/3 {
		t.Errorf("%d of %d runs are long", long, seeds)
	}
}
