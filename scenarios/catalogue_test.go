package scenarios

import (
	"slices"
	"strings"
	"testing"

	"raftsim/scenarios/workload"
	"raftsim/sim"
)

func TestBuiltinNames(t *testing.T) {
	cat := builtin(t)
	want := []string{"calm", "partitions", "crashes", "mixed", "routing", "membership", "clocks", "damage", "register", "locks"}
	if got := cat.Names(false); !slices.Equal(got, want) {
		t.Errorf("within the contract: %v, want %v", got, want)
	}
	if got := cat.Names(true); !slices.Equal(got, append(want, "canary")) {
		t.Errorf("all: %v", got)
	}
	for _, s := range cat.Scenarios() {
		if s.Doc == "" || strings.ContainsAny(s.Name, " \t\"") {
			t.Errorf("scenario %q: %q", s.Name, s.Doc)
		}
	}
}

// known is how errors list the scenarios.
const known = "calm, partitions, crashes, mixed, routing, membership, clocks, damage, register, locks, canary"

func TestUnknownScenarios(t *testing.T) {
	cat := builtin(t)
	for _, tc := range []struct{ name, want string }{
		{"mixd", `unknown scenario "mixd": did you mean "mixed"?`},
		{"crash", `unknown scenario "crash": did you mean "crashes"?`},
		{"Calm", `unknown scenario "Calm": did you mean "calm"?`},
		{"", `unknown scenario "": known are ` + known},
		{"thunderstorm", `unknown scenario "thunderstorm": known are ` + known},
	} {
		_, lookup := cat.Lookup(tc.name)
		_, vocabulary := cat.Vocabulary(tc.name)
		_, made := cat.Case(tc.name, 1)
		_, ran := NewRunner(cat).Run(&Case{Scenario: tc.name, Options: Defaults()}, RunOptions{})
		for _, err := range []error{lookup, vocabulary, made, ran} {
			if err == nil || err.Error() != tc.want {
				t.Errorf("%q: %v, want %s", tc.name, err, tc.want)
			}
		}
	}
}

func TestWrongCatalogues(t *testing.T) {
	make := func(uint64) *Case { return &Case{Options: Defaults()} }
	own := sim.Spec{Purpose: 128, Name: "own", Value: sim.FlagFormat{}}
	for _, tc := range []struct {
		what      string
		scenarios []Scenario
		want      string // part of the error
	}{
		{"nothing", nil, "a catalogue needs at least one scenario"},
		{"no name", []Scenario{{Make: make}}, "needs a name"},
		{"two words", []Scenario{{Name: "my own", Make: make}}, `scenario 1: name "my own" is not one word of letters, digits, '-', '_' and '.'`},
		{"a path", []Scenario{{Name: "a/b", Make: make}}, `name "a/b" is not one word`},
		{"an empty application", []Scenario{{Name: "a", Make: make, Application: &workload.Custom{}}}, `scenario "a": the application needs an AppName`},
		{"no application", []Scenario{{Name: "a", Make: make, Application: (*workload.Custom)(nil)}}, `scenario "a": the application is a nil *workload.Custom`},
		{"no Make", []Scenario{{Name: "a"}}, "needs a name and Make"},
		{"twice", []Scenario{{Name: "a", Make: make}, {Name: "b", Make: make}, {Name: "a", Make: make}}, `"a" is there twice`},
		{"a core of Raft for what is no Raft", []Scenario{{Name: "a", Make: make, Protocol: registerProtocol{}, Application: workload.KV{}}}, "neither Application nor NewCore"},
		{"a purpose twice", []Scenario{{Name: "a", Make: make, Purposes: []sim.Spec{own, own}}}, "declared"},
		{"the name of a purpose of the house", []Scenario{{Name: "a", Make: make, Purposes: []sim.Spec{{Purpose: 128, Name: "late", Value: sim.FlagFormat{}}}}}, `"late"`},
	} {
		if _, err := NewCatalogue(tc.scenarios...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q in it", tc.what, err, tc.want)
		}
	}
	if _, err := NewCatalogue(Scenario{Name: "a", Make: make, Purposes: []sim.Spec{own}}); err != nil {
		t.Error(err)
	}
}

// A Make that panics, or returns nothing, is named.
func TestMakeThatFails(t *testing.T) {
	cat, err := NewCatalogue(
		Scenario{Name: "panics", Make: func(uint64) *Case { panic("not today") }}, Scenario{Name: "empty", Make: func(uint64) *Case { return nil }},
		Scenario{Name: "calm", Make: makeCalm}, Scenario{Name: "mixed", Make: MakeMixed, Application: workload.Lock{}},
	)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"panics": `scenario "panics", seed 7: function Make panicked: not today`, "empty": `scenario "empty", seed 7: function Make returned no case`,
	} {
		if c, err := cat.Case(name, 7); c != nil || err == nil || err.Error() != want {
			t.Errorf("%v, %v; want %s", c, err, want)
		}
	}
	for name, want := range map[string]bool{"panics": false, "calm": true, "mixed": false, "none": false} {
		if cat.IsBuiltin(name) != want {
			t.Errorf("%s is of the house: %v", name, !want)
		}
	}
}

// A case is a function of its seed, differs from seed to seed, and can be run as the options say.
func TestCasesOfSeeds(t *testing.T) {
	cat := builtin(t)
	for _, name := range cat.Names(true) {
		v, err := cat.Vocabulary(name)
		if err != nil {
			t.Fatal(err)
		}
		texts := make(map[string]uint64)
		sizes := make(map[int]bool)
		for seed := uint64(0); seed < 300; seed++ {
			c := mustCase(t, cat, name, seed)
			if c.Scenario != name || c.Seed != seed || c.Options.Validate() != nil {
				t.Fatalf("%s %d: %+v", name, seed, c)
			}
			text, err := (&SeedFile{Case: c}).Format(v)
			if err != nil {
				t.Fatal(err)
			}
			again, err := (&SeedFile{Case: mustCase(t, cat, name, seed)}).Format(v)
			if err != nil || string(again) != string(text) {
				t.Fatalf("%s %d: made twice, it differs", name, seed)
			}
			body, _, _ := strings.Cut(string(text[strings.Index(string(text), "[cluster]"):]), "-- overrides")
			if other, same := texts[body]; same {
				t.Errorf("%s: seeds %d and %d have the same options", name, other, seed)
			}
			texts[body] = seed
			sizes[c.Options.Cluster.Nodes] = true
		}
		if least := 7; len(sizes) < least && name != "canary" && name != "membership" {
			t.Errorf("%s: %d sizes of clusters in 300 seeds, want %d", name, len(sizes), least)
		}
	}
}

// A canary is always a violation, and its signature is stable enough to be the test of whatever handles failures.
func TestCanarySings(t *testing.T) {
	cat := builtin(t)
	r := NewRunner(cat)
	for seed := uint64(1); seed <= 12; seed++ {
		res, err := r.Run(mustCase(t, cat, "canary", seed), RunOptions{})
		if err != nil || res.Verdict != Violation {
			t.Errorf("seed %d: %v, %v", seed, res.Verdict, err)
		}
	}
}
