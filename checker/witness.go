package checker

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
	lastCall uint64 // latest invocation among the operations passed
	fault    WitnessFault
	repeated int32 // 1 + position in the history of the first operation ordered twice, 0 for none
}

// witness tries the order in which operations were committed as the explanation of every key at once, in
// O(order + operations). It is sufficient, never necessary: that it fits proves the key linearizable, since it is a legal
// sequential order of all completed operations and some of unknown outcome, and since no operation in it ended before an
// earlier one of it began (the latest invocation passed tells, the order of Herlihy and Wing's real time). That it does
// not fit proves nothing by itself: reads may have been served outside the log.
type witness struct {
	keys   []witnessKey
	passed []bool // by position in the history
}

// run fills keys. Entries of the order that are no operation of the history are skipped: they are commands of clients nobody recorded.
func (w *witness) run(h *History, order []Execution) {
	w.keys = w.keys[:0]
	for range h.keys {
		w.keys = append(w.keys, witnessKey{})
	}
	w.passed = w.passed[:0]
	for range h.ops {
		w.passed = append(w.passed, false)
	}
	for i := range order {
		at, ok := h.byID.find(order[i].Client, order[i].Seq)
		if !ok {
			continue
		}
		o := &h.ops[at]
		k := &w.keys[o.key]
		if w.passed[at] {
			k.fail(WitnessRepeated)
			if k.repeated == 0 {
				k.repeated = int32(at) + 1
			}
			continue
		}
		w.passed[at] = true
		known := o.ret != 0
		if known && o.ret < k.lastCall {
			k.fail(WitnessRealTime)
		}
		k.lastCall = max(k.lastCall, o.call)
		do := o.action(known)
		next, ok := do.step(k.cell)
		if !ok {
			k.fail(WitnessOutput)
		}
		k.cell = next
	}
	for at := range h.ops {
		if o := &h.ops[at]; o.ret != 0 && !w.passed[at] {
			w.keys[o.key].fail(WitnessMissing)
		}
	}
}

func (k *witnessKey) fail(fault WitnessFault) {
	if k.fault == WitnessFits {
		k.fault = fault
	}
}
