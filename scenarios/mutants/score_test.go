package mutants

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"raftsim/checker"
)

func source(t *testing.T) string {
	t.Helper()
	root, err := FindSource(".")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// config is of a score in this tree. The build cache is the one this test was built with: it has most of what is needed.
// The time is many times what the hunts take: they end by what they find or by their runs, on a slow machine too.
func config(t *testing.T) Config {
	t.Helper()
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Source: source(t), Scenario: "mixed", Time: 2 * time.Minute, Workers: 1, First: 1, Cache: strings.TrimSpace(string(cache)),
		Progress: func(line string) { t.Log(line) },
	}
}

// The patches of the tree are against today's tree, and called after their rows.
func TestPatchesApply(t *testing.T) {
	root := source(t)
	files, err := Patches(root)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, file := range files {
		p, err := ReadPatch(file)
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := p.Apply(root); err != nil {
			t.Error(err)
		}
		if name := filepath.Base(file); name != p.Row+".patch" {
			t.Errorf("%s holds row %s", name, p.Row)
		}
		rows = append(rows, p.Row)
	}
	if d := cmp.Diff([]string{
		"A03", "C03", "C11", "D01", "D02", "D03", "D04", "D07", "D10", "D11", "D19", "E04", "E09", "E22", "E25", "F04", "K01", "K02", "K03", "K04", "M01", "M03", "M08", "M09", "M14", "M15", "M21", "N01", "N04", "N05", "N06", "N07", "N12", "P05", "P07", "Q01", "Q02", "Q03", "Q04", "Q05", "R02", "R10", "R26", "S01", "S08", "S09", "S15", "S20", "T06", "X01", "X04", "X07", "X12",
	}, rows); d != "" {
		t.Error(d)
	}
}

// A planted bug is caught by the judge of what it breaks, and the program without it is silent.
func TestMutantIsCaught(t *testing.T) {
	c := config(t)
	c.Patches = []string{filepath.Join(c.Source, "testdata", "mutants", "E25.patch")}
	c.Control = true
	before, err := os.ReadFile(filepath.Join(c.Source, "raft", "election.go"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Score(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range append([]Row{*r.Control}, r.Rows...) {
		if row.Err != nil {
			t.Fatal(row.Err)
		}
	}
	if !r.OK() || len(r.Rows) != 1 {
		t.Fatalf("control: %d runs, seen %v; mutant: %d runs, seen %v", r.Control.Runs, r.Control.Seen, r.Rows[0].Runs, r.Rows[0].Seen)
	}
	if r.Control.Runs != ControlRuns {
		t.Errorf("the control made %d runs", r.Control.Runs)
	}
	row := &r.Rows[0]
	if row.Hit.Property() != checker.ElectionSafety || row.Hit.FirstRun == 0 || row.Hit.FirstRun > row.Runs ||
		row.Hit.FirstSeed != c.First+row.Hit.FirstRun-1 || row.CPU <= 0 || row.CPU > 2*c.Time {
		t.Errorf("hit %+v after %d runs and %v of CPU", *row.Hit, row.Runs, row.CPU)
	}
	after, err := os.ReadFile(filepath.Join(c.Source, "raft", "election.go"))
	if err != nil || string(after) != string(before) {
		t.Errorf("the source tree was changed (%v)", err)
	}
}

// A mutant without a bug is not caught, one that does not compile has failed, and either spoils the score.
func TestMutantIsNotCaught(t *testing.T) {
	const header = "row: Z01\nviolates: ES, LC, LM, SMS, LIN, EO, DUR\ntitle: t\nsource: s\n\n"
	const diff = `--- a/raft/quorum/quorum.go
+++ b/raft/quorum/quorum.go
@@ -1,3 +1,3 @@
 	need := len(m)/2 + 1
-	switch {
+	switch NOTHING{
 	case granted >= need:
`
	c := config(t)
	c.Time = time.Second
	c.Keep = true
	c.Patches = []string{filepath.Join(t.TempDir(), "harmless.patch"), filepath.Join(t.TempDir(), "broken.patch")}
	for i, word := range []string{"true ", "undefined "} {
		if err := os.WriteFile(c.Patches[i], []byte(header+strings.Replace(diff, "NOTHING", word, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Score(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(r.Scratch)
	harmless, broken := &r.Rows[0], &r.Rows[1]
	if harmless.Caught() || harmless.Err != nil || harmless.Runs == 0 || len(harmless.Seen) > 0 {
		t.Errorf("harmless: caught %v, %v, %d runs, seen %v", harmless.Caught(), harmless.Err, harmless.Runs, harmless.Seen)
	}
	if broken.Caught() || broken.Err == nil || !strings.Contains(broken.Err.Error(), "undefined") {
		t.Errorf("broken: caught %v, %v", broken.Caught(), broken.Err)
	}
	if r.OK() {
		t.Error("a score with mutants that were not caught is no success")
	}
	kept := filepath.Join(r.Scratch, "harmless", "source", "raft", "quorum", "quorum.go")
	if text, err := os.ReadFile(kept); err != nil || !strings.Contains(string(text), "switch true {") {
		t.Errorf("the changed file is not among what was kept: %v", err)
	}
}

// Nothing is built before all patches are known to be good.
func TestScoreRefuses(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.patch")
	text := smallHeader + strings.Replace(smallDiff, "p/a.go", "raft/election.go", 2)
	if err := os.WriteFile(bad, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	c := Config{Source: source(t), Patches: []string{filepath.Join(source(t), "testdata", "mutants", "E25.patch"), bad}}
	c.Progress = func(line string) { t.Errorf("it did something: %s", line) }
	if _, err := Score(context.Background(), c); err == nil || err.Error() != bad+":8: hunk 1 does not apply to raft/election.go" {
		t.Errorf("got %v", err)
	}
	c.Source = t.TempDir()
	if _, err := Score(context.Background(), c); err == nil || !strings.Contains(err.Error(), "has no go.mod") {
		t.Errorf("a folder without the module: got %v", err)
	}
	c.Source, c.Patches = tree(t, map[string]string{"go.mod": "module raftsim\n"}), nil
	if _, err := Score(context.Background(), c); err == nil {
		t.Error("a tree without patches was scored")
	}
}

func TestFindSource(t *testing.T) {
	root := tree(t, map[string]string{
		"go.mod": "// comment\n\nmodule raftsim // the one\n", "a/b/c.go": "", "nested/go.mod": "module raftsim/nested\n", "nested/d/e.go": "",
	})
	for _, dir := range []string{".", "a", "a/b", "nested", "nested/d"} {
		if got, err := FindSource(filepath.Join(root, dir)); err != nil || got != root {
			t.Errorf("from %s: %s, %v", dir, got, err)
		}
	}
	if _, err := FindSource(t.TempDir()); !errors.Is(err, ErrNoSource) {
		t.Errorf("outside: %v", err)
	}
}

// A hunt of several campaigns is one hunt: runs count on, and the first time a rule was broken stays.
func TestHuntIsPutTogether(t *testing.T) {
	var q quarry
	parts := []quarry{
		{runs: 10, seen: []Seen{{"CRASH/panic", 2, 4, 104}}},
		{runs: 5, seen: []Seen{{"LIVE/no-leader", 1, 1, 111}, {"CRASH/panic", 1, 2, 112}, {"ES/two-leaders-in-term", 1, 5, 115}}},
	}
	parts[1].hit = &parts[1].seen[2]
	for i := range parts {
		q.merge(&parts[i])
	}
	want := []Seen{{"CRASH/panic", 3, 4, 104}, {"LIVE/no-leader", 1, 11, 111}, {"ES/two-leaders-in-term", 1, 15, 115}}
	if d := cmp.Diff(want, q.seen); d != "" || q.runs != 15 {
		t.Errorf("%d runs, %s", q.runs, d)
	}
	if q.hit == nil || *q.hit != want[2] {
		t.Errorf("hit %v", q.hit)
	}
}

// Only a property in the column counts, whatever else a run broke before.
func TestReportIsRead(t *testing.T) {
	const report = `{"campaign": {"runs": 7, "stopped": STOPPED, "broken": [
		{"signature": "CRASH/panic", "runs": 2, "first_run": 3, "first_seed": "18446744073709551615"},
		{"signature": "LC/missing-commitment", "runs": 1, "first_run": 7, "first_seed": "9"}]}}`
	read := func(stopped string, want ...checker.Property) (quarry, error) {
		var q quarry
		err := q.read([]byte(strings.Replace(report, "STOPPED", stopped, 1)), want)
		return q, err
	}
	q, err := read("true", checker.LeaderCompleteness, checker.Durability)
	if err != nil || q.hit == nil || *q.hit != (Seen{"LC/missing-commitment", 1, 7, 9}) || q.runs != 7 || q.seen[0].FirstSeed != 1<<64-1 {
		t.Errorf("LC is in the column: %+v, %v", q, err)
	}
	if q, err := read("false", checker.ElectionSafety); err != nil || q.hit != nil || len(q.seen) != 2 {
		t.Errorf("neither is in the column: %+v, %v", q, err)
	}
	if _, err := read("true", checker.ElectionSafety); err == nil {
		t.Error("a campaign that stopped for no reason was believed")
	}
	var none quarry
	if none.read([]byte(`{"command": "campaign"}`), nil) == nil || none.read([]byte("panic"), nil) == nil {
		t.Error("a report without a campaign was believed")
	}
}
