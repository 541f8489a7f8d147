package checker

import (
	"slices"
	"strconv"
)

// operationsShown bounds the operations an explanation lists.
const operationsShown = 12

// explain tells in one line why a key's history is not linearizable, and the step at which it stopped being so. It looks for
// the shortest prefix that is illegal (a prefix of a legal history is legal, so it bisects on the returns) and then takes out
// whatever it can while the rest stays illegal. Each try has the whole budget; all together have sixteen times as much, after
// which the shortest story so far is told. Tries that run out count as legal.
func (c *Checker) explain(h *History, ops []int32, budget uint64) (step uint64, detail string) {
	s := story{c: c, h: h, ops: ops, budget: max(budget, DefaultBudget)}
	s.left = 16 * s.budget
	s.shortestPrefix()
	s.takeOutClusters()
	s.takeOutReads()
	return s.h.ops[s.culprit].Return, s.tell()
}

// story is an illegal history of one key on its way to becoming short.
type story struct {
	c       *Checker
	h       *History
	ops     []int32
	culprit int32  // the operation at whose return the history became illegal; it is never taken out
	until   uint64 // its return
	budget  uint64 // of one try
	left    uint64 // of all tries
}

func (s *story) illegal(ops []int32, until uint64) bool {
	var k KeyReport
	s.c.decide(s.h, ops, until, min(s.budget, s.left), &k)
	s.left -= min(s.left, k.Steps+uint64(len(ops)))
	return k.Search == AnswerIllegal
}

// shortestPrefix cuts the history after the first return that makes it illegal.
func (s *story) shortestPrefix() {
	var returns []int32 // completed operations by return
	for _, at := range s.ops {
		if s.h.ops[at].ret != 0 {
			returns = append(returns, at)
		}
	}
	slices.SortFunc(returns, func(a, b int32) int {
		if s.h.ops[a].ret < s.h.ops[b].ret {
			return -1
		}
		return 1
	})
	low, high := 0, len(returns)-1 // illegal after returns[high]
	for low < high {
		middle := low + (high-low)/2
		if s.illegal(s.ops, s.h.ops[returns[middle]].ret) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	s.culprit = returns[high]
	s.until = s.h.ops[s.culprit].ret
	var kept []int32
	for _, at := range s.ops {
		if s.h.ops[at].call < s.until {
			kept = append(kept, at)
		}
	}
	s.ops = kept
}

// takeOutClusters takes out whole clusters: a value with all that read it and, through compare-and-sets, the values it was
// made from and into. What is left of a legal history is legal, since the last write before each read is still the same; so if
// the rest is illegal the whole is for the same reason. Values grown by appends stand in no such simple relation and stay.
func (s *story) takeOutClusters() {
	for _, at := range s.ops {
		if s.h.ops[at].Kind == OpAppend {
			return
		}
	}
	clusters := s.clusters()
	for size := (len(clusters) + 1) / 2; size > 0 && len(clusters) > 1; size /= 2 {
		for from := 0; from < len(clusters) && len(clusters) > 1; {
			to := min(from+size, len(clusters))
			rest := slices.Concat(clusters[:from], clusters[to:])
			ops := slices.Concat(rest...)
			slices.Sort(ops)
			if slices.Contains(ops, s.culprit) && s.illegal(ops, s.until) {
				clusters, s.ops = rest, ops
			} else {
				from = to
			}
		}
	}
}

// clusters groups the operations, in order of first appearance.
func (s *story) clusters() [][]int32 {
	var number pairTable // (cell, 0) -> position in leader
	var leader []uint32
	root := func(i uint32) uint32 {
		for leader[i] != i {
			i = leader[i]
		}
		return i
	}
	of := func(cell uint64) uint32 {
		i, ok := number.find(cell, 0)
		if !ok {
			i = uint32(len(leader))
			number.put(cell, 0, i)
			leader = append(leader, i)
		}
		return root(i)
	}
	touches := func(o *Operation) uint32 {
		if o.reads(s.until) {
			return of(o.Observed)
		}
		return of(o.Written)
	}
	for _, at := range s.ops {
		if o := &s.h.ops[at]; o.Kind == OpCAS && (!o.completed(s.until) || o.Swapped) {
			from, into := of(o.Expected), of(o.Written)
			leader[from] = into
		}
	}
	var position pairTable // (root, 0) -> position in groups
	var groups [][]int32
	for _, at := range s.ops {
		r := uint64(touches(&s.h.ops[at]))
		i, ok := position.find(r, 0)
		if !ok {
			i = uint32(len(groups))
			position.put(r, 0, i)
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], at)
	}
	return groups
}

// takeOutReads takes out single operations that change nothing: leaving one out of a legal history leaves a legal one.
func (s *story) takeOutReads() {
	for i := 0; i < len(s.ops) && s.left > 0; {
		o := &s.h.ops[s.ops[i]]
		if s.ops[i] != s.culprit && (o.Kind == OpGet || o.reads(s.until)) {
			if rest := slices.Concat(s.ops[:i], s.ops[i+1:]); s.illegal(rest, s.until) {
				s.ops = rest
				continue
			}
		}
		i++
	}
}

// tell writes the line: the operation at whose return the history became illegal, then what is left, by invocation.
func (s *story) tell() string {
	culprit := &s.h.ops[s.culprit]
	line := []byte("k")
	line = strconv.AppendUint(line, culprit.Key, 10)
	line = append(line, " has no legal order once c"...)
	line = strconv.AppendUint(line, culprit.Client, 10)
	line = append(line, '#')
	line = strconv.AppendUint(line, culprit.Seq, 10)
	line = append(line, " returned: "...)
	shown := s.ops
	if hidden := len(shown) - operationsShown; hidden > 0 {
		line = append(line, '(')
		line = strconv.AppendInt(line, int64(hidden), 10)
		line = append(line, " earlier); "...)
		shown = shown[hidden:]
	}
	for i, at := range shown {
		if i > 0 {
			line = append(line, "; "...)
		}
		line = s.h.Describe(line, &s.h.ops[at])
	}
	return string(line)
}
