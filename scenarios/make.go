package scenarios

import (
	"time"

	"github.com/cespare/xxhash/v2"

	"raftsim/faults"
	"raftsim/scenarios/workload"
	"raftsim/sim"
)

// purposeKnob keys the draws that make a case of a seed. Each knob has the hash of its name for an epoch, so a new knob
// changes no other one.
const purposeKnob sim.Purpose = 64

// knobs draws the options of a case.
type knobs struct{ seed uint64 }

func (k knobs) words(name string) sim.Words {
	return sim.KeyedWords(k.seed, sim.Key{Hi: uint64(purposeKnob) << 56, Lo: xxhash.Sum64String(name)})
}

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
	// Two profiles: the timing of the paper, and the one the etcd documentation recommends.
	if k.chance("cluster.profile", 3, 4) {
		c.ElectionTimeout, c.HeartbeatInterval = 150*time.Millisecond, 50*time.Millisecond
	}
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

func noisy(seed uint64, o Options) *Case {
	return &Case{Options: o, Base: Base{Noisy: true, Seed: seed}}
}

func makeCalm(seed uint64) *Case { return noisy(seed, knobs{seed}.base()) }

// makeCanary: everything works until the disks turn out to have lied.
func makeCanary(seed uint64) *Case {
	o := knobs{seed}.base()
	o.Cluster.Nodes = max(3, o.Cluster.Nodes)
	o.Disk.LyingSync = true
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

// makeSwarm draws a cluster, and then which faults it has to live with.
func makeSwarm(seed uint64, profile faults.Profile) *Case {
	k := knobs{seed}
	o := k.base()
	t := o.Cluster.ElectionTimeout
	swarm := faults.Swarm(faults.SwarmConfig{
		Seed: seed, Profile: profile, Servers: o.Cluster.Nodes, Timeout: t, Window: o.Run.Window, Moments: moments(&o),
	})
	o.Faults = swarm.Knobs
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
	if profile == faults.ProfileCrashes || profile == faults.ProfileMixed {
		o.Disk.Torn = pick(k, "disk.torn", []sim.Ratio{{}, {Num: 1, Den: 2}, {Num: 1, Den: 1}}, 1, 2, 1)
		if !swarm.Faultless && k.chance("faults.power_heavy", 1, 10) {
			// Power fails while something is unsynced, several times, and what is unsynced survives in part. Short downtimes, or the
			// cluster would only be down.
			o.Disk.Torn = sim.Ratio{Num: 1, Den: 1}
			o.Disk.SyncLatency = k.duration("disk.sync_latency heavy", t/20, t/8)
			o.Faults.Power = sim.Ratio{Num: 20, Den: moments(&o)}
			o.Faults.DownMin, o.Faults.DownMax = t/50, t/2
		}
		if !swarm.Faultless && k.chance("disk.slow", 1, 4) {
			o.Disk.Slow = sim.Ratio{Num: 1, Den: uint64(k.between("disk.slow.rate", 20, 1000))}
			o.Disk.SlowMin, o.Disk.SlowMax = t/10, 2*t
		}
	}
	return noisy(seed, o)
}

// moments estimates how many moments, times their weights, the servers pass through in the fault window: about 46 per operation and
// server (four of weight ten between writing and sending, and half a dozen others). Clients wait some 30 ms for an answer.
func moments(o *Options) uint64 {
	perOperation := max(o.Workload.Pause+30*time.Millisecond, o.Workload.Interval)
	operations := uint64(o.Workload.Clients) * uint64(o.Run.Window/perOperation)
	return max(1, 46*operations*uint64(o.Cluster.Nodes))
}
