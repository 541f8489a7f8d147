package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"raftsim/faults"
	"raftsim/raft/front"
	"raftsim/scenarios/world"
	"raftsim/sim"
)

// Routing is the ways that requests take to the leader.
type Routing struct {
	Strategy string `toml:"strategy"` // direct, proxy, frontend, balancer, balancer-any, aware, registry
	Fronts   int    `toml:"fronts"`   // frontends, balancers or registries, where the strategy has them
	Queue    int    `toml:"queue"`    // requests that a front keeps
}

const frontsMax = 30

// strategy returns the number of the strategy; it exists.
func (r *Routing) strategy() world.Strategy {
	return world.Strategy(max(slices.Index(world.StrategyNames(), r.Strategy), 0))
}

// fronts returns how many there are.
func (r *Routing) fronts() int {
	if r.strategy().Fronts() {
		return r.Fronts
	}
	return 0
}

// validate reports in one sentence what is wrong with the ways of o, or nil.
func (o *Options) validateRouting() error {
	r, c := &o.Routing, &o.Cluster
	bad := func(key, format string, args ...any) error { return &OptionError{key, fmt.Sprintf(format, args...)} }
	switch {
	case !slices.Contains(world.StrategyNames(), r.Strategy):
		return bad("routing.strategy", "unknown strategy %q: one of %s", r.Strategy, strings.Join(world.StrategyNames(), ", "))
	case r.strategy() == world.StrategyProxy && !c.Forward:
		return bad("routing.strategy", "proxy wants cluster.forward, which is off: it is the servers that pass requests on")
	case r.strategy() == world.StrategyBalancerAny && !c.Forward:
		return bad("routing.strategy", "balancer-any wants cluster.forward, which is off: requests would meet the leader by chance alone")
	case r.Fronts < 1 || r.Fronts > frontsMax:
		return bad("routing.fronts", "%d fronts: want 1 to %d", r.Fronts, frontsMax)
	case r.Queue < 1 || r.Queue > 1<<16:
		return bad("routing.queue", "%d requests: want 1 to 65536", r.Queue)
	case c.Reforward < 0 || c.Reforward > 1<<20:
		return bad("cluster.reforward", "%d requests: want 0 to %d", c.Reforward, 1<<20)
	case c.Reforward > 0 && !c.Forward:
		return bad("cluster.reforward", "want cluster.forward, which is off: a server that redirects keeps nothing")
	case o.Faults.Outage.Count > 0 && r.fronts() == 0:
		return bad("faults.outage", "strategy %s has no fronts that could be out", r.Strategy)
	}
	return nil
}

// routing translates the ways of a case into what the world runs.
func (o *Options) routing() world.Routing {
	return world.Routing{
		Strategy: o.Routing.strategy(), Fronts: o.Routing.fronts(),
		Front: front.Config{KeepAlive: o.Cluster.KeepAlive, Patience: o.Workload.AttemptTimeout, Queue: o.Routing.Queue},
	}
}

// drawRouting draws the ways that requests take, with weights by strategy.
func (k knobs) drawRouting(o *Options, weights ...uint64) {
	c, r, w := &o.Cluster, &o.Routing, &o.Workload
	r.Strategy = pick(k, "routing.strategy", world.StrategyNames(), weights...)
	r.Fronts = int(k.between("routing.fronts", 1, 3))
	// Who is refused is a matter of luck, so there must be room for half of what the clients ask at a time: else one of them may not have
	// any in all of the liveness phase.
	r.Queue = pick(k, "routing.queue", []int{max(2, (w.Clients*w.Window+1)/2), 64}, 1, 1)
	if s := r.strategy(); s == world.StrategyProxy || s == world.StrategyBalancerAny {
		c.Forward = true
	}
	if c.Forward && k.chance("cluster.reforward", 1, 2) {
		c.Reforward = int(k.between("cluster.reforward.bound", 1, 16))
	}
	w.Ways = k.chance("workload.ways", 1, 4)
}

// drawOutages lets fronts be out, in half of the runs that have faults and fronts.
func (k knobs) drawOutages(o *Options) {
	if o.Routing.fronts() > 0 && k.chance("faults.outages", 1, 2) {
		o.Faults.Outage = faults.Slots{Count: 2, Chance: sim.Ratio{Num: 1, Den: uint64(k.between("faults.outage", 1, 4))}}
	}
}

// makeRouting: the ways of finding the leader, each as often as the others (frontends have more to do, so they are there more often), while
// leaders change.
func makeRouting(seed uint64) *Case {
	c := makeSwarmWith(seed, faults.ProfileMixed, []uint64{1, 1, 2, 1, 1, 1, 1})
	o := &c.Options
	// Ways to servers that are no members any more are for other scenarios: where one of six is left, a client that goes round them all may
	// not get through its last reads in time.
	o.Cluster.Spares, o.Faults.Members, o.Faults.AimMembers = 0, faults.Slots{}, faults.Slots{}
	if o.Faults.Timeout > 0 && o.Faults.Window > 0 && o.Faults.CutMax > 0 {
		// Leaders are cut off again and again: whoever knows one is soon mistaken.
		o.Faults.AimIsolate = faults.Slots{Count: max(3, o.Faults.AimIsolate.Count), Chance: sim.Ratio{Num: 1, Den: 1}}
	}
	return c
}
