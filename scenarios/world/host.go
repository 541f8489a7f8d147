package world

import (
	"raftsim/network"
	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/server"
	"raftsim/sim"
)

// What a server asks of its host: server.Host.

// Moment implements server.Host.
func (n *node) Moment(m server.Moment, term uint64) bool {
	if n.fate != alive {
		return false
	}
	w := n.world
	w.counts.Moments[m]++
	if w.hazards.Quiet() {
		return true
	}
	strike := w.hazards.Strike(w.kernel.Now(), n.proc, uint8(m), term)
	switch {
	case strike.Power:
		n.fate = powerLost
	case strike.Crash:
		n.fate = crashed
	default:
		return true
	}
	n.down = strike.Down
	return false
}

// SendMessage implements server.Host.
func (n *node) SendMessage(m *raft.Message) {
	w := n.world
	switch {
	case m.Type == raft.MsgApp, m.Type == raft.MsgHeartbeat, m.Type == raft.MsgSnap:
		// Who leads a term has voted in it. A request for votes alone promises nothing: what counts is the vote that is counted.
		w.judges.Promised(n.id, m.Term, n.id)
	case m.Type == raft.MsgVoteResp && !m.Reject:
		w.judges.Promised(n.id, m.Term, m.To)
	case m.Reject && (m.Type == raft.MsgVoteResp || m.Type == raft.MsgPreVoteResp):
		w.refusedVote(n, m)
	case (m.Type == raft.MsgVote || m.Type == raft.MsgPreVote) && !w.members.voters.Has(n.proc):
		w.situation(n, SituationRemovedStands)
	case m.Type == raft.MsgAppResp && !m.Reject:
		w.judges.Promised(n.id, m.Term, 0)
		w.judges.AckedIn(n.id, m.Term, m.Index)
	}
	alias := m.Index<<16 | uint64(min(len(m.Entries), 4095))<<4
	if m.Reject {
		alias |= 1
	}
	w.counts.Messages[m.Type]++
	w.story.sent(n, m)
	w.network.Send(n.proc, sim.ProcID(m.To), network.Label{Kind: msgRaft + uint8(m.Type), Epoch: m.Term, Alias: alias},
		raft.AppendMessage(w.network.Buffer(), m))
}

// SendForward implements server.Host.
func (n *node) SendForward(to uint64, r *client.Request) {
	w := n.world
	w.counts.Forwards++
	if again := n.countReforwarded(); !again {
		w.situation(n, SituationForwarded)
	}
	w.story.forwards(n, to, r)
	w.network.Send(n.proc, sim.ProcID(to), network.Label{Kind: msgForward, Epoch: sim.PairedEpoch(r.Client, r.Seq), Alias: uint64(r.Attempt)},
		client.AppendRequest(w.network.Buffer(), r))
}

// SendReply implements server.Host.
func (n *node) SendReply(r *client.Reply) {
	w := n.world
	w.story.replies(n, r)
	read, taken := n.answered(r)
	switch r.Status {
	case client.ReplyOK:
		switch {
		case taken:
			w.counts.Reads++
			n.visit.answered = n.visit.answered || n.visit.asked > 0
			if read.lease && w.clocksBroken {
				read.floor = 0
			}
			w.judges.ReadAnswered(n.id, r.Index, read.floor)
		case r.Session != 0:
		default:
			switch w.session.Asked(r.Client, r.Seq) {
			case client.ReadLog:
				w.judges.AcknowledgedOperation(n.id, r.Client, r.Seq)
				w.answeredOwn(n)
			case client.ReadStale:
				w.counts.Stale.answered(w, r.Index)
			case client.ReadSequential:
				w.counts.Sequential.answered(w, r.Index)
			}
		}
	case client.ReplyRedirect:
		w.counts.Redirects++
		if n.request.Hops > 0 {
			w.counts.Routing.ForwardRedirects++
		} else {
			w.counts.Routing.FollowerRedirects++
		}
	case client.ReplyExpired:
		w.counts.Expired++
	case client.ReplyDropped:
		w.counts.Dropped++
	}
	to := clientBase + sim.ProcID(r.Client)
	if r.Via != 0 {
		to = sim.ProcID(r.Via)
	}
	w.network.Send(n.proc, to,
		network.Label{Kind: msgReply, Epoch: sim.PairedEpoch(r.Client, r.Seq), Alias: uint64(r.Status)},
		client.AppendReply(w.network.Buffer(), r))
}

// answered takes a read off the list of those this server has taken on, and reports whether it was there.
func (n *node) answered(r *client.Reply) (was read, taken bool) {
	for i, o := range n.reading {
		if o.client == r.Client && o.seq == r.Seq {
			n.reading = append(n.reading[:i], n.reading[i+1:]...)
			return o, true
		}
	}
	return read{}, false
}

// ApplyLater implements server.Host.
func (n *node) ApplyLater() {
	w := n.world
	w.kernel.Schedule(sim.Event{At: n.applicable().Add(w.config.ApplyDelay), To: n.proc, Kind: evApply, Payload: n.disk.Incarnation()})
}

// SendBeacon implements server.Host.
func (n *node) SendBeacon(to uint64, b *client.Beacon) {
	w := n.world
	w.counts.Routing.Beacons++
	w.network.Send(n.proc, sim.ProcID(to), network.Label{Kind: msgBeacon, Epoch: b.Term}, client.AppendBeacon(w.network.Buffer(), b))
}

// countReforwarded notes that what is being forwarded was kept for a leader, and reports whether it was.
func (n *node) countReforwarded() bool {
	if n.world.config.Server.Reforward == 0 {
		return false
	}
	now := n.server.Counters().Reforwarded
	again := now > n.routed.Reforwarded
	if n.routed.Reforwarded = now; again {
		n.world.counts.Routing.Reforwarded++
		n.world.situation(n, SituationReforwarded)
	}
	return again
}

// countHeld notes that a request is kept because no leader is known.
func (n *node) countHeld() {
	if n.world.config.Server.Reforward == 0 || !n.up() {
		return
	}
	if now := n.server.Counters().Held; now > n.routed.Held {
		n.routed.Held = now
		n.world.counts.Routing.Held++
		n.world.situation(n, SituationHeldForLeader)
	}
}
