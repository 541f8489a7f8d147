package campaign

import (
	"slices"

	"raftsim/checker"
	"raftsim/scenarios"
)

// Broken is a rule that runs of a campaign broke. A run has one signature, of the violation that counts, but may have broken more
// rules than that one; here each of them is noted.
type Broken struct {
	Signature string
	Runs      uint64 // how many broke it
	FirstRun  uint64 // how-manieth of the campaign, from 1
	Scenario  string // of that run
	Seed      uint64
}

// note adds what the last run broke to the summary, and ends the campaign if it was waiting for that.
func (c *collector) note(run Run, res *scenarios.Result) {
	s := c.summary
	for i, v := range res.Violations {
		signature := v.Signature()
		if slices.ContainsFunc(res.Violations[:i], func(o checker.Violation) bool { return o.Signature() == signature }) {
			continue
		}
		at := slices.IndexFunc(s.Broken, func(b Broken) bool { return b.Signature == signature })
		if at < 0 {
			at = len(s.Broken)
			s.Broken = append(s.Broken, Broken{Signature: signature, FirstRun: s.Runs, Scenario: run.Scenario, Seed: run.Seed})
		}
		s.Broken[at].Runs++
		if slices.Contains(c.team.config.StopAt, v.Property) {
			s.Stopped = true
			c.team.stop.Store(true)
		}
	}
}
