package network

import (
	"time"

	"raftsim/sim"
)

// A link with a bandwidth puts one packet after the other on the wire: a packet of n bytes takes n/Bandwidth, and only then its delay begins.
// What comes while the wire is taken waits at the sender's machine, outside its process: a crash loses nothing of it. What a fate
// loses never takes the wire; the copy of a doubled packet is made behind it.

// Policy says what becomes of a packet that has to wait for its link.
type Policy uint8

const (
	// PolicyFIFO lets packets wait in the order of sending, Config.Queue of them at most. What comes when so many wait is dropped.
	PolicyFIFO Policy = iota
	// PolicyReplace lets a packet take the place of the one that waits last, for it knows more; of two appends (Config.Append) of one epoch
	// the newer one is dropped, for it would leave a gap behind what the receiver has. That is for packets that can be replaced
	// (Config.Replaceable); where one of the two cannot, the newer one waits behind, as with PolicyFIFO.
	PolicyReplace
	policyEnd
)

// PolicyNames returns the names of the policies, by number.
func PolicyNames() []string { return []string{"fifo", "replace"} }

// wire is the near end of a link with a bandwidth.
type wire struct {
	free   sim.Time   // when what is on it, or waits for it, has left
	starts []sim.Time // when packets that waited, or wait, get on it, rising; those before head have
	head   int

	last     uint32   // the handle of the packet that was put last
	promised sim.Time // what link.last was before it
}

func (w *wire) reset() { *w = wire{starts: w.starts[:0]} }

// waiting returns how many packets wait at a time.
func (w *wire) waiting(now sim.Time) int {
	for w.head < len(w.starts) && w.starts[w.head] <= now {
		w.head++
	}
	if w.head > 64 && 2*w.head > len(w.starts) {
		w.starts = w.starts[:copy(w.starts, w.starts[w.head:])]
		w.head = 0
	}
	return len(w.starts) - w.head
}

// put takes the wire for a packet and returns when the last of its bytes has left.
func (n *Network) put(l *link, now sim.Time, handle uint32) sim.Time {
	w := &l.wire
	w.last, w.promised = handle, l.last
	start := max(now, w.free)
	w.free = start.Add(n.wireTime(len(n.packets[handle].Bytes)))
	if start > now {
		n.stats.Queued++
		w.starts = append(w.starts, start)
		n.stats.LongestQueue = max(n.stats.LongestQueue, len(w.starts)-w.head)
	}
	return w.free
}

// wireTime is how long so many bytes take, rounded up. A packet has less than 2^33 of them.
func (n *Network) wireTime(bytes int) time.Duration {
	each := uint64(n.config.Bandwidth)
	return time.Duration((uint64(bytes)*uint64(time.Second) + each - 1) / each)
}

// admit reports whether a packet gets on the wire or finds a place to wait, and makes the place.
func (n *Network) admit(l *link, label Label, now sim.Time) bool {
	w := &l.wire
	waiting := w.waiting(now)
	if waiting == 0 {
		return true
	}
	old := n.packets[w.last]
	if n.config.Policy == PolicyFIFO || min(label.Kind, old.Label.Kind) < n.config.Replaceable {
		if n.config.Queue > 0 && waiting >= n.config.Queue {
			n.stats.QueueDrops++
			return false
		}
		return true
	}
	if label.Kind == n.config.Append && label.Kind == old.Label.Kind && label.Epoch == old.Label.Epoch {
		n.stats.QueueDrops++
		return false
	}
	n.replace(l, old)
	return true
}

// replace takes the packet that was put last off its place. The events of its arrivals are queued already and mean nothing from now on.
func (n *Network) replace(l *link, old *Packet) {
	w := &l.wire
	n.stats.Replaced++
	if old.refs > 1 {
		n.stats.Doubled--
	}
	old.void = true
	n.voided++
	last := len(w.starts) - 1
	w.free, l.last = w.starts[last], w.promised
	w.starts = w.starts[:last]
}
