package checker

import (
	"context"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"
)

// counter is a state machine of a user's own: add answers the sum so far.
func counter() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return 0 },
		Step: func(state, input, output any) (bool, any) {
			sum := state.(int) + input.(int)
			return output == nil || output.(int) == sum, sum
		},
	}
}

func TestModelOfAUser(t *testing.T) {
	model := PorcupineModel("counter", counter())
	if model.Name() != "counter" {
		t.Error(model.Name())
	}
	for _, tc := range []struct {
		name    string
		history []GenericOperation
		want    Verdict
	}{
		{"legal", []GenericOperation{{Input: 1, Output: 3, Invoke: 1, Return: 5}, {Input: 2, Output: 2, Invoke: 2, Return: 4}}, Linearizable},
		{"an answer ends before a request of the same time begins", []GenericOperation{{Input: 1, Output: 3, Invoke: 1, Return: 2}, {Input: 2, Output: 2, Invoke: 2, Return: 4}}, NotLinearizable},
		{"at once", []GenericOperation{{Input: 1, Output: 1, Invoke: 1, Return: 1}, {Input: 2, Output: 3, Invoke: 1, Return: 1}}, Linearizable},
		{"unknown, happened", []GenericOperation{{Input: 1, Invoke: 1, Return: NoReturn}, {Input: 2, Output: 3, Invoke: 2, Return: 4}}, Linearizable},
		{"unknown, did not", []GenericOperation{{Input: 1, Invoke: 1, Return: NoReturn}, {Input: 2, Output: 2, Invoke: 2, Return: 4}}, Linearizable},
		{"illegal", []GenericOperation{{Input: 1, Invoke: 1, Return: NoReturn}, {Input: 2, Output: 4, Invoke: 2, Return: 4}}, NotLinearizable},
	} {
		if r := model.Check(tc.history, 1000); r.Verdict != tc.want || r.Err != nil {
			t.Errorf("%s: %+v, want %v", tc.name, r, tc.want)
		}
	}
	if r := model.Check([]GenericOperation{{Input: 1, Output: 1, Invoke: 1, Return: 2}, {Input: 2, Output: 3, Invoke: 3, Return: 4}}, 1); r.Verdict != Inconclusive || r.Steps != 1 {
		t.Errorf("past its budget: %+v", r)
	}
}

func TestModelPartitions(t *testing.T) {
	model := counter()
	model.Partition = func(history []porcupine.Operation) [][]porcupine.Operation {
		return [][]porcupine.Operation{history[:1], history[1:]}
	}
	ops := []porcupine.Operation{{Input: 1, Output: 1, Call: 1, Return: 2}, {Input: 1, Output: 1, Call: 3, Return: 4}}
	if r := CheckModel(model, ops, 100); r.Verdict != Linearizable || r.Partitions != 2 || r.Steps != 2 || r.Illegal != -1 {
		t.Errorf("%+v", r)
	}
	ops[1].Output = 5
	if r := CheckModel(model, ops, 100); r.Verdict != NotLinearizable || r.Illegal != 1 {
		t.Errorf("%+v", r)
	}
}

// A model that panics is the user's error, and never ends the process: Porcupine runs it on a goroutine nobody here owns.
func TestModelThatFails(t *testing.T) {
	ops := []porcupine.Operation{ // the third is refused, so the first two are tried in both orders and their states compared
		{Input: true, Call: 1, Return: 4}, {Input: true, Call: 2, Return: 3}, {Input: false, Call: 5, Return: 6},
	}
	sound := porcupine.Model{
		Init: func() any { return 0 },
		Step: func(state, input, _ any) (bool, any) { return input.(bool), state },
	}
	if r := CheckModel(sound, ops, 100); r.Verdict != NotLinearizable || r.Err != nil {
		t.Fatalf("the model to spoil: %+v", r)
	}
	for name, spoil := range map[string]func(m *porcupine.Model){
		"step": func(m *porcupine.Model) { m.Step = func(_, _, _ any) (bool, any) { panic("bad model") } },
		"init": func(m *porcupine.Model) { m.Init = func() any { panic("bad model") } },
		"partition": func(m *porcupine.Model) {
			m.Partition = func([]porcupine.Operation) [][]porcupine.Operation { panic("bad model") }
		},
		"equal":  func(m *porcupine.Model) { m.Equal = func(_, _ any) bool { panic("bad model") } },
		"states": func(m *porcupine.Model) { m.Init = func() any { return []int(nil) } },
		"hash":   func(m *porcupine.Model) { m.Hash = func(any) uint64 { panic("bad model") } },
	} {
		model := sound
		spoil(&model)
		r := CheckModel(model, ops, 100)
		if r.Err == nil || !strings.Contains(r.Err.Error(), "the model panicked") || r.Verdict != Inconclusive {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := CheckModel(porcupine.Model{}, ops, 100); r.Err == nil {
		t.Error("an empty model")
	}
	if r := CheckModel(counter(), []porcupine.Operation{{Call: 2, Return: 1}}, 100); r.Err == nil {
		t.Error("a return before its call")
	}
}

func TestModelWithContext(t *testing.T) {
	model, plain := counter(), counter()
	model.Step = nil
	model.StepContext = func(ctx context.Context, state, input, output any) (bool, any) {
		if ctx.Err() != nil {
			return false, state
		}
		return plain.Step(state, input, output)
	}
	ops := []porcupine.Operation{{Input: 1, Output: 1, Call: 1, Return: 2}, {Input: 1, Output: 2, Call: 3, Return: 4}}
	if r := CheckModel(model, ops, 2); r.Verdict != Linearizable || r.Steps != 2 {
		t.Errorf("%+v", r)
	}
	if r := CheckModel(model, ops, 1); r.Verdict != Inconclusive {
		t.Errorf("%+v", r)
	}
}
