package faults

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"raftsim/sim"
)

// Side is a set of processes, as bits: i for server i (1 to 31), 32+i for client i (0 to 30). Processes beyond that are in
// no side. Bit 0 says that a split leaves the clients alone: they reach both sides.
type Side int64

// ClientsBoth is the side that holds nobody and lets the clients reach everybody.
const ClientsBoth Side = 1

const (
	firstClient = 1024 // the id of client 0, in the numbering of ARCHITECTURE.md
	serversMax  = 31
	clientsMax  = 30
	clientsBit  = 32
	clientsWord = "c-both"

	serverBits Side = (1<<serversMax - 1) << 1
	clientBits Side = (1<<(clientsMax+1) - 1) << clientsBit
)

// SideOf returns the side that holds the processes given, as far as they can be in a side.
func SideOf(ids ...sim.ProcID) (s Side) {
	for _, id := range ids {
		s |= bitOf(id)
	}
	return s
}

// Has reports whether id is in s.
func (s Side) Has(id sim.ProcID) bool { return s&bitOf(id) != 0 }

// Len returns how many processes are in s.
func (s Side) Len() int { return bits.OnesCount64(uint64(s &^ ClientsBoth)) }

// First returns the server with the lowest id in s, 0 if there is none.
func (s Side) First() sim.ProcID {
	if s &= serverBits; s != 0 {
		return sim.ProcID(bits.TrailingZeros64(uint64(s)))
	}
	return 0
}

func bitOf(id sim.ProcID) Side {
	switch {
	case id >= 1 && id <= serversMax:
		return 1 << id
	case id >= firstClient && id <= firstClient+clientsMax:
		return 1 << (clientsBit + id - firstClient)
	}
	return 0
}

// String renders s as ParseSide reads it: "n1,n3,c2", "n1,c-both", "none".
func (s Side) String() string { return string(s.append(nil)) }

// MarshalText implements encoding.TextMarshaler.
func (s Side) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Side) UnmarshalText(b []byte) (err error) {
	*s, err = ParseSide(string(b))
	return err
}

func (s Side) append(dst []byte) []byte {
	from := len(dst)
	for bit := 1; bit <= clientsBit+clientsMax; bit++ {
		if s>>bit&1 == 0 {
			continue
		}
		if len(dst) > from {
			dst = append(dst, ',')
		}
		if bit < clientsBit {
			dst = strconv.AppendInt(append(dst, 'n'), int64(bit), 10)
		} else {
			dst = strconv.AppendInt(append(dst, 'c'), int64(bit-clientsBit), 10)
		}
	}
	if s&ClientsBoth != 0 {
		if len(dst) > from {
			dst = append(dst, ',')
		}
		dst = append(dst, clientsWord...)
	}
	if len(dst) == from {
		dst = append(dst, "none"...)
	}
	return dst
}

// ParseSide reads what String writes.
func ParseSide(text string) (s Side, err error) {
	if text == "none" {
		return 0, nil
	}
	for _, word := range strings.Split(text, ",") {
		bit := ClientsBoth
		if word != clientsWord {
			bit = parseMember(word)
		}
		if bit == 0 || s&bit != 0 {
			return 0, fmt.Errorf("%q is no side: distinct names from n1 to n%d and c0 to c%d, or %s, with commas between", text, serversMax, clientsMax, clientsWord)
		}
		s |= bit
	}
	if s&ClientsBoth != 0 && s&clientBits != 0 {
		return 0, fmt.Errorf("%q is no side: %s says that clients are on both, so none is named", text, clientsWord)
	}
	return s, nil
}

// parseMember returns the bit of one name, 0 if it is none.
func parseMember(word string) Side {
	if word == "" {
		return 0
	}
	number, err := strconv.ParseUint(word[1:], 10, 5)
	switch {
	case err != nil:
	case word[0] == 'n':
		return bitOf(sim.ProcID(number))
	case word[0] == 'c':
		return bitOf(sim.ProcID(firstClient + number))
	}
	return 0
}

// sideFormat is the value of a timed disturbance of a side: "at 1s for 2s side n1,n3,c2".
type sideFormat struct{}

const sideWord = " side "

// Form implements sim.ValueFormat.
func (sideFormat) Form() string { return "at 1.2s for 300ms side n1,n3,c2" }

// Append implements sim.ValueFormat.
func (sideFormat) Append(dst []byte, v sim.Value) []byte {
	dst = sim.SpanFormat{}.Append(dst, v)
	if v.Calm() {
		return dst
	}
	return Side(v.N).append(append(dst, sideWord...))
}

// Parse implements sim.ValueFormat.
func (f sideFormat) Parse(text string) (sim.Value, error) {
	span, side, found := strings.Cut(text, sideWord)
	v, err := sim.SpanFormat{}.Parse(span)
	if err != nil || found == v.Calm() {
		return sim.Value{}, fmt.Errorf("value %q: want %s, or calm", text, f.Form())
	}
	if found {
		s, err := ParseSide(side)
		if err != nil {
			return sim.Value{}, err
		}
		v.N = int64(s)
	}
	return v, nil
}
