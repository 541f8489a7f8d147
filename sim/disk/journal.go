package disk

// journal holds the changes of names that are not durable yet, in the order they were made. They are numbered from 1 since
// Reset; a sync of the names covers all up to a number.
type journal struct {
	changes []nameChange
	dropped uint64 // number of the last change that is not here any more
}

// nameChange gives a file the name to, takes the name from away, or both at once. An empty name is none.
type nameChange struct {
	from, to string
	node     *node // the file created or renamed, or that lost its name
}

func (j *journal) reset() {
	clear(j.changes)
	j.changes, j.dropped = j.changes[:0], 0
}

// last is the number of the youngest change.
func (j *journal) last() uint64 { return j.dropped + uint64(len(j.changes)) }

// drop takes the oldest count changes out.
func (j *journal) drop(count int) {
	left := copy(j.changes, j.changes[count:])
	clear(j.changes[left:])
	j.changes = j.changes[:left]
	j.dropped += uint64(count)
}

// upTo returns how many changes a sync covers that was submitted when number was the last.
func (j *journal) upTo(number uint64) int { return int(max(number, j.dropped) - j.dropped) }

// surviving appends, for each change, whether the power loss leaves it. Changes about one name build on each other, and a change
// takes nothing along that it builds on: what was lost loses what was built on it. Only the survivor of a fate that names one
// brings what it builds on with it.
//
// So the state left is that of some set of changes which is closed under "earlier about the same name", applied in order.
// Every such set is reached. Two names are in two independent places of the directory; one rename is about both of its names,
// and therefore there whole or not at all. The cost is O(changes squared).
func (j *journal) surviving(kept []bool, fate subset) []bool {
	count := len(j.changes)
	for i := range count {
		kept = append(kept, fate.holds(int64(i), int64(count)))
	}
	if f, _ := fate.parts(); f == familySurvivor {
		for i := count - 1; i >= 0; i-- {
			for k := 0; kept[i] && k < i; k++ {
				kept[k] = kept[k] || j.changes[i].buildsOn(&j.changes[k])
			}
		}
	}
	for i := range count {
		for k := 0; kept[i] && k < i; k++ {
			kept[i] = kept[k] || !j.changes[i].buildsOn(&j.changes[k])
		}
	}
	return kept
}

func (c *nameChange) buildsOn(earlier *nameChange) bool {
	about := func(name string) bool { return name != "" && (name == earlier.from || name == earlier.to) }
	return about(c.from) || about(c.to)
}

// changeNames makes a change of names in the view.
func (d *Disk) changeNames(c nameChange) {
	d.view = d.view.apply(&c)
	d.journal.changes = append(d.journal.changes, c)
}

// commitNames makes the changes up to a number durable.
func (d *Disk) commitNames(number uint64) {
	count := d.journal.upTo(number)
	for i := range count {
		d.durable = d.durable.apply(&d.journal.changes[i])
	}
	d.journal.drop(count)
}
