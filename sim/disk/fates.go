package disk

import (
	"math"

	"raftsim/sim"
)

// Purposes of a disk. A is the owner in all of them. They are asked when they matter: at a power loss, at the submission of a sync,
// at the first change of a process. None is asked per write or sector.
const (
	// Torn asks what a power loss leaves of the unsynced bytes of one file: epoch = the number of the power loss of this
	// disk, from 1; ordinal = the position of the file among those with something to lose, in the order they were
	// created, from 0. Calm: nothing.
	Torn sim.Purpose = 48 + iota
	// SlowSync asks how much longer than usual a sync takes: ordinal = the number of the sync on this disk, from 0.
	SlowSync
	// Names asks which changes of names, unsynced at a power loss, survive: epoch = the number of the power loss.
	Names
	// Landed asks how many of the syncs under way at a power loss have reached the disk: epoch = its number.
	Landed
	// SyncFails asks whether a sync fails: ordinal as SlowSync.
	SyncFails
	// NoSpace asks whether the disk is full after a sync was submitted: ordinal as SlowSync.
	NoSpace
	// LostWrite asks which sector of a sync is not written although it says so: ordinal as SlowSync.
	LostWrite
	// Misdirected asks which sector of a sync is written in the place of which other one: ordinal as SlowSync.
	Misdirected
	// Rot asks where the disk has other bytes when the next process reads it: epoch = the number of that process, from 2.
	Rot
	// Unreadable asks which sector cannot be read when the next process tries: epoch as Rot.
	Unreadable
	// Freeze asks before which of its changes a process is stopped: epoch = its number, from 1.
	Freeze

	purposesEnd
)

// Owns says whether p is one of the purposes of disks.
func Owns(p sim.Purpose) bool { return p >= Torn && p < purposesEnd }

// Specs declares the purposes of disks.
func Specs() []sim.Spec {
	const (
		owner    = sim.FieldA
		numbered = owner | sim.FieldOrdinal
		dated    = owner | sim.FieldEpoch
	)
	thousandths := numberFormat{most: 999, form: "250 (thousandths, 1 to 999)"}
	operation := numberFormat{most: math.MaxInt64, form: "a number from 1"}
	specs := []sim.Spec{
		{Purpose: Torn, Name: "torn", Fields: dated | numbered, Value: TornFormat{},
			Doc: "what a power loss leaves of the unsynced bytes of a file"},
		{Purpose: SlowSync, Name: "slow-sync", Fields: numbered, Value: sim.DelayFormat{},
			Doc: "how much longer a sync takes"},
		{Purpose: Names, Name: "names", Fields: dated, Value: NamesFormat{},
			Doc: "which unsynced creations, renames and removals survive a power loss"},
		{Purpose: Landed, Name: "landed", Fields: dated, Value: LandedFormat{},
			Doc: "how many syncs under way at a power loss had reached the disk"},
		{Purpose: SyncFails, Name: "sync-fails", Fields: numbered, Value: sim.FlagFormat{},
			Doc: "a sync fails, and what it covered is forgotten"},
		{Purpose: NoSpace, Name: "no-space", Fields: numbered, Value: SpaceFormat{},
			Doc: "the disk is full once so many bytes more were written"},
		{Purpose: LostWrite, Name: "lost-write", Fields: numbered, Value: thousandths,
			Doc: "a sector of a sync is never written"},
		{Purpose: Misdirected, Name: "misdirected", Fields: numbered, Value: MisdirectedFormat{},
			Doc: "a sector of a sync is written over another one of the file"},
		{Purpose: Rot, Name: "rot", Fields: dated, Value: RotFormat{},
			Doc: "bits that have changed when a process restarts"},
		{Purpose: Unreadable, Name: "unreadable", Fields: dated, Value: thousandths,
			Doc: "a sector that cannot be read when a process restarts"},
		{Purpose: Freeze, Name: "freeze", Fields: dated, Value: operation,
			Doc: "the change of its disk before which a process is stopped"},
	}
	for i := range specs {
		specs[i].Fault = true
	}
	return specs
}
