package raft

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// limit takes in a setting of a new cluster, all of them numbers; 1 switches on what is a switch.
//
//	chunk=100 retain=2 inflight=1 inflight-bytes=10 uncommitted=4 uncommitted-bytes=100
//	committed=3 committed-bytes=10 applying=2 pending=1 serial-append=1 no-pipeline=1
func limit(t *testing.T, cfg *Config, arg *datadriven.CmdArg) bool {
	on := 0
	field := map[string]*int{
		"chunk": &cfg.MaxChunkBytes, "retain": &cfg.RetainEntries,
		"inflight": &cfg.MaxInflight, "inflight-bytes": &cfg.MaxInflightBytes,
		"uncommitted": &cfg.MaxUncommitted, "uncommitted-bytes": &cfg.MaxUncommittedBytes,
		"committed": &cfg.MaxCommittedPerReady, "committed-bytes": &cfg.MaxCommittedBytes,
		"applying": &cfg.MaxApplying, "pending": &cfg.MaxPendingAppends,
		"serial-append": &on, "no-pipeline": &on,
	}[arg.Key]
	if field == nil {
		return false
	}
	arg.Scan(t, 0, field)
	switch arg.Key {
	case "serial-append":
		cfg.DisableParallelAppend = on == 1
	case "no-pipeline":
		cfg.DisablePipeline = on == 1
	}
	return true
}

// doSnapshots carries out the commands about snapshots, the state machine and single messages.
func (tr *transcript) doSnapshots(t *testing.T, d *datadriven.TestData, n *testNode) bool {
	c := tr.c
	switch d.Cmd {
	case "snapshot":
		if !c.snapshot(n) {
			fmt.Fprintln(&tr.out, "nothing new")
			return true
		}
		s := n.disk.snapshot.meta
		fmt.Fprintf(&tr.out, "snapshot %d/%d of %d bytes, the log begins with %d\n", s.Index, s.Term, s.Size, n.r.Status().FirstIndex)
	case "late":
		n.apply.late = true
	case "apply":
		count := len(n.apply.queue)
		if len(d.CmdArgs) > 1 {
			wanted, err := strconv.Atoi(d.CmdArgs[1].Key)
			if err != nil {
				t.Fatal(err)
			}
			count = min(count, wanted)
		}
		c.applyQueued(n, count)
		fmt.Fprintf(&tr.out, "applied up to %d\n", n.r.Status().Applied)
	case "lose", "double", "newest":
		tr.handle(d)
	case "progress":
		for i := range n.r.tracker.peers {
			if pr := &n.r.tracker.peers[i]; pr.id != n.id {
				fmt.Fprintf(&tr.out, "n%d: %s\n", pr.id, progressText(pr))
			}
		}
	default:
		return false
	}
	return true
}

// handle does something with one message on the wire.
func (tr *transcript) handle(d *datadriven.TestData) {
	c := tr.c
	for _, n := range c.nodes {
		c.pump(n)
	}
	match := matching(&datadriven.TestData{CmdArgs: []datadriven.CmdArg{{Vals: []string{d.CmdArgs[0].Key}}}}, "")
	which := func(m Message) bool { return match(&m) }
	i := slices.IndexFunc(c.wire, which)
	if i < 0 {
		fmt.Fprintln(&tr.out, "no such message")
		return
	}
	if d.Cmd == "newest" {
		for j := range c.wire {
			if which(c.wire[j]) {
				i = j
			}
		}
	}
	m := c.wire[i]
	fmt.Fprintf(&tr.out, "%s\n", DescribeMessage(nil, &m))
	switch d.Cmd {
	case "lose":
		c.wire = slices.Delete(c.wire, i, i+1)
	case "double":
		c.wire = slices.Insert(c.wire, i, m)
	case "newest":
		c.wire = slices.Insert(slices.Delete(c.wire, i, i+1), 0, m)
	}
}

func progressText(pr *progress) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s match %d next %d", [...]string{"probe", "replicate", "snapshot"}[pr.state], pr.match, pr.next)
	if pr.paused {
		b.WriteString(" paused")
	}
	if pr.inflight.count > 0 {
		fmt.Fprintf(&b, " in flight %d (%d bytes)", pr.inflight.count, pr.inflight.bytes)
	}
	if s := pr.sending; s != nil {
		fmt.Fprintf(&b, " sending %d/%d from %d", s.meta.Index, s.meta.Term, s.offset)
	}
	return b.String()
}

// noteSnapshots prints a snapshot that was installed.
func (tr *transcript) noteSnapshots(n *testNode) {
	if n.up && n.snaps.installs > tr.installed[n.id] {
		fmt.Fprintf(&tr.out, "  n%d installs the snapshot %d/%d\n", n.id, n.disk.snapshot.meta.Index, n.disk.snapshot.meta.Term)
	}
	tr.installed[n.id] = n.snaps.installs
}

// snapshotText is what stands for the part of the log that is gone.
func (n *testNode) snapshotText() string {
	if n.r.log.offset == 0 {
		return ""
	}
	return fmt.Sprintf("..%d/%d ", n.r.log.offset, n.r.log.offsetTerm)
}
