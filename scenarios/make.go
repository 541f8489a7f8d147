package scenarios

import (
	"time"

	"raftsim/faults"
	"raftsim/raft"
	"raftsim/scenarios/workload"
	"raftsim/scenarios/world"
	"raftsim/sim"
)

// knobs draws the options of a case: each knob with the words of its own name.
type knobs struct{ seed uint64 }

func (k knobs) words(name string) sim.Words { return sim.KnobWords(k.seed, name) }

func (k knobs) chance(name string, num, den uint64) bool {
	w := k.words(name)
	return w.Chance(sim.Ratio{Num: num, Den: den})
}

func (k knobs) between(name string, low, high int64) int64 {
	w := k.words(name)
	return w.Between(low, high)
}

func (k knobs) duration(name string, low, high time.Duration) time.Duration {
	return time.Duration(k.between(name, int64(low/time.Microsecond), int64(high/time.Microsecond))) * time.Microsecond
}

// pick returns one of values with the given weights.
func pick[T any](k knobs, name string, values []T, weights ...uint64) T {
	var sum uint64
	for _, w := range weights {
		sum += w
	}
	w := k.words(name)
	at := w.Below(sum)
	for i, weight := range weights {
		if at < weight {
			return values[i]
		}
		at -= weight
	}
	panic("scenarios: the weights of a knob do not cover its values")
}

// base draws what every scenario varies: the cluster, its timing, the clients.
func (k knobs) base() Options {
	o := Defaults()
	c, w, n := &o.Cluster, &o.Workload, &o.Network
	c.Nodes = pick(k, "cluster.nodes", []int{3, 5, 4, 1, 2, 6, 7}, 200, 100, 60, 10, 10, 10, 10)
	profile := pick(k, "cluster.profile", raft.Profiles(), 3, 1, 1).Config
	c.ElectionTimeout, c.HeartbeatInterval = profile.ElectionTimeout, profile.HeartbeatInterval
	t := c.ElectionTimeout
	c.KeepAlive = t
	c.Forward = k.chance("cluster.forward", 1, 2)
	if k.chance("cluster.tiny", 1, 2) {
		c.MaxEntriesPerMessage = int(k.between("cluster.max_entries_per_message", 1, 3))
		c.MaxInflight = int(k.between("cluster.max_inflight", 1, 3))
		// So few at a time is less than the clients ask for. The queue must be short, or what waits in it when the faults
		// end takes longer than the liveness phase.
		c.MaxUncommitted = int(k.between("cluster.max_uncommitted", 3, 20))
	}
	k.features(&o)
	if profile.DisablePipeline {
		c.Pipeline, c.MaxEntriesPerMessage, c.MaxBytesPerMessage, c.MaxInflightBytes = false, profile.MaxEntriesPerMessage, 1<<20, 16<<20
	}
	long := k.chance("run.long", 1, 2)
	w.Clients = int(k.between("workload.clients", 3, 8))
	if long {
		w.Clients = int(k.between("workload.clients", 9, 10))
	}
	w.Keys = int(k.between("workload.keys", 1, 5))
	if k.chance("workload.hot", 1, 2) {
		w.Hot = sim.Ratio{Num: 1, Den: 2}
	}
	w.Classes = nil
	for i := range w.Keys {
		classes := []string{workload.ClassRegister, workload.ClassCAS, workload.ClassAppend, workload.ClassMixed}
		w.Classes = append(w.Classes, pick(k, "workload.class."+string(rune('0'+i)), classes, 3, 2, 2, 3))
	}
	w.Sticky = k.chance("workload.sticky", 1, 2)
	// Above the calm time of a commit through a forwarding server, and short enough that clients go on asking while nobody
	// can answer.
	w.AttemptTimeout = max(t*3/10, 150*time.Millisecond)
	w.OperationTimeout = 500 * time.Millisecond
	n.Delay = k.duration("network.delay", t/300, t/50)
	n.Spread = k.duration("network.spread", t/300, t/50)
	o.Disk.SyncLatency = k.duration("disk.sync_latency", 100*time.Microsecond, t/50)
	// Half of the runs are short; the others long enough for five hundred operations and more, whatever goes wrong.
	if long {
		o.Run.Window = 30 * time.Second
		// An interval, not a pause: whoever was kept waiting goes on at once.
		w.Interval = k.duration("workload.interval", 120*time.Millisecond, 240*time.Millisecond)
		w.Pause = k.duration("workload.pause", 2*time.Millisecond, 20*time.Millisecond)
	} else {
		o.Run.Window = k.duration("run.window", 2500*time.Millisecond, 3500*time.Millisecond)
		w.Pause = k.duration("workload.pause", 5*time.Millisecond, 60*time.Millisecond)
	}
	return o
}

// features switches on and off what a Raft may or may not have, and makes its limits tiny in half of the runs.
func (k knobs) features(o *Options) {
	c, w := &o.Cluster, &o.Workload
	t := c.ElectionTimeout
	small := func(name string) int { return int(k.between(name, 1, 3)) }
	c.ParallelAppend = k.chance("cluster.parallel_append", 2, 3)
	c.Pipeline = k.chance("cluster.pipeline", 2, 3)
	if k.chance("cluster.pending_appends", 1, 3) {
		c.MaxPendingAppends = small("cluster.max_pending_appends")
	}
	if c.AsyncApply = k.chance("cluster.async_apply", 1, 2); c.AsyncApply {
		c.ApplyDelay = k.duration("cluster.apply_delay", 0, t/20)
		if k.chance("cluster.apply_tiny", 1, 2) {
			c.ApplyDelay /= 5
			c.ApplyBatch = int(k.between("cluster.apply_batch", 3, 8))
			c.MaxApplying = int(k.between("cluster.max_applying", 4, 16))
		}
	}
	if k.chance("cluster.page", 1, 3) {
		c.MaxCommitted = small("cluster.max_committed")
	}
	// What is asked of a leader must be within what it can send, or a queue builds up that takes longer than the liveness phase:
	// without a pipeline messages are large, and where few bytes are under way few entries wait.
	switch {
	case !c.Pipeline:
		c.MaxEntriesPerMessage = max(c.MaxEntriesPerMessage, 16)
	case k.chance("cluster.bytes", 1, 3):
		c.MaxBytesPerMessage = int(k.between("cluster.max_bytes_per_message", 1, 200))
		c.MaxInflightBytes = int(k.between("cluster.max_inflight_bytes", 100, 600))
		c.MaxUncommitted = min(c.MaxUncommitted, int(k.between("cluster.max_uncommitted", 3, 20)))
	}
	c.SnapshotEntries = pick(k, "cluster.snapshot", []int{0, 2, 50, 500}, 1, 1, 2, 2)
	if c.SnapshotEntries == 2 {
		c.SnapshotEntries = int(k.between("cluster.snapshot_entries", 2, 5))
		if k.chance("run.long", 1, 2) {
			c.SnapshotEntries *= 5
		}
	}
	c.RetainEntries = pick(k, "cluster.retain_entries", []int{0, 2, 20, 100}, 1, 1, 1, 1)
	c.ChunkBytes = pick(k, "cluster.chunk_bytes", []int{64, 300, 64 << 10}, 1, 1, 2)
	c.SegmentBytes = pick(k, "cluster.segment_bytes", []int{256, 2048, 64 << 10}, 1, 1, 1)
	if k.chance("cluster.sessions_end", 1, 4) {
		c.SessionTTL = time.Duration(k.between("cluster.session_ttl", 4, 20)) * t
	}
	// One of the two at least: without both, a server that was removed and has not heard of it deposes leaders for ever (E21).
	c.CheckQuorum = k.chance("cluster.check_quorum", 4, 5)
	c.PreVote = !c.CheckQuorum || k.chance("cluster.pre_vote", 5, 6)
	c.LeaseReads = c.CheckQuorum && k.chance("cluster.lease_reads", 1, 2)
	if c.LeaseReads && k.chance("cluster.clock_drift", 1, 4) {
		// Clocks are as wrong as they may be, and that is much: what a lease allows for is needed.
		c.ClockDrift = int(k.between("cluster.clock_drift.bound", 100_000, 200_000))
	}
	c.Transition = pick(k, "cluster.transition", world.TransitionNames(), 2, 1, 1)
	c.Impatient = k.chance("cluster.impatient", 1, 2)
	if k.chance("workload.reads", 3, 4) {
		weights := []uint64{0, 1, 3}
		w.ReadLog = pick(k, "workload.read_log", weights, 1, 1, 1)
		w.ReadLeader = pick(k, "workload.read_leader", weights, 1, 1, 1)
		w.ReadLease = pick(k, "workload.read_lease", weights, 1, 1, 1)
		w.ReadFollower = pick(k, "workload.read_follower", weights, 1, 1, 1)
		w.ReadStale = pick(k, "workload.read_stale", weights, 2, 1, 0)
		w.ReadSequential = pick(k, "workload.read_sequential", weights, 2, 1, 1)
	}
	w.Monotonic = k.chance("workload.monotonic", 1, 2)
	w.Spread = k.chance("workload.spread", 1, 2)
	w.FinalReads = true
	if k.chance("workload.windows", 1, 3) {
		w.Window = int(k.between("workload.window", 2, 4))
	}
	o.Disk.SectorSize = pick(k, "disk.sector_size", []int{64, 512, 4096}, 1, 2, 1)
}

func noisy(seed uint64, o Options) *Case {
	return &Case{Options: o, Base: Base{Noisy: true, Seed: seed}}
}

func makeCalm(seed uint64) *Case { return noisy(seed, knobs{seed}.base()) }

// makeCanary: everything works until the disks turn out to have lied.
func makeCanary(seed uint64) *Case {
	o := knobs{seed}.base()
	o.Cluster.Nodes = max(3, o.Cluster.Nodes)
	o.Disk.LyingSync = true
	o.Run.DecodeDisks = false // or the judges would know at the first vote
	o.Run.Window = 4 * time.Second
	c := noisy(seed, o)
	c.Options.Cluster.InitialLeader = 1
	// By now many writes are acknowledged. All servers lose power at once, and every later read is a witness.
	var all faults.Side
	for i := range o.Cluster.Nodes {
		all |= faults.SideOf(sim.ProcID(i + 1))
	}
	c.Overrides = []sim.Disturbance{{
		Key:   sim.MakeKey(faults.PurposeBlackout, sim.Subject{Ordinal: 0}),
		Value: sim.Value{At: int64(2500 * time.Millisecond), For: int64(100 * time.Millisecond), N: int64(all)},
	}}
	return c
}

// MakeMixed makes the case of scenario mixed, for scenarios of a user's own that differ in application or core.
func MakeMixed(seed uint64) *Case { return makeSwarm(seed, faults.ProfileMixed) }

func makePartitions(seed uint64) *Case { return makeSwarm(seed, faults.ProfilePartitions) }
func makeCrashes(seed uint64) *Case    { return makeSwarm(seed, faults.ProfileCrashes) }

// makeClocks: leases in every run, and clocks that do not keep to the bound they rest on.
func makeClocks(seed uint64) *Case {
	c := makeSwarm(seed, faults.ProfileClocks)
	c.Options.Cluster.CheckQuorum, c.Options.Cluster.LeaseReads = true, true
	w := &c.Options.Workload
	w.ReadLease = max(w.ReadLease, 2)
	return c
}

func makeDamage(seed uint64) *Case { return makeSwarm(seed, faults.ProfileDamage) }

// makeSwarm draws a cluster, and then which faults it has to live with.
func makeSwarm(seed uint64, profile faults.Profile) *Case { return makeSwarmWith(seed, profile, nil) }

// makeSwarmWith also draws the ways that requests take, if there are weights for the strategies.
func makeSwarmWith(seed uint64, profile faults.Profile, ways []uint64) *Case {
	k := knobs{seed}
	o := k.base()
	if len(ways) > 0 {
		k.drawRouting(&o, ways...)
	}
	k.disturb(&o, profile, moments(&o))
	if len(ways) > 0 && o.Faults.Timeout > 0 && o.Faults.Window > 0 {
		k.drawOutages(&o)
	}
	return noisy(seed, o)
}

// disturb draws the faults of a case; moments is how many, times their weights, its servers pass through.
func (k knobs) disturb(o *Options, profile faults.Profile, moments uint64) {
	t := o.Cluster.ElectionTimeout
	swarm := faults.Swarm(faults.SwarmConfig{
		Seed: k.seed, Profile: profile, Servers: o.Cluster.Nodes, Timeout: t, Window: o.Run.Window, Moments: moments,
		ClockDrift: int64(o.Cluster.ClockDrift), TimeProof: !o.Cluster.LeaseReads,
	})
	o.Faults = swarm.Knobs
	o.Cluster.Spares = swarm.Spares
	if !swarm.Faultless && profile != faults.ProfileMembership {
		o.Run.Absent = k.absent(o.Cluster.Nodes)
	}
	if o.Cluster.Spares > 0 || !o.Faults.AimMembers.Chance.Zero() || !o.Faults.Members.Chance.Zero() || o.Run.Absent != 0 {
		// Where servers join, or one that is far behind is needed since another stays away, a whole log may have to be sent before
		// anything else can be committed: one entry per round trip would take longer than the liveness phase.
		c := &o.Cluster
		if !c.Pipeline || c.MaxInflight*c.MaxEntriesPerMessage < 6 {
			c.MaxEntriesPerMessage, c.MaxBytesPerMessage, c.MaxInflightBytes = max(c.MaxEntriesPerMessage, 8), 1<<20, 16<<20
		}
		c.ChunkBytes = max(c.ChunkBytes, 300)
	} else if w := &o.Workload; (t < time.Second || o.Run.Window < 30*time.Second) && k.chance("workload.give_up_dropped", 1, 4) {
		// That a proposal is lost shows when the next leader has committed something: its client is still waiting for the first attempt
		// then. So much patience is only for clusters whose servers are all there in the end, and for long runs where it is soon over: they
		// have much to ask.
		w.GiveUpDropped, w.AttemptTimeout, w.OperationTimeout = true, 2*t, 4*t
	}
	if o.Cluster.ClockDrift > Defaults().Cluster.ClockDrift && !swarm.Faultless && profile != faults.ProfileCrashes {
		// A lease shows what it is worth when its leader is cut off.
		o.Faults.AimIsolate = faults.Slots{Count: max(4, o.Faults.AimIsolate.Count), Chance: sim.Ratio{Num: 1, Den: 1}}
		o.Faults.Winner = sim.Ratio{}
	}
	m, n := &swarm.Messages, &o.Network
	n.FIFO = m.FIFO
	// In half of the runs a cut is a stalled connection: what was sent into it comes out when it ends.
	if k.chance("network.hold", 1, 2) {
		n.Hold = 64
	}
	n.Lost, n.Doubled, n.Late = m.Lost, m.Doubled, m.Late
	n.LateMean, n.DoubledDelay = m.LateMean, m.DoubledMean
	if m.LateShape != "" {
		if err := n.LateShape.UnmarshalText([]byte(m.LateShape)); err != nil {
			panic("scenarios: the swarm names a shape of delays that does not exist: " + err.Error())
		}
	}
	if profile.Crashes() {
		o.Disk.Torn = pick(k, "disk.torn", []sim.Ratio{{}, {Num: 1, Den: 2}, {Num: 1, Den: 1}}, 1, 2, 1)
		if !swarm.Faultless && k.chance("faults.power_heavy", 1, 10) {
			// Power fails while something is unsynced, several times, and what is unsynced survives in part. Short downtimes, or the
			// cluster would only be down.
			o.Disk.Torn = sim.Ratio{Num: 1, Den: 1}
			o.Disk.SyncLatency = k.duration("disk.sync_latency heavy", t/20, t/8)
			o.Faults.Power = sim.Ratio{Num: 20, Den: moments}
			o.Faults.DownMin, o.Faults.DownMax = t/50, t/2
		}
		if !swarm.Faultless && k.chance("disk.slow", 1, 4) {
			o.Disk.Slow = sim.Ratio{Num: 1, Den: uint64(k.between("disk.slow.rate", 20, 1000))}
			o.Disk.SlowMin, o.Disk.SlowMax = t/10, 2*t
		}
		if !swarm.Faultless && profile != faults.ProfileCrashes {
			if k.chance("disk.sync_failures", 1, 8) {
				o.Disk.Fails = sim.Ratio{Num: 1, Den: uint64(k.between("disk.fails", 100, 3000))}
			}
			if k.chance("disk.fills", 1, 8) {
				o.Disk.Full = sim.Ratio{Num: 1, Den: uint64(k.between("disk.full", 100, 3000))}
				o.Disk.FullMin, o.Disk.FullMax = t/5, 5*t
			}
		}
	}
}

// absent draws a minority that stays down when the faults have ended, in a third of the runs.
func (k knobs) absent(nodes int) (side faults.Side) {
	if !k.chance("run.absent", 1, 3) {
		return 0
	}
	most := uint64(nodes-1) / 2
	w := k.words("run.absent who")
	for left := most; left > 0; left-- {
		// Somebody twice is one less.
		side |= faults.SideOf(sim.ProcID(1 + w.Below(uint64(nodes))))
	}
	return side
}

// moments estimates how many moments, times their weights, the servers pass through in the fault window: about 46 per operation and
// server (four of weight ten between writing and sending, and half a dozen others). Clients wait some 30 ms for an answer.
func moments(o *Options) uint64 {
	perOperation := max(o.Workload.Pause+30*time.Millisecond, o.Workload.Interval)
	operations := uint64(o.Workload.Clients) * uint64(o.Run.Window/perOperation)
	return max(1, 46*operations*uint64(o.Cluster.Nodes))
}
