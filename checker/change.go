package checker

// suspect is a change of the configuration that a leader appended although, as far as was observed then, it had not committed what
// has to be committed before. Commitments of the same step may clear it.
type suspect struct {
	node   uint64
	term   uint64 // the leader's
	index  uint64 // the change
	before uint64 // the change before it, if it was not known to be committed, else 0
	early  bool   // the leader was not known to have committed an entry of its term
}

// judgeChange looks at a change of the configuration, the entry id on top of parent, that a leader appends.
func (c *Cluster) judgeChange(n *nodePicture, node uint64, id, parent uint32) {
	s := suspect{node: node, term: n.leading, index: uint64(c.entries.nodes[id].index)}
	if before := uint64(c.entries.nodes[c.entries.nodes[parent].configuration()].index); before > n.commit {
		s.before = before
	}
	s.early = !c.EarlyChanges && !c.committedInTerm(n, n.leading)
	if s.before != 0 || s.early {
		c.suspects = append(c.suspects, s)
	}
}

// committedInTerm tells whether the node's commit index has reached an entry of the term, the latest in its log.
func (c *Cluster) committedInTerm(n *nodePicture, term uint64) bool {
	return c.entries.nodes[c.entries.entryAt(&n.log, min(n.commit, n.log.last()))].term == term
}

// clearSuspects takes back what the node's commit index, just told, makes right.
func (c *Cluster) clearSuspects(n *nodePicture, node uint64) {
	left := c.suspects[:0]
	for _, s := range c.suspects {
		if s.node == node {
			if s.before <= n.commit {
				s.before = 0
			}
			s.early = s.early && !c.committedInTerm(n, s.term)
		}
		if s.before != 0 || s.early {
			left = append(left, s)
		}
	}
	c.suspects = left
}

// judgeSuspects reports what was not cleared by the end of its step.
func (c *Cluster) judgeSuspects() {
	for _, s := range c.suspects {
		if s.before != 0 {
			// Configuration safety: a leader must not append a change before the one before it is committed (thesis §4.1); with two
			// under way, two majorities need not overlap.
			c.report(ConfigurationSafety, "two-changes-at-once", s.node, "leader of term %d appended the change %d; the one before it, %d, is not committed",
				s.term, s.index, s.before)
		}
		if s.early {
			// Configuration safety: a leader must not append a change before it has committed an entry of its own term (Ongaro 2015,
			// a correction of thesis §4.1): a change of an earlier leader, unknown to it, might be committed otherwise.
			c.report(ConfigurationSafety, "change-before-own-commit", s.node, "leader of term %d appended the change %d before it committed an entry of its term",
				s.term, s.index)
		}
	}
	c.suspects = c.suspects[:0]
}

// judgeInForce: a server always uses the latest configuration in its log, committed or not (§6), and no longer one that was cut off
// again or that a snapshot replaced.
func (c *Cluster) judgeInForce(n *nodePicture, node uint64) {
	if !n.configured || c.AppliedConfigurations {
		return
	}
	if newest := c.entries.nodes[n.log.tip()].configuration(); newest != n.confEntry {
		c.report(ConfigurationSafety, "configuration-not-in-force", node, "decides by the configuration of entry %d; the latest in its log is that of entry %d",
			c.entries.nodes[n.confEntry].index, c.entries.nodes[newest].index)
		n.confEntry = newest // told once
	}
}

// judgeOutsider: a leader that is no voter of its configuration goes on until that is committed, and then steps down (§6, thesis
// §4.2.2): it must not be seen doing a leader's work any more. Called for nodes that are no voters only.
func (c *Cluster) judgeOutsider(n *nodePicture, node uint64) {
	made := uint64(c.entries.nodes[n.confEntry].index)
	if made > n.commit || n.outsiderTold == n.leading {
		return
	}
	n.outsiderTold = n.leading
	c.report(ConfigurationSafety, c.outsiderRule(n, node, "leads"), node, "leads term %d although it is no voter of %s, committed as entry %d",
		n.leading, c.configurations.text(n.conf), made)
}

// judgeCandidate: only voters stand for election. Whoever is none in its latest configuration may have to as long as that one is not
// committed and it was one in the configuration before, since its vote may be needed to commit it (thesis §4.2.2).
func (c *Cluster) judgeCandidate(n *nodePicture, node, term uint64) {
	if !n.outsider {
		return
	}
	b := &c.configurations
	if made := &c.entries.nodes[n.confEntry]; uint64(made.index) > n.commit {
		before, known := b.of.find(uint64(c.entries.nodes[made.parent].configuration()), 0)
		if !known || b.votes(before, node) {
			return
		}
	}
	n.outsiderTold = term
	c.report(ConfigurationSafety, c.outsiderRule(n, node, "elected"), node, "elected in term %d although it is no voter of %s",
		term, b.text(n.conf))
}

// outsiderRule names the rule by what the node is instead of a voter.
func (c *Cluster) outsiderRule(n *nodePicture, node uint64, does string) string {
	if c.configurations.learns(n.conf, node) {
		return "learner-" + does
	}
	return "outsider-" + does
}
