package checker

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// twinState is a key's state written out, for the slow twin: no hash stands between it and the truth.
type twinState struct {
	present   bool
	words     []uint64
	tombstone uint64
}

func (s twinState) equal(o twinState) bool {
	return s.present == o.present && s.tombstone == o.tombstone && slices.Equal(s.words, o.words)
}

func (s twinState) seen() Seen {
	if s.present {
		return SeenValue(value(s.words...))
	}
	return SeenMissing(s.tombstone)
}

// twinOp is an operation of the slow twin.
type twinOp struct {
	kind      OpKind
	words     []uint64
	tombstone uint64
	expect    twinState
	seen      twinState
	swapped   bool
	call, ret int // ret 0: unknown
}

// apply returns the state after the operation and whether its answer, if known, fits.
func (o *twinOp) apply(s twinState) (twinState, bool) {
	switch o.kind {
	case OpPut:
		return twinState{present: true, words: o.words}, true
	case OpDelete:
		return twinState{tombstone: o.tombstone}, true
	case OpAppend:
		if !s.present {
			s.words = nil
		}
		return twinState{present: true, words: slices.Concat(s.words, o.words)}, true
	case OpCAS:
		matches := s.equal(o.expect)
		if o.ret != 0 && (matches != o.swapped || !matches && !s.equal(o.seen)) {
			return s, false
		}
		if matches {
			return twinState{present: true, words: o.words}, true
		}
		return s, true
	}
	return s, o.ret == 0 || s.equal(o.seen)
}

// bruteForce tries every order of all completed operations and every selection of the others.
func bruteForce(ops []twinOp, done []bool, s twinState) bool {
	left, earliest := false, int(^uint(0)>>1)
	for i := range ops {
		if !done[i] && ops[i].ret != 0 {
			left = true
			earliest = min(earliest, ops[i].ret)
		}
	}
	if !left {
		return true
	}
	for i := range ops {
		if done[i] || ops[i].call > earliest {
			continue
		}
		if next, ok := ops[i].apply(s); ok {
			done[i] = true
			legal := bruteForce(ops, done, next)
			done[i] = false
			if legal {
				return true
			}
		}
	}
	return false
}

// chance draws numbers in 0..n-1, evenly.
type chance struct {
	next  func() uint64
	count uint64
}

func (c *chance) n(n int) int {
	c.count++
	return int(mix(c.next(), c.count) % uint64(n))
}

// randomHistory lets a true store answer concurrent clients, and then lies a little in about half of the histories. It returns
// the operations and the order in which they took effect, itself not always told truly.
func randomHistory(c *chance, most int, kinds []OpKind) (ops []twinOp, took []int) {
	var state twinState
	past := []twinState{{}}
	lies := c.n(2) == 0
	effected := []bool{}
	clock, id := 0, uint64(0)
	fresh := func() uint64 {
		if id > 0 && c.n(60) == 0 {
			return 1 + uint64(c.n(int(id))) // an id used before: nothing may be left out then
		}
		id++
		return id
	}
	somewhere := func() twinState { return past[c.n(len(past))] }
	for total := 1 + c.n(2) + c.n(most-1); ; {
		var pending []int
		for i := range ops {
			if ops[i].ret == 0 {
				pending = append(pending, i)
			}
		}
		clock++
		switch what := c.n(8); {
		case what < 2 && len(ops) < total && len(pending) < 5:
			o := twinOp{kind: kinds[c.n(len(kinds))], call: clock}
			switch o.kind {
			case OpDelete:
				o.tombstone = fresh()
			case OpPut, OpCAS, OpAppend:
				o.words = []uint64{fresh()}
				if o.kind != OpAppend && c.n(6) == 0 {
					o.words = append(o.words, fresh())
				}
				o.expect = state
				if c.n(3) == 0 {
					o.expect = somewhere()
				}
			}
			ops = append(ops, o)
			effected = append(effected, false)
		case len(ops) == total && (len(pending) == 0 || c.n(20) == 0):
			return ops, twist(c, took)
		case len(pending) == 0:
		case what < 5:
			i := pending[c.n(len(pending))]
			o := &ops[i]
			if effected[i] {
				continue
			}
			effected[i] = true
			took = append(took, i)
			o.seen = state
			if lies && c.n(3) == 0 {
				o.seen = somewhere()
				continue // and does not happen
			}
			o.swapped = o.kind == OpCAS && state.equal(o.expect)
			state, _ = o.apply(state)
			past = append(past, state)
			if lies && c.n(8) == 0 {
				state, _ = o.apply(state) // happens twice
				past = append(past, state)
			}
		default:
			if i := pending[c.n(len(pending))]; effected[i] && c.n(12) > 0 {
				ops[i].ret = clock
				if lies && c.n(3) == 0 {
					ops[i].seen = somewhere()
				}
				if lies && ops[i].kind == OpCAS && c.n(8) == 0 {
					ops[i].swapped = !ops[i].swapped
				}
			}
		}
	}
}

// twist sometimes tells the order wrongly.
func twist(c *chance, took []int) []int {
	if len(took) < 2 || c.n(2) == 0 {
		return took
	}
	i := c.n(len(took) - 1)
	switch c.n(3) {
	case 0:
		took[i], took[i+1] = took[i+1], took[i]
	case 1:
		took = slices.Delete(took, i, i+1)
	default:
		took = append(took, took[i])
	}
	return took
}

// record feeds the operations to a history, and the order to a list.
func record(t testing.TB, h *History, ops []twinOp, took []int) []Execution {
	h.Reset()
	last := 0
	for i := range ops {
		last = max(last, ops[i].call, ops[i].ret)
	}
	for clock := 1; clock <= last; clock++ {
		for i := range ops {
			o := &ops[i]
			var err error
			if o.call == clock {
				err = h.Invoke(Invocation{Client: 1, Seq: uint64(i), Key: 3, Kind: o.kind, Value: value(o.words...),
					Tombstone: o.tombstone, Expect: o.expect.seen(), Step: uint64(clock)})
			} else if o.ret == clock {
				err = h.Return(Completion{Client: 1, Seq: uint64(i), Swapped: o.swapped, Seen: o.seen.seen(), Step: uint64(clock)})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	order := []Execution{}
	for _, i := range took {
		order = append(order, Execution{Client: 1, Seq: uint64(i)})
	}
	return order
}

// tally counts what a differential run has seen, so that a test can tell it saw something.
type tally struct{ legal, illegal, fits, dropped, tightened int }

// compare judges one history both ways and fails on any disagreement.
func compare(t interface{ Fatalf(string, ...any) }, c *Checker, h *History, ops []twinOp, order []Execution, count *tally) {
	legal := bruteForce(ops, make([]bool, len(ops)), twinState{})
	report := c.Check(h, order, 1<<30)
	k := report.Keys[0]
	lines := func() (all []string) {
		for i := range h.Len() {
			all = append(all, "\n"+string(h.Describe(nil, h.At(i))))
		}
		return all
	}
	if (k.Search == AnswerLegal) != legal || (k.Search == AnswerIllegal) == legal {
		t.Fatalf("brute force says legal %v, the search %v: %v", legal, k.Search, lines())
	}
	if k.Witness == WitnessFits && !legal {
		t.Fatalf("the witness fits an illegal history: order %v of %v", order, lines())
	}
	if report.Err() != nil || (k.Verdict == Linearizable) != legal {
		t.Fatalf("verdict %v, %v: %v", k.Verdict, report.Err(), lines())
	}
	if !legal {
		shortStory(t, c, h, ops)
		count.illegal++
	} else {
		count.legal++
	}
	if k.Witness == WitnessFits {
		count.fits++
	}
	count.dropped += k.Dropped
	count.tightened += k.Tightened
}

// shortStory checks that an explanation is itself an illegal history.
func shortStory(t interface{ Fatalf(string, ...any) }, c *Checker, h *History, ops []twinOp) {
	c.group(h)
	s := story{c: c, h: h, ops: c.byKey[:h.Len()], budget: 1 << 20, left: 1 << 30}
	s.shortestPrefix()
	s.takeOutClusters()
	s.takeOutReads()
	var rest []twinOp
	told := false
	for _, at := range s.ops {
		o := ops[h.ops[at].Seq]
		if h.ops[at].ret > s.until {
			o.ret = 0
		}
		rest = append(rest, o)
		told = told || at == s.culprit
	}
	if bruteForce(rest, make([]bool, len(rest)), twinState{}) || !told {
		t.Fatalf("the explanation is legal, or lacks the culprit (%v): %s", told, s.tell())
	}
}

func kindSets() [][]OpKind {
	return [][]OpKind{
		{OpGet, OpPut},
		{OpGet, OpPut, OpDelete},
		{OpGet, OpGet, OpPut, OpCAS, OpCAS},
		{OpGet, OpGet, OpPut, OpAppend, OpAppend},
		{OpGet, OpPut, OpDelete, OpCAS, OpAppend},
		{OpGet, OpDelete, OpAppend, OpAppend},
	}
}

func TestSearchEqualsBruteForce(t *testing.T) {
	var c Checker
	var h History
	var count tally
	rapid.Check(t, func(rt *rapid.T) {
		draw := chance{next: func() uint64 { return rapid.Uint64().Draw(rt, "choice") }}
		ops, took := randomHistory(&draw, 7, rapid.SampledFrom(kindSets()).Draw(rt, "kinds"))
		compare(rt, &c, &h, ops, record(t, &h, ops, took), &count)
	})
}

// The same over many histories from fixed numbers, with a look at what they were.
func TestSearchEqualsBruteForceOnFixedHistories(t *testing.T) {
	var c Checker
	var h History
	for set, kinds := range kindSets() {
		var count tally
		for seed := range uint64(fixedHistories) {
			seed = mix(seed, uint64(set))
			draw := chance{next: func() uint64 { return seed }}
			ops, took := randomHistory(&draw, 7, kinds)
			compare(t, &c, &h, ops, record(t, &h, ops, took), &count)
		}
		t.Logf("%v: %+v", kinds, count)
		if few := fixedHistories / 50; count.legal < few || count.illegal < few || count.fits < few || count.dropped < few || count.tightened < few/4 {
			t.Errorf("%v: too few of something: %+v", kinds, count)
		}
	}
}

const fixedHistories = 2000
