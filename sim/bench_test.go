package sim

import (
	"strconv"
	"testing"
)

// spinner is a process whose every step asks one fate and schedules one event: what a simulation costs before it simulates
// anything.
type spinner struct {
	k *Kernel
	n uint32
}

func (s *spinner) Deliver(ev Event) {
	s.n++
	key := MakeKey(toyLate, Subject{A: ev.To, B: 2, Kind: 1, Epoch: 3, Ordinal: s.n & MaxKeyOrdinal})
	v := s.k.fates.Ask(key, ev.At, 0)
	s.k.Schedule(Event{At: ev.At + 1000 + Time(ev.To*97%64) + Time(v.For), To: ev.To, Kind: ev.Kind, Payload: ev.Payload})
}
func (s *spinner) Fold(ev Event, d *Digest)            { d.Word(uint64(s.n)) }
func (s *spinner) Describe(_ Event, dst []byte) []byte { return dst }
func (s *spinner) Disturb(Disturbance)                 {}
func (s *spinner) Look(uint32)                         {}

const spinners = 64

func newSpinners(tb testing.TB) *Kernel {
	k := new(Kernel)
	f := newFates(tb, FatesConfig{Noisy: true, Seed: 1, Noise: func(p Purpose) Noise {
		if p != toyLate {
			return Noise{}
		}
		return Noise{Chance: Ratio{1, 10}, Draw: func(w *Words) Value { return Value{For: w.Between(1, 4000)} }}
	}})
	k.Reset(f, &spinner{}, Bounds{Steps: 1 << 62}, nil)
	for id := range ProcID(spinners) {
		k.Host(id, &spinner{k: k})
		k.Schedule(Event{At: Time(id), To: id, Kind: 1})
	}
	for range 10_000 {
		if err := k.step(); err != nil {
			tb.Fatal(err)
		}
	}
	return k
}

// runSteps runs about n steps through Run.
func runSteps(tb testing.TB, k *Kernel, n uint64) {
	for goal := k.Steps() + n; k.Steps() < goal; {
		if err := k.Run(k.Now() + 20_000); err != nil {
			tb.Fatal(err)
		}
	}
}

func BenchmarkEmptyStep(b *testing.B) {
	k := newSpinners(b)
	b.ReportAllocs()
	b.ResetTimer()
	runSteps(b, k, uint64(b.N))
}

// The hot path allocates nothing: not the step, not the fate, not a disturbance.
func TestHotPathDoesNotAllocate(t *testing.T) {
	k := newSpinners(t)
	if n := testing.AllocsPerRun(20, func() { runSteps(t, k, 1000) }); n != 0 {
		t.Errorf("%v allocations in 1000 steps", n)
	}
	f := overriddenFates(t, 3000)
	i := uint32(0)
	if n := testing.AllocsPerRun(1000, func() { f.Ask(fateKey(i), 0, 0); i++ }); n != 0 {
		t.Errorf("%v allocations in a fate", n)
	}
	ordinal := uint32(0)
	lay := func() {
		for range 10 {
			k.Lay(pauseAt(int64(k.Now())+int64(ordinal%7), ordinal))
			k.LookAt(k.Now()+Time(ordinal%5), ordinal)
			ordinal++
		}
		runSteps(t, k, 100)
	}
	lay()
	if n := testing.AllocsPerRun(100, lay); n != 0 {
		t.Errorf("%v allocations in laying ten disturbances and looks", n)
	}
	var o Ordinals
	o.Next(1, Subject{A: 1})
	if n := testing.AllocsPerRun(1000, func() { o.Next(1, Subject{A: 1}) }); n != 0 {
		t.Errorf("%v allocations in an ordinal", n)
	}
}

func fateKey(i uint32) Key {
	return MakeKey(toyLate, Subject{A: ProcID(i % 5), B: ProcID(i / 5 % 5), Kind: uint8(i % 3), Epoch: 3, Ordinal: i % 9973})
}

func overriddenFates(tb testing.TB, n uint32) *Fates {
	overrides := make([]Disturbance, n)
	for i := range n {
		overrides[i] = Disturbance{Key: fateKey(3 * i), Value: Value{For: 1}}
	}
	return newFates(tb, FatesConfig{Overrides: overrides})
}

func BenchmarkFate(b *testing.B) {
	keys := make([]Key, 1<<13)
	for i := range keys {
		keys[i] = fateKey(uint32(i))
	}
	for _, c := range []struct {
		name  string
		fates *Fates
	}{
		{"calm", newFates(b, FatesConfig{})},
		{"noise", newFates(b, FatesConfig{Noisy: true, Seed: 1})},
		{"overrides3000", overriddenFates(b, 3000)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				c.fates.Ask(keys[i&(len(keys)-1)], 0, 0)
			}
		})
	}
}

func BenchmarkHeap(b *testing.B) {
	for _, size := range []int{16, 256, 4096} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			var h eventHeap
			w := KeyedWords(1, MakeKey(1, Subject{}))
			var after [1024]Time
			for i := range after {
				after[i] = Time(w.Below(100_000))
			}
			for i := range size {
				h.push(Event{At: after[i%1024], order: uint64(i)})
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				ev := h.pop()
				ev.At += after[i&1023]
				ev.order = uint64(size + i)
				h.push(ev)
			}
		})
	}
}
