// Package disk is a simulated disk behind vfs.FS. It outlives the process that writes to it.
//
// It injects what a file system is allowed to do to a process, and which a server therefore must survive:
//
//   - A sync takes time, and sometimes long (SlowSync). Syncs of one disk complete in the order of submission.
//   - The process dies (Crash): what it wrote stays with the operating system, synced or not, and syncs it had submitted
//     still become durable. It never hears of them.
//   - The power fails (PowerLoss): names are those of the last completed SyncDir; each file is what the last completed Sync
//     covered, plus what a fate (Torn) says of the rest; syncs under way have not happened. A file may therefore hold
//     bytes nobody was promised, and end in the middle of a record or in zeros.
//
// And one thing it is not allowed to do, for showing what then happens: a lying sync completes and keeps nothing.
//
// Not modelled: damage of synced bytes, failing writes and syncs, sectors that persist out of order, unsynced names that
// survive.
package disk

import (
	"fmt"
	"time"

	"raftsim/raft/vfs"
	"raftsim/sim"
)

// Options of a disk. The zero value is a perfect disk whose syncs complete at the instant they are submitted, after what was
// already queued for it.
type Options struct {
	EventKind   uint8         // kind of the events that tell the owner's process of completions
	SyncLatency time.Duration // of every sync of a file or of the names, from submission; not negative
	LyingSync   bool          // syncs complete, and make nothing durable: outside the contract
}

// Stats counts what a disk did since Reset.
type Stats struct {
	Syncs        uint64 // submitted, of files and names, without those in Setup
	Completed    uint64 // reported as done, to a live process or not
	SlowSyncs    uint64 // that a fate made longer
	BytesWritten uint64 // by processes, without Setup
	Crashes      uint64
	PowerLosses  uint64
	BytesLost    uint64 // unsynced at a power loss and gone, in files whose name survived
	BytesKept    uint64 // unsynced at a power loss and still there
	TornSectors  uint64 // kept in part
	SyncsLost    uint64 // under way at a power loss
}

// Disk is the disk of one process. Writing and syncing allocate nothing once buffers have grown to their size.
type Disk struct {
	kernel  *sim.Kernel
	owner   sim.ProcID
	options Options

	view    names // what processes see
	durable names // what a power loss leaves
	spare   []*node

	life        uint64 // rises at every death and Reset: handles of earlier ones are dead
	incarnation uint32 // the same since Reset
	setup       bool   // syncs complete on the spot
	scratch     change // of a sync in Setup

	pending  pendingTable
	lastDone sim.Time // when the youngest sync under way completes

	stats Stats
}

// New returns an empty disk whose completions go to process owner.
func New(k *sim.Kernel, owner sim.ProcID, o Options) *Disk {
	d := &Disk{kernel: k, owner: owner}
	d.Reset(o)
	return d
}

// Reset empties the disk for another run, keeping memory. It belongs after the reset of the kernel: events of the earlier run
// must not arrive.
func (d *Disk) Reset(o Options) {
	if o.SyncLatency < 0 {
		panic(fmt.Sprintf("disk: sync latency %v of process %d is negative", o.SyncLatency, d.owner))
	}
	d.options = o
	d.recycle()
	d.life++
	d.incarnation = 1
	d.pending.reset()
	d.lastDone = 0
	d.stats = Stats{}
}

// recycle takes all files the disk can name back into the spare ones.
func (d *Disk) recycle() {
	for _, e := range d.view {
		d.spare = append(d.spare, e.node)
	}
	for _, e := range d.durable {
		if !d.view.holds(e.node) {
			d.spare = append(d.spare, e.node)
		}
	}
	d.view = d.view.clear()
	d.durable = d.durable.clear()
}

func (d *Disk) newNode() *node {
	if n := len(d.spare); n > 0 {
		last := d.spare[n-1]
		d.spare[n-1] = nil
		d.spare = d.spare[:n-1]
		last.reset()
		return last
	}
	return new(node)
}

// FS returns the file system for the process that lives now. After the process has died every call on it and on its files
// returns ErrDead and does nothing.
func (d *Disk) FS() vfs.FS { return &system{disk: d, life: d.life} }

// Incarnation numbers the processes this disk has seen since Reset, from 1.
func (d *Disk) Incarnation() uint32 { return d.incarnation }

// Stats returns the counts since Reset.
func (d *Disk) Stats() Stats { return d.stats }

// Setup runs fn before the run begins: what it syncs is durable at once, without events, fates or completions.
func (d *Disk) Setup(fn func(vfs.FS) error) error {
	d.setup = true
	err := fn(d.FS())
	d.setup = false
	return err
}

// Crash ends the process and nothing else: the view stays, and syncs under way go on.
func (d *Disk) Crash() {
	d.die()
	d.stats.Crashes++
}

// PowerLoss ends the process and takes everything that is not durable, but for what Torn leaves of each file. It costs
// O(size of the files).
func (d *Disk) PowerLoss() {
	d.die()
	d.stats.PowerLosses++
	for i := range d.durable {
		n := d.durable[i].node
		if n.changed() {
			d.loseTail(n, uint32(i))
		}
		n.revert()
	}
	d.view = d.view.copyOf(d.durable)
	d.stats.SyncsLost += d.pending.lose()
	d.lastDone = 0
}

func (d *Disk) loseTail(n *node, position uint32) {
	bytes, sectors := n.countUnsynced()
	var fate keep
	if fates := d.kernel.Fates(); fates.Active(Torn) {
		k := sim.MakeKey(Torn, sim.Subject{A: d.owner, Epoch: d.stats.PowerLosses, Ordinal: position})
		fate = keep(fates.Ask(k, d.kernel.Now(), uint64(bytes)).N)
	}
	kept, torn := n.keepTail(fate, bytes, sectors)
	d.stats.BytesKept += uint64(kept)
	d.stats.BytesLost += uint64(bytes - kept)
	if torn {
		d.stats.TornSectors++
	}
}

func (d *Disk) die() {
	d.life++
	d.incarnation++
}

// Fold adds the final state to the digest: names and bytes, durable and seen.
func (d *Disk) Fold(digest *sim.Digest) {
	d.durable.fold(digest, (*node).durableBytes)
	d.view.fold(digest, (*node).viewBytes)
}

// DurableBytes returns what a power loss is sure to leave of the file called name, and whether the name is sure to be left.
// The bytes are the disk's own, valid until anything happens to it.
func (d *Disk) DurableBytes(name string) ([]byte, bool) {
	return d.durable.bytes(name, (*node).durableBytes)
}

// ViewBytes returns what a process reads in the file called name, as DurableBytes does.
func (d *Disk) ViewBytes(name string) ([]byte, bool) { return d.view.bytes(name, (*node).viewBytes) }
