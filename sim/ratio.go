package sim

import (
	"fmt"
	"strconv"
	"strings"
)

// Ratio is a probability Num/Den in integers. The zero value is 0. It marshals as text: "1/20", "0", "1".
type Ratio struct{ Num, Den uint64 }

// maxRatioPart bounds both parts, so that products of ratios with durations do not overflow.
const maxRatioPart = 1 << 32

func (r Ratio) denominator() uint64 {
	if r.Den == 0 {
		return 1
	}
	return r.Den
}

// Zero reports whether r is 0.
func (r Ratio) Zero() bool { return r.Num == 0 }

// String renders r as ParseRatio reads it.
func (r Ratio) String() string {
	switch {
	case r.Num == 0:
		return "0"
	case r.Num == r.denominator():
		return "1"
	}
	return strconv.FormatUint(r.Num, 10) + "/" + strconv.FormatUint(r.denominator(), 10)
}

// ParseRatio reads "1/20", "0" or "1". A ratio lies in [0, 1].
func ParseRatio(s string) (Ratio, error) {
	bad := func() (Ratio, error) {
		return Ratio{}, fmt.Errorf("%q is no ratio: write it as 0, 1 or NUM/DEN with NUM <= DEN, like 1/20", s)
	}
	num, den, fraction := strings.Cut(s, "/")
	n, err := strconv.ParseUint(num, 10, 64)
	if err != nil || n > maxRatioPart {
		return bad()
	}
	d := uint64(1)
	if fraction {
		if d, err = strconv.ParseUint(den, 10, 64); err != nil || d == 0 || d > maxRatioPart {
			return bad()
		}
	}
	if n > d {
		return bad()
	}
	if n == 0 {
		return Ratio{}, nil
	}
	return Ratio{Num: n, Den: d}, nil
}

// MarshalText implements encoding.TextMarshaler.
func (r Ratio) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Ratio) UnmarshalText(b []byte) (err error) {
	*r, err = ParseRatio(string(b))
	return err
}
