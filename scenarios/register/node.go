package register

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"raftsim/checker"
	"raftsim/network"
	"raftsim/scenarios/register/abd"
	"raftsim/sim"
	"raftsim/sim/disk"
)

// node is one machine and the replica on it: it brings the replica events, carries out its effects, and lets it die.
type node struct {
	world   *World
	proc    sim.ProcID
	disk    *disk.Disk
	replica *abd.Replica // nil while down
	fate    death        // set by a moment: the replica is dead, and buried when its call returns
	down    time.Duration
	restart uint32 // number of the restart that counts; earlier ones are void
	panics  int
	paused  int
	missed  []sim.Event     // while paused
	coming  int             // of these, how many come again now
	told    []abd.Timestamp // by key: the highest it has said it has
	message abd.Message
}

// death is how a replica ended.
type death uint8

const (
	alive death = iota
	crashed
	powerLost
	halted // by itself, because its disk failed it
	panicked
)

// maxPanics bounds the restarts after panics: a replica that panics on what it reads would do so for ever.
const maxPanics = 3

// afterHalt is how long a replica that halted stays down, in units of the run: somebody looks after it.
const afterHalt = 2

func (n *node) up() bool { return n.replica != nil }

// Deliver implements sim.Process.
func (n *node) Deliver(ev sim.Event) {
	if n.waits(ev) {
		return
	}
	switch ev.Kind {
	case evMessage:
		n.arrive(ev.Payload)
	case evSync:
		done, ok := n.disk.Complete(ev.Payload)
		if ok && n.up() && done.Incarnation == n.disk.Incarnation() {
			n.call(func() { n.replica.HandleSync(done.Ticket, done.Err) })
		}
	case evRestart:
		if !n.up() && ev.Payload == n.restart {
			n.world.counts.Restarts++
			n.start()
		}
	}
}

// flagMissed marks events that come for the second time.
const flagMissed = 1

// waits keeps an event for later if the machine is paused, and puts it behind those that the machine missed if they are just coming: it
// sees everything in the order in which it came.
func (n *node) waits(ev sim.Event) bool {
	if n.coming > 0 {
		if ev.Flags&flagMissed == 0 {
			n.world.kernel.Schedule(ev)
			return true
		}
		n.coming--
		ev.Flags = 0
	}
	if n.paused == 0 {
		return false
	}
	if ev.Kind == evMessage {
		n.world.counts.Delayed++
	}
	n.missed = append(n.missed, ev)
	return true
}

func (n *node) arrive(handle uint32) {
	w := n.world
	net := &w.network
	if !n.up() {
		net.Discard(handle)
		return
	}
	p := net.Arrive(handle)
	if p == nil {
		return
	}
	if err := abd.DecodeMessage(p.Bytes, &n.message); err != nil {
		panic(fmt.Sprintf("register: n%d: the network delivered a damaged message: %v", n.proc, err))
	}
	if key := n.message.Key; !w.told() {
		n.call(func() { n.replica.Handle(&n.message) })
	} else {
		before := n.replica.Version(key)
		n.call(func() { n.replica.Handle(&n.message) })
		n.tellKept(key, before)
	}
	net.Release(handle)
}

// start starts the replica's process on its disk. A read that fails has a reason only if the disk was broken, and none is.
func (n *node) start() {
	w := n.world
	n.call(func() {
		r, err := abd.Start(abd.Config{FileBytes: w.config.FileBytes, MaxWaiting: maxWaiting}, n.disk.FS(), n)
		if err != nil {
			w.find(checker.Durability, "replica-does-not-start", uint64(n.proc), err.Error())
			n.fate, n.down = halted, afterHalt*w.config.Unit
			return
		}
		n.replica = r
		n.judgeTold("has started")
		if w.told() {
			n.tellState()
		}
	})
}

// call runs the replica's code, and buries it if it dies meanwhile. A panic of it is a finding, and the end of the process; one of the
// harness goes on up.
func (n *node) call(code func()) {
	n.guarded(code)
	if n.fate != alive {
		n.bury()
	}
}

func (n *node) guarded(code func()) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		text := fmt.Sprint(cause)
		for _, own := range [...]string{"sim:", "network:", "faults:", "register:", "disk:", "checker:"} {
			if strings.HasPrefix(text, own) {
				panic(cause)
			}
		}
		n.world.find(checker.Crash, "panic-of-replica", uint64(n.proc), text)
		n.panics++
		n.fate, n.down = panicked, afterHalt*n.world.config.Unit
	}()
	code()
}

// bury ends the process as its fate says, and schedules its return.
func (n *node) bury() {
	w := n.world
	fate := n.fate
	if w.told() {
		w.tell(n.proc, "%v", fate)
	}
	if n.replica != nil {
		w.counts.addReplica(n.replica.Stats())
	}
	n.fate, n.replica = alive, nil
	n.restart++
	switch fate {
	case powerLost:
		n.disk.PowerLoss()
		w.counts.PowerLosses++
	case crashed:
		n.disk.Crash()
		w.counts.Crashes++
	case halted:
		n.disk.Crash()
		w.counts.Halts++
	case panicked:
		n.disk.Crash()
		w.counts.Panics++
		if n.panics > maxPanics {
			return
		}
	}
	n.comeBack(n.down)
}

func (n *node) comeBack(after time.Duration) {
	k := &n.world.kernel
	k.Schedule(sim.Event{At: k.Now().Add(after), To: n.proc, Kind: evRestart, Payload: n.restart})
}

// kill ends the replica between events.
func (n *node) kill(fate death, down time.Duration) {
	if n.up() {
		n.fate, n.down = fate, down
		n.bury()
	}
}

// Moment implements abd.Host.
func (n *node) Moment(m abd.Moment) bool {
	if n.fate != alive {
		return false
	}
	w := n.world
	w.counts.Moments[m]++
	strike := w.hazards.Strike(w.kernel.Now(), n.proc, uint8(m), uint64(n.disk.Incarnation()))
	switch {
	case strike.Power:
		n.fate = powerLost
	case strike.Crash:
		n.fate = crashed
	default:
		return true
	}
	n.down = strike.Down
	return false
}

// Send implements abd.Host.
func (n *node) Send(m *abd.Message) {
	for m.Key >= uint64(len(n.told)) {
		n.told = append(n.told, abd.Timestamp{})
	}
	if n.told[m.Key].Less(m.Version.Timestamp) {
		n.told[m.Key] = m.Version.Timestamp
	}
	n.world.send(n.proc, clientBase+sim.ProcID(m.Client), m)
}

// Halt implements abd.Host.
func (n *node) Halt(err error) {
	n.fate, n.down = halted, afterHalt*n.world.config.Unit
	if !errors.Is(err, disk.ErrNoSpace) && !errors.Is(err, disk.ErrSyncFailed) {
		n.world.find(checker.Durability, "replica-halted", uint64(n.proc), err.Error())
	}
}

// judgeTold: what a replica has said it has it has for ever, or something newer, through crashes and losses of power. Operations that
// counted on it have returned.
func (n *node) judgeTold(when string) {
	for key, t := range n.told {
		if has := n.replica.Version(uint64(key)); has.Less(t) {
			n.world.find(checker.Durability, "version-forgotten", uint64(n.proc),
				fmt.Sprintf("n%d %s with %s of k%d; it had said %s", n.proc, when, has.Timestamp.AppendText(nil), key, t.AppendText(nil)))
			return
		}
	}
}

// Fold implements sim.Process.
func (n *node) Fold(ev sim.Event, d *sim.Digest) {
	if ev.Kind == evMessage {
		n.world.network.Fold(ev.Payload, d)
	}
}

// Describe implements sim.Process.
func (n *node) Describe(ev sim.Event, dst []byte) []byte {
	dst = fmt.Appendf(dst, "n%d ", n.proc)
	switch ev.Kind {
	case evMessage:
		dst = n.world.describePacket(ev.Payload, dst)
	case evSync:
		dst = append(dst, "sync done"...)
		if done, ok := n.disk.Pending(ev.Payload); ok && done.Err != nil {
			dst = fmt.Appendf(dst, ": %v", done.Err)
		}
	case evRestart:
		dst = append(dst, "restart"...)
		if ev.Payload != n.restart {
			dst = append(dst, " (void)"...)
		}
	}
	if n.paused > 0 || n.coming > 0 && ev.Flags&flagMissed == 0 {
		dst = append(dst, " (paused: later)"...)
	}
	return dst
}

// foldState adds the final state of the replica and its disk to d.
func (n *node) foldState(d *sim.Digest) {
	d.Word(uint64(n.proc))
	if n.up() {
		for key := range n.world.config.Keys {
			v := n.replica.Version(uint64(key))
			d.Word(v.Counter)
			d.Word(v.Writer)
			d.Word(v.Value)
		}
	}
	n.disk.Fold(d)
}

// label names a message for fates and traces.
func label(m *abd.Message) network.Label {
	return network.Label{Kind: uint8(m.Kind), Epoch: sim.PairedEpoch(m.Client, m.Operation), Alias: m.Version.Counter<<8 | m.Version.Writer&0xff}
}
