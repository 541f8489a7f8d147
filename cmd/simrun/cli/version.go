package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"raftsim/scenarios/campaign"
)

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say what this program was built of, and which seed files it reads",
		Args:  exactly(0, ""),
		RunE: func(*cobra.Command, []string) error {
			build := campaign.ReadBuild()
			if a.json() {
				return a.writeJSON("version", &Report{Build: &build})
			}
			_, err := fmt.Fprintln(a.out, build)
			return a.wrote(err)
		},
	}
}
