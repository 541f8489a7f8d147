package world_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"raftsim/faults"
	"raftsim/raft"
	"raftsim/raft/server"
	"raftsim/scenarios"
	"raftsim/sim"
)

// healable is three servers led by n1 in a calm world of 2 seconds.
func healable(t testing.TB, cat *scenarios.Catalogue, name string, lines ...string) *scenarios.Case {
	t.Helper()
	o := scenarios.Defaults()
	o.Cluster.ElectionTimeout, o.Cluster.KeepAlive, o.Cluster.HeartbeatInterval = 150*time.Millisecond, 150*time.Millisecond, 50*time.Millisecond
	o.Cluster.InitialLeader = 1
	o.Workload.AttemptTimeout, o.Workload.OperationTimeout = 150*time.Millisecond, 500*time.Millisecond
	o.Run.Window = 2 * time.Second
	c := &scenarios.Case{Scenario: name, Options: o}
	v, err := cat.Vocabulary(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		d, err := v.ParseLine(line)
		if err != nil {
			t.Fatal(err)
		}
		c.Overrides = append(c.Overrides, d)
	}
	return c
}

// Whatever is broken when the fault window closes is mended: the run ends well, however long the faults were meant to last.
func TestEverythingHeals(t *testing.T) {
	cat, err := scenarios.NewCatalogue(scenarios.Builtin()...)
	if err != nil {
		t.Fatal(err)
	}
	r := scenarios.NewRunner(cat)
	for _, tc := range []struct {
		name  string
		lines []string
	}{
		{"leader isolated", []string{"isolate n1 #0 = at 1.9s for 100h both-clients"}},
		{"everybody isolated", []string{"isolate n1 #0 = at 1.5s for 100h both-clients", "isolate n2 #0 = at 1.5s for 100h both-clients", "isolate n3 #0 = at 1.5s for 100h both-clients"}},
		{"isolated three times over", []string{"isolate n1 #0 = at 1.5s for 100h both", "isolate n1 #1 = at 1.6s for 100h inbound", "split #0 = at 1.7s for 100h side n1"}},
		{"clients alone", []string{"split #0 = at 1s for 100h side n1,n2,n3"}},
		{"cut at the last nanosecond", []string{"cut n1>n2 #0 = at 1.999999999s for 100h both-ways"}},
		{"cut that ends when the window does", []string{"cut n1>n2 #0 = at 1.5s for 500ms both-ways"}},
		{"all crashed", []string{"crash-at n1 #0 = at 1.9s for 100h", "crash-at n2 #0 = at 1.9s for 100h", "crash-at n3 #0 = at 1.9s for 100h"}},
		{"all without power", []string{"blackout #0 = at 1.9s for 100h side n1,n2,n3"}},
		{"back at the close", []string{"blackout #0 = at 1.9s for 100ms side n1,n2,n3"}},
		{"down at the last nanosecond", []string{"power-at n1 #0 = at 1.999999999s for 100h"}},
		{"crashed at moments", []string{"crash n2 submitted t1 #50 = for 100h", "power n3 applied t1 #50 = for 100h"}},
		{"a stalled disk of the leader", []string{"slow-sync n1 #100 = 100h"}},
		{"all disks stalled", []string{"slow-sync n1 #100 = 100h", "slow-sync n2 #100 = 100h", "slow-sync n3 #100 = 100h"}},
		{"messages that would arrive next week", []string{"late n1>n2 app t1 #200 = 100h", "doubled n1>n2 app t1 #201 = 100h", "late c1>n2 request t1.20 #0 = 100h"}},
		{"an aim", []string{"aim-isolate #0 = at 1.8s for 100h leader-both-clients", "aim-power #0 = at 1.9s for 100h leader"}},
		{"a paused leader", []string{"pause n1 #0 = at 1.9s for 100h"}},
		{"all paused", []string{"pause n1 #0 = at 1.5s for 100h", "pause n2 #0 = at 1.5s for 100h", "pause n3 #0 = at 1.5s for 100h"}},
		{"paused twice over", []string{"pause n2 #0 = at 1.5s for 100h", "pause n2 #1 = at 1.6s for 100h"}},
		{"crashed while it was paused", []string{"pause n2 #0 = at 1.5s for 100h", "crash-at n2 #0 = at 1.6s for 100ms"}},
		{"paused before it was back", []string{"crash-at n2 #0 = at 1.5s for 100h", "pause n1 #0 = at 1.6s for 100h"}},
		{"a hasty clock", []string{"clock-rate n2 #0 = at 1s for 100h 10x"}},
		{"a slow clock of the leader", []string{"clock-rate n1 #0 = at 1s for 100h 0.1x"}},
		{"a disk that stands still", []string{"stall n1 #0 = at 1.9s for 100h"}},
		{"all disks stand still", []string{"stall n1 #0 = at 1.9s for 100h", "stall n2 #0 = at 1.9s for 100h", "stall n3 #0 = at 1.9s for 100h"}},
		{"a full disk", []string{"no-space n1 #100 = after 0 for 100h0m0s"}},
		{"all disks full", []string{"no-space n1 #100 = after 0 for 100h0m0s", "no-space n2 #100 = after 0 for 100h0m0s", "no-space n3 #100 = after 0 for 100h0m0s"}},
		{"a failed sync", []string{"sync-fails n1 #100 = yes", "sync-fails n2 #100 = yes"}},
		{"a membership that was not reached", []string{"isolate n1 #0 = at 1.8s for 100h both", "isolate n2 #0 = at 1.8s for 100h both", "members #0 = at 1.9s to n1,n2"}},
		{"down and cut off", []string{"power-at n2 #0 = at 1s for 100h", "isolate n2 #0 = at 1s for 100h both-clients", "isolate n1 #0 = at 1.5s for 100h both"}},
	} {
		c := healable(t, cat, "calm", tc.lines...)
		res, err := r.Run(c, scenarios.RunOptions{Record: true})
		if err != nil {
			t.Fatal(err)
		}
		if res.Verdict != scenarios.Pass || res.Missed() > 0 {
			t.Errorf("%s: %v (%d missed): %v", tc.name, res.Verdict, res.Missed(), res.Violations)
		}
		if down := res.Counts.Crashes + res.Counts.PowerLosses + res.Counts.Halts + res.Counts.StartsRefused; res.Counts.Restarts != down {
			t.Errorf("%s: %d processes ended and %d were started again", tc.name, down, res.Counts.Restarts)
		}
		// What was granted ends within an election timeout of the close.
		until := c.Options.Run.Window + c.Options.Cluster.ElectionTimeout
		for _, d := range res.Recorded {
			if begin := time.Duration(d.Value.At); d.Value.For > int64(until-begin) {
				t.Errorf("%s: %+v was granted, beyond %v", tc.name, d, until)
			}
		}
	}
}

// unwilling is a core that plays its part but for one thing.
type unwilling struct {
	*raft.Raft
	id        uint64
	noPropose bool // as of one second
	noCommit  bool // n3 hears of no commitment
	noChange  bool // of the membership
	noRead    bool // questions for an index are lost
	ready     raft.Ready
}

func (u *unwilling) ProposeConfChange(now int64, c *raft.ConfChange) (index, term uint64, err error) {
	if u.noChange {
		return 0, 0, raft.ErrConfChangePending
	}
	return u.Raft.ProposeConfChange(now, c)
}

func (u *unwilling) ReadIndex(now int64, context uint64, lease bool) error {
	if u.noRead {
		return nil
	}
	return u.Raft.ReadIndex(now, context, lease)
}

func (u *unwilling) Propose(now int64, data []byte) (index, term uint64, err error) {
	if u.noPropose && now > int64(time.Second) {
		return 0, 0, raft.ErrProposalDropped
	}
	return u.Raft.Propose(now, data)
}

func (u *unwilling) Ready() *raft.Ready {
	u.ready = *u.Raft.Ready()
	if u.noCommit && u.id == 3 {
		u.ready.Committed = nil
	}
	return &u.ready
}

// unchanging is a core that refuses every change of the membership.
func unchanging(cfg raft.Config, now int64, initial raft.InitialState) (server.Core, error) {
	r, err := raft.New(cfg, now, initial)
	return &unwilling{Raft: r, id: cfg.ID, noChange: true}, err
}

// What must be true of the quiet end is demanded: progress of every client, servers that run, and that they catch up.
func TestRefereeDemands(t *testing.T) {
	for _, tc := range []struct {
		name   string
		core   server.NewCore
		lines  []string
		change func(*scenarios.Options)
		want   []string // signatures of all findings
	}{
		{name: "nothing wrong", core: server.NewRaft},
		{
			name: "no proposal is taken",
			core: func(cfg raft.Config, now int64, initial raft.InitialState) (server.Core, error) {
				r, err := raft.New(cfg, now, initial)
				return &unwilling{Raft: r, id: cfg.ID, noPropose: true}, err
			},
			want: []string{"LIVE/no-progress"},
		},
		{
			name: "n3 applies nothing",
			core: func(cfg raft.Config, now int64, initial raft.InitialState) (server.Core, error) {
				r, err := raft.New(cfg, now, initial)
				return &unwilling{Raft: r, id: cfg.ID, noCommit: true}, err
			},
			want: []string{"LIVE/no-convergence"}, // its clients turn to the others
		},
		{
			name: "n2 does not start a second time", lines: []string{"crash-at n2 #0 = at 1s for 100ms"},
			core: func(cfg raft.Config, now int64, initial raft.InitialState) (server.Core, error) {
				if cfg.ID == 2 && now > int64(time.Second) {
					return nil, errors.New("no")
				}
				return raft.New(cfg, now, initial)
			},
			want: []string{"DUR/server-halted", "LIVE/server-missing"},
		},
		{
			name: "a membership that is asked for, and reached", core: server.NewRaft, lines: []string{"members #0 = at 1s to n1,n2"},
			change: func(o *scenarios.Options) { o.Run.Settle = true },
		},
		{
			name: "no change of the membership is taken", core: unchanging, lines: []string{"members #0 = at 1s to n1,n2"},
			change: func(o *scenarios.Options) { o.Run.Settle = true },
			want:   []string{"LIVE/membership-not-reached"},
		},
		{
			name: "no change of the membership is taken, and none is owed", core: unchanging, lines: []string{"members #0 = at 1s to n1,n2"},
		},
		{
			name: "memberships by plan", core: server.NewRaft,
			change: func(o *scenarios.Options) {
				o.Cluster.Spares, o.Run.Settle = 2, true
				o.Cluster.Memberships = []string{"n1,n2,n3,n4", "n3,n4 learners n1", "n4,n5 joint"}
			},
		},
		{
			name: "all reads are answered", core: server.NewRaft,
			change: func(o *scenarios.Options) { o.Workload.FinalReads, o.Cluster.Spares = true, 2 },
		},
		{
			name: "no read is answered", change: func(o *scenarios.Options) { o.Workload.FinalReads = true },
			core: func(cfg raft.Config, now int64, initial raft.InitialState) (server.Core, error) {
				r, err := raft.New(cfg, now, initial)
				return &unwilling{Raft: r, id: cfg.ID, noRead: true}, err
			},
			want: []string{"LIVE/no-final-reads"}, // who waits for one asks for no other
		},
		{
			name: "n2 answers no reads", change: func(o *scenarios.Options) { o.Workload.FinalReads = true },
			core: func(cfg raft.Config, now int64, initial raft.InitialState) (server.Core, error) {
				r, err := raft.New(cfg, now, initial)
				return &unwilling{Raft: r, id: cfg.ID, noRead: cfg.ID == 2}, err
			},
			want: []string{"LIVE/server-answers-no-reads"}, // its clients turn to the others
		},
		{
			name: "no read is answered, and none is owed",
			core: func(cfg raft.Config, now int64, initial raft.InitialState) (server.Core, error) {
				r, err := raft.New(cfg, now, initial)
				return &unwilling{Raft: r, id: cfg.ID, noRead: true}, err
			},
		},
		{
			name: "memberships by plan, and no change is taken", core: unchanging,
			change: func(o *scenarios.Options) { o.Cluster.Memberships, o.Run.Settle = []string{"n1,n2"}, true },
			want:   []string{"LIVE/membership-not-reached"},
		},
	} {
		cat, err := scenarios.NewCatalogue(scenarios.Scenario{
			Name: "calm", NewCore: tc.core, Make: func(uint64) *scenarios.Case { return &scenarios.Case{Options: scenarios.Defaults()} },
		})
		if err != nil {
			t.Fatal(err)
		}
		c := healable(t, cat, "calm", tc.lines...)
		if tc.change != nil {
			tc.change(&c.Options)
		}
		res, err := scenarios.NewRunner(cat).Run(c, scenarios.RunOptions{CheckOnce: true})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range res.Violations {
			if s := v.Signature(); !slices.Contains(got, s) {
				got = append(got, s)
			}
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

// disfranchised is a core that neither votes nor campaigns, but as server 1.
type disfranchised struct {
	*raft.Raft
	id uint64
}

func (d *disfranchised) Step(now int64, m *raft.Message) error {
	if d.id != 1 && (m.Type == raft.MsgPreVote || m.Type == raft.MsgVote) && m.From != 1 {
		return nil
	}
	return d.Raft.Step(now, m)
}

// A minority stays down when the faults have ended, if that is all that is amiss; then the others are owed nothing less.
func TestAbsentMinority(t *testing.T) {
	disfranchising := func(cfg raft.Config, now int64, initial raft.InitialState) (server.Core, error) {
		r, err := raft.New(cfg, now, initial)
		return &disfranchised{r, cfg.ID}, err
	}
	for _, tc := range []struct {
		name   string
		core   server.NewCore
		absent faults.Side
		lines  []string
		want   uint64 // servers that stay down
		broken string
	}{
		{name: "nobody"},
		{name: "the leader", absent: faults.SideOf(1), want: 1},
		{name: "a follower", absent: faults.SideOf(2), want: 1},
		{name: "one that is down already", absent: faults.SideOf(2), lines: []string{"power-at n2 #0 = at 1.9s for 100h"}, want: 1},
		{name: "all were down", absent: faults.SideOf(3), lines: []string{"blackout #0 = at 1.9s for 100h side n1,n2,n3"}, want: 1},
		{name: "a majority is asked too much", absent: faults.SideOf(1, 2)},
		{name: "two where one does not exist", absent: faults.SideOf(1, 4), want: 1},
		{name: "the membership was to change", absent: faults.SideOf(1), lines: []string{"members #0 = at 1s to n1,n2"}},
		{name: "a damaged disk", absent: faults.SideOf(1), lines: []string{"wipe n2 #0 = at 1.9s for 10ms"}},
		{name: "a disk that will lose a write", absent: faults.SideOf(1), lines: []string{"damage n2 #0 = at 1.999999999s lose-write 410"}},
		{name: "only the leader can be elected, and is there", core: disfranchising},
		{name: "only the leader can be elected", core: disfranchising, absent: faults.SideOf(1), want: 1, broken: "LIVE/no-leader"},
	} {
		cat, err := scenarios.NewCatalogue(scenarios.Scenario{
			Name: "calm", NewCore: tc.core, Make: func(uint64) *scenarios.Case { return &scenarios.Case{Options: scenarios.Defaults()} },
		})
		if err != nil {
			t.Fatal(err)
		}
		c := healable(t, cat, "calm", tc.lines...)
		c.Options.Run.Absent = tc.absent
		res, err := scenarios.NewRunner(cat).Run(c, scenarios.RunOptions{CheckOnce: true})
		if err != nil {
			t.Fatal(err)
		}
		broken := ""
		if len(res.Violations) > 0 {
			broken = res.Violations[0].Signature()
		}
		if broken != tc.broken || res.Missed() > 0 || res.Counts.Absences != tc.want {
			t.Errorf("%s: %v, %d missed, %d absent; want %q, %d absent", tc.name, res.Violations, res.Missed(), res.Counts.Absences, tc.broken, tc.want)
		}
	}
}

// Progress is demanded of the cluster as it is, not of one that need not answer: a single server, and a whole cluster that was
// down for the whole window, both pass.
func TestRefereeIsFair(t *testing.T) {
	cat, err := scenarios.NewCatalogue(scenarios.Builtin()...)
	if err != nil {
		t.Fatal(err)
	}
	for nodes := 1; nodes <= 7; nodes++ {
		c := healable(t, cat, "calm")
		c.Options.Cluster.Nodes, c.Options.Cluster.InitialLeader = nodes, 0
		v, _ := cat.Vocabulary("calm")
		for n := 1; n <= nodes; n++ {
			d, err := v.ParseLine(fmt.Sprintf("power-at n%d #0 = at 0s for 100h", n))
			if err != nil {
				t.Fatal(err)
			}
			c.Overrides = append(c.Overrides, d)
		}
		for _, overrides := range [][]sim.Disturbance{nil, c.Overrides} {
			c.Overrides = overrides
			res, err := scenarios.NewRunner(cat).Run(c, scenarios.RunOptions{CheckOnce: true})
			if err != nil || res.Verdict != scenarios.Pass {
				t.Errorf("%d servers, %d without power: %v, %+v", nodes, len(overrides), err, res)
			}
		}
	}
}

// The window closes for everybody at once: a cut that was to last for days does no more than one that ends with the window.
func TestHealingIsNotLate(t *testing.T) {
	cat, err := scenarios.NewCatalogue(scenarios.Builtin()...)
	if err != nil {
		t.Fatal(err)
	}
	r := scenarios.NewRunner(cat)
	for _, fault := range []string{
		"isolate n1 #0 = at 1.7s for %s both-clients", "isolate n2 #0 = at 1.7s for %s outbound", "split #0 = at 1.7s for %s side n1,c1,c2",
		"cut n1>n2 #0 = at 1.7s for %s both-ways", "cut c1>n2 #0 = at 1.7s for %s one-way",
		"pause n1 #0 = at 1.7s for %s", "pause n3 #0 = at 1.7s for %s", "stall n1 #0 = at 1.7s for %s", "clock-rate n1 #0 = at 1.7s for %s 3x",
		"crash-at n1 #0 = at 1.7s for %s", "blackout #0 = at 1.7s for %s side n1,n2,n3", "power n1 synced t1 #80 = for %s",
	} {
		run := func(length string) *scenarios.Result {
			res, err := r.Run(healable(t, cat, "calm", fmt.Sprintf(fault, length)), scenarios.RunOptions{CheckOnce: true})
			if err != nil || res.Verdict != scenarios.Pass || res.Missed() > 0 {
				t.Fatalf("%s: %v, %+v", fault, err, res)
			}
			return res
		}
		long, longer, short := run("20h"), run("100h"), run("1ms")
		if long.Digest != longer.Digest || long.Digest == short.Digest {
			t.Errorf("%s: 20h and 100h differ, or do not differ from 1ms", fault)
		}
		if fault[:5] == "power" || fault[:5] == "crash" || fault[:5] == "black" {
			continue
		}
		exact := run("300ms")
		if a, b := long.Counts.Network, exact.Counts.Network; a != b {
			t.Errorf("%s: for days\n\t%+v, until the close\n\t%+v", fault, a, b)
		}
	}
}
