package sim

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ValueFormat prints and parses the value of a purpose. Parse(Append(v)) must give v back for every legal v; a calm value
// prints as "calm". Implementations are immutable values.
type ValueFormat interface {
	Append(dst []byte, v Value) []byte
	Parse(s string) (Value, error)
	Form() string // what a value looks like, for error messages and tables
}

const calmWord = "calm"

// FlagFormat is for purposes that happen or do not: "yes".
type FlagFormat struct{}

func (FlagFormat) Form() string { return "yes" }

// Append implements ValueFormat.
func (FlagFormat) Append(dst []byte, v Value) []byte {
	if v.Calm() {
		return append(dst, calmWord...)
	}
	return append(dst, "yes"...)
}

// Parse implements ValueFormat.
func (f FlagFormat) Parse(s string) (Value, error) {
	switch s {
	case calmWord:
		return Value{}, nil
	case "yes":
		return Value{N: 1}, nil
	}
	return Value{}, badValue(s, f)
}

// DelayFormat is for purposes that take time: "12ms".
type DelayFormat struct{}

func (DelayFormat) Form() string { return "a duration above 0, like 12ms" }

// Append implements ValueFormat.
func (DelayFormat) Append(dst []byte, v Value) []byte {
	if v.Calm() {
		return append(dst, calmWord...)
	}
	return append(dst, time.Duration(v.For).String()...)
}

// Parse implements ValueFormat.
func (f DelayFormat) Parse(s string) (Value, error) {
	if s == calmWord {
		return Value{}, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return Value{}, badValue(s, f)
	}
	return Value{For: int64(d)}, nil
}

// CountFormat is for purposes that choose a number: "17".
type CountFormat struct{}

func (CountFormat) Form() string { return "a number other than 0" }

// Append implements ValueFormat.
func (CountFormat) Append(dst []byte, v Value) []byte {
	if v.Calm() {
		return append(dst, calmWord...)
	}
	return strconv.AppendInt(dst, v.N, 10)
}

// Parse implements ValueFormat.
func (f CountFormat) Parse(s string) (Value, error) {
	if s == calmWord {
		return Value{}, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n == 0 {
		return Value{}, badValue(s, f)
	}
	return Value{N: n}, nil
}

// SpanFormat is for timed purposes: "at 1.2s for 300ms", with a word for N from Choices where there are any
// ("at 1.2s for 300ms inbound": N is the position in Choices), or a set of numbers below 63 where Set is true
// ("at 1s for 2s side 1,2,5": bit i of N).
type SpanFormat struct {
	Choices []string
	Set     string // the word before the set; "" for none
	NoTime  bool   // "for 300ms" only: the subject is a moment
}

// Form implements ValueFormat.
func (f SpanFormat) Form() string {
	s := "at 1.2s for 300ms"
	if f.NoTime {
		s = "for 300ms"
	}
	if len(f.Choices) > 0 {
		s += " " + strings.Join(f.Choices, "|")
	}
	if f.Set != "" {
		s += " " + f.Set + " 1,2"
	}
	return s
}

// Append implements ValueFormat.
func (f SpanFormat) Append(dst []byte, v Value) []byte {
	if v.Calm() {
		return append(dst, calmWord...)
	}
	if !f.NoTime {
		dst = append(append(append(dst, "at "...), Time(v.At).String()...), ' ')
	}
	dst = append(append(dst, "for "...), time.Duration(v.For).String()...)
	if len(f.Choices) > 0 {
		dst = append(append(dst, ' '), f.Choices[uint64(v.N)%uint64(len(f.Choices))]...)
	}
	if f.Set != "" {
		dst = append(append(append(dst, ' '), f.Set...), ' ')
		dst = appendSet(dst, v.N)
	}
	return dst
}

// Parse implements ValueFormat.
func (f SpanFormat) Parse(s string) (Value, error) {
	if s == calmWord {
		return Value{}, nil
	}
	var v Value
	words := strings.Fields(s)
	take := func(word string) (string, bool) {
		if len(words) < 2 || words[0] != word {
			return "", false
		}
		w := words[1]
		words = words[2:]
		return w, true
	}
	if !f.NoTime {
		w, ok := take("at")
		d, err := time.ParseDuration(w)
		if !ok || err != nil || d < 0 || Time(d) == Never {
			return v, badValue(s, f)
		}
		v.At = int64(d)
	}
	w, ok := take("for")
	d, err := time.ParseDuration(w)
	if !ok || err != nil || d <= 0 {
		return v, badValue(s, f)
	}
	v.For = int64(d)
	if len(f.Choices) > 0 {
		if len(words) == 0 {
			return v, badValue(s, f)
		}
		at := -1
		for i, c := range f.Choices {
			if c == words[0] {
				at = i
			}
		}
		if at < 0 {
			return v, badValue(s, f)
		}
		v.N, words = int64(at), words[1:]
	}
	if f.Set != "" {
		w, ok := take(f.Set)
		n, err := parseSet(w)
		if !ok || err != nil {
			return v, badValue(s, f)
		}
		v.N = n
	}
	if len(words) > 0 {
		return v, badValue(s, f)
	}
	return v, nil
}

func appendSet(dst []byte, set int64) []byte {
	first := true
	for i := 0; i < 63; i++ {
		if set>>i&1 == 1 {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = strconv.AppendInt(dst, int64(i), 10)
		}
	}
	if first {
		dst = append(dst, "none"...)
	}
	return dst
}

func parseSet(s string) (int64, error) {
	if s == "none" {
		return 0, nil
	}
	var set int64
	for _, w := range strings.Split(s, ",") {
		n, err := strconv.ParseUint(w, 10, 6)
		if err != nil || n >= 63 || set>>n&1 == 1 {
			return 0, fmt.Errorf("%q is no set of distinct numbers below 63", s)
		}
		set |= 1 << n
	}
	return set, nil
}

func badValue(s string, f ValueFormat) error {
	return fmt.Errorf("value %q: want %s, or calm", s, f.Form())
}
