package disk

import "bytes"

// SectorSize is the unit a disk writes, in bytes. A sector is written in whole or torn; a torn one keeps the durable bytes
// it already held (appending never endangers what was synced).
const SectorSize = 512

// keepTail adds to the durable bytes what a power loss left of the unsynced ones, as k says, and reports how many of those
// that are and whether a sector was torn. bytes and sectors are what countUnsynced returns.
//
// A byte is unsynced if it lies behind the durable end or differs from the durable byte. Unsynced bytes persist in file
// order, a prefix of them. Where the cut falls between unsynced bytes of one sector, the sector is torn: behind the durable
// end the rest of it becomes zeros. A smaller size persists only together with everything else.
//
// The cost is O(size of the file).
func (n *node) keepTail(k keep, bytes, sectors int64) (kept int64, torn bool) {
	if k == keepAll {
		n.durable = append(n.durable[:0], n.view...)
		return bytes, false
	}
	whole, budget := k.share(keepSectors, sectors), k.share(keepBytes, bytes)
	size, old := int64(len(n.view)), int64(len(n.durable))
	for from := int64(0); from < size; from += SectorSize {
		to := min(from+SectorSize, size)
		here := n.unsyncedIn(from, to)
		if here == 0 {
			continue
		}
		if whole > 0 {
			whole--
			budget = here
		}
		if budget == 0 {
			break
		}
		taken := min(budget, here)
		n.keepInSector(from, to, taken, old)
		budget -= taken
		kept += taken
		if taken < here {
			return kept, true
		}
	}
	return kept, false
}

// changed says whether a power loss could take anything.
func (n *node) changed() bool { return !bytes.Equal(n.view, n.durable) }

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
	if to <= int64(len(n.durable)) && bytes.Equal(n.durable[from:to], n.view[from:to]) {
		return 0
	}
	for i := from; i < to; i++ {
		if i >= int64(len(n.durable)) || n.durable[i] != n.view[i] {
			count++
		}
	}
	return count
}

// keepInSector takes the first count unsynced bytes of one sector over. Bytes of it behind the durable end that are not
// taken become zeros; old is where the durable end was before the power loss.
func (n *node) keepInSector(from, to, count, old int64) {
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
