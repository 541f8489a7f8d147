package faults

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"raftsim/sim"
)

func config(seed uint64, p Profile) SwarmConfig {
	return SwarmConfig{Seed: seed, Profile: p, Servers: 3, Timeout: 100 * time.Millisecond, Window: 2 * time.Second}
}

// expected returns how many episode faults knobs lead to on average in a run of c, in millionths, aims and hazards included.
func expected(c SwarmConfig, k Knobs) (cuts, crashes int64) {
	n := uint64(c.Servers)
	slots := func(s Slots, subjects uint64) int64 {
		if s.Count == 0 {
			return 0
		}
		return int64(1_000_000 * subjects * uint64(s.Count) * s.Chance.Num / s.Chance.Den)
	}
	moments := 200 * n * uint64(c.Window/c.Timeout)
	hazard := func(r sim.Ratio) int64 { return slots(Slots{Count: 1, Chance: r}, moments) }
	cuts = slots(k.Isolate, n) + slots(k.AimIsolate, 1) + slots(k.Split, 1) + slots(k.Cut, n*(n-1))
	crashes = slots(k.CrashAt, n) + slots(k.AimCrash, 1) + slots(k.PowerAt, n) + slots(k.AimPower, 1)
	if k.Crash != (sim.Ratio{}) {
		crashes += hazard(k.Crash)
	}
	if k.Power != (sim.Ratio{}) {
		crashes += hazard(k.Power)
	}
	return cuts, crashes
}

// TestSwarmDistribution draws 10,000 runs and holds what came out against the table "Draw per run".
func TestSwarmDistribution(t *testing.T) {
	const runs = 10_000
	var (
		faultless, fifo, sparse, lost, doubled, late, heavy, veryLate int
		majority, loop, isolate, split, cut, crash, power             int
		events                                                        [9]int
		cuts, crashes                                                 int64
	)
	count := func(n *int, when bool) {
		if when {
			*n++
		}
	}
	for seed := range uint64(runs) {
		c := config(seed, ProfileMixed)
		s := Swarm(c)
		k, m := s.Knobs, s.Messages
		if err := k.Validate(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		count(&fifo, m.FIFO)
		count(&faultless, s.Faultless)
		if s.Faultless {
			if a, b := expected(c, k); a+b > 0 || m.Lost.Num+m.Doubled.Num+m.Late.Num > 0 {
				t.Fatalf("seed %d has no faults, but %s", seed, Choice{Profile: c.Profile, Messages: m, Knobs: k}.Describe())
			}
			continue
		}
		events[s.Events]++
		count(&sparse, m.Sparse)
		count(&lost, !m.Lost.Zero())
		count(&doubled, !m.Doubled.Zero())
		count(&late, !m.Late.Zero())
		count(&heavy, m.LateShape == "heavy-tail")
		count(&veryLate, m.DoubledMean >= c.Timeout)
		count(&majority, k.Blackout.Count > 0)
		count(&loop, s.CrashLoop)
		for _, r := range []struct {
			rate  sim.Ratio
			limit uint64
		}{{m.Lost, 3000}, {m.Doubled, 5000}, {m.Late, 10_000}} {
			if m.Sparse {
				r.limit = 100
			}
			if r.rate.Num > 0 && r.rate.Num*10_000 > r.limit*r.rate.Den {
				t.Errorf("seed %d: rate %v is above %d in ten thousand", seed, r.rate, r.limit)
			}
		}
		if s.Events == 0 {
			continue
		}
		count(&isolate, k.Isolate.Count > 0)
		count(&split, k.Split.Count > 0)
		count(&cut, k.Cut.Count > 0)
		count(&crash, k.CrashAt.Count > 0)
		count(&power, k.PowerAt.Count > 0)
		if s.CrashLoop {
			continue // its crashes come on top
		}
		a, b := expected(c, k)
		cuts, crashes = cuts+a, crashes+b
		want := int64(s.Events) * 1_000_000
		if b < 3_000_000-20_000 && (a+b < want*98/100 || a+b > want*102/100) || b > 3_020_000 {
			t.Errorf("seed %d: %d.%06d faults expected, %d drawn: %s", seed, (a+b)/1e6, (a+b)%1e6, s.Events, s.Describe())
		}
	}
	faulty := runs - faultless
	near(t, "no fault at all", faultless, runs, 5, 1)
	near(t, "links in order", fifo, runs, 30, 2)
	near(t, "0 events", events[0], faulty, 5, 1)
	near(t, "1 event", events[1], faulty, 30, 2)
	near(t, "2 events", events[2], faulty, 30, 2)
	near(t, "3 events", events[3], faulty, 20, 2)
	for n := 4; n <= 8; n++ {
		near(t, "4 to 8 events, each", events[n], faulty, 3, 1)
	}
	near(t, "sparse", sparse, faulty, 50, 2)
	near(t, "lost on", lost, faulty, 50, 2)
	near(t, "doubled on", doubled, faulty, 50, 2)
	near(t, "late on", late, faulty, 50, 2)
	near(t, "bursts", heavy, faulty, 40, 2)
	near(t, "very late copies", veryLate, faulty, 20, 2)
	near(t, "a majority at once", majority, faulty, 20, 2)
	near(t, "a crash loop", loop, faulty, 10, 2)
	some := faulty - events[0]
	for name, n := range map[string]int{"split": split, "cut": cut, "crash": crash, "power": power} {
		near(t, name+" on", n, some, 51, 2) // half, and where nothing else is
	}
	near(t, "isolate on", isolate, some, 51, 3)
	near(t, "cuts among the episode faults", int(cuts/1e6), int((cuts+crashes)/1e6), 65, 4)
}

// TestProfiles: a profile has its families and no others.
func TestProfiles(t *testing.T) {
	for p, want := range map[Profile][3]bool{
		ProfileCalm: {}, ProfilePartitions: {true, true, false}, ProfileCrashes: {true, false, true}, ProfileMixed: {true, true, true},
	} {
		var got [3]bool
		for seed := range uint64(200) {
			s := Swarm(config(seed, p))
			cuts, crashes := expected(config(seed, p), s.Knobs)
			got[0] = got[0] || !s.Messages.Lost.Zero()
			got[1] = got[1] || cuts > 0
			got[2] = got[2] || crashes > 0 || s.Knobs.Blackout.Count > 0
		}
		if got != want {
			t.Errorf("%v: messages, cuts, crashes: %v, want %v", p, got, want)
		}
		text, err := p.MarshalText()
		var back Profile
		if err != nil || back.UnmarshalText(text) != nil || back != p {
			t.Errorf("%q, %v reads as %v", text, err, back)
		}
	}
	if new(Profile).UnmarshalText([]byte("wild")) == nil {
		t.Error("an unknown profile was accepted")
	}
}

// TestKnobsAreIndependent: a knob is drawn from its name and the seed alone, so profiles share what both have.
func TestKnobsAreIndependent(t *testing.T) {
	for seed := range uint64(500) {
		mixed, cuts := Swarm(config(seed, ProfileMixed)), Swarm(config(seed, ProfilePartitions))
		if diff := cmp.Diff(mixed.Messages, cuts.Messages); diff != "" || mixed.Events != cuts.Events {
			t.Fatalf("seed %d: another profile, other messages (-mixed +partitions):\n%s", seed, diff)
		}
	}
}

// TestDescribe pins the line of a few runs; a change of it is a change of what seeds mean.
func TestDescribe(t *testing.T) {
	for _, test := range []struct {
		seed    uint64
		profile Profile
		want    string
	}{
		{1, ProfileCalm, "swarm calm: no faults, messages in any order"},
		{1, ProfilePartitions, "swarm partitions: fault events 1; messages dense on (lost 21/5000, doubled 447/1000 exponential 4.535526ms, late 11/40 exponential 3.791947ms); partitions on (isolate 1 x 137/3000, aim-isolate 1 x 103/250, split 1 x 149/1000, cut 1 x 299/6000)"},
		{2, ProfileCrashes, "swarm crashes: fault events 1; messages dense on (late 2319/2500 exponential 2.55663ms); crashes on (power 1/24000 a moment, power-at 1 x 1/12, aim-power 1 x 1/4)"},
		{3, ProfileMixed, "swarm mixed: fault events 8; messages dense on (doubled 109/5000 exponential 3.471792ms, late 167/2000 heavy-tail 2.804736ms); partitions on (cut 2 x 1457/4000); crashes on (power 1/8000 a moment, power-at 1 x 1/4, aim-power 2 x 3/8)"},
		{24, ProfileMixed, "swarm mixed: fault events 2; messages sparse on (lost 19/2500, late 83/10000 heavy-tail 1.449416ms); partitions on (isolate 1 x 11/120, aim-isolate 2 x 33/80, split 1 x 299/1000, cut 1 x 599/6000); crashes on (crash 1/1200 a moment); a crash loop"},
	} {
		if got := Swarm(config(test.seed, test.profile)).Describe(); got != test.want {
			t.Errorf("seed %d:\n got %s\nwant %s", test.seed, got, test.want)
		}
	}
}
