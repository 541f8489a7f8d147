package checker

import "math"

// pruner reduces one key's operations to what a search has to place, without changing whether a legal order exists.
//
// An operation of unknown outcome stays pending for ever, and a search must try it at every later point; a few dozen make
// one hopeless. Every write carries ids (words, tombstones) no other write of the key carries, so most can be settled:
//
//  1. A get of unknown outcome constrains nothing and goes.
//  2. A write of unknown outcome whose ids no answer contains goes. It can always be put last, so the history with it is legal
//     if the one without it is. Conversely, take a legal order with it: from its place to the next overwrite every state
//     contains its ids, for appends only add to them; whoever answers with, or swaps on, such a state would have observed it;
//     so only appends without answers are there, and the overwrite erases them. Taking it out leaves every answer explained.
//     The exception is a delete on a key with appends: an append after it starts a new value, which does not contain
//     the tombstone but shows that something was deleted. Those deletes stay, pending.
//  3. A write of unknown outcome whose id some answer contains did happen, before the first such answer was given: it
//     returns then at the latest. Any legal order has it before that answer's operation, hence before everything invoked after it.
//     A compare-and-set among them swapped.
//
// What observes: a get and a failed compare-and-set the state they answered; a successful compare-and-set the state it expected;
// one of unknown outcome that was itself observed, likewise, at the time it counts as returned. That last one feeds back, so
// the times are lowered until nothing changes. A compare-and-set of unknown outcome that nobody observed goes by rule 2 before it
// could count as an observer; in an order it either failed, changing nothing, or made a state nobody saw.
//
// Should an id be carried twice nothing is left out and nothing tightened.
type pruner struct {
	h       *History
	writer  pairTable // (mark, 0) -> position in ops of the one who wrote it
	seenBy  []uint64  // by position: the earliest return among the observers, or never
	appends bool
	unique  bool
}

const never = ^uint64(0)

// placed is an operation a search has to place.
type placed struct {
	action    action
	call, ret int64
	op        int32 // position in the history
}

// pruned tells what became of one key's operations.
type pruned struct {
	dropped, tightened int
	impossible         bool // some answer is explained by no order at all; which one is found by the search for the prefix
}

// reduce appends to dst what has to be placed of ops, the positions of one key's operations in the history in order of invocation.
// Nothing after position until of the history has happened: later invocations are skipped, later returns are unknown.
// Cost: O(operations + words in their answers), times one more for each link of a chain of observed unknown compare-and-sets.
func (p *pruner) reduce(h *History, ops []int32, until uint64, dst []placed) ([]placed, pruned) {
	p.h = h
	p.collectWriters(ops, until)
	var result pruned
	if !p.collectObservers(ops, until) {
		result.impossible = true
	}
	for i, at := range ops {
		o := &h.ops[at]
		if o.call > until {
			break
		}
		known := o.completed(until)
		item := placed{action: o.action(known), call: int64(o.call), ret: int64(o.ret), op: at}
		if !known {
			item.ret = math.MaxInt64
			switch {
			case o.Kind == OpGet:
				result.dropped++
				continue
			case !p.unique:
			case p.seenBy[i] != never:
				result.tightened++
				item.ret = int64(p.seenBy[i])
				if o.Kind == OpCAS {
					item.action.does = doSwap
				}
			case o.Kind != OpDelete || !p.appends:
				result.dropped++
				continue
			}
		}
		if item.ret < item.call || item.action.does == doNeverThat {
			result.impossible = true
		}
		dst = append(dst, item)
	}
	return dst, result
}

func (p *pruner) collectWriters(ops []int32, until uint64) {
	p.writer.reset()
	p.seenBy = p.seenBy[:0]
	p.appends, p.unique = false, true
	for i, at := range ops {
		o := &p.h.ops[at]
		if o.call > until {
			break
		}
		p.seenBy = append(p.seenBy, never)
		switch {
		case o.Kind == OpGet, o.reads(until):
			continue
		case o.Kind == OpDelete:
			p.claim(o.Written, i)
			continue
		case o.Kind == OpAppend:
			p.appends = true
		}
		for _, word := range p.h.at(o.wrote) {
			p.claim(word, i)
		}
	}
}

func (p *pruner) claim(mark uint64, i int) {
	if _, ok := p.writer.find(mark, 0); ok {
		p.unique = false
	}
	p.writer.put(mark, 0, uint32(i))
}

// collectObservers fills seenBy. It reports false when an answer contains an id nobody had written by its return.
func (p *pruner) collectObservers(ops []int32, until uint64) bool {
	explained := true
	var one [1]uint64
	for _, at := range ops {
		o := &p.h.ops[at]
		if !o.completed(until) {
			continue
		}
		var marks []uint64
		switch {
		case o.reads(until):
			marks = p.h.marks(o.Observed, o.observed, &one)
		case o.Kind == OpCAS:
			marks = p.h.marks(o.Expected, o.expected, &one)
		}
		if _, ok := p.lower(marks, o.ret); !ok {
			explained = false
		}
	}
	for changed := p.unique; changed; {
		changed = false
		for i := range p.seenBy {
			o := &p.h.ops[ops[i]]
			if o.Kind == OpCAS && !o.completed(until) && p.seenBy[i] != never {
				lowered, ok := p.lower(p.h.marks(o.Expected, o.expected, &one), p.seenBy[i])
				changed = changed || lowered
				if !ok {
					explained = false
				}
			}
		}
	}
	return explained
}

// lower lowers to ret the return of whoever wrote the marks. ok is false when one of them was written by nobody.
func (p *pruner) lower(marks []uint64, ret uint64) (lowered, ok bool) {
	ok = true
	for _, mark := range marks {
		i, found := p.writer.find(mark, 0)
		if !found {
			ok = false
			continue
		}
		if p.seenBy[i] > ret {
			p.seenBy[i] = ret
			lowered = true
		}
	}
	return lowered, ok
}
