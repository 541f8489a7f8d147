package checker

import "fmt"

// What is on a node's disk, told by someone who decodes the bytes the disk guarantees to keep whatever happens: apart from the node's
// own storage code, so that a mistake in that cannot hide itself. What a crash leaves beyond it is nobody's to count on.
// The calls are made as writes become durable, before anything that waited for them leaves the node. With Cluster.DecodedDisks they
// replace Durable as the truth about disks.
//
// Damage of bytes that were guaranteed is not told here but by Damaged: a commitment that counted them was right.

// diskPicture is what is on one node's disk.
type diskPicture struct {
	log        logView // the entry before the first one stands for a snapshot
	term, vote uint64
	snapshot   uint64 // newest snapshot
	split      bool   // it was found not to hold a log
}

// clear empties the disk.
func (d *diskPicture) clear() {
	*d = diskPicture{log: d.log}
	d.log.restart(0, 0)
}

// DiskEntry observes that the disk's log now holds, at index, the entry of this term and content (EntryHash), and nothing beyond it.
// Expected O(1).
func (c *Cluster) DiskEntry(node, index, term, hash uint64) {
	c.diskEntry(c.node(node), node, index, term, hash)
}

func (c *Cluster) diskEntry(n *nodePicture, node, index, term, hash uint64) {
	d := &n.disk
	last := d.log.last()
	if index == 0 || index > last+1 {
		if !d.split {
			// Durability: recovery reads a log from its beginning, and what lies behind a gap is not in it.
			d.split = true
			c.report(Durability, "gap-on-disk", node, "entry %d of term %d is on a disk whose log ends at %d", index, term, last)
		}
		return
	}
	if index <= last {
		c.entries.cutTo(&d.log, index-1)
	}
	id, ok := c.entries.find(d.log.tip(), term, hash)
	if !ok {
		if !d.split {
			// Durability: what is on disk is what was stored in the log (Figure 2, persistent state).
			d.split = true
			c.report(Durability, "stored-differs", node, "entry %d of term %d is on disk with a content, or on top of one, that no log ever held", index, term)
		}
		return
	}
	d.log.ids = append(d.log.ids, id)
}

// DiskTruncated observes that the log on disk now ends at last.
func (c *Cluster) DiskTruncated(node, last uint64) {
	if d := &c.node(node).disk; last < d.log.last() {
		c.entries.cutTo(&d.log, last)
	}
}

// DiskSnapshot observes that the disk holds a snapshot that ends with this entry, under its final name. If the log on disk does not hold
// that entry it is replaced: it begins anew after it.
func (c *Cluster) DiskSnapshot(node, index, term uint64) {
	n := c.node(node)
	c.diskSnapshot(n, node, index, term)
}

func (c *Cluster) diskSnapshot(n *nodePicture, node, index, term uint64) {
	if index == 0 {
		return
	}
	d := &n.disk
	id, fault := c.snapshotEntry(index, term)
	if fault != "" && !d.split {
		// Durability: a snapshot on disk stands for committed entries (§7); the node would recover from it.
		d.split = true
		c.report(Durability, "stored-differs", node, "a snapshot up to index %d of term %d is on disk, which no committed entry is", index, term)
	}
	if id == 0 {
		return
	}
	d.snapshot = max(d.snapshot, index)
	if !c.entries.holds(&d.log, index, id) {
		d.log.restart(index, id)
	}
}

// DiskCompacted observes that the log on disk begins after index: what was before is gone.
func (c *Cluster) DiskCompacted(node, index uint64) {
	n := c.node(node)
	d := &n.disk
	if index > d.snapshot {
		// Durability: the log is discarded once the snapshot that replaces it is on stable storage (§7).
		c.report(Durability, "compacted-before-snapshot", node, "the disk's log begins after %d; its newest snapshot ends at %d", index, d.snapshot)
	}
	d.log.compact(min(index, d.log.last()))
}

// DiskHardState observes the hard state on disk, after the entries of the same write.
func (c *Cluster) DiskHardState(node, term, vote, commit uint64) {
	n := c.node(node)
	n.disk.term, n.disk.vote = term, vote
	if last := n.disk.log.last(); commit > last && !n.disk.split {
		// Durability: a server does not recover a commit index beyond its log, or it would take whatever comes there as committed.
		c.report(Durability, "commit-not-on-disk", node, "commit index %d is on a disk whose log ends at %d", commit, last)
	}
}

// judgePromise: persistent state is updated on stable storage before responding to RPCs (Figure 2): a vote, also that for itself, leaves
// a node when its disk holds it, or a later term; an acknowledgement (vote 0) when its disk holds the term.
func (c *Cluster) judgePromise(n *nodePicture, node, term, vote uint64) {
	d := &n.disk
	switch {
	case d.term > term || d.term == term && (vote == 0 || d.vote == vote):
	case vote != 0:
		c.report(Durability, "vote-not-on-disk", node, "a vote for n%d in term %d leaves; the disk has term %d and a vote for %s", vote, term, d.term, nobody(d.vote))
	default:
		c.report(Durability, "term-not-on-disk", node, "an acknowledgement in term %d leaves; the disk has term %d", term, d.term)
	}
}

// DiskImage is a whole disk as decoded at once.
type DiskImage struct {
	Term, Vote, Commit          uint64
	SnapshotIndex, SnapshotTerm uint64 // newest snapshot, 0 for none
	Offset, OffsetTerm          uint64 // the entry before the first one
	Entries                     []ImageEntry
}

// ImageEntry is one entry of a DiskImage; its index is Offset, plus one, plus its position.
type ImageEntry struct {
	Term uint64
	Hash uint64 // EntryHash of its content
}

// ObserveDisk tells the whole content of a node's disk at once: what the Disk calls say bit by bit. It is for disks that changed in ways
// those cannot follow, like a loss of power that kept more than was guaranteed. O(entries).
func (c *Cluster) ObserveDisk(node uint64, img *DiskImage) {
	n := c.node(node)
	d := &n.disk
	d.clear()
	if id, _ := c.snapshotEntry(img.Offset, img.OffsetTerm); id != 0 {
		d.log.restart(img.Offset, id)
	}
	for i := range img.Entries {
		c.diskEntry(n, node, img.Offset+1+uint64(i), img.Entries[i].Term, img.Entries[i].Hash)
	}
	c.diskSnapshot(n, node, img.SnapshotIndex, img.SnapshotTerm)
	c.DiskHardState(node, img.Term, img.Vote, img.Commit)
}

// RecoveredImage holds what a node recovered, as fed since Restarted including its hard state, against what someone else decoded from the
// same bytes. O(entries).
func (c *Cluster) RecoveredImage(node uint64, img *DiskImage) {
	n := c.node(node)
	if what := c.imageDiffers(n, img); what != "" {
		// Durability: a server restarts with what is on its disk: current term, vote and log (Figure 2), and its last snapshot (§7).
		c.report(Durability, "recovered-differs", node, "%s", what)
	}
}

// imageDiffers says what is different, "" when nothing is.
func (c *Cluster) imageDiffers(n *nodePicture, img *DiskImage) string {
	if n.recordedTerm != img.Term || n.recordedVote != img.Vote {
		return fmt.Sprintf("recovered term %d and a vote for %s; the disk has term %d and a vote for %s", n.recordedTerm, nobody(n.recordedVote), img.Term, nobody(img.Vote))
	}
	if n.snapshot != img.SnapshotIndex {
		return fmt.Sprintf("recovered a snapshot up to %d; the disk has one up to %d", n.snapshot, img.SnapshotIndex)
	}
	tip, _ := c.snapshotEntry(img.Offset, img.OffsetTerm)
	last := img.Offset
	for i := range img.Entries {
		next, ok := c.entries.find(tip, img.Entries[i].Term, img.Entries[i].Hash)
		if !ok {
			return fmt.Sprintf("entry %d of term %d on disk is in no log", last+1, img.Entries[i].Term)
		}
		tip, last = next, last+1
	}
	if end, _ := c.snapshotEntry(img.SnapshotIndex, img.SnapshotTerm); img.SnapshotIndex > last || end != 0 && c.entries.ancestor(tip, img.SnapshotIndex) != end {
		tip, last = end, img.SnapshotIndex
	}
	if mine := n.log.tip(); mine != tip {
		return fmt.Sprintf("recovered a log that ends at %d; the disk has one that ends at %d, the same up to %d",
			n.log.last(), last, c.entries.nodes[c.entries.common(mine, tip)].index)
	}
	return ""
}

// nobody names the server voted for.
func nobody(vote uint64) string {
	if vote == 0 {
		return "nobody"
	}
	return fmt.Sprintf("n%d", vote)
}
