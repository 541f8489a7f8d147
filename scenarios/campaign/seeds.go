package campaign

import (
	"fmt"
	"math"
	"strings"

	"raftsim/scenarios"
)

// Range is seeds from First to Last, both included.
type Range struct{ First, Last uint64 }

// ParseRange reads one seed or two with '-' between them: "42", "1-200", "0x10-0x1f", a commit hash; "42-" is
// from 42 on.
func ParseRange(s string) (Range, error) {
	from, to, two := strings.Cut(s, "-")
	first, err := scenarios.ParseSeed(from)
	if err != nil {
		return Range{}, fmt.Errorf("seeds %q: want A-B, A- or one seed, decimal, 0x hexadecimal or a commit hash", s)
	}
	if !two {
		return Range{first, first}, nil
	}
	if to == "" {
		return Range{first, math.MaxUint64}, nil
	}
	last, err := scenarios.ParseSeed(to)
	if err != nil {
		return Range{}, fmt.Errorf("seeds %q: want A-B, A- or one seed, decimal, 0x hexadecimal or a commit hash", s)
	}
	if last < first {
		return Range{}, fmt.Errorf("seeds %q: the range ends before it begins", s)
	}
	return Range{first, last}, nil
}

// String returns what ParseRange reads.
func (r Range) String() string {
	if r.Last == math.MaxUint64 {
		return scenarios.FormatSeed(r.First) + "-"
	}
	if r.First == r.Last {
		return scenarios.FormatSeed(r.First)
	}
	return scenarios.FormatSeed(r.First) + "-" + scenarios.FormatSeed(r.Last)
}
