// Package sim is a deterministic, single-threaded simulator of processes in virtual time. It knows nothing of the
// protocol it hosts.
//
// Its terms:
//
//   - A disturbance is one departure from the calm world: a [Key] that says about what, and a [Value] that says what.
//     A message 12 ms late is one; a message on time is not.
//   - A fate is the answer to "what happens to this subject?": [Fates.Ask]. It is the override, if the case has one
//     for the key (even if it says calm); else the noise of (seed, key), if the base is noisy and no mask covers it;
//     else calm. There is no stream of random numbers, so no draw can shift another.
//   - A moment is a point between two effects of a process where a hazard (a crash, say) may strike. It has a key like
//     any other subject.
//   - The digest of a run is 64 bits over every protocol event with its payload and over the final states. Equal
//     source and equal case give equal digests in every process, on every architecture.
//   - A step is the delivery of one protocol event.
//
// What is not in a digest, and does not count as a step: handles, sequence numbers, how often an override was hit, where
// it came from, and the silent wake-ups of generators. That is what makes a run equal to its own recording.
package sim
