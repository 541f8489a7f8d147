package checker

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// Misfit is the first operation at which an order does not explain a history.
type Misfit struct {
	Kind MisfitKind
	At   int // position of the operation in the history, -1 if the model's partitions do not tell
	// Other is, for MisfitTime, the position of an operation that was invoked after the one at At had returned and comes before it.
	Other int
	// Behind is how many operations of the order come before it.
	Behind int
	// Unknown says that the model has stepped over an operation that never returned before, in the same partition: a model that
	// decides by the output what an operation did may be in another state than the machine was.
	Unknown bool
	// Answer is the operation in the model's words and State the model's state before it, "" where the model has none.
	Answer, State string
}

// MisfitKind says in which way.
type MisfitKind uint8

const (
	// MisfitAnswer: the model does not take the step. For a machine that is the model, and that executed the operations in this order,
	// this cannot be.
	MisfitAnswer MisfitKind = iota
	// MisfitTime: the order is against real time.
	MisfitTime
	// MisfitRepeated: the order has the operation twice.
	MisfitRepeated
	// MisfitMissing: the operation is completed, and not in the order.
	MisfitMissing
)

// Explainer is a Witness that also says where an order stops fitting.
type Explainer interface {
	Witness
	// Misfit looks for the first operation, in this order of positions, that does not fit; ok is false if all do. An operation whose
	// answer nobody heard, but is known, is best given with it and a Return after all others. A panic of the model is an error, and so is
	// a model that cannot be stepped.
	Misfit(history []GenericOperation, order []int) (m Misfit, ok bool, err error)
}

// Fits implements Witness.
func (m porcupineModel) Fits(history []GenericOperation, order []int) bool {
	_, misfit, err := m.Misfit(history, order)
	return err == nil && !misfit // Check meets the same panic, and reports it
}

// Misfit implements Explainer. Real time and repeats are looked at first, up to where the model refuses a step.
func (m porcupineModel) Misfit(history []GenericOperation, order []int) (found Misfit, ok bool, err error) {
	if m.model.Init == nil || m.model.Step == nil {
		return Misfit{}, false, fmt.Errorf("checker: model %s has no Init or no Step", m.name)
	}
	defer func() {
		if p := recover(); p != nil {
			found, ok, err = Misfit{}, false, fmt.Errorf("checker: the model panicked: %v", p)
		}
	}()
	all := porcupineOperations(history)
	ops := make([]porcupine.Operation, 0, len(order))
	rank := make([]int, len(history)) // place in the order, from 1
	var latest uint64                 // invocation so far
	asked := -1                       // whose
	for place, at := range order {
		g := &history[at]
		switch {
		case rank[at] != 0:
			found, ok = Misfit{Kind: MisfitRepeated, At: at, Behind: place}, true
		case g.Return != NoReturn && g.Return <= latest:
			// Whatever returned before another was invoked must come before it.
			found, ok = Misfit{Kind: MisfitTime, At: at, Other: asked, Behind: place}, true
		}
		if ok {
			break
		}
		rank[at] = place + 1
		if g.Invoke >= latest {
			latest, asked = g.Invoke, at
		}
		op := all[at]
		op.Metadata = at
		ops = append(ops, op)
	}
	if refused, is := m.refused(history, ops, rank); is {
		return refused, true, nil
	}
	if ok {
		return found, true, nil
	}
	for at := range history {
		if rank[at] == 0 && history[at].Return != NoReturn {
			return Misfit{Kind: MisfitMissing, At: at, Behind: len(ops)}, true, nil
		}
	}
	return Misfit{}, false, nil
}

// refused finds the first operation, by rank, that the model does not take in its partition.
func (m porcupineModel) refused(history []GenericOperation, ops []porcupine.Operation, rank []int) (first Misfit, found bool) {
	parts := [][]porcupine.Operation{ops}
	if m.model.Partition != nil {
		parts = m.model.Partition(ops)
	}
	for _, part := range parts {
		state := m.model.Init()
		unknown := false
		for i := range part {
			op := &part[i]
			at, told := op.Metadata.(int)
			ok, next := m.model.Step(state, op.Input, op.Output)
			if ok {
				state = next
				unknown = unknown || !told || history[at].Return == NoReturn
				continue
			}
			r := Misfit{Kind: MisfitAnswer, At: -1, Behind: len(ops), Unknown: unknown}
			if told {
				r.At, r.Behind = at, rank[at]-1
			}
			if !found || r.Behind < first.Behind {
				r.Answer, r.State = m.words(op, state)
				first, found = r, true
			}
			break
		}
	}
	return first, found
}

// words describes an operation and the state before it, as far as the model can.
func (m porcupineModel) words(op *porcupine.Operation, state any) (answer, before string) {
	if m.model.DescribeOperation != nil {
		answer = m.model.DescribeOperation(op.Input, op.Output)
	}
	if m.model.DescribeState != nil {
		before = m.model.DescribeState(state)
	}
	return answer, before
}
