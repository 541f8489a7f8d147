package checker

import (
	"math"

	"github.com/anishathalye/porcupine"
)

// Answer is what a search for a legal order said.
type Answer uint8

const (
	AnswerUnknown Answer = iota // the budget ran out, or nobody asked
	AnswerLegal
	AnswerIllegal
)

// String returns "legal", "illegal" or "unknown".
func (a Answer) String() string {
	switch a {
	case AnswerLegal:
		return "legal"
	case AnswerIllegal:
		return "illegal"
	}
	return "unknown"
}

// search asks Porcupine about one key. Its budget counts steps of the model, so the answer is the same on every machine: past
// it every step is refused, the search unwinds without opening anything new, and its answer counts for nothing. Memory grows
// with the budget: at most about (operations/8 + 100) bytes a step.
//
// States are pointers to cells, which go into an interface without allocation; made cells come from chunks kept from search
// to search. Porcupine runs the model on a goroutine of its own and is waited for; one search runs at a time.
type search struct {
	ops    []porcupine.Operation
	chunks [][]uint64
	made   int
	steps  uint64
	budget uint64
	start  uint64 // the cell of a key never written: 0
}

const cellsPerChunk = 1024

// run returns the answer for these operations, which must stay where they are, and the steps it took.
func (s *search) run(items []placed, budget uint64) (Answer, uint64) {
	if budget == 0 {
		return AnswerUnknown, 0
	}
	model := porcupine.Model{
		Init:  func() any { return &s.start },
		Step:  s.step,
		Equal: func(a, b any) bool { return *a.(*uint64) == *b.(*uint64) },
		Hash:  func(a any) uint64 { return *a.(*uint64) },
	}
	s.ops = s.ops[:0]
	for i := range items {
		it := &items[i]
		ret := it.ret
		if ret == math.MaxInt64 {
			ret -= int64(len(items) - i) // all after everything else, none equal
		}
		s.ops = append(s.ops, porcupine.Operation{Input: &it.action, Call: it.call, Return: ret})
	}
	s.steps, s.budget, s.made = 0, budget, 0
	legal := porcupine.CheckOperations(model, s.ops)
	return judged(legal, s.steps, s.budget), min(s.steps, s.budget)
}

// judged turns Porcupine's result into an answer. A result reached after a step was refused counts for nothing, but a legal order
// is one whenever it was found.
func judged(legal bool, steps, budget uint64) Answer {
	switch {
	case legal:
		return AnswerLegal
	case steps <= budget:
		return AnswerIllegal
	}
	return AnswerUnknown
}

func (s *search) step(state, input, _ any) (bool, any) {
	s.steps++
	if s.steps > s.budget {
		return false, state
	}
	do := input.(*action)
	before := state.(*uint64)
	next, ok := do.step(*before)
	switch {
	case !ok:
		return false, state
	case next == *before:
		return true, state
	case do.does != doAppend:
		return true, &do.cell
	}
	cell := s.cell()
	*cell = next
	return true, cell
}

func (s *search) cell() *uint64 {
	chunk := s.made / cellsPerChunk
	if chunk == len(s.chunks) {
		s.chunks = append(s.chunks, make([]uint64, cellsPerChunk))
	}
	cell := &s.chunks[chunk][s.made%cellsPerChunk]
	s.made++
	return cell
}
