package faults

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"raftsim/sim"
)

const calmWord = "calm"

// phrase reads the words of a value from left to right. After a word that does not fit it is bad, and stays so.
type phrase struct {
	words []string
	bad   bool
}

func phraseOf(text string) *phrase { return &phrase{words: strings.Fields(text)} }

// next returns the next word.
func (p *phrase) next() string {
	if len(p.words) == 0 {
		p.bad = true
		return ""
	}
	w := p.words[0]
	p.words = p.words[1:]
	return w
}

// has reports whether the next word is the one given, and takes it if so.
func (p *phrase) has(word string) bool {
	if len(p.words) == 0 || p.words[0] != word {
		return false
	}
	p.words = p.words[1:]
	return true
}

func (p *phrase) want(word string) { p.bad = !p.has(word) || p.bad }

// at reads "at 1.2s".
func (p *phrase) at() int64 {
	p.want("at")
	d, err := time.ParseDuration(p.next())
	p.bad = p.bad || err != nil || d < 0 || sim.Time(d) == sim.Never
	return int64(d)
}

// length reads "for 300ms".
func (p *phrase) length() int64 {
	p.want("for")
	d, err := time.ParseDuration(p.next())
	p.bad = p.bad || err != nil || d <= 0
	return int64(d)
}

// choice reads one of words and returns its position.
func (p *phrase) choice(words []string) int64 {
	w := p.next()
	for i, word := range words {
		if word == w {
			return int64(i)
		}
	}
	p.bad = true
	return 0
}

// number reads a decimal number up to most.
func (p *phrase) number(most uint64) int64 {
	n, err := strconv.ParseUint(p.next(), 10, 64)
	p.bad = p.bad || err != nil || n > most
	return int64(n)
}

// servers reads a set of servers, at least one.
func (p *phrase) servers() Side {
	s, err := ParseSide(p.next())
	p.bad = p.bad || err != nil || s == 0 || s&^serverBits != 0
	return s
}

// end returns what was read, or says what f would have had.
func (p *phrase) end(text string, f sim.ValueFormat, v sim.Value) (sim.Value, error) {
	if p.bad || len(p.words) > 0 {
		return sim.Value{}, fmt.Errorf("value %q: want %s, or calm", text, f.Form())
	}
	return v, nil
}

func appendAt(dst []byte, v sim.Value) []byte {
	return append(append(dst, "at "...), sim.Time(v.At).String()...)
}

func appendFor(dst []byte, v sim.Value) []byte {
	return append(append(dst, " for "...), time.Duration(v.For).String()...)
}

// instantFormat is the value of what happens at a time: "at 1.2s". N is 1.
type instantFormat struct{}

// Form implements sim.ValueFormat.
func (instantFormat) Form() string { return "at 1.2s" }

// Append implements sim.ValueFormat.
func (instantFormat) Append(dst []byte, v sim.Value) []byte {
	if v.Calm() {
		return append(dst, calmWord...)
	}
	return appendAt(dst, v)
}

// Parse implements sim.ValueFormat.
func (f instantFormat) Parse(text string) (sim.Value, error) {
	if text == calmWord {
		return sim.Value{}, nil
	}
	p := phraseOf(text)
	return p.end(text, f, sim.Value{At: p.at(), N: 1})
}
