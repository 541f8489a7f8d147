package checker

import "slices"

// WitnessFault says why the committed order does not explain a key's answers.
type WitnessFault uint8

const (
	WitnessFits        WitnessFault = iota
	WitnessOutput                   // the order gives another answer than the client got
	WitnessRealTime                 // the order puts an operation before one that had ended before it began
	WitnessMissing                  // a completed operation is not in the order
	WitnessRepeated                 // an operation is in the order twice
	WitnessUnavailable              // no order was given
)

// String returns the reason in words.
func (f WitnessFault) String() string {
	switch f {
	case WitnessFits:
		return "fits"
	case WitnessOutput:
		return "another answer follows from the committed order"
	case WitnessRealTime:
		return "ordered before an operation that ended before it began"
	case WitnessMissing:
		return "completed, but not in the committed order"
	case WitnessRepeated:
		return "in the committed order twice"
	}
	return "no committed order"
}

// witnessKey is what the pass over the committed order knows of one key.
type witnessKey struct {
	cell     uint64
	within   witnessOrder // of the operations within the contract
	all      witnessOrder // of all
	repeated int32        // 1 + position in the history of the first operation ordered twice, 0 for none
	unsure   bool         // from some index on the cell may not be what the servers had
	stale    int32        // 1 + position in the history of the first stale read that shows a state the key was not in, 0 for none
}

// witnessOrder tells whether operations are in an order that explains them.
type witnessOrder struct {
	lastCall uint64 // latest invocation among the operations passed
	fault    WitnessFault
}

// witness tries the order in which operations were committed as the explanation of every key at once, in O(order + operations), plus
// the sorting of the reads that are not in the log. Those are put by index: a read answered from the state after index i comes after
// all that took effect up to i and before all that did later; reads of one index stand in the order of their invocations, which never is
// against real time.
//
// It is sufficient, never necessary: that it fits proves the key linearizable, since it is a legal sequential order of all completed
// operations and some of unknown outcome, and since no operation in it ended before an earlier one of it began (the latest invocation
// passed tells, the order of Herlihy and Wing's real time). That it does not fit proves nothing by itself.
//
// The same pass replays the states of every key and holds stale reads against the one they name. They take no part in the order.
type witness struct {
	keys   []witnessKey
	passed []bool  // by position in the history
	reads  []int32 // completed reads outside the log, by index and invocation
}

// run fills keys. Entries of the order that are no operation of the history are skipped: they are commands of clients nobody recorded.
func (w *witness) run(h *History, order []Execution) {
	w.keys = w.keys[:0]
	for range h.keys {
		w.keys = append(w.keys, witnessKey{})
	}
	w.passed = slices.Grow(w.passed[:0], len(h.ops))[:len(h.ops)]
	clear(w.passed)
	w.collect(h)
	next := 0
	for i := range order {
		for next < len(w.reads) && h.ops[w.reads[next]].ReadAt < order[i].Index {
			w.read(h, w.reads[next])
			next++
		}
		if at, ok := h.byID.find(order[i].Client, order[i].Seq); ok && h.ops[at].Read == ReadLogged {
			w.execute(h, at)
		}
	}
	for _, at := range w.reads[next:] {
		w.read(h, at)
	}
	for at := range h.ops {
		if o := &h.ops[at]; o.ret != 0 && !w.passed[at] {
			k := &w.keys[o.key]
			k.all.fail(WitnessMissing)
			if !o.OutOfContract {
				k.within.fail(WitnessMissing)
			}
		}
	}
}

// collect gathers the reads that have a place outside the log.
func (w *witness) collect(h *History) {
	w.reads = w.reads[:0]
	if h.unlogged == 0 {
		return
	}
	for at := range h.ops {
		if o := &h.ops[at]; o.ret != 0 && (o.Read.own() || o.Read == ReadCurrent && o.ReadAt != 0) {
			w.reads = append(w.reads, int32(at))
		}
	}
	slices.SortFunc(w.reads, func(a, b int32) int { // positions rise with the invocations
		switch x, y := h.ops[a].ReadAt, h.ops[b].ReadAt; {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return int(a) - int(b)
	})
}

// execute passes an operation of the order.
func (w *witness) execute(h *History, at uint32) {
	o := &h.ops[at]
	k := &w.keys[o.key]
	if w.passed[at] {
		k.all.fail(WitnessRepeated)
		k.within.fail(WitnessRepeated)
		k.unsure = true
		if k.repeated == 0 {
			k.repeated = int32(at) + 1
		}
		return
	}
	w.passed[at] = true
	known := o.ret != 0
	k.pass(o, known)
	do := o.action(known)
	next, ok := do.step(k.cell)
	if !ok {
		k.all.fail(WitnessOutput)
		k.within.fail(WitnessOutput)
		k.unsure = true
	}
	k.cell = next
}

// read passes a read outside the log.
func (w *witness) read(h *History, at int32) {
	o := &h.ops[at]
	k := &w.keys[o.key]
	w.passed[at] = true
	right := o.Observed == k.cell
	if o.Read.own() {
		if !right && !k.unsure && k.stale == 0 {
			k.stale = at + 1
		}
		return
	}
	k.pass(o, true)
	if !right {
		k.all.fail(WitnessOutput)
		if !o.OutOfContract {
			k.within.fail(WitnessOutput)
		}
	}
}

// pass holds an operation against the invocations passed before it.
func (k *witnessKey) pass(o *Operation, known bool) {
	k.all.pass(o, known)
	if !o.OutOfContract {
		k.within.pass(o, known)
	}
}

func (w *witnessOrder) pass(o *Operation, known bool) {
	if known && o.ret < w.lastCall {
		w.fail(WitnessRealTime)
	}
	w.lastCall = max(w.lastCall, o.call)
}

func (w *witnessOrder) fail(fault WitnessFault) {
	if w.fault == WitnessFits {
		w.fault = fault
	}
}
