package storage

import (
	"cmp"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"strings"

	"raftsim/raft"
	"raftsim/raft/vfs"
)

// State is what the disk remembered.
type State struct {
	ID uint64
	// Incarnation numbers the life that begins with this Open, from 1. It rises with every Open whose ticket completed.
	Incarnation uint64
	// JoinedAfter is what Join was told.
	JoinedAfter uint64
	// ConfState is that of Snapshot if there is one, else that of the bootstrap, and empty at a member that joined.
	ConfState raft.ConfState
	// HardState.Commit is Snapshot.Index at least: a snapshot holds committed entries only.
	HardState raft.HardState
	// Offset and OffsetTerm are the identity of the entry before the first one in Entries. It is at most Snapshot.Index.
	Offset     uint64
	OffsetTerm uint64
	// Entries are without gaps. Their data shares memory that nothing else uses, except as Options.Memory says.
	Entries []raft.Entry
	// Snapshot is the newest good one, zero for none. Its entry is Offset or in Entries.
	Snapshot raft.SnapshotMeta
	// Lost is the newest entry that this member once held, and lost to damage, zero if the log is as new as that (see the package
	// comment).
	Lost raft.EntryID
	// Cut is how many bytes of an unfinished tail were cut off.
	Cut int64
}

// opening is what is to be done by the syncs of Open.
type opening struct {
	ticket  vfs.Ticket
	head    header       // of the segment to begin
	carried []raft.Entry // and what it takes over
	dead    []string     // files that count no more then
}

// Open is the restart of member id: it reads everything, checks every checksum, cuts off an unfinished tail and reports damage
// (see the package comment). Then it begins a segment of a new incarnation, which repeats what is not known to be durable. The
// completions of the syncs that make it durable must be passed to Completed, and the last of them has ticket t.
//
// The state must not be acted upon, and nothing appended, before t has completed without error. Two reasons: what Open read may
// be what a crashed process wrote and no sync ever covered, so acknowledging it would promise what a power loss still takes away;
// and a tail that is cut off but not durably so may come back.
//
// It refuses a disk without a finished Bootstrap (ErrEmpty), one of another member (ErrWrongID), and damage that leaves the state
// unknown (*CorruptError); the view of the disk is then as before.
func Open(fsys vfs.FS, id uint64, opt Options, t vfs.Ticket) (*Log, State, error) {
	if opt.SegmentBytes < 0 {
		return nil, State{}, fmt.Errorf("storage: a segment of %d bytes", opt.SegmentBytes)
	}
	if opt.SegmentBytes == 0 {
		opt.SegmentBytes = defaultSegmentBytes
	}
	names, err := fsys.List()
	if err != nil {
		return nil, State{}, fmt.Errorf("storage: open: %w", err)
	}
	l := &Log{fs: fsys, id: id, table: crc32.MakeTable(crc32.Castagnoli), bytes: opt.SegmentBytes, ticket: InternalTickets}
	meta, worse, damaged, err := l.findSnapshots(names)
	if err != nil {
		l.reading.close()
		return nil, State{}, err
	}
	l.lost = worse
	opt.Memory.begin()
	r := recovery{memory: opt.Memory, snap: raft.EntryID{Index: meta.Index, Term: meta.Term}}
	st, err := l.recover(&r, names, meta, damaged)
	opt.Memory.keep(st.Entries)
	for i := range r.sources {
		if f := r.sources[i].file; f != nil {
			_ = f.Close() // nothing was written
		}
	}
	if err == nil {
		l.opening.ticket = t
		err = l.carryOn(names, newer(r.snap, r.sure))
	}
	if err != nil {
		l.reading.close()
		return nil, State{}, err
	}
	return l, st, nil
}

// recover reads the segments and decides what the log is.
func (l *Log) recover(r *recovery, names []string, meta raft.SnapshotMeta, damaged error) (State, error) {
	for _, name := range names {
		if number, incarnation, ok := ParseSegmentName(name); ok {
			if number == math.MaxUint64 || incarnation == math.MaxUint64 {
				return State{}, corrupt(name, 0, "no number is left for the next segment or incarnation")
			}
			r.sources = append(r.sources, source{name: name, number: number, incarnation: incarnation})
		}
	}
	if len(r.sources) == 0 && len(l.snaps) == 0 {
		return State{}, fmt.Errorf("%w (member %d: no segment among %d files)", ErrEmpty, l.id, len(names))
	}
	slices.SortFunc(r.sources, func(a, b source) int {
		return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.incarnation, b.incarnation))
	})
	for i := range r.sources {
		if err := r.sources[i].load(l.fs, l.id, l.table, r.memory); err != nil {
			return State{}, err
		}
		l.incarnation = max(l.incarnation, r.sources[i].incarnation)
	}
	l.incarnation++
	r.kill()
	if err := r.scan(); err != nil {
		return State{}, err
	}
	if r.conf == nil {
		if len(r.sources) == 1 && r.sources[0].founding() && !r.read && len(l.snaps) == 0 {
			return State{}, fmt.Errorf("%w (member %d: no finished bootstrap in the %d bytes of %q)",
				ErrEmpty, l.id, len(r.sources[0].data), r.sources[0].name)
		}
		return State{}, corrupt(SegmentName(firstSegment, 0), 0, "missing, and no header of a later segment is readable")
	}
	log, alone := r.choose()
	if alone && r.snap == (raft.EntryID{}) {
		if damaged != nil {
			return State{}, damaged
		}
		return State{}, corrupt(r.sources[r.tail.source].name, 0, "the log begins after entry %d, and no snapshot stands for what is before", r.runs[0].base.Index)
	}
	if last := log.last(); r.hs.Term < max(r.snap.Term, last.Term) {
		return State{}, corrupt(r.sources[r.tail.source].name, r.tail.end, "term %d beside a log that ends with entry %d of term %d, and a snapshot of term %d",
			r.hs.Term, last.Index, last.Term, r.snap.Term)
	}
	return l.adopt(r, &log, meta, alone)
}

// adopt makes the log so recovered that of l.
func (l *Log) adopt(r *recovery, log *run, meta raft.SnapshotMeta, alone bool) (State, error) {
	st := State{
		ID: l.id, Incarnation: l.incarnation, JoinedAfter: r.joined, HardState: r.hs, Snapshot: meta, ConfState: meta.ConfState,
		Offset: log.base.Index, OffsetTerm: log.base.Term, Entries: log.entries, Cut: r.cutBytes,
	}
	st.HardState.Commit = max(log.commit, meta.Index)
	if meta.Index == 0 {
		if err := raft.DecodeConfState(r.conf, &st.ConfState); err != nil {
			return State{}, err
		}
	}
	l.terms.reset(log.base)
	for i := range log.entries {
		l.terms.put(log.entries[i].Index, log.entries[i].Term)
	}
	l.hs, l.conf, l.joined, l.mark = st.HardState, r.conf, r.joined, r.mark
	if n := len(r.runs); alone && n > 0 && r.runs[n-1].base.Index <= r.snap.Index && r.runs[n-1].last() == r.end {
		// The snapshot replaced this log, which is whole: what it ends with may be newer, and is not missed.
		r.end = log.base
	}
	for _, id := range [...]raft.EntryID{r.lost, r.end} {
		if newer(id, l.lost) {
			l.lost = id
		}
	}
	l.refind()
	st.Lost = l.lost
	l.saved = r.snap
	l.planSegment(r, log, alone)
	return st, nil
}

// planSegment decides what the segment of this incarnation begins with: what no mark covers is written anew. It may be in the cache
// of a system that has failed to write it, and a later sync would not try again.
func (l *Log) planSegment(r *recovery, log *run, alone bool) {
	before := r.recent[0].before
	if before.source < 0 {
		before = r.beginning()
	}
	keep := log.last().Index
	for i := range r.recent {
		keep = min(keep, r.recent[i].low)
	}
	keep = max(keep, log.base.Index)
	o := &l.opening
	o.carried = log.entries[keep-log.base.Index:]
	o.head = header{
		anew: alone || before.source < 0, id: l.id, incarnation: l.incarnation, mark: r.mark, hs: l.hs, lost: l.lost, snap: r.snap,
		joined: l.joined, conf: l.conf,
	}
	h := &o.head
	h.last, _ = l.terms.id(keep)
	for i := range r.sources {
		s := &r.sources[i]
		h.segment = max(h.segment, s.number+1)
		if s.dead || h.anew || i > before.source { // what it holds that counts is carried over
			o.dead = append(o.dead, s.name)
		} else {
			l.segments = append(l.segments, segment{number: s.number, incarnation: s.incarnation, last: s.head.last, headed: s.headed})
		}
	}
	if h.anew {
		h.mark = position{h.segment, 0}
	} else {
		s := &r.sources[before.source]
		h.prevSum, h.prevSegment, h.prevIncarnation, h.prevEnd = before.sum, s.number, s.incarnation, before.end
	}
}

// carryOn begins the segment of this incarnation. If the newest snapshot is not known to be durable it is first written once more.
func (l *Log) carryOn(names []string, unsure bool) error {
	for _, name := range names {
		if strings.HasSuffix(name, tempEnding) {
			if err := l.fs.Remove(name); err != nil {
				return fmt.Errorf("storage: open: %w", err)
			}
		}
	}
	if unsure {
		return l.copySnapshot()
	}
	return l.beginOwn()
}

// copySnapshot writes the snapshot that is being read to another file.
func (l *Log) copySnapshot() error {
	to, err := l.fs.Create(saveTemp)
	if err != nil {
		return fmt.Errorf("storage: copy a snapshot: %w", err)
	}
	from := l.reading.file
	size, err := from.Size()
	buf := make([]byte, min(size, snapBlock))
	for at := int64(0); at < size && err == nil; at += snapBlock {
		b := buf[:min(size-at, snapBlock)]
		if n, readErr := from.ReadAt(b, at); n < len(b) {
			err = readErr
		} else {
			_, err = to.WriteAt(b, at)
		}
	}
	if err != nil {
		_ = to.Close() // the first error is the one to tell
		return fmt.Errorf("storage: copy a snapshot: %w", err)
	}
	to.Sync(l.internal(stepCopied))
	return to.Close()
}

// nameCopied puts the copy in the place of the snapshot.
func (l *Log) nameCopied() error {
	l.reading.close()
	if err := l.fs.Rename(saveTemp, SnapshotName(l.saved.Index, l.saved.Term)); err != nil {
		return fmt.Errorf("storage: copy a snapshot: %w", err)
	}
	l.fs.SyncDir(l.internal(stepCopiedName))
	return nil
}

func (l *Log) beginOwn() error {
	o := &l.opening
	return l.beginDurably(&o.head, o.carried, o.ticket, stepOpened)
}

// anew makes h the header of a segment before which nothing counts.
func (l *Log) anew(h *header) {
	h.anew, h.prevSum, h.prevSegment, h.prevIncarnation, h.prevEnd = true, 0, 0, 0, 0
	h.mark = position{h.segment, 0}
}

// beginDurably begins a segment that holds a header, and a record of entries if there are any, and submits syncs of it and of the
// names, the last one under ticket t.
func (l *Log) beginDurably(h *header, entries []raft.Entry, t vfs.Ticket, s step) error {
	file, name, err := l.create(h)
	if err != nil {
		return err
	}
	sum := newSummer(l.id, l.incarnation, h.segment)
	if len(entries) > 0 {
		size, _ := recordSize(entries)
		h.carried = size
	}
	l.buf = appendHeader(l.buf[:0], h, l.table)
	chain := h.sum
	if len(entries) > 0 {
		r := head{at: h.length, chain: chain, hs: h.hs, prev: h.last, mark: h.mark}
		l.buf, chain = appendRecord(l.buf, &sum, &r, entries)
	}
	if _, err := file.WriteAt(l.buf, 0); err != nil {
		return fmt.Errorf("storage: begin segment %q: %w", name, err)
	}
	if l.file != nil {
		if err := l.file.Close(); err != nil {
			return fmt.Errorf("storage: close %q: %w", l.currentName(), err)
		}
	}
	l.enter(file, h, sum)
	l.end, l.chain = int64(len(l.buf)), chain
	file.Sync(l.internal(stepNone))
	l.fs.SyncDir(t)
	l.waiting.push(pendingSync{ticket: t, step: s, covers: position{h.segment, l.end}})
	return nil
}

// opened ends the opening: what was found dead goes.
func (l *Log) opened() error {
	l.phase = phaseOpen
	for i, name := range l.opening.dead {
		if err := l.fs.Remove(name); err != nil {
			return fmt.Errorf("storage: remove %q: %w", name, err)
		}
		l.opening.dead[i] = ""
	}
	l.opening = opening{}
	return nil
}
