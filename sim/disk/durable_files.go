package disk

import "slices"

// What someone who judges a disk looks at: the files that a power loss is sure to leave, and those that a process reads. Files are in
// the order of names. The bytes are the disk's own, valid until anything happens to it. Looking changes nothing, counts included.

// DurableFiles returns how many names a power loss is sure to leave.
func (d *Disk) DurableFiles() int { return len(d.durable) }

// DurableFile returns the i-th of these, and what is sure to be left of its file. Damage does not show. O(1).
func (d *Disk) DurableFile(i int) (name string, bytes []byte) {
	e := &d.durable[i]
	return e.name, e.node.durable
}

// DurableChanges counts what has happened to durable names and bytes: the same number twice means that nothing has between. O(1).
func (d *Disk) DurableChanges() uint64 { return d.changes.count }

// OtherChanges is DurableChanges as it was when anything but the bytes of the i-th durable file changed last, or a higher number, and
// DurableChanges itself unless it was that file which changed last. O(1).
func (d *Disk) OtherChanges(i int) uint64 {
	if d.durable[i].node == d.changes.latest {
		return d.changes.others
	}
	return d.changes.count
}

// changes counts changes of what is durable. It never goes back, so that an observer may outlive a run.
type changes struct {
	count  uint64
	latest *node  // all changes after others were about its bytes; nil: the last one was about more
	others uint64 // a count
}

// note counts a change of the bytes of n, of anything for nil.
func (c *changes) note(n *node) {
	if n != c.latest || n == nil {
		c.latest, c.others = n, c.count
	}
	c.count++
}

// DamagedFile is DurableFile with the damage: what a process that begins after a loss of power reads there. Blocks of 512 bytes, the
// least that a careful reader asks for at once, of which a part cannot be read are zeros. O(1), and a copy of the file if it is damaged.
func (d *Disk) DamagedFile(i int) (name string, bytes []byte) {
	e := &d.durable[i]
	bytes, _ = withDamage(e.node, e.node.durable, func(int64) bool { return false })
	return e.name, bytes
}

// ViewFiles returns how many names processes see.
func (d *Disk) ViewFiles() int { return len(d.view) }

// ViewFile returns the i-th of these, and what a process reads in its file, damage included; and the end of the last block that cannot be
// read, 0 if all can (see DamagedFile). O(1), and a copy of the file if it is damaged.
func (d *Disk) ViewFile(i int) (name string, bytes []byte, unreadable int64) {
	e := &d.view[i]
	bytes, unreadable = withDamage(e.node, e.node.view, func(at int64) bool { return d.inMemory(e.node, at) })
	return e.name, bytes, unreadable
}

// withDamage returns bytes of n with the damage that is not hidden, and the end of the last block that cannot be read.
func withDamage(n *node, bytes []byte, hidden func(at int64) bool) (shown []byte, unreadable int64) {
	if len(n.marks) == 0 {
		return bytes, 0
	}
	const block = 512
	shown = slices.Clone(bytes)
	size := int64(len(shown))
	for at := range size {
		for k := range n.marks {
			switch m := &n.marks[k]; {
			case at < unreadable || at < m.from || at >= m.to || hidden(at):
			case m.kind == markWrong:
				shown[at] = n.stale[m.shown+at-m.from]
			default:
				from := at / block * block
				unreadable = min(from+block, size)
				clear(shown[from:unreadable])
			}
		}
	}
	return shown, unreadable
}
