package scenarios

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"raftsim/faults"
	"raftsim/internal/fixed"
	"raftsim/scenarios/workload"
	"raftsim/scenarios/world"
	"raftsim/sim"
	"raftsim/sim/disk"
)

// mustRun runs a case with recording, which implies that a key asked twice is a panic.
func mustRun(t testing.TB, r *Runner, c *Case) *Result {
	t.Helper()
	res, err := r.Run(c, RunOptions{Record: true})
	if err != nil {
		t.Fatalf("%s %d: %v", c.Scenario, c.Seed, err)
	}
	return res
}

// shortCase is a case of a scenario whose fault window is at most 3 seconds.
func shortCase(t testing.TB, cat *Catalogue, name string, seed uint64) *Case {
	t.Helper()
	c := mustCase(t, cat, name, seed)
	c.Options.Run.Window = min(c.Options.Run.Window, 3*time.Second)
	c.Options.Faults.Window = min(c.Options.Faults.Window, c.Options.Run.Window)
	return c
}

// runOf is what must be equal of two runs of one case.
type runOf struct {
	digest, steps uint64
	signature     string
}

func (r *Result) run() runOf { return runOf{r.Digest, r.Steps, r.Signature} }

// survey runs cases dealt out to four goroutines with a runner each. reverse lets every runner see its cases in the opposite order,
// fresh gives each case a runner of its own.
func survey(t *testing.T, cat *Catalogue, cases []*Case, o RunOptions, reverse, fresh bool) []runOf {
	t.Helper()
	out := make([]runOf, len(cases))
	var wait sync.WaitGroup
	for lane := range 4 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			r := NewRunner(cat)
			for i := lane; i < len(cases); i += 4 {
				at := i
				if reverse {
					at = len(cases) - 1 - i
				}
				if fresh {
					r = NewRunner(cat)
				}
				res, err := r.Run(cases[at], o)
				if err != nil {
					t.Errorf("%s %d: %v", cases[at].Scenario, cases[at].Seed, err)
					return
				}
				out[at] = res.run()
			}
		}()
	}
	wait.Wait()
	return out
}

// A run is a function of its case: the memory a runner kept, what ran before, what is looked at, and how many goroutines and
// processors there are, change nothing. On the way no key is asked twice in 60 seeds of every scenario.
func TestRunDependsOnNothingButItsCase(t *testing.T) {
	cat := builtin(t)
	var cases []*Case
	for seed := uint64(1); seed <= 60; seed++ {
		for _, name := range cat.Names(true) {
			cases = append(cases, shortCase(t, cat, name, seed))
		}
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	want := survey(t, cat, cases, RunOptions{CheckOnce: true}, false, false)
	runtime.GOMAXPROCS(1)
	for _, other := range []struct {
		what           string
		cases          int
		options        RunOptions
		reverse, fresh bool
	}{
		{"a fresh runner, one processor", 75, RunOptions{}, false, true},
		{"another order, recording", 75, RunOptions{Record: true}, true, false},
		{"traced", 25, RunOptions{Tracer: nothing{}}, true, false},
	} {
		for i, got := range survey(t, cat, cases[:other.cases], other.options, other.reverse, other.fresh) {
			if got != want[i] {
				t.Errorf("%s %d, %s: %+v, want %+v", cases[i].Scenario, cases[i].Seed, other.what, got, want[i])
			}
		}
	}
	for i, c := range cases {
		if unsafe := c.Scenario == "canary"; unsafe != (want[i].signature != "") {
			t.Errorf("%s %d: signature %q", c.Scenario, c.Seed, want[i].signature)
		}
	}
}

// nothing is a tracer that looks away. It holds no state: lanes share it.
type nothing struct{}

func (nothing) Step(uint64, sim.Event, []byte, uint64) {}

// Quiet for everything is the calm world, however the quiet is put together.
func TestQuietIsCalm(t *testing.T) {
	cat := builtin(t)
	r := NewRunner(cat)
	v, err := cat.Vocabulary("mixed")
	if err != nil {
		t.Fatal(err)
	}
	masks := func(lines ...string) (ms []sim.Mask) {
		for _, line := range lines {
			m, err := v.ParseMask(line)
			if err != nil {
				t.Fatal(err)
			}
			ms = append(ms, m)
		}
		return ms
	}
	var each []string
	for _, s := range v.Specs() {
		each = append(each, "quiet "+s.Name+" * *")
	}
	for seed := uint64(1); seed <= 6; seed++ {
		c := shortCase(t, cat, "mixed", seed)
		calm := *c
		calm.Base, calm.Overrides = Base{}, nil
		want := mustRun(t, r, &calm)
		for _, quiet := range [][]string{
			{"quiet * * *"}, {"quiet * * 0s.."}, {"quiet * * 0s..700ms", "quiet * * 700ms..2s", "quiet * * 2s.."}, each,
		} {
			masked := *c
			masked.Masks = masks(quiet...)
			if got := mustRun(t, r, &masked); got.run() != want.run() || len(got.Recorded) > 0 {
				t.Errorf("seed %d, %v: %+v, want %+v; %d disturbances", seed, quiet, got.run(), want.run(), len(got.Recorded))
			}
		}
	}
}

// Quiet takes away what it covers, and no answer besides.
func TestQuietCoversNoMore(t *testing.T) {
	cat := builtin(t)
	r := NewRunner(cat)
	v, err := cat.Vocabulary("mixed")
	if err != nil {
		t.Fatal(err)
	}
	operations := [...]sim.Purpose{
		faults.PurposeMembers, faults.PurposeAimMembers, faults.PurposeTransfer, faults.PurposeSnapshot, faults.PurposePause, faults.PurposeStall,
		faults.PurposeClockStep,
	}
	taken := 0
	for seed := uint64(1); seed <= 20; seed++ {
		c := shortCase(t, cat, "mixed", seed)
		all := mustRun(t, r, c)
		for _, rule := range []struct {
			text   string
			covers func(d sim.Disturbance) bool
		}{
			{"quiet lost,late n1>n2 *", func(d sim.Disturbance) bool {
				s := d.Key.Subject()
				return s.A == 1 && s.B == 2 && d.Key.Purpose() <= 3 && v.Spec(d.Key.Purpose()).Name != "doubled"
			}},
			{"quiet * n2 *", func(d sim.Disturbance) bool { return d.Key.Subject().A == 2 || d.Key.Subject().B == 2 }},
			{"quiet * *>n1 *", func(d sim.Disturbance) bool { return d.Key.Subject().B == 1 }},
			{"quiet isolate,split,cut,crash-at,power-at,blackout * 500ms..1.5s", func(d sim.Disturbance) bool {
				p := d.Key.Purpose()
				return p >= faults.PurposeIsolate && p <= faults.PurposeBlackout && d.Value.At >= 500e6 && d.Value.At < 1500e6
			}},
			{"quiet members,aim-members,transfer,snapshot,pause,stall,clock-step * 0s..2s", func(d sim.Disturbance) bool {
				return slices.Contains(operations[:], d.Key.Purpose()) && d.Value.At < 2e9
			}},
		} {
			m, err := v.ParseMask(rule.text)
			if err != nil {
				t.Fatal(err)
			}
			masked := *c
			masked.Masks = []sim.Mask{m}
			got := mustRun(t, r, &masked)
			before := 0
			for _, d := range all.Recorded {
				if rule.covers(d) && d.Key.Subject().Ordinal < faults.AimedOrdinal {
					before++
				}
			}
			for _, d := range got.Recorded {
				// What an aim becomes is not noise of the one it strikes.
				if rule.covers(d) && d.Key.Subject().Ordinal < faults.AimedOrdinal {
					t.Errorf("seed %d, %s: %s", seed, rule.text, v.Line(d))
				}
			}
			if before == 0 && got.run() != all.run() {
				t.Errorf("seed %d, %s: changes the run, and nothing was there to cover", seed, rule.text)
			}
			taken += before
			sameAnswers(t, v, fmt.Sprintf("seed %d, %s", seed, rule.text), all.Recorded, got.Recorded)
		}
		// Up to the beginning of the quiet the run is the same.
		m, err := v.ParseMask("quiet * * 1s..")
		if err != nil {
			t.Fatal(err)
		}
		masked := *c
		masked.Masks = []sim.Mask{m}
		var trails [2]sim.Trail
		for i, c := range []*Case{c, &masked} {
			if _, err := NewRunner(cat).Run(c, RunOptions{Tracer: &trails[i]}); err != nil {
				t.Fatal(err)
			}
		}
		if d, differ := sim.FirstDifference(&trails[0], &trails[1]); differ {
			at, _, _ := strings.Cut(d.A, " ")
			if at, err := time.ParseDuration(at); err != nil || at < time.Second {
				t.Errorf("seed %d: quiet from 1s on, %v", seed, d)
			}
		}
	}
	if taken < 50 {
		t.Errorf("the masks covered %d disturbances only", taken)
	}
}

// sameAnswers complains about keys that have another value in the other record. Lengths that the end of the fault window cuts
// off depend on when the question is asked, so those of untimed subjects are left out.
func sameAnswers(t *testing.T, v *sim.Vocabulary, what string, a, b []sim.Disturbance) (common int) {
	t.Helper()
	other := make(map[sim.Key]sim.Value)
	for _, d := range a {
		other[d.Key] = d.Value
	}
	for _, d := range b {
		s := v.Spec(d.Key.Purpose())
		want, both := other[d.Key]
		if !both || d.Key.Subject().Ordinal >= faults.AimedOrdinal && s.Timed || !s.Timed && s.Fault && d.Value.For > 0 && clipped(d.Value, want) {
			continue
		}
		common++
		if d.Value != want {
			t.Errorf("%s: %s, and %+v there", what, v.Line(d), want)
		}
	}
	return common
}

// clipped reports whether two values differ in their lengths alone.
func clipped(a, b sim.Value) bool { return a.For != b.For && a.At == b.At && a.N == b.N }

// Another server changes no answer about anybody who was there before: slots belong to their subjects, and draws do not see how
// many there are. Only sides are cut down to who takes part, and an operator asks for what there is to ask for.
func TestAnotherServerChangesNoAnswer(t *testing.T) {
	cat := builtin(t)
	r := NewRunner(cat)
	v, err := cat.Vocabulary("mixed")
	if err != nil {
		t.Fatal(err)
	}
	present := func(servers int) faults.Side {
		side := faults.ClientsBoth
		for i := range servers {
			side |= faults.SideOf(sim.ProcID(i + 1))
		}
		for i := range 30 {
			side |= faults.SideOf(1024 + sim.ProcID(i+1))
		}
		return side
	}
	asked := func(d sim.Disturbance) bool {
		p := d.Key.Purpose()
		return p == faults.PurposeMembers || p == faults.PurposeTransfer
	}
	common, slots := 0, 0
	for seed := uint64(1); seed <= 25; seed++ {
		c := shortCase(t, cat, "mixed", seed)
		c.Options.Cluster.Nodes = 3
		more := *c
		more.Options.Cluster.Nodes = 5
		small, large := mustRun(t, r, c), mustRun(t, r, &more)
		there := present(c.Options.Cluster.Nodes + c.Options.Cluster.Spares)
		for i := range large.Recorded {
			if p := large.Recorded[i].Key.Purpose(); p == faults.PurposeSplit || p == faults.PurposeBlackout {
				large.Recorded[i].Value.N &= int64(there)
			}
		}
		small.Recorded, large.Recorded = slices.DeleteFunc(small.Recorded, asked), slices.DeleteFunc(large.Recorded, asked)
		what := fmt.Sprintf("seed %d with five servers", seed)
		common += sameAnswers(t, v, what, small.Recorded, large.Recorded)
		// Slots are asked before the run, so every one of the small cluster is in the record of the large one.
		for _, d := range small.Recorded {
			p := d.Key.Purpose()
			if !v.Spec(p).Timed || d.Key.Subject().Ordinal >= faults.AimedOrdinal {
				continue
			}
			slots++
			if !slices.ContainsFunc(large.Recorded, func(o sim.Disturbance) bool { return o.Key == d.Key }) {
				t.Errorf("seed %d: %s is gone with five servers", seed, v.Line(d))
			}
		}
		// Operations are numbered by client: what both runs asked is the same prefix.
		for _, res := range []*Result{small, large} {
			next := make(map[sim.ProcID]uint64)
			for _, d := range res.Recorded {
				if s := d.Key.Subject(); d.Key.Purpose() == workload.PurposeOperation {
					if s.Epoch != next[s.A] {
						t.Errorf("seed %d: operation %d of process %d follows number %d", seed, s.Epoch, s.A, next[s.A])
					}
					next[s.A]++
				}
			}
		}
	}
	if common < 1000 || slots < 15 {
		t.Errorf("only %d answers in common, %d of slots", common, slots)
	}
}

// recordedRun is a run with its record.
type recordedRun struct {
	c *Case
	*Result
}

func recordedRuns(t testing.TB, cat *Catalogue, seeds uint64) (runs []recordedRun) {
	r := NewRunner(cat)
	for _, name := range []string{"partitions", "crashes", "mixed"} {
		for seed := uint64(1); seed <= seeds; seed++ {
			c := shortCase(t, cat, name, seed)
			c.Options.Run.Window = min(c.Options.Run.Window, 3*time.Second/2)
			if res := mustRun(t, r, c); len(res.Recorded) > 0 {
				runs = append(runs, recordedRun{c, res})
			}
		}
	}
	return runs
}

// Any part of a record is a case: it runs without a panic, takes effect as far as its subjects exist, and says which do not. This
// is what taking a failure apart stands on.
func TestPartOfRecordIsCase(t *testing.T) {
	cat := builtin(t)
	runs := recordedRuns(t, cat, 6)
	r := NewRunner(cat)
	missed := 0
	check := func(t interface{ Errorf(string, ...any) }, run recordedRun, kept []sim.Disturbance) {
		c := run.c.Explicit(kept)
		res, err := r.Run(c, RunOptions{Record: true})
		if err != nil {
			t.Errorf("%s %d: %v", c.Scenario, c.Seed, err)
			return
		}
		if res.Verdict == Violation {
			t.Errorf("%s %d: a part of its record is a violation: %v", c.Scenario, c.Seed, res.Violations[0])
		}
		if len(res.Hits) != len(c.Overrides) {
			t.Errorf("%s %d: %d hits for %d overrides", c.Scenario, c.Seed, len(res.Hits), len(c.Overrides))
			return
		}
		inRecord := make(map[sim.Key]bool)
		for _, d := range res.Recorded {
			inRecord[d.Key] = true
		}
		none := 0
		for i, d := range c.Overrides {
			switch {
			case res.Hits[i] > 1:
				t.Errorf("%s %d: override %d was asked %d times", c.Scenario, c.Seed, i, res.Hits[i])
			case res.Hits[i] == 0 && inRecord[d.Key]:
				t.Errorf("%s %d: override %d was never asked, and is in the record", c.Scenario, c.Seed, i)
			case res.Hits[i] == 0:
				none++
			}
			delete(inRecord, d.Key)
		}
		missed += none
		if none != res.Missed() {
			t.Errorf("%s %d: Missed is %d, but %d overrides were not asked", c.Scenario, c.Seed, res.Missed(), none)
		}
		if len(inRecord) > 0 {
			t.Errorf("%s %d: the record holds %d keys that were not overridden", c.Scenario, c.Seed, len(inRecord))
		}
		// The record of the part is the part that took effect.
		again, err := r.Run(run.c.Explicit(res.Recorded), RunOptions{CheckOnce: true})
		if err != nil || again.Digest != res.Digest || again.Missed() > 0 {
			t.Errorf("%s %d: without what was missed it is another run (%v)", c.Scenario, c.Seed, err)
		}
	}
	allButOne := func(rt *rapid.T) {
		run := rapid.SampledFrom(runs).Draw(rt, "run")
		i := rapid.IntRange(0, len(run.Recorded)-1).Draw(rt, "without")
		check(rt, run, slices.Delete(slices.Clone(run.Recorded), i, i+1))
	}
	half := func(rt *rapid.T) {
		run := rapid.SampledFrom(runs).Draw(rt, "run")
		w := sim.KeyedWords(rapid.Uint64().Draw(rt, "selection"), sim.Key{})
		var kept []sim.Disturbance
		for _, d := range run.Recorded {
			if w.Chance(sim.Ratio{Num: 1, Den: 2}) {
				kept = append(kept, d)
			}
		}
		check(rt, run, kept)
	}
	fixed.Check(t, 10, half)
	if missed < 100 {
		t.Fatalf("%d overrides without a subject: the reports of missed ones were hardly tried", missed)
	}
	t.Run("all but one", rapid.MakeCheck(allButOne))
	t.Run("half", rapid.MakeCheck(half))
}

// Fates that are declared are asked, in some run of the house: none is dead. Damage of disks, and clocks that are worse than leases allow
// for, have profiles of their own; what acts on bytes as they are written or read is left to explicit disturbances.
func TestEveryPurposeHappens(t *testing.T) {
	cat := builtin(t)
	r := NewRunner(cat)
	v, err := cat.Vocabulary("mixed")
	if err != nil {
		t.Fatal(err)
	}
	var departed [256]map[string]uint64 // by scenario
	for name, seeds := range map[string]uint64{"mixed": 60, "clocks": 20, "damage": 60, "routing": 40} {
		for seed := uint64(1); seed <= seeds; seed++ {
			res := mustRun(t, r, shortCase(t, cat, name, seed))
			for p := range departed {
				if departed[p] == nil {
					departed[p] = make(map[string]uint64)
				}
				departed[p][name] += res.Fates[p].Departed
			}
		}
	}
	elsewhere := map[sim.Purpose][]string{ // instead of in mixed
		faults.PurposeDamage: {"damage"}, faults.PurposeWipe: {"damage"}, faults.PurposeOutage: {"routing"},
		disk.LostWrite: nil, disk.Misdirected: nil, disk.Rot: nil, disk.Unreadable: nil, disk.Freeze: nil,
	}
	also := map[sim.Purpose]string{faults.PurposeClock: "clocks", faults.PurposeClockStep: "clocks", faults.PurposeClockRate: "clocks"}
	for _, s := range v.Specs() {
		where, other := elsewhere[s.Purpose]
		if !other {
			where = []string{"mixed"}
		}
		if name := also[s.Purpose]; name != "" {
			where = append(where, name)
		}
		for _, name := range where {
			if departed[s.Purpose][name] == 0 {
				t.Errorf("%s: calm in all runs of %s", s.Name, name)
			}
		}
		for name, n := range departed[s.Purpose] {
			if other && n > 0 && !slices.Contains(where, name) {
				t.Errorf("%s: happens in %s", s.Name, name)
			}
		}
	}
	for _, p := range []sim.Purpose{disk.Torn, disk.SlowSync, world.PurposeElection} {
		if v.Spec(p) == nil {
			t.Errorf("purpose %d is not in the vocabulary", p)
		}
	}
}
