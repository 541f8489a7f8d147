package cli

import (
	"bufio"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"raftsim/scenarios"
	"raftsim/scenarios/campaign"
)

type replayFlags struct {
	trace    bool
	story    bool
	explicit string
	force    bool
	hang     time.Duration
}

func newReplay(a *app) *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay FILE",
		Short: "Run the case of a seed file and compare with what it came to before",
		Long: `Run the case of a seed file and say whether it

  reproduced            the same property and rule are broken (exit code 1)
  different violation   something else is broken (1)
  passes now            nothing is broken any more (0); "passes, as recorded" if nothing ever was
  no longer reaches it  nothing is broken, but some recorded faults found no subject: the code has changed so much
                        that the run leaves the recorded path (3)
  undecided             nothing is broken, but the client history took too long to check (3)

With --explicit everything that happened is written down as overrides over a calm base, one line each, after checking
that this runs to the same digest. Such a file can be edited by hand.`,
		Args: exactly(1, "a seed file"),
		RunE: func(_ *cobra.Command, args []string) error { return a.replay(args[0], &f) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.trace, "trace", false, "write one line per event (to stderr with --format json)")
	flags.BoolVar(&f.story, "story", false, "tell what happens, for people (to stderr with --format json)")
	flags.StringVar(&f.explicit, "explicit", "", "write the case with every disturbance spelled out to `FILE`")
	flags.BoolVar(&f.force, "force", false, "let --explicit replace a file that holds something else")
	flags.DurationVar(&f.hang, "hang", hangDefault, "give up after this long; 0 for never")
	return cmd
}

func (a *app) replay(path string, f *replayFlags) error {
	if err := positive("hang", f.hang); err != nil {
		return err
	}
	if f.explicit != "" {
		if err := checkTarget("--explicit", f.explicit); err != nil {
			return err
		}
	}
	file, err := campaign.Read(a.cat, path)
	if err != nil {
		return err
	}
	var o scenarios.RunOptions
	t := a.listen(f.trace, f.story, &o)
	r, err := campaign.Replay(a.cat, file, o, f.hang)
	if err != nil {
		return err
	}
	if err := a.wrote(t.w.Flush()); err != nil {
		return err
	}
	a.code = replayCode(r.Outcome)
	if f.explicit != "" {
		if err := a.writeExplicit(file.Case, f); err != nil {
			return err
		}
	}
	return a.reportReplay(path, f.explicit, file, r)
}

func replayCode(o campaign.Outcome) int {
	switch o {
	case campaign.Reproduced, campaign.Different:
		return ExitViolation
	case campaign.NotReached, campaign.Undecided:
		return ExitInconclusive
	}
	return ExitPass
}

func (a *app) writeExplicit(c *scenarios.Case, f *replayFlags) error {
	explicit, res, err := campaign.Explicit(a.cat, c, f.hang)
	if err != nil {
		return err
	}
	text, err := campaign.Text(a.cat, explicit, res, filepath.Base(f.explicit), a.hints(c.Scenario))
	if err != nil {
		return err
	}
	return campaign.WriteFile(f.explicit, text, f.force)
}

func (a *app) reportReplay(path, written string, file *scenarios.SeedFile, r *campaign.Replayed) error {
	counters, err := a.runCounters(file.Case, r.Result)
	if err != nil {
		return err
	}
	var commands []campaign.Command
	if a.code != ExitPass {
		commands = a.hints(file.Case.Scenario).File(path)
	}
	if a.json() {
		report := runReport(file.Case, r.Result, counters)
		report.File, report.Commands = written, commands
		report.Replay = &ReplayReport{
			Outcome: r.Outcome.String(), SameDigest: r.SameDigest, ExpectedVerdict: file.Expect.Verdict.String(),
			ExpectedSignature: file.Expect.Signature, ExpectedDigest: scenarios.FormatDigest(file.Expect.Digest),
			Faults: r.Faults, Missed: r.Missed, Choices: r.Choices, Unasked: r.Unasked,
		}
		return a.writeJSON("replay", report)
	}
	w := bufio.NewWriter(a.out)
	fmt.Fprintf(w, "%s: %s\n", path, r.Outcome)
	if r.Outcome == campaign.Different || r.Outcome == campaign.NotReached {
		fmt.Fprintf(w, "  recorded was %s %s\n", file.Expect.Verdict, file.Expect.Signature)
	}
	writeUndecided(w, r.Result)
	writeViolations(w, r.Result)
	writeRunFigures(w, r.Result)
	if r.SameDigest {
		fmt.Fprintln(w, "  the digest is the one recorded: this is the same run")
	} else {
		fmt.Fprintf(w, "  the digest recorded was %s: the code or the file has changed since\n", scenarios.FormatDigest(file.Expect.Digest))
	}
	fmt.Fprintf(w, "  recorded faults %d, of which %d found no subject; other recorded choices %d, of which %d were not asked for\n",
		r.Faults, r.Missed, r.Choices, r.Unasked)
	for _, line := range r.Lost {
		fmt.Fprintln(w, "    no subject:", line)
	}
	writeCounters(w, nonzero(counters))
	if written != "" {
		fmt.Fprintln(w, "explicit seed file:", written)
	}
	writeCommands(w, "", commands)
	return a.wrote(w.Flush())
}
