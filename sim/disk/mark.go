package disk

import (
	"math"
	"slices"

	"raftsim/sim"
)

// mark is damage of a range of durable bytes. The bytes themselves stay as they should be: a read shows the mark.
//
// Damage follows the bytes, not the sector: what a sync, or what survives a power loss, writes over it is sound again, and the rest of
// the sector stays as it was read. (A real system would write back what it had read, which is the same to the process.)
type mark struct {
	kind     markKind
	from, to int64
	shown    int64 // position in node.stale of what a read shows at from; of an unreadable range nothing
}

type markKind uint8

const (
	markWrong markKind = iota // a read shows other bytes
	markUnreadable
)

const endOfFile = math.MaxInt64

// mark damages a range, over damage that is there already. shown is what reads show, nil if they fail.
func (n *node) mark(from, to int64, shown []byte) {
	n.unmark(from, to)
	m := mark{kind: markUnreadable, from: from, to: to}
	if shown != nil {
		m.kind, m.shown = markWrong, int64(len(n.stale))
		n.stale = append(n.stale, shown...)
	}
	n.marks = append(n.marks, m)
}

// unmark makes a range sound.
func (n *node) unmark(from, to int64) {
	if from >= to {
		return
	}
	for i := 0; i < len(n.marks); i++ {
		m := &n.marks[i]
		switch {
		case to <= m.from || from >= m.to:
		case from <= m.from && to >= m.to:
			n.marks = slices.Delete(n.marks, i, i+1)
			i--
		case from <= m.from:
			m.shown += to - m.from
			m.from = to
		case to >= m.to:
			m.to = from
		default:
			rest := *m
			rest.shown += to - m.from
			rest.from = to
			m.to = from
			n.marks = slices.Insert(n.marks, i+1, rest)
			i++
		}
	}
	if len(n.marks) == 0 {
		n.stale = n.stale[:0]
	}
}

// repair makes the whole file sound.
func (n *node) repair() { n.marks, n.stale = n.marks[:0], n.stale[:0] }

// shownByte is what a read of the disk shows at off, wherever it can be read.
func (n *node) shownByte(off int64) byte {
	for i := range n.marks {
		if m := &n.marks[i]; m.kind == markWrong && off >= m.from && off < m.to {
			return n.stale[m.shown+off-m.from]
		}
	}
	return n.durable[off]
}

// appendShown appends what a read of the disk shows of a range; behind the durable end these are zeros.
func (n *node) appendShown(dst []byte, from, to int64) []byte {
	for i := from; i < to; i++ {
		if i < int64(len(n.durable)) {
			dst = append(dst, n.shownByte(i))
		} else {
			dst = append(dst, 0)
		}
	}
	return dst
}

func (n *node) foldMarks(d *sim.Digest) {
	for i := range n.marks {
		m := &n.marks[i]
		d.Word(uint64(m.kind))
		d.Word(uint64(m.from))
		if m.kind == markWrong {
			d.Bytes(n.stale[m.shown : m.shown+m.to-m.from])
		} else {
			d.Word(uint64(m.to))
		}
	}
}

// damage shows the marks of n in p, which holds the bytes read at off, and returns how many of them could be read. Bytes that wait for
// a sync, or for its completion, come from memory and are sound.
func (d *Disk) damage(n *node, p []byte, off int64) int {
	end, wrong := off+int64(len(p)), false
	for i := range n.marks {
		if m := &n.marks[i]; m.kind == markUnreadable {
			for at := max(off, m.from); at < min(end, m.to); at++ {
				if !d.inMemory(n, at) {
					end = at
				}
			}
		}
	}
	for i := range n.marks {
		m := &n.marks[i]
		if m.kind != markWrong {
			continue
		}
		for at := max(off, m.from); at < min(end, m.to); at++ {
			shown := n.stale[m.shown+at-m.from]
			if p[at-off] != shown && !d.inMemory(n, at) {
				p[at-off] = shown
				wrong = true
			}
		}
	}
	if wrong {
		d.stats.DamagedReads++
	}
	if end < off+int64(len(p)) {
		d.stats.UnreadableReads++
	}
	return int(end - off)
}

func (d *Disk) inMemory(n *node, off int64) bool {
	if off >= n.low || n.dirty.holds(off) {
		return true
	}
	for i := range d.pending.slots {
		if p := &d.pending.slots[i]; p.writes() && p.change.node == n && p.change.covers(off) {
			return true
		}
	}
	return false
}
