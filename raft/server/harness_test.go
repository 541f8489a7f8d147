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
	"raftsim/raft/vfs"
)

// The tests of this package drive one server, or a few, by hand. A rig is one server with everything around it:
//
//	host  writes down what the server does, one line per effect, in order, and lets it die where a test says so
//	disk  is vfs.Mem that also writes down what happens to it, and whose syncs complete when a test says so
//	core  is the real one, or a script that hands out Readies
//
// Lines look like this:
//
//	moment persist
//	write
//	sync 1
//	send n1>n2 vote t1 last 0/0 commit 0/0
//	forward to n2: request c5 #1 try 1 from n1: 3 bytes
//	reply c5 #1 try 1 ok: 1 bytes
//	halt

const (
	electionTimeout = 100 * time.Millisecond
	heartbeat       = 20 * time.Millisecond
	millisecond     = int64(time.Millisecond)
)

type rig struct {
	t      testing.TB
	id     uint64
	cfg    Config
	disk   *disk
	host   *host
	server *Server
	kv     *statemachine.KV
	now    int64
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
	for len(r.disk.pending) > 0 {
		if c := r.disk.complete(); c.Err != nil {
			t.Fatal(c.Err)
		}
	}
	r.disk.host = r.host
	return r
}

// restart starts a server from the disk; it recovers until its first sync completes.
func (r *rig) restart() {
	r.t.Helper()
	r.kv = statemachine.NewKV()
	r.host.dead = false
	s, err := Restart(r.cfg, r.disk, r.host, nil, r.kv)
	if err != nil {
		r.t.Fatal(err)
	}
	r.server = s
}

// running starts the server, lets it recover and forgets what was written down so far.
func (r *rig) running() *rig {
	r.t.Helper()
	r.restart()
	r.sync()
	if !r.server.Running() {
		r.t.Fatal("the server does not run after its recovery sync has completed")
	}
	r.host.lines = nil
	return r
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

// sync completes the oldest sync under way and tells the server.
func (r *rig) sync() {
	r.t.Helper()
	if len(r.disk.pending) == 0 {
		r.t.Fatal("no sync is under way")
	}
	c := r.disk.complete()
	r.server.HandleSync(r.now, c.Ticket, c.Err)
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

// put is a command, and a request for it.
func put(key uint64, value string) []byte { return statemachine.AppendPut(nil, key, []byte(value)) }

func ask(id, seq uint64, attempt uint32) client.Request {
	return client.Request{Client: id, Seq: seq, Attempt: attempt, Command: put(id, fmt.Sprint(seq))}
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

func (h *host) SendReply(r *client.Reply) {
	h.note("%v", r)
	c := *r
	c.Result = slices.Clone(r.Result)
	h.replies = append(h.replies, c)
}

func (h *host) Halt(err error) {
	h.note("halt")
	h.halts = append(h.halts, err)
}

// disk is a file system in memory that knows what a power loss leaves of the log, and completes syncs on demand.
type disk struct {
	*vfs.Mem
	host    *host
	durable []byte // of the log
	pending []pendingSync
	failing error // what writes return
}

type pendingSync struct {
	completion vfs.Completion
	covers     []byte
}

func newDisk() *disk { return &disk{Mem: new(vfs.Mem)} }

func (d *disk) Create(name string) (vfs.File, error) { return d.wrap(d.Mem.Create(name)) }
func (d *disk) Open(name string) (vfs.File, error)   { return d.wrap(d.Mem.Open(name)) }
func (d *disk) SyncDir(t vfs.Ticket)                 { d.Mem.SyncDir(t); d.collect() }

func (d *disk) wrap(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &diskFile{File: f, disk: d}, nil
}

// view is what a process reads back from the log.
func (d *disk) view() []byte {
	f, err := d.Mem.Open(storage.Name)
	if err != nil {
		return nil
	}
	size, _ := f.Size()
	b := make([]byte, size)
	_, _ = f.ReadAt(b, 0)
	return b
}

// collect takes over the completions that Mem has at once.
func (d *disk) collect() {
	for _, c := range d.Mem.Completions() {
		d.pending = append(d.pending, pendingSync{c, d.view()})
	}
}

// complete ends the oldest sync under way.
func (d *disk) complete() vfs.Completion {
	p := d.pending[0]
	d.pending = d.pending[1:]
	if p.completion.Err == nil {
		d.durable = p.covers
	}
	return p.completion
}

// crash ends the process: nobody is told any more of the syncs under way.
func (d *disk) crash() {
	for len(d.pending) > 0 {
		d.complete()
	}
}

// powerLoss leaves the durable bytes and at most extra bytes of what was written behind them.
func (d *disk) powerLoss(extra int) {
	keep := slices.Clone(d.durable)
	if view := d.view(); len(view) > len(keep) {
		keep = append(keep, view[len(keep):min(len(view), len(keep)+extra)]...)
	}
	d.Mem, d.pending = new(vfs.Mem), nil
	f, err := d.Mem.Create(storage.Name)
	if err == nil {
		_, err = f.WriteAt(keep, 0)
	}
	if err != nil {
		panic(err)
	}
}

func (d *disk) note(format string, args ...any) {
	if d.host != nil {
		d.host.note(format, args...)
	}
}

type diskFile struct {
	vfs.File
	disk *disk
}

func (f *diskFile) WriteAt(p []byte, off int64) (int, error) {
	f.disk.note("write")
	if f.disk.failing != nil {
		return 0, f.disk.failing
	}
	return f.File.WriteAt(p, off)
}

func (f *diskFile) Sync(t vfs.Ticket) {
	if t == recoveryTicket {
		f.disk.note("sync recovery")
	} else {
		f.disk.note("sync %d", t)
	}
	f.File.Sync(t)
	f.disk.collect()
}

// script is a core that hands out the Readies a test gives it, and writes down what it is told.
type script struct {
	initial  raft.InitialState
	status   raft.Status
	deadline int64
	readies  []raft.Ready
	buffer   raft.Ready // of the last Ready handed out; overwritten by the next as the interface allows
	proposed func() error

	stepped  int
	ticked   int
	proposes int
	advanced []uint64
	applied  []uint64
	times    []int64 // of Applied
}

func (c *script) Step(int64, *raft.Message) error { c.stepped++; return nil }
func (c *script) Tick(int64)                      { c.ticked++ }
func (c *script) Deadline() int64                 { return c.deadline }
func (c *script) Campaign(int64)                  {}
func (c *script) HasReady() bool                  { return len(c.readies) > 0 }
func (c *script) Advance(_ int64, ticket uint64)  { c.advanced = append(c.advanced, ticket) }
func (c *script) Status() raft.Status             { return c.status }

func (c *script) Propose(int64, []byte) (index, term uint64, err error) {
	c.proposes++
	if c.proposed != nil {
		err = c.proposed()
	}
	return 0, c.status.Term, err
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
	return raft.Entry{Term: term, Index: index, Data: statemachine.AppendEnvelope(nil, id, seq, put(id, fmt.Sprint(seq)))}
}
