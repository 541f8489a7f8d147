package disk

import (
	"bytes"

	"raftsim/sim"
)

// loss is what a power loss does to the unsynced bytes of one file.
type loss struct {
	subset  subset
	residue residue
	donor   []byte // what stale bytes are taken from
}

func tornLoss(v sim.Value) loss {
	r, _ := unpackResidue(v.At)
	return loss{subset: subset(v.N), residue: r}
}

// leftover is what came of a loss.
type leftover struct {
	kept   int64 // unsynced bytes that survived
	filled int64 // garbage and stale bytes
	torn   bool  // a sector survived in part
	hole   bool  // a sector survived behind one that did not
	apart  bool  // the size is not what the surviving data alone would make it
}

// lose makes the durable bytes what a power loss leaves; bytes and sectors are what countUnsynced returns.
//
// A byte is unsynced if it lies behind the durable end or differs from the durable byte; a sector is, if one of its bytes is.
// An unsynced sector survives whole or not at all, but for the one at which a prefix in bytes ends: of that the first
// unsynced bytes survive. What does not survive is the durable byte, or behind the durable end what the fill says (appending
// never endangers what was synced). The size is as sizeRule says.
//
// The cost is O(size of the file).
func (n *node) lose(l *loss, sector, bytes, sectors int64) (left leftover) {
	size, old := int64(len(n.view)), int64(len(n.durable))
	limit := size
	if l.residue.size == sizeOld {
		limit = min(size, old)
	}
	everything := l.subset == subsetAll
	budget := int64(-1)
	if f, thousandths := l.subset.parts(); f == familyBytes {
		budget = share(thousandths, bytes)
	}
	n.durable = resize(n.durable, max(size, old))
	reach, index, filled, lost := old, int64(0), int64(0), false
	for from := int64(0); from < size; from += sector {
		to := min(from+sector, size)
		here := n.unsyncedIn(from, to, old)
		if here == 0 {
			continue
		}
		taken := int64(0)
		switch {
		case budget >= 0:
			taken = min(budget, here)
			budget -= taken
		case l.subset.holds(index, sectors):
			taken = here
		}
		index++
		kept, end := n.keepInSector(from, to, taken, old, limit)
		left.kept += kept
		left.torn = left.torn || taken < here && kept > 0
		left.hole = left.hole || lost && kept > 0
		lost = lost || taken == 0
		if taken < here {
			filled += n.fill(max(end, old), to, l)
		}
		if taken > 0 {
			reach = max(reach, to)
			left.filled = filled
		}
	}
	natural := max(old, reach)
	if everything {
		natural = size
	}
	switch l.residue.size {
	case sizeOld:
		left.apart = natural != old
		natural, left.filled = old, 0
	case sizeNew:
		left.apart = natural != size
		natural, left.filled = size, filled
	}
	n.durable = n.durable[:natural]
	n.unmark(natural, endOfFile)
	return left
}

func (n *node) countUnsynced(sector int64) (bytes, sectors int64) {
	size, old := int64(len(n.view)), int64(len(n.durable))
	for from := int64(0); from < size; from += sector {
		if here := n.unsyncedIn(from, min(from+sector, size), old); here > 0 {
			bytes += here
			sectors++
		}
	}
	return bytes, sectors
}

// unsyncedIn counts the unsynced bytes of a range; old is the durable end.
func (n *node) unsyncedIn(from, to, old int64) (count int64) {
	if to <= old && bytes.Equal(n.durable[from:to], n.view[from:to]) {
		return 0
	}
	for i := from; i < to; i++ {
		if i >= old || n.durable[i] != n.view[i] {
			count++
		}
	}
	return count
}

// keepInSector takes the first count unsynced bytes of one sector over. It returns how many of them lie below limit, and up to where
// it came.
func (n *node) keepInSector(from, to, count, old, limit int64) (kept, end int64) {
	i := from
	for ; i < to && count > 0; i++ {
		if i < old && n.durable[i] == n.view[i] {
			continue
		}
		n.durable[i] = n.view[i]
		n.unmark(i, i+1)
		count--
		if i < limit {
			kept++
		}
	}
	return kept, i
}

// fill puts what is left where data was lost behind the durable end, and returns how many bytes that are. Zeros are there already.
func (n *node) fill(from, to int64, l *loss) (filled int64) {
	switch {
	case from >= to:
		return 0
	case l.residue.fill == fillGarbage:
		for i := from; i < to; i++ {
			n.durable[i] = byte(scramble(l.residue.pattern, uint64(i)))
		}
	case l.residue.fill == fillStale && len(l.donor) > 0:
		for i := from; i < to; i++ {
			n.durable[i] = l.donor[i%int64(len(l.donor))]
		}
	default:
		return 0
	}
	return to - from
}
