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
//	new nodes=3 [prevote=off] [checkquorum=off] [lease=on] [page=1]   page is the number of entries in one append; for limits
//	                                            and switches see transcript_limits_test.go
//	elect 1                                     make n1 leader without a word
//	disk 1 term=6 vote=1 commit=2 log=(1,1,4)   start n1 again from this disk; log is the entries' terms
//	campaign 1
//	propose 1 x
//	deliver [drop=(1>3,2>*:app)] [steps=4]      hand on messages in order until there are none, printing each and what it changed
//	deliver until=(1>3:snap)                    the same, until such a message is next
//	deliver rounds                              the same, ending with how often the wire ran through
//	forget                                      lose what is on the wire
//	pass 60ms                                   time passes, nobody does anything
//	tick 1                                      n1 looks at the time
//	run 300ms [drop=...] [quiet]                time passes, everyone acts when due, messages arrive at once
//	crash 1 | start 1
//	slow 1 | sync 1                             n1's writes wait for sync; write them all
//	status | logs | confs                       confs: the configuration in force everywhere
//	join 4                                      n4 starts, knowing nothing
//	conf 1 voter=4 remove=2 [joint|explicit]    n1 proposes to change the configuration; without a change: to leave a joint one
//	transfer 1 2                                n1 starts handing over to n2
//	read 2 7 [lease]                            n2 is asked for a read index under the name 7; answers are printed as they come
//	snapshot 1                                  n1 makes its state durable and forgets what the core lets it
//	late 1 | apply 1 [2]                        n1 applies when told to; apply so many entries, or all there are
//	lose 1>3:snap                               lose the first such message on the wire
//	double 3>1:snap-resp | newest 1>3           send it twice; let the last such message overtake all others
//	progress 1                                  what the leader n1 knows about the others
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

	installed map[uint64]int // snapshots, by server
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
		case "lease":
			cfg.LeaseReads = arg.Vals[0] == "on"
		case "page":
			arg.Scan(t, 0, &cfg.MaxEntriesPerMessage)
		default:
			if !limit(t, &cfg, &arg) {
				t.Fatalf("new does not know %s", arg.Key)
			}
		}
	}
	tr.c = newCluster(nodes, cfg)
	tr.seen, tr.installed = map[uint64]string{}, map[uint64]int{}
	for _, n := range tr.c.nodes {
		tr.note(n)
	}
	tr.out.Reset()
}

func (tr *transcript) do(t *testing.T, d *datadriven.TestData) {
	c := tr.c
	var n *testNode
	if len(d.CmdArgs) > 0 {
		if id, err := strconv.ParseUint(d.CmdArgs[0].Key, 10, 64); err == nil && id <= uint64(len(c.nodes)) {
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
	case "join":
		c.join()
	case "conf":
		index, term, err := n.r.ProposeConfChange(c.now, confChange(t, d.CmdArgs[1:]))
		if err != nil {
			fmt.Fprintln(&tr.out, err)
			return
		}
		fmt.Fprintf(&tr.out, "entry %d/%d\n", index, term)
	case "transfer":
		var to uint64
		fmt.Sscan(d.CmdArgs[1].Key, &to)
		if err := n.r.TransferLeader(c.now, to); err != nil {
			fmt.Fprintln(&tr.out, err)
		}
	case "read":
		var context uint64
		fmt.Sscan(d.CmdArgs[1].Key, &context)
		if err := n.r.ReadIndex(c.now, context, d.HasArg("lease")); err != nil {
			fmt.Fprintln(&tr.out, err)
		}
	case "confs":
		for _, n := range c.nodes {
			s := n.r.Status()
			conf := n.r.ConfState(s.LastIndex)
			fmt.Fprintf(&tr.out, "n%d: %s since %d\n", n.id, DescribeConfState(nil, &conf), s.ConfIndex)
		}
	case "status":
		for _, n := range c.nodes {
			fmt.Fprintf(&tr.out, "%s\n", DescribeStatus(nil, n.r.Status()))
		}
	case "logs":
		for _, n := range c.nodes {
			fmt.Fprintf(&tr.out, "n%d: %s%s (commit %d)\n", n.id, n.snapshotText(), n.logText(), n.r.Status().Commit)
		}
	default:
		if !tr.doSnapshots(t, d, n) {
			t.Fatalf("unknown command %s", d.Cmd)
		}
	}
}

func duration(t *testing.T, s string) time.Duration {
	v, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// confChange reads voter=4 learner=(5,6) remove=2 joint.
func confChange(t *testing.T, args []datadriven.CmdArg) *ConfChange {
	c := &ConfChange{}
	for _, arg := range args {
		kind := ConfChangeAddVoter
		switch arg.Key {
		case "voter":
		case "learner":
			kind = ConfChangeAddLearner
		case "remove":
			kind = ConfChangeRemove
		case "joint":
			c.Transition = ConfTransitionJoint
		case "explicit":
			c.Transition = ConfTransitionExplicit
		default:
			t.Fatalf("conf does not know %s", arg.Key)
		}
		for i := range arg.Vals {
			var id uint64
			arg.Scan(t, i, &id)
			c.Changes = append(c.Changes, ConfChangeSingle{Type: kind, ID: id})
		}
	}
	return c
}

// blocked reads drop=(1>3,2>*:app).
func blocked(d *datadriven.TestData) func(m *Message) bool { return matching(d, "drop") }

func matching(d *datadriven.TestData, key string) func(m *Message) bool {
	var patterns []string
	for _, arg := range d.CmdArgs {
		if arg.Key == key {
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
	block, until := blocked(d), matching(d, "until")
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
			m := c.wire[0]
			if steps == 0 || until(&m) {
				return rounds
			}
			steps--
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

// note prints a server if it changed, and the reads it has answered.
func (tr *transcript) note(n *testNode) {
	for _, s := range n.reads {
		if s.Refused {
			fmt.Fprintf(&tr.out, "  n%d refuses read %d\n", n.id, s.Context)
		} else {
			fmt.Fprintf(&tr.out, "  n%d answers read %d at %d\n", n.id, s.Context, s.Index)
		}
	}
	n.reads = nil
	tr.noteSnapshots(n)
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
