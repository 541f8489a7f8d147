package checker

import (
	"fmt"
	"testing"
)

func TestPropertyCodesParseBack(t *testing.T) {
	seen := map[string]bool{}
	for p := ElectionSafety; p < propertyCount; p++ {
		if back, ok := ParseProperty(p.String()); !ok || back != p {
			t.Errorf("%v parses back to %v, %v", p, back, ok)
		}
		if p.Name() == p.String() || seen[p.Name()] || seen[p.String()] {
			t.Errorf("%v has no name of its own: %q", p, p.Name())
		}
		seen[p.Name()], seen[p.String()] = true, true
	}
	if _, ok := ParseProperty("NONE"); ok {
		t.Error("no property is a property")
	}
}

func TestViolationText(t *testing.T) {
	v := Violation{Property: LeaderCompleteness, Rule: "missing-commitment", Step: 7, At: 12, Node: 3, Detail: "lost"}
	if got, want := v.Signature(), "LC/missing-commitment"; got != want {
		t.Errorf("signature %q, want %q", got, want)
	}
	if got, want := v.String(), "LC/missing-commitment step 7 at 12ns n3: lost"; got != want {
		t.Errorf("line %q, want %q", got, want)
	}
}

// A flood of one rule leaves room for others, and everything is counted.
func TestFindingsAreBounded(t *testing.T) {
	var f Findings
	for range 1000 {
		f.Add(Violation{Property: Liveness, Rule: "stuck"})
	}
	if len(f.All()) != MaxViolationsOfARule || f.Total() != 1000 {
		t.Fatalf("kept %d of %d", len(f.All()), f.Total())
	}
	for i := range 1000 {
		f.Add(Violation{Property: Liveness, Rule: fmt.Sprint("rule-", i)})
	}
	if len(f.All()) != MaxViolations || f.Total() != 2000 {
		t.Fatalf("kept %d of %d", len(f.All()), f.Total())
	}
	if !f.Has("LIVE/stuck") || !f.Has("LIVE/rule-0") || f.Has("LIVE/rule-999") {
		t.Fatal("the oldest are kept")
	}
	f.Reset()
	if len(f.All()) != 0 || f.Total() != 0 {
		t.Fatal("reset keeps something")
	}
}
