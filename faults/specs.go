package faults

import "raftsim/sim"

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
var roles = [...]string{"leader", "winner", "reader"}

const (
	roleLeader = 0 // whoever leads the highest term
	roleWinner = 1 // whoever lacks one vote; where nobody stands for election for a while, the leader
	roleReader = 2 // whoever leads and owes an answer to a read; where nobody does for a while, the leader
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
	var specs []sim.Spec
	for p := purposesBegin; p < purposesEnd; p++ {
		t := traitOf(p)
		s := sim.Spec{
			Purpose: p, Name: t.name, Doc: t.doc, Fields: sim.FieldOrdinal, Value: valueOf(p),
			Timed: isTimed(p), Fault: true, Aim: isAim(p),
		}
		switch t.scope {
		case ofServer, ofDamaged, ofFront:
			s.Fields = process
		case ofPair:
			s.Fields = link
		case ofMoment:
			s.Fields, s.Kinds = hazard, moments
		case ofStart:
			s.Fields = sim.FieldA
		}
		specs = append(specs, s)
	}
	return specs
}

// valueOf returns how values of p print and parse.
func valueOf(p sim.Purpose) sim.ValueFormat {
	switch p {
	case PurposeIsolate:
		var ways []string
		for _, way := range directions {
			ways = append(ways, way)
		}
		return sim.SpanFormat{Choices: ways}
	case PurposeCut:
		return sim.SpanFormat{Choices: []string{"one-way", "both-ways"}}
	case PurposeSplit, PurposeBlackout:
		return sideFormat{}
	case PurposeCrash, PurposePower:
		return sim.SpanFormat{NoTime: true}
	case PurposeAimIsolate:
		var aimed []string
		for _, role := range roles {
			for _, way := range directions {
				aimed = append(aimed, role+"-"+way)
			}
		}
		return sim.SpanFormat{Choices: aimed}
	case PurposeAimCrash, PurposeAimPower, PurposeAimPause, PurposeAimSnapshot, PurposeAimStall:
		var players []string
		for _, role := range roles {
			players = append(players, role)
		}
		return sim.SpanFormat{Choices: players}
	case PurposeClock:
		return errorFormat{}
	case PurposeClockStep:
		return stepFormat{}
	case PurposeClockRate:
		return rateFormat{}
	case PurposeMembers:
		return membersFormat{}
	case PurposeAimMembers:
		var words []string
		for _, word := range changes {
			words = append(words, word)
		}
		return pickFormat{choices: words, joint: true}
	case PurposeTransfer:
		return transferFormat{}
	case PurposeAimTransfer:
		return pickFormat{choices: successors()}
	case PurposeSnapshot:
		return instantFormat{}
	case PurposeDamage:
		return damageFormat{kinds: damageKinds()}
	}
	return sim.SpanFormat{}
}
