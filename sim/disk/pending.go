package disk

import (
	"errors"
	"fmt"

	"raftsim/raft/vfs"
	"raftsim/sim"
)

// ErrSyncFailed is what a sync that failed completes with. What it covered is readable, and no later sync makes it durable.
var ErrSyncFailed = errors.New("disk: sync failed")

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
	lost        bool   // in a power loss, or landed: its event means nothing any more
	void        uint32 // how many of its events still mean nothing: a stall has put it off
	number      uint64 // from 1, in the order of submission
	due         sim.Time
	ticket      vfs.Ticket
	incarnation uint32
	err         error  // what the process will hear
	effect      effect // on what is durable
	change      change // of a file
	misled      misled
	names       uint64 // the last change of names covered
}

type effect uint8

const (
	effectNone  effect = iota
	effectFile         // the change becomes durable
	effectNames        // the changes of names become durable
)

// writes says whether p will still make bytes of a file durable.
func (p *pendingSync) writes() bool { return p.taken && !p.lost && p.effect == effectFile }

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
	*p = pendingSync{change: change{ranges: p.change.ranges[:0], data: p.change.data[:0]}}
}

func (t *pendingTable) lookup(slot uint32) *pendingSync {
	if int64(slot) >= int64(len(t.slots)) || !t.slots[slot].taken {
		panic(fmt.Sprintf("disk: completion of sync %d, which is not under way", slot))
	}
	return &t.slots[slot]
}

// find returns the slot of the sync under way with this number.
func (t *pendingTable) find(number uint64) uint32 {
	for i := range t.slots {
		if p := &t.slots[i]; p.taken && !p.lost && p.number == number {
			return uint32(i)
		}
	}
	panic(fmt.Sprintf("disk: sync number %d is not under way", number))
}

func (t *pendingTable) oldest() *pendingSync { return &t.slots[t.find(t.done+1)] }

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

// submit starts a sync of file n, or of the names if n is nil; with err it covers nothing and only reports.
func (d *Disk) submit(t vfs.Ticket, n *node, err error) {
	if d.setup {
		if err == nil {
			d.syncNow(n)
		}
		return
	}
	var f syncFate
	if err == nil {
		f = d.askSync()
	}
	slot, p := d.pending.take()
	p.ticket, p.incarnation, p.err = t, d.incarnation, err
	switch {
	case err != nil:
	case f.fails && n != nil:
		n.capture(&p.change) // the system forgets it
		p.err = ErrSyncFailed
	case f.fails: // names stay pending: a journal writes them as a whole, now or with a later sync
		p.err = ErrSyncFailed
	case d.options.LyingSync:
	case n != nil:
		p.effect, p.misled = effectFile, f.misled
		n.capture(&p.change)
		if !p.misled.lost {
			p.misled = d.misled
			d.misled = misled{}
		}
	default:
		p.effect, p.names = effectNames, d.journal.last()
	}
	at := d.completionTime(len(p.change.data), f.delay)
	p.due, d.lastDone = at, at
	d.kernel.Schedule(sim.Event{At: at, To: d.owner, Kind: d.options.EventKind, Payload: slot})
	d.stats.Syncs++
}

// syncNow makes durable without delay, for Setup.
func (d *Disk) syncNow(n *node) {
	d.changes.note(n)
	if n == nil {
		d.commitNames(d.journal.last())
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
// ok is false if the event means nothing, as for Complete. It panics if no such event is under way.
func (d *Disk) Pending(payload uint32) (c Completion, ok bool) {
	p := d.pending.lookup(payload)
	return p.completion(), !p.lost && p.void == 0
}

// Complete makes durable what the sync covers, and must be called when its event arrives, even if the submitter is dead by
// then. ok is false if the event means nothing: the sync was lost in a power loss, or a stall has put it off. It panics if no
// such event is under way, or if an older sync has not been completed.
func (d *Disk) Complete(payload uint32) (c Completion, ok bool) {
	p := d.pending.lookup(payload)
	if p.void > 0 {
		p.void--
		return p.completion(), false
	}
	c, ok = p.completion(), !p.lost
	if ok {
		if p.number != d.pending.done+1 {
			panic(fmt.Sprintf("disk: sync %d of process %d completes after sync %d", p.number, d.owner, d.pending.done))
		}
		d.pending.done++
		d.stats.Completed++
		d.take(p)
	}
	p.release()
	d.pending.free = append(d.pending.free, payload)
	return c, ok
}

// take makes durable what a sync covers.
func (d *Disk) take(p *pendingSync) {
	switch p.effect {
	case effectFile:
		d.changes.note(p.change.node)
		if p.misled.lost {
			d.applyMisled(&p.change, p.misled)
		} else {
			p.change.apply()
		}
	case effectNames:
		d.changes.note(nil)
		d.commitNames(p.names)
	}
}

func (p *pendingSync) completion() Completion {
	return Completion{vfs.Completion{Ticket: p.ticket, Err: p.err}, p.incarnation}
}
