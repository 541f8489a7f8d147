package etcdraft

import "go.etcd.io/raft/v3/raftpb"

// eventKind says what an event asks of the loop.
type eventKind uint8

const (
	eventTick    eventKind = iota + 1 // advance a node's logical clock
	eventPropose                      // the client's next command is due
	eventMessage                      // a message arrives
)

// event is one thing that happens at one instant of virtual time.
type event struct {
	at   int64  // virtual nanoseconds
	seq  uint64 // number in order of scheduling: decides between events of one instant
	kind eventKind
	to   int // position of the node in the cluster
	msg  *raftpb.Message
}

// queue is a container/heap of pending events, earliest first. Its order is total, so it never depends on the heap's shape.
type queue []*event

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	if q[i].at != q[j].at {
		return q[i].at < q[j].at
	}
	return q[i].seq < q[j].seq
}

func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

func (q *queue) Push(x any) { *q = append(*q, x.(*event)) }

func (q *queue) Pop() any {
	last := len(*q) - 1
	ev := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return ev
}
