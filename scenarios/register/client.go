package register

import (
	"fmt"
	"math"
	"time"

	"raftsim/checker"
	"raftsim/scenarios/register/abd"
	"raftsim/sim"
)

// client is one client process: a closed loop that chooses its next operation when the last one is over.
type client struct {
	world *World
	core  abd.Client
	proc  sim.ProcID
	id    uint64

	asked     uint64 // operations chosen before the final phase
	finals    uint64 // operations begun in the final phase
	seq       uint64
	choice    int64    // of the operation to begin next
	beginAt   sim.Time // when to begin it; Never while none is chosen
	lastBegin sim.Time
	alarm     sim.Alarm
	final     bool
	wrote     bool // in the final phase
	message   abd.Message
}

func (c *client) reset(w *World, id int) error {
	*c = client{world: w, core: c.core, proc: clientBase + sim.ProcID(id), id: uint64(id)}
	return c.core.Reset(abd.ClientConfig{
		ID: c.id, Replicas: w.replicas, AttemptTimeout: w.config.AttemptTimeout, OperationTimeout: w.config.OperationTimeout,
	})
}

// start chooses the first operation. The first beginnings of clients lie a little apart.
func (c *client) start() {
	c.plan(sim.Time(c.id) * sim.Time(time.Millisecond))
	c.arm()
}

// Deliver implements sim.Process.
func (c *client) Deliver(ev sim.Event) {
	k, net := &c.world.kernel, &c.world.network
	now := int64(k.Now())
	switch ev.Kind {
	case evMessage:
		if p := net.Arrive(ev.Payload); p != nil {
			if err := abd.DecodeMessage(p.Bytes, &c.message); err != nil {
				panic(fmt.Sprintf("register: c%d: the network delivered a damaged message: %v", c.id, err))
			}
			c.core.HandleMessage(now, uint64(p.From), &c.message, c)
			net.Release(ev.Payload)
		}
	case evTimer:
		c.alarm.Rang(ev.At)
		if c.beginAt <= k.Now() {
			c.begin()
		} else if now >= c.core.Deadline() {
			c.core.Tick(now, c)
		}
	case evFinal:
		c.final = true
		c.core.SetOperationTimeout(0) // from here on an operation that does not complete is a finding: none is given up
		if c.beginAt != sim.Never {
			c.plan(k.Now())
		}
	}
	c.arm()
}

// plan chooses the next operation, to begin at from plus its pause.
func (c *client) plan(from sim.Time) {
	w := c.world
	if c.final {
		choice, ok := w.config.final(c.id, c.finals)
		if c.choice, c.beginAt = choice, from; !ok {
			c.beginAt = sim.Never
		} else if c.finals > 0 {
			c.beginAt = from.Add(w.config.Pause)
		}
		return
	}
	k := c.asked
	c.asked++
	v := sim.Value{}
	if w.fates.Active(PurposeOperation) {
		v = w.fates.Ask(sim.MakeKey(PurposeOperation, sim.Subject{A: c.proc, Epoch: k}), w.kernel.Now(), 0)
	}
	pause := time.Duration(v.For)
	c.choice = v.N
	if v.Calm() {
		c.choice, pause = w.config.calm(c.id, k), w.config.Pause
	}
	c.beginAt = max(from, c.lastBegin.Add(w.config.Interval)).Add(pause)
}

// begin starts the chosen operation.
func (c *client) begin() {
	w := c.world
	now := w.kernel.Now()
	c.beginAt, c.lastBegin = sim.Never, now
	c.seq++
	if c.final {
		c.finals++
	}
	write, key := chosen(c.choice)
	if w.told() {
		w.tell(c.proc, "begins c%d#%d, %s k%d", c.id, c.seq, operationName(write), key)
	}
	if err := w.history.invoke(c.id, c.seq, key, write, w.kernel.Steps()); err != nil {
		panic(fmt.Sprintf("register: c%d: %v", c.id, err))
	}
	if write {
		c.core.Write(int64(now), c.seq, key, uniqueWord(c.id, c.seq), c)
	} else {
		c.core.Read(int64(now), c.seq, key, c)
	}
}

// Send implements abd.Env.
func (c *client) Send(to uint64, m *abd.Message) {
	c.world.send(c.proc, sim.ProcID(to), m)
}

// Chosen implements abd.Env.
func (c *client) Chosen(operation uint64, t abd.Timestamp) {
	_, key := chosen(c.choice)
	w := c.world
	if w.told() {
		w.tell(c.proc, "takes %s for c%d#%d", t.AppendText(nil), c.id, operation)
	}
	w.history.chosen(c.id, operation, key, t)
}

// Completed implements abd.Env.
func (c *client) Completed(operation uint64, v abd.Version, how abd.Course) {
	w := c.world
	if err := w.history.complete(c.id, operation, w.kernel.Steps(), v, how); err != nil {
		w.find(checker.Linearizability, "answer-makes-no-sense", 0, err.Error())
	}
	write, key := chosen(c.choice)
	if w.told() {
		c.tellReturn(operation, key, write, v, how)
	}
	w.judgeMajority(c.id, operation, key, v.Timestamp)
	c.wrote = c.wrote || c.final && c.finals > 0 && write
	c.plan(w.kernel.Now())
}

// Abandoned implements abd.Env.
func (c *client) Abandoned(operation uint64) {
	w := c.world
	if w.told() {
		w.tell(c.proc, "gives up c%d#%d: its outcome is unknown", c.id, operation)
	}
	w.history.count.abandoned++
	c.plan(w.kernel.Now())
}

// arm makes sure that a timer comes when there is something to do next.
func (c *client) arm() {
	due := c.beginAt
	if d := c.core.Deadline(); d != math.MaxInt64 {
		due = min(due, sim.Time(d))
	}
	c.alarm.Set(&c.world.kernel, c.proc, evTimer, due)
}

// Fold implements sim.Process.
func (c *client) Fold(ev sim.Event, d *sim.Digest) {
	if ev.Kind == evMessage {
		c.world.network.Fold(ev.Payload, d)
	}
}

// Describe implements sim.Process.
func (c *client) Describe(ev sim.Event, dst []byte) []byte {
	dst = fmt.Appendf(dst, "c%d ", c.id)
	switch ev.Kind {
	case evMessage:
		return c.world.describePacket(ev.Payload, dst)
	case evTimer:
		return append(dst, "timer"...)
	}
	return append(dst, "final phase"...)
}

// foldState adds the final state to d.
func (c *client) foldState(d *sim.Digest) {
	s := c.core.Stats()
	for _, w := range [...]uint64{c.id, c.seq, s.Completed, s.Abandoned, s.Repeats, s.Late} {
		d.Word(w)
	}
}
