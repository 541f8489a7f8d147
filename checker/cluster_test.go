package checker

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// observe feeds a transcript to the judge, one observation per item, items parted by ";". Each is a step of its own unless it begins
// with "&":
//
//	n1 hard T V | promise T V | elect T | down T | append I T DATA | change I T DATA | truncate I | commit I | apply I HASH |
//	n1 exec I CLIENT SEQ | ack I | read I FLOOR | restart [I T] | crash | join | wipe | damage |
//	n1 conf I {1 2 3}+{1 2 4}/{5} | compact I | install I T | restored I T HASH |
//	n1 durable I | acked I | acked-in T I | recovered |
//	n1 disk-entry I T DATA | disk-change I T DATA | disk-cut I | disk-snap I T | disk-compact I | disk-hard T V COMMIT
func observe(t testing.TB, c *Cluster, transcript string) {
	t.Helper()
	step := uint64(0)
	for _, item := range strings.Split(transcript, ";") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		if item[0] == '&' {
			item = item[1:]
		} else {
			step++
			c.Now(step, int64(step)*1000)
		}
		var node, a, b, d uint64
		var verb, data string
		fields := strings.Fields(item)
		if _, err := fmt.Sscanf(fields[0]+" "+fields[1], "n%d %s", &node, &verb); err != nil {
			t.Fatalf("%q: %v", item, err)
		}
		hasData := strings.HasSuffix(verb, "append") || strings.HasSuffix(verb, "change") || verb == "disk-entry"
		for i, p := range []*uint64{&a, &b, &d} {
			if len(fields) > i+2 && !(hasData && i == 2) && !(verb == "conf" && i > 0) {
				if _, err := fmt.Sscan(fields[i+2], p); err != nil {
					t.Fatalf("%q: %v", item, err)
				}
			}
		}
		if hasData && len(fields) > 4 {
			data = fields[4]
		}
		switch verb {
		case "hard":
			c.HardState(node, a, b)
		case "promise":
			c.Promised(node, a, b)
		case "elect":
			c.Elected(node, a)
		case "down":
			c.SteppedDown(node, a)
		case "append":
			c.Appended(node, a, b, []byte(data))
		case "change":
			c.AppendedConfiguration(node, a, b, []byte(data))
		case "truncate":
			c.Truncated(node, a)
		case "commit":
			c.Committed(node, a)
		case "apply":
			c.Applied(node, a, b)
		case "exec":
			c.Executed(node, a, b, d)
		case "ack":
			c.Acknowledged(node, a)
		case "read":
			c.ReadAnswered(node, a, b)
		case "restart":
			c.RestartedAfter(node, a, b)
		case "crash":
			c.Crashed(node)
		case "join":
			c.Joined(node)
		case "wipe":
			c.Wiped(node)
		case "damage":
			c.Damaged(node)
		case "conf":
			c.Configured(node, a, configuration(t, strings.Join(fields[3:], " ")))
		case "compact":
			c.Compacted(node, a)
		case "install":
			c.Installed(node, a, b)
		case "restored":
			c.Restored(node, a, b, d)
		case "durable":
			c.Durable(node, a)
		case "acked":
			c.Acked(node, a)
		case "acked-in":
			c.AckedIn(node, a, b)
		case "recovered":
			c.Recovered(node)
		case "disk-entry":
			c.DiskEntry(node, a, b, EntryHash([]byte(data), false))
		case "disk-change":
			c.DiskEntry(node, a, b, EntryHash([]byte(data), true))
		case "disk-cut":
			c.DiskTruncated(node, a)
		case "disk-snap":
			c.DiskSnapshot(node, a, b)
		case "disk-compact":
			c.DiskCompacted(node, a)
		case "disk-hard":
			c.DiskHardState(node, a, b, d)
		default:
			t.Fatalf("no such observation: %q", item)
		}
	}
	c.Now(step+1, int64(step+1)*1000)
}

// configuration reads "{1 2 3}+{1 2 4}/{5}": voters, outgoing voters, learners.
func configuration(t testing.TB, text string) (conf Configuration) {
	t.Helper()
	rest, auto := strings.CutSuffix(text, " auto")
	conf.AutoLeave = auto
	rest, next, _ := strings.Cut(rest, ">")
	rest, learners, _ := strings.Cut(rest, "/")
	voters, outgoing, _ := strings.Cut(rest, "+")
	for i, set := range []*[]uint64{&conf.Voters, &conf.Outgoing, &conf.Learners, &conf.LearnersNext} {
		for _, word := range strings.Fields(strings.Trim([]string{voters, outgoing, learners, next}[i], "{}")) {
			id, err := strconv.ParseUint(word, 10, 64)
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			*set = append(*set, id)
		}
	}
	return conf
}

// ruleCase is a transcript that breaks exactly one rule, once, and a neighbour, as close as can be, that breaks nothing.
type ruleCase struct {
	signature string
	breaks    string
	legal     string
}

func checkRules(t *testing.T, c *Cluster, cases []ruleCase) {
	t.Helper()
	for _, rule := range cases {
		c.Reset(3)
		observe(t, c, rule.breaks)
		if got := signatures(&c.Findings); len(got) != 1 || got[0] != rule.signature {
			t.Errorf("%s\n  want %s\n  got  %v", rule.breaks, rule.signature, c.Findings.All())
		}
		c.Reset(3)
		observe(t, c, rule.legal)
		if c.Findings.Total() != 0 {
			t.Errorf("%s\n  is legal, got %v", rule.legal, c.Findings.All())
		}
	}
}

func signatures(f *Findings) []string {
	var all []string
	for _, v := range f.All() {
		all = append(all, v.Signature())
	}
	return all
}

// Each rule has a transcript that breaks exactly it and a neighbour, as close as can be, that breaks nothing.
func TestRules(t *testing.T) {
	const leader1 = "n1 hard 1 1; n1 elect 1; n1 append 1 1 x; " // n1 leads term 1 and has one entry
	checkRules(t, &Cluster{}, []ruleCase{
		{"ES/two-leaders-in-term",
			"n1 elect 2; n2 elect 2",
			"n1 elect 2; n2 elect 3"},
		{"ES/elected-again",
			"n1 elect 2; n1 down 2; n1 elect 2",
			"n1 elect 2; n1 down 2; n1 elect 3"},
		{"ES/two-votes-in-term",
			"n1 hard 3 2; n1 hard 3 3",
			"n1 hard 3 2; n1 hard 3 2; n1 hard 4 3"},
		{"ES/two-votes-in-term", // the record was cleared in between (a step-down within the term)
			"n1 hard 3 2; n1 hard 3 0; n1 hard 3 1",
			"n1 hard 3 2; n1 hard 3 0; n1 hard 3 2"},
		{"ES/two-votes-in-term", // across a restart, when the vote had left the node
			"n1 hard 3 2; n1 promise 3 2; n1 crash; n1 restart; n1 hard 3 3",
			"n1 hard 3 2; n1 crash; n1 restart; n1 hard 2 0; n1 hard 3 3"},
		{"ES/two-votes-in-term", // seen only in what left the node
			"n1 promise 3 2; n1 promise 3 3",
			"n1 promise 3 2; n1 promise 3 0; n1 promise 3 2; n1 promise 4 3"},
		{"ES/two-votes-in-term", // an acknowledgement names no candidate, the request after it does
			"n1 promise 3 0; n1 promise 3 2; n1 promise 3 3",
			"n1 promise 3 0; n1 promise 3 2; n1 promise 3 2"},
		{"ES/two-votes-in-term", // the view told already
			"n1 hard 3 2; n1 promise 3 2; n1 hard 3 3; n1 promise 3 3",
			"n1 hard 3 2; n1 promise 3 2; n1 hard 4 3; n1 promise 4 3"},
		{"ES/two-votes-in-term", // a winner's vote for itself had left it
			"n1 elect 3; n1 crash; n1 restart; n1 hard 3 2",
			"n1 elect 3; n1 crash; n1 restart; n1 hard 3 1"},
		{"ES/two-votes-in-term", // a winner has voted for itself
			"n1 hard 3 2; n1 elect 3",
			"n1 hard 3 1; n1 elect 3"},
		{"ES/vote-forgotten",
			"n1 hard 3 2; n1 promise 3 2; n1 crash; n1 restart; n1 hard 3 0",
			"n1 hard 3 2; n1 promise 3 2; n1 crash; n1 restart; n1 hard 3 2; n1 hard 4 0"},
		{"ES/term-went-back",
			"n1 hard 3 0; n1 hard 2 0",
			"n1 hard 3 0; n1 hard 3 0"},
		{"ES/term-went-back", // across a restart, when the term had left the node
			"n1 hard 3 0; n1 promise 3 0; n1 crash; n1 restart; n1 hard 2 0",
			"n1 hard 3 0; n1 promise 2 0; n1 crash; n1 restart; n1 hard 2 0"},
		{"ES/term-went-back", // a node cannot win a term it has left
			"n1 hard 3 0; n1 elect 2",
			"n1 hard 3 0; n1 elect 4"},
		{"LAO/leader-overwrites",
			leader1 + "n1 append 1 1 x",
			leader1 + "n2 elect 2; n2 append 1 2 y; n1 down 1; n1 hard 2 0; n1 append 1 2 y"},
		{"LAO/leader-overwrites", // the leader that died is another incarnation
			leader1 + "n1 append 2 1 y; n1 append 2 1 y",
			leader1 + "n1 append 2 1 y; n1 crash; n1 restart; n1 append 1 1 x; n1 append 2 1 y; n1 append 2 2 z"},
		{"LAO/leader-truncates",
			leader1 + "n1 truncate 0",
			leader1 + "n1 truncate 1; n1 hard 2 0; n1 truncate 0"},
		{"LM/entry-differs",
			"n1 append 1 1 x; n2 append 1 1 y",
			"n1 append 1 1 x; n2 append 1 2 y; n3 append 1 1 x"},
		{"LM/entry-differs", // told once, where it begins, and also when the first copy is long gone
			"n1 append 1 1 x; n1 append 2 1 y; n1 truncate 0; n2 append 1 1 z; n2 append 2 1 y; n3 append 1 1 x; n3 append 2 1 y",
			"n1 append 1 1 x; n1 append 2 1 y; n1 truncate 0; n2 append 1 2 z; n2 append 2 2 y; n3 append 1 1 x; n3 append 2 1 y"},
		{"LM/prefix-differs",
			"n1 append 1 1 x; n1 append 2 3 z; n2 append 1 2 y; n2 append 2 3 z",
			"n1 append 1 1 x; n1 append 2 3 z; n2 append 1 2 y; n2 append 1 1 x; n2 append 2 3 z"},
		{"LM/entry-differs", // told once, whichever log came first above it
			"n1 append 1 1 x; n2 append 1 1 z; n2 append 2 1 y; n1 append 2 1 y; n1 append 3 1 w; n2 append 3 1 w",
			"n1 append 1 1 x; n2 append 1 1 x; n2 append 2 1 y; n1 append 2 1 y; n1 append 3 1 w; n2 append 3 1 w"},
		{"LM/entry-differs", // and through entries in between
			"n1 append 1 1 x; n2 append 1 1 z; n2 append 2 1 u; n2 append 3 2 r; n1 append 2 2 q; n1 append 3 2 r",
			"n1 append 1 1 x; n2 append 1 1 x; n2 append 2 1 u; n2 append 3 2 r; n1 append 2 2 q; n1 append 3 3 r"},
		{"LM/log-gap",
			"n1 append 1 1 x; n1 append 3 1 z",
			"n1 append 1 1 x; n1 append 2 1 z"},
		{"LM/log-gap", // a restarted log is empty
			"n1 append 1 1 x; n1 crash; n1 restart; n1 append 2 1 z",
			"n1 append 1 1 x; n1 crash; n1 restart; n1 append 1 1 x; n1 append 2 1 z"},
		{"LM/term-decreases",
			"n1 append 1 2 x; n1 append 2 1 y",
			"n1 append 1 1 x; n1 append 2 2 y"},
		{"LM/entry-not-of-leader", // a late append of an earlier term is accepted (R26)
			leader1 + "n2 elect 2; n2 append 1 2 y; n3 hard 2 0; n3 append 1 1 x",
			leader1 + "n2 elect 2; n2 append 1 2 y; n3 hard 2 0; n3 append 1 2 y"},
		{"LM/entry-not-of-leader", // beyond the end of its leader's log
			leader1 + "n3 hard 1 1; n3 append 1 1 x; n3 append 2 1 z",
			leader1 + "n1 append 2 1 z; n1 down 1; n3 hard 1 1; n3 append 1 1 x; n3 append 2 1 z"},
		{"LM/entry-of-no-leader",
			leader1 + "n3 hard 2 0; n3 append 1 1 x",
			leader1 + "n3 append 1 1 x; n3 hard 2 0"},
		{"LC/missing-commitment",
			leader1 + "n1 commit 1; n2 elect 2",
			leader1 + "n1 commit 1; n2 append 1 1 x; n2 elect 2"},
		{"LC/missing-commitment", // as long a log, but another entry
			leader1 + "n1 commit 1; n2 append 1 2 y; n2 elect 3",
			leader1 + "n2 append 1 2 y; n2 elect 3"},
		{"LC/missing-commitment", // commitments of the same or later terms do not bind
			"n3 elect 3; n3 append 1 3 x; n3 commit 1; n1 elect 4",
			"n3 elect 3; n3 append 1 3 x; n3 commit 1; n1 elect 2"},
		{"LC/missing-commitment", // a commitment's term is that of the node first seen to commit it
			"n1 append 1 1 x; n1 hard 5 0; n1 commit 1; n2 elect 6",
			"n1 append 1 1 x; n1 hard 5 0; n1 commit 1; n2 elect 5"},
		{"LC/missing-commitment", // an election seen late is held against the commitments of its time
			leader1 + "n1 commit 1; n3 append 1 1 x; n3 elect 3; n3 append 2 3 y; n3 commit 2; n2 elect 2",
			leader1 + "n1 commit 1; n3 append 1 1 x; n3 elect 3; n3 append 2 3 y; n3 commit 2; n2 append 1 1 x; n2 elect 2"},
		{"LC/commitment-behind-leader",
			leader1 + "n2 elect 2; n1 commit 1",
			leader1 + "n2 append 1 1 x; n2 elect 2; n1 commit 1"},
		{"LC/commitment-behind-leader", // the log it won with counts, even when it lost it since
			leader1 + "n2 append 1 2 y; n2 elect 3; n2 down 3; n2 restart; n2 append 1 1 x; n1 commit 1",
			leader1 + "n2 append 1 1 x; n2 elect 3; n2 down 3; n2 restart; n2 append 1 4 y; n1 commit 1"},
		{"LC/old-term-commit", // Figure 8(c)
			leader1 + "n1 down 1; n1 elect 3; n1 commit 1",
			leader1 + "n1 down 1; n1 elect 3; n1 append 2 3 y; n1 commit 2"},
		{"LC/old-term-commit", // what others have committed it may learn
			leader1 + "n1 down 1; n1 elect 3; n1 commit 1",
			leader1 + "n1 commit 1; n2 append 1 1 x; n2 elect 3; n2 commit 1"},
		{"SMS/commit-went-back",
			leader1 + "n1 append 2 1 y; n1 commit 2; n1 commit 1",
			leader1 + "n1 append 2 1 y; n1 commit 1; n1 commit 1; n1 commit 2"},
		{"SMS/commit-went-back", // the commit index is volatile
			leader1 + "n1 append 2 1 y; n1 commit 2; n1 commit 1",
			leader1 + "n1 commit 1; n1 crash; n1 restart; n1 append 1 1 x; n1 commit 0; n1 commit 1"},
		{"SMS/commit-beyond-log",
			leader1 + "n1 commit 2",
			leader1 + "n1 append 2 1 y; n1 commit 2"},
		{"SMS/commit-differs",
			leader1 + "n1 commit 1; n2 append 1 2 y; n2 commit 1",
			leader1 + "n1 commit 1; n2 append 1 2 y; n2 append 1 1 x; n2 commit 1"},
		{"SMS/commit-differs", // told once, and the ledger stays with the first
			leader1 + "n1 commit 1; n2 append 1 2 y; n2 append 2 2 z; n2 commit 1; n2 commit 2; n1 append 2 1 y; n1 commit 2",
			leader1 + "n1 commit 1; n2 append 1 1 x; n2 append 2 1 y; n2 commit 1; n2 commit 2; n1 append 2 1 y; n1 commit 2"},
		{"SMS/committed-truncated",
			leader1 + "n2 append 1 1 x; n2 commit 1; n2 truncate 0",
			leader1 + "n2 append 1 1 x; n2 append 2 1 y; n2 commit 1; n2 truncate 1"},
		{"SMS/apply-gap",
			leader1 + "n1 append 2 1 y; n1 commit 2; n1 apply 2 7",
			leader1 + "n1 append 2 1 y; n1 commit 2; n1 apply 1 6; n1 apply 2 7"},
		{"SMS/apply-repeat",
			leader1 + "n1 commit 1; n1 apply 1 7; n1 apply 1 7",
			leader1 + "n1 commit 1; n1 apply 1 7; n1 crash; n1 restart; n1 append 1 1 x; n1 commit 1; n1 apply 1 7"},
		{"SMS/applied-uncommitted",
			leader1 + "n1 apply 1 7",
			leader1 + "n1 commit 1; n1 apply 1 7"},
		{"SMS/state-differs", // told once per node: what follows differs as well
			leader1 + "n1 append 2 1 y; n1 commit 2; n1 apply 1 7; n1 apply 2 8; n2 append 1 1 x; n2 append 2 1 y; n2 commit 2; n2 apply 1 9; n2 apply 2 9",
			leader1 + "n1 append 2 1 y; n1 commit 2; n1 apply 1 7; n1 apply 2 8; n2 append 1 1 x; n2 append 2 1 y; n2 commit 2; n2 apply 1 7; n2 apply 2 8"},
		{"SMS/execution-differs",
			"n1 exec 2 5 1; n2 exec 1 5 2",
			"n1 exec 2 5 1; n2 exec 2 5 1; n2 exec 3 5 2"},
		{"EO/executed-twice",
			"n1 exec 1 5 1; n1 exec 2 5 1",
			"n1 exec 1 5 1; n2 exec 1 5 1; n1 exec 2 5 2; n1 exec 3 6 1"},
		{"DUR/acknowledged-uncommitted",
			leader1 + "n1 ack 1",
			leader1 + "n1 commit 1; n1 apply 1 7; n1 ack 1"},
		{"DUR/acknowledged-unapplied",
			leader1 + "n1 commit 1; n1 ack 1",
			leader1 + "n1 commit 1; n1 apply 1 7; n1 ack 1"},
	})
}

// Where an entry comes from is not asked when it was taken in before it is told, and is asked again afterwards and in the next run.
func TestEntriesKeptBack(t *testing.T) {
	const late = "n1 hard 1 1; n1 elect 1; n1 append 1 1 x; n2 elect 2; n2 append 1 2 y; n3 hard 2 0; "
	var c Cluster
	for _, kept := range []bool{true, false} {
		c.Reset(3)
		observe(t, &c, late)
		c.KeptBack(kept)
		c.Appended(3, 1, 1, []byte("x"))
		if found := c.Findings.Has("LM/entry-not-of-leader"); found == kept {
			t.Errorf("kept back %v: %v", kept, c.Findings.All())
		}
		c.KeptBack(true)
	}
	c.Reset(3)
	observe(t, &c, late+"n3 append 1 1 x")
	if !c.Findings.Has("LM/entry-not-of-leader") {
		t.Error("what was said of one run holds in the next")
	}
}

// An entry applied after it was cut from below the commit index is a second finding of its own.
func TestAppliedDiffersFromLedger(t *testing.T) {
	var c Cluster
	c.Reset(2)
	observe(t, &c, "n1 append 1 1 x; n1 append 2 1 x; n1 commit 2; n1 append 1 2 y; n1 append 2 2 y; n1 apply 1 7; n1 apply 2 7")
	want := []string{"SMS/committed-truncated", "SMS/applied-differs"}
	if diff := cmp.Diff(want, signatures(&c.Findings)); diff != "" {
		t.Error(diff)
	}
}

// The detail names the first index that differs, not the one the commit index moved to.
func TestCommitDiffersNamesTheIndex(t *testing.T) {
	var c Cluster
	c.Reset(2)
	observe(t, &c, "n1 append 1 1 a; n1 append 2 1 b; n1 append 3 1 c; n1 commit 3; n2 append 1 1 a; n2 append 2 2 x; n2 append 3 2 y; n2 commit 3")
	if all := c.Findings.All(); len(all) != 1 || !strings.HasPrefix(all[0].Detail, "index 2: commits an entry of term 2") {
		t.Error(all)
	}
	if v := c.Findings.All()[0]; v.Step != 8 || v.At != 8000 || v.Node != 2 {
		t.Errorf("stamped %+v", v)
	}
}

func TestOldTermCommitsCanBeAllowed(t *testing.T) {
	c := Cluster{OldTermCommits: true}
	c.Reset(1)
	observe(t, &c, "n1 elect 1; n1 append 1 1 x; n1 down 1; n1 elect 2; n1 commit 1")
	if c.Findings.Total() != 0 {
		t.Error(c.Findings.All())
	}
}

func TestClusterRemembersLedgerAndElections(t *testing.T) {
	var c Cluster
	c.Reset(3)
	observe(t, &c, "n2 elect 4; n2 append 1 4 x; n2 append 2 4 y; n2 commit 2; n2 apply 1 7; n2 exec 2 5 9; n2 exec 3 6 1")
	if c.Leader(4) != 2 || c.Leader(3) != 0 || c.Elections() != 1 {
		t.Errorf("leader of 4 is n%d, of 3 n%d, %d elections", c.Leader(4), c.Leader(3), c.Elections())
	}
	if c.LedgerEnd() != 2 || c.LastIndex(2) != 2 || c.CommitIndex(2) != 2 || c.AppliedIndex(2) != 1 {
		t.Error("wrong indexes")
	}
	line, ok := c.LedgerAt(2)
	line.Chain = 0
	if want := (Commitment{Index: 2, EntryTerm: 4, Term: 4, Node: 2, Step: 4}); !ok || line != want {
		t.Errorf("ledger line %+v, want %+v", line, want)
	}
	if _, ok := c.LedgerAt(3); ok {
		t.Error("the ledger ends at 2")
	}
	if hash, ok := c.StateHash(1); !ok || hash != 7 {
		t.Errorf("state hash %d, %v", hash, ok)
	}
	if want := []Execution{{Client: 5, Seq: 9, Index: 2}, {Client: 6, Seq: 1, Index: 3}}; !slices.Equal(c.Executions(), want) {
		t.Errorf("executions %v, want %v", c.Executions(), want)
	}
	c.Reset(3)
	if c.Leader(4) != 0 || c.LedgerEnd() != 0 || c.LastIndex(2) != 0 || len(c.Executions()) != 0 {
		t.Error("a reset keeps something")
	}
}

func TestNodeIDsAreBounded(t *testing.T) {
	defer func() {
		if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), "MaxNodes") {
			t.Errorf("panic %v names no bound", p)
		}
	}()
	var c Cluster
	c.Reset(1)
	c.Crashed(MaxNodes)
}
