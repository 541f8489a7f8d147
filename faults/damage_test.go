package faults

import (
	"testing"
	"time"

	"raftsim/sim"
)

// TestDamageStaysAMinority: slots damage less than half of the first members whatever the knobs say; lines of a case damage
// whom they name.
func TestDamageStaysAMinority(t *testing.T) {
	k := Knobs{
		Timeout: time.Second, Window: time.Second, Damage: Slots{Count: 4, Chance: sim.Ratio{Num: 1, Den: 1}}, DownMax: time.Second,
		Wipe: Slots{Count: 4, Chance: sim.Ratio{Num: 1, Den: 1}}, Damageable: SideOf(2, 3, 4, 5, 6, 7),
	}
	for servers, want := range map[int]Side{1: 0, 2: 0, 3: SideOf(2), 4: SideOf(2), 5: SideOf(2, 3), 7: SideOf(2, 3, 4)} {
		damaged := func(spares Side, lines ...string) Side {
			f := newFake(t, servers, 0, k, sim.FatesConfig{Noisy: true, Seed: 3, Record: true, Noise: func(p sim.Purpose) sim.Noise {
				return k.For(p, Population{})
			}}, lines...)
			f.voters &^= spares
			f.start(false)
			return DamagedBy(f.fates.Recorded())
		}
		if got := damaged(0); got != want {
			t.Errorf("of %d servers %v are damaged, want %v", servers, got, want)
		}
		switch servers {
		case 5: // four of them are members
			if got := damaged(SideOf(2)); got != SideOf(3) {
				t.Errorf("where n2 is a spare %v are damaged, want n3", got)
			}
		case 3:
			if got := damaged(0, "damage n3 #0 = at 1s lose-write 5", "wipe n1 #0 = at 1s for 1s"); got != SideOf(1, 2, 3) {
				t.Errorf("with lines about n1 and n3 %v are damaged", got)
			}
		}
	}
}
