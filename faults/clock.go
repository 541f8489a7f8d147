package faults

import (
	"strconv"
	"strings"
	"time"

	"raftsim/sim"
)

// Clocks. Local time never goes back and never stands still, whatever happens to it: a server may hold on to that. How far two
// clocks drift apart in a while is what lease reads depend on (thesis §6.4.1); nothing else in Raft depends on it but when
// elections happen (paper §5.6). So every clock may always be wrong by some parts per million, and steps and other rates are
// out of the contract of lease reads, and in that of everything else.

// PerMillion is what a rate is counted in: a clock of rate error ppm runs at (PerMillion + ppm) / PerMillion.
const PerMillion = 1_000_000

// Bounds of the error of a clock's rate, in parts per million: a tenth, and ten times, of true time.
const (
	slowestRate int64 = -900_000
	fastestRate int64 = 9 * PerMillion
)

// longestStep bounds how far a clock is set forward at once.
const longestStep = time.Hour

// BreaksClocks reports whether d takes a clock out of the bound of so many parts per million that lease reads rely on.
func BreaksClocks(d sim.Disturbance, bound int64) bool {
	switch d.Key.Purpose() {
	case PurposeClock:
		return d.Value.N > bound || d.Value.N < -bound
	case PurposeClockStep, PurposeClockRate:
		return !d.Value.Calm()
	}
	return false
}

// clock is what the engine knows about the clock of one server, in parts per million.
type clock struct {
	drift int64 // all through the run
	extra int64 // sum of the faults in effect
}

// rate returns the error of the rate: errors add up, as far as a clock can go.
func (c clock) rate() int64 { return min(max(c.drift+c.extra, slowestRate), fastestRate) }

// errorFormat is the value of the rate error of a clock: "200ppm".
type errorFormat struct{}

const errorUnit = "ppm"

// Form implements sim.ValueFormat.
func (errorFormat) Form() string { return "200ppm or -200ppm (-900000 to 9000000)" }

// Append implements sim.ValueFormat.
func (errorFormat) Append(dst []byte, v sim.Value) []byte {
	if v.Calm() {
		return append(dst, calmWord...)
	}
	return append(strconv.AppendInt(dst, v.N, 10), errorUnit...)
}

// Parse implements sim.ValueFormat.
func (f errorFormat) Parse(text string) (sim.Value, error) {
	if text == calmWord {
		return sim.Value{}, nil
	}
	p := phraseOf(text)
	number, unit := strings.CutSuffix(p.next(), errorUnit)
	n, err := strconv.ParseInt(number, 10, 64)
	p.bad = p.bad || !unit || err != nil || n == 0 || n < slowestRate || n > fastestRate
	return p.end(text, f, sim.Value{N: n})
}

// stepFormat is the value of a step: "at 1.2s by +200ms".
type stepFormat struct{}

// Form implements sim.ValueFormat.
func (stepFormat) Form() string { return "at 1.2s by +200ms (forward, at most 1h)" }

// Append implements sim.ValueFormat.
func (stepFormat) Append(dst []byte, v sim.Value) []byte {
	if v.Calm() {
		return append(dst, calmWord...)
	}
	return append(append(appendAt(dst, v), " by +"...), time.Duration(v.N).String()...)
}

// Parse implements sim.ValueFormat.
func (f stepFormat) Parse(text string) (sim.Value, error) {
	if text == calmWord {
		return sim.Value{}, nil
	}
	p := phraseOf(text)
	v := sim.Value{At: p.at()}
	p.want("by")
	size, forward := strings.CutPrefix(p.next(), "+")
	d, err := time.ParseDuration(size)
	p.bad = p.bad || !forward || err != nil || d <= 0 || d > longestStep
	v.N = int64(d)
	return p.end(text, f, v)
}

// rateFormat is the value of a rate: "at 1.2s for 300ms 2x". N is the error, in parts per million.
type rateFormat struct{}

const ratePlaces = 6

// Form implements sim.ValueFormat.
func (rateFormat) Form() string {
	return "at 1.2s for 300ms 2x (0.1x to 10x, but 1x, with up to six decimal places)"
}

// Append implements sim.ValueFormat.
func (rateFormat) Append(dst []byte, v sim.Value) []byte {
	if v.Calm() {
		return append(dst, calmWord...)
	}
	dst = append(appendFor(appendAt(dst, v), v), ' ')
	return append(appendRate(dst, v.N), 'x')
}

func appendRate(dst []byte, ppm int64) []byte {
	rate := uint64(max(PerMillion+min(max(ppm, slowestRate), fastestRate), 0))
	dst = strconv.AppendUint(dst, rate/PerMillion, 10)
	if rate %= PerMillion; rate > 0 {
		// A one before the places keeps their leading zeros.
		places := strconv.AppendUint(nil, PerMillion+rate, 10)[1:]
		dst = append(append(dst, '.'), strings.TrimRight(string(places), "0")...)
	}
	return dst
}

// Parse implements sim.ValueFormat.
func (f rateFormat) Parse(text string) (sim.Value, error) {
	if text == calmWord {
		return sim.Value{}, nil
	}
	p := phraseOf(text)
	v := sim.Value{At: p.at(), For: p.length()}
	number, times := strings.CutSuffix(p.next(), "x")
	whole, places, point := strings.Cut(number, ".")
	p.bad = p.bad || !times || point && places == "" || len(places) > ratePlaces
	if !p.bad {
		n, err := strconv.ParseUint(whole+places+strings.Repeat("0", ratePlaces-len(places)), 10, 40)
		v.N = int64(n) - PerMillion
		p.bad = err != nil || v.N == 0 || v.N < slowestRate || v.N > fastestRate
	}
	return p.end(text, f, v)
}
