package sim

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The heap and the queue of events against a list that is searched for its least element.
func TestEventQueueAgainstSlowTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var heap eventHeap
		var queue eventQueue
		span := rapid.SampledFrom([]int64{20, 1000}).Draw(t, "span")
		var list []Event
		sequence := uint64(0)
		for _, push := range rapid.SliceOfN(rapid.Bool(), 0, 300).Draw(t, "pushes") {
			if push || len(list) == 0 {
				ev := Event{
					At:      Time(rapid.Int64Range(0, span).Draw(t, "at")),
					order:   rapid.Uint64Range(1, 2).Draw(t, "class")<<56 | sequence,
					Payload: uint32(sequence),
				}
				sequence++
				heap.push(ev)
				queue.push(ev)
				list = append(list, ev)
				continue
			}
			least := 0
			for i := range list {
				if list[i].At < list[least].At || list[i].At == list[least].At && list[i].order < list[least].order {
					least = i
				}
			}
			if got := heap.pop(); got != list[least] {
				t.Fatalf("the heap popped %+v, want %+v", got, list[least])
			}
			if first := *queue.first(); first != list[least] {
				t.Fatalf("the first of the queue is %+v, want %+v", first, list[least])
			}
			if got := queue.pop(); got != list[least] {
				t.Fatalf("the queue popped %+v, want %+v", got, list[least])
			}
			list = slices.Delete(list, least, least+1)
		}
		if len(heap) != len(list) || queue.len() != len(list) || (queue.first() == nil) != (len(list) == 0) {
			t.Fatalf("%d and %d events left, want %d", len(heap), queue.len(), len(list))
		}
		if queue = queue.emptied(); queue.len() != 0 || queue.first() != nil {
			t.Fatal("an emptied queue holds events")
		}
	})
}

func TestEventHeapSorts(t *testing.T) {
	var heap eventHeap
	var list []Event
	w := KeyedWords(1, MakeKey(1, Subject{}))
	for i := range uint64(5000) {
		ev := Event{At: Time(w.Below(200)), order: (1+w.Below(2))<<56 | i}
		heap.push(ev)
		list = append(list, ev)
	}
	slices.SortFunc(list, func(a, b Event) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.order, b.order)) })
	for i := range list {
		if got := heap.pop(); got != list[i] {
			t.Fatalf("event %d: %+v, want %+v", i, got, list[i])
		}
	}
}

// Disturbances come out by (time, key) and looks by (time, slot), whatever the order they went in.
func TestWaitingHeapsAgainstSort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ds := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) Disturbance {
			return Disturbance{Key: drawKey(toySpecs()[4], 3).Draw(t, "key"), Value: Value{At: rapid.Int64Range(0, 5).Draw(t, "at"), For: 1}}
		}), 0, 60, func(d Disturbance) Key { return d.Key }).Draw(t, "disturbances")
		var waiting disturbanceHeap
		var looks lookHeap
		for i, d := range ds {
			waiting.push(d)
			looks.push(look{at: Time(d.Value.At), slot: uint32(i * 7 % 61)})
		}
		slots := slices.Clone(looks)
		slices.SortFunc(ds, func(a, b Disturbance) int { return cmp.Or(cmp.Compare(a.Value.At, b.Value.At), a.Key.Compare(b.Key)) })
		slices.SortFunc(slots, func(a, b look) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.slot, b.slot)) })
		for i := range ds {
			if waiting[0] != ds[i] || looks[0] != slots[i] {
				t.Fatalf("position %d: %+v and %+v, want %+v and %+v", i, waiting[0], looks[0], ds[i], slots[i])
			}
			waiting.pop()
			looks.pop()
		}
	})
}

// all returns the events in no particular order.
func (q *eventQueue) all() []Event { return append(slices.Clone(q.near[:q.count]), q.far...) }
