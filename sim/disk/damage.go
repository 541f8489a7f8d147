package disk

import (
	"bytes"
	"fmt"

	"raftsim/sim"
)

// Damage strikes durable bytes. Files are numbered among those that hold durable bytes under a durable name, in the order of names;
// a number beyond the last counts on from the first, so that every number means a file while there is one. Thousandths are of
// its bytes, or sectors, from 0 to 999. What is struck reads as damaged until it is written again, synced, or repaired;
// bytes that wait for a sync are not on the disk and read as they are.

// Rot changes the bits set in bits, of up to 8 bytes, the lowest one first, at so many thousandths of a file. No bits are the lowest
// one. It reports whether there was anything to change.
func (d *Disk) Rot(file uint32, thousandth int64, bits uint64) bool {
	n := d.durableFile(file, thousandth)
	if n == nil {
		return false
	}
	d.rot(n, place(thousandth, int64(len(n.durable))), bits)
	return true
}

func (d *Disk) rot(n *node, from int64, bits uint64) {
	bits = max(bits, 1)
	var shown [8]byte
	count := int64(0)
	for from+count < int64(len(n.durable)) && bits>>(8*count) != 0 {
		shown[count] = n.shownByte(from+count) ^ byte(bits>>(8*count))
		count++
	}
	n.mark(from, from+count, shown[:count])
	d.stats.Rotted++
}

// Unreadable makes the sector at so many thousandths of a file such that reads fail with ErrUnreadable. It reports whether there was
// one.
func (d *Disk) Unreadable(file uint32, thousandth int64) bool {
	n := d.durableFile(file, thousandth)
	if n == nil {
		return false
	}
	d.spoil(n, thousandth)
	return true
}

func (d *Disk) spoil(n *node, thousandth int64) {
	size := int64(len(n.durable))
	from := place(thousandth, (size+d.sector-1)/d.sector) * d.sector
	n.mark(from, min(from+d.sector, size), nil)
	d.stats.Unreadable++
}

// LoseWrite makes the next sync of a file leave out one sector, the one at so many thousandths of those it writes: its old bytes
// are read later. A sync that changes nothing there loses nothing.
func (d *Disk) LoseWrite(thousandth int64) {
	checkPlace(thousandth)
	d.misled = misled{lost: true, from: thousandth}
}

// Misdirect makes the next sync of a file write one sector, the one at so many thousandths of those it writes, in the place of the
// one at so many thousandths of the file; where that is the same nothing is misdirected.
func (d *Disk) Misdirect(from, to int64) {
	checkPlace(from)
	checkPlace(to)
	d.misled = misled{lost: true, astray: true, from: from, to: to}
}

// Repair takes all damage away: reads show what should be there.
func (d *Disk) Repair() {
	for _, n := range d.files {
		n.repair()
	}
}

// Damaged says whether any byte of a durable file is damaged.
func (d *Disk) Damaged() bool {
	for i := range d.durable {
		if len(d.durable[i].node.marks) > 0 {
			return true
		}
	}
	return false
}

func checkPlace(thousandth int64) {
	if thousandth < 0 || thousandth > 999 {
		panic(fmt.Sprintf("disk: a place at %d thousandths, want 0 to 999", thousandth))
	}
}

func (d *Disk) durableFile(file uint32, thousandth int64) *node {
	checkPlace(thousandth)
	count := uint32(0)
	for i := range d.durable {
		if len(d.durable[i].node.durable) > 0 {
			count++
		}
	}
	if count == 0 {
		return nil
	}
	file %= count
	for i := range d.durable {
		if n := d.durable[i].node; len(n.durable) > 0 {
			if file == 0 {
				return n
			}
			file--
		}
	}
	panic("disk: the files with durable bytes were counted wrongly")
}

// decay asks what the next process will find damaged.
func (d *Disk) decay() {
	fates := d.kernel.Fates()
	key := sim.MakeKey(Rot, sim.Subject{A: d.owner, Epoch: uint64(d.incarnation)})
	if fates.Active(Rot) {
		if v := fates.Ask(key, d.kernel.Now(), 0); !v.Calm() {
			if n, off := d.durableByte(v.N); n != nil {
				d.rot(n, off, uint64(v.At))
			}
		}
	}
	if fates.Active(Unreadable) {
		if v := fates.Ask(key.WithPurpose(Unreadable), d.kernel.Now(), 0); !v.Calm() {
			if n, off := d.durableByte(v.N); n != nil {
				d.spoil(n, off*1000/int64(len(n.durable)))
			}
		}
	}
}

// durableByte finds the byte at so many thousandths of all durable ones, in the order of names; nil if there are none.
func (d *Disk) durableByte(thousandths int64) (*node, int64) {
	total := int64(0)
	for i := range d.durable {
		total += int64(len(d.durable[i].node.durable))
	}
	off := place(thousandths, total)
	for i := range d.durable {
		n := d.durable[i].node
		if off < int64(len(n.durable)) {
			return n, off
		}
		off -= int64(len(n.durable))
	}
	return nil, 0
}

// misled says what one sync does to a sector: it leaves it out, and may write it elsewhere. Places are in thousandths.
type misled struct {
	lost, astray bool
	from, to     int64
}

// applyMisled makes c durable but for one sector. The damage is a mark over what should be there.
func (d *Disk) applyMisled(c *change, m misled) {
	n := c.node
	touched := c.sectors(d.sector)
	if touched == 0 {
		c.apply()
		return
	}
	from := c.sectorAt(place(m.from, touched), d.sector)
	to := min(from+d.sector, c.size)
	old := resize(n.appendShown(d.old[:0], from, min(to, max(from, c.low))), to-from)
	d.old = old
	c.apply()
	target := place(m.to, (c.size+d.sector-1)/d.sector) * d.sector
	if m.astray && target == from {
		return
	}
	lost := false
	for _, r := range c.ranges {
		a, b := max(from, r.from), min(to, r.to)
		if a < b && !bytes.Equal(old[a-from:b-from], n.durable[a:b]) {
			n.mark(a, b, old[a-from:b-from])
			lost = true
		}
	}
	switch {
	case m.astray:
		end := min(target+to-from, int64(len(n.durable)))
		n.mark(target, end, n.durable[from:from+end-target])
		d.stats.Misdirected++
	case lost:
		d.stats.LostWrites++
	}
}

// sectors returns how many sectors c writes.
func (c *change) sectors(sector int64) (count int64) {
	next := int64(0)
	for _, r := range c.ranges {
		first := max(next, r.from/sector)
		next = (r.to-1)/sector + 1
		count += max(0, next-first)
	}
	return count
}

// sectorAt returns where the i-th of these begins.
func (c *change) sectorAt(i, sector int64) int64 {
	next := int64(0)
	for _, r := range c.ranges {
		first := max(next, r.from/sector)
		next = (r.to-1)/sector + 1
		if count := next - first; i < count {
			return (first + i) * sector
		} else if count > 0 {
			i -= count
		}
	}
	panic("disk: the sectors of a sync were counted wrongly")
}
