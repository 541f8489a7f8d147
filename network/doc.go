// Package network carries bytes between processes in virtual time. It knows nothing of the protocol.
//
// Its terms:
//
//   - A link is the way from one process to another; the way back is a link of its own.
//   - A packet is what one Send put on the way: bytes, and a label that names them (kind, epoch) for fates and traces.
//   - The calm delay of a link is fixed. Links differ, so that races exist, by a function of the two process ids alone:
//     another process changes no link.
//   - A cut closes a link while it lasts. Cuts are counted, so overlapping ones compose.
//
// A packet that is sent while its link is cut is dropped, and so is one that arrives while its link is cut: a cut is a
// wall, not a gate at the sender. What is under way when a cut begins gets through if it arrives after the cut has ended.
//
// A link may have a bandwidth: packets leave one after the other, and those that wait are subject to a policy (Policy). Without one, which is
// the default, any number leaves at once.
//
// What can happen to a packet, besides: it is lost; a copy of it arrives, at the calm arrival time plus a delay; it is
// late. These are three purposes of one subject, so each can be taken out of a case alone.
package network
