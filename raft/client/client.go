// Package client is the client of a replicated state machine as a component: it opens sessions, numbers operations, finds a
// server that will have them done, retries, and gives up. It is event-driven: no clock, no I/O, no goroutine; its host passes in
// the time and carries messages.
//
// The terms:
//
//   - An operation is one command or one read, with one number. Numbers rise over the client's whole life and are never used
//     again. Up to Config.Window operations are outstanding at a time.
//   - A session is what the servers know the client's commands by. To open one is an operation of its own, with a number, which
//     the client begins when a command needs it: the first one, and the next one after a session turned out to be gone. Commands
//     wait for it; reads need none.
//   - An attempt is one request sent for an operation. Attempts share (client, number), so the servers' sessions execute a
//     command at most once however many attempts get into the log. Within a session commands take effect in the order of their
//     numbers.
//   - An operation is completed by the first ReplyOK to any of its attempts. It is abandoned when its time is up, or when its
//     session is gone: a command's outcome is then unknown. One whose time was up may take effect once, but not after a
//     command begun when no earlier operation was outstanding any more; one whose session is gone takes effect no more.
//   - A refusal (redirect, busy, unavailable, dropped) is about one attempt. It never says that the operation will not happen: an
//     earlier attempt may be in a log. Only where the attempt that was dropped is the first one, the operation is known not to
//     happen if no other is made (Config.GiveUpDropped).
//   - One refusal ends an operation: it is too large for the server (ReplyTooLarge), which no retry will change. If that was said of
//     the first attempt, the operation had no effect and never will. Otherwise an earlier attempt may have met a server with
//     another limit, and the outcome is unknown.
//
// How the next server is chosen (nothing is random; the same events give the same choices):
//
//   - redirect to a known server, or dropped with such a hint: that one, at once; after MaxRedirects in a row as if unavailable;
//   - busy: the same server after RetryDelay, once; then the next in rotation;
//   - unavailable, or a hint that leads nowhere: the next in rotation after RetryDelay;
//   - no reply within AttemptTimeout: the next in rotation at once.
//
// With Config.Locate the leader is asked for instead (see Locate), and operations that need one go to whoever was named.
//
// The rotation goes through Config.Servers whatever redirects happen in between: a hint that keeps naming a dead server cannot
// keep the client from the others. Follower and stale reads have a rotation of their own and follow no hints.
package client

import (
	"fmt"
	"math"
	"time"
)

// Env is what a client does to the world. Completed and Abandoned may call Begin (where CanBegin says so) and nothing else that
// changes the client; SendRequest must not call the client.
type Env interface {
	// SendRequest sends r to a server; loss is allowed. r and its command are valid during the call only.
	SendRequest(server uint64, r *Request)
	// Completed: the operation r.Seq took effect exactly once, with r.Result, or was read. r is valid during the call only.
	Completed(r *Reply)
	// Abandoned: nobody knows. A command may have taken effect, or may yet, at most once, unless the reason says otherwise. Its
	// number is not used again.
	Abandoned(seq uint64, why Reason)
}

// Reason is why an operation was abandoned.
type Reason uint8

const (
	// ReasonTimeout: OperationTimeout has passed.
	ReasonTimeout Reason = iota + 1
	// ReasonExpired: the session is gone. What of the operation has not taken effect never will.
	ReasonExpired
	// ReasonTooLarge: the first server asked refused it for its size. A command had no effect and never will have one. (That rests on
	// one limit for all servers, or on a transport that delivers a request once: servers that disagree may accept one copy of an
	// attempt and refuse the other.)
	ReasonTooLarge
	// ReasonTooLargeLater: a server refused it for its size, and an earlier attempt went elsewhere without an answer. Where all
	// servers have the same limit a command had no effect; where not, nobody knows.
	ReasonTooLargeLater
	// ReasonDropped: the only attempt was lost for good (Config.GiveUpDropped). The operation has not taken effect and never will.
	ReasonDropped
)

func (r Reason) String() string {
	switch r {
	case ReasonTimeout:
		return "timeout"
	case ReasonExpired:
		return "expired"
	case ReasonTooLarge:
		return "too large"
	case ReasonTooLargeLater:
		return "too large, after earlier attempts"
	case ReasonDropped:
		return "dropped"
	}
	return fmt.Sprintf("Reason(%d)", uint8(r))
}

// Counters count what a client did since New or Reset.
type Counters struct {
	Operations  uint64 // begun
	Reads       uint64 // of these, not commands
	Completed   uint64
	Abandoned   uint64
	Expired     uint64 // of these, because the session was gone
	TooLarge    uint64 // of these, because a server does not take so many bytes
	Opened      uint64 // sessions
	Attempts    uint64 // requests sent
	Redirects   uint64 // hints followed
	Bounced     uint64 // redirects not followed: too many in a row, or to a server that is unknown or the one that said so
	Busy        uint64 // attempts refused as busy
	Unavailable uint64 // attempts refused for want of a leader
	Dropped     uint64 // attempts that were accepted and lost
	Timeouts    uint64 // attempts without a reply in time
	Ignored     uint64 // replies to something no longer or never asked

	Lookups        uint64 // questions who leads, sent
	LookupTimeouts uint64 // lookups without any answer in time that names a leader
	Misled         uint64 // of the redirects and refusals for want of a leader, those by whom a lookup had named
}

// Client is one client. The zero value is not usable; call New.
type Client struct {
	cfg     Config
	now     int64  // the largest time seen
	seq     uint64 // the last number used
	seen    uint64 // the highest index of an answer
	sending bool   // inside Env.SendRequest

	routes  routes
	lookup  lookup
	session uint64 // 0: none, as far as the client knows
	last    uint64 // number of the last command of the session, or of its opening

	// ops are the outstanding operations in the order of their numbers, an opening among them; at most Window and one. What
	// lies behind them is kept for its memory.
	ops      []operation
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
	cfg.Registries = append(c.cfg.Registries[:0], cfg.Registries...)
	cursor := int(cfg.Client % uint64(len(cfg.Servers)))
	*c = Client{
		cfg:    cfg,
		now:    math.MinInt64,
		seq:    cfg.LastSeq,
		routes: routes{cursor: cursor, reader: cursor, home: cfg.Servers[cursor]},
		ops:    c.ops[:0],
	}
	return nil
}

// CanBegin reports whether the window has room for another operation of this kind; ReadLog stands for a command.
func (c *Client) CanBegin(read ReadKind) bool {
	next := c.NextSeq(read)
	for i := range c.ops {
		if op := &c.ops[i]; op.request.Kind != KindOpen {
			return next-op.request.Seq < uint64(c.cfg.Window)
		}
	}
	return true
}

// NextSeq returns the number that an operation of this kind would get if it began now. Numbers between are openings of sessions.
func (c *Client) NextSeq(read ReadKind) uint64 {
	if c.mustOpen(read) {
		return c.seq + 2
	}
	return c.seq + 1
}

func (c *Client) mustOpen(read ReadKind) bool {
	return read == ReadLog && c.session == 0 && c.opening() < 0
}

// Begin starts the next operation, a command (ReadLog) or a query, and sends its first attempt, or the first one of an opening
// it has to wait for. The command is copied. It returns NextSeq. Without room in the window, or with all numbers used up, it panics.
func (c *Client) Begin(now int64, read ReadKind, command []byte, env Env) (seq uint64) {
	c.enter(now)
	if read > ReadSequential {
		panic(fmt.Sprintf("client %d: operation with read kind %d", c.cfg.Client, read))
	}
	if c.seq > math.MaxUint64-2 {
		panic(fmt.Sprintf("client %d: out of sequence numbers", c.cfg.Client))
	}
	if !c.CanBegin(read) {
		panic(fmt.Sprintf("client %d: operation %d begun with operation %d outstanding", c.cfg.Client, c.NextSeq(read), c.lowest()))
	}
	end := int64(math.MaxInt64)
	if c.cfg.OperationTimeout > 0 {
		end = later(c.now, int64(c.cfg.OperationTimeout))
	}
	if c.mustOpen(read) {
		c.attempt(c.add(KindOpen, ReadLog, nil), env)
	}
	c.counters.Operations++
	kind := KindCommand
	if read != ReadLog {
		kind = KindRead
		c.counters.Reads++
	}
	i := c.add(kind, read, command)
	op := &c.ops[i]
	op.end = end
	seq = op.request.Seq
	if kind == KindCommand {
		if c.session == 0 {
			return seq // held
		}
		c.join(op)
	}
	c.attempt(i, env)
	return seq
}

// HandleReply takes in a reply. Any reply may come at any time, late, twice, or never: one that is not to an outstanding
// operation is ignored, and so is a refusal of any attempt but the latest. r is not kept.
func (c *Client) HandleReply(now int64, r *Reply, env Env) {
	c.enter(now)
	if r.Status == ReplyWho {
		c.told(r, env)
		return
	}
	i := c.find(r.Seq)
	if i < 0 || r.Client != c.cfg.Client || r.Attempt == 0 || r.Attempt > c.ops[i].request.Attempt {
		c.counters.Ignored++
		return
	}
	op := &c.ops[i]
	current := op.phase == phaseSent && r.Attempt == op.request.Attempt
	switch {
	case r.Status == ReplyOK && (op.request.Kind == KindOpen) == (r.Session != 0):
		c.complete(i, r, env)
	case r.Status == ReplyExpired && op.request.Kind == KindCommand:
		c.expire(i, env)
	case !current:
		c.counters.Ignored++
	case c.misled(op, r):
	case r.Status == ReplyRedirect:
		c.redirected(i, r.Leader, env)
	case r.Status == ReplyDropped:
		c.counters.Dropped++
		if c.cfg.GiveUpDropped && op.request.Kind == KindCommand && op.request.Attempt == 1 {
			c.abandon(i, ReasonDropped, env)
			return
		}
		if r.Leader != 0 {
			c.redirected(i, r.Leader, env)
		} else {
			c.refused(op)
		}
	case r.Status == ReplyBusy:
		c.counters.Busy++
		if op.busy {
			c.rotate(op)
		}
		op.busy = !op.busy
		c.pause(op)
	case r.Status == ReplyTooLarge && op.request.Kind != KindOpen:
		c.tooLarge(i, env)
	case r.Status == ReplyUnavailable:
		c.counters.Unavailable++
		c.refused(op)
	default:
		c.counters.Ignored++
	}
}

// Tick does what is due at now; when nothing is, it does nothing. Replies that arrived at the same time go in first: what
// they settle is then no longer due.
func (c *Client) Tick(now int64, env Env) {
	c.enter(now)
	for i := c.due(0); i >= 0; {
		op := &c.ops[i]
		seq := op.request.Seq
		if op.phase == phaseSent && c.now >= op.wake {
			c.silent(op)
		}
		c.attempt(i, env)
		i = c.due(seq) // what has begun meanwhile has a higher number, and is not due
	}
	c.lookupDue(env)
}

// Deadline is when the client next wants a Tick; MaxInt64 when idle. It may lie in the past.
func (c *Client) Deadline() int64 {
	at := int64(math.MaxInt64)
	if c.lookup.seq != 0 {
		at = c.lookup.wake
	}
	for i := range c.ops {
		at = min(at, c.ops[i].wake, c.ops[i].end)
	}
	return at
}

// SetOperationTimeout changes how long operations begun from now on may take; 0 for ever, else at least AttemptTimeout is
// used.
func (c *Client) SetOperationTimeout(d time.Duration) {
	if d > 0 {
		d = max(d, c.cfg.AttemptTimeout)
	}
	c.cfg.OperationTimeout = max(d, 0)
}

// SetWays changes Config.Ways for operations begun from now on.
func (c *Client) SetWays(on bool) { c.cfg.Ways = on }

// SetSpread changes Config.Spread for operations begun from now on.
func (c *Client) SetSpread(on bool) { c.cfg.Spread = on }

// SetGiveUpDropped changes Config.GiveUpDropped.
func (c *Client) SetGiveUpDropped(on bool) { c.cfg.GiveUpDropped = on }

// Outstanding returns how many operations are neither completed nor abandoned.
func (c *Client) Outstanding() int {
	if c.opening() >= 0 {
		return len(c.ops) - 1
	}
	return len(c.ops)
}

// LastSeq returns the highest sequence number used so far.
func (c *Client) LastSeq() uint64 { return c.seq }

// Session returns the id of the session that the next command would be of, 0 if it would have to open one.
func (c *Client) Session() uint64 { return c.session }

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

// later returns t + d, or MaxInt64 if that is beyond it.
func later(t, d int64) int64 {
	if t > math.MaxInt64-d {
		return math.MaxInt64
	}
	return t + d
}
