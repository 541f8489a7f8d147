// Package faults disturbs a world of servers and clients: it cuts links, crashes servers and takes their power, at times
// laid out before a run, at moments between two effects of a server, or aimed at whoever leads; it stops machines and disks,
// turns clocks, damages what is stored, and changes who is a member.
//
// Its terms:
//
//   - A slot is one numbered chance for a timed fault of one subject ("isolate n2 #0"). Slots are asked before the run.
//     Each belongs to its subject, so another server adds slots and changes none.
//   - A hazard is a fault at a moment: the power fails after the seventh sync of term 2.
//   - An aim is a slot whose subject is a role. When its time comes it looks who plays the role and resolves to a fault of
//     that server, with an ordinal from AimedOrdinal on. The record of a run holds what aims resolved to, never aims.
//   - A side is a set of processes: those that a split parts from all others, or members.
//   - A spell is a fault in effect that ends by an event of its own, or when the faults are over.
//   - An operator is whoever changes memberships, hands leadership over and takes snapshots. What he does is laid out like
//     faults, though none of it is wrong.
//   - T is the election timeout, the unit of every length here.
//
// What does not count as a fault that took effect: a crash of a server that is down already, a split with everybody on
// one side, a membership that is in force already, an aim that found nobody.
package faults
