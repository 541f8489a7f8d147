package world

import (
	"errors"

	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
)

// watcher counts situations: it is told what the judges are told, and remembers what of it may still turn out one way or the other.
// Its memory is bounded by maxOpen and the number of terms that follow each other without a leader.
type watcher struct {
	open      []openEntry // operations in a leader's log that are not known committed, in the order they were taken
	stranded  int         // of open, those taken without a majority
	candidacy struct {    // in the highest term somebody stood in
		term, candidates uint64
		led              bool
	}
	led   []uint64 // terms that had a leader, the last ones, rising
	match []matched
	// uncounted is the entry of an earlier term that was last seen on a majority and not committed, and the term of its leader.
	uncounted matched
}

// openEntry is an operation in the log of the leader that took it.
type openEntry struct {
	index, term, client uint64
	stranded            bool // the leader reached no majority
	orphan              bool // the leader's rule has ended
	doomed              bool // it was taken when another entry was committed in its place already
}

// matched is how far a follower has acknowledged the log of a leader of a term.
type matched struct{ term, index uint64 }

// maxOpen bounds the operations watched: what comes beyond is not. maxLed bounds the terms remembered.
const (
	maxOpen = 1 << 12
	maxLed  = 64
)

func (v *watcher) reset(servers int) {
	*v = watcher{open: v.open[:0], led: v.led[:0], match: v.match[:0]}
	for range servers * servers {
		v.match = append(v.match, matched{})
	}
}

// situation counts one, that came about at n.
func (w *World) situation(n *node, what Situation) {
	w.counts.Situations[what]++
	w.story.mark(n, what)
}

// taken: a leader has put an entry of its own term into its log.
func (w *World) taken(n *node, e *raft.Entry) {
	var op statemachine.Envelope
	v := &w.watch
	if e.Type != raft.EntryNormal || len(v.open) == maxOpen || statemachine.DecodeEnvelope(e.Data, &op) != nil {
		return
	}
	o := openEntry{index: e.Index, term: e.Term, client: op.Client, doomed: e.Index <= w.judges.LedgerEnd()}
	if o.stranded = !w.reachesMajority(n); o.stranded {
		w.situation(n, SituationNoMajorityWrite)
	}
	if w.rival(n) > n.seen.Term {
		w.situation(n, SituationCutOffLeaderWrite)
	}
	if v.stranded > 0 && w.blocked(&o) {
		w.situation(n, SituationHeadOfLineBlocked)
	}
	if o.stranded {
		v.stranded++
	}
	v.open = append(v.open, o)
}

// blocked reports whether an entry stands behind another client's in the same leader's log that cannot reach a majority.
func (w *World) blocked(o *openEntry) bool {
	for i := range w.watch.open {
		if b := &w.watch.open[i]; b.stranded && b.term == o.term && b.index < o.index && b.client != o.client {
			return true
		}
	}
	return false
}

// reachesMajority reports whether messages go to and fro between a server and a majority of the committed configuration, itself
// included.
func (w *World) reachesMajority(n *node) bool {
	voters := w.members.voters
	reached := 0
	for _, other := range w.nodes[:w.slots()] {
		switch {
		case !voters.Has(other.proc):
		case other == n,
			other.up() && other.paused == 0 && !w.network.Blocked(n.proc, other.proc) && !w.network.Blocked(other.proc, n.proc):
			reached++
		}
	}
	return 2*reached > voters.Len()
}

// rival returns the term of another running leader: the highest, 0 for none.
func (w *World) rival(n *node) (term uint64) {
	for _, other := range w.nodes[:w.slots()] {
		if other != n && other.seen.Role == raft.StateLeader && other.running() {
			term = max(term, other.seen.Term)
		}
	}
	return term
}

// settled: the ledger of commitments has grown.
func (w *World) settled(n *node) {
	if n.seen.Role == raft.StateLeader {
		w.situation(n, SituationCommitted)
	}
	w.turnOut(n, false)
}

// turnOut decides what became of the operations that are open, as far as the ledger goes. Those that were doomed from the beginning
// are lost when their leader finds out.
func (w *World) turnOut(n *node, doomedToo bool) {
	v := &w.watch
	end, kept := w.judges.LedgerEnd(), 0
	for _, o := range v.open {
		if o.index > end || o.doomed && !doomedToo {
			v.open[kept] = o
			kept++
			continue
		}
		if o.stranded {
			v.stranded--
		}
		line, _ := w.judges.LedgerAt(o.index)
		if line.EntryTerm != o.term {
			w.situation(n, SituationUncommittedLost)
			continue
		}
		if o.stranded {
			w.situation(n, SituationCommittedAfterReturn)
		}
		if o.orphan {
			w.situation(n, SituationUncommittedSurvives)
		}
		if n.seen.Role == raft.StateLeader && n.seen.Term > o.term {
			w.situation(n, SituationOldTermCommitted)
		}
	}
	v.open = v.open[:kept]
}

// ruleEnded: a leader of a term has died, or leads no more.
func (w *World) ruleEnded(n *node, term uint64) {
	before, with := false, false
	for i := range w.watch.open {
		o := &w.watch.open[i]
		if o.term != term || o.orphan {
			continue
		}
		o.orphan = true
		holders := 0
		for _, other := range w.nodes[:w.slots()] {
			if w.members.voters.Has(other.proc) && w.judges.Holds(other.id, o.index, o.term) {
				holders++
			}
		}
		majority := 2*holders > w.members.voters.Len()
		before, with = before || !majority, with || majority
	}
	if before {
		w.situation(n, SituationLeaderLostBeforeMajority)
	}
	if with {
		w.situation(n, SituationLeaderLostBeforeCommit)
	}
}

// leaderDied: it was running until now.
func (w *World) leaderDied(n *node, term uint64) {
	w.ruleEnded(n, term)
	known := uint64(0)
	for _, other := range w.nodes[:w.slots()] {
		if other != n {
			known = max(known, other.told.commit)
		}
	}
	if n.told.commit > known && w.members.voters.Len() > 1 {
		w.situation(n, SituationLeaderLostBeforeTelling)
	}
}

// elected: n leads a term that it has just won.
func (w *World) elected(n *node, term uint64) {
	v := &w.watch
	n.ledFrom = n.told.last
	if w.rival(n) > 0 {
		w.situation(n, SituationTwoLeaders)
	}
	if v.candidacy.term == term {
		v.candidacy.led = true
	}
	if len(v.led) == maxLed {
		v.led = v.led[:copy(v.led, v.led[1:])]
	}
	v.led = append(v.led, term)
}

// stands: a server has become candidate.
func (w *World) stands(n *node, term uint64) {
	c := &w.watch.candidacy
	switch {
	case term == c.term:
		c.candidates++
	case term > c.term:
		if c.candidates > 1 && !c.led {
			w.situation(n, SituationSplitVote)
		}
		c.term, c.candidates, c.led = term, 1, false
	}
}

// proceeds: a server that was in one term is in a later one.
func (w *World) proceeds(n *node, from, to uint64) {
	if from == 0 || to <= from+1 {
		return
	}
	for _, term := range w.watch.led {
		if term > from && term < to {
			w.situation(n, SituationTermsSkipped)
			return
		}
	}
}

// deposed: a server leads no more and lives on.
func (w *World) deposed(n *node, st *raft.Status) {
	w.ruleEnded(n, n.seen.Term)
	switch {
	case st.Term > n.seen.Term:
		w.situation(n, SituationOldLeaderDeposed)
	case w.members.voters.Has(n.proc):
		w.situation(n, SituationLeaderGaveUp)
	}
}

// overwritten: a server loses the entries from index on.
func (w *World) overwritten(n *node, from uint64) {
	w.story.cut(n, from)
	w.turnOut(n, true)
	if n.seen.Role == raft.StateLeader {
		return
	}
	for _, leader := range w.nodes[:w.slots()] {
		if leader.seen.Role == raft.StateLeader && leader.seen.Term == n.seen.Term && n.told.last > leader.ledFrom {
			w.situation(n, SituationSurplusOverwritten)
			return
		}
	}
}

// acknowledged: a server has handled an acknowledgement. If it leads, and a majority has what is acknowledged, it has been committed by
// now, unless it is of an earlier term.
func (w *World) acknowledged(n *node) {
	m := &n.message
	if m.Type != raft.MsgAppResp || m.Reject || !n.running() || n.fate != alive {
		return
	}
	st := n.core.Status()
	if st.Role != raft.StateLeader || m.Term != st.Term {
		return
	}
	slots := w.slots()
	row := w.watch.match[int(n.id-1)*slots : int(n.id)*slots]
	at := &row[m.From-1]
	if at.term != st.Term {
		*at = matched{term: st.Term}
	}
	if m.Index <= at.index {
		return
	}
	at.index = m.Index
	if m.Index <= st.Commit || m.Index > n.ledFrom {
		return // committed; or of this term, and its leader's disk may be what it waits for
	}
	have := 0
	for i, k := range row {
		if voter := w.nodes[i]; w.members.voters.Has(voter.proc) && (voter == n || k.term == st.Term && k.index >= m.Index) {
			have++
		}
	}
	if found := (matched{st.Term, m.Index}); 2*have > w.members.voters.Len() && w.watch.uncounted != found {
		w.watch.uncounted = found
		w.story.uncounted(n, m.Index)
		w.situation(n, SituationOldTermNotCounted)
	}
}

// refusedVote: a server is about to refuse its vote.
func (w *World) refusedVote(n *node, m *raft.Message) {
	switch {
	case w.older(m.To, n.id):
		w.situation(n, SituationOlderLogRefused)
	case m.Type == raft.MsgVoteResp && n.seen.Vote != raft.None && n.seen.Vote != m.To && m.Term == n.seen.Term:
		w.situation(n, SituationVoteTaken)
	}
}

// older reports whether the log of one server is less up to date than that of another (paper section 5.4.1), as seen last.
func (w *World) older(a, b uint64) bool {
	if a < 1 || int(a) > w.slots() {
		return false
	}
	x, y := &w.nodes[a-1].seen, &w.nodes[b-1].seen
	return x.LastTerm < y.LastTerm || x.LastTerm == y.LastTerm && x.LastIndex < y.LastIndex
}

// answeredOwn: a server tells a client that its command is done.
func (w *World) answeredOwn(n *node) {
	if n.seen.Role != raft.StateLeader {
		w.situation(n, SituationOwnLogAnswer)
	}
}

// takes: a request has arrived.
func (w *World) takes(n *node, r *client.Request) {
	w.story.asked(n, r)
	if r.Hops > 0 && r.Kind != client.KindRead && n.running() && n.seen.Role != raft.StateLeader {
		w.situation(n, SituationExLeaderReached)
	}
}

// changeRefused: a leader has refused a change of the membership.
func (w *World) changeRefused(n *node, err error) {
	if errors.Is(err, raft.ErrNoCommitInTerm) {
		w.story.refusesChange(n)
		w.situation(n, SituationChangeRefused)
	}
}
