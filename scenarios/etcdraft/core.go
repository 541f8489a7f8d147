package etcdraft

import (
	"fmt"
	"time"

	etcd "go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"raftsim/raft"
	"raftsim/raft/server"
)

// Core is etcd's RawNode behind the interface of raft/server, in its asynchronous mode: etcd says what is to be written and
// which messages wait for it, the server writes and reports back.
//
// etcd counts ticks where this project's core knows time. A leader ticks once per heartbeat interval. Anybody else ticks so
// that the ticks of an election timeout take ElectionTimeout plus Config.Jitter(term): the spread of election timeouts comes from
// there, since the draw that etcd itself makes is a constant here (see constantReader).
//
// Membership stays as it was at the start; transfer, read rounds and snapshots are refused.
type Core struct {
	raw   *etcd.RawNode
	store storage
	cfg   raft.Config

	now, nextTick int64
	period        int64
	term          uint64 // period was set for it
	leading       bool

	ready    raft.Ready
	hs       raft.HardState // the newest
	written  raft.HardState // the newest handed out to be written
	durable  raft.HardState // the newest that was
	last     raft.EntryID   // the last entry handed out
	ticket   uint64         // the last issued
	writing  []batch        // issued and not acknowledged, oldest first
	applying []*raftpb.Message
}

// storage shows etcd what is durable. A log that begins with entry 1 has no snapshot to hold its configuration.
type storage struct {
	*etcd.MemoryStorage
	conf *raftpb.ConfState
}

func (s storage) InitialState() (*raftpb.HardState, *raftpb.ConfState, error) {
	hs, _, err := s.MemoryStorage.InitialState()
	return hs, s.conf, err
}

// batch is what waits for a ticket.
type batch struct {
	ticket    uint64
	hs        raft.HardState
	entries   []*raftpb.Entry
	responses []*raftpb.Message // of etcd to itself
}

// NewCore is a server.NewCore.
func NewCore(cfg raft.Config, now int64, initial raft.InitialState) (server.Core, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if initial.Offset != 0 || len(initial.ConfState.Voters) == 0 {
		return nil, fmt.Errorf("etcdraft: n%d: %w: a log that does not begin with entry 1, or has no configuration", cfg.ID, raft.ErrUnsupported)
	}
	useConstantReader()
	c := &Core{cfg: cfg, now: now, hs: initial.HardState, written: initial.HardState, durable: initial.HardState}
	c.store = storage{etcd.NewMemoryStorage(), &raftpb.ConfState{Voters: initial.ConfState.Voters}}
	var entries []*raftpb.Entry
	for i := range initial.Entries {
		e := &initial.Entries[i]
		entries = append(entries, toEntry(e))
		c.last = raft.EntryID{Index: e.Index, Term: e.Term}
	}
	must(c.store.Append(entries))
	hs := initial.HardState // etcd keeps pointers into what it is given
	must(c.store.SetHardState(&raftpb.HardState{Term: &hs.Term, Vote: &hs.Vote, Commit: &hs.Commit}))
	raw, err := etcd.NewRawNode(&etcd.Config{
		ID: cfg.ID, Storage: c.store, Applied: initial.Applied, AsyncStorageWrites: true,
		ElectionTick: c.electionTicks(), HeartbeatTick: 1,
		MaxSizePerMsg: orDefault(cfg.MaxBytesPerMessage, 1<<20), MaxInflightMsgs: int(orDefault(cfg.MaxInflight, 256)),
		MaxUncommittedEntriesSize: orDefault(cfg.MaxUncommittedBytes, 64<<20),
		CheckQuorum:               !cfg.DisableCheckQuorum, PreVote: !cfg.DisablePreVote, Logger: silent{},
	})
	if err != nil {
		return nil, fmt.Errorf("etcdraft: n%d: %w", cfg.ID, err)
	}
	c.raw = raw
	c.term = ^uint64(0)
	c.pace()
	return c, nil
}

func orDefault(n int, zero uint64) uint64 {
	if n == 0 {
		return zero
	}
	return uint64(n)
}

func (c *Core) electionTicks() int { return max(2, int(c.cfg.ElectionTimeout/c.cfg.HeartbeatInterval)) }

// pace sets the length of a tick, at every change of term or leadership.
func (c *Core) pace() {
	st := c.raw.BasicStatus()
	term, leading := st.HardState.GetTerm(), st.RaftState == etcd.StateLeader
	if term == c.term && leading == c.leading {
		return
	}
	c.term, c.leading = term, leading
	c.period = int64(c.cfg.HeartbeatInterval)
	if !leading {
		jitter := c.cfg.ElectionTimeout / 8 * time.Duration((c.cfg.ID+term)%8)
		if c.cfg.Jitter != nil {
			jitter = min(max(c.cfg.Jitter(term), 0), c.cfg.ElectionTimeout-1)
		}
		c.period = int64(c.cfg.ElectionTimeout+jitter) / int64(c.electionTicks())
	}
	c.nextTick = c.now + c.period
}

func (c *Core) enter(now int64) { c.now = max(c.now, now) }

// Step implements server.Core.
func (c *Core) Step(now int64, m *raft.Message) error {
	c.enter(now)
	e, err := toEtcd(m)
	if err != nil {
		return err
	}
	err = c.raw.Step(e)
	c.pace()
	return err
}

// Tick implements server.Core. A server that is late ticks once: it has not lived through the ticks it missed.
func (c *Core) Tick(now int64) {
	if c.enter(now); c.now < c.nextTick {
		return
	}
	c.nextTick = c.now + c.period
	c.raw.Tick()
	c.pace()
}

// Deadline implements server.Core.
func (c *Core) Deadline() int64 { return c.nextTick }

// Campaign implements server.Core.
func (c *Core) Campaign(now int64) {
	c.enter(now)
	_ = c.raw.Campaign() // refused where it makes no sense
	c.pace()
}

// Propose implements server.Core. etcd does not say where the entry went: the index is 0.
func (c *Core) Propose(now int64, data []byte) (index, term uint64, err error) {
	c.enter(now)
	if st := c.raw.BasicStatus(); st.RaftState != etcd.StateLeader {
		return 0, 0, raft.ErrNotLeader
	}
	if err := c.raw.Propose(append([]byte(nil), data...)); err != nil {
		return 0, 0, raft.ErrProposalDropped
	}
	return 0, c.term, nil
}

// ProposeConfChange implements server.Core.
func (c *Core) ProposeConfChange(int64, *raft.ConfChange) (index, term uint64, err error) {
	return 0, 0, raft.ErrUnsupported
}

// TransferLeader implements server.Core.
func (c *Core) TransferLeader(int64, uint64) error { return raft.ErrUnsupported }

// ReadIndex implements server.Core.
func (c *Core) ReadIndex(int64, uint64, bool) error { return raft.ErrUnsupported }

// Snapshotted implements server.Core: the log stays whole.
func (c *Core) Snapshotted(int64, raft.SnapshotMeta) {}

// SnapshotPinned implements server.Core.
func (c *Core) SnapshotPinned(uint64) bool { return false }

// ConfState implements server.Core.
func (c *Core) ConfState(uint64) raft.ConfState { return raft.ConfState{Voters: c.store.conf.Voters} }

// HasReady implements server.Core.
func (c *Core) HasReady() bool { return c.raw.HasReady() }

// Ready implements server.Core.
func (c *Core) Ready() *raft.Ready {
	rd := &c.ready
	*rd = raft.Ready{Messages: rd.Messages[:0], Dependent: rd.Dependent[:0], Entries: rd.Entries[:0], Committed: rd.Committed[:0]}
	from := c.raw.Ready()
	if hs := from.HardState; !etcd.IsEmptyHardState(hs) {
		c.hs = raft.HardState{Term: hs.GetTerm(), Vote: hs.GetVote(), Commit: hs.GetCommit()}
	}
	for _, m := range from.Messages {
		switch m.GetTo() {
		case etcd.LocalAppendThread:
			c.write(rd, m)
		case etcd.LocalApplyThread:
			for _, e := range m.GetEntries() {
				rd.Committed = append(rd.Committed, fromEntry(e))
			}
			c.applying = append(c.applying, m)
		default:
			// What is said in a term waits for term and vote: who won by the votes of others could otherwise, after a loss of power,
			// win the same term again with another log.
			out := &rd.Messages
			if c.hs.Term != c.durable.Term || c.hs.Vote != c.durable.Vote {
				out = &rd.Dependent
			}
			*out = append(*out, fromEtcd(m))
		}
	}
	return rd
}

// write turns a request to the append thread into a ticket.
func (c *Core) write(rd *raft.Ready, m *raftpb.Message) {
	b := batch{entries: m.GetEntries(), hs: c.hs}
	for _, r := range m.GetResponses() {
		if r.GetTo() == c.cfg.ID {
			b.responses = append(b.responses, r)
		} else {
			rd.Dependent = append(rd.Dependent, fromEtcd(r))
		}
	}
	for _, e := range b.entries {
		rd.Entries = append(rd.Entries, fromEntry(e))
		c.last = raft.EntryID{Index: e.GetIndex(), Term: e.GetTerm()}
	}
	// A commit index alone is a hint that needs no write of its own.
	changed := c.hs.Term != c.written.Term || c.hs.Vote != c.written.Vote
	if !changed && len(b.entries) == 0 && len(b.responses) == 0 {
		return
	}
	c.ticket++
	b.ticket = c.ticket
	c.writing = append(c.writing, b)
	rd.Ticket, rd.HardStateChanged, rd.HardState = c.ticket, true, c.hs
	// An entry beyond the disk must not be named as committed by it.
	stable, err := c.store.LastIndex()
	must(err)
	rd.HardState.Commit = min(c.hs.Commit, stable)
	c.written = c.hs
}

// Advance implements server.Core.
func (c *Core) Advance(now int64, ticket uint64) {
	c.enter(now)
	done := 0
	for done < len(c.writing) && c.writing[done].ticket <= ticket {
		must(c.store.Append(c.writing[done].entries))
		c.durable = c.writing[done].hs
		done++
	}
	for i := range c.writing[:done] {
		for _, m := range c.writing[i].responses {
			_ = c.raw.Step(m)
		}
	}
	c.writing = append(c.writing[:0], c.writing[done:]...)
	c.pace()
}

// Applied implements server.Core.
func (c *Core) Applied(now int64, index uint64) {
	c.enter(now)
	done := 0
	for done < len(c.applying) {
		entries := c.applying[done].GetEntries()
		if entries[len(entries)-1].GetIndex() > index {
			break
		}
		for _, m := range c.applying[done].GetResponses() {
			_ = c.raw.Step(m)
		}
		done++
	}
	c.applying = append(c.applying[:0], c.applying[done:]...)
}

// Status implements server.Core.
func (c *Core) Status() raft.Status {
	st := c.raw.BasicStatus()
	roles := [...]raft.Role{
		etcd.StateFollower: raft.StateFollower, etcd.StateCandidate: raft.StateCandidate,
		etcd.StateLeader: raft.StateLeader, etcd.StatePreCandidate: raft.StatePreCandidate,
	}
	return raft.Status{
		ID: st.ID, Term: st.HardState.GetTerm(), Vote: st.HardState.GetVote(), Lead: st.Lead, Role: roles[st.RaftState],
		Commit: st.HardState.GetCommit(), Applied: st.Applied, LastIndex: c.last.Index, LastTerm: c.last.Term, Handed: c.last.Index, FirstIndex: 1,
	}
}
