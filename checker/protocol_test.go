package checker

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// miniature is a Raft without messages: each action is one atomic exchange, drawn at random. It knows what the judges must say by
// keeping whole logs and comparing them entry by entry. Disks hold what they are given at once, unless a defect forgets to.
type miniature struct {
	next  func() uint64 // source of all choices
	judge *Cluster
	nodes []miniNode // [0] unused
	first Configuration
	whole bool // with snapshots and changes of the configuration
	made  int
	draws uint64

	committed []miniEntry      // what was first committed at each index, [0] unused
	terms     map[int]uint64   // term of that commitment by index
	winners   map[uint64][]int // by term
	wonWith   []miniWinner
	broken    bool // a property does not hold any more
}

type miniNode struct {
	log          []miniEntry // [0] unused; also what was compacted
	term, vote   uint64
	commit, done int
	leads        bool
	up           bool
	snapshot     int  // the entries up to here are in a snapshot
	offset       int  // and up to here they are there alone
	disk         int  // entries on disk
	joins        bool // it was not told the first configuration
}

type miniEntry struct {
	term uint64
	data string
	conf *Configuration // what it makes of the configuration, nil for other entries
}

type miniWinner struct {
	term uint64
	log  []miniEntry
}

// defect is a planted mistake.
type defect uint8

const (
	defectNone defect = iota
	defectAnyLog
	defectTwoVotes
	defectMinority
	defectOldTerm
	defectBlindCommit
	defectNoSync           // followers acknowledge what their disks do not hold
	defectTwoChanges       // M03, M01: the rules about when a leader may change the configuration are not kept
	defectManyAtOnce       // M15: several servers change at once
	defectOldQuorum        // counts by the first configuration for ever
	defectEagerSnapshot    // snapshots take in what is not committed
	defectStaleMembership  // N04: votes are counted by the configuration before the one in force
	defectForgetfulRestart // what a restart recovers lacks the end of the log
	defectCount
)

// newMiniature makes a cluster of nodes, all of them voters; if whole, of a few voters and others who may become members.
func newMiniature(next func() uint64, judge *Cluster, nodes int, whole bool) *miniature {
	judge.WatchDisks, judge.DecodedDisks = true, true
	judge.Reset(nodes)
	m := &miniature{next: next, judge: judge, nodes: make([]miniNode, nodes+1), committed: make([]miniEntry, 1),
		terms: map[int]uint64{}, winners: map[uint64][]int{}, whole: whole}
	for i := range m.nodes {
		m.nodes[i] = miniNode{log: make([]miniEntry, 1), up: true}
		if i > 0 && (!whole || i <= (nodes+1)/2) {
			m.first.Voters = append(m.first.Voters, uint64(i))
		}
	}
	for i := 1; i <= nodes; i++ {
		m.tellConfiguration(i)
	}
	return m
}

// conf returns the configuration in force at a node, and the one before it, with the index of the entry that made it.
func (m *miniature) conf(n *miniNode) (now, before Configuration, index int) {
	if !n.joins || n.snapshot > 0 {
		now, before = m.first, m.first
	}
	for i, e := range n.log {
		if e.conf != nil {
			now, before, index = *e.conf, now, i
		}
	}
	return now, before, index
}

func (m *miniature) tellConfiguration(i int) {
	now, _, index := m.conf(&m.nodes[i])
	m.judge.Configured(uint64(i), max(uint64(index), uint64(m.nodes[i].offset)), now)
}

// quorum tells whether those who have it are a majority of the voters, and of those being left.
func quorum(conf Configuration, has func(id int) bool) bool {
	for _, half := range [][]uint64{conf.Voters, conf.Outgoing} {
		n := 0
		for _, id := range half {
			if has(int(id)) {
				n++
			}
		}
		if len(half) > 0 && 2*n <= len(half) {
			return false
		}
	}
	return true
}

func (m *miniature) pick() int { return m.draw(1, len(m.nodes)-1) }

// leader picks a node, most likely one that leads.
func (m *miniature) leader() (i int) {
	for range 5 {
		if i = m.pick(); m.nodes[i].leads {
			break
		}
	}
	return i
}

// draw returns a number in low..high, evenly: rapid's own numbers favour the small ones, and such runs elect for ever.
func (m *miniature) draw(low, high int) int {
	m.draws++
	return low + int(mix(m.next(), m.draws)%uint64(high-low+1))
}

func (m *miniature) setTerm(i int, term, vote uint64) {
	n := &m.nodes[i]
	if n.leads && term > n.term {
		n.leads = false
		m.judge.SteppedDown(uint64(i), n.term)
	}
	n.term, n.vote = term, vote
	m.judge.HardState(uint64(i), term, vote)
	m.judge.DiskHardState(uint64(i), term, vote, 0)
}

func (m *miniature) elect(bad defect) {
	i := m.pick()
	n := &m.nodes[i]
	conf, before, _ := m.conf(n)
	if bad == defectStaleMembership {
		conf = before
	}
	if !n.up || n.leads || !slices.Contains(slices.Concat(conf.Voters, conf.Outgoing), uint64(i)) {
		return
	}
	term := n.term + 1
	if bad == defectTwoVotes && m.draw(0, 1) == 0 && n.term > 0 {
		term = n.term
	}
	m.setTerm(i, term, uint64(i))
	m.judge.Promised(uint64(i), term, uint64(i))
	votes := map[int]bool{i: true}
	for j := 1; j < len(m.nodes); j++ {
		v := &m.nodes[j]
		if j == i || !v.up || v.term > term || m.draw(0, 3) == 0 {
			continue
		}
		if v.term == term && v.vote != 0 && v.vote != uint64(i) && bad != defectTwoVotes {
			continue
		}
		if v.leads && v.term == term {
			continue
		}
		mine, theirs := n.log[len(n.log)-1].term, v.log[len(v.log)-1].term
		if newer := theirs > mine || theirs == mine && len(v.log) > len(n.log); newer && bad != defectAnyLog {
			if v.term < term {
				m.setTerm(j, term, 0)
			}
			continue
		}
		m.setTerm(j, term, uint64(i))
		m.judge.Promised(uint64(j), term, uint64(i))
		votes[j] = true
	}
	if !quorum(conf, func(id int) bool { return votes[id] }) {
		return
	}
	n.leads = true
	m.winners[term] = append(m.winners[term], i)
	m.broken = m.broken || len(m.winners[term]) > 1
	m.wonWith = append(m.wonWith, miniWinner{term, append([]miniEntry(nil), n.log...)})
	m.judge.Elected(uint64(i), term)
	m.add(i, nil)
}

func (m *miniature) add(i int, conf *Configuration) {
	n := &m.nodes[i]
	if !n.up || !n.leads {
		return
	}
	m.made++
	m.store(i, len(n.log), miniEntry{n.term, fmt.Sprint("e", m.made), conf}, true)
}

// store puts an entry into a node's log, in place of all from there on, and on its disk.
func (m *miniature) store(i, index int, e miniEntry, sync bool) {
	n := &m.nodes[i]
	n.log = append(n.log[:index:index], e)
	n.disk = min(n.disk, index-1)
	m.broken = m.broken || index <= n.commit || index <= n.snapshot
	m.tell(i, index)
	if sync && n.disk == index-1 {
		n.disk = index
		m.judge.DiskEntry(uint64(i), uint64(index), e.term, EntryHash([]byte(e.data), e.conf != nil))
	}
}

// tell tells of one entry of a node's log.
func (m *miniature) tell(i, index int) {
	e := m.nodes[i].log[index]
	if e.conf == nil {
		m.judge.Appended(uint64(i), uint64(index), e.term, []byte(e.data))
		return
	}
	m.judge.AppendedConfiguration(uint64(i), uint64(index), e.term, []byte(e.data))
	m.judge.Configured(uint64(i), uint64(index), *e.conf)
}

// change lets a leader change the configuration: one voter or learner more or less, or all of them by way of a joint one.
func (m *miniature) change(bad defect) {
	i := m.leader()
	n := &m.nodes[i]
	now, _, index := m.conf(n)
	free := index <= n.commit && n.commit < len(n.log) && n.log[n.commit].term == n.term || bad == defectTwoChanges
	if !n.up || !n.leads || !free {
		return
	}
	next := Configuration{Voters: slices.Clone(now.Voters), Learners: slices.Clone(now.Learners)}
	toggle := func(set []uint64, id uint64) []uint64 {
		if at := slices.Index(set, id); at >= 0 {
			return slices.Delete(set, at, at+1)
		}
		return append(set, id)
	}
	id := uint64(m.pick())
	switch what := m.draw(0, 3); {
	case len(now.Outgoing) > 0: // it is left
	case bad == defectManyAtOnce:
		for range 3 {
			next.Voters = toggle(next.Voters, uint64(m.pick()))
		}
	case what == 0:
		if !slices.Contains(now.Voters, id) {
			next.Learners = toggle(next.Learners, id)
		}
	case what == 1:
		next.Outgoing = slices.Clone(now.Voters)
		next.Voters, next.Learners = nil, nil
		for id := 1; id < len(m.nodes); id++ {
			if m.draw(0, 2) > 0 {
				next.Voters = append(next.Voters, uint64(id))
			}
		}
	default:
		next.Voters = toggle(next.Voters, id)
		next.Learners = slices.DeleteFunc(next.Learners, func(l uint64) bool { return l == id })
	}
	if len(next.Voters) > 0 {
		m.add(i, &next)
	}
}

// compact lets a node make a snapshot, and forget some of the entries in it.
func (m *miniature) compact(bad defect) {
	i := m.pick()
	n := &m.nodes[i]
	bound := n.done
	if bad == defectEagerSnapshot {
		bound = n.disk
	}
	if !n.up || bound <= n.snapshot {
		return
	}
	n.snapshot = m.draw(n.snapshot+1, bound)
	n.disk = max(n.disk, n.snapshot)
	m.judge.DiskSnapshot(uint64(i), uint64(n.snapshot), n.log[n.snapshot].term)
	if to := m.draw(n.offset, n.snapshot); to > n.offset {
		n.offset = to
		m.judge.Compacted(uint64(i), uint64(to))
		m.judge.DiskCompacted(uint64(i), uint64(to))
	}
}

// install lets a leader send its snapshot.
func (m *miniature) install() {
	i, j := m.leader(), m.pick()
	l, f := &m.nodes[i], &m.nodes[j]
	at := l.snapshot
	if i == j || !l.up || !f.up || !l.leads || at <= f.commit || f.term > l.term || f.leads && f.term == l.term {
		return
	}
	if f.term < l.term {
		m.setTerm(j, l.term, 0)
	}
	kept := at < len(f.log) && f.log[at] == l.log[at]
	if !kept {
		f.log = slices.Clone(l.log[:at+1])
		f.disk = at
	}
	f.disk = max(f.disk, at)
	f.snapshot, f.offset, f.commit, f.done = at, at, at, at
	m.judge.Installed(uint64(j), uint64(at), l.log[at].term)
	m.judge.DiskSnapshot(uint64(j), uint64(at), l.log[at].term)
	m.judge.Compacted(uint64(j), uint64(at))
	m.tellConfiguration(j)
	m.judge.Restored(uint64(j), uint64(at), l.log[at].term, f.hash(at))
	m.judge.Promised(uint64(j), f.term, 0)
	m.judge.Acked(uint64(j), uint64(at))
	m.enter(f, at)
}

func (m *miniature) replicate(bad defect) {
	i, j := m.leader(), m.pick()
	l, f := &m.nodes[i], &m.nodes[j]
	if i == j || !l.up || !f.up || !l.leads || f.term > l.term || f.leads && f.term == l.term {
		return
	}
	if f.term < l.term {
		m.setTerm(j, l.term, 0)
	}
	upTo := m.draw(0, len(l.log)-1)
	for index := 1; index <= upTo; index++ {
		if index < len(f.log) && f.log[index] == l.log[index] {
			continue
		}
		m.store(j, index, l.log[index], bad != defectNoSync)
	}
	if bad != defectNoSync {
		for f.disk < upTo { // what a lost write left behind
			f.disk++
			m.judge.DiskEntry(uint64(j), uint64(f.disk), f.log[f.disk].term, EntryHash([]byte(f.log[f.disk].data), f.log[f.disk].conf != nil))
		}
	}
	m.tellConfiguration(j)
	m.judge.Promised(uint64(j), f.term, 0)
	m.judge.Acked(uint64(j), uint64(upTo))
	bound := upTo
	if bad == defectBlindCommit {
		bound = len(f.log) - 1
	}
	m.commit(j, min(l.commit, bound))
}

// count lets a leader commit what a majority holds.
func (m *miniature) count(bad defect) {
	i := m.leader()
	n := &m.nodes[i]
	if !n.up || !n.leads {
		return
	}
	for index := len(n.log) - 1; index > n.commit; index-- {
		conf, _, _ := m.conf(n)
		if bad == defectOldQuorum {
			conf = m.first
		}
		enough := quorum(conf, func(j int) bool {
			// A copy counts if its holder acknowledged it to this leader: it then had no later term.
			f := &m.nodes[j]
			return j == i || f.term == n.term && index < len(f.log) && f.log[index] == n.log[index]
		})
		if (enough || bad == defectMinority) && (n.log[index].term == n.term || bad == defectOldTerm) {
			m.commit(i, index)
			return
		}
	}
}

func (m *miniature) commit(i, index int) {
	n := &m.nodes[i]
	if index <= n.commit {
		return
	}
	n.commit = index
	m.judge.Committed(uint64(i), uint64(index))
	for n.done < n.commit {
		n.done++
		m.judge.Applied(uint64(i), uint64(n.done), n.hash(n.done))
	}
	m.enter(n, index)
	conf, _, at := m.conf(n)
	if n.leads && at <= n.commit && !slices.Contains(slices.Concat(conf.Voters, conf.Outgoing), uint64(i)) {
		n.leads = false // its removal is committed
		m.judge.SteppedDown(uint64(i), n.term)
	}
}

// hash is of the state after an entry.
func (n *miniNode) hash(done int) (hash uint64) {
	for _, e := range n.log[1 : done+1] {
		for _, b := range []byte(e.data) {
			hash = hash*31 + uint64(b)
		}
	}
	return hash
}

// enter notes what a node considers committed, and whether that breaks a property.
func (m *miniature) enter(n *miniNode, index int) {
	for at := 1; at <= index; at++ {
		if at < len(m.committed) {
			m.broken = m.broken || m.committed[at] != n.log[at]
			continue
		}
		m.committed = append(m.committed, n.log[at])
		m.terms[at] = n.term
	}
	for _, w := range m.wonWith {
		for at := 1; at < len(m.committed); at++ {
			if m.terms[at] < w.term && (at >= len(w.log) || w.log[at] != m.committed[at]) {
				m.broken = true
			}
		}
	}
}

func (m *miniature) restart(bad defect) {
	i := m.pick()
	n := &m.nodes[i]
	img := &DiskImage{Term: n.term, Vote: n.vote, Offset: uint64(n.offset), OffsetTerm: n.log[n.offset].term}
	img.SnapshotIndex, img.SnapshotTerm = uint64(n.snapshot), n.log[n.snapshot].term
	for _, e := range n.log[n.offset+1 : n.disk+1] {
		img.Entries = append(img.Entries, ImageEntry{Term: e.term, Hash: EntryHash([]byte(e.data), e.conf != nil)})
	}
	if bad == defectForgetfulRestart {
		n.disk = max(n.snapshot, n.disk-1)
	}
	n.log = n.log[:n.disk+1]
	n.leads, n.commit, n.done = false, n.snapshot, n.snapshot
	m.judge.Crashed(uint64(i))
	m.judge.RestartedAfter(uint64(i), img.Offset, img.OffsetTerm)
	for index := n.offset + 1; index < len(n.log); index++ {
		m.tell(i, index)
	}
	if n.snapshot > 0 {
		m.judge.Restored(uint64(i), img.SnapshotIndex, img.SnapshotTerm, n.hash(n.snapshot))
	}
	m.tellConfiguration(i)
	m.judge.HardState(uint64(i), n.term, n.vote)
	m.judge.Recovered(uint64(i))
	m.judge.RecoveredImage(uint64(i), img)
}

// wipe lets a server nobody counts on come back as a new one.
func (m *miniature) wipe() {
	i := m.pick()
	for j := 1; j < len(m.nodes); j++ {
		now, before, _ := m.conf(&m.nodes[j])
		if slices.Contains(slices.Concat(now.Voters, now.Outgoing, before.Voters, before.Outgoing), uint64(i)) {
			return
		}
	}
	m.judge.Wiped(uint64(i))
	m.nodes[i] = miniNode{log: make([]miniEntry, 1), up: true, joins: true}
	m.tellConfiguration(i)
}

func (m *miniature) run(bad defect, actions int) {
	for step := range actions {
		if m.broken {
			break
		}
		m.judge.Now(uint64(step), int64(step))
		switch at := m.draw(0, 79); {
		case at < 2:
			m.elect(bad)
		case at < 4:
			m.restart(bad)
		case at < 10:
			m.add(m.leader(), nil)
		case at < 12:
			if m.whole {
				m.change(bad)
			}
		case at < 14:
			if m.whole {
				m.compact(bad)
				m.install()
			}
		case at == 14:
			if m.whole {
				m.wipe()
			}
		case at < 50:
			m.replicate(bad)
		default:
			m.count(bad)
		}
	}
	m.judge.Now(uint64(actions), 0)
}

// A correct protocol never gives a finding.
func TestCorrectProtocolIsClean(t *testing.T) {
	var judge Cluster
	rapid.Check(t, func(t *rapid.T) {
		next := func() uint64 { return rapid.Uint64().Draw(t, "choice") }
		m := newMiniature(next, &judge, rapid.IntRange(1, 6).Draw(t, "nodes"), rapid.Bool().Draw(t, "whole"))
		m.run(defectNone, 300)
		if judge.Findings.Total() != 0 || m.broken {
			t.Fatalf("broken %v: %v", m.broken, judge.Findings.All())
		}
	})
}

// Whatever mistake is made, once a property is broken the judges have said so. (They may say so before: a vote given twice is a
// finding even when it elects nobody.) Every mistake is found for what it is in some of the runs, and breaks something in some.
func TestBrokenProtocolIsFound(t *testing.T) {
	var judge Cluster
	for bad, want := range [defectCount]string{
		defectNone:             "",
		defectAnyLog:           "LC/missing-commitment",
		defectTwoVotes:         "ES/two-votes-in-term",
		defectMinority:         "LC/commit-without-quorum",
		defectOldTerm:          "LC/old-term-commit",
		defectBlindCommit:      "SMS/commit-differs",
		defectNoSync:           "DUR/acknowledged-before-durable",
		defectTwoChanges:       "CFG/change-before-own-commit",
		defectManyAtOnce:       "CFG/no-common-quorum",
		defectOldQuorum:        "LC/commit-without-quorum",
		defectEagerSnapshot:    "SMS/compacted-uncommitted",
		defectStaleMembership:  "ES/elected-without-quorum",
		defectForgetfulRestart: "DUR/recovered-differs",
	} {
		bad := defect(bad)
		broken, found, named, commits, changes, snapshots := 0, 0, 0, uint64(0), 0, 0
		for seed := range uint64(600) {
			seed = mix(seed, uint64(bad))
			m := newMiniature(func() uint64 { return seed }, &judge, 3+int(seed%4), bad >= defectNoSync || seed%2 == 0)
			m.run(bad, 800)
			commits += judge.LedgerEnd()
			for i := range m.nodes {
				if m.nodes[i].snapshot > 0 {
					snapshots++
				}
			}
			for _, e := range m.committed {
				if e.conf != nil {
					changes++
				}
			}
			if m.broken {
				broken++
			}
			if judge.Findings.Has(want) {
				named++
			}
			if judge.Findings.Total() > 0 {
				found++
			} else if m.broken {
				t.Fatalf("defect %d broke a property unnoticed, seed %d", bad, seed)
			}
		}
		t.Logf("defect %d: %d runs broken, %d found, %d as %s; %d commitments, %d changes, %d nodes with snapshots", bad, broken, found, named, want, commits, changes, snapshots)
		if (broken > 0) != (bad != defectNone) || (found > 0) != (bad != defectNone) || (named > 0) != (bad != defectNone) ||
			commits < 3000 || changes < 200 || snapshots < 500 {
			t.Errorf("defect %d: too few of something, or too many", bad)
		}
	}
}
