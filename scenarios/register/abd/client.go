package abd

import (
	"fmt"
	"math"
	"time"
)

// ClientConfig is what a client has to know.
type ClientConfig struct {
	ID               uint64        // not 0, and nobody else's
	Replicas         []uint64      // all of them, at most 64
	AttemptTimeout   time.Duration // after which replicas that have not answered are asked again, above 0
	OperationTimeout time.Duration // after which an operation is given up; 0: never
}

// Env is what a client asks of its surroundings.
type Env interface {
	// Send sends a message to a replica. It must not keep m.
	Send(to uint64, m *Message)
	// Chosen says which timestamp a write has taken, before anybody hears of it.
	Chosen(operation uint64, t Timestamp)
	// Completed says that the operation under way is done, and which version it has read or written.
	Completed(operation uint64, v Version, how Course)
	// Abandoned says that the operation under way was given up. Whether it has had, or will have, an effect is unknown.
	Abandoned(operation uint64)
}

// Course is the way an operation took.
type Course struct {
	WroteBack bool // a read stored what it had read
	Disagreed bool // the majority that was asked had different versions
}

// ClientStats counts what a client did.
type ClientStats struct {
	Completed, Abandoned uint64
	Repeats              uint64 // messages sent again
	Late                 uint64 // answers to a phase that was over, or from a replica that had answered
}

// Client runs one operation at a time. It is single-threaded; time is in nanoseconds of any one clock.
type Client struct {
	config ClientConfig
	// counter is the highest one it has taken. What it gave up may be found by nobody, and nowhere, when it writes again: without this
	// two of its writes could have the same timestamp.
	counter uint64

	phase     phase
	operation uint64
	key       uint64
	writes    bool
	value     uint64
	best      Version // highest so far; in the second phase the one to be stored
	course    Course
	answered  uint64 // replicas, by place
	count     int
	askAgain  int64
	giveUp    int64
	message   Message
	stats     ClientStats
}

type phase uint8

const (
	idle phase = iota
	querying
	storing
)

// Reset makes c a client that has done nothing yet.
func (c *Client) Reset(config ClientConfig) error {
	if config.ID == 0 || len(config.Replicas) == 0 || len(config.Replicas) > 64 || config.AttemptTimeout <= 0 || config.OperationTimeout < 0 {
		return fmt.Errorf("abd: a client wants an id, 1 to 64 replicas and timeouts above 0, not %+v", config)
	}
	*c = Client{config: config}
	return nil
}

// SetOperationTimeout changes when operations are given up, the one under way included; 0: never.
func (c *Client) SetOperationTimeout(d time.Duration) {
	c.config.OperationTimeout = d
	if d == 0 {
		c.giveUp = math.MaxInt64
	}
}

// Busy reports whether an operation is under way.
func (c *Client) Busy() bool { return c.phase != idle }

// Stats returns the counts so far.
func (c *Client) Stats() ClientStats { return c.stats }

// Read begins to read a key. Operations have rising numbers. It panics if one is under way.
func (c *Client) Read(now int64, operation, key uint64, env Env) { c.begin(now, operation, key, env) }

// Write begins to write a key. It panics if an operation is under way.
func (c *Client) Write(now int64, operation, key, value uint64, env Env) {
	c.writes, c.value = true, value
	c.begin(now, operation, key, env)
}

func (c *Client) begin(now int64, operation, key uint64, env Env) {
	if c.Busy() {
		panic(fmt.Sprintf("abd: client %d begins operation %d while %d is under way", c.config.ID, operation, c.operation))
	}
	c.operation, c.key = operation, key
	c.best, c.course = Version{}, Course{}
	c.giveUp = math.MaxInt64
	if c.config.OperationTimeout > 0 {
		c.giveUp = now + int64(c.config.OperationTimeout)
	}
	c.enter(now, querying, env)
}

// enter begins a phase: everybody is asked.
func (c *Client) enter(now int64, p phase, env Env) {
	c.phase, c.answered, c.count = p, 0, 0
	c.ask(now, env)
}

// ask sends the message of the phase to all who have not answered it.
func (c *Client) ask(now int64, env Env) {
	c.askAgain = now + int64(c.config.AttemptTimeout)
	for i, to := range c.config.Replicas {
		if c.answered>>i&1 == 1 {
			continue
		}
		c.message = Message{Kind: Query, Client: c.config.ID, Operation: c.operation, Key: c.key}
		if c.phase == storing {
			c.message.Kind, c.message.Version = Store, c.best
		}
		env.Send(to, &c.message)
	}
}

// HandleMessage handles an answer of a replica.
func (c *Client) HandleMessage(now int64, from uint64, m *Message, env Env) {
	place := c.place(from)
	fits := c.phase == querying && m.Kind == Answer || c.phase == storing && m.Kind == Stored
	if !fits || m.Operation != c.operation || place < 0 || c.answered>>place&1 == 1 {
		c.stats.Late++
		return
	}
	c.answered |= 1 << place
	c.count++
	if c.phase == querying {
		c.course.Disagreed = c.course.Disagreed || c.count > 1 && m.Version.Timestamp != c.best.Timestamp
		if c.best.Less(m.Version.Timestamp) {
			c.best = m.Version
		}
	}
	if c.count < Majority(len(c.config.Replicas)) {
		return
	}
	switch {
	case c.phase == storing:
		c.complete(env)
	case c.writes:
		// Above all that a majority knows, and so above every write that was finished before this one began.
		c.counter = max(c.counter, c.best.Counter) + 1
		c.best = Version{Timestamp{c.counter, c.config.ID}, c.value}
		env.Chosen(c.operation, c.best.Timestamp)
		c.enter(now, storing, env)
	case c.course.Disagreed:
		// Who reads after this read must not see less, whichever majority answers him.
		c.course.WroteBack = true
		c.enter(now, storing, env)
	default:
		// A majority has it already.
		c.complete(env)
	}
}

// place returns the place of a replica, -1 if it is none.
func (c *Client) place(id uint64) int {
	for i, r := range c.config.Replicas {
		if r == id {
			return i
		}
	}
	return -1
}

func (c *Client) complete(env Env) {
	c.end()
	c.stats.Completed++
	env.Completed(c.operation, c.best, c.course)
}

func (c *Client) end() { c.phase, c.writes = idle, false }

// Tick does what is due.
func (c *Client) Tick(now int64, env Env) {
	switch {
	case c.phase == idle:
	case now >= c.giveUp:
		c.end()
		c.stats.Abandoned++
		env.Abandoned(c.operation)
	case now >= c.askAgain:
		c.stats.Repeats += uint64(len(c.config.Replicas) - c.count)
		c.ask(now, env)
	}
}

// Deadline returns when Tick is wanted next, math.MaxInt64 for not at all.
func (c *Client) Deadline() int64 {
	if c.phase == idle {
		return math.MaxInt64
	}
	return min(c.askAgain, c.giveUp)
}
