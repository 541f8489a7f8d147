package faults

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"raftsim/sim"
)

var moments = []string{"written", "synced"}

func vocabulary(t testing.TB) *sim.Vocabulary {
	t.Helper()
	v, err := sim.NewVocabulary([]sim.ProcName{
		{Prefix: "n", First: 1, Last: 1023},
		{Prefix: "c", Base: firstClient, First: firstClient, Last: 2047},
		{Prefix: "f", Base: 2048, First: 2049, Last: 3071},
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
	fronts     []sim.ProcID
	out        map[sim.ProcID]int
	cuts       map[[2]sim.ProcID]int
	downUntil  map[sim.ProcID]sim.Time
	leader     func(sim.Time) sim.ProcID
	winner     func(sim.Time) sim.ProcID
	reader     func(sim.Time) sim.ProcID
	voters     Side
	learners   Side
	paused     map[sim.ProcID]int
	rates      map[sim.ProcID]int64
	stepped    map[sim.ProcID]time.Duration
	operations uint64 // what was asked of operators, and damage: a hash for the digest
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
func (f *fake) Fronts() []sim.ProcID  { return f.fronts }
func (f *fake) Up(id sim.ProcID) bool { return f.downUntil[id] <= f.Now() }
func (f *fake) Leader() sim.ProcID    { return f.ifUp(f.leader(f.Now())) }
func (f *fake) AboutToWin() sim.ProcID {
	return f.ifUp(f.winner(f.Now()))
}
func (f *fake) Reading() sim.ProcID   { return f.ifUp(f.reader(f.Now())) }
func (f *fake) Members() (Side, Side) { return f.voters, f.learners }
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

// known fails the test if a fault is about a server that does not exist.
func (f *fake) known(what string, id sim.ProcID) {
	if !slices.Contains(f.servers, id) {
		f.t.Fatalf("%v: %s of %d, which is not there", f.Now(), what, id)
	}
}

func (f *fake) Outage(id sim.ProcID) {
	if !slices.Contains(f.fronts, id) {
		f.t.Fatalf("%v: outage of %d, which is no front", f.Now(), id)
	}
	f.out[id]++
	f.note("outage of %d, now %d", id, f.out[id])
}
func (f *fake) Restore(id sim.ProcID) {
	if f.out[id]--; f.out[id] < 0 {
		f.t.Fatalf("%v: %d is restored more often than out", f.Now(), id)
	}
	f.note("restore %d, now %d", id, f.out[id])
}
func (f *fake) Pause(id sim.ProcID) {
	f.known("pause", id)
	f.paused[id]++
	f.note("pause %d, now %d", id, f.paused[id])
}
func (f *fake) Resume(id sim.ProcID) {
	if f.paused[id]--; f.paused[id] < 0 {
		f.t.Fatalf("%v: %d is resumed more often than paused", f.Now(), id)
	}
	f.note("resume %d, now %d", id, f.paused[id])
}
func (f *fake) SetClockRate(id sim.ProcID, ppm int64) {
	f.known("clock", id)
	if ppm <= -PerMillion {
		f.t.Fatalf("%v: the clock of %d goes back", f.Now(), id)
	}
	f.rates[id] = ppm
	f.note("clock of %d %+d", id, ppm)
}
func (f *fake) StepClock(id sim.ProcID, by time.Duration) {
	f.known("step", id)
	f.stepped[id] += by
	f.note("step of %d by %v", id, by)
}
func (f *fake) Reconfigure(voters, learners Side, joint bool) bool {
	if all := SideOf(f.servers...); voters == 0 || (voters|learners)&^all != 0 || voters&learners != 0 {
		f.t.Fatalf("%v: members %v, learners %v of %v", f.Now(), voters, learners, all)
	}
	if voters == f.voters && learners == f.learners {
		return false
	}
	f.voters, f.learners = voters, learners
	f.operated(fmt.Sprintf("members %v learners %v joint %v", voters, learners, joint))
	return true
}
func (f *fake) Transfer(to sim.ProcID) bool {
	f.known("transfer", to)
	if f.Leader() == 0 || f.Leader() == to || !f.voters.Has(to) {
		return false
	}
	f.operated(fmt.Sprintf("transfer from %d to %d", f.Leader(), to))
	return true
}
func (f *fake) Snapshot(id sim.ProcID) bool {
	f.known("snapshot", id)
	f.operated(fmt.Sprintf("snapshot of %d", id))
	return true
}
func (f *fake) StallDisk(id sim.ProcID, d time.Duration) {
	f.known("stall", id)
	f.operated(fmt.Sprintf("disk of %d stalls for %v", id, d))
}
func (f *fake) Damage(id sim.ProcID, what Damage) bool {
	f.known("damage", id)
	f.operated(fmt.Sprintf("damage of %d: %v", id, what))
	return true
}
func (f *fake) operated(what string) {
	f.note("%s", what)
	for _, b := range []byte(what) {
		f.operations = (f.operations ^ uint64(b)) * 0x100000001b3
	}
}

func (f *fake) ScheduleHeal(at sim.Time, slot uint32) {
	f.note("heal at %v: %s", at, f.closed())
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
		d.Word(uint64(f.paused[id]))
		d.Word(uint64(f.rates[id]))
		d.Word(uint64(f.stepped[id]))
	}
	for _, id := range f.fronts {
		d.Word(uint64(f.out[id]))
	}
	d.Word(f.operations)
	d.Word(uint64(f.Leader()))
}

func (f *fake) Describe(_ sim.Event, dst []byte) []byte { return append(dst, f.closed()...) }

func newFake(t testing.TB, servers, clients int, k Knobs, c sim.FatesConfig, lines ...string) *fake {
	t.Helper()
	f := &fake{
		t: t, vocabulary: vocabulary(t), cuts: map[[2]sim.ProcID]int{}, downUntil: map[sim.ProcID]sim.Time{},
		leader: func(sim.Time) sim.ProcID { return 1 },
		winner: func(sim.Time) sim.ProcID { return 0 },
		reader: func(sim.Time) sim.ProcID { return 0 },
		paused: map[sim.ProcID]int{}, out: map[sim.ProcID]int{}, rates: map[sim.ProcID]int64{}, stepped: map[sim.ProcID]time.Duration{},
	}
	for i := range servers {
		f.servers = append(f.servers, sim.ProcID(i+1))
	}
	f.voters = SideOf(f.servers...)
	for i := range clients {
		f.clients = append(f.clients, sim.ProcID(firstClient+1+i))
	}
	f.fronts = []sim.ProcID{2049, 2050}
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
