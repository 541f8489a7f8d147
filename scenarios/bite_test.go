package scenarios

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"raftsim/faults"
	"raftsim/scenarios/world"
	"raftsim/sim"
)

// bite is one fault in an otherwise calm world.
type bite struct {
	fault   string   // the line under test
	context []string // lines that give it something to act on
	// effect counts what the fault does to the world; it must be more than without the fault.
	effect func(*Result) uint64
	// resolves is the start of a line that an aim must turn into; "" for faults that are no aims.
	resolves string
	// harmless: the run is the same run with it, step for step, but for the effect and what it leaves on disks.
	harmless bool
	change   func(*Options)
}

// calmCase is three servers with the timing of the paper, led by n1 from the start, in a calm world but for the lines.
func calmCase(t testing.TB, cat *Catalogue, change func(*Options), lines ...string) *Case {
	t.Helper()
	o := Defaults()
	o.Cluster.ElectionTimeout, o.Cluster.KeepAlive, o.Cluster.HeartbeatInterval = 150*time.Millisecond, 150*time.Millisecond, 50*time.Millisecond
	o.Cluster.InitialLeader = 1
	o.Workload.AttemptTimeout, o.Workload.OperationTimeout = 150*time.Millisecond, 500*time.Millisecond
	o.Run.Window = 2 * time.Second
	if change != nil {
		change(&o)
	}
	return &Case{Scenario: "calm", Options: o, Overrides: parseLines(t, cat, lines...)}
}

func parseLines(t testing.TB, cat *Catalogue, lines ...string) (ds []sim.Disturbance) {
	t.Helper()
	v, err := cat.Vocabulary("calm")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		d, err := v.ParseLine(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		ds = append(ds, d)
	}
	return ds
}

// complaints says in what way the fault of b does not bite; nothing if it does.
func (b bite) complaints(t testing.TB, cat *Catalogue, r *Runner) (out []string) {
	t.Helper()
	complain := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	run := func(c *Case) recordedRun {
		res, err := r.Run(c, RunOptions{Record: true})
		if err != nil {
			t.Fatalf("%s: %v", b.fault, err)
		}
		return recordedRun{c, res}
	}
	name, _, _ := strings.Cut(b.fault, " = ")
	without := run(calmCase(t, cat, b.change, b.context...))
	with := run(calmCase(t, cat, b.change, append(b.context[:len(b.context):len(b.context)], b.fault)...))
	removed := run(calmCase(t, cat, b.change, append(b.context[:len(b.context):len(b.context)], name+" = calm")...))

	for i, hits := range with.Hits {
		if hits != 1 {
			complain("override %d found no subject", i+1)
		}
	}
	same := with.Digest == without.Digest
	if b.harmless {
		_, differ := differences(t, cat, without.c, with.c)
		same = !differ
	}
	if same != b.harmless {
		complain("the same run without it: %v, want %v", same, b.harmless)
	}
	if before, after := b.effect(without.Result), b.effect(with.Result); after <= before {
		complain("its effect is %d with it and %d without", after, before)
	}
	if removed.Digest != without.Digest || removed.Steps != without.Steps {
		complain("calm in its place is not the run without it: %d steps and %d", removed.Steps, without.Steps)
	}
	if with.Verdict != Pass || without.Verdict != Pass {
		complain("verdict %v with it and %v without: %v", with.Verdict, without.Verdict, with.Violations)
	}
	v, _ := cat.Vocabulary("calm")
	resolved := b.resolves == ""
	for _, d := range with.Recorded {
		resolved = resolved || strings.HasPrefix(v.Line(d), b.resolves)
	}
	if !resolved {
		complain("it did not become %q", b.resolves)
	}
	// What was recorded is the whole difference from calm.
	if again := run(calmCase(t, cat, b.change).Explicit(with.Recorded)); again.Digest != with.Digest {
		complain("its record is another run")
	}
	return out
}

func faultCount(p sim.Purpose) func(*Result) uint64 {
	return func(r *Result) uint64 { return r.Counts.Faults.Of(p) }
}

func bites() []bite {
	lost := func(r *Result) uint64 { return r.Counts.Network.Lost }
	doubled := func(r *Result) uint64 { return r.Counts.Network.Doubled }
	late := func(r *Result) uint64 { return r.Counts.Network.Late }
	reordered := func(r *Result) uint64 { return r.Counts.Network.Reordered }
	cut := func(r *Result) uint64 { return r.Counts.Network.CutAtSend + r.Counts.Network.CutAtArrival }
	crashes := func(r *Result) uint64 { return min(r.Counts.Crashes, r.Counts.Restarts) }
	powerLosses := func(r *Result) uint64 { return min(r.Counts.PowerLosses, r.Counts.Restarts) }
	elections := func(r *Result) uint64 { return r.Counts.Elections }
	kept := func(r *Result) uint64 { return r.Counts.Disk.BytesKept }

	all := []bite{
		{fault: "lost n1>n2 app t1 #7 = yes", effect: lost},
		{fault: "lost n2>n1 app-resp t1 #7 = yes", effect: lost},
		{fault: "lost n1>n3 heartbeat t1 #3 = yes", effect: lost},
		{fault: "lost n1>n2 vote t1 #0 = yes", effect: lost},
		{fault: "lost n3>n1 vote-resp t1 #0 = yes", effect: lost},
		{fault: "lost c1>n2 request t1.5 #0 = yes", effect: lost},
		{fault: "lost n2>n1 forward t1.5 #0 = yes", effect: lost},
		{fault: "lost n2>c1 reply t1.5 #0 = yes", effect: lost},
		{fault: "doubled n1>n2 app t1 #7 = 30ms", effect: doubled},
		{fault: "doubled n3>n1 vote-resp t1 #0 = 1s", effect: doubled},
		{fault: "doubled c1>n2 request t1.5 #0 = 400ms", effect: doubled},
		{fault: "doubled n2>n1 forward t1.5 #0 = 4ms", effect: doubled},
		{fault: "doubled n2>c1 reply t1.5 #0 = 1ns", effect: doubled},
		{fault: "late n1>n2 app t1 #7 = 60ms", effect: late},
		{fault: "late n1>n2 app t1 #2 = 5ms", effect: reordered},
		{fault: "late n1>n2 app t1 #7 = 1ns", effect: late},
		{fault: "late c2>n3 request t2.3 #0 = 200ms", effect: late},

		{fault: "crash-at n1 #0 = at 600ms for 200ms", effect: crashes},
		{fault: "crash-at n1 #0 = at 600ms for 200ms", effect: elections},
		{fault: "crash-at n2 #0 = at 600ms for 1ns", effect: crashes},
		{fault: "crash-at n3 #4 = at 0s for 100ms", effect: crashes},
		{fault: "power-at n1 #0 = at 600ms for 200ms", effect: powerLosses},
		{fault: "power-at n3 #999 = at 1.999s for 50ms", effect: powerLosses},
		{fault: "blackout #0 = at 600ms for 100ms side n1,n2,n3", effect: func(r *Result) uint64 { return r.Counts.PowerLosses / 3 }},
		{fault: "blackout #0 = at 600ms for 100ms side n1,n3", effect: faultCount(faults.PurposeBlackout)},

		{fault: "aim-isolate #0 = at 600ms for 400ms leader-both", effect: faultCount(faults.PurposeIsolate), resolves: "isolate n1 #1000 = at 600.000001ms for 400ms both"},
		{fault: "aim-isolate #2 = at 600ms for 400ms leader-outbound-clients", effect: cut, resolves: "isolate n1 #1002 = at 600.000001ms for 400ms outbound-clients"},
		{fault: "aim-crash #0 = at 600ms for 100ms leader", effect: crashes, resolves: "crash-at n1 #1000"},
		{fault: "aim-power #0 = at 600ms for 100ms leader", effect: powerLosses, resolves: "power-at n1 #1000"},

		{fault: "slow-sync n1 #9 = 700ms", effect: func(r *Result) uint64 { return r.Counts.Disk.SlowSyncs }},
		{fault: "slow-sync n2 #9 = 100ms", effect: func(r *Result) uint64 { return r.Counts.Disk.SlowSyncs }},

		// A late first election: n1 does not stand at the start, and n2 waits longer than n3.
		{
			fault: "election n2 t0 #0 = 149ms", effect: func(r *Result) uint64 { return r.Fates[world.PurposeElection].Departed },
			change: func(o *Options) { o.Cluster.InitialLeader = 0 },
		},
		{fault: "op c1 t3 = put k1 after 120ms", effect: func(r *Result) uint64 { return r.Fates[80].Departed }},
	}
	// A winner exists while there is an election: n1 falls silent, and whoever stands next is struck.
	silent := []string{"isolate n1 #0 = at 600ms for 500ms both"}
	for _, winner := range []bite{
		{fault: "aim-isolate #0 = at 600ms for 400ms winner-both", effect: faultCount(faults.PurposeIsolate), resolves: "isolate n2 #1000"},
		{fault: "aim-crash #0 = at 600ms for 100ms winner", effect: crashes, resolves: "crash-at n2 #1000"},
		{fault: "aim-power #0 = at 600ms for 100ms winner", effect: powerLosses, resolves: "power-at n2 #1000"},
	} {
		winner.context = silent
		all = append(all, winner)
	}
	// What a power loss leaves of the bytes that were written and not synced.
	unsynced := []string{"power n1 written t1 #9 = for 100ms"}
	for _, torn := range []bite{
		{fault: "torn n1 t1 #0 = all", effect: kept},
		// Half a record is cut off at the restart, as if nothing had been left of it.
		{fault: "torn n1 t1 #0 = bytes 500", effect: kept, harmless: true},
		{fault: "torn n1 t1 #0 = bytes 500", harmless: true, effect: func(r *Result) uint64 { return r.Counts.Disk.TornSectors }},
		{fault: "torn n1 t1 #0 = sectors 999", effect: kept},
	} {
		torn.context = unsynced
		all = append(all, torn)
	}
	// Every link fault, in every direction it has.
	for _, way := range []string{"both", "inbound", "outbound", "both-clients", "inbound-clients", "outbound-clients"} {
		for _, victim := range []string{"n1", "n2"} {
			all = append(all, bite{fault: fmt.Sprintf("isolate %s #0 = at 600ms for 400ms %s", victim, way), effect: cut})
		}
	}
	for _, timed := range []string{
		"isolate n1 #0 = at 600ms for 400ms both", "split #0 = at 600ms for 400ms side n1",
		"split #0 = at 600ms for 400ms side n1,c1", "split #0 = at 600ms for 400ms side n1,n2,c-both", "split #3 = at 600ms for 400ms side c2,c3",
		"cut n1>n2 #0 = at 600ms for 400ms one-way", "cut n2>n1 #0 = at 600ms for 400ms one-way", "cut n1>n2 #0 = at 600ms for 400ms both-ways",
		"cut c1>n2 #0 = at 600ms for 400ms one-way", "cut n2>c1 #0 = at 600ms for 400ms both-ways", "isolate c1 #0 = at 600ms for 400ms both",
	} {
		all = append(all, bite{fault: timed, effect: cut})
	}
	all = append(all, machineBites()...)
	all = append(all, operatorBites()...)
	all = append(all, frontBites()...)
	all = append(all, diskBites()...)
	all = append(all, momentBites()...)
	return all
}

// Every fault there is takes effect, changes the run, is survived, and is gone when it is taken out.
func TestEveryFaultBites(t *testing.T) {
	cat := builtin(t)
	r := NewRunner(cat)
	tried := make(map[string]bool)
	for _, b := range bites() {
		for _, problem := range b.complaints(t, cat, r) {
			t.Errorf("%s: %s", b.fault, problem)
		}
		name, _, _ := strings.Cut(b.fault, " ")
		tried[name] = true
	}
	v, err := cat.Vocabulary("calm")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range v.Specs() {
		if !tried[s.Name] {
			t.Errorf("no case for purpose %q", s.Name)
		}
	}
}

// The test above fails for faults that do nothing.
func TestToothlessFaultsAreNoticed(t *testing.T) {
	cat := builtin(t)
	r := NewRunner(cat)
	lost := func(r *Result) uint64 { return r.Counts.Network.Lost }
	for _, b := range []bite{
		{fault: "lost n1>n2 app t99 #0 = yes", effect: lost},                                                // no such term
		{fault: "lost n1>n2 app t1 #100000 = yes", effect: lost},                                            // not so many
		{fault: "crash n2 elected t1 #0 = for 1s", effect: faultCount(faults.PurposeCrash)},                 // n2 does not lead
		{fault: "cut n1>n2 #0 = at 2s for 1s both-ways", effect: faultCount(faults.PurposeCut)},             // the window has closed
		{fault: "split #0 = at 1s for 1s side n1,n2,n3,c-both", effect: faultCount(faults.PurposeSplit)},    // no other side
		{fault: "aim-crash #0 = at 1.9999999s for 1s winner", effect: faultCount(faults.PurposeCrashAt)},    // too late
		{fault: "torn n1 t1 #0 = all", effect: func(r *Result) uint64 { return r.Counts.Disk.BytesKept }},   // no power loss
		{fault: "slow-sync n1 #100000 = 1s", effect: func(r *Result) uint64 { return r.Counts.Disk.Syncs }}, // not so many
	} {
		if len(b.complaints(t, cat, r)) == 0 {
			t.Errorf("%s: counts as a fault that took effect", b.fault)
		}
	}
}

// What one fault does, others put together do too: the run is the same but for the number of healings.
func TestEquivalentCuts(t *testing.T) {
	cat := builtin(t)
	r := NewRunner(cat)
	cuts := func(way string, links ...string) (lines []string) {
		for _, link := range links {
			lines = append(lines, fmt.Sprintf("cut %s #0 = at 600ms for 400ms %s", link, way))
		}
		return lines
	}
	for _, pair := range []struct {
		fault string
		same  []string
	}{
		{"isolate n2 #0 = at 600ms for 400ms both", cuts("both-ways", "n1>n2", "n2>n3")},
		{"isolate n2 #0 = at 600ms for 400ms inbound", cuts("one-way", "n1>n2", "n3>n2")},
		{"isolate n2 #0 = at 600ms for 400ms outbound", cuts("one-way", "n2>n1", "n2>n3")},
		{"isolate n2 #0 = at 600ms for 400ms both-clients", cuts("both-ways", "n1>n2", "n2>n3", "n2>c1", "n2>c2", "c3>n2")},
		{"isolate n2 #0 = at 600ms for 400ms inbound-clients", cuts("one-way", "n1>n2", "n3>n2", "c1>n2", "c2>n2", "c3>n2")},
		{"isolate n2 #0 = at 600ms for 400ms outbound-clients", cuts("one-way", "n2>n1", "n2>n3", "n2>c1", "n2>c2", "n2>c3")},
		{"isolate n1 #0 = at 600ms for 400ms both", cuts("both-ways", "n1>n2", "n1>n3")},
		{"isolate c1 #0 = at 600ms for 400ms inbound", cuts("one-way", "n1>c1", "n2>c1", "n3>c1")},
		{"split #0 = at 600ms for 400ms side n2", []string{"isolate n2 #0 = at 600ms for 400ms both-clients"}},
		{"split #0 = at 600ms for 400ms side n1,n3,c1,c2,c3", []string{"split #0 = at 600ms for 400ms side n2"}},
		{"split #0 = at 600ms for 400ms side n2,c-both", []string{"isolate n2 #0 = at 600ms for 400ms both"}},
		{"split #0 = at 600ms for 400ms side n1,n2,c1", cuts("both-ways", "n1>n3", "n2>n3", "c1>n3", "c2>n1", "c2>n2", "c3>n1", "c3>n2")},
		{"aim-isolate #0 = at 599.999999ms for 400ms leader-inbound", cuts("one-way", "n2>n1", "n3>n1")},
		{"blackout #0 = at 600ms for 400ms side n2", []string{"power-at n2 #0 = at 600ms for 400ms"}},
		{"aim-power #0 = at 599.999999ms for 400ms leader", []string{"power-at n1 #0 = at 600ms for 400ms"}},
	} {
		run := func(lines ...string) (world.Counts, uint64) {
			res, err := r.Run(calmCase(t, cat, nil, lines...), RunOptions{CheckOnce: true})
			if err != nil {
				t.Fatal(err)
			}
			counts := res.Counts
			heals := counts.Faults.Of(faults.PurposeIsolate) + counts.Faults.Of(faults.PurposeSplit) + counts.Faults.Of(faults.PurposeCut)
			counts.Faults = faults.Counts{}
			return counts, res.Steps - heals
		}
		a, aSteps := run(pair.fault)
		b, bSteps := run(pair.same...)
		if a != b || aSteps != bSteps {
			t.Errorf("%s is not the same as %s:\n%+v in %d steps\n%+v in %d", pair.fault, strings.Join(pair.same, "; "), a, aSteps, b, bSteps)
		}
	}
}

// Disks that lie about syncs do no harm until power is lost; then acknowledged writes are gone, which is outside the contract, and the
// judges object. Where they read the disks they object at the first promise that rests on nothing.
func TestLyingSyncBites(t *testing.T) {
	cat := builtin(t)
	r := NewRunner(cat)
	const unwritten, gone = "DUR/vote-not-on-disk", "ES/term-went-back"
	crashes := []string{"crash-at n1 #0 = at 1s for 100ms", "crash-at n2 #0 = at 1s for 100ms", "crash-at n3 #0 = at 1s for 100ms"}
	blackout := []string{"blackout #0 = at 1s for 100ms side n1,n2,n3"}
	for _, tc := range []struct {
		name          string
		lying, decode bool
		lines         []string
		want          string // signature
	}{
		{"honest", false, true, blackout, ""},
		{"honest, by the tickets", false, false, blackout, ""},
		{"lying, no power loss, by the tickets", true, false, nil, ""},
		{"lying, crashes only, by the tickets", true, false, crashes, ""},
		{"lying, all lose power, by the tickets", true, false, blackout, gone}, // the terms and votes first
		{"lying, no power loss", true, true, nil, unwritten},
		{"lying, crashes only", true, true, crashes, unwritten},
		{"lying, all lose power", true, true, blackout, unwritten},
	} {
		c := calmCase(t, cat, func(o *Options) { o.Disk.LyingSync, o.Run.DecodeDisks = tc.lying, tc.decode }, tc.lines...)
		res, err := r.Run(c, RunOptions{Record: true})
		if err != nil {
			t.Fatal(err)
		}
		if res.Signature != tc.want || (res.Verdict == Violation) != (tc.want != "") || res.Missed() > 0 {
			t.Errorf("%s: %v %q (%d missed), want %q", tc.name, res.Verdict, res.Signature, res.Missed(), tc.want)
		}
	}
}
