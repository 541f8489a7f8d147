// Package client is the client of a replicated state machine as a component: it numbers operations, finds a server that
// will have them committed, retries, and gives up. It is event-driven: no clock, no I/O, no goroutine; its host passes in the
// time and carries messages.
//
// The terms:
//
//   - An operation is one command with one sequence number. A client has at most one outstanding.
//   - An attempt is one request sent for an operation. Attempts share (client, sequence number), so the servers' sessions
//     execute the command at most once however many attempts get into the log.
//   - An operation is completed by the first ReplyOK to any of its attempts. It is abandoned when its time is up: the
//     outcome is unknown; an attempt still under way may take effect once, but not after the client's next operation has.
//   - A refusal (redirect, busy, unavailable) is about one attempt. It never says that the operation will not happen: an
//     earlier attempt may be in a log.
//
// How the next server is chosen (nothing is random; the same events give the same choices):
//
//   - redirect to a known server: that one, at once; after MaxRedirects in a row as if unavailable;
//   - busy: the same server after RetryDelay, once; then the next in rotation;
//   - unavailable, or a hint that leads nowhere: the next in rotation after RetryDelay;
//   - no reply within AttemptTimeout: the next in rotation at once.
//
// The rotation goes through Config.Servers whatever redirects happen in between: a hint that keeps naming a dead server cannot
// keep the client from the others.
package client

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Env is what a client does to the world. Completed and Abandoned are the last thing a call into the client does, and may
// call Begin; SendRequest must not call the client.
type Env interface {
	// SendRequest sends r to a server; loss is allowed. r and its command are valid during the call only.
	SendRequest(server uint64, r *Request)
	// Completed: the operation was applied exactly once, with this result, which is valid during the call only.
	Completed(seq uint64, result []byte)
	// Abandoned: nobody knows. The operation may have taken effect, or may yet, at most once. Its number is not used again.
	Abandoned(seq uint64)
}

// Counters count what a client did since New or Reset.
type Counters struct {
	Operations  uint64 // begun
	Completed   uint64
	Abandoned   uint64
	Attempts    uint64 // requests sent
	Redirects   uint64 // hints followed
	Bounced     uint64 // redirects not followed: too many in a row, or to a server that is unknown or the one that said so
	Busy        uint64 // attempts refused as busy
	Unavailable uint64 // attempts refused for want of a leader
	Timeouts    uint64 // attempts without a reply in time
	Ignored     uint64 // replies to something no longer or never asked
}

type phase uint8

const (
	phaseIdle    phase = iota // no operation outstanding
	phaseSent                 // waiting for a reply until wake
	phaseWaiting              // refused; the next attempt leaves at wake
)

// remembered is how many attempts of an operation the client can tell the server of. It matters only for a reply later than
// that many attempts: it completes the operation, and the client does not move to the server that sent it.
const remembered = 8

// Client is one client. The zero value is not usable; call New.
type Client struct {
	cfg Config
	now int64 // the largest time seen

	// Routing; survives operations.
	cursor int    // place in the rotation
	home   uint64 // where an operation begins unless a leader is believed in: the server that answered last
	leader uint64 // the leader hinted at last, 0 unknown

	// The operation.
	phase     phase
	sending   bool    // inside Env.SendRequest
	request   Request // of the latest attempt; Seq stays that of the last operation when idle
	server    uint64  // asked last, or to be asked next when waiting
	asked     [remembered]uint64
	wake      int64 // end of this phase
	end       int64 // the operation is abandoned from here on; MaxInt64: never
	redirects int   // followed in a row
	busy      bool  // the last reply was busy

	counters Counters
}

// New returns an idle client, or says what is wrong with the configuration.
func New(cfg Config) (*Client, error) {
	c := new(Client)
	if err := c.Reset(cfg); err != nil {
		return nil, err
	}
	return c, nil
}

// Reset makes c as New would, keeping its memory. On an error c is unchanged.
func (c *Client) Reset(cfg Config) error {
	cfg, err := cfg.validate()
	if err != nil {
		return err
	}
	cfg.Servers = append(c.cfg.Servers[:0], cfg.Servers...)
	cursor := int(cfg.Client % uint64(len(cfg.Servers)))
	*c = Client{
		cfg:     cfg,
		now:     math.MinInt64,
		cursor:  cursor,
		home:    cfg.Servers[cursor],
		request: Request{Client: cfg.Client, Seq: cfg.LastSeq, Command: c.request.Command[:0]},
	}
	return nil
}

// Begin starts the next operation and sends its first attempt. The command is copied. With an operation outstanding, or with all
// sequence numbers used up, it panics.
func (c *Client) Begin(now int64, command []byte, env Env) {
	c.enter(now)
	if c.phase != phaseIdle {
		panic(fmt.Sprintf("client %d: operation %d begun with operation %d outstanding", c.cfg.Client, c.request.Seq+1, c.request.Seq))
	}
	if c.request.Seq == math.MaxUint64 {
		panic(fmt.Sprintf("client %d: out of sequence numbers", c.cfg.Client))
	}
	c.request.Seq++
	c.request.Attempt = 0
	c.request.Command = append(c.request.Command[:0], command...)
	c.end = math.MaxInt64
	if c.cfg.OperationTimeout > 0 {
		c.end = later(c.now, int64(c.cfg.OperationTimeout))
	}
	c.redirects, c.busy = 0, false
	c.counters.Operations++
	c.server = c.home
	if !c.cfg.Sticky && c.leader != 0 {
		c.server = c.leader
	}
	c.attempt(env)
}

// HandleReply takes in a reply. Any reply may come at any time, late, twice, or never: one that is not to the outstanding
// operation is ignored, and so is a refusal of any attempt but the latest. r is not kept.
func (c *Client) HandleReply(now int64, r *Reply, env Env) {
	c.enter(now)
	if c.phase == phaseIdle || r.Client != c.cfg.Client || r.Seq != c.request.Seq || r.Attempt == 0 || r.Attempt > c.request.Attempt {
		c.counters.Ignored++
		return
	}
	if r.Status == ReplyOK {
		c.complete(r, env)
		return
	}
	if c.phase != phaseSent || r.Attempt != c.request.Attempt {
		c.counters.Ignored++
		return
	}
	switch r.Status {
	case ReplyRedirect:
		c.redirected(r.Leader, env)
	case ReplyBusy:
		c.counters.Busy++
		if c.busy {
			c.rotate()
		}
		c.busy = !c.busy
		c.pause()
	case ReplyUnavailable:
		c.counters.Unavailable++
		c.leader = 0
		c.refused()
	default:
		c.counters.Ignored++
	}
}

// Tick does what is due at now; when nothing is, it does nothing. Replies that arrived at the same time go in first: what
// they settle is then no longer due.
func (c *Client) Tick(now int64, env Env) {
	c.enter(now)
	if c.phase == phaseIdle || c.now < min(c.wake, c.end) {
		return
	}
	if c.phase == phaseSent && c.now >= c.wake {
		c.counters.Timeouts++
		if c.leader == c.server {
			c.leader = 0
		}
		c.redirects, c.busy = 0, false
		c.rotate()
		c.home = c.server
	}
	c.attempt(env)
}

// Deadline is when the client next wants a Tick; MaxInt64 when idle. It may lie in the past.
func (c *Client) Deadline() int64 {
	if c.phase == phaseIdle {
		return math.MaxInt64
	}
	return min(c.wake, c.end)
}

// SetOperationTimeout changes how long operations begun from now on may take; 0 for ever, else at least AttemptTimeout is
// used.
func (c *Client) SetOperationTimeout(d time.Duration) {
	if d > 0 {
		d = max(d, c.cfg.AttemptTimeout)
	}
	c.cfg.OperationTimeout = max(d, 0)
}

// Outstanding returns the operation that is neither completed nor abandoned, if there is one.
func (c *Client) Outstanding() (seq uint64, ok bool) {
	if c.phase == phaseIdle {
		return 0, false
	}
	return c.request.Seq, true
}

// LastSeq returns the highest sequence number used so far.
func (c *Client) LastSeq() uint64 { return c.request.Seq }

// Counters returns what the client did so far.
func (c *Client) Counters() Counters { return c.counters }

// enter is the beginning of every call: time does not go back inside, and no call comes from inside SendRequest, where the
// operation is between two states.
func (c *Client) enter(now int64) {
	if c.sending {
		panic(fmt.Sprintf("client %d: called from inside Env.SendRequest", c.cfg.Client))
	}
	c.now = max(c.now, now)
}

// attempt asks c.server, unless the operation's time is up.
func (c *Client) attempt(env Env) {
	if c.now >= c.end && c.end != math.MaxInt64 || c.request.Attempt == math.MaxUint32 {
		c.abandon(env)
		return
	}
	c.request.Attempt++
	c.asked[c.request.Attempt%remembered] = c.server
	c.phase = phaseSent
	c.wake = later(c.now, int64(c.cfg.AttemptTimeout))
	c.counters.Attempts++
	c.sending = true
	env.SendRequest(c.server, &c.request)
	c.sending = false
}

// complete ends the operation well. The callback comes last: it may begin the next operation.
func (c *Client) complete(r *Reply, env Env) {
	if c.request.Attempt-r.Attempt < remembered {
		c.home = c.asked[r.Attempt%remembered]
	}
	if r.Leader != 0 && c.place(r.Leader) >= 0 {
		c.leader = r.Leader
	}
	c.phase = phaseIdle
	c.counters.Completed++
	env.Completed(r.Seq, r.Result)
}

// abandon ends the operation without knowing how it ended. The callback comes last: it may begin the next operation.
func (c *Client) abandon(env Env) {
	c.phase = phaseIdle
	c.counters.Abandoned++
	env.Abandoned(c.request.Seq)
}

// redirected follows a hint to another known server, as long as hints do not come too often in a row.
func (c *Client) redirected(leader uint64, env Env) {
	if leader == c.server || c.place(leader) < 0 || c.redirects >= c.cfg.MaxRedirects {
		c.counters.Bounced++
		c.leader = 0
		c.refused()
		return
	}
	c.counters.Redirects++
	c.redirects++
	c.busy = false
	c.leader = leader
	c.server = leader
	c.attempt(env)
}

// refused plans an attempt at the next server in rotation.
func (c *Client) refused() {
	c.busy = false
	c.rotate()
	c.pause()
}

// pause plans the next attempt, at c.server. After it, hints are followed anew.
func (c *Client) pause() {
	c.redirects = 0
	c.phase = phaseWaiting
	c.wake = later(c.now, int64(c.cfg.RetryDelay))
}

// rotate moves on to the next server in rotation that is not the one asked last.
func (c *Client) rotate() {
	n := len(c.cfg.Servers)
	c.cursor = (c.cursor + 1) % n
	if c.cfg.Servers[c.cursor] == c.server {
		c.cursor = (c.cursor + 1) % n
	}
	c.server = c.cfg.Servers[c.cursor]
}

// place returns where a server is in the rotation, or -1. Cost: O(servers).
func (c *Client) place(server uint64) int { return slices.Index(c.cfg.Servers, server) }

// later returns t + d, or MaxInt64 if that is beyond it.
func later(t, d int64) int64 {
	if t > math.MaxInt64-d {
		return math.MaxInt64
	}
	return t + d
}
