package workload_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"raftsim/checker"
	"raftsim/network"
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
	"raftsim/scenarios/workload"
	"raftsim/sim"
)

const (
	evMessage uint8 = iota + 1
	evTimer
	evFinal
)

// oracle is a server that never fails: one copy of the map that does each operation once, in its turn in the session, and answers
// late or not at all. Several share a copy.
type oracle struct {
	*single
	proc sim.ProcID
}

// single is the one copy.
type single struct {
	network *network.Network
	kernel  *sim.Kernel
	asked   workload.Session // what was asked; the oracle compares
	machine *statemachine.KV
	index   uint64               // of the last entry
	order   []checker.Execution  // commands, as they took effect
	done    map[[2]uint64]answer // commands and openings that took effect
	last    map[uint64]uint64    // by session that lives: number of its last command, or of its opening
	owner   map[uint64]uint64    // by session that lives: its client
	deaf    uint64               // of ten requests, how many are not answered; all are answered from silence on
	heard   uint64
	silence sim.Time
	expire  uint64     // sessions end with every so manieth command until the silence; 0: never
	ends    []sim.Time // and at these times
	expired uint64     // commands refused because their session was gone
	request client.Request
	problem string
}

type answer struct {
	index, session uint64
	result         []byte
}

func (o oracle) Deliver(ev sim.Event) {
	p := o.network.Arrive(ev.Payload)
	if p == nil {
		return
	}
	defer o.network.Release(ev.Payload)
	if err := client.DecodeRequest(p.Bytes, &o.request); err != nil {
		panic(err)
	}
	r := &o.request
	reply := client.Reply{Client: r.Client, Seq: r.Seq, Attempt: r.Attempt, Status: client.ReplyOK}
	if !o.single.answer(r, &reply) {
		return
	}
	if o.heard++; o.heard%10 < o.deaf && o.kernel.Now() < o.silence {
		return
	}
	o.network.Send(o.proc, 1024+sim.ProcID(r.Client), network.Label{Kind: 1, Epoch: sim.PairedEpoch(r.Client, r.Seq)},
		client.AppendReply(o.network.Buffer(), &reply))
}

// answer fills in the reply, if there is one.
func (o *single) answer(r *client.Request, reply *client.Reply) bool {
	for len(o.ends) > 0 && o.ends[0] <= o.kernel.Now() {
		o.ends = o.ends[1:]
		clear(o.last)
	}
	if r.Kind != client.KindOpen && (r.Kind == client.KindRead) != (o.asked.Asked(r.Client, r.Seq) != client.ReadLog) {
		o.problem = "what goes through the log is not what the session thinks: " + r.String()
	}
	id := [2]uint64{r.Client, r.Seq}
	old, repeated := o.done[id]
	switch {
	case r.Kind == client.KindRead:
		if o.index < r.Index {
			o.problem = "a client has seen what is not there: " + r.String()
		}
		reply.Index, reply.Result = o.index, o.machine.Apply(0, r.Command, nil)
		return true
	case repeated && (r.Kind != client.KindOpen || o.last[old.session] != 0):
		reply.Index, reply.Session, reply.Result = old.index, old.session, old.result
		return true
	case r.Kind == client.KindOpen:
		o.index++
		o.last[o.index], o.owner[o.index] = r.Seq, r.Client
		reply.Index, reply.Session = o.index, o.index
		o.done[id] = answer{index: o.index, session: o.index}
		return true
	}
	if o.owner[r.Session] != r.Client {
		o.problem = "a command in a session of somebody else: " + r.String()
	}
	if o.expire > 0 && o.heard%o.expire == 0 && o.kernel.Now() < o.silence {
		delete(o.last, r.Session)
	}
	last := o.last[r.Session]
	switch {
	case last == 0:
		o.expired++
		reply.Status, reply.Index = client.ReplyExpired, o.index
		return true
	case r.Prev > last && r.Ack <= r.Prev || r.Seq < last:
		return false // too early, or given up
	}
	o.index++
	o.last[r.Session] = r.Seq
	reply.Index, reply.Result = o.index, o.machine.Apply(o.index, r.Command, nil)
	o.order = append(o.order, checker.Execution{Client: r.Client, Seq: r.Seq, Index: o.index})
	o.done[id] = answer{index: o.index, result: reply.Result}
	return true
}

func (o oracle) Fold(sim.Event, *sim.Digest)             {}
func (o oracle) Describe(_ sim.Event, dst []byte) []byte { return dst }

type noWorld struct{}

func (noWorld) Disturb(sim.Disturbance) {}
func (noWorld) Look(uint32)             {}

// witness watches what clients ask of their session.
type witness struct {
	workload.Session
	kernel  *sim.Kernel
	window  uint64
	clients map[uint64]*watched
	final   bool
	problem string
}

type watched struct {
	outstanding []uint64 // numbers, rising
	seq         uint64
	most        int // outstanding at once
	began       []sim.Time
	ended       []sim.Time
	choices     []int64
	finals      []finalOperation
}

// finalOperation is one of the final phase.
type finalOperation struct {
	choice    int64
	seq       uint64
	abandoned bool
}

func (w *witness) Invoke(id, seq uint64, choice int64, step uint64, dst []byte) ([]byte, error) {
	c := w.clients[id]
	if c == nil {
		c = new(watched)
		w.clients[id] = c
	}
	if seq <= c.seq {
		w.problem = "an operation has a number below that of an earlier one"
	}
	if len(c.outstanding) > 0 && seq-c.outstanding[0] >= w.window {
		w.problem = "an operation begins beyond the window"
	}
	c.outstanding, c.seq = append(c.outstanding, seq), seq
	c.most = max(c.most, len(c.outstanding))
	if w.final {
		c.finals = append(c.finals, finalOperation{choice: choice, seq: seq})
	} else {
		c.began = append(c.began, w.kernel.Now())
		c.choices = append(c.choices, choice)
	}
	return w.Session.Invoke(id, seq, choice, step, dst)
}

func (w *witness) Complete(id, seq, step, index uint64, result []byte) error {
	w.end(id, seq)
	return w.Session.Complete(id, seq, step, index, result)
}

func (w *witness) Abandon(id, seq, step uint64) {
	w.end(id, seq)
	for i := range w.clients[id].finals {
		if f := &w.clients[id].finals[i]; f.seq == seq {
			f.abandoned = true
		}
	}
	w.Session.Abandon(id, seq, step)
}

func (w *witness) end(id, seq uint64) {
	c := w.clients[id]
	at, ok := slices.BinarySearch(c.outstanding, seq)
	if !ok {
		w.problem = "an operation ends that is not outstanding"
		return
	}
	c.outstanding = slices.Delete(c.outstanding, at, at+1)
	c.ended = append(c.ended, w.kernel.Now())
}

// checkPace compares when operations began with the pace of a client, and in a closed loop with the ends of those before.
func (c *watched) checkPace(t *rapid.T, pace workload.Pace, closed, noisy bool) {
	for k := 1; k < len(c.began); k++ {
		gap, least := c.began[k].Sub(c.began[k-1]), pace.Interval
		if !noisy && !closed {
			least += pace.Pause
		}
		if gap < least {
			t.Fatalf("operation %d begins %v after the one before; pace %+v", k, gap, pace)
		}
		if !closed {
			continue
		}
		if rest := c.began[k].Sub(c.ended[k-1]); rest < 0 || !noisy && rest < pace.Pause {
			t.Fatalf("operation %d begins %v after the one before ended; pace %+v", k, rest, pace)
		}
	}
}

// checkFinals wants all final operations in their order, begun anew where the write of the beginning was lost with its session. What
// was under way beside it may come between.
func (c *watched) checkFinals(t *rapid.T, want []int64) {
	next := 0
	for i, f := range c.finals {
		if f.choice == want[0] && i > 0 && slices.ContainsFunc(c.finals[:i], func(f finalOperation) bool { return f.choice == want[0] && f.abandoned }) {
			next = 0
		}
		if next == len(want) || f.choice != want[next] {
			t.Fatalf("final operations %+v, want %v", c.finals, want)
		}
		next++
	}
	if next != len(want) {
		t.Fatalf("final operations %+v, want %v", c.finals, want)
	}
}

// A client keeps its pace and its window, and ends with one write and a read of every key, whatever is lost on the way: requests,
// answers, sessions.
func TestClientProcess(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		app := workload.KV{}
		plan := drawPlan(rt)
		pace := workload.Pace{
			Interval: time.Duration(rapid.IntRange(0, 60).Draw(rt, "interval")) * time.Millisecond,
			Pause:    time.Duration(rapid.IntRange(0, 40).Draw(rt, "pause")) * time.Millisecond,
		}
		noisy := rapid.Bool().Draw(rt, "noisy")
		servers := rapid.IntRange(1, 3).Draw(rt, "servers")
		window := sim.Time(time.Duration(rapid.IntRange(0, 900).Draw(rt, "window")) * time.Millisecond)
		inner := app.NewSession()
		if err := inner.Reset(plan); err != nil {
			rt.Fatal(err)
		}
		specs := append(network.Specs([]string{"request", "reply"}), workload.Specs(app)...)
		v, err := sim.NewVocabulary([]sim.ProcName{{Prefix: "n", First: 1, Last: 1023}, {Prefix: "c", Base: 1024, First: 1025, Last: 2047}}, specs...)
		if err != nil {
			rt.Fatal(err)
		}
		fates, err := sim.NewFates(sim.FatesConfig{
			Vocabulary: v, Noisy: noisy, Seed: rapid.Uint64().Draw(rt, "seed"), CheckOnce: true, CloseAt: max(window, 1),
			Noise: func(p sim.Purpose) sim.Noise {
				switch p {
				case network.PurposeLost:
					return network.Noise{Lost: sim.Ratio{Num: 1, Den: 5}}.For(p)
				case workload.PurposeOperation:
					return sim.Noise{Chance: sim.Ratio{Num: 1, Den: 1}, Draw: func(w *sim.Words) sim.Value {
						return sim.Value{N: inner.Draw(w), For: w.Between(0, int64(20*time.Millisecond))}
					}}
				}
				return sim.Noise{}
			},
		})
		if err != nil {
			rt.Fatal(err)
		}
		var kernel sim.Kernel
		var net network.Network
		kernel.Reset(fates, noWorld{}, sim.Bounds{}, nil)
		net.Reset(&kernel, network.Config{Delay: time.Millisecond, Spread: 3 * time.Millisecond, EventKind: evMessage})
		one := &single{
			network: &net, kernel: &kernel, asked: inner, machine: statemachine.NewKV(), silence: window,
			done: make(map[[2]uint64]answer), last: make(map[uint64]uint64), owner: make(map[uint64]uint64),
			deaf:   uint64(rapid.IntRange(0, 9).Draw(rt, "deaf")),
			expire: uint64(rapid.SampledFrom([]int{0, 0, 7, 50}).Draw(rt, "expire")),
		}
		for _, after := range rapid.SliceOfN(rapid.IntRange(0, 300), 0, 3).Draw(rt, "ends") {
			one.ends = append(one.ends, window.Add(time.Duration(after)*time.Millisecond))
		}
		slices.Sort(one.ends)
		cfg := client.Config{
			AttemptTimeout: 30 * time.Millisecond, OperationTimeout: 100 * time.Millisecond, Monotonic: plan.Monotonic,
			Window: rapid.SampledFrom([]int{0, 1, 2, 5, client.MaxWindow}).Draw(rt, "operations at a time"),
			Sticky: rapid.Bool().Draw(rt, "sticky"), Spread: rapid.Bool().Draw(rt, "spread"),
		}
		watch := &witness{Session: inner, kernel: &kernel, window: uint64(max(cfg.Window, 1)), clients: make(map[uint64]*watched)}
		for i := range servers {
			id := sim.ProcID(i + 1)
			cfg.Servers = append(cfg.Servers, uint64(id))
			kernel.Host(id, oracle{one, id})
			net.Attach(id)
		}
		clients := make([]workload.Client, plan.Clients)
		for i := range clients {
			cfg.Client = uint64(i + 1)
			proc := 1024 + sim.ProcID(i+1)
			kinds := workload.EventKinds{Message: evMessage, Timer: evTimer, Final: evFinal}
			if err := clients[i].Reset(&kernel, &net, watch, proc, cfg, pace, kinds, 0); err != nil {
				rt.Fatal(err)
			}
			kernel.Host(proc, &clients[i])
			net.Attach(proc)
			clients[i].Start()
		}
		if err := kernel.Run(window); err != nil {
			rt.Fatal(err)
		}
		fates.CloseFaults()
		watch.final = true
		for i := range clients {
			if clients[i].Wrote() {
				rt.Fatalf("c%d has written in the final phase before it began", i+1)
			}
			kernel.Schedule(sim.Event{At: kernel.Now(), To: 1024 + sim.ProcID(i+1), Kind: evFinal})
		}
		if err := kernel.Run(window + sim.Time(time.Minute)); err != nil {
			rt.Fatal(err)
		}
		if watch.problem != "" || one.problem != "" {
			rt.Fatal(watch.problem, one.problem)
		}
		for i := range clients {
			id := uint64(i + 1)
			c := watch.clients[id]
			if c == nil || !clients[i].Wrote() || clients[i].Err() != nil || len(c.outstanding) > 0 {
				rt.Fatalf("c%d: wrote %v, %v, %+v", id, clients[i].Wrote(), clients[i].Err(), c)
			}
			c.checkPace(rt, pace, watch.window == 1, noisy)
			for k, choice := range c.choices {
				if !noisy && choice != inner.Calm(id, uint64(k)) {
					rt.Fatalf("c%d: operation %d is not the calm one", id, k)
				}
			}
			var want []int64
			for k := uint64(0); ; k++ {
				choice, ok := inner.Final(id, k)
				if !ok {
					break
				}
				want = append(want, choice)
			}
			all := plan.Keys + 1
			if plan.FinalReads {
				if all += 6; id <= 2 {
					all += 200
				}
			}
			if len(want) != all || clients[i].Owed() != 0 {
				rt.Fatalf("c%d: %d final operations, want %d; %d are owed", id, len(want), all, clients[i].Owed())
			}
			c.checkFinals(rt, want)
		}
		if count := inner.Operations(); count.Invoked != count.Completed+count.Abandoned {
			rt.Fatalf("%+v: some operation did not end", count)
		}
		if j := inner.Judge(one.order, 20_000); len(j.Violations) > 0 || j.Contradiction != "" {
			rt.Fatalf("answers of one copy that cannot be explained: %+v", j)
		}
	})
}

// crowd is clients and one server in a calm world.
type crowd struct {
	kernel  sim.Kernel
	network network.Network
	fates   *sim.Fates
	session workload.Session
	watch   *witness
	server  *single
	clients []workload.Client
}

func newCrowd(t *testing.T, plan workload.Plan, window int, pace workload.Pace) *crowd {
	t.Helper()
	app := workload.KV{}
	w := &crowd{session: app.NewSession(), clients: make([]workload.Client, plan.Clients)}
	if err := w.session.Reset(plan); err != nil {
		t.Fatal(err)
	}
	v, err := sim.NewVocabulary([]sim.ProcName{{Prefix: "n", First: 1, Last: 1023}, {Prefix: "c", Base: 1024, First: 1025, Last: 2047}},
		append(network.Specs([]string{"request", "reply"}), workload.Specs(app)...)...)
	if err != nil {
		t.Fatal(err)
	}
	if w.fates, err = sim.NewFates(sim.FatesConfig{Vocabulary: v, CloseAt: 1}); err != nil {
		t.Fatal(err)
	}
	w.kernel.Reset(w.fates, noWorld{}, sim.Bounds{}, nil)
	w.network.Reset(&w.kernel, network.Config{Delay: 10 * time.Millisecond, EventKind: evMessage})
	w.watch = &witness{Session: w.session, kernel: &w.kernel, window: uint64(window), clients: make(map[uint64]*watched)}
	w.server = &single{
		network: &w.network, kernel: &w.kernel, asked: w.session, machine: statemachine.NewKV(),
		done: make(map[[2]uint64]answer), last: make(map[uint64]uint64), owner: make(map[uint64]uint64),
	}
	w.kernel.Host(1, oracle{w.server, 1})
	w.network.Attach(1)
	for i := range w.clients {
		cfg := client.Config{
			Client: uint64(i + 1), Servers: []uint64{1}, AttemptTimeout: 100 * time.Millisecond, OperationTimeout: time.Second, Window: window,
		}
		proc := 1024 + sim.ProcID(i+1)
		kinds := workload.EventKinds{Message: evMessage, Timer: evTimer, Final: evFinal}
		if err := w.clients[i].Reset(&w.kernel, &w.network, w.watch, proc, cfg, pace, kinds, 0); err != nil {
			t.Fatal(err)
		}
		w.kernel.Host(proc, &w.clients[i])
		w.network.Attach(proc)
		w.clients[i].Start()
	}
	return w
}

func (w *crowd) run(t *testing.T, until time.Duration) {
	t.Helper()
	if err := w.kernel.Run(sim.Time(until)); err != nil {
		t.Fatal(err)
	}
}

// A window is used: with a pause far below the time of an answer so many operations are under way at once, and the throughput is that
// many times a closed loop's.
func TestWindowIsUsed(t *testing.T) {
	base := uint64(0)
	for _, window := range []int{1, 2, 4, 8} {
		w := newCrowd(t, workload.Plan{Clients: 2, Keys: 2, Classes: allClasses}, window, workload.Pace{Pause: time.Millisecond})
		w.run(t, 5*time.Second)
		for id, c := range w.watch.clients {
			if c.most != window {
				t.Errorf("window %d: c%d had at most %d operations under way", window, id, c.most)
			}
		}
		done := w.session.Operations().Completed
		if window == 1 {
			base = done
		}
		if want := base * uint64(window); done < want*8/10 || done > want*12/10 {
			t.Errorf("window %d: %d operations completed, %d in a closed loop", window, done, base)
		}
		if w.watch.problem != "" || w.server.problem != "" {
			t.Error(w.watch.problem, w.server.problem)
		}
	}
}

// A session that ends under the last write costs the write, not the demand for one: it is asked for again, in a session of its own,
// until it completes.
func TestFinalWriteSurvivesItsSession(t *testing.T) {
	for _, window := range []int{1, 3} {
		w := newCrowd(t, workload.Plan{Clients: 1, Keys: 2, Classes: allClasses}, window, workload.Pace{Pause: 5 * time.Millisecond})
		w.run(t, time.Second)
		w.watch.final = true
		begin := w.kernel.Now()
		// Each ends the session while an attempt at the write is under way.
		w.server.ends = []sim.Time{begin.Add(time.Millisecond), begin.Add(61 * time.Millisecond), begin.Add(121 * time.Millisecond)}
		w.kernel.Schedule(sim.Event{At: begin, To: 1025, Kind: evFinal})
		w.run(t, 2*time.Second)
		c := w.watch.clients[1]
		lost := 0
		for _, f := range c.finals {
			if f.abandoned {
				lost++
			}
		}
		if w.server.expired < 2 || lost == 0 || !w.clients[0].Wrote() || len(c.outstanding) > 0 {
			t.Errorf("window %d: %d commands of sessions that were gone, %d final operations lost, wrote %v, outstanding %v",
				window, w.server.expired, lost, w.clients[0].Wrote(), c.outstanding)
		}
		last := c.finals[len(c.finals)-3:]
		for k := range uint64(3) {
			if want, _ := w.session.Final(1, k); last[k].choice != want || k == 0 && last[k].abandoned {
				t.Errorf("window %d: the last operations are %+v; number %d is not %d, or the write is lost", window, last, k, want)
			}
		}
		if j := w.session.Judge(w.server.order, 20_000); len(j.Violations) > 0 || j.Contradiction != "" {
			t.Errorf("window %d: %+v", window, j)
		}
	}
}
