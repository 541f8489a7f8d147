package sim

import (
	"encoding/binary"
	"fmt"
	"time"

	"pgregory.net/rapid"
)

// The toy world is a protocol that is not Raft, with everything the kernel promises something about: a token that goes
// round, gossip, acknowledgements, timers, restarts, pooled payloads, lost, doubled and late messages, hazards at
// moments, pauses and isolations laid out in slots, and a generator that isolates whoever holds the token.

const (
	toyLost    Purpose = 1
	toyDoubled Purpose = 2
	toyLate    Purpose = 3
	toyCrash   Purpose = 16
	toyPause   Purpose = 17
	toyIsolate Purpose = 18
	toyTimeout Purpose = 64
	toyAim     Purpose = 65
	toyKnob    Purpose = 66
)

const (
	toyToken = iota // kinds of messages
	toyGossip
	toyAck
)

const (
	toyReceived = iota // moments
	toySent
	toyPassed
)

const (
	toyOnMessage = 1 + iota // kinds of events
	toyOnGossip
	toyOnTimeout
	toyOnPass
	toyOnRestart
	toyOnHeal
	toyOnClose
)

const (
	toyHermit     ProcID = 9 // talks to itself only
	toyController ProcID = 40
	toyAims              = 3
	toySlots             = 2
	toyAimedFrom         = 1000 // first ordinal of resolved disturbances
	millisecond          = int64(time.Millisecond)
)

func toySpecs() []Spec {
	const message = FieldA | FieldB | FieldKind | FieldEpoch | FieldOrdinal
	kinds := []string{"token", "gossip", "ack"}
	return []Spec{
		{Purpose: toyLost, Name: "lost", Fields: message, Kinds: kinds, Value: FlagFormat{}, Fault: true},
		{Purpose: toyDoubled, Name: "doubled", Fields: message, Kinds: kinds, Value: DelayFormat{}, Fault: true},
		{Purpose: toyLate, Name: "late", Fields: message, Kinds: kinds, Value: DelayFormat{}, Fault: true},
		{Purpose: toyCrash, Name: "crash", Fields: FieldA | FieldKind | FieldEpoch | FieldOrdinal,
			Kinds: []string{"received", "sent", "passed"}, Value: SpanFormat{NoTime: true}, Fault: true},
		{Purpose: toyPause, Name: "pause", Fields: FieldA | FieldOrdinal, Value: SpanFormat{}, Timed: true, Fault: true},
		{Purpose: toyIsolate, Name: "isolate", Fields: FieldA | FieldOrdinal,
			Value: SpanFormat{Choices: []string{"both", "inbound", "outbound"}}, Timed: true, Fault: true},
		{Purpose: toyTimeout, Name: "timeout", Fields: FieldA | FieldEpoch | FieldOrdinal, Value: DelayFormat{}},
		{Purpose: toyAim, Name: "aim", Fields: FieldOrdinal, Value: SpanFormat{}, Timed: true, Fault: true, Aim: true},
		{Purpose: toyKnob, Name: "knob", Fields: FieldA | FieldOrdinal, Value: CountFormat{}},
	}
}

func toyVocabulary(t rapid.TB) *Vocabulary {
	v, err := NewVocabulary([]ProcName{{Prefix: "n", First: 1, Last: 39}, {Prefix: "c", Base: 39, First: 40, Last: 4095}}, toySpecs()...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// toyOptions is a case of the toy world; the zero value is a calm run of 3 nodes.
type toyOptions struct {
	nodes     int
	until     Time
	seed      uint64
	noisy     bool
	masks     []Mask
	overrides []Disturbance
	closeAt   Time
	grace     Time
	forget    bool // neither record nor check: Active may be false
	hermit    bool // one process more
	knob      bool // one noisy purpose more
	extraWord bool // the draw of late takes one word more
	spoil     uint64
	bounds    Bounds
	tracer    Tracer
}

type toyResult struct {
	digest   uint64
	steps    uint64
	recorded []Disturbance
	err      error
}

func toyNoise(o toyOptions) func(Purpose) Noise {
	span := func(w *Words) Value {
		return Value{At: w.Between(0, 600*millisecond), For: w.Between(1, 150*millisecond)}
	}
	return func(p Purpose) Noise {
		switch p {
		case toyLost:
			return Noise{Chance: Ratio{1, 15}, Draw: func(*Words) Value { return Value{N: 1} }}
		case toyDoubled:
			return Noise{Chance: Ratio{1, 20}, Draw: func(w *Words) Value { return Value{For: w.Between(1, 40*millisecond)} }}
		case toyLate:
			return Noise{Chance: Ratio{1, 8}, Draw: func(w *Words) Value {
				v := Value{For: w.Between(1, 20*millisecond)}
				if o.extraWord {
					w.Next()
				}
				return v
			}}
		case toyCrash:
			return Noise{Chance: Ratio{1, 1000}, Weights: []uint32{1, 2, 10}, Draw: func(w *Words) Value {
				return Value{For: w.Between(1, 200*millisecond)}
			}}
		case toyPause:
			return Noise{Chance: Ratio{1, 3}, Draw: span}
		case toyIsolate:
			return Noise{Chance: Ratio{1, 3}, Draw: func(w *Words) Value {
				v := span(w)
				v.N = int64(w.Below(3))
				return v
			}}
		case toyTimeout:
			return Noise{Chance: Ratio{1, 1}, Draw: func(w *Words) Value { return Value{For: w.Between(1, 30*millisecond)} }}
		case toyAim:
			return Noise{Chance: Ratio{2, 3}, Draw: span}
		case toyKnob:
			if o.knob {
				return Noise{Chance: Ratio{1, 2}, Draw: func(w *Words) Value { return Value{N: w.Between(1, 9)} }}
			}
		}
		return Noise{}
	}
}

type toyWorld struct {
	vocabulary *Vocabulary
	kernel     Kernel
	fates      Fates
	ordinals   Ordinals
	options    toyOptions
	nodes      []*toyNode
	aims       [toyAims]Value
	slabs      [][]byte // pooled payloads, by handle
	free       []uint32
	sent       uint64
}

func newToyWorld(t rapid.TB) *toyWorld { return &toyWorld{vocabulary: toyVocabulary(t)} }

// runToy runs one case in a world of its own.
func runToy(t rapid.TB, o toyOptions) toyResult {
	t.Helper()
	return newToyWorld(t).run(t, o)
}

// run runs one case, reusing the memory of earlier ones.
func (w *toyWorld) run(t rapid.TB, o toyOptions) toyResult {
	t.Helper()
	if o.nodes == 0 {
		o.nodes = 3
	}
	if o.until == 0 {
		o.until = Time(700 * millisecond)
	}
	w.options, w.sent = o, 0
	w.slabs, w.free, w.nodes = w.slabs[:0], w.free[:0], w.nodes[:0]
	w.ordinals.Reset()
	err := w.fates.Reset(FatesConfig{
		Vocabulary: w.vocabulary, Noisy: o.noisy, Seed: o.seed, Noise: toyNoise(o), Masks: o.masks, Overrides: o.overrides,
		CloseAt: o.closeAt, Grace: o.grace, CheckOnce: !o.forget, Record: !o.forget,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.kernel.Reset(&w.fates, w, o.bounds, o.tracer)
	w.kernel.Host(toyController, toyClose{w})
	for i := range o.nodes {
		w.host(ProcID(i + 1))
	}
	if o.hermit {
		w.host(toyHermit)
	}
	w.nodes[0].holds = true
	w.layOut()
	if o.closeAt != 0 {
		w.kernel.Schedule(Event{At: o.closeAt, To: toyController, Kind: toyOnClose})
	}
	for _, n := range w.nodes {
		n.start()
	}
	err = w.kernel.Run(o.until)
	for _, n := range w.nodes {
		n.foldState(w.kernel.Digest())
	}
	return toyResult{digest: w.kernel.Digest().Sum(), steps: w.kernel.Steps(), recorded: w.fates.Recorded(), err: err}
}

func (w *toyWorld) host(id ProcID) {
	n := &toyNode{w: w, id: id}
	w.nodes = append(w.nodes, n)
	w.kernel.Host(id, n)
}

// layOut asks for everything that lies in slots: pauses, isolations, aims, and what an earlier run resolved aims to.
func (w *toyWorld) layOut() {
	lay := func(k Key, alias uint64) {
		if v := w.fates.Ask(k, 0, alias); !v.Calm() {
			w.kernel.Lay(Disturbance{Key: k, Value: v, Alias: alias})
		}
	}
	for _, n := range w.nodes {
		for slot := range uint32(toySlots) {
			lay(MakeKey(toyPause, Subject{A: n.id, Ordinal: slot}), 0)
			lay(MakeKey(toyIsolate, Subject{A: n.id, Ordinal: slot}), 0)
			w.fates.Ask(MakeKey(toyKnob, Subject{A: n.id, Ordinal: slot}), 0, 0)
		}
	}
	for _, d := range w.fates.Overrides() {
		if s := w.vocabulary.Spec(d.Key.Purpose()); s.Timed && !s.Aim && d.Key.Subject().Ordinal >= toyAimedFrom {
			lay(d.Key, d.Alias)
		}
	}
	for slot := range uint32(toyAims) {
		v := w.fates.Ask(MakeKey(toyAim, Subject{Ordinal: slot}), 0, 0)
		w.aims[slot] = v
		if !v.Calm() {
			w.kernel.LookAt(Time(v.At), slot)
		}
	}
}

// Disturb implements World.
func (w *toyWorld) Disturb(d Disturbance) {
	n := w.node(d.Key.Subject().A)
	if n == nil {
		return
	}
	end := w.kernel.Now().Add(time.Duration(d.Value.For))
	switch d.Key.Purpose() {
	case toyPause:
		n.pausedUntil = max(n.pausedUntil, end)
	case toyIsolate:
		n.cut(d.Value.N, +1)
		w.kernel.Schedule(Event{At: end, To: n.id, Kind: toyOnHeal, Flags: uint8(d.Value.N)})
	}
}

// Look implements World: isolate whoever holds the token.
func (w *toyWorld) Look(slot uint32) {
	for _, n := range w.nodes {
		if n.holds && !n.down {
			w.kernel.Resolve(Disturbance{
				Key:   MakeKey(toyIsolate, Subject{A: n.id, Ordinal: toyAimedFrom + slot}),
				Value: Value{For: w.aims[slot].For},
				Alias: n.epoch,
			})
			return
		}
	}
}

func (w *toyWorld) node(id ProcID) *toyNode {
	for _, n := range w.nodes {
		if n.id == id {
			return n
		}
	}
	return nil
}

// moment asks whether n crashes here; true means that it is dead, and how long is already arranged.
func (w *toyWorld) moment(n *toyNode, kind uint8) bool {
	if !w.fates.Active(toyCrash) {
		return false
	}
	k := w.ordinals.Next(2, Subject{A: n.id, Kind: kind, Epoch: n.epoch}).WithPurpose(toyCrash)
	v := w.fates.Ask(k, w.kernel.Now(), n.counter)
	if v.Calm() {
		return false
	}
	n.crash(time.Duration(v.For))
	return true
}

func (w *toyWorld) send(from *toyNode, to ProcID, kind uint8) {
	w.sent++
	f, now := &w.fates, w.kernel.Now()
	at := now.Add(time.Millisecond + time.Duration(from.id*7+to*3)%5*100*time.Microsecond)
	var copyAfter time.Duration
	lost := false
	if f.Active(toyLost) || f.Active(toyDoubled) || f.Active(toyLate) {
		k := w.ordinals.Next(1, Subject{A: from.id, B: to, Kind: kind, Epoch: from.epoch})
		lost = !f.Ask(k.WithPurpose(toyLost), now, from.counter).Calm()
		copyAfter = time.Duration(f.Ask(k.WithPurpose(toyDoubled), now, from.counter).For)
		at = at.Add(time.Duration(f.Ask(k.WithPurpose(toyLate), now, from.counter).For))
	}
	if lost || from.cutOut > 0 {
		return
	}
	w.kernel.Schedule(Event{At: at, To: to, Kind: toyOnMessage, Flags: kind, Payload: w.pack(from)})
	if copyAfter > 0 {
		w.kernel.Schedule(Event{At: at.Add(copyAfter), To: to, Kind: toyOnMessage, Flags: kind, Payload: w.pack(from)})
	}
}

func (w *toyWorld) pack(from *toyNode) uint32 {
	if len(w.free) == 0 {
		w.free = append(w.free, uint32(len(w.slabs)))
		w.slabs = append(w.slabs, nil)
	}
	handle := w.free[len(w.free)-1]
	w.free = w.free[:len(w.free)-1]
	b := binary.LittleEndian.AppendUint16(w.slabs[handle][:0], uint16(from.id))
	b = binary.LittleEndian.AppendUint64(b, from.epoch)
	b = binary.LittleEndian.AppendUint64(b, from.counter)
	if w.options.spoil != 0 && w.sent == w.options.spoil {
		b[len(b)-1] ^= 1
	}
	w.slabs[handle] = b
	return handle
}

func (w *toyWorld) unpack(handle uint32) (from ProcID, epoch, counter uint64) {
	b := w.slabs[handle]
	return ProcID(binary.LittleEndian.Uint16(b)), binary.LittleEndian.Uint64(b[2:]), binary.LittleEndian.Uint64(b[10:])
}

type toyNode struct {
	w           *toyWorld
	id          ProcID
	epoch       uint64 // survives a crash, like counter
	counter     uint64
	holds       bool
	heard       Time
	down        bool
	life        uint32
	pausedUntil Time
	cutIn       int
	cutOut      int
}

func (n *toyNode) cut(direction int64, by int) {
	if direction != 2 {
		n.cutIn += by
	}
	if direction != 1 {
		n.cutOut += by
	}
}

func (n *toyNode) timer(at Time, kind uint8) {
	n.w.kernel.ScheduleTimer(Event{At: at, To: n.id, Kind: kind, Payload: n.life})
}

func (n *toyNode) after(d time.Duration) Time { return n.w.kernel.Now().Add(d) }

func (n *toyNode) start() {
	n.heard = n.w.kernel.Now()
	n.timer(n.after(10*time.Millisecond), toyOnGossip)
	if n.holds {
		n.timer(n.after(5*time.Millisecond), toyOnPass)
	}
	n.arm()
}

func (n *toyNode) arm() {
	at := n.w.kernel.Now().Add(60*time.Millisecond + time.Duration(n.id)*5*time.Millisecond)
	if f := &n.w.fates; f.Active(toyTimeout) {
		k := n.w.ordinals.Next(3, Subject{A: n.id, Epoch: n.epoch}).WithPurpose(toyTimeout)
		at = at.Add(time.Duration(f.Ask(k, n.w.kernel.Now(), 0).For)) // drawn values reach to the end of time
	}
	n.timer(at, toyOnTimeout)
}

func (n *toyNode) crash(downFor time.Duration) {
	n.down, n.holds = true, false
	n.life++
	n.w.kernel.Schedule(Event{At: n.w.kernel.Now().Add(downFor), To: n.id, Kind: toyOnRestart, Payload: n.life})
}

func (n *toyNode) next() ProcID {
	if n.id == toyHermit {
		return toyHermit
	}
	return n.id%ProcID(n.w.options.nodes) + 1
}

// Deliver implements Process.
func (n *toyNode) Deliver(ev Event) {
	now := n.w.kernel.Now()
	switch ev.Kind {
	case toyOnHeal:
		n.cut(int64(ev.Flags), -1)
		return
	case toyOnRestart:
		n.down = false
		n.start()
		return
	}
	if now < n.pausedUntil {
		ev.At = n.pausedUntil
		n.w.kernel.Schedule(ev)
		return
	}
	if ev.Kind == toyOnMessage {
		from, epoch, counter := n.w.unpack(ev.Payload)
		n.w.free = append(n.w.free, ev.Payload)
		if !n.down && n.cutIn == 0 {
			n.receive(from, ev.Flags, epoch, counter)
		}
		return
	}
	if n.down || ev.Payload != n.life {
		return
	}
	switch ev.Kind {
	case toyOnGossip:
		n.timer(n.after(10*time.Millisecond), toyOnGossip)
		n.w.send(n, n.next(), toyGossip)
		n.w.moment(n, toySent)
	case toyOnPass:
		if n.holds {
			n.pass()
		}
	case toyOnTimeout:
		if now.Sub(n.heard) >= 60*time.Millisecond && !n.holds {
			n.epoch++
			n.holds = true
			n.timer(n.after(5*time.Millisecond), toyOnPass)
		}
		n.arm()
	}
}

func (n *toyNode) pass() {
	n.counter++
	n.w.send(n, n.next(), toyToken)
	n.holds = false
	n.w.moment(n, toyPassed)
}

func (n *toyNode) receive(from ProcID, kind uint8, epoch, counter uint64) {
	if epoch < n.epoch {
		return
	}
	if epoch > n.epoch {
		n.epoch, n.holds = epoch, false
	}
	n.counter = max(n.counter, counter)
	if kind != toyToken {
		return
	}
	n.heard = n.w.kernel.Now()
	if n.w.moment(n, toyReceived) {
		return
	}
	if !n.holds {
		n.holds = true
		n.timer(n.after(5*time.Millisecond), toyOnPass)
	}
	n.w.send(n, from, toyAck)
}

// Fold implements Process.
func (n *toyNode) Fold(ev Event, d *Digest) {
	if ev.Kind == toyOnMessage {
		d.Bytes(n.w.slabs[ev.Payload])
	}
}

// Describe implements Process.
func (n *toyNode) Describe(ev Event, dst []byte) []byte {
	dst = n.w.vocabulary.AppendProc(dst, n.id)
	if ev.Kind == toyOnMessage {
		from, epoch, counter := n.w.unpack(ev.Payload)
		return fmt.Appendf(dst, " %s from %s t%d count %d", toySpecs()[0].Kinds[ev.Flags], n.w.vocabulary.AppendProc(nil, from), epoch, counter)
	}
	return fmt.Appendf(dst, " event %d", ev.Kind)
}

func (n *toyNode) foldState(d *Digest) {
	flags := uint64(n.id) << 8
	if n.holds {
		flags |= 1
	}
	if n.down {
		flags |= 2
	}
	d.Word(flags)
	d.Word(n.epoch)
	d.Word(n.counter)
}

// toyClose is the process whose one event ends the fault window.
type toyClose struct{ w *toyWorld }

func (c toyClose) Deliver(Event) {
	c.w.fates.CloseFaults()
	c.w.kernel.DropDisturbances()
}
func (toyClose) Fold(Event, *Digest) {}
func (toyClose) Describe(_ Event, dst []byte) []byte {
	return append(dst, "the fault window closes"...)
}
