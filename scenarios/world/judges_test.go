package world_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"raftsim/checker"
	"raftsim/raft/statemachine"
	"raftsim/scenarios"
	"raftsim/scenarios/workload"
)

// short makes the cases of mixed, with a fault window of at most 3 seconds.
func short(seed uint64) *scenarios.Case {
	c := scenarios.MakeMixed(seed)
	o := &c.Options
	o.Run.Window = min(o.Run.Window, 3*time.Second)
	o.Faults.Window = min(o.Faults.Window, o.Run.Window)
	o.Cluster.Nodes = max(o.Cluster.Nodes, 3)
	o.Run.MaxInstantSteps = 2000
	return c
}

// bench runs the seeds of short with one thing different.
type bench struct {
	t         testing.TB
	catalogue *scenarios.Catalogue
	runner    *scenarios.Runner
	change    func(*scenarios.Case)
}

func newBench(t testing.TB, s scenarios.Scenario) *bench {
	t.Helper()
	s.Name, s.Make = "short", short
	cat, err := scenarios.NewCatalogue(s)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{t: t, catalogue: cat, runner: scenarios.NewRunner(cat)}
}

func (b *bench) run(seed uint64) *scenarios.Result {
	b.t.Helper()
	c, err := b.catalogue.Case("short", seed)
	if err != nil {
		b.t.Fatal(err)
	}
	if b.change != nil {
		b.change(c)
	}
	res, err := b.runner.Run(c, scenarios.RunOptions{CheckOnce: true})
	if err != nil {
		b.t.Fatalf("seed %d: %v", seed, err)
	}
	return res
}

// seedsMax bounds the search for a seed that shows a bug.
const seedsMax = 100

// expect runs seeds until each entry of want was found in one, and refuses runs whose result is in neither list. An entry is the
// beginning of signatures: "LM/" for all rules of log matching.
func (b *bench) expect(want, also []string) {
	b.t.Helper()
	open := slices.Clone(want)
	in := func(list []string, signature string) bool {
		return slices.ContainsFunc(list, func(s string) bool { return strings.HasPrefix(signature, s) })
	}
	for seed := uint64(1); seed <= seedsMax && len(open) > 0; seed++ {
		res := b.run(seed)
		if res.Signature != "" && !in(want, res.Signature) && !in(also, res.Signature) {
			b.t.Errorf("seed %d: unexpected %v", seed, res.Violations[0])
		}
		open = slices.DeleteFunc(open, func(s string) bool {
			return slices.ContainsFunc(res.Violations, func(v checker.Violation) bool { return strings.HasPrefix(v.Signature(), s) })
		})
	}
	if len(open) > 0 {
		b.t.Errorf("%v: not the result of any of %d seeds", open, seedsMax)
	}
}

// Each judge bites: a core with a bug is found out under ordinary faults, and named by the property it breaks.
func TestWrongCoresAreFoundOut(t *testing.T) {
	for _, w := range wrongCores() {
		t.Run(w.name, func(t *testing.T) {
			b := newBench(t, scenarios.Scenario{NewCore: w.bug.newCore})
			b.change = w.change
			b.expect(w.want, w.also)
		})
	}
}

// The wrapper that carries the bugs is none itself: without one, no judge objects and every run is that of the core alone.
func TestRightCoreIsLeftAlone(t *testing.T) {
	plain, wrapped := newBench(t, scenarios.Scenario{}), newBench(t, scenarios.Scenario{NewCore: bug{}.newCore})
	for seed := uint64(1); seed <= 40; seed++ {
		want, got := plain.run(seed), wrapped.run(seed)
		if got.Verdict == scenarios.Violation || got.Digest != want.Digest || got.Steps != want.Steps {
			t.Errorf("seed %d: %v %s, digest %x in %d steps; without a wrapper %x in %d",
				seed, got.Verdict, got.Signature, got.Digest, got.Steps, want.Digest, want.Steps)
		}
	}
}

// A panic of a core is a finding and the end of that process, not of the run: the server comes back, and clients are served.
func TestRunGoesOnAfterPanic(t *testing.T) {
	for _, w := range wrongCores() {
		if w.name != "a leader panics when it is first elected" {
			continue
		}
		b := newBench(t, scenarios.Scenario{NewCore: w.bug.newCore})
		panics := uint64(0)
		for seed := uint64(1); seed <= 10; seed++ {
			res := b.run(seed)
			panics += res.Counts.Panics
			if res.Counts.Panics > 0 && (res.Counts.Restarts < res.Counts.Panics || res.Counts.Elections == 0 || res.Counts.Executed < 20) {
				t.Errorf("seed %d: after %d panics there were %d restarts, %d elections, %d commands",
					seed, res.Counts.Panics, res.Counts.Restarts, res.Counts.Elections, res.Counts.Executed)
			}
			for _, v := range res.Violations {
				if v.Property != checker.Crash || v.Detail != "core: term 1 must not have a leader" {
					t.Errorf("seed %d: %v", seed, v)
				}
			}
		}
		if panics == 0 {
			t.Error("no panic in 10 seeds")
		}
	}
}

// wrongMap is the map with a bug in the state machine.
type wrongMap struct {
	workload.KV
	name string
	made func() statemachine.StateMachine
}

func (m wrongMap) Name() string                          { return m.name }
func (m wrongMap) NewMachine() statemachine.StateMachine { return m.made() }

// forgetful is a map that drops every tenth command it is given, counted from a start of its own.
type forgetful struct {
	*statemachine.KV
	count int
}

func (f *forgetful) Apply(index uint64, command, dst []byte) []byte {
	if f.count++; f.count%10 == 0 {
		return append(dst, byte(statemachine.ResultOK))
	}
	return f.KV.Apply(index, command, dst)
}

// stale answers gets from the state of ten commands ago. All replicas do so alike.
type stale struct {
	*statemachine.KV
	old   *statemachine.KV
	queue [][]byte
}

func (s *stale) Apply(index uint64, command, dst []byte) []byte {
	s.queue = append(s.queue, slices.Clone(command))
	if len(s.queue) > 10 {
		s.old.Apply(index, s.queue[0], nil)
		s.queue = s.queue[1:]
	}
	if c, err := statemachine.DecodeCommand(command); err == nil && c.Op == statemachine.OpGet {
		s.KV.Apply(index, command, nil)
		return s.old.Apply(index, command, dst)
	}
	return s.KV.Apply(index, command, dst)
}

// forgetsAtRestore is a map that loses key 0 on its way through a snapshot.
type forgetsAtRestore struct{ *statemachine.KV }

func (f *forgetsAtRestore) Restore(b []byte) error {
	err := f.KV.Restore(b)
	f.KV.Apply(0, statemachine.AppendDelete(nil, 0, 1), nil)
	return err
}

// A state machine that is not a function of the log is found out by comparing replicas; one that answers wrongly everywhere, by
// its clients; one that answers what no operation can have as an answer, by whoever reads the answer.
func TestWrongStateMachinesAreFoundOut(t *testing.T) {
	machines := 0
	for _, tc := range []struct {
		name string
		made func() statemachine.StateMachine
		want []string
		also []string
	}{
		{
			name: "replicas-differ",
			made: func() statemachine.StateMachine {
				machines++
				return &forgetful{KV: statemachine.NewKV(), count: machines % 3}
			},
			want: []string{"SMS/state-differs"}, also: []string{"LIN/answer-makes-no-sense"},
		},
		{
			name: "stale-reads",
			made: func() statemachine.StateMachine {
				return &stale{KV: statemachine.NewKV(), old: statemachine.NewKV()}
			},
			want: []string{"LIN/not-linearizable"},
		},
		{
			name: "nonsense",
			made: func() statemachine.StateMachine { return &forgetful{KV: statemachine.NewKV()} },
			want: []string{"LIN/answer-makes-no-sense"}, also: []string{"LIN/not-linearizable"},
		},
		{
			name: "snapshots-forget",
			made: func() statemachine.StateMachine { return &forgetsAtRestore{statemachine.NewKV()} },
			want: []string{"SMS/snapshot-differs"}, also: []string{"SMS/state-differs"},
		},
		{name: "right", made: func() statemachine.StateMachine { return statemachine.NewKV() }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t, scenarios.Scenario{Application: wrongMap{name: tc.name, made: tc.made}})
			b.expect(tc.want, tc.also)
			if len(tc.want) > 0 {
				return
			}
			for seed := uint64(1); seed <= 10; seed++ {
				if res := b.run(seed); res.Verdict != scenarios.Pass {
					t.Errorf("seed %d: %v", seed, res.Violations)
				}
			}
		})
	}
}
