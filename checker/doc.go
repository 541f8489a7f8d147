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
// The history judge ([Checker]) looks at what clients saw, at the end. An operation is *completed* when its client had an
// answer and of *unknown outcome* otherwise: it may have happened, may happen later, or never. A history is linearizable
// (Herlihy and Wing, 1990) when every completed operation and some of those of unknown outcome can be put in one order that
// explains every answer and keeps every pair in which one ended before the other began.
//
// Words used throughout:
//
//   - entry: a record at one index of one node's log; its chain is a hash over it and everything below it;
//   - commitment: the first time any node was seen to consider an index committed; all of them form the ledger;
//   - incarnation: the life of a node from one (re)start to the next crash;
//   - cell: the whole state of one key as one number, present (odd) or missing (even);
//   - witness: the order in which operations were really committed, tried as the explanation.
package checker
