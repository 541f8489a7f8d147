package mutants

import (
	"fmt"
	"slices"
	"strings"

	"raftsim/checker"
	"raftsim/scenarios"
)

// Header is what a patch file says about its bug, in lines before the diff:
//
//	row: E25
//	violates: ES
//	title: a vote is granted although the term's vote went to somebody else
//	source: MIT 6.824 labs, paper section 5.2
//
// Each of these keys stands exactly once. "scenario:" names the one to hunt in where it takes faults that the usual one does not
// have. "note:" may stand any number of times; empty lines separate.
type Header struct {
	Row      string             // of the bank of bugs: a letter and two digits
	Violates []checker.Property // at least one; breaking one of them counts as caught
	Title    string
	Source   string
	Scenario string // "": whatever the score hunts in
	Notes    []string
}

// Counts reports whether breaking p counts as having caught the mutant.
func (h *Header) Counts(p checker.Property) bool { return slices.Contains(h.Violates, p) }

// parseHeader reads the lines before the diff. Errors are *scenarios.FileError.
func parseHeader(file string, lines []string) (Header, error) {
	var h Header
	fail := func(line int, format string, values ...any) (Header, error) {
		return Header{}, &scenarios.FileError{File: file, Line: line, Problem: fmt.Sprintf(format, values...)}
	}
	for i, line := range lines {
		if strings.TrimSpace(line) == "" {
			continue
		}
		key, value, found := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch {
		case !found:
			return fail(i+1, "a line of the header is KEY: VALUE, not %q", line)
		case value == "":
			return fail(i+1, "%s has no value", key)
		}
		taken := false
		switch key {
		case "row":
			taken = h.Row != ""
			h.Row = value
			if !isRow(value) {
				return fail(i+1, "row %q: want a capital letter and two digits", value)
			}
		case "violates":
			taken = h.Violates != nil
			for _, code := range strings.Split(value, ",") {
				p, known := checker.ParseProperty(strings.TrimSpace(code))
				if !known || h.Counts(p) {
					return fail(i+1, "violates %q: want distinct codes of properties with commas between, like ES, LC", value)
				}
				h.Violates = append(h.Violates, p)
			}
		case "title":
			taken = h.Title != ""
			h.Title = value
		case "source":
			taken = h.Source != ""
			h.Source = value
		case "scenario":
			taken = h.Scenario != ""
			h.Scenario = value
			if !slices.ContainsFunc(scenarios.Builtin(), func(s scenarios.Scenario) bool { return s.Name == value }) {
				return fail(i+1, "unknown scenario %q", value)
			}
		case "note":
			h.Notes = append(h.Notes, value)
		default:
			return fail(i+1, "unknown key %q: one of row, violates, title, source, scenario, note", key)
		}
		if taken {
			return fail(i+1, "%s stands twice", key)
		}
	}
	for _, missing := range []struct {
		key   string
		empty bool
	}{
		{"row", h.Row == ""}, {"violates", h.Violates == nil}, {"title", h.Title == ""}, {"source", h.Source == ""},
	} {
		if missing.empty {
			return fail(0, "the header lacks %q", missing.key+":")
		}
	}
	return h, nil
}

func isRow(s string) bool {
	return len(s) == 3 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= '0' && s[1] <= '9' && s[2] >= '0' && s[2] <= '9'
}
