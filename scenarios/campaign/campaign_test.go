package campaign

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"raftsim/faults"
	"raftsim/raft"
	"raftsim/raft/server"
	"raftsim/scenarios"
	"raftsim/scenarios/workload"
	"raftsim/sim"
)

func builtin(t testing.TB) *scenarios.Catalogue {
	t.Helper()
	return catalogue(t, scenarios.Builtin()...)
}

func catalogue(t testing.TB, all ...scenarios.Scenario) *scenarios.Catalogue {
	t.Helper()
	cat, err := scenarios.NewCatalogue(all...)
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

func do(t *testing.T, c Config) *Summary {
	t.Helper()
	s, err := Do(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// short makes runs of a few milliseconds.
var short = []string{"run.window=3s", "workload.clients=3"}

var ignoreMachine = []cmp.Option{
	cmpopts.IgnoreFields(Summary{}, "Workers", "Wall", "catalogue"), cmp.AllowUnexported(faults.Counts{}),
}

// What a campaign says depends on its seeds and on nothing else.
func TestSameForAnyNumberOfWorkers(t *testing.T) {
	c := Config{
		Catalogue: builtin(t), Scenarios: []string{"mixed", "canary", "calm"}, Seeds: Range{5, 12}, Workers: 1, KeepRuns: 7,
		Set: short,
	}
	one := do(t, c)
	if one.Runs != 24 || one.Verdicts[scenarios.Violation] < 8 || len(one.Findings) == 0 || len(one.Listed) != 7 {
		t.Fatalf("%d runs, verdicts %d, %d findings, %d listed", one.Runs, one.Verdicts, len(one.Findings), len(one.Listed))
	}
	if first := one.Findings[0]; first.Scenario != "canary" || first.Seed != 5 {
		t.Errorf("the first finding is of %s seed %d, want canary 5", first.Scenario, first.Seed)
	}
	for _, workers := range []int{2, 4, 100} {
		c.Workers = workers
		if diff := cmp.Diff(one, do(t, c), ignoreMachine...); diff != "" {
			t.Errorf("with %d workers the campaign is another one (-1 worker +%d):\n%s", workers, workers, diff)
		}
	}
}

// The digest names the runs: another seed, another order or another scenario is another digest.
func TestDigestNamesTheRuns(t *testing.T) {
	cat := builtin(t)
	seen := map[uint64]string{}
	for _, c := range []Config{
		{Scenarios: []string{"calm"}, Seeds: Range{1, 3}},
		{Scenarios: []string{"calm"}, Seeds: Range{1, 2}},
		{Scenarios: []string{"calm"}, Seeds: Range{2, 4}},
		{Scenarios: []string{"calm", "mixed"}, Seeds: Range{1, 3}},
		{Scenarios: []string{"mixed", "calm"}, Seeds: Range{1, 3}},
		{Scenarios: []string{"calm"}, Seeds: Range{1, 3}, Set: []string{"network.late=1", "network.late_mean=1ms"}},
	} {
		c.Catalogue = cat
		c.Set = append(c.Set, "workload.clients=3")
		what := strings.Join(c.Scenarios, " ") + " " + c.Seeds.String()
		s := do(t, c)
		if other, ok := seen[s.Digest]; ok {
			t.Errorf("%s and %s have one digest", what, other)
		}
		seen[s.Digest] = what
	}
}

// A campaign that is stopped did a prefix of its runs: the same campaign over just these seeds is the same.
func TestStoppedCampaignIsAPrefix(t *testing.T) {
	cat := builtin(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stopped, err := Do(ctx, Config{
		Catalogue: cat, Scenarios: []string{"calm"}, Seeds: Range{1, 1<<64 - 1}, Workers: 3, Every: time.Millisecond, Set: short,
		Progress: func(p Progress) {
			if p.Runs >= 10 {
				cancel()
			}
		},
	})
	if err != nil || !stopped.Interrupted || stopped.Runs < 10 {
		t.Fatalf("stopped: %v, interrupted %v, %d runs", err, stopped.Interrupted, stopped.Runs)
	}
	whole := do(t, Config{Catalogue: cat, Scenarios: []string{"calm"}, Seeds: Range{1, stopped.Runs}, Set: short})
	if diff := cmp.Diff(whole, stopped, append(ignoreMachine, cmpopts.IgnoreFields(Summary{}, "Seeds", "Interrupted"))...); diff != "" {
		t.Errorf("(-whole +stopped):\n%s", diff)
	}
}

// Its time ends a campaign, but not before its first run, however late the workers begin.
func TestTimeBoundsACampaign(t *testing.T) {
	for _, limit := range []time.Duration{time.Nanosecond, time.Millisecond} {
		s := do(t, Config{
			Catalogue: builtin(t), Scenarios: []string{"calm"}, Seeds: Range{1, 1<<64 - 1}, Workers: 2, Time: limit, Set: short,
		})
		if s.Interrupted {
			t.Error("reaching the end of its time is no interruption")
		}
		if s.Runs == 0 {
			t.Errorf("no run within %v, not even the first", limit)
		}
	}
}

// fragile is the map with a judge that cannot bear seven keys.
type fragile struct{ workload.KV }

func (fragile) NewSession() workload.Session { return fragileSession{workload.KV{}.NewSession()} }

type fragileSession struct{ workload.Session }

func (s fragileSession) Reset(p workload.Plan) error {
	if p.Keys == 7 {
		panic("seven")
	}
	return s.Session.Reset(p)
}

// What fails the harness ends the campaign and names scenario and seed, the earliest if there are several.
func TestFailuresNameTheRun(t *testing.T) {
	calm := scenarios.Builtin()[0].Make
	block := make(chan struct{})
	defer close(block)
	cat := catalogue(t,
		scenarios.Scenario{Name: "panics", Application: fragile{}, Make: func(seed uint64) *scenarios.Case {
			c := calm(seed)
			c.Options.Workload.Keys = 6
			if seed >= 6 {
				c.Options.Workload.Keys = 7
			}
			return c
		}},
		scenarios.Scenario{Name: "unmade", Make: func(seed uint64) *scenarios.Case {
			if seed >= 6 {
				panic("six")
			}
			return calm(seed)
		}},
		scenarios.Scenario{Name: "hangs", Make: calm,
			NewCore: func(cfg raft.Config, now int64, initial raft.InitialState) (server.Core, error) {
				<-block
				return raft.New(cfg, now, initial)
			}},
		scenarios.Scenario{Name: "calm", Make: calm},
	)
	for _, test := range []struct {
		name string
		c    Config
		want string
		runs uint64 // that count
		is   func(error) bool
	}{
		{"panic", Config{Scenarios: []string{"panics"}, Seeds: Range{1, 9}, Workers: 1},
			"panics, seed 6: the harness panicked: seven", 5, Internal},
		{"panic of a scenario's own", Config{Scenarios: []string{"unmade"}, Seeds: Range{1, 9}, Workers: 1},
			`unmade, seed 6: scenario "unmade", seed 6: function Make panicked: six`, 5, func(err error) bool { return !Internal(err) }},
		{"earliest panic", Config{Scenarios: []string{"panics"}, Seeds: Range{1, 9}, Workers: 4},
			"panics, seed 6: the harness panicked: seven", 5, Internal},
		{"hang", Config{Scenarios: []string{"hangs"}, Seeds: Range{3, 9}, Workers: 1, Hang: 50 * time.Millisecond},
			"hangs, seed 3: the run did not end within 50ms", 0, Internal},
		{"impossible option", Config{Scenarios: []string{"calm"}, Seeds: Range{1, 9}, Set: []string{"cluster.nodes=99"}},
			`calm, seed 1: --set makes scenario "calm" of seed 1 impossible: cluster.nodes: 99 servers: want 1 to 31`, 0,
			func(err error) bool { return !Internal(err) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.c.Catalogue = cat
			test.c.Set = append(test.c.Set, short...)
			s, err := Do(context.Background(), test.c)
			var re *RunError
			if !errors.As(err, &re) || err.Error() != test.want || !test.is(err) {
				t.Errorf("error %v, want %s", err, test.want)
			}
			if s.Runs < test.runs {
				t.Errorf("%d runs count, want at least %d", s.Runs, test.runs)
			}
		})
	}
}

func TestRange(t *testing.T) {
	for _, test := range []struct {
		text string
		want Range
		ok   bool
	}{
		{"7", Range{7, 7}, true},
		{"1-200", Range{1, 200}, true},
		{"0x10-0x1f", Range{16, 31}, true},
		{"0-18446744073709551615", Range{0, 1<<64 - 1}, true},
		{"82c7a43", Range{0x82c7a43, 0x82c7a43}, true},
		{"", Range{}, false},
		{"5-4", Range{}, false},
		{"1-", Range{1, 1<<64 - 1}, true},
		{"-1", Range{}, false},
		{"1-2-3", Range{}, false},
		{"1..3", Range{}, false},
		{"18446744073709551616", Range{}, false},
	} {
		got, err := ParseRange(test.text)
		if got != test.want || (err == nil) != test.ok {
			t.Errorf("ParseRange(%q) = %v, %v; want %v, ok %v", test.text, got, err, test.want, test.ok)
		}
		if again, err := ParseRange(got.String()); test.ok && (err != nil || again != got) {
			t.Errorf("%v prints as %q, which reads as %v", got, got.String(), again)
		}
	}
	for seeds, want := range map[Range]uint64{{1, 10}: 30, {0, 1<<64 - 1}: 1<<64 - 1, {1, 1<<64 - 1}: 1<<64 - 1} {
		c := Config{Seeds: seeds, Scenarios: make([]string, 3)}
		if got := c.total(); got != want {
			t.Errorf("seeds %v of 3 scenarios are %d runs, want %d", seeds, got, want)
		}
	}
}

// Twice tells two runs that differ, and where.
func TestTwiceFindsTheFirstDifference(t *testing.T) {
	calm := scenarios.Builtin()[0].Make
	cores := 0
	cat := catalogue(t, scenarios.Scenario{Name: "calm", Make: calm}, scenarios.Scenario{Name: "drifts", Make: calm,
		NewCore: func(cfg raft.Config, now int64, initial raft.InitialState) (server.Core, error) {
			cores++
			n := cores
			cfg.Jitter = func(uint64) time.Duration { return time.Duration(n) * time.Millisecond }
			return raft.New(cfg, now, initial)
		}})
	twice := func(name string) error {
		c, err := cat.Case(name, 3)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Twice(cat, c, time.Minute)
		return err
	}
	if err := twice("calm"); err != nil {
		t.Error(err)
	}
	var d *DivergedError
	if err := twice("drifts"); !errors.As(err, &d) || d.Where.Step == 0 || d.Where.A == d.Where.B || d.Digests[0] == d.Digests[1] {
		t.Errorf("a run that differs from itself: %v", err)
	}
	if d.Where == (sim.Difference{}) {
		t.Error("the first difference is not named")
	}
}
