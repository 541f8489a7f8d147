package checker

import (
	"fmt"
	"slices"
)

// DefaultBudget is a budget of model steps per key that decides what a simulation's histories usually need, in well under a second.
const DefaultBudget = 200_000

// Verdict is the outcome for a key or a history. Higher is worse.
type Verdict uint8

const (
	Linearizable Verdict = iota
	Inconclusive         // neither the witness nor the search could tell
	NotLinearizable
)

// String returns the verdict in words.
func (v Verdict) String() string {
	switch v {
	case Linearizable:
		return "linearizable"
	case Inconclusive:
		return "inconclusive"
	}
	return "not linearizable"
}

// KeyReport is the outcome for one key.
type KeyReport struct {
	Key        uint64
	Operations int
	Dropped    int // operations of unknown outcome that were left out of the search
	Tightened  int // operations of unknown outcome whose effect was seen
	Witness    WitnessFault
	Search     Answer
	Steps      uint64 // model steps of the search, the search for an explanation not counted
	Verdict    Verdict
}

// Report is the outcome for a history.
type Report struct {
	Keys       []KeyReport // by rising key
	Verdict    Verdict     // the worst of the keys'
	Violations []Violation
	// Contradictions says where the witness and the search disagree: one of the two is wrong, which is a failure of this package
	// and never a finding about the system under test.
	Contradictions []string

	WitnessYes, WitnessNo                     int
	SearchLegal, SearchIllegal, SearchUnknown int
	Steps                                     uint64
}

// Err returns an error when the judges contradict each other, else nil.
func (r *Report) Err() error {
	if len(r.Contradictions) == 0 {
		return nil
	}
	return fmt.Errorf("checker: internal failure: the witness and the search contradict each other: %s", r.Contradictions[0])
}

// Checker judges histories, one at a time; it keeps its memory from one to the next. The zero value is ready.
type Checker struct {
	witness witness
	pruner  pruner
	search  search
	items   []placed
	byKey   []int32 // positions in the history grouped by key
	from    []int32 // by dense key number: start in byKey
	sorted  []uint32
}

// Check judges the history of a key-value store with a checker of its own.
func Check(h *History, order []Execution, budget uint64) *Report {
	var c Checker
	return c.Check(h, order, budget)
}

// Check judges the history of a key-value store key by key: linearizability is local (Herlihy and Wing, theorem 1). Two
// judges look at each key. The order in which the operations took effect (nil when it is not known, [Cluster.Executions] when it
// is) is tried as a witness, in linear time. Porcupine looks for any legal order within budget model steps per key (0: not at
// all; see DefaultBudget), after what needs no search was settled (see pruner). A key is linearizable if either finds an order
// and not if the search exhausts them all.
//
// Given an order, two more promises are judged: a command takes effect at most once (EO), and a write a client was told
// is done is in the order (DUR).
func (c *Checker) Check(h *History, order []Execution, budget uint64) *Report {
	r := &Report{Keys: make([]KeyReport, 0, len(h.keys))}
	c.group(h)
	if order != nil {
		c.witness.run(h, order)
	}
	for _, key := range c.sorted {
		ops := c.byKey[c.from[key]:c.from[key+1]]
		k := KeyReport{Key: h.keys[key], Operations: len(ops), Witness: WitnessUnavailable}
		if order != nil {
			k.Witness = c.witness.keys[key].fault
		}
		c.decide(h, ops, never, budget, &k)
		c.conclude(h, ops, budget, &k, r)
		if order != nil && k.Witness != WitnessFits {
			c.judgeOrder(h, ops, key, r)
		}
		r.Keys = append(r.Keys, k)
	}
	return r
}

// decide prunes and searches one key's history up to a position.
func (c *Checker) decide(h *History, ops []int32, until, budget uint64, k *KeyReport) {
	items, settled := c.pruner.reduce(h, ops, until, c.items[:0])
	c.items = items
	k.Dropped, k.Tightened = settled.dropped, settled.tightened
	if settled.impossible {
		k.Search, k.Steps = AnswerIllegal, 0
		return
	}
	k.Search, k.Steps = c.search.run(items, budget)
}

// conclude gives the key's verdict and adds it to the report.
func (c *Checker) conclude(h *History, ops []int32, budget uint64, k *KeyReport, r *Report) {
	r.Steps += k.Steps
	switch k.Search {
	case AnswerLegal:
		r.SearchLegal++
	case AnswerIllegal:
		r.SearchIllegal++
	default:
		r.SearchUnknown++
	}
	switch k.Witness {
	case WitnessFits:
		r.WitnessYes++
	case WitnessUnavailable:
	default:
		r.WitnessNo++
	}
	switch {
	case k.Search == AnswerIllegal && k.Witness == WitnessFits:
		k.Verdict = NotLinearizable
		r.Contradictions = append(r.Contradictions, fmt.Sprintf("k%d: the committed order explains all %d operations, the search says none does", k.Key, k.Operations))
	case k.Search == AnswerIllegal:
		k.Verdict = NotLinearizable
		step, detail := c.explain(h, ops, budget)
		r.Violations = append(r.Violations, Violation{Property: Linearizability, Rule: "not-linearizable", Step: step, Detail: detail})
	case k.Search == AnswerUnknown && k.Witness != WitnessFits:
		k.Verdict = Inconclusive
	}
	r.Verdict = max(r.Verdict, k.Verdict)
}

// judgeOrder reports what the committed order itself shows about a key the witness does not fit.
func (c *Checker) judgeOrder(h *History, ops []int32, key uint32, r *Report) {
	if repeated := c.witness.keys[key].repeated; repeated != 0 {
		// Exactly once: a command that was executed is not executed again (§8).
		o := &h.ops[repeated-1]
		r.Violations = append(r.Violations, Violation{Property: ExactlyOnce, Rule: "ordered-twice", Step: o.Invoke, Detail: string(h.Describe(nil, o))})
	}
	for _, at := range ops {
		o := &h.ops[at]
		if o.ret == 0 || c.witness.passed[at] || o.reads(never) {
			continue
		}
		// Durability: a client is answered once its command is committed and applied (§5.3), and committed entries stay.
		r.Violations = append(r.Violations, Violation{Property: Durability, Rule: "acknowledged-not-committed", Step: o.Return, Detail: string(h.Describe(nil, o))})
		return
	}
}

// group sorts the history's operations by key, keeping the order of invocation.
func (c *Checker) group(h *History) {
	c.from = c.from[:0]
	c.sorted = c.sorted[:0]
	for key := range h.keys {
		c.from = append(c.from, 0)
		c.sorted = append(c.sorted, uint32(key))
	}
	c.from = append(c.from, 0)
	for i := range h.ops {
		c.from[h.ops[i].key+1]++
	}
	for key := range h.keys {
		c.from[key+1] += c.from[key]
	}
	c.byKey = slices.Grow(c.byKey[:0], len(h.ops))[:len(h.ops)]
	for i := range h.ops {
		key := h.ops[i].key
		c.byKey[c.from[key]] = int32(i)
		c.from[key]++
	}
	copy(c.from[1:], c.from) // each start has moved to its end: shift them back
	c.from[0] = 0
	slices.SortFunc(c.sorted, func(a, b uint32) int {
		if h.keys[a] < h.keys[b] {
			return -1
		}
		return 1
	})
}
