package campaign

import (
	"runtime/debug"
	"strings"

	"raftsim/scenarios"
)

// Command is a line to paste into a shell, and what it is for.
type Command struct {
	What string `json:"what"`
	Line string `json:"line"`
}

// Hints are the commands that are known to run the cases of a catalogue.
type Hints struct {
	Program string // the command line over it: "simrun"; "" for none
	Test    string // its seeds as a Go test: "go test ./scenarios -run Seeds"; "" for none
}

// HintsFor returns the hints of a scenario. program is the running command; test the Go test that the program knows of. Where it knows
// of none, scenarios of the house have theirs, in programs that are built from the same source tree.
func HintsFor(cat *scenarios.Catalogue, scenario, program, test string) Hints {
	if test == "" && cat.IsBuiltin(scenario) {
		if info, ok := debug.ReadBuildInfo(); ok && info.Main.Path == houseModule {
			test = "go test ./scenarios -run Seeds"
		}
	}
	return Hints{Program: program, Test: test}
}

const houseModule = "raftsim"

// File returns what one does with a seed file.
func (h Hints) File(file string) (commands []Command) {
	file = quoted(file)
	if h.Program != "" {
		replay := quoted(h.Program) + " replay " + file
		commands = append(commands, Command{"reproduce", replay}, Command{"trace", replay + " --trace"})
	}
	if h.Test != "" {
		commands = append(commands, Command{"go test", h.Test + " -sim.replay=" + file})
	}
	return commands
}

// Seed returns what one does with a seed of a scenario that has no file yet.
func (h Hints) Seed(scenario string, seed uint64, set []string) (commands []Command) {
	if h.Program != "" {
		run := quoted(h.Program) + " run " + quoted(scenario) + " --seed " + scenarios.FormatSeed(seed)
		for _, assignment := range set {
			run += " --set " + quoted(assignment)
		}
		commands = append(commands, Command{"reproduce", run}, Command{"trace", run + " --trace"}, Command{"keep", run + " --out simrun-out"})
	}
	if h.Test != "" && len(set) == 0 {
		commands = append(commands, Command{"go test",
			h.Test + "/" + quoted(scenario) + " -sim.seed=" + scenarios.FormatSeed(seed) + " -sim.runs=1"})
	}
	return commands
}

// quoted makes a word of a shell.
func quoted(s string) string {
	plain := s != "" && !strings.HasPrefix(s, "-")
	for _, r := range s {
		plain = plain && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./=,:+@%", r))
	}
	if plain {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
