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

// tally is how many episode faults of each sort knobs lead to on average, in millionths, aims and hazards included.
type tally struct{ cuts, crashes, pauses, damages int64 }

func (t tally) sum() int64 { return t.cuts + t.crashes + t.pauses + t.damages }

// expectedSlots returns how many faults slots of so many subjects hold on average, in millionths.
func expectedSlots(s Slots, subjects int) int64 {
	if s.Count == 0 {
		return 0
	}
	return int64(1_000_000 * uint64(subjects) * uint64(s.Count) * s.Chance.Num / s.Chance.Den)
}

func expected(c SwarmConfig, k Knobs) (t tally) {
	n := c.Servers
	moments := 200 * n * int(c.Window/c.Timeout)
	hazard := func(r sim.Ratio) int64 {
		if r.Zero() {
			return 0
		}
		return expectedSlots(Slots{Count: 1, Chance: r}, moments)
	}
	slots := expectedSlots
	t.cuts = slots(k.Isolate, n) + slots(k.AimIsolate, 1) + slots(k.Split, 1) + slots(k.Cut, n*(n-1))
	t.crashes = slots(k.CrashAt, n) + slots(k.AimCrash, 1) + slots(k.PowerAt, n) + slots(k.AimPower, 1) + hazard(k.Crash) + hazard(k.Power)
	t.pauses = slots(k.Pause, n) + slots(k.AimPause, 1) + slots(k.Stall, n) + slots(k.AimStall, 1)
	t.damages = slots(k.Damage, k.Damageable.Len()) + slots(k.Wipe, k.Damageable.Len())
	return t
}

// TestSwarmDistribution draws 10,000 runs and holds what came out against the table "Draw per run".
func TestSwarmDistribution(t *testing.T) {
	const runs = 10_000
	var (
		faultless, fifo, sparse, lost, doubled, late, heavy, veryLate int
		majority, loop, isolate, split, cut, crash, power             int
		pause, stall, membership, transfer, snapshot                  int
		events                                                        [9]int
		all                                                           tally
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
			if expected(c, k).sum() > 0 || k.ClockDrift != 0 || m.Lost.Num+m.Doubled.Num+m.Late.Num > 0 {
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
		count(&membership, k.AimMembers.on() && k.Members.on())
		count(&transfer, k.AimTransfer.on() && k.Transfer.on())
		count(&snapshot, k.AimSnapshot.on() && k.Snapshot.on())
		if k.ClockDrift != 500 || k.ClockStep.on() || k.ClockRate.on() || k.Damage.on() || k.Wipe.on() || k.Damageable != 0 {
			t.Errorf("seed %d breaks a contract: %s", seed, s.Describe())
		}
		if busy := k.AimMembers.on() || k.AimTransfer.on() || k.AimSnapshot.on(); busy == k.Meet.Zero() {
			t.Errorf("seed %d: what operators do and other faults do not meet: %s", seed, s.Describe())
		}
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
		count(&pause, k.Pause.Count > 0)
		count(&stall, k.Stall.Count > 0)
		if s.CrashLoop {
			continue // its crashes come on top
		}
		e := expected(c, k)
		all.cuts, all.crashes, all.pauses = all.cuts+e.cuts, all.crashes+e.crashes, all.pauses+e.pauses
		want := int64(s.Events) * 1_000_000
		if e.crashes < 3_000_000-20_000 && (e.sum() < want*97/100 || e.sum() > want*102/100) || e.crashes > 3_020_000 {
			t.Errorf("seed %d: %d.%06d faults expected, %d drawn: %s", seed, e.sum()/1e6, e.sum()%1e6, s.Events, s.Describe())
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
	for name, n := range map[string]int{"isolate": isolate, "split": split, "cut": cut, "crash": crash, "power": power, "pause": pause, "stall": stall} {
		near(t, name+" on", n, some, 51, 3) // half, and where nothing else is
	}
	near(t, "cuts among the episode faults", int(all.cuts/1e6), int(all.sum()/1e6), 53, 4)
	near(t, "pauses and stalls among the episode faults", int(all.pauses/1e6), int(all.sum()/1e6), 20, 4)
	for name, n := range map[string]int{"membership": membership, "transfer": transfer, "snapshot": snapshot} {
		near(t, name+" on", n, faulty, 40, 2)
	}
}

// TestProfiles: a profile has its families and no others.
func TestProfiles(t *testing.T) {
	type has struct{ messages, cuts, crashes, pauses, damages, membership, operations, clocks bool }
	for p, want := range map[Profile]has{
		ProfileCalm:       {},
		ProfilePartitions: {messages: true, cuts: true},
		ProfileCrashes:    {messages: true, crashes: true},
		ProfileMixed:      {messages: true, cuts: true, crashes: true, pauses: true, membership: true, operations: true},
		ProfileMembership: {messages: true, cuts: true, crashes: true, pauses: true, membership: true, operations: true},
		ProfileClocks:     {messages: true, cuts: true, crashes: true, pauses: true, membership: true, operations: true, clocks: true},
		ProfileDamage:     {messages: true, cuts: true, crashes: true, pauses: true, damages: true, operations: true},
		ProfileLeaderless: {messages: true, cuts: true, crashes: true, pauses: true},
	} {
		var got has
		always := true
		for seed := range uint64(200) {
			s := Swarm(config(seed, p))
			k := &s.Knobs
			if err := k.Validate(); err != nil {
				t.Errorf("%v, seed %d: %v", p, seed, err)
			}
			e := expected(config(seed, p), *k)
			got.messages = got.messages || !s.Messages.Lost.Zero()
			got.cuts = got.cuts || e.cuts > 0
			got.crashes = got.crashes || e.crashes > 0 || k.Blackout.Count > 0
			got.pauses = got.pauses || e.pauses > 0
			got.damages = got.damages || e.damages > 0
			got.membership = got.membership || k.AimMembers.on() || k.Members.on() || s.Spares > 0
			got.operations = got.operations || k.AimTransfer.on() || k.Snapshot.on()
			got.clocks = got.clocks || k.ClockStep.on() || k.ClockRate.on()
			switch p {
			case ProfileLeaderless:
				always = always && !k.AimIsolate.on() && !k.AimCrash.on() && !k.AimPower.on() && !k.AimPause.on() && !k.AimStall.on()
			case ProfileMembership:
				always = always && (s.Faultless || k.AimMembers.on())
			case ProfileDamage:
				always = always && (s.Faultless || e.damages >= 990_000)
			case ProfileClocks:
				always = always && (s.Faultless || k.ClockStep.on() || k.ClockRate.on())
			}
		}
		if got != want || !always {
			t.Errorf("%v: %+v, want %+v; in every run what it is named after: %v", p, got, want, always)
		}
		if p.Crashes() != want.crashes {
			t.Errorf("%v: crashes %v", p, p.Crashes())
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
	if _, err := profilesEnd.MarshalText(); err == nil {
		t.Error("a profile without a name has a text")
	}
}

// TestTimeProof: where nothing relies on clocks, one mixed run in five has faults of clocks.
func TestTimeProof(t *testing.T) {
	const runs = 2000
	faulty, wrong := 0, 0
	for seed := range uint64(runs) {
		c := config(seed, ProfileMixed)
		c.TimeProof, c.ClockDrift = true, 100
		s := Swarm(c)
		if s.Faultless {
			continue
		}
		faulty++
		if s.Knobs.ClockStep.on() || s.Knobs.ClockRate.on() {
			wrong++
		}
		if s.Knobs.ClockDrift != 100 {
			t.Errorf("seed %d: clocks within %d", seed, s.Knobs.ClockDrift)
		}
	}
	near(t, "runs with clocks beyond the bound", wrong, faulty, 20, 3)
}

// TestDamageableAreAMinority: in clusters of any size, and everybody has his turn.
func TestDamageableAreAMinority(t *testing.T) {
	for servers := range 9 {
		var seen Side
		for seed := range uint64(200) {
			c := config(seed, ProfileDamage)
			c.Servers = servers
			k := Swarm(c).Knobs
			if n := k.Damageable.Len(); 2*n >= max(servers, 1) || n == 0 && k.Damage.on() {
				t.Errorf("seed %d: %v of %d may be damaged", seed, k.Damageable, servers)
			}
			seen |= k.Damageable
		}
		want := servers
		if servers < 3 {
			want = 0
		}
		if seen.Len() != want || want > 0 && !seen.Has(sim.ProcID(servers)) {
			t.Errorf("of %d servers %v may be damaged", servers, seen)
		}
	}
}

// TestKnobsAreIndependent: a knob is drawn from its name and the seed alone, so profiles share what both have.
func TestKnobsAreIndependent(t *testing.T) {
	for seed := range uint64(500) {
		mixed, cut := Swarm(config(seed, ProfileMixed)), Swarm(config(seed, ProfilePartitions))
		if diff := cmp.Diff(mixed.Messages, cut.Messages); diff != "" || mixed.Events != cut.Events {
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
		{2, ProfilePartitions, "swarm partitions: fault events 2; messages dense on (lost 149/2000); partitions on (isolate 1 x 11/120, aim-isolate 2 x 33/80, split 1 x 299/1000, cut 1 x 599/6000); clocks within 500ppm"},
		{7, ProfileCrashes, "swarm crashes: fault events 1; messages dense on (lost 57/5000, doubled 793/2500 exponential 325.588693ms); crashes on (crash 41/48000 a moment, power 83/4000000 a moment, crash-at 1 x 1/24, aim-crash 1 x 1/8, power-at 1 x 31/750, aim-power 1 x 31/250); a crash loop; clocks within 500ppm"},
		{8, ProfileMixed, "swarm mixed: fault events 3; messages dense on (lost 57/5000); partitions on (isolate 1 x 97/600, aim-isolate 3 x 97/200, cut 1 x 529/3000); crashes off; pauses off; membership off; operations on (snapshot 2 x 1333/3000, aim-snapshot 3 x 1333/3000); clocks within 500ppm"},
		{2, ProfileMembership, "swarm membership: fault events 2; messages dense on (lost 149/2000); partitions on (isolate 1 x 11/150, aim-isolate 2 x 33/100, split 1 x 239/1000, cut 1 x 479/6000); crashes on (crash 1/60000 a moment, crash-at 1 x 1/30, aim-crash 1 x 1/10); pauses off; membership on (members 1 x 1/4, aim-members 2 x 3/8); operations on (transfer 1 x 1/2, aim-transfer 3 x 1/2, snapshot 3 x 1111/3000, aim-snapshot 4 x 833/2000); clocks within 500ppm"},
		{5, ProfileClocks, "swarm clocks: fault events 1; messages dense on (late 1911/5000 heavy-tail 2.884154ms); partitions off; crashes on (crash 1/24000 a moment, crash-at 1 x 1/12, aim-crash 1 x 1/4); pauses off; membership off; operations on (snapshot 3 x 1111/3000, aim-snapshot 4 x 833/2000); clocks within 500ppm; clock faults on (clock-step 2 x 1/3, clock-rate 2 x 1/3)"},
		{1, ProfileDamage, "swarm damage: fault events 2; messages dense on (late 6333/10000 heavy-tail 35.586799ms); partitions on (isolate 1 x 367/3000, aim-isolate 3 x 367/1000); crashes off; pauses off; damage of n2 on (damage 2 x 1/2, wipe 1 x 33/250); operations on (transfer 1 x 1/2, aim-transfer 3 x 1/2); clocks within 500ppm"},
	} {
		if got := Swarm(config(test.seed, test.profile)).Describe(); got != test.want {
			t.Errorf("seed %d:\n got %s\nwant %s", test.seed, got, test.want)
		}
	}
}
