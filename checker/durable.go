package checker

// These judges look at a rule itself rather than at the damage that follows when it is broken, which may take two more
// coincidences to show. They need more of the feeder and are asked for with Cluster.WatchDisks: every vote and acknowledgement
// that leaves a node (Promised, Acked), and every completed write (Durable), unless the disks themselves are told (disk.go).

// Durable observes that the node's log is on its disk up to index, as far as its own storage tells. It says nothing when DecodedDisks is
// set.
func (c *Cluster) Durable(node, index uint64) {
	n := c.node(node)
	n.durable = min(index, n.log.last())
}

// Recovered observes that the log fed since Restarted, with the snapshot of Restored, is all that the node has, and is on its disk.
func (c *Cluster) Recovered(node uint64) {
	n := c.node(node)
	n.durable = n.log.last()
	if n.acked == 0 || c.entries.holds(&n.log, n.acked, n.ackedEntry) {
		return
	}
	// Durability: servers recover from crashes with what they answered for; the log is persistent state (§5.1, Figure 2).
	c.report(Durability, "acknowledged-entry-lost", node, "entry %d was acknowledged before the restart; the recovered log ends at %d", n.acked, n.log.last())
	n.acked, n.ackedEntry = 0, 0
}

// AckedIn observes that an acknowledgement of the log up to index, for the leader of this term, leaves the node. It may be late: when
// another leader has replaced the entry in the node's log since, it says nothing any more, and does no harm either, for
// whoever would count it has no quorum (§5.4.3: a majority of votes and one of copies share a server). Expected O(1).
func (c *Cluster) AckedIn(node, term, index uint64) {
	n := c.node(node)
	if !c.WatchDisks {
		return
	}
	if at, led := c.electionOf.find(term, 0); led && index <= n.log.last() {
		id := c.entries.ancestor(c.elections[at].tip, index)
		if uint64(c.entries.nodes[id].index) == index && c.entries.entryAt(&n.log, index) != id {
			return
		}
	} else if led && term < n.term {
		return
	}
	c.Acked(node, index)
}

// Acked observes that an acknowledgement of the node's log, as it is now, up to index leaves the node.
func (c *Cluster) Acked(node, index uint64) {
	n := c.node(node)
	if !c.WatchDisks {
		return
	}
	last := n.log.last()
	if index > last || !c.onDisk(n, index, c.entries.entryAt(&n.log, index)) {
		// Durability: persistent state is updated on stable storage before responding to RPCs (Figure 2).
		c.report(Durability, "acknowledged-before-durable", node, "an acknowledgement of index %d leaves; the disk does not have that entry", index)
	}
	if index > n.acked && index <= last {
		n.acked, n.ackedEntry = index, c.entries.entryAt(&n.log, index)
	}
}

// forgetTail takes back what was noted about entries above last, which the node has removed from its log.
func (n *nodePicture) forgetTail(last uint64) {
	n.durable = min(n.durable, last)
	if n.acked > last {
		n.acked, n.ackedEntry = last, n.log.tip()
	}
}

// judgeVotes: a candidate wins if it receives votes from a majority of the servers for the same term (§5.2): of the configuration in
// force at the candidate, and of both when that is a joint one (§6). Cost: O(voters).
func (c *Cluster) judgeVotes(n *nodePicture, node, term uint64) {
	if !c.WatchDisks {
		return
	}
	b := &c.configurations
	m := b.kept[n.conf]
	for i, half := range [2]span{m.voters, m.outgoing} {
		if i == 1 && half.count == 0 {
			break
		}
		votes := 0
		for _, voter := range b.ids(half) {
			if c.votedFor(voter, term, node) {
				votes++
			}
		}
		if all := int(half.count); 2*votes <= all {
			c.report(ElectionSafety, "elected-without-quorum", node, "term %d: elected with the votes of %d of %d voters of %s", term, votes, all, b.text(n.conf))
			return
		}
	}
}

// votedFor tells whether a vote of the voter for the candidate has left it, as the member it is or one it was before.
func (c *Cluster) votedFor(voter, term, candidate uint64) bool {
	member := uint64(0)
	if voter < uint64(len(c.nodes)) {
		member = uint64(c.nodes[voter].member)
	}
	for {
		if vote, ok := c.votes.find(term, voter|member<<32); ok && uint64(vote) == candidate {
			return true
		}
		if member == 0 {
			return false
		}
		member--
	}
}

// judgeQuorum: an entry is committed once it is stored on a majority of the servers (§5.3), and stored means on disk: of the servers of
// the configuration in force at the node that commits it, and on a majority of both when that is a joint one (§6). One entry stands
// for all below it. Cost: O(voters).
func (c *Cluster) judgeQuorum(n *nodePicture, node, index uint64) {
	if !c.WatchDisks {
		return
	}
	b := &c.configurations
	m := b.kept[n.conf]
	id := c.entries.entryAt(&n.log, index)
	for i, half := range [2]span{m.voters, m.outgoing} {
		if i == 1 && half.count == 0 {
			break
		}
		holders := 0
		for _, voter := range b.ids(half) {
			if voter < uint64(len(c.nodes)) && c.nodes[voter].known && c.stored(&c.nodes[voter], index, id) {
				holders++
			}
		}
		if all := int(half.count); 2*holders <= all {
			c.report(LeaderCompleteness, "commit-without-quorum", node, "index %d is committed; it is on the disks of %d of %d voters of %s",
				index, holders, all, b.text(n.conf))
			return
		}
	}
}

// stored tells whether a leader may count the node among those that have the entry id at index on disk: it has, or it had when it
// acknowledged it, and lost it to damage since. Who counted it then was right, and need not notice that it is gone: until its log is as
// new again, in the order of §5.4.1, the node takes no part in elections, so every quorum that elects somebody meanwhile consists
// of others, and contains one whose disk holds what was committed. O(log of the log's length).
func (c *Cluster) stored(n *nodePicture, index uint64, id uint32) bool {
	if c.onDisk(n, index, id) {
		return true
	}
	if n.vouched == 0 || c.entries.ancestor(n.vouched, index) != id {
		return false
	}
	tip := n.disk.log.tip()
	if !c.DecodedDisks {
		tip = c.entries.entryAt(&n.log, n.durable)
	}
	return c.entries.older(tip, n.vouched)
}

// onDisk tells whether the node's disk is known to hold the entry id at index, or a snapshot that stands for it. O(1) but for entries
// a snapshot stands for.
func (c *Cluster) onDisk(n *nodePicture, index uint64, id uint32) bool {
	if c.DecodedDisks {
		return c.entries.holds(&n.disk.log, index, id)
	}
	return n.durable >= index && c.entries.holds(&n.log, index, id)
}
