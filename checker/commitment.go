package checker

// commitment is the ledger's record of one index.
type commitment struct {
	entry uint32
	node  uint32 // who was first seen to commit it
	term  uint64 // the term it was committed in
	step  uint64
}

// segment is a run of the ledger that starts at first and was committed in one term.
type segment struct {
	first uint64
	term  uint64
}

// Commitment is one line of the ledger.
type Commitment struct {
	Index     uint64
	EntryTerm uint64 // term of the entry
	Chain     uint64 // hash over the entry and all below it
	Term      uint64 // term of the node first seen to commit it
	Node      uint64 // that node
	Step      uint64 // and the step
}

// Committed observes the node's commit index. Everything up to it counts as committed from the first observation by any node.
//
// Cost: O(1) per new ledger line and O(1) per call for indexes the ledger has already, since one chain speaks for a whole prefix.
// A commitment made in a term below the highest leader's, rare, costs O(elections · log of the log's length).
func (c *Cluster) Committed(node, index uint64) {
	n := c.node(node)
	if index <= n.commit {
		if index < n.commit {
			// State machine safety: the commit index increases monotonically (Figure 2, volatile state).
			c.report(StateMachineSafety, "commit-went-back", node, "commit index %d after %d", index, n.commit)
		}
		return
	}
	if last := n.log.last(); index > last {
		// State machine safety: commitIndex = min(leaderCommit, index of last new entry) (Figure 2): nobody commits what it does not have.
		c.report(StateMachineSafety, "commit-beyond-log", node, "commit index %d in a log that ends at %d", index, last)
		if index = last; index <= n.commit {
			return
		}
	}
	known := uint64(len(c.ledger) - 1)
	if top := min(index, known); top > n.commit && !c.agrees(n, top) && !n.commitSplit {
		n.commitSplit = true
		first := n.commit + 1
		for first < top && c.agrees(n, first) {
			first++
		}
		// State machine safety: a committed entry is the same on every server that commits it (Figure 3, §5.4.3).
		mine, other := c.entries.nodes[c.entries.entryAt(&n.log, first)], &c.ledger[first]
		c.report(StateMachineSafety, "commit-differs", node, "index %d: commits an entry of term %d, chain %016x; n%d committed term %d, chain %016x, at step %d",
			first, mine.term, mine.chain, other.node, c.entries.nodes[other.entry].term, c.entries.nodes[other.entry].chain, other.step)
	}
	if index > known && !n.commitSplit {
		c.extend(n, node, known+1, index)
	}
	n.commit = index
	if len(c.suspects) != 0 {
		c.clearSuspects(n, node)
	}
}

// agrees tells whether the node's log equals the ledger up to index.
func (c *Cluster) agrees(n *nodePicture, index uint64) bool {
	return c.entries.entryAt(&n.log, index) == c.ledger[index].entry
}

// extend enters the node's entries first..last into the ledger.
func (c *Cluster) extend(n *nodePicture, node, first, last uint64) {
	top := &c.entries.nodes[c.entries.entryAt(&n.log, last)]
	term := n.leading
	if term == 0 {
		term = max(n.term, top.term)
	}
	if n.leading != 0 {
		c.judgeInForce(n, node)
		if n.outsider {
			c.judgeOutsider(n, node)
		}
	}
	c.judgeQuorum(n, node, last)
	for i := first; i <= last; i++ {
		c.ledger = append(c.ledger, commitment{entry: c.entries.entryAt(&n.log, i), node: uint32(node), term: term, step: c.step})
	}
	if len(c.segments) == 0 || c.segments[len(c.segments)-1].term != term {
		c.segments = append(c.segments, segment{first: first, term: term})
	}
	if n.leading != 0 && top.term != n.leading && !c.OldTermCommits {
		// Leader completeness: only log entries from the leader's current term are committed by counting replicas (§5.4.2, Figure 8).
		c.report(LeaderCompleteness, "old-term-commit", node, "leader of term %d commits up to index %d of term %d", n.leading, last, top.term)
	}
	if term >= c.lastTerm {
		return
	}
	for i := range c.elections {
		e := &c.elections[i]
		if e.term > term && !c.heldAtElection(e, last) {
			// Leader completeness, seen from the commitment: leaders of higher terms that were elected before the commitment was
			// observed must have held it when they were elected (Figure 3, §5.4).
			c.report(LeaderCompleteness, "commitment-behind-leader", node, "index %d (term %d) is committed in term %d; n%d, leader of term %d since step %d, did not have it",
				last, top.term, term, e.node, e.term, e.step)
		}
	}
}

// lastCommittedBefore returns the highest index committed in a term below term, 0 for none. Cost: the number of segments at
// the ledger's end of that term or a higher one.
func (c *Cluster) lastCommittedBefore(term uint64) uint64 {
	end := uint64(len(c.ledger) - 1)
	for i := len(c.segments) - 1; i >= 0; i-- {
		if c.segments[i].term < term {
			return end
		}
		end = c.segments[i].first - 1
	}
	return 0
}

// Acknowledged observes that the node told a client its write, the entry at index, is done.
func (c *Cluster) Acknowledged(node, index uint64) {
	// Durability: the leader returns the result to the client once the entry has been committed and applied (§5.3).
	if last := uint64(len(c.ledger) - 1); index > last {
		c.report(Durability, "acknowledged-uncommitted", node, "a client was told that index %d is done; commitments end at %d", index, last)
	} else if n := c.node(node); index > n.applied {
		c.report(Durability, "acknowledged-unapplied", node, "a client was told that index %d is done; the node has applied up to %d", index, n.applied)
	}
}

// AcknowledgedOperation observes that the node told a client that its operation is done. The operation must have been Executed
// somewhere before, at an index that the node has applied.
func (c *Cluster) AcknowledgedOperation(node, client, seq uint64) {
	at, ok := c.executing.find(client, seq)
	if !ok {
		// Durability: the leader returns the result to the client once the entry has been committed and applied (§5.3).
		c.report(Durability, "acknowledged-unexecuted", node, "c%d was told that operation %d is done, which no server has executed", client, seq)
		return
	}
	c.Acknowledged(node, c.executed[at].Index)
}

// LedgerEnd returns the highest committed index.
func (c *Cluster) LedgerEnd() uint64 { return uint64(len(c.ledger) - 1) }

// LedgerAt returns the ledger's line for an index in 1..LedgerEnd.
func (c *Cluster) LedgerAt(index uint64) (Commitment, bool) {
	if index == 0 || index >= uint64(len(c.ledger)) {
		return Commitment{}, false
	}
	l := &c.ledger[index]
	e := &c.entries.nodes[l.entry]
	return Commitment{Index: index, EntryTerm: e.term, Chain: e.chain, Term: l.term, Node: uint64(l.node), Step: l.step}, true
}
