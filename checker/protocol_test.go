package checker

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// miniature is a Raft without messages: each action is one atomic exchange, drawn at random. It knows what the judges must say by
// keeping whole logs and comparing them entry by entry.
type miniature struct {
	next  func() uint64 // source of all choices
	judge *Cluster
	nodes []miniNode // [0] unused
	made  int
	draws uint64

	committed []miniEntry      // what was first committed at each index, [0] unused
	terms     map[int]uint64   // term of that commitment by index
	winners   map[uint64][]int // by term
	wonWith   []miniWinner
	broken    bool // a property does not hold any more
}

type miniNode struct {
	log          []miniEntry // [0] unused
	term, vote   uint64
	commit, done int
	leads        bool
	up           bool
}

type miniEntry struct {
	term uint64
	data string
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
	defectCount
)

func newMiniature(next func() uint64, judge *Cluster, nodes int) *miniature {
	judge.Reset(nodes)
	m := &miniature{next: next, judge: judge, nodes: make([]miniNode, nodes+1), committed: make([]miniEntry, 1),
		terms: map[int]uint64{}, winners: map[uint64][]int{}}
	for i := range m.nodes {
		m.nodes[i] = miniNode{log: make([]miniEntry, 1), up: true}
	}
	return m
}

func (m *miniature) pick() int { return m.draw(1, len(m.nodes)-1) }

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
}

func (m *miniature) elect(bad defect) {
	i := m.pick()
	n := &m.nodes[i]
	if !n.up || n.leads {
		return
	}
	term := n.term + 1
	if bad == defectTwoVotes && m.draw(0, 1) == 0 && n.term > 0 {
		term = n.term
	}
	m.setTerm(i, term, uint64(i))
	m.judge.Promised(uint64(i), term, uint64(i))
	votes := 1
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
		votes++
	}
	if votes*2 <= len(m.nodes)-1 {
		return
	}
	n.leads = true
	m.winners[term] = append(m.winners[term], i)
	m.broken = m.broken || len(m.winners[term]) > 1
	m.wonWith = append(m.wonWith, miniWinner{term, append([]miniEntry(nil), n.log...)})
	m.judge.Elected(uint64(i), term)
	m.add(i)
}

func (m *miniature) add(i int) {
	n := &m.nodes[i]
	if !n.up || !n.leads {
		return
	}
	m.made++
	e := miniEntry{n.term, fmt.Sprint("e", m.made)}
	n.log = append(n.log, e)
	m.judge.Appended(uint64(i), uint64(len(n.log)-1), e.term, []byte(e.data))
}

func (m *miniature) replicate(bad defect) {
	i, j := m.pick(), m.pick()
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
		f.log = append(f.log[:index], l.log[index])
		m.judge.Appended(uint64(j), uint64(index), l.log[index].term, []byte(l.log[index].data))
	}
	m.judge.Promised(uint64(j), f.term, 0)
	bound := upTo
	if bad == defectBlindCommit {
		bound = len(f.log) - 1
	}
	m.commit(j, min(l.commit, bound))
}

// count lets a leader commit what a majority holds.
func (m *miniature) count(bad defect) {
	i := m.pick()
	n := &m.nodes[i]
	if !n.up || !n.leads {
		return
	}
	for index := len(n.log) - 1; index > n.commit; index-- {
		holders := 0
		for j := 1; j < len(m.nodes); j++ {
			f := &m.nodes[j]
			// A copy counts if its holder acknowledged it to this leader: it then had no later term.
			if j == i || f.term == n.term && index < len(f.log) && f.log[index] == n.log[index] {
				holders++
			}
		}
		need := (len(m.nodes)-1)/2 + 1
		if bad == defectMinority {
			need = 1
		}
		if holders >= need && (n.log[index].term == n.term || bad == defectOldTerm) {
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
	for at := 1; at <= index; at++ {
		if at < len(m.committed) {
			m.broken = m.broken || m.committed[at] != n.log[at]
			continue
		}
		m.committed = append(m.committed, n.log[at])
		m.terms[at] = n.term
	}
	n.commit = index
	m.judge.Committed(uint64(i), uint64(index))
	for n.done < n.commit {
		n.done++
		hash := uint64(0)
		for _, e := range n.log[1 : n.done+1] {
			for _, b := range []byte(e.data) {
				hash = hash*31 + uint64(b)
			}
		}
		m.judge.Applied(uint64(i), uint64(n.done), hash)
	}
	for _, w := range m.wonWith {
		for at := 1; at < len(m.committed); at++ {
			if m.terms[at] < w.term && (at >= len(w.log) || w.log[at] != m.committed[at]) {
				m.broken = true
			}
		}
	}
}

func (m *miniature) restart() {
	i := m.pick()
	n := &m.nodes[i]
	n.leads, n.commit, n.done = false, 0, 0
	m.judge.Crashed(uint64(i))
	m.judge.Restarted(uint64(i))
	for index, e := range n.log[1:] {
		m.judge.Appended(uint64(i), uint64(index+1), e.term, []byte(e.data))
	}
	m.judge.HardState(uint64(i), n.term, n.vote)
}

func (m *miniature) run(bad defect, actions int) {
	for range actions {
		switch at := m.draw(0, 39); {
		case at == 0:
			m.elect(bad)
		case at == 1:
			m.restart()
		case at < 10:
			m.add(m.pick())
		case at < 26:
			m.replicate(bad)
		default:
			m.count(bad)
		}
	}
}

// A correct protocol never gives a finding.
func TestCorrectProtocolIsClean(t *testing.T) {
	var judge Cluster
	rapid.Check(t, func(t *rapid.T) {
		next := func() uint64 { return rapid.Uint64().Draw(t, "choice") }
		m := newMiniature(next, &judge, rapid.IntRange(1, 5).Draw(t, "nodes"))
		m.run(defectNone, 300)
		if judge.Findings.Total() != 0 || m.broken {
			t.Fatalf("broken %v: %v", m.broken, judge.Findings.All())
		}
	})
}

// Whatever mistake is made, once a property is broken the judges have said so. (They may say so before: a vote given twice is a
// finding even when it elects nobody.) And every mistake does break something in some of the runs.
func TestBrokenProtocolIsFound(t *testing.T) {
	var judge Cluster
	for bad := defectNone; bad < defectCount; bad++ {
		broken, found, commits := 0, 0, uint64(0)
		for seed := range uint64(300) {
			seed = mix(seed, uint64(bad))
			m := newMiniature(func() uint64 { return seed }, &judge, 3+int(seed%3))
			m.run(bad, 300)
			commits += judge.LedgerEnd()
			if m.broken {
				broken++
			}
			if judge.Findings.Total() > 0 {
				found++
			} else if m.broken {
				t.Fatalf("defect %d broke a property unnoticed, seed %d", bad, seed)
			}
		}
		t.Logf("defect %d: %d runs broken, %d found, %d commitments", bad, broken, found, commits)
		if (broken > 0) != (bad != defectNone) || (found > 0) != (bad != defectNone) || commits < 300 {
			t.Errorf("defect %d: %d runs broken, %d found, %d commitments", bad, broken, found, commits)
		}
	}
}
