package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"raftsim/faults"
	"raftsim/network"
	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/server"
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
	Routing  Routing      `toml:"routing"`
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
	Forward              bool          `toml:"forward"`   // followers forward requests; else they redirect
	Reforward            int           `toml:"reforward"` // requests that a follower keeps for the next leader; 0: none
	Jitter               bool          `toml:"jitter"`    // election timeouts are drawn; else spread by id and term
	MaxEntriesPerMessage int           `toml:"max_entries_per_message"`
	MaxInflight          int           `toml:"max_inflight"`
	MaxUncommitted       int           `toml:"max_uncommitted"` // entries beyond which a leader refuses more

	Spares              int           `toml:"spares"`      // servers that may be added to the first members
	Memberships         []string      `toml:"memberships"` // that an operator brings about one after the other: "n1,n2,n3", "n2 learners n3 joint"
	Transition          string        `toml:"transition"`  // how an operator has memberships changed: steps, auto, explicit
	Impatient           bool          `toml:"impatient"`   // an operator asks for the next change while one is under way
	MaxInflightBytes    int           `toml:"max_inflight_bytes"`
	MaxUncommittedBytes int           `toml:"max_uncommitted_bytes"`
	MaxBytesPerMessage  int           `toml:"max_bytes_per_message"`
	MaxCommitted        int           `toml:"max_committed"`       // entries handed out to be applied at once
	MaxApplying         int           `toml:"max_applying"`        // entries handed out and not applied; 0: no limit
	MaxPendingAppends   int           `toml:"max_pending_appends"` // writes under way; 0: no limit, 1: one after the other
	ParallelAppend      bool          `toml:"parallel_append"`     // a leader sends while it writes
	Pipeline            bool          `toml:"pipeline"`            // appends are sent before those before are answered
	AsyncApply          bool          `toml:"async_apply"`
	ApplyDelay          time.Duration `toml:"apply_delay"`      // with async_apply
	ApplyBatch          int           `toml:"apply_batch"`      // with async_apply
	SnapshotEntries     int           `toml:"snapshot_entries"` // applied since the last snapshot, until the next; 0: none is taken unasked
	RetainEntries       int           `toml:"retain_entries"`   // kept before a snapshot for followers a little behind
	ChunkBytes          int           `toml:"chunk_bytes"`      // of a snapshot in one message
	SegmentBytes        int           `toml:"segment_bytes"`    // of a file of the log
	SessionTTL          time.Duration `toml:"session_ttl"`      // 0: sessions never end
	LeaseReads          bool          `toml:"lease_reads"`
	ClockDrift          int           `toml:"clock_drift"` // parts per million that lease reads allow for
	StepCost            time.Duration `toml:"step_cost"`   // per event that a server handles
	ApplyCost           time.Duration `toml:"apply_cost"`  // per entry
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
	Window           int           `toml:"window"`   // operations of one client under way
	ReadLog          uint64        `toml:"read_log"` // weights of the ways in which gets are answered
	ReadLeader       uint64        `toml:"read_leader"`
	ReadLease        uint64        `toml:"read_lease"`
	ReadFollower     uint64        `toml:"read_follower"`
	ReadStale        uint64        `toml:"read_stale"`
	ReadSequential   uint64        `toml:"read_sequential"`
	Monotonic        bool          `toml:"monotonic"` // stale reads are never older than what the client has seen
	LockTTL          time.Duration `toml:"lock_ttl"`  // of log time that an owner of locks may be silent
	Spread           bool          `toml:"spread"`    // follower and stale reads go round the servers
	Ways             bool          `toml:"ways"`      // operations under way at a time go to different servers or fronts
	FinalReads       bool          `toml:"final_reads"`
	GiveUpDropped    bool          `toml:"give_up_dropped"`
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
	Bandwidth    int64         `toml:"bandwidth"` // bytes per second of a link; 0: no limit
	Queue        int           `toml:"queue"`     // packets that may wait for a link; 0: no limit
	QueuePolicy  string        `toml:"queue_policy"`
}

// Disk is the disks of the servers.
type Disk struct {
	SyncLatency time.Duration `toml:"sync_latency"`
	LyingSync   bool          `toml:"lying_sync"` // outside the contract
	Torn        sim.Ratio     `toml:"torn"`
	Slow        sim.Ratio     `toml:"slow"`
	SlowMin     time.Duration `toml:"slow_min"`
	SlowMax     time.Duration `toml:"slow_max"`
	SyncPerByte time.Duration `toml:"sync_per_byte"`
	SectorSize  int           `toml:"sector_size"`
	Fails       sim.Ratio     `toml:"fails"` // syncs that fail
	Full        sim.Ratio     `toml:"full"`  // syncs after which the disk gets full
	FullBytes   int64         `toml:"full_bytes"`
	FullMin     time.Duration `toml:"full_min"`
	FullMax     time.Duration `toml:"full_max"`
}

// RunLimits is how long a run takes and what bounds it.
type RunLimits struct {
	Window           time.Duration `toml:"window"`            // in which faults act
	LivenessTimeouts int           `toml:"liveness_timeouts"` // length of the quiet end, in election timeouts
	Absent           faults.Side   `toml:"absent"`            // servers that stay down for the first half of the quiet end, if they are a minority
	MaxSteps         uint64        `toml:"max_steps"`
	MaxInstantSteps  uint64        `toml:"max_instant_steps"`
	SearchSteps      uint64        `toml:"search_steps"` // model steps of a search for a legal order, per key
	Settle           bool          `toml:"settle"`       // the membership asked for last is to be reached in the quiet end
	DecodeDisks      bool          `toml:"decode_disks"` // what is durable is judged by the bytes on disk
}

// Defaults returns the options every scenario starts from: three servers in a calm world, with the timing that the etcd
// documentation recommends (heartbeat 100 ms, election timeout 1 s).
func Defaults() Options {
	return Options{
		Cluster: Cluster{
			Nodes: 3, ElectionTimeout: time.Second, HeartbeatInterval: 100 * time.Millisecond, KeepAlive: time.Second,
			PreVote: true, CheckQuorum: true, Forward: true, Jitter: true, MaxEntriesPerMessage: 64, MaxInflight: 256, MaxUncommitted: 1024,
			MaxInflightBytes: 16 << 20, MaxUncommittedBytes: 64 << 20, MaxBytesPerMessage: 1 << 20, MaxCommitted: 1024,
			ParallelAppend: true, Pipeline: true, ApplyDelay: time.Millisecond, ApplyBatch: 64,
			Memberships: []string{}, Transition: world.TransitionNames()[world.TransitionSteps],
			SnapshotEntries: 1000, RetainEntries: 100, ChunkBytes: 64 << 10, SegmentBytes: 64 << 10, ClockDrift: 500,
		},
		Workload: Workload{
			Application: "kv", Clients: 3, Keys: 2, Classes: []string{workload.ClassRegister, workload.ClassMixed},
			Pause: 20 * time.Millisecond, AttemptTimeout: time.Second, OperationTimeout: 4 * time.Second,
			Window: 1, ReadLog: 1, LockTTL: time.Second,
		},
		Routing: Routing{Strategy: world.StrategyNames()[world.StrategyDirect], Fronts: 1, Queue: 256},
		Network: Network{Delay: time.Millisecond, Spread: 2 * time.Millisecond, LateShape: network.Exponential, QueuePolicy: network.PolicyNames()[network.PolicyFIFO]},
		Disk:    Disk{SyncLatency: time.Millisecond, SectorSize: 512, FullBytes: 4096, FullMin: 100 * time.Millisecond, FullMax: time.Second},
		Run: RunLimits{
			Window: 3 * time.Second, LivenessTimeouts: 20, MaxSteps: 2_000_000, MaxInstantSteps: 100_000, SearchSteps: 30_000, DecodeDisks: true,
		},
	}
}

// OptionError is an option that cannot be run; Key is its name in files and --set.
type OptionError struct{ Key, Problem string }

func (e *OptionError) Error() string { return e.Key + ": " + e.Problem }

// weightMax bounds the weights of kinds of reads.
const weightMax = 1_000_000

// smallMessage is about what a message or a record without entries has, in bytes.
const smallMessage = 100

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
	case c.Spares < 0 || c.Nodes+c.Spares > 31:
		return bad("cluster.spares", "%d spares besides %d servers: want at least 0, and at most 31 servers in all", c.Spares, c.Nodes)
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
	case c.LeaseReads && !c.CheckQuorum:
		return bad("cluster.lease_reads", "a lease rests on check_quorum, which is off")
	case c.ClockDrift < 1 || c.ClockDrift > 250_000:
		return bad("cluster.clock_drift", "%d parts per million: want 1 to 250000", c.ClockDrift)
	case c.AsyncApply && c.ApplyDelay < 0:
		return bad("cluster.apply_delay", "%v: want at least 0", c.ApplyDelay)
	case c.ApplyDelay > c.ElectionTimeout:
		return bad("cluster.apply_delay", "%v: want at most the election timeout (%v)", c.ApplyDelay, c.ElectionTimeout)
	case c.SegmentBytes < 64:
		return bad("cluster.segment_bytes", "%d: want at least 64", c.SegmentBytes)
	case c.SessionTTL < 0 || c.SessionTTL > 0 && c.SessionTTL < 4*c.ElectionTimeout:
		return bad("cluster.session_ttl", "%v: want 0 (never) or at least four election timeouts (%v)", c.SessionTTL, 4*c.ElectionTimeout)
	case w.Window < 1 || w.Window > client.MaxWindow:
		return bad("workload.window", "%d operations: want 1 to %d", w.Window, client.MaxWindow)
	case w.LockTTL <= 0 || w.LockTTL > time.Hour:
		return bad("workload.lock_ttl", "%v: want above 0 and at most 1h", w.LockTTL)
	case w.Application == workload.Lock{}.Name() && w.Window != 1:
		return bad("workload.window", "%d: a client of the lock service does one thing after the other, want 1", w.Window)
	case w.ReadLog > weightMax || w.ReadLeader > weightMax || w.ReadLease > weightMax || w.ReadFollower > weightMax || w.ReadStale > weightMax || w.ReadSequential > weightMax:
		return bad("workload.read_log", "the weights of reads: want 0 to %d each", weightMax)
	case slices.Index(world.TransitionNames(), c.Transition) < 0:
		return bad("cluster.transition", "unknown transition %q: one of %s", c.Transition, strings.Join(world.TransitionNames(), ", "))
	case len(c.Memberships) > 100:
		return bad("cluster.memberships", "%d memberships: want at most 100", len(c.Memberships))
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
	case n.Bandwidth < 0 || n.Bandwidth > 1<<40:
		return bad("network.bandwidth", "%d bytes per second: want 0 (no limit) to 2^40", n.Bandwidth)
	case n.Bandwidth > 0 && c.HeartbeatInterval <= roundTrip+2*smallMessage*time.Second/time.Duration(n.Bandwidth):
		return bad("network.bandwidth", "%d bytes per second: a heartbeat of %d bytes and its answer must fit the heartbeat interval (%v)", n.Bandwidth, smallMessage, c.HeartbeatInterval)
	case n.Queue < 0 || n.Queue > 1<<16:
		return bad("network.queue", "%d packets: want 0 (no limit) to 65536", n.Queue)
	case slices.Index(network.PolicyNames(), n.QueuePolicy) < 0:
		return bad("network.queue_policy", "unknown policy %q: one of %s", n.QueuePolicy, strings.Join(network.PolicyNames(), ", "))
	case c.StepCost < 0 || c.StepCost*time.Duration(2*(c.Nodes+c.Spares)) > c.HeartbeatInterval:
		return bad("cluster.step_cost", "%v: want at least 0, and twice as many as there are servers within the heartbeat interval (%v)", c.StepCost, c.HeartbeatInterval)
	case c.ApplyCost < 0 || c.ApplyCost > c.HeartbeatInterval:
		return bad("cluster.apply_cost", "%v: want 0 to the heartbeat interval (%v)", c.ApplyCost, c.HeartbeatInterval)
	case o.Disk.SyncPerByte < 0 || 4*smallMessage*o.Disk.SyncPerByte > c.ElectionTimeout:
		return bad("disk.sync_per_byte", "%v: want at least 0, and an election writes %d bytes, within half of the election timeout (%v)", o.Disk.SyncPerByte, 2*smallMessage, c.ElectionTimeout)
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
	case o.Disk.SectorSize < 16 || o.Disk.SectorSize > 65536 || o.Disk.SectorSize&(o.Disk.SectorSize-1) != 0:
		return bad("disk.sector_size", "%d: want a power of two from 16 to 65536", o.Disk.SectorSize)
	case o.Disk.FullBytes < 0 || o.Disk.FullMin < 0 || o.Disk.FullMax < o.Disk.FullMin || o.Disk.Full.Num > 0 && o.Disk.FullMin == 0:
		return bad("disk.full_min", "want full_bytes of at least 0, and 0 < full_min <= full_max where full is")
	case o.Run.Window <= 0 || o.Run.Window > 10*time.Hour:
		return bad("run.window", "%v: want above 0 and at most 10h", o.Run.Window)
	case o.Run.LivenessTimeouts < 2 || o.Run.LivenessTimeouts > 10_000:
		return bad("run.liveness_timeouts", "%d: want 2 to 10000", o.Run.LivenessTimeouts)
	case o.Run.Absent>>32 != 0 || o.Run.Absent&faults.ClientsBoth != 0:
		return bad("run.absent", "%v: want servers", o.Run.Absent)
	// Upper bounds, because a negative number in a file arrives as a very large one.
	case o.Run.MaxSteps == 0 || o.Run.MaxSteps > stepsMax || o.Run.MaxInstantSteps == 0 || o.Run.MaxInstantSteps > stepsMax:
		return bad("run.max_steps", "this and max_instant_steps: want 1 to 2^62")
	case o.Run.SearchSteps > stepsMax:
		return bad("run.search_steps", "want 0 to 2^62")
	}
	for _, limit := range [...]struct {
		key          string
		value, least int
	}{
		{"max_inflight_bytes", c.MaxInflightBytes, 1}, {"max_uncommitted_bytes", c.MaxUncommittedBytes, 1},
		{"max_bytes_per_message", c.MaxBytesPerMessage, 1}, {"max_committed", c.MaxCommitted, 1}, {"max_applying", c.MaxApplying, 0},
		{"max_pending_appends", c.MaxPendingAppends, 0}, {"apply_batch", c.ApplyBatch, 1}, {"snapshot_entries", c.SnapshotEntries, 0},
		{"retain_entries", c.RetainEntries, 0}, {"chunk_bytes", c.ChunkBytes, 1},
	} {
		if limit.value < limit.least {
			return bad("cluster."+limit.key, "%d: want at least %d", limit.value, limit.least)
		}
	}
	for _, text := range c.Memberships {
		if _, err := parseMembership(text, c.Nodes+c.Spares); err != nil {
			return bad("cluster.memberships", "%v", err)
		}
	}
	for _, class := range w.Classes {
		if w.Application == "kv" && !workload.KnownClass(class) {
			return bad("workload.classes", "unknown class %q: one of register, cas, append, mixed", class)
		}
	}
	if err := o.validateRouting(); err != nil {
		return err
	}
	if err := o.Faults.Validate(); err != nil {
		return bad("faults", "%s", strings.TrimPrefix(err.Error(), "faults: "))
	}
	var first faults.Side
	for i := range c.Nodes {
		first |= faults.SideOf(sim.ProcID(i + 1))
	}
	if d := o.Faults.Damageable; d&^first != 0 || 2*d.Len() >= c.Nodes && d != 0 {
		return bad("faults.damageable", "%v: want less than half of n1..n%d", d, c.Nodes)
	}
	return nil
}

// config translates a case into what the world runs.
func (c *Case) config(app workload.Application) world.Config {
	o := &c.Options
	var plan []world.Membership
	for _, text := range o.Cluster.Memberships {
		m, err := parseMembership(text, o.Cluster.Nodes+o.Cluster.Spares)
		if err != nil {
			panic("scenarios: a membership that was validated does not parse: " + err.Error())
		}
		plan = append(plan, m)
	}
	liveness := time.Duration(o.Run.LivenessTimeouts) * o.Cluster.ElectionTimeout
	return world.Config{
		Servers: o.Cluster.Nodes, InitialLeader: uint64(o.Cluster.InitialLeader), Forward: o.Cluster.Forward, Jitter: o.Cluster.Jitter,
		Raft: raft.Config{
			ElectionTimeout: o.Cluster.ElectionTimeout, HeartbeatInterval: o.Cluster.HeartbeatInterval,
			DisablePreVote: !o.Cluster.PreVote, DisableCheckQuorum: !o.Cluster.CheckQuorum,
			MaxEntriesPerMessage: o.Cluster.MaxEntriesPerMessage, MaxInflight: o.Cluster.MaxInflight, MaxUncommitted: o.Cluster.MaxUncommitted,
			MaxInflightBytes: o.Cluster.MaxInflightBytes, MaxUncommittedBytes: o.Cluster.MaxUncommittedBytes,
			MaxBytesPerMessage: o.Cluster.MaxBytesPerMessage, MaxCommittedPerReady: o.Cluster.MaxCommitted, MaxApplying: o.Cluster.MaxApplying,
			MaxPendingAppends: o.Cluster.MaxPendingAppends, DisableParallelAppend: !o.Cluster.ParallelAppend, DisablePipeline: !o.Cluster.Pipeline,
			MaxChunkBytes: o.Cluster.ChunkBytes, RetainEntries: o.Cluster.RetainEntries,
			LeaseReads: o.Cluster.LeaseReads, MaxClockDriftPPM: o.Cluster.ClockDrift,
		},
		Transition: world.Transition(slices.Index(world.TransitionNames(), o.Cluster.Transition)), Impatient: o.Cluster.Impatient,
		Spares: o.Cluster.Spares, Memberships: plan, ApplyDelay: o.Cluster.ApplyDelay, StepCost: o.Cluster.StepCost, ApplyCost: o.Cluster.ApplyCost, Settle: o.Run.Settle, DecodeDisks: o.Run.DecodeDisks,
		Server: server.Config{
			SegmentBytes: int64(o.Cluster.SegmentBytes), SnapshotEntries: uint64(o.Cluster.SnapshotEntries), SessionTTL: o.Cluster.SessionTTL,
			AsyncApply: o.Cluster.AsyncApply, ApplyBatch: o.Cluster.ApplyBatch, Reforward: o.Cluster.Reforward,
		},
		Routing:     o.routing(),
		Application: app,
		Plan:        c.plan(),
		Client: client.Config{
			AttemptTimeout: o.Workload.AttemptTimeout, OperationTimeout: o.Workload.OperationTimeout, Sticky: o.Workload.Sticky,
			Window: o.Workload.Window, Monotonic: o.Workload.Monotonic, Spread: o.Workload.Spread, Ways: o.Workload.Ways,
			GiveUpDropped: o.Workload.GiveUpDropped,
		},
		Pace: workload.Pace{Interval: o.Workload.Interval, Pause: o.Workload.Pause, Walk: o.Cluster.ElectionTimeout / 2},
		Network: network.Config{
			Delay: o.Network.Delay, Spread: o.Network.Spread, FIFO: o.Network.FIFO, Hold: o.Network.Hold,
			Bandwidth: o.Network.Bandwidth, Queue: o.Network.Queue, Policy: network.Policy(slices.Index(network.PolicyNames(), o.Network.QueuePolicy)),
		},
		Noise: network.Noise{
			Lost: o.Network.Lost, Doubled: o.Network.Doubled, Late: o.Network.Late,
			Delay:        network.Delays{Shape: o.Network.LateShape, Mean: o.Network.LateMean},
			DoubledDelay: network.Delays{Shape: network.Exponential, Mean: o.Network.DoubledDelay},
		},
		Disk:   disk.Options{SyncLatency: o.Disk.SyncLatency, SyncPerByte: o.Disk.SyncPerByte, LyingSync: o.Disk.LyingSync, SectorSize: o.Disk.SectorSize},
		Torn:   o.Disk.Torn,
		Slow:   world.SlowSync{Chance: o.Disk.Slow, Min: o.Disk.SlowMin, Max: o.Disk.SlowMax},
		Fails:  o.Disk.Fails,
		Full:   world.DiskFull{Chance: o.Disk.Full, Bytes: o.Disk.FullBytes, Min: o.Disk.FullMin, Max: o.Disk.FullMax},
		Faults: o.Faults,
		Window: o.Run.Window, Liveness: liveness, Absent: o.Run.Absent,
		Noisy: c.Base.Noisy, Seed: c.Base.Seed, Masks: c.Masks, Overrides: c.Overrides,
		Bounds: sim.Bounds{Steps: o.Run.MaxSteps, InstantSteps: o.Run.MaxInstantSteps},
		Budget: o.Run.SearchSteps,
	}
}

// plan is the part of the options that shapes operations.
func (c *Case) plan() workload.Plan {
	w := &c.Options.Workload
	return workload.Plan{
		Clients: w.Clients, Keys: w.Keys, Classes: w.Classes, Hot: w.Hot, Monotonic: w.Monotonic, FinalReads: w.FinalReads, LockTTL: w.LockTTL,
		Reads: workload.Reads{Log: w.ReadLog, Leader: w.ReadLeader, Lease: w.ReadLease, Follower: w.ReadFollower, Stale: w.ReadStale, Sequential: w.ReadSequential},
	}
}

// Option is one option: its key, its default as TOML, and what it means.
type Option struct{ Key, Default, Doc string }

// ListOptions returns all options in the order of the file.
func ListOptions() (all []Option) {
	for _, l := range optionLines(Defaults()) {
		all = append(all, Option{Key: l.key, Default: l.value, Doc: optionDoc(l.key)})
	}
	return all
}

// optionLine is one option as it stands in a file.
type optionLine struct{ key, value string }

func (l optionLine) duration() bool {
	_, err := time.ParseDuration(strings.Trim(l.value, `"`))
	return err == nil && strings.HasSuffix(l.value, `s"`)
}

// optionLines lists all options in the order of the file.
func optionLines(o Options) (lines []optionLine) {
	text, err := marshalOptions(o)
	if err != nil {
		panic(fmt.Sprintf("scenarios: options do not marshal: %v", err))
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
	for _, l := range optionLines(Defaults()) {
		keys = append(keys, l.key)
	}
	return keys
}
