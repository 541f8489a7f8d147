package network

import (
	"fmt"
	"math/bits"
	"time"

	"raftsim/sim"
)

// Config is what a network is like for one run.
type Config struct {
	Delay  time.Duration // calm delay of the fastest link; above 0
	Spread time.Duration // links are slower than Delay by less than this
	// FIFO makes links keep the order of sending: a late packet holds back what was sent after it. The copy of a doubled
	// packet arrives after the original and holds nothing back.
	FIFO bool
	// Hold is how many packets a cut link keeps back, like the socket buffer at its near end: what is sent into the cut leaves when the
	// link is open again, in the order of sending. Beyond that number, and with 0, it is dropped; what was under way is dropped anyway.
	Hold int
	// Bandwidth is how many bytes per second of virtual time a link takes; 0: any number at once. Queue and Policy say what becomes of
	// packets that have to wait for it: see Policy.
	Bandwidth int64
	Queue     int // packets that may wait for a link with PolicyFIFO; 0: any number
	Policy    Policy
	// With PolicyReplace packets of kinds from Replaceable on can be replaced; those of kind Append are appends, their epoch is a term.
	Replaceable, Append uint8
	Number              bool  // count ordinals even where no fate asks for them, so that Describe can name every packet
	EventKind           uint8 // of the events that announce an arrival
}

// Validate reports in one sentence what is wrong with c, or nil.
func (c *Config) Validate() error {
	if c.Delay <= 0 {
		return fmt.Errorf("network: the delay of a link (%v) must be above zero", c.Delay)
	}
	if c.Hold < 0 {
		return fmt.Errorf("network: a cut link cannot hold %d packets", c.Hold)
	}
	if c.Bandwidth < 0 || c.Queue < 0 || c.Policy >= policyEnd {
		return fmt.Errorf("network: a bandwidth of %d, a queue of %d and policy %d: want 0 or more, and a policy that exists", c.Bandwidth, c.Queue, c.Policy)
	}
	if c.Spread < 0 {
		return fmt.Errorf("network: the spread of delays (%v) must not be negative", c.Spread)
	}
	return nil
}

// Network is the links between the attached processes of one run. The zero value needs Reset. An arrival is an event
// {Kind: Config.EventKind, Payload: handle} for the receiver, who calls Arrive and Release (or Discard), and forwards
// Fold and Describe.
type Network struct {
	kernel   *sim.Kernel
	config   Config
	ordinals sim.Ordinals
	asks     [3]bool // by question: can its answer differ from calm?
	counting bool

	ids    []sim.ProcID // by place
	places [sim.MaxKeyProc + 1]uint16
	stride int32
	links  []link // stride x stride, by place of sender and receiver

	packets []*Packet // by handle; pointers, so that bytes in use stay where they are
	free    []uint32
	open    uint32 // handle whose buffer is being filled
	opened  bool
	voided  int           // packets under way that were replaced
	behind  time.Duration // see Behind
	stats   Stats
}

// link is one direction between two processes.
type link struct {
	delay time.Duration
	last  sim.Time // latest arrival promised so far, copies apart
	sent  uint64
	heard uint64 // highest number that arrived
	cuts  uint32
	held  []uint32 // handles, while it is cut
	wire  wire
}

// Stats counts what really happened. Sent - Lost - CutAtSend - QueueDrops - Replaced + Doubled = Delivered + CutAtArrival + Unheard + under way.
type Stats struct {
	Sent         uint64
	Lost         uint64
	CutAtSend    uint64
	Held         uint64 // kept back by a cut: delivered later, or under way
	Doubled      uint64
	Late         uint64
	Delivered    uint64 // copies included
	CutAtArrival uint64
	Unheard      uint64 // arrived at a process that was down
	Reordered    uint64 // arrived after a packet that was sent later on the same link; part of Delivered

	Queued       uint64 // waited for the link
	QueueDrops   uint64 // found no place to wait
	Replaced     uint64 // waited, and were replaced by a newer one
	LongestQueue int    // most packets that waited for one link at a time
}

// Add adds the numbers of o; of the longest queues it keeps the longer one.
func (s *Stats) Add(o *Stats) {
	s.Sent += o.Sent
	s.Lost += o.Lost
	s.CutAtSend += o.CutAtSend
	s.Held += o.Held
	s.Doubled += o.Doubled
	s.Late += o.Late
	s.Delivered += o.Delivered
	s.CutAtArrival += o.CutAtArrival
	s.Unheard += o.Unheard
	s.Reordered += o.Reordered
	s.Queued += o.Queued
	s.QueueDrops += o.QueueDrops
	s.Replaced += o.Replaced
	s.LongestQueue = max(s.LongestQueue, o.LongestQueue)
}

// ordinalSpace is the only one: sends are counted once, whichever purposes ask about them.
const ordinalSpace = 1

// Reset makes n an empty network for the run of k, which must have been reset before, keeping n's memory.
func (n *Network) Reset(k *sim.Kernel, c Config) {
	n.kernel, n.config, n.stats = k, c, Stats{}
	n.ordinals.Reset()
	n.counting = c.Number
	for i := range n.asks {
		n.asks[i] = k.Fates().Active(PurposeLost + sim.Purpose(i))
		n.counting = n.counting || n.asks[i]
	}
	for _, id := range n.ids {
		n.places[id] = 0
	}
	n.ids = n.ids[:0]
	for i := range n.links {
		l := &n.links[i]
		l.wire.reset()
		*l = link{held: l.held[:0], wire: l.wire}
	}
	n.opened, n.voided, n.behind = false, 0, 0
	n.free = n.free[:0]
	for i := len(n.packets) - 1; i >= 0; i-- {
		n.packets[i].refs, n.packets[i].void = 0, false
		n.free = append(n.free, uint32(i))
	}
}

// Attach makes id an end of links. It panics if it is one already, or its id does not fit a key.
func (n *Network) Attach(id sim.ProcID) {
	if int(id) >= len(n.places) || n.places[id] != 0 {
		panic(fmt.Sprintf("network: process %d is attached twice, or above %d", id, sim.MaxKeyProc))
	}
	n.ids = append(n.ids, id)
	n.places[id] = uint16(len(n.ids))
	if int32(len(n.ids)) > n.stride {
		n.widen()
	}
	for _, other := range n.ids {
		n.link(id, other).delay = n.CalmDelay(id, other)
		n.link(other, id).delay = n.CalmDelay(other, id)
	}
}

// CalmDelay returns how long a packet takes that nothing happens to: a function of the two ids.
func (n *Network) CalmDelay(from, to sim.ProcID) time.Duration {
	// The finaliser of a common 64-bit hash: neighbouring ids must not get neighbouring delays.
	x := uint64(from)<<16 | uint64(to)
	x = (x ^ x>>31 ^ 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	more, _ := bits.Mul64(x^x>>31, uint64(n.config.Spread))
	return n.config.Delay + time.Duration(more)
}

// Buffer returns an empty buffer to append the bytes of the next Send to.
func (n *Network) Buffer() []byte {
	if !n.opened {
		n.open, n.opened = n.take(), true
	}
	return n.packets[n.open].Bytes[:0]
}

// Send puts a packet on the way from one attached process to another. It takes over bytes, which should have come from
// Buffer. It costs one event per arrival, and allocates nothing once the buffers have grown.
func (n *Network) Send(from, to sim.ProcID, label Label, bytes []byte) {
	n.stats.Sent++
	// The name is given first: whether a link is cut must not rename what is sent on it.
	subject := sim.Subject{A: from, B: to, Kind: label.Kind, Epoch: label.Epoch}
	var key sim.Key
	if n.counting {
		key = n.ordinals.Next(ordinalSpace, subject)
	} else {
		key = sim.MakeKey(ordinalSpace, subject)
	}
	l := n.link(from, to)
	if l.cuts > 0 && len(l.held) >= n.config.Hold {
		n.stats.CutAtSend++
		n.keep(bytes)
		return
	}
	if !n.ask(lost, key, label).Calm() {
		n.stats.Lost++
		n.keep(bytes)
		return
	}
	now := n.kernel.Now().Add(n.behind)
	if n.config.Bandwidth > 0 && l.cuts == 0 && !n.admit(l, label, now) {
		n.keep(bytes)
		return
	}
	doubled := n.ask(doubled, key, label)
	late := n.ask(late, key, label)

	handle := n.fill(bytes)
	l.sent++
	p := n.packets[handle]
	p.From, p.To, p.Label, p.Bytes = from, to, label, bytes
	p.subject, p.number, p.link, p.refs = key, l.sent, n.index(from, to), 1
	if l.cuts > 0 {
		n.stats.Held++
		l.held = append(l.held, handle)
		if doubled.For > 0 {
			n.stats.Doubled++
			p.refs++
			l.held = append(l.held, handle)
		}
		return
	}
	if n.config.Bandwidth > 0 {
		now = n.put(l, now, handle)
	}
	calm := now.Add(l.delay)
	arrival := calm
	if late.For > 0 {
		n.stats.Late++
		arrival = calm.Add(time.Duration(late.For))
	}
	if n.config.FIFO {
		arrival = max(arrival, l.last.Add(1))
		l.last = arrival
	}
	n.announce(arrival, to, handle)
	if doubled.For > 0 {
		n.stats.Doubled++
		p.refs++
		again := calm.Add(time.Duration(doubled.For))
		if n.config.FIFO {
			again = max(again, arrival.Add(1))
		}
		n.announce(again, to, handle)
	}
}

// Behind lets what is sent from now on leave the sender so much later than now: a process that is handled at one instant can send as if its
// work had taken time. It says nothing of cuts, which are those of the instant of sending.
func (n *Network) Behind(d time.Duration) { n.behind = d }

// Stats returns what happened so far.
func (n *Network) Stats() Stats { return n.stats }

// UnderWay returns how many packets are sent and not yet released, counting a doubled one once and a replaced one not at all.
func (n *Network) UnderWay() int {
	under := len(n.packets) - len(n.free) - n.voided
	if n.opened {
		under--
	}
	return under
}

func (n *Network) announce(at sim.Time, to sim.ProcID, handle uint32) {
	n.kernel.Schedule(sim.Event{At: at, To: to, Kind: n.config.EventKind, Payload: handle})
}

// fill returns the handle of the packet that gets the bytes.
func (n *Network) fill(bytes []byte) uint32 {
	if n.opened {
		n.opened = false
		return n.open
	}
	return n.take()
}

// keep leaves the bytes of a packet that goes nowhere to the next Buffer.
func (n *Network) keep(bytes []byte) {
	if n.opened {
		n.packets[n.open].Bytes = bytes
	}
}

func (n *Network) ask(q question, key sim.Key, label Label) sim.Value {
	if !n.asks[q] {
		return sim.Value{}
	}
	return n.kernel.Fates().Ask(key.WithPurpose(PurposeLost+sim.Purpose(q)), n.kernel.Now(), label.Alias)
}

func (n *Network) link(from, to sim.ProcID) *link { return &n.links[n.index(from, to)] }

func (n *Network) index(from, to sim.ProcID) int32 {
	a, b := int32(n.place(from))-1, int32(n.place(to))-1
	if a < 0 || b < 0 {
		panic(fmt.Sprintf("network: a link from %d to %d, but one of them is not attached", from, to))
	}
	return a*n.stride + b
}

func (n *Network) place(id sim.ProcID) uint16 {
	if int(id) >= len(n.places) {
		return 0
	}
	return n.places[id]
}

// widen doubles the side of the matrix of links. Attaching is setup: links keep what they hold all the same.
func (n *Network) widen() {
	old, side := n.links, n.stride
	n.stride = max(8, 2*side)
	n.links = make([]link, n.stride*n.stride)
	for i := range side {
		copy(n.links[i*n.stride:], old[i*side:(i+1)*side])
	}
}
