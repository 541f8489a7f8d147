package scenarios

import (
	"fmt"
	"strings"
	"time"

	"raftsim/faults"
	"raftsim/network"
	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/scenarios/workload"
	"raftsim/scenarios/world"
	"raftsim/sim"
	"raftsim/sim/disk"
)

// Options are the knobs of a case, all of them resolved: nothing else but base, masks and overrides shapes a run. Their TOML
// names are those of the case file and of --set ("cluster.nodes=5").
type Options struct {
	Cluster  Cluster      `toml:"cluster"`
	Workload Workload     `toml:"workload"`
	Network  Network      `toml:"network"`
	Disk     Disk         `toml:"disk"`
	Faults   faults.Knobs `toml:"faults"`
	Run      RunLimits    `toml:"run"`
}

// Cluster is the servers.
type Cluster struct {
	Nodes                int           `toml:"nodes"`
	ElectionTimeout      time.Duration `toml:"election_timeout"`
	HeartbeatInterval    time.Duration `toml:"heartbeat_interval"`
	KeepAlive            time.Duration `toml:"keep_alive"`     // after which a silent leader is taken for gone: B1's upper bound for heartbeats
	InitialLeader        int           `toml:"initial_leader"` // 0: none
	PreVote              bool          `toml:"pre_vote"`
	CheckQuorum          bool          `toml:"check_quorum"`
	Forward              bool          `toml:"forward"` // followers forward requests; else they redirect
	Jitter               bool          `toml:"jitter"`  // election timeouts are drawn; else spread by id and term
	MaxEntriesPerMessage int           `toml:"max_entries_per_message"`
	MaxInflight          int           `toml:"max_inflight"`
	MaxUncommitted       int           `toml:"max_uncommitted"` // entries beyond which a leader refuses more
}

// Workload is the clients.
type Workload struct {
	Application      string        `toml:"application"`
	Clients          int           `toml:"clients"`
	Keys             int           `toml:"keys"`
	Classes          []string      `toml:"classes"` // by key: register, cas, append, mixed; the last one repeats
	Hot              sim.Ratio     `toml:"hot"`     // of operations that go to key 0
	Interval         time.Duration `toml:"interval"`
	Pause            time.Duration `toml:"pause"`
	AttemptTimeout   time.Duration `toml:"attempt_timeout"`
	OperationTimeout time.Duration `toml:"operation_timeout"`
	Sticky           bool          `toml:"sticky"`
}

// Network is the links, and the noise on messages.
type Network struct {
	Delay        time.Duration `toml:"delay"`
	Spread       time.Duration `toml:"spread"`
	FIFO         bool          `toml:"fifo"`
	Hold         int           `toml:"hold"` // packets that a cut link keeps back until it is open again
	Lost         sim.Ratio     `toml:"lost"`
	Doubled      sim.Ratio     `toml:"doubled"`
	DoubledDelay time.Duration `toml:"doubled_delay"`
	Late         sim.Ratio     `toml:"late"`
	LateShape    network.Shape `toml:"late_shape"`
	LateMean     time.Duration `toml:"late_mean"`
}

// Disk is the disks of the servers.
type Disk struct {
	SyncLatency time.Duration `toml:"sync_latency"`
	LyingSync   bool          `toml:"lying_sync"` // outside the contract
	Torn        sim.Ratio     `toml:"torn"`
	Slow        sim.Ratio     `toml:"slow"`
	SlowMin     time.Duration `toml:"slow_min"`
	SlowMax     time.Duration `toml:"slow_max"`
}

// RunLimits is how long a run takes and what bounds it.
type RunLimits struct {
	Window           time.Duration `toml:"window"`            // in which faults act
	LivenessTimeouts int           `toml:"liveness_timeouts"` // length of the quiet end, in election timeouts
	MaxSteps         uint64        `toml:"max_steps"`
	MaxInstantSteps  uint64        `toml:"max_instant_steps"`
	SearchSteps      uint64        `toml:"search_steps"` // model steps of a search for a legal order, per key
}

// Defaults returns the options every scenario starts from: three servers in a calm world, with the timing that the etcd
// documentation recommends (heartbeat 100 ms, election timeout 1 s).
func Defaults() Options {
	return Options{
		Cluster: Cluster{
			Nodes: 3, ElectionTimeout: time.Second, HeartbeatInterval: 100 * time.Millisecond, KeepAlive: time.Second,
			PreVote: true, CheckQuorum: true, Forward: true, Jitter: true, MaxEntriesPerMessage: 64, MaxInflight: 256, MaxUncommitted: 1024,
		},
		Workload: Workload{
			Application: "kv", Clients: 3, Keys: 2, Classes: []string{workload.ClassRegister, workload.ClassMixed},
			Pause: 20 * time.Millisecond, AttemptTimeout: time.Second, OperationTimeout: 4 * time.Second,
		},
		Network: Network{Delay: time.Millisecond, Spread: 2 * time.Millisecond, LateShape: network.Exponential},
		Disk:    Disk{SyncLatency: time.Millisecond},
		Run: RunLimits{
			Window: 3 * time.Second, LivenessTimeouts: 20, MaxSteps: 2_000_000, MaxInstantSteps: 100_000, SearchSteps: 30_000,
		},
	}
}

// OptionError is an option that cannot be run; Key is its name in files and --set.
type OptionError struct{ Key, Problem string }

func (e *OptionError) Error() string { return e.Key + ": " + e.Problem }

// stepsMax bounds the bounds on steps.
const stepsMax = 1 << 62

// Validate reports in one sentence what is wrong with o, or nil.
func (o *Options) Validate() error {
	c, w, n := &o.Cluster, &o.Workload, &o.Network
	bad := func(key, format string, args ...any) error { return &OptionError{key, fmt.Sprintf(format, args...)} }
	roundTrip := 2 * (n.Delay + n.Spread)
	switch {
	case c.Nodes < 1 || c.Nodes > 31:
		return bad("cluster.nodes", "%d servers: want 1 to 31", c.Nodes)
	case c.InitialLeader < 0 || c.InitialLeader > c.Nodes:
		return bad("cluster.initial_leader", "n%d does not exist: there are servers n1..n%d (0 for none)", c.InitialLeader, c.Nodes)
	case c.HeartbeatInterval <= 0 || c.HeartbeatInterval >= c.ElectionTimeout:
		return bad("cluster.heartbeat_interval", "heartbeats every %v would be slower than elections (election_timeout %v): want above 0 and below it", c.HeartbeatInterval, c.ElectionTimeout)
	case c.HeartbeatInterval >= c.KeepAlive:
		return bad("cluster.heartbeat_interval", "the heartbeat interval (%v) must lie below the keep-alive (%v) and above the calm round trip", c.HeartbeatInterval, c.KeepAlive)
	case n.Hold < 0 || n.Hold > 1<<16:
		return bad("network.hold", "%d packets: want 0 to 65536", n.Hold)
	case n.Delay <= 0 || n.Spread < 0:
		return bad("network.delay", "want a delay above 0 and a spread of at least 0, not %v and %v", n.Delay, n.Spread)
	case c.HeartbeatInterval <= roundTrip:
		return bad("cluster.heartbeat_interval", "the heartbeat interval (%v) must lie below the keep-alive (%v) and above the calm round trip (%v)", c.HeartbeatInterval, c.KeepAlive, roundTrip)
	case c.ElectionTimeout > time.Hour:
		return bad("cluster.election_timeout", "%v: want at most 1h", c.ElectionTimeout)
	case c.MaxEntriesPerMessage < 1:
		return bad("cluster.max_entries_per_message", "%d: want at least 1", c.MaxEntriesPerMessage)
	case c.MaxInflight < 1:
		return bad("cluster.max_inflight", "%d: want at least 1", c.MaxInflight)
	case c.MaxUncommitted < 1:
		return bad("cluster.max_uncommitted", "%d: want at least 1", c.MaxUncommitted)
	case w.Clients < 1 || w.Clients > 30:
		return bad("workload.clients", "%d clients: want 1 to 30", w.Clients)
	case w.Keys < 1 || w.Keys > 1000:
		return bad("workload.keys", "%d keys: want 1 to 1000", w.Keys)
	case len(w.Classes) == 0:
		return bad("workload.classes", "want at least one of register, cas, append, mixed")
	case w.Interval < 0 || w.Pause < 0:
		return bad("workload.pause", "interval and pause must not be negative")
	case w.AttemptTimeout <= 0 || w.OperationTimeout < w.AttemptTimeout:
		return bad("workload.attempt_timeout", "want above 0 and at most operation_timeout (%v), not %v", w.OperationTimeout, w.AttemptTimeout)
	case w.OperationTimeout > time.Duration(o.Run.LivenessTimeouts)*c.ElectionTimeout/4:
		return bad("workload.operation_timeout", "%v: want at most a quarter of the liveness phase, which is %v", w.OperationTimeout, time.Duration(o.Run.LivenessTimeouts)*c.ElectionTimeout)
	case n.DoubledDelay < 0 || n.LateMean < 0:
		return bad("network.late_mean", "delays must not be negative")
	case n.Late.Num > 0 && n.LateMean == 0:
		return bad("network.late_mean", "want above 0 where late is")
	case n.Doubled.Num > 0 && n.DoubledDelay == 0:
		return bad("network.doubled_delay", "want above 0 where doubled is")
	case o.Disk.SyncLatency > 0 && 2*(2*o.Disk.SyncLatency+roundTrip) > c.ElectionTimeout:
		return bad("disk.sync_latency", "an election takes two syncs and a round trip, %v: want at most half of the election timeout (%v)", 2*o.Disk.SyncLatency+roundTrip, c.ElectionTimeout)
	case o.Disk.SyncLatency < 0:
		return bad("disk.sync_latency", "%v: want at least 0", o.Disk.SyncLatency)
	case o.Disk.SlowMin < 0 || o.Disk.SlowMax < o.Disk.SlowMin || o.Disk.Slow.Num > 0 && o.Disk.SlowMin == 0:
		return bad("disk.slow_min", "want 0 < slow_min <= slow_max where slow is")
	case o.Run.Window <= 0 || o.Run.Window > 10*time.Hour:
		return bad("run.window", "%v: want above 0 and at most 10h", o.Run.Window)
	case o.Run.LivenessTimeouts < 2 || o.Run.LivenessTimeouts > 10_000:
		return bad("run.liveness_timeouts", "%d: want 2 to 10000", o.Run.LivenessTimeouts)
	// Upper bounds, because a negative number in a file arrives as a very large one.
	case o.Run.MaxSteps == 0 || o.Run.MaxSteps > stepsMax || o.Run.MaxInstantSteps == 0 || o.Run.MaxInstantSteps > stepsMax:
		return bad("run.max_steps", "this and max_instant_steps: want 1 to 2^62")
	case o.Run.SearchSteps > stepsMax:
		return bad("run.search_steps", "want 0 to 2^62")
	}
	for _, class := range w.Classes {
		if w.Application == "kv" && !workload.KnownClass(class) {
			return bad("workload.classes", "unknown class %q: one of register, cas, append, mixed", class)
		}
	}
	if err := o.Faults.Validate(); err != nil {
		return bad("faults", "%s", strings.TrimPrefix(err.Error(), "faults: "))
	}
	return nil
}

// config translates a case into what the world runs.
func (c *Case) config(app workload.Application) world.Config {
	o := &c.Options
	liveness := time.Duration(o.Run.LivenessTimeouts) * o.Cluster.ElectionTimeout
	return world.Config{
		Servers: o.Cluster.Nodes, InitialLeader: uint64(o.Cluster.InitialLeader), Forward: o.Cluster.Forward, Jitter: o.Cluster.Jitter,
		Raft: raft.Config{
			ElectionTimeout: o.Cluster.ElectionTimeout, HeartbeatInterval: o.Cluster.HeartbeatInterval,
			DisablePreVote: !o.Cluster.PreVote, DisableCheckQuorum: !o.Cluster.CheckQuorum,
			MaxEntriesPerMessage: o.Cluster.MaxEntriesPerMessage, MaxInflight: o.Cluster.MaxInflight, MaxUncommitted: o.Cluster.MaxUncommitted,
		},
		Application: app,
		Plan:        c.plan(),
		Client: client.Config{
			AttemptTimeout: o.Workload.AttemptTimeout, OperationTimeout: o.Workload.OperationTimeout, Sticky: o.Workload.Sticky,
		},
		Pace:    workload.Pace{Interval: o.Workload.Interval, Pause: o.Workload.Pause},
		Network: network.Config{Delay: o.Network.Delay, Spread: o.Network.Spread, FIFO: o.Network.FIFO, Hold: o.Network.Hold},
		Noise: network.Noise{
			Lost: o.Network.Lost, Doubled: o.Network.Doubled, Late: o.Network.Late,
			Delay:        network.Delays{Shape: o.Network.LateShape, Mean: o.Network.LateMean},
			DoubledDelay: network.Delays{Shape: network.Exponential, Mean: o.Network.DoubledDelay},
		},
		Disk:   disk.Options{SyncLatency: o.Disk.SyncLatency, LyingSync: o.Disk.LyingSync},
		Torn:   o.Disk.Torn,
		Slow:   world.SlowSync{Chance: o.Disk.Slow, Min: o.Disk.SlowMin, Max: o.Disk.SlowMax},
		Faults: o.Faults,
		Window: o.Run.Window, Liveness: liveness,
		Noisy: c.Base.Noisy, Seed: c.Base.Seed, Masks: c.Masks, Overrides: c.Overrides,
		Bounds: sim.Bounds{Steps: o.Run.MaxSteps, InstantSteps: o.Run.MaxInstantSteps},
		Budget: o.Run.SearchSteps,
	}
}

// plan is the part of the options that shapes operations.
func (c *Case) plan() workload.Plan {
	w := &c.Options.Workload
	return workload.Plan{Clients: w.Clients, Keys: w.Keys, Classes: w.Classes, Hot: w.Hot}
}

// optionLine is one option as the defaults have it in a file.
type optionLine struct{ key, value string }

func (l optionLine) duration() bool {
	_, err := time.ParseDuration(strings.Trim(l.value, `"`))
	return err == nil && strings.HasSuffix(l.value, `s"`)
}

// optionLines lists all options in the order of the file.
func optionLines() (lines []optionLine) {
	text, err := marshalOptions(Defaults())
	if err != nil {
		panic(fmt.Sprintf("scenarios: the default options do not marshal: %v", err))
	}
	section := ""
	for _, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "["); ok {
			section = strings.TrimSuffix(name, "]")
		} else if key, value, ok := strings.Cut(line, " = "); ok {
			lines = append(lines, optionLine{section + "." + key, value})
		}
	}
	return lines
}

// optionKeys lists the keys of all options.
func optionKeys() (keys []string) {
	for _, l := range optionLines() {
		keys = append(keys, l.key)
	}
	return keys
}
