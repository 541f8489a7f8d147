package faults

import (
	"strings"
	"testing"

	"raftsim/sim"
)

// TestCheck: what a run of n1 to n3 and c1 has, and has not.
func TestCheck(t *testing.T) {
	v, present := vocabulary(t), SideOf(1, 2, 3, firstClient+1)
	for _, test := range []struct{ line, want string }{
		{"isolate n3 #0 = at 1s for 1s both", ""},
		{"isolate c1 #0 = at 1s for 1s both", ""},
		{"isolate n4 #0 = at 1s for 1s both", "n4 does not exist: there are n1,n2,n3,c1"},
		{"pause n900 #0 = at 1s for 1s", "does not exist: there are n1,n2,n3"},
		{"cut n1>c1 #0 = at 1s for 1s one-way", ""},
		{"cut n1>n1 #0 = at 1s for 1s one-way", "no link from n1 to itself"},
		{"cut n1>c2 #0 = at 1s for 1s one-way", "does not exist: there are n1,n2,n3"},
		{"split #0 = at 1s for 1s side n1,c-both", ""},
		{"split #0 = at 1s for 1s side n1,n4", "does not exist: there are n1,n2,n3"},
		{"blackout #0 = at 1s for 1s side n1", ""},
		{"blackout #0 = at 1s for 1s side c1", "needs a server"},
		{"blackout #0 = calm", ""},
		{"crash n1 synced t2 #7 = for 1s", ""},
		{"crash c1 synced t2 #7 = for 1s", "c1 is a client: crash is about servers"},
		{"clock c1 = 5ppm", "c1 is a client"},
		{"clock-step n2 #0 = at 1s by +1s", ""},
		{"stall c1 #0 = at 1s for 1s", "c1 is a client"},
		{"wipe c1 #0 = at 1s for 1s", "c1 is a client"},
		{"members #0 = at 1s to n1,n3 learners n2", ""},
		{"members #0 = at 1s to n1,n3 learners n4", "does not exist: there are n1,n2,n3"},
		{"members #0 = calm", ""},
		{"transfer #0 = at 1s to n3", ""},
		{"transfer #0 = at 1s to n4", "does not exist: there are n1,n2,n3"},
		{"aim-members #999 = at 1s for 1s add 3", ""},
		{"aim-members #1000 = at 1s for 1s add 3", "ordinals below 1000"},
	} {
		d, err := v.ParseLine(test.line)
		if err != nil {
			t.Fatal(err)
		}
		err = Check(d, present)
		if err == nil && test.want != "" || err != nil && (test.want == "" || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", test.line, err, test.want)
		}
	}
	if err := Check(sim.Disturbance{Key: sim.MakeKey(1, sim.Subject{A: 9})}, present); err != nil {
		t.Errorf("another package's disturbance: %v", err)
	}
}

// TestContracts: which disturbances break what lease reads rely on, and whom they damage.
func TestContracts(t *testing.T) {
	v := vocabulary(t)
	var all []sim.Disturbance
	for line, breaks := range map[string]bool{
		"clock n1 = 500ppm": false, "clock n1 = -500ppm": false, "clock n1 = 501ppm": true, "clock n1 = -501ppm": true, "clock n1 = calm": false,
		"clock-step n1 #0 = at 1s by +1ns": true, "clock-rate n1 #0 = at 1s for 1s 1.000001x": true, "clock-rate n1 #0 = calm": false,
		"pause n1 #0 = at 1s for 1s": false, "damage n2 #0 = at 1s lose-write 5": false, "wipe n3 #0 = at 1s for 1s": false,
		"damage n1 #0 = calm": false, "power-at n1 #0 = at 1s for 1s": false,
	} {
		d, err := v.ParseLine(line)
		if err != nil {
			t.Fatal(err)
		}
		if got := BreaksClocks(d, 500); got != breaks {
			t.Errorf("%s breaks a bound of 500ppm: %v", line, got)
		}
		all = append(all, d)
	}
	if got := DamagedBy(all); got != SideOf(2, 3) {
		t.Errorf("%v are damaged", got)
	}
}

// TestCounted: every purpose is counted, but aims, under what they resolve to.
func TestCounted(t *testing.T) {
	for _, s := range Specs(moments) {
		if Counted(s.Purpose) == s.Aim || s.Purpose > 47 || s.Doc == "" || !s.Fault {
			t.Errorf("%s: purpose %d, doc %q, fault %v, counted %v", s.Name, s.Purpose, s.Doc, s.Fault, Counted(s.Purpose))
		}
	}
	if Counted(purposesBegin-1) || Counted(purposesEnd) {
		t.Error("purposes of others are counted here")
	}
}
