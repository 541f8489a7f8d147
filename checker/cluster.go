package checker

import "fmt"

// Cluster is the outside picture of one cluster and the judge of every observation about it. The order of the calls is the
// order of the run. A violation never stops it: the picture follows what was observed, right or wrong, and all findings are
// collected in [Cluster.Findings].
//
// What a node does within one step is to be told in this order: its term, vote and role; what it appends and removes; its
// configuration; its commit index; what it applies. The judges of a leader's changes wait for the end of the step (the
// next Now), since a leader may commit and append in one breath.
//
// The calls made for every entry cost expected amortised O(1) (plus hashing the data) and allocate only while memory grows
// beyond that of earlier runs. Call Reset before first use.
type Cluster struct {
	// OldTermCommits switches off the rule "old-term-commit": set it for an implementation that may commit entries of
	// earlier terms by other evidence than counting replicas.
	OldTermCommits bool
	// EarlyChanges switches off the rule "change-before-own-commit": set it for an implementation that rules out by other means
	// that two changes of leaders who know nothing of each other are under way.
	EarlyChanges bool
	// AppliedConfigurations says that a configuration is in force once its entry is applied, and not as soon as it is in the log:
	// the rule "configuration-not-in-force" is off.
	AppliedConfigurations bool
	// AnyOrder switches off the rule "out-of-order": set it when clients have no sessions that put their operations in order.
	AnyOrder bool
	// WatchDisks switches on the rules that need Durable, Recovered, Acked and every Promised vote; see durable.go.
	WatchDisks bool
	// DecodedDisks says that what is on a disk is told by who decodes its guaranteed bytes (see disk.go), and not by Durable.
	DecodedDisks bool

	Findings Findings

	keptBack bool // see KeptBack

	step    uint64
	at      int64
	servers int

	nodes   []nodePicture // by node id
	entries entryTree

	elections  []election
	electionOf pairTable // (term, 0) -> position in elections of the term's first leader
	lastTerm   uint64    // highest term with a leader
	votes      pairTable // (term, voter and membership) -> candidate

	configurations configurationBook
	suspects       []suspect // changes of this step that may have come too early

	ledger   []commitment // by index; [0] stands for the empty log
	segments []segment    // runs of the ledger committed in one term

	states    []appliedState // by index
	executed  []Execution    // in index order
	executing pairTable      // (client, sequence) -> position in executed
	stamped   uint64         // index of the newest entry that Stamped told of
	logTime   int64          // the largest stamp so far
	closed    uint64         // some node has gone on beyond this index: nothing more takes effect there
	clients   pairTable      // (client, 0) -> position in latest
	latest    []uint64       // highest sequence a client's operation took effect with
}

// MaxNodes bounds node ids: the picture of a node is found by its id.
const MaxNodes = 4096

// nodePicture is what was observed of one node. Everything but the promises, the disk and the membership belongs to the current
// incarnation.
type nodePicture struct {
	log     logView
	commit  uint64
	applied uint64
	term    uint64 // of its last hard state
	vote    uint64 // last vote other than none within term
	leading uint64 // term it leads, 0 when it does not

	recordedTerm uint64 // its own view, as told last
	recordedVote uint64

	promisedTerm uint64 // what left the node must survive every restart
	promisedVote uint64
	twiceIn      uint64 // term in which it was found to have voted twice

	commitSplit    bool // its commitments were already found to differ from the ledger's
	stateSplit     bool // its state was already found to differ
	executionSplit bool // what takes effect on it was already found to differ
	known          bool

	snapshot uint64 // newest snapshot its log or state came from
	cursor   uint32 // executions it has reported, or has taken over with a snapshot

	durable    uint64 // the log is known to be on disk up to here; see DecodedDisks
	acked      uint64 // an acknowledgement of the log up to here has left the node, in any incarnation
	ackedEntry uint32
	vouched    uint32 // newest entry that was acknowledged before damage, see stored
	disk       diskPicture

	member       uint32 // times it was wiped: it is another member each time
	conf         uint32 // configuration in force, see configurationBook
	confEntry    uint32 // the entry that made it
	configured   bool   // it has told its configuration
	outsider     bool   // it does not vote in it
	outsiderTold uint64 // term in which it was found to lead all the same
}

// Reset forgets everything for a run of nodes 1..nodes, keeping memory. Until told otherwise (Configured) these are the voters. Nodes
// with higher ids may still appear.
func (c *Cluster) Reset(nodes int) {
	c.Findings.Reset()
	c.keptBack = false
	c.step, c.at, c.servers = 0, 0, nodes
	c.votes.reset()
	for i := range c.nodes {
		n := &c.nodes[i]
		*n = nodePicture{log: logView{ids: n.log.ids[:0]}, disk: diskPicture{log: logView{ids: n.disk.log.ids[:0]}}}
	}
	c.entries.reset()
	c.elections = c.elections[:0]
	c.electionOf.reset()
	c.lastTerm = 0
	c.configurations.reset(nodes)
	c.suspects = c.suspects[:0]
	c.ledger = append(c.ledger[:0], commitment{})
	c.segments = c.segments[:0]
	c.states = append(c.states[:0], appliedState{})
	c.executed = c.executed[:0]
	c.executing.reset()
	c.closed = 0
	c.stamped, c.logTime = 0, 0
	c.clients.reset()
	c.latest = c.latest[:0]
	if nodes > 0 {
		c.node(uint64(nodes))
	}
}

// Now stamps the observations that follow: kernel step and virtual nanoseconds. A new step ends the one before, and what was left
// to be judged at its end is judged.
func (c *Cluster) Now(step uint64, at int64) {
	if len(c.suspects) != 0 && step != c.step {
		c.judgeSuspects()
	}
	c.step, c.at = step, at
}

// Close ends the last step of a run: what waits for the end of its step is judged.
func (c *Cluster) Close() {
	if len(c.suspects) != 0 {
		c.judgeSuspects()
	}
}

// Restarted observes that the node begins a new incarnation with a whole log: see RestartedAfter.
func (c *Cluster) Restarted(node uint64) { c.RestartedAfter(node, 0, 0) }

// RestartedAfter observes that the node begins a new incarnation with a log that begins after the entry of this index and term: a
// snapshot stands for what was before. The log is empty until Appended feeds the recovered entries; the commit index begins at
// index, and the state machine at zero until Restored. The recovered term and vote come with HardState, after the log, and so
// does the configuration with Configured.
func (c *Cluster) RestartedAfter(node, index, term uint64) {
	n := c.node(node)
	*n = nodePicture{
		log: n.log, promisedTerm: n.promisedTerm, promisedVote: n.promisedVote, twiceIn: n.twiceIn, known: true,
		acked: n.acked, ackedEntry: n.ackedEntry, vouched: n.vouched, disk: n.disk, member: n.member,
		conf: n.conf, confEntry: n.confEntry, configured: n.configured, outsider: n.outsider,
	}
	n.log.restart(0, 0)
	if index == 0 {
		return
	}
	id, fault := c.snapshotEntry(index, term)
	if fault != "" {
		c.reportSnapshot(n, node, index, term, fault)
		if fault == ruleNoEntry && index > MaxEntries {
			return
		}
	}
	n.log.restart(index, id)
	n.commit, n.snapshot = index, index
}

// Crashed observes that the node is dead: it leads no more.
func (c *Cluster) Crashed(node uint64) { c.node(node).leading = 0 }

// Joined observes a new server with an empty disk, which knows no configuration yet.
func (c *Cluster) Joined(node uint64) {
	n := c.node(node)
	c.configurations.none(n)
}

// Wiped observes that the server's disk was emptied, to join again as another member. What the former one had voted and acknowledged is
// no promise of the new one; that it did remains true, and counts for the leaders it elected.
func (c *Cluster) Wiped(node uint64) {
	n := c.node(node)
	*n = nodePicture{log: n.log, disk: n.disk, known: true, member: n.member + 1}
	n.log.restart(0, 0)
	n.disk.clear()
	c.configurations.none(n)
}

// Damaged observes that a fault destroyed something on the node's disk that was durable: it may forget what it had promised. It must
// not act against it all the same: two votes in a term are two votes. And who counted on what it had acknowledged until then may go on
// doing so (see stored).
func (c *Cluster) Damaged(node uint64) {
	n := c.node(node)
	n.promisedTerm, n.promisedVote = 0, 0
	if n.acked != 0 && c.entries.older(n.vouched, n.ackedEntry) {
		n.vouched = n.ackedEntry
	}
	n.acked, n.ackedEntry = 0, 0
}

// LastIndex, CommitIndex and AppliedIndex return what was observed of the node's current incarnation.
func (c *Cluster) LastIndex(node uint64) uint64    { return c.node(node).log.last() }
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
			n.log.restart(0, 0)
			n.disk.clear()
		}
	}
	return &c.nodes[id]
}

func (c *Cluster) report(p Property, rule string, node uint64, format string, values ...any) {
	c.Findings.Add(Violation{Property: p, Rule: rule, Step: c.step, At: c.at, Node: node, Detail: fmt.Sprintf(format, values...)})
}
