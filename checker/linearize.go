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

// KeyReport is the outcome for one key. Stale reads are no part of it.
type KeyReport struct {
	Key        uint64
	Operations int
	Dropped    int // operations of unknown outcome that were left out of the search
	Tightened  int // operations of unknown outcome whose effect was seen
	Witness    WitnessFault
	Search     Answer
	Steps      uint64 // model steps of the search, the search for an explanation not counted
	// OutOfContract says that no order explains the reads out of contract too; Witness, Search and Verdict are those of all others.
	OutOfContract bool
	Verdict       Verdict
}

// Report is the outcome for a history.
type Report struct {
	Keys       []KeyReport // by rising key
	Verdict    Verdict     // the worst of the keys'
	Violations []Violation
	// Observations are no violations, but worth knowing: LIN/out-of-contract for a key whose history is linearizable without its
	// reads out of contract, and is not with them.
	Observations []Violation
	// Contradictions says where the witness and the search disagree: one of the two is wrong, which is a failure of this package
	// and never a finding about the system under test.
	Contradictions []string

	WitnessYes, WitnessNo                     int
	SearchLegal, SearchIllegal, SearchUnknown int
	Steps                                     uint64

	CurrentReads, StaleReads, SequentialReads int // completed reads outside the log, by promise
	OutOfContractReads                        int // of the current ones
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
	kept    []int32 // a key's operations within the contract
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
// Given an order, more promises are judged: a command takes effect at most once (EO), a write a client was told is done is in the order
// (DUR), and a stale read shows the state its key was in after the index the answer names (SESS). With or without: a client that was
// promised so never reads a state older than one it had an answer from before (SESS).
//
// Reads out of contract cannot make a history illegal: see Report.Observations.
func (c *Checker) Check(h *History, order []Execution, budget uint64) *Report {
	r := &Report{Keys: make([]KeyReport, 0, len(h.keys))}
	c.group(h)
	if order != nil {
		c.witness.run(h, order)
	}
	for _, key := range c.sorted {
		ops := c.byKey[c.from[key]:c.from[key+1]]
		k := KeyReport{Key: h.keys[key], Operations: len(ops), Witness: WitnessUnavailable}
		within := WitnessUnavailable
		if order != nil {
			k.Witness, within = c.witness.keys[key].all.fault, c.witness.keys[key].within.fault
		}
		c.decide(h, ops, never, budget, &k)
		c.conclude(h, c.within(h, ops, within, budget, &k, r), budget, &k, r)
		if order != nil {
			c.judgeOrder(h, ops, key, r)
		}
		r.Keys = append(r.Keys, k)
	}
	if h.unlogged > 0 {
		c.judgeReads(h, r)
	}
	return r
}

// within asks again without the reads out of contract, if that may change the answer. It returns the operations that count.
func (c *Checker) within(h *History, ops []int32, witness WitnessFault, budget uint64, k *KeyReport, r *Report) []int32 {
	if k.Search == AnswerLegal || k.Search == AnswerUnknown && k.Witness == WitnessFits {
		return ops
	}
	c.kept = c.kept[:0]
	for _, at := range ops {
		if !h.ops[at].OutOfContract {
			c.kept = append(c.kept, at)
		}
	}
	if len(c.kept) == len(ops) {
		return ops
	}
	strict := *k
	c.decide(h, c.kept, never, budget, &strict)
	strict.Witness = witness
	strict.Steps += k.Steps
	if strict.Search == AnswerLegal || strict.Search == AnswerUnknown && witness == WitnessFits {
		if k.Search == AnswerIllegal {
			strict.OutOfContract = true
			step, detail := c.explain(h, ops, budget)
			r.Observations = append(r.Observations, Violation{Property: Linearizability, Rule: "out-of-contract", Step: step, Detail: detail})
		}
	}
	*k = strict
	return c.kept
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

// judgeOrder reports what the committed order itself shows about a key.
func (c *Checker) judgeOrder(h *History, ops []int32, key uint32, r *Report) {
	w := &c.witness.keys[key]
	if w.stale != 0 {
		// A stale read may be late, but never of a state that was not: it answers from the state machine (thesis §6.4).
		o := &h.ops[w.stale-1]
		r.Violations = append(r.Violations, Violation{Property: SessionOrder, Rule: o.Read.String() + "-read-of-no-state", Step: o.Return, Detail: string(h.Describe(nil, o))})
	}
	if w.within.fault == WitnessFits {
		return
	}
	if repeated := w.repeated; repeated != 0 {
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

// judgeReads counts the reads outside the log, and looks at what their clients' sessions promised.
func (c *Checker) judgeReads(h *History, r *Report) {
	told := 0
	for at := range h.ops {
		o := &h.ops[at]
		switch {
		case o.Read == ReadLogged || o.ret == 0:
			continue
		case o.Read == ReadStale:
			r.StaleReads++
		case o.Read == ReadSequential:
			r.SequentialReads++
		default:
			r.CurrentReads++
			if o.OutOfContract {
				r.OutOfContractReads++
			}
		}
		if o.ReadAt < o.floor && told < MaxViolationsOfARule {
			told++
			// Session order: a client never goes back in time, for it insists on the last index it has seen and the server waits until it has
			// applied that (thesis §6.4, reads at followers).
			r.Violations = append(r.Violations, Violation{Property: SessionOrder, Rule: "read-went-back", Step: o.Return,
				Detail: fmt.Sprintf("%s; the client had seen index %d before it asked", h.Describe(nil, o), o.floor)})
		}
	}
}

// group sorts the history's operations by key, keeping the order of invocation. Stale reads are left out.
func (c *Checker) group(h *History) {
	c.from = c.from[:0]
	c.sorted = c.sorted[:0]
	for key := range h.keys {
		c.from = append(c.from, 0)
		c.sorted = append(c.sorted, uint32(key))
	}
	c.from = append(c.from, 0)
	for i := range h.ops {
		if o := &h.ops[i]; !o.Read.own() {
			c.from[o.key+1]++
		}
	}
	for key := range h.keys {
		c.from[key+1] += c.from[key]
	}
	c.byKey = slices.Grow(c.byKey[:0], len(h.ops))[:c.from[len(h.keys)]]
	for i := range h.ops {
		if o := &h.ops[i]; !o.Read.own() {
			c.byKey[c.from[o.key]] = int32(i)
			c.from[o.key]++
		}
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
