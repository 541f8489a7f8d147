package campaign

import (
	"context"
	"sync/atomic"
	"time"

	"raftsim/scenarios"
)

// worker makes one run after another. The watchdog reads since and index; everything else is the worker's own.
type worker struct {
	team  *team
	since atomic.Int64 // when the run under way began, nanoseconds since the campaign did, plus 1; 0: none is
	index atomic.Uint64
	done  chan struct{}
}

func (w *worker) work(ctx context.Context) {
	defer close(w.done)
	t := w.team
	runner := scenarios.NewRunner(t.config.Catalogue)
	for {
		index, ok := t.take(ctx)
		if !ok {
			return
		}
		w.index.Store(index)
		w.since.Store(int64(time.Since(t.begun)) + 1)
		r := result{index: index}
		r.result, r.err = w.run(runner, index)
		w.since.Store(0)
		if r.err != nil {
			t.stop.Store(true)
		}
		t.results <- r
		if r.err != nil {
			return
		}
	}
}

func (w *worker) run(runner *scenarios.Runner, index uint64) (*scenarios.Result, *RunError) {
	c := &w.team.config
	k, seed := c.at(index)
	name := c.Scenarios[k]
	res, err := protect(func() (*scenarios.Result, error) {
		made, err := Case(c.Catalogue, name, seed, c.Set)
		if err != nil {
			return nil, &caseError{err}
		}
		return runner.Run(made, scenarios.RunOptions{})
	})
	if err != nil {
		return nil, &RunError{Scenario: name, Seed: seed, Err: err}
	}
	return res, nil
}

// hung returns the earliest run that has been under way for longer than the campaign allows, and how many other workers still
// work.
func (t *team) hung() (index uint64, hangs bool, others int) {
	if t.config.Hang <= 0 {
		return 0, false, 0
	}
	now := int64(time.Since(t.begun)) + 1
	for _, w := range t.workers {
		since := w.since.Load()
		at := w.index.Load()
		late := since > 0 && now-since > int64(t.config.Hang) && w.since.Load() == since
		switch {
		case late && (!hangs || at < index):
			index, hangs = at, true
		case !late && !w.finished():
			others++
		}
	}
	return index, hangs, others
}

func (w *worker) finished() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}
