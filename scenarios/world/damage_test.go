package world

import (
	"testing"

	"raftsim/sim"
)

// TestDamage: what a server does about a damaged disk. One that knows what it lost abstains, and gets it back; of one that cannot be
// understood it stays away; what nobody can tell from a torn write is not done to it.
func TestDamage(t *testing.T) {
	for _, tc := range []struct {
		name, fault                          string
		recognised, refused, gone, withdrawn bool
	}{
		{name: "in the middle of the log", fault: "damage n2 #0 = at 600ms for 100ms rot 1 500 ff", recognised: true},
		{name: "of the leader's", fault: "damage n1 #0 = at 600ms for 100ms rot 1 500 ff", recognised: true},
		{name: "of a sector in the middle", fault: "damage n2 #0 = at 600ms for 100ms unreadable 1 500", recognised: true},
		{name: "of the first header, which nothing needs", fault: "damage n2 #0 = at 600ms for 100ms rot 0 500 ff"},
		{name: "of the last record", fault: "damage n2 #0 = at 600ms for 100ms rot 1 998 ff", withdrawn: true},
		{name: "of the last sector", fault: "damage n2 #0 = at 600ms for 100ms unreadable 1 999", refused: true, gone: true},
	} {
		abstained := false
		p := newPlay(t, func(c *Config) { c.Server.SnapshotEntries, c.Server.SegmentBytes = 0, 1<<20 }, tc.fault)
		n := tc.fault[len("damage n")] - '1'
		p.before = func(sim.Event) {
			if s := p.nodes[n].server; s != nil && s.Running() {
				abstained = abstained || s.Status().Abstaining
			}
		}
		p.well()
		c, node := &p.outcome.Counts, p.nodes[n]
		if c.DamageRecognised > 0 != tc.recognised || abstained != tc.recognised || c.StartsRefused > 0 != tc.refused || node.gone != tc.gone ||
			c.DamageWithdrawn > 0 != tc.withdrawn {
			t.Errorf("%s: recognised %d, abstained %v, refused %d, gone %v, withdrawn %d", tc.name, c.DamageRecognised, abstained, c.StartsRefused, node.gone,
				c.DamageWithdrawn)
		}
		if !tc.gone && node.applied() != c.Committed {
			t.Errorf("%s: applied %d of %d", tc.name, node.applied(), c.Committed)
		}
	}
	unjudged := newPlay(t, func(c *Config) {
		c.DecodeDisks, c.Server.SnapshotEntries, c.Server.SegmentBytes = false, 0, 1<<20
	}, "damage n2 #0 = at 600ms for 100ms rot 1 998 ff").well()
	if c := &unjudged.outcome.Counts; c.DamageWithdrawn != 1 {
		t.Errorf("where disks are not judged by their bytes: withdrawn %d", c.DamageWithdrawn)
	}
}
