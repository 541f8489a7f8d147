package raft

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// chaos does steps random things to a cluster and judges it after each. choose returns a number below n. The result is
// the violation, if any, or what a panic said.
func chaos(c *cluster, steps int, choose func(n int) int) (stats chaosStats, err error) {
	j := newJudge()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
		stats.elections, stats.committed = len(j.leaders), len(j.committed)
		for _, n := range c.nodes {
			stats.installs += n.snaps.installs
		}
	}()
	for range steps {
		stats.act(c, choose)
		if err := j.violation(c); err != nil {
			return stats, err
		}
	}
	return stats, nil
}

type chaosStats struct {
	elections, committed, crashes, truncations, outstanding, snapshots, installs int
}

func (st *chaosStats) act(c *cluster, choose func(n int) int) {
	n := c.nodes[choose(len(c.nodes))]
	switch kind := choose(100); {
	case kind < 50:
		for range 1 + choose(6) {
			st.deliver(c, choose)
		}
	case kind < 53 && len(c.wire) > 0:
		i := choose(len(c.wire))
		c.wire = append(c.wire[:i:i], c.wire[i+1:]...)
	case kind < 62:
		if n.up {
			n.r.Propose(c.now, []byte{byte(choose(256))}) // refused at most
		}
	case kind < 65:
		if n.up && c.snapshot(n) {
			st.snapshots++
		}
	case kind < 68:
		if n.up && len(n.apply.queue) > 0 {
			c.applyQueued(n, 1+choose(len(n.apply.queue)))
		}
	case kind < 80:
		if n.up && len(n.writes) > 0 {
			st.outstanding = max(st.outstanding, len(n.writes))
			c.syncDisk(n, 1+choose(len(n.writes)))
		}
	case kind < 85:
		c.now += int64(choose(40)) * int64(time.Millisecond)
		if n.up {
			n.r.Tick(c.now)
		}
	case kind < 90: // one campaign, or two at once
		if n.up {
			n.r.Campaign(c.now)
		}
		if n = c.nodes[choose(len(c.nodes))]; n.up {
			n.r.Campaign(c.now)
		}
	case kind < 93: // stop for long, or start again at once
		if n.up {
			st.crashes++
			c.crash(n, choose(len(n.writes)+1))
			if choose(2) == 0 {
				c.start(n)
			}
		}
	case kind < 96: // isolate one server, mostly one that leads, or none
		c.cut = uint64(choose(2*len(c.nodes) + 1))
		for _, n := range c.nodes {
			if n.up && n.r.Status().Role == StateLeader && choose(2) == 0 {
				c.cut = n.id
			}
		}
	default:
		for _, n := range c.nodes {
			if !n.up {
				c.start(n)
				break
			}
		}
	}
	for _, n := range c.nodes {
		c.pump(n)
	}
	for len(c.wire) > 60 { // old messages get lost in the end
		c.wire = c.wire[1:]
	}
}

// deliver hands on one message: mostly the oldest, sometimes any, sometimes not for the last time.
func (st *chaosStats) deliver(c *cluster, choose func(n int) int) {
	if len(c.wire) == 0 {
		return
	}
	i := 0
	if choose(3) == 0 {
		i = choose(len(c.wire))
	}
	n := c.node(c.wire[i].To)
	if c.cut == n.id || c.cut == c.wire[i].From {
		c.wire = append(c.wire[:i:i], c.wire[i+1:]...)
		return
	}
	before := n.r.log.entries
	if err := c.deliver(i, choose(10) == 0); err != nil {
		panic(err)
	}
	if differ(before, n.r.log.entries) {
		st.truncations++
	}
	c.pump(n)
}

// differ reports whether two logs disagree where both reach.
func differ(a, b []Entry) bool {
	for i := range min(len(a), len(b)) {
		if a[i].Term != b[i].Term {
			return true
		}
	}
	return false
}

func chaosConfig(choose func(n int) int) (int, Config) {
	cfg := testConfig()
	cfg.DisablePreVote = choose(3) > 0
	cfg.DisableCheckQuorum = choose(3) > 0
	if choose(2) == 0 {
		cfg.MaxInflight = 1 + choose(3)
		cfg.MaxEntriesPerMessage = 1 + choose(3)
		cfg.MaxCommittedPerReady = 1 + choose(3)
		cfg.MaxUncommitted = 1 + choose(6)
		cfg.MaxBytesPerMessage = 1 + choose(3)
	}
	if choose(2) == 0 {
		cfg.MaxInflightBytes = 1 + choose(3)
		cfg.MaxUncommittedBytes = 1 + choose(4)
		cfg.MaxCommittedBytes = 1 + choose(3)
		cfg.MaxPendingAppends = choose(3)
		cfg.MaxBytesPerWrite = 1 + choose(4*writeEntry)
		cfg.MaxApplying = choose(4)
		cfg.DisableParallelAppend = choose(3) == 0
		cfg.DisablePipeline = choose(3) == 0
	}
	cfg.MaxChunkBytes = 1 + choose(200)
	cfg.RetainEntries = choose(4)
	return []int{1, 2, 3, 3, 4, 5}[choose(6)], cfg
}

func newChaos(choose func(n int) int) *cluster {
	size, cfg := chaosConfig(choose)
	c := newCluster(size, cfg)
	for _, n := range c.nodes {
		n.slow = choose(3) == 0
		n.apply.late = choose(3) == 0
	}
	return c
}

// TestChaosKeepsTheProperties: whatever is lost, doubled, reordered, crashed or slow, with several writes under way, the
// five properties of the paper hold (figure 3).
func TestChaosKeepsTheProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// One drawn number per run, not per choice: a choice is a word of a generator seeded by it. Shrinking still works
		// on the number of steps.
		choose := choices(rapid.Uint64().Draw(t, "seed"))
		steps := rapid.IntRange(100, 2000).Draw(t, "steps")
		if _, err := chaos(newChaos(choose), steps, choose); err != nil {
			t.Fatal(err)
		}
	})
}

// TestChaosReachesSomething: the test above would be worth nothing if nothing happened in it.
func TestChaosReachesSomething(t *testing.T) {
	var sum chaosStats
	for seed := range uint64(100) {
		choose := choices(seed)
		st, err := chaos(newChaos(choose), 1000, choose)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		sum.elections += st.elections
		sum.committed += st.committed
		sum.crashes += st.crashes
		sum.snapshots += st.snapshots
		sum.installs += st.installs
		sum.truncations += st.truncations
		sum.outstanding = max(sum.outstanding, st.outstanding)
	}
	t.Logf("%+v", sum)
	if sum.elections < 300 || sum.committed < 1000 || sum.crashes < 300 || sum.truncations < 30 || sum.outstanding < 4 ||
		sum.snapshots < 300 || sum.installs < 10 {
		t.Errorf("100 runs of 1000 steps saw only %+v", sum)
	}
}

// choices returns a function that picks below n by splitmix64, the same on every machine.
func choices(seed uint64) func(n int) int {
	return func(n int) int {
		seed += 0x9e3779b97f4a7c15
		z := seed
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return int((z ^ z>>31) >> 1 % uint64(n))
	}
}

// TestChaosFindsSabotage: each way of breaking what the core relies on is found within a few runs. The core itself is right
// here; its surroundings are not.
func TestChaosFindsSabotage(t *testing.T) {
	for _, s := range []struct {
		name string
		do   func(c *cluster)
	}{
		{"refusals become grants", func(c *cluster) {
			c.corrupt = func(m *Message) {
				if m.Type == MsgVoteResp {
					m.Reject = false
				}
			}
		}},
		{"votes are forgotten", func(c *cluster) { c.forgetVote = true }},
		{"acknowledgements leave before the write", func(c *cluster) { c.ackEarly = true }},
		{"writes are reported durable before they are", func(c *cluster) { c.advanceEarly = true }},
		{"acknowledgements claim one entry more", func(c *cluster) {
			c.corrupt = func(m *Message) {
				if m.Type == MsgAppResp && !m.Reject {
					m.Index++
				}
			}
		}},
		{"entries change on the way", func(c *cluster) {
			c.corrupt = func(m *Message) {
				for i := range m.Entries {
					if d := m.Entries[i].Data; len(d) > 0 && m.To == 1 {
						m.Entries[i].Data = []byte{d[0] + 1}
					}
				}
			}
		}},
		{"the consistency check is met by lying", func(c *cluster) {
			c.corrupt = func(m *Message) {
				n := c.node(m.To)
				if term, ok := n.r.Term(m.Index); m.Type == MsgApp && ok && m.Index > 0 && term <= m.Term &&
					(len(m.Entries) == 0 || m.Entries[0].Term >= term) {
					m.LogTerm = term
				}
			}
		}},
		{"votes claim a newer log", func(c *cluster) {
			c.corrupt = func(m *Message) {
				if m.Type == MsgVote || m.Type == MsgPreVote {
					m.Index, m.LogTerm = 1<<40, 1<<40
				}
			}
		}},
		{"commit indexes grow on the way", func(c *cluster) {
			c.corrupt = func(m *Message) {
				if m.Type == MsgApp {
					m.Commit += 2
				}
			}
		}},
	} {
		t.Run(s.name, func(t *testing.T) {
			for seed := range uint64(600) {
				choose := choices(seed)
				c := newChaos(choose)
				s.do(c)
				if _, err := chaos(c, 1000, choose); err != nil {
					t.Logf("run %d: %v", seed, err)
					return
				}
			}
			t.Error("600 runs did not notice")
		})
	}
}
