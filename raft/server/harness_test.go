package server

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
	"raftsim/raft/storage"
)

// The tests of this package drive one server, or a few, by hand. A rig is one server with everything around it:
//
//	host  writes down what the server does, one line per effect, in order, and lets it die where a test says so
//	disk  writes down what happens to it, and completes syncs when a test says so
//	core  is the real one, or a script that hands out Readies
//
// Lines look like this:
//
//	moment persist
//	write
//	sync 1
//	send n1>n2 vote t1 last 0/0 commit 0/0
//	forward to n2: command c5 #2 try 1 from n1 session 5 after #1 ack #2: 10 bytes
//	reply c5 #2 try 1 ok, index 9: 1 bytes
//	apply later
//	halt
//
// The writes and syncs that belong to storage alone (new segments, snapshots) are not written down.
//
// Clients are known by the index of the entry that opened their session: c5 has session 5, opened under its number 1.

const (
	electionTimeout = 100 * time.Millisecond
	heartbeat       = 20 * time.Millisecond
	millisecond     = int64(time.Millisecond)
)

type rig struct {
	t       testing.TB
	id      uint64
	cfg     Config
	disk    *disk
	host    *host
	server  *Server
	kv      *statemachine.KV
	now     int64
	watch   Observer
	retired bool // removed from the cluster: its disk is of no use any more
	// retiredAt is the entry that removed it.
	retiredAt uint64
	// machine makes the state machine; nil: the map of the house.
	machine func() statemachine.StateMachine
}

// newRig bootstraps a member of a cluster of the given size on a disk of its own. Nothing is started yet.
func newRig(t testing.TB, id uint64, members int) *rig {
	t.Helper()
	r := &rig{t: t, id: id, disk: newDisk(), host: &host{}}
	r.cfg = Config{Raft: raft.Config{ID: id, ElectionTimeout: electionTimeout, HeartbeatInterval: heartbeat}, Forward: true}
	var conf raft.ConfState
	for m := range members {
		conf.Voters = append(conf.Voters, uint64(m+1))
	}
	if err := Bootstrap(r.disk, id, conf); err != nil {
		t.Fatal(err)
	}
	r.formatted()
	return r
}

// newJoiner is a rig for a server that an existing cluster is to add.
func newJoiner(t testing.TB, id, after uint64) *rig {
	t.Helper()
	r := &rig{t: t, id: id, disk: newDisk(), host: &host{}}
	r.cfg = Config{Raft: raft.Config{ID: id, ElectionTimeout: electionTimeout, HeartbeatInterval: heartbeat}, Forward: true}
	if err := Join(r.disk, id, after); err != nil {
		t.Fatal(err)
	}
	r.formatted()
	return r
}

// formatted completes what was written to a new disk.
func (r *rig) formatted() {
	r.t.Helper()
	for len(r.disk.pending) > 0 {
		if c := r.disk.complete(); c.Err != nil {
			r.t.Fatal(c.Err)
		}
	}
	r.disk.host = r.host
}

// restart starts a server from the disk; it recovers until its first sync completes.
func (r *rig) restart() {
	r.t.Helper()
	r.kv = statemachine.NewKV()
	var machine statemachine.StateMachine = r.kv
	if r.machine != nil {
		machine = r.machine()
	}
	r.host.dead = false
	s, err := Restart(r.cfg, r.disk, r.host, r.watch, machine)
	if err != nil {
		r.t.Fatal(err)
	}
	r.server = s
}

// running starts the server, lets it recover and forgets what was written down so far.
func (r *rig) running() *rig {
	r.t.Helper()
	r.restart()
	r.recover()
	if !r.server.Running() {
		r.t.Fatal("the server does not run after its recovery syncs have completed")
	}
	r.host.lines = nil
	return r
}

// recover completes syncs until the server runs, or none is under way.
func (r *rig) recover() {
	r.t.Helper()
	for !r.server.Running() && len(r.disk.pending) > 0 {
		r.sync()
	}
}

// scripted gives the server a core that does what the test says.
func (r *rig) scripted() *script {
	core := &script{status: raft.Status{ID: r.id, Term: 1}}
	r.cfg.NewCore = func(_ raft.Config, _ int64, initial raft.InitialState) (Core, error) {
		core.initial = initial
		return core, nil
	}
	return core
}

// sync completes syncs under way up to the oldest one that is not the log's own, and tells the server.
func (r *rig) sync() {
	r.t.Helper()
	if len(r.disk.pending) == 0 {
		r.t.Fatal("no sync is under way")
	}
	for len(r.disk.pending) > 0 && !r.syncOne() {
	}
}

// syncOne completes the oldest sync under way, tells the server, and reports whether it was not the log's own.
func (r *rig) syncOne() bool {
	c := r.disk.complete()
	r.server.HandleSync(r.now, c.Ticket, c.Err)
	return c.Ticket < storage.InternalTickets
}

// syncAll completes syncs until none is under way.
func (r *rig) syncAll() {
	r.t.Helper()
	for len(r.disk.pending) > 0 {
		r.sync()
	}
}

// lead makes a server of a cluster of one its leader.
func (r *rig) lead() *rig {
	r.t.Helper()
	r.server.Campaign(r.now)
	r.syncAll()
	if st := r.server.Status(); st.Role != raft.StateLeader {
		r.t.Fatalf("want a leader, got %s", raft.DescribeStatus(nil, st))
	}
	r.host.lines = nil
	return r
}

func (r *rig) step(m raft.Message) {
	m.To = r.id
	r.server.HandleMessage(r.now, &m)
}

func (r *rig) request(req client.Request) { r.server.HandleRequest(r.now, &req) }

// want compares what happened since the last call with what should have, leaving out moments.
func (r *rig) want(lines ...string) {
	r.t.Helper()
	got := slices.DeleteFunc(r.host.take(), func(l string) bool { return strings.HasPrefix(l, "moment") })
	if diff := cmp.Diff(lines, got); diff != "" && len(lines)+len(got) > 0 {
		r.t.Fatalf("effects (-want +got):\n%s", diff)
	}
}

// put is a command.
func put(key uint64, value string) []byte { return statemachine.AppendPut(nil, key, []byte(value)) }

// ask is an attempt of a client's command, which comes after the one with the number before. The client wants no earlier answer.
func ask(id, seq uint64, attempt uint32) client.Request {
	return client.Request{
		Kind: client.KindCommand, Client: id, Seq: seq, Attempt: attempt, Session: id, Prev: seq - 1, Ack: seq,
		Command: put(id, fmt.Sprint(seq)),
	}
}

// query is an attempt of a client's read of the key that its commands write.
func query(kind client.ReadKind, id, seq uint64, attempt uint32) client.Request {
	return client.Request{
		Kind: client.KindRead, Read: kind, Client: id, Seq: seq, Attempt: attempt, Command: statemachine.AppendGet(nil, id),
	}
}

// opening is an attempt to open a session.
func opening(id, seq uint64, attempt uint32) client.Request {
	return client.Request{Kind: client.KindOpen, Client: id, Seq: seq, Attempt: attempt}
}

// opened applies the openings of the sessions of clients 5 to 8, at a server with a script for a core. The log then ends at
// entry 8.
func (r *rig) opened(core *script) *rig {
	r.t.Helper()
	was, times := len(core.applied), len(core.times)
	var entries []raft.Entry
	for id := uint64(5); id <= 8; id++ {
		e := statemachine.Envelope{Kind: statemachine.EnvelopeOpen, Client: id, Seq: 1}
		entries = append(entries, raft.Entry{Term: 1, Index: id, Data: statemachine.AppendEnvelope(nil, &e)})
	}
	core.readies = []raft.Ready{{Committed: entries}}
	r.step(raft.Message{})
	for r.cfg.AsyncApply && r.server.queue.len() > 0 {
		r.server.HandleApply(r.now, 0)
	}
	core.applied, core.times, core.index = core.applied[:was], core.times[:times], 8
	r.host.lines = nil
	return r
}

// open opens the session of a client whose id is the next index of the log, or makes it so with sessions of others.
func (r *rig) open(ids ...uint64) *rig {
	r.t.Helper()
	for _, id := range ids {
		for filler := uint64(1000); ; filler++ {
			next := r.server.Status().LastIndex + 1
			if next > id {
				r.t.Fatalf("the log is at entry %d already", next)
			}
			if next == id {
				filler = id
			}
			r.request(opening(filler, 1, 1))
			r.syncAll()
			if next == id {
				break
			}
		}
	}
	r.host.lines, r.host.replies = nil, nil
	return r
}

// forwardedBy is a request as the given server forwards it.
func forwardedBy(origin uint64, r client.Request) client.Request {
	r.Hops, r.Origin = 1, origin
	return r
}

// host writes down the effects.
type host struct {
	lines    []string
	messages []raft.Message // sent, not delivered
	forwards []forward
	replies  []client.Reply
	halts    []error

	dead     bool
	kill     func(m Moment) bool // whether the server dies at a moment; nil: never
	onEffect func()              // before an effect is written down; nil: nothing
	visits   [momentEnd]int
	later    int // ApplyLater
	after    int // effects after death
}

type forward struct {
	to      uint64
	request client.Request
}

func (h *host) note(format string, args ...any) {
	if h.onEffect != nil {
		h.onEffect()
	}
	if h.dead {
		h.after++
	}
	h.lines = append(h.lines, fmt.Sprintf(format, args...))
}

func (h *host) take() []string {
	lines := h.lines
	h.lines = nil
	return lines
}

func (h *host) Moment(m Moment, _ uint64) bool {
	h.note("moment %s", MomentNames()[m])
	h.visits[m]++
	if h.kill != nil && h.kill(m) {
		h.dead = true
	}
	return !h.dead
}

func (h *host) SendMessage(m *raft.Message) {
	h.note("send %s", raft.DescribeMessage(nil, m))
	// As a network would: through bytes, sharing nothing with the sender.
	var c raft.Message
	if err := raft.DecodeMessage(raft.AppendMessage(nil, m), &c); err != nil {
		panic(err)
	}
	h.messages = append(h.messages, c)
}

func (h *host) SendForward(to uint64, r *client.Request) {
	h.note("forward to n%d: %v", to, r)
	c := *r
	c.Command = slices.Clone(r.Command)
	h.forwards = append(h.forwards, forward{to, c})
}

func (h *host) SendBeacon(to uint64, b *client.Beacon) { h.note("to %d: %v", to, b) }

func (h *host) SendReply(r *client.Reply) {
	h.note("%v", r)
	c := *r
	c.Result = slices.Clone(r.Result)
	h.replies = append(h.replies, c)
}

func (h *host) ApplyLater() {
	h.note("apply later")
	h.later++
}

func (h *host) Halt(err error) {
	h.note("halt")
	h.halts = append(h.halts, err)
}

// script is a core that hands out the Readies a test gives it, and writes down what it is told.
type script struct {
	initial   raft.InitialState
	status    raft.Status
	deadline  int64
	readies   []raft.Ready
	buffer    raft.Ready // of the last Ready handed out; overwritten by the next as the interface allows
	proposed  func() error
	onAdvance func()
	readFunc  func(context uint64, lease bool) error

	stepped     int
	ticked      int
	proposes    int
	index       uint64 // of the last proposal
	advanced    []uint64
	applied     []uint64
	times       []int64 // of Applied
	contexts    []uint64
	leases      []bool
	changes     []raft.ConfChange
	transfers   []uint64
	snapshotted []raft.SnapshotMeta
	pinned      uint64
	retain      uint64 // entries kept before a snapshot
	confs       map[uint64]raft.ConfState
}

func (c *script) Step(int64, *raft.Message) error { c.stepped++; return nil }
func (c *script) Tick(int64)                      { c.ticked++ }
func (c *script) Deadline() int64                 { return c.deadline }
func (c *script) Campaign(int64)                  {}
func (c *script) HasReady() bool                  { return len(c.readies) > 0 }
func (c *script) Advance(_ int64, ticket uint64)  { c.advanced = append(c.advanced, ticket); c.notify() }
func (c *script) Status() raft.Status             { return c.status }

func (c *script) notify() {
	if c.onAdvance != nil {
		c.onAdvance()
	}
}

func (c *script) Propose(int64, []byte) (index, term uint64, err error) {
	c.proposes++
	if c.proposed != nil {
		if err := c.proposed(); err != nil {
			return 0, 0, err
		}
	}
	c.index++
	return c.index, c.status.Term, nil
}

func (c *script) ProposeConfChange(_ int64, change *raft.ConfChange) (index, term uint64, err error) {
	c.changes = append(c.changes, *change)
	return 0, 0, raft.ErrConfChangePending
}

func (c *script) TransferLeader(_ int64, to uint64) error {
	c.transfers = append(c.transfers, to)
	return raft.ErrNotLeader
}

func (c *script) ReadIndex(_ int64, context uint64, lease bool) error {
	c.contexts, c.leases = append(c.contexts, context), append(c.leases, lease)
	if c.readFunc != nil {
		return c.readFunc(context, lease)
	}
	return nil
}

func (c *script) Snapshotted(_ int64, meta raft.SnapshotMeta) {
	c.snapshotted = append(c.snapshotted, meta)
	c.status.FirstIndex = meta.Index + 1 - c.retain
}

func (c *script) SnapshotPinned(index uint64) bool { return index == c.pinned }

func (c *script) ConfState(index uint64) raft.ConfState {
	if conf, ok := c.confs[index]; ok {
		return conf
	}
	return raft.ConfState{Voters: []uint64{1, 2, 3}}
}

func (c *script) Applied(now int64, index uint64) {
	c.applied, c.times = append(c.applied, index), append(c.times, now)
}

// Ready reuses its buffers, as a core may: a server that keeps what it was given sees it change.
func (c *script) Ready() *raft.Ready {
	for _, list := range [][]raft.Message{c.buffer.Messages, c.buffer.Dependent} {
		for i := range list {
			clear(list[i].Entries)
			list[i] = raft.Message{}
		}
	}
	clear(c.buffer.Committed)
	c.buffer = c.readies[0]
	c.readies = c.readies[1:]
	return &c.buffer
}

// vote is a Ready that makes a term and a vote durable and asks for votes after that.
func vote(ticket, term uint64) raft.Ready {
	return raft.Ready{
		Ticket: ticket, HardStateChanged: true, HardState: raft.HardState{Term: term, Vote: 1},
		Dependent: []raft.Message{{Type: raft.MsgVote, From: 1, To: 2, Term: term}},
	}
}

// ack is a Ready with nothing to write and an answer that reveals what was written before.
func ack(term uint64) raft.Ready {
	return raft.Ready{Dependent: []raft.Message{{Type: raft.MsgHeartbeatResp, From: 1, To: 2, Term: term}}}
}

// entry is one of the log with a client's command.
func entry(term, index, id, seq uint64) raft.Entry {
	r := ask(id, seq, 1)
	e := statemachine.Envelope{
		Kind: statemachine.EnvelopeCommand, Client: id, Seq: seq, Session: r.Session, Prev: r.Prev, Ack: r.Ack, Command: r.Command,
	}
	return raft.Entry{Term: term, Index: index, Data: statemachine.AppendEnvelope(nil, &e)}
}

// committed is a Ready that hands out entries to be applied.
func committed(entries ...raft.Entry) raft.Ready { return raft.Ready{Committed: entries} }
