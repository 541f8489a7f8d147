package scenarios

import (
	"slices"
	"strings"

	"raftsim/scenarios/world"
	"raftsim/sim"
)

// Protocol is what a scenario runs in place of Raft: processes and judges of its own, under the same kernel, with the same cases,
// files, campaigns and reports. Implementations hold no state of a run.
type Protocol interface {
	// Name is one word, as in the option workload.application.
	Name() string
	// Takes lists the keys of the options that mean something to it, "network.*" for a whole section. All others must have their
	// defaults: what would be ignored is refused.
	Takes() []string
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
func checkTaken(scenario string, takes []string, o *Options) error {
	defaults := optionLines(Defaults())
	for i, l := range optionLines(*o) {
		section, _, _ := strings.Cut(l.key, ".")
		if l.value != defaults[i].value && !slices.Contains(takes, l.key) && !slices.Contains(takes, section+".*") {
			return &OptionError{l.key, "scenario " + scenario + " has no use for it: want the default, " + defaults[i].value}
		}
	}
	return nil
}
