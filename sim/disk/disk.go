// Package disk is a simulated disk behind vfs.FS. It outlives the process that writes to it.
//
// What a file system may do to a process, and what a server therefore must survive without losing anything:
//
//   - A sync takes time, and sometimes long (SlowSync, Stall). Syncs of one disk complete in the order of submission.
//   - The process dies (Crash): what it wrote stays with the operating system, synced or not, and syncs it had submitted
//     still become durable. It never hears of them.
//   - The power fails (PowerLoss): names and bytes are those of the last completed syncs, plus what fates say of the rest.
//     Syncs under way may have reached the disk (Landed). Of the changes of names since then, some survive (Names): changes
//     about different names independently, and a rename whole or not at all. Of each file any subset of the unsynced
//     sectors survives, with the old or the new size, and where the size outran the data there are zeros, garbage, or what
//     another file left on the disk (Torn).
//   - A sync fails (SyncFails). The operating system forgets what it covered of a file: it stays readable, the next sync
//     succeeds without it, and a power loss takes it. A server that goes on, or syncs again, has lost data; it must write it
//     again. Names it does not forget: they are in a journal, which a later sync writes.
//   - The disk is full (NoSpace, Full): a write stops short, or a file cannot be created.
//
// What it may do as well, and no single server can survive: it is survived by a cluster in which a quorum is undamaged, and a
// damaged server must notice.
//
//   - Bytes change (Rot), or cannot be read until they are written again (Unreadable).
//   - A write is acknowledged and never made (LostWrite), or made somewhere else (Misdirected).
//   - The disk comes back empty (Wipe).
//
// Damage is an overlay: the bytes underneath stay as they would be, and Repair takes the overlay away.
//
// And one thing it is not allowed to do, for showing what then happens: a lying sync completes and keeps nothing.
//
// For enumerating rather than drawing, FreezeAfter stops a process before any one of its changes, and Exposed, TornValues,
// NameValues and LandedValues list what a power loss could leave.
//
// Not modelled: bytes of a sync under way that survive in part and were overwritten since (a sector is old, as of a sync under
// way that landed, or new), reads that come from the wrong place once, and a system cache that hides damage from a process
// (bytes that are not waiting for a sync are read from the disk each time).
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
	// SyncPerByte is what a sync takes for each byte of the file that is unsynced when it is submitted. Bytes are written one after the
	// other, in the order of submission, and only then its latency begins: latencies overlap, as in a device that takes several
	// commands, and bytes do not.
	SyncPerByte time.Duration
	LyingSync   bool // syncs complete, and make nothing durable: outside the contract
	SectorSize  int  // in bytes, a power of two from 16 to 65536; 0: SectorSize
}

// SectorSize is the unit a disk writes unless Options say otherwise, in bytes. Real ones have 512 or 4096; small ones tear
// small files into more pieces.
const SectorSize = 512

// Disk is the disk of one process. Writing and syncing allocate nothing once buffers have grown to their size.
type Disk struct {
	kernel  *sim.Kernel
	owner   sim.ProcID
	options Options
	sector  int64 // size in bytes

	view    names // what processes see
	durable names // what a power loss leaves for certain
	journal journal
	files   []*node // all that can still be reached, in the order of creation
	spare   []*node

	life        uint64 // rises at every death and Reset: handles of earlier ones are dead
	incarnation uint32 // the same since Reset
	setup       bool   // syncs complete on the spot
	scratch     change // of a sync in Setup
	kept        []bool // scratch of a power loss
	old         []byte // scratch of a lost write

	pending      pendingTable
	lastDone     sim.Time // when the youngest sync under way completes
	written      sim.Time // when the bytes of all syncs submitted so far are written, with SyncPerByte
	stalledUntil sim.Time

	trap   trap
	full   full
	misled misled // the next sync of a file, by LoseWrite and Misdirect

	changes changes // of what is durable
	syncing uint8   // whether syncs ask fates, see asksOfSyncs

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
	if o.SyncLatency < 0 || o.SyncPerByte < 0 {
		panic(fmt.Sprintf("disk: sync latency %v, or %v per byte, of process %d is negative", o.SyncLatency, o.SyncPerByte, d.owner))
	}
	if o.SectorSize == 0 {
		o.SectorSize = SectorSize
	}
	if s := o.SectorSize; s < 16 || s > 1<<16 || s&(s-1) != 0 {
		panic(fmt.Sprintf("disk: sectors of %d bytes of process %d: want a power of two from 16 to 65536", s, d.owner))
	}
	d.options, d.sector = o, int64(o.SectorSize)
	d.empty()
	d.life++
	d.incarnation = 1
	d.pending.reset()
	d.lastDone, d.written, d.stalledUntil = 0, 0, 0
	d.trap, d.full, d.misled = trap{}, full{}, misled{}
	d.syncing = asksUnknown
	d.stats = Stats{}
}

// empty takes every file and name away.
func (d *Disk) empty() {
	d.spare = append(d.spare, d.files...)
	clear(d.files)
	d.files = d.files[:0]
	d.changes.note(nil)
	d.view, d.durable = d.view.clear(), d.durable.clear()
	d.journal.reset()
}

func (d *Disk) newNode() *node {
	var n *node
	if last := len(d.spare) - 1; last >= 0 {
		n = d.spare[last]
		d.spare[last] = nil
		d.spare = d.spare[:last]
		n.reset()
	} else {
		n = new(node)
	}
	d.files = append(d.files, n)
	return n
}

// FS returns the file system for the process that lives now. After the process has died every call on it and on its files
// returns ErrDead and does nothing.
func (d *Disk) FS() vfs.FS { return &system{disk: d, life: d.life} }

// Incarnation numbers the processes this disk has seen since Reset, from 1.
func (d *Disk) Incarnation() uint32 { return d.incarnation }

// Stats returns the counts since Reset.
func (d *Disk) Stats() Stats { return d.stats }

// Setup runs fn before the run begins: what it syncs is durable at once, without events, fates, counts or completions.
func (d *Disk) Setup(fn func(vfs.FS) error) error {
	d.setup = true
	err := fn(d.FS())
	d.setup = false
	return err
}

// Fold adds the final state to the digest: names and bytes, durable and seen, and the damage, where there is any.
func (d *Disk) Fold(digest *sim.Digest) {
	d.durable.fold(digest, (*node).durableBytes)
	d.view.fold(digest, (*node).viewBytes)
	for i, n := range d.files {
		if len(n.marks) > 0 {
			digest.Word(uint64(i))
			n.foldMarks(digest)
		}
	}
}

// DurableBytes returns what a power loss is sure to leave of the file called name, and whether the name is sure to be left.
// Damage does not show in them. The bytes are the disk's own, valid until anything happens to it.
func (d *Disk) DurableBytes(name string) ([]byte, bool) {
	return d.durable.bytes(name, (*node).durableBytes)
}

// ViewBytes returns what a process reads in the file called name unless it is damaged, as DurableBytes does.
func (d *Disk) ViewBytes(name string) ([]byte, bool) { return d.view.bytes(name, (*node).viewBytes) }
