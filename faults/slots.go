package faults

import (
	"fmt"
	"strconv"
	"strings"

	"raftsim/sim"
)

// Slots is a number of slots per subject and the chance that one holds a fault. Its text is "2 x 1/6", or "none".
type Slots struct {
	Count  uint32
	Chance sim.Ratio
}

// on reports whether a slot can hold a fault.
func (s Slots) on() bool { return s.Count > 0 && !s.Chance.Zero() }

func (s Slots) String() string {
	if s == (Slots{}) {
		return "none"
	}
	return strconv.FormatUint(uint64(s.Count), 10) + " x " + s.Chance.String()
}

// MarshalText implements encoding.TextMarshaler.
func (s Slots) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Slots) UnmarshalText(b []byte) error {
	if string(b) == "none" {
		*s = Slots{}
		return nil
	}
	count, chance, found := strings.Cut(string(b), " x ")
	n, err := strconv.ParseUint(count, 10, 32)
	if !found || err != nil || n > AimedOrdinal {
		return fmt.Errorf("faults: %q is no number of slots: write COUNT x CHANCE with COUNT up to %d, like 2 x 1/6, or none", b, AimedOrdinal)
	}
	r, err := sim.ParseRatio(chance)
	if err != nil {
		return err
	}
	*s = Slots{Count: uint32(n), Chance: r}
	return nil
}
