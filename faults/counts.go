package faults

import "raftsim/sim"

// Counts says how often each fault took effect, aims under what they resolved to.
type Counts struct {
	of [purposesEnd - purposesBegin]uint64
}

// Of returns the count of p, 0 if p is none of this package's.
func (c *Counts) Of(p sim.Purpose) uint64 {
	if p < purposesBegin || p >= purposesEnd {
		return 0
	}
	return c.of[p-purposesBegin]
}

// Total returns the sum over all purposes.
func (c *Counts) Total() (sum uint64) {
	for _, n := range c.of {
		sum += n
	}
	return sum
}

// Add adds the counts of other.
func (c *Counts) Add(other Counts) {
	for i, n := range other.of {
		c.of[i] += n
	}
}

func (c *Counts) add(p sim.Purpose) { c.of[p-purposesBegin]++ }
