package cli

import (
	"bufio"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"raftsim/raft/storage/powerloss"
	"raftsim/scenarios"
)

func newPowerLoss(a *app) *cobra.Command {
	var o powerloss.Options
	var seed string
	cmd := &cobra.Command{
		Use:   "powerloss",
		Short: "Try every power loss of a workload of the log, in every state it may leave the disk in",
		Long: `Try every power loss of a workload of the log, in every state it may leave the disk in.

A workload of the write-ahead log (appends, truncations, compactions, snapshots sent and received, restarts) is recorded. For a loss
of power before and after every change and sync of the disk, all states the disk may be in are made: all subsets of up to 6 unsynced
sectors and families of subsets beyond, with old and new sizes and all subsets of the names not synced. On each the log is opened
again, and must remember what it acknowledged.

Exit code 0: all were survived. 1: one was not; it is described.`,
		Args: exactly(0, ""),
		RunE: func(*cobra.Command, []string) error {
			n, err := scenarios.ParseSeed(seed)
			if err != nil {
				return fmt.Errorf("--seed: %w", err)
			}
			if o.Operations < 1 || o.Operations > 100_000 {
				return fmt.Errorf("--operations: %d, want 1 to 100000", o.Operations)
			}
			if o.PerPoint < 0 {
				return fmt.Errorf("--per-point: %d, want at least 0", o.PerPoint)
			}
			if o.Sector < 16 || o.Sector > 4096 || o.Sector&(o.Sector-1) != 0 {
				return fmt.Errorf("--sector: %d, want a power of two from 16 to 4096", o.Sector)
			}
			o.Seed = n
			return a.powerLoss(o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&seed, "seed", "1", "of the workload")
	flags.IntVar(&o.Operations, "operations", 200, "of the workload")
	flags.IntVar(&o.Sector, "sector", 64, "size of a sector in bytes")
	flags.IntVar(&o.PerPoint, "per-point", 0, "bound, about, on the states tried for one power loss; 0: all")
	return cmd
}

func (a *app) powerLoss(o powerloss.Options) error {
	begun := time.Now()
	r, failure := powerloss.Enumerate(o)
	report := Report{Verdict: scenarios.Pass.String(), Seed: scenarios.FormatSeed(o.Seed), Counts: map[string]uint64{
		"operations": uint64(r.Operations), "power_losses": uint64(r.Points), "states_tried": uint64(r.Tried),
		"states_different": uint64(r.States), "states_after_a_second_loss": uint64(r.Nested), "states_with_a_torn_tail": uint64(r.Torn),
		"unsynced_sectors_at_most": uint64(r.MaxSectors), "unsynced_names_at_most": uint64(r.MaxNames),
	}}
	for i, name := range powerloss.OpNames() {
		report.Counts["operations_"+strings.ReplaceAll(name, " ", "_")] = uint64(r.Kinds[i])
	}
	if failure != nil {
		a.code = ExitViolation
		report.Verdict, report.Signature = scenarios.Violation.String(), "DUR/power-loss-not-survived"
		report.Violations = []Violation{{Property: "DUR", Signature: report.Signature, Detail: failure.Error()}}
	}
	if a.json() {
		return a.writeJSON("powerloss", &report)
	}
	w := bufio.NewWriter(a.out)
	fmt.Fprintf(w, "power loss: %d states of the disk tried, %d of them different, for %d losses in %d operations\n", r.Tried, r.States, r.Points, r.Operations)
	fmt.Fprintf(w, "  %d more states after a second loss, during recovery\n", r.Nested)
	fmt.Fprintf(w, "  %d states with a torn tail; at most %d sectors and %d names were not synced\n", r.Torn, r.MaxSectors, r.MaxNames)
	if failure != nil {
		fmt.Fprintf(w, "not survived: %v\n", failure)
	} else {
		fmt.Fprintf(w, "all survived, in %v\n", time.Since(begun).Round(time.Millisecond))
	}
	return a.wrote(w.Flush())
}
