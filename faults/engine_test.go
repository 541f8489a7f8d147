package faults

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"raftsim/sim"
)

var moments = []string{"written", "synced"}

func vocabulary(t testing.TB) *sim.Vocabulary {
	t.Helper()
	v, err := sim.NewVocabulary([]sim.ProcName{
		{Prefix: "n", First: 1, Last: 1023},
		{Prefix: "c", Base: firstClient, First: firstClient, Last: 2047},
	}, Specs(moments)...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// fake is a world without a protocol: a beat every millisecond moves the leadership on and meets a moment on every server, and
// the digest sees who is up, who leads and which links are open.
type fake struct {
	sim.Kernel
	Engine
	Hazards
	t          testing.TB
	vocabulary *sim.Vocabulary
	fates      *sim.Fates
	servers    []sim.ProcID
	clients    []sim.ProcID
	cuts       map[[2]sim.ProcID]int
	downUntil  map[sim.ProcID]sim.Time
	leader     func(sim.Time) sim.ProcID
	winner     func(sim.Time) sim.ProcID
	links      uint64 // a sum over the cuts, for the digest
	log        []string
	looks      int
}

const (
	referee  sim.ProcID = 4000
	kindHeal uint8      = 1
	kindBeat uint8      = 2
)

func (f *fake) Servers() []sim.ProcID { return f.servers }
func (f *fake) Clients() []sim.ProcID { return f.clients }
func (f *fake) Up(id sim.ProcID) bool { return f.downUntil[id] <= f.Now() }
func (f *fake) Leader() sim.ProcID    { return f.ifUp(f.leader(f.Now())) }
func (f *fake) AboutToWin() sim.ProcID {
	return f.ifUp(f.winner(f.Now()))
}
func (f *fake) ifUp(id sim.ProcID) sim.ProcID {
	if !f.Up(id) {
		return 0
	}
	return id
}
func (f *fake) Block(from, to sim.ProcID) {
	f.cuts[[2]sim.ProcID{from, to}]++
	f.links += linkWord(from, to)
}
func (f *fake) Unblock(from, to sim.ProcID) {
	k := [2]sim.ProcID{from, to}
	if f.cuts[k]--; f.cuts[k] < 0 {
		f.t.Fatalf("%v: link %v is unblocked more often than blocked", f.Now(), k)
	}
	f.links -= linkWord(from, to)
}
func linkWord(from, to sim.ProcID) uint64 {
	return (uint64(from)<<16 | uint64(to)) * 0x9e3779b97f4a7c15
}

func (f *fake) Crash(id sim.ProcID, down time.Duration)     { f.stop("crash", id, down) }
func (f *fake) PowerLoss(id sim.ProcID, down time.Duration) { f.stop("power", id, down) }
func (f *fake) stop(how string, id sim.ProcID, down time.Duration) {
	if !f.Up(id) {
		f.t.Fatalf("%v: %s of %d, which is down", f.Now(), how, id)
	}
	f.note("%s %d for %v", how, id, down)
	f.downUntil[id] = f.Now().Add(down)
}
func (f *fake) ScheduleHeal(at sim.Time, slot uint32) {
	f.note("cut until %v: %s", at, f.closed())
	f.Schedule(sim.Event{At: at, To: referee, Kind: kindHeal, Payload: slot})
}

func (f *fake) Look(n uint32) {
	f.looks++
	f.Engine.Look(n)
}

func (f *fake) note(format string, args ...any) {
	f.log = append(f.log, fmt.Sprintf("%v ", f.Now())+fmt.Sprintf(format, args...))
}

// closed lists the links that are cut, in order.
func (f *fake) closed() string {
	everybody := slices.Concat(f.servers, f.clients)
	var links []string
	for _, from := range everybody {
		for _, to := range everybody {
			if n := f.cuts[[2]sim.ProcID{from, to}]; n > 0 {
				link := f.vocabulary.AppendProc(nil, from)
				link = f.vocabulary.AppendProc(append(link, '>'), to)
				links = append(links, string(link)+strings.Repeat("+", n-1))
			}
		}
	}
	if links == nil {
		return "all open"
	}
	return strings.Join(links, " ")
}

func (f *fake) Deliver(ev sim.Event) {
	switch ev.Kind {
	case kindHeal:
		f.Heal(ev.Payload)
		f.note("healed: %s", f.closed())
	case kindBeat:
		for _, id := range f.servers {
			if !f.Up(id) {
				continue
			}
			s := f.Strike(f.Now(), id, uint8(f.Now()/sim.Time(time.Millisecond)%2), 7)
			if s.Power {
				f.PowerLoss(id, s.Down)
			} else if s.Crash {
				f.Crash(id, s.Down)
			}
		}
		f.Schedule(sim.Event{At: f.Now().Add(time.Millisecond), To: referee, Kind: kindBeat})
	}
}

func (f *fake) Fold(_ sim.Event, d *sim.Digest) {
	d.Word(f.links)
	for _, id := range f.servers {
		d.Word(uint64(f.downUntil[id]))
	}
	d.Word(uint64(f.Leader()))
}

func (f *fake) Describe(_ sim.Event, dst []byte) []byte { return append(dst, f.closed()...) }

func newFake(t testing.TB, servers, clients int, k Knobs, c sim.FatesConfig, lines ...string) *fake {
	t.Helper()
	f := &fake{
		t: t, vocabulary: vocabulary(t), cuts: map[[2]sim.ProcID]int{}, downUntil: map[sim.ProcID]sim.Time{},
		leader: func(sim.Time) sim.ProcID { return 1 },
		winner: func(sim.Time) sim.ProcID { return 0 },
	}
	for i := range servers {
		f.servers = append(f.servers, sim.ProcID(i+1))
	}
	for i := range clients {
		f.clients = append(f.clients, sim.ProcID(firstClient+1+i))
	}
	c.Vocabulary, c.CheckOnce = f.vocabulary, true
	for _, line := range lines {
		d, err := f.vocabulary.ParseLine(line)
		if err != nil {
			t.Fatal(err)
		}
		c.Overrides = append(c.Overrides, d)
	}
	var err error
	if f.fates, err = sim.NewFates(c); err != nil {
		t.Fatal(err)
	}
	f.Kernel.Reset(f.fates, f, sim.Bounds{}, nil)
	f.Engine.Reset(&f.Kernel, f, k)
	f.Hazards.Reset(f.fates)
	f.Host(referee, f)
	return f
}

// start lays the faults out and lets the heart beat; a world of a few overrides needs no beat.
func (f *fake) start(beat bool) {
	f.Engine.Lay()
	if beat {
		f.Schedule(sim.Event{To: referee, Kind: kindBeat})
	}
}

func (f *fake) run(until time.Duration) {
	if err := f.Run(sim.Time(until)); err != nil {
		f.t.Fatal(err)
	}
}

// total is what took effect, hazards included.
func (f *fake) total() Counts {
	c := f.Engine.Counts()
	c.Add(f.Hazards.Counts())
	return c
}

// TestFaults says what each line does, when, and how it ends, in a world of three servers and two clients led by n1.
func TestFaults(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
		beat  bool
		want  []string
		count map[sim.Purpose]uint64
	}{
		{
			name: "isolate from servers", lines: []string{"isolate n2 #0 = at 1s for 300ms both"},
			want: []string{
				"1s cut until 1.3s: n1>n2 n2>n1 n2>n3 n3>n2",
				"1.3s healed: all open",
			},
			count: map[sim.Purpose]uint64{PurposeIsolate: 1},
		},
		{
			name: "isolate one way", lines: []string{
				"isolate n2 #0 = at 1s for 300ms inbound", "isolate n2 #1 = at 2s for 300ms outbound-clients",
			},
			want: []string{
				"1s cut until 1.3s: n1>n2 n3>n2",
				"1.3s healed: all open",
				"2s cut until 2.3s: n2>n1 n2>n3 n2>c1 n2>c2",
				"2.3s healed: all open",
			},
			count: map[sim.Purpose]uint64{PurposeIsolate: 2},
		},
		{
			name: "isolate from everybody", lines: []string{"isolate n1 #0 = at 1s for 1s both-clients"},
			want: []string{
				"1s cut until 2s: n1>n2 n1>n3 n1>c1 n1>c2 n2>n1 n3>n1 c1>n1 c2>n1",
				"2s healed: all open",
			},
			count: map[sim.Purpose]uint64{PurposeIsolate: 1},
		},
		{
			name: "isolate a client", lines: []string{"isolate c1 #0 = at 1s for 1s both"},
			want: []string{
				"1s cut until 2s: n1>c1 n2>c1 n3>c1 c1>n1 c1>n2 c1>n3",
				"2s healed: all open",
			},
			count: map[sim.Purpose]uint64{PurposeIsolate: 1},
		},
		{
			name: "split", lines: []string{"split #0 = at 1s for 1s side n3,c2"},
			want: []string{
				"1s cut until 2s: n1>n3 n1>c2 n2>n3 n2>c2 n3>n1 n3>n2 n3>c1 c1>n3 c1>c2 c2>n1 c2>n2 c2>c1",
				"2s healed: all open",
			},
			count: map[sim.Purpose]uint64{PurposeSplit: 1},
		},
		{
			name: "split with clients on both sides", lines: []string{"split #0 = at 1s for 1s side n3,c-both"},
			want: []string{
				"1s cut until 2s: n1>n3 n2>n3 n3>n1 n3>n2",
				"2s healed: all open",
			},
			count: map[sim.Purpose]uint64{PurposeSplit: 1},
		},
		{
			name: "split with everybody on one side is none",
			lines: []string{
				"split #0 = at 1s for 1s side n1,n2,n3,c1,c2", "split #1 = at 1s for 1s side none",
				"split #2 = at 1s for 1s side n7,c9",
			},
		},
		{
			name: "cut one way and both", lines: []string{
				"cut n1>n2 #0 = at 1s for 1s one-way", "cut n3>c1 #0 = at 3s for 1s both-ways",
			},
			want: []string{
				"1s cut until 2s: n1>n2", "2s healed: all open",
				"3s cut until 4s: n3>c1 c1>n3", "4s healed: all open",
			},
			count: map[sim.Purpose]uint64{PurposeCut: 2},
		},
		{
			name: "overlapping cuts compose", lines: []string{
				"isolate n2 #0 = at 1s for 3s inbound", "cut n1>n2 #0 = at 2s for 1s one-way", "cut n1>n2 #1 = at 2s for 4s one-way",
			},
			want: []string{
				"1s cut until 4s: n1>n2 n3>n2",
				"2s cut until 3s: n1>n2+ n3>n2",
				"2s cut until 6s: n1>n2++ n3>n2",
				"3s healed: n1>n2+ n3>n2",
				"4s healed: n1>n2",
				"6s healed: all open",
			},
			count: map[sim.Purpose]uint64{PurposeIsolate: 1, PurposeCut: 2},
		},
		{
			name: "crash and power by the clock; who is down already is spared", lines: []string{
				"crash-at n2 #0 = at 1s for 1s", "power-at n2 #0 = at 1.5s for 1s", "power-at n2 #1 = at 2s for 1s",
				"power-at n3 #0 = at 2s for 5ms",
			},
			want: []string{
				"1s crash 2 for 1s", "2s power 2 for 1s", "2s power 3 for 5ms",
			},
			count: map[sim.Purpose]uint64{PurposeCrashAt: 1, PurposePowerAt: 2},
		},
		{
			name: "blackout", lines: []string{
				"crash-at n1 #0 = at 1s for 1s", "blackout #0 = at 1.5s for 1s side n1,n2", "blackout #1 = at 1.6s for 1s side n1,n2",
			},
			want:  []string{"1s crash 1 for 1s", "1.5s power 2 for 1s"},
			count: map[sim.Purpose]uint64{PurposeCrashAt: 1, PurposeBlackout: 1},
		},
		{
			name: "hazards at moments; power comes first", beat: true, lines: []string{
				"crash n1 synced t7 #2 = for 2ms",
				"crash n2 written t7 #1 = for 2ms", "power n2 written t7 #1 = for 3ms",
			},
			want:  []string{"2ms power 2 for 3ms", "5ms crash 1 for 2ms"},
			count: map[sim.Purpose]uint64{PurposeCrash: 1, PurposePower: 1},
		},
		{
			name: "aim at the leader", lines: []string{
				"aim-crash #0 = at 1s for 20ms leader",
				"aim-isolate #3 = at 2s for 1s leader-inbound",
				"aim-power #0 = at 4s for 1s winner",
			},
			want: []string{
				"1.000000001s crash 1 for 20ms",
				"2.000000001s cut until 3.000000001s: n2>n1 n3>n1",
				"3.000000001s healed: all open",
				"4.399000001s power 1 for 1s", // no election for 4 T: the leader will do
			},
			count: map[sim.Purpose]uint64{PurposeIsolate: 1, PurposeCrashAt: 1, PurposePowerAt: 1},
		},
		{
			name: "who is not there stays calm", lines: []string{
				"isolate n9 #0 = at 1s for 1s both", "cut n1>n9 #0 = at 1s for 1s one-way", "cut n1>n1 #0 = at 1s for 1s one-way",
				"crash-at n9 #0 = at 1s for 1s", "power-at c1 #0 = at 1s for 1s", "blackout #0 = at 1s for 1s side n9",
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFake(t, 3, 2, Knobs{}, sim.FatesConfig{}, test.lines...)
			f.start(test.beat)
			f.run(10 * time.Second)
			if diff := cmp.Diff(test.want, f.log); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			total := f.total()
			var sum uint64
			for p, n := range test.count {
				sum += n
				if total.Of(p) != n {
					t.Errorf("%s took effect %d times, want %d", purposeName(p), total.Of(p), n)
				}
			}
			if total.Total() != sum {
				t.Errorf("%d faults took effect, want %d", total.Total(), sum)
			}
		})
	}
}

// TestAimWaits: an aim looks again while nobody plays its role, and gives up in the end; an aim at the winner finds a short
// election.
func TestAimWaits(t *testing.T) {
	tests := []struct {
		name           string
		leader, winner [2]time.Duration // when n2 leads, when n3 is about to win
		line           string
		want           []string
		looks          int
	}{
		{
			name: "a leader turns up", leader: [2]time.Duration{1035 * time.Millisecond, 9 * time.Second},
			line:  "aim-crash #0 = at 1s for 1s leader",
			want:  []string{"1.040000001s crash 2 for 1s"},
			looks: 5,
		},
		{name: "no leader ever", line: "aim-crash #0 = at 1s for 1s leader", looks: 20},
		{name: "no leader before the slot ends", line: "aim-crash #0 = at 1s for 35ms leader", looks: 4},
		{
			name:   "an election turns up",
			leader: [2]time.Duration{0, 9 * time.Second}, winner: [2]time.Duration{1200 * time.Millisecond, 1202 * time.Millisecond},
			line:  "aim-power #0 = at 1s for 1s winner",
			want:  []string{"1.200000001s power 3 for 1s"},
			looks: 201,
		},
		{name: "neither election nor leader", line: "aim-power #0 = at 1s for 1s winner", looks: 400 + 19},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFake(t, 3, 0, Knobs{Timeout: 100 * time.Millisecond}, sim.FatesConfig{}, test.line)
			during := func(span [2]time.Duration, id sim.ProcID) func(sim.Time) sim.ProcID {
				return func(now sim.Time) sim.ProcID {
					if now >= sim.Time(span[0]) && now < sim.Time(span[1]) {
						return id
					}
					return 0
				}
			}
			f.leader, f.winner = during(test.leader, 2), during(test.winner, 3)
			f.start(false)
			f.run(10 * time.Second)
			if diff := cmp.Diff(test.want, f.log); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if f.looks != test.looks {
				t.Errorf("%d looks, want %d", f.looks, test.looks)
			}
			if f.Steps() != 0 {
				t.Errorf("looking took %d steps, want none", f.Steps())
			}
		})
	}
}

// TestHealAll: when the fault window closes every link is open, and neither the heals still under way nor the aims still
// waiting do anything.
func TestHealAll(t *testing.T) {
	f := newFake(t, 3, 2, Knobs{}, sim.FatesConfig{},
		"isolate n2 #0 = at 1s for 3s both", "split #0 = at 1s for 9s side n1,c1", "cut n1>n2 #0 = at 1s for 500ms both-ways",
		"aim-crash #0 = at 1s for 9s leader")
	f.leader = func(now sim.Time) sim.ProcID {
		if now < sim.Time(1150*time.Millisecond) {
			return 0
		}
		return 1
	}
	f.start(false)
	f.run(1100 * time.Millisecond)
	if f.closed() == "all open" {
		t.Fatal("the cuts did not take effect")
	}
	f.HealAll()
	if got := f.closed(); got != "all open" {
		t.Errorf("after HealAll: %s", got)
	}
	f.run(20 * time.Second) // Unblock fails the test where there is nothing to unblock
	if got := f.closed(); got != "all open" {
		t.Errorf("at the end: %s", got)
	}
	if c := f.Engine.Counts(); c.Of(PurposeCrashAt) != 0 || f.looks == 0 {
		t.Errorf("after %d looks an aim struck %d times, though the faults were over", f.looks, c.Of(PurposeCrashAt))
	}
}

// busy is a noisy base in which everything happens.
func busy() Knobs {
	half := Slots{Count: 3, Chance: sim.Ratio{Num: 1, Den: 2}}
	return Knobs{
		Timeout: 100 * time.Millisecond, Window: 2 * time.Second,
		Isolate: half, Split: half, Cut: half, CrashAt: half, PowerAt: half, Blackout: half,
		AimIsolate: half, AimCrash: half, AimPower: half,
		Crash: sim.Ratio{Num: 1, Den: 500}, Power: sim.Ratio{Num: 1, Den: 500},
		CutMin: 50 * time.Millisecond, CutMax: 2 * time.Second, OnDeadline: sim.Ratio{Num: 1, Den: 4},
		DownMin: 20 * time.Millisecond, DownMax: 500 * time.Millisecond, Winner: sim.Ratio{Num: 1, Den: 3},
	}
}

// TestReplay: a noisy run, its record over a calm base, and noise plus its record are the same run; only the noisy ones
// run generators. Without the record of what the aims resolved to, the calm run would differ.
func TestReplay(t *testing.T) {
	var counts Counts
	aimed := 0
	rapid.Check(t, func(r *rapid.T) {
		seed := rapid.Uint64().Draw(r, "seed")
		servers, clients := rapid.IntRange(1, 6).Draw(r, "servers"), rapid.IntRange(0, 3).Draw(r, "clients")
		knobs := busy()
		run := func(k Knobs, c sim.FatesConfig) *fake {
			c.CloseAt, c.Grace, c.Seed = sim.Time(1800*time.Millisecond), sim.Time(100*time.Millisecond), seed
			f := newFake(t, servers, clients, k, c)
			f.leader = func(now sim.Time) sim.ProcID {
				return sim.ProcID(uint64(now)/uint64(170*time.Millisecond)%uint64(servers+1)) % sim.ProcID(servers+1)
			}
			f.winner = func(now sim.Time) sim.ProcID {
				if now%sim.Time(170*time.Millisecond) < sim.Time(160*time.Millisecond) {
					return 0
				}
				return 1
			}
			f.start(true)
			f.run(3 * time.Second)
			if got := f.closed(); got != "all open" {
				r.Fatalf("cut at the end: %s", got)
			}
			return f
		}
		noise := func(p sim.Purpose) sim.Noise {
			return knobs.For(p, Population{MomentWeights: []uint32{1, 10}})
		}
		noisy := run(knobs, sim.FatesConfig{Noisy: true, Noise: noise, Record: true})
		record := noisy.fates.Recorded()
		calm := run(Knobs{}, sim.FatesConfig{Overrides: record})
		both := run(knobs, sim.FatesConfig{Noisy: true, Noise: noise, Overrides: record})
		for name, other := range map[string]*fake{"its record": calm, "noise plus its record": both} {
			if diff := cmp.Diff(noisy.log, other.log); diff != "" {
				r.Fatalf("the noisy run and %s differ (-noisy +other):\n%s", name, diff)
			}
			if noisy.Kernel.Digest().Sum() != other.Kernel.Digest().Sum() || noisy.Steps() != other.Steps() {
				r.Fatalf("the noisy run and %s have different digests or steps", name)
			}
		}
		if calm.looks != 0 {
			r.Fatalf("the replay looked %d times", calm.looks)
		}
		for _, d := range record {
			line := noisy.vocabulary.Line(d)
			if isAim(d.Key.Purpose()) {
				r.Fatalf("an aim was recorded: %s", line)
			}
			if d.Key.Subject().Ordinal >= AimedOrdinal {
				aimed++
			}
			back, err := noisy.vocabulary.ParseLine(line)
			if err != nil || back != d {
				r.Fatalf("%q reads as %+v, %v, want %+v", line, back, err, d)
			}
		}
		counts.Add(noisy.total())
	})
	if aimed == 0 {
		t.Error("no aim ever struck")
	}
	for p := purposesBegin; p < purposesEnd; p++ {
		if n := counts.Of(p); (n == 0) != isAim(p) {
			t.Errorf("%s took effect %d times in all", purposeName(p), n)
		}
	}
}

// TestNodesAddNothingElse: every slot of a small world holds the same in a larger one.
func TestNodesAddNothingElse(t *testing.T) {
	laid := func(servers int) []sim.Disturbance {
		k := busy()
		f := newFake(t, servers, 2, k, sim.FatesConfig{Noisy: true, Seed: 5, Record: true, Noise: func(p sim.Purpose) sim.Noise {
			return k.For(p, Population{})
		}})
		f.start(false)
		return f.fates.Recorded()
	}
	small, large := laid(3), laid(7)
	in := func(d sim.Disturbance) bool { s := d.Key.Subject(); return s.A <= 3 && s.B <= 3 }
	large = slices.DeleteFunc(large, func(d sim.Disturbance) bool { return !in(d) })
	if diff := cmp.Diff(small, large); diff != "" || len(small) < 10 {
		t.Errorf("%d slots of three servers, in a world of seven (-3 +7):\n%s", len(small), diff)
	}
}

// TestOverrideOfAnAim: what an aim resolved to can be edited or deleted like anything else; the aim keeps out, whoever the
// line names.
func TestOverrideOfAnAim(t *testing.T) {
	for _, line := range []string{"crash-at n3 #1000 = at 1.5s for 5ms", "crash-at n1 #1000 = calm"} {
		f := newFake(t, 3, 0, Knobs{}, sim.FatesConfig{}, "aim-crash #0 = at 1s for 20ms leader", line)
		f.start(false)
		f.run(3 * time.Second)
		if f.looks != 0 {
			t.Errorf("%s: the aim looked %d times", line, f.looks)
		}
		if want := !strings.HasSuffix(line, "calm"); (len(f.log) == 1) != want {
			t.Errorf("%s: %q", line, f.log)
		}
	}
}

func TestUnknownDisturbance(t *testing.T) {
	f := newFake(t, 3, 0, Knobs{}, sim.FatesConfig{})
	defer func() {
		if text := fmt.Sprint(recover()); !strings.Contains(text, "purpose 99") {
			t.Errorf("panic %q does not name the purpose", text)
		}
	}()
	f.Disturb(sim.Disturbance{Key: sim.MakeKey(99, sim.Subject{})})
}
