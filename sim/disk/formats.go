package disk

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"raftsim/sim"
)

const calmWord = "calm"

// parse reads a text with a reader that may be lax: what does not print as it was written is refused.
func parse(text string, f sim.ValueFormat, read func(text string) (sim.Value, bool)) (sim.Value, error) {
	if text == calmWord {
		return sim.Value{}, nil
	}
	v, ok := read(text)
	if !ok || v.Calm() || string(f.Append(nil, v)) != text {
		return sim.Value{}, fmt.Errorf("value %q: want %s, or calm", text, f.Form())
	}
	return v, nil
}

func tornWords() familyWords {
	return familyWords{
		familyNone: "none", familyBytes: "bytes", familyAll: "all", familyFirst: "sectors", familyHole: "hole",
		familySurvivor: "survivor", familyMask: "mask", familyRandom: "random",
	}
}

// TornFormat is the text of Torn: which unsynced sectors survive, the size if it goes its own way, and what is where data beyond
// the old size was lost if not zeros.
//
//	all | bytes 250 | sectors 250 | hole 250 | survivor 250 | mask 2b | random 8f3a | none    (thousandths; masks and patterns in hex)
//	... [old|new] [garbage 5e | stale 5e]
type TornFormat struct{}

// Form implements sim.ValueFormat.
func (TornFormat) Form() string {
	return "all, bytes 250, sectors 250, hole 250, survivor 250 (thousandths, 1 to 999), mask 2b, random 8f3a or none, then old or new (size), then garbage 5e or stale 5e"
}

// Append implements sim.ValueFormat.
func (TornFormat) Append(dst []byte, v sim.Value) []byte {
	switch {
	case v.Calm():
		return append(dst, calmWord...)
	case !legalTorn(v):
		return append(dst, '?')
	}
	words := tornWords()
	dst = subset(v.N).append(dst, &words)
	r, _ := unpackResidue(v.At)
	switch r.size {
	case sizeOld:
		dst = append(dst, " old"...)
	case sizeNew:
		dst = append(dst, " new"...)
	}
	switch r.fill {
	case fillGarbage:
		dst = strconv.AppendUint(append(dst, " garbage "...), r.pattern, 16)
	case fillStale:
		dst = strconv.AppendUint(append(dst, " stale "...), r.pattern, 16)
	}
	return dst
}

// Parse implements sim.ValueFormat.
func (f TornFormat) Parse(text string) (sim.Value, error) {
	return parse(text, f, func(text string) (v sim.Value, ok bool) {
		words := tornWords()
		s, rest, ok := parseSubset(text, &words)
		if !ok {
			return v, false
		}
		var r residue
		word, rest, _ := strings.Cut(rest, " ")
		switch word {
		case "old":
			r.size = sizeOld
			word, rest, _ = strings.Cut(rest, " ")
		case "new":
			r.size = sizeNew
			word, rest, _ = strings.Cut(rest, " ")
		}
		switch word {
		case "":
			return sim.Value{N: int64(s), At: r.pack()}, true
		case "garbage":
			r.fill = fillGarbage
		case "stale":
			r.fill = fillStale
		default:
			return v, false
		}
		r.pattern, ok = parseHex(rest, 32)
		return sim.Value{N: int64(s), At: r.pack()}, ok
	})
}

func parseHex(s string, bits int) (uint64, bool) {
	n, err := strconv.ParseUint(s, 16, bits)
	return n, err == nil
}

func parseNumber(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

func namesWords() familyWords {
	words := tornWords()
	words[familyNone], words[familyBytes], words[familyFirst] = "", "", "first"
	return words
}

// NamesFormat is the text of Names: all | first 250 | hole 250 | survivor 250 | mask 2b | random 8f3a.
type NamesFormat struct{}

// Form implements sim.ValueFormat.
func (NamesFormat) Form() string {
	return "all, first 250, hole 250, survivor 250 (thousandths, 1 to 999), mask 2b or random 8f3a"
}

// Append implements sim.ValueFormat.
func (NamesFormat) Append(dst []byte, v sim.Value) []byte {
	words := namesWords()
	return appendSubset(dst, v, &words)
}

// Parse implements sim.ValueFormat.
func (f NamesFormat) Parse(text string) (sim.Value, error) {
	words := namesWords()
	return parse(text, f, func(text string) (sim.Value, bool) {
		s, rest, ok := parseSubset(text, &words)
		return sim.Value{N: int64(s)}, ok && rest == ""
	})
}

func appendSubset(dst []byte, v sim.Value, words *familyWords) []byte {
	switch {
	case v.Calm():
		return append(dst, calmWord...)
	case v.At != 0 || v.For != 0:
		return append(dst, '?')
	}
	return subset(v.N).append(dst, words)
}

func landedWords() familyWords { return familyWords{familyAll: "all", familyFirst: "first"} }

// LandedFormat is the text of Landed: all, or first 250 in thousandths of the syncs.
type LandedFormat struct{}

// Form implements sim.ValueFormat.
func (LandedFormat) Form() string { return "all or first 250 (thousandths, 1 to 999)" }

// Append implements sim.ValueFormat.
func (LandedFormat) Append(dst []byte, v sim.Value) []byte {
	words := landedWords()
	return appendSubset(dst, v, &words)
}

// Parse implements sim.ValueFormat.
func (f LandedFormat) Parse(text string) (sim.Value, error) {
	words := landedWords()
	return parse(text, f, func(text string) (sim.Value, bool) {
		s, rest, ok := parseSubset(text, &words)
		return sim.Value{N: int64(s)}, ok && rest == ""
	})
}

// SpaceFormat is the text of NoSpace: after 200 for 300ms, in bytes.
type SpaceFormat struct{}

// Form implements sim.ValueFormat.
func (SpaceFormat) Form() string { return "after 200 for 300ms (bytes)" }

// Append implements sim.ValueFormat.
func (SpaceFormat) Append(dst []byte, v sim.Value) []byte {
	switch {
	case v.Calm():
		return append(dst, calmWord...)
	case v.N < 0 || v.At != 0 || v.For <= 0:
		return append(dst, '?')
	}
	dst = strconv.AppendInt(append(dst, "after "...), v.N, 10)
	return append(append(dst, " for "...), time.Duration(v.For).String()...)
}

// Parse implements sim.ValueFormat.
func (f SpaceFormat) Parse(text string) (sim.Value, error) {
	return parse(text, f, func(text string) (v sim.Value, ok bool) {
		words := strings.Split(text, " ")
		if len(words) != 4 {
			return v, false
		}
		n, ok := parseNumber(words[1])
		length, err := time.ParseDuration(words[3])
		return sim.Value{N: n, For: int64(length)}, ok && err == nil
	})
}

// MisdirectedFormat is the text of Misdirected: 250 to 700, in thousandths of the sectors written and of those of the file.
type MisdirectedFormat struct{}

// Form implements sim.ValueFormat.
func (MisdirectedFormat) Form() string { return "250 to 700 (thousandths, 1 to 999)" }

// Append implements sim.ValueFormat.
func (MisdirectedFormat) Append(dst []byte, v sim.Value) []byte {
	from, to := v.N/1000, v.N%1000
	switch {
	case v.Calm():
		return append(dst, calmWord...)
	case v.At != 0 || v.For != 0 || from < 1 || from > 999 || to < 1:
		return append(dst, '?')
	}
	return strconv.AppendInt(append(strconv.AppendInt(dst, from, 10), " to "...), to, 10)
}

// Parse implements sim.ValueFormat.
func (f MisdirectedFormat) Parse(text string) (sim.Value, error) {
	return parse(text, f, func(text string) (sim.Value, bool) {
		first, second, _ := strings.Cut(text, " to ")
		from, ok1 := parseNumber(first)
		to, ok2 := parseNumber(second)
		return sim.Value{N: from*1000 + to}, ok1 && ok2
	})
}

// RotFormat is the text of Rot: 250 bits 1f, the place in thousandths of all durable bytes, the bits in hex, of up to 8 bytes from
// there, the lowest byte first.
type RotFormat struct{}

// Form implements sim.ValueFormat.
func (RotFormat) Form() string { return "250 bits 1f (thousandths, 1 to 999; hex)" }

// Append implements sim.ValueFormat.
func (RotFormat) Append(dst []byte, v sim.Value) []byte {
	switch {
	case v.Calm():
		return append(dst, calmWord...)
	case v.N < 1 || v.N > 999 || v.At == 0 || v.For != 0:
		return append(dst, '?')
	}
	return strconv.AppendUint(append(strconv.AppendInt(dst, v.N, 10), " bits "...), uint64(v.At), 16)
}

// Parse implements sim.ValueFormat.
func (f RotFormat) Parse(text string) (sim.Value, error) {
	return parse(text, f, func(text string) (sim.Value, bool) {
		first, second, _ := strings.Cut(text, " bits ")
		n, ok1 := parseNumber(first)
		bits, ok2 := parseHex(second, 64)
		return sim.Value{N: n, At: int64(bits)}, ok1 && ok2
	})
}

// numberFormat is the text of one number from 1 to a most.
type numberFormat struct {
	most int64
	form string
}

// Form implements sim.ValueFormat.
func (f numberFormat) Form() string { return f.form }

// Append implements sim.ValueFormat.
func (f numberFormat) Append(dst []byte, v sim.Value) []byte {
	switch {
	case v.Calm():
		return append(dst, calmWord...)
	case v.N < 1 || v.N > f.most || v.At != 0 || v.For != 0:
		return append(dst, '?')
	}
	return strconv.AppendInt(dst, v.N, 10)
}

// Parse implements sim.ValueFormat.
func (f numberFormat) Parse(text string) (sim.Value, error) {
	return parse(text, f, func(text string) (sim.Value, bool) {
		n, ok := parseNumber(text)
		return sim.Value{N: n}, ok
	})
}
