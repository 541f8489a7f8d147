package scenarios

import (
	"fmt"

	"raftsim/checker"
	"raftsim/scenarios/workload"
	"raftsim/scenarios/world"
	"raftsim/sim"
)

// Verdict is the outcome of a run.
type Verdict uint8

const (
	Pass         Verdict = iota // every judge decided, none objected
	Inconclusive                // no violation, but a part of the client history was not decided
	Violation                   // a judge objected
)

// String returns the word used in files and reports.
func (v Verdict) String() string {
	switch v {
	case Pass:
		return "pass"
	case Inconclusive:
		return "inconclusive"
	}
	return "violation"
}

// ParseVerdict reads what String writes.
func ParseVerdict(s string) (Verdict, error) {
	for v := Pass; v <= Violation; v++ {
		if v.String() == s {
			return v, nil
		}
	}
	return 0, fmt.Errorf("unknown verdict %q: one of pass, inconclusive, violation", s)
}

// Result is what a case came to.
type Result struct {
	Verdict    Verdict
	Signature  string // of the violation that counts; "" if there is none
	Violations []checker.Violation
	Undecided  string              // why, in one line, if Verdict is Inconclusive and there is something to say
	Observed   []checker.Violation // what would be one if the case were within the contract
	Digest     uint64
	Steps      uint64
	Virtual    sim.Time
	Stages     workload.Stages
	Counts     world.Counts
	Own        []world.OwnCount // of another protocol than Raft
	Fates      [256]sim.Count   // by purpose
	Recorded   []sim.Disturbance
	Hits       []uint32 // by override of the case: 0 if it found no subject
}

// Missed returns how many overrides found no subject.
func (r *Result) Missed() int {
	n := 0
	for _, h := range r.Hits {
		if h == 0 {
			n++
		}
	}
	return n
}

// Primary returns the violation that names the result: the first one that says what broke. A panic names only what fell over
// because of it, so it counts when no property of safety is broken; a missed deadline or bound, which any of the others may have
// caused, when there is nothing else.
func (r *Result) Primary() (checker.Violation, bool) {
	best, rank := -1, 0
	for i, v := range r.Violations {
		k := 3
		switch v.Property {
		case checker.Crash:
			k = 2
		case checker.Liveness, checker.Bound:
			k = 1
		}
		if k > rank {
			best, rank = i, k
		}
	}
	if best < 0 {
		return checker.Violation{}, false
	}
	return r.Violations[best], true
}

// BrokenError says that the harness contradicted itself. It is never a finding about the system under test.
type BrokenError struct{ Problem string }

func (e *BrokenError) Error() string { return "the harness is broken: " + e.Problem }

func newResult(o *world.Outcome) (*Result, error) {
	if o.Broken != "" {
		return nil, &BrokenError{o.Broken}
	}
	r := &Result{
		Violations: o.Violations, Observed: o.Observed, Digest: o.Digest, Steps: o.Steps, Virtual: o.End, Stages: o.Judgement.Stages,
		Counts: o.Counts, Own: o.Own, Fates: o.Fates, Recorded: o.Recorded, Hits: o.Hits,
	}
	if v, ok := r.Primary(); ok {
		r.Verdict, r.Signature = Violation, v.Signature()
	} else if o.Judgement.Inconclusive > 0 {
		r.Verdict, r.Undecided = Inconclusive, o.Judgement.Undecided
	}
	return r, nil
}
