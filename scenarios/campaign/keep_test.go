package campaign

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"raftsim/checker"
	"raftsim/raft/server"
	"raftsim/scenarios"
	"raftsim/scenarios/world"
	"raftsim/sim"
	"raftsim/sim/disk"
)

func canary(t *testing.T, cat *scenarios.Catalogue, seed uint64) (*scenarios.Case, *scenarios.Result) {
	t.Helper()
	c, err := cat.Case("canary", seed)
	if err != nil {
		t.Fatal(err)
	}
	res, err := Record(cat, c, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return c, res
}

// A failure is kept as a file that says what broke and replays; spelled out, it is the same run.
func TestKeepReplayExplicit(t *testing.T) {
	cat := builtin(t)
	c, res := canary(t, cat, 1)
	dir := filepath.Join(t.TempDir(), "new", "folder")
	path, err := Keep(cat, c, res, dir, HintsFor(cat, c.Scenario, "simrun", ""))
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(path)
	if want := "canary-" + strings.Replace(res.Signature, "/", "-", 1) + "-1.seed"; name != want {
		t.Errorf("the file is called %s, want %s", name, want)
	}
	f, err := Read(cat, path)
	if err != nil {
		t.Fatal(err)
	}
	v, _ := res.Primary()
	for _, part := range []string{"Broke: " + v.Property.Name() + " (" + res.Signature + ")", "scenario canary, seed 1", "1 blackout",
		"simrun replay " + name, "simrun replay " + name + " --trace", "-sim.replay=" + name} {
		if !strings.Contains(f.Human, part) {
			t.Errorf("the part for people lacks %q:\n%s", part, f.Human)
		}
	}
	r, err := Replay(cat, f, scenarios.RunOptions{}, time.Minute)
	if err != nil || r.Outcome != Reproduced || !r.SameDigest || r.Faults != 1 || r.Missed != 0 {
		t.Errorf("replay: %+v, %v", r, err)
	}
	explicit, again, err := Explicit(cat, c, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if explicit.Base.Noisy || len(explicit.Overrides) < 100 || again.Digest != res.Digest {
		t.Errorf("explicit: noisy %v, %d overrides, digest %x, want %x", explicit.Base.Noisy, len(explicit.Overrides), again.Digest, res.Digest)
	}
}

func TestOutcome(t *testing.T) {
	violation := func(rule string) *scenarios.Result {
		return &scenarios.Result{Verdict: scenarios.Violation, Signature: "LC/" + rule}
	}
	pass, undecided := &scenarios.Result{}, &scenarios.Result{Verdict: scenarios.Inconclusive}
	broken := scenarios.Expect{Verdict: scenarios.Violation, Signature: "LC/a"}
	for _, test := range []struct {
		want   scenarios.Expect
		res    *scenarios.Result
		missed int
		out    Outcome
	}{
		{broken, violation("a"), 0, Reproduced},
		{broken, violation("a"), 3, Reproduced},
		{broken, violation("b"), 0, Different},
		{broken, pass, 0, PassesNow},
		{broken, pass, 1, NotReached},
		{broken, undecided, 1, NotReached},
		{broken, undecided, 0, Undecided},
		{scenarios.Expect{}, pass, 0, AsRecorded},
		{scenarios.Expect{}, pass, 1, AsRecorded},
		{scenarios.Expect{}, violation("a"), 0, Different},
		{scenarios.Expect{}, undecided, 0, Undecided},
		{scenarios.Expect{Verdict: scenarios.Inconclusive}, pass, 0, PassesNow},
	} {
		if got := outcome(test.want, test.res, test.missed); got != test.out {
			t.Errorf("expected %s %s, came %s %s, %d missed: %s, want %s", test.want.Verdict, test.want.Signature, test.res.Verdict,
				test.res.Signature, test.missed, got, test.out)
		}
	}
}

// Nothing that is there is ever replaced, and nothing but the file is left behind.
func TestWriteNewNeverReplaces(t *testing.T) {
	dir := t.TempDir()
	write := func(human, machine string) string {
		t.Helper()
		path, err := WriteNew(dir, "x-LC-a-1", func(name string) ([]byte, error) {
			return []byte(human + name + "\n\n-- case.toml --\n" + machine), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Base(path)
	}
	var got []string
	for _, w := range [][2]string{{"a ", "one"}, {"a ", "one"}, {"other words ", "one"}, {"a ", "two"}, {"a ", "three"}, {"a ", "two"}} {
		got = append(got, write(w[0], w[1]))
	}
	want := []string{"x-LC-a-1.seed", "x-LC-a-1.seed", "x-LC-a-1.seed", "x-LC-a-1-2.seed", "x-LC-a-1-3.seed", "x-LC-a-1-2.seed"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if text, _ := os.ReadFile(filepath.Join(dir, "x-LC-a-1.seed")); string(text) != "a x-LC-a-1.seed\n\n-- case.toml --\none" {
		t.Errorf("the first file holds %q", text)
	}
	if left, _ := os.ReadDir(dir); len(left) != 3 {
		t.Errorf("left behind: %v", left)
	}
	path := filepath.Join(dir, "x-LC-a-1.seed")
	if err := WriteFile(path, []byte("\n-- case.toml --\nfour"), false); !errors.Is(err, ErrDiffers) {
		t.Errorf("over something else: %v", err)
	}
	if err := WriteFile(path, []byte("\n-- case.toml --\nfour"), true); err != nil {
		t.Errorf("with force: %v", err)
	}
	if err := WriteFile(filepath.Join(dir, "none", "x"), nil, false); err == nil {
		t.Error("a folder that does not exist was no error")
	}
}

// Every number of a run is added up: a counter that is new in a run must be added in totals.go.
func TestTotalsAddEveryField(t *testing.T) {
	one := Totals{Own: []world.OwnCount{{Group: "g", Name: "a"}, {Group: "g", Name: "b"}}}
	n := uint64(0)
	visit(reflect.ValueOf(&one).Elem(), func(v reflect.Value) { n++; v.SetUint(n) })
	if n < 550 {
		t.Fatalf("only %d counters found", n)
	}
	var sum Totals
	sum.Merge(&one)
	sum.Merge(&one)
	var want, got []uint64
	visit(reflect.ValueOf(&one).Elem(), func(v reflect.Value) { want = append(want, 2*v.Uint()) })
	visit(reflect.ValueOf(&sum).Elem(), func(v reflect.Value) { got = append(got, v.Uint()) })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sums, field by field (-want +got):\n%s", diff)
	}
}

// What a protocol counts of its own is added by name, and never to another's.
func TestOwnCountsAreAdded(t *testing.T) {
	own := func(name string, n uint64) Totals { return Totals{Own: []world.OwnCount{{Name: name, Count: n}}} }
	var sum Totals
	for n := range uint64(3) {
		o := own("reads", n+1)
		sum.Merge(&o)
	}
	if len(sum.Own) != 1 || sum.Own[0].Count != 6 {
		t.Errorf("%+v", sum.Own)
	}
	defer func() {
		if recover() == nil {
			t.Error("numbers of two protocols were added")
		}
	}()
	o := own("writes", 1)
	sum.Merge(&o)
}

func visit(v reflect.Value, f func(reflect.Value)) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			visit(v.Field(i), f)
		}
	case reflect.String:
	case reflect.Array, reflect.Slice:
		for i := range v.Len() {
			visit(v.Index(i), f)
		}
	case reflect.Uint64:
		if v.CanSet() {
			f(v)
		}
	case reflect.Int: // the largest of all runs, not their sum
	default:
		panic("a counter that is no uint64: " + v.Type().String())
	}
}

// Counters have names of their own, and the ones of faults are those of the vocabulary.
func TestCounterNames(t *testing.T) {
	cat := builtin(t)
	v, err := cat.Vocabulary("mixed")
	if err != nil {
		t.Fatal(err)
	}
	var none Totals
	seen := map[string]bool{}
	for _, c := range none.Counters(v) {
		if seen[c.Name] {
			t.Errorf("two counters are called %s", c.Name)
		}
		seen[c.Name] = true
	}
	for _, name := range []string{
		"runs", "elections", "unknown_outcomes", "fault_slow_sync", "fault_aim_isolate", "sent_app_resp", "porcupine_unknown",
		"joint_configurations", "memberships_reached", "rejoined", "transferred", "installations", "compactions", "reads", "sessions_gone", "reordered", "delayed",
		"damage_recognised", "starts_refused", "moment_snapshot_installed", "sent_timeout_now", "sent_read_index_resp", "messages_held", "syncs_failed", "stalls",
		"no_space", "names_kept", "stale_reads", "out_of_contract_reads", "fault_members", "fault_clock_rate", "fault_wipe", "fault_damage",
	} {
		if !seen[name] {
			t.Errorf("no counter %s", name)
		}
	}
	// What only a case can name is counted where a case does.
	if seen["fault_rot"] || seen["fault_freeze"] {
		t.Error("counters of faults that no campaign draws")
	}
	none.Fates[disk.Rot] = sim.Count{Asked: 1, Departed: 1}
	if !slices.Contains(none.Counters(v), Counter{GroupFaults, "fault_rot", 1}) {
		t.Error("a fault that a case names is not counted")
	}
}

// The damage of a campaign shows: what it did to disks, each kind of it, and what servers read of it.
func TestDamageIsCounted(t *testing.T) {
	cat := builtin(t)
	missing := []string{
		"fault_damage", "fault_wipe", "places_rotted", "sectors_made_unreadable", "sectors_not_written", "sectors_misdirected", "disks_emptied",
		"damaged_reads",
	}
	for seed := uint64(44); seed < 500 && len(missing) > 0; seed += 5 {
		s := do(t, Config{Catalogue: cat, Scenarios: []string{"damage"}, Seeds: Range{seed, seed + 4}})
		for _, c := range s.Counters() {
			if i := slices.Index(missing, c.Name); i >= 0 && c.Count > 0 {
				missing = slices.Delete(missing, i, i+1)
			}
		}
	}
	if len(missing) > 0 {
		t.Errorf("never counted: %v", missing)
	}
}

// Kinds of faults that never struck are told apart: those that could have, and those nobody switched on.
func TestSilentFaults(t *testing.T) {
	cat := builtin(t)
	s := do(t, Config{Catalogue: cat, Scenarios: []string{"calm"}, Seeds: Range{1, 2}})
	idle, off := s.Silent()
	if len(idle) != 0 || len(off) < 15 {
		t.Errorf("calm: idle %v, off %v", idle, off)
	}
	s = do(t, Config{Catalogue: cat, Scenarios: []string{"calm"}, Seeds: Range{1, 1}, Set: []string{"network.lost=1/1000000000", "network.late=1", "network.late_mean=1ms"}})
	if idle, off = s.Silent(); len(idle) != 1 || idle[0] != "lost" || slices.Contains(off, "late") {
		t.Errorf("with a loss that never comes: idle %v, off %v", idle, off)
	}
}

// The text for people never looks like the mark of a section, whatever a detail says.
func TestHumanPartIsNoSection(t *testing.T) {
	cat := builtin(t)
	c, res := canary(t, cat, 2)
	res.Violations = []checker.Violation{{Property: checker.Crash, Rule: "panic", Detail: "-- case.toml --\n-- expect --\n" + strings.Repeat("x ", 200) + "-- overrides --"}}
	res.Signature = res.Violations[0].Signature()
	text, err := Text(cat, c, res, "x.seed", Hints{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cat.ParseSeedFile("x.seed", text); err != nil {
		t.Error(err)
	}
}

func TestCommandsAreQuoted(t *testing.T) {
	for text, want := range map[string]string{
		"a/b-1.seed": "a/b-1.seed", "my file": "'my file'", "": "''", "-x": "'-x'", `classes=["cas"]`: `'classes=["cas"]'`, "it's": `'it'\''s'`,
	} {
		if got := quoted(text); got != want {
			t.Errorf("quoted(%q) = %s, want %s", text, got, want)
		}
	}
}

// What is known to run a case is told, and nothing else.
func TestHints(t *testing.T) {
	lines := func(commands []Command) (text []string) {
		for _, c := range commands {
			text = append(text, c.What+": "+c.Line)
		}
		return text
	}
	cat := builtin(t)
	own, err := scenarios.NewCatalogue(scenarios.Scenario{Name: "canary", Make: scenarios.MakeMixed, NewCore: server.NewRaft})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		h          Hints
		file, seed []string
	}{
		{HintsFor(own, "canary", "", ""), nil, nil},
		{HintsFor(own, "canary", "qsim", ""), []string{"reproduce: qsim replay a.seed", "trace: qsim replay a.seed --trace"},
			[]string{"reproduce: qsim run canary --seed 3", "trace: qsim run canary --seed 3 --trace", "keep: qsim run canary --seed 3 --out simrun-out"}},
		{HintsFor(own, "canary", "", "go test ./q -run Q"), []string{"go test: go test ./q -run Q -sim.replay=a.seed"},
			[]string{"go test: go test ./q -run Q/canary -sim.seed=3 -sim.runs=1"}},
		{HintsFor(cat, "canary", "my sim", ""), []string{"reproduce: 'my sim' replay a.seed", "trace: 'my sim' replay a.seed --trace",
			"go test: go test ./scenarios -run Seeds -sim.replay=a.seed"},
			[]string{"reproduce: 'my sim' run canary --seed 3", "trace: 'my sim' run canary --seed 3 --trace", "keep: 'my sim' run canary --seed 3 --out simrun-out",
				"go test: go test ./scenarios -run Seeds/canary -sim.seed=3 -sim.runs=1"}},
	} {
		if diff := cmp.Diff(tc.file, lines(tc.h.File("a.seed"))); diff != "" {
			t.Errorf("%+v, file (-want +got):\n%s", tc.h, diff)
		}
		if diff := cmp.Diff(tc.seed, lines(tc.h.Seed("canary", 3, nil))); diff != "" {
			t.Errorf("%+v, seed (-want +got):\n%s", tc.h, diff)
		}
	}
}
