package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"raftsim/checker"
	"raftsim/scenarios"
	"raftsim/scenarios/campaign"
	"raftsim/sim"
)

type campaignFlags struct {
	seeds           string
	time            time.Duration
	workers         int
	out             string
	maxInconclusive string
	stopAt          []string
	set             []string
	hang            time.Duration

	config  campaign.Config
	share   sim.Ratio
	outside bool // --seeds was not given
}

// listedRuns is how many runs, from the first on, are in the JSON report one by one.
const listedRuns = 1000

// neverFiredRuns is the size from which a campaign in which a kind of fault never struck is suspicious.
const neverFiredRuns = 1000

func newCampaign(a *app) *cobra.Command {
	var f campaignFlags
	cmd := &cobra.Command{
		Use:   "campaign [SCENARIO...]",
		Short: "Run many seeds on all cores and keep the first of every kind of violation",
		Long: `Run many seeds of some scenarios, by default of all but those that fail on purpose.

Runs are made in the order seed by seed, scenario by scenario. What --seeds finds, and the digest of the campaign, do not
depend on the number of workers. The first run of every kind of violation becomes a seed file in --out.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.outside = !cmd.Flags().Changed("seeds")
			return a.campaign(args, &f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.seeds, "seeds", "1-100", "range `A-B` of seeds, A- for A and up, or one; with --time alone from 1 on")
	flags.DurationVar(&f.time, "time", 0, "start no run but the first after this long")
	flags.IntVar(&f.workers, "workers", 0, "runs at the same time; 0 for as many as there are cores")
	flags.StringVar(&f.out, "out", "simrun-out", "`folder` for seed files; made when there is one to write")
	flags.StringVar(&f.maxInconclusive, "max-inconclusive", "1/100", "`share` of inconclusive runs above which the exit code is 3")
	flags.StringSliceVar(&f.stopAt, "stop-at", nil, "end the campaign at the first run that breaks one of these `properties`, like ES,LC")
	flags.StringArrayVar(&f.set, "set", nil, "change an option in every run, `KEY=VALUE`; may be repeated")
	flags.DurationVar(&f.hang, "hang", hangDefault, "end the campaign when a run takes longer (exit code 70); 0 for never")
	return cmd
}

func (a *app) campaign(names []string, f *campaignFlags) error {
	if err := a.checkCampaign(names, f); err != nil {
		return err
	}
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer release()
	context.AfterFunc(ctx, release) // a second Ctrl-C ends the process

	show := a.newProgress(f.config.Scenarios, f.time)
	f.config.Progress, f.config.Every = show.update, show.every
	s, failed := campaign.Do(ctx, f.config)
	show.end()
	if failed != nil && !campaign.Internal(failed) {
		return failed
	}
	// Whatever becomes of the files, what was found is said.
	kept, err := a.keepFindings(s, f)
	a.code = campaignCode(s, f.share)
	if failed != nil {
		a.code = ExitInternal
	}
	if e := a.reportCampaign(s, kept, f); e != nil {
		return e
	}
	return errors.Join(failed, err)
}

// checkCampaign makes the configuration, or says what is wrong with the command line.
func (a *app) checkCampaign(names []string, f *campaignFlags) error {
	if len(names) == 0 {
		names = a.cat.Names(false)
	}
	for i, name := range names {
		if _, err := a.cat.Lookup(name); err != nil {
			return err
		}
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("scenario %q is named twice", name)
		}
	}
	seeds, err := campaign.ParseRange(f.seeds)
	if err != nil {
		return fmt.Errorf("--seeds: %w", err)
	}
	if f.outside && f.time > 0 {
		seeds = campaign.Range{First: 1, Last: 1<<64 - 1}
	}
	if f.share, err = sim.ParseRatio(f.maxInconclusive); err != nil {
		return fmt.Errorf("--max-inconclusive: %w", err)
	}
	if f.workers < 0 || f.workers > 4096 {
		return fmt.Errorf("--workers %d: want 1 to 4096, or 0 for as many as there are cores", f.workers)
	}
	if err := errors.Join(positive("time", f.time), positive("hang", f.hang)); err != nil {
		return err
	}
	if err := checkFolder("--out", f.out); err != nil {
		return err
	}
	var stop []checker.Property
	for _, code := range f.stopAt {
		p, known := checker.ParseProperty(code)
		if !known {
			return fmt.Errorf("--stop-at: no property has the code %q: want codes like ES, LC or LIN", code)
		}
		stop = append(stop, p)
	}
	// A few cases are enough to find an option that suits no run; one that suits some only ends the campaign at the others.
	for i := range min(seeds.Last-seeds.First, 15) + 1 {
		for _, name := range names {
			if _, err := campaign.Case(a.cat, name, seeds.First+i, f.set); err != nil {
				return err
			}
		}
	}
	f.config = campaign.Config{
		Catalogue: a.cat, Scenarios: names, Seeds: seeds, Time: f.time, Workers: f.workers, Set: f.set, Hang: f.hang,
		StopAt:   stop,
		KeepRuns: listedRuns,
	}
	return nil
}

// kept is a finding with its run in full, and its seed file.
type kept struct {
	campaign.Finding
	result *scenarios.Result
	file   string
}

// keepFindings runs the first seed of each kind of violation once more, recording, and writes its seed file.
func (a *app) keepFindings(s *campaign.Summary, f *campaignFlags) ([]kept, error) {
	var all []kept
	for _, finding := range s.Findings {
		c, err := campaign.Case(a.cat, finding.Scenario, finding.Seed, f.set)
		if err != nil {
			return all, err
		}
		res, err := campaign.Record(a.cat, c, f.hang)
		if err != nil {
			return all, err
		}
		if res.Digest != finding.Digest {
			return all, &campaign.DivergedError{
				Scenario: finding.Scenario, Seed: finding.Seed, Digests: [2]uint64{finding.Digest, res.Digest},
			}
		}
		file, err := campaign.Keep(a.cat, c, res, f.out, a.hints(c.Scenario))
		if err != nil {
			return all, &failure{ExitInternal, err}
		}
		all = append(all, kept{Finding: finding, result: res, file: file})
	}
	return all, nil
}

func campaignCode(s *campaign.Summary, share sim.Ratio) int {
	switch {
	case s.Interrupted:
		return ExitInterrupted
	case s.Verdicts[scenarios.Violation] > 0:
		return ExitViolation
	case s.Runs == 0: // nothing was tried, so nothing is known
		return ExitInconclusive
	case campaign.Exceeds(s.Verdicts[scenarios.Inconclusive], s.Runs, share):
		return ExitInconclusive
	}
	return ExitPass
}
