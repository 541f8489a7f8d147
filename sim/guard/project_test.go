package guard_test

import (
	"testing"

	"raftsim/sim/guard"
)

// TestProjectIsDeterministic holds every deterministic package of the project against the rules.
func TestProjectIsDeterministic(t *testing.T) {
	patterns, rules := guard.Project()
	found, err := guard.Check("../..", patterns, rules)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}
