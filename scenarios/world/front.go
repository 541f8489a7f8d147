package world

import (
	"fmt"

	"raftsim/faults"
	"raftsim/network"
	"raftsim/raft/client"
	"raftsim/raft/front"
	"raftsim/scenarios/workload"
	"raftsim/sim"
)

// Strategy is the way that requests take to the leader.
type Strategy uint8

const (
	StrategyDirect      Strategy = iota // clients ask servers and follow their hints
	StrategyProxy                       // clients ask servers, which forward
	StrategyFrontend                    // clients ask frontends, which find the leader
	StrategyBalancer                    // clients ask load balancers, which learn the leader from its beacons
	StrategyBalancerAny                 // clients ask load balancers, which ask any server
	StrategyAware                       // clients ask all servers who leads
	StrategyRegistry                    // clients ask a registry who leads, and nobody else
	strategyEnd
)

// StrategyNames returns the names of all strategies, by number.
func StrategyNames() []string {
	return []string{"direct", "proxy", "frontend", "balancer", "balancer-any", "aware", "registry"}
}

// Fronts reports whether the strategy needs fronts.
func (s Strategy) Fronts() bool {
	return s == StrategyFrontend || s == StrategyBalancer || s == StrategyBalancerAny || s == StrategyRegistry
}

// mode is what fronts of this strategy do.
func (s Strategy) mode() front.Mode {
	switch s {
	case StrategyBalancer:
		return front.Balancer
	case StrategyBalancerAny:
		return front.Any
	case StrategyRegistry:
		return front.Registry
	}
	return front.Frontend
}

// Routing says how requests find the leader.
type Routing struct {
	Strategy Strategy
	Front    front.Config // besides ID, Mode and Servers
	Fronts   int          // how many; 0 where the strategy needs none
}

// Front i is process 2048 + i.
const frontBase sim.ProcID = 2048

const frontsMax = 30

func isFront(id sim.ProcID) bool { return id > frontBase && id <= frontBase+1023 }

// frontProc is a front and its machine: it may be out, and forgets everything then.
type frontProc struct {
	world *World
	proc  sim.ProcID
	core  *front.Front
	alarm sim.Alarm
	out   int // outages in effect

	request client.Request
	reply   client.Reply
	beacon  client.Beacon
}

// RoutingCounts say which ways requests took.
type RoutingCounts struct {
	Requests [strategyEnd]uint64 // attempts of clients, by strategy

	FollowerRedirects, ForwardRedirects uint64 // by a server that does not lead: to a client, and upon what another has forwarded
	Bounced                             uint64 // hints that clients did not follow
	Held, Reforwarded                   uint64 // by followers
	Lookups, LookupTimeouts, Misled     uint64 // of clients that ask who leads
	RegistryStale                       uint64 // of Misled, by a registry
	RegistryDown                        uint64 // questions to a registry that was out
	FrontDown                           uint64 // other messages to a front that was out
	Beacons                             uint64
	FrontRedirects, FrontResent         uint64 // redirects that a frontend followed; requests sent again to another leader
	FrontHeld, FrontExpired, Strays     uint64
	LeadersGone                         uint64 // for a front
	QueueRefused                        uint64
}

// numbers lists them under names that do not change.
func (c *RoutingCounts) numbers() (all []Number) {
	for i, name := range [...]string{"direct", "proxy", "frontend", "balancer", "balancer_any", "aware", "registry"} {
		all = append(all, Number{"routing", "requests_" + name, &c.Requests[i]})
	}
	return append(all, []Number{
		{"routing", "follower_redirects", &c.FollowerRedirects},
		{"routing", "forward_redirects", &c.ForwardRedirects},
		{"routing", "hints_bounced", &c.Bounced},
		{"routing", "held_requests", &c.Held},
		{"routing", "reforwarded", &c.Reforwarded},
		{"routing", "lookups", &c.Lookups},
		{"routing", "lookup_timeouts", &c.LookupTimeouts},
		{"routing", "misled", &c.Misled},
		{"routing", "registry_stale", &c.RegistryStale},
		{"routing", "registry_down", &c.RegistryDown},
		{"routing", "front_down", &c.FrontDown},
		{"routing", "beacons", &c.Beacons},
		{"routing", "front_redirects", &c.FrontRedirects},
		{"routing", "front_resent", &c.FrontResent},
		{"routing", "front_held", &c.FrontHeld},
		{"routing", "front_expired", &c.FrontExpired},
		{"routing", "front_strays", &c.Strays},
		{"routing", "front_leaders_gone", &c.LeadersGone},
		{"routing", "front_queue_refused", &c.QueueRefused},
	}...)
}

// addFronts makes the fronts of the run.
func (w *World) addFronts() error {
	c := &w.config.Routing
	w.ids.fronts = w.ids.fronts[:0]
	if c.Strategy >= strategyEnd || c.Fronts < 0 || c.Fronts > frontsMax || c.Strategy.Fronts() != (c.Fronts > 0) {
		return fmt.Errorf("world: strategy %d with %d fronts: want 1 to %d where the strategy has fronts, else 0", c.Strategy, c.Fronts, frontsMax)
	}
	for i := range c.Fronts {
		if i == len(w.fronts) {
			w.fronts = append(w.fronts, &frontProc{core: new(front.Front)})
		}
		f := w.fronts[i]
		*f = frontProc{world: w, proc: frontBase + sim.ProcID(i+1), core: f.core, request: client.Request{Command: f.request.Command}}
		if err := f.reset(); err != nil {
			return err
		}
		w.kernel.Host(f.proc, f)
		w.network.Attach(f.proc)
		w.ids.fronts = append(w.ids.fronts, f.proc)
	}
	return nil
}

// reset starts a front anew.
func (f *frontProc) reset() error {
	c := f.world.config.Routing
	c.Front.ID, c.Front.Mode, c.Front.Servers = uint64(f.proc), c.Strategy.mode(), serverNumbers(f.world.slots())
	return f.core.Reset(c.Front)
}

// frontNumbers returns the ids of the fronts.
func (w *World) frontNumbers() []uint64 {
	ids := make([]uint64, w.config.Routing.Fronts)
	for i := range ids {
		ids[i] = uint64(frontBase) + uint64(i+1)
	}
	return ids
}

// announce returns whom leaders tell that they lead.
func (w *World) announce() []uint64 {
	if w.config.Routing.Strategy == StrategyBalancerAny {
		return nil
	}
	return w.frontNumbers()
}

// routes sets whom clients ask.
func (w *World) routes(cfg *client.Config) {
	cfg.Servers = serverNumbers(w.slots())
	switch w.config.Routing.Strategy {
	case StrategyFrontend, StrategyBalancer, StrategyBalancerAny:
		cfg.Servers = w.frontNumbers()
	case StrategyAware:
		cfg.Locate = client.LocateServers
	case StrategyRegistry:
		cfg.Locate, cfg.Registries = client.LocateRegistry, w.frontNumbers()
	}
}

// Deliver implements sim.Process.
func (f *frontProc) Deliver(ev sim.Event) {
	w := f.world
	w.stamp()
	now := int64(w.kernel.Now())
	switch ev.Kind {
	case evMessage:
		f.arrive(ev.Payload, now)
	case evTimer:
		f.alarm.Rang(ev.At)
		if f.out == 0 {
			f.core.Tick(now)
		}
	}
	if at := f.core.Deadline(); f.out == 0 && at < int64(sim.Never) {
		f.alarm.Set(&w.kernel, f.proc, evTimer, sim.Time(at))
	}
}

func (f *frontProc) arrive(handle uint32, now int64) {
	w := f.world
	net := &w.network
	if f.out > 0 {
		if net.Packet(handle).Label.Kind == msgRequest && w.config.Routing.Strategy == StrategyRegistry {
			w.counts.Routing.RegistryDown++
		} else {
			w.counts.Routing.FrontDown++
		}
		net.Discard(handle)
		return
	}
	p := net.Arrive(handle)
	if p == nil {
		return
	}
	var err error
	switch p.Label.Kind {
	case msgRequest:
		if err = client.DecodeRequest(p.Bytes, &f.request); err == nil {
			f.core.HandleRequest(now, &f.request, f)
		}
	case msgReply:
		if err = client.DecodeReply(p.Bytes, &f.reply); err == nil {
			f.core.HandleReply(now, &f.reply, f)
		}
	case msgBeacon:
		if err = client.DecodeBeacon(p.Bytes, &f.beacon); err == nil {
			f.core.HandleBeacon(now, &f.beacon, f)
		}
	}
	if err != nil {
		panic(fmt.Sprintf("world: f%d: the network delivered a damaged message: %v", f.proc-frontBase, err))
	}
	net.Release(handle)
}

// SendRequest implements front.Env.
func (f *frontProc) SendRequest(server uint64, r *client.Request) {
	net := &f.world.network
	net.Send(f.proc, sim.ProcID(server), network.Label{Kind: msgRequest, Epoch: sim.PairedEpoch(r.Client, r.Seq), Alias: uint64(r.Attempt)},
		client.AppendRequest(net.Buffer(), r))
}

// SendReply implements front.Env.
func (f *frontProc) SendReply(r *client.Reply) {
	net := &f.world.network
	net.Send(f.proc, clientBase+sim.ProcID(r.Client), network.Label{Kind: msgReply, Epoch: sim.PairedEpoch(r.Client, r.Seq), Alias: uint64(r.Status)},
		client.AppendReply(net.Buffer(), r))
}

// Fold implements sim.Process.
func (f *frontProc) Fold(ev sim.Event, d *sim.Digest) {
	if ev.Kind == evMessage {
		f.world.network.Fold(ev.Payload, d)
	}
}

// Describe implements sim.Process.
func (f *frontProc) Describe(ev sim.Event, dst []byte) []byte {
	dst = fmt.Appendf(dst, "f%d ", f.proc-frontBase)
	if ev.Kind == evTimer {
		return append(dst, "timer"...)
	}
	if dst = f.world.describePacket(ev.Payload, dst); f.out > 0 {
		dst = append(dst, " (out)"...)
	}
	return dst
}

// Fronts implements faults.World.
func (w *World) Fronts() []sim.ProcID { return w.ids.fronts }

// Outage implements faults.World.
func (w *World) Outage(id sim.ProcID) {
	f := w.fronts[id-frontBase-1]
	f.out++
	f.tally()
	if err := f.reset(); err != nil {
		panic(fmt.Sprintf("world: a configuration of f%d that was good is refused: %v", id-frontBase, err))
	}
}

// Restore implements faults.World.
func (w *World) Restore(id sim.ProcID) { w.fronts[id-frontBase-1].out-- }

// tally adds what a front has counted in the life that ends.
func (f *frontProc) tally() {
	n, c := f.core.Counters(), &f.world.counts.Routing
	c.FrontRedirects += n.Redirects
	c.FrontResent += n.Resent
	c.FrontHeld += n.Held
	c.FrontExpired += n.Expired
	c.Strays += n.Strays
	c.LeadersGone += n.Gone
	c.QueueRefused += n.Refused
}

// tallyRouting adds what clients and fronts have counted, and folds the state of the fronts.
func (w *World) tallyRouting(clients []*workload.Client, d *sim.Digest) {
	c, s := &w.counts.Routing, w.config.Routing.Strategy
	if s == StrategyDirect && w.config.Forward {
		s = StrategyProxy
	}
	for _, cl := range clients {
		n := cl.Counters()
		c.Requests[s] += n.Attempts
		c.Bounced += n.Bounced
		c.Lookups += n.Lookups
		c.LookupTimeouts += n.LookupTimeouts
		c.Misled += n.Misled
		if s == StrategyRegistry {
			c.RegistryStale += n.Misled
		}
	}
	for _, f := range w.fronts[:w.config.Routing.Fronts] {
		leader, term := f.core.Leader()
		d.Word(leader)
		d.Word(term)
		d.Word(uint64(f.core.Kept()))
		f.tally()
	}
}

// goes reports whether messages of a kind go from one process to another.
func goes(kind uint8, from, to sim.ProcID) bool {
	server := func(id sim.ProcID) bool { return id < clientBase }
	switch kind {
	case msgRequest:
		return !server(from) && (server(to) || isFront(to) && !isFront(from))
	case msgReply:
		return !server(to) && (server(from) || isFront(from) && !isFront(to))
	case msgBeacon:
		return server(from) && isFront(to)
	}
	return server(from) && server(to)
}

// checkFront refuses a disturbance about a front that none can suffer.
func checkFront(d sim.Disturbance, v *sim.Vocabulary) error {
	s, p := d.Key.Subject(), d.Key.Purpose()
	switch p {
	case network.PurposeLost, network.PurposeDoubled, network.PurposeLate, faults.PurposeOutage:
		return nil
	case faults.PurposeCut:
		if s.A != s.B {
			return nil
		}
	}
	return fmt.Errorf("%s is a front, and %s is not about fronts", v.AppendProc(nil, max(s.A, s.B)), v.Spec(p).Name)
}

// sort says what a process is.
func sort(id sim.ProcID) string {
	switch {
	case isFront(id):
		return "front"
	case id > clientBase:
		return "client"
	}
	return "server"
}
