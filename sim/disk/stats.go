package disk

// Stats counts what a disk did since Reset. Nothing done in Setup counts.
type Stats struct {
	Operations   uint64 // changes of data or names, and syncs, that a live process asked for
	Syncs        uint64 // submitted, of files and names
	Completed    uint64 // reported as done, to a live process or not
	SlowSyncs    uint64 // that a fate made longer
	BytesWritten uint64 // by processes
	Crashes      uint64
	PowerLosses  uint64
	Wipes        uint64

	BytesLost   uint64 // unsynced at a power loss and gone, in files whose name survived
	BytesKept   uint64 // unsynced at a power loss and still there
	TornSectors uint64 // kept in part
	Holes       uint64 // files in which a later sector survived an earlier one
	SizesApart  uint64 // files whose size survived without the data below it, or data without the size above it
	BytesFilled uint64 // garbage or stale bytes where data was lost below the size
	NamesLost   uint64 // changes of names, unsynced at a power loss, that did not survive
	NamesKept   uint64 // and that did
	SyncsLost   uint64 // under way at a power loss, without effect
	SyncsLanded uint64 // under way at a power loss, with their effect

	SyncsFailed  uint64 // submitted, and to complete with an error
	Stalls       uint64 // begun
	StalledSyncs uint64 // that a stall holds up
	NoSpace      uint64 // writes and creations refused, in whole or in part
	ShortWrites  uint64 // of these, writes of which a part was made

	Rotted          uint64 // places that were given other bytes
	Unreadable      uint64 // sectors that were made unreadable
	LostWrites      uint64 // sectors of which a write was acknowledged and not made
	Misdirected     uint64 // sectors that were written in the place of others
	DamagedReads    uint64 // reads that returned wrong bytes
	UnreadableReads uint64 // reads that failed
	Freezes         uint64 // processes that were stopped before a change
}

// Add adds o to s.
func (s *Stats) Add(o *Stats) {
	to, from := s.fields(), o.fields()
	for i := range to {
		*to[i] += *from[i]
	}
}

func (s *Stats) fields() [statFields]*uint64 {
	return [statFields]*uint64{
		&s.Operations, &s.Syncs, &s.Completed, &s.SlowSyncs, &s.BytesWritten, &s.Crashes, &s.PowerLosses, &s.Wipes,
		&s.BytesLost, &s.BytesKept, &s.TornSectors, &s.Holes, &s.SizesApart, &s.BytesFilled, &s.NamesLost, &s.NamesKept,
		&s.SyncsLost, &s.SyncsLanded,
		&s.SyncsFailed, &s.Stalls, &s.StalledSyncs, &s.NoSpace, &s.ShortWrites,
		&s.Rotted, &s.Unreadable, &s.LostWrites, &s.Misdirected, &s.DamagedReads, &s.UnreadableReads, &s.Freezes,
	}
}

const statFields = 30
