package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"raftsim/scenarios"
	"raftsim/scenarios/campaign"
	"raftsim/sim"
)

type runFlags struct {
	seed   string
	set    []string
	twice  bool
	trace  bool
	story  bool
	out    string
	save   string
	force  bool
	hang   time.Duration
	parsed uint64
}

func newRun(a *app) *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run SCENARIO",
		Short: "Run one seed of a scenario",
		Long: `Run one seed of a scenario and say what it came to.

A violation is followed by the commands to go on with. With --out its seed file is written there.`,
		Args: exactly(1, "the name of a scenario"),
		RunE: func(_ *cobra.Command, args []string) error { return a.run(args[0], &f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.seed, "seed", "1", "seed: decimal, 0x hexadecimal or a commit hash")
	flags.StringArrayVar(&f.set, "set", nil, "change an option, `KEY=VALUE`; may be repeated (see "+a.name+" list --options)")
	flags.BoolVar(&f.twice, "twice", false, "run it two times and say where the runs differ, if they do (exit code 4)")
	flags.BoolVar(&f.trace, "trace", false, "write one line per event (to stderr with --format json)")
	flags.BoolVar(&f.story, "story", false, "tell what happens, for people (to stderr with --format json)")
	flags.StringVar(&f.out, "out", "", "write the seed file of a violation into this `folder`")
	flags.StringVar(&f.save, "save", "", "write the seed file of the run to `FILE`, whatever it came to")
	flags.BoolVar(&f.force, "force", false, "let --save replace a file that holds something else")
	flags.DurationVar(&f.hang, "hang", hangDefault, "give up after this long; 0 for never")
	return cmd
}

func (a *app) run(scenario string, f *runFlags) error {
	c, err := a.runCase(scenario, f)
	if err != nil {
		return err
	}
	if told, err := scenarios.ReadStory(scenario); err == nil && f.story && !a.json() {
		fmt.Fprintln(a.out, strings.TrimSpace(told.Text)+"\n")
	}
	var res *scenarios.Result
	if f.twice {
		if res, err = campaign.Twice(a.cat, c, f.hang); err != nil {
			return err
		}
	}
	if res == nil || f.trace || f.story {
		if res, err = a.traced(c, f.trace, f.story, f.hang); err != nil {
			return err
		}
	}
	a.code = verdictCode(res.Verdict)
	file, err := a.keepRun(c, res, f)
	if err != nil {
		return err
	}
	commands := a.hints(scenario).Seed(scenario, f.parsed, f.set)
	if file != "" {
		commands = a.hints(scenario).File(file)
	}
	return a.reportRun(c, res, f.twice, file, commands)
}

// runCase checks everything that can be checked before the run.
func (a *app) runCase(scenario string, f *runFlags) (*scenarios.Case, error) {
	var err error
	if f.parsed, err = scenarios.ParseSeed(f.seed); err != nil {
		return nil, fmt.Errorf("--seed: %w", err)
	}
	if err := positive("hang", f.hang); err != nil {
		return nil, err
	}
	if f.out != "" {
		if err := checkFolder("--out", f.out); err != nil {
			return nil, err
		}
	}
	if f.save != "" {
		if err := checkTarget("--save", f.save); err != nil {
			return nil, err
		}
	}
	return campaign.Case(a.cat, scenario, f.parsed, f.set)
}

// traced runs a case, with one line per event if trace, and with what it means for people if story.
func (a *app) traced(c *scenarios.Case, trace, story bool, hang time.Duration) (*scenarios.Result, error) {
	o := scenarios.RunOptions{CheckOnce: true}
	t := a.listen(trace, story, &o)
	res, err := campaign.Guarded(a.cat, c, o, hang)
	if err != nil {
		return nil, err
	}
	return res, a.wrote(t.w.Flush())
}

// listen makes a run write what is asked for. Where that is nothing, what is returned has nothing to flush.
func (a *app) listen(trace, story bool, o *scenarios.RunOptions) *lineTracer {
	t := a.tracer()
	if trace {
		o.Tracer = t
	}
	if story {
		o.Narrator = t
	}
	return t
}

// keepRun records the run again and writes its seed file where one is asked for.
func (a *app) keepRun(c *scenarios.Case, res *scenarios.Result, f *runFlags) (file string, err error) {
	keep := f.out != "" && res.Verdict == scenarios.Violation
	if f.save == "" && !keep {
		return "", nil
	}
	recorded, err := campaign.Record(a.cat, c, f.hang)
	if err != nil {
		return "", err
	}
	if recorded.Digest != res.Digest {
		return "", &campaign.DivergedError{Scenario: c.Scenario, Seed: c.Seed, Digests: [2]uint64{res.Digest, recorded.Digest}}
	}
	if keep {
		if file, err = campaign.Keep(a.cat, c, recorded, f.out, a.hints(c.Scenario)); err != nil {
			return "", err
		}
	}
	if f.save != "" {
		text, err := campaign.Text(a.cat, c, recorded, filepath.Base(f.save), a.hints(c.Scenario))
		if err != nil {
			return "", err
		}
		if err := campaign.WriteFile(f.save, text, f.force); err != nil {
			return "", err
		}
		file = f.save
	}
	return file, nil
}

func (a *app) reportRun(c *scenarios.Case, res *scenarios.Result, twice bool, file string, commands []campaign.Command) error {
	counters, err := a.runCounters(c, res)
	if err != nil {
		return err
	}
	if res.Verdict == scenarios.Pass && file == "" {
		commands = nil
	}
	if a.json() {
		r := runReport(c, res, counters)
		r.File, r.Commands = file, commands
		return a.writeJSON("run", r)
	}
	w := bufio.NewWriter(a.out)
	fmt.Fprintf(w, "%s seed %s: %s\n", c.Scenario, scenarios.FormatSeed(c.Seed), verdictWords(res))
	writeUndecided(w, res)
	writeViolations(w, res)
	writeRunFigures(w, res)
	if twice {
		fmt.Fprintln(w, "  ran twice: the same digest both times")
	}
	writeCounters(w, nonzero(counters))
	if file != "" {
		fmt.Fprintln(w, "seed file:", file)
	}
	writeCommands(w, "", commands)
	return a.wrote(w.Flush())
}

func verdictWords(res *scenarios.Result) string {
	if res.Signature != "" {
		return res.Verdict.String() + " " + res.Signature
	}
	return res.Verdict.String()
}

// writeUndecided says what no judge could decide.
func writeUndecided(w io.Writer, res *scenarios.Result) {
	if res.Undecided != "" {
		fmt.Fprintln(w, "  "+res.Undecided)
	}
}

// shownViolations bounds how many findings of one run the text report prints.
const shownViolations = 5

// writeViolations writes what counts, and the first of the others in the order they were found.
func writeViolations(w io.Writer, res *scenarios.Result) {
	primary, ok := res.Primary()
	if !ok {
		return
	}
	fmt.Fprintln(w, "  "+campaign.ViolationLine(primary))
	if len(res.Violations) == 1 {
		return
	}
	fmt.Fprintf(w, "  all findings (%d):\n", len(res.Violations))
	for i, v := range res.Violations {
		if i == shownViolations {
			fmt.Fprintf(w, "    and %d more\n", len(res.Violations)-i)
			break
		}
		fmt.Fprintln(w, "    "+campaign.ViolationLine(v))
	}
}

func writeRunFigures(w io.Writer, res *scenarios.Result) {
	fmt.Fprintf(w, "  digest %s, %d steps, %s of virtual time\n", scenarios.FormatDigest(res.Digest), res.Steps, res.Virtual)
}

// lineTracer writes one line per event.
type lineTracer struct{ w *bufio.Writer }

// Step implements sim.Tracer.
func (t *lineTracer) Step(n uint64, ev sim.Event, line []byte, _ uint64) {
	t.w.WriteString(strconv.FormatUint(n, 10))
	t.w.WriteByte(' ')
	t.w.WriteString(ev.At.String())
	t.w.WriteByte(' ')
	t.w.Write(line)
	t.w.WriteByte('\n')
}

// Tell implements world.Narrator.
func (t *lineTracer) Tell(line []byte) {
	t.w.Write(line)
	t.w.WriteByte('\n')
}

// Disturbed implements sim.DisturbanceTracer. The mark tells what was done to the run from what it did.
func (t *lineTracer) Disturbed(at sim.Time, line []byte) {
	fmt.Fprintf(t.w, "! %s %s\n", at, line)
}

// tracer returns one to stdout, or to stderr where stdout is for a JSON document.
func (a *app) tracer() *lineTracer {
	if a.json() {
		return &lineTracer{bufio.NewWriterSize(a.err, 1<<16)}
	}
	return &lineTracer{bufio.NewWriterSize(a.out, 1<<16)}
}

// checkFolder refuses a folder that cannot be made or written to. It leaves nothing behind: what it makes to find out, it removes.
func checkFolder(flag, path string) error {
	if path == "" {
		return fmt.Errorf("%s: want the name of a folder", flag)
	}
	there := filepath.Clean(path)
	for {
		info, err := os.Stat(there)
		if err == nil {
			if !info.IsDir() {
				return fmt.Errorf("%s %s: %s exists and is no folder", flag, path, there)
			}
			break
		}
		parent := filepath.Dir(there)
		if parent == there {
			return fmt.Errorf("%s %s: %w", flag, path, err)
		}
		there = parent
	}
	probe, err := os.MkdirTemp(there, ".simrun-probe-*")
	if err != nil {
		return fmt.Errorf("%s %s: nothing can be written there: %w", flag, path, errors.Unwrap(err))
	}
	return os.Remove(probe)
}

// checkTarget refuses a file whose folder is not there.
func checkTarget(flag, path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("%s %s: it is a folder", flag, path)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return fmt.Errorf("%s %s: there is no folder %s", flag, path, filepath.Dir(path))
	}
	return nil
}
