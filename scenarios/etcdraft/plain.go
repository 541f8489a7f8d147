// Package etcdraft compares this project's simulation with the loop most people would write themselves: etcd's Raft
// (go.etcd.io/raft/v3) in a single-threaded discrete-event simulation over a binary heap.
//
// What the plain loop has: virtual time, messages with a delay of their own (so they may overtake each other), ticks out of
// phase from node to node, storage in memory, a client that proposes at a fixed rate to whoever leads, and a digest of every event.
//
// What it does not have: faults, a disk that takes time, sessions, judges, a wire format (messages and entries travel as
// pointers, so nodes share memory), log compaction. Each of these would cost it time; it is the cheapest honest baseline.
package etcdraft

import (
	"container/heap"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

const (
	heartbeatInterval = 100 * time.Millisecond
	electionTimeout   = time.Second
	proposalInterval  = 10 * time.Millisecond // 100 per virtual second
	proposalSize      = 16                    // bytes
	latencyMin        = time.Millisecond
	latencyMax        = 10 * time.Millisecond

	// quietTail is how long before the end the client stops, so that every node ends with the same applied prefix:
	// several heartbeats, each of which carries the commit index.
	quietTail = 500 * time.Millisecond
)

// Load says what one run simulates. The zero value is 3 nodes, 10 virtual seconds, ticks of 100 ms, seed 0.
type Load struct {
	Nodes   int           // voters
	Seconds int           // virtual seconds
	Tick    time.Duration // period of RawNode.Tick: a divisor of the heartbeat interval, 100 ms
	Seed    uint64        // of message delays, tick phases and election timeouts
}

// Result is what one run did. Two runs of one Load give equal Results.
type Result struct {
	Committed      uint64 // proposals applied by the node that applied most
	Events         uint64 // events taken from the queue: ticks, deliveries, proposals
	VirtualSeconds int64
	Digest         uint64 // over every event in order and the final state of every node
}

// readerMu keeps two runs of one process from replacing crypto/rand.Reader at the same time.
var readerMu sync.Mutex

// RunPlain simulates the load and reports what happened. It panics on a Load that makes no sense.
//
// etcd draws its election timeouts from crypto/rand.Reader, so RunPlain replaces that variable for the length of the run:
// nothing else in the process may use crypto/rand meanwhile. Calls exclude each other.
func RunPlain(load Load) Result {
	c := run(load, &seededReader{state: load.Seed})
	return c.result()
}

// run simulates the load with election timeouts drawn from timeouts, and returns the cluster as the run left it.
func run(load Load, timeouts io.Reader) *cluster {
	readerMu.Lock()
	defer readerMu.Unlock()
	defer func(r io.Reader) { rand.Reader = r }(rand.Reader)
	rand.Reader = timeouts

	c := newCluster(load)
	c.run()
	return c
}

// cluster is the whole simulated world.
type cluster struct {
	load     Load
	nodes    []node // node i has the Raft id i+1
	queue    queue
	free     []*event // delivered events, to be used again
	now      int64    // virtual nanoseconds
	end      int64
	seq      uint64 // events scheduled so far
	sent     uint64 // messages sent so far
	proposed uint64
	events   uint64
	leader   int // the node that last announced its leadership, or noLeader
	digest   fold
}

const noLeader = -1

// node is one voter: etcd's state machine, its storage, and a state machine that counts and hashes what it applies.
type node struct {
	raw     *raft.RawNode
	storage *raft.MemoryStorage
	applied uint64
	hash    fold
}

func newCluster(load Load) *cluster {
	if load.Nodes == 0 {
		load.Nodes = 3
	}
	if load.Seconds == 0 {
		load.Seconds = 10
	}
	if load.Tick == 0 {
		load.Tick = heartbeatInterval
	}
	if load.Nodes < 0 || load.Seconds < 0 || load.Tick < 0 || heartbeatInterval%load.Tick != 0 {
		panic(fmt.Sprintf("etcdraft: load %+v: counts must be positive and the tick must divide %v", load, heartbeatInterval))
	}
	c := &cluster{
		load:   load,
		nodes:  make([]node, load.Nodes),
		end:    int64(load.Seconds) * int64(time.Second),
		leader: noLeader,
	}
	voters := make([]uint64, load.Nodes)
	for i := range voters {
		voters[i] = uint64(i) + 1
	}
	for i := range c.nodes {
		c.nodes[i].storage = bootstrap(voters)
		c.nodes[i].raw = newRawNode(voters[i], load.Tick, c.nodes[i].storage)
		phase := mix(load.Seed^mix(voters[i])) % uint64(load.Tick)
		c.schedule(int64(phase), eventTick, i, nil)
	}
	c.schedule(0, eventPropose, 0, nil)
	return c
}

// bootstrap gives a storage that starts after an agreed first entry and knows the voters, as etcd recommends for new groups.
func bootstrap(voters []uint64) *raft.MemoryStorage {
	first := uint64(1)
	s := raft.NewMemoryStorage()
	must(s.ApplySnapshot(&raftpb.Snapshot{Metadata: &raftpb.SnapshotMetadata{
		ConfState: &raftpb.ConfState{Voters: voters}, Index: &first, Term: &first,
	}}))
	must(s.SetHardState(&raftpb.HardState{Term: &first, Commit: &first}))
	return s
}

func newRawNode(id uint64, tick time.Duration, s raft.Storage) *raft.RawNode {
	raw, err := raft.NewRawNode(&raft.Config{
		ID:              id,
		ElectionTick:    int(electionTimeout / tick),
		HeartbeatTick:   int(heartbeatInterval / tick),
		Storage:         s,
		MaxSizePerMsg:   1 << 20,
		MaxInflightMsgs: 256,
		CheckQuorum:     true,
		PreVote:         true,
		Logger:          silent{},
	})
	must(err)
	return raw
}

// run takes events in order until the end of virtual time.
func (c *cluster) run() {
	for len(c.queue) > 0 && c.queue[0].at < c.end {
		ev := heap.Pop(&c.queue).(*event)
		c.now = ev.at
		c.events++
		c.digest.event(ev)
		switch ev.kind {
		case eventTick:
			c.nodes[ev.to].raw.Tick()
			c.handleReady(ev.to)
			c.schedule(c.now+int64(c.load.Tick), eventTick, ev.to, nil)
		case eventPropose:
			c.propose()
			if next := c.now + int64(proposalInterval); next < c.end-int64(quietTail) {
				c.schedule(next, eventPropose, 0, nil)
			}
		case eventMessage:
			accept(c.nodes[ev.to].raw.Step(ev.msg))
			c.handleReady(ev.to)
		}
		ev.msg = nil
		c.free = append(c.free, ev)
	}
}

// propose hands the next command to the leader. Without one the command is lost, as with a client that does not retry.
func (c *cluster) propose() {
	if c.leader == noLeader {
		return
	}
	data := make([]byte, proposalSize) // the log keeps it
	binary.LittleEndian.PutUint64(data, c.proposed)
	binary.LittleEndian.PutUint64(data[8:], mix(c.proposed))
	c.proposed++
	accept(c.nodes[c.leader].raw.Propose(data))
	c.handleReady(c.leader)
}

// handleReady does what etcd asks of its host: make durable, send, apply, acknowledge, until nothing is left.
func (c *cluster) handleReady(i int) {
	n := &c.nodes[i]
	for n.raw.HasReady() {
		rd := n.raw.Ready()
		if rd.SoftState != nil {
			if rd.SoftState.RaftState == raft.StateLeader {
				c.leader = i
			} else if c.leader == i {
				c.leader = noLeader
			}
		}
		if !raft.IsEmptySnap(rd.Snapshot) {
			panic("etcdraft: a snapshot arrived although no log is ever compacted")
		}
		must(n.storage.Append(rd.Entries))
		if !raft.IsEmptyHardState(rd.HardState) {
			must(n.storage.SetHardState(rd.HardState))
		}
		for _, m := range rd.Messages {
			c.send(m)
		}
		for _, e := range rd.CommittedEntries {
			n.apply(e)
		}
		n.raw.Advance(rd)
	}
}

// send schedules the arrival of a message after a delay that depends on the seed and the message's number only.
func (c *cluster) send(m *raftpb.Message) {
	c.sent++
	c.schedule(c.now+latency(c.load.Seed, c.sent), eventMessage, int(m.GetTo())-1, m)
}

func latency(seed, number uint64) int64 {
	return int64(latencyMin) + int64(mix(seed^mix(number))%uint64(latencyMax-latencyMin+1))
}

func (c *cluster) schedule(at int64, kind eventKind, to int, m *raftpb.Message) {
	var ev *event
	if last := len(c.free) - 1; last >= 0 {
		ev, c.free = c.free[last], c.free[:last]
	} else {
		ev = new(event)
	}
	c.seq++
	*ev = event{at: at, seq: c.seq, kind: kind, to: to, msg: m}
	heap.Push(&c.queue, ev)
}

// apply counts and hashes a committed command. The empty entry a new leader writes is no command.
func (n *node) apply(e *raftpb.Entry) {
	data := e.GetData()
	if len(data) == 0 {
		return
	}
	n.applied++
	n.hash.word(e.GetIndex())
	n.hash.word(e.GetTerm())
	n.hash.word(binary.LittleEndian.Uint64(data))
	n.hash.word(binary.LittleEndian.Uint64(data[8:]))
}

func (c *cluster) result() Result {
	r := Result{Events: c.events, VirtualSeconds: int64(c.load.Seconds)}
	digest := c.digest
	for i := range c.nodes {
		r.Committed = max(r.Committed, c.nodes[i].applied)
		digest.word(c.nodes[i].applied)
		digest.word(uint64(c.nodes[i].hash))
	}
	r.Digest = mix(uint64(digest))
	return r
}

// accept lets a dropped proposal pass: leadership may end between the announcement and the call.
func accept(err error) {
	if !errors.Is(err, raft.ErrProposalDropped) {
		must(err)
	}
}

// must panics on an error that storage in memory and a fixed set of voters cannot give.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("etcdraft: impossible in this setting: %v", err))
	}
}
