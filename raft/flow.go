package raft

// This file is about limits: how much a leader takes in, how much it has under way, how much it hands out at once. A limit in
// bytes never holds up what is larger than itself: that goes alone.

// maxWithheld bounds the messages that wait in the core because what they depend on may not be handed out yet. What is dropped
// beyond it is like lost on the network.
const maxWithheld = 1 << 12

// admit reports whether a leader may take in a proposal of so many bytes, a command or a change of the membership. Dropping it early
// is what keeps a leader alive whose followers or disk do not keep up: what counts is what it must keep in memory, because it is not
// committed, or committed by others and not on its own disk. The limit in bytes never holds up what has none, as in
// etcd-io/raft (increaseUncommittedSize), nor what would be alone.
func (r *Raft) admit(bytes int) error {
	switch {
	case bytes > MaxProposalBytes:
		return ErrProposalTooLarge
	case r.log.lastIndex()-r.log.settled >= uint64(r.cfg.MaxUncommitted):
		return ErrProposalDropped
	case bytes > 0 && r.log.unsettled > 0 && r.log.unsettled+uint64(bytes) > uint64(r.cfg.MaxUncommittedBytes):
		return ErrProposalDropped
	}
	return nil
}

// page returns a view of the entries from index on, as many as one message may carry beside so many bytes in flight, and the
// bytes of data in them. It stops at the first entry that does not fit, and never leaves one out (R12).
func (r *Raft) page(from, inflight uint64) (entries []Entry, bytes uint64) {
	last := r.sendable()
	if from > last {
		return nil, 0
	}
	entries = r.log.slice(from, min(last, from+uint64(r.cfg.MaxEntriesPerMessage)-1))
	perMessage, window := uint64(r.cfg.MaxBytesPerMessage), uint64(r.cfg.MaxInflightBytes)
	for i := range entries {
		with := bytes + uint64(len(entries[i].Data))
		if i > 0 && with > perMessage || (i > 0 || inflight > 0) && inflight+with > window {
			return entries[:i:i], bytes
		}
		bytes = with
	}
	return entries, bytes
}

// sendable returns the last entry that a leader may send. Sending what it has not written yet is safe, since it counts its
// own copy only when that is durable (thesis §10.2.1).
func (r *Raft) sendable() uint64 {
	if r.cfg.DisableParallelAppend {
		return min(r.log.stable, r.log.lastIndex())
	}
	return r.log.lastIndex()
}

// writeEntry is what an entry counts for beside its data when pages of the log are made for the disk.
const writeEntry = 32

// writable returns the last entry that the next Ready may hand out to be written: a storage writes what is in one Ready at once.
func (r *Raft) writable() uint64 {
	entries := r.log.slice(r.log.handed+1, r.log.lastIndex())
	bytes := 0
	for i := range entries {
		if bytes += writeEntry + len(entries[i].Data); i > 0 && bytes > r.cfg.MaxBytesPerWrite {
			return r.log.handed + uint64(i)
		}
	}
	return r.log.lastIndex()
}

// committable returns the last entry that the next Ready may hand out to be applied, as far as counting entries goes.
func (r *Raft) committable() uint64 {
	return min(r.log.appliable(), r.log.applying+uint64(r.cfg.MaxCommittedPerReady), r.log.applied+uint64(r.cfg.MaxApplying))
}

// committedPage returns the entries to be applied next.
func (r *Raft) committedPage() []Entry {
	entries := r.log.slice(r.log.applying+1, r.committable())
	bytes := 0
	for i := range entries {
		if bytes += len(entries[i].Data); i > 0 && bytes > r.cfg.MaxCommittedBytes {
			return entries[:i:i]
		}
	}
	return entries
}
