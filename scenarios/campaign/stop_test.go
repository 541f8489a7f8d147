package campaign

import (
	"context"
	"slices"
	"strings"
	"testing"

	"raftsim/checker"
	"raftsim/scenarios"
)

// A campaign that waits for a property ends at the first run that breaks it, and notes every rule that runs broke; one that waits for
// something else makes all its runs.
func TestStopAt(t *testing.T) {
	cat, err := scenarios.NewCatalogue(scenarios.Builtin()...)
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Catalogue: cat, Scenarios: []string{"canary"}, Seeds: Range{1, 20}, Workers: 1}
	all, err := Do(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if all.Stopped || all.Runs != 20 || len(all.Broken) == 0 {
		t.Fatalf("stopped %v after %d runs, broken %v", all.Stopped, all.Runs, all.Broken)
	}
	for _, f := range all.Findings {
		if !slices.ContainsFunc(all.Broken, func(b Broken) bool {
			return b.Signature == f.Signature && b.Runs >= f.Count && b.Seed <= f.Seed && b.FirstRun == b.Seed && b.Scenario == "canary"
		}) {
			t.Errorf("%s names %d runs from seed %d on, but the broken rules are %v", f.Signature, f.Count, f.Seed, all.Broken)
		}
	}
	code, _, _ := strings.Cut(all.Broken[0].Signature, "/")
	broken, _ := checker.ParseProperty(code)
	c.StopAt = []checker.Property{broken}
	s, err := Do(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	// While the result comes in, the worker may make as many more as wait to be added up.
	if first := all.Broken[0].FirstRun; !s.Stopped || s.Runs < first || s.Runs > first+6 || s.Broken[0].Signature != all.Broken[0].Signature {
		t.Errorf("%v was first broken by run %d; stopped: %v, after %d runs, broken %v", broken, first, s.Stopped, s.Runs, s.Broken)
	}
	c.StopAt = []checker.Property{checker.Bound}
	if s, err = Do(context.Background(), c); err != nil || s.Stopped || s.Runs != 20 || s.Digest != all.Digest {
		t.Errorf("no bound was broken, but the campaign stopped: %v, after %d runs (%v)", s.Stopped, s.Runs, err)
	}
}
