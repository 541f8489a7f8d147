package scenarios

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkStandardLoad measures whole runs with all judges on. cpu is what matters: events differ in weight.
func BenchmarkStandardLoad(b *testing.B) {
	for _, nodes := range []int{3, 5} {
		b.Run(fmt.Sprintf("%dnodes", nodes), func(b *testing.B) {
			r := NewRunner(builtin(b))
			var committed, steps uint64
			var virtual time.Duration
			b.ReportAllocs()
			for b.Loop() {
				res, err := r.Run(StandardLoad(nodes, 60*time.Second, 1), RunOptions{})
				if err != nil || res.Verdict != Pass {
					b.Fatal(err, res)
				}
				committed += res.Counts.Executed
				steps += res.Steps
				virtual += time.Duration(res.Virtual)
			}
			ns := float64(b.Elapsed().Nanoseconds())
			b.ReportMetric(ns/float64(committed), "ns/committed")
			b.ReportMetric(ns/virtual.Seconds(), "ns/virtual-second")
			b.ReportMetric(float64(steps)/float64(committed), "steps/committed")
			b.ReportMetric(ns/float64(steps), "ns/step")
		})
	}
}

// BenchmarkMixed measures what a campaign does: another seed each time.
func BenchmarkMixed(b *testing.B) {
	cat := builtin(b)
	r := NewRunner(cat)
	seed, steps := uint64(0), uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		seed++
		res, err := r.Run(mustCase(b, cat, "mixed", seed), RunOptions{})
		if err != nil {
			b.Fatal(err)
		}
		steps += res.Steps
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(steps), "ns/step")
	b.ReportMetric(float64(steps)/float64(seed), "steps/run")
}
