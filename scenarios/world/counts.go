package world

import (
	"raftsim/faults"
	"raftsim/network"
	"raftsim/scenarios/workload"
	"raftsim/sim/disk"
)

// Counts says what really happened in a run.
type Counts struct {
	Elections, Candidacies, StepDowns, Truncations uint64
	Redirects, Forwards, Repeats, Dropped          uint64
	Undone                                         uint64 // operations given up because their only attempt was reported as lost
	Crashes, PowerLosses, Restarts, Panics, Halts  uint64
	StartsRefused, DamageRecognised                uint64
	DamageWithdrawn                                uint64 // disks of which nothing would have told that they were damaged
	Absences                                       uint64 // servers that stayed down for half of the liveness phase
	RecoveriesCompared                             uint64 // from what disks were sure to hold, at commitments

	Configurations, JointConfigurations       uint64 // applied, summed over servers
	ChangesAsked, ChangesBegun                uint64 // of the membership
	ChangesPending                            uint64 // of those asked, refused because one before was under way
	MembershipsReached                        uint64
	Joined, Rejoined, Retired                 uint64 // servers
	Transfers, Transferred                    uint64 // begun; and followed by the leader's stepping down
	Snapshots, SnapshotsSaved, JointSnapshots uint64
	Installations, Compactions                uint64
	Reads                                     uint64 // answered without an entry of the log, stale ones apart
	Stale, Sequential                         Behind // answers of reads of these kinds
	ReadsWaited                               uint64 // until their server was as new as what the client had seen
	SessionsOpened, SessionsGone, Expired     uint64
	Reordered                                 uint64 // commands that waited in the state for the one before
	Delayed                                   uint64 // messages that found a paused machine
	Waited                                    uint64 // events that found a busy server

	Situations [situationEnd]uint64 // by Situation

	Routing RoutingCounts

	Messages   [16]uint64 // by raft.MessageType
	Moments    [32]uint64 // by server.Moment
	Network    network.Stats
	Faults     faults.Counts
	Disk       disk.Stats // summed over servers
	Operations workload.Operations
	Locks      workload.LockCounts
	Committed  uint64 // entries, no-ops included
	Executed   uint64 // commands that took effect
}

// Number is one of the numbers of Counts, under a name that does not change.
type Number struct {
	Group string // "cluster"
	Name  string // "step_downs"
	Count *uint64
}

// Numbers returns the plain numbers of c, in the order of a report.
func (c *Counts) Numbers() []Number {
	return append([]Number{
		{"cluster", "elections", &c.Elections},
		{"cluster", "candidacies", &c.Candidacies},
		{"cluster", "step_downs", &c.StepDowns},
		{"cluster", "truncations", &c.Truncations},
		{"cluster", "committed", &c.Committed},
		{"cluster", "executed", &c.Executed},
		{"clients", "redirects", &c.Redirects},
		{"clients", "forwards", &c.Forwards},
		{"clients", "repeats", &c.Repeats},
		{"clients", "reordered", &c.Reordered},
		{"clients", "dropped", &c.Dropped},
		{"clients", "undone", &c.Undone},
		{"clients", "reads", &c.Reads},
		{"clients", "reads_waited", &c.ReadsWaited},
		{"clients", "stale_behind", &c.Stale.Late},
		{"clients", "stale_entries_behind", &c.Stale.Entries},
		{"clients", "stale_us_behind", &c.Stale.Micros},
		{"clients", "sequential_behind", &c.Sequential.Late},
		{"clients", "sequential_entries_behind", &c.Sequential.Entries},
		{"clients", "sequential_us_behind", &c.Sequential.Micros},
		{"clients", "sessions_opened", &c.SessionsOpened},
		{"clients", "sessions_gone", &c.SessionsGone},
		{"clients", "expired", &c.Expired},
		{"servers", "crashes", &c.Crashes},
		{"servers", "power_losses", &c.PowerLosses},
		{"servers", "restarts", &c.Restarts},
		{"servers", "panics", &c.Panics},
		{"servers", "halts", &c.Halts},
		{"servers", "starts_refused", &c.StartsRefused},
		{"servers", "damage_recognised", &c.DamageRecognised},
		{"servers", "damage_withdrawn", &c.DamageWithdrawn},
		{"servers", "delayed", &c.Delayed},
		{"servers", "waited", &c.Waited},
		{"servers", "absences", &c.Absences},
		{"servers", "recoveries_compared", &c.RecoveriesCompared},
		{"features", "configurations", &c.Configurations},
		{"features", "joint_configurations", &c.JointConfigurations},
		{"features", "changes_asked", &c.ChangesAsked},
		{"features", "changes_begun", &c.ChangesBegun},
		{"features", "changes_pending", &c.ChangesPending},
		{"features", "memberships_reached", &c.MembershipsReached},
		{"features", "joined", &c.Joined},
		{"features", "rejoined", &c.Rejoined},
		{"features", "retired", &c.Retired},
		{"features", "transfers", &c.Transfers},
		{"features", "transferred", &c.Transferred},
		{"features", "snapshots", &c.Snapshots},
		{"features", "snapshots_saved", &c.SnapshotsSaved},
		{"features", "joint_snapshots", &c.JointSnapshots},
		{"features", "installations", &c.Installations},
		{"features", "compactions", &c.Compactions},
		{"locks", "lock_acquisitions", &c.Locks.Acquisitions},
		{"locks", "lock_handed_over_by_release", &c.Locks.ReleaseHandOver},
		{"locks", "lock_handed_over_by_expiry", &c.Locks.ExpiryHandOver},
		{"locks", "lock_owners_expired", &c.Locks.Expirations},
		{"locks", "lock_watches_fired", &c.Locks.WatchesFired},
		{"locks", "lock_tokens_refused", &c.Locks.TokensRefused},
		{"locks", "lock_believed_by_two", &c.Locks.Overlaps},
	}, c.Routing.numbers()...)
}

// Add adds the counts of other.
func (c *Counts) Add(other *Counts) {
	others := other.Numbers()
	for i, n := range c.Numbers() {
		*n.Count += *others[i].Count
	}
	c.Stale.Answers += other.Stale.Answers
	c.Sequential.Answers += other.Sequential.Answers
	for i, n := range other.Situations {
		c.Situations[i] += n
	}
	for i, n := range other.Messages {
		c.Messages[i] += n
	}
	for i, n := range other.Moments {
		c.Moments[i] += n
	}
	c.Network.Add(&other.Network)
	c.Faults.Add(other.Faults)
	c.Disk.Add(&other.Disk)
	c.Operations.Invoked += other.Operations.Invoked
	c.Operations.Completed += other.Operations.Completed
	c.Operations.Abandoned += other.Operations.Abandoned
}
