// Package checker judges what a replicated log and its clients were seen to do. It knows no implementation: it declares
// the observations it needs and imports nothing of the code it judges.
//
// Two kinds of judge live here.
//
// The protocol judges ([Cluster]) look at every step. They keep an outside picture of the cluster, built only from what was
// observed, and hold it against the five properties of Figure 3 of the Raft paper (Ongaro and Ousterhout, 2014):
//
//   - election safety: at most one leader can be elected in a given term (§5.2);
//   - leader append-only: a leader never overwrites or deletes entries of its own log (§5.3);
//   - log matching: two logs holding an entry of one index and term are identical up to it (§5.3);
//   - leader completeness: an entry committed in a term is in the logs of all leaders of higher terms (§5.4);
//   - state machine safety: no two servers apply different entries at one index (§5.4.3).
//
// To these come configuration safety (two configurations that can decide without each other never are in force, §6 and thesis
// §4), durability (what is counted on is on disk), exactly-once and order of a client's commands (thesis §6.3). Many rules look at
// where a promise is broken, not only at the damage that may follow: who wins needs a quorum of votes seen to leave, what is committed a
// quorum of disks known to hold it, both of the configuration in force at the node that decides.
//
// The history judge ([Checker]) looks at what clients saw, at the end. An operation is *completed* when its client had an
// answer and of *unknown outcome* otherwise: it may have happened, may happen later, or never. A history is linearizable
// (Herlihy and Wing, 1990) when every completed operation and some of those of unknown outcome can be put in one order that
// explains every answer and keeps every pair in which one ended before the other began. A *stale* read is no part of that: it is promised
// some state its key has had, and judged by the one it names. A read *out of contract* may break the order without being a violation.
//
// Words used throughout:
//
//   - entry: a record at one index of one node's log; its chain is a hash over it and everything below it;
//   - commitment: the first time any node was seen to consider an index committed; all of them form the ledger;
//   - incarnation: the life of a node from one (re)start to the next crash;
//   - member: the life of a server from its empty disk to the next wipe; a server that comes back with an empty disk is another member;
//   - configuration entry: an entry that changes the configuration; the first configuration is that of the empty log;
//   - offset: the last entry before a log's first one; a snapshot stands for everything up to it;
//   - guaranteed: bytes on a disk that no crash and no loss of power may change;
//   - cell: the whole state of one key as one number, present (odd) or missing (even);
//   - witness: the order in which operations were really committed, tried as the explanation.
package checker
