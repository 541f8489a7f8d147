// Package abd is a register that many may read and write, kept by replicas of which no one leads.
//
// It is the algorithm of Attiya, Bar-Noy and Dolev ("Sharing memory robustly in message-passing systems", 1995) in the form for many
// writers (Lynch and Shvartsman, "Robust emulation of shared memory using dynamic quorum-acknowledged broadcasts", 1997):
//
//   - A version is a value with a timestamp: a counter and, to break ties, the writer's id. Two writes never have the same one.
//   - A replica keeps, per key, the version with the highest timestamp it has been told of. It makes it durable before it says
//     that it has it.
//   - A write asks all replicas for their timestamps, waits for a majority, takes a counter above all of them, and stores its
//     version at a majority.
//   - A read asks all replicas for their versions, waits for a majority, and takes the highest. Before it returns that, a majority
//     must have it: if not all of the majority asked had it, the read writes it back.
//
// Two majorities meet, so who comes later sees what was returned before. Without the write-back a read may return a version that
// only one replica has, and a later read, which asks others, an older one. Without the first phase a write may choose a timestamp
// below that of a write that was finished before it began, and be lost.
//
// Nothing waits for one process in particular: an operation ends while a majority answers, whoever that is. There is no log and
// no order of commands, so there is no compare-and-set either: the price for having no leader.
//
// Not part of it: who the replicas are never changes, and a replica must not come back without what it had on disk.
//
// The package does no input or output but through its arguments: replicas write to a vfs.FS and talk to a Host, clients to an Env.
// Costs: two messages per replica and phase, one record and one sync per version stored.
package abd
