package scenarios

import (
	"time"

	"raftsim/network"
	"raftsim/scenarios/workload"
	"raftsim/sim"
)

// StandardLoad returns the case that performance figures are about: 100 operations per virtual second for window of virtual
// time, through the log, on links of 1 to 10 ms, heartbeats every 100 ms, election timeout 1 s, a snapshot every 200 entries, no
// faults, all judges on.
func StandardLoad(nodes int, window time.Duration, seed uint64) *Case {
	o := Defaults()
	o.Cluster.Nodes = nodes
	o.Workload.Clients, o.Workload.Keys = 10, 5
	o.Workload.Classes = []string{workload.ClassRegister}
	o.Workload.Interval, o.Workload.Pause = 100*time.Millisecond, 0
	o.Network.Delay, o.Network.Spread = time.Millisecond, 0
	o.Network.Late, o.Network.LateShape, o.Network.LateMean = sim.Ratio{Num: 1, Den: 1}, network.Uniform, 4500*time.Microsecond
	// What a restart would read stays short, and with it what the judges of disks read again and again.
	o.Cluster.SnapshotEntries, o.Cluster.SegmentBytes = 200, 8<<10
	o.Run.Window = window
	// Long enough for an operation to be given up four times over.
	o.Run.LivenessTimeouts = 16
	c := noisy(seed, o)
	c.Scenario, c.Seed = "calm", seed
	return c
}
