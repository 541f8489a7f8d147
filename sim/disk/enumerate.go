package disk

import "raftsim/sim"

// Exposed is a file of which a power loss now could take something.
type Exposed struct {
	Ordinal uint32 // of the key of Torn
	Sectors int    // unsynced ones
	Inside  int    // of these, how many differ below the durable end: the first ones
	Resized bool   // the size is unsynced too
}

// Exposed appends what a power loss now would ask Torn about if no sync under way landed, and returns how many changes of names and
// syncs under way it would ask Names and Landed about. Files without a durable name are left out: they need Names to give
// them one. The cost is O(size of the files).
func (d *Disk) Exposed(dst []Exposed) (files []Exposed, names, syncs int) {
	d.expose()
	ordinal := uint32(0)
	for _, n := range d.files {
		if !n.exposed {
			continue
		}
		if d.durable.holds(n) {
			e := Exposed{Ordinal: ordinal, Resized: len(n.view) != len(n.durable)}
			size, old := int64(len(n.view)), int64(len(n.durable))
			for from := int64(0); from < size; from += d.sector {
				if n.unsyncedIn(from, min(from+d.sector, size), old) > 0 {
					e.Sectors++
				}
				if from < old && n.unsyncedIn(from, min(from+d.sector, size, old), old) > 0 {
					e.Inside++
				}
			}
			dst = append(dst, e)
		}
		ordinal++
	}
	return dst, len(d.journal.changes), int(d.pending.submitted - d.pending.done)
}

// allSubsets is up to how many sectors, or changes of names, every subset is listed.
const allSubsets = 6

// TornValues appends values of Torn that between them leave a file in every way, of up to six unsynced sectors each in one way only:
// every subset of the sectors; where the size is unsynced, every subset with the new size, and with the old one every subset
// of what can be seen then. Of more sectors there are each prefix, hole and survivor. The first value is calm. Torn sectors and
// fills other than zeros are left to noise.
func TornValues(dst []sim.Value, e Exposed) []sim.Value {
	all := subsets(nil, e.Sectors)
	switch {
	case e.Sectors == 0 && !e.Resized:
		return append(dst, sim.Value{})
	case e.Sectors == 0 || !e.Resized:
		return append(dst, all...)
	case e.Sectors <= allSubsets:
		for mask := range 1 << e.Inside {
			v := sim.Value{}
			if mask > 0 {
				v = WithSizeOld(all[mask])
			}
			dst = append(dst, v)
		}
		for _, v := range all {
			if v != KeepAll() {
				v = WithSizeNew(v)
			}
			dst = append(dst, v)
		}
		return dst
	}
	dst = append(dst, sim.Value{})
	for _, v := range all {
		if !v.Calm() {
			dst = append(dst, WithSizeOld(v))
		}
		if v != KeepAll() {
			v = WithSizeNew(v)
		}
		dst = append(dst, v)
	}
	return dst
}

// NameValues appends values of Names that between them leave so many changes of names in every way, as TornValues does.
func NameValues(dst []sim.Value, changes int) []sim.Value {
	return append(dst, subsets(nil, changes)...)
}

// LandedValues appends the values of Landed for every number of syncs under way, from none to all.
func LandedValues(dst []sim.Value, syncs int) []sim.Value {
	for i := range min(syncs, 998) + 1 {
		dst = append(dst, LandedValue(int64(i), int64(syncs)))
	}
	return dst
}

// subsets appends the values that keep some of so many things; of up to six the value at position i keeps the bits of i.
func subsets(dst []sim.Value, count int) []sim.Value {
	dst = append(dst, sim.Value{})
	if count <= allSubsets {
		for mask := uint64(1); mask < 1<<count-1; mask++ {
			dst = append(dst, KeepMask(mask))
		}
		return append(dst, KeepAll()) // of nothing as well: a size may be all there is
	}
	if count > 998 {
		for n := range int64(999) { // there are no more thousandths
			dst = append(dst, KeepSectors(n+1), KeepHole(n+1), KeepSurvivor(n+1))
		}
		return append(dst, KeepAll())
	}
	for i := range count {
		if i > 0 {
			dst = append(dst, LandedValue(int64(i), int64(count)))
		}
		at := max(1, int64((i*1000+count-1)/count)) // the least that means this one
		dst = append(dst, KeepHole(at), KeepSurvivor(at))
	}
	return append(dst, KeepAll())
}
