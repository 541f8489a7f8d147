// Package front is a process between clients and servers as a component: a frontend, a load balancer, or a registry. It is event-driven
// like raft/client and raft/server: no clock, no I/O, no goroutine; its host passes in the time and carries messages.
//
// The terms:
//
//   - A frontend tracks the leader for its clients: by beacons, by the hints of servers, and by its silence. It keeps a request until it is
//     answered, follows redirects, and sends it again where the leader changes. While it knows of no leader it tries the next server in
//     turn, and what that refuses waits for a leader to announce itself. Clients see neither redirects nor elections, only delay.
//   - A balancer passes each request on once and each reply back. It learns the leader from beacons, and where it has heard none lately
//     takes the next server in turn; of mode any, it always does. What a server refuses is the client's to try again.
//   - A registry passes nothing on: it tells who asks (client.KindWho) who leads. The other modes do that, too.
//
// Follower reads, stale and sequential ones go to the next server in turn. Servers that have let a request go unanswered have no turn for
// a while, unless all have (a passive health check).
//
// A front has volatile state only. What it forgets is an answer that does not come, which to a client is an unknown outcome like any
// other. It never makes anything happen twice: all copies that it sends of an operation have the client's own number. One thing changes
// for clients of a frontend: that an attempt was dropped (client.ReplyDropped) is then said of one of its copies.
package front

import (
	"fmt"
	"math"
	"slices"
	"time"

	"raftsim/raft/client"
)

// Mode is what a front does.
type Mode uint8

const (
	Frontend Mode = iota
	Balancer      // learns the leader
	Any           // a balancer that does not
	Registry
	modeEnd
)

func (m Mode) String() string {
	switch m {
	case Frontend:
		return "frontend"
	case Balancer:
		return "balancer"
	case Any:
		return "balancer-any"
	case Registry:
		return "registry"
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

// Config is what a front is told once. Durations are nanoseconds of the `now` its host passes in.
type Config struct {
	ID      uint64 // servers send their answers here (client.Request.Via); from 1
	Mode    Mode
	Servers []uint64 // all there are, in the order of rotation; at least one
	// KeepAlive is how long after its last beacon, or the last hint, a leader is taken for gone; above 0.
	KeepAlive time.Duration
	// Patience is how long a request is kept; above 0. Longer than clients wait for an attempt is no use.
	Patience time.Duration
	// Queue bounds the requests that are kept, waiting for a leader or for an answer. Who comes when it is full is told so
	// (client.ReplyBusy). 0: 256, at most 65536.
	Queue int
	// MaxRedirects is how often a frontend sends one attempt to another server because one refused it; then it waits for a beacon. 0: as
	// many as there are servers.
	MaxRedirects int
}

// Env is what a front does to the world. Its calls must not call the front. What they are given is valid during the call only.
type Env interface {
	SendRequest(server uint64, r *client.Request)
	// SendReply is for the client r.Client.
	SendReply(r *client.Reply)
}

// Counters count what a front did since it was made.
type Counters struct {
	Requests  uint64 // taken in
	Sent      uint64 // to servers, copies included
	Answered  uint64 // replies passed on
	Held      uint64 // requests that had to wait for a leader
	Suspected uint64 // servers passed over for a while because they did not answer
	Redirects uint64 // refusals for not leading, upon which a frontend asked another server
	Resent    uint64 // requests sent again because another server leads
	Refused   uint64 // requests for which there was no room
	Expired   uint64 // requests given up
	Strays    uint64 // replies to what is not, or no longer, kept
	Told      uint64 // who asked who leads
	Gone      uint64 // leaders that fell silent
}

// Front is one front. The zero value is not usable; call New.
type Front struct {
	cfg      Config
	now      int64
	leader   uint64  // 0: unknown
	term     uint64  // of the highest beacon
	heard    int64   // of the leader
	turn     int     // in the rotation
	rest     []int64 // by place in the rotation: has no turn before this
	rows     []row
	kept     int
	counters Counters
	request  client.Request // scratch
	reply    client.Reply   // scratch
}

// row is a request that is kept. Its command is a copy; the buffer stays with the row.
type row struct {
	request client.Request // Client 0: free
	server  uint64         // asked last; 0: none, it waits for a leader
	tries   int            // redirects followed
	end     int64
}

const defaultQueue, largestQueue = 256, 1 << 16

// New returns a front that knows nothing, or says what is wrong with the configuration.
func New(cfg Config) (*Front, error) {
	f := new(Front)
	if err := f.Reset(cfg); err != nil {
		return nil, err
	}
	return f, nil
}

// Reset makes f as New would, keeping its memory. On an error f is unchanged.
func (f *Front) Reset(cfg Config) error {
	switch {
	case cfg.ID == 0:
		return fmt.Errorf("front: Config.ID is 0")
	case cfg.Mode >= modeEnd:
		return fmt.Errorf("front: Config.Mode is %d, want one of the constants", cfg.Mode)
	case len(cfg.Servers) == 0 || slices.Contains(cfg.Servers, 0):
		return fmt.Errorf("front: Config.Servers is %v, want ids from 1", cfg.Servers)
	case cfg.KeepAlive <= 0 || cfg.Patience <= 0:
		return fmt.Errorf("front: Config.KeepAlive is %v and Patience %v, want above 0", cfg.KeepAlive, cfg.Patience)
	case cfg.Queue < 0 || cfg.Queue > largestQueue:
		return fmt.Errorf("front: Config.Queue is %d, want 0 to %d", cfg.Queue, largestQueue)
	case cfg.MaxRedirects < 0:
		return fmt.Errorf("front: Config.MaxRedirects is %d, want at least 0", cfg.MaxRedirects)
	}
	if cfg.Queue == 0 {
		cfg.Queue = defaultQueue
	}
	if cfg.MaxRedirects == 0 {
		cfg.MaxRedirects = len(cfg.Servers)
	}
	cfg.Servers = append(f.cfg.Servers[:0], cfg.Servers...)
	rows := f.rows
	for i := range rows {
		rows[i].request = client.Request{Command: rows[i].request.Command[:0]}
	}
	*f = Front{cfg: cfg, now: math.MinInt64, turn: int(cfg.ID % uint64(len(cfg.Servers))), rest: f.rest[:0], rows: rows}
	for range cfg.Servers {
		f.rest = append(f.rest, math.MinInt64)
	}
	return nil
}

// Leader returns whom the front takes for the leader, 0 for nobody, and the highest term it has heard of in a beacon.
func (f *Front) Leader() (leader, term uint64) { return f.leader, f.term }

// Kept returns how many requests are kept.
func (f *Front) Kept() int { return f.kept }

// Counters returns what the front did so far.
func (f *Front) Counters() Counters { return f.counters }

// Deadline is when the front next wants a Tick; MaxInt64 for never. Cost: O(Config.Queue).
func (f *Front) Deadline() int64 {
	at := int64(math.MaxInt64)
	if f.leader != 0 {
		at = later(f.heard, f.cfg.KeepAlive)
	}
	for i := range f.rows {
		if r := &f.rows[i]; r.request.Client != 0 {
			at = min(at, r.end)
		}
	}
	return at
}

// Tick does what is due at now.
func (f *Front) Tick(now int64) { f.enter(now) }

// enter lets time pass: silent leaders are gone, and what nobody waits for any more is given up.
func (f *Front) enter(now int64) {
	f.now = max(f.now, now)
	if f.leader != 0 && f.now >= later(f.heard, f.cfg.KeepAlive) {
		f.leader = 0
		f.counters.Gone++
	}
	for i := range f.rows {
		if r := &f.rows[i]; r.request.Client != 0 && f.now >= r.end {
			f.suspect(r.server)
			f.free(r)
			f.counters.Expired++
		}
	}
}

func later(t int64, d time.Duration) int64 {
	if t > math.MaxInt64-int64(d) {
		return math.MaxInt64
	}
	return t + int64(d)
}
