package faults

import (
	"math"
	"math/bits"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"raftsim/sim"
)

// TestLines: one line of each purpose, as it prints and parses.
func TestLines(t *testing.T) {
	v := vocabulary(t)
	for _, line := range []string{
		"isolate n2 #0 = at 1.2s for 300ms both",
		"isolate n2 #1003 = at 0s for 1ns outbound-clients",
		"split #4 = at 1s for 2s side n1,n3,c2",
		"split #4 = at 1s for 2s side n31,c0,c30",
		"split #4 = at 1s for 2s side n1,c-both",
		"split #4 = at 1s for 2s side none",
		"split #4 = calm",
		"cut n1>n2 #0 = at 1s for 2s one-way",
		"cut n1>c2 #0 = at 1s for 2s both-ways",
		"crash-at n3 #0 = at 1s for 2s",
		"power-at n3 #0 = at 1s for 2s",
		"blackout #0 = at 1s for 2s side n1,n2",
		"crash n3 written t2 #7 = for 250ms",
		"power n3 synced t2 #7 = for 250ms",
		"aim-isolate #0 = at 1s for 2s winner-inbound-clients",
		"aim-crash #0 = at 1s for 2s leader",
		"aim-power #0 = at 1s for 2s winner",
		"pause n2 #0 = at 1.2s for 300ms",
		"aim-pause #0 = at 1.2s for 300ms reader",
		"clock n2 = 200ppm",
		"clock n2 = -900000ppm",
		"clock n2 = calm",
		"clock-step n2 #0 = at 1.2s by +200ms",
		"clock-step n2 #0 = at 0s by +1ns",
		"clock-rate n2 #0 = at 1.2s for 300ms 2x",
		"clock-rate n2 #0 = at 1.2s for 300ms 0.1x",
		"clock-rate n2 #0 = at 1.2s for 300ms 10x",
		"clock-rate n2 #0 = at 1.2s for 300ms 1.000001x",
		"clock-rate n2 #0 = at 1.2s for 300ms 0.99x",
		"members #0 = at 1.2s to n1,n2,n4 learners n5",
		"members #0 = at 1.2s to n1,n31 learners n5,n30 joint",
		"members #2000 = at 0s to n1",
		"members #0 = calm",
		"aim-members #0 = at 1.2s for 300ms bounce 999",
		"aim-members #0 = at 1.2s for 300ms remove-leader 0 joint",
		"transfer #0 = at 1.2s to n3",
		"transfer #1000 = at 0s to n31",
		"aim-transfer #0 = at 1.2s for 300ms voter 17",
		"aim-transfer #0 = at 1.2s for 300ms other 0",
		"snapshot n2 #0 = at 1.2s",
		"snapshot n2 #0 = at 0s",
		"aim-snapshot #0 = at 1.2s for 300ms leader",
		"stall n2 #0 = at 1.2s for 300ms",
		"aim-stall #0 = at 1.2s for 300ms winner",
		"damage n2 #0 = at 1.2s rot 0 0 1",
		"damage n2 #0 = at 1.2s for 300ms rot 255 999 ff",
		"damage n2 #0 = at 1.2s unreadable 3 250",
		"damage n2 #0 = at 1.2s lose-write 250",
		"damage n2 #0 = at 1.2s misdirect 250 700",
		"wipe n2 #0 = at 1.2s for 300ms",
	} {
		d, err := v.ParseLine(line)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := v.Line(d); got != line {
			t.Errorf("%q prints as %q", line, got)
		}
		if err := v.CheckValue(d); err != nil {
			t.Error(err)
		}
	}
	for _, line := range []string{
		"split #0 = at 1s for 2s",
		"split #0 = at 1s for 2s side",
		"split #0 = at 1s for 2s side n0",
		"split #0 = at 1s for 2s side n32",
		"split #0 = at 1s for 2s side c31",
		"split #0 = at 1s for 2s side n1,n1",
		"split #0 = at 1s for 2s side n1,",
		"split #0 = at 1s for 2s side nc1",
		"split #0 = at 1s for 2s side c1,c-both",
		"split #0 = at 1s for 0s side n1",
		"split #0 = calm side n1",
		"isolate n2 #0 = at 1s for 2s",
		"isolate n2 #0 = at 1s for 2s sideways",
		"cut n2 #0 = at 1s for 2s one-way",
		"crash n3 written t2 #7 = at 1s for 250ms",
		"aim-crash n1 #0 = at 1s for 2s leader",
		"pause n2 #0 = at 1s",
		"clock n2 = 0ppm",
		"clock n2 = 200",
		"clock n2 = -900001ppm",
		"clock n2 = 9000001ppm",
		"clock n2 #0 = 200ppm",
		"clock-step n2 #0 = at 1s by -200ms", // time never goes back
		"clock-step n2 #0 = at 1s by +-200ms",
		"clock-step n2 #0 = at 1s by 200ms",
		"clock-step n2 #0 = at 1s by +0s",
		"clock-step n2 #0 = at 1s by +61m",
		"clock-rate n2 #0 = at 1s for 2s 1x",
		"clock-rate n2 #0 = at 1s for 2s 0x",
		"clock-rate n2 #0 = at 1s for 2s 10.1x",
		"clock-rate n2 #0 = at 1s for 2s 1.x",
		"clock-rate n2 #0 = at 1s for 2s -2x",
		"clock-rate n2 #0 = at 1s for 2s 2",
		"clock-rate n2 #0 = at 1s for 2s 1.0000001x",
		"members #0 = at 1s to none",
		"members #0 = at 1s to n1,n2 learners n2",
		"members #0 = at 1s to n1,c2",
		"members #0 = at 1s to n1,c-both",
		"members #0 = at 1s to n1 learners",
		"members #0 = at 1s to n1 learners none",
		"members #0 = at 1s to n1 joint joint",
		"members #0 = at 1s for 1s to n1",
		"aim-members #0 = at 1s for 1s bounce",
		"aim-members #0 = at 1s for 1s bounce 1000",
		"aim-members #0 = at 1s for 1s dance 1",
		"transfer #0 = at 1s to n1,n2",
		"transfer #0 = at 1s to c1",
		"transfer #0 = at 1s",
		"aim-transfer #0 = at 1s for 1s voter 1 joint",
		"snapshot n2 #0 = at 1s for 1s",
		"damage n2 #0 = at 1s rot 256 1 1",
		"damage n2 #0 = at 1s rot 1 1000 1",
		"damage n2 #0 = at 1s rot 1 1 0",
		"damage n2 #0 = at 1s rot 1 1 100",
		"damage n2 #0 = at 1s rot 1 1",
		"damage n2 #0 = at 1s unreadable 1 1 1",
		"damage n2 #0 = at 1s lose-write 1 1",
		"damage n2 #0 = at 1s misdirect 1 1",
		"damage n2 #0 = at 1s for 0s lose-write 1",
		"damage n2 #0 = at 1s dust 1",
		"wipe n2 #0 = at 1s",
	} {
		if d, err := v.ParseLine(line); err == nil {
			t.Errorf("%q was accepted as %q", line, v.Line(d))
		}
	}
}

// TestDrawsAreLegal: every value noise can draw prints, parses back to itself, and lies where the knobs say. It takes the same
// number of words for one key whoever is present, and who is absent is in no value.
func TestDrawsAreLegal(t *testing.T) {
	voc := vocabulary(t)
	present := SideOf(1, 2, 3, 4, firstClient+1)
	k := busy()
	bothSides, winners, readers, met, recruits := 0, 0, 0, 0, 0
	check := func(p sim.Purpose, seed uint64) {
		all := sim.KeyedWords(seed, sim.MakeKey(p, sim.Subject{}))
		few := all
		v := k.For(p, Population{}).Draw(&all)
		w := k.For(p, Population{Present: present, Spares: SideOf(4)}).Draw(&few)
		for _, d := range []sim.Disturbance{{Key: sim.MakeKey(p, sim.Subject{}), Value: v}, {Key: sim.MakeKey(p, sim.Subject{}), Value: w}} {
			if err := voc.CheckValue(d); err != nil {
				t.Error(err)
			}
		}
		d := sim.Disturbance{Key: sim.MakeKey(p, sim.Subject{}), Value: v}
		if all != few {
			t.Error("another number of words where fewer are present")
		}
		if v.Calm() && p != PurposeClock || v.At < 0 || v.At >= int64(k.Window) || isTimed(p) == (v.At == 0) {
			t.Errorf("%s: at %d", voc.Line(d), v.At)
		}
		if low, high := lengths(&k, p); v.For < int64(low) && (p != PurposeDamage || v.For != 0) || v.For > int64(high) {
			t.Errorf("%s: for %v, want %v to %v", voc.Line(d), time.Duration(v.For), low, high)
		}
		role, _ := chosen(d)
		switch {
		case p == PurposeSplit && Side(w.N)&ClientsBoth != 0:
			bothSides++
		case p == PurposeAimIsolate && role == roleWinner:
			winners++
		case p == PurposeAimPause && role == roleReader:
			readers++
		case p == PurposeSnapshot && v.At >= int64(k.MeetAt) && v.At < int64(k.MeetAt+2*k.Timeout):
			met++
		case p == PurposeClock && (v.N < -500 || v.N > 500), p == PurposeClockRate && (v.N < -500_000 || v.N > PerMillion || v.N == 0),
			p == PurposeClockStep && (v.N < int64(k.StepMin) || v.N > int64(k.StepMax)):
			t.Errorf("%s is beyond the knobs", voc.Line(d))
		}
		if others := named(sim.Disturbance{Key: d.Key, Value: w}) &^ (present | ClientsBoth); others != 0 {
			t.Errorf("%s names %v, who are not there", voc.Line(sim.Disturbance{Key: d.Key, Value: w}), others)
		}
		switch p {
		case PurposeSplit, PurposeBlackout:
			if w.N != v.N&int64(present|ClientsBoth) {
				t.Errorf("%v cut down to %v is %v", Side(v.N), present, Side(w.N))
			}
		case PurposeMembers: // of those who are there
			voters, learners, _ := membersIn(w.N)
			if (voters | learners).Has(4) {
				recruits++
			}
		case PurposeTransfer:
		default:
			if v != w {
				t.Errorf("%+v, but %+v where fewer are present", v, w)
			}
		}
	}
	for p := purposesBegin; p < purposesEnd; p++ {
		for seed := range uint64(500) {
			check(p, seed)
		}
	}
	near(t, "splits that leave the clients on both sides", bothSides, 500, 19, 5)
	near(t, "aims at the winner", winners, 500, 33, 5)
	near(t, "pauses aimed at a reader", readers, 500, 67, 5)
	near(t, "memberships with the spare", recruits, 500, 42, 6) // it is added, learns, replaces or is swapped in
	near(t, "faults that meet", met, 500, 55, 5)                // a few do so by chance
}

// lengths returns how long a fault of p lasts, at least and at most.
func lengths(k *Knobs, p sim.Purpose) (low, high time.Duration) {
	switch p {
	case PurposeIsolate, PurposeSplit, PurposeCut, PurposeAimIsolate, PurposeClockRate:
		return k.CutMin, k.CutMax + k.Timeout/2 + time.Millisecond
	case PurposePause, PurposeAimPause:
		return k.PauseMin, k.PauseMax
	case PurposeStall, PurposeAimStall:
		return k.StallMin, k.StallMax
	case PurposeAimMembers, PurposeAimTransfer, PurposeAimSnapshot, PurposeOutage:
		return k.Timeout / 10, 3 * k.Timeout
	case PurposeClock, PurposeClockStep, PurposeMembers, PurposeTransfer, PurposeSnapshot:
		return 0, 0
	}
	return k.DownMin, k.DownMax
}

// TestMeetShiftsNothing: faults that are made to meet keep all but their time, and those that do not meet keep that too.
func TestMeetShiftsNothing(t *testing.T) {
	meeting, alone := busy(), busy()
	alone.Meet = sim.Ratio{}
	for p := purposesBegin; p < purposesEnd; p++ {
		moved := 0
		for seed := range uint64(200) {
			a, b := sim.KeyedWords(seed, sim.MakeKey(p, sim.Subject{})), sim.KeyedWords(seed, sim.MakeKey(p, sim.Subject{}))
			v, w := meeting.For(p, Population{}).Draw(&a), alone.For(p, Population{}).Draw(&b)
			if v.At != w.At {
				moved++
				if v.At < int64(meeting.MeetAt) || v.At >= int64(meeting.MeetAt+2*meeting.Timeout) {
					t.Errorf("%s: meets at %v", purposeName(p), time.Duration(v.At))
				}
			}
			if v.At = w.At; v != w {
				t.Errorf("%s: %+v where faults meet, else %+v", purposeName(p), v, w)
			}
		}
		if (moved > 0) != isTimed(p) || moved > 130 {
			t.Errorf("%s: %d of 200 moved", purposeName(p), moved)
		}
	}
}

// TestSplitsAreManned: with three servers or more, both sides of every split hold one.
func TestSplitsAreManned(t *testing.T) {
	w := sim.KeyedWords(1, sim.Key{Hi: 1})
	seen := map[Side]int{}
	clients := map[string]int{}
	const n = 10_000
	for range n {
		s := splitSide(&w)
		seen[s&SideOf(1, 2, 3)]++
		switch ours := s & SideOf(firstClient+1, firstClient+2, firstClient+3); {
		case s&ClientsBoth != 0, ours != 0 && bits.OnesCount64(uint64(ours)) < 3:
			clients["both sides"]++
		default:
			clients["one side"]++
		}
	}
	if len(seen) != 6 || seen[0] != 0 {
		t.Errorf("servers 1 to 3 were split in %d ways, want the 6 with both sides manned: %v", len(seen), seen)
	}
	near(t, "splits with clients on both sides", clients["both sides"], n, 37, 3)
}

// TestHazardWeights: a moment of weight ten is struck ten times as often.
func TestHazardWeights(t *testing.T) {
	k := Knobs{Crash: sim.Ratio{Num: 1, Den: 200}, Power: sim.Ratio{Num: 1, Den: 200}, DownMin: 1, DownMax: 9}
	fates, err := sim.NewFates(sim.FatesConfig{
		Vocabulary: vocabulary(t), Noisy: true, Seed: 1, CheckOnce: true,
		Noise: func(p sim.Purpose) sim.Noise { return k.For(p, Population{MomentWeights: []uint32{1, 10}}) },
	})
	if err != nil {
		t.Fatal(err)
	}
	var h Hazards
	h.Reset(fates)
	const n = 20_000
	var crashes, powers [2]int
	for i := range n {
		for moment := range crashes {
			switch s := h.Strike(sim.Time(i), 1, uint8(moment), 3); {
			case s.Crash && s.Power || s.Crash != (s.Down > 0) && s.Power != (s.Down > 0):
				t.Fatalf("strike %+v", s)
			case s.Crash:
				crashes[moment]++
			case s.Power:
				powers[moment]++
			}
		}
	}
	near(t, "crashes at the moment of weight 10", 10*crashes[1], n, 48, 4) // of those that kept their power
	near(t, "crashes at the other", 100*crashes[0], n, 50, 12)
	near(t, "power losses at the moment of weight 10", 10*powers[1], n, 50, 4)
	near(t, "power losses at the other", 100*powers[0], n, 50, 12)
	c := h.Counts()
	if got := crashes[0] + crashes[1]; c.Of(PurposeCrash) != uint64(got) {
		t.Errorf("%d crashes counted, %d seen", c.Of(PurposeCrash), got)
	}
}

// TestCutLengths: a quarter of the cuts end within 1 ms of a multiple of T, the others are log-uniform.
func TestCutLengths(t *testing.T) {
	k := Swarm(SwarmConfig{Timeout: 100 * time.Millisecond}).Knobs
	w := sim.KeyedWords(1, sim.Key{Hi: 1})
	const n = 20_000
	onDeadline, short := 0, 0
	for range n {
		length := time.Duration(k.cutLength(&w))
		if off := (length + time.Millisecond) % k.Timeout; off <= 2*time.Millisecond {
			onDeadline++
		}
		if length < 316*time.Millisecond { // the geometric mean of 0.5 T and 20 T
			short++
		}
	}
	near(t, "cuts that end at a deadline", onDeadline, n, 26, 2) // a few do so by chance
	near(t, "cuts shorter than the geometric mean", short, n, 50, 4)
}

// TestLogarithms holds the integer functions against the mathematical ones.
func TestLogarithms(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		x := rapid.Uint64Range(1, 1<<62).Draw(r, "x")
		if got, want := float64(log2(x))/(1<<16), math.Log2(float64(x)); math.Abs(got-want) > 3e-5 {
			r.Errorf("log2(%d) = %v, want %v", x, got, want)
		}
		e := rapid.Uint64Range(0, 62<<16).Draw(r, "e")
		if got, want := float64(exp2(e)), math.Exp2(float64(e)/(1<<16)); math.Abs(got-want) > 1+1e-8*want {
			r.Errorf("exp2(%d/65536) = %v, want %v", e, got, want)
		}
		low, high := time.Duration(rapid.Int64Range(0, 1<<40).Draw(r, "low")), time.Duration(rapid.Int64Range(0, 1<<40).Draw(r, "high"))
		w := sim.KeyedWords(x, sim.Key{})
		if got := time.Duration(logBetween(&w, low, high)); got < max(low, 1) || got > max(low, high, 1) {
			r.Errorf("logBetween(%d, %d) = %d", low, high, got)
		}
	})
}

// TestKnobsText: knobs survive a TOML file.
func TestKnobsText(t *testing.T) {
	k := busy()
	k.Split, k.Damageable = Slots{}, SideOf(2, 5)
	text, err := toml.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	var back Knobs
	if err := toml.Unmarshal(text, &back); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if diff := cmp.Diff(k, back); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, text)
	}
	for _, bad := range []string{"", "2", "2x1/6", "1001 x 1/2", "2 x 3/2", "-1 x 1/2"} {
		if err := new(Slots).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestValidate(t *testing.T) {
	k := busy()
	if err := k.Validate(); err != nil {
		t.Error(err)
	}
	if err := new(Knobs).Validate(); err != nil {
		t.Errorf("zero knobs: %v", err)
	}
	if err := (&Knobs{Isolate: Slots{Count: 3}}).Validate(); err != nil {
		t.Errorf("slots that hold nothing: %v", err)
	}
	for name, spoil := range map[string]func(*Knobs){
		"no window":    func(k *Knobs) { k.Window = 0 },
		"no timeout":   func(k *Knobs) { k.Timeout = 0 },
		"cut range":    func(k *Knobs) { k.CutMax = k.CutMin - 1 },
		"down range":   func(k *Knobs) { k.DownMax = k.DownMin - 1 },
		"slots":        func(k *Knobs) { k.AimCrash.Count = AimedOrdinal + 1 },
		"negative cut": func(k *Knobs) { k.CutMin = -1 },
		"pause range":  func(k *Knobs) { k.PauseMax = k.PauseMin - 1 },
		"stall range":  func(k *Knobs) { k.StallMin = -1 },
		"step range":   func(k *Knobs) { k.StepMax = longestStep + 1 },
		"step back":    func(k *Knobs) { k.StepMin = -1 },
		"drift":        func(k *Knobs) { k.ClockDrift = -1 },
		"great drift":  func(k *Knobs) { k.ClockDrift = 900_001 },
		"no rates":     func(k *Knobs) { k.RateMax = 0 },
		"great rates":  func(k *Knobs) { k.RateMax = 9_000_001 },
		"meeting":      func(k *Knobs) { k.MeetAt = -1 },
		"damage":       func(k *Knobs) { k.Damageable = SideOf(firstClient + 1) },
	} {
		k := busy()
		if spoil(&k); k.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// near fails unless got of n is want per cent, give or take off.
func near(t *testing.T, what string, got, n, want, off int) {
	t.Helper()
	if share := int(int64(got) * 1000 / int64(max(n, 1))); share < 10*(want-off) || share > 10*(want+off) {
		t.Errorf("%s: %d.%d %%, want %d %% within %d", what, share/10, share%10, want, off)
	}
}

func BenchmarkStrike(b *testing.B) {
	k := busy()
	for _, bench := range []struct {
		name  string
		noisy bool
	}{{"calm", false}, {"noise", true}} {
		b.Run(bench.name, func(b *testing.B) {
			fates, err := sim.NewFates(sim.FatesConfig{
				Vocabulary: vocabulary(b), Noisy: bench.noisy, Seed: 1,
				Noise: func(p sim.Purpose) sim.Noise { return k.For(p, Population{MomentWeights: []uint32{1, 10}}) },
			})
			if err != nil {
				b.Fatal(err)
			}
			var h Hazards
			h.Reset(fates)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				h.Strike(sim.Time(i), 1, 1, uint64(i>>20))
			}
		})
	}
}
