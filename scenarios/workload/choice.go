package workload

import (
	"fmt"
	"strings"
	"time"

	"raftsim/sim"
)

// PurposeOperation is the fate of operation k of a client: which one, and after how long a pause.
const PurposeOperation sim.Purpose = 80

// Specs declares the purposes of this room for an application.
func Specs(app Application) []sim.Spec {
	return []sim.Spec{{
		Purpose: PurposeOperation, Name: "op", Doc: "a client chooses its next operation",
		Fields: sim.FieldA | sim.FieldEpoch, Value: choiceFormat{app},
	}}
}

// choiceFormat prints a choice with the pause before it: "put k1 after 12ms". The pause may be 0.
type choiceFormat struct{ app Application }

func (choiceFormat) Form() string { return "an operation and a pause, like: put k1 after 12ms" }

func (f choiceFormat) Append(dst []byte, v sim.Value) []byte {
	if v.Calm() {
		return append(dst, "calm"...)
	}
	dst = append(f.app.AppendChoice(dst, v.N), " after "...)
	return append(dst, time.Duration(v.For).String()...)
}

func (f choiceFormat) Parse(s string) (sim.Value, error) {
	if s == "calm" {
		return sim.Value{}, nil
	}
	choice, pause, ok := strings.Cut(s, " after ")
	d, err := time.ParseDuration(pause)
	if !ok || err != nil || d < 0 {
		return sim.Value{}, fmt.Errorf("value %q: want %s, or calm", s, f.Form())
	}
	n, err := f.app.ParseChoice(choice)
	if err != nil {
		return sim.Value{}, err
	}
	if n <= 0 {
		return sim.Value{}, fmt.Errorf("value %q: choices are positive", s)
	}
	return sim.Value{N: n, For: int64(d)}, nil
}
