package disk

import (
	"errors"
	"math"

	"raftsim/sim"
)

// ErrFrozen is what every operation of a process returns once its disk is frozen. The process is as good as dead: its host is to end
// it by Crash or PowerLoss.
var ErrFrozen = errors.New("disk: frozen: the process is to be ended")

// trap stops a process before one of its changes. The zero value has not asked the fate yet.
type trap struct {
	asked  bool
	frozen bool
	fated  uint64 // number of the change before which the fate freezes it, 0 for none
	armed  uint64 // the same by FreezeAfter
	next   uint64 // number of the change that needs a look
}

// FreezeAfter stops the process that lives now before its n-th change from now on, counting from 1: that one and every later
// operation, reads too, fails with ErrFrozen, and nothing of them happens. Changes are Create, Remove, Rename, WriteAt,
// Truncate, Sync and SyncDir. Syncs submitted before go on. 0 takes this back. It adds to the fate (Freeze).
func (d *Disk) FreezeAfter(n uint64) {
	d.trap.armed, d.trap.next = 0, 0
	if n > 0 {
		d.trap.armed = d.stats.Operations + min(n, math.MaxUint64-d.stats.Operations)
	}
}

// Frozen says whether the process that lives now was stopped.
func (d *Disk) Frozen() bool { return d.trap.frozen }

// Operations returns how many changes processes have asked for since Reset, a refused one included.
func (d *Disk) Operations() uint64 { return d.stats.Operations }

// enter counts a change, and refuses it if the process is to stop here.
func (d *Disk) enter() error {
	if d.setup {
		return nil
	}
	d.stats.Operations++
	if d.stats.Operations < d.trap.next {
		return nil
	}
	return d.spring()
}

func (d *Disk) spring() error {
	t := &d.trap
	if fates := d.kernel.Fates(); !t.asked && fates.Active(Freeze) {
		k := sim.MakeKey(Freeze, sim.Subject{A: d.owner, Epoch: uint64(d.incarnation)})
		if v := fates.Ask(k, d.kernel.Now(), 0); !v.Calm() {
			t.fated = d.stats.Operations + uint64(v.N) - 1
		}
	}
	t.asked, t.next = true, math.MaxUint64
	for _, at := range [...]uint64{t.fated, t.armed} {
		if at > 0 {
			t.next = min(t.next, at)
		}
	}
	if d.stats.Operations < t.next {
		return nil
	}
	t.frozen = true
	d.stats.Freezes++
	return ErrFrozen
}
