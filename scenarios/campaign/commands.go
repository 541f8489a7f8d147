package campaign

import (
	"strings"

	"raftsim/scenarios"
)

// Command is a line to paste into a shell, and what it is for.
type Command struct {
	What string `json:"what"`
	Line string `json:"line"`
}

// WhatGoTest is what the command that runs a case as a Go test is for.
const WhatGoTest = "go test"

// FileCommands returns what one does with a seed file.
func FileCommands(file string) []Command {
	file = quoted(file)
	return []Command{
		{"reproduce", "simrun replay " + file},
		{"trace", "simrun replay " + file + " --trace"},
		{WhatGoTest, "go test ./scenarios -run Seeds -sim.replay=" + file},
	}
}

// SeedCommands returns what one does with a seed of a scenario that has no file yet.
func SeedCommands(scenario string, seed uint64, set []string) []Command {
	run := "simrun run " + quoted(scenario) + " --seed " + scenarios.FormatSeed(seed)
	for _, assignment := range set {
		run += " --set " + quoted(assignment)
	}
	commands := []Command{{"reproduce", run}, {"trace", run + " --trace"}, {"keep", run + " --out simrun-out"}}
	if len(set) == 0 {
		commands = append(commands, Command{WhatGoTest,
			"go test ./scenarios -run Seeds/" + quoted(scenario) + " -sim.seed=" + scenarios.FormatSeed(seed) + " -sim.runs=1"})
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
