package powerloss

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// state is one thing a power loss may leave: an answer to each of the questions of a loss.
type state struct {
	sectors []bool // of loss.sectors: the new content
	sizes   []bool // of loss.files that changed their size: the new one
	names   []bool // of loss.names: the new meaning
	// version, if not 0, is how many of the changes since the last sync every file has got instead, in their order.
	version int
	// stale says that what a file gained and was not written holds bytes of other files instead of zeros.
	stale bool
	// mixed, if not 0, picks for each sector one of the contents it had.
	mixed uint64
}

// loss is what a power loss at one moment may change.
type loss struct {
	disk    *disk
	sector  int
	files   []file
	sectors []dirtySector
	sizes   []int // indexes of files whose size changed
	names   []string
	most    int // changes of a file since its last sync
}

type file struct {
	node *node
	name string
}

type dirtySector struct{ file, number int }

// lossOf looks at what is pending on a disk.
func lossOf(d *disk, sector int) *loss {
	l := &loss{disk: d, sector: sector}
	for i, j := 0, 0; i < len(d.view) || j < len(d.durable); {
		switch {
		case j == len(d.durable) || i < len(d.view) && d.view[i].name < d.durable[j].name:
			l.names = append(l.names, d.view[i].name)
			l.add(d.view[i])
			i++
		case i == len(d.view) || d.durable[j].name < d.view[i].name:
			l.names = append(l.names, d.durable[j].name)
			l.add(d.durable[j])
			j++
		default:
			l.add(d.view[i])
			if d.view[i].node != d.durable[j].node {
				l.names = append(l.names, d.view[i].name)
				l.add(d.durable[j])
			}
			i, j = i+1, j+1
		}
	}
	return l
}

// add enters a file once.
func (l *loss) add(e dirEntry) {
	for _, f := range l.files {
		if f.node == e.node {
			return
		}
	}
	n := e.node
	l.files = append(l.files, file{n, e.name})
	view := n.view()
	if len(view) != len(n.durable) {
		l.sizes = append(l.sizes, len(l.files)-1)
	}
	l.most = max(l.most, len(n.versions)-1)
	for s := 0; s*l.sector < max(len(view), len(n.durable)); s++ {
		if !bytes.Equal(part(view, s, l.sector), part(n.durable, s, l.sector)) {
			l.sectors = append(l.sectors, dirtySector{len(l.files) - 1, s})
		}
	}
}

// part returns sector s of b, as far as there is one.
func part(b []byte, s, sector int) []byte {
	return b[min(s*sector, len(b)):min((s+1)*sector, len(b))]
}

// each calls try for the states that are to be tried: all subsets of up to six sectors, beyond that families of subsets, times all
// sizes old or new, times all subsets of up to three names, beyond that families. Of more than PerPoint of them only some.
func (l *loss) each(o *Options, r *random, try func(*state) error) error {
	sectors := subsets(len(l.sectors), allSectors, o.Random, r)
	sizes := subsets(len(l.sizes), 1, -1, r)
	names := subsets(len(l.names), allNames, 0, r)
	if total := len(names) * (len(sizes)*(len(sectors)+2*o.Random) + l.most); o.PerPoint > 0 && total > o.PerPoint {
		all := try
		try = func(s *state) error {
			if r.below(uint64(total)) >= uint64(o.PerPoint) {
				return nil
			}
			return all(s)
		}
	}
	for _, n := range names {
		for _, z := range sizes {
			for _, s := range sectors {
				if err := try(&state{sectors: s, sizes: z, names: n}); err != nil {
					return err
				}
			}
			if len(l.sectors) == 0 {
				continue
			}
			for range o.Random {
				if err := try(&state{sectors: r.mask(len(l.sectors)), sizes: r.mask(len(z)), names: n, stale: true}); err != nil {
					return err
				}
				if err := try(&state{sizes: r.mask(len(z)), names: n, mixed: r.next() | 1}); err != nil {
					return err
				}
			}
		}
		for v := 1; v < l.most; v++ { // 0 and all of them are among the subsets
			if err := try(&state{names: n, version: v}); err != nil {
				return err
			}
		}
	}
	return nil
}

const (
	allSectors = 6
	allNames   = 3
)

// subsets returns all subsets of n things for an n up to all, else the families none, all, prefixes, one hole, one survivor, and
// some at random.
func subsets(n, all, some int, r *random) [][]bool {
	var out [][]bool
	if n <= all {
		for bits := range 1 << n {
			m := make([]bool, n)
			for i := range m {
				m[i] = bits>>i&1 == 1
			}
			out = append(out, m)
		}
		return out
	}
	if some < 0 {
		return [][]bool{make([]bool, n), slices.Repeat([]bool{true}, n)}
	}
	for k := range n + 1 { // none and all are the first and the last prefix
		m := make([]bool, n)
		for i := range k {
			m[i] = true
		}
		out = append(out, m)
	}
	for k := range n {
		hole, survivor := make([]bool, n), make([]bool, n)
		for i := range n {
			hole[i], survivor[i] = i != k, i == k
		}
		out = append(out, hole, survivor)
	}
	for range some {
		out = append(out, r.mask(n))
	}
	return out
}

// build makes the disk as it is after the power loss.
func (l *loss) build(s *state) *disk {
	d := &disk{}
	made := make([]*node, len(l.files))
	put := func(name string, n *node) {
		if n == nil {
			return
		}
		at := l.file(n)
		if made[at] == nil {
			b := l.content(s, at)
			made[at] = &node{durable: b, versions: [][]byte{b}}
		}
		d.view = append(d.view, dirEntry{name, made[at]})
	}
	for i, j := 0, 0; i < len(l.disk.view) || j < len(l.disk.durable); {
		var name string
		var seen, sure *node
		if j == len(l.disk.durable) || i < len(l.disk.view) && l.disk.view[i].name <= l.disk.durable[j].name {
			name, seen = l.disk.view[i].name, l.disk.view[i].node
			i++
		}
		if j < len(l.disk.durable) && (seen == nil || l.disk.durable[j].name == name) {
			name, sure = l.disk.durable[j].name, l.disk.durable[j].node
			j++
		}
		if k := slices.Index(l.names, name); k >= 0 && !s.names[k] {
			seen = sure
		}
		put(name, seen)
	}
	d.durable = slices.Clone(d.view)
	return d
}

func (l *loss) file(n *node) int {
	return slices.IndexFunc(l.files, func(f file) bool { return f.node == n })
}

// content returns the bytes of a file in a state.
func (l *loss) content(s *state, at int) []byte {
	n := l.files[at].node
	if s.version > 0 {
		return n.versions[min(s.version, len(n.versions)-1)]
	}
	view := n.view()
	size := len(n.durable)
	for i, f := range l.sizes {
		if f == at && s.sizes[i] {
			size = len(view)
		}
	}
	b := make([]byte, size)
	if s.stale {
		l.stale(b, n)
	}
	copy(b, n.durable)
	for i, d := range l.sectors {
		if d.file != at {
			continue
		}
		var from []byte
		switch {
		case s.mixed != 0:
			r := random(s.mixed + uint64(i))
			from = n.versions[r.below(uint64(len(n.versions)))]
			clear(part(b, d.number, l.sector))
		case s.sectors[i]:
			from = view
			clear(part(b, d.number, l.sector))
		default:
			continue
		}
		copy(part(b, d.number, l.sector), part(from, d.number, l.sector))
	}
	return b
}

// stale fills b with bytes of another file, at the offsets they have there.
func (l *loss) stale(b []byte, n *node) {
	for _, f := range l.files {
		if f.node != n && len(f.node.view()) > 0 {
			copy(b, f.node.view())
		}
	}
}

// describe says what a state is, for whoever has to find out why it was not survived.
func (l *loss) describe(s *state) string {
	var b strings.Builder
	for i, name := range l.names {
		if s.version > 0 || i < len(s.names) {
			fmt.Fprintf(&b, "name %s %s; ", name, oldNew(s.names[i]))
		}
	}
	if s.version > 0 {
		fmt.Fprintf(&b, "every file has the first %d changes; ", s.version)
		return b.String()
	}
	for i, f := range l.sizes {
		fmt.Fprintf(&b, "size of %s %s; ", l.files[f].name, oldNew(s.sizes[i]))
	}
	for i, d := range l.sectors {
		if s.mixed == 0 {
			fmt.Fprintf(&b, "sector %d of %s %s; ", d.number, l.files[d.file].name, oldNew(s.sectors[i]))
		}
	}
	if s.mixed != 0 {
		fmt.Fprintf(&b, "contents of sectors by %#x; ", s.mixed)
	}
	if s.stale {
		b.WriteString("gaps hold bytes of other files; ")
	}
	return b.String()
}

func oldNew(new bool) string {
	if new {
		return "new"
	}
	return "old"
}
