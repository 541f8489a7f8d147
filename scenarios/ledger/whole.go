package ledger

import (
	"slices"

	"raftsim/checker"
)

// file is one file as it is decoded.
type file struct {
	name  string
	bytes []byte
	// unreadable is where the last part ends that cannot be read, 0 if all can. It is zeros in bytes.
	unreadable uint64
}

// outcome is what a server recovers from a disk, and where reading ended.
type outcome struct {
	disk        checker.DiskImage
	refusal     string   // why no server recovers anything, and disk is empty
	beginsAfter uint64   // where the log begins if no snapshot covers what is before, 0 otherwise
	lost        identity // newest entry that bytes tell of and the log does not have

	table []known
	// Where a log that is only appended to goes on: at offset of the segment table[cursor], after the record of this sum. Not regular: it
	// is not that simple.
	regular bool
	cursor  int
	offset  uint64
	sum     uint32
}

func (o *outcome) clear() {
	*o = outcome{disk: checker.DiskImage{Entries: o.disk.Entries[:0]}, table: o.table[:0]}
}

// known is what is remembered of a file.
type known struct {
	name string
	size int
	kind kind
	of   identity // a snapshot's entry
	log  segment
}

type kind uint8

const (
	kindOther kind = iota // temporary, or of no meaning
	kindSegment
	kindSnapshot
)

// segment is what is known of one file of the log.
type segment struct {
	number, life uint64 // as in the name
	seed         uint32 // see reader.seed
	valid        bool   // so is the header
	dead         bool   // not part of the log
	header       header
	low          identity // the lowest entry that anything in it follows
}

// parse fills k from the name.
func (k *known) parse(r *reader, member uint64, name string) {
	*k = known{name: name}
	if number, life, ok := parseName(name, ".log"); ok {
		k.kind, k.log = kindSegment, segment{number: number, life: life, seed: r.seed(member, number, life)}
	} else if index, term, ok := parseName(name, ".snap"); ok {
		k.kind, k.of = kindSnapshot, identity{index, term}
	}
}

// after says whether s comes after the segment of this number and incarnation.
func (s *segment) after(number, life uint64) bool {
	return s.number > number || s.number == number && s.life > life
}

// names says whether h calls s the segment before it.
func (h *header) names(s *segment) bool {
	return h.flags&flagAnew == 0 && h.prevSegment == s.number && h.prevLife == s.life
}

// Reasons of refusal.
const (
	refusedEmpty      = "no valid header"
	refusedMember     = "a segment is another member's"
	refusedOrder      = "a record does not follow from the log before it"
	refusedType       = "an entry has a type that no server writes"
	refusedTerm       = "the term is older than the snapshot or the log"
	refusedNothing    = "nothing holds the beginning of the log, and there is no snapshot"
	refusedUnreadable = "behind what looks like the end something cannot be read"
)

// decode recovers the member's state from its files, which are in the order of names. O(size of the files).
func (r *reader) decode(member uint64, files []file, o *outcome) {
	r.stats.Wholes++
	o.clear()
	snapshot, damaged := identity{}, identity{}
	for i := range files {
		o.table = append(o.table, known{})
		k := &o.table[i]
		k.parse(r, member, files[i].name)
		k.size = len(files[i].bytes)
		if k.kind == kindSegment {
			k.log.valid = r.header(files[i].bytes, &k.log)
			k.log.low = k.log.header.last
		}
	}
	for i := len(files) - 1; i >= 0; i-- {
		switch k := &o.table[i]; {
		case k.kind != kindSnapshot || !snapshot.older(k.of):
		case r.snapshot(files[i].bytes, member, k.of):
			snapshot = k.of
		case damaged.older(k.of):
			damaged = k.of
		}
	}
	bury(o.table)
	if o.refusal = strangers(o.table, member); o.refusal != "" {
		return
	}
	w := &r.walk
	w.begin(r, files, o.table, snapshot, damaged)
	w.read()
	w.finish(o)
	w.files, w.table = nil, nil
}

// bury finds the dead: the segments between one that a valid header calls the one before and the one with that header, and those
// before one with which the log begins anew.
func bury(all []known) {
	for i := range all {
		h := &all[i].log.header
		if all[i].kind != kindSegment || !all[i].log.valid {
			continue
		}
		for j := range all[:i] {
			s := &all[j].log
			if all[j].kind == kindSegment && (h.flags&flagAnew != 0 || s.after(h.prevSegment, h.prevLife)) {
				s.dead = true
			}
		}
	}
}

// strangers finds a disk that is no member's, or another's.
func strangers(all []known, member uint64) (refusal string) {
	refusal = refusedEmpty
	for i := range all {
		if s := &all[i].log; s.valid {
			if s.header.id != member {
				return refusedMember
			}
			refusal = ""
		}
	}
	return refusal
}

// finish says what the log is in the end.
func (w *walk) finish(o *outcome) {
	if o.refusal = w.refusal; o.refusal == "" && !w.headed {
		o.refusal = refusedEmpty
	}
	if o.refusal != "" {
		return
	}
	img := &o.disk
	img.Term, img.Vote = w.hard.term, w.hard.vote
	img.SnapshotIndex, img.SnapshotTerm = w.snapshot.index, w.snapshot.term
	chosen := len(w.stretches) - 1
	for chosen >= 0 && !w.stretches[chosen].holds(w.snapshot) {
		chosen--
	}
	newest := len(w.stretches) - 1
	if chosen < 0 && w.top().base.index > w.snapshot.index {
		o.beginsAfter = w.top().base.index
	}
	switch {
	case chosen >= 0:
		s := &w.stretches[chosen]
		img.Offset, img.OffsetTerm = s.base.index, s.base.term
		img.Entries = append(img.Entries[:0], s.entries...)
		img.Commit = min(s.commit, lastOf(img).index)
	case w.snapshot.index == 0:
		o.refusal = refusedNothing
	default:
		img.Offset, img.OffsetTerm = w.snapshot.index, w.snapshot.term
		img.Commit = w.snapshot.index
	}
	if o.refusal == "" && img.Term < max(img.SnapshotTerm, lastOf(img).term) {
		o.refusal = refusedTerm
	}
	if o.refusal != "" {
		o.disk = checker.DiskImage{Entries: img.Entries[:0]}
		return
	}
	img.Commit = max(img.Commit, w.snapshot.index)
	if chosen < 0 && w.replaced() {
		w.told = identity{}
	}
	o.lost = w.lost(lastOf(img))
	o.regular = chosen == newest && w.ended
	o.cursor, o.offset, o.sum = w.at, w.offset, w.sum
}

// lastOf is the identity of the log's last entry.
func lastOf(img *checker.DiskImage) identity {
	if n := len(img.Entries); n > 0 {
		return identity{img.Offset + uint64(n), img.Entries[n-1].Term}
	}
	return identity{img.Offset, img.OffsetTerm}
}

// holds says whether the log of img has this entry, or begins after it.
func holds(img *checker.DiskImage, id identity) bool {
	if id.index < img.Offset || id.index-img.Offset > uint64(len(img.Entries)) {
		return false
	}
	if id.index == img.Offset {
		return id.term == img.OffsetTerm
	}
	return img.Entries[id.index-img.Offset-1].Term == id.term
}

func sameImage(a, b *checker.DiskImage) bool {
	return a.Term == b.Term && a.Vote == b.Vote && a.Commit == b.Commit &&
		a.SnapshotIndex == b.SnapshotIndex && a.SnapshotTerm == b.SnapshotTerm &&
		a.Offset == b.Offset && a.OffsetTerm == b.OffsetTerm && slices.Equal(a.Entries, b.Entries)
}
