package world_test

import (
	"math"
	"slices"

	"raftsim/faults"
	"raftsim/raft"
	"raftsim/raft/server"
	"raftsim/scenarios"
	"raftsim/sim"
)

// wrong is a consensus core with a bug laid over it. The zero bug is none.
type wrong struct {
	*raft.Raft
	id    uint64
	bug   bug
	ready raft.Ready

	early   uint64 // last entry told as committed ahead of time
	skipped bool
	kept    []raft.Entry // of the last Ready that had some
	message raft.Message
	reads   []raft.ReadState // answered without the core
}

func (w *wrong) ReadIndex(now int64, context uint64, lease bool) error {
	if w.bug.read == nil || !w.bug.read(w, lease) {
		return w.Raft.ReadIndex(now, context, lease)
	}
	w.reads = append(w.reads, raft.ReadState{Context: context, Index: w.Status().Commit})
	return nil
}

func (w *wrong) ConfState(index uint64) raft.ConfState {
	conf := w.Raft.ConfState(index)
	if w.bug.conf != nil {
		conf = w.bug.conf(conf)
	}
	return conf
}

// bug says what a wrong core does otherwise.
type bug struct {
	ready    func(w *wrong, rd *raft.Ready)  // changes what is handed out
	step     func(w *wrong, m *raft.Message) // changes what comes in; m is a copy
	deadline func(real int64) int64
	endless  bool // always has something more to hand out
	// read answers a read itself, from what is committed here, instead of asking the core.
	read func(w *wrong, lease bool) bool
	// conf changes what is said of the configuration in force.
	conf func(raft.ConfState) raft.ConfState
}

func (b bug) newCore(cfg raft.Config, now int64, initial raft.InitialState) (server.Core, error) {
	core, err := raft.New(cfg, now, initial)
	return &wrong{Raft: core, id: cfg.ID, bug: b, early: initial.HardState.Commit}, err
}

func (w *wrong) HasReady() bool { return w.bug.endless || len(w.reads) > 0 || w.Raft.HasReady() }

func (w *wrong) Ready() *raft.Ready {
	w.ready = raft.Ready{}
	if w.Raft.HasReady() {
		w.ready = *w.Raft.Ready()
	}
	if len(w.reads) > 0 {
		w.ready.Reads = append(slices.Clone(w.ready.Reads), w.reads...)
		w.reads = w.reads[:0]
	}
	if w.bug.ready != nil {
		w.bug.ready(w, &w.ready)
	}
	return &w.ready
}

func (w *wrong) Step(now int64, m *raft.Message) error {
	if w.bug.step == nil {
		return w.Raft.Step(now, m)
	}
	w.message = *m
	w.bug.step(w, &w.message)
	return w.Raft.Step(now, &w.message)
}

func (w *wrong) Deadline() int64 {
	if w.bug.deadline == nil {
		return w.Raft.Deadline()
	}
	return w.bug.deadline(w.Raft.Deadline())
}

// wrongCore is a bug with what the judges must make of it.
type wrongCore struct {
	name string
	bug  bug
	// want are the beginnings of signatures, each the result of at least one run; no run may come to anything else than these and
	// those in also.
	want, also []string
	change     func(*scenarios.Case)
}

// A bug in a core often makes another core find something that cannot be: it says so and panics.
const (
	panicCommit   = "CRASH/panic-raft-is-told-that-entry-is-committed-but-its-log-ends"
	panicTruncate = "CRASH/panic-raft-would-truncate-committed-entry-commit-it-has"
)

// powerCuts makes power losses at moments frequent and short.
func powerCuts(c *scenarios.Case) {
	f, t := &c.Options.Faults, c.Options.Cluster.ElectionTimeout
	f.Power, f.DownMin, f.DownMax = sim.Ratio{Num: 1, Den: 500}, t/5, t
}

// readOften makes most operations reads outside the log, and lets leaders sleep while they are cut off from the others: with their first
// breath they answer what clients asked meanwhile.
func readOften(c *scenarios.Case) {
	o := &c.Options
	o.Cluster.LeaseReads, o.Cluster.CheckQuorum, o.Cluster.Forward = true, true, true
	w := &o.Workload
	w.ReadLog, w.ReadLeader, w.ReadLease, w.ReadFollower, w.ReadStale = 1, 3, 3, 3, 0
	f, t := &o.Faults, o.Cluster.ElectionTimeout
	f.AimPause, f.PauseMin, f.PauseMax = faults.Slots{Count: 3, Chance: sim.Ratio{Num: 1, Den: 1}}, 2*t, 5*t
	f.AimIsolate = faults.Slots{Count: 2, Chance: sim.Ratio{Num: 1, Den: 1}}
	f.Meet, f.MeetAt = sim.Ratio{Num: 1, Den: 1}, o.Run.Window/2
	f.ClockStep, f.ClockRate = faults.Slots{}, faults.Slots{}
}

// reconfigure makes an operator busy.
func reconfigure(c *scenarios.Case) {
	o := &c.Options
	o.Cluster.Spares = 2
	o.Faults.AimMembers = faults.Slots{Count: 8, Chance: sim.Ratio{Num: 1, Den: 1}}
}

// acknowledgeAtOnce lets acknowledgements of entries leave before the entries are durable.
func acknowledgeAtOnce() bug {
	return bug{ready: func(_ *wrong, rd *raft.Ready) {
		messages, dependent := slices.Clone(rd.Messages), []raft.Message(nil)
		for _, m := range rd.Dependent {
			if m.Type == raft.MsgAppResp {
				messages = append(messages, m)
			} else {
				dependent = append(dependent, m)
			}
		}
		rd.Messages, rd.Dependent = messages, dependent
	}}
}

func wrongCores() []wrongCore {
	return []wrongCore{
		{
			// Paper, section 5.1 and figure 2: term, vote and entries are on stable storage before anybody is answered.
			name: "messages do not wait for the sync", change: powerCuts,
			bug: bug{ready: func(_ *wrong, rd *raft.Ready) {
				rd.Messages = append(slices.Clone(rd.Messages), rd.Dependent...)
				rd.Dependent = nil
			}},
			want: []string{
				"DUR/vote-not-on-disk", "DUR/term-not-on-disk", "DUR/acknowledged-before-durable", "DUR/acknowledged-entry-lost", "LC/commit-without-quorum", panicCommit,
			},
		},
		{
			name: "acknowledgements of entries do not wait for the sync", change: powerCuts,
			bug: acknowledgeAtOnce(),
			want: []string{
				"DUR/acknowledged-before-durable", "DUR/term-not-on-disk", "DUR/acknowledged-entry-lost", "LC/commit-without-quorum", panicCommit,
			},
		},
		{
			// The same, where what is durable is judged by the server's own tickets: the promise is noticed when the sync has not
			// completed, the rest when it is broken.
			name: "acknowledgements of entries do not wait for the sync, by the tickets",
			change: func(c *scenarios.Case) {
				powerCuts(c)
				c.Options.Run.DecodeDisks = false
			},
			bug:  acknowledgeAtOnce(),
			want: []string{"DUR/acknowledged-before-durable", "LC/missing-commitment", panicCommit},
			also: []string{"ES/term-went-back", "LC/", panicTruncate},
		},
		{
			name: "the vote is not written",
			bug:  bug{ready: func(_ *wrong, rd *raft.Ready) { rd.HardState.Vote = raft.None }},
			want: []string{"DUR/vote-not-on-disk", "ES/vote-forgotten"},
		},
		{
			name: "n2 writes no entries",
			bug: bug{ready: func(w *wrong, rd *raft.Ready) {
				if w.id == 2 {
					rd.Entries = nil
				}
			}},
			want: []string{"SMS/commit-beyond-log", "DUR/acknowledged-before-durable", "LC/commit-without-quorum"},
		},
		{
			name: "entries are applied before they are committed",
			bug: bug{ready: func(w *wrong, rd *raft.Ready) {
				all := append(slices.Clone(rd.Committed), rd.Entries...)
				rd.Committed = nil
				for _, e := range all {
					if e.Index == w.early+1 {
						w.early++
						rd.Committed = append(rd.Committed, e)
					}
				}
			}},
			want: []string{"SMS/applied-uncommitted"},
		},
		{
			name: "two committed entries change places",
			bug: bug{ready: func(_ *wrong, rd *raft.Ready) {
				if n := len(rd.Committed); n >= 2 {
					rd.Committed = slices.Clone(rd.Committed)
					rd.Committed[n-1].Data, rd.Committed[n-2].Data = rd.Committed[n-2].Data, rd.Committed[n-1].Data
				}
			}},
			want: []string{"SMS/"},
		},
		{
			name: "n3 skips a committed entry",
			bug: bug{ready: func(w *wrong, rd *raft.Ready) {
				if len(rd.Committed) >= 2 && w.id == 3 && !w.skipped {
					w.skipped = true
					rd.Committed = rd.Committed[1:]
				}
			}},
			want: []string{"SMS/"},
		},
		{
			name: "n2 stores other bytes than it was sent",
			bug: bug{ready: func(w *wrong, rd *raft.Ready) {
				if w.id != 2 {
					return
				}
				rd.Entries = slices.Clone(rd.Entries)
				for i := range rd.Entries {
					if d := slices.Clone(rd.Entries[i].Data); len(d) > 0 {
						d[len(d)-1]++
						rd.Entries[i].Data = d
					}
				}
			}},
			want: []string{"LM/"},
		},
		{
			name: "a leader writes entries again",
			bug: bug{ready: func(w *wrong, rd *raft.Ready) {
				if len(rd.Entries) == 0 {
					return
				}
				last := slices.Clone(rd.Entries)
				if w.Status().Role == raft.StateLeader {
					rd.Entries = append(w.kept, rd.Entries...)
				}
				w.kept = last
			}},
			want: []string{"LAO/leader-overwrites"},
		},
		{
			name: "refused votes count",
			bug: bug{step: func(_ *wrong, m *raft.Message) {
				if m.Type == raft.MsgVoteResp || m.Type == raft.MsgPreVoteResp {
					m.Reject = false
				}
			}},
			want: []string{"ES/elected-without-quorum", "ES/two-leaders-in-term"},
		},
		{
			// Paper, section 5.4.1: the voter denies its vote if its own log is more up-to-date.
			name: "any log is good enough for a vote",
			bug: bug{step: func(_ *wrong, m *raft.Message) {
				if m.Type == raft.MsgVote || m.Type == raft.MsgPreVote {
					m.LogTerm, m.Index, m.Commit, m.CommitTerm = m.Term, math.MaxInt32, 0, 0
				}
			}},
			want: []string{"LC/missing-commitment"},
		},
		{
			name: "refused appends count",
			bug: bug{step: func(w *wrong, m *raft.Message) {
				if m.Type == raft.MsgAppResp && m.Reject {
					m.Reject, m.Index, m.RejectHint = false, w.Status().LastIndex, 0
				}
			}},
			want: []string{"LC/commit-without-quorum", panicCommit},
			also: []string{"LIVE/no-leader", "LIVE/no-progress"},
		},
		{
			// Paper, section 8: a leader must check whether it has been deposed before it answers a read. Nobody is asked here.
			name: "reads are answered from what is committed here", change: readOften,
			bug:  bug{read: func(*wrong, bool) bool { return true }},
			want: []string{"LIN/read-behind-commit", "LIN/not-linearizable", "LIN/read-confirmed-by-deposed-leader"},
		},
		{
			// Thesis, section 6.4.1: a lease ends an election timeout after the round that began it. This one ends with the leadership.
			name: "a leader's lease does not end", change: readOften,
			bug:  bug{read: func(w *wrong, lease bool) bool { return lease && w.Status().Role == raft.StateLeader }},
			want: []string{"LIN/"},
		},
		{
			// Thesis, section 4.3: until the entry of C-old,new is committed and left, majorities of both halves count.
			name: "of a joint configuration the incoming half counts alone", change: reconfigure,
			bug: bug{conf: func(c raft.ConfState) raft.ConfState {
				c.Outgoing = nil
				return c
			}},
			want: []string{"CFG/no-common-quorum"}, also: []string{"DUR/server-halted"}, // by a snapshot of it

		},
		{
			name: "learners count as voters", change: reconfigure,
			bug: bug{conf: func(c raft.ConfState) raft.ConfState {
				c.Voters, c.Learners = append(slices.Clone(c.Voters), c.Learners...), nil
				return c
			}},
			want: []string{"ES/elected-without-quorum", "LC/commit-without-quorum"}, also: []string{"CFG/left-otherwise"},
		},
		{
			name: "a leader panics when it is first elected",
			bug: bug{ready: func(w *wrong, rd *raft.Ready) {
				if st := w.Status(); st.Role == raft.StateLeader && st.Term <= 1 {
					panic("core: term 1 must not have a leader")
				}
			}},
			want: []string{"CRASH/panic-core-term-must-not-have-a-leader"},
		},
		{
			name: "n3 panics at entry 21, again and again",
			bug: bug{step: func(w *wrong, m *raft.Message) {
				if w.id == 3 && m.Type == raft.MsgApp && m.Index > 20 {
					panic("core: too much")
				}
			}},
			want: []string{"CRASH/panic-core-too-much"},
		},
		{
			name: "no deadline ever comes",
			bug:  bug{deadline: func(int64) int64 { return math.MaxInt64 }},
			want: []string{"LIVE/no-leader"},
		},
		{
			name: "a deadline is always due",
			bug:  bug{deadline: func(int64) int64 { return 0 }},
			want: []string{"BOUND/zero-time-loop"},
		},
		{
			name: "there is always more to hand out",
			bug:  bug{endless: true},
			want: []string{"BOUND/turns-without-end"},
		},
	}
}
