package storage

import (
	"fmt"
	"hash/crc32"

	"raftsim/raft"
	"raftsim/raft/vfs"
)

// InternalTickets is the first ticket the log takes for syncs of its own. The caller's are below.
const InternalTickets vfs.Ticket = 1 << 62

const defaultSegmentBytes = 64 << 20

// Options are what a log is told once.
type Options struct {
	// SegmentBytes is the size from which a new segment is begun; a single record may make a segment larger. 0 means 64 MiB. Any
	// positive number works.
	SegmentBytes int64
	// Memory is what Open reads into; nil: memory of its own.
	Memory *Memory
}

// Log writes to the disk of one member. It is made by Open. The host passes every completion of a sync to Completed, in order.
//
// Once a write of the log has failed its end is unknown: every later Append returns that error, and the server must stop and
// recover from the disk. The same holds after a failed sync.
type Log struct {
	fs          vfs.FS
	id          uint64
	incarnation uint64
	table       *crc32.Table
	bytes       int64 // SegmentBytes

	segments []segment // ascending, the last one is written to
	file     vfs.File  // of the last segment
	sum      summer    // of the last segment
	end      int64     // where the next record goes
	chain    uint32    // sum of the record before that
	unsynced bool      // something was appended to file since the last sync was submitted

	full     []vfs.File // segments before, with bytes no submitted sync covers
	newNames bool       // there are segments whose names no submitted sync covers
	mark     position   // everything before it is durable
	buf      []byte
	waiting  queue
	ticket   vfs.Ticket // the next internal one
	phase    phase
	failed   error
	opening  opening

	hs    raft.HardState
	terms terms
	lost  raft.EntryID

	conf   []byte // of the bootstrap, encoded
	joined uint64 // what Join was told

	snaps     []snapFile // ascending, complete ones
	saved     raft.EntryID
	saving    saving
	receiving receiving
	reading   reading
}

// segment is one of the log's files.
type segment struct {
	number, incarnation uint64
	last                raft.EntryID // the log's last entry when it was begun
	headed              bool         // its header is good
	durable             bool         // its header and name are
}

type phase uint8

const (
	phaseOpening phase = iota // nothing may be appended yet
	phaseOpen
	phaseInstalling // nothing may be appended
)

// Append writes one batch: the hard state (nil: the one before), and the entries, whose first replaces whatever the log holds
// from its index on. Nothing is durable before a later Sync completes. With neither it writes nothing. It is one WriteAt, and
// allocates only to grow its buffer and when it begins a segment. It panics before the ticket of Open, or of InstallSnapshot, has
// completed.
//
// ErrOrder and ErrTooLarge refuse the batch and leave the log as it was.
func (l *Log) Append(hs *raft.HardState, entries []raft.Entry) error {
	if l.failed != nil {
		return l.failed
	}
	l.mustBeOpen("Append")
	if hs == nil {
		if len(entries) == 0 {
			return nil
		}
		hs = &l.hs
	}
	prev, last, err := l.check(hs.Term, entries)
	if err != nil {
		return err
	}
	state := *hs
	state.Commit = min(state.Commit, last)
	size, ok := recordSize(entries)
	if !ok {
		return fmt.Errorf("%w: %d entries after %d", ErrTooLarge, len(entries), prev.Index)
	}
	if l.end > l.bytes-size && l.end > l.headerLength() {
		return l.appendToNew(state, prev, entries)
	}
	h := head{at: l.end, chain: l.chain, hs: state, prev: prev, mark: l.mark}
	buf, sum := appendRecord(l.buf[:0], &l.sum, &h, entries)
	l.buf = buf
	if _, err := l.file.WriteAt(buf, l.end); err != nil {
		return l.fail(fmt.Errorf("storage: append at offset %d of %q: %w", l.end, l.currentName(), err))
	}
	l.appended(sum, state, entries)
	return nil
}

// appended takes in that the record in buf was written at end.
func (l *Log) appended(sum uint32, hs raft.HardState, entries []raft.Entry) {
	l.end += int64(len(l.buf))
	l.chain, l.hs, l.unsynced = sum, hs, true
	for i := range entries {
		l.terms.put(entries[i].Index, entries[i].Term)
	}
	l.refind()
}

// refind forgets what was lost once the log is as new again.
func (l *Log) refind() {
	if l.lost != (raft.EntryID{}) && !newer(l.lost, l.terms.lastID()) {
		l.lost = raft.EntryID{}
	}
}

// check returns the identity of the entry before the batch and the index of the last entry after it, and whether what is to be
// written makes sense: Open refuses what does not.
func (l *Log) check(term uint64, entries []raft.Entry) (prev raft.EntryID, last uint64, err error) {
	prev = l.terms.lastID()
	if len(entries) > 0 {
		first := entries[0].Index
		known := false
		if first > 0 {
			prev, known = l.terms.id(first - 1)
		}
		if !known {
			return prev, 0, fmt.Errorf("%w: entry %d does not fit a log of the entries %d to %d", ErrOrder, first, l.terms.base.Index+1, l.terms.last)
		}
	}
	id := prev
	for i := range entries {
		e := &entries[i]
		if e.Index != id.Index+1 || e.Term < id.Term || e.Term == 0 || e.Type > raft.EntryConfChange {
			return prev, 0, fmt.Errorf("%w: entry %d of term %d and type %d follows entry %d of term %d",
				ErrOrder, e.Index, e.Term, e.Type, id.Index, id.Term)
		}
		id = raft.EntryID{Index: e.Index, Term: e.Term}
	}
	if term < id.Term {
		return prev, 0, fmt.Errorf("%w: term %d beside entry %d of term %d", ErrOrder, term, id.Index, id.Term)
	}
	return prev, id.Index, nil
}

// appendToNew begins a segment with a batch.
func (l *Log) appendToNew(hs raft.HardState, prev raft.EntryID, entries []raft.Entry) error {
	cur := l.segments[len(l.segments)-1]
	h := l.nextHeader(cur, l.mark, l.terms.lastID())
	file, name, err := l.create(&h)
	if err != nil {
		return err
	}
	sum := newSummer(l.id, l.incarnation, h.segment)
	buf := appendHeader(l.buf[:0], &h, l.table)
	r := head{at: int64(len(buf)), chain: h.sum, hs: hs, prev: prev, mark: l.mark}
	buf, last := appendRecord(buf, &sum, &r, entries)
	l.buf = buf
	if _, err := file.WriteAt(buf, 0); err != nil {
		return l.fail(fmt.Errorf("storage: begin segment %q: %w", name, err))
	}
	if l.unsynced {
		l.full = append(l.full, l.file)
	} else if err := l.file.Close(); err != nil {
		return l.fail(fmt.Errorf("storage: close %q: %w", l.currentName(), err))
	}
	l.enter(file, &h, sum)
	l.end = 0
	l.newNames = true
	l.appended(last, hs, entries)
	return nil
}

// nextHeader is that of the segment after cur, which counts up to the end of the log. The number is above that of any segment
// this disk has ever seen.
func (l *Log) nextHeader(cur segment, mark position, last raft.EntryID) header {
	return header{
		prevSum: l.chain, id: l.id, segment: cur.number + 1, incarnation: l.incarnation,
		prevSegment: cur.number, prevIncarnation: cur.incarnation, prevEnd: l.end,
		mark: mark, hs: l.hs, last: last, lost: l.lost, snap: l.saved, joined: l.joined, conf: l.conf,
	}
}

func (l *Log) create(h *header) (vfs.File, string, error) {
	name := SegmentName(h.segment, h.incarnation)
	file, err := l.fs.Create(name)
	if err != nil {
		return nil, name, l.fail(fmt.Errorf("storage: begin segment %q: %w", name, err))
	}
	return file, name, nil
}

// enter makes a segment that holds its header the one that is written to.
func (l *Log) enter(file vfs.File, h *header, sum summer) {
	l.segments = append(l.segments, segment{number: h.segment, incarnation: h.incarnation, last: h.last, headed: true})
	l.file, l.sum, l.end, l.chain = file, sum, h.length, h.sum
}

// Sync submits syncs of everything appended so far; t completes when all of it is durable. In steady state that is one
// sync of one file. After an Append has failed, or a sync, it does nothing: t never completes.
func (l *Log) Sync(t vfs.Ticket) {
	if l.failed != nil {
		return
	}
	l.mustBeOpen("Sync")
	if t >= InternalTickets {
		panic(fmt.Sprintf("storage: member %d: ticket %d of a sync is one of the log's own", l.id, t))
	}
	l.syncBefore()
	l.file.Sync(t)
	l.submitted(t)
}

// syncBefore submits syncs of what is not in the current segment.
func (l *Log) syncBefore() {
	for i, f := range l.full {
		f.Sync(l.internal(stepNone))
		_ = f.Close() // closing cancels no sync, and an error of the data comes with the completion
		l.full[i] = nil
	}
	l.full = l.full[:0]
	if l.newNames {
		l.newNames = false
		l.fs.SyncDir(l.internal(stepNone))
	}
}

// submitted notes that the last sync of all that was appended has ticket t.
func (l *Log) submitted(t vfs.Ticket) {
	l.unsynced = false
	cur := &l.segments[len(l.segments)-1]
	l.waiting.push(pendingSync{ticket: t, step: stepLog, covers: position{cur.number, l.end}})
}

// HardState returns what was appended last, durable or not.
func (l *Log) HardState() raft.HardState { return l.hs }

// LastID returns the identity of the last entry, durable or not.
func (l *Log) LastID() raft.EntryID { return l.terms.lastID() }

// Close closes the files. What was not synced stays so.
func (l *Log) Close() error {
	l.reading.close()
	l.receiving.close()
	var first error
	for _, f := range append(l.full, l.file) {
		if f == nil {
			continue
		}
		if err := f.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (l *Log) headerLength() int64 { return headerFixed + int64(len(l.conf)) }

func (l *Log) currentName() string {
	cur := l.segments[len(l.segments)-1]
	return SegmentName(cur.number, cur.incarnation)
}

func (l *Log) mustBeOpen(call string) {
	if l.phase != phaseOpen {
		panic(fmt.Sprintf("storage: member %d: %s before the log is durable as it was opened, or as a snapshot is installed", l.id, call))
	}
}

func (l *Log) fail(err error) error {
	if l.failed == nil {
		l.failed = err
	}
	return l.failed
}
