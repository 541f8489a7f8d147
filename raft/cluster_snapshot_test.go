package raft

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
)

// What a host does about snapshots, and how late it applies. The state machine of a test is the list of all entries, and a snapshot
// is that list in bytes that differ from server to server, so that pieces of two servers' snapshots never fit together.

type testSnapshot struct {
	meta SnapshotMeta
	data []byte
}

// testSnapshots are the snapshots that a host keeps: the newest, which the disk has, those being sent, and one that arrives.
type testSnapshots struct {
	kept       []testSnapshot
	incoming   Chunk // its data is all that came so far
	installing bool
	installs   int
	acked      uint64 // the last ticket acknowledged
	handedOut  uint64 // the last entry in Ready.Committed
}

// testApply is when the state machine applies what was handed out.
type testApply struct {
	late  bool // not before it is told to
	queue []Entry
}

func (d *testDisk) last() uint64 { return d.offset + uint64(len(d.entries)) }

// initial is what a start finds on the disk. A log that was damaged before the end of the snapshot begins after it.
func (d *testDisk) initial(hs HardState, conf ConfState) InitialState {
	if last := d.snapshot.meta; last.Index > d.last() {
		d.offset, d.offsetTerm, d.entries = last.Index, last.Term, nil
	}
	s := InitialState{HardState: hs, ConfState: conf, Offset: d.offset, OffsetTerm: d.offsetTerm, Entries: slices.Clone(d.entries)}
	if d.snapshot.meta.Index > 0 {
		s.Snapshot, s.ConfState, s.Applied = d.snapshot.meta, d.snapshot.meta.ConfState, d.snapshot.meta.Index
	}
	return s
}

func makeSnapshot(id uint64, conf ConfState, applied []Entry) testSnapshot {
	last := applied[len(applied)-1]
	list := slices.Clone(applied)
	if id%2 == 0 {
		slices.Reverse(list)
	}
	data := binary.AppendUvarint(nil, id)
	for i := range list {
		data = binary.AppendUvarint(data, uint64(EncodedEntrySize(&list[i])))
		data = AppendEntry(data, &list[i])
	}
	data = binary.BigEndian.AppendUint32(data, crc32.ChecksumIEEE(data))
	return testSnapshot{SnapshotMeta{Index: last.Index, Term: last.Term, ConfState: conf, Size: uint64(len(data))}, data}
}

// entries is the state that the snapshot stands for.
func (s *testSnapshot) entries() []Entry {
	if len(s.data) == 0 {
		return nil
	}
	body, sum := s.data[:len(s.data)-4], s.data[len(s.data)-4:]
	if binary.BigEndian.Uint32(sum) != crc32.ChecksumIEEE(body) {
		panic(fmt.Sprintf("the snapshot %d/%d is damaged: it was put together of pieces that do not belong together", s.meta.Index, s.meta.Term))
	}
	id, body, _ := uvarint(body)
	var list []Entry
	for len(body) > 0 {
		size, rest, _ := uvarint(body)
		var e Entry
		if err := DecodeEntry(bytes.Clone(rest[:size]), &e); err != nil {
			panic(err)
		}
		list = append(list, e)
		body = rest[size:]
	}
	if id%2 == 0 {
		slices.Reverse(list)
	}
	if last := list[len(list)-1]; last.Index != s.meta.Index || last.Term != s.meta.Term || uint64(len(list)) != s.meta.Index {
		panic(fmt.Sprintf("the snapshot %d/%d holds %d entries up to %d/%d", s.meta.Index, s.meta.Term, len(list), last.Index, last.Term))
	}
	return list
}

// snapshot makes n's state machine durable and lets the core forget. It reports whether there was anything to do.
func (c *cluster) snapshot(n *testNode) bool {
	if n.snaps.installing || len(n.applied) == 0 || uint64(len(n.applied)) <= n.disk.snapshot.meta.Index {
		return false
	}
	conf := n.r.ConfState(uint64(len(n.applied)))
	if conf.IsEmpty() {
		return false // it joins, and its log has not told it yet
	}
	s := makeSnapshot(n.id, conf, n.applied)
	n.disk.snapshot = s
	n.snaps.kept = append(n.snaps.kept, s)
	n.r.Snapshotted(c.now, s.meta)
	n.dropSnapshots()
	// The disk keeps what the core keeps.
	if first := n.r.Status().FirstIndex; !n.snaps.installing && first > n.disk.offset+1 && first <= n.disk.last()+1 {
		cut := first - n.disk.offset - 1
		n.disk.offsetTerm = n.disk.entries[cut-1].Term
		n.disk.offset, n.disk.entries = first-1, slices.Clone(n.disk.entries[cut:])
	}
	return true
}

// dropSnapshots removes the snapshots that neither the core nor the next start needs.
func (n *testNode) dropSnapshots() {
	n.snaps.kept = slices.DeleteFunc(n.snaps.kept, func(s testSnapshot) bool {
		return s.meta.Index < n.disk.snapshot.meta.Index && !n.r.SnapshotPinned(s.meta.Index)
	})
}

// restartSnapshots is what a start finds: the last snapshot, and nothing of one that was arriving.
func (n *testNode) restartSnapshots() {
	n.snaps = testSnapshots{handedOut: uint64(len(n.applied)), installs: n.snaps.installs}
	if n.disk.snapshot.meta.Index > 0 {
		n.snaps.kept = []testSnapshot{n.disk.snapshot}
	}
	n.apply.queue = nil
}

// fill puts the bytes into a chunk. It reports whether the message can be sent: the core may have given the snapshot up since.
func (n *testNode) fill(m *Message) bool {
	if m.Type != MsgSnap {
		return true
	}
	for _, s := range n.snaps.kept {
		if s.meta.Index == m.Index {
			if m.Size != s.meta.Size || m.LogTerm != s.meta.Term || m.Offset+m.Length > m.Size {
				panic(fmt.Sprintf("n%d sends %s of a snapshot of %d bytes", n.id, DescribeMessage(nil, m), s.meta.Size))
			}
			m.Data = bytes.Clone(s.data[m.Offset:][:m.Length])
			conf := m.Conf.clone()
			m.Conf = &conf
			return true
		}
	}
	if n.r.SnapshotPinned(m.Index) {
		panic(fmt.Sprintf("n%d sends the snapshot %d, which it has not kept", n.id, m.Index))
	}
	return false
}

// receive keeps chunks as Chunk says.
func (n *testNode) receive(chunks []Chunk) {
	for _, ch := range chunks {
		in := &n.snaps.incoming
		if ch.Offset == 0 || ch.Index != in.Index || ch.Term != in.Term {
			*in = Chunk{Index: ch.Index, Term: ch.Term}
		}
		if ch.Offset != uint64(len(in.Data)) {
			panic(fmt.Sprintf("n%d is given bytes at %d of the snapshot %d/%d and holds %d", n.id, ch.Offset, ch.Index, ch.Term, len(in.Data)))
		}
		in.Data = append(in.Data, ch.Data...)
	}
}

// installIf makes a received snapshot the start of the log and the state of the state machine.
func (n *testNode) installIf(meta *SnapshotMeta) {
	if meta == nil {
		return
	}
	in := n.snaps.incoming
	if in.Index != meta.Index || in.Term != meta.Term || uint64(len(in.Data)) != meta.Size {
		panic(fmt.Sprintf("n%d is to install the snapshot %d/%d of %d bytes and holds %d of %d/%d",
			n.id, meta.Index, meta.Term, meta.Size, len(in.Data), in.Index, in.Term))
	}
	n.disk.snapshot = testSnapshot{*meta, in.Data}
	n.disk.offset, n.disk.offsetTerm, n.disk.entries = meta.Index, meta.Term, nil
	n.applied = n.disk.snapshot.entries()
	n.apply.queue = nil // all of it is in the snapshot
	n.snaps.kept = append(n.snaps.kept, n.disk.snapshot)
	n.snaps.incoming, n.snaps.installing = Chunk{}, false
	n.snaps.handedOut = meta.Index
	n.snaps.installs++
	n.dropSnapshots()
}

// applyQueued applies the first count of what was handed out, and reports the last of them.
func (c *cluster) applyQueued(n *testNode, count int) {
	if count == 0 {
		return
	}
	n.applied = append(n.applied, n.apply.queue[:count]...)
	n.apply.queue = slices.Clone(n.apply.queue[count:])
	n.r.Applied(c.now, n.applied[len(n.applied)-1].Index)
}

// check panics if a Ready breaks a promise of its own.
func (n *testNode) check(rd *Ready) {
	cfg := &n.r.cfg
	if rd.Ticket != 0 {
		if n.snaps.installing {
			panic(fmt.Sprintf("n%d hands out a write while a snapshot is being installed", n.id))
		}
		pending := 1
		for _, w := range n.writes {
			if w.ticket > n.snaps.acked {
				pending++
			}
		}
		if pending > cfg.MaxPendingAppends {
			panic(fmt.Sprintf("n%d has %d writes under way", n.id, pending))
		}
		if rd.Snapshot != nil && (pending > 1 || rd.HardStateChanged || len(rd.Entries) > 0) {
			panic(fmt.Sprintf("n%d hands out a snapshot beside other writes", n.id))
		}
	}
	n.snaps.installing = n.snaps.installing || rd.Snapshot != nil
	bytes := 0
	for i := range rd.Entries {
		bytes += writeEntry + len(rd.Entries[i].Data)
	}
	if len(rd.Entries) > 1 && bytes > cfg.MaxBytesPerWrite {
		panic(fmt.Sprintf("n%d hands out %d entries, counting for %d bytes, to be written", n.id, len(rd.Entries), bytes))
	}
	bytes = 0
	for i := range rd.Committed {
		if e := &rd.Committed[i]; e.Index != n.snaps.handedOut+1 {
			panic(fmt.Sprintf("n%d hands out entry %d to be applied after entry %d", n.id, e.Index, n.snaps.handedOut))
		}
		n.snaps.handedOut++
		bytes += len(rd.Committed[i].Data)
	}
	count := len(rd.Committed)
	if count > cfg.MaxCommittedPerReady || count > 1 && bytes > cfg.MaxCommittedBytes {
		panic(fmt.Sprintf("n%d hands out %d entries of %d bytes to be applied", n.id, count, bytes))
	}
	if waiting := len(n.apply.queue) + count; waiting > cfg.MaxApplying {
		panic(fmt.Sprintf("n%d has %d entries being applied", n.id, waiting))
	}
}
