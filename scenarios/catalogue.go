package scenarios

import (
	"errors"
	"fmt"
	"strings"

	"raftsim/raft/server"
	"raftsim/scenarios/workload"
	"raftsim/scenarios/world"
	"raftsim/sim"
)

// Scenario is a named way to make cases of seeds.
type Scenario struct {
	Name string // one word of letters, digits, '-', '_' and '.'
	Doc  string // one sentence
	// Make makes the case of a seed. It must depend on the seed alone. Scenario and Seed are filled in by Catalogue.Case.
	Make func(seed uint64) *Case
	// Application is what is replicated; nil for the KV map.
	Application workload.Application
	// NewCore makes the consensus cores; nil for this project's own Raft.
	NewCore server.NewCore
	// Protocol is what runs in place of Raft; nil for Raft. Application and NewCore are nil where it is not.
	Protocol Protocol
	// Purposes adds a user's own (128-255) to the vocabulary.
	Purposes []sim.Spec
	// Story marks a scenario with one case, whatever the seed: campaigns leave it out unless named.
	Story bool
	// Unsafe marks a scenario outside the contract, whose runs are violations on purpose: campaigns leave it out unless named.
	Unsafe bool
}

func (s *Scenario) application() workload.Application {
	if s.Application == nil {
		return workload.KV{}
	}
	return s.Application
}

// replicated is what the option workload.application says.
func (s *Scenario) replicated() string {
	if s.Protocol != nil {
		return s.Protocol.Name()
	}
	return s.application().Name()
}

func (s *Scenario) newVocabulary() (*sim.Vocabulary, error) {
	if s.Protocol == nil {
		return world.NewVocabulary(s.application(), s.Purposes...)
	}
	if s.Application != nil || s.NewCore != nil {
		return nil, errors.New("it has a Protocol in place of Raft, so neither Application nor NewCore")
	}
	return s.Protocol.NewVocabulary(s.Purposes...)
}

// checkDisturbance refuses a disturbance about what the case does not have.
func (s *Scenario) checkDisturbance(v *sim.Vocabulary, d sim.Disturbance, c *Case) error {
	if s.Protocol != nil {
		return s.Protocol.CheckDisturbance(v, d, &c.Options)
	}
	return world.CheckDisturbance(v, s.application(), d, c.Options.Cluster.Nodes+c.Options.Cluster.Spares, c.Options.Routing.fronts(), c.plan())
}

// check reports in one sentence what is wrong with options of this scenario, or nil.
func (s *Scenario) check(o *Options) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if name := s.replicated(); o.Workload.Application != name {
		return &OptionError{"workload.application", fmt.Sprintf("%q: scenario %s has %q", o.Workload.Application, s.Name, name)}
	}
	if s.Protocol != nil {
		return checkTaken(s.Name, s.Protocol, o)
	}
	return nil
}

// Catalogue is a set of scenarios. It is immutable and safe for concurrent use.
type Catalogue struct {
	scenarios    []Scenario
	vocabularies []*sim.Vocabulary
}

// NewCatalogue returns a catalogue, or says which scenario is wrong, and what about it. An application that is a workload.Validator is
// asked whether it is whole.
func NewCatalogue(scenarios ...Scenario) (*Catalogue, error) {
	if len(scenarios) == 0 {
		return nil, errors.New("a catalogue needs at least one scenario")
	}
	c := &Catalogue{scenarios: append([]Scenario(nil), scenarios...)}
	for i := range c.scenarios {
		s := &c.scenarios[i]
		if s.Name == "" || s.Make == nil {
			return nil, fmt.Errorf("scenario %d %q: needs a name and Make", i+1, s.Name)
		}
		if !workload.IsWord(s.Name) {
			return nil, fmt.Errorf("scenario %d: name %q is not one word of letters, digits, '-', '_' and '.'", i+1, s.Name)
		}
		if first, _ := c.Lookup(s.Name); first != s {
			return nil, fmt.Errorf("scenario %q is there twice", s.Name)
		}
		if whole, ok := s.Application.(workload.Validator); ok {
			if err := whole.Validate(); err != nil {
				return nil, fmt.Errorf("scenario %q: %w", s.Name, err)
			}
		}
		v, err := s.newVocabulary()
		if err != nil {
			return nil, fmt.Errorf("scenario %q: %w", s.Name, err)
		}
		c.vocabularies = append(c.vocabularies, v)
	}
	return c, nil
}

// Scenarios returns all scenarios in order. The caller must not change them.
func (c *Catalogue) Scenarios() []Scenario { return c.scenarios }

// Names returns the names of all scenarios but stories, or only of those within the contract.
func (c *Catalogue) Names(unsafeToo bool) []string {
	var names []string
	for i := range c.scenarios {
		if s := &c.scenarios[i]; !s.Story && (unsafeToo || !s.Unsafe) {
			names = append(names, s.Name)
		}
	}
	return names
}

// Stories returns the names of all stories.
func (c *Catalogue) Stories() []string {
	var names []string
	for i := range c.scenarios {
		if s := &c.scenarios[i]; s.Story {
			names = append(names, s.Name)
		}
	}
	return names
}

// Lookup returns a scenario by name; the error of an unknown one suggests the nearest.
func (c *Catalogue) Lookup(name string) (*Scenario, error) {
	for i := range c.scenarios {
		if c.scenarios[i].Name == name {
			return &c.scenarios[i], nil
		}
	}
	names := c.Names(true)
	if near := sim.Nearest(name, append(c.Stories(), names...)); near != "" {
		return nil, fmt.Errorf("unknown scenario %q: did you mean %q?", name, near)
	}
	return nil, fmt.Errorf("unknown scenario %q: known are %s", name, strings.Join(names, ", "))
}

// IsBuiltin reports whether a scenario of this name is the one of the house, with its application and its Raft.
func (c *Catalogue) IsBuiltin(name string) bool {
	s, err := c.Lookup(name)
	if err != nil || s.NewCore != nil {
		return false
	}
	for _, own := range Builtin() {
		if own.Name == name {
			return own.application().Name() == s.application().Name()
		}
	}
	return false
}

// Vocabulary returns the purposes and names of a scenario's runs.
func (c *Catalogue) Vocabulary(name string) (*sim.Vocabulary, error) {
	for i := range c.scenarios {
		if c.scenarios[i].Name == name {
			return c.vocabularies[i], nil
		}
	}
	_, err := c.Lookup(name)
	return nil, err
}

// Case makes the case of a scenario and a seed.
func (c *Catalogue) Case(name string, seed uint64) (*Case, error) {
	s, err := c.Lookup(name)
	if err != nil {
		return nil, err
	}
	made, err := s.make(seed)
	if err != nil {
		return nil, fmt.Errorf("scenario %q, seed %d: %w", name, seed, err)
	}
	made.Scenario, made.Seed = s.Name, seed
	made.Options.Workload.Application = s.replicated()
	if err := s.check(&made.Options); err != nil {
		return nil, fmt.Errorf("scenario %q, seed %d: %w", name, seed, err)
	}
	return made, nil
}

// make calls Make, which is the user's own code: it may panic, or forget to return something.
func (s *Scenario) make(seed uint64) (c *Case, err error) {
	defer func() {
		if p := recover(); p != nil {
			c, err = nil, fmt.Errorf("function Make panicked: %v", p)
		}
	}()
	if c = s.Make(seed); c == nil {
		return nil, errors.New("function Make returned no case")
	}
	return c, nil
}

// Check reports in one sentence what is wrong with the options of a case, or nil.
func (c *Catalogue) Check(made *Case) error {
	s, err := c.Lookup(made.Scenario)
	if err != nil {
		return err
	}
	return s.check(&made.Options)
}

// Builtin returns the scenarios of the house.
func Builtin() []Scenario {
	return append([]Scenario{
		{Name: "calm", Doc: "no fault at all: delays, timeouts and operations vary", Make: makeCalm},
		{Name: "partitions", Doc: "messages lost, doubled, late and out of order; servers isolated, sides split, links cut one way or both", Make: makePartitions},
		{Name: "crashes", Doc: "messages disturbed; servers crash and lose power at moments and times, alone and all at once", Make: makeCrashes},
		{Name: "mixed", Doc: "everything, as a swarm: each run has its own selection and rates", Make: MakeMixed},
		{Name: "routing", Doc: "mixed, with every way of finding the leader (hints, forwarding, frontends, load balancers, asking everybody, a registry) while leaders are cut off and fronts fail", Make: makeRouting},
		{Name: "membership", Doc: "a cluster grows from one server to five, has every member replaced and shrinks to one, under load and crashes", Make: makeMembership},
		{Name: "clocks", Doc: "mixed, with clocks that step and run up to twice as fast: leases are out of contract, and nothing else may break", Make: makeClocks},
		{Name: "damage", Doc: "mixed, and the disks of a minority rot, lose writes, or come back empty", Make: makeDamage},
		{Name: "register", Doc: "no Raft: a register without a leader (read and write quorums), with all faults that are aimed at nobody", Make: makeRegister, Protocol: registerProtocol{}},
		{Name: "locks", Doc: "mixed, with a lock service instead of the map: clients hold locks, stall and die holding them, and write with fencing tokens", Make: makeLocks, Application: workload.Lock{}},
		{Name: "canary", Doc: "disks lie about syncs and the whole cluster loses power: always a violation, to try the failure path", Make: makeCanary, Unsafe: true},
	}, stories()...)
}
