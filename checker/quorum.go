package checker

import "strconv"

// disjointQuorums tells whether each of two configurations has a quorum that holds no member of the other's. A quorum is a majority
// of the voters and, in a joint configuration, also one of the outgoing voters.
//
// Majorities of one set always overlap, and those of two sets do when there are too few members for both to have their own: that
// settles every change that is made as it should be. Otherwise the members are counted by the sets they are in, and each way
// to deal out those in sets of both configurations is tried, at most maxDeals of them: no verdict is given past that.
func (b *configurationBook) disjointQuorums(one, other uint32) bool {
	x, y := b.kept[one], b.kept[other]
	mine, others := [2][]uint64{b.ids(x.voters), b.ids(x.outgoing)}, [2][]uint64{b.ids(y.voters), b.ids(y.outgoing)}
	for _, a := range mine {
		for _, z := range others {
			if alwaysOverlap(a, z) {
				return false
			}
		}
	}
	var d deal
	d.count(mine, others)
	return d.possible(0)
}

// alwaysOverlap tells whether every majority of one set meets every majority of the other. The sets are in rising order.
func alwaysOverlap(a, b []uint64) bool {
	shared := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			shared, i, j = shared+1, i+1, j+1
		}
	}
	if shared == 0 {
		return false
	}
	// A majority takes first what is its own; what it needs beyond that it takes from what is shared.
	return max(0, majority(len(a))-(len(a)-shared))+max(0, majority(len(b))-(len(b)-shared)) > shared
}

func majority(n int) int { return n/2 + 1 }

const maxDeals = 1 << 16

// deal looks for a way to give each member to one of two configurations such that both have a quorum.
type deal struct {
	classes [9]dealClass // members in sets of both configurations, by the sets they are in
	need    [4]int       // members still wanted by: voters and outgoing of one, voters and outgoing of the other
	deals   int
}

type dealClass struct {
	sets  [4]bool
	count int
}

// count fills d. Members of one configuration only are given to it at once.
func (d *deal) count(mine, others [2][]uint64) {
	sets := [4][]uint64{mine[0], mine[1], others[0], others[1]}
	for i, set := range sets {
		if len(set) > 0 {
			d.need[i] = majority(len(set))
		}
	}
	seen := [4]int{}
	for {
		id, left := ^uint64(0), false
		for i, set := range sets {
			if seen[i] < len(set) && set[seen[i]] <= id {
				id, left = set[seen[i]], true
			}
		}
		if !left {
			return
		}
		var in [4]bool
		for i, set := range sets {
			for seen[i] < len(set) && set[seen[i]] == id {
				in[i] = true
				seen[i]++
			}
		}
		if (in[0] || in[1]) && (in[2] || in[3]) {
			class := 3*(pattern(in[0], in[1])-1) + pattern(in[2], in[3]) - 1
			d.classes[class].sets = in
			d.classes[class].count++
			continue
		}
		d.give(in, 1)
	}
}

func pattern(a, b bool) int {
	switch {
	case a && b:
		return 3
	case b:
		return 2
	}
	return 1
}

func (d *deal) give(in [4]bool, n int) {
	for i := range in {
		if in[i] {
			d.need[i] -= n
		}
	}
}

// possible tells whether the classes from first on can be dealt out so that nobody needs more.
func (d *deal) possible(first int) bool {
	if first == len(d.classes) {
		return max(d.need[0], d.need[1], d.need[2], d.need[3]) <= 0
	}
	class := d.classes[first]
	ours, theirs := class.sets, class.sets
	ours[2], ours[3], theirs[0], theirs[1] = false, false, false, false
	for n := 0; n <= class.count; n++ {
		if d.deals++; d.deals > maxDeals {
			return false
		}
		d.give(ours, n)
		d.give(theirs, class.count-n)
		found := d.possible(first + 1)
		d.give(ours, -n)
		d.give(theirs, n-class.count)
		if found {
			return true
		}
	}
	return false
}

// text writes a configuration: "{1 2 3}", "{1 2 3}+{1 2 4}" when joint, with "/{5}" for learners, ">{2}"
// for those to come, and "auto" where it is left without being asked.
func (b *configurationBook) text(at uint32) string {
	m := b.kept[at]
	line := appendSet(nil, b.ids(m.voters))
	if m.outgoing.count > 0 {
		line = appendSet(append(line, '+'), b.ids(m.outgoing))
	}
	if m.learners.count > 0 {
		line = appendSet(append(line, '/'), b.ids(m.learners))
	}
	if m.next.count > 0 {
		line = appendSet(append(line, '>'), b.ids(m.next))
	}
	if m.auto {
		line = append(line, " auto"...)
	}
	return string(line)
}

func appendSet(line []byte, ids []uint64) []byte {
	line = append(line, '{')
	for i, id := range ids {
		if i > 0 {
			line = append(line, ' ')
		}
		line = strconv.AppendUint(line, id, 10)
	}
	return append(line, '}')
}
