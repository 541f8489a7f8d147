package raft

import "math"

// This file is about servers that must not vote: because they may have forgotten what they promised (a damaged log, an empty
// disk), or because a lease may be built on them.

// never is a time before all others.
const never int64 = math.MinInt64

// abstaining reports whether this server takes no part in elections because it may have forgotten what it helped to commit.
//
//   - A server whose disk was damaged abstains until its log is as new, in the order of paper §5.4.1, as the newest entry it has
//     lost: if that entry was committed with its help, every log so new contains it.
//   - A server that was made to join abstains until its log, or a snapshot, makes it a member, by an entry after the one it joined
//     after: its disk may have been wiped. A later entry that removes it again changes nothing: until that is committed it may be
//     the only one that can still be elected.
//
// What ended once does not come back when the log is cut: a leader that is entitled to cut it has what was committed.
func (r *Raft) abstaining() bool { return (r.joining || r.lost.Term != 0) && r.stillAbstaining() }

func (r *Raft) stillAbstaining() bool {
	if r.lost.Term != 0 {
		if term := r.log.lastTerm(); term > r.lost.Term || term == r.lost.Term && r.log.lastIndex() >= r.lost.Index {
			r.lost = EntryID{}
		}
	}
	// A log that is being received may tell of a former member of the same id: of how it was added, and not yet of its removal.
	if r.joining && r.confs.latestEpochOf(r.id) > r.joinedAfter {
		r.joining = false
	}
	return r.joining || r.lost.Term != 0
}

// mayVote reports whether this server may give the (pre-)vote that m asks for, as far as it is about this server.
//
// A server that joins gives its vote to a candidate whose configuration has had it as a member since an entry after the one
// that the operator named when it was given its empty disk: then it is the new member that is asked, not the one that may have
// voted before under the same id, and a new member may vote like any other. Without that, a configuration whose new servers
// have not heard of it could be unable to elect anybody.
func (r *Raft) mayVote(m *Message) bool {
	if r.abstaining() && (r.lost.Term != 0 || m.Epoch <= r.joinedAfter) {
		return false
	}
	return r.now >= r.silentUntil && (m.Transfer || !r.leasePromised())
}

// meantForFormerMember reports whether a leader speaks to the member that had this server's id before this one was made to join.
//
// Such a leader has not heard of the removal, which is committed: it leads a term that is over. The one it means may have known that,
// and this server has forgotten it with its disk. An answer would count as the former member's, and let the leader answer reads and
// commit entries that nobody will ever have. Whoever knows of this member counts it since an entry after joinedAfter.
func (r *Raft) meantForFormerMember(m *Message) bool {
	if m.Epoch > r.joinedAfter || r.joinedAfter == 0 {
		return false
	}
	switch m.Type {
	case MsgApp, MsgHeartbeat, MsgSnap, MsgTimeoutNow:
		return true
	}
	return false
}

// leasePromised reports whether a leader may rely on this server's not voting: with LeaseReads, for one election timeout after a
// leader was heard, whatever was learnt since. Unlike the stickiness of inLease this does not end when the server hears of
// another term.
func (r *Raft) leasePromised() bool {
	return r.cfg.LeaseReads && r.now < after(r.heardAt, int64(r.cfg.ElectionTimeout))
}

// voteSilence returns until when a server that starts with hs gives no vote at all: with LeaseReads it may have been part of a
// lease just before its restart.
func (c *Config) voteSilence(now int64, hs HardState) int64 {
	if !c.LeaseReads || hs.Term == 0 {
		return never
	}
	return after(now, int64(c.ElectionTimeout))
}
