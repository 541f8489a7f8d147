package world

import (
	"fmt"
	"time"

	"raftsim/faults"
	"raftsim/raft"
	"raftsim/sim"
)

// operator is whoever runs the cluster: it gives new servers an empty disk and starts them, asks the leader for changes of the
// membership until the one it wants is in force, and takes servers away that are no members any more. It sees the servers'
// state, as a person with access to all of them would, and acts on what is committed only.
//
// The order it keeps matters: a server is wiped only when a configuration without it is committed, and is added only after that
// under its old id; what it knew is then of no more use to anyone (raft.InitialState: a server that joins abstains until it learns
// of its own addition).
type operator struct {
	world    *World
	voters   faults.Side
	learners faults.Side
	joint    bool
	active   bool // wants something
	planned  int  // memberships of the plan that were begun
	left     bool // a joint configuration may be in force that nobody else leaves
	awake    bool // an event is under way
	change   raft.ConfChange
	newest   uint64 // entry of the newest configuration that it has seen committed
}

const operatorProc sim.ProcID = 4001

// Reconfigure implements faults.World.
func (w *World) Reconfigure(voters, learners faults.Side, joint bool) bool {
	o := &w.operator
	if !o.active {
		if v, l := w.Members(); v == voters && l == learners {
			return false
		}
	}
	o.voters, o.learners, o.joint, o.active = voters, learners, joint, true
	o.wake(0)
	return true
}

// Transition is the way in which an operator has memberships changed.
type Transition uint8

const (
	// TransitionSteps: one server after the other, or all at once through a joint configuration where a membership says so.
	TransitionSteps Transition = iota
	// TransitionAuto: all at once; the leader decides whether through a joint configuration.
	TransitionAuto
	// TransitionExplicit: all at once through a joint configuration, which is left when the operator asks for it.
	TransitionExplicit
)

// TransitionNames returns the names of the transitions, by number.
func TransitionNames() []string { return []string{"steps", "auto", "explicit"} }

// Membership is one that an operator is to bring about.
type Membership struct {
	Voters, Learners faults.Side
	Joint            bool // through a joint configuration in any case; else by single steps
}

// follow turns to the next membership of the plan, if there is one.
func (o *operator) follow() bool {
	plan := o.world.config.Memberships
	if o.planned == len(plan) {
		return false
	}
	m := plan[o.planned]
	o.planned++
	o.voters, o.learners, o.joint, o.active = m.Voters, m.Learners, m.Joint, true
	return true
}

// done reports whether everything the operator ever wanted came about.
func (o *operator) done() bool { return !o.active && o.planned == len(o.world.config.Memberships) }

// stop makes the operator want nothing more. A change that is under way goes on.
func (o *operator) stop() { o.active = false }

func (o *operator) wake(after time.Duration) {
	if !o.awake {
		o.awake = true
		k := &o.world.kernel
		k.Schedule(sim.Event{At: k.Now().Add(after), To: operatorProc, Kind: evOperate})
	}
}

// interval is how often an operator looks whether it can go on.
func (o *operator) interval() time.Duration { return o.world.config.Raft.HeartbeatInterval }

// Deliver implements sim.Process.
func (o *operator) Deliver(ev sim.Event) {
	o.world.stamp()
	o.awake = false
	if !o.active {
		o.retire()
		if !o.follow() {
			o.leave()
			return
		}
	}
	o.work()
	if o.active {
		o.wake(o.interval())
		return
	}
	o.wake(2 * o.world.config.Raft.ElectionTimeout) // until then servers that were removed go on running
}

// leave sees to it that a joint configuration does not stay because the operator wants nothing more. That one may come into force long
// after it was asked for, so there is no end to looking.
func (o *operator) leave() {
	if !o.left {
		return
	}
	o.wake(o.world.config.Raft.ElectionTimeout)
	if leader := o.world.server(o.world.Leader()); leader != nil && leader.paused == 0 {
		o.leaves(leader)
	}
}

// leaves asks a leader to leave a joint configuration that it does not leave by itself. It reports whether there was one.
func (o *operator) leaves(leader *node) bool {
	st, conf := leader.server.Status(), leader.configuration()
	if len(conf.Outgoing) == 0 || conf.AutoLeave || st.ConfIndex > st.Commit {
		return false
	}
	o.change.Changes, o.change.Transition = o.change.Changes[:0], raft.ConfTransitionAuto
	o.ask(leader)
	return true
}

// work takes the next step. An operator in a hurry takes the one after it at once, while the first is under way: the leader must refuse.
func (o *operator) work() {
	leader := o.world.server(o.world.Leader())
	if leader == nil || leader.paused > 0 || o.leaves(leader) {
		return
	}
	if o.step(leader) && o.world.config.Impatient && leader.running() {
		o.step(leader)
	}
}

// step asks a leader for the next change, and reports whether it is in the log.
func (o *operator) step(leader *node) bool {
	w := o.world
	st := leader.server.Status()
	conf, index, ok := o.settled(leader)
	voters, learners := sideOf(conf.Voters), sideOf(conf.Learners)
	members := voters | learners
	if !ok && st.ConfIndex < o.newest {
		return false // it was deposed without knowing it
	}
	if ok {
		o.noteMembers(members)
		if o.voters == 0 {
			o.active = false // nobody is left of what it wanted
			return false
		}
	}
	switch {
	case !ok && (!w.config.Impatient || (o.voters|o.learners)&^members != 0):
		return false // whoever is to join may still be the member it was: only what is committed says
	case !ok:
	case voters == o.voters && learners == o.learners:
		o.active = false
		w.counts.MembershipsReached++
		return false
	}
	o.change.Changes = o.change.Changes[:0]
	for _, n := range w.nodes[:w.slots()] {
		side, wanted := faults.SideOf(n.proc), raft.ConfChangeSingle{ID: n.id}
		switch {
		case o.voters&side != 0 && voters&side == 0:
			wanted.Type = raft.ConfChangeAddVoter
		case o.learners&side != 0 && learners&side == 0:
			wanted.Type = raft.ConfChangeAddLearner
		case (o.voters|o.learners)&side == 0 && members&side != 0:
			wanted.Type = raft.ConfChangeRemove
		default:
			continue
		}
		if members&side == 0 {
			n.join(index)
		}
		o.change.Changes = append(o.change.Changes, wanted)
	}
	if len(o.change.Changes) == 0 {
		return false // what is under way is all that is wanted
	}
	o.change.Transition = raft.ConfTransitionAuto
	switch {
	case w.config.Transition == TransitionExplicit:
		o.change.Transition, o.left = raft.ConfTransitionExplicit, true
	case o.joint:
		o.change.Transition = raft.ConfTransitionJoint
	case w.config.Transition == TransitionSteps:
		// One by one, additions first: the cluster never is smaller than it must be.
		o.change.Changes = o.change.Changes[:firstAddition(o.change.Changes)+1]
		o.change.Changes = o.change.Changes[len(o.change.Changes)-1:]
	}
	return o.ask(leader)
}

// noteMembers notes who is a member by what is committed, and gives up who has joined and lost its disk since.
func (o *operator) noteMembers(members faults.Side) {
	for _, n := range o.world.nodes[:o.world.slots()] {
		switch {
		case members.Has(n.proc):
			n.state = member
		case n.state == fresh && (n.wiped || n.gone):
			o.giveUp(n)
		}
	}
}

// settled returns the configuration in force at a leader and the entry that made it, if it is committed and no joint one. It is not if a
// newer one was: a leader may have been deposed without knowing it.
func (o *operator) settled(leader *node) (conf raft.ConfState, index uint64, ok bool) {
	st := leader.server.Status()
	conf = leader.configuration()
	if st.ConfIndex > st.Commit || st.ConfIndex < o.newest || len(conf.Outgoing) > 0 {
		return conf, 0, false
	}
	o.newest = st.ConfIndex
	return conf, st.ConfIndex, true
}

// giveUp makes the operator want the cluster without a server. Its disk was lost to a fault when it had joined, and was no member yet
// as far as is known: it may be asked to vote all the same, by a leader that has the change in its log. So it must not begin anew as
// the same member, and a cluster that counts on it may never get a quorum.
func (o *operator) giveUp(n *node) {
	side := faults.SideOf(n.proc)
	o.voters &^= side
	o.learners &^= side
}

// ask asks a leader for the change, and reports whether it is in the log.
func (o *operator) ask(leader *node) bool {
	counts := &o.world.counts
	counts.ChangesAsked++
	switch err := leader.ask(); err {
	case nil:
		counts.ChangesBegun++
		return true
	case raft.ErrConfChangePending:
		counts.ChangesPending++
	}
	return false
}

func firstAddition(changes []raft.ConfChangeSingle) int {
	for i := range changes {
		if changes[i].Type != raft.ConfChangeRemove {
			return i
		}
	}
	return 0
}

// retire takes away the servers that are no members: they have been told, or never will be.
func (o *operator) retire() {
	w := o.world
	leader := w.server(w.Leader())
	if leader == nil {
		return
	}
	conf, _, ok := o.settled(leader)
	if !ok {
		return
	}
	members := sideOf(conf.Voters) | sideOf(conf.Learners)
	for _, n := range w.nodes[:w.slots()] {
		if n.up() && !members.Has(n.proc) && n.state != fresh {
			n.kill(takenAway, 0)
			w.counts.Retired++
		}
	}
}

func sideOf(ids []uint64) (s faults.Side) {
	for _, id := range ids {
		s |= faults.SideOf(sim.ProcID(id))
	}
	return s
}

// Fold implements sim.Process.
func (o *operator) Fold(sim.Event, *sim.Digest) {}

// Describe implements sim.Process.
func (o *operator) Describe(_ sim.Event, dst []byte) []byte {
	if !o.active {
		return append(dst, "the operator takes servers away that are no members"...)
	}
	return fmt.Appendf(dst, "the operator wants %v as voters, %v as learners", o.voters, o.learners)
}
