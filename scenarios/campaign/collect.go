package campaign

import (
	"context"
	"slices"
	"time"

	"raftsim/scenarios"
	"raftsim/sim"
)

// collector puts results in order and adds them up.
type collector struct {
	team    *team
	summary *Summary
	digest  sim.Digest
	next    uint64            // the run whose result is added next
	pending map[uint64]result // later ones
	kinds   map[string]int    // position of a signature in Findings
	failed  *RunError         // of the earliest run that failed
	at      uint64            // its index
	virtual time.Duration
}

// grace is how long the workers beside one that hangs get to finish their runs.
const grace = 2 * time.Second

func (t *team) collect(ctx context.Context) (*Summary, error) {
	c := &collector{
		team: t, pending: make(map[uint64]result), kinds: make(map[string]int),
		summary: &Summary{
			Scenarios: t.config.Scenarios, Seeds: t.config.Seeds, Workers: t.config.Workers,
			Totals: make([]Totals, len(t.config.Scenarios)), catalogue: t.config.Catalogue,
		},
	}
	watch := time.NewTicker(t.watchEvery())
	defer watch.Stop()
	finished := make(chan struct{})
	go func() {
		for _, w := range t.workers {
			<-w.done
		}
		close(finished)
	}()
	reported := t.begun
	var giveUp <-chan time.Time
loop:
	for {
		select {
		case r := <-t.results:
			c.add(r)
		case <-finished:
			break loop
		case <-giveUp:
			break loop
		case now := <-watch.C:
			index, hangs, others := t.hung()
			if hangs && giveUp == nil {
				t.stop.Store(true)
				k, seed := t.config.at(index)
				c.fail(index, &RunError{Scenario: t.config.Scenarios[k], Seed: seed, Err: &HangError{After: t.config.Hang}})
				giveUp = time.After(grace)
			}
			if hangs && others == 0 {
				break loop
			}
			if t.config.Progress != nil && now.Sub(reported) >= t.config.Every {
				reported = now
				t.config.Progress(c.progress())
			}
		}
	}
	for len(t.results) > 0 {
		c.add(<-t.results)
	}
	c.addRest()
	if t.config.Progress != nil {
		t.config.Progress(c.progress())
	}
	s := c.summary
	s.Wall = time.Since(t.begun)
	s.Digest = c.digest.Sum()
	s.Interrupted = ctx.Err() != nil && s.Runs < t.total
	if c.failed != nil {
		return s, c.failed
	}
	return s, nil
}

func (t *team) watchEvery() time.Duration {
	every := t.config.Every / 8
	if t.config.Hang > 0 {
		every = min(every, t.config.Hang/4)
	}
	return max(every, time.Millisecond)
}

func (c *collector) fail(index uint64, err *RunError) {
	if c.failed == nil || index < c.at {
		c.failed, c.at = err, index
	}
}

// add takes a result, and adds up all that are next in order.
func (c *collector) add(r result) {
	if r.err != nil {
		c.fail(r.index, r.err)
		return
	}
	c.pending[r.index] = r
	for {
		r, ok := c.pending[c.next]
		if !ok {
			return
		}
		delete(c.pending, c.next)
		c.next++
		c.sum(r)
	}
}

// addRest adds up what lies behind a run that failed.
func (c *collector) addRest() {
	var rest []uint64
	for index := range c.pending {
		rest = append(rest, index)
	}
	slices.Sort(rest)
	for _, index := range rest {
		c.sum(c.pending[index])
	}
	clear(c.pending)
}

func (c *collector) sum(r result) {
	k, seed := c.team.config.at(r.index)
	s, res := c.summary, r.result
	run := Run{
		Scenario: s.Scenarios[k], Seed: seed, Verdict: res.Verdict, Signature: res.Signature, Digest: res.Digest,
	}
	fold(&c.digest, run)
	s.Runs++
	s.Verdicts[res.Verdict]++
	s.Totals[k].Add(res)
	c.virtual += time.Duration(res.Virtual)
	if len(s.Listed) < c.team.config.KeepRuns {
		s.Listed = append(s.Listed, run)
	}
	c.note(run, res)
	if res.Verdict != scenarios.Violation {
		return
	}
	if at, known := c.kinds[res.Signature]; known {
		s.Findings[at].Count++
		return
	}
	c.kinds[res.Signature] = len(s.Findings)
	s.Findings = append(s.Findings, Finding{Run: run, Count: 1})
}

func (c *collector) progress() Progress {
	total := c.team.total
	if total == 1<<64-1 {
		total = 0
	}
	return Progress{
		Runs: c.summary.Runs, Total: total, Violations: c.summary.Verdicts[scenarios.Violation],
		Virtual: c.virtual, Wall: time.Since(c.team.begun),
	}
}
