package faults

import (
	"fmt"

	"raftsim/sim"
)

// Check refuses a disturbance of this package that can do nothing in a run in which those present take part, or that no slot can
// hold. Disturbances of others pass.
func Check(d sim.Disturbance, present Side) error {
	p, s := d.Key.Purpose(), d.Key.Subject()
	if !ours(p) {
		return nil
	}
	t := traitOf(p)
	if isAim(p) && s.Ordinal >= AimedOrdinal {
		return fmt.Errorf("#%d: aims have ordinals below %d", s.Ordinal, AimedOrdinal)
	}
	if t.scope == ofPair && s.A == s.B {
		return fmt.Errorf("there is no link from %v to itself", SideOf(s.A))
	}
	for _, id := range [...]sim.ProcID{s.A, s.B} {
		if id != 0 && SideOf(id) == 0 {
			return fmt.Errorf("%s: process %d does not exist: there are %v", t.name, id, present&^ClientsBoth&takers(d))
		}
	}
	parties := SideOf(s.A, s.B) | named(d)
	if absent := parties &^ present &^ ClientsBoth; absent != 0 {
		return fmt.Errorf("%s: %v does not exist: there are %v", t.name, absent, present&^ClientsBoth&takers(d))
	}
	if serversOnly(p) && SideOf(s.A)&clientBits != 0 {
		return fmt.Errorf("%v is a client: %s is about servers", SideOf(s.A), t.name)
	}
	if p == PurposeBlackout && !d.Value.Calm() && named(d)&serverBits == 0 {
		return fmt.Errorf("the side of a blackout needs a server")
	}
	return nil
}

// takers returns the processes that a disturbance of this purpose can be about.
func takers(d sim.Disturbance) Side {
	switch p := d.Key.Purpose(); {
	case p == PurposeMembers, p == PurposeTransfer, serversOnly(p):
		return serverBits
	}
	return ^Side(0)
}

// named returns the processes that the value of d names.
func named(d sim.Disturbance) Side {
	if d.Value.Calm() {
		return 0
	}
	switch d.Key.Purpose() {
	case PurposeSplit, PurposeBlackout:
		return Side(d.Value.N)
	case PurposeMembers:
		voters, learners, _ := membersIn(d.Value.N)
		return voters | learners
	case PurposeTransfer:
		return SideOf(sim.ProcID(d.Value.N))
	}
	return 0
}

// serversOnly reports whether the subject of p is a server.
func serversOnly(p sim.Purpose) bool {
	switch traitOf(p).scope {
	case ofServer:
		return p != PurposeIsolate
	case ofDamaged, ofMoment, ofStart:
		return true
	}
	return false
}
