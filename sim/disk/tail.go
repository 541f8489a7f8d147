package disk

// SectorSize is the unit a disk writes, in bytes. A sector is written in whole or torn; a torn one keeps the durable bytes
// it already held (appending never endangers what was synced).
const SectorSize = 512

// keepTail applies to the durable bytes of n what a power loss left of the unsynced ones, and reports how many unsynced
// bytes there were, how many were kept, and whether a sector was torn.
//
// A byte is unsynced if it lies behind the durable end or differs from the durable byte. Unsynced bytes persist in file
// order, a prefix of them as k says. Where the cut falls between unsynced bytes of one sector, the sector is torn: behind
// the durable end the rest of it becomes zeros. A smaller size persists only with everything else.
//
// The cost is O(size of the file).
func (n *node) keepTail(k keep) (unsynced, kept int64, torn bool) {
	unsynced, sectors := n.countUnsynced()
	if k == keepAll {
		n.durable = append(n.durable[:0], n.view...)
		return unsynced, unsynced, false
	}
	budget := k.share(keepBytes, unsynced)
	whole := k.share(keepSectors, sectors)
	size := int64(len(n.view))
	old := int64(len(n.durable))
	for from := int64(0); from < size; from += SectorSize {
		to := min(from+SectorSize, size)
		here := n.unsyncedIn(from, to)
		switch {
		case here == 0:
			continue
		case whole > 0:
			whole--
			budget = here
		case budget == 0:
			return unsynced, kept, false
		}
		taken := min(budget, here)
		n.copyUnsynced(from, to, taken, old)
		budget -= taken
		kept += taken
		if taken < here {
			return unsynced, kept, true
		}
	}
	return unsynced, kept, false
}

func (n *node) countUnsynced() (bytes, sectors int64) {
	size := int64(len(n.view))
	for from := int64(0); from < size; from += SectorSize {
		if here := n.unsyncedIn(from, min(from+SectorSize, size)); here > 0 {
			bytes += here
			sectors++
		}
	}
	return bytes, sectors
}

func (n *node) unsyncedIn(from, to int64) (count int64) {
	for i := from; i < to; i++ {
		if i >= int64(len(n.durable)) || n.durable[i] != n.view[i] {
			count++
		}
	}
	return count
}

// copyUnsynced takes the first count unsynced bytes of one sector over. Bytes of it behind the durable end that are not
// taken become zeros; old is where the durable end was before the power loss.
func (n *node) copyUnsynced(from, to, count, old int64) {
	if to > int64(len(n.durable)) {
		n.durable = resize(n.durable, to)
	}
	for i := from; i < to && count > 0; i++ {
		if i >= old || n.durable[i] != n.view[i] {
			n.durable[i] = n.view[i]
			count--
		}
	}
}
