package client

import "slices"

// routes is what a client knows about servers. It outlives operations.
type routes struct {
	cursor int    // place in the rotation, where the next operation's begins
	reader int    // place in the rotation of follower and stale reads
	home   uint64 // where an operation begins unless a leader is believed in: the server that answered last
	leader uint64 // the leader hinted at last, 0 unknown
}

// begin returns where an operation begins.
func (r *routes) begin(cfg *Config, read ReadKind) uint64 {
	if read.local() {
		if cfg.Spread {
			r.reader = (r.reader + 1) % len(cfg.Servers)
		}
		return cfg.Servers[r.reader]
	}
	if cfg.Ways && cfg.Locate == LocateHints {
		r.cursor = (r.cursor + 1) % len(cfg.Servers)
		return cfg.Servers[r.cursor]
	}
	if !cfg.Sticky && r.leader != 0 {
		return r.leader
	}
	return r.home
}

// place returns where in the rotation an operation begins. It is asked after begin.
func (r *routes) place(read ReadKind) int {
	if read.local() {
		return r.reader
	}
	return r.cursor
}

// answered notes that a server has answered an operation.
func (r *routes) answered(cfg *Config, op *operation, server uint64) {
	if op.request.Read.local() {
		r.reader = cfg.place(server)
		return
	}
	r.home = server
}

// place returns where a server is in the rotation, or -1. Cost: O(servers).
func (c *Config) place(server uint64) int { return slices.Index(c.Servers, server) }

// silent moves an operation on from a server that did not answer in time.
func (c *Client) silent(op *operation) {
	c.counters.Timeouts++
	op.redirects, op.busy = 0, false
	if op.request.Read.local() {
		c.rotate(op)
		return
	}
	if c.routes.leader == op.server {
		c.routes.leader = 0
	}
	c.rotate(op)
	c.routes.home = op.server
}

// redirected follows a hint to another known server, as long as hints do not come too often in a row.
func (c *Client) redirected(i int, leader uint64, env Env) {
	op := &c.ops[i]
	if op.request.Read.local() || leader == op.server || c.cfg.place(leader) < 0 || op.redirects >= c.cfg.MaxRedirects {
		c.counters.Bounced++
		c.refused(op)
		return
	}
	c.counters.Redirects++
	op.redirects++
	op.busy = false
	c.routes.leader = leader
	op.server = leader
	c.attempt(i, env)
}

// refused plans an attempt at the next server in rotation, and gives up the belief in a leader.
func (c *Client) refused(op *operation) {
	if !op.request.Read.local() {
		c.routes.leader = 0
	}
	op.busy = false
	c.rotate(op)
	c.pause(op)
}

// pause plans the next attempt, at op.server. After it, hints are followed anew.
func (c *Client) pause(op *operation) {
	op.redirects = 0
	op.phase = phaseWaiting
	op.wake = later(c.now, int64(c.cfg.RetryDelay))
}

// rotate moves an operation on to the next server in rotation that is not the one asked last. Each operation goes round on its own:
// if several under way shared one place, each would see only some of the servers, and one of them perhaps only dead ones.
func (c *Client) rotate(op *operation) {
	n := len(c.cfg.Servers)
	op.place = (op.place + 1) % n
	if c.cfg.Servers[op.place] == op.server {
		op.place = (op.place + 1) % n
	}
	op.server = c.cfg.Servers[op.place]
	if op.request.Read.local() {
		c.routes.reader = op.place
	} else {
		c.routes.cursor = op.place
	}
}

// misled deals with a server that was named by a registry and does not lead: its hint is not followed, the registry is asked again. Of any
// other named server it takes note only.
func (c *Client) misled(op *operation, r *Reply) bool {
	if !c.locates(op) || r.Status != ReplyRedirect && r.Status != ReplyUnavailable {
		return false
	}
	c.counters.Misled++
	if c.cfg.Locate != LocateRegistry || r.Status != ReplyRedirect {
		return false
	}
	c.counters.Bounced++
	c.refused(op)
	return true
}
