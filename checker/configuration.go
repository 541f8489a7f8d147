package checker

import "slices"

// Configuration says who has a say. The order of ids does not matter.
type Configuration struct {
	Voters   []uint64
	Outgoing []uint64 // voters of the configuration that is being left, nil outside a joint one (§6)
	Learners []uint64 // receive the log and have no say
	// LearnersNext are those of Outgoing that become learners when the joint configuration is left.
	LearnersNext []uint64
	AutoLeave    bool // a joint configuration that the leader leaves by itself
}

// Configured observes the configuration in force at the node: each time it changes, and once after a restart. index is the entry
// that made it, 0 for the first configuration; or, when a snapshot stands for that entry, any index from it up to the snapshot's end.
// A node that knows no configuration yet need not say so (Joined); if it does it says no voters at index 0. Cost: O(servers²) for a
// configuration not seen before, else O(servers).
func (c *Cluster) Configured(node, index uint64, conf Configuration) {
	n := c.node(node)
	b := &c.configurations
	if index == 0 && len(conf.Voters)+len(conf.Outgoing)+len(conf.Learners) == 0 {
		b.none(n)
		return
	}
	id, ok := c.configurationEntry(n, index)
	if !ok {
		// Configuration safety: a server uses the latest configuration in its log (§6), which an entry of that log made.
		c.report(ConfigurationSafety, "config-of-no-entry", node, "the configuration in force is said to be of entry %d, which is none of a log that ends at %d", index, n.log.last())
		n.use(b, node, b.add(conf), id)
		return
	}
	at, known := b.of.find(uint64(id), 0)
	if !known {
		at = b.add(conf)
		b.of.put(uint64(id), 0, at)
		c.judgeSuccession(node, id, at)
	} else if !b.same(at, conf) {
		// Configuration safety: entries decide configurations, and the same entries the same one (Figure 3, §6).
		c.report(ConfigurationSafety, "config-differs", node, "entry %d makes %s here, elsewhere %s",
			c.entries.nodes[id].index, b.text(b.add(conf)), b.text(at))
		at = b.add(conf)
	}
	n.use(b, node, at, id)
}

// configurationEntry returns the entry that made a configuration of which the node says that it is of index.
func (c *Cluster) configurationEntry(n *nodePicture, index uint64) (id uint32, ok bool) {
	if index > n.log.last() {
		return 0, false
	}
	at := c.entries.entryAt(&n.log, index)
	id = c.entries.nodes[at].configuration()
	return id, id == at || index <= max(n.snapshot, n.log.offset)
}

// use makes the configuration the one in force at the node.
func (n *nodePicture) use(b *configurationBook, node uint64, at, id uint32) {
	n.conf, n.confEntry, n.configured = at, id, true
	n.outsider = !b.votes(at, node)
}

// judgeSuccession: a configuration and the one that follows it in a log must not be able to decide without each other: each two of their
// majorities overlap (§6 for joint consensus, thesis §4.1 for single servers). Cost: see disjointQuorums.
func (c *Cluster) judgeSuccession(node uint64, id, at uint32) {
	if id == 0 {
		return
	}
	b := &c.configurations
	before, known := b.of.find(uint64(c.entries.nodes[c.entries.nodes[id].parent].configuration()), 0)
	switch {
	case !known:
	case b.disjointQuorums(before, at):
		c.report(ConfigurationSafety, "no-common-quorum", node, "entry %d makes %s of %s: each has a quorum that holds none of the other's",
			c.entries.nodes[id].index, b.text(at), b.text(before))
	case b.kept[before].outgoing.count > 0 && b.kept[at].outgoing.count == 0 && !b.leaves(before, at):
		// Configuration safety: C-old,new is left for C-new, and for nothing else (§6): that is what both halves have decided.
		c.report(ConfigurationSafety, "left-otherwise", node, "entry %d makes %s of %s: a joint configuration is left for its incoming voters, its learners and those to come",
			c.entries.nodes[id].index, b.text(at), b.text(before))
	}
}

// configurationBook keeps every configuration seen. Position 0 is that of nodes that have told none: the servers of Reset, all voters;
// position 1 is that of nodes that know none.
type configurationBook struct {
	kept    []membership
	members []uint64  // of all of them
	of      pairTable // (entry, 0) -> position of what it made
}

// membership is one configuration: runs of members, each in rising order.
type membership struct {
	voters, outgoing, learners, next span
	auto                             bool
}

const noConfiguration = 1

func (b *configurationBook) reset(servers int) {
	b.members = b.members[:0]
	b.of.reset()
	for id := range servers {
		b.members = append(b.members, uint64(id)+1)
	}
	b.kept = append(b.kept[:0], membership{voters: span{0, uint32(servers)}}, membership{})
}

// none makes the node one that knows no configuration.
func (b *configurationBook) none(n *nodePicture) {
	n.conf, n.confEntry, n.configured, n.outsider = noConfiguration, 0, true, true
}

func (b *configurationBook) ids(s span) []uint64 { return b.members[s.from : s.from+s.count] }

// add keeps a configuration and returns its position.
func (b *configurationBook) add(conf Configuration) uint32 {
	b.kept = append(b.kept, membership{
		voters: b.put(conf.Voters), outgoing: b.put(conf.Outgoing), learners: b.put(conf.Learners), next: b.put(conf.LearnersNext), auto: conf.AutoLeave,
	})
	return uint32(len(b.kept) - 1)
}

func (b *configurationBook) put(ids []uint64) span {
	from := len(b.members)
	b.members = append(b.members, ids...)
	slices.Sort(b.members[from:])
	return span{from: uint32(from), count: uint32(len(ids))}
}

// same tells whether a kept configuration is conf.
func (b *configurationBook) same(at uint32, conf Configuration) bool {
	kept, members := len(b.kept), len(b.members)
	other := b.add(conf)
	m, o := b.kept[at], b.kept[other]
	equal := slices.Equal(b.ids(m.voters), b.ids(o.voters)) && slices.Equal(b.ids(m.outgoing), b.ids(o.outgoing)) &&
		slices.Equal(b.ids(m.learners), b.ids(o.learners)) && slices.Equal(b.ids(m.next), b.ids(o.next)) && m.auto == o.auto
	b.kept, b.members = b.kept[:kept], b.members[:members]
	return equal
}

// leaves tells whether the configuration after is what leaving the joint one before makes: its incoming voters, its learners, and those
// that were to become learners.
func (b *configurationBook) leaves(before, after uint32) bool {
	m, o := b.kept[before], b.kept[after]
	learners := append(slices.Clone(b.ids(m.learners)), b.ids(m.next)...)
	slices.Sort(learners)
	return slices.Equal(b.ids(m.voters), b.ids(o.voters)) && slices.Equal(learners, b.ids(o.learners))
}

// votes tells whether the node is a voter of the configuration, of either half when it is joint.
func (b *configurationBook) votes(at uint32, node uint64) bool {
	m := b.kept[at]
	return slices.Contains(b.ids(m.voters), node) || slices.Contains(b.ids(m.outgoing), node)
}

func (b *configurationBook) learns(at uint32, node uint64) bool {
	return slices.Contains(b.ids(b.kept[at].learners), node)
}
