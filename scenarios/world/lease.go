package world

import (
	"fmt"

	"raftsim/checker"
)

// judgeLeases: a lease says that nobody else can have been elected. So who wins an election finds no other server that would still
// answer reads by its lease, at its own clock. What such a server would answer is not waited for: a read at the right moment is rare.
// Where a clock has been worse than its bound, leases are void.
func (n *node) judgeLeases(term uint64) {
	w := n.world
	if !w.config.Raft.LeaseReads || w.clocksBroken {
		return
	}
	for _, o := range w.nodes[:w.slots()] {
		if o == n || !o.running() {
			continue
		}
		core, ok := o.core.(interface{ LeaseHeld(now int64) bool })
		if !ok || !core.LeaseHeld(o.now()) {
			continue
		}
		if st := o.core.Status(); st.Term < term {
			w.find(checker.Linearizability, "lease-overlaps-leader", o.id,
				fmt.Sprintf("n%d won term %d while the lease of n%d in term %d goes on", n.id, term, o.id, st.Term))
		}
	}
}
