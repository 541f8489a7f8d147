package sim

// eventQueue holds events in the order of (time, order).
//
// Most events are messages and syncs, which come soon after they were scheduled and of which few are under way; timers are many and mostly
// far off. So the soonest events are in a short sorted list, where one is put in after a look at a few neighbours and taken off for
// nothing, and the others in a heap. The zero value is empty.
type eventQueue struct {
	near  [nearEvents]Event // the first count of them: the latest first, the soonest last
	count int
	far   eventHeap // none comes before any of near
}

const (
	nearEvents = 64
	nearRefill = 32 // so many come from far when near is empty
)

func (q *eventQueue) len() int { return q.count + len(q.far) }

// first returns the soonest event, nil if there is none. It is valid until the next push or pop.
func (q *eventQueue) first() *Event {
	switch {
	case q.count > 0:
		return &q.near[q.count-1]
	case len(q.far) > 0:
		return &q.far[0]
	}
	return nil
}

func (q *eventQueue) push(ev Event) {
	if len(q.far) > 0 && q.far[0].before(&ev) {
		q.far.push(ev)
		return
	}
	if q.count == nearEvents {
		if q.near[0].before(&ev) {
			q.far.push(ev)
			return
		}
		q.far.push(q.near[0]) // the latest gives way
		q.count = copy(q.near[:], q.near[1:])
	}
	i := q.count
	for ; i > 0 && q.near[i-1].before(&ev); i-- {
		q.near[i] = q.near[i-1]
	}
	q.near[i] = ev
	q.count++
}

// pop takes the soonest event off. There is one.
func (q *eventQueue) pop() Event {
	if q.count == 0 {
		q.refill()
	}
	q.count--
	return q.near[q.count]
}

// refill moves the soonest events of far to near, which is empty. What is scheduled between them then finds its place there.
func (q *eventQueue) refill() {
	q.count = min(len(q.far), nearRefill)
	for i := q.count - 1; i >= 0; i-- {
		q.near[i] = q.far.pop()
	}
}

// emptied returns an empty queue with the memory of q.
func (q *eventQueue) emptied() eventQueue { return eventQueue{far: q.far[:0]} }
