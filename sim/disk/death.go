package disk

import (
	"raftsim/sim"
)

// Crash ends the process and nothing else: the view stays, and syncs under way go on.
func (d *Disk) Crash() {
	d.die()
	d.stats.Crashes++
	d.sweep()
	d.decay()
}

// PowerLoss ends the process and takes everything that is not durable, but for what the fates leave: first of the syncs under
// way (Landed), then of the changes of names (Names), then of each file (Torn). It costs O(size of the files).
func (d *Disk) PowerLoss() {
	d.die()
	d.stats.PowerLosses++
	d.changes.note(nil)
	d.expose()
	d.land()
	d.loseNames()
	var exposed uint32
	for _, n := range d.files {
		if n.exposed {
			if d.durable.holds(n) && n.changed() {
				d.loseTail(n, exposed)
			}
			exposed++
		}
	}
	d.changes.note(nil)
	d.view = d.view.copyOf(d.durable)
	d.stats.SyncsLost += d.pending.lose()
	d.lastDone, d.written = 0, 0
	d.sweep()
	for _, n := range d.files {
		n.revert()
	}
	d.decay()
}

// Wipe ends the process and empties the disk: names, bytes, damage and syncs under way.
func (d *Disk) Wipe() {
	d.die()
	d.stats.Wipes++
	d.stats.SyncsLost += d.pending.lose()
	d.lastDone, d.written = 0, 0
	d.empty()
}

func (d *Disk) die() {
	d.life++
	d.incarnation++
	d.trap = trap{}
	d.misled = misled{}
}

// lossKey names a question about the power loss that is happening.
func (d *Disk) lossKey(p sim.Purpose, ordinal uint32) sim.Key {
	return sim.MakeKey(p, sim.Subject{A: d.owner, Epoch: d.stats.PowerLosses, Ordinal: ordinal})
}

// land makes durable what the fate says of the syncs under way, the oldest first. Nobody will hear of them.
func (d *Disk) land() {
	count := d.pending.submitted - d.pending.done
	fates := d.kernel.Fates()
	if count == 0 || !fates.Active(Landed) {
		return
	}
	fate := subset(fates.Ask(d.lossKey(Landed, 0), d.kernel.Now(), count).N)
	for range fate.prefix(int64(count)) {
		p := d.pending.oldest()
		d.take(p)
		p.lost = true
		d.pending.done++
		d.stats.SyncsLanded++
	}
}

// loseNames makes durable the changes of names that the fate lets survive.
func (d *Disk) loseNames() {
	count := len(d.journal.changes)
	if count == 0 {
		return
	}
	var fate subset
	if fates := d.kernel.Fates(); fates.Active(Names) {
		fate = subset(fates.Ask(d.lossKey(Names, 0), d.kernel.Now(), uint64(count)).N)
	}
	d.kept = d.journal.surviving(d.kept[:0], fate)
	for i := range d.journal.changes {
		if d.kept[i] {
			d.durable = d.durable.apply(&d.journal.changes[i])
			d.stats.NamesKept++
		} else {
			d.stats.NamesLost++
		}
	}
	d.journal.drop(count)
}

func (d *Disk) loseTail(n *node, ordinal uint32) {
	bytes, sectors := n.countUnsynced(d.sector)
	var value sim.Value
	if fates := d.kernel.Fates(); fates.Active(Torn) {
		value = fates.Ask(d.lossKey(Torn, ordinal), d.kernel.Now(), uint64(bytes))
	}
	l := tornLoss(value)
	if l.residue.fill == fillStale {
		l.donor = d.donor(n, l.residue.pattern)
	}
	left := n.lose(&l, d.sector, bytes, sectors)
	d.stats.BytesKept += uint64(left.kept)
	d.stats.BytesLost += uint64(bytes - left.kept)
	d.stats.BytesFilled += uint64(left.filled)
	for _, c := range [...]struct {
		so    bool
		count *uint64
	}{{left.torn, &d.stats.TornSectors}, {left.hole, &d.stats.Holes}, {left.apart, &d.stats.SizesApart}} {
		if c.so {
			*c.count++
		}
	}
}

// donor returns the durable bytes of some other file, nil if there is none.
func (d *Disk) donor(n *node, pattern uint64) []byte {
	count := uint64(0)
	for _, other := range d.files {
		if other != n && len(other.durable) > 0 {
			count++
		}
	}
	if count == 0 {
		return nil
	}
	pick := pattern % count
	for _, other := range d.files {
		if other != n && len(other.durable) > 0 {
			if pick == 0 {
				return other.durable
			}
			pick--
		}
	}
	panic("disk: the files that could leave stale bytes were counted wrongly")
}

// expose marks the files that have something to lose: unsynced bytes, or a sync under way. Which they are, and so how they are
// numbered, does not depend on what the power loss then does to syncs and names.
func (d *Disk) expose() {
	d.touch()
	for _, n := range d.files {
		n.exposed = n.touched && n.changed()
	}
	for i := range d.pending.slots {
		if p := &d.pending.slots[i]; p.writes() {
			p.change.node.exposed = true
		}
	}
}

// touch marks the files that anything can still reach but a handle.
func (d *Disk) touch() {
	for _, n := range d.files {
		n.touched = false
	}
	for i := range d.view {
		d.view[i].node.touched = true
	}
	for i := range d.durable {
		d.durable[i].node.touched = true
	}
	for i := range d.journal.changes {
		d.journal.changes[i].node.touched = true
	}
	for i := range d.pending.slots {
		if p := &d.pending.slots[i]; p.writes() {
			p.change.node.touched = true
		}
	}
}

// sweep takes back the files that nothing can reach now that all handles are dead.
func (d *Disk) sweep() {
	d.touch()
	left := d.files[:0]
	for _, n := range d.files {
		if n.touched {
			left = append(left, n)
		} else {
			d.spare = append(d.spare, n)
		}
	}
	clear(d.files[len(left):])
	d.files = left
}
