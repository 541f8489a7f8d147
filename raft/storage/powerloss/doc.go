// Package powerloss tries what the log makes of power losses: it records a workload and, for a loss of power before and after every
// operation on the disk, enumerates what the disk may hold then, restarts the member on each, and compares what it remembers
// with a model.
//
// What a power loss may leave, and what a server must survive:
//
//   - each sector that was written since the last completed sync of its file has its old or its new content, or one it had in between,
//     independently of the others; sectors are atomic, and a sync that has not completed promises nothing;
//   - each file has its old or its new size; what it gained and did not get its content is zeros, or bytes that were elsewhere;
//   - each name that was created, removed or renamed since the last completed sync of the names means the old or the new, independently of
//     the others (so a renamed file may have two names, or none).
//
// What must hold in each of these states: the member opens without an error and without a report of damage; what it remembers is a
// state it was in, not older than the one that the last completed sync covers, with all its bytes; so are its snapshots; its
// incarnation is new; and it can append and restart once more, also when power fails again while it recovers.
package powerloss
