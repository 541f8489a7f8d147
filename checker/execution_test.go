package checker

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"raftsim/internal/fixed"
)

func TestSessionRules(t *testing.T) {
	const applied = "n1 append 1 1 x; n1 append 2 1 y; n1 commit 2; n2 append 1 1 x; n2 append 2 1 y; n2 commit 2; "
	checkRules(t, &Cluster{}, []ruleCase{
		{"SESS/out-of-order",
			"n1 exec 1 5 2; n1 exec 2 5 1",
			"n1 exec 1 5 1; n1 exec 2 5 2"},
		{"SESS/out-of-order", // at one index too
			"n1 exec 3 5 2; n1 exec 3 5 1",
			"n1 exec 3 5 1; n1 exec 3 5 2; n1 exec 3 6 1"},
		{"SESS/out-of-order", // told once, by the first node
			"n1 exec 1 5 2; n1 exec 2 5 1; n2 exec 1 5 2; n2 exec 2 5 1",
			"n1 exec 1 5 1; n1 exec 2 5 3; n2 exec 1 5 1; n2 exec 2 5 3"},
		{"EO/executed-twice", // at one index
			"n1 exec 1 5 1; n1 exec 1 5 1",
			"n1 exec 1 5 1; n1 exec 1 5 2"},
		{"EO/executed-twice", // on the second node only
			"n1 exec 1 5 1; n2 exec 1 5 1; n2 exec 2 5 1",
			"n1 exec 1 5 1; n2 exec 1 5 1; n2 exec 2 5 2"},
		{"EO/executed-twice", // after a restart from a snapshot that forgot the sessions (N12)
			applied + "n1 apply 1 7; n1 exec 1 5 1; n1 apply 2 8; n2 restored 1 1 7; n2 apply 2 8; n2 exec 2 5 1",
			applied + "n1 apply 1 7; n1 exec 1 5 1; n1 apply 2 8; n1 exec 2 5 2; n2 restored 1 1 7; n2 apply 2 8; n2 exec 2 5 2"},
		{"SMS/execution-differs", // in another order
			"n1 exec 1 5 1; n1 exec 1 6 1; n2 exec 1 6 1; n2 exec 1 5 1",
			"n1 exec 1 5 1; n1 exec 1 6 1; n2 exec 1 5 1; n2 exec 1 6 1"},
		{"SMS/execution-differs", // one too few, seen when the node goes on
			applied + "n1 apply 1 7; n1 exec 1 5 1; n1 exec 1 6 1; n2 apply 1 7; n2 exec 1 5 1; n2 apply 2 8",
			applied + "n1 apply 1 7; n1 exec 1 5 1; n1 exec 1 6 1; n2 apply 1 7; n2 exec 1 5 1; n2 exec 1 6 1; n2 apply 2 8"},
		{"SMS/execution-differs", // one too many
			applied + "n1 apply 1 7; n1 exec 1 5 1; n1 apply 2 8; n2 apply 1 7; n2 exec 1 5 1; n2 exec 1 6 1",
			applied + "n1 apply 1 7; n1 exec 1 5 1; n1 apply 2 8; n1 exec 2 6 1; n2 apply 1 7; n2 exec 1 5 1; n2 apply 2 8; n2 exec 2 6 1"},
		{"SMS/execution-differs", // one more than the first node, which is found to lack it
			applied + "n1 apply 1 7; n1 exec 1 5 1; n2 apply 1 7; n2 exec 1 5 1; n2 exec 1 6 1; n1 apply 2 8",
			applied + "n1 apply 1 7; n1 exec 1 5 1; n2 apply 1 7; n2 exec 1 5 1; n1 exec 1 6 1; n2 exec 1 6 1; n1 apply 2 8"},
		{"SMS/execution-differs", // nothing where others did something (X04)
			applied + "n1 apply 1 7; n1 exec 1 5 1; n1 apply 2 8; n2 apply 1 7; n2 apply 2 8",
			applied + "n1 apply 1 7; n1 exec 1 5 1; n1 apply 2 8; n2 apply 1 7; n2 exec 1 5 1; n2 apply 2 8"},
		{"SESS/read-ahead-of-state",
			applied + "n1 apply 1 7; n1 read 2 0",
			applied + "n1 apply 1 7; n1 apply 2 8; n1 read 1 0; n1 read 2 0"},
		{"LIN/read-behind-commit", // D03, D10
			applied + "n1 apply 1 7; n1 read 1 2",
			applied + "n1 apply 1 7; n1 apply 2 8; n1 read 2 2"},
	})
}

// Nodes that execute what a list says, in order, with restarts from the start or from a snapshot, are never found to differ, and leave
// the list; a node that departs from the list once is found.
func TestExecutionsEqualList(t *testing.T) {
	var c Cluster
	departed := 0
	property := func(t *rapid.T) {
		const entries = 12
		c.Reset(3)
		var list []Execution
		seq := [4]uint64{}
		for index := uint64(1); index <= entries; index++ {
			c.Appended(1, index, 1, nil)
			for range rapid.IntRange(0, 3).Draw(t, "at once") {
				client := rapid.Uint64Range(1, 3).Draw(t, "client")
				seq[client]++
				list = append(list, Execution{Client: client, Seq: seq[client], Index: index})
			}
		}
		c.Committed(1, entries)
		for node := uint64(2); node <= 3; node++ {
			for index := uint64(1); index <= entries; index++ {
				c.Appended(node, index, 1, nil)
			}
			c.Committed(node, entries)
		}
		wrong := uint64(0) // the index at which node 3 departs
		if len(list) > 0 && rapid.Bool().Draw(t, "departs") {
			wrong = rapid.SampledFrom(list).Draw(t, "where").Index
		}
		var at [4]uint64
		for turn := 0; at[1] < entries || at[2] < entries || at[3] < entries; turn++ {
			node := rapid.Uint64Range(1, 3).Draw(t, "node")
			switch what := rapid.IntRange(0, 9).Draw(t, "what"); {
			case what == 0 && node != 3 && turn < 40:
				to := uint64(0)
				if best := max(at[1], at[2]); best > 0 && rapid.Bool().Draw(t, "snapshot") {
					to = best
				}
				c.RestartedAfter(node, to, min(to, 1))
				for index := to + 1; index <= entries; index++ {
					c.Appended(node, index, 1, nil)
				}
				if to > 0 {
					c.Restored(node, to, 1, to)
				}
				c.Committed(node, entries)
				at[node] = to
			case at[node] < entries:
				at[node]++
				c.Applied(node, at[node], at[node])
				for _, e := range list {
					if e.Index == at[node] && !(node == 3 && e.Index == wrong) {
						c.Executed(node, e.Index, e.Client, e.Seq)
					}
				}
			}
		}
		for node := uint64(1); node <= 3; node++ { // one more entry, so that all have gone on
			c.Appended(node, entries+1, 1, nil)
		}
		c.Committed(1, entries+1)
		for node := uint64(1); node <= 3; node++ {
			c.Committed(node, entries+1)
			c.Applied(node, entries+1, 0)
		}
		if wrong == 0 {
			if c.Findings.Total() != 0 || !slices.Equal(c.Executions(), list) {
				t.Fatalf("%v of %v: %v", c.Executions(), list, c.Findings.All())
			}
			return
		}
		departed++
		if !c.Findings.Has("SMS/execution-differs") {
			t.Fatalf("node 3 departs at %d of %v unnoticed: %v", wrong, list, c.Findings.All())
		}
	}
	fixed.Check(t, 100, property)
	if departed < 30 {
		t.Fatalf("node 3 departs in %d of 100", departed)
	}
	rapid.Check(t, property)
}

// A read that was asked after a later term had been won cannot be confirmed in an earlier one, whatever it would have seen.
func TestReadConfirmedByADeposedLeader(t *testing.T) {
	for _, tc := range []struct {
		confirmed, elected uint64
		want               int
	}{{3, 3, 0}, {4, 3, 0}, {1, 0, 0}, {2, 3, 1}} {
		var c Cluster
		c.Reset(3)
		c.ReadConfirmed(1, tc.confirmed, tc.elected)
		if got := len(c.Findings.All()); got != tc.want || got > 0 && !c.Findings.Has("LIN/read-confirmed-by-deposed-leader") {
			t.Errorf("confirmed in term %d, %d won before: %v", tc.confirmed, tc.elected, c.Findings.All())
		}
	}
	var c Cluster
	c.Reset(3)
	if c.Elected(2, 5); c.LastTerm() != 5 {
		t.Errorf("term 5 was won, and the last one is said to be %d", c.LastTerm())
	}
}

// What a client was told is lost has not happened, before or after it was told.
func TestUndone(t *testing.T) {
	var c Cluster
	c.Reset(1)
	c.Executed(1, 1, 7, 3)
	c.Undone(7, 4)
	c.Undone(8, 3)
	if all := c.Findings.All(); len(all) > 0 {
		t.Errorf("what did not happen: %v", all)
	}
	if c.Undone(7, 3); !c.Findings.Has("LIN/dropped-took-effect") {
		t.Errorf("what happened after all: %v", c.Findings.All())
	}
}
