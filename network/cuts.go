package network

import (
	"fmt"

	"raftsim/sim"
)

// Block cuts the link from one process to another. A link that is cut twice opens when it was unblocked twice.
func (n *Network) Block(from, to sim.ProcID) { n.link(from, to).cuts++ }

// Unblock takes back one Block. It panics if there is none left: a cut would have ended that belongs to somebody else.
func (n *Network) Unblock(from, to sim.ProcID) {
	l := n.link(from, to)
	if l.cuts == 0 {
		panic(fmt.Sprintf("network: link from %d to %d is unblocked more often than blocked", from, to))
	}
	if l.cuts--; l.cuts == 0 {
		n.letGo(l)
	}
}

// Blocked reports whether the link is cut now.
func (n *Network) Blocked(from, to sim.ProcID) bool { return n.link(from, to).cuts > 0 }

// HealAll takes back every Block. Who blocked must not unblock any more.
func (n *Network) HealAll() {
	for i := range n.links {
		n.links[i].cuts = 0
		n.letGo(&n.links[i])
	}
}

// letGo sends on what a link held. A deposed leader's appends come out of it, terms later and all at once.
func (n *Network) letGo(l *link) {
	for _, handle := range l.held {
		now := n.kernel.Now()
		if n.config.Bandwidth > 0 {
			now = n.put(l, now, handle)
		}
		arrival := now.Add(l.delay)
		if n.config.FIFO {
			arrival = max(arrival, l.last.Add(1))
			l.last = arrival
		}
		n.announce(arrival, n.packets[handle].To, handle)
	}
	l.held = l.held[:0]
}
