// Package scenarios turns seeds and files into cases, and cases into results.
//
// A case is everything a run depends on: options, a base (calm, or the noise of a seed), masks that quieten the noise, and
// overrides, the explicit disturbances. A scenario makes a case of a seed. A seed file holds a case.
package scenarios

import (
	"raftsim/sim"
)

// Case is everything a run depends on, besides the code.
type Case struct {
	Scenario  string
	Seed      uint64 // the case was made of; a name only, the noise has its own in Base
	Options   Options
	Base      Base
	Masks     []sim.Mask
	Overrides []sim.Disturbance
}

// Base is what happens where no override says otherwise: nothing, or the noise of a seed.
type Base struct {
	Noisy bool
	Seed  uint64
}

// Explicit returns c with everything that happened in its run written down as overrides over a calm base. Its run has the same
// digest.
func (c *Case) Explicit(recorded []sim.Disturbance) *Case {
	e := *c
	e.Base = Base{}
	e.Masks = nil
	e.Overrides = append([]sim.Disturbance(nil), recorded...)
	sim.SortDisturbances(e.Overrides)
	return &e
}
