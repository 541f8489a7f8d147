package faults

import (
	"fmt"
	"strings"

	"raftsim/sim"
)

// Describe returns one line: what is on and how often, what is off.
func (c Choice) Describe() string {
	m, k := &c.Messages, &c.Knobs
	order := ""
	if m.FIFO {
		order = " in order"
	}
	if c.Faultless {
		return fmt.Sprintf("swarm %s: no faults, messages%s", c.Profile, orElse(order, " in any order"))
	}
	density := "dense"
	if m.Sparse {
		density = "sparse"
	}
	parts := []string{fmt.Sprintf("swarm %s: fault events %d", c.Profile, c.Events)}
	messages := list{}
	messages.add("lost", m.Lost, "")
	messages.add("doubled", m.Doubled, fmt.Sprintf(" %s %v", m.DoubledShape, m.DoubledMean))
	messages.add("late", m.Late, fmt.Sprintf(" %s %v", m.LateShape, m.LateMean))
	parts = append(parts, "messages "+density+order+messages.String())
	if c.Profile.partitions() {
		cuts := list{}
		cuts.addSlots(k, PurposeIsolate, PurposeAimIsolate, PurposeSplit, PurposeCut)
		parts = append(parts, "partitions"+cuts.String())
	}
	if c.Profile.crashes() {
		crashes := list{}
		crashes.add(purposeName(PurposeCrash), k.Crash, " a moment")
		crashes.add(purposeName(PurposePower), k.Power, " a moment")
		crashes.addSlots(k, PurposeCrashAt, PurposeAimCrash, PurposePowerAt, PurposeAimPower, PurposeBlackout)
		parts = append(parts, "crashes"+crashes.String())
		if c.CrashLoop {
			parts = append(parts, "a crash loop")
		}
	}
	return strings.Join(parts, "; ")
}

// list is what of a family is on.
type list []string

func (l *list) add(name string, chance sim.Ratio, more string) {
	if !chance.Zero() {
		*l = append(*l, name+" "+chance.String()+more)
	}
}

func (l *list) addSlots(k *Knobs, purposes ...sim.Purpose) {
	for _, p := range purposes {
		if s := k.slots(p); s.Count > 0 {
			*l = append(*l, purposeName(p)+" "+s.String())
		}
	}
}

func (l list) String() string {
	if len(l) == 0 {
		return " off"
	}
	return " on (" + strings.Join(l, ", ") + ")"
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}
