package checker

import (
	"fmt"
	"strings"
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

// The first operation of an order that does not fit is named, with what makes it so.
func TestModelMisfit(t *testing.T) {
	type op struct {
		key    string
		output int
	}
	// A counter per key; an operation asks for one more.
	model := PorcupineModel("counters", porcupine.Model{
		Partition: func(ops []porcupine.Operation) [][]porcupine.Operation {
			var a, b []porcupine.Operation
			for _, o := range ops {
				if o.Input == "a" {
					a = append(a, o)
				} else {
					b = append(b, o)
				}
			}
			return [][]porcupine.Operation{b, a}
		},
		Init: func() any { return 0 },
		Step: func(state, _, output any) (bool, any) {
			next := state.(int) + 1
			return output == nil || output == next, next
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%v to %v", input, output) },
		DescribeState:     func(state any) string { return fmt.Sprint("at ", state) },
	}).(Explainer)
	overlapping := func(ops ...op) (history []GenericOperation) {
		for i, o := range ops {
			g := GenericOperation{Client: uint64(i), Seq: 1, Input: o.key, Invoke: uint64(i + 1), Return: 100}
			if o.output != 0 {
				g.Output = o.output
			} else {
				g.Return = NoReturn
			}
			history = append(history, g)
		}
		return history
	}
	good := overlapping(op{"a", 1}, op{"b", 1}, op{"a", 2}, op{"b", 2})
	late := overlapping(op{"a", 1}, op{"a", 2})
	late[0].Return, late[1].Invoke = 2, 3
	heard := overlapping(op{"a", 0}, op{"a", 2})
	heard[0].Output, heard[0].Return = 5, 100 // nobody heard it, but it is known: the machine is wrong there already
	for _, tc := range []struct {
		name    string
		history []GenericOperation
		order   []int
		want    *Misfit
	}{
		{"all fit", good, []int{0, 1, 2, 3}, nil},
		{"the first of two partitions' by the order", overlapping(op{"a", 1}, op{"a", 3}, op{"b", 7}), []int{0, 1, 2},
			&Misfit{Kind: MisfitAnswer, At: 1, Behind: 1, Answer: "a to 3", State: "at 1"}},
		{"behind one that is not known", overlapping(op{"b", 0}, op{"a", 1}, op{"a", 0}, op{"a", 7}), []int{0, 1, 2, 3},
			&Misfit{Kind: MisfitAnswer, At: 3, Behind: 3, Unknown: true, Answer: "a to 7", State: "at 2"}},
		{"behind one of another partition that is not known", overlapping(op{"b", 0}, op{"a", 1}, op{"a", 7}), []int{0, 1, 2},
			&Misfit{Kind: MisfitAnswer, At: 2, Behind: 2, Answer: "a to 7", State: "at 1"}},
		{"one that nobody heard", heard, []int{0, 1}, &Misfit{Kind: MisfitAnswer, At: 0, Answer: "a to 5", State: "at 0"}},
		{"against real time", late, []int{1, 0}, &Misfit{Kind: MisfitAnswer, At: 1, Answer: "a to 2", State: "at 0"}},
		{"against real time, with answers that fit", []GenericOperation{
			{Input: "a", Output: 2, Invoke: 1, Return: 2}, {Input: "a", Output: 1, Invoke: 3, Return: 4},
		}, []int{1, 0}, &Misfit{Kind: MisfitTime, At: 0, Other: 1, Behind: 1}},
		{"twice", good, []int{0, 1, 0, 2}, &Misfit{Kind: MisfitRepeated, At: 0, Behind: 2}},
		{"missing", good, []int{0, 1, 2}, &Misfit{Kind: MisfitMissing, At: 3, Behind: 3}},
	} {
		got, found, err := model.Misfit(tc.history, tc.order)
		if err != nil || found != (tc.want != nil) || found && got != *tc.want {
			t.Errorf("%s: %+v, %v, %v; want %+v", tc.name, got, found, err, tc.want)
		}
		if fits := model.Fits(tc.history, tc.order); fits == found {
			t.Errorf("%s: fits %v", tc.name, fits)
		}
	}
	broken := PorcupineModel("broken", porcupine.Model{Init: func() any { return 0 }, Step: func(_, _, _ any) (bool, any) { panic("lost") }}).(Explainer)
	if _, found, err := broken.Misfit(good, []int{0}); found || err == nil || !strings.Contains(err.Error(), "panicked: lost") {
		t.Errorf("a model that panics: %v, %v", found, err)
	}
}
