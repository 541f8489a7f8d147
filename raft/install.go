package raft

import "fmt"

// This file is about receiving a snapshot (paper §7).
//
// What arrives is looked at before it is touched: a snapshot of what is known to be committed here changes nothing (N13), and so
// does one whose last entry is in the log, because the log then holds all that it stands for. Chunks that are next go to the host,
// the others are answered with what is held. With the last one the snapshot takes the place of the whole log: since its last
// entry is not in there, nothing after it can be of use. The term stays what it is (N01).
//
// In memory that happens at once, on disk in two steps. First everything asked to be written before must be durable; then a
// Ready carries the snapshot, and nothing else is written until it is acknowledged. In between the server answers nobody and
// stands for no election.

// receiving is a snapshot on its way to this server. Bytes of different leaders are never put together: two leaders may have
// written the same state in different ways.
type receiving struct {
	from, term   uint64 // the leader that sends it
	index        uint64
	snapshotTerm uint64
	size         uint64
	offset       uint64 // the bytes that the host was given
}

// installing is a snapshot that replaced the log and is not durable yet.
type installing struct {
	active bool
	ticket uint64 // 0: not handed out yet
	handed uint64 // of the log before, how much had been handed out of what is committed
	meta   SnapshotMeta
}

// checkSnap refuses a chunk that no leader sends.
func (r *Raft) checkSnap(m *Message) error {
	switch {
	case m.Index == 0 || m.LogTerm == 0 || m.LogTerm > m.Term:
		return fmt.Errorf("raft: n%d got a snapshot up to entry %d of term %d in term %d", r.id, m.Index, m.LogTerm, m.Term)
	case m.Offset > m.Size || uint64(len(m.Data)) > m.Size-m.Offset:
		return fmt.Errorf("raft: n%d got %d bytes at offset %d of a snapshot of %d", r.id, len(m.Data), m.Offset, m.Size)
	case m.Conf == nil:
		return fmt.Errorf("raft: n%d got a snapshot without a configuration", r.id)
	}
	return m.Conf.Validate()
}

// handleSnap takes in a chunk.
func (r *Raft) handleSnap(m *Message) {
	reply := Message{Type: MsgSnapResp, To: m.From, Term: r.term, Index: m.Index, LogTerm: m.LogTerm, Round: m.Round, Epoch: m.Epoch}
	switch {
	case m.Index <= r.log.commit || r.log.matches(m.Index, m.LogTerm):
		// A snapshot is of committed entries: if the last is in this log, it and all before are committed here too.
		r.log.commitTo(max(r.log.commit, m.Index))
		if r.receiving.index <= r.log.commit {
			r.receiving = receiving{}
		}
		reply.Type, reply.Index, reply.LogTerm = MsgAppResp, r.log.commit, 0
	case r.installing.active:
		// A newer one waits until the host is done with this one.
	default:
		reply.Offset = r.receive(m)
		if reply.Offset == m.Size && r.installing.active {
			reply = Message{Type: MsgAppResp, To: m.From, Term: r.term, Index: m.Index, Round: m.Round, Epoch: m.Epoch}
		}
	}
	r.send(&reply)
}

// receive hands the bytes of a chunk to the host if they are next, and returns how many bytes of its snapshot are held.
func (r *Raft) receive(m *Message) uint64 {
	in := &r.receiving
	same := in.from == m.From && in.term == m.Term
	if same && in.index > m.Index {
		return 0 // a late chunk of a transfer that was given up
	}
	if !same || in.index != m.Index || in.snapshotTerm != m.LogTerm || in.size != m.Size {
		*in = receiving{from: m.From, term: m.Term, index: m.Index, snapshotTerm: m.LogTerm, size: m.Size}
	}
	if m.Offset != in.offset || len(m.Data) == 0 && in.size > 0 {
		return in.offset
	}
	r.chunks = append(r.chunks, Chunk{Index: m.Index, Term: m.LogTerm, Offset: m.Offset, Data: append([]byte(nil), m.Data...)})
	in.offset += uint64(len(m.Data))
	if in.offset == in.size {
		r.install(SnapshotMeta{Index: m.Index, Term: m.LogTerm, Size: m.Size, ConfState: m.Conf.clone()})
		return m.Size
	}
	return in.offset
}

// install puts a snapshot in the place of the log.
func (r *Raft) install(meta SnapshotMeta) {
	// Writes under way hold the old log; of that only what is committed agrees with what will be on disk.
	r.tickets.truncated(r.log.commit + 1)
	handed := min(r.log.handed, r.log.commit)
	r.log.restore(meta.Index, meta.Term)
	r.restoreConf(meta.Index, meta.ConfState)
	r.receiving = receiving{}
	r.installing = installing{active: true, handed: handed, meta: meta}
}

// installed is called when the snapshot is durable and in the state machine.
func (r *Raft) installed() {
	r.snapshot = r.installing.meta
	r.log.applied = max(r.log.applied, r.snapshot.Index)
	r.installing = installing{}
}
