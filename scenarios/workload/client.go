package workload

import (
	"errors"
	"fmt"
	"math"
	"time"

	"raftsim/network"
	"raftsim/raft/client"
	"raftsim/sim"
)

// Pace says how a client spaces its operations. With a window of one it is a closed loop: the next operation is chosen when the
// last one is over. With a larger one it is chosen as soon as the last one has begun, and begins when there is room.
type Pace struct {
	Interval time.Duration // at least from one beginning to the next
	Pause    time.Duration // in the calm world, from an answer (or a beginning) to the next beginning
	// Walk is from an answer to the next beginning for what comes at a walk in the final phase; before that, a pause is not longer there.
	// 0: as Pause.
	Walk time.Duration
}

// EventKinds are the kinds of the events a client handles.
type EventKinds struct{ Message, Timer, Final uint8 }

// Client is one client process.
type Client struct {
	kernel  *sim.Kernel
	network *network.Network
	session Session
	core    *client.Client
	proc    sim.ProcID
	id      uint64
	pace    Pace
	kinds   EventKinds
	request uint8 // message kind
	window  int   // operations under way at a time

	asked     uint64   // operations chosen before the final phase
	finals    uint64   // operations begun in the final phase
	choice    int64    // of the operation to begin next
	beginAt   sim.Time // when to begin it; Never while none is chosen
	blocked   bool     // it was due and found no room
	lastBegin sim.Time
	alarm     sim.Alarm
	final     bool
	write     uint64            // number of final operation 0, once it has begun
	wrote     bool              // it completed
	owed      [MaxFinals]uint64 // numbers of the operations that must complete in the final phase; 0: not begun, or over
	failure   error
	broken    *ApplicationError // the application's own code failed
	largest   struct {
		seq   uint64
		bytes int
	} // command so far
	undone []uint64 // numbers of the operations that were given up and are known not to happen

	command []byte
	reply   client.Reply
}

// Reset makes c a client about to choose its first operation. The caller hosts it and then calls Start.
func (c *Client) Reset(k *sim.Kernel, n *network.Network, s Session, proc sim.ProcID, cfg client.Config, pace Pace, kinds EventKinds, request uint8) error {
	core := c.core
	if core == nil {
		core = new(client.Client)
	}
	if err := core.Reset(cfg); err != nil {
		return err
	}
	*c = Client{
		kernel: k, network: n, session: s, core: core, proc: proc, id: cfg.Client, pace: pace, kinds: kinds, request: request,
		window: max(cfg.Window, 1), command: c.command[:0], undone: c.undone[:0],
	}
	return nil
}

// Start chooses the first operation. The first beginnings of clients lie a little apart.
func (c *Client) Start() {
	c.plan(sim.Time(c.id) * sim.Time(time.Millisecond))
	c.arm()
}

// ID returns the client's id.
func (c *Client) ID() uint64 { return c.id }

// Wrote reports whether the write of the final phase completed.
func (c *Client) Wrote() bool { return c.wrote }

// LastBegin returns when the client began its newest operation. One that has not for long waits for an answer.
func (c *Client) LastBegin() sim.Time { return c.lastBegin }

// Owed returns how many of the operations that must complete in the final phase have not.
func (c *Client) Owed() (n uint64) {
	all, _ := c.session.Finals()
	for k := range all {
		if k >= c.finals || c.owed[k] != 0 {
			n++
		}
	}
	return n
}

// Undone returns the numbers of the operations that were given up because they were known not to happen. It belongs to c.
func (c *Client) Undone() []uint64 { return c.undone }

// Err returns what made no sense about an answer, if anything.
func (c *Client) Err() error { return c.failure }

// Broken returns what the application's own code could not do, nil if nothing. Its name is for the caller to fill in.
func (c *Client) Broken() *ApplicationError { return c.broken }

// Counters returns what the client did.
func (c *Client) Counters() client.Counters { return c.core.Counters() }

// Deliver implements sim.Process.
func (c *Client) Deliver(ev sim.Event) {
	now := int64(c.kernel.Now())
	switch ev.Kind {
	case c.kinds.Message:
		if p := c.network.Arrive(ev.Payload); p != nil {
			if err := client.DecodeReply(p.Bytes, &c.reply); err != nil {
				panic(fmt.Sprintf("workload: c%d: the network delivered a damaged reply: %v", c.id, err))
			}
			c.core.HandleReply(now, &c.reply, c)
			c.network.Release(ev.Payload)
		}
	case c.kinds.Timer:
		c.alarm.Rang(ev.At)
		if c.beginAt <= c.kernel.Now() {
			c.begin()
		} else if now >= c.core.Deadline() {
			c.core.Tick(now, c)
		}
	case c.kinds.Final:
		c.final = true
		c.core.SetSpread(true)
		c.core.SetGiveUpDropped(false)
		c.core.SetWays(false)         // not every way leads to a server that is there
		c.core.SetOperationTimeout(0) // from here on an operation that does not complete is a finding: none is given up
		if c.beginAt != sim.Never || c.blocked {
			c.planFinal(c.kernel.Now())
		}
	}
	c.arm()
}

// Fold implements sim.Process.
func (c *Client) Fold(ev sim.Event, d *sim.Digest) {
	if ev.Kind == c.kinds.Message {
		c.network.Fold(ev.Payload, d)
	}
}

// Describe implements sim.Process.
func (c *Client) Describe(ev sim.Event, dst []byte) []byte {
	dst = fmt.Appendf(dst, "c%d ", c.id)
	switch ev.Kind {
	case c.kinds.Message:
		var r client.Reply
		p := c.network.Packet(ev.Payload)
		if err := client.DecodeReply(p.Bytes, &r); err != nil {
			return fmt.Appendf(dst, "damaged reply: %v", err)
		}
		by := fmt.Sprintf("n%d", p.From)
		if p.From > 2048 {
			by = fmt.Sprintf("f%d", p.From-2048)
		}
		dst = fmt.Appendf(dst, "reply from %s #%d.%d %v", by, r.Seq, r.Attempt, r.Status)
		if r.Leader != 0 {
			dst = fmt.Appendf(dst, " leader n%d", r.Leader)
		}
		if r.Status == client.ReplyOK && r.Session != 0 {
			return fmt.Appendf(dst, ": session %d", r.Session)
		}
		if r.Status == client.ReplyOK {
			dst = append(dst, ": "...)
			dst = c.session.Describe(dst, c.id, r.Seq)
			dst = c.interpret(append(dst, " -> "...), &r)
		}
		return dst
	case c.kinds.Timer:
		return append(dst, "timer"...)
	}
	return append(dst, "final phase"...)
}

// interpret appends an answer in the application's words, or else its bytes.
func (c *Client) interpret(dst []byte, r *client.Reply) []byte {
	if in, ok := c.session.(Interpreter); ok {
		before := len(dst)
		if dst = in.Interpret(dst, c.id, r.Seq, r.Result); len(dst) > before {
			return dst
		}
	}
	return fmt.Appendf(dst, "%x", r.Result)
}

// FoldState adds the final state to d.
func (c *Client) FoldState(d *sim.Digest) {
	n := c.core.Counters()
	d.Word(c.id)
	d.Word(n.Completed)
	d.Word(n.Abandoned)
	d.Word(n.Attempts)
}

// plan chooses the next operation, to begin at from plus its pause.
func (c *Client) plan(from sim.Time) {
	if c.final {
		c.planFinal(from)
		return
	}
	k := c.asked
	c.asked++
	v := sim.Value{}
	fates := c.kernel.Fates()
	if fates.Active(PurposeOperation) {
		v = fates.Ask(sim.MakeKey(PurposeOperation, sim.Subject{A: c.proc, Epoch: k}), c.kernel.Now(), 0)
	}
	pause := time.Duration(v.For)
	c.choice = v.N
	if v.Calm() {
		c.choice = c.session.Calm(c.id, k)
		pause = c.pace.Pause + c.session.Lapse(c.choice)
	}
	c.session.Chosen(c.id, c.choice)
	c.beginAt, c.blocked = max(from, c.lastBegin.Add(c.pace.Interval)).Add(pause), false
}

func (c *Client) planFinal(from sim.Time) {
	c.blocked = false
	choice, ok := c.session.Final(c.id, c.finals)
	if !ok {
		c.beginAt = sim.Never
		return
	}
	c.choice = choice
	c.beginAt = from
	switch _, brisk := c.session.Finals(); {
	case c.finals == 0:
	case c.pace.Walk == 0:
		c.beginAt = from.Add(c.pace.Pause)
	case c.finals < brisk:
		c.beginAt = from.Add(min(c.pace.Pause, c.pace.Walk))
	default:
		c.beginAt = from.Add(c.pace.Walk)
	}
}

// begin starts the chosen operation, or notes that it has to wait for another one to end.
func (c *Client) begin() {
	now := c.kernel.Now()
	read := c.session.Read(c.choice)
	c.beginAt = sim.Never
	if c.blocked = !c.core.CanBegin(read); c.blocked {
		return
	}
	c.lastBegin = now
	seq := c.core.NextSeq(read)
	if c.final {
		if c.finals == 0 {
			c.write, c.owed = seq, [MaxFinals]uint64{}
		}
		if owed, _ := c.session.Finals(); c.finals < owed {
			c.owed[c.finals] = seq
		}
		c.finals++
	}
	command, err := c.session.Invoke(c.id, seq, c.choice, c.kernel.Steps(), c.command[:0])
	if errors.As(err, &c.broken) {
		c.final, c.finals = true, math.MaxUint64 // it asks nothing any more: the run counts for nothing
		return
	} else if err != nil {
		panic(fmt.Sprintf("workload: c%d: %v", c.id, err))
	}
	c.command = command
	if len(command) > c.largest.bytes {
		c.largest.seq, c.largest.bytes = seq, len(command)
	}
	if c.window > 1 {
		c.plan(now)
	}
	c.core.Begin(int64(now), read, command, c)
}

// over goes on after an operation has ended.
func (c *Client) over() {
	switch {
	case c.blocked:
		c.beginAt, c.blocked = c.kernel.Now(), false
	case c.window == 1:
		c.plan(c.kernel.Now())
	}
}

// SendRequest implements client.Env.
func (c *Client) SendRequest(server uint64, r *client.Request) {
	c.network.Send(c.proc, sim.ProcID(server),
		network.Label{Kind: c.request, Epoch: sim.PairedEpoch(r.Client, r.Seq), Alias: uint64(r.Attempt)},
		client.AppendRequest(c.network.Buffer(), r))
}

// Completed implements client.Env.
func (c *Client) Completed(r *client.Reply) {
	err := c.session.Complete(c.id, r.Seq, c.kernel.Steps(), r.Index, r.Result)
	if !errors.As(err, &c.broken) && err != nil && c.failure == nil {
		c.failure = err
	}
	c.wrote = c.wrote || r.Seq == c.write && c.final
	c.settle(r.Seq)
	c.over()
}

// settle notes that an operation is owed no more.
func (c *Client) settle(seq uint64) {
	for k := range c.owed {
		if c.owed[k] == seq {
			c.owed[k] = 0
		}
	}
}

// Abandoned implements client.Env.
func (c *Client) Abandoned(seq uint64, why client.Reason) {
	if why == client.ReasonDropped {
		c.undone = append(c.undone, seq)
	}
	c.session.Abandon(c.id, seq, c.kernel.Steps())
	if why == client.ReasonTooLarge || why == client.ReasonTooLargeLater {
		// All servers have one limit, so the largest one is too large too.
		c.broken = &ApplicationError{Problem: fmt.Sprintf("%s: a command of %d bytes is more than servers take (server.Config.MaxCommand)",
			c.session.Describe(nil, c.id, c.largest.seq), c.largest.bytes)}
	} else if c.final && seq == c.write {
		c.finals = 0 // its session was gone: once more
		c.planFinal(c.kernel.Now())
		return
	}
	c.settle(seq) // one whose session was gone was answered, too
	c.over()
}

// arm makes sure that a timer comes when there is something to do next.
func (c *Client) arm() {
	due := c.beginAt
	if d := c.core.Deadline(); d != math.MaxInt64 {
		due = min(due, sim.Time(d))
	}
	c.alarm.Set(c.kernel, c.proc, c.kinds.Timer, due)
}
