package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"raftsim/sim"
)

// hangDefault is how long a run may take on the machine's clock. The slowest ones take a few seconds.
const hangDefault = 60 * time.Second

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   a.name,
		Short: "Run Raft in virtual time, disturb it, judge it, and replay what fails",
		Long: a.name + ` runs Raft servers in a deterministic simulation: one seed is one run, the same on every machine.

Exit codes: 0 pass, 1 violation, 2 mistake in the command line, a file, or a scenario or application of one's own, 3 inconclusive,
4 not deterministic, 70 the harness failed or a run did not end, 130 interrupted. Results go to stdout, progress and errors to stderr.`,
		SilenceUsage: true, SilenceErrors: true, DisableSuggestions: true,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("a command is wanted, like: simrun campaign --seeds 1-200 (see simrun --help)")
			}
			return unknownCommand(cmd, args[0])
		},
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if a.format != formatText && a.format != formatJSON {
				return fmt.Errorf("--format %q: one of text, json", a.format)
			}
			return nil
		},
	}
	root.PersistentFlags().StringVar(&a.format, "format", formatText, "how results are written: text or json")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w (see %s --help)", err, cmd.CommandPath())
	})
	root.SetHelpCommand(&cobra.Command{
		Use:   "help [command]",
		Short: "Explain a command",
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || cmd == nil || len(rest) > 0 {
				return unknownCommand(root, args[0])
			}
			return cmd.Help()
		},
	})
	root.AddCommand(newRun(a), newCampaign(a), newReplay(a), newMutants(a), newPowerLoss(a), newMeasure(a), newList(a), newVersion(a))
	return root
}

func unknownCommand(root *cobra.Command, name string) error {
	var names []string
	for _, c := range root.Commands() {
		names = append(names, c.Name())
	}
	if near := sim.Nearest(name, names); near != "" {
		return fmt.Errorf("unknown command %q: did you mean %q?", name, near)
	}
	return fmt.Errorf("unknown command %q: see %s --help", name, root.Name())
}

// exactly refuses any other number of arguments; what says what they are.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		if n == 0 {
			return fmt.Errorf("%s takes no arguments, not %q", cmd.CommandPath(), args)
		}
		return fmt.Errorf("%s wants %s, not %d arguments", cmd.CommandPath(), what, len(args))
	}
}

// positive refuses a limit on the clock that is none.
func positive(name string, d time.Duration) error {
	if d < 0 {
		return errors.New("--" + name + ": must not be negative")
	}
	return nil
}
