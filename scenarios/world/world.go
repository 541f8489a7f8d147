package world

import (
	"fmt"
	"time"

	"raftsim/checker"
	"raftsim/faults"
	"raftsim/network"
	"raftsim/raft"
	"raftsim/raft/client"
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
	executor workload.Executor          // the session, if it is one
	broken   *workload.ApplicationError // the run is void
	nodes    []*node                    // by id - 1
	clients  []*workload.Client
	fronts   []*frontProc
	referee  referee
	operator operator
	ledger   diskJudge
	watch    watcher
	story    *story          // nil where nobody listens
	asked    [32][]askedRead // by client
	commits  commitTimes
	// clocksBroken: a clock has been worse than the bound that leases allow for.
	clocksBroken bool
	read         uint64   // index of the newest entry whose stamp was read
	members      struct { // newest configuration known committed
		index            uint64
		voters, learners faults.Side
	}
	ids      struct{ servers, clients, fronts []sim.ProcID }
	findings checker.Findings // of the harness: panics, halts, liveness
	counts   Counts
}

// Outcome is what a run came to.
type Outcome struct {
	Digest     uint64
	Steps      uint64
	End        sim.Time
	Violations []checker.Violation // of all judges, by step
	Observed   []checker.Violation // what would be one if the case were within the contract
	Judgement  workload.Judgement
	Broken     string // the harness contradicted itself; "" if not
	Counts     Counts
	Own        []OwnCount     // what only a protocol counts that runs in place of Raft, always in the same order
	Fates      [256]sim.Count // by purpose
	Recorded   []sim.Disturbance
	Hits       []uint32 // by override
}

// OwnCount is a number of a protocol's own, under a name that does not change.
type OwnCount struct {
	Group string // of a report: "register"
	Name  string // "ties_broken"
	Count uint64
}

// Run runs one case. An error means that the configuration cannot be run, or that the application's own code failed
// (*workload.ApplicationError); whatever the system under test does is in the outcome.
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
	o := w.conclude()
	if err := w.failed(o); err != nil {
		return nil, err
	}
	return o, nil
}

// failed returns what the application's own code could not do, nil if nothing: there is no outcome then.
func (w *World) failed(o *Outcome) error {
	broken := w.broken
	for _, cl := range w.clients[:w.config.Plan.Clients] {
		if broken == nil {
			broken = cl.Broken()
		}
	}
	if broken == nil && o.Judgement.Broken != "" {
		broken = &workload.ApplicationError{Problem: o.Judgement.Broken}
	}
	if broken == nil {
		return nil
	}
	return &workload.ApplicationError{Application: w.config.Application.Name(), Problem: broken.Problem}
}

func (w *World) assemble(v *sim.Vocabulary, c Config) error {
	if c.Servers < 1 || c.Spares < 0 || c.Servers+c.Spares > 31 || c.Plan.Clients < 1 || c.Plan.Clients > 30 {
		return fmt.Errorf("world: 1 to 31 servers, spares among them, and 1 to 30 clients, not %d, %d and %d", c.Servers, c.Spares, c.Plan.Clients)
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
	w.executor, _ = w.session.(workload.Executor)
	w.broken = nil
	if w.story = newStory(w, &c); w.story != nil {
		c.Tracer = storyTracer{w.story}
		w.session = &toldSession{w.session, w.story}
	}
	if c.Meter != nil {
		w.session = newMeteredSession(w, w.session, c.Meter)
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
	c.Network.EventKind, c.Network.Replaceable, c.Network.Append = evMessage, msgRaft, msgRaft+uint8(raft.MsgApp)
	if err := c.Network.Validate(); err != nil {
		return err
	}
	c.Network.Number = c.Network.Number || c.Tracer != nil
	w.network.Reset(&w.kernel, c.Network)
	w.ordinals.Reset()
	w.judges.WatchDisks = true
	w.judges.DecodedDisks = c.DecodeDisks
	w.judges.Reset(c.Servers)
	w.ledger.reset(w)
	w.watch.reset(c.Servers + c.Spares)
	w.clocksBroken, w.read = false, 0
	w.commits = w.commits[:0]
	for i := range w.asked {
		w.asked[i] = w.asked[i][:0]
	}
	w.members.index, w.members.voters, w.members.learners = 0, sideOf(serverNumbers(c.Servers)), 0
	w.findings.Reset()
	w.counts = Counts{}
	w.ids.servers, w.ids.clients = w.ids.servers[:0], w.ids.clients[:0]
	if err := w.addServers(); err != nil {
		return err
	}
	if err := w.addClients(); err != nil {
		return err
	}
	if err := w.addFronts(); err != nil {
		return err
	}
	w.referee = referee{world: w}
	w.kernel.Host(refereeProc, &w.referee)
	w.operator = operator{world: w, change: raft.ConfChange{Changes: w.operator.change.Changes[:0]}}
	w.kernel.Host(operatorProc, &w.operator)
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
		if err := CheckDisturbance(w.vocab, w.config.Application, d, w.slots(), w.config.Routing.Fronts, w.config.Plan); err != nil {
			return err
		}
	}
	return nil
}

// CheckDisturbance refuses a disturbance about what a run with so many servers, spares included, and this plan does not have: a
// process, or a key of the map.
func CheckDisturbance(v *sim.Vocabulary, app workload.Application, d sim.Disturbance, servers, fronts int, plan workload.Plan) error {
	s, spec := d.Key.Subject(), v.Spec(d.Key.Purpose())
	missing := func(name any) error {
		there := fmt.Sprintf("servers n1..n%d and clients c1..c%d", servers, plan.Clients)
		if fronts > 0 {
			there = fmt.Sprintf("servers n1..n%d, clients c1..c%d and fronts f1..f%d", servers, plan.Clients, fronts)
		}
		return fmt.Errorf("%s does not exist: there are %s", name, there)
	}
	for _, part := range [...]struct {
		used sim.Fields
		id   sim.ProcID
	}{{sim.FieldA, s.A}, {sim.FieldB, s.B}} {
		exists := part.id >= 1 && int(part.id) <= servers || part.id > clientBase && int(part.id-clientBase) <= plan.Clients ||
			part.id > frontBase && int(part.id-frontBase) <= fronts
		if spec.Fields&part.used != 0 && !exists {
			return missing(v.AppendProc(nil, part.id))
		}
	}
	isServer := func(id sim.ProcID) bool { return id < clientBase }
	name := func(id sim.ProcID) []byte { return v.AppendProc(nil, id) }
	switch p := d.Key.Purpose(); {
	case p == network.PurposeLost, p == network.PurposeDoubled, p == network.PurposeLate:
		if s.A == s.B || !goes(s.Kind, s.A, s.B) {
			return fmt.Errorf("no message of kind %s goes from %s to %s", MessageKinds()[s.Kind], name(s.A), name(s.B))
		}
	case disk.Owns(p), p == PurposeElection:
		if !isServer(s.A) {
			return fmt.Errorf("%s is a %s: %s is about servers", name(s.A), sort(s.A), spec.Name)
		}
	case p == workload.PurposeOperation:
		if isServer(s.A) || isFront(s.A) {
			return fmt.Errorf("%s is a %s: op is about clients", name(s.A), sort(s.A))
		}
		if !d.Value.Calm() {
			return app.CheckChoice(plan, d.Value.N)
		}
	}
	if isFront(s.A) || isFront(s.B) {
		return checkFront(d, v)
	}
	who := Config{Servers: servers, Plan: plan}
	return faults.Check(d, who.present())
}

func serverNumbers(n int) []uint64 {
	ids := make([]uint64, n)
	for i := range ids {
		ids[i] = uint64(i + 1)
	}
	return ids
}

// slots is how many servers there may be: the first members and the spares.
func (w *World) slots() int { return w.config.Servers + w.config.Spares }

func (w *World) addServers() error {
	members := raft.ConfState{Voters: serverNumbers(w.config.Servers)}
	options := w.config.Disk
	options.EventKind = evSync
	for i := range w.slots() {
		id := uint64(i + 1)
		if i == len(w.nodes) {
			n := &node{world: w, proc: sim.ProcID(id), id: id}
			n.disk = disk.New(&w.kernel, n.proc, options)
			w.nodes = append(w.nodes, n)
		}
		n := w.nodes[i]
		*n = node{
			world: w, proc: n.proc, id: id, disk: n.disk, writes: n.writes[:0], missed: n.missed[:0], reading: n.reading[:0],
			labour:  labour{backlog: n.labour.backlog[:0]},
			message: raft.Message{Entries: n.message.Entries[:0]}, told: told{terms: n.told.terms[:0]},
		}
		n.disk.Reset(options)
		if i < w.config.Servers {
			n.state = member
			if err := n.disk.Setup(func(fsys vfsFS) error { return server.Bootstrap(fsys, id, members) }); err != nil {
				return fmt.Errorf("world: setup of n%d: %w", id, err)
			}
			w.ledger.begin(n)
		}
		w.kernel.Host(n.proc, n)
		w.network.Attach(n.proc)
		w.ids.servers = append(w.ids.servers, n.proc)
	}
	return nil
}

func (w *World) addClients() error {
	for i := range w.config.Plan.Clients {
		if i == len(w.clients) {
			w.clients = append(w.clients, new(workload.Client))
		}
		cfg := w.config.Client
		cfg.Client = uint64(i + 1)
		w.routes(&cfg)
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
		n.call(callStart, 0, disk.Completion{})
		if n.id == c.InitialLeader && n.up() {
			n.call(callCampaign, 0, disk.Completion{})
		}
		n.settle()
	}
	for _, cl := range w.clients[:c.Plan.Clients] {
		cl.Start()
	}
	if len(c.Memberships) > 0 {
		w.operator.wake(4 * c.Raft.ElectionTimeout)
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
	w.story.end()
	w.meterClients()
	w.turnOut(w.nodes[0], true)
	w.judges.Close()
	for _, cl := range w.clients[:w.config.Plan.Clients] {
		if err := cl.Err(); err != nil {
			w.find(checker.Linearizability, "answer-makes-no-sense", 0, err.Error())
		}
		for _, seq := range cl.Undone() {
			w.judges.Undone(cl.ID(), seq)
			w.counts.Undone++
		}
	}
	o.Judgement = w.session.Judge(w.judges.Executions(), w.config.Budget)
	o.Broken = o.Judgement.Contradiction
	o.Violations = append(o.Violations, w.judges.Findings.All()...)
	o.Violations = append(o.Violations, w.findings.All()...)
	o.Violations = append(o.Violations, o.Judgement.Violations...)
	sortViolations(o.Violations)
	o.Observed = o.Judgement.Observations
	d := w.kernel.Digest()
	for _, n := range w.nodes[:w.slots()] {
		n.foldState(d)
		stats := n.disk.Stats()
		w.counts.Disk.Add(&stats)
	}
	for _, cl := range w.clients[:w.config.Plan.Clients] {
		cl.FoldState(d)
	}
	w.tallyRouting(w.clients[:w.config.Plan.Clients], d)
	o.Digest = d.Sum()
	w.counts.Network = w.network.Stats()
	w.counts.Faults = w.engine.Counts()
	w.counts.Faults.Add(w.hazards.Counts())
	w.counts.Operations = w.session.Operations()
	w.counts.Locks = o.Judgement.Locks
	w.counts.Committed = w.judges.LedgerEnd()
	w.counts.Situations[SituationOutcomeUnknown] = w.counts.Operations.Abandoned
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
	switch p.Label.Kind {
	case msgRequest, msgForward:
		var r client.Request
		if client.DecodeRequest(p.Bytes, &r) == nil {
			dst = r.AppendText(append(dst, "  "...))
			dst = w.session.Describe(append(dst, "  "...), r.Client, r.Seq)
		}
	case msgReply, msgBeacon:
	default:
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
func (w *World) Leader() sim.ProcID { return w.highest(raft.StateLeader, false) }

// AboutToWin implements faults.World: the candidate of the highest term.
func (w *World) AboutToWin() sim.ProcID { return w.highest(raft.StateCandidate, false) }

// Reading implements faults.World.
func (w *World) Reading() sim.ProcID { return w.highest(raft.StateLeader, true) }

func (w *World) highest(role raft.Role, reading bool) (id sim.ProcID) {
	var top uint64
	for _, n := range w.nodes[:w.slots()] {
		if n.running() && (!reading || len(n.reading) > 0) {
			if st := n.server.Status(); st.Role == role && st.Term > top {
				id, top = n.proc, st.Term
			}
		}
	}
	return id
}

// Members implements faults.World.
func (w *World) Members() (voters, learners faults.Side) {
	if n := w.server(w.Leader()); n != nil {
		conf := n.configuration()
		return sideOf(conf.Voters), sideOf(conf.Learners)
	}
	return w.members.voters, w.members.learners
}

// Transfer implements faults.World.
func (w *World) Transfer(to sim.ProcID) bool {
	n := w.server(w.Leader())
	if n == nil || n.paused > 0 {
		return false
	}
	err := n.call(callTransfer, uint32(to), disk.Completion{})
	n.settle()
	return err == nil
}

// Snapshot implements faults.World.
func (w *World) Snapshot(id sim.ProcID) bool {
	n := w.server(id)
	if !n.running() || n.paused > 0 {
		return false
	}
	err := n.call(callSnapshot, 0, disk.Completion{})
	n.settle()
	return err == nil
}

// StallDisk implements faults.World.
func (w *World) StallDisk(id sim.ProcID, d time.Duration) {
	w.server(id).disk.Stall(w.kernel.Now().Add(d))
}

// Damage implements faults.World.
func (w *World) Damage(id sim.ProcID, what faults.Damage) bool {
	n := w.server(id)
	d := n.disk
	switch what.Kind {
	case faults.DamageRot:
		if !d.Rot(what.File, what.Place, uint64(what.Bits)) {
			return false
		}
	case faults.DamageUnreadable:
		if !d.Unreadable(what.File, what.Place) {
			return false
		}
	case faults.DamageLoseWrite:
		d.LoseWrite(what.Place)
	case faults.DamageMisdirect:
		d.Misdirect(what.Place, what.To)
	case faults.DamageWipe:
		d.Wipe()
		n.wiped = true
		w.ledger.wiped(n)
	}
	n.harmed = true
	w.judges.Damaged(n.id)
	return true
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
	if id < 1 || int(id) > w.slots() {
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
