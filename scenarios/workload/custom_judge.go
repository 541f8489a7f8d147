package workload

import (
	"fmt"

	"raftsim/checker"
)

// Judge implements Session. Two stages look at the answers: the model searches for any legal order of the operations, and the order in
// which commands took effect, which is known, is tried as a witness if the model can.
//
// Where the model does not take a step of that order, the state machine is not the model: it executed just these commands in just
// this order, and gave another answer. That is a violation of its own, whatever the search says: all clients may have seen answers
// that some other order would explain. It is none where the model had to step over an operation whose answer is not known:
// its state may then be another than the machine's.
func (s *customSession) Judge(order []checker.Execution, budget uint64) Judgement {
	name := s.app.Model.Name()
	j := Judgement{Stages: Stages{Parts: 1, OperationsJudged: uint64(len(s.history))}}
	r, err := s.search(budget)
	if err == nil {
		err = r.Err
	}
	if err != nil {
		j.Broken = fmt.Sprintf("its model %s failed: %v", name, err)
		return j
	}
	j.Stages.PorcupineSteps = r.Steps
	fits, misfit, why := s.try(order)
	if fits {
		j.Stages.WitnessYes++
	} else {
		j.Stages.WitnessNo++
	}
	violates := func(rule, detail string) {
		v := checker.Violation{Property: checker.Linearizability, Rule: rule, Detail: "model " + name + ": " + detail}
		if misfit != nil && misfit.At >= 0 {
			v.Step = s.notes[misfit.At].step
		}
		j.Violations = append(j.Violations, v)
	}
	switch {
	case r.Verdict == checker.NotLinearizable && fits:
		j.Broken = fmt.Sprintf("its model %s contradicts itself: it takes every step of the committed order, and its search finds no legal "+
			"order: look at Equal, Hash, Partition, and at what Step makes of a nil output", name)
	case r.Verdict == checker.NotLinearizable:
		j.Stages.PorcupineNo++
		detail := fmt.Sprintf("partition %d of %d has no legal order", r.Illegal+1, r.Partitions)
		if why != "" {
			detail += "; " + why
		}
		violates("not-linearizable", detail)
	default:
		if r.Verdict == checker.Inconclusive {
			j.Stages.PorcupineUnknown++
		} else {
			j.Stages.PorcupineYes++
		}
		switch {
		case misfit != nil && misfit.Kind == checker.MisfitAnswer && !misfit.Unknown:
			violates("answers-differ-from-model", why)
		case r.Verdict == checker.Inconclusive && !fits:
			j.Inconclusive++
			j.Undecided = fmt.Sprintf("model %s: the search ran out of its %d steps", name, budget)
			if why != "" {
				j.Undecided += ", and " + why
			}
		}
	}
	return j
}

// search asks the model for any legal order. A panic that the model does not catch itself is an error.
func (s *customSession) search(budget uint64) (r checker.ModelReport, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it panicked: %v", p)
		}
	}()
	return s.app.Model.Check(s.history, budget), nil
}

// try asks the model about the committed order. misfit is nil, and why empty, if it fits or the model cannot say where it does not.
func (s *customSession) try(order []checker.Execution) (fits bool, misfit *checker.Misfit, why string) {
	explainer, can := s.app.Model.(checker.Explainer)
	if !can {
		w, ok := s.app.Model.(checker.Witness)
		return ok && w.Fits(s.history, s.positions(order)), nil, ""
	}
	m, found, err := explainer.Misfit(s.heard(), s.positions(order))
	if err != nil {
		return false, nil, err.Error()
	}
	if !found {
		return true, nil, ""
	}
	return false, &m, s.explain(&m, order)
}

// heard is the history as it were if clients had heard all answers there were.
func (s *customSession) heard() []checker.GenericOperation {
	all := append([]checker.GenericOperation(nil), s.history...)
	for i := range all {
		if g := &all[i]; g.Return == checker.NoReturn && s.notes[i].executed {
			if output, err := s.output(i, s.notes[i].answer); err == nil {
				g.Output, g.Return = output, s.clock+1
			}
		}
	}
	return all
}

// explain names the operation at which the committed order stops fitting.
func (s *customSession) explain(m *checker.Misfit, order []checker.Execution) string {
	if m.At < 0 {
		return "along the committed order it refuses an operation that its Partition does not let name"
	}
	name := func(at int) string {
		g := &s.history[at]
		return string(s.Describe(nil, g.Client, g.Seq))
	}
	index := func(at int) (index uint64) {
		for _, e := range order {
			if e.Client == s.history[at].Client && e.Seq == s.history[at].Seq {
				return e.Index
			}
		}
		return 0
	}
	switch m.Kind {
	case checker.MisfitTime:
		return fmt.Sprintf("the committed order is against real time: %s (index %d) was answered before %s (index %d) was asked",
			name(m.At), index(m.At), name(m.Other), index(m.Other))
	case checker.MisfitRepeated:
		return fmt.Sprintf("the committed order has %s twice", name(m.At))
	case checker.MisfitMissing:
		return fmt.Sprintf("%s was answered and is not in the committed order", name(m.At))
	}
	text := fmt.Sprintf("along the committed order the first answer it refuses is that of %s at index %d, after %d commands it takes: ",
		name(m.At), index(m.At), m.Behind)
	if m.Answer != "" {
		text += m.Answer
	} else {
		text += s.answered(m.At)
	}
	if m.State != "" {
		text += "; its state before: " + m.State
	}
	if m.Unknown {
		text += "; behind answers that nobody knows, so it may be in another state than the machine was"
	}
	return text
}

// answered says what an operation was answered.
func (s *customSession) answered(at int) string {
	g, n := &s.history[at], &s.notes[at]
	machine := ""
	if n.executed {
		machine = string(s.Interpret(nil, g.Client, g.Seq, n.answer))
	}
	if g.Return == checker.NoReturn {
		return machine + " (no client heard it)"
	}
	told := fmt.Sprintf("%v", g.Output)
	if n.executed && machine != told {
		return fmt.Sprintf("%s (the machine had answered %s)", told, machine)
	}
	return told
}

// positions translates an order of commands into positions of the history.
func (s *customSession) positions(order []checker.Execution) []int {
	type operation struct{ client, seq uint64 }
	at := make(map[operation]int, len(s.history))
	for i := range s.history {
		at[operation{s.history[i].Client, s.history[i].Seq}] = i
	}
	out := make([]int, 0, len(order))
	for _, e := range order {
		if i, ok := at[operation{e.Client, e.Seq}]; ok {
			out = append(out, i)
		}
	}
	return out
}
