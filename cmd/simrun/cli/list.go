package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"raftsim/scenarios"
	"raftsim/sim"
)

// ListedScenario is a scenario in the report of list.
type ListedScenario struct {
	Name   string `json:"name"`
	Doc    string `json:"doc"`
	Unsafe bool   `json:"unsafe"` // its runs are violations on purpose
	Story  bool   `json:"story"`  // one case, whatever the seed
}

// ListedDisturbance is a kind of disturbance: a line of a seed file.
type ListedDisturbance struct {
	Name  string   `json:"name"`
	Form  string   `json:"form"`
	Doc   string   `json:"doc"`
	Kinds []string `json:"kinds,omitempty"`
	Fault bool     `json:"fault"`
	// Scenario is the first one whose runs have it in this form, with these kinds.
	Scenario string `json:"scenario"`
}

// ListedOption is an option and its default.
type ListedOption struct {
	Key     string `json:"key"`
	Default string `json:"default"` // as TOML
	Doc     string `json:"doc"`
}

func newList(a *app) *cobra.Command {
	var disturbances, options bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the scenarios, the kinds of disturbances, or the options",
		Args:  exactly(0, ""),
		RunE: func(*cobra.Command, []string) error {
			switch {
			case disturbances && options:
				return errors.New("list: --disturbances and --options do not go together")
			case disturbances:
				return a.listDisturbances()
			case options:
				return a.listOptions()
			}
			return a.listScenarios()
		},
	}
	cmd.Flags().BoolVar(&disturbances, "disturbances", false, "the kinds of disturbances, as lines of a seed file")
	cmd.Flags().BoolVar(&options, "options", false, "the options of --set and case.toml with their defaults")
	return cmd
}

func (a *app) listScenarios() error {
	var all []ListedScenario
	for _, s := range a.cat.Scenarios() {
		all = append(all, ListedScenario{Name: s.Name, Doc: s.Doc, Unsafe: s.Unsafe, Story: s.Story})
	}
	return a.writeList("scenarios", len(all), all, func(w io.Writer) {
		for _, s := range all {
			fmt.Fprintf(w, "%s\t%s\n", s.Name, s.Doc)
		}
	})
}

func (a *app) listDisturbances() error {
	var all []ListedDisturbance
	seen := make(map[string]bool)
	for _, s := range a.cat.Scenarios() {
		v, err := a.cat.Vocabulary(s.Name)
		if err != nil {
			return err
		}
		for _, spec := range v.Specs() {
			d := ListedDisturbance{Name: spec.Name, Form: form(spec), Doc: spec.Doc, Kinds: spec.Kinds, Fault: spec.Fault, Scenario: s.Name}
			if what := d.Name + d.Form + list(d.Kinds); !seen[what] {
				seen[what] = true
				all = append(all, d)
			}
		}
	}
	return a.writeList("disturbances", len(all), all, func(w io.Writer) { writeDisturbances(w, all) })
}

// writeDisturbances writes the kinds once per set of names, at the end.
func writeDisturbances(w io.Writer, all []ListedDisturbance) {
	var sets []string
	users, shown, where := make(map[string][]string), make(map[string]bool), make(map[string]string)
	for _, d := range all {
		if !shown[d.Form] {
			shown[d.Form] = true
			fmt.Fprintf(w, "%s\n    %s\n", d.Form, d.Doc)
		}
		if set := list(d.Kinds); set != "" {
			if users[set] == nil {
				sets = append(sets, set)
				if d.Scenario != all[0].Scenario {
					where[set] = " in " + d.Scenario
				}
			}
			users[set] = append(users[set], d.Name)
		}
	}
	fmt.Fprintln(w, "\nA and B are servers (n1, n2, ...) or clients (c1, c2, ...); EPOCH is a term, or a number like it; N counts from 0.")
	for _, set := range sets {
		fmt.Fprintf(w, "KIND of %s%s: %s\n", list(users[set]), where[set], set)
	}
}

// form shows what a line of this purpose looks like.
func form(s *sim.Spec) string {
	text := s.Name
	for _, part := range []struct {
		field sim.Fields
		text  string
	}{
		{sim.FieldA, " A"}, {sim.FieldB, ">B"}, {sim.FieldKind, " KIND"}, {sim.FieldEpoch, " tEPOCH"}, {sim.FieldOrdinal, " #N"},
	} {
		if s.Fields&part.field != 0 {
			text += part.text
		}
	}
	return text + " = " + s.Value.Form()
}

func (a *app) listOptions() error {
	var all []ListedOption
	for _, o := range scenarios.ListOptions() {
		all = append(all, ListedOption(o))
	}
	return a.writeList("options", len(all), all, func(w io.Writer) {
		for _, o := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\n", o.Key, o.Default, o.Doc)
		}
	})
}

// writeList writes a list as a table, or as JSON with its length among the counts.
func (a *app) writeList(what string, n int, all any, table func(io.Writer)) error {
	if a.json() {
		return a.writeJSON("list", &Report{Counts: map[string]uint64{what: uint64(n)}, List: all})
	}
	w := bufio.NewWriter(a.out)
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	table(t)
	if err := t.Flush(); err != nil {
		return a.wrote(err)
	}
	return a.wrote(w.Flush())
}
