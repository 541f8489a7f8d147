package scenarios

import (
	"fmt"

	"raftsim/scenarios/world"
	"raftsim/sim"
)

// Protocol is what a scenario runs in place of Raft: processes and judges of its own, under the same kernel, with the same cases,
// files, campaigns and reports. Implementations hold no state of a run.
type Protocol interface {
	// Name is one word, as in the option workload.application.
	Name() string
	// Take sets the options that mean something to it to zero. All others must have their defaults: what would be ignored is refused.
	Take(o *Options)
	// NewVocabulary returns the purposes and names of its runs; extra adds a user's own purposes.
	NewVocabulary(extra ...sim.Spec) (*sim.Vocabulary, error)
	// CheckDisturbance says what is wrong with a disturbance in a run of these options: it may have been written by hand, or for others.
	CheckDisturbance(v *sim.Vocabulary, d sim.Disturbance, o *Options) error
	// NewWorld returns what runs cases, one at a time, keeping its memory from one to the next.
	NewWorld() World
}

// World runs cases. world.World is the one of Raft. What a configuration has of Raft is of no meaning to others.
type World interface {
	// Run runs one case. An error means that the configuration cannot be run; whatever the system under test does is in the outcome.
	// What only this protocol counts is in Outcome.Own; its presence says that what only Raft counts means nothing.
	Run(v *sim.Vocabulary, c world.Config) (*world.Outcome, error)
}

// checkTaken refuses options that a protocol does not take and that are not as by default.
func checkTaken(scenario string, p Protocol, o *Options) error {
	rest, defaults := *o, Defaults()
	p.Take(&rest)
	p.Take(&defaults)
	if fmt.Sprint(rest) == fmt.Sprint(defaults) { // a tenth of the time of naming them
		return nil
	}
	lines := optionLines(defaults)
	for i, l := range optionLines(rest) {
		if l.value != lines[i].value {
			return &OptionError{l.key, fmt.Sprintf("scenario %s has no use for it: want the default, %s", scenario, lines[i].value)}
		}
	}
	return nil
}
