// Command simrun is simrun with etcd's Raft (go.etcd.io/raft/v3) as the consensus core.
package main

import (
	"fmt"
	"os"

	"raftsim/cmd/simrun/cli"
	"raftsim/scenarios/etcdraft"
)

func main() {
	cat, err := etcdraft.Catalogue()
	if err != nil {
		fmt.Fprintln(os.Stderr, "simrun:", err)
		os.Exit(cli.ExitInternal)
	}
	os.Exit(cli.Main(cat, os.Args[1:], os.Stdout, os.Stderr))
}
