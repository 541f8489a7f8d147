package disk

import (
	"bytes"
	"slices"
)

// node is a file apart from its names: the bytes a process sees, and those that survive a power loss.
type node struct {
	view    []byte
	durable []byte
	// What a sync submitted now has to carry over: the bytes written since the last submission, and the smallest size
	// since then, from which on the durable bytes of old mean nothing (a file cut and grown again has zeros there).
	dirty extents
	low   int64

	marks []mark // damage of the durable bytes
	stale []byte // what marks show

	touched bool // scratch of Disk.touch
	exposed bool // scratch of Disk.expose
}

func (n *node) reset() {
	n.view, n.durable, n.dirty, n.low = n.view[:0], n.durable[:0], n.dirty[:0], 0
	n.repair()
}

func (n *node) writeAt(p []byte, off int64) {
	end := off + int64(len(p))
	if off == int64(len(n.view)) { // as a log does
		n.view = append(n.view, p...)
	} else {
		if end > int64(len(n.view)) {
			n.view = resize(n.view, end)
		}
		copy(n.view[off:], p)
	}
	n.dirty = n.dirty.add(off, end)
}

func (n *node) truncate(size int64) {
	n.view = resize(n.view, size)
	n.dirty = n.dirty.clip(size)
	n.low = min(n.low, size)
}

func (n *node) viewBytes() []byte { return n.view }

func (n *node) durableBytes() []byte { return n.durable }

// change is what one sync of a file makes durable, as of its submission.
type change struct {
	node   *node
	low    int64 // durable bytes from here on are dropped
	size   int64
	ranges extents
	data   []byte // the bytes of the ranges, one after the other
}

// capture moves what is unsynced into c, reusing the memory of c.
func (n *node) capture(c *change) {
	c.node, c.low, c.size = n, n.low, int64(len(n.view))
	c.ranges = append(c.ranges[:0], n.dirty...)
	c.data = c.data[:0]
	for _, r := range n.dirty {
		c.data = append(c.data, n.view[r.from:r.to]...)
	}
	n.dirty, n.low = n.dirty[:0], c.size
}

// apply makes c durable. What it writes is not damaged any more.
func (c *change) apply() {
	n := c.node
	if c.appends() {
		n.durable = append(n.durable, c.data...)
		if len(n.marks) > 0 {
			n.unmark(c.low, endOfFile)
		}
		return
	}
	if c.low < int64(len(n.durable)) {
		n.durable = n.durable[:c.low]
	}
	n.durable = resize(n.durable, c.size)
	data := c.data
	for _, r := range c.ranges {
		data = data[copy(n.durable[r.from:r.to], data):]
	}
	if len(n.marks) > 0 {
		n.unmark(c.low, endOfFile)
		for _, r := range c.ranges {
			n.unmark(r.from, r.to)
		}
	}
}

// appends says whether c does nothing but add to the end of the durable bytes.
func (c *change) appends() bool {
	end := int64(len(c.node.durable))
	return c.low >= end && len(c.ranges) == 1 && c.ranges[0] == extent{from: end, to: c.size}
}

// covers says whether c writes the byte at off.
func (c *change) covers(off int64) bool { return off >= c.low || c.ranges.holds(off) }

// revert makes the view what is durable: the file after a power loss.
func (n *node) revert() {
	n.view = append(n.view[:0], n.durable...)
	n.dirty, n.low = n.dirty[:0], int64(len(n.view))
}

// changed says whether a power loss could take anything.
func (n *node) changed() bool { return !bytes.Equal(n.view, n.durable) }

// resize sets the length of b; bytes gained are zeros, even where the array held older ones.
func resize(b []byte, size int64) []byte {
	old := len(b)
	if size <= int64(old) {
		return b[:size]
	}
	b = slices.Grow(b, int(size)-old)[:size]
	clear(b[old:])
	return b
}
