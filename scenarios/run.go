package scenarios

import (
	"errors"
	"fmt"

	"raftsim/scenarios/workload"
	"raftsim/scenarios/world"
	"raftsim/sim"
)

// Runner runs cases, one at a time, keeping its memory from one to the next. The zero value is not usable; call NewRunner. It
// is not safe for concurrent use: runs in parallel have a runner each.
type Runner struct {
	catalogue *Catalogue
	world     world.World
	sessions  map[string]workload.Session // by scenario
	others    map[string]World            // by scenario that is not of Raft
}

// NewRunner returns a runner of the scenarios in cat.
func NewRunner(cat *Catalogue) *Runner {
	return &Runner{catalogue: cat, sessions: make(map[string]workload.Session), others: make(map[string]World)}
}

// RunOptions say what a run keeps. They change nothing about what happens in it.
type RunOptions struct {
	Record    bool           // keep every answer that was not calm, for Explicit
	CheckOnce bool           // panic if a key is asked twice
	Tracer    sim.Tracer     // sees every step
	Narrator  world.Narrator // hears the run told as a story
	Meter     world.Meter    // hears of the clients' operations
}

// Run runs a case. An error means that the case cannot be run, that the application's own code failed
// (*workload.ApplicationError), or that the harness itself is broken (*BrokenError); whatever the system under test does wrong is in
// the result.
func (r *Runner) Run(c *Case, o RunOptions) (*Result, error) {
	s, err := r.catalogue.Lookup(c.Scenario)
	if err != nil {
		return nil, err
	}
	v, err := r.catalogue.Vocabulary(c.Scenario)
	if err != nil {
		return nil, err
	}
	if err := s.check(&c.Options); err != nil {
		return nil, err
	}
	cfg := c.config(s.application())
	cfg.Record, cfg.CheckOnce, cfg.Tracer = o.Record, o.CheckOnce, o.Tracer
	cfg.Narrator, cfg.Meter = o.Narrator, o.Meter
	outcome, err := r.worldOf(s, &cfg).Run(v, cfg)
	if errors.As(err, new(*workload.ApplicationError)) {
		return nil, err
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Scenario, err)
	}
	return newResult(outcome)
}

// worldOf returns what runs the cases of a scenario, with the memory of the last one, and completes its configuration.
func (r *Runner) worldOf(s *Scenario, cfg *world.Config) World {
	if s.Protocol != nil {
		if r.others[s.Name] == nil {
			r.others[s.Name] = s.Protocol.NewWorld()
		}
		return r.others[s.Name]
	}
	if r.sessions[s.Name] == nil {
		r.sessions[s.Name] = s.application().NewSession()
	}
	cfg.NewCore, cfg.Session = s.NewCore, r.sessions[s.Name]
	return &r.world
}

// Run runs a case of the built-in catalogue once.
func Run(c *Case) (*Result, error) {
	cat, err := NewCatalogue(Builtin()...)
	if err != nil {
		return nil, err
	}
	return NewRunner(cat).Run(c, RunOptions{})
}
