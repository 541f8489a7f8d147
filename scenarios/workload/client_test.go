package workload_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

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

// oracle is a server that never fails: one copy of the map that answers each operation once, late, or not at all.
type oracle struct {
	network *network.Network
	kernel  *sim.Kernel
	proc    sim.ProcID
	machine *statemachine.KV
	done    map[[2]uint64][]byte
	deaf    uint64 // of ten requests, how many are not answered; all are answered from silence on
	heard   uint64
	silence sim.Time
	request client.Request
}

func (o *oracle) Deliver(ev sim.Event) {
	p := o.network.Arrive(ev.Payload)
	if p == nil {
		return
	}
	defer o.network.Release(ev.Payload)
	if err := client.DecodeRequest(p.Bytes, &o.request); err != nil {
		panic(err)
	}
	r := &o.request
	id := [2]uint64{r.Client, r.Seq}
	if o.done[id] == nil {
		o.done[id] = o.machine.Apply(uint64(len(o.done)+1), r.Command, nil)
	}
	if o.heard++; o.heard%10 < o.deaf && o.kernel.Now() < o.silence {
		return
	}
	o.network.Send(o.proc, 1024+sim.ProcID(r.Client), network.Label{Kind: 1, Epoch: sim.PairedEpoch(r.Client, r.Seq)},
		client.AppendReply(o.network.Buffer(), &client.Reply{Client: r.Client, Seq: r.Seq, Attempt: r.Attempt, Status: client.ReplyOK, Result: o.done[id]}))
}

func (o *oracle) Fold(sim.Event, *sim.Digest)             {}
func (o *oracle) Describe(_ sim.Event, dst []byte) []byte { return dst }

type noWorld struct{}

func (noWorld) Disturb(sim.Disturbance) {}
func (noWorld) Look(uint32)             {}

// witness watches what clients ask of their session.
type witness struct {
	workload.Session
	kernel  *sim.Kernel
	clients map[uint64]*watched
	final   bool
	problem string
}

type watched struct {
	outstanding bool
	seq         uint64
	began       []sim.Time
	ended       []sim.Time
	finals      []int64
	choices     []int64
}

func (w *witness) Invoke(id, seq uint64, choice int64, step uint64, dst []byte) ([]byte, error) {
	c := w.clients[id]
	if c == nil {
		c = new(watched)
		w.clients[id] = c
	}
	if c.outstanding || seq != c.seq+1 {
		w.problem = "an operation begins while another is outstanding, or out of order"
	}
	c.outstanding, c.seq = true, seq
	if w.final {
		c.finals = append(c.finals, choice)
	} else {
		c.began = append(c.began, w.kernel.Now())
		c.choices = append(c.choices, choice)
	}
	return w.Session.Invoke(id, seq, choice, step, dst)
}

func (w *witness) Complete(id, seq, step uint64, result []byte) error {
	w.end(id, seq)
	return w.Session.Complete(id, seq, step, result)
}

func (w *witness) Abandon(id, seq, step uint64) {
	w.end(id, seq)
	w.Session.Abandon(id, seq, step)
}

func (w *witness) end(id, seq uint64) {
	c := w.clients[id]
	if !c.outstanding || c.seq != seq {
		w.problem = "an operation ends that is not outstanding"
	}
	c.outstanding = false
	c.ended = append(c.ended, w.kernel.Now())
}

// A client is a closed loop that keeps its pace, and ends with one write and a read of every key, whatever is lost on the way.
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
		watch := &witness{Session: inner, kernel: &kernel, clients: make(map[uint64]*watched)}
		one := &oracle{
			network: &net, kernel: &kernel, machine: statemachine.NewKV(), done: make(map[[2]uint64][]byte), silence: window,
			deaf: uint64(rapid.IntRange(0, 9).Draw(rt, "deaf")),
		}
		cfg := client.Config{AttemptTimeout: 30 * time.Millisecond, OperationTimeout: 100 * time.Millisecond}
		for i := range servers {
			id := sim.ProcID(i + 1)
			cfg.Servers = append(cfg.Servers, uint64(id))
			o := *one // the copies share the map
			o.proc = id
			kernel.Host(id, &o)
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
		if watch.problem != "" {
			rt.Fatal(watch.problem)
		}
		for i := range clients {
			id := uint64(i + 1)
			c := watch.clients[id]
			if c == nil || !clients[i].Wrote() || clients[i].Err() != nil || c.outstanding {
				rt.Fatalf("c%d: wrote %v, %v, %+v", id, clients[i].Wrote(), clients[i].Err(), c)
			}
			for k := 1; k < len(c.began); k++ {
				gap, rest := c.began[k].Sub(c.began[k-1]), c.began[k].Sub(c.ended[k-1])
				if gap < pace.Interval || rest < 0 || !noisy && rest < pace.Pause {
					rt.Fatalf("c%d: operation %d begins %v after the one before began and %v after it ended; pace %+v", id, k, gap, rest, pace)
				}
			}
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
			if !slices.Equal(c.finals, want) || len(want) != plan.Keys+1 {
				rt.Fatalf("c%d: final operations %v, want %v", id, c.finals, want)
			}
		}
		if count := inner.Operations(); count.Invoked != count.Completed+count.Abandoned {
			rt.Fatalf("%+v: some operation did not end", count)
		}
		if j := inner.Judge(nil, 20_000); len(j.Violations) > 0 || j.Contradiction != "" {
			rt.Fatalf("answers of one copy that cannot be explained: %+v", j)
		}
	})
}
