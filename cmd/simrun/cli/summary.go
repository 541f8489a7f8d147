package cli

import (
	"bufio"
	"fmt"
	"io"
	"time"

	"raftsim/scenarios"
	"raftsim/scenarios/campaign"
)

func (a *app) reportCampaign(s *campaign.Summary, findings []kept, f *campaignFlags) error {
	var idle, off []string
	if s.Runs >= neverFiredRuns {
		idle, off = s.Silent()
	}
	if a.json() {
		return a.writeJSON("campaign", a.campaignReport(s, findings, idle, off, f))
	}
	w := bufio.NewWriter(a.out)
	writeCampaign(w, s)
	writeCounters(w, s.Counters())
	if len(idle) > 0 {
		fmt.Fprintf(w, "warning: switched on, but never struck in %d runs: %s\n", s.Runs, list(idle))
	}
	if len(off) > 0 {
		fmt.Fprintf(w, "warning: switched off in all %d runs: %s\n", s.Runs, list(off))
	}
	if campaign.Exceeds(s.Verdicts[scenarios.Inconclusive], s.Runs, f.share) {
		fmt.Fprintf(w, "warning: more than %s of the runs are inconclusive\n", f.share)
	}
	for _, k := range findings {
		v, _ := k.result.Primary()
		fmt.Fprintf(w, "\n%s in %d of %d runs, first in %s seed %s\n", k.Signature, k.Count, s.Runs, k.Scenario, scenarios.FormatSeed(k.Seed))
		fmt.Fprintln(w, "  "+campaign.ViolationLine(v))
		writeCommands(w, "  ", a.hints(k.Scenario).File(k.file))
	}
	return a.wrote(w.Flush())
}

func writeCampaign(w io.Writer, s *campaign.Summary) {
	fmt.Fprintf(w, "campaign %s", list(s.Scenarios))
	if s.Seeds.Last != 1<<64-1 {
		fmt.Fprintf(w, ", seeds %s", s.Seeds)
	} else {
		fmt.Fprintf(w, ", from seed %d", s.Seeds.First)
	}
	if s.Interrupted {
		fmt.Fprint(w, ", interrupted")
	}
	fmt.Fprintf(w, "\n  runs %d: pass %d, violation %d, inconclusive %d\n", s.Runs, s.Verdicts[scenarios.Pass],
		s.Verdicts[scenarios.Violation], s.Verdicts[scenarios.Inconclusive])
	fmt.Fprintf(w, "  digest %s\n", scenarios.FormatDigest(s.Digest))
	steps, virtual := s.Work()
	fmt.Fprintf(w, "  speed %s runs/s, %s virtual s/s, %s steps/s with %d workers in %s\n", rate(s.Runs, s.Wall),
		rate(uint64(virtual/time.Second), s.Wall), rate(steps, s.Wall), s.Workers, s.Wall.Round(10*time.Millisecond))
	fmt.Fprintf(w, "  steps %d, virtual time %s\n", steps, virtual)
}

// rate returns n per second with one decimal below 100.
func rate(n uint64, d time.Duration) string {
	if d <= 0 {
		return "?"
	}
	r := float64(n) / d.Seconds()
	if r < 100 {
		return fmt.Sprintf("%.1f", r)
	}
	return fmt.Sprintf("%.0f", r)
}

func (a *app) campaignReport(s *campaign.Summary, findings []kept, idle, off []string, f *campaignFlags) *Report {
	c := &CampaignReport{
		Scenarios: s.Scenarios, Seeds: s.Seeds.String(), Workers: s.Workers, Runs: s.Runs, Interrupted: s.Interrupted,
		Passed: s.Verdicts[scenarios.Pass], Inconclusive: s.Verdicts[scenarios.Inconclusive], Violated: s.Verdicts[scenarios.Violation],
		WallNS: int64(s.Wall), Findings: []FindingReport{}, Stopped: s.Stopped, Broken: []BrokenReport{}, NeverFired: idle, SwitchedOff: off, FirstRuns: []RunReport{},
	}
	for _, k := range findings {
		v, _ := k.result.Primary()
		c.Findings = append(c.Findings, FindingReport{
			Signature: k.Signature, Runs: k.Count, Scenario: k.Scenario, Seed: scenarios.FormatSeed(k.Seed),
			Digest: scenarios.FormatDigest(k.Digest), Violation: violation(v), File: k.file, Commands: a.hints(k.Scenario).File(k.file),
		})
	}
	for _, b := range s.Broken {
		c.Broken = append(c.Broken, BrokenReport{
			Signature: b.Signature, Runs: b.Runs, FirstRun: b.FirstRun, Scenario: b.Scenario, Seed: scenarios.FormatSeed(b.Seed),
		})
	}
	for _, r := range s.Listed {
		c.FirstRuns = append(c.FirstRuns, RunReport{
			Scenario: r.Scenario, Seed: scenarios.FormatSeed(r.Seed), Verdict: r.Verdict.String(), Signature: r.Signature,
			Digest: scenarios.FormatDigest(r.Digest),
		})
	}
	r := &Report{
		Verdict: scenarios.Pass.String(), Digest: scenarios.FormatDigest(s.Digest), Counts: countMap(s.Counters()), Campaign: c,
	}
	switch {
	case len(findings) > 0:
		r.Verdict, r.Signature = scenarios.Violation.String(), findings[0].Signature
	case campaign.Exceeds(s.Verdicts[scenarios.Inconclusive], s.Runs, f.share):
		r.Verdict = scenarios.Inconclusive.String()
	}
	return r
}
