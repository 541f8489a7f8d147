package statemachine_test

import (
	"slices"
	"testing"

	"raftsim/raft/statemachine"
)

// alarm notes what it is told: the times, and a 0 for each command.
type alarm struct{ heard []int64 }

func (a *alarm) Advance(now int64) { a.heard = append(a.heard, now) }

func (a *alarm) Apply(_ uint64, _, dst []byte) []byte {
	a.heard = append(a.heard, 0)
	return dst
}

func (a *alarm) Hash() uint64 { return 0 }

// A machine that is Timed hears of log time before the command that shows it, also from entries that give it no command, and never
// of a time that is not later.
func TestTimed(t *testing.T) {
	a := new(alarm)
	s := statemachine.NewSessions(a, 0)
	entry := func(kind statemachine.EnvelopeKind, seq uint64, stamp int64) []byte {
		e := statemachine.Envelope{Kind: kind, Client: 1, Seq: seq, Stamp: stamp}
		if kind == statemachine.EnvelopeCommand {
			e.Session, e.Prev, e.Ack = 1, seq-1, seq
		}
		return statemachine.AppendEnvelope(nil, &e)
	}
	for i, data := range [][]byte{
		entry(statemachine.EnvelopeOpen, 1, 5),
		entry(statemachine.EnvelopeCommand, 2, 7),
		entry(statemachine.EnvelopeCommand, 2, 9), // a repeat
		nil,
		entry(statemachine.EnvelopeCommand, 3, 8),
		entry(statemachine.EnvelopeCommand, 4, 10),
	} {
		s.Apply(uint64(i+1), data)
	}
	if want := []int64{5, 7, 0, 9, 0, 10, 0}; !slices.Equal(a.heard, want) {
		t.Errorf("heard %d, want %d", a.heard, want)
	}
	b := new(alarm)
	s.Reset(b)
	s.Apply(1, entry(statemachine.EnvelopeOpen, 1, 3))
	if !slices.Equal(b.heard, []int64{3}) {
		t.Errorf("after Reset: heard %d", b.heard)
	}
}
