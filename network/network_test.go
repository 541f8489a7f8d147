package network

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"raftsim/sim"
)

var kinds = []string{"vote", "app"}

func vocabulary(t testing.TB) *sim.Vocabulary {
	t.Helper()
	v, err := sim.NewVocabulary([]sim.ProcName{
		{Prefix: "n", First: 1, Last: 1023},
		{Prefix: "c", Base: 1024, First: 1025, Last: 2047},
	}, Specs(kinds)...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// bench is a kernel and a network with receivers that write down what they hear.
type bench struct {
	sim.Kernel
	Network
	vocabulary *sim.Vocabulary
	fates      *sim.Fates
	heard      []string
	down       map[sim.ProcID]bool
}

type receiver struct{ b *bench }

func (r receiver) Deliver(ev sim.Event) {
	if r.b.down[ev.To] {
		r.b.Discard(ev.Payload)
		return
	}
	p := r.b.Arrive(ev.Payload)
	if p == nil {
		return
	}
	r.b.heard = append(r.b.heard, fmt.Sprintf("%v %d>%d %s", ev.At, p.From, p.To, p.Bytes))
	r.b.Release(ev.Payload)
}
func (r receiver) Fold(ev sim.Event, d *sim.Digest) { r.b.Network.Fold(ev.Payload, d) }
func (r receiver) Describe(ev sim.Event, dst []byte) []byte {
	return r.b.Network.Describe(ev.Payload, dst, r.b.vocabulary)
}

func newBench(t testing.TB, c Config, f sim.FatesConfig, lines ...string) *bench {
	t.Helper()
	b := &bench{vocabulary: vocabulary(t), down: map[sim.ProcID]bool{}}
	f.Vocabulary = b.vocabulary
	for _, line := range lines {
		d, err := b.vocabulary.ParseLine(line)
		if err != nil {
			t.Fatal(err)
		}
		f.Overrides = append(f.Overrides, d)
	}
	var err error
	if b.fates, err = sim.NewFates(f); err != nil {
		t.Fatal(err)
	}
	b.Kernel.Reset(b.fates, nil, sim.Bounds{}, nil)
	b.Network.Reset(&b.Kernel, c)
	for _, id := range []sim.ProcID{1, 2, 3, 1025} {
		b.Host(id, receiver{b})
		b.Attach(id)
	}
	return b
}

func (b *bench) send(from, to sim.ProcID, text string) {
	b.Send(from, to, Label{Kind: 1, Epoch: 3, Alias: 0x1f}, append(b.Buffer(), text...))
}

func (b *bench) run(until time.Duration) {
	if err := b.Run(sim.Time(until)); err != nil {
		panic(err)
	}
}

// Links are 1 ms slow in these tests.
var plain = Config{Delay: time.Millisecond}

// TestPurposes says what each disturbance does to one packet, in both link disciplines.
func TestPurposes(t *testing.T) {
	tests := []struct {
		name  string
		fifo  bool
		lines []string
		want  []string
		stats Stats
	}{
		{
			name:  "calm",
			want:  []string{"1ms 1>2 a", "1ms 1>2 b", "1ms 1>2 c"},
			stats: Stats{Sent: 3, Delivered: 3},
		},
		{
			name: "calm in order", fifo: true,
			want:  []string{"1ms 1>2 a", "1.000001ms 1>2 b", "1.000002ms 1>2 c"},
			stats: Stats{Sent: 3, Delivered: 3},
		},
		{
			name: "lost", lines: []string{"lost n1>n2 app t3 #1 = yes"},
			want:  []string{"1ms 1>2 a", "1ms 1>2 c"},
			stats: Stats{Sent: 3, Lost: 1, Delivered: 2},
		},
		{
			name: "late overtaken", lines: []string{"late n1>n2 app t3 #0 = 5ms"},
			want:  []string{"1ms 1>2 b", "1ms 1>2 c", "6ms 1>2 a"},
			stats: Stats{Sent: 3, Late: 1, Delivered: 3, Reordered: 1},
		},
		{
			name: "late by a nanosecond", lines: []string{"late n1>n2 app t3 #0 = 1ns"},
			want:  []string{"1ms 1>2 b", "1ms 1>2 c", "1.000001ms 1>2 a"},
			stats: Stats{Sent: 3, Late: 1, Delivered: 3, Reordered: 1},
		},
		{
			name: "late holds back", fifo: true, lines: []string{"late n1>n2 app t3 #1 = 5ms"},
			want:  []string{"1ms 1>2 a", "6ms 1>2 b", "6.000001ms 1>2 c"},
			stats: Stats{Sent: 3, Late: 1, Delivered: 3},
		},
		{
			name: "doubled", lines: []string{"doubled n1>n2 app t3 #1 = 5ms"},
			want:  []string{"1ms 1>2 a", "1ms 1>2 b", "1ms 1>2 c", "6ms 1>2 b"},
			stats: Stats{Sent: 3, Doubled: 1, Delivered: 4, Reordered: 1},
		},
		{
			name: "the copy first", lines: []string{"doubled n1>n2 app t3 #2 = 5ms", "late n1>n2 app t3 #2 = 9ms"},
			want:  []string{"1ms 1>2 a", "1ms 1>2 b", "6ms 1>2 c", "10ms 1>2 c"},
			stats: Stats{Sent: 3, Doubled: 1, Late: 1, Delivered: 4},
		},
		{
			name: "the copy after the original, holding nothing back", fifo: true,
			lines: []string{"doubled n1>n2 app t3 #1 = 5ms", "late n1>n2 app t3 #1 = 9ms"},
			want:  []string{"1ms 1>2 a", "10ms 1>2 b", "10.000001ms 1>2 b", "10.000001ms 1>2 c"},
			stats: Stats{Sent: 3, Doubled: 1, Late: 1, Delivered: 4, Reordered: 0},
		},
		{
			name: "a lost packet has no copy", lines: []string{"lost n1>n2 app t3 #0 = yes", "doubled n1>n2 app t3 #0 = 5ms"},
			want:  []string{"1ms 1>2 b", "1ms 1>2 c"},
			stats: Stats{Sent: 3, Lost: 1, Delivered: 2},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := plain
			c.FIFO = test.fifo
			b := newBench(t, c, sim.FatesConfig{CheckOnce: true}, test.lines...)
			for _, text := range []string{"a", "b", "c"} {
				b.send(1, 2, text)
			}
			b.run(time.Second)
			if diff := cmp.Diff(test.want, b.heard); diff != "" {
				t.Errorf("heard (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.stats, b.Network.Stats()); diff != "" {
				t.Errorf("stats (-want +got):\n%s", diff)
			}
			if b.UnderWay() != 0 {
				t.Errorf("%d packets were never released", b.UnderWay())
			}
		})
	}
}

// TestCutDropsAtBothEnds: what is sent during a cut is dropped, what arrives during it too; what is under way over the whole of
// it gets through.
func TestCutDropsAtBothEnds(t *testing.T) {
	b := newBench(t, plain, sim.FatesConfig{}, "late n1>n2 app t3 #0 = 9ms")
	b.send(1, 2, "over it")
	b.send(1, 2, "into it")
	b.send(2, 1, "other way")
	b.run(500 * time.Microsecond)
	b.Block(1, 2)
	if !b.Blocked(1, 2) || b.Blocked(2, 1) {
		t.Error("a cut is of one direction")
	}
	b.send(1, 2, "during it")
	b.run(5 * time.Millisecond)
	b.Unblock(1, 2)
	b.send(1, 2, "after it")
	b.run(time.Second)
	want := []string{"1ms 2>1 other way", "6ms 1>2 after it", "10ms 1>2 over it"}
	if diff := cmp.Diff(want, b.heard); diff != "" {
		t.Errorf("heard (-want +got):\n%s", diff)
	}
	stats := Stats{Sent: 5, CutAtSend: 1, CutAtArrival: 1, Late: 1, Delivered: 3, Reordered: 1}
	if diff := cmp.Diff(stats, b.Network.Stats()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

// TestCutHolds: up to a number, what is sent into a cut leaves after it, in the order of sending. What is beyond it is dropped.
func TestCutHolds(t *testing.T) {
	for _, fifo := range []bool{false, true} {
		c := plain
		c.Hold, c.FIFO = 3, fifo
		b := newBench(t, c, sim.FatesConfig{}, "doubled n1>n2 app t3 #1 = 20ms")
		b.send(1, 2, "under way")
		b.run(500 * time.Microsecond)
		b.Block(1, 2)
		b.Block(1, 2)
		b.send(1, 2, "twice")
		b.send(1, 2, "once")
		b.send(1, 2, "one too many")
		b.run(3 * time.Millisecond)
		b.Unblock(1, 2)
		b.run(5 * time.Millisecond)
		b.Unblock(1, 2)
		b.send(1, 2, "after it")
		b.run(time.Second)
		want := []string{"6ms 1>2 twice", "6ms 1>2 twice", "6ms 1>2 once", "6ms 1>2 after it"}
		if fifo {
			want = []string{"6ms 1>2 twice", "6.000001ms 1>2 twice", "6.000002ms 1>2 once", "6.000003ms 1>2 after it"}
		}
		if diff := cmp.Diff(want, b.heard); diff != "" {
			t.Errorf("FIFO %v: heard (-want +got):\n%s", fifo, diff)
		}
		stats := Stats{Sent: 5, CutAtSend: 1, CutAtArrival: 1, Held: 2, Doubled: 1, Delivered: 4}
		if diff := cmp.Diff(stats, b.Network.Stats()); diff != "" {
			t.Errorf("FIFO %v: stats (-want +got):\n%s", fifo, diff)
		}
		b.Block(1, 2)
		b.send(1, 2, "healed")
		b.HealAll()
		b.run(2 * time.Second)
		if last := b.heard[len(b.heard)-1]; last != "1.001s 1>2 healed" || b.UnderWay() != 0 {
			t.Errorf("FIFO %v: after HealAll heard %q last, %d packets under way", fifo, last, b.UnderWay())
		}
	}
}

// TestCutsCompose: a link is open again when every cut of it has ended, and not earlier.
func TestCutsCompose(t *testing.T) {
	b := newBench(t, plain, sim.FatesConfig{})
	b.Block(1, 2)
	b.Block(1, 2)
	b.Unblock(1, 2)
	if !b.Blocked(1, 2) {
		t.Error("the end of one cut opened a link that another still closes")
	}
	b.Unblock(1, 2)
	if b.Blocked(1, 2) {
		t.Error("still cut after both cuts ended")
	}
	b.Block(2, 3)
	b.HealAll()
	if b.Blocked(2, 3) {
		t.Error("still cut after HealAll")
	}
	if text := panicOf(func() { b.Unblock(2, 3) }); !strings.Contains(text, "unblocked more often") {
		t.Errorf("one Unblock too many: panic %q", text)
	}
}

// TestNamesDoNotDependOnFates: deleting a cut or a loss renames nothing that is sent later.
func TestNamesDoNotDependOnFates(t *testing.T) {
	heard := func(cut bool, lines ...string) []string {
		b := newBench(t, plain, sim.FatesConfig{}, append(lines, "late n1>n2 app t3 #2 = 5ms")...)
		if cut {
			b.Block(1, 2)
		}
		b.send(1, 2, "a")
		b.send(1, 3, "other link")
		b.send(1, 2, "b")
		if cut {
			b.Unblock(1, 2)
		}
		b.send(1, 2, "c")
		b.run(time.Second)
		return b.heard
	}
	const want = "6ms 1>2 c"
	for _, got := range [][]string{heard(false), heard(true), heard(false, "lost n1>n2 app t3 #0 = yes")} {
		if last := got[len(got)-1]; last != want {
			t.Errorf("last heard %q, want %q", last, want)
		}
	}
}

// TestDownReceiver: a packet for a crashed process is counted and released.
func TestDownReceiver(t *testing.T) {
	b := newBench(t, plain, sim.FatesConfig{})
	b.down[2] = true
	b.send(1, 2, "a")
	b.run(time.Second)
	if got, want := b.Network.Stats(), (Stats{Sent: 1, Unheard: 1}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
	if b.UnderWay() != 0 {
		t.Error("the packet was not released")
	}
}

// TestCalmDelays: links differ, stay below Delay+Spread, and depend on nothing but their two ends.
func TestCalmDelays(t *testing.T) {
	var few, many Network
	var k sim.Kernel
	f, err := sim.NewFates(sim.FatesConfig{Vocabulary: vocabulary(t)})
	if err != nil {
		t.Fatal(err)
	}
	k.Reset(f, nil, sim.Bounds{}, nil)
	c := Config{Delay: time.Millisecond, Spread: 500 * time.Microsecond}
	few.Reset(&k, c)
	many.Reset(&k, c)
	for id := sim.ProcID(1); id <= 5; id++ {
		few.Attach(id)
	}
	for id := sim.ProcID(60); id >= 1; id-- {
		many.Attach(id)
	}
	seen := map[time.Duration]bool{}
	for a := sim.ProcID(1); a <= 5; a++ {
		for b := sim.ProcID(1); b <= 5; b++ {
			d := few.link(a, b).delay
			if d != many.link(a, b).delay {
				t.Errorf("link %d>%d: %v with 5 processes, %v with 60", a, b, d, many.link(a, b).delay)
			}
			if d < c.Delay || d >= c.Delay+c.Spread {
				t.Errorf("link %d>%d: %v lies outside [1ms, 1.5ms)", a, b, d)
			}
			seen[d] = true
		}
	}
	if len(seen) != 25 {
		t.Errorf("25 links have %d different delays", len(seen))
	}
}

// TestDescribe pins the line of a packet, with and without ordinals.
func TestDescribe(t *testing.T) {
	for _, number := range []bool{false, true} {
		c := plain
		c.Number = number
		b := newBench(t, c, sim.FatesConfig{})
		b.send(1, 2, "a")
		b.run(time.Second)
		b.Send(1, 2, Label{Kind: 1, Epoch: 3, Alias: 0x1f}, append(b.Buffer(), "hello"...))
		b.Send(1, 1025, Label{Epoch: sim.PairedEpoch(1, 17)}, nil)
		want := []string{"> n1>n2 app t3 ~1f 5 bytes", "> n1>c1 vote t1.17 0 bytes"}
		if number {
			want = []string{"> n1>n2 app t3 #1 ~1f 5 bytes", "> n1>c1 vote t1.17 #0 0 bytes"}
		}
		for i, handle := range []uint32{0, 1} {
			if got := string(b.Network.Describe(handle, []byte("> "), b.vocabulary)); got != want[i] {
				t.Errorf("number=%v: %q, want %q", number, got, want[i])
			}
		}
	}
}

// TestFold: the digest sees sender, label and bytes, and neither alias nor handle.
func TestFold(t *testing.T) {
	sum := func(from sim.ProcID, l Label, bytes string) uint64 {
		b := newBench(t, plain, sim.FatesConfig{})
		for range l.Alias {
			b.send(3, 2, "others take the first handles")
		}
		b.Send(from, 2, l, append(b.Buffer(), bytes...))
		var d sim.Digest
		b.Network.Fold(uint32(l.Alias), &d)
		return d.Sum()
	}
	base := sum(1, Label{Kind: 1, Epoch: 3}, "x")
	if sum(1, Label{Kind: 1, Epoch: 3, Alias: 4}, "x") != base {
		t.Error("alias or handle changed the digest")
	}
	for name, other := range map[string]uint64{
		"sender": sum(3, Label{Kind: 1, Epoch: 3}, "x"),
		"kind":   sum(1, Label{Kind: 0, Epoch: 3}, "x"),
		"epoch":  sum(1, Label{Kind: 1, Epoch: 4}, "x"),
		"bytes":  sum(1, Label{Kind: 1, Epoch: 3}, "y"),
	} {
		if other == base {
			t.Errorf("the digest does not see the %s", name)
		}
	}
}

// TestReplay: a noisy run equals its own recording, and nothing is ever unaccounted for, whatever is cut and crashed.
func TestReplay(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		noise := Noise{
			Lost: sim.Ratio{Num: 1, Den: 5}, Doubled: sim.Ratio{Num: 1, Den: 5}, Late: sim.Ratio{Num: 1, Den: 2},
			Delay:        Delays{Shape: HeavyTail, Mean: 2 * time.Millisecond},
			DoubledDelay: Delays{Shape: Exponential, Mean: 9 * time.Millisecond},
		}
		c := Config{Delay: time.Millisecond, Spread: time.Millisecond, FIFO: rapid.Bool().Draw(r, "fifo")}
		c.Bandwidth = rapid.SampledFrom([]int64{0, 2000, 50_000}).Draw(r, "bandwidth") // 0, 2 ms or 80 us for a packet
		c.Queue = rapid.IntRange(0, 3).Draw(r, "queue")
		c.Policy = Policy(rapid.IntRange(0, int(policyEnd)-1).Draw(r, "policy"))
		c.Append = uint8(rapid.IntRange(0, 1).Draw(r, "append"))
		c.Hold = rapid.IntRange(0, 2).Draw(r, "hold")
		type action struct {
			what     int
			from, to sim.ProcID
		}
		script := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) action {
			return action{
				what: rapid.IntRange(0, 9).Draw(r, "what"),
				from: sim.ProcID(rapid.IntRange(1, 3).Draw(r, "from")),
				to:   sim.ProcID(rapid.IntRange(1, 3).Draw(r, "to")),
			}
		}), 1, 120).Draw(r, "script")
		run := func(f sim.FatesConfig) *bench {
			f.CheckOnce = true
			b := newBench(t, c, f)
			last := map[[2]sim.ProcID]string{}
			for i, a := range script {
				switch {
				case a.what == 0:
					b.Block(a.from, a.to)
				case a.what == 1 && b.Blocked(a.from, a.to):
					b.Unblock(a.from, a.to)
				case a.what == 2:
					b.down[a.to] = !b.down[a.to]
				default:
					b.send(a.from, a.to, fmt.Sprintf("%04d", i))
				}
				b.run(time.Duration(i) * 200 * time.Microsecond)
			}
			b.HealAll()
			b.run(time.Hour)
			s := b.Network.Stats()
			if s.Sent-s.Lost-s.CutAtSend-s.QueueDrops-s.Replaced+s.Doubled != s.Delivered+s.CutAtArrival+s.Unheard {
				r.Fatalf("unaccounted packets: %+v", s)
			}
			if b.UnderWay() != 0 {
				r.Fatalf("%d packets leaked", b.UnderWay())
			}
			first := map[string]bool{}
			for _, h := range b.heard {
				var at, link, text string
				fmt.Sscan(h, &at, &link, &text)
				k := [2]sim.ProcID{sim.ProcID(link[0]), sim.ProcID(link[2])}
				// A copy may be overtaken, and is what was heard first if its original met a cut or nobody.
				copies := s.Doubled > 0 && s.CutAtArrival+s.Unheard > 0
				if c.FIFO && !copies && !first[text] && text < last[k] {
					r.Fatalf("%s overtaken on a link that keeps order", text)
				}
				if !first[text] {
					last[k] = text
				}
				first[text] = true
			}
			return b
		}
		noisy := run(sim.FatesConfig{Noisy: true, Seed: rapid.Uint64().Draw(r, "seed"), Noise: noise.For, Record: true})
		calm := run(sim.FatesConfig{Overrides: noisy.fates.Recorded()})
		if diff := cmp.Diff(noisy.heard, calm.heard); diff != "" {
			r.Fatalf("the recording differs (-noise +recording):\n%s", diff)
		}
		if noisy.Kernel.Digest().Sum() != calm.Kernel.Digest().Sum() {
			r.Fatal("the recording has another digest")
		}
	})
}

// TestBytesStayWhileHeld: a receiver may send while it still reads what it got.
func TestBytesStayWhileHeld(t *testing.T) {
	b := newBench(t, plain, sim.FatesConfig{})
	b.send(1, 2, "held")
	p := b.Packet(0)
	for range 100 {
		b.send(2, 1, "more")
	}
	if string(p.Bytes) != "held" {
		t.Errorf("bytes became %q", p.Bytes)
	}
	b.Release(0)
	if text := panicOf(func() { b.Release(0) }); !strings.Contains(text, "after its release") {
		t.Errorf("second release: panic %q", text)
	}
}

func TestMisuse(t *testing.T) {
	b := newBench(t, plain, sim.FatesConfig{})
	if text := panicOf(func() { b.Attach(2) }); !strings.Contains(text, "attached twice") {
		t.Errorf("second Attach: panic %q", text)
	}
	if text := panicOf(func() { b.send(1, 9, "x") }); !strings.Contains(text, "not attached") {
		t.Errorf("unknown receiver: panic %q", text)
	}
	for _, c := range []Config{{}, {Delay: 1, Spread: -1}, {Delay: 1, Bandwidth: -1}, {Delay: 1, Queue: -1}, {Delay: 1, Policy: policyEnd}} {
		if c.Validate() == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
	if err := plain.Validate(); err != nil {
		t.Error(err)
	}
}

// TestResetForgets: a run on used memory equals a run on fresh memory.
func TestResetForgets(t *testing.T) {
	b := newBench(t, plain, sim.FatesConfig{}, "late n1>n2 app t3 #1 = 5ms")
	play := func() []string {
		b.heard = nil
		for _, text := range []string{"a", "b", "c", "d"} {
			b.send(1, 2, text)
		}
		b.run(time.Second)
		b.Block(1, 2)
		b.send(2, 1, "never arrives")
		b.Buffer()
		return b.heard
	}
	first := play()
	b.Kernel.Reset(b.fates, nil, sim.Bounds{}, nil)
	b.Network.Reset(&b.Kernel, plain)
	for _, id := range []sim.ProcID{1, 2, 3} {
		b.Host(id, receiver{b})
		b.Attach(id)
	}
	if b.UnderWay() != 0 {
		t.Errorf("%d packets of the run before", b.UnderWay())
	}
	if diff := cmp.Diff(first, play()); diff != "" {
		t.Errorf("second run (-first +second):\n%s", diff)
	}
}

func panicOf(f func()) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	f()
	return
}

func BenchmarkSendDeliverRelease(b *testing.B) {
	payload := make([]byte, 64)
	noise := Noise{
		Lost: sim.Ratio{Num: 1, Den: 1000}, Doubled: sim.Ratio{Num: 1, Den: 1000}, Late: sim.Ratio{Num: 1, Den: 100},
		Delay: Delays{Shape: Exponential, Mean: time.Millisecond}, DoubledDelay: Delays{Shape: HeavyTail, Mean: time.Millisecond},
	}
	for _, bench := range []struct {
		name string
		f    sim.FatesConfig
	}{
		{"calm", sim.FatesConfig{}},
		{"noise", sim.FatesConfig{Noisy: true, Seed: 1, Noise: noise.For}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			n := newBench(b, Config{Delay: time.Millisecond, Spread: time.Millisecond}, bench.f)
			n.Host(4, quiet{n})
			n.Attach(4)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				n.Send(1, 4, Label{Kind: 1, Epoch: uint64(i >> 16)}, append(n.Buffer(), payload...))
				if i&63 == 63 {
					n.run(time.Duration(n.Now()) + 10*time.Millisecond)
				}
			}
		})
	}
}

type quiet struct{ b *bench }

func (q quiet) Deliver(ev sim.Event) {
	if q.b.Arrive(ev.Payload) != nil {
		q.b.Release(ev.Payload)
	}
}
func (q quiet) Fold(ev sim.Event, d *sim.Digest)        { q.b.Network.Fold(ev.Payload, d) }
func (q quiet) Describe(_ sim.Event, dst []byte) []byte { return dst }
