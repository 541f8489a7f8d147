package raft

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// TestTranscripts replays testdata/*.txt: commands, and below each what the cluster said and did. Run with -rewrite to record
// anew, and read the difference.
//
//	new nodes=3 [prevote=off] [checkquorum=off] [page=1]   page is the number of entries in one append
//	elect 1                                     make n1 leader without a word
//	disk 1 term=6 vote=1 commit=2 log=(1,1,4)   start n1 again from this disk; log is the entries' terms
//	campaign 1
//	propose 1 x
//	deliver [drop=(1>3,2>*:app)] [steps=4]      hand on messages in order until there are none, printing each and what it changed
//	deliver rounds                              the same, ending with how often the wire ran through
//	forget                                      lose what is on the wire
//	pass 60ms                                   time passes, nobody does anything
//	tick 1                                      n1 looks at the time
//	run 300ms [drop=...] [quiet]                time passes, everyone acts when due, messages arrive at once
//	crash 1 | start 1
//	slow 1 | sync 1                             n1's writes wait for sync; write them all
//	status | logs
//
// An indented line is a server that changed.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			tr := &transcript{}
			datadriven.RunTest(t, file, tr.run)
		})
	}
}

type transcript struct {
	c    *cluster
	seen map[uint64]string
	out  strings.Builder
}

func (tr *transcript) run(t *testing.T, d *datadriven.TestData) (out string) {
	defer func() {
		if p := recover(); p != nil {
			out = fmt.Sprintf("%spanic: %v\n", tr.out.String(), p)
		}
	}()
	tr.out.Reset()
	if d.Cmd == "new" {
		tr.create(t, d)
		return "ok"
	}
	tr.do(t, d)
	for _, n := range tr.c.nodes {
		tr.note(n)
	}
	if tr.out.Len() == 0 {
		return "ok"
	}
	return tr.out.String()
}

func (tr *transcript) create(t *testing.T, d *datadriven.TestData) {
	cfg := testConfig()
	nodes := 3
	for _, arg := range d.CmdArgs {
		switch arg.Key {
		case "nodes":
			arg.Scan(t, 0, &nodes)
		case "prevote":
			cfg.DisablePreVote = arg.Vals[0] == "off"
		case "checkquorum":
			cfg.DisableCheckQuorum = arg.Vals[0] == "off"
		case "page":
			arg.Scan(t, 0, &cfg.MaxEntriesPerMessage)
		default:
			t.Fatalf("new does not know %s", arg.Key)
		}
	}
	tr.c = newCluster(nodes, cfg)
	tr.seen = map[uint64]string{}
	for _, n := range tr.c.nodes {
		tr.note(n)
	}
	tr.out.Reset()
}

func (tr *transcript) do(t *testing.T, d *datadriven.TestData) {
	c := tr.c
	var n *testNode
	if len(d.CmdArgs) > 0 {
		if id, err := strconv.ParseUint(d.CmdArgs[0].Key, 10, 64); err == nil {
			n = c.node(id)
		}
	}
	switch d.Cmd {
	case "disk":
		var terms []uint64
		var hs HardState
		for _, arg := range d.CmdArgs[1:] {
			for i := range arg.Vals {
				var v uint64
				arg.Scan(t, i, &v)
				switch arg.Key {
				case "term":
					hs.Term = v
				case "vote":
					hs.Vote = v
				case "commit":
					hs.Commit = v
				case "log":
					terms = append(terms, v)
				}
			}
		}
		c.restartWith(n.id, hs.Term, hs.Vote, hs.Commit, terms...)
	case "campaign":
		n.r.Campaign(c.now)
	case "elect":
		c.elect(n.id)
	case "propose":
		index, term, err := n.r.Propose(c.now, []byte(d.CmdArgs[1].Key))
		if err != nil {
			fmt.Fprintln(&tr.out, err)
			return
		}
		fmt.Fprintf(&tr.out, "entry %d/%d\n", index, term)
	case "deliver":
		rounds := tr.deliver(t, d)
		if d.HasArg("rounds") {
			fmt.Fprintf(&tr.out, "%d times through the wire\n", rounds)
		}
	case "forget":
		c.wire = nil
	case "pass":
		c.now += int64(duration(t, d.CmdArgs[0].Key))
	case "tick":
		n.r.Tick(c.now)
	case "run":
		tr.runFor(t, d)
	case "crash":
		c.crash(n, 0)
	case "start":
		c.start(n)
	case "slow":
		n.slow = true
	case "sync":
		c.pump(n)
		c.syncDisk(n, len(n.writes))
	case "status":
		for _, n := range c.nodes {
			fmt.Fprintf(&tr.out, "%s\n", DescribeStatus(nil, n.r.Status()))
		}
	case "logs":
		for _, n := range c.nodes {
			fmt.Fprintf(&tr.out, "n%d: %s (commit %d)\n", n.id, n.logText(), n.r.Status().Commit)
		}
	default:
		t.Fatalf("unknown command %s", d.Cmd)
	}
}

func duration(t *testing.T, s string) time.Duration {
	v, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// blocked reads drop=(1>3,2>*:app).
func blocked(d *datadriven.TestData) func(m *Message) bool {
	var patterns []string
	for _, arg := range d.CmdArgs {
		if arg.Key == "drop" {
			patterns = arg.Vals
		}
	}
	return func(m *Message) bool {
		for _, p := range patterns {
			p, kind, _ := strings.Cut(p, ":")
			from, to, _ := strings.Cut(p, ">")
			if (kind == "" || kind == m.Type.String()) && (from == "*" || from == fmt.Sprint(m.From)) && (to == "*" || to == fmt.Sprint(m.To)) {
				return true
			}
		}
		return false
	}
}

// deliver hands on everything; a run through the wire is all messages that were on it when the run began.
func (tr *transcript) deliver(t *testing.T, d *datadriven.TestData) (rounds int) {
	c := tr.c
	block := blocked(d)
	steps := -1
	d.MaybeScanArgs(t, "steps", &steps)
	for {
		for _, n := range c.nodes {
			c.pump(n)
			tr.note(n)
		}
		if len(c.wire) == 0 {
			return rounds
		}
		rounds++
		for range len(c.wire) {
			if steps == 0 {
				return rounds
			}
			steps--
			m := c.wire[0]
			line := DescribeMessage(nil, &m)
			switch {
			case block(&m):
				fmt.Fprintf(&tr.out, "%s (lost)\n", line)
				c.wire = c.wire[1:]
				continue
			case !c.node(m.To).up:
				fmt.Fprintf(&tr.out, "%s (down)\n", line)
				c.wire = c.wire[1:]
				continue
			}
			fmt.Fprintf(&tr.out, "%s\n", line)
			if err := c.deliver(0, false); err != nil {
				fmt.Fprintf(&tr.out, "  %v\n", err)
			}
			c.pump(c.node(m.To))
			tr.note(c.node(m.To))
		}
	}
}

func (tr *transcript) runFor(t *testing.T, d *datadriven.TestData) {
	c := tr.c
	end := c.now + int64(duration(t, d.CmdArgs[0].Key))
	quiet := d.HasArg("quiet")
	show := func(m *Message) {
		if !quiet {
			fmt.Fprintf(&tr.out, "%s\n", DescribeMessage(nil, m))
		}
	}
	for step := 0; ; step++ {
		if step > 1000 {
			t.Fatalf("time stands still at %v", time.Duration(c.now))
		}
		var next *testNode
		for _, n := range c.nodes {
			if n.up && (next == nil || n.r.Deadline() < next.r.Deadline()) {
				next = n
			}
		}
		if next == nil || next.r.Deadline() > end {
			c.now = end
			return
		}
		c.now = max(c.now, next.r.Deadline())
		if !quiet {
			fmt.Fprintf(&tr.out, "-- %v n%d\n", time.Duration(c.now), next.id)
		}
		next.r.Tick(c.now)
		tr.note(next)
		c.settle(blocked(d), show)
		for _, n := range c.nodes {
			tr.note(n)
		}
	}
}

// note prints a server if it changed.
func (tr *transcript) note(n *testNode) {
	s := n.r.Status()
	s.Applied, s.LastIndex, s.LastTerm = 0, 0, 0
	line := fmt.Sprintf("n%d is down", n.id)
	if n.up {
		line = string(DescribeStatus(nil, s))
		line, _, _ = strings.Cut(line, " applied")
	}
	if tr.seen[n.id] != line {
		tr.seen[n.id] = line
		fmt.Fprintf(&tr.out, "  %s\n", line)
	}
}
