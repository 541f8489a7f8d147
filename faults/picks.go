package faults

import (
	"fmt"
	"strconv"
	"strings"

	"raftsim/sim"
)

// N of the value of an aim that picks: what it does, bit 8 for joint, and from bit 16 whom it picks.
const (
	pickShift = 16
	pickJoint = 1 << 8
	picksMax  = 1000 // picks are below
)

func pickValue(choice int64, pick uint64, joint bool) int64 {
	n := choice | int64(pick)<<pickShift
	if joint {
		n |= pickJoint
	}
	return n
}

func pickIn(n int64) (choice int64, pick uint64, joint bool) {
	return n & 0xff, uint64(n) >> pickShift, n&pickJoint != 0
}

// pickFormat is the value of an aim that picks: "at 1.2s for 300ms replace 417", with "joint" behind it where that is offered.
type pickFormat struct {
	choices []string
	joint   bool
}

// Form implements sim.ValueFormat.
func (f pickFormat) Form() string {
	form := fmt.Sprintf("at 1.2s for 300ms %s 417 (%s; a pick below %d)", f.choices[0], strings.Join(f.choices, ", "), picksMax)
	if f.joint {
		form += ", with \"" + jointWord + "\" behind as needed"
	}
	return form
}

// Append implements sim.ValueFormat.
func (f pickFormat) Append(dst []byte, v sim.Value) []byte {
	if v.Calm() {
		return append(dst, calmWord...)
	}
	choice, pick, joint := pickIn(v.N)
	word := "unknown"
	if int(choice) < len(f.choices) {
		word = f.choices[choice]
	}
	dst = append(append(appendFor(appendAt(dst, v), v), ' '), word...)
	return appendJoint(strconv.AppendUint(append(dst, ' '), pick, 10), joint)
}

// Parse implements sim.ValueFormat.
func (f pickFormat) Parse(text string) (sim.Value, error) {
	if text == calmWord {
		return sim.Value{}, nil
	}
	p := phraseOf(text)
	v := sim.Value{At: p.at(), For: p.length()}
	choice, pick := p.choice(f.choices), p.number(picksMax-1)
	v.N = pickValue(choice, uint64(pick), f.joint && p.has(jointWord))
	return p.end(text, f, v)
}
