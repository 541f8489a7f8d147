package checker

// Holds reports whether the node's log, as it was told last, has the entry of this index and term. Of a node that is down it is the
// log it had. Cost: O(log of how far the entry lies before what the log still holds), mostly O(1).
func (c *Cluster) Holds(node, index, term uint64) bool {
	if node >= uint64(len(c.nodes)) {
		return false
	}
	log := &c.nodes[node].log
	if index == 0 || len(log.ids) == 0 || index > log.last() {
		return false
	}
	return c.entries.nodes[c.entries.entryAt(log, index)].term == term
}
