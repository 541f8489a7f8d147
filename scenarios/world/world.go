package world

import (
	"fmt"
	"slices"
	"time"

	"raftsim/checker"
	"raftsim/faults"
	"raftsim/network"
	"raftsim/raft"
	"raftsim/raft/server"
	"raftsim/scenarios/workload"
	"raftsim/sim"
	"raftsim/sim/disk"
)

// World runs one case after another, reusing its memory. The zero value is ready. It is single-threaded; runs in parallel have
// a world each.
type World struct {
	config   Config
	vocab    *sim.Vocabulary
	kernel   sim.Kernel
	fates    sim.Fates
	network  network.Network
	engine   faults.Engine
	hazards  faults.Hazards
	ordinals sim.Ordinals
	judges   checker.Cluster
	session  workload.Session
	nodes    []*node // by id - 1
	clients  []*workload.Client
	referee  referee
	ids      struct{ servers, clients []sim.ProcID }
	findings checker.Findings // of the harness: panics, halts, liveness
	counts   Counts
}

// Counts says what really happened in a run.
type Counts struct {
	Elections, Candidacies, StepDowns, Truncations uint64
	Redirects, Forwards, Repeats                   uint64
	Crashes, PowerLosses, Restarts, Panics, Halts  uint64
	Messages                                       [16]uint64 // by raft.MessageType
	Network                                        network.Stats
	Faults                                         faults.Counts
	Disk                                           disk.Stats // summed over servers
	Operations                                     workload.Operations
	Committed                                      uint64 // entries, no-ops included
	Executed                                       uint64 // commands that took effect
}

// Outcome is what a run came to.
type Outcome struct {
	Digest     uint64
	Steps      uint64
	End        sim.Time
	Violations []checker.Violation // of all judges, by step
	Judgement  workload.Judgement
	Broken     string // the harness contradicted itself; "" if not
	Counts     Counts
	Fates      [256]sim.Count // by purpose
	Recorded   []sim.Disturbance
	Hits       []uint32 // by override
}

// Run runs one case. An error means that the configuration cannot be run; whatever the system under test does is in the
// outcome.
func (w *World) Run(v *sim.Vocabulary, c Config) (*Outcome, error) {
	if err := w.assemble(v, c); err != nil {
		return nil, err
	}
	w.begin()
	end := sim.Time(c.Window + c.Liveness)
	if err := w.kernel.Run(end); err != nil {
		bound, ok := err.(*sim.BoundError)
		if !ok {
			return nil, err
		}
		rule := "steps-per-run"
		if bound.Bound != "steps" {
			rule = "zero-time-loop"
		}
		w.find(checker.Bound, rule, 0, err.Error())
	}
	return w.conclude(), nil
}

func (w *World) assemble(v *sim.Vocabulary, c Config) error {
	if c.Servers < 1 || c.Servers > 31 || c.Plan.Clients < 1 || c.Plan.Clients > 30 {
		return fmt.Errorf("world: 1 to 31 servers and 1 to 30 clients, not %d and %d", c.Servers, c.Plan.Clients)
	}
	if c.InitialLeader > uint64(c.Servers) {
		return fmt.Errorf("world: initial leader n%d does not exist: there are %d servers", c.InitialLeader, c.Servers)
	}
	w.config, w.vocab = c, v
	if w.session = c.Session; w.session == nil {
		w.session = c.Application.NewSession()
	}
	if err := w.session.Reset(c.Plan); err != nil {
		return err
	}
	tracer, _ := c.Tracer.(sim.DisturbanceTracer)
	err := w.fates.Reset(sim.FatesConfig{
		Tracer:     tracer,
		Vocabulary: v, Noisy: c.Noisy, Seed: c.Seed, Noise: c.noise(w.session), Masks: c.Masks, Overrides: c.Overrides,
		CloseAt: sim.Time(c.Window), Grace: sim.Time(c.Raft.ElectionTimeout), CheckOnce: c.CheckOnce, Record: c.Record,
	})
	if err != nil {
		return err
	}
	w.kernel.Reset(&w.fates, w, c.Bounds, c.Tracer)
	c.Network.EventKind = evMessage
	if err := c.Network.Validate(); err != nil {
		return err
	}
	c.Network.Number = c.Network.Number || c.Tracer != nil
	w.network.Reset(&w.kernel, c.Network)
	w.ordinals.Reset()
	w.judges.WatchDisks = true
	w.judges.Reset(c.Servers)
	w.findings.Reset()
	w.counts = Counts{}
	w.ids.servers, w.ids.clients = w.ids.servers[:0], w.ids.clients[:0]
	if err := w.addServers(); err != nil {
		return err
	}
	if err := w.addClients(); err != nil {
		return err
	}
	w.referee = referee{world: w}
	w.kernel.Host(refereeProc, &w.referee)
	if err := w.checkOverrides(); err != nil {
		return err
	}
	w.hazards.Reset(&w.fates)
	w.engine.Reset(&w.kernel, w, c.Faults)
	return nil
}

// checkOverrides refuses overrides about what this case does not have.
func (w *World) checkOverrides() error {
	for _, d := range w.config.Overrides {
		if err := CheckDisturbance(w.vocab, w.config.Application, d, w.config.Servers, w.config.Plan); err != nil {
			return err
		}
	}
	return nil
}

// CheckDisturbance refuses a disturbance about what a run with so many servers and this plan does not have: a process, or a key of
// the map.
func CheckDisturbance(v *sim.Vocabulary, app workload.Application, d sim.Disturbance, servers int, plan workload.Plan) error {
	s, spec := d.Key.Subject(), v.Spec(d.Key.Purpose())
	missing := func(name any) error {
		return fmt.Errorf("%s does not exist: there are servers n1..n%d and clients c1..c%d", name, servers, plan.Clients)
	}
	for _, part := range [...]struct {
		used sim.Fields
		id   sim.ProcID
	}{{sim.FieldA, s.A}, {sim.FieldB, s.B}} {
		exists := part.id >= 1 && int(part.id) <= servers || part.id > clientBase && int(part.id-clientBase) <= plan.Clients
		if spec.Fields&part.used != 0 && !exists {
			return missing(v.AppendProc(nil, part.id))
		}
	}
	isServer := func(id sim.ProcID) bool { return id < clientBase }
	name := func(id sim.ProcID) []byte { return v.AppendProc(nil, id) }
	switch d.Key.Purpose() {
	case network.PurposeLost, network.PurposeDoubled, network.PurposeLate:
		fromServer, toServer := s.Kind != msgRequest, s.Kind != msgReply
		if s.A == s.B || isServer(s.A) != fromServer || isServer(s.B) != toServer {
			return fmt.Errorf("no message of kind %s goes from %s to %s", MessageKinds()[s.Kind], name(s.A), name(s.B))
		}
	case faults.PurposeCut:
		if s.A == s.B {
			return fmt.Errorf("there is no link from %s to itself", name(s.A))
		}
	case faults.PurposeCrashAt, faults.PurposePowerAt, faults.PurposeCrash, faults.PurposePower, disk.Torn, disk.SlowSync, PurposeElection:
		if !isServer(s.A) {
			return fmt.Errorf("%s is a client: %s is about servers", name(s.A), spec.Name)
		}
	case faults.PurposeSplit, faults.PurposeBlackout:
		if d.Key.Purpose() == faults.PurposeBlackout && d.Value.N != 0 && !slices.ContainsFunc(serverIDs(servers), faults.Side(d.Value.N).Has) {
			return fmt.Errorf("the side of a blackout needs a server")
		}
		who := Config{Servers: servers, Plan: plan}
		if others := faults.Side(d.Value.N) &^ who.present() &^ faults.ClientsBoth; others != 0 {
			return missing(others)
		}
	case workload.PurposeOperation:
		if isServer(s.A) {
			return fmt.Errorf("%s is a server: op is about clients", name(s.A))
		}
		if !d.Value.Calm() {
			return app.CheckChoice(plan, d.Value.N)
		}
	}
	return nil
}

func serverIDs(n int) (ids []sim.ProcID) {
	for i := range n {
		ids = append(ids, sim.ProcID(i+1))
	}
	return ids
}

func (w *World) addServers() error {
	members := raft.ConfState{Voters: make([]uint64, w.config.Servers)}
	for i := range members.Voters {
		members.Voters[i] = uint64(i + 1)
	}
	options := w.config.Disk
	options.EventKind = evSync
	for i := range members.Voters {
		id := members.Voters[i]
		if i == len(w.nodes) {
			n := &node{world: w, proc: sim.ProcID(id), id: id}
			n.disk = disk.New(&w.kernel, n.proc, options)
			w.nodes = append(w.nodes, n)
		}
		n := w.nodes[i]
		*n = node{world: w, proc: n.proc, id: id, disk: n.disk, writes: n.writes[:0], message: raft.Message{Entries: n.message.Entries[:0]}}
		n.disk.Reset(options)
		if err := n.disk.Setup(func(fsys vfsFS) error { return server.Bootstrap(fsys, id, members) }); err != nil {
			return fmt.Errorf("world: setup of n%d: %w", id, err)
		}
		w.kernel.Host(n.proc, n)
		w.network.Attach(n.proc)
		w.ids.servers = append(w.ids.servers, n.proc)
	}
	return nil
}

func (w *World) addClients() error {
	servers := make([]uint64, w.config.Servers)
	for i := range servers {
		servers[i] = uint64(i + 1)
	}
	for i := range w.config.Plan.Clients {
		if i == len(w.clients) {
			w.clients = append(w.clients, new(workload.Client))
		}
		cfg := w.config.Client
		cfg.Client, cfg.Servers = uint64(i+1), servers
		proc := clientBase + sim.ProcID(i+1)
		kinds := workload.EventKinds{Message: evMessage, Timer: evTimer, Final: evFinal}
		if err := w.clients[i].Reset(&w.kernel, &w.network, w.session, proc, cfg, w.config.Pace, kinds, msgRequest); err != nil {
			return err
		}
		w.kernel.Host(proc, w.clients[i])
		w.network.Attach(proc)
		w.ids.clients = append(w.ids.clients, proc)
	}
	return nil
}

// begin starts every process at time 0.
func (w *World) begin() {
	c := &w.config
	w.stamp()
	w.kernel.ScheduleTimer(sim.Event{At: sim.Time(c.Window), To: refereeProc, Kind: evClose})
	w.engine.Lay()
	for _, n := range w.nodes[:c.Servers] {
		n.call(callStart, 0, 0, nil)
		if n.id == c.InitialLeader && n.up() {
			n.call(callCampaign, 0, 0, nil)
		}
		n.settle()
	}
	for _, cl := range w.clients[:c.Plan.Clients] {
		cl.Start()
	}
}

// stamp tells the judges the time.
func (w *World) stamp() { w.judges.Now(w.kernel.Steps(), int64(w.kernel.Now())) }

func (w *World) find(p checker.Property, rule string, node uint64, detail string) {
	w.findings.Add(checker.Violation{
		Property: p, Rule: rule, Step: w.kernel.Steps(), At: int64(w.kernel.Now()), Node: node, Detail: detail,
	})
}

// conclude makes the final checks and folds the final states.
func (w *World) conclude() *Outcome {
	o := &Outcome{Steps: w.kernel.Steps(), End: w.kernel.Now()}
	for _, cl := range w.clients[:w.config.Plan.Clients] {
		if err := cl.Err(); err != nil {
			w.find(checker.Linearizability, "answer-makes-no-sense", 0, err.Error())
		}
	}
	o.Judgement = w.session.Judge(w.judges.Executions(), w.config.Budget)
	o.Broken = o.Judgement.Contradiction
	o.Violations = append(o.Violations, w.judges.Findings.All()...)
	o.Violations = append(o.Violations, w.findings.All()...)
	o.Violations = append(o.Violations, o.Judgement.Violations...)
	sortViolations(o.Violations)
	d := w.kernel.Digest()
	for _, n := range w.nodes[:w.config.Servers] {
		n.foldState(d)
		addDisk(&w.counts.Disk, n.disk.Stats())
	}
	for _, cl := range w.clients[:w.config.Plan.Clients] {
		cl.FoldState(d)
	}
	o.Digest = d.Sum()
	w.counts.Network = w.network.Stats()
	w.counts.Faults = w.engine.Counts()
	w.counts.Faults.Add(w.hazards.Counts())
	w.counts.Operations = w.session.Operations()
	w.counts.Committed = w.judges.LedgerEnd()
	w.counts.Executed = uint64(len(w.judges.Executions()))
	o.Counts = w.counts
	for _, s := range w.vocab.Specs() {
		o.Fates[s.Purpose] = w.fates.Counts(s.Purpose)
	}
	if w.config.Record {
		o.Recorded = w.fates.Recorded()
	}
	for i := range w.config.Overrides {
		o.Hits = append(o.Hits, w.fates.Hits(i))
	}
	return o
}

func (w *World) describePacket(handle uint32, dst []byte) []byte {
	p := w.network.Packet(handle)
	dst = w.network.Describe(handle, dst, w.vocab)
	if p.Label.Kind >= msgRaft {
		var m raft.Message
		if raft.DecodeMessage(p.Bytes, &m) == nil {
			dst = raft.DescribeMessage(append(dst, "  "...), &m)
		}
	}
	return dst
}

// What faults may see and do: faults.World.

// Servers implements faults.World.
func (w *World) Servers() []sim.ProcID { return w.ids.servers }

// Clients implements faults.World.
func (w *World) Clients() []sim.ProcID { return w.ids.clients }

// Up implements faults.World.
func (w *World) Up(id sim.ProcID) bool { n := w.server(id); return n != nil && n.up() }

// Leader implements faults.World: the leader of the highest term that has one now.
func (w *World) Leader() sim.ProcID { return w.highest(raft.StateLeader) }

// AboutToWin implements faults.World: the candidate of the highest term.
func (w *World) AboutToWin() sim.ProcID { return w.highest(raft.StateCandidate) }

func (w *World) highest(role raft.Role) (id sim.ProcID) {
	var top uint64
	for _, n := range w.nodes[:w.config.Servers] {
		if n.running() {
			if st := n.server.Status(); st.Role == role && st.Term > top {
				id, top = n.proc, st.Term
			}
		}
	}
	return id
}

// Block implements faults.World.
func (w *World) Block(from, to sim.ProcID) { w.network.Block(from, to) }

// Unblock implements faults.World.
func (w *World) Unblock(from, to sim.ProcID) { w.network.Unblock(from, to) }

// Crash implements faults.World.
func (w *World) Crash(id sim.ProcID, down time.Duration) { w.server(id).kill(crashed, down) }

// PowerLoss implements faults.World.
func (w *World) PowerLoss(id sim.ProcID, down time.Duration) { w.server(id).kill(powerLost, down) }

// ScheduleHeal implements faults.World.
func (w *World) ScheduleHeal(at sim.Time, slot uint32) {
	w.kernel.Schedule(sim.Event{At: at, To: refereeProc, Kind: evHeal, Payload: slot})
}

func (w *World) server(id sim.ProcID) *node {
	if id < 1 || int(id) > w.config.Servers {
		return nil
	}
	return w.nodes[id-1]
}

// What the kernel asks: sim.World.

// Disturb implements sim.World.
func (w *World) Disturb(d sim.Disturbance) {
	w.stamp()
	w.engine.Disturb(d)
}

// Look implements sim.World.
func (w *World) Look(slot uint32) { w.engine.Look(slot) }
