package simtest

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"raftsim/scenarios"
	"raftsim/scenarios/campaign"
)

// hang is how long a run may take. A run that never ends would otherwise be reported by go test without its seed.
const hang = time.Minute

// Seeds runs seeds of each scenario as a subtest (no names: of all that do not fail on purpose), or the case of the seed file that -sim.replay names. A violation fails the test
// with the commands to go on with. An inconclusive run is noted; more of them than -sim.max-inconclusive allows fail the test too:
// where no judge decides, a test that is green says nothing.
func (f *Flags) Seeds(t *testing.T, cat *scenarios.Catalogue, names ...string) {
	t.Helper()
	s, err := f.settings()
	if err != nil {
		t.Fatal(err)
	}
	if s.replay != "" {
		file := locate(s.replay)
		if problem := replay(cat, file, goTest(t.Name()), true, nothing); problem != "" {
			t.Error(problem)
		}
		return
	}
	if len(names) == 0 {
		names = cat.Names(false)
	}
	if len(names) == 0 {
		t.Fatal("the catalogue has no scenario to run")
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, problem := range seeds(t, cat, name, s) {
				t.Error(problem)
			}
		})
	}
}

// Corpus replays every seed file in a folder as a subtest. What once failed must pass now; only scenarios outside the contract
// may still fail the way they did. A folder that does not exist has no files.
func Corpus(t *testing.T, cat *scenarios.Catalogue, folder string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.seed"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".seed"), func(t *testing.T) {
			t.Parallel()
			if problem := replay(cat, file, goTest(t.Name()), false, outsideContract); problem != "" {
				t.Error(problem)
			}
		})
	}
}

// seeds runs seeds of one scenario and returns a report on the first of every kind of violation.
func seeds(t testing.TB, cat *scenarios.Catalogue, name string, s settings) (problems []string) {
	seen := make(map[string]bool)
	runner := scenarios.NewRunner(cat)
	undecided, first := uint64(0), ""
	for seed := s.seed; seed-s.seed < s.runs; seed++ {
		c, err := cat.Case(name, seed)
		if err != nil {
			return append(problems, err.Error())
		}
		res, err := campaign.GuardedBy(runner, c, scenarios.RunOptions{CheckOnce: true}, hang)
		if err != nil {
			return append(problems, err.Error())
		}
		switch {
		case res.Verdict == scenarios.Inconclusive:
			t.Logf("%s seed %s: %s", name, scenarios.FormatSeed(seed), broke(res))
			if undecided++; undecided == 1 {
				first = fmt.Sprintf("seed %s: %s", scenarios.FormatSeed(seed), broke(res))
			}
		case res.Verdict == scenarios.Violation && !seen[res.Signature]:
			seen[res.Signature] = true
			problems = append(problems, report(cat, c, res, t.Name()))
		}
	}
	if campaign.Exceeds(undecided, s.runs, s.share) {
		problems = append(problems, fmt.Sprintf("%s: %d of %d runs are inconclusive, more than %s: no judge could decide them (-sim.max-inconclusive); first %s",
			name, undecided, s.runs, s.share, first))
	}
	return problems
}

// report keeps a failure as a seed file and says how to go on. test is the test that found it.
func report(cat *scenarios.Catalogue, c *scenarios.Case, res *scenarios.Result, test string) string {
	head := fmt.Sprintf("%s seed %s: %s\n", c.Scenario, scenarios.FormatSeed(c.Seed), broke(res))
	recorded, err := campaign.Record(cat, c, hang)
	switch {
	case err != nil:
		return head + "  running it again: " + err.Error()
	case recorded.Digest != res.Digest:
		return head + fmt.Sprintf("  not reproducible: digest %s, then %s",
			scenarios.FormatDigest(res.Digest), scenarios.FormatDigest(recorded.Digest))
	}
	root, _, _ := strings.Cut(test, "/")
	h := hints(cat, c.Scenario, goTest(root))
	file, err := campaign.Keep(cat, c, recorded, outFolder(), h)
	if err != nil {
		return head + "  writing the seed file: " + err.Error()
	}
	return head + commands(h.File(file))
}

// hints are what can be run of a scenario: its test, and simrun where it is one of the house.
func hints(cat *scenarios.Catalogue, scenario, test string) campaign.Hints {
	h := campaign.Hints{Test: test}
	if cat.IsBuiltin(scenario) {
		h.Program = "simrun"
	}
	return h
}

// accepted says of which scenarios a file may still fail the way it did.
type accepted func(*scenarios.Scenario) bool

func nothing(*scenarios.Scenario) bool           { return false }
func outsideContract(s *scenarios.Scenario) bool { return s.Unsafe }

// replay returns what is wrong with the run of a seed file, "" if nothing is. test runs it, and is told the file if it is named.
func replay(cat *scenarios.Catalogue, file, test string, named bool, accept accepted) string {
	f, err := campaign.Read(cat, file)
	if err != nil {
		return err.Error()
	}
	r, err := campaign.Replay(cat, f, scenarios.RunOptions{}, hang)
	if err != nil {
		return err.Error()
	}
	what := broke(r.Result)
	switch r.Outcome {
	case campaign.AsRecorded, campaign.PassesNow:
		return ""
	case campaign.Reproduced:
		if s, err := cat.Lookup(f.Case.Scenario); err == nil && accept(s) {
			return ""
		}
	case campaign.NotReached:
		what = fmt.Sprintf("%d of %d recorded faults found no subject; recorded was %s", r.Missed, r.Faults, f.Expect.Signature)
	}
	h := hints(cat, f.Case.Scenario, test)
	if !named {
		h.Test = ""
	}
	list := h.File(file)
	if !named {
		list = append(list, campaign.Command{What: "go test", Line: test})
	}
	return fmt.Sprintf("%s: %s: %s\n%s", file, r.Outcome, what, commands(list))
}

func broke(res *scenarios.Result) string {
	if v, ok := res.Primary(); ok {
		return campaign.ViolationLine(v)
	}
	if res.Undecided != "" {
		return res.Verdict.String() + ": " + res.Undecided
	}
	return res.Verdict.String()
}

// commands writes them one a line.
func commands(list []campaign.Command) string {
	var b strings.Builder
	for _, c := range list {
		fmt.Fprintf(&b, "  %-10s %s\n", c.What+":", c.Line)
	}
	return strings.TrimRight(b.String(), "\n")
}

// goTest returns the command that runs one test of this package.
func goTest(name string) string {
	pkg := "."
	if _, rel, ok := module(); ok {
		pkg = rel
	}
	return "go test " + pkg + " -run '" + name + "$'"
}
