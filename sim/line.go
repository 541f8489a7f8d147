package sim

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// AppendLine appends the canonical line of d, without a newline:
//
//	NAME [A[>B]] [KIND] [tEPOCH] [#ORDINAL] [~ALIAS] = VALUE
//
// It panics if the vocabulary does not know the purpose, which then was never asked through it.
func (v *Vocabulary) AppendLine(dst []byte, d Disturbance) []byte {
	dst = v.AppendKey(dst, d.Key)
	if d.Alias != 0 {
		dst = strconv.AppendUint(append(dst, " ~"...), d.Alias, 16)
	}
	dst = append(dst, " = "...)
	return v.spec(d.Key).Value.Append(dst, d.Value)
}

// AppendKey appends the part of the line that names the subject.
func (v *Vocabulary) AppendKey(dst []byte, k Key) []byte {
	s, spec := k.Subject(), v.spec(k)
	dst = append(dst, spec.Name...)
	if spec.Fields&FieldA != 0 {
		dst = v.AppendProc(append(dst, ' '), s.A)
	}
	if spec.Fields&FieldB != 0 {
		dst = v.AppendProc(append(dst, '>'), s.B)
	}
	if spec.Fields&FieldKind != 0 {
		dst = append(dst, ' ')
		if int(s.Kind) < len(spec.Kinds) {
			dst = append(dst, spec.Kinds[s.Kind]...)
		} else {
			dst = strconv.AppendUint(append(dst, "kind-"...), uint64(s.Kind), 10)
		}
	}
	if spec.Fields&FieldEpoch != 0 {
		dst = appendEpoch(append(dst, " t"...), s.Epoch)
	}
	if spec.Fields&FieldOrdinal != 0 {
		dst = strconv.AppendUint(append(dst, " #"...), uint64(s.Ordinal), 10)
	}
	return dst
}

// Line returns the canonical line of d.
func (v *Vocabulary) Line(d Disturbance) string { return string(v.AppendLine(nil, d)) }

func (v *Vocabulary) spec(k Key) *Spec {
	s := v.specs[k.Purpose()]
	if s == nil {
		panic(fmt.Sprintf("sim: purpose %d is not in the vocabulary", k.Purpose()))
	}
	return s
}

// ParseLine reads one line as AppendLine writes it. Words after "//" are a comment; a line without anything else gives
// ErrNoDisturbance. The reading is strict: every field the purpose uses must be there, in order, and none besides.
func (v *Vocabulary) ParseLine(line string) (Disturbance, error) {
	line, _, _ = strings.Cut(line, "//")
	if line = strings.TrimSpace(line); line == "" {
		return Disturbance{}, ErrNoDisturbance
	}
	subject, value, ok := strings.Cut(line, " = ")
	if !ok {
		return Disturbance{}, errors.New("a disturbance reads SUBJECT = VALUE, like: late n1>n2 app t3 #4 = 12ms")
	}
	words := strings.Fields(subject)
	spec := v.byName[words[0]]
	if spec == nil {
		return Disturbance{}, fmt.Errorf("unknown purpose %q%s", words[0], v.suggest(words[0]))
	}
	s, alias, err := v.parseSubject(spec, words[1:])
	if err != nil {
		return Disturbance{}, fmt.Errorf("%s: %w", spec.Name, err)
	}
	val, err := spec.Value.Parse(strings.TrimSpace(value))
	if err != nil {
		return Disturbance{}, fmt.Errorf("%s: %w", spec.Name, err)
	}
	return Disturbance{Key: MakeKey(spec.Purpose, s), Value: val, Alias: alias}, nil
}

// CheckKey reports whether the vocabulary knows the purpose of k, and prints all that k names: two keys with one line would be
// one after a replay.
func (v *Vocabulary) CheckKey(k Key) error {
	spec := v.specs[k.Purpose()]
	if spec == nil {
		return fmt.Errorf("purpose %d is not in the vocabulary", k.Purpose())
	}
	s, f := k.Subject(), spec.Fields
	if s.A != 0 && f&FieldA == 0 || s.B != 0 && f&FieldB == 0 || s.Kind != 0 && f&FieldKind == 0 ||
		s.Epoch != 0 && f&FieldEpoch == 0 || s.Ordinal != 0 && f&FieldOrdinal == 0 {
		return fmt.Errorf("%s: the purpose does not use every part of %+v", v.AppendKey(nil, k), s)
	}
	return nil
}

// CheckValue reports whether the value of d is one its purpose can have: what prints must parse back to the same.
func (v *Vocabulary) CheckValue(d Disturbance) error {
	f := v.spec(d.Key).Value
	text := string(f.Append(nil, d.Value))
	if back, err := f.Parse(text); err != nil || back != d.Value {
		return fmt.Errorf("%s: value %+v is not %s", v.AppendKey(nil, d.Key), d.Value, f.Form())
	}
	return nil
}

// ErrNoDisturbance is what ParseLine returns for a blank line or one with a comment only.
var ErrNoDisturbance = errors.New("no disturbance on this line")

func (v *Vocabulary) parseSubject(spec *Spec, words []string) (s Subject, alias uint64, err error) {
	next := func() string {
		if len(words) == 0 {
			return ""
		}
		w := words[0]
		words = words[1:]
		return w
	}
	if spec.Fields&FieldA != 0 {
		a, b, two := strings.Cut(next(), ">")
		if two != (spec.Fields&FieldB != 0) {
			return s, 0, fmt.Errorf("wants %s first", procForm(spec))
		}
		if s.A, err = v.ParseProc(a); err != nil {
			return s, 0, err
		}
		if two {
			if s.B, err = v.ParseProc(b); err != nil {
				return s, 0, err
			}
		}
	}
	if spec.Fields&FieldKind != 0 {
		if s.Kind, err = spec.parseKind(next()); err != nil {
			return s, 0, err
		}
	}
	if spec.Fields&FieldEpoch != 0 {
		if s.Epoch, err = parseEpoch(next()); err != nil {
			return s, 0, fmt.Errorf("epoch: %w", err)
		}
	}
	if spec.Fields&FieldOrdinal != 0 {
		n, err := prefixedNumber(next(), "#", 10, 24)
		if err != nil {
			return s, 0, fmt.Errorf("ordinal: %w", err)
		}
		s.Ordinal = uint32(n)
	}
	if len(words) > 0 && strings.HasPrefix(words[0], "~") {
		if alias, err = prefixedNumber(next(), "~", 16, 64); err != nil {
			return s, 0, fmt.Errorf("alias: %w", err)
		}
	}
	if len(words) > 0 {
		return s, 0, fmt.Errorf("unexpected %q", words[0])
	}
	return s, alias, nil
}

func procForm(spec *Spec) string {
	if spec.Fields&FieldB != 0 {
		return "two processes, like n1>n2,"
	}
	return "one process, like n1,"
}

func (s *Spec) parseKind(word string) (uint8, error) {
	for i, k := range s.Kinds {
		if k == word {
			return uint8(i), nil
		}
	}
	if rest, ok := strings.CutPrefix(word, "kind-"); ok && isNumber(rest) {
		if n, err := strconv.ParseUint(rest, 10, 8); err == nil && int(n) >= len(s.Kinds) {
			return uint8(n), nil
		}
	}
	return 0, fmt.Errorf("unknown kind %q: one of %s", word, strings.Join(s.Kinds, ", "))
}

// PairedEpoch packs two numbers into an epoch, printed as "t3.17": traffic of client 3 about its operation 17 is apart from
// that of any other client. It panics if b has more than 40 bits or a more than 24.
func PairedEpoch(a, b uint64) uint64 {
	if a >= 1<<24 || b >= 1<<pairedBits {
		panic(fmt.Sprintf("sim: epoch %d.%d does not fit (24 and %d bits)", a, b, pairedBits))
	}
	return a<<pairedBits | b
}

const pairedBits = 40

func appendEpoch(dst []byte, e uint64) []byte {
	if a := e >> pairedBits; a != 0 {
		dst = append(strconv.AppendUint(dst, a, 10), '.')
	}
	return strconv.AppendUint(dst, e&(1<<pairedBits-1), 10)
}

func parseEpoch(word string) (uint64, error) {
	a, b, paired := strings.Cut(word, ".")
	if !paired {
		return prefixedNumber(word, "t", 10, pairedBits)
	}
	high, err := prefixedNumber(a, "t", 10, 24)
	if err != nil {
		return 0, err
	}
	low, err := prefixedNumber(b, "", 10, pairedBits)
	if err != nil || high == 0 {
		return 0, fmt.Errorf("want tNUMBER or tNUMBER.NUMBER, found %q", word)
	}
	return high<<pairedBits | low, nil
}

func prefixedNumber(word, prefix string, base, bits int) (uint64, error) {
	rest, ok := strings.CutPrefix(word, prefix)
	if !ok {
		return 0, fmt.Errorf("want %sNUMBER, found %q", prefix, word)
	}
	n, err := strconv.ParseUint(rest, base, bits)
	if err != nil {
		return 0, fmt.Errorf("want %sNUMBER of at most %d bits, found %q", prefix, bits, word)
	}
	return n, nil
}

// suggest returns " (did you mean X?)" for the nearest purpose, or the list of all.
func (v *Vocabulary) suggest(word string) string {
	names := make([]string, len(v.order))
	for i, s := range v.order {
		names[i] = s.Name
	}
	if near := Nearest(word, names); near != "" {
		return fmt.Sprintf(": did you mean %q?", near)
	}
	return ": known are " + strings.Join(names, ", ")
}

// Nearest returns the candidate with the smallest edit distance to word, if it is at most a third of the word's length
// plus one; else "". Ties go to the first. It costs O(len(word) x total length of the candidates).
func Nearest(word string, candidates []string) string {
	best, bestDistance := "", len(word)/3+2
	for _, c := range candidates {
		if d := editDistance(word, c); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost = 1 + min(diagonal, row[j], row[j-1])
			}
			diagonal, row[j] = row[j], cost
		}
	}
	return row[len(b)]
}
