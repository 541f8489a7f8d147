package powerloss

import (
	"errors"
	"fmt"
	"slices"

	"raftsim/raft/vfs"
)

// Options of an enumeration. The zero value is a full one.
type Options struct {
	Seed         uint64
	Operations   int   // of the workload; 0: 200
	Sector       int   // bytes; 0: 64
	SegmentBytes int64 // of the log; 0: 600
	Random       int   // random subsets of sectors beside the families, and random mixtures; 0: 4, -1: none
	// PerPoint bounds, about, the states that are tried for one power loss; which of them is drawn. 0: all.
	PerPoint int
	// Nested is after how many states one is tried with a second power loss at every operation of its recovery; 0: 200, -1: never.
	Nested int
	// Wrap, if not nil, stands between the log and the disk: for showing that the checks see what a bad disk or log does.
	Wrap func(vfs.FS) vfs.FS
}

// Report counts what was tried.
type Report struct {
	Operations int    // of the workload
	Kinds      [8]int // of them, see OpNames
	Points     int    // changes of the disk, each with a power loss after it
	Tried      int    // states of the disk, as sets of what is old and what is new
	States     int    // of them that differ from all others of the same power loss, and were recovered
	Nested     int    // states of the disk after a second power loss, during the recovery from a first
	Torn       int    // states with something to cut off
	MaxSectors int    // unsynced sectors at one point, at most
	MaxNames   int    // names not synced at one point, at most
}

// Enumerate runs a workload and all its power losses. The error says which of them was not survived, and how. The same options
// always do the same.
func Enumerate(o Options) (Report, error) {
	o = o.withDefaults()
	if o.Sector < 1 || o.Operations < 0 || o.SegmentBytes < 1 {
		return Report{}, errors.New("powerloss: sector and segment need a size above 0, operations at least 0")
	}
	e := &enumeration{o: o, r: random(o.Seed ^ 0x706f776572), seen: map[uint64]bool{}}
	err := e.run()
	return e.report, err
}

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		value *int
		zero  int
	}{{&o.Operations, 200}, {&o.Sector, 64}, {&o.Random, 4}, {&o.Nested, 200}} {
		if *d.value == 0 {
			*d.value = d.zero
		}
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = 600
	}
	o.Random, o.Nested = max(o.Random, 0), max(o.Nested, 0)
	return o
}

type enumeration struct {
	o      Options
	r      random
	report Report
	err    error // the first
	doing  string
	seen   map[uint64]bool // hashes of the states of this point
}

func (e *enumeration) run() error {
	d := &disk{}
	w := newWorkload(d, e.o)
	if err := w.found(); err != nil {
		return err
	}
	d.wrap = e.o.Wrap
	d.after = func(what string) { e.point(d, w.member, what) }
	w.done = func(own bool) { d.did(syncDone(own), "") }
	err := w.run(e.o.Operations, func(n int) error {
		e.doing = fmt.Sprintf("operation %d of the workload", n)
		return e.err
	})
	e.report.Operations, e.report.Kinds = w.count, w.kinds
	if e.err != nil {
		return e.err
	}
	return err
}

func syncDone(own bool) string {
	if own {
		return "complete a sync"
	}
	return "complete a sync of a dead process"
}

// point tries all power losses after an operation on the disk.
func (e *enumeration) point(d *disk, m *member, what string) {
	if e.err != nil {
		return
	}
	e.report.Points++
	l := lossOf(d, e.o.Sector)
	e.report.MaxSectors = max(e.report.MaxSectors, len(l.sectors))
	e.report.MaxNames = max(e.report.MaxNames, len(l.names))
	clear(e.seen)
	e.err = l.each(&e.o, &e.r, func(s *state) error {
		e.report.Tried++
		left := l.build(s)
		sum := left.hash()
		if e.seen[sum] {
			return nil
		}
		e.seen[sum] = true
		e.report.States++
		nested := e.o.Nested > 0 && e.report.States%e.o.Nested == 0
		if err := e.recover(m, left, nested); err != nil {
			return fmt.Errorf("powerloss: seed %d, %s, power loss at point %d (%s), leaving: %s\n%w",
				e.o.Seed, e.doing, e.report.Points, what, l.describe(s), err)
		}
		return nil
	})
}

// recover restarts a member on one state of its disk.
func (e *enumeration) recover(m *member, left *disk, nested bool) error {
	again := &member{machine: left, segment: m.segment, model: m.model.clone()}
	left.wrap = e.o.Wrap
	left.after = func(what string) {
		if nested && e.err == nil {
			e.err = e.second(left, again, what)
		}
	}
	again.done = func(own bool) { left.did(syncDone(own), "") }
	err := again.goOn()
	if again.cut > 0 {
		e.report.Torn++
	}
	if e.err != nil {
		return e.err
	}
	return err
}

// second tries some power losses during a recovery.
func (e *enumeration) second(d *disk, m *member, what string) error {
	l := lossOf(d, e.o.Sector)
	try := func(s *state) error {
		e.report.Nested++
		if err := e.recover(m, l.build(s), false); err != nil {
			return fmt.Errorf("second power loss (%s), leaving: %s\n%w", what, l.describe(s), err)
		}
		return nil
	}
	for range 2 {
		s := &state{sectors: e.r.mask(len(l.sectors)), sizes: e.r.mask(len(l.sizes)), names: e.r.mask(len(l.names))}
		if err := try(s); err != nil {
			return err
		}
	}
	none := &state{sectors: make([]bool, len(l.sectors)), sizes: make([]bool, len(l.sizes)), names: make([]bool, len(l.names))}
	if err := try(none); err != nil {
		return err
	}
	all := &state{
		sectors: slices.Repeat([]bool{true}, len(l.sectors)), sizes: slices.Repeat([]bool{true}, len(l.sizes)),
		names: slices.Repeat([]bool{true}, len(l.names)),
	}
	return try(all)
}
