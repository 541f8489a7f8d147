package sim

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// logbook is a process and a world that write down what reaches them, and do what they are told to.
type logbook struct {
	k     *Kernel
	lines []string
	on    func(ev Event)
	look  func(n uint32)
}

func (l *logbook) add(format string, args ...any) {
	l.lines = append(l.lines, fmt.Sprintf("%d ", l.k.Now())+fmt.Sprintf(format, args...))
}

func (l *logbook) Deliver(ev Event) {
	l.add("event %d", ev.Payload)
	if l.on != nil {
		l.on(ev)
	}
}
func (l *logbook) Fold(Event, *Digest) {}
func (l *logbook) Describe(ev Event, dst []byte) []byte {
	return fmt.Appendf(dst, "event %d", ev.Payload)
}
func (l *logbook) Disturb(d Disturbance) {
	l.add("disturbance %d", d.Key.Subject().Ordinal)
}

func (l *logbook) Look(n uint32) {
	l.add("look %d", n)
	if l.look != nil {
		l.look(n)
	}
}

func newLogbook(t rapid.TB, b Bounds) *logbook {
	l := &logbook{k: new(Kernel)}
	l.k.Reset(newFates(t, FatesConfig{}), l, b, nil)
	l.k.Host(1, l)
	return l
}

func pauseAt(at int64, ordinal uint32) Disturbance {
	return Disturbance{Key: MakeKey(toyPause, Subject{Ordinal: ordinal}), Value: Value{At: at, For: 1}}
}

func TestOrderAtOneInstant(t *testing.T) {
	l := newLogbook(t, Bounds{})
	l.k.LookAt(5, 2)
	l.k.ScheduleTimer(Event{At: 5, To: 1, Payload: 31})
	l.k.Schedule(Event{At: 5, To: 1, Payload: 21})
	l.k.Lay(pauseAt(5, 12))
	l.k.LookAt(5, 1)
	l.k.Lay(pauseAt(5, 11))
	l.k.ScheduleTimer(Event{At: 5, To: 1, Payload: 32})
	l.k.Schedule(Event{At: 5, To: 1, Payload: 22})
	l.on = func(ev Event) {
		if ev.Payload == 31 {
			l.k.Schedule(Event{At: 5, To: 1, Payload: 23})
		}
	}
	if err := l.k.Run(10); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"5 disturbance 11", "5 disturbance 12", "5 event 21", "5 event 22", "5 event 31",
		"5 event 23", // what a timer causes at once is input, and comes before the next timer
		"5 event 32", "5 look 1", "5 look 2",
	}
	if d := gocmp.Diff(want, l.lines); d != "" {
		t.Error(d)
	}
	if l.k.Now() != 10 || l.k.Steps() != 5 {
		t.Errorf("now %d after %d steps", l.k.Now(), l.k.Steps())
	}
}

// Everything there is, put in in any order, comes out by (time, class, then key, sequence or slot).
func TestOrderAgainstSort(t *testing.T) {
	type item struct {
		at    int64
		class int // 0 disturbance, 1 protocol, 2 timer, 3 look
		n     uint32
	}
	names := []string{"disturbance", "event", "event", "look"}
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) item {
			return item{at: rapid.Int64Range(0, 12).Draw(t, "at"), class: rapid.IntRange(0, 3).Draw(t, "class")}
		}), 0, 50).Draw(t, "items")
		for i := range items {
			items[i].n = uint32(i)
		}
		l := newLogbook(t, Bounds{})
		put := func(it item) {
			switch it.class {
			case 0:
				l.k.Lay(pauseAt(it.at, it.n))
			case 1:
				l.k.Schedule(Event{At: Time(it.at), To: 1, Payload: it.n})
			case 2:
				l.k.ScheduleTimer(Event{At: Time(it.at), To: 1, Payload: it.n})
			case 3:
				l.k.LookAt(Time(it.at), it.n)
			}
		}
		isEvent := func(it item) bool { return it.class == 1 || it.class == 2 }
		for _, it := range items { // events keep their order, for it is part of what they are
			if isEvent(it) {
				put(it)
			}
		}
		for _, it := range rapid.Permutation(items).Draw(t, "order") {
			if !isEvent(it) {
				put(it)
			}
		}
		for at := range Time(13) { // in pieces, so that the clock stops in between
			if rapid.Bool().Draw(t, "stop here") {
				if err := l.k.Run(at); err != nil || l.k.Now() != at {
					t.Fatal(l.k.Now(), err)
				}
			}
		}
		if err := l.k.Run(Never); err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(items, func(a, b item) int {
			return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.class, b.class), cmp.Compare(a.n, b.n))
		})
		var want []string
		for _, it := range items {
			want = append(want, fmt.Sprintf("%d %s %d", it.at, names[it.class], it.n))
		}
		if d := gocmp.Diff(want, l.lines); d != "" {
			t.Fatalf("(-want +got):\n%s", d)
		}
	})
}

// Disturbances and looks leave no trace but what they cause: digest and steps are those of the events alone.
func TestSilentIsNotCounted(t *testing.T) {
	run := func(silent bool) (uint64, uint64) {
		l := newLogbook(t, Bounds{Steps: 10, InstantSteps: 2})
		for i := range Time(10) {
			l.k.Schedule(Event{At: i / 2, To: 1, Payload: uint32(i)})
			if silent {
				l.k.Lay(pauseAt(int64(i/2), uint32(i)))
				l.k.LookAt(i/2, 0)
			}
		}
		if err := l.k.Run(100); err != nil {
			t.Fatal(err)
		}
		return l.k.Digest().Sum(), l.k.Steps()
	}
	digest, steps := run(false)
	if d, s := run(true); d != digest || s != steps {
		t.Errorf("digest %#x in %d steps, want %#x in %d", d, s, digest, steps)
	}
}

// What is in the digest: time, receiver, kind, flags. What is not: sequence, payload handle.
func TestDigestOfAnEvent(t *testing.T) {
	digest := func(ev Event, earlier int) uint64 {
		l := newLogbook(t, Bounds{})
		l.k.Host(2, l)
		l.k.sequence = uint64(earlier)
		l.k.Schedule(ev)
		if err := l.k.Run(Never); err != nil {
			t.Fatal(err)
		}
		return l.k.Digest().Sum()
	}
	base := digest(Event{At: 5, To: 1, Kind: 1, Flags: 1}, 0)
	for i, ev := range []Event{{At: 6, To: 1, Kind: 1, Flags: 1}, {At: 5, To: 2, Kind: 1, Flags: 1}, {At: 5, To: 1, Kind: 2, Flags: 1}, {At: 5, To: 1, Kind: 1, Flags: 2}} {
		if digest(ev, 0) == base {
			t.Errorf("event %d has the digest of the first", i)
		}
	}
	if digest(Event{At: 5, To: 1, Kind: 1, Flags: 1, Payload: 9}, 100) != base {
		t.Error("a handle or a sequence number is in the digest")
	}
}

func TestBounds(t *testing.T) {
	for _, c := range []struct {
		name   string
		bounds Bounds
		every  Time // between events
		want   string
		steps  uint64
	}{
		{"steps", Bounds{Steps: 7}, 1, "bound reached: 7 steps at 7ns", 7},
		{"steps at one instant", Bounds{InstantSteps: 9}, 0, "bound reached: 9 steps at one instant at 0s", 9},
		{"default steps at one instant", Bounds{}, 0, "bound reached: 100000 steps at one instant at 0s", 100_000},
		{"both", Bounds{Steps: 3, InstantSteps: 3}, 0, "bound reached: 3 steps at 0s", 3},
	} {
		l := newLogbook(t, c.bounds)
		l.on = func(ev Event) {
			l.lines = l.lines[:0]
			l.k.Schedule(Event{At: ev.At + c.every, To: 1, Payload: ev.Payload + 1})
		}
		l.k.Schedule(Event{To: 1})
		err := l.k.Run(Never)
		var bound *BoundError
		if !errors.As(err, &bound) || err.Error() != c.want || l.k.Steps() != c.steps || bound.Event.Payload != uint32(c.steps) {
			t.Errorf("%s: %v after %d steps", c.name, err, l.k.Steps())
		}
		if err := l.k.Run(Never); c.bounds.Steps != 0 && err == nil && l.k.events.len() > 0 {
			t.Errorf("%s: the run went on", c.name)
		}
	}
	l := newLogbook(t, Bounds{InstantSteps: 2})
	for i := range Time(10) {
		l.k.Schedule(Event{At: i / 2, To: 1})
	}
	if err := l.k.Run(Never); err != nil {
		t.Errorf("two steps at every instant are allowed: %v", err)
	}
}

func TestResolveStrikesLater(t *testing.T) {
	l := newLogbook(t, Bounds{})
	l.k.Schedule(Event{At: 5, To: 1})
	l.k.Schedule(Event{At: 6, To: 1})
	l.k.LookAt(5, 0)
	l.look = func(uint32) {
		l.k.Resolve(pauseAt(0, 1001))
		l.k.Resolve(pauseAt(5, 1002))
		l.k.Resolve(pauseAt(9, 1003))
	}
	if err := l.k.Run(100); err != nil {
		t.Fatal(err)
	}
	want := []string{"5 event 0", "5 look 0", "6 disturbance 1001", "6 disturbance 1002", "6 event 0", "9 disturbance 1003"}
	if d := gocmp.Diff(want, l.lines); d != "" {
		t.Error(d)
	}
}

// What a generator resolves is cut at the end of the fault window in the run itself as in its record.
func TestResolveIsClamped(t *testing.T) {
	var got []Disturbance
	var k Kernel
	f := newFates(t, FatesConfig{Record: true, CloseAt: 100, Grace: 20, Overrides: []Disturbance{parseOne(t, "isolate n1 #1001 = calm")}})
	w := &hooks{look: func() {
		for i := range uint32(2) {
			k.Resolve(Disturbance{Key: MakeKey(toyIsolate, Subject{A: 1, Ordinal: 1000 + i}), Value: Value{For: 1000}})
		}
	}, disturb: func(d Disturbance) { got = append(got, d) }}
	k.Reset(f, w, Bounds{}, nil)
	k.LookAt(49, 0)
	if err := k.Run(1000); err != nil {
		t.Fatal(err)
	}
	want := []Disturbance{{Key: MakeKey(toyIsolate, Subject{A: 1, Ordinal: 1000}), Value: Value{At: 50, For: 70}}}
	if d := gocmp.Diff(want, got); d != "" {
		t.Errorf("in effect (-want +got):\n%s", d)
	}
	if d := gocmp.Diff(want, f.Recorded()); d != "" {
		t.Errorf("recorded (-want +got):\n%s", d)
	}
}

type hooks struct {
	look    func()
	disturb func(Disturbance)
}

func (h *hooks) Look(uint32)           { h.look() }
func (h *hooks) Disturb(d Disturbance) { h.disturb(d) }

func TestStopAndDrop(t *testing.T) {
	l := newLogbook(t, Bounds{})
	for i := range Time(5) {
		l.k.Schedule(Event{At: i, To: 1, Payload: uint32(i)})
		l.k.Lay(pauseAt(int64(i)+3, uint32(i)))
		l.k.LookAt(i+3, 0)
	}
	l.on = func(ev Event) {
		if ev.Payload == 2 {
			l.k.Stop()
			l.k.DropDisturbances()
		}
	}
	if err := l.k.Run(100); err != nil || l.k.Now() != 2 || l.k.Steps() != 3 {
		t.Errorf("stopped at %d after %d steps: %v", l.k.Now(), l.k.Steps(), err)
	}
	if err := l.k.Run(100); err != nil || l.k.Now() != 100 || l.k.Steps() != 5 {
		t.Errorf("ended at %d after %d steps: %v", l.k.Now(), l.k.Steps(), err)
	}
	want := []string{"0 event 0", "1 event 1", "2 event 2", "3 event 3", "4 event 4"}
	if d := gocmp.Diff(want, l.lines); d != "" {
		t.Error(d)
	}
}

func TestKernelPanicsNameWhatBroke(t *testing.T) {
	for _, c := range []struct {
		do   func(l *logbook)
		want string
	}{
		{func(l *logbook) { l.k.Schedule(Event{At: 9, To: 1}) }, "sim: event for process 1 scheduled at 9ns, but it is 10ns"},
		{func(l *logbook) { l.k.ScheduleTimer(Event{At: 9, To: 1}) }, "sim: event for process 1 scheduled at 9ns, but it is 10ns"},
		{func(l *logbook) { l.k.Lay(pauseAt(9, 0)) }, "sim: disturbance laid at 9ns, but it is 10ns"},
		{func(l *logbook) { l.k.Host(1, l) }, "sim: process 1 is hosted twice"},
		{func(l *logbook) { l.k.Schedule(Event{At: 11, To: 7}); _ = l.k.Run(20) }, "sim: event for process 7 at 11ns, but none is hosted"},
		{func(l *logbook) { l.k.Schedule(Event{At: 11}); _ = l.k.Run(20) }, "sim: event for process 0 at 11ns, but none is hosted"},
		{func(l *logbook) { l.k.Schedule(Event{At: 10, To: 1}); l.k.Lay(pauseAt(10, 0)); _ = l.k.Run(20) }, ""},
	} {
		l := newLogbook(t, Bounds{})
		if err := l.k.Run(10); err != nil {
			t.Fatal(err)
		}
		if got := panics(func() { c.do(l) }); got != c.want {
			t.Errorf("panic %q, want %q", got, c.want)
		}
	}
}

func TestTime(t *testing.T) {
	if got := Time(5).Add(-5); got != 0 {
		t.Error(got)
	}
	if got := (Never - 1).Add(2); got != Never {
		t.Error(got)
	}
	if got := Never.Add(0); got != Never || got.String() != "never" {
		t.Error(got)
	}
	if got := Time(1200 * millisecond).Sub(200); got.String() != "1.1999998s" {
		t.Error(got)
	}
}
