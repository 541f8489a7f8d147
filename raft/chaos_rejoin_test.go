package raft

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// What an operator does in the chaos of memberships: wipe who is no member any more and let it join again; and what must be true when
// everything works again.

// rejoin wipes a server, if Join allows it: a configuration without it is committed, and none behind that has it, wherever entries may
// still come from.
func (st *confChaos) rejoin(c *cluster, j *judge, n *testNode) {
	after, state := uint64(len(j.committed)), c.conf
	for i := range j.committed {
		if err := confAt(&state, &j.committed[i]); err != nil {
			panic(err)
		}
	}
	if state.IsMember(n.id) || n.disk.hs.Term == 0 {
		return // or there is nothing to wipe
	}
	has := func(entries []Entry) bool {
		return slices.ContainsFunc(entries, func(e Entry) bool {
			var s ConfState
			if err := confAt(&s, &e); err != nil {
				panic(err)
			}
			return e.Index > after && s.IsMember(n.id)
		})
	}
	for _, o := range c.nodes {
		if has(o.r.log.entries) || has(o.disk.entries) || slices.ContainsFunc(o.writes, func(w testWrite) bool { return has(w.entries) }) {
			return
		}
	}
	if slices.ContainsFunc(c.wire, func(m Message) bool { return has(m.Entries) }) {
		return
	}
	if n.up {
		c.crash(n, len(n.writes))
	}
	n.wipe(after)
	c.start(n)
	st.rejoins++
}

// confAt sets state to the configuration that an entry makes, if it makes one.
func confAt(state *ConfState, e *Entry) error {
	if e.Type != EntryConfChange {
		return nil
	}
	var change ConfChange
	err := decodeConfEntry(e, &change)
	*state = change.Result
	return err
}

// heal lets everything work from now on. An error says that no new entry gets committed at all members, in 200 election timeouts.
func (c *cluster) heal(j *judge) error {
	c.cut, c.wire = 0, nil
	for _, n := range c.nodes {
		n.slow, n.apply.late = false, false
		if !n.up {
			c.start(n)
		}
		c.syncDisk(n, len(n.writes))
		c.applyQueued(n, len(n.apply.queue))
	}
	want := uint64(0)
	for step := range 3000 {
		c.now += int64(10 * time.Millisecond)
		for _, n := range c.nodes {
			n.r.Tick(c.now)
		}
		for k := 0; k < 500; k++ {
			for _, n := range c.nodes {
				c.pump(n)
			}
			if len(c.wire) == 0 {
				break
			}
			if err := c.deliver(0, false); err != nil {
				return err
			}
		}
		var lead *testNode
		for _, n := range c.nodes {
			if s := n.r.Status(); s.Role == StateLeader && (lead == nil || s.Term > lead.r.Status().Term) {
				lead = n
			}
		}
		if step%50 != 49 || lead == nil {
			continue
		}
		if err := j.violation(c); err != nil {
			return err
		}
		if want > 0 && !slices.ContainsFunc(c.nodes, func(n *testNode) bool {
			return lead.r.tracker.peer(n.id) != nil && n.r.Status().Commit < want
		}) {
			return nil
		}
		want, _, _ = lead.r.Propose(c.now, []byte("end")) // refused while it hands over, or holds too much: then later
	}
	text := "no progress"
	for _, n := range c.nodes {
		text += fmt.Sprintf("; %s of %s", DescribeStatus(nil, n.r.Status()), confText(n.r))
	}
	return fmt.Errorf("%s", text)
}

// TestConfChaosHeals: whatever happened to a cluster, it goes on when everything works again. Lost logs are another matter: they may
// have been the only ones.
func TestConfChaosHeals(t *testing.T) {
	rejoins := 0
	for seed := range uint64(120) {
		choose := choices(seed)
		c := newConfChaos(choose)
		st, j, err := playConfChaos(c, 300+choose(1200), choose, None)
		if err == nil {
			err = c.heal(j)
		}
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		rejoins += st.rejoins
	}
	if rejoins < 50 {
		t.Errorf("120 runs let only %d servers join again", rejoins)
	}
}
