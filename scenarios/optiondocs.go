package scenarios

// optionDoc says what each option means: its unit, its range, what it wants. A test holds it to be complete.
func optionDoc(key string) string {
	switch key {
	case "cluster.nodes":
		return "servers the cluster begins with, 1 to 31"
	case "cluster.election_timeout":
		return "base of the election timeout; a random part of up to as much comes on top"
	case "cluster.heartbeat_interval":
		return "between heartbeats; below keep_alive and above the calm round trip"
	case "cluster.keep_alive":
		return "after which a silent leader is taken for gone; the upper bound of heartbeat_interval"
	case "cluster.initial_leader":
		return "number of the server that campaigns at time 0; 0: none"
	case "cluster.pre_vote":
		return "candidates ask whether they could win before they raise the term"
	case "cluster.check_quorum":
		return "a leader that hears no quorum for an election timeout steps down; followers keep to a live leader"
	case "cluster.forward":
		return "followers forward requests to the leader; else they redirect the client"
	case "cluster.reforward":
		return "requests that a follower keeps, to forward them when it learns of a leader or of the next one; 0: none; wants forward"
	case "cluster.jitter":
		return "election timeouts are drawn; else spread by id and term"
	case "cluster.max_entries_per_message":
		return "entries in one append, at least 1"
	case "cluster.max_inflight":
		return "appends to one follower not yet answered, at least 1"
	case "cluster.max_uncommitted":
		return "entries beyond which a leader refuses more, at least 1"
	case "cluster.spares":
		return "servers that may be added to the first ones"
	case "cluster.memberships":
		return "that an operator brings about one after the other: [\"n1,n2\", \"n1,n2 learners n3 joint\"]"
	case "cluster.transition":
		return "how an operator has memberships changed: steps (by one server, or through a joint configuration where a membership says so), auto (all at once; the leader decides how), explicit (all at once, and the operator asks to leave the joint configuration)"
	case "cluster.impatient":
		return "an operator asks for the next change while one is under way; it must be refused"
	case "cluster.max_inflight_bytes":
		return "bytes of entries on their way to one follower"
	case "cluster.max_uncommitted_bytes":
		return "bytes of entries beyond which a leader refuses more"
	case "cluster.max_bytes_per_message":
		return "bytes of entries in one append; one entry always fits"
	case "cluster.max_committed":
		return "committed entries handed out to be applied at once"
	case "cluster.max_applying":
		return "entries handed out and not yet applied; 0: no limit"
	case "cluster.max_pending_appends":
		return "writes of the log under way; 0: no limit, 1: one after the other"
	case "cluster.parallel_append":
		return "a leader sends entries while it writes them"
	case "cluster.pipeline":
		return "appends are sent before those before them are answered"
	case "cluster.async_apply":
		return "committed entries are applied later, apply_delay after they are handed out"
	case "cluster.apply_delay":
		return "with async_apply; at most the election timeout"
	case "cluster.apply_batch":
		return "entries applied at once, with async_apply"
	case "cluster.snapshot_entries":
		return "entries applied from one snapshot to the next; 0: none is taken unasked"
	case "cluster.retain_entries":
		return "entries kept before a snapshot for followers a little behind"
	case "cluster.chunk_bytes":
		return "bytes of a snapshot in one message"
	case "cluster.segment_bytes":
		return "size of a file of the log, at least 64"
	case "cluster.session_ttl":
		return "log time after which an idle session ends, four election timeouts at least; 0: never"
	case "cluster.lease_reads":
		return "leaders may answer lease reads without a round; wants check_quorum"
	case "cluster.clock_drift":
		return "parts per million that leases allow two clocks to differ"
	case "cluster.step_cost":
		return "time a server needs for each message, request, completed sync and deadline; what comes meanwhile waits"
	case "cluster.apply_cost":
		return "time a server needs for each entry it applies; with async_apply it goes on meanwhile"
	case "workload.application":
		return "what is replicated: kv, lock, or the name of the scenario's own"
	case "workload.clients":
		return "clients that ask, 1 to 30"
	case "workload.keys":
		return "keys of the map, 1 to 1000"
	case "workload.classes":
		return "by key: register, cas, append or mixed; the last one repeats"
	case "workload.hot":
		return "of the operations go to key 0"
	case "workload.interval":
		return "least time from the beginning of one operation of a client to the next"
	case "workload.pause":
		return "from an answer to the client's next operation, in a calm run; drawn around it else"
	case "workload.attempt_timeout":
		return "after which a client asks another server"
	case "workload.operation_timeout":
		return "after which a client gives up and the outcome is unknown"
	case "workload.sticky":
		return "operations begin at the server that answered last; else at the leader hinted at"
	case "workload.window":
		return "operations of one client under way at a time, 1 to 64"
	case "workload.read_log":
		return "weight of gets through the log"
	case "workload.read_leader":
		return "weight of gets confirmed by the leader (ReadIndex)"
	case "workload.read_lease":
		return "weight of gets by the leader's lease"
	case "workload.read_follower":
		return "weight of gets that the server asked answers, after the leader named an index"
	case "workload.read_stale":
		return "weight of gets that the server asked answers from what it has"
	case "workload.read_sequential":
		return "weight of gets that the server asked answers once it is as new as what the client has seen"
	case "workload.monotonic":
		return "stale reads are never older than what the client has seen"
	case "workload.lock_ttl":
		return "log time after which a silent owner of locks loses them (application lock)"
	case "workload.spread":
		return "follower and stale reads go round the servers"
	case "workload.ways":
		return "operations begin at servers, or fronts, in turn: those under way take different ways"
	case "workload.final_reads":
		return "a run ends with reads of every kind by every client, and of every server; they must be answered"
	case "workload.give_up_dropped":
		return "a client gives up a command whose only attempt was reported as lost; it must not take effect later"
	case "network.delay":
		return "calm delay of the fastest link, above 0"
	case "network.spread":
		return "links are slower than delay by less than this"
	case "network.fifo":
		return "links keep the order of sending"
	case "network.hold":
		return "packets that a cut link keeps back until it is open again; 0: they are lost"
	case "network.lost":
		return "of the packets are lost"
	case "network.doubled":
		return "of the packets arrive twice"
	case "network.doubled_delay":
		return "mean delay of the copy"
	case "network.late":
		return "of the packets are late"
	case "network.late_shape":
		return "distribution of the delay: fixed, uniform, exponential or heavy"
	case "network.late_mean":
		return "mean of the delay of late packets"
	case "network.bandwidth":
		return "bytes per second of each link in each direction; 0: no limit"
	case "network.queue":
		return "packets that may wait for a link whose bandwidth is taken, with queue_policy fifo; 0: no limit"
	case "network.queue_policy":
		return "what becomes of packets that wait: fifo (the newest is dropped when the queue is full) or replace (a newer message between servers takes the place of the one that waits, but of two appends of a term the newer one is dropped; requests and answers wait)"
	case "disk.sync_latency":
		return "time a sync takes; two and a round trip within half of the election timeout"
	case "disk.sync_per_byte":
		return "time a sync takes for each unsynced byte, besides; the bytes of a disk are written one after the other"
	case "disk.lying_sync":
		return "syncs do nothing: outside the contract"
	case "disk.torn":
		return "of the power losses leave something of what was not synced"
	case "disk.slow":
		return "of the syncs are slow"
	case "disk.slow_min":
		return "slow syncs take from this ..."
	case "disk.slow_max":
		return "... to this"
	case "disk.sector_size":
		return "bytes of a sector, a power of two from 16 to 65536"
	case "disk.fails":
		return "of the syncs fail"
	case "disk.full":
		return "of the syncs are followed by a full disk"
	case "disk.full_bytes":
		return "most that can be written before it is noticed"
	case "disk.full_min":
		return "disks are full from this ..."
	case "disk.full_max":
		return "... to this"
	case "routing.strategy":
		return "how requests find the leader: direct (clients ask servers), proxy (which forward: wants cluster.forward), frontend, balancer (learns the leader), balancer-any (does not, and wants cluster.forward), aware (clients ask all servers who leads), registry (clients ask it)"
	case "routing.fronts":
		return "frontends, balancers or registries, 1 to 30; none where the strategy has none"
	case "routing.queue":
		return "requests that a front keeps; beyond it they are refused as busy"
	case "run.window":
		return "in which faults act, up to 10h"
	case "run.liveness_timeouts":
		return "length of the quiet end, in election timeouts"
	case "run.max_steps":
		return "bound on the events of a run"
	case "run.max_instant_steps":
		return "bound on the events at one instant"
	case "run.search_steps":
		return "bound on a search for a legal order, in steps of the model, per key"
	case "run.settle":
		return "the membership asked for last is to be reached in the quiet end"
	case "run.absent":
		return "servers that stay down for the first half of the quiet end, if they are a minority: n1,n3"
	case "run.decode_disks":
		return "what is durable is judged by the bytes on disk"
	case "faults.timeout":
		return "the election timeout, which faults are timed by; wanted where any timed fault is"
	case "faults.window":
		return "timed faults begin before this; wanted where any timed fault is"
	case "faults.isolate":
		return "a server from all others, per server; this and all below: COUNT x CHANCE"
	case "faults.split":
		return "of the cluster in two, of the run"
	case "faults.cut":
		return "one direction of a link, per link"
	case "faults.crash_at":
		return "a process dies, per server"
	case "faults.power_at":
		return "a machine loses power, per server"
	case "faults.blackout":
		return "several machines lose power at once, of the run"
	case "faults.aim_isolate":
		return "the leader, or who is about to win, of the run"
	case "faults.aim_crash":
		return "as aim_isolate"
	case "faults.aim_power":
		return "as aim_isolate"
	case "faults.pause":
		return "a process stands still, per server; wants pause_max"
	case "faults.aim_pause":
		return "as aim_isolate, or of a leader that owes an answer to a read"
	case "faults.clock_step":
		return "a clock jumps ahead, per server; beyond what lease reads allow for; wants step_max"
	case "faults.clock_rate":
		return "a clock runs at another rate, per server; beyond what lease reads allow for; wants rate_max"
	case "faults.members":
		return "another membership is asked for, of the run"
	case "faults.aim_members":
		return "one that the leader, or who is about to win, is no part of"
	case "faults.transfer":
		return "the leadership is handed to a server, of the run"
	case "faults.aim_transfer":
		return "at a moment of the leader's, of the run"
	case "faults.snapshot":
		return "a snapshot is taken, per server"
	case "faults.aim_snapshot":
		return "by the leader, of the run"
	case "faults.stall":
		return "a disk stands still, per server; wants stall_max"
	case "faults.aim_stall":
		return "the leader's disk, of the run"
	case "faults.damage":
		return "of the disk, per server in damageable"
	case "faults.wipe":
		return "of the disk, per server in damageable"
	case "faults.outage":
		return "of a frontend, balancer or registry, which forgets what it knew, per front"
	case "faults.damageable":
		return "servers that may be damaged, a minority of the first ones: n1,n3"
	case "faults.crash":
		return "per moment of a server: its process dies"
	case "faults.power":
		return "per moment of a server: its machine loses power"
	case "faults.cut_min":
		return "cuts and other rates of clocks last from this ..."
	case "faults.cut_max":
		return "... to this; wanted where cuts are"
	case "faults.on_deadline":
		return "of the cuts end within 1 ms of a multiple of the election timeout"
	case "faults.down_min":
		return "servers are down from this ..."
	case "faults.down_max":
		return "... to this"
	case "faults.pause_min":
		return "pauses last from this ..."
	case "faults.pause_max":
		return "... to this"
	case "faults.stall_min":
		return "disks stand still from this ..."
	case "faults.stall_max":
		return "... to this"
	case "faults.clock_drift":
		return "parts per million that clocks are wrong by at most, all the time"
	case "faults.rate_max":
		return "parts per million that other rates are faster by at most, or as many times slower"
	case "faults.step_min":
		return "clocks are set forward by this ..."
	case "faults.step_max":
		return "... to this"
	case "faults.winner":
		return "of the aims are at the server about to win, the others at the leader"
	case "faults.reader":
		return "of the aimed pauses are at a leader that owes an answer to a read"
	case "faults.meet":
		return "of the timed faults begin within two election timeouts of meet_at, the others at any time"
	case "faults.meet_at":
		return "a time of the run"
	}
	return ""
}
