package disk

import (
	"fmt"
	"time"

	"raftsim/raft/vfs"
	"raftsim/sim"
)

// pendingTable holds the syncs under way. A slot is taken at the submission and free again when its event arrives, which it
// does exactly once: so a slot number is unambiguous even while events of lost syncs are still queued.
type pendingTable struct {
	slots     []pendingSync
	free      []uint32
	submitted uint64 // number of syncs ever submitted
	done      uint64 // number of the last one that completed or was lost
}

type pendingSync struct {
	taken       bool
	lost        bool   // in a power loss: its event means nothing any more
	number      uint64 // from 1, in the order of submission
	ticket      vfs.Ticket
	incarnation uint32
	err         error  // what the process will hear
	effect      effect // what becomes durable
	change      change // of a file
	names       names  // of the directory
}

type effect uint8

const (
	effectNone effect = iota
	effectFile
	effectNames
)

func (t *pendingTable) reset() {
	t.free = t.free[:0]
	for i := len(t.slots) - 1; i >= 0; i-- {
		t.slots[i].release()
		t.free = append(t.free, uint32(i))
	}
	t.submitted, t.done = 0, 0
}

// take returns a free slot, numbered as the youngest sync. The pointer is good until the next call.
func (t *pendingTable) take() (uint32, *pendingSync) {
	if len(t.free) == 0 {
		t.slots = append(t.slots, pendingSync{})
		t.free = append(t.free, uint32(len(t.slots)-1))
	}
	slot := t.free[len(t.free)-1]
	t.free = t.free[:len(t.free)-1]
	t.submitted++
	p := &t.slots[slot]
	p.taken, p.number = true, t.submitted
	return slot, p
}

// release empties a slot but for its buffers.
func (p *pendingSync) release() {
	c := change{ranges: p.change.ranges[:0], data: p.change.data[:0]}
	*p = pendingSync{change: c, names: p.names.clear()}
}

func (t *pendingTable) lookup(slot uint32) *pendingSync {
	if int64(slot) >= int64(len(t.slots)) || !t.slots[slot].taken {
		panic(fmt.Sprintf("disk: completion of sync %d, which is not under way", slot))
	}
	return &t.slots[slot]
}

// submit starts a sync of file n, or of the names if n is nil; with err it covers nothing and only reports.
func (d *Disk) submit(t vfs.Ticket, n *node, err error) {
	if d.setup {
		if err == nil {
			d.syncNow(n)
		}
		return
	}
	slot, p := d.pending.take()
	p.ticket, p.incarnation, p.err = t, d.incarnation, err
	switch {
	case err != nil || d.options.LyingSync:
	case n != nil:
		p.effect = effectFile
		n.capture(&p.change)
	default:
		p.effect = effectNames
		p.names = p.names.copyOf(d.view)
	}
	now := d.kernel.Now()
	at := max(now.Add(d.options.SyncLatency+d.delay(now)), d.lastDone)
	d.lastDone = at
	d.kernel.Schedule(sim.Event{At: at, To: d.owner, Kind: d.options.EventKind, Payload: slot})
	d.stats.Syncs++
}

// delay asks how much longer the next sync takes.
func (d *Disk) delay(now sim.Time) time.Duration {
	fates := d.kernel.Fates()
	if !fates.Active(SlowSync) {
		return 0
	}
	k := sim.MakeKey(SlowSync, sim.Subject{A: d.owner}).WithOrdinal(uint32(min(d.stats.Syncs, sim.MaxKeyOrdinal+1)))
	v := fates.Ask(k, now, 0)
	if v.Calm() {
		return 0
	}
	d.stats.SlowSyncs++
	return time.Duration(v.For)
}

// syncNow makes durable without delay, for Setup.
func (d *Disk) syncNow(n *node) {
	if n == nil {
		d.durable = d.durable.copyOf(d.view)
		return
	}
	n.capture(&d.scratch)
	d.scratch.apply()
}

// Completion is what the event of a sync means to its receiver.
type Completion struct {
	vfs.Completion
	Incarnation uint32 // of the disk when the sync was submitted: another one now means that the submitter is dead
}

// Pending returns what the event with this payload will report, without completing anything: for folding and describing it.
// ok is false if the sync was lost in a power loss. It panics if no such event is under way.
func (d *Disk) Pending(payload uint32) (c Completion, ok bool) {
	p := d.pending.lookup(payload)
	return p.completion(), !p.lost
}

// Complete makes durable what the sync covers, and must be called when its event arrives, even if the submitter is dead by
// then. ok is false if the sync was lost in a power loss: the event then means nothing. It panics if no such event is under
// way, or if an older sync has not been completed.
func (d *Disk) Complete(payload uint32) (c Completion, ok bool) {
	p := d.pending.lookup(payload)
	c, ok = p.completion(), !p.lost
	if ok {
		if p.number != d.pending.done+1 {
			panic(fmt.Sprintf("disk: sync %d of process %d completes after sync %d", p.number, d.owner, d.pending.done))
		}
		d.pending.done++
		d.stats.Completed++
		switch p.effect {
		case effectFile:
			p.change.apply()
		case effectNames:
			d.durable = d.durable.copyOf(p.names)
		}
	}
	p.release()
	d.pending.free = append(d.pending.free, payload)
	return c, ok
}

func (p *pendingSync) completion() Completion {
	return Completion{vfs.Completion{Ticket: p.ticket, Err: p.err}, p.incarnation}
}

// lose marks all syncs under way as lost and returns how many there were.
func (t *pendingTable) lose() (count uint64) {
	for i := range t.slots {
		if p := &t.slots[i]; p.taken && !p.lost {
			p.lost = true
			count++
		}
	}
	t.done = t.submitted
	return count
}
