package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"raftsim/checker"
	"raftsim/scenarios"
	"raftsim/scenarios/campaign"
	"raftsim/scenarios/measure"
)

// Report is what a command found out, as JSON: one document on stdout. The first six fields are in the report of every command;
// the others only where they apply. Names do not change; new ones may be added.
type Report struct {
	Command   string            `json:"command"`
	Verdict   string            `json:"verdict"`   // pass, violation or inconclusive; "" where nothing was run
	Digest    string            `json:"digest"`    // of the run or of the campaign, 16 hexadecimal digits; "" where nothing was run
	Signature string            `json:"signature"` // of the violation that counts, the first one of a campaign; "" for none
	Counts    map[string]uint64 `json:"counts"`    // what happened, by names as in the text report
	ExitCode  int               `json:"exit_code"`

	Scenario   string             `json:"scenario,omitempty"`
	Seed       string             `json:"seed,omitempty"` // decimal: JSON's numbers end at 2^53
	Violations []Violation        `json:"violations,omitempty"`
	File       string             `json:"file,omitempty"` // seed file written
	Commands   []campaign.Command `json:"commands,omitempty"`

	Replay   *ReplayReport    `json:"replay,omitempty"`
	Campaign *CampaignReport  `json:"campaign,omitempty"`
	Mutants  *MutantsReport   `json:"mutants,omitempty"`
	List     any              `json:"list,omitempty"`
	Tables   []*measure.Table `json:"tables,omitempty"`
	Build    *campaign.Build  `json:"build,omitempty"`
}

// Violation is one broken property.
type Violation struct {
	Property  string `json:"property"`
	Signature string `json:"signature"`
	Step      uint64 `json:"step"`
	AtNS      int64  `json:"at_ns"`
	Node      uint64 `json:"node"`
	Detail    string `json:"detail"`
}

// ReplayReport compares a run with the file it is of.
type ReplayReport struct {
	Outcome           string `json:"outcome"`
	SameDigest        bool   `json:"same_digest"`
	ExpectedVerdict   string `json:"expected_verdict"`
	ExpectedSignature string `json:"expected_signature"`
	ExpectedDigest    string `json:"expected_digest"`
	Faults            int    `json:"faults"`  // recorded
	Missed            int    `json:"missed"`  // of them, without a subject in this run
	Choices           int    `json:"choices"` // recorded operations of clients and election timeouts
	Unasked           int    `json:"unasked"` // of them, not asked for in this run
}

// CampaignReport is what many runs came to.
type CampaignReport struct {
	Scenarios    []string        `json:"scenarios"`
	Seeds        string          `json:"seeds"`
	Workers      int             `json:"workers"`
	Runs         uint64          `json:"runs"`
	Interrupted  bool            `json:"interrupted"`
	Stopped      bool            `json:"stopped"` // at a property of --stop-at
	Passed       uint64          `json:"passed"`
	Inconclusive uint64          `json:"inconclusive"`
	Violated     uint64          `json:"violated"`
	WallNS       int64           `json:"wall_ns"`
	Findings     []FindingReport `json:"findings"`
	Broken       []BrokenReport  `json:"broken"`                // every rule that runs broke, also where another one names the run
	NeverFired   []string        `json:"never_fired,omitempty"` // kinds of faults that could have; only in campaigns of 1000 runs and more
	SwitchedOff  []string        `json:"switched_off,omitempty"`
	FirstRuns    []RunReport     `json:"first_runs"` // at most the first 1000
}

// FindingReport is one kind of violation and the first run that showed it.
type FindingReport struct {
	Signature string             `json:"signature"`
	Runs      uint64             `json:"runs"`
	Scenario  string             `json:"scenario"`
	Seed      string             `json:"seed"`
	Digest    string             `json:"digest"`
	Violation Violation          `json:"violation"`
	File      string             `json:"file"`
	Commands  []campaign.Command `json:"commands"`
}

// BrokenReport is one rule that runs broke.
type BrokenReport struct {
	Signature string `json:"signature"`
	Runs      uint64 `json:"runs"`
	FirstRun  uint64 `json:"first_run"` // how-manieth of the campaign, from 1
	Scenario  string `json:"first_scenario"`
	Seed      string `json:"first_seed"`
}

// RunReport is one run of a campaign.
type RunReport struct {
	Scenario  string `json:"scenario"`
	Seed      string `json:"seed"`
	Verdict   string `json:"verdict"`
	Signature string `json:"signature"`
	Digest    string `json:"digest"`
}

func (a *app) writeJSON(command string, r *Report) error {
	r.Command, r.ExitCode = command, a.code
	if r.Counts == nil {
		r.Counts = map[string]uint64{}
	}
	enc := json.NewEncoder(a.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return a.wrote(enc.Encode(r))
}

// wrote turns an error of writing results into a failure: results that got lost must not look like a pass.
func (a *app) wrote(err error) error {
	if err == nil {
		return nil
	}
	return &failure{ExitInternal, fmt.Errorf("writing results: %w", err)}
}

// runReport reports one run.
func runReport(c *scenarios.Case, res *scenarios.Result, counters []campaign.Counter) *Report {
	r := &Report{
		Verdict: res.Verdict.String(), Digest: scenarios.FormatDigest(res.Digest), Signature: res.Signature,
		Counts: countMap(counters), Scenario: c.Scenario, Seed: scenarios.FormatSeed(c.Seed),
	}
	for _, v := range res.Violations {
		r.Violations = append(r.Violations, violation(v))
	}
	return r
}

func violation(v checker.Violation) Violation {
	return Violation{Property: v.Property.Name(), Signature: v.Signature(), Step: v.Step, AtNS: v.At, Node: v.Node, Detail: v.Detail}
}

func countMap(counters []campaign.Counter) map[string]uint64 {
	m := make(map[string]uint64, len(counters))
	for _, c := range counters {
		m[c.Name] = c.Count
	}
	return m
}

// runCounters counts one run.
func (a *app) runCounters(c *scenarios.Case, res *scenarios.Result) ([]campaign.Counter, error) {
	v, err := a.cat.Vocabulary(c.Scenario)
	if err != nil {
		return nil, err
	}
	var t campaign.Totals
	t.Add(res)
	return t.Counters(v), nil
}

// nonzero returns what happened at all: in a single run, most things did not.
func nonzero(counters []campaign.Counter) []campaign.Counter {
	return slices.DeleteFunc(counters, func(c campaign.Counter) bool { return c.Count == 0 })
}

// writeCounters writes counters as text, a group per paragraph of lines.
func writeCounters(w io.Writer, counters []campaign.Counter) {
	const width = 110
	group, column := "", 0
	for _, c := range counters {
		text := fmt.Sprintf("%s %d", c.Name, c.Count)
		switch {
		case c.Group == campaign.GroupRuns:
			continue // has lines of its own
		case c.Group != group:
			if group != "" {
				fmt.Fprintln(w)
			}
			group = c.Group
			column, _ = fmt.Fprintf(w, "  %-9s", group)
		case column+2+len(text) > width:
			fmt.Fprintln(w, ",")
			column, _ = fmt.Fprintf(w, "  %-9s", "")
		default:
			fmt.Fprint(w, ",")
			column++
		}
		column += 1 + len(text)
		fmt.Fprint(w, " "+text)
	}
	if group != "" {
		fmt.Fprintln(w)
	}
}

func writeCommands(w io.Writer, indent string, commands []campaign.Command) {
	for _, c := range commands {
		fmt.Fprintf(w, "%s%-10s %s\n", indent, c.What+":", c.Line)
	}
}

func list(words []string) string { return strings.Join(words, ", ") }
