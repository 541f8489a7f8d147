package raft

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// confChaos is the chaos of chaos_test.go with members that come and go, leaders that hand over, reads, and disks that lose the end of
// their log. The judge of reads: whatever was committed anywhere when a read was asked for is at or before its answer.
type confChaos struct {
	chaosStats
	asked   map[uint64]uint64 // what was committed when a read was asked for, by context
	context uint64
	fragile uint64 // the server whose disk gets damaged, none in most runs

	changes, joints, transfers, reads, damaged, rejoins int
}

const chaosServers = 6

func newConfChaos(choose func(n int) int) *cluster {
	_, cfg := chaosConfig(choose)
	if cfg.LeaseReads = choose(2) == 0; cfg.LeaseReads {
		cfg.DisableCheckQuorum = false
	}
	c := newCluster(1+choose(4), cfg)
	for len(c.nodes) < chaosServers {
		c.join()
	}
	for _, n := range c.nodes {
		n.slow = choose(3) == 0
	}
	return c
}

func (st *confChaos) act(c *cluster, j *judge, choose func(n int) int) error {
	n := c.nodes[choose(len(c.nodes))]
	for _, other := range c.nodes { // mostly ask who can do something
		if other.up && other.r.Status().Role == StateLeader && choose(2) == 0 {
			n = other
		}
	}
	if len(c.wire) == 0 && choose(3) > 0 { // time for something to happen
		c.now += int64(choose(60)) * int64(time.Millisecond)
		for _, n := range c.nodes {
			if n.up {
				n.r.Tick(c.now)
				c.pump(n)
			}
		}
	}
	switch kind := choose(100); {
	case kind < 55: // calmer than the other chaos: a change needs many messages
		for range choose(20) {
			st.deliver(c, choose)
		}
		if n.up && len(n.writes) > 0 && choose(2) == 0 {
			c.syncDisk(n, len(n.writes))
		}
	case !n.up || kind < 80:
		st.chaosStats.act(c, choose)
	case kind < 87:
		st.change(c, n, choose)
	case kind < 90:
		if n.r.TransferLeader(c.now, uint64(1+choose(chaosServers))) == nil {
			st.transfers++
		}
	case kind < 94:
		st.rejoin(c, j, c.nodes[choose(len(c.nodes))])
	case kind < 97:
		st.context++
		st.asked[st.context] = uint64(len(j.committed))
		_ = n.r.ReadIndex(c.now, st.context, choose(2) == 0)
	case kind < 98:
		c.now += int64(choose(300)) * int64(time.Millisecond)
	case kind < 99 && st.fragile != None:
		st.damage(c, c.node(st.fragile), choose)
	default: // everybody comes back
		for _, n := range c.nodes {
			if !n.up {
				c.start(n)
			}
		}
	}
	for _, n := range c.nodes {
		c.pump(n)
	}
	return st.judgeReads(c)
}

func (st *confChaos) change(c *cluster, n *testNode, choose func(n int) int) {
	change := ConfChange{Transition: ConfTransition(choose(3))}
	for range choose(4) {
		change.Changes = append(change.Changes, ConfChangeSingle{Type: ConfChangeType(choose(3)), ID: uint64(1 + choose(chaosServers))})
	}
	if index, _, err := n.r.ProposeConfChange(c.now, &change); err == nil {
		st.changes++
		if s := n.r.ConfState(index); s.IsJoint() {
			st.joints++
		}
	}
}

// damage crashes a server and takes the end of its log.
func (st *confChaos) damage(c *cluster, n *testNode, choose func(n int) int) {
	if n.up {
		c.crash(n, len(n.writes))
	}
	if size := len(n.disk.entries); size > 0 {
		st.damaged++
		last := n.disk.entries[size-1]
		if last.Term > n.lost.Term || last.Term == n.lost.Term && last.Index > n.lost.Index {
			n.lost = EntryID{Index: last.Index, Term: last.Term}
		}
		keep := size - 1 - choose(min(size, 5))
		n.disk.entries = n.disk.entries[:keep:keep]
	}
	c.start(n)
}

func (st *confChaos) judgeReads(c *cluster) error {
	for _, n := range c.nodes {
		for _, s := range n.reads {
			asked, ok := st.asked[s.Context]
			if !ok {
				return fmt.Errorf("n%d answers read %d, which nobody waits for", n.id, s.Context)
			}
			delete(st.asked, s.Context)
			if s.Refused {
				continue
			}
			st.reads++
			if s.Index < asked {
				return fmt.Errorf("Linearizability: n%d answers read %d at %d, but %d were committed when it was asked for", n.id, s.Context, s.Index, asked)
			}
		}
		n.reads = nil
	}
	return nil
}

// judgeConf checks what holds of every configuration in force.
func judgeConf(c *cluster) error {
	for _, n := range c.nodes {
		if !n.up {
			continue
		}
		s := n.r.ConfState(n.r.log.lastIndex())
		if s.IsEmpty() {
			continue
		}
		if err := s.Validate(); err != nil {
			return err
		}
		for _, id := range s.Learners {
			if n.r.tracker.config.Contains(id) {
				return fmt.Errorf("n%d counts the learner n%d", n.id, id)
			}
		}
		if st := n.r.Status(); st.Role == StateLeader && st.Abstaining {
			return fmt.Errorf("n%d leads while it abstains", n.id)
		}
	}
	return nil
}

func runConfChaos(c *cluster, steps int, choose func(n int) int) (st confChaos, err error) {
	fragile := None
	if choose(3) == 0 {
		fragile = uint64(1 + choose(chaosServers))
	}
	st, _, err = playConfChaos(c, steps, choose, fragile)
	return st, err
}

// playConfChaos returns the judge as well, who knows what was committed.
func playConfChaos(c *cluster, steps int, choose func(n int) int, fragile uint64) (st confChaos, j *judge, err error) {
	j = newJudge()
	st.asked, st.fragile = map[uint64]uint64{}, fragile
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
		st.elections, st.committed = len(j.leaders), len(j.committed)
	}()
	for range steps {
		if err := st.act(c, j, choose); err != nil {
			return st, j, err
		}
		if err := j.violation(c); err != nil {
			return st, j, err
		}
		if err := judgeConf(c); err != nil {
			return st, j, err
		}
	}
	return st, j, nil
}

// TestConfChaosKeepsTheProperties: the five properties of the paper and linearizable reads, with all of chapter 4 of the thesis, §3.10
// and §6.4 going on at once.
func TestConfChaosKeepsTheProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		choose := choices(rapid.Uint64().Draw(t, "seed"))
		steps := rapid.IntRange(100, 1500).Draw(t, "steps")
		if _, err := runConfChaos(newConfChaos(choose), steps, choose); err != nil {
			t.Fatal(err)
		}
	})
}

func TestConfChaosReachesSomething(t *testing.T) {
	var sum confChaos
	for seed := range uint64(80) {
		choose := choices(seed)
		st, err := runConfChaos(newConfChaos(choose), 1000, choose)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		sum.elections += st.elections
		sum.committed += st.committed
		sum.truncations += st.truncations
		sum.crashes += st.crashes
		sum.changes += st.changes
		sum.joints += st.joints
		sum.transfers += st.transfers
		sum.reads += st.reads
		sum.damaged += st.damaged
		sum.rejoins += st.rejoins
	}
	t.Logf("%+v", sum)
	if sum.elections < 250 || sum.committed < 400 || sum.changes < 120 || sum.joints < 70 || sum.transfers < 60 || sum.reads < 500 ||
		sum.damaged < 40 || sum.rejoins < 50 || sum.crashes < 250 {
		t.Errorf("80 runs of 1000 steps saw only %+v", sum)
	}
}
