package scenarios

import (
	"testing"

	"raftsim/faults"
)

// In runs of the register every fault that its vocabulary has strikes, everything that it counts happens, and nothing breaks.
func TestRegisterSurvivesItsFaults(t *testing.T) {
	cat := builtin(t)
	v, err := cat.Vocabulary("register")
	if err != nil {
		t.Fatal(err)
	}
	r := NewRunner(cat)
	var struck [256]uint64
	var own []uint64
	var names []string
	for seed := uint64(1); seed <= 150; seed++ {
		res, err := r.Run(mustCase(t, cat, "register", seed), RunOptions{CheckOnce: true})
		if err != nil {
			t.Fatal(err)
		}
		if res.Verdict != Pass {
			t.Errorf("seed %d: %v %v", seed, res.Verdict, res.Violations)
		}
		if res.Stages.WitnessNo > 0 || res.Stages.OperationsJudged != res.Counts.Operations.Invoked || res.Counts.Operations.Invoked < 30 {
			t.Errorf("seed %d: %+v of %+v", seed, res.Stages, res.Counts.Operations)
		}
		for i, n := range res.Own {
			if i == len(own) {
				own, names = append(own, 0), append(names, n.Name)
			}
			own[i] += n.Count
		}
		for _, s := range v.Specs() {
			if faults.Counted(s.Purpose) {
				struck[s.Purpose] += res.Counts.Faults.Of(s.Purpose)
			} else {
				struck[s.Purpose] += res.Fates[s.Purpose].Departed
			}
		}
	}
	for _, s := range v.Specs() {
		if s.Fault && struck[s.Purpose] == 0 {
			t.Errorf("%s never struck", s.Name)
		}
	}
	for i, n := range own {
		if n == 0 && names[i] != "stores_refused" {
			t.Errorf("%s is 0", names[i])
		}
	}
}

// Options that would do nothing in runs of the register are refused by name.
func TestRegisterRefusesWhatItHasNot(t *testing.T) {
	cat := builtin(t)
	for assignment, want := range map[string]string{
		"cluster.nodes=4":              "",
		"network.lost=1/10":            "",
		"disk.torn=1":                  "",
		"run.search_steps=5":           "",
		"faults.pause=2 x 1/2":         "",
		"cluster.pre_vote=false":       "cluster.pre_vote: scenario register has no use for it: want the default, true",
		"workload.window=2":            "workload.window: scenario register has no use for it: want the default, 1",
		"workload.application=kv":      `workload.application: "kv": scenario register has "register"`,
		"faults.aim_crash=1 x 1/2":     `faults.aim_crash: scenario register has no use for it: want the default, "none"`,
		"faults.clock_drift=5":         "faults.clock_drift: scenario register has no use for it: want the default, 0",
		`workload.classes=["cas"]`:     `workload.classes: scenario register has no use for it: want the default, ["register", "mixed"]`,
		`cluster.memberships=["n1"]`:   "cluster.memberships: scenario register has no use for it: want the default, []",
		"workload.operation_timeout=0": "workload.attempt_timeout: want above 0 and at most operation_timeout (0s), not 150ms",
	} {
		c := mustCase(t, cat, "register", 1)
		if err := c.Options.Set(assignment); err != nil {
			c.Options.Workload.OperationTimeout = 0 // no unit: Set refuses it, a case made by a program may have it
		}
		err := cat.Check(c)
		_, ran := NewRunner(cat).Run(c, RunOptions{})
		for _, err := range []error{err, ran} {
			if (err == nil) != (want == "") || err != nil && err.Error() != want {
				t.Errorf("%s: %v, want %q", assignment, err, want)
			}
		}
	}
	if cat.Check(&Case{Scenario: "none"}) == nil {
		t.Error("a scenario that is not there has options")
	}
	// And a case of Raft is none of the register's.
	c := mustCase(t, cat, "calm", 1)
	c.Scenario = "register"
	if _, err := NewRunner(cat).Run(c, RunOptions{}); err == nil {
		t.Error("a case of Raft was run as one of the register")
	}
}
