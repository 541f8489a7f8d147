// Package register runs leaderless registers (package abd) under the kernel, the links, the disks and the faults that Raft runs
// under, and judges them by the same check of linearizability.
//
// It shares no code with Raft or its world: it is the proof that the kernel hosts other protocols, and an example of how. World is
// one run after another; replica processes (node) have a disk and die, client processes ask. What a run has:
//
//   - Servers n1, n2, ... are replicas. They have disks and no clocks, so there are no faults of clocks; nobody leads, so no fault is
//     aimed; members never change; and no replica comes back without its disk's contents, so disks are not damaged.
//   - Clients c1, c2, ... read and write keys, one operation at a time, each to all replicas.
//
// Judges: linearizability per key (the order of the timestamps as witness, Porcupine), timestamps that no two writes share, a majority that has what an operation returned
// at the moment it returns, replicas that keep what they said they have, and progress after the faults.
package register
