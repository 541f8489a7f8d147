package checker

import "fmt"

// Cluster is the outside picture of one cluster and the judge of every observation about it. The order of the calls is the
// order of the run. A violation never stops it: the picture follows what was observed, right or wrong, and all findings are
// collected in [Cluster.Findings].
//
// Appended, Committed and Applied cost expected amortised O(1) (plus hashing the data) and allocate only while memory grows
// beyond that of earlier runs. Call Reset before first use.
type Cluster struct {
	// OldTermCommits switches off the rule "old-term-commit": set it for an implementation that may commit entries of
	// earlier terms by other evidence than counting replicas.
	OldTermCommits bool
	// WatchDisks switches on the rules that need Durable, Recovered, Acked and every Promised vote; see durable.go.
	WatchDisks bool

	Findings Findings

	step    uint64
	at      int64
	servers int

	nodes   []nodePicture // by node id
	entries entryTree

	elections  []election
	electionOf pairTable // (term, 0) -> position in elections of the term's first leader
	lastTerm   uint64    // highest term with a leader
	votes      pairTable // (term, voter) -> candidate

	ledger   []commitment // by index; [0] stands for the empty log
	segments []segment    // runs of the ledger committed in one term

	states    []appliedState // by index
	executed  []Execution    // in index order
	executing pairTable      // (client, sequence) -> position in executed
}

// MaxNodes bounds node ids: the picture of a node is found by its id.
const MaxNodes = 4096

// nodePicture is what was observed of one node. Everything but the promise belongs to the current incarnation.
type nodePicture struct {
	log     []uint32 // identities of its entries by index; [0] is the empty log
	commit  uint64
	applied uint64
	term    uint64 // of its last hard state
	vote    uint64 // last vote other than none within term
	leading uint64 // term it leads, 0 when it does not

	promisedTerm uint64 // what left the node must survive every restart
	promisedVote uint64

	commitSplit bool // its commitments were already found to differ from the ledger's
	stateSplit  bool // its state was already found to differ
	known       bool

	durable    uint64 // the log is known to be on disk up to here
	acked      uint64 // an acknowledgement of the log up to here has left the node, in any incarnation
	ackedEntry uint32
}

func (n *nodePicture) last() uint64 { return uint64(len(n.log) - 1) }

// Reset forgets everything for a run of nodes 1..nodes, keeping memory. Nodes with higher ids may still appear.
func (c *Cluster) Reset(nodes int) {
	c.Findings.Reset()
	c.step, c.at, c.servers = 0, 0, nodes
	c.votes.reset()
	for i := range c.nodes {
		c.nodes[i] = nodePicture{log: c.nodes[i].log[:0]}
	}
	c.entries.reset()
	c.elections = c.elections[:0]
	c.electionOf.reset()
	c.lastTerm = 0
	c.ledger = append(c.ledger[:0], commitment{})
	c.segments = c.segments[:0]
	c.states = append(c.states[:0], appliedState{})
	c.executed = c.executed[:0]
	c.executing.reset()
	if nodes > 0 {
		c.node(uint64(nodes))
	}
}

// Now stamps the observations that follow: kernel step and virtual nanoseconds.
func (c *Cluster) Now(step uint64, at int64) { c.step, c.at = step, at }

// Restarted observes that the node begins a new incarnation. Its log is empty until Appended feeds the recovered one; its commit
// index and its state machine begin at zero. Its recovered term and vote come with HardState, after the log.
func (c *Cluster) Restarted(node uint64) {
	n := c.node(node)
	*n = nodePicture{
		log: n.log[:1], promisedTerm: n.promisedTerm, promisedVote: n.promisedVote, known: true,
		acked: n.acked, ackedEntry: n.ackedEntry,
	}
}

// Crashed observes that the node is dead: it leads no more.
func (c *Cluster) Crashed(node uint64) { c.node(node).leading = 0 }

// Appended observes that an entry was stored in the node's log. When index is not beyond the end of the log, everything from index
// on was removed first. The data is not kept.
func (c *Cluster) Appended(node, index, term uint64, data []byte) {
	n := c.node(node)
	last := n.last()
	if index <= last && index > 0 {
		c.cut(n, node, index-1, "leader-overwrites")
	} else if index != last+1 {
		// Log matching: an entry is only stored on top of the one before it (the consistency check, §5.3).
		c.report(LogMatching, "log-gap", node, "entry %d of term %d stored in a log that ends at %d", index, term, last)
		return
	}
	parent := n.log[index-1]
	id, rival := c.entries.add(parent, term, data)
	n.log = append(n.log, id)
	c.judgeSource(n, node, id)
	if rival != 0 {
		c.judgeRival(node, id, rival)
	}
	// Log matching: the terms of a log never decrease, since a leader appends only entries of its own, latest term (§5.3).
	if before := c.entries.nodes[parent].term; term < before {
		c.report(LogMatching, "term-decreases", node, "entry %d has term %d on top of term %d", index, term, before)
	}
}

// judgeSource asks where an entry comes from. Log matching: a server stores only what the leader of its term sends it, which the
// leader's log holds, and refuses appends of earlier terms (§5.1, §5.3). A view without a term, that of a server whose log is being
// recovered, says nothing. Cost: O(log of how far the entry is behind the leader's last one).
func (c *Cluster) judgeSource(n *nodePicture, node uint64, id uint32) {
	if n.leading == 0 && n.term == 0 {
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
	if c.entries.nodes[mine.parent].forked|c.entries.nodes[other.parent].forked != 0 {
		return // the difference lies deeper and was reported there
	}
	if c.entries.nodes[mine.parent].chain != c.entries.nodes[other.parent].chain {
		c.report(LogMatching, "prefix-differs", node, "index %d term %d stands on term %d here, on term %d where it was first seen",
			mine.index, mine.term, c.entries.nodes[mine.parent].term, c.entries.nodes[other.parent].term)
		return
	}
	c.report(LogMatching, "entry-differs", node, "index %d term %d has chain %016x here, %016x where it was first seen",
		mine.index, mine.term, mine.chain, other.chain)
}

// Truncated observes that the node's log now ends at last, with nothing appended.
func (c *Cluster) Truncated(node, last uint64) {
	n := c.node(node)
	if last < n.last() {
		c.cut(n, node, last, "leader-truncates")
	}
}

// cut removes the node's entries above last, of which there is at least one.
func (c *Cluster) cut(n *nodePicture, node, last uint64, rule string) {
	// Leader append-only: a leader never overwrites or deletes entries in its log; it only appends new entries (Figure 3, §5.3).
	if n.leading != 0 {
		c.report(LeaderAppendOnly, rule, node, "leader of term %d cut its log from %d back to %d", n.leading, n.last(), last)
	}
	// State machine safety: what a server considers committed is never taken out of its log (§5.4: committed entries are durable).
	if last < n.commit {
		c.report(StateMachineSafety, "committed-truncated", node, "log cut from %d back to %d, below its commit index %d", n.last(), last, n.commit)
	}
	n.log = n.log[:last+1]
	n.forgetTail(last)
}

// LastIndex, CommitIndex and AppliedIndex return what was observed of the node's current incarnation.
func (c *Cluster) LastIndex(node uint64) uint64    { return c.node(node).last() }
func (c *Cluster) CommitIndex(node uint64) uint64  { return c.node(node).commit }
func (c *Cluster) AppliedIndex(node uint64) uint64 { return c.node(node).applied }

func (c *Cluster) node(id uint64) *nodePicture {
	if id < uint64(len(c.nodes)) && c.nodes[id].known {
		return &c.nodes[id]
	}
	return c.meet(id)
}

// meet makes the picture of a node not seen in this run, and of all below it.
func (c *Cluster) meet(id uint64) *nodePicture {
	if id >= MaxNodes {
		panic(fmt.Sprintf("checker: node id %d is not below MaxNodes (%d)", id, MaxNodes))
	}
	for uint64(len(c.nodes)) <= id {
		c.nodes = append(c.nodes, nodePicture{})
	}
	for i := range c.nodes[:id+1] {
		if n := &c.nodes[i]; !n.known {
			n.known = true
			n.log = append(n.log[:0], 0)
		}
	}
	return &c.nodes[id]
}

func (c *Cluster) report(p Property, rule string, node uint64, format string, values ...any) {
	c.Findings.Add(Violation{Property: p, Rule: rule, Step: c.step, At: c.at, Node: node, Detail: fmt.Sprintf(format, values...)})
}
