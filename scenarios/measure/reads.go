package measure

import (
	"strings"

	"raftsim/raft"
	"raftsim/scenarios"
)

// readWay is a kind of read and the option that is its weight.
type readWay struct {
	name   string
	weight func(*scenarios.Workload) *uint64
}

func readWays() []readWay {
	return []readWay{
		{"log", func(w *scenarios.Workload) *uint64 { return &w.ReadLog }},
		{"leader (ReadIndex)", func(w *scenarios.Workload) *uint64 { return &w.ReadLeader }},
		{"lease", func(w *scenarios.Workload) *uint64 { return &w.ReadLease }},
		{"follower (ReadIndex)", func(w *scenarios.Workload) *uint64 { return &w.ReadFollower }},
		{"sequential", func(w *scenarios.Workload) *uint64 { return &w.ReadSequential }},
		{"stale", func(w *scenarios.Workload) *uint64 { return &w.ReadStale }},
	}
}

func makeReads(b *bench) (*Table, error) {
	o := options()
	t := &Table{
		Title: "what each kind of read costs",
		Model: append(model(&o), "20 clients, one operation at a time, half of them reads; follower, sequential and stale reads go round the servers"),
		Columns: []Column{
			{Name: "p50", Unit: Nanoseconds, Bar: true}, {Name: "p99", Unit: Nanoseconds}, {Name: "reads/s", Unit: PerSecond},
			{Name: "rounds/op", Unit: Hundredths}, {Name: "entries/op", Unit: Hundredths}, {Name: "old answers", Unit: Count},
		},
		Notes: []string{"rounds: heartbeats and questions for a read index between servers; old answers: without something committed by then (stale and sequential reads)"},
	}
	for _, way := range readWays() {
		o := options()
		w := &o.Workload
		w.Clients, w.Spread = 20, true
		w.ReadLog = 0
		*way.weight(w) = 1
		o.Cluster.LeaseReads, o.Cluster.Forward = true, false
		out, err := b.run(o, func(text string) bool { return strings.HasPrefix(text, "get") })
		if err != nil {
			return nil, err
		}
		c := &out.result.Counts
		t.Rows = append(t.Rows, Row{way.name, []int64{
			out.percentile(50), out.percentile(99), out.perSecond(), out.per(c.Messages[raft.MsgHeartbeat] + c.Messages[raft.MsgReadIndex]), out.per(c.Committed),
			int64(c.Stale.Late + c.Sequential.Late),
		}})
	}
	return t, nil
}
