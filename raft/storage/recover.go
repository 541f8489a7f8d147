package storage

import (
	"fmt"
	"hash/crc32"
	"math"

	"raftsim/raft"
	"raftsim/raft/vfs"
)

// source is a segment's file as recovery reads it.
type source struct {
	name                string
	number, incarnation uint64
	file                vfs.File
	data                []byte
	unreadable          int64 // end of the last bytes that could not be read, 0 if all could
	head                header
	headed              bool // head is valid
	dead                bool // what it holds does not count
	limited             bool // its successor says where it ends
	sum                 summer
}

func (s *source) is(number, incarnation uint64) bool {
	return s.number == number && s.incarnation == incarnation
}

// founding reports whether the source is what Bootstrap or Join wrote.
func (s *source) founding() bool { return s.number == firstSegment }

// run is a stretch of the log without gaps.
type run struct {
	base    raft.EntryID // the entry before the first one
	entries []raft.Entry
	commit  uint64 // as far as it is known to be of these entries
}

func (r *run) last() raft.EntryID {
	if n := len(r.entries); n > 0 {
		return raft.EntryID{Index: r.entries[n-1].Index, Term: r.entries[n-1].Term}
	}
	return r.base
}

// cut drops the entries after index.
func (r *run) cut(index uint64) {
	if n := index - r.base.Index; n < uint64(len(r.entries)) {
		r.entries = r.entries[:n]
	}
}

func (r *run) holds(id raft.EntryID) bool {
	if id.Index <= r.base.Index {
		return id == r.base
	}
	n := id.Index - r.base.Index
	return n <= uint64(len(r.entries)) && r.entries[n-1].Term == id.Term
}

// tail is the end of something that was read.
type tail struct {
	source int // -1: nothing
	end    int64
	sum    uint32 // of the record, or header, before
}

// item is a header or a record that was read.
type item struct {
	at     position
	sure   bool   // its segment was read no further than it counts
	low    uint64 // the last entry before it that it leaves
	before tail   // the end of what was read before it
}

// covered reports whether an item is known to be durable by a mark. One in a later segment speaks of what counts of the item's. If the
// header that said how much that is was damaged, what was read may be what a process left that died, and was never synced.
func (i *item) covered(mark position) bool {
	return i.at.before(mark) && (i.sure || i.at.segment == mark.segment)
}

// recovery reads the segments of a disk. See the package comment for the rules.
type recovery struct {
	memory  *Memory
	sources []source
	snap    raft.EntryID // the newest good snapshot

	runs []run // the last one is being read
	hs   raft.HardState
	end  raft.EntryID // the last entry of the log according to what was read last
	lost raft.EntryID
	conf []byte
	// joined is after which entry the member joined.
	joined uint64
	mark   position // the greatest one read
	read   bool     // anything at all

	tail   tail   // of what was read
	recent []item // those that no mark covers, in order
	sure   raft.EntryID

	bound    position // bad places before it are holes
	bounded  bool
	cutBytes int64
}

// beginning returns the end of the first header that counts. What was before it is gone for good reason: it was founded, begun anew, or
// durable when its predecessor was removed.
func (r *recovery) beginning() tail {
	for i := range r.sources {
		if s := &r.sources[i]; !s.dead {
			if s.headed {
				return tail{i, s.head.length, s.head.sum}
			}
			break
		}
	}
	return tail{source: -1}
}

// kill marks the segments that later ones have made meaningless.
func (r *recovery) kill() {
	for i := range r.sources {
		h := &r.sources[i].head
		if !r.sources[i].headed {
			continue
		}
		for j := i - 1; j >= 0; j-- {
			s := &r.sources[j]
			if !h.anew && s.is(h.prevSegment, h.prevIncarnation) {
				break
			}
			s.dead = h.anew || s.number > h.prevSegment || s.number == h.prevSegment && s.incarnation > h.prevIncarnation || s.dead
		}
	}
}

// scan reads all segments that count.
func (r *recovery) scan() error {
	r.tail.source = -1
	before := -1
	for i := range r.sources {
		s := &r.sources[i]
		if s.dead {
			continue
		}
		_, s.limited = r.limit(i)
		torn, err := r.begin(s, before)
		if err != nil {
			return err
		}
		if torn {
			return r.cutFrom(i, 0)
		}
		at := int64(0)
		if s.headed {
			at = s.head.length
			r.tail = tail{i, at, s.head.sum}
		}
		torn, err = r.records(i, at)
		if torn || err != nil {
			return err
		}
		before = i
	}
	return nil
}

// begin takes in the header of s, the one after the source before (or the first one, for -1). It reports whether the log ends
// before s.
func (r *recovery) begin(s *source, before int) (torn bool, err error) {
	switch {
	case !s.headed:
		if r.tornAt(position{s.number, 0}) {
			return true, nil
		}
		// It would say how much of what was read counts, and what was known to be lost: all that was read may be that.
		if newer(r.end, r.lost) {
			r.lost = r.end
		}
		return false, nil
	case before < 0:
	case !s.head.follows(&r.sources[before]):
		if r.tornAt(position{r.sources[before].number, math.MaxInt64}) {
			return true, nil
		}
	case r.tail.source == before && r.tail.end == s.head.prevEnd && r.tail.sum != s.head.prevSum:
		if r.tornAt(position{r.sources[before].number, math.MaxInt64}) {
			return true, nil
		}
	}
	h := &s.head
	cur := r.link(h.last)
	cur.cut(h.last.Index)
	cur.commit = min(h.hs.Commit, h.last.Index)
	r.hs, r.end, r.lost, r.conf, r.joined, r.read = h.hs, h.last, h.lost, h.conf, h.joined, true
	if newer(h.snap, r.sure) {
		r.sure = h.snap
	}
	return false, r.note(s, 0, h.mark, h.last)
}

func (h *header) follows(s *source) bool { return s.is(h.prevSegment, h.prevIncarnation) }

// limit returns where source i ends according to its successor, or where its bytes end.
func (r *recovery) limit(i int) (limit int64, told bool) {
	for j := i + 1; j < len(r.sources); j++ {
		if s := &r.sources[j]; !s.dead {
			if s.headed && s.head.follows(&r.sources[i]) {
				return s.head.prevEnd, true
			}
			break
		}
	}
	return int64(len(r.sources[i].data)), false
}

// records reads the records of source i from offset at. It reports whether the log ends in it.
func (r *recovery) records(i int, at int64) (torn bool, err error) {
	s := &r.sources[i]
	limit, _ := r.limit(i)
	data := s.data[:min(limit, int64(len(s.data)))]
	linked := s.headed // the record at at must continue the chain
	var h head
	for at < limit {
		ok := decodeHead(data, min(at, int64(len(data))), &s.sum, &h) && (!linked || h.chain == r.tail.sum)
		good := ok && whole(data, &h, &s.sum)
		if !good && r.tornAt(position{s.number, at}) {
			return true, r.cutFrom(i, at)
		}
		if !ok {
			if !findHead(data, at+1, &s.sum, &h) {
				return false, nil
			}
			at, linked = h.at, false
			continue
		}
		if err := r.take(s, data, &h, good); err != nil {
			return false, err
		}
		at, linked = h.end(), true
		r.tail = tail{i, min(at, int64(len(data))), h.sum}
	}
	return false, nil
}

// take takes in a record, or of a damaged one what is good or was read before. whole: the data of all entries is known to be right.
func (r *recovery) take(s *source, data []byte, h *head, whole bool) error {
	cur := r.link(h.prev)
	r.hs, r.end, r.read = h.hs, h.prev, true
	at, good := h.at+h.length, true
	for i := range h.count() {
		term, kind, length, sum := h.row(i)
		if term < r.end.Term || term == 0 || kind > raft.EntryConfChange {
			return corrupt(s.name, h.at, "an entry of term %d and type %d follows one of term %d", term, kind, r.end.Term)
		}
		r.end = raft.EntryID{Index: r.end.Index + 1, Term: term}
		var d []byte
		ok := whole
		if whole {
			d = entryBytes(data, at, length)
		} else {
			d, ok = entryData(data, at, length, sum, &s.sum)
		}
		switch {
		case cur.holds(r.end):
			if ok && good { // else what was read before is as good: the same entry
				cur.entries[r.end.Index-cur.base.Index-1] = raft.Entry{Term: term, Index: r.end.Index, Type: kind, Data: d}
			}
		default:
			cur.cut(r.end.Index - 1)
			if good = good && ok && cur.last().Index == r.end.Index-1; good {
				cur.entries = append(cur.entries, raft.Entry{})
				e := &cur.entries[len(cur.entries)-1]
				e.Term, e.Index, e.Type, e.Data = term, r.end.Index, kind, d
			}
		}
		at += length
	}
	cur.cut(r.end.Index)
	cur.commit = min(h.hs.Commit, cur.last().Index)
	return r.note(s, h.at, h.mark, h.prev)
}

// link returns the newest stretch that holds the entry prev, and drops those begun since. If there is none a new one begins.
func (r *recovery) link(prev raft.EntryID) *run {
	for i := len(r.runs) - 1; i >= 0; i-- {
		if r.runs[i].holds(prev) {
			r.runs = r.runs[:i+1]
			return &r.runs[i]
		}
	}
	r.runs = append(r.runs, run{base: prev, entries: r.memory.log()})
	return &r.runs[len(r.runs)-1]
}

// note takes in what headers and records have in common, and checks that it makes sense.
func (r *recovery) note(s *source, at int64, mark position, prev raft.EntryID) error {
	here := position{s.number, at}
	if here.before(mark) {
		return corrupt(s.name, at, "a mark that lies behind, at offset %d of segment %d", mark.offset, mark.segment)
	}
	if r.mark.before(mark) {
		r.mark = mark
	}
	covered := 0
	for covered < len(r.recent) && r.recent[covered].covered(r.mark) {
		covered++
	}
	if covered > 0 {
		r.recent = r.recent[:copy(r.recent, r.recent[covered:])]
	}
	r.recent = append(r.recent, item{})
	it := &r.recent[len(r.recent)-1]
	it.at, it.sure, it.low, it.before = here, s.limited, prev.Index, r.tail
	if r.lost != (raft.EntryID{}) && !newer(r.lost, r.end) {
		r.lost = raft.EntryID{}
	}
	if r.hs.Term < r.end.Term || (r.end.Index == 0) != (r.end.Term == 0) {
		return corrupt(s.name, at, "term %d beside a log that ends with entry %d of term %d", r.hs.Term, r.end.Index, r.end.Term)
	}
	return nil
}

// tornAt reports whether a bad place is where the log ends; otherwise it is a hole.
func (r *recovery) tornAt(p position) bool {
	if !r.bounded {
		r.bounded = true
		r.findBound()
	}
	return !p.before(r.bound)
}

// findBound looks for marks and beginnings in everything there is. Those before a bad place cannot be beyond it.
func (r *recovery) findBound() {
	raise := func(p position) {
		if r.bound.before(p) {
			r.bound = p
		}
	}
	for i := range r.sources {
		s := &r.sources[i]
		if s.dead {
			continue
		}
		if s.headed {
			raise(s.head.mark)
			if s.head.last.Index <= r.snap.Index {
				raise(position{s.number, 0})
			}
		}
		limit, _ := r.limit(i)
		data := s.data[:min(limit, int64(len(s.data)))]
		var h head
		for at := int64(0); findHead(data, at, &s.sum, &h); {
			raise(h.mark)
			at = h.at + h.length
		}
	}
}

// cutFrom ends the log at an offset of source i. What was written behind is cut off, if it could all be read.
func (r *recovery) cutFrom(i int, at int64) error {
	s := &r.sources[i]
	if at > 0 {
		if s.unreadable > at {
			return s.unknown()
		}
		r.cutBytes = max(int64(len(s.data))-at, 0)
		i++
	}
	for ; i < len(r.sources); i++ {
		s := &r.sources[i]
		switch {
		case s.dead:
			continue
		case s.unreadable > 0:
			return s.unknown()
		}
		r.cutBytes += int64(len(s.data))
		s.dead = true
	}
	return nil
}

func (s *source) unknown() error {
	return corrupt(s.name, s.unreadable-1, "unreadable, and nothing tells what was there")
}

// choose returns the stretch that is the log, and whether it is a snapshot alone.
func (r *recovery) choose() (run, bool) {
	for i := len(r.runs) - 1; i >= 0; i-- {
		if r.runs[i].holds(r.snap) {
			return r.runs[i], false
		}
	}
	return run{base: r.snap, commit: r.snap.Index}, true
}

// readSegment reads the whole of a file, block by block where it cannot be read at once. What cannot be read is zeros.
func readSegment(s *source, m *Memory) error {
	size, err := s.file.Size()
	if err != nil {
		return fmt.Errorf("storage: read %q: %w", s.name, err)
	}
	if size > math.MaxInt32 {
		return corrupt(s.name, 0, "%d bytes, more than any segment", size)
	}
	if s.data = m.borrow(s.file, size); s.data != nil {
		return nil
	}
	s.data = m.bytes(size)
	if n, _ := s.file.ReadAt(s.data, 0); int64(n) == size {
		return nil
	}
	const block = 512
	for at := int64(0); at < size; at += block {
		b := s.data[at:min(at+block, size)]
		if n, _ := s.file.ReadAt(b, at); n < len(b) {
			clear(b)
			s.unreadable = at + int64(len(b))
		}
	}
	return nil
}

// carries reports whether the record that belongs to the header is there, if there is one.
func (s *source) carries(id uint64) bool {
	h := &s.head
	if h.carried == 0 || h.id != id {
		return true
	}
	var r head
	return decodeHead(s.data, h.length, &s.sum, &r) && r.end()-r.at == h.carried && r.chain == h.sum && r.prev == h.last && whole(s.data, &r, &s.sum)
}

// load reads the file of a segment, and its header.
func (s *source) load(fsys vfs.FS, id uint64, table *crc32.Table, m *Memory) error {
	file, err := fsys.Open(s.name)
	if err != nil {
		return fmt.Errorf("storage: open: %w", err)
	}
	s.file = file
	if err := readSegment(s, m); err != nil {
		return err
	}
	s.sum = newSummer(id, s.incarnation, s.number)
	s.head, s.headed = decodeHeader(s.data, table)
	s.headed = s.headed && s.head.segment == s.number && s.head.incarnation == s.incarnation && s.carries(id)
	if s.headed && s.head.id != id {
		return fmt.Errorf("%w: it belongs to member %d, this is member %d", ErrWrongID, s.head.id, id)
	}
	return nil
}
