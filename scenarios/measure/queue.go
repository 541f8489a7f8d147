package measure

import (
	"time"

	"raftsim/network"
)

func makeQueue(b *bench) (*Table, error) {
	o := options()
	o.Network.Bandwidth = slowLink
	t := &Table{
		Title: "what waits for a slow link (D3)",
		Model: append(model(&o), "20 clients with 4 operations each under way"),
		Columns: []Column{
			{Name: "p50", Unit: Nanoseconds}, {Name: "p99", Unit: Nanoseconds}, {Name: "waited", Unit: Count}, {Name: "dropped", Unit: Count},
			{Name: "replaced", Unit: Count}, {Name: "longest queue", Unit: Count}, {Name: "per second", Unit: PerSecond, Bar: true},
		},
	}
	for _, row := range []struct {
		name   string
		queue  int
		policy network.Policy
		pipe   bool
	}{
		{"fifo, unbounded", 0, network.PolicyFIFO, true},
		{"fifo, 16 packets", 16, network.PolicyFIFO, true},
		{"fifo, 4 packets", 4, network.PolicyFIFO, true},
		{"replace", 0, network.PolicyReplace, true},
		{"no pipeline: fifo, unbounded", 0, network.PolicyFIFO, false},
		{"no pipeline: fifo, 4 packets", 4, network.PolicyFIFO, false},
		{"no pipeline: replace", 0, network.PolicyReplace, false},
	} {
		o := options()
		o.Network.Bandwidth, o.Network.Queue, o.Network.QueuePolicy = slowLink, row.queue, network.PolicyNames()[row.policy]
		o.Workload.Clients, o.Workload.Window = 20, 4
		o.Cluster.Pipeline = row.pipe
		o.Cluster.Forward = false
		o.Workload.AttemptTimeout = 500 * time.Millisecond
		out, err := b.run(o, nil)
		if err != nil {
			return nil, err
		}
		n := &out.result.Counts.Network
		t.Rows = append(t.Rows, Row{row.name, []int64{
			out.percentile(50), out.percentile(99), int64(n.Queued), int64(n.QueueDrops), int64(n.Replaced), int64(n.LongestQueue), out.perSecond(),
		}})
	}
	return t, nil
}

// slowLink is a bandwidth that a busy leader fills.
const slowLink = 200_000
