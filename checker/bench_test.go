package checker

import (
	"encoding/binary"
	"testing"
)

// BenchmarkCluster is one run of a healthy five-node cluster: every node appends, commits and applies every entry.
func BenchmarkCluster(b *testing.B) {
	const nodes, entries = 5, 2000
	var c Cluster
	data := make([]byte, 48)
	run := func() {
		c.Reset(nodes)
		c.Elected(1, 1)
		for index := uint64(1); index <= entries; index++ {
			binary.LittleEndian.PutUint64(data, index)
			for node := uint64(1); node <= nodes; node++ {
				c.Now(index, int64(index))
				c.Appended(node, index, 1, data)
				c.Committed(node, index)
				c.Applied(node, index, index)
			}
		}
	}
	run()
	if c.Findings.Total() != 0 {
		b.Fatal(c.Findings.All())
	}
	b.ReportAllocs()
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*nodes*entries*3), "ns/observation")
}

// BenchmarkClusterWatched is the same with everything a harness tells of disks, votes, acknowledgements and sessions.
func BenchmarkClusterWatched(b *testing.B) {
	b.Run("by ticket", func(b *testing.B) { benchmarkWatched(b, false) })
	b.Run("by bytes", func(b *testing.B) { benchmarkWatched(b, true) })
}

func benchmarkWatched(b *testing.B, decoded bool) {
	const nodes, entries = 5, 2000
	c := Cluster{WatchDisks: true, DecodedDisks: decoded}
	data := make([]byte, 48)
	run := func() { watchedRun(&c, nodes, entries, data) }
	run()
	if c.Findings.Total() != 0 {
		b.Fatal(c.Findings.All())
	}
	b.ReportAllocs()
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*nodes*entries), "ns/entry-on-a-node")
}

// watchedRun is a healthy run told in full: what a node stores is on its disk, acknowledged, committed, applied and, every 100 entries,
// compacted.
func watchedRun(c *Cluster, nodes, entries uint64, data []byte) {
	c.Reset(int(nodes))
	for node := uint64(1); node <= nodes; node++ {
		c.Configured(node, 0, Configuration{Voters: []uint64{1, 2, 3, 4, 5}[:nodes]})
		c.HardState(node, 1, 1)
		c.DiskHardState(node, 1, 1, 0)
		c.Promised(node, 1, 1)
	}
	c.Elected(1, 1)
	for index := uint64(1); index <= entries; index++ {
		binary.LittleEndian.PutUint64(data, index)
		for node := uint64(1); node <= nodes; node++ {
			c.Now(index*8+node, int64(index))
			c.Appended(node, index, 1, data)
			if c.DecodedDisks {
				c.DiskEntry(node, index, 1, EntryHash(data, false))
			} else {
				c.Durable(node, index)
			}
			if node != 1 {
				c.Promised(node, 1, 0)
				c.Acked(node, index)
			}
		}
		for node := uint64(1); node <= nodes; node++ {
			c.Promised(1, 1, 1)
			c.Committed(node, index)
			c.Applied(node, index, index)
			c.Executed(node, index, index%5, index)
			if index%100 == 0 {
				if c.DecodedDisks {
					c.DiskSnapshot(node, index, 1)
					c.DiskCompacted(node, index)
				}
				c.Compacted(node, index)
			}
		}
	}
}

func benchmarkOne(b *testing.B, entries uint64, prepare, observe func(c *Cluster, index uint64)) {
	var c Cluster
	run := func(count bool) {
		if count {
			b.StopTimer()
		}
		c.Reset(3)
		c.Elected(1, 1)
		for index := uint64(1); index <= entries; index++ {
			prepare(&c, index)
		}
		if count {
			b.StartTimer()
		}
		for index := uint64(1); index <= entries; index++ {
			observe(&c, index)
		}
	}
	run(false)
	b.ReportAllocs()
	for b.Loop() {
		run(true)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(uint64(b.N)*entries), "ns/observation")
}

func BenchmarkAppendedFirst(b *testing.B) {
	data := make([]byte, 48)
	benchmarkOne(b, 2000, func(*Cluster, uint64) {}, func(c *Cluster, index uint64) { c.Appended(1, index, 1, data) })
}

func BenchmarkAppendedAgain(b *testing.B) {
	data := make([]byte, 48)
	benchmarkOne(b, 2000, func(c *Cluster, index uint64) { c.Appended(1, index, 1, data) },
		func(c *Cluster, index uint64) { c.Appended(2, index, 1, data) })
}

func BenchmarkCommitted(b *testing.B) {
	benchmarkOne(b, 2000, func(c *Cluster, index uint64) { c.Appended(1, index, 1, nil) },
		func(c *Cluster, index uint64) { c.Committed(1, index) })
}

func BenchmarkApplied(b *testing.B) {
	benchmarkOne(b, 2000, func(c *Cluster, index uint64) { c.Appended(1, index, 1, nil); c.Committed(1, index) },
		func(c *Cluster, index uint64) { c.Applied(1, index, index) })
}

func TestWatchedObservationsDoNotAllocate(t *testing.T) {
	c := Cluster{WatchDisks: true, DecodedDisks: true}
	data := make([]byte, 48)
	run := func() {
		watchedRun(&c, 3, 300, data)
		c.AppendedConfiguration(1, 301, 1, data)
		c.Configured(1, 301, Configuration{Voters: []uint64{1, 2, 3, 4}})
		c.Joined(4)
		c.Installed(4, 300, 1)
		c.Restored(4, 300, 1, 300)
		c.RestartedAfter(2, 300, 1)
		c.Restored(2, 300, 1, 300)
	}
	run()
	if c.Findings.Total() != 0 {
		t.Fatal(c.Findings.All())
	}
	if n := testing.AllocsPerRun(20, run); n != 0 {
		t.Errorf("%v allocations in a run like the one before", n)
	}
}

func TestObservationsDoNotAllocate(t *testing.T) {
	var c Cluster
	data := make([]byte, 48)
	run := func() {
		c.Reset(3)
		c.Elected(1, 1)
		for index := uint64(1); index <= 500; index++ {
			for node := uint64(1); node <= 3; node++ {
				c.Appended(node, index, 1, data)
				c.Committed(node, index)
				c.Applied(node, index, index)
				c.Executed(node, index, 1, index)
			}
		}
		c.Restarted(2)
	}
	run()
	if n := testing.AllocsPerRun(20, run); n != 0 {
		t.Errorf("%v allocations in a run like the one before", n)
	}
}

// busyKey is a legal history of one key with a few operations under way at a time, and the order they took effect in.
func busyKey(tb testing.TB, h *History, operations, atOnce int, kinds []OpKind) []Execution {
	h.Reset()
	type running struct {
		op  Completion
		did bool
	}
	var (
		took    []Execution
		now     []running
		state   Seen
		draw    = chance{next: func() uint64 { return 7 }}
		pending [64]Invocation
	)
	for step, made := uint64(1), 0; made < operations || len(now) > 0; step++ {
		if made < operations && len(now) < atOnce && draw.n(3) > 0 {
			id := uint64(made + 1)
			in := Invocation{Client: 1, Seq: id, Kind: kinds[draw.n(len(kinds))], Value: value(id), Tombstone: id, Expect: state, Step: step}
			if err := h.Invoke(in); err != nil {
				tb.Fatal(err)
			}
			pending[id%64] = in
			now = append(now, running{op: Completion{Client: 1, Seq: id}})
			made++
			continue
		}
		if len(now) == 0 {
			continue
		}
		i := draw.n(len(now))
		r := &now[i]
		in := &pending[r.op.Seq%64]
		if !r.did {
			r.did = true
			r.op.Seen = state
			switch {
			case in.Kind == OpPut, in.Kind == OpCAS && in.Expect.Cell() == state.Cell():
				r.op.Swapped = true
				state = SeenValue(in.Value)
			case in.Kind == OpAppend:
				state = SeenValue(append(append([]byte(nil), state.Value...), in.Value...))
			case in.Kind == OpDelete:
				state = SeenMissing(in.Tombstone)
			}
			took = append(took, Execution{Client: 1, Seq: r.op.Seq, Index: uint64(len(took) + 1)})
			continue
		}
		r.op.Step = step
		if err := h.Return(r.op); err != nil {
			tb.Fatal(err)
		}
		now = append(now[:i], now[i+1:]...)
	}
	return took
}

// BenchmarkCheck judges 1,200 operations on one key, four at a time, all outcomes known.
func BenchmarkCheck(b *testing.B) {
	for _, bench := range []struct {
		name   string
		atOnce int
		kinds  []OpKind
		budget uint64
	}{
		{"register/3", 3, []OpKind{OpGet, OpPut}, DefaultBudget},
		{"register/5", 5, []OpKind{OpGet, OpPut}, DefaultBudget},
		{"all kinds/4", 4, []OpKind{OpGet, OpPut, OpPut, OpDelete, OpCAS, OpAppend}, DefaultBudget},
		{"witness only/4", 4, []OpKind{OpGet, OpPut, OpPut, OpDelete, OpCAS, OpAppend}, 0},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var h History
			var c Checker
			took := busyKey(b, &h, 1200, bench.atOnce, bench.kinds)
			var r *Report
			b.ReportAllocs()
			for b.Loop() {
				r = c.Check(&h, took, bench.budget)
			}
			if r.Verdict != Linearizable || r.WitnessYes != 1 || bench.budget > 0 && r.SearchLegal != 1 {
				b.Fatalf("%+v", r)
			}
			b.ReportMetric(float64(r.Steps), "steps")
		})
	}
}

func BenchmarkHistory(b *testing.B) {
	var h History
	b.ReportAllocs()
	v := value(1)
	for b.Loop() {
		h.Reset()
		for i := range uint64(1000) {
			if err := h.Invoke(Invocation{Client: 1, Seq: i, Key: i % 5, Kind: OpPut, Value: v, Step: i}); err != nil {
				b.Fatal(err)
			}
			if err := h.Return(Completion{Client: 1, Seq: i, Step: i}); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*1000), "ns/operation")
}
