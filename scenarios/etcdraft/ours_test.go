package etcdraft

import (
	"fmt"
	"testing"
	"time"

	"raftsim/scenarios"
)

// BenchmarkOurs measures this project's stack under the same load, with what the plain loop has not: encoded messages,
// checksummed logs on simulated disks, sessions, clients, and all judges.
func BenchmarkOurs(b *testing.B) {
	cat, err := scenarios.NewCatalogue(scenarios.Builtin()...)
	if err != nil {
		b.Fatal(err)
	}
	runner := scenarios.NewRunner(cat)
	for _, nodes := range []int{3, 5} {
		c := scenarios.StandardLoad(nodes, benchSeconds*time.Second, 1)
		b.Run(fmt.Sprintf("%dnodes", nodes), func(b *testing.B) {
			measure(b, func() Result {
				r, err := runner.Run(c, scenarios.RunOptions{})
				if err != nil || r.Verdict != scenarios.Pass {
					b.Fatalf("the load did not pass: %v, %v", err, r.Signature)
				}
				return Result{
					Committed: r.Counts.Executed, Events: r.Steps,
					VirtualSeconds: int64(time.Duration(r.Virtual) / time.Second), Digest: r.Digest,
				}
			})
		})
	}
}
