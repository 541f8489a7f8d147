package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"raftsim/scenarios"
	"raftsim/scenarios/mutants"
)

type mutantsFlags struct {
	config mutants.Config
	first  string
}

func newMutants(a *app) *cobra.Command {
	var f mutantsFlags
	cmd := &cobra.Command{
		Use:   "mutants",
		Short: "Plant known bugs one at a time and see whether they are found",
		Long: `Plant known bugs one at a time and see whether they are found.

Each patch file is applied to a copy of the files it changes, the program is built with them (go build -overlay; the source tree
stays as it is), and the result runs campaigns until a run breaks a property that the patch's header lists under "violates",
or the CPU time is over. Only that counts as caught; what else broke is listed. The unmodified program is the control: it
makes 300 runs and must find nothing. It takes part when all patches of the tree are scored, or with --control.

Builds keep a cache of their own in the user's cache folder, ` + "raftsim-mutants" + `, so that the next time is faster; it can be deleted.

Exit code 0: all caught, the control silent. 1: something was not. 2: a patch is malformed or does not apply.`,
		Args: exactly(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("control") {
				f.config.Control = len(f.config.Patches) == 0
			}
			return a.mutants(&f)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.config.Patches, "patch", nil, "score this `FILE`; may be repeated (default: all of testdata/mutants)")
	flags.DurationVar(&f.config.Time, "time", time.Minute, "CPU time of each hunt, all cores together, builds not counted")
	flags.StringVar(&f.config.Scenario, "scenario", "", "`SCENARIO` to hunt in (default: what the patch names, else "+mutants.DefaultScenario+")")
	flags.StringVar(&f.first, "first-seed", "1", "seed to begin with")
	flags.IntVar(&f.config.Workers, "workers", 1, "runs at the same time")
	flags.BoolVar(&f.config.Control, "control", false, "let the unmodified program hunt too")
	flags.StringVar(&f.config.Source, "source", "", "`folder` of the source tree (default: the one around the working directory)")
	flags.BoolVar(&f.config.Keep, "keep", false, "keep the changed files and the programs, and say where they are")
	return cmd
}

func (a *app) mutants(f *mutantsFlags) error {
	c := f.config
	var err error
	if c.First, err = scenarios.ParseSeed(f.first); err != nil {
		return fmt.Errorf("--first-seed: %w", err)
	}
	if c.Scenario != "" {
		if _, err := a.cat.Lookup(c.Scenario); err != nil {
			return err
		}
	}
	if c.Time <= 0 {
		return errors.New("--time: must be above zero")
	}
	if c.Workers < 1 || c.Workers > 4096 {
		return fmt.Errorf("--workers %d: want 1 to 4096", c.Workers)
	}
	c.Progress = func(line string) { fmt.Fprintln(a.err, line) }
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer release()
	context.AfterFunc(ctx, release) // a second Ctrl-C ends the process
	report, err := mutants.Score(ctx, c)
	switch {
	case report == nil:
		return err
	case ctx.Err() != nil:
		a.code = ExitInterrupted
	case err != nil:
		return &failure{ExitInternal, err}
	case !report.OK():
		a.code = ExitViolation
	}
	if a.json() {
		return a.writeJSON("mutants", mutantsReport(report))
	}
	w := bufio.NewWriter(a.out)
	writeMutants(w, report)
	return a.wrote(w.Flush())
}

// writeMutants writes a table, and below it what else broke.
func writeMutants(w io.Writer, r *mutants.Report) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "mutant\tscenario\tcaught\tjudge\tfirst seed\truns\tCPU\tbuild\tbug")
	for i := range r.Rows {
		row := &r.Rows[i]
		caught, judge, seed, runs := "no", "-", "-", row.Runs
		if row.Caught() {
			caught, judge, seed, runs = "yes", row.Hit.Signature, scenarios.FormatSeed(row.Hit.FirstSeed), row.Hit.FirstRun
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%.2fs\t%.1fs\t%s\n", row.Patch.Row, row.Scenario, caught, judge, seed, runs,
			row.CPU.Seconds(), row.Build.Seconds(), row.Patch.Title)
	}
	_ = table.Flush() // the writer below keeps the error
	for i := range r.Rows {
		writeBesides(w, &r.Rows[i])
	}
	if c := r.Control; c != nil {
		silent := "silent"
		if len(c.Seen) > 0 {
			silent = "NOT silent: " + seenList(c.Seen, nil)
		}
		if c.Err != nil {
			silent = "failed: " + c.Err.Error()
		}
		fmt.Fprintf(w, "control: %d runs of the unmodified program in %.2fs of CPU, %s\n", c.Runs, c.CPU.Seconds(), silent)
	}
	fmt.Fprintf(w, "%d of %d caught with up to %s of CPU each\n", caughtCount(r), len(r.Rows), r.Time)
	if r.Scratch != "" {
		fmt.Fprintln(w, "kept:", r.Scratch)
	}
}

// writeBesides writes what the table has no room for.
func writeBesides(w io.Writer, row *mutants.Row) {
	if row.Err != nil {
		fmt.Fprintf(w, "%s failed: %v\n", row.Patch.Row, row.Err)
	}
	if besides := seenList(row.Seen, row.Hit); besides != "" {
		fmt.Fprintf(w, "%s besides: %s\n", row.Patch.Row, besides)
	}
}

func seenList(seen []mutants.Seen, without *mutants.Seen) string {
	var words []string
	for _, s := range seen {
		if without == nil || s.Signature != without.Signature {
			words = append(words, fmt.Sprintf("%s (%d)", s.Signature, s.Runs))
		}
	}
	return list(words)
}

func caughtCount(r *mutants.Report) (n int) {
	for i := range r.Rows {
		if r.Rows[i].Caught() {
			n++
		}
	}
	return n
}

// MutantsReport is what the scoring of mutants came to.
type MutantsReport struct {
	BudgetNS int64          `json:"budget_ns"` // of CPU, of each hunt
	Caught   int            `json:"caught"`
	Mutants  []MutantReport `json:"mutants"`
	Control  *ControlReport `json:"control,omitempty"`
	Cache    string         `json:"cache"`          // the folder of the build cache
	Kept     string         `json:"kept,omitempty"` // the scratch folder
}

// MutantReport is the score of one mutant.
type MutantReport struct {
	Row       string         `json:"row"`
	Patch     string         `json:"patch"`
	Title     string         `json:"title"`
	Violates  []string       `json:"violates"` // codes of properties
	Scenario  string         `json:"scenario"` // hunted in
	Caught    bool           `json:"caught"`
	Judge     string         `json:"judge"`           // signature; "" if not caught
	FirstRun  uint64         `json:"first_run"`       // that showed it, from 1; 0 if not caught
	FirstSeed string         `json:"first_seed"`      // of that run; "" if not caught
	Runs      uint64         `json:"runs"`            // made in all
	CPUNS     int64          `json:"cpu_ns"`          // of the hunt
	BuildNS   int64          `json:"build_ns"`        // on the clock
	Seen      []mutants.Seen `json:"seen"`            // all that broke
	Error     string         `json:"error,omitempty"` // why there was no hunt, or no end of it
}

// ControlReport is what the unmodified program came to.
type ControlReport struct {
	Silent bool           `json:"silent"`
	Runs   uint64         `json:"runs"`
	CPUNS  int64          `json:"cpu_ns"`
	Seen   []mutants.Seen `json:"seen"`
	Error  string         `json:"error,omitempty"`
}

func mutantsReport(r *mutants.Report) *Report {
	m := &MutantsReport{
		BudgetNS: int64(r.Time), Caught: caughtCount(r), Mutants: []MutantReport{}, Cache: r.Cache, Kept: r.Scratch,
	}
	doc := &Report{Verdict: scenarios.Pass.String(), Mutants: m, Counts: map[string]uint64{}}
	if !r.OK() {
		doc.Verdict = scenarios.Violation.String()
	}
	for i := range r.Rows {
		row := &r.Rows[i]
		one := MutantReport{
			Row: row.Patch.Row, Patch: row.Patch.File, Title: row.Patch.Title, Scenario: row.Scenario, Caught: row.Caught(), Runs: row.Runs,
			CPUNS: int64(row.CPU), BuildNS: int64(row.Build), Seen: append([]mutants.Seen{}, row.Seen...), Error: oneLine(row.Err),
		}
		for _, p := range row.Patch.Violates {
			one.Violates = append(one.Violates, p.String())
		}
		if row.Caught() {
			one.Judge, one.FirstRun, one.FirstSeed = row.Hit.Signature, row.Hit.FirstRun, scenarios.FormatSeed(row.Hit.FirstSeed)
		}
		m.Mutants = append(m.Mutants, one)
		doc.Counts["runs"] += row.Runs
	}
	doc.Counts["mutants"], doc.Counts["caught"] = uint64(len(r.Rows)), uint64(m.Caught)
	if c := r.Control; c != nil {
		m.Control = &ControlReport{
			Silent: c.Err == nil && len(c.Seen) == 0, Runs: c.Runs, CPUNS: int64(c.CPU), Seen: append([]mutants.Seen{}, c.Seen...),
			Error: oneLine(c.Err),
		}
	}
	return doc
}

func oneLine(err error) string {
	if err == nil {
		return ""
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}
