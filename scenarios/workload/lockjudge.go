package workload

import (
	"fmt"

	"raftsim/checker"
	"raftsim/raft/client"
)

// Judge implements Session. The answers are judged by the promises one by one, and all together by the model of a queue: the order in
// which commands took effect is tried as a witness, and then Porcupine looks for one of its own. Log time is part of every answer; that
// of a command which was not answered is the log's. A command that nobody applied had no effect.
func (s *lockSession) Judge(order []checker.Execution, budget uint64) Judgement {
	j := Judgement{Violations: append([]checker.Violation(nil), s.promises.findings.All()...)}
	j.Locks.Overlaps = s.overlaps
	history := s.settled(order, &j.Stages)
	positions := checker.WitnessOrder(history, order, nil)
	model := checker.LockModel().(checker.Explainer)
	r := model.Check(history, budget)
	j.Stages.Parts, j.Stages.PorcupineSteps, j.Stages.OperationsJudged = 1, r.Steps, uint64(len(history))
	misfit, misfits, err := model.Misfit(history, positions)
	if err == nil {
		err = r.Err
	}
	tally, wrong, right := checker.ReplayLocks(history, positions)
	j.Locks.LockTally = tally
	if misfits || err != nil {
		j.Stages.WitnessNo++
	} else {
		j.Stages.WitnessYes++
	}
	violates := func(rule, detail string) {
		if wrong >= 0 {
			h := &history[wrong]
			detail += string(appendLockAnswer(fmt.Appendf(s.Describe([]byte("; in the order of the log: "), h.Client, h.Seq), ", and not: "), &right))
		}
		j.Violations = append(j.Violations, checker.Violation{Property: checker.Linearizability, Rule: rule, Step: s.lastStep, Detail: detail})
	}
	switch {
	case err != nil:
		j.Contradiction = fmt.Sprintf("the model of the lock service failed: %v", err)
	case r.Verdict == checker.NotLinearizable && !misfits:
		j.Contradiction = "the model of the lock service finds no legal order, but the committed one is legal"
	case r.Verdict == checker.NotLinearizable:
		j.Stages.PorcupineNo++
		violates("not-linearizable", "no order of the operations explains all answers")
	case r.Verdict == checker.Inconclusive:
		j.Stages.PorcupineUnknown++
	default:
		j.Stages.PorcupineYes++
	}
	switch {
	case r.Verdict == checker.NotLinearizable || !misfits:
	case misfit.Kind == checker.MisfitAnswer: // the machine is not the model, even if another order explains what clients saw
		violates("answers-differ-from-model", "an answer is not the one that follows from the log")
	case r.Verdict == checker.Inconclusive:
		j.Inconclusive++
		j.Undecided = fmt.Sprintf("model of locks: the search ran out of its %d steps, and the committed order does not explain the answers", budget)
	}
	return j
}

// settled returns the part of the history that is to be explained, with the log's times: what was answered, and what took effect without.
func (s *lockSession) settled(order []checker.Execution, st *Stages) []checker.GenericOperation {
	type operation struct{ client, seq uint64 }
	times := make(map[operation]int64, len(order))
	for _, e := range order {
		times[operation{e.Client, e.Seq}] = e.Time
	}
	var history []checker.GenericOperation
	for at := range s.history {
		h, a := s.history[at], &s.asked[at]
		in := h.Input.(checker.LockInput)
		took := false
		if a.read == client.ReadLog {
			in.At, took = times[operation{h.Client, h.Seq}]
		}
		switch {
		case a.void:
			st.OutOfContractReads++
			continue
		case h.Return == checker.NoReturn && !took:
			st.OperationsDroppedAsUnnoticed++
			continue
		case a.read != client.ReadLog:
			st.CurrentReads++
		}
		h.Input = in
		history = append(history, h)
	}
	return history
}
