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
	l.cuts--
}

// Blocked reports whether the link is cut now.
func (n *Network) Blocked(from, to sim.ProcID) bool { return n.link(from, to).cuts > 0 }

// HealAll takes back every Block. Who blocked must not unblock any more.
func (n *Network) HealAll() {
	for i := range n.links {
		n.links[i].cuts = 0
	}
}
