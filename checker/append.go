package checker

// Appended observes that an entry was stored in the node's log. When index is not beyond the end of the log, everything from index
// on was removed first. The data is not kept.
func (c *Cluster) Appended(node, index, term uint64, data []byte) {
	c.append(node, index, term, EntryHash(data, false), false)
}

// AppendedConfiguration is Appended for an entry that changes the configuration. What it makes of it is told by Configured.
func (c *Cluster) AppendedConfiguration(node, index, term uint64, data []byte) {
	c.append(node, index, term, EntryHash(data, true), true)
}

// KeptBack says whether the entries told from now on were taken in earlier than they are told: a server may keep entries in memory
// for a while before it hands them to its disk, and be in a later term by then. What leader they come from is not asked.
func (c *Cluster) KeptBack(yes bool) { c.keptBack = yes }

func (c *Cluster) append(node, index, term, hash uint64, configuration bool) {
	n := c.node(node)
	last := n.log.last()
	if index <= last && index > 0 {
		c.cut(n, node, index-1, "leader-overwrites")
	} else if index != last+1 {
		// Log matching: an entry is only stored on top of the one before it (the consistency check, §5.3).
		c.report(LogMatching, "log-gap", node, "entry %d of term %d stored in a log that ends at %d", index, term, last)
		return
	}
	parent := n.log.tip()
	id, rival := c.entries.add(parent, term, hash, configuration)
	n.log.ids = append(n.log.ids, id)
	c.judgeSource(n, node, id)
	if rival != 0 {
		c.judgeRival(node, id, rival)
	}
	// Log matching: the terms of a log never decrease, since a leader appends only entries of its own, latest term (§5.3).
	if before := c.entries.nodes[parent].term; term < before {
		c.report(LogMatching, "term-decreases", node, "entry %d has term %d on top of term %d", index, term, before)
	}
	if n.leading != 0 {
		if configuration {
			c.judgeChange(n, node, id, parent)
		}
		if n.outsider {
			c.judgeOutsider(n, node)
		}
	}
}

// judgeSource asks where an entry comes from. Log matching: a server stores only what the leader of its term sends it, which the
// leader's log holds, and refuses appends of earlier terms (§5.1, §5.3). A view without a term, that of a server whose log is being
// recovered, says nothing. Cost: O(log of how far the entry is behind the leader's last one).
func (c *Cluster) judgeSource(n *nodePicture, node uint64, id uint32) {
	if n.leading == 0 && (n.term == 0 || c.keptBack) {
		return
	}
	at, led := c.electionOf.find(max(n.leading, n.term), 0)
	if n.leading != 0 {
		if led && c.elections[at].node == node {
			c.elections[at].tip = id
		}
		return
	}
	e := &c.entries.nodes[id]
	if !led {
		c.report(LogMatching, "entry-of-no-leader", node, "entry %d of term %d stored in term %d, which has no leader", e.index, e.term, n.term)
		return
	}
	tip := c.elections[at].tip
	if tip != id && (c.entries.nodes[tip].index < e.index || c.entries.ancestor(tip, uint64(e.index)) != id) {
		c.report(LogMatching, "entry-not-of-leader", node, "entry %d of term %d stored in term %d, whose leader n%d does not have it",
			e.index, e.term, n.term, c.elections[at].node)
	}
}

// Log matching: if two logs contain an entry with the same index and term, then the logs are identical in all entries up
// through the given index (Figure 3, §5.3). It holds across time too, because a term has one leader and that leader makes one
// entry per index; so the first entry seen at an index and term stands for all.
func (c *Cluster) judgeRival(node uint64, id, rival uint32) {
	mine, other := c.entries.nodes[id], c.entries.nodes[rival]
	below, otherBelow := &c.entries.nodes[mine.parent], &c.entries.nodes[other.parent]
	if below.forked() || otherBelow.forked() {
		return // the difference lies deeper and was reported there
	}
	if below.chain != otherBelow.chain {
		c.report(LogMatching, "prefix-differs", node, "index %d term %d stands on term %d here, on term %d where it was first seen",
			mine.index, mine.term, below.term, otherBelow.term)
		return
	}
	c.report(LogMatching, "entry-differs", node, "index %d term %d has chain %016x here, %016x where it was first seen",
		mine.index, mine.term, mine.chain, other.chain)
}

// Truncated observes that the node's log now ends at last, with nothing appended.
func (c *Cluster) Truncated(node, last uint64) {
	n := c.node(node)
	if last < n.log.last() {
		c.cut(n, node, last, "leader-truncates")
	}
}

// cut removes the node's entries above last, of which there is at least one.
func (c *Cluster) cut(n *nodePicture, node, last uint64, rule string) {
	// Leader append-only: a leader never overwrites or deletes entries in its log; it only appends new entries (Figure 3, §5.3).
	if n.leading != 0 {
		c.report(LeaderAppendOnly, rule, node, "leader of term %d cut its log from %d back to %d", n.leading, n.log.last(), last)
	}
	// State machine safety: what a server considers committed is never taken out of its log (§5.4: committed entries are durable).
	if last < n.commit {
		c.report(StateMachineSafety, "committed-truncated", node, "log cut from %d back to %d, below its commit index %d", n.log.last(), last, n.commit)
	}
	c.entries.cutTo(&n.log, last)
	n.forgetTail(last)
}
