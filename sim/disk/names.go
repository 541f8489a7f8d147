package disk

import (
	"slices"
	"strings"

	"raftsim/sim"
)

// names is a directory: names in ascending order and the files they mean.
type names []nameEntry

type nameEntry struct {
	name string
	node *node
}

func (s names) find(name string) (int, bool) {
	return slices.BinarySearchFunc(s, name, func(e nameEntry, name string) int { return strings.Compare(e.name, name) })
}

func (s names) holds(n *node) bool {
	for i := range s {
		if s[i].node == n {
			return true
		}
	}
	return false
}

// put makes name mean n.
func (s names) put(name string, n *node) names {
	i, ok := s.find(name)
	if ok {
		s[i].node = n
		return s
	}
	return slices.Insert(s, i, nameEntry{name, n})
}

// clear empties s and lets go of what it held.
func (s names) clear() names {
	clear(s)
	return s[:0]
}

// copyOf makes s a copy of t in the memory of s.
func (s names) copyOf(t names) names {
	return append(s.clear(), t...)
}

func (s names) bytes(name string, of func(*node) []byte) ([]byte, bool) {
	i, ok := s.find(name)
	if !ok {
		return nil, false
	}
	return of(s[i].node), true
}

func (s names) fold(d *sim.Digest, of func(*node) []byte) {
	d.Word(uint64(len(s)))
	for i := range s {
		d.Bytes([]byte(s[i].name))
		d.Bytes(of(s[i].node))
	}
}

func (s names) remove(i int) names { return slices.Delete(s, i, i+1) }
