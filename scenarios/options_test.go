package scenarios

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"raftsim/faults"
	"raftsim/internal/fixed"
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
		{"workload.lock_ttl", func(o *Options) { o.Workload.LockTTL = 0 }},
		{"workload.lock_ttl", func(o *Options) { o.Workload.LockTTL = 2 * time.Hour }},
		{"workload.window", func(o *Options) { o.Workload.Application, o.Workload.Window = "lock", 2 }},
		{"network.late_mean", func(o *Options) { o.Network.Late = sim.Ratio{Num: 1, Den: 2} }},
		{"network.late_mean", func(o *Options) { o.Network.DoubledDelay = -1 }},
		{"network.doubled_delay", func(o *Options) { o.Network.Doubled = sim.Ratio{Num: 1, Den: 2} }},
		{"disk.sync_latency", func(o *Options) { o.Disk.SyncLatency = -1 }},
		{"disk.sync_latency", func(o *Options) { o.Disk.SyncLatency = 300 * time.Millisecond }},
		{"disk.sync_per_byte", func(o *Options) { o.Disk.SyncPerByte = -1 }},
		{"disk.sync_per_byte", func(o *Options) { o.Disk.SyncPerByte = 3 * time.Millisecond }},
		{"network.bandwidth", func(o *Options) { o.Network.Bandwidth = -1 }},
		{"network.bandwidth", func(o *Options) { o.Network.Bandwidth = 2000 }}, // 100 ms for a heartbeat and its answer
		{"network.queue", func(o *Options) { o.Network.Queue = -1 }},
		{"network.queue_policy", func(o *Options) { o.Network.QueuePolicy = "lifo" }},
		{"cluster.step_cost", func(o *Options) { o.Cluster.StepCost = -1 }},
		{"cluster.step_cost", func(o *Options) { o.Cluster.StepCost = 20 * time.Millisecond }},
		{"cluster.apply_cost", func(o *Options) { o.Cluster.ApplyCost = -1 }},
		{"cluster.apply_cost", func(o *Options) { o.Cluster.ApplyCost = time.Second }},
		{"disk.slow_min", func(o *Options) { o.Disk.SlowMin, o.Disk.SlowMax = 2, 1 }},
		{"disk.slow_min", func(o *Options) { o.Disk.Slow = sim.Ratio{Num: 1, Den: 2} }},
		{"run.window", func(o *Options) { o.Run.Window = 0 }},
		{"run.window", func(o *Options) { o.Run.Window = 11 * time.Hour }},
		{"run.liveness_timeouts", func(o *Options) {
			o.Run.LivenessTimeouts, o.Workload.OperationTimeout, o.Workload.AttemptTimeout = 1, 1, 1
		}},
		{"run.liveness_timeouts", func(o *Options) { o.Run.LivenessTimeouts = 10_001 }},
		{"run.absent", func(o *Options) { o.Run.Absent = faults.SideOf(1025) }},
		{"run.absent", func(o *Options) { o.Run.Absent = faults.ClientsBoth }},
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

// What is said about an option that cannot be run, word for word.
func TestWhatIsSaidOfImpossibleOptions(t *testing.T) {
	weights := "the weights of reads: want 0 to 1000000 each"
	full := "want full_bytes of at least 0, and 0 < full_min <= full_max where full is"
	memberships := func(texts ...string) func(*Options) {
		return func(o *Options) { o.Cluster.Spares, o.Cluster.Memberships = 1, texts }
	}
	noMembership := func(text string) string {
		return `"` + text + `" is no membership of n1..n4: write voters, perhaps learners, perhaps joint, like: n1,n2 learners n3 joint`
	}
	for _, tc := range []struct {
		key, want string
		change    func(*Options)
	}{
		{"cluster.spares", "-1 spares besides 3 servers: want at least 0, and at most 31 servers in all", func(o *Options) { o.Cluster.Spares = -1 }},
		{"cluster.spares", "29 spares besides 3 servers: want at least 0, and at most 31 servers in all", func(o *Options) { o.Cluster.Spares = 29 }},
		{"cluster.initial_leader", "n4 does not exist: there are servers n1..n3 (0 for none)", func(o *Options) { o.Cluster.Spares, o.Cluster.InitialLeader = 5, 4 }},
		{"cluster.memberships", "101 memberships: want at most 100", memberships(make([]string, 101)...)},
		{"cluster.memberships", noMembership(""), memberships("")},
		{"cluster.memberships", noMembership("n5"), memberships("n1", "n5")},
		{"cluster.memberships", noMembership("none"), memberships("none")},
		{"cluster.memberships", noMembership("joint"), memberships("joint")},
		{"cluster.memberships", noMembership("n1 n2"), memberships("n1 n2")},
		{"cluster.memberships", noMembership("c1"), memberships("c1")},
		{"cluster.memberships", noMembership("n1 learners"), memberships("n1 learners")},
		{"cluster.memberships", noMembership("n1 learners n5"), memberships("n1 learners n5")},
		{"cluster.memberships", noMembership("n1,n2 learners n2"), memberships("n1,n2 learners n2")},
		{"cluster.memberships", noMembership("learners n2"), memberships("learners n2")},
		{"cluster.memberships", noMembership("n1 joint learners n2"), memberships("n1 joint learners n2")},
		{"cluster.max_inflight_bytes", "0: want at least 1", func(o *Options) { o.Cluster.MaxInflightBytes = 0 }},
		{"cluster.max_uncommitted_bytes", "-1: want at least 1", func(o *Options) { o.Cluster.MaxUncommittedBytes = -1 }},
		{"cluster.max_bytes_per_message", "0: want at least 1", func(o *Options) { o.Cluster.MaxBytesPerMessage = 0 }},
		{"cluster.max_committed", "0: want at least 1", func(o *Options) { o.Cluster.MaxCommitted = 0 }},
		{"cluster.max_applying", "-1: want at least 0", func(o *Options) { o.Cluster.MaxApplying = -1 }},
		{"cluster.max_pending_appends", "-1: want at least 0", func(o *Options) { o.Cluster.MaxPendingAppends = -1 }},
		{"cluster.apply_batch", "0: want at least 1", func(o *Options) { o.Cluster.ApplyBatch = 0 }},
		{"cluster.apply_delay", "-1ns: want at least 0", func(o *Options) { o.Cluster.AsyncApply, o.Cluster.ApplyDelay = true, -1 }},
		{"cluster.apply_delay", "2s: want at most the election timeout (1s)", func(o *Options) { o.Cluster.ApplyDelay = 2 * time.Second }},
		{"cluster.snapshot_entries", "-1: want at least 0", func(o *Options) { o.Cluster.SnapshotEntries = -1 }},
		{"cluster.retain_entries", "-5: want at least 0", func(o *Options) { o.Cluster.RetainEntries = -5 }},
		{"cluster.chunk_bytes", "0: want at least 1", func(o *Options) { o.Cluster.ChunkBytes = 0 }},
		{"cluster.segment_bytes", "63: want at least 64", func(o *Options) { o.Cluster.SegmentBytes = 63 }},
		{"cluster.session_ttl", "-1ns: want 0 (never) or at least four election timeouts (4s)", func(o *Options) { o.Cluster.SessionTTL = -1 }},
		{"cluster.session_ttl", "3s: want 0 (never) or at least four election timeouts (4s)", func(o *Options) { o.Cluster.SessionTTL = 3 * time.Second }},
		{"cluster.lease_reads", "a lease rests on check_quorum, which is off", func(o *Options) { o.Cluster.LeaseReads, o.Cluster.CheckQuorum = true, false }},
		{"cluster.clock_drift", "0 parts per million: want 1 to 250000", func(o *Options) { o.Cluster.ClockDrift = 0 }},
		{"cluster.clock_drift", "250001 parts per million: want 1 to 250000", func(o *Options) { o.Cluster.ClockDrift = 250_001 }},
		{"workload.window", "0 operations: want 1 to 64", func(o *Options) { o.Workload.Window = 0 }},
		{"workload.window", "65 operations: want 1 to 64", func(o *Options) { o.Workload.Window = 65 }},
		{"workload.read_log", weights, func(o *Options) { o.Workload.ReadLog = 1_000_001 }},
		{"workload.read_log", weights, func(o *Options) { o.Workload.ReadLeader = 1_000_001 }},
		{"workload.read_log", weights, func(o *Options) { o.Workload.ReadLease = 1 << 63 }},
		{"workload.read_log", weights, func(o *Options) { o.Workload.ReadFollower = 1<<64 - 1 }},
		{"workload.read_log", weights, func(o *Options) { o.Workload.ReadStale = 1_000_001 }},
		{"network.hold", "-1 packets: want 0 to 65536", func(o *Options) { o.Network.Hold = -1 }},
		{"network.hold", "65537 packets: want 0 to 65536", func(o *Options) { o.Network.Hold = 65537 }},
		{"disk.sector_size", "8: want a power of two from 16 to 65536", func(o *Options) { o.Disk.SectorSize = 8 }},
		{"disk.sector_size", "100: want a power of two from 16 to 65536", func(o *Options) { o.Disk.SectorSize = 100 }},
		{"disk.sector_size", "131072: want a power of two from 16 to 65536", func(o *Options) { o.Disk.SectorSize = 1 << 17 }},
		{"disk.full_min", full, func(o *Options) { o.Disk.FullBytes = -1 }},
		{"disk.full_min", full, func(o *Options) { o.Disk.FullMin, o.Disk.FullMax = 2, 1 }},
		{"disk.full_min", full, func(o *Options) { o.Disk.Full, o.Disk.FullMin = sim.Ratio{Num: 1, Den: 2}, 0 }},
		{"faults", "pauses last from 2ns to 1ns, which is no range", func(o *Options) { o.Faults.PauseMin, o.Faults.PauseMax = 2, 1 }},
		{"faults", "disks stand still from 0s to -1ns, which is no range", func(o *Options) { o.Faults.StallMax = -1 }},
		{"faults", "clocks are set forward by 0s to 2h0m0s, which is no range up to 1h0m0s", func(o *Options) { o.Faults.StepMax = 2 * time.Hour }},
		{"faults", "clocks wrong by up to 900001 parts per million: want 0 to 900000", func(o *Options) { o.Faults.ClockDrift = 900_001 }},
		{"faults", "clocks faster by 9000001 parts per million: want 0 to 9000000, and above 0 where clock_rate is", func(o *Options) { o.Faults.RateMax = 9_000_001 }},
		{"faults", "faults that meet at -1ns: want a time of the run", func(o *Options) { o.Faults.MeetAt = -1 }},
		{"faults", "c1 may be damaged: want servers", func(o *Options) { o.Faults.Damageable = faults.SideOf(1025) }},
		{"faults", "1001 slots of one subject, more than 1000: later ordinals belong to aims", func(o *Options) { o.Faults.AimMembers.Count = 1001 }},
		{"faults", "timed faults want faults.window above 0, not 0s: they begin before it", func(o *Options) {
			o.Faults.Pause = faults.Slots{Count: 1, Chance: sim.Ratio{Num: 1, Den: 2}}
		}},
	} {
		o := Defaults()
		tc.change(&o)
		if err := o.Validate(); err == nil || err.Error() != tc.key+": "+tc.want {
			t.Errorf("%v\nwant %s: %s", err, tc.key, tc.want)
		}
	}
	for what, change := range map[string]func(*Options){
		"all servers": func(o *Options) { o.Cluster.Spares = 28 },
		"memberships": memberships("n1", "n1,n2,n3,n4 joint", "n4 learners n1,n2", "n2,n3 learners n1,n4 joint", "n3"),
		"the longest window and the least weights": func(o *Options) {
			o.Workload.Window, o.Workload.ReadLog, o.Workload.ReadStale = 64, 0, 1_000_000
		},
		"limits off": func(o *Options) {
			o.Cluster.MaxApplying, o.Cluster.MaxPendingAppends, o.Cluster.SnapshotEntries = 0, 0, 0
		},
		"limits of 1": func(o *Options) {
			o.Cluster.MaxApplying, o.Cluster.MaxPendingAppends, o.Cluster.SnapshotEntries = 1, 1, 1
		},
		"leases":       func(o *Options) { o.Cluster.LeaseReads, o.Cluster.ClockDrift = true, 250_000 },
		"session_ttl":  func(o *Options) { o.Cluster.SessionTTL = 4 * time.Second },
		"largest hold": func(o *Options) { o.Network.Hold = 65536 },
	} {
		o := Defaults()
		change(&o)
		if err := o.Validate(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A membership is read as it is written.
func TestMemberships(t *testing.T) {
	for _, tc := range []struct {
		text             string
		voters, learners faults.Side
		joint            bool
	}{
		{"n1", faults.SideOf(1), 0, false},
		{"n1,n4", faults.SideOf(1, 4), 0, false},
		{"n2 learners n1,n3", faults.SideOf(2), faults.SideOf(1, 3), false},
		{"n2 joint", faults.SideOf(2), 0, true},
		{"n3 learners n4 joint", faults.SideOf(3), faults.SideOf(4), true},
	} {
		m, err := parseMembership(tc.text, 4)
		if err != nil || m.Voters != tc.voters || m.Learners != tc.learners || m.Joint != tc.joint {
			t.Errorf("%s: %+v, %v", tc.text, m, err)
		}
	}
}

// Whatever Validate lets pass can be run: not a panic, and not an error either. A case that fails by its options is refused
// before it starts.
func TestOptionsThatValidateRun(t *testing.T) {
	cat := builtin(t)
	r := NewRunner(cat)
	ran := 0
	property := func(rt *rapid.T) {
		duration := func(name string) time.Duration {
			return time.Duration(rapid.SampledFrom([]int64{0, 1, 1e3, 1e6, 3e6, 10e6, 50e6, 150e6, 400e6, 1e9}).Draw(rt, name))
		}
		ratio := func(name string) sim.Ratio {
			return rapid.SampledFrom([]sim.Ratio{{}, {Num: 1, Den: 1000}, {Num: 1, Den: 10}, {Num: 1, Den: 1}}).Draw(rt, name)
		}
		size := func(name string) int { return rapid.SampledFrom([]int{-1, 0, 1, 2, 64, 500, 1 << 20}).Draw(rt, name) }
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

			"spares": func() { o.Cluster.Spares = rapid.IntRange(-1, 30).Draw(rt, "n") },
			"plan":   func() { o.Cluster.Memberships = []string{"n1", "n1,n2 joint"}[:rapid.IntRange(0, 2).Draw(rt, "n")] },
			"flow":   func() { o.Cluster.MaxInflightBytes, o.Cluster.MaxBytesPerMessage = size("inflight"), size("message") },
			"log":    func() { o.Cluster.MaxUncommittedBytes = size("uncommitted") },
			"apply":  func() { o.Cluster.MaxCommitted, o.Cluster.MaxApplying = size("page"), size("limit") },
			"async": func() {
				o.Cluster.AsyncApply, o.Cluster.ApplyDelay, o.Cluster.ApplyBatch = true, duration("d"), size("batch")
			},
			"appends":  func() { o.Cluster.MaxPendingAppends = size("n") },
			"snapshot": func() { o.Cluster.SnapshotEntries, o.Cluster.RetainEntries = size("n"), size("retain") },
			"files":    func() { o.Cluster.ChunkBytes, o.Cluster.SegmentBytes = size("chunk"), size("segment") },
			"sessions": func() { o.Cluster.SessionTTL = 4 * duration("d") },
			"leases": func() {
				o.Cluster.LeaseReads, o.Cluster.ClockDrift = true, rapid.SampledFrom([]int{0, 1, 500, 250_000}).Draw(rt, "ppm")
			},
			"window": func() { o.Workload.Window = rapid.SampledFrom([]int{0, 1, 5, 64, 65}).Draw(rt, "n") },
			"reads": func() {
				o.Workload.ReadLog, o.Workload.ReadLease, o.Workload.ReadStale = 0, rapid.Uint64Range(0, 2).Draw(rt, "lease"), 1
			},
			"hold":    func() { o.Network.Hold = size("n") },
			"sectors": func() { o.Disk.SectorSize = 1 << rapid.IntRange(3, 17).Draw(rt, "n") },
			"full":    func() { o.Disk.Full, o.Disk.FullMin, o.Disk.FullMax = ratio("r"), duration("l"), duration("h") },
			"tickets": func() { o.Run.DecodeDisks = false },
		}
		names := []string{"nodes", "leader", "heartbeat", "election", "quorum", "pre-vote", "jitter", "tiny", "clients", "keys", "pause", "interval",
			"attempt", "delay", "lost", "late", "doubled", "sync", "slow", "crash", "cuts", "liveness", "spares", "plan", "flow", "log", "apply", "async",
			"appends", "snapshot", "files", "sessions", "leases", "window", "reads", "hold", "sectors", "full", "tickets"}
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
	}
	fixed.Check(t, 50, property)
	if ran < 10 {
		t.Fatalf("%d cases ran", ran)
	}
	rapid.Check(t, property)
}
