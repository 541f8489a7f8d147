package simtest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"raftsim/checker"
	"raftsim/scenarios"
	"raftsim/scenarios/campaign"
	"raftsim/scenarios/workload"
	"raftsim/sim"
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
	for _, name := range []string{"SIM_SEED", "SIM_RUNS", "SIM_REPLAY", "SIM_MAX_INCONCLUSIVE"} {
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
	check(s, err, settings{seed: 1, runs: defaultRuns, share: sim.Ratio{Num: 1, Den: 100}})
	s, err = parse("-sim.seed=0x2a", "-sim.runs=3", "-sim.replay=x.seed", "-sim.max-inconclusive=1/3")
	check(s, err, settings{seed: 42, runs: 3, replay: "x.seed", share: sim.Ratio{Num: 1, Den: 3}})
	t.Setenv("SIM_SEED", "82c7a43")
	t.Setenv("SIM_RUNS", "7")
	t.Setenv("SIM_REPLAY", "y.seed")
	t.Setenv("SIM_MAX_INCONCLUSIVE", "1/2")
	s, err = parse("-sim.runs=3")
	check(s, err, settings{seed: 0x82c7a43, runs: 3, replay: "y.seed", share: sim.Ratio{Num: 1, Den: 2}})
	for _, bad := range []string{"-sim.runs=0", "-sim.runs=many", "-sim.seed=many", "-sim.max-inconclusive=many"} {
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

	if p := replay(cat, files[0], "go test", true, nothing); !strings.Contains(p, campaign.Reproduced.String()) {
		t.Errorf("replayed: %q", p)
	}
	if p := replay(cat, files[0], "go test", true, outsideContract); p != "" {
		t.Errorf("a scenario outside the contract may fail: %q", p)
	}
	if p := replay(cat, filepath.Join(out, "none.seed"), "go test", true, nothing); !strings.Contains(p, "none.seed: no such file") {
		t.Errorf("no file: %q", p)
	}
}

// undecided is the map with a judge that decides nothing where there is an odd number of clients.
type undecided struct{ workload.KV }

func (undecided) NewSession() workload.Session {
	return &undecidedSession{Session: workload.KV{}.NewSession()}
}

type undecidedSession struct {
	workload.Session
	odd bool
}

func (s *undecidedSession) Reset(p workload.Plan) error {
	s.odd = p.Clients%2 == 1
	return s.Session.Reset(p)
}

func (s *undecidedSession) Judge(order []checker.Execution, budget uint64) workload.Judgement {
	j := s.Session.Judge(order, budget)
	if s.odd {
		j.Inconclusive, j.Undecided = 1, "an odd number of clients"
	}
	return j
}

// A test is not green because no judge could decide.
func TestTooManyInconclusiveRunsFail(t *testing.T) {
	base := scenarios.Builtin()[0]
	cat, err := scenarios.NewCatalogue(scenarios.Scenario{Name: "half", Application: undecided{}, Make: func(seed uint64) *scenarios.Case {
		c := base.Make(seed)
		c.Options.Workload.Clients = 2 + int(seed%2)
		return c
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		share sim.Ratio
		want  string
	}{
		{sim.Ratio{Num: 1, Den: 100}, "half: 2 of 4 runs are inconclusive, more than 1/100: no judge could decide them (-sim.max-inconclusive); " +
			"first seed 1: inconclusive: an odd number of clients"},
		{sim.Ratio{Num: 1, Den: 2}, ""},
	} {
		problems := seeds(t, cat, "half", settings{seed: 1, runs: 4, share: tc.share})
		if got := strings.Join(problems, "\n"); got != tc.want {
			t.Errorf("with %s allowed: %q, want %q", tc.share, got, tc.want)
		}
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
