package disk

import (
	"errors"

	"raftsim/raft/vfs"
	"raftsim/sim"
)

// ErrNoSpace is what a write, or the creation of a file, returns when the disk is full.
var ErrNoSpace = errors.New("disk: no space left")

// full is a disk without space until a time, once so many bytes more were written. Overwriting takes space too, as it does where
// nothing is written in place.
type full struct {
	on    bool
	left  int64
	until sim.Time
}

// Full makes the disk full until a time, once so many bytes more were written; a time that is over ends it. If it was full or filling
// already the smaller number and the later time count.
func (d *Disk) Full(bytes int64, until sim.Time) {
	if until <= d.kernel.Now() {
		d.full = full{}
		return
	}
	if d.full.on {
		bytes, until = min(bytes, d.full.left), max(until, d.full.until)
	}
	d.full = full{on: true, left: max(bytes, 0), until: until}
}

// isFull says whether there is a bound on what can be written now.
func (d *Disk) isFull() bool {
	if d.full.on && d.kernel.Now() >= d.full.until {
		d.full = full{}
	}
	return d.full.on && !d.setup
}

// allot returns how many of count bytes can be written.
func (d *Disk) allot(count int) int {
	if !d.isFull() {
		return count
	}
	granted := int(min(int64(count), d.full.left))
	d.full.left -= int64(granted)
	if granted < count {
		d.stats.NoSpace++
		if granted > 0 {
			d.stats.ShortWrites++
		}
	}
	return granted
}

// noRoom refuses the creation of a file when not one byte more can be written.
func (d *Disk) noRoom(name string) error {
	if !d.isFull() || d.full.left > 0 {
		return nil
	}
	d.stats.NoSpace++
	return vfs.PathError("create", name, ErrNoSpace)
}
