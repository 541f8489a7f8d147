// Command simrun runs Raft in virtual time, disturbs it, judges it, and keeps what fails as a file that replays.
package main

import (
	"fmt"
	"os"

	"raftsim/cmd/simrun/cli"
	"raftsim/scenarios"
)

func main() {
	cat, err := scenarios.NewCatalogue(scenarios.Builtin()...)
	if err != nil {
		fmt.Fprintln(os.Stderr, "simrun:", err)
		os.Exit(cli.ExitInternal)
	}
	os.Exit(cli.Main(cat, os.Args[1:], os.Stdout, os.Stderr))
}
