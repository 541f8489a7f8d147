package checker

// These judges look at a rule itself rather than at the damage that follows when it is broken, which may take two more
// coincidences to show. They need more of the feeder and are asked for with Cluster.WatchDisks: every vote and acknowledgement
// that leaves a node (Promised, Acked), and every completed write (Durable). All servers of Reset are members.

// Durable observes that the node's log is on its disk up to index.
func (c *Cluster) Durable(node, index uint64) {
	n := c.node(node)
	n.durable = min(index, n.last())
}

// Recovered observes that the log fed since Restarted is all that the node has, and is on its disk.
func (c *Cluster) Recovered(node uint64) {
	n := c.node(node)
	n.durable = n.last()
	if n.acked == 0 || n.acked <= n.last() && n.log[n.acked] == n.ackedEntry {
		return
	}
	// Durability: servers recover from crashes with what they answered for; the log is persistent state (§5.1, Figure 2).
	c.report(Durability, "acknowledged-entry-lost", node, "entry %d was acknowledged before the restart; the recovered log ends at %d", n.acked, n.last())
	n.acked = 0
}

// Acked observes that an acknowledgement of the node's log up to index leaves the node.
func (c *Cluster) Acked(node, index uint64) {
	n := c.node(node)
	if !c.WatchDisks {
		return
	}
	if index > n.durable {
		// Durability: persistent state is updated on stable storage before responding to RPCs (Figure 2).
		c.report(Durability, "acknowledged-before-durable", node, "an acknowledgement of index %d leaves; the disk has up to %d", index, n.durable)
	}
	if index > n.acked && index <= n.last() {
		n.acked, n.ackedEntry = index, n.log[index]
	}
}

// forgetTail takes back what was noted about entries above last, which the node has removed from its log.
func (n *nodePicture) forgetTail(last uint64) {
	n.durable = min(n.durable, last)
	if n.acked > last {
		n.acked, n.ackedEntry = last, n.log[last]
	}
}

// noteVote remembers a vote that left a node, the first one of its term.
func (c *Cluster) noteVote(node, term, candidate uint64) {
	if _, ok := c.votes.find(term, node); !ok && candidate != 0 {
		c.votes.put(term, node, uint32(candidate))
	}
}

// judgeVotes: a candidate wins if it receives votes from a majority of the servers for the same term (§5.2). Cost: O(servers).
func (c *Cluster) judgeVotes(node, term uint64) {
	if !c.WatchDisks {
		return
	}
	votes := 0
	for voter := 1; voter <= c.servers; voter++ {
		if candidate, ok := c.votes.find(term, uint64(voter)); ok && uint64(candidate) == node {
			votes++
		}
	}
	if 2*votes <= c.servers {
		c.report(ElectionSafety, "elected-without-quorum", node, "term %d: elected with the votes of %d of %d servers", term, votes, c.servers)
	}
}

// judgeQuorum: an entry is committed once it is stored on a majority of the servers (§5.3), and stored means on disk. One entry
// stands for all below it. Cost: O(servers).
func (c *Cluster) judgeQuorum(n *nodePicture, node, index uint64) {
	if !c.WatchDisks {
		return
	}
	holders := 0
	for i := 1; i <= c.servers; i++ {
		if other := &c.nodes[i]; other.durable >= index && other.last() >= index && other.log[index] == n.log[index] {
			holders++
		}
	}
	if 2*holders <= c.servers {
		c.report(LeaderCompleteness, "commit-without-quorum", node, "index %d is committed; it is on the disks of %d of %d servers", index, holders, c.servers)
	}
}
