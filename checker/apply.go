package checker

// appliedState is the state machine after one index, as first observed.
type appliedState struct {
	hash uint64
	node uint32
	set  bool
}

// Applied observes that the node's state machine has applied the entry at index, and a hash of its whole state afterwards.
func (c *Cluster) Applied(node, index, stateHash uint64) {
	n := c.node(node)
	if index != n.applied+1 {
		// State machine safety: servers apply entries in log index order (§5.4.3), each of them once.
		if index <= n.applied {
			c.report(StateMachineSafety, "apply-repeat", node, "applied index %d after %d", index, n.applied)
			return
		}
		c.report(StateMachineSafety, "apply-gap", node, "applied index %d after %d", index, n.applied)
	}
	if int(n.cursor) < len(c.executed) && c.executed[n.cursor].Index < index {
		c.judgeMissed(n, node, index)
	}
	n.applied = index
	if index > n.commit {
		// State machine safety: if commitIndex > lastApplied, apply log[lastApplied] (Figure 2): only committed entries are applied.
		c.report(StateMachineSafety, "applied-uncommitted", node, "applied index %d, its commit index is %d", index, n.commit)
		return
	}
	if index < uint64(len(c.ledger)) && index <= n.log.last() && !n.commitSplit && !c.agrees(n, index) {
		// State machine safety: if a server has applied a log entry at a given index, no other server will ever apply a different log
		// entry for the same index (Figure 3, §5.4.3).
		n.commitSplit = true
		c.report(StateMachineSafety, "applied-differs", node, "index %d: applied an entry of term %d, the committed one has term %d", index,
			c.entries.nodes[c.entries.entryAt(&n.log, index)].term, c.entries.nodes[c.ledger[index].entry].term)
	}
	if !n.executionSplit {
		c.closed = max(c.closed, index-1)
	}
	c.judgeState(n, node, index, stateHash, "state-differs")
}

// judgeState: state machines are deterministic (§2), so the same entries in the same order leave the same state everywhere.
func (c *Cluster) judgeState(n *nodePicture, node, index, hash uint64, rule string) {
	if n.stateSplit {
		return
	}
	for uint64(len(c.states)) <= index {
		c.states = append(c.states, appliedState{})
	}
	s := &c.states[index]
	if !s.set {
		*s = appliedState{hash: hash, node: uint32(node), set: true}
		return
	}
	if s.hash != hash {
		n.stateSplit = true
		c.report(StateMachineSafety, rule, node, "state after index %d hashes to %016x, on n%d to %016x", index, hash, s.node, s.hash)
	}
}

// StateHash returns the hash of the state after index as first observed.
func (c *Cluster) StateHash(index uint64) (uint64, bool) {
	if index < uint64(len(c.states)) && c.states[index].set {
		return c.states[index].hash, true
	}
	return 0, false
}
