package network

import (
	"fmt"
	"slices"
	"strconv"

	"raftsim/sim"
)

// Label names what a packet carries. The network attaches no meaning to it.
type Label struct {
	Kind  uint8  // position in the kinds given to Specs
	Epoch uint64 // a term, or client and operation (sim.PairedEpoch)
	Alias uint64 // what the packet holds, for recordings; no lookup uses it
}

// Packet is what one Send put on the way. A doubled packet is one Packet that arrives twice. Bytes belong to the network
// and are valid until the handle is released.
type Packet struct {
	From, To sim.ProcID
	Label    Label
	Bytes    []byte

	subject sim.Key // without purpose; its ordinal counts only where ordinals are counted
	number  uint64  // how-manieth on its link, from 1
	link    int32
	refs    uint8 // arrivals to come, or not yet released; 0: free
	void    bool  // a newer packet took its place before it left: its arrivals mean nothing
}

// Packet returns the packet behind a handle, to look at. It panics if nothing of the packet is under way.
func (n *Network) Packet(handle uint32) *Packet {
	p := n.packets[handle]
	if p.refs == 0 {
		panic(fmt.Sprintf("network: packet %d is used after its release", handle))
	}
	return p
}

// Arrive hands an arriving packet to its receiver, who must Release the handle when it is done with the bytes. It returns
// nil, and has released the handle, if the link is cut now or the packet never left.
func (n *Network) Arrive(handle uint32) *Packet {
	p := n.Packet(handle)
	if p.void {
		n.Release(handle)
		return nil
	}
	l := &n.links[p.link]
	if l.cuts > 0 {
		n.stats.CutAtArrival++
		n.Release(handle)
		return nil
	}
	n.stats.Delivered++
	if p.number < l.heard {
		n.stats.Reordered++
	} else {
		l.heard = p.number
	}
	return p
}

// Discard is Arrive and Release for a receiver that is not there to hear: a crashed one.
func (n *Network) Discard(handle uint32) {
	if !n.packets[handle].void {
		n.stats.Unheard++
	}
	n.Release(handle)
}

// Release ends the use of one arrival. The last one makes the packet's memory free for another. It panics if there was
// nothing to release: somebody else's packet would be overwritten.
func (n *Network) Release(handle uint32) {
	p := n.Packet(handle)
	if p.refs--; p.refs == 0 {
		if p.void {
			p.void = false
			n.voided--
		}
		n.free = append(n.free, handle)
	}
}

// Fold adds the sender, the label and the bytes of a packet to d, and not its alias, handle or ordinal.
func (n *Network) Fold(handle uint32, d *sim.Digest) {
	p := n.Packet(handle)
	d.Word(uint64(p.From)<<8 | uint64(p.Label.Kind))
	d.Word(p.Label.Epoch)
	d.Bytes(p.Bytes)
}

// Describe appends a canonical line about a packet: "n1>n2 app t3 #4 ~1f2e 37 bytes". The part up to the ordinal is how
// disturbances name the packet; the ordinal is left out in runs that do not count them.
func (n *Network) Describe(handle uint32, dst []byte, v *sim.Vocabulary) []byte {
	p := n.Packet(handle)
	from := len(dst)
	dst = v.AppendKey(dst, p.subject.WithPurpose(PurposeLost))
	dst = slices.Delete(dst, from, from+len(nameLost)+1)
	if !n.counting {
		dst = dst[:len(dst)-len(" #0")]
	}
	if p.Label.Alias != 0 {
		dst = strconv.AppendUint(append(dst, " ~"...), p.Label.Alias, 16)
	}
	dst = append(strconv.AppendInt(append(dst, ' '), int64(len(p.Bytes)), 10), " bytes"...)
	if p.void {
		dst = append(dst, " (replaced)"...)
	}
	return dst
}

// take returns a free handle, its packet's memory kept from earlier use.
func (n *Network) take() uint32 {
	if last := len(n.free) - 1; last >= 0 {
		handle := n.free[last]
		n.free = n.free[:last]
		return handle
	}
	n.packets = append(n.packets, new(Packet))
	return uint32(len(n.packets) - 1)
}
