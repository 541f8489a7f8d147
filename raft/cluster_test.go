package raft

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A cluster is a few servers, their disks and one list of messages, all in the test's hand: nothing moves unless a test
// says so. Every message passes through the codec, and buffers are overwritten as soon as they are the core's or the
// caller's again, so that a server that keeps what it must not keep is found out.
type cluster struct {
	now   int64
	nodes []*testNode
	wire  []Message
	cfg   Config // ID aside
	conf  ConfState
	cut   uint64 // a server whose messages the chaos loses, both ways

	// sabotage, for tests that must fail
	corrupt      func(m *Message)
	ackEarly     bool // Dependent leaves without waiting for the disk
	forgetVote   bool // a restart finds the term without the vote
	advanceEarly bool // writes are acknowledged before they are durable
}

type testNode struct {
	id      uint64
	up      bool
	life    int // counts starts
	r       *Raft
	disk    testDisk
	writes  []testWrite // issued, not durable
	applied []Entry     // the state machine, gone with a crash
	slow    bool        // writes wait for sync
	joiner  bool        // starts without a configuration
	after   uint64      // of a joiner: InitialState.JoinedAfter
	lost    EntryID     // what its disk lost
	reads   []ReadState // as answered, gone with a crash
	buffer  []byte
	scratch Message
	snaps   testSnapshots
	apply   testApply
}

type testDisk struct {
	hs         HardState
	offset     uint64 // of the log; 0 without a snapshot
	offsetTerm uint64
	entries    []Entry // index offset+i+1 at i
	snapshot   testSnapshot
}

type testWrite struct {
	ticket    uint64 // 0: only messages that wait for the writes before
	hs        HardState
	entries   []Entry
	snapshot  *SnapshotMeta
	dependent []Message
}

func (d *testDisk) write(w testWrite) {
	if w.ticket == 0 {
		return
	}
	d.hs = w.hs
	if len(w.entries) > 0 {
		keep := w.entries[0].Index - 1 - d.offset
		if keep > uint64(len(d.entries)) {
			panic(fmt.Sprintf("entry %d would leave a gap on a disk with entries %d to %d", w.entries[0].Index, d.offset+1, d.last()))
		}
		d.entries = append(d.entries[:keep:keep], w.entries...)
	}
}

func testConfig() Config {
	return Config{ElectionTimeout: 150 * time.Millisecond, HeartbeatInterval: 50 * time.Millisecond}
}

// newCluster makes n servers, n1 to n<n>, with the given settings and empty disks.
func newCluster(n int, cfg Config) *cluster {
	c := &cluster{cfg: cfg}
	for id := range uint64(n) {
		c.conf.Voters = append(c.conf.Voters, id+1)
		c.nodes = append(c.nodes, &testNode{id: id + 1})
	}
	for _, n := range c.nodes {
		c.start(n)
	}
	return c
}

func (c *cluster) node(id uint64) *testNode { return c.nodes[id-1] }

func (c *cluster) start(n *testNode) {
	cfg := c.cfg
	cfg.ID = n.id
	hs := n.disk.hs
	if c.forgetVote {
		hs.Vote = None
	}
	n.life++
	initial := n.disk.initial(hs, c.conf)
	initial.Lost, initial.Incarnation = n.lost, uint64(n.life)
	if n.joiner {
		initial.JoinedAfter = n.after
		if initial.Snapshot.Index == 0 {
			initial.ConfState = ConfState{}
		}
	}
	r, err := New(cfg, c.now, initial)
	if err != nil {
		panic(err)
	}
	n.r, n.up, n.applied, n.writes, n.reads = r, true, n.disk.snapshot.entries(), nil, nil
	n.restartSnapshots()
}

// join starts one more server, which knows nothing.
func (c *cluster) join() *testNode {
	n := &testNode{id: uint64(len(c.nodes)) + 1, joiner: true}
	c.nodes = append(c.nodes, n)
	c.start(n)
	return n
}

// wipe gives a server that is down an empty disk, which says after which entry it joins.
func (n *testNode) wipe(after uint64) {
	n.disk, n.lost, n.applied, n.snaps = testDisk{}, EntryID{}, nil, testSnapshots{installs: n.snaps.installs}
	n.joiner, n.after = true, after
}

// restart gives a server another disk and starts it from there.
func (c *cluster) restartWith(id, term, vote, commit uint64, terms ...uint64) {
	n := c.node(id)
	n.disk = testDisk{hs: HardState{Term: term, Vote: vote, Commit: commit}, entries: entriesOf(1, terms...)}
	c.start(n)
}

// entriesOf makes entries with the given terms from index first on.
func entriesOf(first uint64, terms ...uint64) []Entry {
	var entries []Entry
	for i, term := range terms {
		index := first + uint64(i)
		entries = append(entries, Entry{Term: term, Index: index, Data: fmt.Appendf(nil, "%d/%d", index, term)})
	}
	return entries
}

// crash stops a server; the first kept of the writes under way reach the disk.
func (c *cluster) crash(n *testNode, kept int) {
	for _, w := range n.writes[:kept] {
		n.disk.write(w)
		n.installIf(w.snapshot)
	}
	n.up, n.writes = false, nil
}

// pump takes what the server wants done until it wants nothing more.
func (c *cluster) pump(n *testNode) {
	for n.up && n.r.HasReady() {
		rd := n.r.Ready()
		n.check(rd)
		n.receive(rd.Chunks)
		for i := range rd.Messages {
			if m := rd.Messages[i]; n.fill(&m) {
				c.post(n, &m)
			}
		}
		w := testWrite{ticket: rd.Ticket, hs: rd.HardState, entries: slices.Clone(rd.Entries), snapshot: rd.Snapshot}
		for i := range rd.Dependent {
			m := rd.Dependent[i]
			if c.ackEarly {
				c.post(n, &m)
			} else {
				w.dependent = append(w.dependent, m)
			}
		}
		if !rd.HardStateChanged && w.ticket != 0 {
			w.hs = n.lastWritten()
		}
		n.writes = append(n.writes, w)
		if c.advanceEarly {
			n.r.Advance(c.now, rd.Ticket)
			n.snaps.acked = max(n.snaps.acked, rd.Ticket)
		}
		if !n.slow {
			c.syncDisk(n, len(n.writes))
		}
		n.reads = append(n.reads, rd.Reads...)
		n.apply.queue = append(n.apply.queue, rd.Committed...)
		if !n.apply.late {
			c.applyQueued(n, len(n.apply.queue))
		}
		// Once Ready is called again its buffers are the core's: nobody may still look at them.
		for i := range rd.Messages {
			rd.Messages[i] = Message{Type: MsgApp, Index: 1 << 60}
		}
		for i := range rd.Dependent {
			rd.Dependent[i] = Message{Type: MsgApp, Index: 1 << 60}
		}
	}
}

// lastWritten is the hard state the newest write left.
func (n *testNode) lastWritten() HardState {
	for i := len(n.writes) - 1; i >= 0; i-- {
		if n.writes[i].ticket != 0 {
			return n.writes[i].hs
		}
	}
	return n.disk.hs
}

// syncDisk makes the first count writes durable and acknowledges them with their last ticket.
func (c *cluster) syncDisk(n *testNode, count int) {
	ticket := uint64(0)
	for _, w := range n.writes[:count] {
		n.disk.write(w)
		n.installIf(w.snapshot)
		for i := range w.dependent {
			if err := durability(n, &w.dependent[i]); err != nil {
				panic(err)
			}
			c.post(n, &w.dependent[i])
		}
		ticket = max(ticket, w.ticket)
	}
	n.writes = slices.Clone(n.writes[count:])
	n.r.Advance(c.now, ticket)
	n.snaps.acked = max(n.snaps.acked, ticket)
}

func (c *cluster) post(n *testNode, m *Message) {
	if m.From != n.id {
		panic(fmt.Sprintf("n%d sends as n%d", n.id, m.From))
	}
	m.Entries = slices.Clone(m.Entries)
	c.wire = append(c.wire, *m)
}

// deliver hands the i-th message on the wire to its receiver, if that is up, and leaves it on the wire if again is set.
func (c *cluster) deliver(i int, again bool) error {
	m := c.wire[i]
	if !again {
		c.wire = slices.Delete(c.wire, i, i+1)
	}
	n := c.node(m.To)
	if !n.up {
		return nil
	}
	if c.corrupt != nil {
		m.Entries = slices.Clone(m.Entries)
		c.corrupt(&m)
	}
	n.buffer = AppendMessage(n.buffer[:0], &m)
	if err := DecodeMessage(n.buffer, &n.scratch); err != nil {
		panic(err)
	}
	err := n.r.Step(c.now, &n.scratch)
	for i := range n.buffer {
		n.buffer[i] = 0xee
	}
	for i := range n.scratch.Entries {
		n.scratch.Entries[i] = Entry{Term: 1 << 60, Index: 1 << 60}
	}
	if n.scratch.Conf != nil {
		clear(n.scratch.Conf.Voters)
	}
	return err
}

// settle pumps and delivers in order until nothing is left; messages that block returns true for are dropped. It calls
// seen, unless nil, for each message delivered.
func (c *cluster) settle(block func(m *Message) bool, seen func(m *Message)) {
	for {
		for _, n := range c.nodes {
			c.pump(n)
		}
		if len(c.wire) == 0 {
			return
		}
		m := c.wire[0]
		if block != nil && block(&m) || !c.node(m.To).up {
			c.wire = c.wire[1:]
			continue
		}
		if seen != nil {
			seen(&m)
		}
		if err := c.deliver(0, false); err != nil {
			panic(err)
		}
		c.pump(c.node(m.To))
	}
}

// elect makes a server leader by delivering everything.
func (c *cluster) elect(id uint64) {
	c.node(id).r.Campaign(c.now)
	c.settle(nil, nil)
	if s := c.node(id).r.Status(); s.Role != StateLeader {
		panic(fmt.Sprintf("n%d is %v in term %d after its campaign", id, s.Role, s.Term))
	}
}

func (c *cluster) propose(id uint64, data string) uint64 {
	b := []byte(data)
	index, _, err := c.node(id).r.Propose(c.now, b)
	if err != nil {
		panic(err)
	}
	clear(b)
	return index
}

// logText is the log as the terms of its entries.
func (n *testNode) logText() string {
	var terms []string
	for i := n.r.log.offset + 1; i <= n.r.log.lastIndex(); i++ {
		terms = append(terms, fmt.Sprint(n.r.LogTerm(i)))
	}
	return strings.Join(terms, " ")
}

// judge remembers what the five properties of the paper (figure 3) need of the past.
type judge struct {
	leaders   map[uint64]uint64 // by term
	committed []Entry           // by index-1, as first seen committed
	inTerm    []uint64          // the smallest term in which a server held that entry committed
	led       map[uint64]Entry  // by leader: the last entry when it was last seen leading ledTerm
	ledTerm   map[uint64]uint64
	terms     map[uint64]uint64 // by server, in this life
	commits   map[uint64]uint64
	lives     map[uint64]int
}

func newJudge() *judge {
	return &judge{leaders: map[uint64]uint64{}, led: map[uint64]Entry{}, ledTerm: map[uint64]uint64{},
		terms: map[uint64]uint64{}, commits: map[uint64]uint64{}, lives: map[uint64]int{}}
}

// violation names the first property that the cluster breaks now.
func (j *judge) violation(c *cluster) error {
	for _, n := range c.nodes {
		if j.lives[n.id] != n.life {
			j.lives[n.id] = n.life
			delete(j.ledTerm, n.id)
			delete(j.terms, n.id)
			delete(j.commits, n.id)
		}
		if !n.up {
			continue
		}
		s := n.r.Status()
		if s.Term < j.terms[n.id] {
			return fmt.Errorf("n%d went back from term %d to %d", n.id, j.terms[n.id], s.Term)
		}
		j.terms[n.id] = s.Term
		if s.Commit < j.commits[n.id] {
			return fmt.Errorf("n%d went back from commit %d to %d", n.id, j.commits[n.id], s.Commit)
		}
		j.commits[n.id] = s.Commit
		if s.Role == StateLeader {
			if err := j.judgeLeader(n, s); err != nil {
				return err
			}
		} else {
			delete(j.ledTerm, n.id)
		}
		if err := j.judgeCommits(n, s); err != nil {
			return err
		}
	}
	return j.judgeMatching(c)
}

func (j *judge) judgeLeader(n *testNode, s Status) error {
	if other, ok := j.leaders[s.Term]; ok && other != n.id {
		return fmt.Errorf("Election Safety: n%d and n%d lead term %d", other, n.id, s.Term)
	} else if !ok {
		j.leaders[s.Term] = n.id
	}
	if j.ledTerm[n.id] == s.Term {
		if was := j.led[n.id]; n.r.LogTerm(was.Index) != was.Term {
			return fmt.Errorf("Leader Append-Only: n%d lost entry %d of term %d while leading term %d",
				n.id, was.Index, was.Term, s.Term)
		}
	}
	j.ledTerm[n.id], j.led[n.id] = s.Term, Entry{Index: s.LastIndex, Term: s.LastTerm}
	for i, e := range j.committed {
		if j.inTerm[i] < s.Term && e.Index+1 >= s.FirstIndex && n.r.LogTerm(e.Index) != e.Term {
			return fmt.Errorf("Leader Completeness: n%d leads term %d without entry %d/%d, committed in term %d",
				n.id, s.Term, e.Index, e.Term, j.inTerm[i])
		}
	}
	return nil
}

func (j *judge) judgeCommits(n *testNode, s Status) error {
	for i := uint64(1); i <= s.Commit; i++ {
		e, ok := n.r.Entry(i)
		if i < s.FirstIndex { // a snapshot stands for it
			if i > uint64(len(n.applied)) {
				continue // which is being installed
			}
			e, ok = n.applied[i-1], true
		}
		if !ok {
			return fmt.Errorf("n%d has committed entry %d without holding it", n.id, i)
		}
		if i > uint64(len(j.committed)) {
			j.committed = append(j.committed, e)
			j.inTerm = append(j.inTerm, s.Term)
			continue
		}
		was := j.committed[i-1]
		if was.Term != e.Term || !bytes.Equal(was.Data, e.Data) {
			return fmt.Errorf("State Machine Safety: n%d has %d/%d committed where %d/%d was", n.id, i, e.Term, i, was.Term)
		}
		j.inTerm[i-1] = min(j.inTerm[i-1], s.Term)
	}
	for i, e := range n.applied {
		if e.Index != uint64(i)+1 || i >= len(j.committed) || j.committed[i].Term != e.Term || !bytes.Equal(j.committed[i].Data, e.Data) {
			return fmt.Errorf("State Machine Safety: n%d applied %d/%d as its entry %d", n.id, e.Index, e.Term, i+1)
		}
	}
	return nil
}

func (j *judge) judgeMatching(c *cluster) error {
	for i, a := range c.nodes {
		for _, b := range c.nodes[:i] {
			agree := false // from the end: once two entries agree, all before must
			for index := min(a.r.log.lastIndex(), b.r.log.lastIndex()); index > max(a.r.log.offset, b.r.log.offset); index-- {
				x, _ := a.r.Entry(index)
				y, _ := b.r.Entry(index)
				same := x.Term == y.Term
				if agree && !same || same && !bytes.Equal(x.Data, y.Data) {
					return fmt.Errorf("Log Matching: n%d has %d/%d and n%d has %d/%d, with agreement after or other data",
						a.id, index, x.Term, b.id, index, y.Term)
				}
				agree = agree || same
			}
		}
	}
	return nil
}

// durability checks a message that leaves against the disk of its sender: what it promises must be there.
func durability(n *testNode, m *Message) error {
	switch m.Type {
	case MsgApp, MsgHeartbeat, MsgSnap, MsgTimeoutNow, MsgReadIndex, MsgReadIndexResp:
		return nil
	}
	promised := m.Term
	if m.Type == MsgPreVote || m.Type == MsgPreVoteResp && !m.Reject {
		promised = 0 // a term nobody has begun
	}
	switch {
	case n.disk.hs.Term < promised:
		return fmt.Errorf("n%d sends a %v of term %d with term %d on disk", n.id, m.Type, m.Term, n.disk.hs.Term)
	case m.Type == MsgVoteResp && !m.Reject && n.disk.hs.Term == m.Term && n.disk.hs.Vote != m.To:
		return fmt.Errorf("n%d votes for n%d with a vote for n%d on disk", n.id, m.To, n.disk.hs.Vote)
	case m.Type == MsgAppResp && !m.Reject && n.disk.hs.Term == m.Term && m.Index > n.disk.last():
		return fmt.Errorf("n%d acknowledges entry %d with a disk that ends at %d", n.id, m.Index, n.disk.last())
	}
	return nil
}
