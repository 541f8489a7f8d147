package faults

import (
	"raftsim/sim"
)

// The purposes of this package.
const (
	PurposeIsolate    sim.Purpose = 16 + iota // one process is cut off
	PurposeSplit                              // a side is parted from all others
	PurposeCut                                // one link is cut
	PurposeCrashAt                            // a server crashes at a time
	PurposePowerAt                            // a server loses power at a time
	PurposeBlackout                           // a side loses power at once
	PurposeCrash                              // a server crashes at a moment
	PurposePower                              // a server loses power at a moment
	PurposeAimIsolate                         // whoever plays a role is cut off
	PurposeAimCrash
	PurposeAimPower
	purposesEnd
)

const purposesBegin = PurposeIsolate

// purposeNames are the names of the purposes, from purposesBegin on.
var purposeNames = [purposesEnd - purposesBegin]string{
	"isolate", "split", "cut", "crash-at", "power-at", "blackout", "crash", "power", "aim-isolate", "aim-crash", "aim-power",
}

func purposeName(p sim.Purpose) string { return purposeNames[p-purposesBegin] }

// AimedOrdinal is the first ordinal of what aims resolve to: slot k of an aim becomes ordinal AimedOrdinal+k of the fault
// it is about. Slots of their own stay below.
const AimedOrdinal = 1000

// directions says what an isolated process no longer does: hear or be heard (both), hear (inbound), be heard (outbound).
// Unless the word says clients, only its links to servers are cut.
var directions = [...]string{"both", "inbound", "outbound", "both-clients", "inbound-clients", "outbound-clients"}

// Positions in directions: a way, plus withClients.
const (
	wayBoth     = 0
	wayInbound  = 1
	wayOutbound = 2
	withClients = 3
)

// roles an aim can have.
var roles = [...]string{"leader", "winner"}

const (
	roleLeader = 0 // whoever leads the highest term
	roleWinner = 1 // whoever lacks one vote; where nobody stands for election for a while, the leader
)

// Positions in the words for the value of a cut.
const (
	cutOneWay   = 0
	cutBothWays = 1
)

// Specs declares the purposes. moments are the names of the moments by number, at least one.
func Specs(moments []string) []sim.Spec {
	const (
		process = sim.FieldA | sim.FieldOrdinal
		link    = sim.FieldA | sim.FieldB | sim.FieldOrdinal
		hazard  = sim.FieldA | sim.FieldKind | sim.FieldEpoch | sim.FieldOrdinal
	)
	var ways, players, aimed []string
	for _, way := range directions {
		ways = append(ways, way)
	}
	for _, role := range roles {
		players = append(players, role)
		for _, way := range directions {
			aimed = append(aimed, role+"-"+way)
		}
	}
	timed := func(p sim.Purpose, doc string, fields sim.Fields, value sim.ValueFormat) sim.Spec {
		return sim.Spec{Purpose: p, Name: purposeName(p), Doc: doc, Fields: fields, Value: value, Timed: true, Fault: true}
	}
	atMoment := func(p sim.Purpose, doc string) sim.Spec {
		return sim.Spec{
			Purpose: p, Name: purposeName(p), Doc: doc, Fields: hazard, Kinds: moments,
			Value: sim.SpanFormat{NoTime: true}, Fault: true,
		}
	}
	aim := func(p sim.Purpose, doc string, choices []string) sim.Spec {
		s := timed(p, doc, sim.FieldOrdinal, sim.SpanFormat{Choices: choices})
		s.Aim = true
		return s
	}
	return []sim.Spec{
		timed(PurposeIsolate, "the links of one process are cut", process, sim.SpanFormat{Choices: ways}),
		timed(PurposeSplit, "a side is cut off from everybody else", sim.FieldOrdinal, sideFormat{}),
		timed(PurposeCut, "one link is cut", link, sim.SpanFormat{Choices: []string{"one-way", "both-ways"}}),
		timed(PurposeCrashAt, "a server crashes and starts again after the given time", process, sim.SpanFormat{}),
		timed(PurposePowerAt, "a server loses power and starts again after the given time", process, sim.SpanFormat{}),
		timed(PurposeBlackout, "the servers of a side lose power at once", sim.FieldOrdinal, sideFormat{}),
		atMoment(PurposeCrash, "a server crashes at a moment and starts again after the given time"),
		atMoment(PurposePower, "a server loses power at a moment and starts again after the given time"),
		aim(PurposeAimIsolate, "who plays a role then is isolated", aimed),
		aim(PurposeAimCrash, "who plays a role then crashes", players),
		aim(PurposeAimPower, "who plays a role then loses power", players),
	}
}

// aimedAt returns what an aim resolves to.
func aimedAt(aim sim.Purpose) sim.Purpose {
	switch aim {
	case PurposeAimIsolate:
		return PurposeIsolate
	case PurposeAimCrash:
		return PurposeCrashAt
	}
	return PurposePowerAt
}

// isAim reports whether p is one of the aims.
func isAim(p sim.Purpose) bool { return p >= PurposeAimIsolate && p <= PurposeAimPower }

// isTimed reports whether p is laid out before the run.
func isTimed(p sim.Purpose) bool {
	return p >= purposesBegin && p < purposesEnd && p != PurposeCrash && p != PurposePower
}
