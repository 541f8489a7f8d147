package sim

import "math/bits"

// eventHeap is a 4-ary min-heap of events by (time, order). Four children share a cache line or two, and the tree is
// half as deep as a binary one.
//
// Which child is the least is a coin toss that no processor foresees: the choice is computed, not jumped to.
type eventHeap []Event

// earlier is 1 if e comes before f, else 0. Times are never negative.
func (e *Event) earlier(f *Event) int {
	_, borrow := bits.Sub64(e.order, f.order, 0)
	_, borrow = bits.Sub64(uint64(e.At), uint64(f.At), borrow)
	return int(borrow)
}

func (e *Event) before(f *Event) bool {
	return e.At < f.At || e.At == f.At && e.order < f.order
}

func (h *eventHeap) push(ev Event) {
	s := append(*h, ev)
	*h = s
	i := len(s) - 1
	for i > 0 {
		parent := (i - 1) >> 2
		if !ev.before(&s[parent]) {
			break
		}
		s[i] = s[parent]
		i = parent
	}
	s[i] = ev
}

func (h *eventHeap) pop() Event {
	s := *h
	top := s[0]
	n := len(s) - 1
	last := s[n]
	s = s[:n]
	*h = s
	if n == 0 {
		return top
	}
	i := 0
	for {
		child := i<<2 + 1
		if child >= n {
			break
		}
		least := child
		if child+4 <= n {
			four := s[child : child+4 : child+4]
			low, high := four[1].earlier(&four[0]), 2+four[3].earlier(&four[2])
			least += low + (high-low)*four[high&3].earlier(&four[low&3])
		} else {
			for c := child + 1; c < n; c++ {
				least += (c - least) * s[c].earlier(&s[least])
			}
		}
		if !s[least].before(&last) {
			break
		}
		s[i] = s[least]
		i = least
	}
	s[i] = last
	return top
}

// disturbanceHeap orders by (time, key); both are read from the disturbance, so the order is total and does not depend on
// the order of insertion. It is short and cold: a plain binary heap.
type disturbanceHeap []Disturbance

func (h disturbanceHeap) less(i, j int) bool {
	if h[i].Value.At != h[j].Value.At {
		return h[i].Value.At < h[j].Value.At
	}
	return h[i].Key.Compare(h[j].Key) < 0
}

func (h *disturbanceHeap) push(d Disturbance) {
	*h = append(*h, d)
	siftUp(*h, h.less)
}

func (h *disturbanceHeap) pop() {
	s := *h
	s[0] = s[len(s)-1]
	*h = s[:len(s)-1]
	siftDown(*h, h.less)
}

type look struct {
	at   Time
	slot uint32
}

type lookHeap []look

func (h lookHeap) less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].slot < h[j].slot
}

func (h *lookHeap) push(l look) {
	*h = append(*h, l)
	siftUp(*h, h.less)
}

func (h *lookHeap) pop() {
	s := *h
	s[0] = s[len(s)-1]
	*h = s[:len(s)-1]
	siftDown(*h, h.less)
}

func siftUp[T any](s []T, less func(i, j int) bool) {
	for i := len(s) - 1; i > 0; {
		parent := (i - 1) / 2
		if !less(i, parent) {
			return
		}
		s[i], s[parent] = s[parent], s[i]
		i = parent
	}
}

func siftDown[T any](s []T, less func(i, j int) bool) {
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(s) {
			return
		}
		if child+1 < len(s) && less(child+1, child) {
			child++
		}
		if !less(child, i) {
			return
		}
		s[i], s[child] = s[child], s[i]
		i = child
	}
}
