// Package ledger is the judges' own decoder of disks. It knows the format of a member's files from its documentation (package
// raft/storage) and shares no code with what writes and recovers them, so that a mistake there cannot hide itself.
//
// It looks at bytes that are guaranteed: those that the last completed syncs cover, under names that they cover. A power loss leaves
// at least these. As syncs complete it tells a Judge what a server would recover if the power failed now and kept nothing else. So the
// judge can say, before any crash, that a commitment is not on the disks of a quorum, or that a vote leaves before it is on disk.
//
// What counts as guaranteed:
//
//   - A sync that failed, or one that lied, guarantees nothing. The decoder sees what the disk says is there, and a server that goes on
//     after either has promised more than its disk holds.
//   - After a power loss all that was left is guaranteed, what was never synced included (PowerLost).
//   - Damage (bytes that changed, cannot be read, or were acknowledged and not written) takes no guarantee back while a process lives: it
//     was right to count on the bytes below it. The next process reads the damage, goes on from what is left, and what it writes only
//     means something together with that: from its beginning (Opening) the damaged bytes are what is guaranteed of the files that it
//     found. The judge is told that there is damage when a process dies and the next one may come upon it (PowerLost, Died), since what
//     the server then forgets is not its fault. Only what the disk knows it did to its bytes counts as damage. That bytes are bad does not: they are also if the server
//     wrote them badly.
//   - Disks that hold nothing a server may recover from are told as empty ones, with the reason in Refusal.
//
// Two ways lead to the same picture, and the tests compare them: the whole decoding of a disk, which is the recovery that the format
// describes, holes and all; and the following of what was appended since the last look, which costs O(what is new), allocates nothing
// in steady state, and gives up for the whole decoding whenever something happened that appending alone does not explain.
//
// What following cannot see: bytes written over guaranteed ones in a file that keeps its length. No log does that; the next whole
// decoding shows it.
package ledger

import (
	"fmt"

	"raftsim/checker"
	"raftsim/raft"
)

// Judge is who is told. checker.Cluster is one, and documents the methods.
type Judge interface {
	DiskEntry(node, index, term, hash uint64)
	DiskTruncated(node, last uint64)
	DiskSnapshot(node, index, term uint64)
	DiskCompacted(node, index uint64)
	DiskHardState(node, term, vote, commit uint64)
	ObserveDisk(node uint64, image *checker.DiskImage)
	RecoveredImage(node uint64, image *checker.DiskImage)
	Damaged(node uint64)
}

// Disk is what is looked at. Files are in ascending order of names. The bytes are only read, and not kept.
type Disk interface {
	// DurableFiles and DurableFile give the names that a power loss is sure to leave, and the bytes it is sure to leave in each.
	DurableFiles() int
	DurableFile(i int) (name string, bytes []byte)
	// DurableChanges counts changes of these names and bytes. OtherChanges says what the count was, at most, when anything but the bytes of
	// the i-th file changed last.
	DurableChanges() uint64
	OtherChanges(i int) uint64
	// DamagedFile is DurableFile with the damage that a process reads.
	DamagedFile(i int) (name string, bytes []byte)
	// ViewFiles and ViewFile give the names and bytes that a process reads, damage included; of files that cannot be read in whole, the end
	// of the last block of 512 bytes that cannot. Such blocks are zeros.
	ViewFiles() int
	ViewFile(i int) (name string, bytes []byte, unreadable int64)
	// Damaged says whether the disk did anything to its durable bytes that no server can survive alone.
	Damaged() bool
}

// Stats counts what was decoded since Reset.
type Stats struct {
	Syncs     uint64 // looked at
	Wholes    uint64 // disks decoded as a whole, views included
	Records   uint64 // whole ones, the headers of segments not counted
	Entries   uint64
	Snapshots uint64 // valid ones
	Bytes     uint64 // of headers, records and snapshots, damaged ones included
}

// Ledger keeps a picture of every disk. Judge must be set; otherwise the zero value is ready, and knows no disk: the first look at one
// decodes all of it.
type Ledger struct {
	Judge Judge

	reader reader
	nodes  []*picture // by id, from 0; nil for one never seen
	fresh  outcome    // of the last whole decoding
	files  []file     // scratch
	syncs  uint64
}

// Reset forgets all disks, keeping memory.
func (l *Ledger) Reset() {
	for _, p := range l.nodes {
		if p != nil {
			p.forget()
		}
	}
	l.syncs = 0
	l.reader.stats = Stats{}
}

// Stats returns the counts.
func (l *Ledger) Stats() Stats {
	s := l.reader.stats
	s.Syncs = l.syncs
	return s
}

// Synced looks at a disk of which a sync has completed, with an error or without, its submitter alive or dead. It belongs before
// anything that waited for the sync. O(what is new), O(names) when nothing is.
func (l *Ledger) Synced(node uint64, d Disk) {
	l.syncs++
	p := l.picture(node)
	sound := p.damaged && !d.Damaged() // what was damaged has been written anew, maybe under the same name
	if sound {
		p.damaged = false
	}
	if sound || !p.regular || !l.follow(p, d) {
		l.whole(p, d, false)
	}
}

// PowerLost looks at a disk after a loss of power, and before the next process. O(size of the disk).
func (l *Ledger) PowerLost(node uint64, d Disk) {
	l.whole(l.picture(node), d, true)
	l.Died(node, d)
}

// Died looks at a disk whose process died in any way, before the next one: the judge is told if that may find damage.
func (l *Ledger) Died(node uint64, d Disk) {
	l.picture(node).read = false
	if d.Damaged() {
		l.picture(node).scarred = true
		l.Judge.Damaged(node)
	}
}

// Wiped forgets a disk that was emptied. The judge is told by whoever emptied it.
func (l *Ledger) Wiped(node uint64) { l.picture(node).forget() }

// Reading is what a process can know of its disk when it begins.
type Reading struct {
	// Refusal says why nothing may be recovered, "" if the disk is to be recovered from.
	Refusal string
	// Lost is the newest entry that the disk tells of and does not have, zero for none.
	Lost raft.EntryID
	// Forgotten is an entry that a server before has found to be lost, if the disk, without any fault of it, does not tell of it any more.
	Forgotten raft.EntryID
}

// Opening looks at what the process is about to read that begins now: for Recovered, and because damage counts from now on. O(size of
// the disk).
func (l *Ledger) Opening(node uint64, d Disk) Reading {
	p := l.picture(node)
	if !lastOf(&p.disk).older(p.owed) {
		p.owed = identity{}
	}
	l.view(p, d)
	p.read = true
	if p.reading.Refusal == "" && p.told().older(p.owed) {
		p.reading.Forgotten = raft.EntryID{Index: p.owed.index, Term: p.owed.term}
	}
	if was := p.damaged; was || d.Damaged() {
		p.damaged, p.scarred = d.Damaged(), true
		p.find(d)
		l.whole(p, d, false)
	}
	return p.reading
}

// Untold says whether damage has taken something that was guaranteed, and nothing that the next process reads tells of it (package
// raft/storage, "What cannot be told"): no server can be blamed for what follows. It belongs before Opening. O(size of the disk).
func (l *Ledger) Untold(node uint64, d Disk) bool {
	if !d.Damaged() {
		return false
	}
	p := l.picture(node)
	l.view(p, d)
	damaged := p.reading
	told, term, vote := p.told(), p.opened.Term, p.opened.Vote
	l.files = l.files[:0]
	for i := range d.DurableFiles() {
		name, bytes := d.DurableFile(i)
		l.files = append(l.files, file{name: name, bytes: bytes})
	}
	l.read(p)
	if damaged.Refusal != "" || p.reading.Refusal != "" {
		return false
	}
	return told.older(p.told()) || term < p.opened.Term || term == p.opened.Term && vote != p.opened.Vote && p.opened.Vote != 0
}

// told is the newest entry that the process which begins can know that there was.
func (p *picture) told() identity {
	return newest(lastOf(&p.opened), identity{p.reading.Lost.Index, p.reading.Lost.Term})
}

func newest(a, b identity) identity {
	if a.older(b) {
		return b
	}
	return a
}

// view decodes what a process reads.
func (l *Ledger) view(p *picture, d Disk) {
	l.files = l.files[:0]
	for i := range d.ViewFiles() {
		name, bytes, unreadable := d.ViewFile(i)
		if _, _, snapshot := parseName(name, ".snap"); snapshot && unreadable > 0 {
			bytes = nil // it is damaged, whatever should be there
		}
		l.files = append(l.files, file{name, bytes, uint64(unreadable)})
	}
	l.read(p)
}

// read decodes files as a process would that reads them.
func (l *Ledger) read(p *picture) {
	o := &l.fresh
	l.reader.decode(p.node, l.files, o)
	l.release()
	p.opened, o.disk = o.disk, p.opened
	p.reading = Reading{Refusal: o.refusal, Lost: raft.EntryID{Index: o.lost.index, Term: o.lost.term}}
}

// Recovered compares what a server has recovered, as it told the judge, with what this decoder makes of the same bytes: those at the
// beginning of its process (Opening). They may be more than what is guaranteed then: a server that speaks before its syncs are done is
// found by what it says. Without Opening, and for one process in which the disk did no damage, what it reads now will do, since what it
// has cut off and begun is no other log.
func (l *Ledger) Recovered(node uint64, d Disk) {
	p := l.picture(node)
	if !p.known {
		l.whole(p, d, false)
	}
	if !p.read {
		if d.Damaged() {
			return
		}
		l.view(p, d)
	}
	p.read = false
	p.owed = newest(p.owed, identity{p.reading.Lost.Index, p.reading.Lost.Term})
	l.Judge.RecoveredImage(node, &p.opened)
}

// Image returns what the judge was told is on the disk. It is the ledger's own, valid until the next call.
func (l *Ledger) Image(node uint64) *checker.DiskImage { return &l.picture(node).disk }

// Refusal says why no server may recover from what is guaranteed of the disk, "" if one may.
func (l *Ledger) Refusal(node uint64) string { return l.picture(node).refusal }

func (l *Ledger) picture(node uint64) *picture {
	if node < uint64(len(l.nodes)) && l.nodes[node] != nil {
		return l.nodes[node]
	}
	if node >= checker.MaxNodes {
		panic(fmt.Sprintf("ledger: node id %d is not below %d", node, uint64(checker.MaxNodes)))
	}
	for uint64(len(l.nodes)) <= node {
		l.nodes = append(l.nodes, nil)
	}
	l.nodes[node] = &picture{node: node}
	return l.nodes[node]
}

// whole decodes all that is guaranteed, and tells the judge if that is not what it was told, or always.
func (l *Ledger) whole(p *picture, d Disk, always bool) {
	o := &l.fresh
	p.changes = d.DurableChanges()
	l.decode(p, d, o)
	news := always || !p.known || !sameImage(&p.disk, &o.disk)
	p.known = true
	p.outcome, l.fresh = l.fresh, p.outcome
	if news && p.beginsAfter != 0 && !p.scarred {
		l.Judge.DiskCompacted(p.node, p.beginsAfter)
	}
	if news {
		l.Judge.ObserveDisk(p.node, &p.disk)
	}
}

// decode decodes what is guaranteed of the disk.
func (l *Ledger) decode(p *picture, d Disk, o *outcome) {
	l.files = l.files[:0]
	for i := range d.DurableFiles() {
		name, bytes := d.DurableFile(i)
		if p.damaged && p.found(name) {
			name, bytes = d.DamagedFile(i)
		}
		l.files = append(l.files, file{name: name, bytes: bytes})
	}
	l.reader.decode(p.node, l.files, o)
	l.release()
}

// release lets go of the bytes of disks.
func (l *Ledger) release() { clear(l.files) }
