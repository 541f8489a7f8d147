package disk

import "slices"

// extent is a range of bytes [from, to) of a file.
type extent struct{ from, to int64 }

// extents is a set of bytes as ascending ranges that neither overlap nor touch. Appending to a file keeps it at one range;
// scattered writes cost O(number of ranges) each.
type extents []extent

// add puts [from, to) into the set.
func (x extents) add(from, to int64) extents {
	if from >= to {
		return x
	}
	if n := len(x); n > 0 && from >= x[n-1].from && from <= x[n-1].to {
		x[n-1].to = max(x[n-1].to, to)
		return x
	}
	i := 0
	for i < len(x) && x[i].to < from {
		i++
	}
	j := i
	for j < len(x) && x[j].from <= to {
		from, to = min(from, x[j].from), max(to, x[j].to)
		j++
	}
	if i == j {
		return slices.Insert(x, i, extent{from, to})
	}
	x[i] = extent{from, to}
	return slices.Delete(x, i+1, j)
}

// clip takes everything from size on out of the set.
func (x extents) clip(size int64) extents {
	for n := len(x); n > 0; n-- {
		if last := &x[n-1]; last.from < size {
			last.to = min(last.to, size)
			return x[:n]
		}
	}
	return x[:0]
}

// holds says whether the byte at off is in the set.
func (x extents) holds(off int64) bool {
	for _, r := range x {
		if off < r.to {
			return off >= r.from
		}
	}
	return false
}
