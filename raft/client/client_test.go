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
	t       *rapid.T
	cfg     Config
	client  *Client
	now     int64
	chain   int // how many more operations Completed and Abandoned begin at once
	began   int64
	command []byte
	seq     uint64 // of the last operation seen
	ended   bool   // it was completed or abandoned
	attempt uint32
	sent    int // attempts of it
	answer  []byte
	mayOK   bool // a ReplyOK for it is being handled
}

func (w *witness) begin() {
	w.seq, w.ended, w.attempt, w.sent = w.seq+1, false, 0, 0
	w.began = w.now
	w.command = fmt.Append(nil, "command ", w.seq)
	w.client.Begin(w.now, w.command, w)
}

func (w *witness) SendRequest(server uint64, r *Request) {
	if w.ended || r.Seq != w.seq || r.Client != w.cfg.Client || r.Hops != 0 || r.Origin != 0 || !bytes.Equal(r.Command, w.command) {
		w.t.Fatalf("%v %q sent; the operation is %d, ended: %v", r, r.Command, w.seq, w.ended)
	}
	if r.Attempt <= w.attempt {
		w.t.Fatalf("%v sent after attempt %d", r, w.attempt)
	}
	if !bytes.Contains(serverBytes(w.cfg.Servers), []byte{byte(server)}) {
		w.t.Fatalf("%v sent to n%d, which is not configured", r, server)
	}
	if w.cfg.OperationTimeout > 0 && w.now >= w.began+int64(w.cfg.OperationTimeout) {
		w.t.Fatalf("%v sent at %d, after the end of an operation begun at %d", r, w.now, w.began)
	}
	w.attempt = r.Attempt
	w.sent++
	// Each pause or timeout is followed by one attempt and at most MaxRedirects more.
	elapsed := w.now - w.began
	step := min(int64(w.cfg.RetryDelay), int64(w.cfg.AttemptTimeout))
	if bound := (elapsed/step + 1) * int64(w.cfg.MaxRedirects+1); int64(w.sent) > bound {
		w.t.Fatalf("%d attempts in %d ns, want at most %d", w.sent, elapsed, bound)
	}
}

func serverBytes(servers []uint64) (b []byte) {
	for _, id := range servers {
		b = append(b, byte(id))
	}
	return b
}

func (w *witness) Completed(seq uint64, result []byte) {
	if !w.mayOK || !bytes.Equal(result, w.answer) {
		w.t.Fatalf("completed #%d with %q without such a reply", seq, result)
	}
	w.end(seq)
}

func (w *witness) Abandoned(seq uint64) {
	if w.cfg.OperationTimeout == 0 || w.now < w.began+int64(w.cfg.OperationTimeout) {
		w.t.Fatalf("#%d, begun at %d, abandoned at %d", seq, w.began, w.now)
	}
	w.end(seq)
}

func (w *witness) end(seq uint64) {
	if w.ended || seq != w.seq {
		w.t.Fatalf("#%d ended; the last one begun is %d, ended: %v", seq, w.seq, w.ended)
	}
	if out, ok := w.client.Outstanding(); ok {
		w.t.Fatalf("#%d ended and %d outstanding", seq, out)
	}
	w.ended, w.mayOK = true, false
	if w.chain > 0 {
		w.chain--
		w.begin()
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
		Sticky:         rapid.Bool().Draw(t, "sticky"),
	}
	if rapid.Bool().Draw(t, "ends") {
		cfg.OperationTimeout = cfg.AttemptTimeout * time.Duration(rapid.Int64Range(1, 5).Draw(t, "operation timeout"))
	}
	return cfg
}

// Whatever replies come, whenever: no operation ends twice, none completes without a ReplyOK to it, numbers and attempts
// rise, attempts are bounded, and a Tick at the deadline never leaves the deadline where it was.
func TestClientProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawConfig(t)
		c, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		w := &witness{t: t, cfg: cfg, client: c, seq: cfg.LastSeq, ended: true}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			w.chain = rapid.IntRange(0, 2).Draw(t, "chain")
			switch rapid.IntRange(0, 5).Draw(t, "step") {
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
			default:
				w.now += rapid.Int64Range(0, 2).Draw(t, "wait")
				handle(t, w, drawReply(t, w))
			}
			if w.ended {
				w.begin()
			}
			if seq, ok := c.Outstanding(); !ok || seq != w.seq || c.LastSeq() != w.seq {
				t.Fatalf("outstanding %d, %v; want %d", seq, ok, w.seq)
			}
		}
		n := c.Counters()
		if n.Operations != w.seq-cfg.LastSeq || n.Completed+n.Abandoned+1 != n.Operations {
			t.Fatalf("%d operations seen, counted: %+v", w.seq-cfg.LastSeq, n)
		}
	})
}

// drawReply draws mostly replies to the latest attempt, but also old, foreign and impossible ones.
func drawReply(t *rapid.T, w *witness) *Reply {
	r := &Reply{
		Client:  w.cfg.Client,
		Seq:     w.seq,
		Attempt: w.attempt,
		Status:  ReplyStatus(rapid.ByteRange(0, 5).Draw(t, "status")),
		Leader:  rapid.Uint64Range(0, 6).Draw(t, "leader"),
		Result:  rapid.SliceOfN(rapid.Byte(), 0, 2).Draw(t, "result"),
	}
	switch rapid.IntRange(0, 7).Draw(t, "whose") {
	case 0:
		r.Attempt = rapid.Uint32Range(0, w.attempt+1).Draw(t, "attempt")
	case 1:
		r.Seq = rapid.Uint64Range(0, w.seq+1).Draw(t, "seq")
	case 2:
		r.Client = rapid.Uint64Range(0, 6).Draw(t, "client")
	}
	return r
}

// handle hands in a reply and demands that a ReplyOK to an attempt of the outstanding operation ends it.
func handle(t *rapid.T, w *witness, r *Reply) {
	w.answer = r.Result
	w.mayOK = r.Status == ReplyOK && !w.ended && r.Client == w.cfg.Client && r.Seq == w.seq && r.Attempt >= 1 && r.Attempt <= w.attempt
	must := w.mayOK
	completed := w.client.Counters().Completed
	w.client.HandleReply(w.now, r, w)
	if done := w.client.Counters().Completed > completed; done != must {
		t.Fatalf("%v: completed %v, want %v", r, done, must)
	}
	w.mayOK = false
}

// A cluster in which one server leads and answers, some are dead and some give wrong hints: the client gets there, wherever it
// begins, within a bounded number of attempts.
func TestClientFindsTheLeader(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawConfig(t)
		cfg.OperationTimeout = 0
		leader := rapid.SampledFrom(cfg.Servers).Draw(t, "leader")
		// What each server does: 0 dead, 1 knows no leader, 2 always busy, above: names that one.
		manner := map[uint64]uint64{}
		for _, id := range cfg.Servers {
			manner[id] = rapid.Uint64Range(0, 8).Draw(t, fmt.Sprintf("n%d", id))
		}
		c, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		env := &inbox{}
		var now int64
		c.Begin(now, nil, env)
		for env.completed == 0 {
			if env.attempts > 4*len(cfg.Servers)*(cfg.MaxRedirects+2) {
				t.Fatalf("n%d leads and is not found in %d attempts", leader, env.attempts)
			}
			r := Reply{Client: cfg.Client, Seq: c.LastSeq(), Attempt: env.last.Attempt, Status: ReplyRedirect}
			switch m := manner[env.server]; {
			case env.server == leader:
				r.Status = ReplyOK
			case m == 0:
				r.Status = 0
			case m == 1:
				r.Status = ReplyUnavailable
			case m == 2:
				r.Status = ReplyBusy
			default:
				r.Leader = m - 2
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

func (e *inbox) Completed(seq uint64, _ []byte) {
	e.completed = seq
	if e.then != nil {
		e.then()
	}
}

func (e *inbox) Abandoned(seq uint64) { e.abandoned = seq }

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
	last.LastSeq = math.MaxUint64
	for _, tc := range []struct {
		want string
		do   func(c *Client)
	}{
		{"operation 2 begun with operation 1 outstanding", func(c *Client) { c.Begin(0, nil, &inbox{}); c.Begin(1, nil, &inbox{}) }},
		{"out of sequence numbers", func(c *Client) { _ = c.Reset(last); c.Begin(0, nil, &inbox{}) }},
		{"called from inside Env.SendRequest", func(c *Client) {
			env := &eagerEnv{}
			env.call = func() { c.HandleReply(0, &Reply{Client: 1, Seq: 1, Attempt: 1, Status: ReplyOK}, env) }
			c.Begin(0, nil, env)
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
	c.Begin(0, command, env)
	command[0] = 'X'
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
	c := mustNew(t, cfg)
	env := &inbox{}
	c.Begin(math.MaxInt64-1, nil, env)
	if c.Deadline() != math.MaxInt64 {
		t.Errorf("deadline %d", c.Deadline())
	}
	c.Tick(math.MaxInt64, env)
	if env.attempts != 2 || env.abandoned != 0 {
		t.Errorf("%d attempts, abandoned #%d", env.attempts, env.abandoned)
	}
}

// A reset client is a new one.
func TestClientReset(t *testing.T) {
	c, env := mustNew(t, testConfig()), &inbox{}
	c.Begin(5, []byte("command"), env)
	c.HandleReply(6, &Reply{Client: 1, Seq: 1, Attempt: 1, Status: ReplyRedirect, Leader: 3}, env)
	bad := testConfig()
	bad.Servers = nil
	if err := c.Reset(bad); err == nil {
		t.Error("a bad configuration is accepted")
	}
	if seq, ok := c.Outstanding(); seq != 1 || !ok {
		t.Error("a refused reset changed the client")
	}
	if err := c.Reset(testConfig()); err != nil {
		t.Fatal(err)
	}
	fresh := mustNew(t, testConfig())
	c.request.Command = fresh.request.Command // the kept memory
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
	env.then = func() { c.Begin(now, command, env) }
	c.Begin(now, command, env)
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
	env.then = func() { c.Begin(now, command, env) }
	c.Begin(now, command, env)
	b.ReportAllocs()
	for b.Loop() {
		now++
		c.HandleReply(now, &Reply{Client: 1, Seq: env.last.Seq, Attempt: env.last.Attempt, Status: ReplyOK}, env)
	}
}
