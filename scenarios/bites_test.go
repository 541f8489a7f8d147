package scenarios

import (
	"fmt"
	"time"

	"raftsim/faults"
	"raftsim/raft/server"
)

// machineBites are pauses, and faults of clocks.
func machineBites() (all []bite) {
	delayed := func(r *Result) uint64 { return r.Counts.Delayed }
	elections := func(r *Result) uint64 { return r.Counts.Elections }
	void := func(r *Result) uint64 { return r.Stages.OutOfContractReads }
	leases := func(o *Options) { o.Cluster.LeaseReads = true }
	all = []bite{
		{fault: "pause n1 #0 = at 600ms for 400ms", effect: elections}, // the leader: the others elect another one meanwhile
		{fault: "pause n1 #0 = at 600ms for 20ms", effect: delayed},
		{fault: "pause n2 #0 = at 600ms for 1s", effect: delayed},
		{fault: "pause n3 #999 = at 1.9s for 100h", effect: faultCount(faults.PurposePause)},
		{fault: "aim-pause #0 = at 600ms for 400ms leader", effect: elections, resolves: "pause n1 #1000 = at 600.000001ms for 400ms"},
		{
			fault: "aim-pause #3 = at 600ms for 400ms reader", effect: delayed, resolves: "pause n1 #1003",
			context: []string{"op c1 t30 = get-leader k0 after 1ms"},
		},

		// Servers that stand for election by their own clock: the fastest wins.
		{fault: "clock n3 = 1000000ppm", effect: faultCount(faults.PurposeClock), change: noLeaderYet},
		{fault: "clock n1 = -500000ppm", effect: faultCount(faults.PurposeClock), change: noLeaderYet},
		{fault: "clock-step n3 #0 = at 10ms by +1s", effect: faultCount(faults.PurposeClockStep), change: noLeaderYet},
		{fault: "clock-rate n3 #0 = at 10ms for 1s 3x", effect: faultCount(faults.PurposeClockRate), change: noLeaderYet},
		{fault: "clock-rate n2 #0 = at 0s for 300ms 0.1x", effect: faultCount(faults.PurposeClockRate), change: noLeaderYet},
	}
	// Beyond what leases allow for, their answers are out of the contract, whoever's clock it is.
	read := []string{"op c1 t45 = get-lease k0 after 1ms", "op c2 t45 = get-lease k0 after 1ms"}
	for _, f := range []bite{
		{fault: "clock n2 = 501ppm"},
		{fault: "clock n1 = -501ppm"},
		{fault: "clock-step n2 #0 = at 1s by +1ms", harmless: true},
		{fault: "clock-rate n1 #0 = at 1s for 100ms 1.5x"},
	} {
		f.effect, f.change, f.context = void, leases, read
		all = append(all, f)
	}
	return all
}

func noLeaderYet(o *Options) { o.Cluster.InitialLeader = 0 }

// withSpares gives a cluster servers that are no members yet.
func withSpares(n int) func(*Options) { return func(o *Options) { o.Cluster.Spares = n } }

// operatorBites are what an operator asks for: memberships, transfers, snapshots.
func operatorBites() []bite {
	reached := func(r *Result) uint64 { return r.Counts.MembershipsReached }
	joined := func(r *Result) uint64 { return r.Counts.Joined }
	rejoined := func(r *Result) uint64 { return r.Counts.Rejoined }
	retired := func(r *Result) uint64 { return r.Counts.Retired }
	joint := func(r *Result) uint64 { return r.Counts.JointConfigurations }
	transferred := func(r *Result) uint64 { return r.Counts.Transferred }
	snapshots := func(r *Result) uint64 { return r.Counts.SnapshotsSaved }
	apart := []string{"members #0 = at 400ms to n1,n2"} // leaves n3 out, which an aim can then bring back
	return []bite{
		{fault: "members #0 = at 600ms to n1,n2", effect: reached},
		{fault: "members #0 = at 600ms to n1,n2", effect: retired},
		{fault: "members #0 = at 600ms to n2,n3", effect: reached},
		{fault: "members #0 = at 600ms to n1,n2 learners n3", effect: reached},
		{fault: "members #0 = at 600ms to n1,n2,n3,n4", effect: joined, change: withSpares(1)},
		{fault: "members #0 = at 600ms to n4,n5,n6 joint", effect: joint, change: withSpares(3)},
		{fault: "members #0 = at 600ms to n1,n4,n5", effect: reached, change: withSpares(2)},
		{fault: "members #0 = at 600ms to n1,n2,n3 learners n4", effect: joined, change: withSpares(1)},
		{fault: "members #1 = at 1.2s to n1,n2,n3", effect: rejoined, context: apart},
		{fault: "aim-members #0 = at 600ms for 300ms remove 1", effect: reached, resolves: "members #1000 = at 600.000001ms to n"},
		{fault: "aim-members #1 = at 600ms for 300ms remove-leader 1", effect: reached, resolves: "members #1001 = at 600.000001ms to n2,n3"},
		{fault: "aim-members #2 = at 600ms for 300ms add 1 joint", effect: joined, resolves: "members #1002", change: withSpares(1)},
		{fault: "aim-members #3 = at 600ms for 300ms demote 1", effect: reached, resolves: "members #1003"},
		{fault: "aim-members #4 = at 600ms for 300ms swap 1", effect: joint, resolves: "members #1004", change: withSpares(2)},
		{fault: "aim-members #5 = at 600ms for 400ms bounce 1", effect: rejoined, resolves: "members #2005"},

		{fault: "transfer #0 = at 600ms to n2", effect: transferred},
		{fault: "transfer #4 = at 600ms to n3", effect: faultCount(faults.PurposeTransfer)},
		{fault: "aim-transfer #0 = at 600ms for 300ms voter 5", effect: transferred, resolves: "transfer #1000 = at 600.000001ms to n"},

		{fault: "snapshot n1 #0 = at 600ms", effect: snapshots},
		{fault: "snapshot n2 #0 = at 600ms", effect: snapshots},
		{fault: "aim-snapshot #0 = at 600ms for 300ms leader", effect: snapshots, resolves: "snapshot n1 #1000"},
	}
}

// diskBites are faults of disks.
func diskBites() (all []bite) {
	refused := func(r *Result) uint64 { return r.Counts.StartsRefused }
	recognised := func(r *Result) uint64 { return r.Counts.DamageRecognised }
	halts := func(r *Result) uint64 { return min(r.Counts.Halts, r.Counts.Restarts) }
	all = []bite{
		{fault: "stall n1 #0 = at 600ms for 100ms", effect: func(r *Result) uint64 { return r.Counts.Disk.StalledSyncs }},
		{fault: "stall n2 #0 = at 600ms for 400ms", effect: func(r *Result) uint64 { return r.Counts.Disk.Stalls }},
		{fault: "aim-stall #0 = at 600ms for 300ms leader", effect: func(r *Result) uint64 { return r.Counts.Disk.Stalls }, resolves: "stall n1 #1000"},

		{fault: "sync-fails n1 #9 = yes", effect: halts},
		{fault: "sync-fails n2 #9 = yes", effect: func(r *Result) uint64 { return r.Counts.Disk.SyncsFailed }},
		{fault: "no-space n1 #9 = after 0 for 100ms", effect: halts},
		{fault: "no-space n2 #9 = after 10 for 100ms", effect: func(r *Result) uint64 { return r.Counts.Disk.ShortWrites }},

		{fault: "freeze n2 t1 = 30", effect: func(r *Result) uint64 { return r.Counts.Disk.Freezes }},
		{fault: "freeze n2 t1 = 30", effect: halts},
	}
	// What power losses leave of names and syncs under way. The log begins a new file with every 64 bytes.
	tiny := func(o *Options) { o.Cluster.SegmentBytes = 64; o.Disk.SyncLatency = 2 * time.Millisecond }
	unsynced := []string{"power n1 submitted t1 #9 = for 100ms"}
	all = append(all,
		bite{fault: "names n1 t1 = all", effect: func(r *Result) uint64 { return r.Counts.Disk.NamesKept }, context: unsynced, change: tiny},
		bite{fault: "landed n1 t1 = all", effect: func(r *Result) uint64 { return r.Counts.Disk.SyncsLanded }, context: unsynced, change: tiny},
	)
	// Damage of one disk of three.
	crash := []string{"crash-at n2 #0 = at 1s for 100ms"}
	all = append(all,
		// File 0 holds the first state and nothing more, and what is in it is repeated in later ones.
		bite{fault: "damage n2 #0 = at 600ms for 200ms rot 0 500 ff", effect: func(r *Result) uint64 { return r.Counts.Disk.DamagedReads }},
		bite{fault: "damage n2 #0 = at 600ms for 200ms rot 1 500 ff", effect: recognised},
		bite{fault: "damage n2 #0 = at 600ms for 200ms unreadable 1 500", effect: recognised},
		bite{fault: "damage n2 #0 = at 600ms lose-write 500", effect: recognised, context: crash},
		bite{fault: "damage n2 #0 = at 600ms misdirect 500 100", effect: recognised, context: crash},
		bite{fault: "wipe n2 #0 = at 600ms for 200ms", effect: refused},
		bite{fault: "wipe n3 #0 = at 600ms for 200ms", effect: func(r *Result) uint64 { return r.Counts.Disk.Wipes }},
		bite{fault: "lost-write n2 #20 = 500", effect: recognised, context: crash},
		bite{fault: "misdirected n2 #20 = 500 to 100", effect: recognised, context: crash},
		bite{fault: "rot n2 t2 = 500 bits ff", effect: recognised, context: crash},
		bite{fault: "unreadable n2 t2 = 500", effect: recognised, context: crash},
	)
	return all
}

// momentBites are crashes and power losses between any two effects of a server. n1 leads in term 1; n2 falls behind so far that it
// needs a snapshot.
func momentBites() (all []bite) {
	crashes := func(r *Result) uint64 { return min(r.Counts.Crashes, r.Counts.Restarts) }
	powerLosses := func(r *Result) uint64 { return min(r.Counts.PowerLosses, r.Counts.Restarts) }
	snapshots := func(o *Options) {
		o.Cluster.SnapshotEntries, o.Cluster.RetainEntries, o.Cluster.ChunkBytes, o.Cluster.SegmentBytes = 5, 0, 100, 300
	}
	behind := []string{"isolate n2 #0 = at 200ms for 300ms both"}
	for m, moment := range server.MomentNames() {
		b := bite{}
		victims, ordinal := []string{"n1", "n2"}, 9
		switch server.Moment(m) {
		case server.MomentElected:
			victims, ordinal = victims[:1], 0
		case server.MomentSnapshotTaken, server.MomentSnapshotWritten, server.MomentCompacted:
			ordinal, b.change = 1, snapshots
		case server.MomentChunk, server.MomentSnapshotInstalled:
			victims, ordinal, b.change, b.context = victims[1:], 0, snapshots, behind
		}
		for _, victim := range victims {
			for _, f := range []struct {
				name   string
				struck func(*Result) uint64
				counts func(*Result) uint64
			}{{"crash", crashes, faultCount(faults.PurposeCrash)}, {"power", powerLosses, faultCount(faults.PurposePower)}} {
				b.fault = fmt.Sprintf("%s %s %s t1 #%d = for 100ms", f.name, victim, moment, ordinal)
				b.effect = func(r *Result) uint64 { return min(f.struck(r), f.counts(r)) }
				all = append(all, b)
			}
		}
	}
	return all
}
