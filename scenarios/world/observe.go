package world

import (
	"fmt"

	"raftsim/checker"
	"raftsim/raft"
	"raftsim/raft/statemachine"
	"raftsim/raft/storage"
	"raftsim/sim/disk"
)

// What a server shows of itself, told to the judges: server.Observer.

// Recovered implements server.Observer.
func (n *node) Recovered(initial *raft.InitialState) {
	j := &n.world.judges
	j.RestartedAfter(n.id, initial.Offset, initial.OffsetTerm)
	for i := range initial.Entries {
		n.appended(&initial.Entries[i])
	}
	if s := initial.Snapshot; s.Index > 0 {
		_, hash := n.server.Applied()
		j.Restored(n.id, s.Index, s.Term, hash)
	}
	n.writes = n.writes[:0]
	hs := initial.HardState
	j.HardState(n.id, hs.Term, hs.Vote)
	n.world.ledger.recovered(n, initial.Lost)
	j.Recovered(n.id)
	n.seen = raft.Status{Term: hs.Term, Vote: hs.Vote, ConfIndex: noConfiguration}
	n.told = told{last: initial.Offset + uint64(len(initial.Entries)), terms: n.told.terms[:0]}
	if initial.JoinedAfter != n.joinedAfter {
		n.world.find(checker.Durability, "joined-otherwise", n.id,
			fmt.Sprintf("n%d starts as a member that joined after entry %d; it was made to join after %d", n.id, initial.JoinedAfter, n.joinedAfter))
	}
	if initial.Lost.Index > 0 {
		n.world.counts.DamageRecognised++
	}
	n.world.story.recovered(n, initial)
}

// told is what the judges know of a server's log.
type told struct {
	last, commit, conf uint64
	// Entries up to own were told of while the server led and had not handed them out to be written: their terms, in order.
	own   uint64
	terms []sameTerm
}

// sameTerm is a run of entries of one term, from first to the next run.
type sameTerm struct{ first, term uint64 }

// keeps adds an entry that is kept back.
func (t *told) keeps(index, term uint64) {
	if index != t.own+1 {
		t.terms = t.terms[:0]
	}
	if n := len(t.terms); n == 0 || t.terms[n-1].term != term {
		t.terms = append(t.terms, sameTerm{index, term})
	}
	t.own = index
}

// term returns the term of an entry up to own that was told of as kept back, 0 for none.
func (t *told) term(index uint64) uint64 {
	for i := len(t.terms) - 1; i >= 0; i-- {
		if r := &t.terms[i]; r.first <= index {
			return r.term
		}
	}
	return 0
}

// cut notes that entries from index on are no longer what they were: a configuration among them has to be told again.
func (t *told) cut(index uint64) {
	if index <= t.conf {
		t.conf = noConfiguration
	}
}

// holds reports whether the server's log has this entry.
func (n *node) holds(index, term uint64) bool {
	core, ok := n.core.(interface {
		Entry(index uint64) (raft.Entry, bool)
	})
	if !ok {
		return false
	}
	e, held := core.Entry(index)
	return held && e.Term == term
}

// leads tells the judges of entries that a leader keeps back from its disk: they are in its log, in force if they change the
// membership, and may leave.
func (n *node) leads(st *raft.Status) {
	core, ok := n.core.(interface {
		Entry(index uint64) (raft.Entry, bool)
	})
	for ok && n.told.last < st.LastIndex {
		e, held := core.Entry(n.told.last + 1)
		if !held {
			return
		}
		n.takesIn(&e)
		n.told.last = e.Index
		n.told.keeps(e.Index, e.Term)
	}
}

// noConfiguration is the index of none: the next one seen is news.
const noConfiguration = ^uint64(0)

// takesIn tells of an entry that is new in the log.
func (n *node) takesIn(e *raft.Entry) {
	n.appended(e)
	n.world.story.appended(n, e)
	if n.seen.Role == raft.StateLeader && e.Term == n.seen.Term {
		n.world.taken(n, e)
	}
}

func (n *node) appended(e *raft.Entry) {
	if e.Type == raft.EntryConfChange {
		n.world.judges.AppendedConfiguration(n.id, e.Index, e.Term, e.Data)
	} else {
		n.world.judges.Appended(n.id, e.Index, e.Term, e.Data)
	}
}

// Turn implements server.Observer.
func (n *node) Turn(rd *raft.Ready, st *raft.Status) {
	if n.turns++; n.turns > max(n.world.config.Bounds.InstantSteps, minTurns) {
		panic(endlessTurns(n.turns - 1))
	}
	n.observeRole(st)
	if rd.Snapshot != nil {
		n.world.story.installed(n, rd.Snapshot.Index, rd.Snapshot.Term)
		n.world.judges.Installed(n.id, rd.Snapshot.Index, rd.Snapshot.Term)
		n.told.commit = max(n.told.commit, rd.Snapshot.Index)
		n.told.conf = noConfiguration
		n.told.last = rd.Snapshot.Index
	}
	for i := range rd.Entries {
		e := &rd.Entries[i]
		if e.Index <= n.told.own {
			if e.Term == n.told.term(e.Index) {
				continue
			}
			n.told.own = 0
		}
		if e.Index <= n.told.last {
			n.world.counts.Truncations++
			n.world.overwritten(n, e.Index)
			n.told.cut(e.Index)
		}
		n.world.judges.KeptBack(n.told.last < e.Index && e.Index <= n.seen.LastIndex)
		n.takesIn(e)
		n.told.last = e.Index
	}
	n.world.judges.KeptBack(false)
	n.writing(rd, st.Handed)
	n.observeLog(st)
}

// write is a ticket under way: when it completes, the log is on disk up to last.
type write struct{ ticket, last uint64 }

// writing notes what a Ready is about to write. What it replaces no longer becomes durable by the writes before it.
func (n *node) writing(rd *raft.Ready, handed uint64) {
	if rd.Ticket == 0 {
		return
	}
	if len(rd.Entries) > 0 {
		for i := range n.writes {
			n.writes[i].last = min(n.writes[i].last, rd.Entries[0].Index-1)
		}
	}
	n.writes = append(n.writes, write{ticket: rd.Ticket, last: min(n.told.last, handed)})
}

// written tells the judges that a ticket, and all before it, has completed.
func (n *node) written(c disk.Completion) {
	if c.Err != nil || c.Ticket >= storage.InternalTickets-1 {
		return
	}
	done := 0
	for done < len(n.writes) && n.writes[done].ticket <= uint64(c.Ticket) {
		n.world.judges.Durable(n.id, n.writes[done].last)
		done++
	}
	n.writes = n.writes[:copy(n.writes, n.writes[done:])]
}

// Applied implements server.Observer.
func (n *node) Applied(e *raft.Entry, outcomes []statemachine.Outcome, hash uint64) {
	w := n.world
	n.spend(w.config.ApplyCost)
	j := &w.judges
	j.Applied(n.id, e.Index, hash)
	w.story.applied(n, e.Index)
	w.stamped(e)
	for i := range outcomes {
		switch o := &outcomes[i]; o.Status {
		case statemachine.StatusApplied:
			if o.Kind == statemachine.EnvelopeCommand {
				j.Executed(n.id, e.Index, o.Client, o.Seq)
				if w.executor != nil {
					w.executor.Executed(o.Client, o.Seq, o.Result)
				}
			} else {
				w.counts.SessionsOpened++
			}
		case statemachine.StatusRepeated, statemachine.StatusStale:
			w.counts.Repeats++
			w.situation(n, SituationDuplicateSuppressed)
		case statemachine.StatusWaiting:
			w.counts.Reordered++
			w.situation(n, SituationEarlyHeld)
		case statemachine.StatusExpired:
			w.counts.SessionsGone++
		}
	}
}

// stamped tells the judges log time, once per entry.
func (w *World) stamped(e *raft.Entry) {
	if e.Index <= w.read || e.Type != raft.EntryNormal {
		return
	}
	w.read = e.Index
	var envelope statemachine.Envelope
	if len(e.Data) > 0 && statemachine.DecodeEnvelope(e.Data, &envelope) == nil {
		w.judges.Stamped(e.Index, envelope.Stamp)
	}
}

// Configured implements server.Observer. The judges are told earlier, when a configuration is in force (observe).
func (n *node) Configured(index uint64, conf raft.ConfState) {
	w := n.world
	w.counts.Configurations++
	if len(conf.Outgoing) > 0 {
		w.counts.JointConfigurations++
	}
	if index > w.members.index {
		w.members.index, w.members.voters, w.members.learners = index, sideOf(conf.Voters), sideOf(conf.Learners)
	}
}

// ReadConfirmed implements server.Observer.
func (n *node) ReadConfirmed(client, seq, term uint64) {
	for i := range n.reading {
		if r := &n.reading[i]; r.client == client && r.seq == seq {
			if !r.lease || !n.world.clocksBroken {
				n.world.judges.ReadConfirmed(n.id, term, r.elected)
			}
			return
		}
	}
}

// SnapshotTaken implements server.Observer.
func (n *node) SnapshotTaken(meta raft.SnapshotMeta, hash uint64) {
	w := n.world
	w.counts.Snapshots++
	if len(meta.ConfState.Outgoing) > 0 {
		w.counts.JointSnapshots++
	}
}

// SnapshotSaved implements server.Observer.
func (n *node) SnapshotSaved(raft.SnapshotMeta) { n.world.counts.SnapshotsSaved++ }

// SnapshotInstalled implements server.Observer.
func (n *node) SnapshotInstalled(meta raft.SnapshotMeta, hash uint64) {
	n.world.counts.Installations++
	n.world.judges.Restored(n.id, meta.Index, meta.Term, hash)
}

// Compacted implements server.Observer.
func (n *node) Compacted(index uint64) {
	n.world.counts.Compactions++
	n.world.judges.Compacted(n.id, index)
}

// observe tells the judges what changed in a server's view of itself.
func (n *node) observe(st *raft.Status) {
	n.observeRole(st)
	n.observeLog(st)
}

func (n *node) observeLog(st *raft.Status) {
	if st.Replacing {
		return // what the log is becomes known with the Ready that hands the snapshot out
	}
	j := &n.world.judges
	// The judges see a server's log as far as it was handed out to be written, or is a leader's own: what a follower keeps back for a
	// while is nothing yet.
	if st.Role == raft.StateLeader && st.LastIndex > n.told.last {
		n.leads(st)
	}
	for n.told.own > st.Handed && !n.holds(n.told.own, n.told.term(n.told.own)) {
		n.told.own-- // it leads no more, and another's entries took their place
	}
	known := max(st.Handed, n.told.own)
	if known < n.told.last {
		n.world.overwritten(n, known+1)
		j.Truncated(n.id, known)
		n.told.cut(known + 1)
		n.told.last = known
		n.world.counts.Truncations++
	}
	if st.ConfIndex != n.told.conf && st.ConfIndex <= known || n.seen.ConfIndex == noConfiguration {
		n.told.conf = st.ConfIndex
		if conf := n.configuration(); len(conf.Voters) > 0 {
			j.Configured(n.id, st.ConfIndex, checker.Configuration{
				Voters: conf.Voters, Outgoing: conf.Outgoing, Learners: conf.Learners, LearnersNext: conf.LearnersNext, AutoLeave: conf.AutoLeave,
			})
		}
	}
	if commit := min(st.Commit, known); commit > n.told.commit {
		known := j.LedgerEnd()
		n.world.story.committed(n, n.told.commit+1, commit, commit > known)
		j.Committed(n.id, commit)
		if commit > known {
			n.world.dates(commit)
			n.world.settled(n)
			n.world.ledger.compareRecovery(n, commit)
		} else {
			n.world.situation(n, SituationCommitLearnt)
		}
		n.told.commit = commit
	}
	if st.Transferee != 0 && n.seen.Transferee == 0 {
		n.world.counts.Transfers++
	}
	n.seen = *st
}

func (n *node) observeRole(st *raft.Status) {
	j := &n.world.judges
	n.world.story.role(n, st)
	was, is := n.seen.Role == raft.StateLeader, st.Role == raft.StateLeader
	if was && (!is || st.Term != n.seen.Term) {
		j.SteppedDown(n.id, n.seen.Term)
		n.world.counts.StepDowns++
		n.world.deposed(n, st)
		if n.seen.Transferee != 0 {
			n.world.counts.Transferred++
		}
	}
	if st.Term != n.seen.Term || st.Vote != n.seen.Vote {
		n.world.proceeds(n, n.seen.Term, st.Term)
		j.HardState(n.id, st.Term, st.Vote)
	}
	if is && (!was || st.Term != n.seen.Term) {
		j.Elected(n.id, st.Term)
		n.world.counts.Elections++
		n.world.elected(n, st.Term)
		n.judgeLeases(st.Term)
	}
	if st.Role == raft.StateCandidate && (n.seen.Role != raft.StateCandidate || st.Term != n.seen.Term) {
		n.world.counts.Candidacies++
		n.world.stands(n, st.Term)
	}
	n.seen.Term, n.seen.Vote, n.seen.Role = st.Term, st.Vote, st.Role
}
