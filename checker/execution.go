package checker

// Execution is a client command that took effect, as opposed to a repeat that was answered from its session. Several may take
// effect at one index, in this order: a command may release others that waited for it.
type Execution struct {
	Client uint64
	Seq    uint64
	Index  uint64
	Time   int64 // log time then, as Stamped told it; 0 where nobody did
}

// Stamped observes that the entry at index, which a node applies, carries the clock reading of the leader that proposed it; an entry
// without one need not be reported. Called before Executed for the index; what is true of the first node is not asked of the
// others, as they apply the same entries. Log time is the largest reading. O(1).
func (c *Cluster) Stamped(index uint64, stamp int64) {
	if index > c.stamped {
		c.stamped, c.logTime = index, max(c.logTime, stamp)
	}
}

// Executed observes that applying index made the client's command take effect on the node. Every node reports it, after the
// indexes before were Applied; a command answered from its session is not reported. O(1) for what another node has reported, else
// expected amortised O(1).
func (c *Cluster) Executed(node, index, client, seq uint64) {
	n := c.node(node)
	e := Execution{Client: client, Seq: seq, Index: index, Time: c.logTime}
	all := len(c.executed)
	if int(n.cursor) < all && c.executed[n.cursor].same(&e) {
		n.cursor++
		return
	}
	at, again := c.executing.find(client, seq)
	switch {
	case again && (c.executed[at].Index != index || at < n.cursor):
		// Exactly once: if a server receives a command whose serial number has already been executed, it responds without
		// executing the request again (§8).
		c.report(ExactlyOnce, "executed-twice", node, "c%d#%d took effect at index %d and again at %d", client, seq, c.executed[at].Index, index)
	case n.executionSplit:
	case again || int(n.cursor) < all || index <= c.closed || all > 0 && c.executed[all-1].Index > index:
		// State machine safety: whoever came this far first decided that nothing, or another command, takes effect here.
		n.executionSplit = true
		c.report(StateMachineSafety, "execution-differs", node, "c%d#%d takes effect at index %d here; elsewhere it did not", client, seq, index)
	default:
		c.executing.put(client, seq, uint32(all))
		c.executed = append(c.executed, e)
		n.cursor++
		c.judgeOrder(node, e)
	}
}

// same compares all but the time, which is that of the first report.
func (e *Execution) same(o *Execution) bool {
	return e.Client == o.Client && e.Seq == o.Seq && e.Index == o.Index
}

// judgeMissed reports that the node has come to index without what took effect elsewhere before it.
func (c *Cluster) judgeMissed(n *nodePicture, node, index uint64) {
	if n.executionSplit {
		return
	}
	n.executionSplit = true
	e := &c.executed[n.cursor]
	c.report(StateMachineSafety, "execution-differs", node, "c%d#%d took effect at index %d elsewhere; here it had not when index %d was applied",
		e.Client, e.Seq, e.Index, index)
}

// judgeOrder: a client's commands take effect in the order it numbered them (thesis §6.3: sessions give each client's commands in
// order, exactly once).
func (c *Cluster) judgeOrder(node uint64, e Execution) {
	at, ok := c.clients.find(e.Client, 0)
	switch {
	case !ok:
		c.clients.put(e.Client, 0, uint32(len(c.latest)))
		c.latest = append(c.latest, e.Seq)
	case e.Seq > c.latest[at]:
		c.latest[at] = e.Seq
	case !c.AnyOrder:
		c.report(SessionOrder, "out-of-order", node, "c%d#%d takes effect at index %d, after c%d#%d", e.Client, e.Seq, e.Index, e.Client, c.latest[at])
	}
}

// executedUpTo counts the executions at indexes up to index. O(log executions).
func (c *Cluster) executedUpTo(index uint64) uint32 {
	low, high := 0, len(c.executed)
	for low < high {
		if middle := low + (high-low)/2; c.executed[middle].Index <= index {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return uint32(low)
}

// Executions returns the commands that took effect, in log order: the witness for [Checker.Check]. It belongs to c until Reset.
func (c *Cluster) Executions() []Execution { return c.executed }

// ReadAnswered observes that the node answers a read from its state after index, without an entry in the log. floor is LedgerEnd when the
// client asked if the answer is to be linearizable, else 0.
func (c *Cluster) ReadAnswered(node, index, floor uint64) {
	if n := c.node(node); index > n.applied {
		// Session order: an answer names the state it was made from, for the client to insist on it later.
		c.report(SessionOrder, "read-ahead-of-state", node, "a read was answered as of index %d; the node has applied up to %d", index, n.applied)
	}
	if index < floor {
		// Linearizability: a read-only request is answered with the effect of all that was committed when it was asked, for the
		// leader waits for its state machine to advance at least as far as that (thesis §6.4).
		c.report(Linearizability, "read-behind-commit", node, "a read was answered as of index %d; index %d was committed before it was asked", index, floor)
	}
}

// LastTerm returns the highest term that was seen to be won.
func (c *Cluster) LastTerm() uint64 { return c.lastTerm }

// ReadConfirmed observes that the node has an index for a read, as the leader of term or on that leader's word. elected is LastTerm when
// the client asked, 0 if the clocks that the answer may rest on were not to be relied on.
func (c *Cluster) ReadConfirmed(node, term, elected uint64) {
	if term < elected {
		// Linearizability: a leader makes sure that it has not been superseded after the request came (thesis §6.4). Whoever was deposed
		// before cannot have a quorum's answer to a question asked later; what it reads may happen to be new all the same.
		c.report(Linearizability, "read-confirmed-by-deposed-leader", node, "a read was confirmed in term %d; term %d had been won before it was asked", term, elected)
	}
}

// Undone observes that a client was told of the only attempt it made at a command that no state machine will ever execute it. It is asked
// at the end of a run, and looks back.
func (c *Cluster) Undone(client, seq uint64) {
	if at, ok := c.executing.find(client, seq); ok {
		// Linearizability: what failed has not happened. A server may say so of a proposal only when another entry is committed in its
		// place; a leader that steps down knows nothing of what it has proposed.
		c.report(Linearizability, "dropped-took-effect", 0, "c%d#%d was reported as lost, and took effect at index %d", client, seq, c.executed[at].Index)
	}
}
