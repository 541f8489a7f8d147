package scenarios

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"raftsim/faults"
	"raftsim/sim"
)

// Options that cannot be run are refused in one line that begins with the key.
func TestImpossibleOptions(t *testing.T) {
	for _, tc := range []struct {
		key    string
		change func(*Options)
	}{
		{"cluster.nodes", func(o *Options) { o.Cluster.Nodes = 0 }},
		{"cluster.nodes", func(o *Options) { o.Cluster.Nodes = -1 }},
		{"cluster.nodes", func(o *Options) { o.Cluster.Nodes = 32 }},
		{"cluster.initial_leader", func(o *Options) { o.Cluster.InitialLeader = 4 }},
		{"cluster.initial_leader", func(o *Options) { o.Cluster.InitialLeader = -1 }},
		{"cluster.heartbeat_interval", func(o *Options) { o.Cluster.HeartbeatInterval = o.Cluster.ElectionTimeout }},
		{"cluster.heartbeat_interval", func(o *Options) { o.Cluster.HeartbeatInterval = 0 }},
		{"cluster.heartbeat_interval", func(o *Options) { o.Cluster.HeartbeatInterval = -time.Second }},
		{"cluster.heartbeat_interval", func(o *Options) { o.Cluster.KeepAlive = o.Cluster.HeartbeatInterval }},
		{"cluster.heartbeat_interval", func(o *Options) { o.Network.Delay = 60 * time.Millisecond }}, // slower than a round trip
		{"cluster.election_timeout", func(o *Options) { o.Cluster.ElectionTimeout, o.Cluster.KeepAlive = 2*time.Hour, 2*time.Hour }},
		{"cluster.max_entries_per_message", func(o *Options) { o.Cluster.MaxEntriesPerMessage = 0 }},
		{"cluster.max_inflight", func(o *Options) { o.Cluster.MaxInflight = -1 }},
		{"cluster.max_uncommitted", func(o *Options) { o.Cluster.MaxUncommitted = 0 }},
		{"workload.clients", func(o *Options) { o.Workload.Clients = 0 }},
		{"workload.clients", func(o *Options) { o.Workload.Clients = 31 }},
		{"workload.keys", func(o *Options) { o.Workload.Keys = 0 }},
		{"workload.keys", func(o *Options) { o.Workload.Keys = 1001 }},
		{"workload.classes", func(o *Options) { o.Workload.Classes = nil }},
		{"workload.classes", func(o *Options) { o.Workload.Classes = []string{"register", "list"} }},
		{"workload.pause", func(o *Options) { o.Workload.Pause = -1 }},
		{"workload.pause", func(o *Options) { o.Workload.Interval = -1 }},
		{"workload.attempt_timeout", func(o *Options) { o.Workload.AttemptTimeout = 0 }},
		{"workload.attempt_timeout", func(o *Options) { o.Workload.OperationTimeout = o.Workload.AttemptTimeout - 1 }},
		{"workload.operation_timeout", func(o *Options) { o.Workload.OperationTimeout = time.Hour }},
		{"network.delay", func(o *Options) { o.Network.Delay = 0 }},
		{"network.delay", func(o *Options) { o.Network.Spread = -1 }},
		{"network.late_mean", func(o *Options) { o.Network.LateMean = -1 }},
		{"network.late_mean", func(o *Options) { o.Network.Late = sim.Ratio{Num: 1, Den: 2} }},
		{"network.late_mean", func(o *Options) { o.Network.DoubledDelay = -1 }},
		{"network.doubled_delay", func(o *Options) { o.Network.Doubled = sim.Ratio{Num: 1, Den: 2} }},
		{"disk.sync_latency", func(o *Options) { o.Disk.SyncLatency = -1 }},
		{"disk.sync_latency", func(o *Options) { o.Disk.SyncLatency = 300 * time.Millisecond }},
		{"disk.slow_min", func(o *Options) { o.Disk.SlowMin, o.Disk.SlowMax = 2, 1 }},
		{"disk.slow_min", func(o *Options) { o.Disk.Slow = sim.Ratio{Num: 1, Den: 2} }},
		{"run.window", func(o *Options) { o.Run.Window = 0 }},
		{"run.window", func(o *Options) { o.Run.Window = 11 * time.Hour }},
		{"run.liveness_timeouts", func(o *Options) {
			o.Run.LivenessTimeouts, o.Workload.OperationTimeout, o.Workload.AttemptTimeout = 1, 1, 1
		}},
		{"run.liveness_timeouts", func(o *Options) { o.Run.LivenessTimeouts = 10_001 }},
		{"run.max_steps", func(o *Options) { o.Run.MaxSteps = 0 }},
		{"run.max_steps", func(o *Options) { o.Run.MaxInstantSteps = 0 }},
		{"run.max_steps", func(o *Options) { o.Run.MaxSteps = 1<<64 - 1 }},
		{"run.search_steps", func(o *Options) { o.Run.SearchSteps = 1<<64 - 1 }},
		{"faults", func(o *Options) { o.Faults.CutMin = -1 }},
		{"faults", func(o *Options) { o.Faults.DownMin, o.Faults.DownMax = 2, 1 }},
		{"faults", func(o *Options) { o.Faults.Isolate = faults.Slots{Count: 1, Chance: sim.Ratio{Num: 1, Den: 2}} }},
		{"faults", func(o *Options) { o.Faults.Isolate.Count = 1001 }},
	} {
		o := Defaults()
		tc.change(&o)
		err := o.Validate()
		var oe *OptionError
		if !errors.As(err, &oe) || oe.Key != tc.key || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), tc.key+": ") {
			t.Errorf("%s: %v", tc.key, err)
			continue
		}
		// No such case reaches the world.
		if _, err := Run(&Case{Scenario: "calm", Options: o}); !errors.As(err, &oe) {
			t.Errorf("%s: Run says %v", tc.key, err)
		}
	}
	o := Defaults()
	if err := o.Validate(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
}

// Whatever Validate lets pass can be run: not a panic, and not an error either. A case that fails by its options is refused
// before it starts.
func TestOptionsThatValidateRun(t *testing.T) {
	cat := builtin(t)
	r := NewRunner(cat)
	ran := 0
	rapid.Check(t, func(rt *rapid.T) {
		duration := func(name string) time.Duration {
			return time.Duration(rapid.SampledFrom([]int64{0, 1, 1e3, 1e6, 3e6, 10e6, 50e6, 150e6, 400e6, 1e9}).Draw(rt, name))
		}
		ratio := func(name string) sim.Ratio {
			return rapid.SampledFrom([]sim.Ratio{{}, {Num: 1, Den: 1000}, {Num: 1, Den: 10}, {Num: 1, Den: 1}}).Draw(rt, name)
		}
		c := mustCase(t, cat, "mixed", rapid.Uint64().Draw(rt, "seed"))
		o := &c.Options
		o.Run.Window = time.Second
		o.Faults.Window = min(o.Faults.Window, time.Second)
		o.Run.MaxSteps, o.Run.SearchSteps = 60_000, 1000
		change := map[string]func(){
			"nodes":     func() { o.Cluster.Nodes = rapid.IntRange(-1, 33).Draw(rt, "n") },
			"leader":    func() { o.Cluster.InitialLeader = rapid.IntRange(-1, 8).Draw(rt, "n") },
			"heartbeat": func() { o.Cluster.HeartbeatInterval = duration("d") },
			"election":  func() { o.Cluster.ElectionTimeout = duration("d") },
			"quorum":    func() { o.Cluster.CheckQuorum = !o.Cluster.CheckQuorum },
			"pre-vote":  func() { o.Cluster.PreVote = !o.Cluster.PreVote },
			"jitter":    func() { o.Cluster.Jitter = !o.Cluster.Jitter },
			"tiny":      func() { o.Cluster.MaxEntriesPerMessage, o.Cluster.MaxInflight, o.Cluster.MaxUncommitted = 1, 1, 1 },
			"clients":   func() { o.Workload.Clients = rapid.IntRange(-1, 31).Draw(rt, "n") },
			"keys":      func() { o.Workload.Keys = rapid.IntRange(-1, 1001).Draw(rt, "n") },
			"pause":     func() { o.Workload.Pause = duration("d") },
			"interval":  func() { o.Workload.Interval = duration("d") },
			"attempt":   func() { o.Workload.AttemptTimeout = duration("d") },
			"delay":     func() { o.Network.Delay, o.Network.Spread = duration("d"), duration("s") },
			"lost":      func() { o.Network.Lost = ratio("r") },
			"late":      func() { o.Network.Late, o.Network.LateMean = ratio("r"), duration("d") },
			"doubled":   func() { o.Network.Doubled, o.Network.DoubledDelay = ratio("r"), duration("d") },
			"sync":      func() { o.Disk.SyncLatency = duration("d") },
			"slow":      func() { o.Disk.Slow, o.Disk.SlowMin, o.Disk.SlowMax = ratio("r"), duration("l"), duration("h") },
			"crash":     func() { o.Faults.Crash, o.Faults.DownMin, o.Faults.DownMax = ratio("r"), duration("l"), duration("h") },
			"cuts":      func() { o.Faults.CutMin, o.Faults.CutMax = duration("l"), duration("h") },
			"liveness":  func() { o.Run.LivenessTimeouts = rapid.IntRange(0, 40).Draw(rt, "n") },
		}
		names := []string{"nodes", "leader", "heartbeat", "election", "quorum", "pre-vote", "jitter", "tiny", "clients", "keys", "pause", "interval",
			"attempt", "delay", "lost", "late", "doubled", "sync", "slow", "crash", "cuts", "liveness"}
		for range rapid.IntRange(1, 4).Draw(rt, "changes") {
			change[rapid.SampledFrom(names).Draw(rt, "change")]()
		}
		if o.Validate() != nil {
			return
		}
		ran++
		res, err := r.Run(c, RunOptions{CheckOnce: true})
		if err != nil {
			rt.Fatalf("%v\n%+v", err, *o)
		}
		for _, v := range res.Violations {
			// Options may ask too much for progress within the liveness phase, or for so few steps; never for safety.
			if k := v.Property.String(); k != "LIVE" && k != "BOUND" {
				rt.Fatalf("%v\n%+v", v, *o)
			}
		}
	})
	if ran < 10 {
		t.Errorf("%d cases ran", ran)
	}
}
