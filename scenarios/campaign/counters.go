package campaign

import (
	"strings"
	"time"

	"raftsim/faults"
	"raftsim/raft"
	"raftsim/raft/server"
	"raftsim/scenarios/world"
	"raftsim/sim"
)

// Counter is one number of a report, under a name that does not change.
type Counter struct {
	Group string // "cluster"
	Name  string // "step_downs"
	Count uint64
}

// The groups of counters, in the order of a report.
const (
	GroupRuns     = "runs"
	GroupCluster  = "cluster"
	GroupClients  = "clients"
	GroupServers  = "servers"
	GroupFeatures = "features" // memberships, transfers, snapshots
	GroupLocks    = "locks"    // the lock service
	GroupRouting  = "routing"  // ways that requests took
	GroupCases    = "cases"    // situations that users of Raft have to understand
	GroupMoments  = "moments"  // points in a server's life at which it may die
	GroupMessages = "messages"
	GroupSent     = "sent"
	GroupDisks    = "disks"
	GroupJudges   = "judges"
	GroupFaults   = "faults"
)

// Counters returns everything t counts. v is the vocabulary of its runs.
func (t *Totals) Counters(v *sim.Vocabulary) []Counter {
	c := &t.Counts
	n, d, s := &c.Network, &c.Disk, &t.Stages
	all := []Counter{
		{GroupRuns, "runs", t.Runs},
		{GroupRuns, "steps", t.Steps},
		{GroupRuns, "virtual_ns", t.Virtual},

		{GroupClients, "operations", c.Operations.Invoked},
		{GroupClients, "completed", c.Operations.Completed},
		{GroupClients, "unknown_outcomes", c.Operations.Abandoned},
	}
	for _, n := range c.Numbers() {
		if t.Own == nil || n.Group == GroupServers {
			all = append(all, Counter{n.Group, n.Name, *n.Count})
		}
	}
	if t.Own == nil {
		for i, s := range world.Situations() {
			all = append(all, Counter{GroupCases, "case_" + underscored(s.Name), c.Situations[i]})
		}
	}
	all = append(all, []Counter{
		{GroupMessages, "messages_sent", n.Sent},
		{GroupMessages, "messages_delivered", n.Delivered},
		{GroupMessages, "messages_lost", n.Lost},
		{GroupMessages, "messages_doubled", n.Doubled},
		{GroupMessages, "messages_late", n.Late},
		{GroupMessages, "messages_reordered", n.Reordered},
		{GroupMessages, "messages_cut", n.CutAtSend + n.CutAtArrival},
		{GroupMessages, "messages_held", n.Held},
		{GroupMessages, "messages_unheard", n.Unheard},
		{GroupMessages, "messages_queued", n.Queued},
		{GroupMessages, "messages_queue_full", n.QueueDrops},
		{GroupMessages, "messages_replaced", n.Replaced},
		{GroupMessages, "messages_longest_queue", uint64(n.LongestQueue)},
	}...)
	all = append(all, t.ownCounters()...)
	all = append(all,
		Counter{GroupDisks, "syncs", d.Syncs},
		Counter{GroupDisks, "syncs_slow", d.SlowSyncs},
		Counter{GroupDisks, "syncs_lost", d.SyncsLost},
		Counter{GroupDisks, "bytes_written", d.BytesWritten},
		Counter{GroupDisks, "bytes_lost", d.BytesLost},
		Counter{GroupDisks, "bytes_kept", d.BytesKept},
		Counter{GroupDisks, "torn_sectors", d.TornSectors},
		Counter{GroupDisks, "holes", d.Holes},
		Counter{GroupDisks, "sizes_apart", d.SizesApart},
		Counter{GroupDisks, "names_lost", d.NamesLost},
		Counter{GroupDisks, "names_kept", d.NamesKept},
		Counter{GroupDisks, "syncs_landed", d.SyncsLanded},
		Counter{GroupDisks, "syncs_failed", d.SyncsFailed},
		Counter{GroupDisks, "stalls", d.Stalls},
		Counter{GroupDisks, "stalled_syncs", d.StalledSyncs},
		Counter{GroupDisks, "no_space", d.NoSpace},
		Counter{GroupDisks, "short_writes", d.ShortWrites},
		Counter{GroupDisks, "places_rotted", d.Rotted},
		Counter{GroupDisks, "sectors_made_unreadable", d.Unreadable},
		Counter{GroupDisks, "sectors_not_written", d.LostWrites},
		Counter{GroupDisks, "sectors_misdirected", d.Misdirected},
		Counter{GroupDisks, "disks_emptied", d.Wipes}, // by faults, and by operators for new members
		Counter{GroupDisks, "damaged_reads", d.DamagedReads},
		Counter{GroupDisks, "unreadable_reads", d.UnreadableReads},

		Counter{GroupJudges, "parts", s.Parts},
		Counter{GroupJudges, "witness_yes", s.WitnessYes},
		Counter{GroupJudges, "witness_no", s.WitnessNo},
		Counter{GroupJudges, "porcupine_yes", s.PorcupineYes},
		Counter{GroupJudges, "porcupine_no", s.PorcupineNo},
		Counter{GroupJudges, "porcupine_unknown", s.PorcupineUnknown},
		Counter{GroupJudges, "porcupine_steps", s.PorcupineSteps},
		Counter{GroupJudges, "operations_judged", s.OperationsJudged},
		Counter{GroupJudges, "operations_unnoticed", s.OperationsDroppedAsUnnoticed},
		Counter{GroupJudges, "current_reads", s.CurrentReads},
		Counter{GroupJudges, "stale_reads", s.StaleReads},
		Counter{GroupJudges, "sequential_reads", s.SequentialReads},
		Counter{GroupJudges, "out_of_contract_reads", s.OutOfContractReads},
	)
	for _, k := range t.FaultKinds(v) {
		all = append(all, Counter{GroupFaults, "fault_" + underscored(k.Name), k.Fired})
	}
	return all
}

// ownCounters returns what only the protocol of the runs counts: Raft's moments and messages, or all that another one has.
func (t *Totals) ownCounters() (all []Counter) {
	c := &t.Counts
	if t.Own != nil {
		for _, n := range t.Own {
			all = append(all, Counter{n.Group, underscored(n.Name), n.Count})
		}
		return all
	}
	for i, name := range server.MomentNames() {
		all = append(all, Counter{GroupMoments, "moment_" + underscored(name), c.Moments[i]})
	}
	for i, name := range raft.MessageTypeNames() {
		all = append(all, Counter{GroupSent, "sent_" + underscored(name), c.Messages[i]})
	}
	return all
}

// FaultKind is a kind of fault and how often it struck.
type FaultKind struct {
	Name  string // as disturbances are called
	Asked uint64 // how often it could have; 0: it was switched off
	Fired uint64
}

// FaultKinds returns the kinds of faults in the vocabulary, except those that only a case can name if none did: what the damage of a
// campaign does to disks is counted there. A kind that acts on servers and links counts what took effect; others count answers that
// were not calm.
func (t *Totals) FaultKinds(v *sim.Vocabulary) []FaultKind {
	var kinds []FaultKind
	for _, s := range v.Specs() {
		if !s.Fault {
			continue
		}
		k := FaultKind{Name: s.Name, Asked: t.Fates[s.Purpose].Asked, Fired: t.Fates[s.Purpose].Departed}
		if k.Asked == 0 && world.OnlyNamed(s.Purpose) {
			continue
		}
		if faults.Counted(s.Purpose) {
			k.Fired = t.Counts.Faults.Of(s.Purpose)
		}
		kinds = append(kinds, k)
	}
	return kinds
}

func underscored(name string) string { return strings.ReplaceAll(name, "-", "_") }

// Counters returns the sums over all scenarios of a campaign, by name: scenarios may have vocabularies of their own.
func (s *Summary) Counters() []Counter {
	var sums []Counter
	at := make(map[string]int)
	for i := range s.Totals {
		for _, c := range s.Totals[i].Counters(s.vocabulary(i)) {
			k, known := at[c.Name]
			if !known {
				k = len(sums)
				at[c.Name] = k
				sums = append(sums, Counter{Group: c.Group, Name: c.Name})
			}
			sums[k].Count += c.Count
		}
	}
	return sums
}

// Silent returns the kinds of faults that never struck in the campaign: those that could have, and those that were switched off
// in every run.
func (s *Summary) Silent() (idle, off []string) {
	var names []string
	kinds := make(map[string]FaultKind)
	for i := range s.Totals {
		for _, k := range s.Totals[i].FaultKinds(s.vocabulary(i)) {
			sum, known := kinds[k.Name]
			if !known {
				names = append(names, k.Name)
			}
			kinds[k.Name] = FaultKind{Name: k.Name, Asked: sum.Asked + k.Asked, Fired: sum.Fired + k.Fired}
		}
	}
	for _, name := range names {
		switch k := kinds[name]; {
		case k.Fired > 0:
		case k.Asked > 0:
			idle = append(idle, name)
		default:
			off = append(off, name)
		}
	}
	return idle, off
}

func (s *Summary) vocabulary(i int) *sim.Vocabulary {
	v, err := s.catalogue.Vocabulary(s.Scenarios[i])
	if err != nil {
		panic("campaign: a scenario that ran is not in the catalogue: " + err.Error())
	}
	return v
}

// Work returns how much the campaign simulated.
func (s *Summary) Work() (steps uint64, virtual time.Duration) {
	for i := range s.Totals {
		steps += s.Totals[i].Steps
		virtual += time.Duration(s.Totals[i].Virtual)
	}
	return steps, virtual
}
