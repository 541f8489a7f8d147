package disk

import (
	"time"

	"raftsim/sim"
)

// syncFate is what fates say of one sync.
type syncFate struct {
	delay  time.Duration
	fails  bool
	misled misled
}

// asksOfSyncs says whether any fate of a sync may differ from calm: asked once, as answers do not change during a run.
func (d *Disk) asksOfSyncs(fates *sim.Fates) bool {
	if d.syncing == asksUnknown {
		d.syncing = asksNothing
		for _, p := range [...]sim.Purpose{SlowSync, SyncFails, NoSpace, LostWrite, Misdirected} {
			if fates.Active(p) {
				d.syncing = asksSome
			}
		}
	}
	return d.syncing == asksSome
}

const (
	asksUnknown uint8 = iota
	asksNothing
	asksSome
)

// askSync asks about the sync that is being submitted, and about the space after it.
func (d *Disk) askSync() (f syncFate) {
	fates, now := d.kernel.Fates(), d.kernel.Now()
	if !d.asksOfSyncs(fates) {
		return f
	}
	k := sim.MakeKey(SlowSync, sim.Subject{A: d.owner}).WithOrdinal(uint32(min(d.stats.Syncs, sim.MaxKeyOrdinal+1)))
	if fates.Active(SlowSync) {
		if v := fates.Ask(k, now, 0); !v.Calm() {
			d.stats.SlowSyncs++
			f.delay = time.Duration(v.For)
		}
	}
	if fates.Active(SyncFails) && !fates.Ask(k.WithPurpose(SyncFails), now, 0).Calm() {
		d.stats.SyncsFailed++
		f.fails = true
	}
	if fates.Active(NoSpace) {
		if v := fates.Ask(k.WithPurpose(NoSpace), now, 0); !v.Calm() {
			d.Full(v.N, now.Add(time.Duration(v.For)))
		}
	}
	if fates.Active(LostWrite) {
		if v := fates.Ask(k.WithPurpose(LostWrite), now, 0); !v.Calm() {
			f.misled = misled{lost: true, from: v.N}
		}
	}
	if fates.Active(Misdirected) {
		if v := fates.Ask(k.WithPurpose(Misdirected), now, 0); !v.Calm() {
			f.misled = misled{lost: true, astray: true, from: v.N / 1000, to: v.N % 1000}
		}
	}
	return f
}

// completionTime says when a sync of so many bytes submitted now completes: not before those submitted earlier, nor before a stall
// is over.
func (d *Disk) completionTime(bytes int, delay time.Duration) sim.Time {
	written := d.kernel.Now()
	if d.options.SyncPerByte > 0 {
		written = max(written, d.written).Add(time.Duration(bytes) * d.options.SyncPerByte)
		d.written = written
	}
	at := written.Add(d.options.SyncLatency + delay)
	if at < d.stalledUntil {
		d.stats.StalledSyncs++
	}
	return max(at, d.lastDone, d.stalledUntil)
}

// Stall lets no sync complete before a time, those under way included. The order stays. A stall lasts through crashes and power losses;
// one that ends earlier than another is no stall.
func (d *Disk) Stall(until sim.Time) {
	if until <= max(d.stalledUntil, d.kernel.Now()) {
		return
	}
	d.stalledUntil = until
	d.stats.Stalls++
	// What is due at that very time is queued already, and has to move behind what is put off to it.
	moved := false
	for number := d.pending.done + 1; number <= d.pending.submitted; number++ {
		slot := d.pending.find(number)
		p := &d.pending.slots[slot]
		if p.due > until || p.due == until && !moved {
			break
		}
		if p.due < until {
			d.stats.StalledSyncs++
		}
		// The event that is queued cannot be taken back: it arrives first and means nothing.
		p.void++
		moved = true
		p.due = until
		d.kernel.Schedule(sim.Event{At: until, To: d.owner, Kind: d.options.EventKind, Payload: slot})
	}
}
