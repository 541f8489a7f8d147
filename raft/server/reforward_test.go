package server

import (
	"testing"

	"raftsim/raft"
	"raftsim/raft/client"
)

// leads makes the scripted core believe in a leader and hand out something, so that the server looks.
func leads(r *rig, core *script, lead, term uint64) {
	core.status.Lead, core.status.Term, core.status.Role = lead, term, raft.StateFollower
	if lead == r.server.cfg.Raft.ID {
		core.status.Role = raft.StateLeader
	}
	core.readies = []raft.Ready{{}}
	r.step(raft.Message{})
}

// A follower that knows of no leader keeps what it is asked, and sends it on as soon as it learns of one, and again to the next one, until it
// is done. It never sends on what another server has forwarded.
func TestHeldUntilThereIsALeader(t *testing.T) {
	r := newRig(t, 1, 3)
	r.cfg.Forward, r.cfg.Reforward = true, 2
	core := r.scripted()
	r.running().opened(core)
	r.host.lines = nil
	core.status.Lead = raft.None
	r.request(ask(5, 2, 1))
	r.request(ask(5, 2, 2))
	r.want()
	r.request(forwardedBy(3, ask(6, 2, 1)))
	r.want("reply c6 #2 try 1 unavailable")

	leads(r, core, 2, 3)
	r.want("forward to n2: command c5 #2 try 2 from n1 session 5 after #1 ack #2: 10 bytes")
	leads(r, core, 2, 3)
	r.want()
	leads(r, core, raft.None, 3)
	r.want()
	leads(r, core, 2, 3) // who knows whether it heard
	r.want("forward to n2: command c5 #2 try 2 from n1 session 5 after #1 ack #2: 10 bytes")
	leads(r, core, 3, 4)
	r.want("forward to n3: command c5 #2 try 2 from n1 session 5 after #1 ack #2: 10 bytes")

	core.readies = []raft.Ready{committed(entry(1, 9, 5, 2))}
	r.step(raft.Message{})
	r.want("reply c5 #2 try 2 ok, index 9: 1 bytes")
	leads(r, core, 2, 5)
	r.want()
	if n := r.server.Counters(); n.Held != 2 || n.Reforwarded != 3 {
		t.Errorf("%+v", n)
	}
}

// Who kept requests and is elected itself proposes them.
func TestHeldIsProposedByTheElected(t *testing.T) {
	r := newRig(t, 1, 3)
	r.cfg.Forward, r.cfg.Reforward = true, 2
	core := r.scripted()
	r.running().opened(core)
	core.status.Lead = raft.None
	r.request(ask(5, 2, 1))
	leads(r, core, 1, 3)
	if core.proposes != 1 {
		t.Errorf("%d proposals, want 1", core.proposes)
	}
}

// What is kept is bounded, and without the option nothing is.
func TestHeldIsBounded(t *testing.T) {
	for bound := range 3 {
		r := newRig(t, 1, 3)
		r.cfg.Forward, r.cfg.Reforward = true, bound
		core := r.scripted()
		r.running().opened(core)
		core.status.Lead = raft.None
		r.host.lines = nil
		for id := uint64(5); id < 9; id++ {
			r.request(ask(id, 2, 1))
		}
		if got := len(r.host.replies); got != 4-bound {
			t.Errorf("room for %d: %d refused", bound, got)
		}
	}
}

// Anybody says at once whom it believes to lead.
func TestWho(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running().opened(core)
	core.status.Lead, core.status.Term = 2, 7
	r.host.lines = nil
	r.request(client.Request{Kind: client.KindWho, Client: 5, Seq: 3, Attempt: 1})
	r.want("reply c5 #3 try 1 who, leader n2, term 7")
}

// An answer goes back through the front that the latest attempt came through.
func TestVia(t *testing.T) {
	r := newRig(t, 1, 3)
	core := r.scripted()
	r.running().opened(core)
	core.status.Role, core.status.Lead = raft.StateLeader, 1
	first, second := ask(5, 2, 1), ask(5, 2, 2)
	first.Via, second.Via = 2049, 2050
	r.host.lines = nil
	r.request(first)
	r.request(second)
	core.readies = []raft.Ready{committed(entry(1, 9, 5, 2))}
	r.step(raft.Message{})
	r.want("reply c5 #2 try 2 via 2050 ok, index 9: 1 bytes")
	again := query(client.ReadStale, 5, 3, 1)
	again.Via = 2049
	r.request(again)
	if got := r.host.replies[len(r.host.replies)-1].Via; got != 2049 {
		t.Errorf("a read through 2049 is answered through %d", got)
	}
}

// A leader tells those in front of the cluster when it is elected and with every heartbeat interval, and no longer than it leads.
func TestBeacons(t *testing.T) {
	r := newRig(t, 1, 1)
	r.cfg.Announce = []uint64{2049, 2050}
	r.running()
	r.host.lines = nil
	r.server.Campaign(r.now)
	r.syncAll()
	said := 0
	for _, line := range r.host.take() {
		if line == "to 2049: beacon n1 t1" {
			said++
		}
	}
	if said != 1 {
		t.Errorf("%d beacons at the election, want 1", said)
	}
	r.now += int64(r.cfg.Raft.HeartbeatInterval)
	if at := r.server.Deadline(); at > r.now {
		t.Errorf("next deadline %d, want %d", at, r.now)
	}
	r.server.Tick(r.now)
	said = 0
	for _, line := range r.host.take() {
		if line == "to 2050: beacon n1 t1" {
			said++
		}
	}
	if said != 1 {
		t.Errorf("%d beacons after a heartbeat interval, want 1", said)
	}
}
