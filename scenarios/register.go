package scenarios

import (
	"time"

	"raftsim/faults"
	"raftsim/raft"
	"raftsim/scenarios/register"
	"raftsim/scenarios/workload"
	"raftsim/scenarios/world"
	"raftsim/sim"
)

// registerProtocol is the leaderless register.
type registerProtocol struct{}

// Name implements Protocol.
func (registerProtocol) Name() string { return "register" }

// Take implements Protocol. Of the cluster there are its size, the size of files, and the election timeout as the unit of time; clients
// have no sessions, windows or ways of reading, and ask again after every attempt_timeout.
func (registerProtocol) Take(o *Options) {
	c, w, f, r := &o.Cluster, &o.Workload, &o.Faults, &o.Run
	c.Nodes, c.ElectionTimeout, c.SegmentBytes = 0, 0, 0
	w.Application, w.Clients, w.Keys, w.Hot, w.Interval, w.Pause, w.AttemptTimeout, w.OperationTimeout = "", 0, 0, sim.Ratio{}, 0, 0, 0, 0
	// No message of its makes an earlier one useless: none can be replaced.
	o.Network, o.Disk = Network{QueuePolicy: o.Network.QueuePolicy}, Disk{}
	f.Timeout, f.Window, f.OnDeadline, f.Meet, f.MeetAt = 0, 0, sim.Ratio{}, sim.Ratio{}, 0
	f.Crash, f.Power = sim.Ratio{}, sim.Ratio{}
	for _, s := range [...]*faults.Slots{&f.Isolate, &f.Split, &f.Cut, &f.CrashAt, &f.PowerAt, &f.Blackout, &f.Pause, &f.Stall} {
		*s = faults.Slots{}
	}
	for _, d := range [...]*time.Duration{&f.CutMin, &f.CutMax, &f.DownMin, &f.DownMax, &f.PauseMin, &f.PauseMax, &f.StallMin, &f.StallMax} {
		*d = 0
	}
	r.Window, r.LivenessTimeouts, r.Absent, r.MaxSteps, r.MaxInstantSteps, r.SearchSteps = 0, 0, 0, 0, 0, 0
}

// NewVocabulary implements Protocol.
func (registerProtocol) NewVocabulary(extra ...sim.Spec) (*sim.Vocabulary, error) {
	return register.NewVocabulary(extra...)
}

// CheckDisturbance implements Protocol.
func (registerProtocol) CheckDisturbance(v *sim.Vocabulary, d sim.Disturbance, o *Options) error {
	return register.CheckDisturbance(v, d, o.Cluster.Nodes, o.Workload.Clients, o.Workload.Keys)
}

// NewWorld implements Protocol.
func (registerProtocol) NewWorld() World { return new(registerWorld) }

// registerWorld translates configurations and outcomes.
type registerWorld struct{ world register.World }

// Run implements World.
func (r *registerWorld) Run(v *sim.Vocabulary, c world.Config) (*world.Outcome, error) {
	o, err := r.world.Run(v, register.Config{
		Servers: c.Servers, Clients: c.Plan.Clients, Keys: c.Plan.Keys, Hot: c.Plan.Hot, Interval: c.Pace.Interval, Pause: c.Pace.Pause,
		FileBytes: c.Server.SegmentBytes, AttemptTimeout: c.Client.AttemptTimeout, OperationTimeout: c.Client.OperationTimeout,
		Network: c.Network, Disk: c.Disk, Noise: c.MachineNoise, Faults: c.Faults,
		Unit: c.Raft.ElectionTimeout, Window: c.Window, Liveness: c.Liveness, Absent: c.Absent,
		Noisy: c.Noisy, Seed: c.Seed, Masks: c.Masks, Overrides: c.Overrides, CheckOnce: c.CheckOnce, Record: c.Record,
		Bounds: c.Bounds, Budget: c.Budget, Tracer: c.Tracer, Narrator: c.Narrator,
	})
	if err != nil {
		return nil, err
	}
	out := &world.Outcome{
		Digest: o.Digest, Steps: o.Steps, End: o.End, Judgement: workload.JudgementOf(o.Report),
		Counts: registerCounts(&o.Counts), Fates: o.Fates, Recorded: o.Recorded, Hits: o.Hits,
	}
	for _, n := range o.Counts.Numbers() {
		out.Own = append(out.Own, world.OwnCount(n))
	}
	out.Broken = out.Judgement.Contradiction
	out.Violations = append(o.Violations, out.Judgement.Violations...)
	return out, nil
}

func registerCounts(c *register.Counts) world.Counts {
	return world.Counts{
		Crashes: c.Crashes, PowerLosses: c.PowerLosses, Restarts: c.Restarts, Panics: c.Panics, Halts: c.Halts,
		Delayed: c.Delayed, Absences: c.Absences, Network: c.Network, Faults: c.Faults, Disk: c.Disk,
		Operations: workload.Operations{Invoked: c.Invoked, Completed: c.Completed, Abandoned: c.Abandoned},
	}
}

// makeRegister draws replicas, clients and the faults they have to live with. Keys are few and pauses short, so that operations on one
// key overlap: only then anything can be seen.
func makeRegister(seed uint64) *Case {
	k := knobs{seed}
	o := Defaults()
	c, w, n := &o.Cluster, &o.Workload, &o.Network
	c.Nodes = pick(k, "cluster.nodes", []int{3, 5, 4, 1, 2, 6, 7}, 200, 100, 60, 10, 10, 10, 10)
	c.ElectionTimeout = pick(k, "cluster.profile", raft.Profiles(), 3, 1, 1).Config.ElectionTimeout
	t := c.ElectionTimeout
	c.SegmentBytes = pick(k, "cluster.segment_bytes", []int{256, 2048, 64 << 10}, 1, 1, 1)
	w.Clients, w.Keys = int(k.between("workload.clients", 3, 8)), int(k.between("workload.keys", 1, 3))
	if k.chance("workload.hot", 1, 2) {
		w.Hot = sim.Ratio{Num: 1, Den: 2}
	}
	w.AttemptTimeout, w.OperationTimeout = max(t*3/10, 150*time.Millisecond), 500*time.Millisecond
	w.Pause = k.duration("workload.pause", time.Millisecond, 40*time.Millisecond)
	n.Delay, n.Spread = k.duration("network.delay", t/300, t/50), k.duration("network.spread", t/300, t/50)
	o.Disk.SyncLatency = k.duration("disk.sync_latency", 100*time.Microsecond, t/50)
	o.Disk.SectorSize = pick(k, "disk.sector_size", []int{64, 512, 4096}, 1, 2, 1)
	o.Run.Window = k.duration("run.window", 2500*time.Millisecond, 3500*time.Millisecond)
	if k.chance("run.long", 1, 8) {
		o.Run.Window = 20 * time.Second
	}
	attempt, operation := w.AttemptTimeout, w.OperationTimeout
	k.disturb(&o, faults.ProfileLeaderless, registerMoments(&o))
	w.GiveUpDropped, w.AttemptTimeout, w.OperationTimeout = false, attempt, operation // no replica says that something was dropped
	// There are no clocks, and nobody whom a fault could be aimed at.
	f := &o.Faults
	f.ClockDrift, f.RateMax, f.StepMin, f.StepMax, f.Winner, f.Reader = 0, 0, 0, 0, sim.Ratio{}, sim.Ratio{}
	return noisy(seed, o)
}

// registerMoments estimates how many moments, times their weights, the replicas pass through in the fault window: a query takes two,
// a store about thirty.
func registerMoments(o *Options) uint64 {
	operations := uint64(o.Workload.Clients) * uint64(o.Run.Window/(o.Workload.Pause+30*time.Millisecond))
	return max(1, 30*operations*uint64(o.Cluster.Nodes))
}
