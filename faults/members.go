package faults

import (
	"strconv"

	"raftsim/sim"
)

// Membership. An operator may ask for any membership with a voter in it, at any time; the servers see to it that changes follow
// each other safely (thesis §4.1, §4.3). Nothing is owed to a server that is no member, and progress only where a majority
// of every configuration in force is connected.

// MembersValue returns the value of members that asks at a time for voters and learners, of servers 1 to 31; joint asks for a joint
// configuration even where a single step would do.
func MembersValue(at sim.Time, voters, learners Side, joint bool) sim.Value {
	n := int64(voters&serverBits) | int64(learners&serverBits&^voters)<<learnerShift
	if joint {
		n |= jointBit
	}
	return sim.Value{At: int64(at), N: n}
}

// TransferValue returns the value of transfer that asks at a time for server to, of 1 to 31.
func TransferValue(at sim.Time, to sim.ProcID) sim.Value {
	return sim.Value{At: int64(at), N: int64(to)}
}

// N of the value of members: bit 0 for joint, voters from bit 1, learners from bit 32.
const (
	jointBit     = 1
	learnerShift = serversMax
)

func membersIn(n int64) (voters, learners Side, joint bool) {
	return Side(n) & serverBits, Side(n>>learnerShift) & serverBits, n&jointBit != 0
}

// membersFormat is the value of members: "at 1.2s to n1,n2,n4", with "learners n5" and "joint" where it applies.
type membersFormat struct{}

const (
	jointWord    = "joint"
	learnersWord = "learners"
)

// Form implements sim.ValueFormat.
func (membersFormat) Form() string {
	return "at 1.2s to n1,n2,n4, with \"learners n5\" and \"joint\" behind as needed"
}

// Append implements sim.ValueFormat.
func (membersFormat) Append(dst []byte, v sim.Value) []byte {
	if v.Calm() {
		return append(dst, calmWord...)
	}
	voters, learners, joint := membersIn(v.N)
	dst = voters.append(append(appendAt(dst, v), " to "...))
	if learners != 0 {
		dst = learners.append(append(dst, " "+learnersWord+" "...))
	}
	return appendJoint(dst, joint)
}

func appendJoint(dst []byte, joint bool) []byte {
	if joint {
		dst = append(dst, " "+jointWord...)
	}
	return dst
}

// Parse implements sim.ValueFormat.
func (f membersFormat) Parse(text string) (sim.Value, error) {
	if text == calmWord {
		return sim.Value{}, nil
	}
	p := phraseOf(text)
	at := sim.Time(p.at())
	p.want("to")
	voters, learners := p.servers(), Side(0)
	if p.has(learnersWord) {
		learners = p.servers()
		p.bad = p.bad || voters&learners != 0
	}
	return p.end(text, f, MembersValue(at, voters, learners, p.has(jointWord)))
}

// transferFormat is the value of transfer: "at 1.2s to n3".
type transferFormat struct{}

// Form implements sim.ValueFormat.
func (transferFormat) Form() string { return "at 1.2s to n3" }

// Append implements sim.ValueFormat.
func (transferFormat) Append(dst []byte, v sim.Value) []byte {
	if v.Calm() {
		return append(dst, calmWord...)
	}
	return strconv.AppendInt(append(appendAt(dst, v), " to n"...), v.N, 10)
}

// Parse implements sim.ValueFormat.
func (f transferFormat) Parse(text string) (sim.Value, error) {
	if text == calmWord {
		return sim.Value{}, nil
	}
	p := phraseOf(text)
	at := sim.Time(p.at())
	p.want("to")
	s := p.servers()
	p.bad = p.bad || s.Len() != 1
	return p.end(text, f, TransferValue(at, s.First()))
}
