package sim

import (
	"fmt"
)

// Event is something that happens to one process at one point in virtual time: 24 bytes, copied by value.
type Event struct {
	At      Time
	order   uint64 // class:8 | sequence:56
	To      ProcID
	Kind    uint8  // the receiver's own meaning; part of the digest
	Flags   uint8  // the receiver's own meaning; part of the digest
	Payload uint32 // a handle, an incarnation, a small number; not part of the digest
}

// Process is what the kernel hosts. It may schedule events and ask fates while it handles one.
type Process interface {
	// Deliver handles ev.
	Deliver(ev Event)
	// Fold adds to d what ev carries beyond its own fields, the bytes of a message for instance. It is called before
	// Deliver and must not change anything.
	Fold(ev Event, d *Digest)
	// Describe appends one canonical line about ev, without a newline. It is called before Deliver, in traced runs only.
	Describe(ev Event, dst []byte) []byte
}

// World is what disturbances act on.
type World interface {
	// Disturb puts d into effect now. What follows from it (healing, restarting) it schedules as events.
	Disturb(d Disturbance)
	// Look is a silent wake-up of generator slot n. It may read anything, and change nothing but call Kernel.Resolve.
	Look(n uint32)
}

// Classes at one instant, in this order. Disturbances strike first; what arrives comes before the timers, so that a
// deadline that equals an arrival does not fire on a process with input at its door; generators look last.
const (
	classProtocol = 1
	classTimer    = 2
)

// Bounds of a run; 0 for the default.
type Bounds struct {
	Steps        uint64 // per run; default 20,000,000
	InstantSteps uint64 // at one point in time; default 100,000
}

// BoundError says that a run reached a bound: steps without end, or time standing still.
type BoundError struct {
	Bound string // "steps" or "steps at one instant"
	Limit uint64
	At    Time
	Event Event // the event that was one too many
}

func (e *BoundError) Error() string {
	return fmt.Sprintf("bound reached: %d %s at %s", e.Limit, e.Bound, e.At)
}

// Kernel is virtual time: one queue of events ordered by (time, class, sequence), and the disturbances that wait. The zero
// value needs Reset. It is single-threaded.
type Kernel struct {
	now          Time
	sequence     uint64
	events       eventQueue
	waiting      disturbanceHeap // by (time, key): they take no sequence number
	looks        lookHeap        // by (time, slot)
	procs        []Process
	world        World
	fates        *Fates
	digest       Digest
	steps        uint64
	instantSteps uint64
	bounds       Bounds
	tracer       Tracer
	line         []byte
	stopped      bool
}

// Tracer sees every step of a run: its number, its event's canonical line and the digest including the event. The line is
// reused after the call.
type Tracer interface {
	Step(n uint64, ev Event, line []byte, digest uint64)
}

// DisturbanceTracer is a Tracer that also sees what departs from calm, when it does: a fault is at the place in the trace where
// it strikes. The line is reused after the call.
type DisturbanceTracer interface {
	Tracer
	Disturbed(at Time, line []byte)
}

// Reset makes k ready for a run at time 0, keeping its memory. world and tracer may be nil.
func (k *Kernel) Reset(fates *Fates, world World, bounds Bounds, tracer Tracer) {
	if bounds.Steps == 0 {
		bounds.Steps = 20_000_000
	}
	if bounds.InstantSteps == 0 {
		bounds.InstantSteps = 100_000
	}
	clear(k.procs)
	*k = Kernel{
		events: k.events.emptied(), waiting: k.waiting[:0], looks: k.looks[:0], procs: k.procs[:0], line: k.line[:0],
		fates: fates, world: world, bounds: bounds, tracer: tracer,
	}
}

// Host makes p the process called id. It panics if the id is taken: two processes would share keys.
func (k *Kernel) Host(id ProcID, p Process) {
	for int(id) >= len(k.procs) {
		k.procs = append(k.procs, nil)
	}
	if k.procs[id] != nil {
		panic(fmt.Sprintf("sim: process %d is hosted twice", id))
	}
	k.procs[id] = p
}

// Now returns the current virtual time.
func (k *Kernel) Now() Time { return k.now }

// Steps returns how many events were delivered.
func (k *Kernel) Steps() uint64 { return k.steps }

// Fates returns the decision function of the run.
func (k *Kernel) Fates() *Fates { return k.fates }

// Digest returns the running digest, for folding final states.
func (k *Kernel) Digest() *Digest { return &k.digest }

// Stop ends Run after the current step.
func (k *Kernel) Stop() { k.stopped = true }

// Schedule adds a protocol event at time ev.At; events of one instant are delivered in the order they were scheduled. It
// panics if the time has passed.
func (k *Kernel) Schedule(ev Event) { k.schedule(ev, classProtocol) }

// ScheduleTimer adds an event that is delivered after all protocol events of its instant.
func (k *Kernel) ScheduleTimer(ev Event) { k.schedule(ev, classTimer) }

func (k *Kernel) schedule(ev Event, class uint64) {
	if ev.At < k.now {
		panic(fmt.Sprintf("sim: event for process %d scheduled at %s, but it is %s", ev.To, ev.At, k.now))
	}
	ev.order = class<<56 | k.sequence
	k.sequence++
	k.events.push(ev)
}

// Lay queues a disturbance for the time in its value.
func (k *Kernel) Lay(d Disturbance) {
	if Time(d.Value.At) < k.now {
		panic(fmt.Sprintf("sim: disturbance laid at %s, but it is %s", Time(d.Value.At), k.now))
	}
	k.waiting.push(d)
}

// LookAt queues a silent wake-up of generator slot n.
func (k *Kernel) LookAt(at Time, n uint32) { k.looks.push(look{at: at, slot: n}) }

// Resolve queues a disturbance that a generator made of what it saw. It strikes one nanosecond from now at the earliest:
// at this instant the disturbances have had their turn. It does nothing if the case overrides the key already.
func (k *Kernel) Resolve(d Disturbance) {
	if Time(d.Value.At) <= k.now {
		d.Value.At = int64(k.now) + 1
	}
	if d, granted := k.fates.Emit(d); granted {
		k.waiting.push(d)
	}
}

// DropDisturbances forgets the disturbances and wake-ups that still wait.
func (k *Kernel) DropDisturbances() {
	k.waiting = k.waiting[:0]
	k.looks = k.looks[:0]
}

// Run delivers events up to and including time until, and leaves the clock there. It returns a *BoundError if the run
// reached a bound. An empty step costs one heap push and pop: O(log events).
func (k *Kernel) Run(until Time) error {
	k.stopped = false
	for !k.stopped {
		next := Never
		if ev := k.events.first(); ev != nil {
			next = ev.At
		}
		if len(k.waiting) > 0 && Time(k.waiting[0].Value.At) <= next &&
			(len(k.looks) == 0 || Time(k.waiting[0].Value.At) <= k.looks[0].at) {
			d := k.waiting[0]
			if Time(d.Value.At) > until {
				break
			}
			k.waiting.pop()
			k.advance(Time(d.Value.At))
			if t, ok := k.tracer.(DisturbanceTracer); ok {
				k.line = k.fates.vocabulary.AppendLine(k.line[:0], d)
				t.Disturbed(k.now, k.line)
			}
			k.world.Disturb(d)
			continue
		}
		if len(k.looks) > 0 && k.looks[0].at < next {
			l := k.looks[0]
			if l.at > until {
				break
			}
			k.looks.pop()
			k.advance(l.at)
			k.world.Look(l.slot)
			continue
		}
		if next > until || k.events.len() == 0 {
			break
		}
		if err := k.step(); err != nil {
			return err
		}
	}
	if !k.stopped && until != Never {
		k.advance(until)
	}
	return nil
}

func (k *Kernel) advance(to Time) {
	if to > k.now {
		k.now = to
		k.instantSteps = 0
	}
}

func (k *Kernel) step() error {
	ev := k.events.pop()
	k.advance(ev.At)
	if k.steps >= k.bounds.Steps {
		return &BoundError{Bound: "steps", Limit: k.bounds.Steps, At: k.now, Event: ev}
	}
	if k.instantSteps >= k.bounds.InstantSteps {
		return &BoundError{Bound: "steps at one instant", Limit: k.bounds.InstantSteps, At: k.now, Event: ev}
	}
	k.steps++
	k.instantSteps++
	if int(ev.To) >= len(k.procs) || k.procs[ev.To] == nil {
		panic(fmt.Sprintf("sim: event for process %d at %s, but none is hosted", ev.To, ev.At))
	}
	p := k.procs[ev.To]
	k.digest.Word(uint64(ev.At))
	k.digest.Word(uint64(ev.To)<<16 | uint64(ev.Kind)<<8 | uint64(ev.Flags))
	p.Fold(ev, &k.digest)
	if k.tracer != nil {
		k.line = p.Describe(ev, k.line[:0])
		k.tracer.Step(k.steps, ev, k.line, k.digest.Sum())
	}
	p.Deliver(ev)
	return nil
}
