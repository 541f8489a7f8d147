// Package raft is the consensus core: a function of (state, input, local time).
//
// It has no goroutine, clock, I/O, logger or global. The host calls Step, Propose, Tick and Campaign with the local
// monotonic time, takes what is to be done from Ready, and reports back with Advance (a write is durable) and Applied.
//
// Terms used here:
//
//   - A ticket numbers a Ready that has something to make durable. Several may be outstanding; they become durable in order.
//   - An entry is handed once a Ready carried it, stable once the ticket of that Ready was acknowledged.
//   - A round is a number on a leader's appends and heartbeats. Replies echo it, and the leader dates its contact with the
//     peer from the time the round was begun, which is never later than the send.
//   - Quorum contact is the newest time t such that a quorum answered something sent at t or later. It decides when a
//     leader steps down (check-quorum, thesis §6.2), and is the quantity that leases and read rounds need.
//   - Leader stickiness: a server that heard a live leader within the election timeout ignores requests for votes
//     (thesis §4.2.3).
//
// The time may be any int64 of nanoseconds. It never goes back inside: a smaller one is raised to the largest seen. A call
// of Tick before the deadline changes nothing. The host delivers queued input before it calls Tick, so that a server that
// was paused hears its leader before it decides to replace it.
//
// What is refused by a returned error came from outside and was wrong; a panic means that a promise of Raft, or of the
// host towards the core, is broken, and names it.
package raft
