package faults

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"raftsim/internal/fixed"
	"raftsim/sim"
)

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
				"1s heal at 1.3s: n1>n2 n2>n1 n2>n3 n3>n2",
				"1.3s healed: all open",
			},
			count: map[sim.Purpose]uint64{PurposeIsolate: 1},
		},
		{
			name: "isolate one way", lines: []string{
				"isolate n2 #0 = at 1s for 300ms inbound", "isolate n2 #1 = at 2s for 300ms outbound-clients",
			},
			want: []string{
				"1s heal at 1.3s: n1>n2 n3>n2",
				"1.3s healed: all open",
				"2s heal at 2.3s: n2>n1 n2>n3 n2>c1 n2>c2",
				"2.3s healed: all open",
			},
			count: map[sim.Purpose]uint64{PurposeIsolate: 2},
		},
		{
			name: "isolate from everybody", lines: []string{"isolate n1 #0 = at 1s for 1s both-clients"},
			want: []string{
				"1s heal at 2s: n1>n2 n1>n3 n1>c1 n1>c2 n2>n1 n3>n1 c1>n1 c2>n1",
				"2s healed: all open",
			},
			count: map[sim.Purpose]uint64{PurposeIsolate: 1},
		},
		{
			name: "isolate a client", lines: []string{"isolate c1 #0 = at 1s for 1s both"},
			want: []string{
				"1s heal at 2s: n1>c1 n2>c1 n3>c1 c1>n1 c1>n2 c1>n3",
				"2s healed: all open",
			},
			count: map[sim.Purpose]uint64{PurposeIsolate: 1},
		},
		{
			name: "split", lines: []string{"split #0 = at 1s for 1s side n3,c2"},
			want: []string{
				"1s heal at 2s: n1>n3 n1>c2 n2>n3 n2>c2 n3>n1 n3>n2 n3>c1 c1>n3 c1>c2 c2>n1 c2>n2 c2>c1",
				"2s healed: all open",
			},
			count: map[sim.Purpose]uint64{PurposeSplit: 1},
		},
		{
			name: "split with clients on both sides", lines: []string{"split #0 = at 1s for 1s side n3,c-both"},
			want: []string{
				"1s heal at 2s: n1>n3 n2>n3 n3>n1 n3>n2",
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
				"1s heal at 2s: n1>n2", "2s healed: all open",
				"3s heal at 4s: n3>c1 c1>n3", "4s healed: all open",
			},
			count: map[sim.Purpose]uint64{PurposeCut: 2},
		},
		{
			name: "overlapping cuts compose", lines: []string{
				"isolate n2 #0 = at 1s for 3s inbound", "cut n1>n2 #0 = at 2s for 1s one-way", "cut n1>n2 #1 = at 2s for 4s one-way",
			},
			want: []string{
				"1s heal at 4s: n1>n2 n3>n2",
				"2s heal at 3s: n1>n2+ n3>n2",
				"2s heal at 6s: n1>n2++ n3>n2",
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
				"2.000000001s heal at 3.000000001s: n2>n1 n3>n1",
				"3.000000001s healed: all open",
				"4.399000001s power 1 for 1s", // no election for 4 T: the leader will do
			},
			count: map[sim.Purpose]uint64{PurposeIsolate: 1, PurposeCrashAt: 1, PurposePowerAt: 1},
		},
		{
			name: "pauses of one server add up; who is down already is spared", lines: []string{
				"pause n2 #0 = at 1s for 1s", "pause n2 #1 = at 1.5s for 1s", "crash-at n3 #0 = at 1s for 1s", "pause n3 #0 = at 1.5s for 1s",
			},
			want: []string{
				"1s crash 3 for 1s",
				"1s pause 2, now 1", "1s heal at 2s: all open",
				"1.5s pause 2, now 2", "1.5s heal at 2.5s: all open",
				"2s resume 2, now 1", "2s healed: all open",
				"2.5s resume 2, now 0", "2.5s healed: all open",
			},
			count: map[sim.Purpose]uint64{PurposePause: 2, PurposeCrashAt: 1},
		},
		{
			name: "clocks", lines: []string{
				"clock n1 = 200ppm", "clock n3 = -137ppm", "clock-step n2 #0 = at 1s by +200ms",
				"crash-at n1 #0 = at 1s for 1s", "clock-step n1 #0 = at 1.5s by +1s", // nobody reads it
			},
			want:  []string{"0s clock of 1 +200", "0s clock of 3 -137", "1s crash 1 for 1s", "1s step of 2 by 200ms"},
			count: map[sim.Purpose]uint64{PurposeClock: 2, PurposeClockStep: 1, PurposeCrashAt: 1},
		},
		{
			name: "other rates add up, as far as a clock goes, and go back to the error from the start", lines: []string{
				"clock n2 = 200ppm", "clock-rate n2 #0 = at 1s for 4s 2x", "clock-rate n2 #1 = at 2s for 1s 0.5x",
				"clock-rate n2 #2 = at 6s for 2s 0.2x", "clock-rate n2 #3 = at 7s for 2s 0.3x",
			},
			want: []string{
				"0s clock of 2 +200",
				"1s clock of 2 +1000200", "1s heal at 5s: all open",
				"2s clock of 2 +500200", "2s heal at 3s: all open",
				"3s clock of 2 +1000200", "3s healed: all open",
				"5s clock of 2 +200", "5s healed: all open",
				"6s clock of 2 -799800", "6s heal at 8s: all open",
				"7s clock of 2 -900000", "7s heal at 9s: all open",
				"8s clock of 2 -699800", "8s healed: all open",
				"9s clock of 2 +200", "9s healed: all open",
			},
			count: map[sim.Purpose]uint64{PurposeClock: 1, PurposeClockRate: 4},
		},
		{
			name: "members; what is in force already is no change", lines: []string{
				"members #0 = at 1s to n1,n2,n3", "members #1 = at 2s to n1,n3 learners n2", "members #2 = at 3s to n2 joint",
				"members #3 = at 4s to n2",
			},
			want: []string{
				"2s members n1,n3 learners n2 joint false", "3s members n2 learners none joint true",
			},
			count: map[sim.Purpose]uint64{PurposeMembers: 2},
		},
		{
			name: "transfers, snapshots, stalls", lines: []string{
				"transfer #0 = at 1s to n3", "transfer #1 = at 2s to n1", // who leads already
				"snapshot n2 #0 = at 3s", "stall n3 #0 = at 4s for 2s",
				"crash-at n2 #0 = at 5s for 2s", "snapshot n2 #1 = at 6s", "stall n2 #0 = at 6s for 2s",
			},
			want: []string{
				"1s transfer from 1 to 3", "3s snapshot of 2", "4s disk of 3 stalls for 2s", "5s crash 2 for 2s",
			},
			count: map[sim.Purpose]uint64{PurposeTransfer: 1, PurposeSnapshot: 1, PurposeStall: 1, PurposeCrashAt: 1},
		},
		{
			name: "damage, with and without loss of power, of a server that is down too", lines: []string{
				"damage n2 #0 = at 1s rot 3 250 1f", "damage n2 #1 = at 2s for 1s unreadable 0 999", "damage n2 #2 = at 2.5s for 1s rot 0 0 1",
				"damage n2 #3 = at 3.5s lose-write 7", "damage n2 #4 = at 3.6s misdirect 7 8",
				"wipe n3 #0 = at 4s for 1s", "wipe n3 #1 = at 4.5s for 1s",
			},
			want: []string{
				"1s damage of 2: {1 3 250 31 0}",
				"2s power 2 for 1s", "2s damage of 2: {2 0 999 0 0}",
				"2.5s damage of 2: {1 0 0 1 0}",
				"3.5s damage of 2: {3 0 7 0 0}", "3.6s damage of 2: {4 0 7 0 8}",
				"4s power 3 for 1s", "4s damage of 3: {5 0 0 0 0}",
				"4.5s damage of 3: {5 0 0 0 0}",
			},
			count: map[sim.Purpose]uint64{PurposeDamage: 5, PurposeWipe: 2},
		},
		{
			name: "aims of operators, and at disks and machines", lines: []string{
				"aim-members #0 = at 1s for 1s remove-leader 5",
				"aim-members #1 = at 2s for 300ms bounce 2 joint",
				"aim-transfer #0 = at 3s for 1s voter 1",
				"members #0 = at 3.5s to n1,n3 learners n2", "aim-transfer #1 = at 4s for 1s other 1", // refused
				"aim-snapshot #0 = at 5s for 1s leader",
				"aim-stall #0 = at 6s for 20ms leader",
				"aim-pause #0 = at 7s for 20ms leader",
			},
			want: []string{
				"1.000000001s members n2,n3 learners none joint false",
				"2.000000001s members n2 learners none joint true",
				"2.300000001s members n2,n3 learners none joint true",
				"3.000000001s transfer from 1 to 3",
				"3.5s members n1,n3 learners n2 joint false",
				"5.000000001s snapshot of 1",
				"6.000000001s disk of 1 stalls for 20ms",
				"7.000000001s pause 1, now 1", "7.000000001s heal at 7.020000001s: all open",
				"7.020000001s resume 1, now 0", "7.020000001s healed: all open",
			},
			count: map[sim.Purpose]uint64{PurposeMembers: 4, PurposeTransfer: 1, PurposeSnapshot: 1, PurposeStall: 1, PurposePause: 1},
		},
		{
			name: "a swap goes by way of a joint configuration", lines: []string{
				"members #0 = at 1s to n1", "aim-members #0 = at 2s for 1s swap 0", "aim-members #1 = at 3s for 1s add 0",
			},
			want: []string{
				"1s members n1 learners none joint false",
				"2.000000001s members n3 learners none joint true",
				"3.000000001s members n1,n3 learners none joint false",
			},
			count: map[sim.Purpose]uint64{PurposeMembers: 3},
		},
		{
			name: "members who are not there are left out", lines: []string{"members #0 = at 1s to n2,n3,n9 learners n8"},
			want:  []string{"1s members n2,n3 learners none joint false"},
			count: map[sim.Purpose]uint64{PurposeMembers: 1},
		},
		{
			name: "who is not there stays calm", lines: []string{
				"pause n9 #0 = at 1s for 1s", "clock n9 = 5ppm", "clock-step n9 #0 = at 1s by +1s", "clock-rate n9 #0 = at 1s for 1s 2x",
				"members #0 = at 1s to n9", "transfer #0 = at 1s to n9", "snapshot n9 #0 = at 1s", "stall n9 #0 = at 1s for 1s",
				"damage n9 #0 = at 1s lose-write 1", "wipe n9 #0 = at 1s for 1s", "wipe c1 #0 = at 1s for 1s", "aim-crash #1000 = at 1s for 1s leader",

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
		reader         [2]time.Duration // when n2 owes an answer to a read
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
		{
			name:   "a read turns up",
			leader: [2]time.Duration{0, 9 * time.Second}, reader: [2]time.Duration{1300 * time.Millisecond, 1302 * time.Millisecond},
			line: "aim-pause #0 = at 1s for 1s reader",
			want: []string{
				"1.300000001s pause 2, now 1", "1.300000001s heal at 2.300000001s: all open",
				"2.300000001s resume 2, now 0", "2.300000001s healed: all open",
			},
			looks: 301,
		},
		{
			name:   "nobody reads: the leader will do",
			leader: [2]time.Duration{0, 9 * time.Second}, winner: [2]time.Duration{0, 9 * time.Second},
			line: "aim-stall #0 = at 1s for 1s reader",
			want: []string{
				"1.399000001s disk of 2 stalls for 1s",
			},
			looks: 400,
		},
		{
			name: "operators wait for a leader", leader: [2]time.Duration{1035 * time.Millisecond, 9 * time.Second},
			line: "aim-members #0 = at 1s for 1s remove-leader 0",
			want: []string{"1.040000001s members n1,n3 learners none joint false"}, looks: 5,
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
			f.leader, f.winner, f.reader = during(test.leader, 2), during(test.winner, 3), during(test.reader, 2)
			f.start(false)
			f.run(10 * time.Second)
			if diff := cmp.Diff(test.want, f.log); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if f.looks != test.looks {
				t.Errorf("%d looks, want %d", f.looks, test.looks)
			}
			if healed := strings.Count(strings.Join(f.log, "\n"), "healed"); f.Steps() != uint64(healed) {
				t.Errorf("%d steps, of which %d healed: looking takes none", f.Steps(), healed)
			}
		})
	}
}

// TestHealAll: when the fault window closes every link is open, and neither the heals still under way nor the aims still
// waiting do anything.
func TestHealAll(t *testing.T) {
	f := newFake(t, 3, 2, Knobs{}, sim.FatesConfig{},
		"isolate n2 #0 = at 1s for 3s both", "split #0 = at 1s for 9s side n1,c1", "cut n1>n2 #0 = at 1s for 500ms both-ways",
		"aim-crash #0 = at 1s for 9s leader", "aim-members #0 = at 1s for 9s add 1",
		"pause n1 #0 = at 1s for 9s", "clock n3 = 50ppm", "clock-rate n3 #0 = at 1s for 9s 2x", "members #0 = at 1s to n1,n2")
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
	if got := f.closed(); got != "all open" || f.paused[1] != 0 || f.rates[3] != 50 || f.voters != SideOf(1, 2) {
		t.Errorf("after HealAll: %s, n1 paused %d times, the clock of n3 wrong by %d, members %v", got, f.paused[1], f.rates[3], f.voters)
	}
	f.run(20 * time.Second) // Unblock fails the test where there is nothing to unblock
	if got := f.closed(); got != "all open" || f.rates[3] != 50 || f.voters != SideOf(1, 2) {
		t.Errorf("at the end: %s, the clock of n3 wrong by %d, members %v", got, f.rates[3], f.voters)
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
		Pause: half, AimPause: half, ClockStep: half, ClockRate: half, Members: half, AimMembers: half, Transfer: half, AimTransfer: half,
		Snapshot: half, AimSnapshot: half, Stall: half, AimStall: half, Damage: half, Wipe: half, Outage: half, Damageable: SideOf(2),
		Crash: sim.Ratio{Num: 1, Den: 500}, Power: sim.Ratio{Num: 1, Den: 500},
		CutMin: 50 * time.Millisecond, CutMax: 2 * time.Second, OnDeadline: sim.Ratio{Num: 1, Den: 4},
		DownMin: 20 * time.Millisecond, DownMax: 500 * time.Millisecond, Winner: sim.Ratio{Num: 1, Den: 3},
		PauseMin: 20 * time.Millisecond, PauseMax: 500 * time.Millisecond, StallMin: 100 * time.Millisecond, StallMax: time.Second,
		ClockDrift: 500, RateMax: PerMillion, StepMin: 10 * time.Millisecond, StepMax: time.Second,
		Reader: sim.Ratio{Num: 2, Den: 3}, Meet: sim.Ratio{Num: 1, Den: 2}, MeetAt: time.Second,
	}
}

// TestReplay: a noisy run, its record over a calm base, and noise plus its record are the same run; only the noisy ones
// run generators. Without the record of what the aims resolved to, the calm run would differ.
func TestReplay(t *testing.T) {
	var counts Counts
	aimed, again := 0, 0
	property := func(r *rapid.T) {
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
			f.reader = func(now sim.Time) sim.ProcID {
				if now%sim.Time(50*time.Millisecond) < sim.Time(30*time.Millisecond) {
					return 0
				}
				return f.leader(now)
			}
			f.start(true)
			f.run(3 * time.Second)
			for _, id := range f.servers {
				if f.paused[id] != 0 || f.rates[id] != f.clockOf(id).drift {
					r.Fatalf("n%d at the end: paused %d times, clock wrong by %d, %d at first", id, f.paused[id], f.rates[id], f.clockOf(id).drift)
				}
			}
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
			if d.Key.Subject().Ordinal >= AgainOrdinal {
				again++
			}
			back, err := noisy.vocabulary.ParseLine(line)
			if err != nil || back != d {
				r.Fatalf("%q reads as %+v, %v, want %+v", line, back, err, d)
			}
		}
		counts.Add(noisy.total())
	}
	fixed.Check(t, 30, property)
	if aimed < 50 || again == 0 {
		t.Errorf("%d aims ever struck, %d times something followed", aimed, again)
	}
	for p := purposesBegin; p < purposesEnd; p++ {
		if n := counts.Of(p); (n == 0) != isAim(p) {
			t.Errorf("%s took effect %d times in all", purposeName(p), n)
		}
	}
	if !t.Failed() {
		rapid.Check(t, property)
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
	in := func(d sim.Disturbance) bool { s := d.Key.Subject(); return (s.A <= 3 || s.A > 2048) && s.B <= 3 }
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
	for line, want := range map[string][]string{
		"members #1000 = calm": nil,
		"members #2000 = calm": {"1.000000001s members n2,n3 learners none joint false"}, // who left does not come back
	} {
		f := newFake(t, 3, 0, Knobs{}, sim.FatesConfig{}, "aim-members #0 = at 1s for 20ms bounce 1", line)
		f.start(false)
		f.run(3 * time.Second)
		if diff := cmp.Diff(want, f.log); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
}

// TestAimsThatChangeNothing: a membership that cannot be changed, and a leader with nobody to hand over to, leave no trace.
func TestAimsThatChangeNothing(t *testing.T) {
	f := newFake(t, 1, 0, Knobs{}, sim.FatesConfig{Record: true}, "aim-members #0 = at 1s for 20ms add 1", "aim-transfer #0 = at 1s for 20ms other 1")
	f.start(false)
	f.run(3 * time.Second)
	if f.looks != 2 || len(f.log)+len(f.fates.Recorded()) > 0 {
		t.Errorf("after %d looks: %q, recorded %d", f.looks, f.log, len(f.fates.Recorded()))
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
