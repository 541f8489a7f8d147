package register

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"raftsim/checker"
	"raftsim/scenarios/register/abd"
)

// history is the memory of one run: what was asked, what was answered, and which timestamps it had.
type history struct {
	checker.History
	checker checker.Checker
	stamps  []stamp
	order   []checker.Execution
	count   operations
}

// stamp places an operation by its timestamp.
type stamp struct {
	timestamp   abd.Timestamp
	key         uint64
	read        bool
	client, seq uint64
	at          int // how-manieth to be known: no operation returns before one that was known earlier was invoked
}

// operations counts operations.
type operations struct {
	invoked, completed, abandoned            uint64
	reads, writes, agreed, wroteBack, helped uint64 // of the completed ones; helped are reads that completed somebody's write
}

func (h *history) reset() {
	h.Reset()
	h.stamps, h.order, h.count = h.stamps[:0], h.order[:0], operations{}
}

// uniqueWord is the value that an operation writes: different for all operations of all clients and never 0.
func uniqueWord(client, seq uint64) uint64 { return client<<40 | seq }

// writer returns the operation that writes a value, nil if there is none.
func (h *history) writer(value uint64) *checker.Operation {
	return h.Lookup(value>>40, value&(1<<40-1))
}

// invoke notes that operation seq begins.
func (h *history) invoke(client, seq, key uint64, write bool, step uint64) error {
	h.count.invoked++
	in := checker.Invocation{Client: client, Seq: seq, Key: key, Kind: checker.OpGet, Step: step}
	var word [8]byte
	if write {
		in.Kind, in.Value = checker.OpPut, valueBytes(&word, uniqueWord(client, seq))
	}
	return h.Invoke(in)
}

// chosen notes the timestamp of a write: from now on it may have an effect.
func (h *history) chosen(client, seq, key uint64, t abd.Timestamp) {
	h.stamps = append(h.stamps, stamp{timestamp: t, key: key, client: client, seq: seq, at: len(h.stamps)})
}

// complete notes the answer.
func (h *history) complete(client, seq, step uint64, v abd.Version, how abd.Course) error {
	op := h.Lookup(client, seq)
	if op == nil {
		return fmt.Errorf("register: c%d#%d completed but was never invoked", client, seq)
	}
	h.count.completed++
	out := checker.Completion{Client: client, Seq: seq, Step: step}
	var word [8]byte
	if op.Kind == checker.OpPut {
		h.count.writes++
		return h.Return(out)
	}
	h.count.reads++
	switch {
	case !how.WroteBack:
		h.count.agreed++
	default:
		h.count.wroteBack++
		if w := h.writer(v.Value); w != nil && w.Return == checker.NoReturn {
			h.count.helped++
		}
	}
	if v != (abd.Version{}) {
		out.Seen = checker.SeenValue(valueBytes(&word, v.Value))
	}
	h.stamps = append(h.stamps, stamp{timestamp: v.Timestamp, key: op.Key, read: true, client: client, seq: seq, at: len(h.stamps)})
	return h.Return(out)
}

// judge decides whether the answers are what a single register per key would have given. The order of the timestamps is the witness: that
// of the writes is theirs, and a read stands behind the write it returned, before the next one.
func (h *history) judge(budget uint64) *checker.Report {
	slices.SortFunc(h.stamps, func(a, b stamp) int {
		return cmp.Or(
			cmp.Compare(a.timestamp.Counter, b.timestamp.Counter), cmp.Compare(a.timestamp.Writer, b.timestamp.Writer),
			cmp.Compare(a.key, b.key), boolOrder(a.read, b.read), cmp.Compare(a.at, b.at),
		)
	})
	var twice []checker.Violation
	for i, s := range h.stamps {
		if i > 0 && !s.read && s.timestamp == h.stamps[i-1].timestamp && s.key == h.stamps[i-1].key && len(twice) < checker.MaxViolationsOfARule {
			// No two writes have the same timestamp: which of them is newer, replicas would not agree about.
			first, again := h.Lookup(h.stamps[i-1].client, h.stamps[i-1].seq), h.Lookup(s.client, s.seq)
			twice = append(twice, checker.Violation{
				Property: checker.Linearizability, Rule: "timestamp-taken-twice", Step: again.Invoke,
				Detail: fmt.Sprintf("%s of k%d: %s, and %s", s.timestamp.AppendText(nil), s.key, h.Describe(nil, first), h.Describe(nil, again)),
			})
		}
		h.order = append(h.order, checker.Execution{Client: s.client, Seq: s.seq, Index: uint64(i) + 1})
	}
	r := h.checker.Check(&h.History, h.order, budget)
	r.Violations = append(twice, r.Violations...)
	return r
}

// boolOrder orders false before true.
func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func valueBytes(room *[8]byte, value uint64) []byte {
	binary.BigEndian.PutUint64(room[:], value)
	return room[:]
}
