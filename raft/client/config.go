package client

import (
	"fmt"
	"slices"
	"time"
)

// Config says who a client is, whom it may ask and how patient it is. All durations are local nanoseconds of the `now` its host
// passes in.
type Config struct {
	// Client is the client's id, from 1. No two clients may share one, and a client that starts anew under an old id must
	// set LastSeq: the servers would take its first operations for repeats.
	Client uint64
	// LastSeq is the highest sequence number ever used under this id; the next one goes to the opening of a session. 0 for a
	// new id.
	LastSeq uint64
	// Servers are the ids to ask, from 1, in the order of rotation; at least one, none twice. Clients begin at different ones
	// (Client modulo their number).
	Servers []uint64
	// AttemptTimeout is how long to wait for a reply before asking another server. There is no default: it has to be
	// above the time of a commit through a forwarding server, which only the caller knows.
	AttemptTimeout time.Duration
	// OperationTimeout is how long to go on before the operation is abandoned, counted from Begin. 0: for ever. Otherwise
	// at least AttemptTimeout.
	OperationTimeout time.Duration
	// RetryDelay is the pause after a server refused and no better one is known. 0: an eighth of AttemptTimeout, at
	// least 1 ns.
	RetryDelay time.Duration
	// MaxRedirects is how many hints in a row are followed without a pause. 0: as many as there are servers.
	MaxRedirects int
	// Window is how many operations may be under way: the numbers of all lie within so many from the lowest one. 0: 1, a closed
	// loop. At most MaxWindow.
	Window int
	// Locate is how the leader is found; Registries are whom LocateRegistry asks, from 1, in turn.
	Locate     Locate
	Registries []uint64
	// Ways makes every operation, other than a follower or stale read, begin at the next server in turn, so that those under way take different
	// ways. It means nothing with a Locate other than LocateHints.
	Ways bool
	// Sticky makes every operation begin at the server that answered last, which forwards it if it does not lead: switching
	// costs a wait for the new server to catch up. Otherwise an operation begins at the leader hinted at last, if any.
	Sticky bool
	// Monotonic makes stale reads, like sequential ones, name the highest index any answer came from, so that a client does not see the past of what
	// it has seen . A server that is behind makes it wait.
	Monotonic bool
	// Spread makes every follower or stale read begin at the next server in turn. Otherwise they stay with one server as long as it
	// answers.
	Spread bool
	// GiveUpDropped makes a command end when its first attempt turns out to be lost, instead of being tried again: it is then known not
	// to have happened.
	GiveUpDropped bool
}

// MaxWindow bounds Config.Window: beyond it the servers' sessions would refuse what comes too early.
const MaxWindow = 64

// validate returns c with its defaults filled in.
func (c Config) validate() (Config, error) {
	if c.Client == 0 {
		return c, fmt.Errorf("client: Config.Client is 0")
	}
	if len(c.Servers) == 0 {
		return c, fmt.Errorf("client: Config.Servers is empty")
	}
	for i, id := range c.Servers {
		if id == 0 {
			return c, fmt.Errorf("client: Config.Servers[%d] is 0", i)
		}
		for _, other := range c.Servers[:i] {
			if other == id {
				return c, fmt.Errorf("client: Config.Servers names %d twice", id)
			}
		}
	}
	if c.AttemptTimeout <= 0 {
		return c, fmt.Errorf("client: Config.AttemptTimeout is %v, want above 0", c.AttemptTimeout)
	}
	if c.OperationTimeout < 0 || c.OperationTimeout > 0 && c.OperationTimeout < c.AttemptTimeout {
		return c, fmt.Errorf("client: Config.OperationTimeout is %v, want 0 or at least AttemptTimeout, %v",
			c.OperationTimeout, c.AttemptTimeout)
	}
	if c.RetryDelay < 0 {
		return c, fmt.Errorf("client: Config.RetryDelay is %v, want at least 0", c.RetryDelay)
	}
	if c.RetryDelay == 0 {
		c.RetryDelay = max(c.AttemptTimeout/8, 1)
	}
	if c.Window < 0 || c.Window > MaxWindow {
		return c, fmt.Errorf("client: Config.Window is %d, want at most %d", c.Window, MaxWindow)
	}
	c.Window = max(c.Window, 1)
	if c.Locate > LocateRegistry {
		return c, fmt.Errorf("client: Config.Locate is %d, want one of the constants", c.Locate)
	}
	if c.Locate == LocateRegistry && (len(c.Registries) == 0 || slices.Contains(c.Registries, 0)) {
		return c, fmt.Errorf("client: Config.Registries is %v, want ids from 1 where Locate is LocateRegistry", c.Registries)
	}
	if c.MaxRedirects < 0 {
		return c, fmt.Errorf("client: Config.MaxRedirects is %d, want at least 0", c.MaxRedirects)
	}
	if c.MaxRedirects == 0 {
		c.MaxRedirects = len(c.Servers)
	}
	return c, nil
}
