package disk

import (
	"slices"
	"strings"

	"raftsim/sim"
)

// names is a directory: names in ascending order and the files they mean. A file has at most one name.
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

// take takes name away if it is there.
func (s names) take(name string) names {
	if i, ok := s.find(name); ok {
		return slices.Delete(s, i, i+1)
	}
	return s
}

// apply makes a change. What it is about may be there or not: changes before it may have been forgotten in a failed sync. In
// the end the names it took mean nothing, and the name it gave is the only one of its file.
func (s names) apply(c *nameChange) names {
	s = s.take(c.from)
	if c.to == "" {
		return s
	}
	for i := range s {
		if s[i].node == c.node {
			s = slices.Delete(s, i, i+1)
			break
		}
	}
	return s.put(c.to, c.node)
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
