package checker

// What may be wrong with the entry a snapshot ends with.
const (
	ruleNoEntry     = "snapshot-of-no-entry"
	ruleUncommitted = "snapshot-uncommitted"
	ruleDiffers     = "snapshot-differs"
)

// snapshotEntry returns the identity of the entry a snapshot ends with, and what is wrong with it: "" when it is the one that was
// committed at its index. Expected O(1).
func (c *Cluster) snapshotEntry(index, term uint64) (id uint32, fault string) {
	if index < uint64(len(c.ledger)) {
		if id := c.ledger[index].entry; c.entries.nodes[id].term == term {
			return id, ""
		}
		fault = ruleDiffers
	} else {
		fault = ruleUncommitted
	}
	if id, ok := c.entries.first.find(term, index); ok && index != 0 {
		return id, fault
	}
	if index == 0 || index > MaxEntries {
		return 0, ruleNoEntry
	}
	return c.entries.orphan(index, term), ruleNoEntry
}

// reportSnapshot reports what snapshotEntry found. Whatever the node commits from now on says nothing about others.
func (c *Cluster) reportSnapshot(n *nodePicture, node, index, term uint64, fault string) {
	n.commitSplit, n.stateSplit, n.executionSplit = true, true, true
	switch fault {
	case ruleNoEntry:
		// Log matching: a snapshot's last included index and term are those of an entry it replaces (§7), which some log held.
		c.report(LogMatching, ruleNoEntry, node, "snapshot up to index %d of term %d, an entry no log ever held", index, term)
	case ruleUncommitted:
		// State machine safety: snapshots cover just the committed entries (§7).
		c.report(StateMachineSafety, ruleUncommitted, node, "snapshot up to index %d of term %d; commitments end at %d", index, term, c.LedgerEnd())
	default:
		// State machine safety: a snapshot stands for the committed entries (§7), which are the same everywhere (Figure 3).
		c.report(StateMachineSafety, ruleDiffers, node, "snapshot up to index %d of term %d; the entry committed there has term %d",
			index, term, c.entries.nodes[c.ledger[index].entry].term)
	}
}

// Compacted observes that the node's log now begins after index: a snapshot of its own stands for what was before. What the node
// had is remembered. Amortised O(1) per entry that leaves.
func (c *Cluster) Compacted(node, index uint64) {
	n := c.node(node)
	if index <= n.log.offset {
		return
	}
	switch {
	case index > n.commit:
		// State machine safety: only committed entries are replaced by a snapshot (§7).
		c.report(StateMachineSafety, "compacted-uncommitted", node, "log compacted up to %d; its commit index is %d", index, n.commit)
	case index > max(n.applied, n.snapshot):
		// State machine safety: a snapshot is of the state machine's state, which holds what was applied (§7).
		c.report(StateMachineSafety, "compacted-unapplied", node, "log compacted up to %d; the node has applied up to %d", index, n.applied)
	}
	n.log.compact(min(index, n.log.last()))
}

// Installed observes that the node's log was replaced by a snapshot that ends with this entry, and that the node counts it as
// committed. The log keeps what follows the entry if it held that very entry (Figure 13, step 6), and else begins anew after
// it. The state machine follows with Restored. Expected O(log² of the log's length).
func (c *Cluster) Installed(node, index, term uint64) { c.install(c.node(node), node, index, term) }

func (c *Cluster) install(n *nodePicture, node, index, term uint64) {
	id, fault := c.snapshotEntry(index, term)
	n.snapshot = index
	if fault != "" {
		c.reportSnapshot(n, node, index, term, fault)
		if id == 0 {
			return
		}
	}
	if !c.entries.holds(&n.log, index, id) {
		if n.leading != 0 {
			// Leader append-only: a leader's log takes nothing from others (Figure 3, §5.3).
			c.report(LeaderAppendOnly, "leader-overwrites", node, "leader of term %d replaced its log, up to %d, by a snapshot up to %d", n.leading, n.log.last(), index)
		}
		n.replaceLog(&c.entries, index, id)
	}
	n.commit = max(n.commit, index)
}

// replaceLog makes the log empty after the entry id at index. What is known to be on disk, and what was acknowledged, is still so
// as far as it lies below that entry.
func (n *nodePicture) replaceLog(t *entryTree, index uint64, id uint32) {
	n.durable = uint64(t.nodes[t.common(t.entryAt(&n.log, n.durable), id)].index)
	if shared := t.common(n.ackedEntry, id); shared != n.ackedEntry {
		n.acked, n.ackedEntry = uint64(t.nodes[shared].index), shared
	}
	n.log.restart(index, id)
}

// Restored observes that the node's state machine was replaced by the snapshot that ends with this entry, and a hash of its whole
// state afterwards: one that was received (after Installed, or instead of it), or its own after a restart.
func (c *Cluster) Restored(node, index, term, stateHash uint64) {
	n := c.node(node)
	if n.snapshot != index {
		c.install(n, node, index, term)
	}
	if index < n.applied {
		// State machine safety: state that was reached is not left again (lastApplied increases monotonically, Figure 2).
		c.report(StateMachineSafety, "applied-went-back", node, "a snapshot up to %d replaced the state after %d", index, n.applied)
	}
	n.applied = index
	n.cursor = c.executedUpTo(index)
	c.judgeState(n, node, index, stateHash, ruleDiffers)
}
