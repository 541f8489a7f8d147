package cli

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"raftsim/scenarios"
	"raftsim/scenarios/measure"
)

func newMeasure(a *app) *cobra.Command {
	var seed string
	var help strings.Builder
	var names []string
	for _, t := range measure.Tables() {
		fmt.Fprintf(&help, "  %-10s%s\n", t.Name, t.Doc)
		names = append(names, t.Name)
	}
	cmd := &cobra.Command{
		Use:   "measure [TABLE...]",
		Short: "Measure in virtual time what optimisations, reads, routing and queues cost and gain",
		Long: `Measure in virtual time what optimisations, reads, routing and queues cost and gain.

Servers run in a world with costs: links have a bandwidth, disks take time for bytes, servers are busy. The world is stated above each
table; the figures compare ways of doing things in it, and are the same on every machine. Tables, all by default:

` + help.String(),
		RunE: func(_ *cobra.Command, args []string) error {
			n, err := scenarios.ParseSeed(seed)
			if err != nil {
				return fmt.Errorf("--seed: %w", err)
			}
			if len(args) == 0 {
				args = names
			}
			return a.measure(args, n)
		},
	}
	cmd.Flags().StringVar(&seed, "seed", "1", "of the runs")
	return cmd
}

func (a *app) measure(names []string, seed uint64) error {
	var tables []*measure.Table
	for _, name := range names {
		t, err := measure.Make(name, seed)
		if err != nil {
			return err
		}
		tables = append(tables, t)
	}
	if a.json() {
		return a.writeJSON("measure", &Report{Seed: scenarios.FormatSeed(seed), Tables: tables, Counts: map[string]uint64{"tables": uint64(len(tables))}})
	}
	w := bufio.NewWriter(a.out)
	for i, t := range tables {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := t.WriteText(w); err != nil {
			return a.wrote(err)
		}
	}
	return a.wrote(w.Flush())
}
