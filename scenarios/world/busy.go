package world

import (
	"time"

	"raftsim/sim"
	"raftsim/sim/disk"
)

// A server is handled at one instant, and what that would have taken (Config.StepCost, Config.ApplyCost) is made up for in two ways: what it
// sends leaves later by as much, and what comes while it is busy waits in the order of arrival, deadlines that pass among the rest. Its
// disk is told at once. What it has said before it dies stays said, even if it would have been a little later: all of it rested on
// what was durable.
//
// Entries are applied in the turn that hands them out, and make the server busy; with asynchronous application they make the applier
// busy, and the server goes on.

// work is something a server has to handle: a message, a request, the end of a sync, a deadline.
type work struct {
	kind   callKind
	handle uint32          // of a message or request
	done   disk.Completion // of a sync
}

// labour is how busy a server is. The zero value is idle.
type labour struct {
	until   sim.Time      // busy
	applier sim.Time      // busy, with asynchronous application
	spent   time.Duration // by the call under way
	apply   bool          // the call is the applier's

	backlog []work // what waits, from head on
	head    int
	ticking bool   // a deadline that has passed is part of it
	waking  bool   // an evFree is on its way
	life    uint32 // rises at every death: it is void if it is of an earlier one
}

func (l *labour) waiting() int { return len(l.backlog) - l.head }

// handle has the server do something now, or when it is free.
func (n *node) handle(job work) {
	l := &n.labour
	if l.waiting() == 0 && l.until <= n.world.kernel.Now() {
		n.do(job)
		return
	}
	if l.head > 64 && 2*l.head > len(l.backlog) {
		l.backlog = l.backlog[:copy(l.backlog, l.backlog[l.head:])]
		l.head = 0
	}
	l.backlog = append(l.backlog, job)
	l.ticking = l.ticking || job.kind == callTick
	n.world.counts.Waited++
	n.attend()
}

// do has the server do something now.
func (n *node) do(job work) {
	n.spend(n.world.config.StepCost)
	n.call(job.kind, job.handle, job.done)
	n.letGo(&job)
}

// letGo ends the use of what came with a job.
func (n *node) letGo(job *work) {
	if job.kind == callMessage || job.kind == callRequest {
		n.world.network.Release(job.handle)
	}
}

// free has the server do the next thing that waits, if it is free.
func (n *node) free() {
	l := &n.labour
	l.waking = false
	if l.waiting() == 0 || l.until > n.world.kernel.Now() {
		return
	}
	job := l.backlog[l.head]
	if l.head++; l.head == len(l.backlog) {
		l.backlog, l.head = l.backlog[:0], 0
	}
	if job.kind == callTick {
		l.ticking = false
	}
	n.do(job)
}

// attend makes sure that the server is woken for what waits when it is free.
func (n *node) attend() {
	l := &n.labour
	if l.waiting() > 0 && !l.waking {
		l.waking = true
		w := n.world
		w.kernel.Schedule(sim.Event{At: max(l.until, w.kernel.Now()), To: n.proc, Kind: evFree, Payload: l.life})
	}
}

// spend adds to what the call under way takes: what it sends from here on leaves later by that.
func (n *node) spend(d time.Duration) {
	if d > 0 {
		n.labour.spent += d
		n.world.network.Behind(n.labour.spent)
	}
}

// charge makes the server, or its applier, busy with what the call has spent.
func (n *node) charge() {
	l := &n.labour
	if l.spent > 0 {
		busy := &l.until
		if l.apply {
			busy = &l.applier
		}
		*busy = max(*busy, n.world.kernel.Now()).Add(l.spent)
		l.spent = 0
		n.world.network.Behind(0)
	}
	l.apply = false
}

// applicable is when entries handed out now reach the applier.
func (n *node) applicable() sim.Time {
	return max(n.world.kernel.Now().Add(n.labour.spent), n.labour.applier)
}

// drop forgets what waits: the process that would have done it is dead.
func (n *node) drop() {
	l := &n.labour
	for i := l.head; i < len(l.backlog); i++ {
		n.letGo(&l.backlog[i])
	}
	*l = labour{backlog: l.backlog[:0], life: l.life + 1}
}
