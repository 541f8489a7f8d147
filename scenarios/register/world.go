package register

import (
	"fmt"

	"raftsim/checker"
	"raftsim/faults"
	"raftsim/network"
	"raftsim/scenarios/register/abd"
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
	history  history
	nodes    []*node // by id - 1
	clients  []*client
	replicas []uint64
	referee  referee
	ids      struct{ servers, clients []sim.ProcID }
	findings checker.Findings
	counts   Counts
	line     []byte // of the narrator
}

// Outcome is what a run came to.
type Outcome struct {
	Digest     uint64
	Steps      uint64
	End        sim.Time
	Violations []checker.Violation // of the protocol's own judges, by step
	Report     *checker.Report     // on the answers of clients
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
	if err := w.kernel.Run(sim.Time(c.Window + c.Liveness)); err != nil {
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
	if c.Servers < 1 || c.Servers > maxServers || c.Clients < 1 || c.Clients > maxClients || c.Keys < 1 || c.Keys > abd.MaxKeys {
		return fmt.Errorf("register: 1 to %d servers, 1 to %d clients and 1 to %d keys, not %d, %d and %d",
			maxServers, maxClients, abd.MaxKeys, c.Servers, c.Clients, c.Keys)
	}
	w.config, w.vocab = c, v
	tracer, _ := c.Tracer.(sim.DisturbanceTracer)
	err := w.fates.Reset(sim.FatesConfig{
		Tracer: tracer, Vocabulary: v, Noisy: c.Noisy, Seed: c.Seed, Noise: c.noise(), Masks: c.Masks, Overrides: c.Overrides,
		CloseAt: sim.Time(c.Window), Grace: sim.Time(c.Unit), CheckOnce: c.CheckOnce, Record: c.Record,
	})
	if err != nil {
		return err
	}
	for _, d := range c.Overrides {
		if err := CheckDisturbance(v, d, c.Servers, c.Clients, c.Keys); err != nil {
			return err
		}
	}
	w.kernel.Reset(&w.fates, w, c.Bounds, c.Tracer)
	c.Network.EventKind = evMessage
	if err := c.Network.Validate(); err != nil {
		return err
	}
	c.Network.Number = c.Network.Number || c.Tracer != nil
	w.network.Reset(&w.kernel, c.Network)
	w.history.reset()
	w.findings.Reset()
	w.counts = Counts{}
	w.addServers()
	if err := w.addClients(); err != nil {
		return err
	}
	w.referee = referee{world: w}
	w.kernel.Host(refereeProc, &w.referee)
	w.hazards.Reset(&w.fates)
	w.engine.Reset(&w.kernel, w, c.Faults)
	return nil
}

func (w *World) addServers() {
	options := w.config.Disk
	options.EventKind = evSync
	w.ids.servers, w.replicas = w.ids.servers[:0], w.replicas[:0]
	for i := range w.config.Servers {
		id := sim.ProcID(i + 1)
		if i == len(w.nodes) {
			w.nodes = append(w.nodes, &node{disk: disk.New(&w.kernel, id, options)})
		}
		n := w.nodes[i]
		*n = node{world: w, proc: id, disk: n.disk, missed: n.missed[:0], told: n.told[:0]}
		n.disk.Reset(options)
		w.kernel.Host(id, n)
		w.network.Attach(id)
		w.ids.servers, w.replicas = append(w.ids.servers, id), append(w.replicas, uint64(id))
	}
}

func (w *World) addClients() error {
	w.ids.clients = w.ids.clients[:0]
	for i := range w.config.Clients {
		if i == len(w.clients) {
			w.clients = append(w.clients, new(client))
		}
		c := w.clients[i]
		if err := c.reset(w, i+1); err != nil {
			return err
		}
		w.kernel.Host(c.proc, c)
		w.network.Attach(c.proc)
		w.ids.clients = append(w.ids.clients, c.proc)
	}
	return nil
}

// begin starts every process at time 0.
func (w *World) begin() {
	w.kernel.ScheduleTimer(sim.Event{At: sim.Time(w.config.Window), To: refereeProc, Kind: evClose})
	w.engine.Lay()
	for _, n := range w.nodes[:w.config.Servers] {
		n.start()
	}
	for _, c := range w.clients[:w.config.Clients] {
		c.start()
	}
}

func (w *World) find(p checker.Property, rule string, node uint64, detail string) {
	w.findings.Add(checker.Violation{
		Property: p, Rule: rule, Step: w.kernel.Steps(), At: int64(w.kernel.Now()), Node: node, Detail: detail,
	})
}

// conclude judges the answers and folds the final states.
func (w *World) conclude() *Outcome {
	o := &Outcome{Steps: w.kernel.Steps(), End: w.kernel.Now(), Report: w.history.judge(w.config.Budget)}
	o.Violations = append(o.Violations, w.findings.All()...)
	d, c := w.kernel.Digest(), &w.counts
	for _, n := range w.nodes[:w.config.Servers] {
		n.foldState(d)
		stats := n.disk.Stats()
		c.Disk.Add(&stats)
		if n.up() {
			c.addReplica(n.replica.Stats())
		}
	}
	for _, cl := range w.clients[:w.config.Clients] {
		cl.foldState(d)
		s := cl.core.Stats()
		c.Repeats += s.Repeats
		c.LateAnswers += s.Late
	}
	o.Digest = d.Sum()
	n := &w.history.count
	c.Invoked, c.Completed, c.Abandoned, c.Reads, c.Writes = n.invoked, n.completed, n.abandoned, n.reads, n.writes
	c.ReadsAgreed, c.ReadsWrittenBack, c.WritesHelped = n.agreed, n.wroteBack, n.helped
	c.Network = w.network.Stats()
	c.Faults = w.engine.Counts()
	c.Faults.Add(w.hazards.Counts())
	o.Counts = *c
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

// send puts a message on its way.
func (w *World) send(from, to sim.ProcID, m *abd.Message) {
	w.counts.Sent[m.Kind]++
	w.network.Send(from, to, label(m), abd.AppendMessage(w.network.Buffer(), m))
}

func (w *World) describePacket(handle uint32, dst []byte) []byte {
	var m abd.Message
	dst = w.network.Describe(handle, dst, w.vocab)
	if abd.DecodeMessage(w.network.Packet(handle).Bytes, &m) == nil {
		dst = m.AppendText(append(dst, "  "...))
	}
	return dst
}
