package front

import (
	"slices"

	"raftsim/raft/client"
)

// HandleRequest takes in a request of a client. r belongs to the caller again when the call returns.
func (f *Front) HandleRequest(now int64, r *client.Request, env Env) {
	f.enter(now)
	if r.Client == 0 || r.Seq == 0 || r.Attempt == 0 || r.Hops > 0 {
		return
	}
	if r.Kind == client.KindWho {
		f.counters.Told++
		f.reply = client.Reply{
			Client: r.Client, Seq: r.Seq, Attempt: r.Attempt, Status: client.ReplyWho, Leader: f.leader, Term: f.term,
		}
		env.SendReply(&f.reply)
		return
	}
	f.counters.Requests++
	if f.cfg.Mode == Registry {
		f.refuse(r, client.ReplyUnavailable, env)
		return
	}
	w := f.find(r.Client, r.Seq)
	switch {
	case w == nil && f.kept == f.cfg.Queue:
		f.counters.Refused++
		f.refuse(r, client.ReplyBusy, env)
		return
	case w == nil:
		w = f.add()
	case r.Attempt < w.request.Attempt:
		return
	case r.Attempt > w.request.Attempt:
		f.suspect(w.server) // the client has waited long enough
	}
	command := append(w.request.Command[:0], r.Command...)
	w.request = *r
	w.request.Command, w.request.Via = command, f.cfg.ID
	w.tries, w.end = 0, later(f.now, f.cfg.Patience)
	f.send(w, f.choose(w), env)
}

// HandleReply takes in the answer of a server. r belongs to the caller again when the call returns.
func (f *Front) HandleReply(now int64, r *client.Reply, env Env) {
	f.enter(now)
	w := f.find(r.Client, r.Seq)
	if w == nil {
		f.counters.Strays++
		return
	}
	f.trust(w.server)
	if f.cfg.Mode == Frontend && !own(&w.request) {
		switch r.Status {
		case client.ReplyRedirect, client.ReplyUnavailable, client.ReplyDropped:
			if r.Attempt == w.request.Attempt {
				f.refused(w, r, env)
			} else {
				f.counters.Strays++
			}
			return
		}
	}
	f.pass(w, r, env)
}

// HandleBeacon takes in the announcement of a leader.
func (f *Front) HandleBeacon(now int64, b *client.Beacon, env Env) {
	f.enter(now)
	if b.Term < f.term || !slices.Contains(f.cfg.Servers, b.Leader) {
		return
	}
	f.trust(b.Leader)
	another := b.Leader != f.leader || b.Term != f.term
	f.leader, f.term, f.heard = b.Leader, b.Term, f.now
	if f.cfg.Mode != Frontend || !another {
		return
	}
	for i := range f.rows {
		w := &f.rows[i]
		if w.request.Client == 0 || own(&w.request) || w.server == f.leader {
			continue
		}
		if w.server != 0 {
			f.counters.Resent++
		}
		w.tries = 0
		f.send(w, f.leader, env)
	}
}

// refused sends a request to another server than the one that refused it, or keeps it until a leader announces itself.
func (f *Front) refused(w *row, r *client.Reply, env Env) {
	if f.leader == w.server {
		f.leader = 0
	}
	next := r.Leader
	if next == w.server || !slices.Contains(f.cfg.Servers, next) {
		next = f.leader
	}
	if next == 0 || w.tries >= f.cfg.MaxRedirects {
		if w.server != 0 {
			f.counters.Held++
		}
		w.server = 0
		return
	}
	if f.leader == 0 {
		f.leader, f.heard = next, f.now
	}
	w.tries++
	f.counters.Redirects++
	f.send(w, next, env)
}

// pass hands an answer on to its client.
func (f *Front) pass(w *row, r *client.Reply, env Env) {
	if r.Status == client.ReplyOK || r.Attempt == w.request.Attempt {
		f.free(w)
	}
	f.counters.Answered++
	f.reply = *r
	f.reply.Via = 0
	env.SendReply(&f.reply)
	f.reply.Result = nil
}

// choose returns whom a request goes to.
func (f *Front) choose(w *row) uint64 {
	if !own(&w.request) && f.cfg.Mode != Any && f.leader != 0 {
		return f.leader
	}
	for range f.cfg.Servers {
		f.turn = (f.turn + 1) % len(f.cfg.Servers)
		if f.now >= f.rest[f.turn] {
			return f.cfg.Servers[f.turn]
		}
	}
	f.turn = (f.turn + 1) % len(f.cfg.Servers) // all the same
	return f.cfg.Servers[f.turn]
}

// suspect passes over a server that did not answer for a few times as long.
func (f *Front) suspect(server uint64) {
	if i := slices.Index(f.cfg.Servers, server); i >= 0 {
		f.rest[i] = later(f.now, 4*f.cfg.Patience)
		f.counters.Suspected++
	}
}

// trust takes back what suspect did: the server lives.
func (f *Front) trust(server uint64) {
	if i := slices.Index(f.cfg.Servers, server); i >= 0 {
		f.rest[i] = f.now
	}
}

// send sends a request to a server.
func (f *Front) send(w *row, server uint64, env Env) {
	w.server = server
	f.counters.Sent++
	f.request = w.request
	env.SendRequest(server, &f.request)
	f.request = client.Request{}
}

func (f *Front) refuse(r *client.Request, status client.ReplyStatus, env Env) {
	f.reply = client.Reply{Client: r.Client, Seq: r.Seq, Attempt: r.Attempt, Status: status}
	env.SendReply(&f.reply)
}

// own reports whether the server that is asked answers, whoever leads.
func own(r *client.Request) bool {
	return r.Kind == client.KindRead && (r.Read == client.ReadFollower || r.Read.Own())
}

// find returns the row of an operation, nil if there is none. Cost: O(Config.Queue).
func (f *Front) find(id, seq uint64) *row {
	for i := range f.rows {
		if r := &f.rows[i].request; r.Client == id && r.Seq == seq && id != 0 {
			return &f.rows[i]
		}
	}
	return nil
}

// add returns a free row.
func (f *Front) add() *row {
	f.kept++
	for i := range f.rows {
		if f.rows[i].request.Client == 0 {
			return &f.rows[i]
		}
	}
	f.rows = append(f.rows, row{})
	return &f.rows[len(f.rows)-1]
}

func (f *Front) free(w *row) {
	f.kept--
	w.request.Client = 0
}
