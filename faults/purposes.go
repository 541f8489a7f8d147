package faults

import "raftsim/sim"

// The purposes of this package. The numbers are part of recorded runs.
const (
	PurposeIsolate     sim.Purpose = 16 + iota // one process is cut off
	PurposeSplit                               // a side is parted from all others
	PurposeCut                                 // one link is cut
	PurposeCrashAt                             // a server crashes at a time
	PurposePowerAt                             // a server loses power at a time
	PurposeBlackout                            // a side loses power at once
	PurposeCrash                               // a server crashes at a moment
	PurposePower                               // a server loses power at a moment
	PurposeAimIsolate                          // whoever plays a role is cut off
	PurposeAimCrash                            // whoever plays a role crashes
	PurposeAimPower                            // whoever plays a role loses power
	PurposePause                               // a machine stands still for a time
	PurposeAimPause                            // the machine of whoever plays a role does
	PurposeClock                               // how wrong a clock runs, all through the run
	PurposeClockStep                           // a clock is set forward
	PurposeClockRate                           // a clock runs at another rate for a time
	PurposeMembers                             // a membership is asked for
	PurposeAimMembers                          // a change of the membership is asked for
	PurposeTransfer                            // a leader is asked to hand over to a server
	PurposeAimTransfer                         // a leader is asked to hand over
	PurposeSnapshot                            // a server takes a snapshot
	PurposeAimSnapshot                         // whoever plays a role does
	PurposeStall                               // a disk stands still for a time
	PurposeAimStall                            // the disk of whoever plays a role does
	PurposeDamage                              // bytes on a disk are lost
	PurposeWipe                                // a disk is empty
	PurposeOutage                              // a front is out for a time
	purposesEnd
)

const purposesBegin = PurposeIsolate

// scope says who has slots of a purpose, or when it is asked.
type scope uint8

const (
	ofRun     scope = iota // timed slots of the run
	ofServer               // timed slots of every server
	ofFront                // timed slots of every front
	ofDamaged              // timed slots of every server that may be damaged
	ofPair                 // timed slots of every pair of servers and direction
	ofMoment               // asked at every moment
	ofStart                // asked once per server when the run begins
)

// trait is what the engine knows about a purpose.
type trait struct {
	name    string
	doc     string
	scope   scope
	becomes sim.Purpose // of an aim: the purpose of what it resolves to
}

var traits = [purposesEnd - purposesBegin]trait{
	PurposeIsolate - purposesBegin:     {"isolate", "the links of one process are cut", ofServer, 0},
	PurposeSplit - purposesBegin:       {"split", "a side is cut off from everybody else", ofRun, 0},
	PurposeCut - purposesBegin:         {"cut", "one link is cut", ofPair, 0},
	PurposeCrashAt - purposesBegin:     {"crash-at", "a server crashes and starts again after the given time", ofServer, 0},
	PurposePowerAt - purposesBegin:     {"power-at", "a server loses power and starts again after the given time", ofServer, 0},
	PurposeBlackout - purposesBegin:    {"blackout", "the servers of a side lose power at once", ofRun, 0},
	PurposeCrash - purposesBegin:       {"crash", "a server crashes at a moment and starts again after the given time", ofMoment, 0},
	PurposePower - purposesBegin:       {"power", "a server loses power at a moment and starts again after the given time", ofMoment, 0},
	PurposeAimIsolate - purposesBegin:  {"aim-isolate", "who plays a role then is isolated", ofRun, PurposeIsolate},
	PurposeAimCrash - purposesBegin:    {"aim-crash", "who plays a role then crashes", ofRun, PurposeCrashAt},
	PurposeAimPower - purposesBegin:    {"aim-power", "who plays a role then loses power", ofRun, PurposePowerAt},
	PurposePause - purposesBegin:       {"pause", "a server stands still; its clock goes on and its input waits", ofServer, 0},
	PurposeAimPause - purposesBegin:    {"aim-pause", "who plays a role then stands still", ofRun, PurposePause},
	PurposeClock - purposesBegin:       {"clock", "how much faster than true time a clock runs, all through the run", ofStart, 0},
	PurposeClockStep - purposesBegin:   {"clock-step", "a local clock is set forward; it never goes back", ofServer, 0},
	PurposeClockRate - purposesBegin:   {"clock-rate", "a local clock runs at a multiple of its rate for a time", ofServer, 0},
	PurposeMembers - purposesBegin:     {"members", "an operator asks for a membership", ofRun, 0},
	PurposeAimMembers - purposesBegin:  {"aim-members", "an operator asks for a change of the membership that is in force then", ofRun, PurposeMembers},
	PurposeTransfer - purposesBegin:    {"transfer", "whoever leads is asked to hand over to a server", ofRun, 0},
	PurposeAimTransfer - purposesBegin: {"aim-transfer", "whoever leads is asked to hand over to somebody else", ofRun, PurposeTransfer},
	PurposeSnapshot - purposesBegin:    {"snapshot", "a server takes a snapshot", ofServer, 0},
	PurposeAimSnapshot - purposesBegin: {"aim-snapshot", "who plays a role then takes a snapshot", ofRun, PurposeSnapshot},
	PurposeStall - purposesBegin:       {"stall", "the disk of a server completes nothing for a time", ofServer, 0},
	PurposeAimStall - purposesBegin:    {"aim-stall", "the disk of who plays a role then completes nothing for a time", ofRun, PurposeStall},
	PurposeDamage - purposesBegin:      {"damage", "bytes on a disk are lost, with a length while the server is without power", ofDamaged, 0},
	PurposeWipe - purposesBegin:        {"wipe", "a server loses power and all that its disk holds", ofDamaged, 0},
	PurposeOutage - purposesBegin:      {"outage", "a front (frontend, load balancer, registry) is out for a time and forgets what it knew", ofFront, 0},
}

// ours reports whether p is a purpose of this package.
func ours(p sim.Purpose) bool { return p >= purposesBegin && p < purposesEnd }

// traitOf returns what is known about a purpose of this package.
func traitOf(p sim.Purpose) trait { return traits[p-purposesBegin] }

func purposeName(p sim.Purpose) string { return traitOf(p).name }

// Counted reports whether Counts says how often p took effect: it is of this package and no aim, which counts as what it
// resolves to.
func Counted(p sim.Purpose) bool { return ours(p) && !isAim(p) }

// isAim reports whether p is one of the aims.
func isAim(p sim.Purpose) bool { return ours(p) && traitOf(p).becomes != 0 }

// isTimed reports whether p is laid out before the run.
func isTimed(p sim.Purpose) bool {
	return ours(p) && traitOf(p).scope != ofMoment && traitOf(p).scope != ofStart
}

// Ordinals of what aims resolve to: slot k of an aim becomes ordinal AimedOrdinal+k of the fault it is about, and what
// follows that by itself ordinal AgainOrdinal+k. Slots of their own, aims among them, stay below AimedOrdinal.
const (
	AimedOrdinal = 1000
	AgainOrdinal = 2000
)
