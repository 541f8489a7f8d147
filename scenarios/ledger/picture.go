package ledger

import (
	"encoding/binary"
	"slices"

	"raftsim/checker"
)

// picture is one disk as the judge was told of it.
type picture struct {
	outcome
	node    uint64
	known   bool   // the judge was told
	changes uint64 // of the disk, when it was looked at

	damaged bool // the process that lives has found damage
	scarred bool // there was damage: that something is missing is nobody's fault
	// What a process that found damage has found: segments of incarnations up to this one, and snapshots up to this index, those up to
	// sound undamaged.
	life, snapshot, sound uint64

	opened  checker.DiskImage // what the process read that began last
	reading Reading
	read    bool     // opened is known
	owed    identity // newest entry that a server has recovered as lost: until the log is as new, the disk has to tell of it

	other  []known              // scratch: the files after names changed
	values []checker.ImageEntry // scratch: the entries of a record
}

func (p *picture) forget() {
	p.outcome.clear()
	p.known, p.read, p.damaged, p.scarred, p.owed = false, false, false, false, identity{}
}

// find notes the files that a process finds.
func (p *picture) find(d Disk) {
	p.life, p.sound, p.snapshot = 0, 0, 0
	if p.read {
		p.sound = p.opened.SnapshotIndex
	}
	for i := range d.ViewFiles() {
		name, _, _ := d.ViewFile(i)
		if _, life, ok := parseName(name, ".log"); ok {
			p.life = max(p.life, life)
		} else if index, _, ok := parseName(name, ".snap"); ok {
			p.snapshot = max(p.snapshot, index)
		}
	}
}

// found says whether a file is one that the process has found, and not written itself. It may have written once more the snapshot it goes
// on from.
func (p *picture) found(name string) bool {
	if _, life, ok := parseName(name, ".log"); ok {
		return life <= p.life
	}
	index, _, ok := parseName(name, ".snap")
	return ok && index > p.sound && index <= p.snapshot
}

// follow tells what has come to a regular picture. False: it takes a whole decoding to know; the picture is what the judge was told all
// the same.
func (l *Ledger) follow(p *picture, d Disk) bool {
	before := p.changes
	p.changes = d.DurableChanges()
	if p.changes == before {
		return true
	}
	files := p.table
	if p.cursor < d.DurableFiles() && d.OtherChanges(p.cursor) <= before {
		// As it mostly is: all that happened was that the last segment grew.
		f := &files[p.cursor]
		_, bytes := d.DurableFile(p.cursor)
		return len(bytes) >= f.size && l.records(p, f, bytes)
	}
	if d.DurableFiles() != len(files) {
		return l.renamed(p, d)
	}
	grown := false
	for i := range files {
		f := &files[i]
		name, bytes := d.DurableFile(i)
		switch {
		case name != f.name:
			return l.renamed(p, d)
		case len(bytes) == f.size:
		case f.kind == kindOther || f.log.dead:
			f.size = len(bytes)
		case f.kind == kindSnapshot || i < p.cursor || len(bytes) < f.size:
			return false
		default:
			grown = true
		}
	}
	return !grown || l.advance(p, d)
}

// advance reads on from the cursor.
func (l *Ledger) advance(p *picture, d Disk) bool {
	files := p.table
	for {
		_, bytes := d.DurableFile(p.cursor)
		if !l.records(p, &files[p.cursor], bytes) {
			return false
		}
		next, empty := -1, true
		for i := p.cursor + 1; i < len(files); i++ {
			if files[i].kind != kindSegment || files[i].log.dead {
				continue
			}
			_, later := d.DurableFile(i)
			if next < 0 {
				next = i
			}
			empty = empty && len(later) == 0
		}
		if empty {
			return true
		}
		if !l.enter(p, next, d) {
			return false
		}
	}
}

// records takes in what has come to the file at the cursor.
func (l *Ledger) records(p *picture, f *known, bytes []byte) bool {
	for p.offset < uint64(len(bytes)) {
		if !l.record(p, &f.log, bytes) {
			return false
		}
	}
	f.size = len(bytes)
	return true
}

// enter moves the cursor to the next segment.
func (l *Ledger) enter(p *picture, next int, d Disk) bool {
	before, k := &p.table[p.cursor].log, &p.table[next].log
	_, bytes := d.DurableFile(next)
	h := &k.header
	k.valid = l.reader.header(bytes, k)
	if !k.valid || h.carried != 0 || h.id != p.node || !h.names(before) || h.prevEnd != p.offset || h.prevSum != p.sum || !l.cut(p, h.last, true) {
		return false
	}
	k.low = h.last
	p.cursor, p.offset, p.sum = next, uint64(h.length), h.sum
	l.promise(p, &h.hard)
	return true
}

// record takes in the record at the cursor.
func (l *Ledger) record(p *picture, k *segment, bytes []byte) bool {
	r := &l.reader
	var h head
	if !r.head(bytes, p.offset, k.seed, &h) || h.chain != p.sum {
		return false
	}
	le := binary.LittleEndian
	p.values = p.values[:0]
	at := p.offset + uint64(h.length)
	for table := h.table; len(table) > 0; table = table[rowBytes:] {
		length := le.Uint32(table[9:])
		data, ok := r.datum(bytes, at, length, le.Uint32(table[13:]), k.seed)
		if !ok {
			return false
		}
		hash, ok := contentHash(table[8], data)
		if !ok {
			return false
		}
		p.values = append(p.values, checker.ImageEntry{Term: le.Uint64(table), Hash: hash})
		at += uint64(length)
	}
	if !l.cut(p, h.prev, h.count == 0) {
		return false
	}
	if h.prev.index < k.low.index {
		k.low = h.prev
	}
	index := h.prev.index
	for i := range p.values {
		index++
		l.Judge.DiskEntry(p.node, index, p.values[i].Term, p.values[i].Hash)
	}
	p.disk.Entries = append(p.disk.Entries, p.values...)
	r.stats.Records++
	r.stats.Entries += uint64(len(p.values))
	p.offset, p.sum = h.end(p.offset), h.sum
	l.promise(p, &h.hard)
	return true
}

// cut makes the log end with this entry. The judge is told if no entry follows, which would tell it. False: that is not in the log, or
// not above the snapshot.
func (l *Ledger) cut(p *picture, last identity, tell bool) bool {
	img := &p.disk
	if lastOf(img) == last {
		return true
	}
	if last.index < img.SnapshotIndex || !holds(img, last) {
		return false
	}
	img.Entries = img.Entries[:last.index-img.Offset]
	if tell {
		l.Judge.DiskTruncated(p.node, last.index)
	}
	return true
}

func (l *Ledger) promise(p *picture, h *hardState) {
	img := &p.disk
	img.Term, img.Vote, img.Commit = h.term, h.vote, max(h.commit, img.SnapshotIndex)
	l.Judge.DiskHardState(p.node, img.Term, img.Vote, img.Commit)
}

// renamed takes in that there are other names: snapshots and segments more, segments at the beginning less.
func (l *Ledger) renamed(p *picture, d Disk) bool {
	if !l.match(p, d) {
		return false
	}
	img := &p.disk
	files := p.table
	before := identity{img.SnapshotIndex, img.SnapshotTerm}
	newest := before
	low := files[p.cursor].log.low
	for i := range files {
		switch k := &files[i]; {
		case k.kind == kindSnapshot && k.size < 0:
			_, bytes := d.DurableFile(i)
			k.size = len(bytes)
			if l.reader.snapshot(bytes, p.node, k.of) && newest.older(k.of) {
				newest = k.of
			}
		case k.kind == kindSegment && !k.log.dead && i < p.cursor && k.log.low.index < low.index:
			low = k.log.low
		}
	}
	if newest != before {
		img.SnapshotIndex, img.SnapshotTerm = newest.index, newest.term
		img.Commit = max(img.Commit, newest.index)
		l.Judge.DiskSnapshot(p.node, newest.index, newest.term)
		if !holds(img, newest) {
			return false
		}
	}
	if low.index > img.SnapshotIndex {
		return false
	}
	if low.index > img.Offset {
		l.Judge.DiskCompacted(p.node, low.index)
		if !holds(img, low) {
			return false
		}
		img.Entries = slices.Delete(img.Entries, 0, int(low.index-img.Offset))
		img.Offset, img.OffsetTerm = low.index, low.term
	}
	return l.advance(p, d)
}

// match carries what is known of files over to the names there are now. New snapshots have a negative size. False: other files have come or gone
// than a log that goes on explains.
func (l *Ledger) match(p *picture, d Disk) bool {
	old, cursor := p.table, -1
	p.other = p.other[:0] // what replaces old from the first file on that is another
	live := false         // a segment of the log was left
	same, files := 0, d.DurableFiles()
	for ; same < min(files, len(old)); same++ {
		k := &old[same]
		if name, _ := d.DurableFile(same); name != k.name {
			break
		}
		live = live || k.kind == kindSegment && !k.log.dead
	}
	if p.cursor < same {
		cursor = p.cursor
	}
	at := same // position in old
	for i := same; i < files; i++ {
		name, _ := d.DurableFile(i)
		for ; at < len(old) && old[at].name < name; at++ {
			if !p.dispensable(at, live) {
				return false
			}
		}
		if at < len(old) && old[at].name == name {
			k := &old[at]
			if at == p.cursor {
				cursor = i
			}
			live = live || k.kind == kindSegment && !k.log.dead
			p.other = append(p.other, *k)
			at++
			continue
		}
		p.other = append(p.other, known{})
		k := &p.other[i-same]
		k.parse(&l.reader, p.node, name)
		if k.kind == kindSnapshot {
			k.size = -1
		}
		if last := &old[p.cursor].log; k.kind == kindSegment && !k.log.after(last.number, last.life) {
			return false
		}
	}
	for ; at < len(old); at++ {
		if !p.dispensable(at, live) {
			return false
		}
	}
	p.table, p.cursor = append(old[:same], p.other...), cursor
	return true
}

// dispensable says whether the picture goes on when this file is gone; live: a segment before it is left.
func (p *picture) dispensable(i int, live bool) bool {
	switch k := &p.table[i]; k.kind {
	case kindSegment:
		return k.log.dead || i < p.cursor && !live
	case kindSnapshot:
		return k.of != identity{p.disk.SnapshotIndex, p.disk.SnapshotTerm}
	}
	return true
}
