package server

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"raftsim/raft"
	"raftsim/raft/statemachine"
	"raftsim/raft/storage"
	"raftsim/raft/vfs"
)

// Until the sync of what a restart read has completed, nothing leaves and nothing is taken in: the bytes may be those of a
// crashed process that no sync ever covered.
func TestNothingHappensBeforeRecovery(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	core.readies = []raft.Ready{ack(1)}
	r.restart()
	r.want("sync recovery")
	r.step(raft.Message{Type: raft.MsgVote, From: 2, Term: 1})
	r.request(ask(5, 2, 1))
	r.request(forwardedBy(2, ask(6, 2, 1)))
	r.server.Tick(math.MaxInt64)
	r.server.HandleSync(0, 0, nil) // of a bootstrap, say
	r.server.HandleSync(0, 1, nil)
	r.want()
	if r.server.Running() || r.server.Deadline() != math.MaxInt64 || core.stepped+core.ticked+core.proposes > 0 {
		t.Error("the server takes part while it recovers")
	}
	r.sync()
	r.want("send n1>n2 heartbeat-resp t1")
	if !r.server.Running() {
		t.Error("the server does not run after it has recovered")
	}
}

// A host need not wait for the bootstrap before it restarts: completions come in order.
func TestBootstrapAndRestartInOneGo(t *testing.T) {
	d := newDisk()
	if err := Bootstrap(d, 1, raft.ConfState{Voters: []uint64{1}}); err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, id: 1, disk: d, host: &host{}}
	r.cfg = Config{Raft: raft.Config{ID: 1, ElectionTimeout: electionTimeout, HeartbeatInterval: heartbeat}}
	r.restart()
	r.sync()
	r.sync()
	if r.server.Running() {
		t.Fatal("the syncs of the bootstrap were taken for those of the restart")
	}
	r.recover()
	r.lead()
}

// A vote that only the page cache had is not spoken for: it counts once the recovery sync is done, and survives then.
func TestRecoveredVoteIsDurableBeforeItIsSpokenFor(t *testing.T) {
	r := newRig(t, 1, 3).running()
	ask2 := raft.Message{Type: raft.MsgVote, From: 2, Term: 7}
	r.step(ask2)
	r.want("write", "sync 1")
	r.disk.pending = nil // the process crashes before the sync did anything
	r.restart()
	if st := r.server.Status(); st.Term != 7 || st.Vote != 2 {
		t.Fatalf("the page cache remembers %s", raft.DescribeStatus(nil, st))
	}
	r.step(ask2)
	r.want("sync recovery")
	r.recover()
	r.disk.powerLoss(0)
	r.restart()
	r.recover()
	if st := r.server.Status(); st.Term != 7 || st.Vote != 2 {
		t.Fatalf("after the power loss: %s", raft.DescribeStatus(nil, st))
	}
	r.host.lines = nil
	r.step(raft.Message{Type: raft.MsgVote, From: 3, Term: 7})
	r.want("send n1>n3 vote-resp t7 rejected commit 0/0")
}

// Disks a server must not start on.
func TestRestartRefuses(t *testing.T) {
	good := newRig(t, 1, 3)
	for _, test := range []struct {
		name string
		disk vfs.FS
		cfg  func(c *Config)
		want error
	}{
		{"an empty disk", newDisk(), func(*Config) {}, storage.ErrEmpty},
		{"the disk of another member", good.disk, func(c *Config) { c.Raft.ID = 2 }, storage.ErrWrongID},
		{"a bad raft configuration", good.disk, func(c *Config) { c.Raft.HeartbeatInterval = 0 }, nil},
		{"a negative bound of waiting clients", good.disk, func(c *Config) { c.MaxWaiting = -1 }, nil},
		{"a negative bound of snapshots", good.disk, func(c *Config) { c.MaxSnapshotBytes = -1 }, nil},
		{"a negative bound of reads", good.disk, func(c *Config) { c.MaxReads = -1 }, nil},
		{"more reads than have names", good.disk, func(c *Config) { c.MaxReads = largestMaxReads + 1 }, nil},
		{"a negative batch", good.disk, func(c *Config) { c.ApplyBatch = -1 }, nil},
		{"a negative size of segments", good.disk, func(c *Config) { c.SegmentBytes = -1 }, nil},
		{"sessions that end before they begin", good.disk, func(c *Config) { c.SessionTTL = -1 }, nil},
		{"a negative bound of commands", good.disk, func(c *Config) { c.MaxCommand = -1 }, nil},
		{"commands the log cannot hold", good.disk, func(c *Config) { c.MaxCommand = largestCommand + 1 }, nil},
	} {
		cfg := good.cfg
		test.cfg(&cfg)
		s, err := Restart(cfg, test.disk, good.host, nil, statemachine.NewKV())
		if err == nil || s != nil || (test.want != nil && !errors.Is(err, test.want)) {
			t.Errorf("%s: error %v, want %v", test.name, err, test.want)
		}
	}
	if err := Bootstrap(good.disk, 1, raft.ConfState{Voters: []uint64{1}}); !errors.Is(err, storage.ErrNotEmpty) {
		t.Errorf("bootstrap on a used disk: %v", err)
	}
	if err := Join(good.disk, 1, 0); !errors.Is(err, storage.ErrNotEmpty) {
		t.Errorf("join on a used disk: %v", err)
	}
}

// Nothing cannot be started, and who is no member cannot begin a cluster.
func TestNothingIsRefused(t *testing.T) {
	r := newRig(t, 1, 1)
	for want, f := range map[error]func() error{
		ErrNoFS:      func() error { _, err := Restart(r.cfg, nil, r.host, nil, statemachine.NewKV()); return err },
		ErrNoHost:    func() error { _, err := Restart(r.cfg, r.disk, nil, nil, statemachine.NewKV()); return err },
		ErrNoMachine: func() error { _, err := Restart(r.cfg, r.disk, r.host, nil, nil); return err },
		ErrNotMember: func() error { return Bootstrap(newDisk(), 1, raft.ConfState{Voters: []uint64{2}}) },
	} {
		if err := f(); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	for _, err := range []error{Bootstrap(nil, 1, raft.ConfState{Voters: []uint64{1}}), Join(nil, 1, 0)} {
		if !errors.Is(err, ErrNoFS) {
			t.Errorf("%v, want %v", err, ErrNoFS)
		}
	}
	for name, err := range map[string]error{
		"a learner":     Bootstrap(newDisk(), 3, raft.ConfState{Voters: []uint64{2}, Learners: []uint64{3}}),
		"nobody at all": Bootstrap(newDisk(), 1, raft.ConfState{}),
	} {
		if (err == nil) != (name == "a learner") || errors.Is(err, ErrNotMember) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Before it runs a server says what its disk remembers, all of it, and asks its host nothing for that.
func TestStatusWhileRecovering(t *testing.T) {
	r := newRig(t, 1, 1).running().lead().open(5)
	r.request(ask(5, 2, 1))
	r.syncAll()
	r.request(ask(5, 3, 1)) // a record behind it says up to where the log was committed
	r.syncAll()
	was := r.server.Status()
	r.server.Close()
	asked := 0
	r.cfg.Raft.Jitter = func(uint64) time.Duration { asked++; return 0 }
	r.restart()
	st := r.server.Status()
	if r.server.Running() || st.Commit == 0 || st.Commit > was.Commit || st.Term != was.Term || st.LastIndex != was.LastIndex || st.Role != raft.StateFollower {
		t.Errorf("before it runs: %s\nit was: %s", raft.DescribeStatus(nil, st), raft.DescribeStatus(nil, was))
	}
	if asked > 0 {
		t.Error("the host was asked for a timeout")
	}
	r.recover()
	if now := r.server.Status(); now.Commit < st.Commit {
		t.Errorf("when it runs: %s", raft.DescribeStatus(nil, now))
	}
	joiner := newJoiner(t, 2, 0)
	joiner.restart()
	if st := joiner.server.Status(); joiner.server.Running() || !st.Abstaining {
		t.Errorf("the joiner: %s", raft.DescribeStatus(nil, st))
	}
}

// A recovery sync that fails, and a core that refuses what the disk says, halt the server.
func TestFailedRecoveryHalts(t *testing.T) {
	broken := errors.New("broken")
	failedSync := newRig(t, 1, 3)
	failedSync.disk.syncErr = broken
	refusedState := newRig(t, 1, 3)
	refusedState.cfg.NewCore = func(raft.Config, int64, raft.InitialState) (Core, error) { return nil, broken }
	for _, r := range []*rig{failedSync, refusedState} {
		r.restart()
		r.server.Campaign(0)
		r.recover()
		r.host.lines = slices.DeleteFunc(r.host.lines, func(l string) bool { return l == "sync recovery" })
		r.want("halt")
		if len(r.host.halts) != 1 || !errors.Is(r.host.halts[0], broken) {
			t.Errorf("halted with %v", r.host.halts)
		}
		poke(r)
		r.want()
		r.server.Status()
	}
}

// A campaign asked for during recovery takes place after it.
func TestCampaignWaitsForRecovery(t *testing.T) {
	r := newRig(t, 1, 1)
	r.restart()
	r.server.Campaign(0)
	r.want("sync recovery")
	r.syncAll()
	if st := r.server.Status(); st.Role != raft.StateLeader || st.Term != 1 {
		t.Errorf("got %s", raft.DescribeStatus(nil, st))
	}
}

// A restart replays the log: the same state, and a retry is answered from the session.
func TestRestartReplaysTheLog(t *testing.T) {
	r := newRig(t, 1, 1).running().lead().open(5)
	for seq := uint64(2); seq <= 4; seq++ {
		r.request(ask(5, seq, 1))
		r.syncAll()
	}
	_, before := r.server.Applied()
	r.disk.powerLoss(0)
	r.restart()
	r.recover()
	r.lead() // a new leader's first entry commits those before it
	if _, after := r.server.Applied(); after != before {
		t.Errorf("state %x after the restart, %x before", after, before)
	}
	r.request(ask(5, 4, 2))
	r.want("reply c5 #4 try 2 ok, index 9: 1 bytes")
}

// A server that was closed has given its files back and does nothing any more, whatever state it was in.
func TestCloseGivesTheFilesBack(t *testing.T) {
	for _, state := range []string{"recovering", "running", "dead", "halted", "panicked"} {
		r := newRig(t, 1, 1)
		r.restart()
		if state != "recovering" {
			r.recover()
			r.lead()
		}
		switch state {
		case "dead":
			r.host.kill = func(Moment) bool { return true }
			r.server.Tick(math.MaxInt64 / 2)
		case "halted":
			r.disk.failing = errors.New("broken")
			r.request(opening(5, 1, 1))
		case "panicked":
			r.host.onEffect = func() { panic("host") }
			mustPanic(t, "host", func() { r.request(opening(5, 1, 1)) })
			r.host.onEffect = nil
		}
		if r.disk.open == 0 && state != "recovering" {
			t.Fatalf("%s: no file is open", state)
		}
		r.server.Close()
		r.server.Close()
		if r.disk.open != 0 {
			t.Errorf("%s: %d files are open after Close", state, r.disk.open)
		}
		r.host.lines = nil
		poke(r)
		r.server.HandleApply(0, 1)
		for _, err := range []error{
			r.server.ForceSnapshot(0), r.server.ProposeConfChange(0, &raft.ConfChange{}), r.server.TransferLeader(0, 1),
		} {
			if err != ErrNotRunning {
				t.Errorf("%s: closed, and says %v", state, err)
			}
		}
		r.server.Status()
		r.server.Applied()
		r.want()
	}
}
