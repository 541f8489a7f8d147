package simtest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"raftsim/scenarios"
	"raftsim/scenarios/campaign"
)

func builtin(t *testing.T) *scenarios.Catalogue {
	t.Helper()
	cat, err := scenarios.NewCatalogue(scenarios.Builtin()...)
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

// A flag counts before its twin in the environment, and that before the default.
func TestSettings(t *testing.T) {
	for _, name := range []string{"SIM_SEED", "SIM_RUNS", "SIM_REPLAY"} {
		t.Setenv(name, "")
	}
	parse := func(args ...string) (settings, error) {
		set := flag.NewFlagSet("test", flag.ContinueOnError)
		f := register(set)
		if err := set.Parse(args); err != nil {
			t.Fatal(err)
		}
		return f.settings()
	}
	check := func(got settings, err error, want settings) {
		t.Helper()
		if err != nil || got != want {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	}
	s, err := parse()
	check(s, err, settings{seed: 1, runs: defaultRuns})
	s, err = parse("-sim.seed=0x2a", "-sim.runs=3", "-sim.replay=x.seed")
	check(s, err, settings{seed: 42, runs: 3, replay: "x.seed"})
	t.Setenv("SIM_SEED", "82c7a43")
	t.Setenv("SIM_RUNS", "7")
	t.Setenv("SIM_REPLAY", "y.seed")
	s, err = parse("-sim.runs=3")
	check(s, err, settings{seed: 0x82c7a43, runs: 3, replay: "y.seed"})
	for _, bad := range []string{"-sim.runs=0", "-sim.runs=many", "-sim.seed=many"} {
		if _, err := parse(bad); err == nil || !strings.Contains(err.Error(), bad[1:9]) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// A violation is reported once per kind, with a file and the commands to go on with.
func TestViolationsAreReported(t *testing.T) {
	out := t.TempDir()
	t.Setenv("SIM_OUT", out)
	cat := builtin(t)
	problems := seeds(t, cat, "canary", settings{seed: 1, runs: 3})
	files, _ := filepath.Glob(filepath.Join(out, "canary-*-1.seed"))
	if len(problems) == 0 || len(files) != 1 {
		t.Fatalf("%d problems, files %v", len(problems), files)
	}
	for _, part := range []string{
		"canary seed 1: ", "simrun replay " + files[0], "simrun replay " + files[0] + " --trace",
		"go test ./scenarios/simtest -run 'TestViolationsAreReported$' -sim.replay=" + files[0],
	} {
		if !strings.Contains(problems[0], part) {
			t.Errorf("the report lacks %q:\n%s", part, problems[0])
		}
	}
	kinds := map[string]bool{}
	for _, p := range problems {
		_, kind, _ := strings.Cut(p, "(")
		kind, _, _ = strings.Cut(kind, ")")
		if kinds[kind] {
			t.Errorf("reported twice: %s", kind)
		}
		kinds[kind] = true
	}

	if p := replay(cat, files[0], "go test", nothing); !strings.Contains(p, campaign.Reproduced.String()) {
		t.Errorf("replayed: %q", p)
	}
	if p := replay(cat, files[0], "go test", outsideContract); p != "" {
		t.Errorf("a scenario outside the contract may fail: %q", p)
	}
	if p := replay(cat, filepath.Join(out, "none.seed"), "go test", nothing); !strings.Contains(p, "none.seed: no such file") {
		t.Errorf("no file: %q", p)
	}
}

func TestCorpusOfPassesIsQuiet(t *testing.T) {
	if problems := seeds(t, builtin(t), "calm", settings{seed: 1, runs: 2}); len(problems) > 0 {
		t.Error(problems)
	}
	Corpus(t, builtin(t), filepath.Join(t.TempDir(), "none"))
}

// go test runs in the folder of the package, but people give files relative to where they are.
func TestLocate(t *testing.T) {
	root, pkg, ok := module()
	if !ok || pkg != "./scenarios/simtest" {
		t.Fatalf("module at %s, package %s, %v", root, pkg, ok)
	}
	for given, want := range map[string]string{
		"simtest_test.go": "simtest_test.go",
		"go.mod":          filepath.Join(root, "go.mod"),
		"none.seed":       "none.seed",
		os.TempDir():      os.TempDir(),
	} {
		if got := locate(given); got != want {
			t.Errorf("locate(%s) = %s, want %s", given, got, want)
		}
	}
}
