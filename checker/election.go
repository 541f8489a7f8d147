package checker

// election is one observed winner. The log it won with is remembered as the identity of its last entry.
type election struct {
	term uint64
	node uint64
	log  uint32
	last uint64
	step uint64
	tip  uint32 // the end of the log it has led with so far
}

// Elected observes that the node became leader of term, its log being what was appended so far. Cost: expected O(1), plus the number of
// terms that committed something at or after this term (none in a correct run, save for an election seen late).
func (c *Cluster) Elected(node, term uint64) {
	n := c.node(node)
	c.judgeTerm(n, node, term, node)
	c.promise(n, node, term, node) // it asked for votes, so its own vote has left it
	if at, ok := c.electionOf.find(term, 0); ok {
		first := &c.elections[at]
		if first.node != node {
			// Election safety: at most one leader can be elected in a given term (Figure 3, §5.2).
			c.report(ElectionSafety, "two-leaders-in-term", node, "term %d: n%d leads since step %d, now n%d too", term, first.node, first.step, node)
		} else {
			// Election safety: a candidate first increments its term (§5.2), so nobody wins one term twice.
			c.report(ElectionSafety, "elected-again", node, "term %d: n%d won it at step %d and again now", term, node, first.step)
		}
	} else {
		c.electionOf.put(term, 0, uint32(len(c.elections)))
	}
	c.judgeInForce(n, node)
	c.judgeCandidate(n, node, term)
	c.judgeVotes(n, node, term)
	e := election{term: term, node: node, log: n.log.tip(), last: n.log.last(), step: c.step, tip: n.log.tip()}
	c.elections = append(c.elections, e)
	c.lastTerm = max(c.lastTerm, term)
	n.leading = term
	if index := c.lastCommittedBefore(term); index != 0 && !c.heldAtElection(&e, index) {
		// Leader completeness: if a log entry is committed in a given term, that entry will be present in the logs of the leaders
		// for all higher-numbered terms (Figure 3, §5.4). The chain of the last one speaks for all below it.
		first := &c.ledger[index]
		c.report(LeaderCompleteness, "missing-commitment", node,
			"leader of term %d with a log ending at %d (term %d) lacks index %d (term %d), committed in term %d by n%d at step %d",
			term, e.last, c.entries.nodes[e.log].term, index, c.entries.nodes[first.entry].term, first.term, first.node, first.step)
	}
}

// heldAtElection tells whether the winner's log held the ledger's entry at index. Cost O(log of the log's length).
func (c *Cluster) heldAtElection(e *election, index uint64) bool {
	if e.last < index {
		return false
	}
	return c.entries.nodes[c.entries.ancestor(e.log, index)].chain == c.entries.nodes[c.ledger[index].entry].chain
}

// SteppedDown observes that the node no longer leads term.
func (c *Cluster) SteppedDown(node, term uint64) {
	if n := c.node(node); n.leading == term {
		n.leading = 0
	}
}

// HardState observes the node's own view of its term and vote (0 for none), each time one of them changes and once after a
// restart, with what was recovered. Within an incarnation it is held against the view before; across incarnations only against
// what was Promised, for a view that never left the node may be forgotten in a crash.
func (c *Cluster) HardState(node, term, vote uint64) {
	n := c.node(node)
	n.recordedTerm, n.recordedVote = term, vote
	c.judgeTerm(n, node, term, vote)
	if n.leading != 0 && n.leading < term {
		n.leading = 0
	}
	if term == n.promisedTerm && n.promisedVote != 0 && vote == 0 {
		// One vote per term: votedFor is the candidate that received the vote in the current term (Figure 2); none is no longer true.
		c.report(ElectionSafety, "vote-forgotten", node, "term %d: the vote for n%d had left the node, now it records none", term, n.promisedVote)
	}
}

// Promised observes that a message left the node which others may count on: a granted vote or a request for votes (vote is the
// candidate), or an acknowledgement of entries (vote 0). The term, and the vote within it, must survive every crash (§5: persistent
// state is updated on stable storage before responding to RPCs, Figure 2).
func (c *Cluster) Promised(node, term, vote uint64) {
	c.promise(c.node(node), node, term, vote)
}

func (c *Cluster) promise(n *nodePicture, node, term, vote uint64) {
	if term == n.promisedTerm && vote == n.promisedVote {
		return // said before: a leader says it with every message
	}
	if c.DecodedDisks && c.WatchDisks {
		c.judgePromise(n, node, term, vote)
	}
	if vote != 0 {
		if earlier := c.noteVote(n, node, term, vote); earlier != vote && n.twiceIn != term {
			// One vote per term: each server votes for at most one candidate in a given term (§5.2).
			n.twiceIn = term
			c.report(ElectionSafety, "two-votes-in-term", node, "term %d: a vote for n%d left the node, now one for n%d", term, earlier, vote)
		}
	}
	switch {
	case term > n.promisedTerm:
		n.promisedTerm, n.promisedVote = term, vote
	case term == n.promisedTerm && n.promisedVote == 0:
		n.promisedVote = vote
	}
}

// noteVote remembers the votes that leave a node and returns the first one of its term.
func (c *Cluster) noteVote(n *nodePicture, node, term, candidate uint64) (first uint64) {
	voter := node | uint64(n.member)<<32
	if earlier, ok := c.votes.find(term, voter); ok {
		return uint64(earlier)
	}
	c.votes.put(term, voter, uint32(candidate))
	return candidate
}

// judgeTerm holds a view of the node (vote 0 for none or unknown) against its earlier ones, and adopts it.
func (c *Cluster) judgeTerm(n *nodePicture, node, term, vote uint64) {
	if floor := max(n.term, n.promisedTerm); term < floor {
		// Terms act as a logical clock and increase monotonically (§5.1); the current term is persistent (Figure 2).
		c.report(ElectionSafety, "term-went-back", node, "term %d after term %d", term, floor)
		return
	}
	before := uint64(0)
	if term == n.term {
		before = n.vote
	}
	if before == 0 && term == n.promisedTerm {
		before = n.promisedVote
	}
	if before != 0 && vote != 0 && vote != before && n.twiceIn != term {
		n.twiceIn = term
		// One vote per term: each server votes for at most one candidate in a given term (§5.2).
		c.report(ElectionSafety, "two-votes-in-term", node, "term %d: voted for n%d, now for n%d", term, before, vote)
	}
	n.term = term
	n.vote = before
	if vote != 0 {
		n.vote = vote
	}
}

// Elections counts the elections observed. Leader returns the first leader seen of a term, 0 for none.
func (c *Cluster) Elections() int { return len(c.elections) }

// Leader returns the first leader seen of a term, 0 for none.
func (c *Cluster) Leader(term uint64) uint64 {
	if at, ok := c.electionOf.find(term, 0); ok {
		return c.elections[at].node
	}
	return 0
}
