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
	slots := func(f family, name string, purposes ...sim.Purpose) {
		if c.Profile.has(f) {
			on := list{}
			on.addSlots(k, purposes...)
			parts = append(parts, name+on.String())
		}
	}
	slots(cuts, "partitions", PurposeIsolate, PurposeAimIsolate, PurposeSplit, PurposeCut)
	if c.Profile.has(crashes) {
		on := list{}
		on.add(purposeName(PurposeCrash), k.Crash, " a moment")
		on.add(purposeName(PurposePower), k.Power, " a moment")
		on.addSlots(k, PurposeCrashAt, PurposeAimCrash, PurposePowerAt, PurposeAimPower, PurposeBlackout)
		parts = append(parts, "crashes"+on.String())
		if c.CrashLoop {
			parts = append(parts, "a crash loop")
		}
	}
	slots(pauses, "pauses", PurposePause, PurposeAimPause, PurposeStall, PurposeAimStall)
	slots(damages, "damage of "+k.Damageable.String(), PurposeDamage, PurposeWipe)
	slots(memberships, "membership", PurposeMembers, PurposeAimMembers)
	slots(operations, "operations", PurposeTransfer, PurposeAimTransfer, PurposeSnapshot, PurposeAimSnapshot)
	if c.Profile != ProfileCalm {
		clocks := list{}
		clocks.addSlots(k, PurposeClockStep, PurposeClockRate)
		parts = append(parts, fmt.Sprintf("clocks within %dppm", k.ClockDrift))
		if len(clocks) > 0 {
			parts = append(parts, "clock faults"+clocks.String())
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
