package etcdraft

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// benchSeconds is the virtual length of one measured run: long enough that start and first election are a few per cent.
const benchSeconds = 60

// BenchmarkPlainEtcd measures the plain loop around etcd's Raft.
func BenchmarkPlainEtcd(b *testing.B) {
	for _, nodes := range []int{3, 5} {
		for _, tick := range []time.Duration{100 * time.Millisecond, 10 * time.Millisecond} {
			load := Load{Nodes: nodes, Seconds: benchSeconds, Tick: tick, Seed: 1}
			b.Run(fmt.Sprintf("%dnodes/%v", nodes, tick), func(b *testing.B) {
				measure(b, func() Result { return RunPlain(load) })
			})
		}
	}
}

// measure repeats run and reports its cost in the terms every stack shares:
//
//	ns/op-committed    wall time per committed client operation
//	cpu-ns/committed   processor time of the whole process, garbage collector included, per committed client operation
//	ns/virtual-second  wall time per simulated second
//	events/s           events of the loop per second of wall time
//	allocs/event       heap allocations per event
//	B/event            bytes of heap allocated per event
//	events/committed   events per committed client operation: how much the stacks simulate for the same work
func measure(b *testing.B, run func() Result) {
	var committed, events, virtualSeconds float64
	var before, after runtime.MemStats
	runtime.GC() // earlier garbage is not this run's to collect
	runtime.ReadMemStats(&before)
	cpuBefore, hasCPU := cpuTime()
	for b.Loop() {
		r := run()
		committed += float64(r.Committed)
		events += float64(r.Events)
		virtualSeconds += float64(r.VirtualSeconds)
	}
	cpuAfter, _ := cpuTime()
	runtime.ReadMemStats(&after)
	if committed == 0 {
		b.Fatal("no operation was committed: there is nothing to divide by")
	}

	wall := float64(b.Elapsed().Nanoseconds())
	b.ReportMetric(wall/committed, "ns/op-committed")
	if hasCPU {
		b.ReportMetric(float64((cpuAfter-cpuBefore).Nanoseconds())/committed, "cpu-ns/committed")
	}
	b.ReportMetric(wall/virtualSeconds, "ns/virtual-second")
	b.ReportMetric(events/wall*1e9, "events/s")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/events, "allocs/event")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/events, "B/event")
	b.ReportMetric(events/committed, "events/committed")
	b.ReportMetric(0, "ns/op") // a whole run of many operations: its time says nothing beyond the lines above
}
