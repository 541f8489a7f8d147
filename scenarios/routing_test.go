package scenarios

import (
	"strings"
	"testing"

	"raftsim/faults"
	"raftsim/scenarios/world"
	"raftsim/sim"
)

// frontBites are the faults of what stands between clients and servers.
func frontBites() []bite {
	with := func(strategy string) func(*Options) {
		return func(o *Options) { o.Routing.Strategy = strategy }
	}
	return []bite{
		{fault: "outage f1 #0 = at 600ms for 200ms", change: with("frontend"), effect: faultCount(faults.PurposeOutage)},
		{fault: "outage f1 #0 = at 600ms for 600ms", change: with("registry"), context: []string{"isolate n1 #0 = at 550ms for 1s both-clients"},
			effect: func(r *Result) uint64 { return r.Counts.Routing.RegistryDown }},
		{fault: "cut n1>f1 #0 = at 600ms for 600ms both-ways", change: with("balancer"), effect: faultCount(faults.PurposeCut)},
		{fault: "lost n1>f1 beacon t1 #3 = yes", change: with("balancer"), effect: func(r *Result) uint64 { return r.Counts.Network.Lost }},
	}
}

// Whatever the way to the leader, a calm run has no violation and every operation is answered; requests are counted under their strategy.
func TestStrategies(t *testing.T) {
	cat := builtin(t)
	r := NewRunner(cat)
	for i, name := range world.StrategyNames() {
		c := calmCase(t, cat, func(o *Options) { o.Routing.Strategy, o.Routing.Fronts, o.Workload.Ways = name, 2, i%2 == 0 })
		res := mustRun(t, r, c)
		n := res.Counts.Routing.Requests
		if name == "direct" {
			i = int(world.StrategyProxy) // servers forward unless told otherwise
		}
		if n[i] == 0 || res.Counts.Operations.Completed < 100 || res.Counts.Operations.Abandoned > 0 {
			t.Errorf("%s: %d requests, %+v", name, n[i], res.Counts.Operations)
		}
	}
}

// Every way a request can take is taken in scenario routing, and every strategy is drawn.
func TestEveryWayIsTaken(t *testing.T) {
	cat := builtin(t)
	r := NewRunner(cat)
	var sum world.Counts
	for seed := uint64(1); seed <= 200; seed++ {
		c := mustRun(t, r, shortCase(t, cat, "routing", seed)).Counts
		sum.Add(&c)
	}
	for _, n := range sum.Numbers() {
		if n.Group == "routing" && *n.Count == 0 {
			t.Errorf("%s is 0", n.Name)
		}
	}
}

// A registry that is out is a single point of failure: once the leader it named is gone, nobody gets anywhere until it is back, although
// the servers have elected another. Clients that ask the servers do.
func TestRegistryIsASinglePointOfFailure(t *testing.T) {
	cat := builtin(t)
	r := NewRunner(cat)
	completed := func(strategy string, lines ...string) uint64 {
		return mustRun(t, r, calmCase(t, cat, func(o *Options) { o.Routing.Strategy, o.Cluster.Forward = strategy, false }, lines...)).Counts.Operations.Completed
	}
	leaderGone := "crash-at n1 #0 = at 500ms for 1.4s"
	both := completed("registry", leaderGone, "outage f1 #0 = at 400ms for 1.5s")
	one := completed("registry", leaderGone)
	aware := completed("aware", leaderGone)
	if both*3 > one*2 || aware*3 < one*2 {
		t.Errorf("%d operations with the registry out, %d without, %d with clients that ask the servers", both, one, aware)
	}
}

func TestRoutingIsValidated(t *testing.T) {
	for _, tc := range []struct {
		key    string
		change func(*Options)
	}{
		{"routing.strategy", func(o *Options) { o.Routing.Strategy = "luck" }},
		{"routing.strategy", func(o *Options) { o.Routing.Strategy, o.Cluster.Forward = "proxy", false }},
		{"routing.strategy", func(o *Options) { o.Routing.Strategy, o.Cluster.Forward = "balancer-any", false }},
		{"routing.fronts", func(o *Options) { o.Routing.Fronts = 0 }},
		{"routing.fronts", func(o *Options) { o.Routing.Fronts = 31 }},
		{"routing.queue", func(o *Options) { o.Routing.Queue = 0 }},
		{"cluster.reforward", func(o *Options) { o.Cluster.Reforward = -1 }},
		{"cluster.reforward", func(o *Options) { o.Cluster.Reforward, o.Cluster.Forward = 1, false }},
		{"faults.outage", func(o *Options) { o.Faults.Outage = faults.Slots{Count: 1, Chance: sim.Ratio{Num: 1, Den: 2}} }},
	} {
		o := Defaults()
		tc.change(&o)
		if err := o.Validate(); err == nil || !strings.HasPrefix(err.Error(), tc.key+": ") {
			t.Errorf("%s: %v", tc.key, err)
		}
	}
}
