package checker

// appliedState is the state machine after one index, as first observed.
type appliedState struct {
	hash uint64
	node uint32
	set  bool
}

// Execution is a client command that took effect, as opposed to a repeat that was answered from its session.
type Execution struct {
	Client uint64
	Seq    uint64
	Index  uint64
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
	n.applied = index
	if index > n.commit {
		// State machine safety: if commitIndex > lastApplied, apply log[lastApplied] (Figure 2): only committed entries are applied.
		c.report(StateMachineSafety, "applied-uncommitted", node, "applied index %d, its commit index is %d", index, n.commit)
		return
	}
	if index < uint64(len(c.ledger)) && index <= n.last() && !n.commitSplit && !c.agrees(n, index) {
		// State machine safety: if a server has applied a log entry at a given index, no other server will ever apply a different log
		// entry for the same index (Figure 3, §5.4.3).
		n.commitSplit = true
		c.report(StateMachineSafety, "applied-differs", node, "index %d: applied an entry of term %d, the committed one has term %d", index,
			c.entries.nodes[n.log[index]].term, c.entries.nodes[c.ledger[index].entry].term)
	}
	c.judgeState(n, node, index, stateHash)
}

// judgeState: state machines are deterministic (§2), so the same entries in the same order leave the same state everywhere.
func (c *Cluster) judgeState(n *nodePicture, node, index, hash uint64) {
	for uint64(len(c.states)) <= index {
		c.states = append(c.states, appliedState{})
	}
	s := &c.states[index]
	if !s.set {
		*s = appliedState{hash: hash, node: uint32(node), set: true}
		return
	}
	if s.hash != hash && !n.stateSplit {
		n.stateSplit = true
		c.report(StateMachineSafety, "state-differs", node, "state after index %d hashes to %016x, on n%d to %016x", index, hash, s.node, s.hash)
	}
}

// StateHash returns the hash of the state after index as first observed.
func (c *Cluster) StateHash(index uint64) (uint64, bool) {
	if index < uint64(len(c.states)) && c.states[index].set {
		return c.states[index].hash, true
	}
	return 0, false
}

// Executed observes that applying index made the client's command take effect on the node. Every node reports it; a
// command answered from its session is not reported. Expected amortised O(1).
func (c *Cluster) Executed(node, index, client, seq uint64) {
	if at, ok := c.executing.find(client, seq); ok {
		if first := c.executed[at].Index; first != index {
			// Exactly once: if a server receives a command whose serial number has already been executed, it responds without
			// executing the request again (§8).
			c.report(ExactlyOnce, "executed-twice", node, "c%d#%d took effect at index %d and again at %d", client, seq, first, index)
		}
		return
	}
	if last := len(c.executed); last > 0 && c.executed[last-1].Index >= index {
		// State machine safety: whoever came this far first decided that nothing, or another command, takes effect here.
		c.report(StateMachineSafety, "execution-differs", node, "c%d#%d takes effect at index %d here; elsewhere it did not", client, seq, index)
		return
	}
	c.executing.put(client, seq, uint32(len(c.executed)))
	c.executed = append(c.executed, Execution{Client: client, Seq: seq, Index: index})
}

// Executions returns the commands that took effect, in log order: the witness for [Checker.Check]. It belongs to c until Reset.
func (c *Cluster) Executions() []Execution { return c.executed }
