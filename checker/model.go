package checker

// action is an operation reduced to what it may do to its key's cell. Every action whose outcome is unknown is possible in
// every state, which is why such an operation can always be placed at the end.
type action struct {
	does     doing
	cell     uint64 // cell seen, or cell written, or word appended
	expected uint64 // swaps only
}

type doing uint8

const (
	doRead      doing = iota // the state is cell
	doWrite                  // the state becomes cell
	doSwap                   // the state is expected and becomes cell
	doTrySwap                // the state becomes cell if it is expected: a compare-and-set of unknown outcome
	doAppend                 // cell is chained onto the state
	doNothing                // a read of unknown outcome
	doNeverThat              // no state explains this answer
)

// step is the sequential specification of one key: it tells whether the action is possible in a state and what state it leaves.
func (a *action) step(state uint64) (next uint64, ok bool) {
	switch a.does {
	case doRead:
		return state, state == a.cell
	case doWrite:
		return a.cell, true
	case doSwap:
		return a.cell, state == a.expected
	case doTrySwap:
		if state == a.expected {
			return a.cell, true
		}
		return state, true
	case doAppend:
		return chainWord(state, a.cell), true
	case doNothing:
		return state, true
	}
	return state, false
}

// action reduces the operation, given whether its outcome counts as known.
func (o *Operation) action(known bool) action {
	switch o.Kind {
	case OpPut, OpDelete:
		return action{does: doWrite, cell: o.Written}
	case OpAppend:
		return action{does: doAppend, cell: o.Written}
	case OpCAS:
		switch {
		case !known:
			return action{does: doTrySwap, cell: o.Written, expected: o.Expected}
		case o.Swapped:
			return action{does: doSwap, cell: o.Written, expected: o.Expected}
		case o.Observed == o.Expected:
			return action{does: doNeverThat} // it failed although it saw what it expected
		}
		return action{does: doRead, cell: o.Observed}
	}
	if !known {
		return action{does: doNothing}
	}
	return action{does: doRead, cell: o.Observed}
}
