package client

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// witness checks what a client may do, from outside.
type witness struct {
	t      *rapid.T
	cfg    Config
	client *Client
	now    int64
	chain  int // how many more operations Completed and Abandoned begin at once

	seq      uint64 // the highest number seen
	ops      map[uint64]*watched
	sessions map[uint64]uint64 // that were opened -> number of the last command sent in it, or of the opening
	counts   Counters
	handling *Reply // inside HandleReply
}

// watched is an operation, or an opening, as the witness knows it.
type watched struct {
	kind    Kind
	read    ReadKind
	command []byte
	began   int64
	end     int64
	attempt uint32
	sent    int
	session uint64
	prev    uint64
	ack     uint64
	ended   bool
}

func (w *witness) begin() {
	read := ReadKind(rapid.IntRange(0, 5).Draw(w.t, "read") % 5)
	if !w.client.CanBegin(read) {
		return
	}
	seq := w.client.NextSeq(read)
	op := &watched{kind: KindCommand, read: read, command: fmt.Append(nil, "command ", seq), began: w.now, end: math.MaxInt64}
	if read != ReadLog {
		op.kind = KindRead
	}
	if w.cfg.OperationTimeout > 0 {
		op.end = w.now + int64(w.cfg.OperationTimeout)
	}
	w.ops[seq] = op
	w.counts.Operations++
	if got := w.client.Begin(w.now, read, op.command, w); got != seq {
		w.t.Fatalf("operation #%d begun, announced as #%d", got, seq)
	}
	w.seq = max(w.seq, seq)
	for n, op := range w.ops {
		if n+uint64(max(w.cfg.Window, 1)) <= seq && !op.ended && op.kind != KindOpen {
			w.t.Fatalf("#%d begun with #%d outstanding, the window is %d", seq, n, w.cfg.Window)
		}
	}
}

func (w *witness) SendRequest(server uint64, r *Request) {
	op := w.ops[r.Seq]
	if op == nil && r.Kind == KindOpen && r.Seq == w.seq+1 {
		op = &watched{kind: KindOpen, began: w.now, end: math.MaxInt64}
		w.ops[r.Seq] = op
		w.seq = r.Seq
	}
	if op == nil || op.ended || r.Client != w.cfg.Client || r.Kind != op.kind || r.Read != op.read || !bytes.Equal(r.Command, op.command) {
		w.t.Fatalf("%v %q sent; the operation: %+v", r, r.Command, op)
	}
	var decoded Request
	if err := DecodeRequest(AppendRequest(nil, r), &decoded); err != nil || r.Hops != 0 {
		w.t.Fatalf("%v sent: %v", r, err)
	}
	if r.Attempt <= op.attempt {
		w.t.Fatalf("%v sent after attempt %d", r, op.attempt)
	}
	if !bytes.Contains(serverBytes(w.cfg.Servers), []byte{byte(server)}) {
		w.t.Fatalf("%v sent to n%d, which is not configured", r, server)
	}
	if w.now >= op.end {
		w.t.Fatalf("%v sent at %d, after the end of an operation begun at %d", r, w.now, op.began)
	}
	op.attempt = r.Attempt
	op.sent++
	// Each pause or timeout is followed by one attempt and at most MaxRedirects more.
	elapsed := w.now - op.began
	step := min(int64(w.cfg.RetryDelay), int64(w.cfg.AttemptTimeout))
	if bound := (elapsed/step + 1) * int64(w.cfg.MaxRedirects+1); int64(op.sent) > bound {
		w.t.Fatalf("%v: %d attempts in %d ns, want at most %d", r, op.sent, elapsed, bound)
	}
	if r.Kind == KindCommand {
		w.checkSession(op, r)
	}
}

// checkSession: the commands of a session form a chain that begins at its opening; each stays in its place; what is acknowledged has
// ended, and all that has ended below the lowest outstanding number is.
func (w *witness) checkSession(op *watched, r *Request) {
	if op.attempt == r.Attempt && op.sent == 1 {
		last, opened := w.sessions[r.Session]
		if !opened || last != r.Prev {
			w.t.Fatalf("%v sent; session known: %v, its last command #%d", r, opened, last)
		}
		w.sessions[r.Session] = r.Seq
		op.session, op.prev = r.Session, r.Prev
	}
	if op.session != r.Session || op.prev != r.Prev || r.Ack < op.ack {
		w.t.Fatalf("%v sent; before in session %d after #%d with ack #%d", r, op.session, op.prev, op.ack)
	}
	op.ack = r.Ack
	lowest := r.Seq
	for seq, other := range w.ops {
		if !other.ended && other.kind != KindOpen {
			lowest = min(lowest, seq)
		}
	}
	if r.Ack > lowest {
		w.t.Fatalf("%v sent, with #%d outstanding", r, lowest)
	}
	if other := w.ops[r.Ack]; r.Ack < lowest && (other == nil || other.ended) {
		w.t.Fatalf("%v sent; the lowest outstanding number is #%d", r, lowest)
	}
}

func serverBytes(servers []uint64) (b []byte) {
	for _, id := range servers {
		b = append(b, byte(id))
	}
	return b
}

func (w *witness) Completed(r *Reply) {
	if r != w.handling || r.Status != ReplyOK {
		w.t.Fatalf("completed by %v, while handling %v", r, w.handling)
	}
	w.counts.Completed++
	w.end(r.Seq)
}

func (w *witness) Abandoned(seq uint64, why Reason) {
	op := w.ops[seq]
	switch {
	case why == ReasonTimeout && w.now >= op.end:
	case why == ReasonExpired && w.handling != nil && w.handling.Status == ReplyExpired && w.handling.Seq == seq && op.kind == KindCommand:
		w.counts.Expired++
	case w.handling != nil && w.handling.Status == ReplyTooLarge && w.handling.Seq == seq && w.handling.Attempt == op.attempt &&
		(why == ReasonTooLarge) == (op.attempt == 1 || op.kind == KindRead) && (why == ReasonTooLarge || why == ReasonTooLargeLater):
		w.counts.TooLarge++
	default:
		w.t.Fatalf("#%d, begun at %d, abandoned at %d: %v", seq, op.began, w.now, why)
	}
	w.counts.Abandoned++
	w.end(seq)
}

func (w *witness) end(seq uint64) {
	op := w.ops[seq]
	if op == nil || op.ended || op.kind == KindOpen {
		w.t.Fatalf("#%d ended: %+v", seq, op)
	}
	op.ended = true
	w.checkOutstanding()
	if w.chain > 0 {
		w.chain--
		w.begin()
	}
}

func (w *witness) checkOutstanding() {
	n := 0
	for _, op := range w.ops {
		if !op.ended && op.kind != KindOpen {
			n++
		}
	}
	if got := w.client.Outstanding(); got != n {
		w.t.Fatalf("%d outstanding, want %d", got, n)
	}
}

func drawConfig(t *rapid.T) Config {
	cfg := Config{
		Client:         rapid.Uint64Range(1, 5).Draw(t, "client"),
		LastSeq:        rapid.Uint64Range(0, 3).Draw(t, "last"),
		Servers:        rapid.SliceOfNDistinct(rapid.Uint64Range(1, 5), 1, 5, rapid.ID[uint64]).Draw(t, "servers"),
		AttemptTimeout: time.Duration(rapid.Int64Range(1, 20).Draw(t, "attempt timeout")),
		RetryDelay:     time.Duration(rapid.Int64Range(1, 10).Draw(t, "retry delay")),
		MaxRedirects:   rapid.IntRange(1, 4).Draw(t, "redirects"),
		Window:         rapid.SampledFrom([]int{0, 1, 2, 5}).Draw(t, "window"),
		Sticky:         rapid.Bool().Draw(t, "sticky"),
		Monotonic:      rapid.Bool().Draw(t, "monotonic"),
		Spread:         rapid.Bool().Draw(t, "spread"),
	}
	if rapid.Bool().Draw(t, "ends") {
		cfg.OperationTimeout = cfg.AttemptTimeout * time.Duration(rapid.Int64Range(1, 5).Draw(t, "operation timeout"))
	}
	return cfg
}

// Whatever replies come, whenever: no operation ends twice, none completes without a ReplyOK to it, numbers and attempts
// rise, attempts are bounded, commands form a chain per session, acknowledgements tell the truth, and a Tick at the deadline never
// leaves the deadline where it was.
func TestClientProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawConfig(t)
		c, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		w := &witness{t: t, cfg: cfg, client: c, seq: cfg.LastSeq, ops: map[uint64]*watched{}, sessions: map[uint64]uint64{}}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			w.chain = rapid.IntRange(0, 2).Draw(t, "chain")
			switch rapid.IntRange(0, 6).Draw(t, "step") {
			case 0:
				w.now += rapid.Int64Range(0, 30).Draw(t, "wait")
				c.Tick(w.now, w)
			case 1, 2:
				if at := c.Deadline(); at != math.MaxInt64 {
					w.now = max(w.now, at)
					c.Tick(w.now, w)
					if c.Deadline() <= w.now {
						t.Fatalf("deadline %d after a Tick at %d", c.Deadline(), w.now)
					}
				}
			case 3:
				w.begin()
			default:
				w.now += rapid.Int64Range(0, 2).Draw(t, "wait")
				w.handle(w.drawReply())
			}
			if c.Outstanding() == 0 {
				w.begin()
			}
			w.checkOutstanding()
			if c.LastSeq() != w.seq {
				t.Fatalf("last number %d, want %d", c.LastSeq(), w.seq)
			}
		}
		n := c.Counters()
		got := Counters{Operations: n.Operations, Completed: n.Completed, Abandoned: n.Abandoned, Expired: n.Expired, TooLarge: n.TooLarge}
		if got != w.counts || n.Opened != uint64(len(w.sessions)) {
			t.Fatalf("seen: %+v and %d sessions; counted: %+v", w.counts, len(w.sessions), n)
		}
	})
}

// drawReply draws mostly replies to the latest attempt of something outstanding, but also old, foreign and impossible ones.
func (w *witness) drawReply() *Reply {
	t := w.t
	first := max(w.seq, w.cfg.LastSeq+8) - 8
	for seq := first; seq <= w.seq; seq++ { // begin where something is outstanding, if anything is
		if op := w.ops[seq]; op != nil && !op.ended {
			first = seq
			break
		}
	}
	r := &Reply{
		Client: w.cfg.Client,
		Seq:    rapid.Uint64Range(first, max(first, w.seq)).Draw(t, "seq"),
		Status: ReplyStatus(rapid.ByteRange(0, 8).Draw(t, "status")),
		Leader: rapid.Uint64Range(0, 6).Draw(t, "leader"),
		Result: rapid.SliceOfN(rapid.Byte(), 0, 2).Draw(t, "result"),
	}
	op := w.ops[r.Seq]
	if op != nil {
		r.Attempt = op.attempt
	}
	if op != nil && op.kind == KindOpen && rapid.IntRange(0, 3).Draw(t, "opens") < 3 {
		r.Status, r.Result = ReplyOK, nil
	}
	if r.Status == ReplyOK {
		r.Index = rapid.Uint64Range(0, 50).Draw(t, "index")
		if op != nil && op.kind == KindOpen {
			r.Session = 1000 + r.Seq
		}
	}
	switch rapid.IntRange(0, 9).Draw(t, "whose") {
	case 0:
		r.Attempt = rapid.Uint32Range(0, r.Attempt+1).Draw(t, "attempt")
	case 1:
		r.Seq = rapid.Uint64Range(0, w.seq+1).Draw(t, "another")
	case 2:
		r.Client = rapid.Uint64Range(0, 6).Draw(t, "client")
	case 3:
		r.Session = 2000 + r.Seq
		if rapid.Bool().Draw(t, "no session") {
			r.Session = 0
		}
	}
	return r
}

// handle hands in a reply and demands that a ReplyOK to an attempt of an outstanding operation ends it, and that one to an opening
// opens its session.
func (w *witness) handle(r *Reply) {
	op := w.ops[r.Seq]
	ours := op != nil && !op.ended && r.Client == w.cfg.Client && r.Attempt >= 1 && r.Attempt <= op.attempt
	must := ours && r.Status == ReplyOK && op.kind != KindOpen && r.Session == 0
	opens := ours && r.Status == ReplyOK && op.kind == KindOpen && r.Session != 0 && w.client.opening() >= 0 &&
		w.client.ops[w.client.opening()].request.Seq == r.Seq
	before := w.client.Counters()
	w.handling = r
	if opens {
		w.sessions[r.Session] = r.Seq
		op.ended = true
	}
	w.client.HandleReply(w.now, r, w)
	w.handling = nil
	after := w.client.Counters()
	if done := after.Completed > before.Completed; done != must {
		w.t.Fatalf("%v: completed %v, want %v", r, done, must)
	}
	if opened := after.Opened > before.Opened; opened != opens {
		w.t.Fatalf("%v: opened %v, want %v", r, opened, opens)
	}
}

// A cluster in which one server leads and answers, some are dead and some give wrong hints: the client gets there, wherever it
// begins, within a bounded number of attempts.
func TestClientFindsTheLeader(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawConfig(t)
		cfg.OperationTimeout = 0
		leader := rapid.SampledFrom(cfg.Servers).Draw(t, "leader")
		read := ReadKind(rapid.ByteRange(0, 4).Draw(t, "read"))
		// What each server does: 0 dead, 1 knows no leader, 2 always busy, 3 has dropped it, above: names that one.
		manner := map[uint64]uint64{}
		for _, id := range cfg.Servers {
			manner[id] = rapid.Uint64Range(0, 9).Draw(t, fmt.Sprintf("n%d", id))
		}
		c, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		env := &inbox{}
		var now int64
		seq := c.Begin(now, read, nil, env)
		for env.completed != seq {
			if env.attempts > 4*len(cfg.Servers)*(cfg.MaxRedirects+2) {
				t.Fatalf("n%d leads and is not found in %d attempts", leader, env.attempts)
			}
			r := Reply{Client: cfg.Client, Seq: env.last.Seq, Attempt: env.last.Attempt, Status: ReplyRedirect}
			switch m := manner[env.server]; {
			case env.server == leader:
				r.Status = ReplyOK
				if env.last.Kind == KindOpen {
					r.Session = 7
				}
			case m == 0:
				r.Status = 0
			case m == 1:
				r.Status = ReplyUnavailable
			case m == 2:
				r.Status = ReplyBusy
			case m == 3:
				r.Status = ReplyDropped
			default:
				r.Leader = m - 3
			}
			attempts := env.attempts
			if r.Status != 0 {
				now++
				c.HandleReply(now, &r, env)
			}
			if env.attempts == attempts && env.completed == 0 {
				now = c.Deadline()
				c.Tick(now, env)
			}
		}
	})
}

// inbox keeps the last request.
type inbox struct {
	server    uint64
	last      Request
	attempts  int
	completed uint64
	abandoned uint64
	then      func()
}

func (e *inbox) SendRequest(server uint64, r *Request) {
	e.server, e.last = server, *r
	e.attempts++
}

func (e *inbox) Completed(r *Reply) {
	e.completed = r.Seq
	if e.then != nil {
		e.then()
	}
}

func (e *inbox) Abandoned(seq uint64, _ Reason) { e.abandoned = seq }

// open lets a client that has just begun its first command have its session.
func (e *inbox) open(c *Client, now int64) {
	c.HandleReply(now, &Reply{Client: e.last.Client, Seq: e.last.Seq, Attempt: e.last.Attempt, Status: ReplyOK, Session: 7}, e)
}

func testConfig() Config {
	return Config{Client: 1, Servers: []uint64{1, 2, 3}, AttemptTimeout: time.Second}
}

func mustNew(t testing.TB, cfg Config) *Client {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type eagerEnv struct {
	inbox
	call func()
}

func (e *eagerEnv) SendRequest(uint64, *Request) { e.call() }

func TestClientPanics(t *testing.T) {
	last := testConfig()
	last.LastSeq = math.MaxUint64 - 1
	wide := testConfig()
	wide.Window = 2
	for _, tc := range []struct {
		want string
		do   func(c *Client)
	}{
		{"operation 3 begun with operation 2 outstanding", func(c *Client) { c.Begin(0, 0, nil, &inbox{}); c.Begin(1, 0, nil, &inbox{}) }},
		{"operation 4 begun with operation 2 outstanding", func(c *Client) {
			_ = c.Reset(wide)
			for range 3 {
				c.Begin(0, ReadLog, nil, &inbox{})
			}
		}},
		{"operation with read kind 6", func(c *Client) { c.Begin(0, 6, nil, &inbox{}) }},
		{"out of sequence numbers", func(c *Client) { _ = c.Reset(last); c.Begin(0, ReadLog, nil, &inbox{}) }},
		{"called from inside Env.SendRequest", func(c *Client) {
			env := &eagerEnv{}
			env.call = func() { c.HandleReply(0, &Reply{Client: 1, Seq: 1, Attempt: 1, Status: ReplyOK}, env) }
			c.Begin(0, ReadLog, nil, env)
		}},
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, tc.want) {
					t.Errorf("panic %q, want one with %q", got, tc.want)
				}
			}()
			tc.do(mustNew(t, testConfig()))
		}()
	}
}

// The client keeps copies of what it is given.
func TestClientCopies(t *testing.T) {
	cfg := testConfig()
	c := mustNew(t, cfg)
	cfg.Servers[1] = 9
	command := []byte("command")
	env := &inbox{}
	c.Begin(0, ReadLog, command, env)
	command[0] = 'X'
	env.open(c, 0)
	for range 2 * len(cfg.Servers) {
		c.Tick(c.Deadline(), env)
		if string(env.last.Command) != "command" || env.server == 9 {
			t.Errorf("n%d <- %v %q", env.server, &env.last, env.last.Command)
		}
	}
}

// Time at its end: no overflow, no end of an operation that has none, and no endless chain of abandoned ones.
func TestClientEndOfTime(t *testing.T) {
	cfg := testConfig()
	cfg.OperationTimeout = time.Minute
	cfg.Window = 2
	c := mustNew(t, cfg)
	env := &inbox{}
	c.Begin(math.MaxInt64-1, ReadLog, nil, env)
	c.Begin(math.MaxInt64-1, ReadStale, nil, env)
	if c.Deadline() != math.MaxInt64 {
		t.Errorf("deadline %d", c.Deadline())
	}
	c.Tick(math.MaxInt64, env)
	if env.attempts != 4 || env.abandoned != 0 {
		t.Errorf("%d attempts, abandoned #%d", env.attempts, env.abandoned)
	}
}

// An attempt more than there are numbers for: a command is given up, an opening goes on under another number.
func TestClientOutOfAttempts(t *testing.T) {
	c, env := mustNew(t, testConfig()), &inbox{}
	c.Begin(0, ReadLog, nil, env)
	c.ops[0].request.Attempt = math.MaxUint32
	c.Tick(c.Deadline(), env)
	if env.last.Kind != KindOpen || env.last.Seq != 3 || env.last.Attempt != 1 || env.abandoned != 0 {
		t.Errorf("%v, abandoned #%d", &env.last, env.abandoned)
	}
	env.open(c, c.now)
	if env.last.Kind != KindCommand || env.last.Seq != 2 {
		t.Errorf("%v", &env.last)
	}
	c.ops[0].request.Attempt = math.MaxUint32
	c.Tick(c.Deadline(), env)
	if env.abandoned != 2 || c.Outstanding() != 0 {
		t.Errorf("abandoned #%d, %d outstanding", env.abandoned, c.Outstanding())
	}
}

// A reset client is a new one.
func TestClientReset(t *testing.T) {
	cfg := testConfig()
	cfg.Window = 2
	c, env := mustNew(t, cfg), &inbox{}
	c.Begin(5, ReadLog, []byte("command"), env)
	env.open(c, 5)
	c.HandleReply(6, &Reply{Client: 1, Seq: 2, Attempt: 1, Status: ReplyRedirect, Leader: 3}, env)
	c.Begin(7, ReadStale, []byte("query"), env)
	bad := testConfig()
	bad.Servers = nil
	if err := c.Reset(bad); err == nil {
		t.Error("a bad configuration is accepted")
	}
	if c.Outstanding() != 2 || c.Session() != 7 {
		t.Error("a refused reset changed the client")
	}
	if err := c.Reset(testConfig()); err != nil {
		t.Fatal(err)
	}
	fresh := mustNew(t, testConfig())
	for _, c := range []*Client{c, fresh} {
		c.Begin(1, ReadLog, []byte("command"), env)
		c.ops[1].request.Command = nil // the kept memory
	}
	if got, want := fmt.Sprintf("%+v", *c), fmt.Sprintf("%+v", *fresh); got != want {
		t.Errorf("after a reset:\n%s\nnew:\n%s", got, want)
	}
}

func TestClientAllocatesNothing(t *testing.T) {
	c, env := mustNew(t, testConfig()), &inbox{}
	command := []byte("command")
	buf := make([]byte, 0, 128)
	var r Reply
	var now int64
	read := ReadLog
	env.then = func() { read = (read + 1) % 5; c.Begin(now, read, command, env) }
	c.Begin(now, ReadLog, command, env)
	env.open(c, now)
	if n := testing.AllocsPerRun(100, func() {
		now++
		buf = AppendRequest(buf[:0], &env.last)
		if err := DecodeRequest(buf, &env.last); err != nil {
			t.Error(err)
		}
		for _, status := range []ReplyStatus{ReplyRedirect, ReplyBusy, ReplyOK} {
			buf = AppendReply(buf[:0], &Reply{Client: 1, Seq: env.last.Seq, Attempt: env.last.Attempt, Status: status, Leader: env.server%3 + 1})
			if err := DecodeReply(buf, &r); err != nil {
				t.Error(err)
			}
			c.HandleReply(now, &r, env)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if env.completed < 100 {
		t.Errorf("%d operations completed", env.completed)
	}
}

func BenchmarkOperation(b *testing.B) {
	c, env := mustNew(b, testConfig()), &inbox{}
	var now int64
	command := []byte("command")
	env.then = func() { c.Begin(now, ReadLog, command, env) }
	c.Begin(now, ReadLog, command, env)
	env.open(c, now)
	r := Reply{Client: 1, Status: ReplyOK}
	b.ReportAllocs()
	for b.Loop() {
		now++
		r.Seq, r.Attempt = env.last.Seq, env.last.Attempt
		c.HandleReply(now, &r, env)
	}
}

// With GiveUpDropped a command whose only attempt is lost ends with that; one that was tried before goes on, since an earlier attempt
// may be in a log, and so do openings.
func TestGiveUpDropped(t *testing.T) {
	for _, tc := range []struct {
		name    string
		giveUp  bool
		silence bool // no reply to the first attempt: the second one is dropped
		opening bool
		ends    bool
	}{
		{"the only attempt", true, false, false, true},
		{"not asked for", false, false, false, false},
		{"the second attempt", true, true, false, false},
		{"the opening", true, false, true, false},
	} {
		cfg := testConfig()
		cfg.GiveUpDropped = tc.giveUp
		c, env := mustNew(t, cfg), &inbox{}
		seq := c.Begin(0, ReadLog, []byte("x"), env)
		if !tc.opening {
			env.open(c, 1)
		}
		if tc.silence {
			c.Tick(c.Deadline(), env)
		}
		c.HandleReply(2, &Reply{Client: 1, Seq: env.last.Seq, Attempt: env.last.Attempt, Status: ReplyDropped}, env)
		if ended := env.abandoned == seq; ended != tc.ends {
			t.Errorf("%s: ended %v, want %v", tc.name, ended, tc.ends)
		}
		if !tc.ends {
			continue
		}
		next := c.Begin(3, ReadLog, []byte("y"), env)
		if r := env.last; r.Seq != next || r.Prev != seq || r.Ack != next {
			t.Errorf("%s: the next command does not say that the one before is over: %v", tc.name, &r)
		}
	}
}
