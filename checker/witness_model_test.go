package checker

import (
	"testing"

	"github.com/anishathalye/porcupine"
)

// A given order fits when the model takes it, when it keeps real time, and when nothing that completed is missing.
func TestModelWitness(t *testing.T) {
	counter := PorcupineModel("counter", porcupine.Model{
		Init: func() any { return 0 },
		Step: func(state, _, output any) (bool, any) {
			next := state.(int) + 1
			return output == nil || output == next, next
		},
	}).(Witness)
	history := []GenericOperation{
		{Client: 1, Seq: 1, Output: 1, Invoke: 1, Return: 4},
		{Client: 2, Seq: 1, Output: 2, Invoke: 2, Return: 5},
		{Client: 3, Seq: 1, Invoke: 3, Return: NoReturn},
		{Client: 1, Seq: 2, Output: 3, Invoke: 6, Return: 7},
	}
	for _, tc := range []struct {
		name  string
		order []int
		fits  bool
	}{
		{"as committed", []int{0, 1, 3}, true},
		{"with one of unknown outcome at the end", []int{0, 1, 3, 2}, true},
		{"an answer that does not fit", []int{1, 0, 3}, false},
		{"one of unknown outcome in between", []int{0, 1, 2, 3}, false},
		{"a completed one is missing", []int{0, 1}, false},
		{"twice the same", []int{0, 1, 1, 3}, false},
	} {
		if got := counter.Fits(history, tc.order); got != tc.fits {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
	// Two that do not overlap, in the wrong order, with answers that would allow it.
	late := []GenericOperation{{Client: 1, Seq: 1, Output: 2, Invoke: 1, Return: 2}, {Client: 2, Seq: 1, Output: 1, Invoke: 3, Return: 4}}
	if counter.Fits(late, []int{1, 0}) {
		t.Error("an order against real time fits")
	}
}
