package scenarios_test

import (
	"testing"

	"raftsim/scenarios"
	"raftsim/scenarios/simtest"
)

var simFlags = simtest.Register()

func catalogue(t testing.TB) *scenarios.Catalogue {
	t.Helper()
	cat, err := scenarios.NewCatalogue(scenarios.Builtin()...)
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

// TestSeeds runs the first seeds of every scenario within the contract, or what -sim.seed, -sim.runs and -sim.replay say.
func TestSeeds(t *testing.T) {
	cat := catalogue(t)
	simFlags.Seeds(t, cat, cat.Names(false)...)
}

// TestCorpus replays what has ever failed.
func TestCorpus(t *testing.T) { simtest.Corpus(t, catalogue(t), "../testdata/seeds") }
