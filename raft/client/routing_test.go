package client

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// scribe writes down what a client does.
type scribe struct{ text strings.Builder }

func (s *scribe) SendRequest(server uint64, r *Request) {
	fmt.Fprintf(&s.text, "n%d <- %v\n", server, r)
}

func (s *scribe) Completed(r *Reply) {
	fmt.Fprintf(&s.text, "completed #%d %q\n", r.Seq, r.Result)
}

func (s *scribe) Abandoned(seq uint64, why Reason) {
	fmt.Fprintf(&s.text, "abandoned #%d: %v\n", seq, why)
}

// TestRouting plays the transcripts in testdata/transcripts. Every command prints what the client did and when it wants to run next.
//
//	new [client=1] [servers=(1,2,3)|noservers] [attempt=100ms] [operation=1s] [retry=10ms] [redirects=0] [last=0] [window=1]
//	    [sticky] [monotonic] [spread] [ways] [aware | registry] [fresh]          (fresh: without a session; otherwise number 1 has opened session 7)
//	begin at=0ms [read=leader]                         (a command unless told otherwise)
//	reply at=5ms ok|redirect|busy|unavailable|expired|dropped|too-large|who [seq=N] [try=N] [leader=N] [index=N] [term=N] [session=N] [result=text]
//	                                                   (to the latest attempt of the latest operation unless told otherwise)
//	tick [at=100ms]                                    (at the deadline unless told otherwise)
//	room                                               (whether another command, and another read, may begin, and their numbers)
//	counters
func TestRouting(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		var c *Client
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			env := new(scribe)
			switch d.Cmd {
			case "new":
				var err error
				if c, err = New(scanConfig(t, d)); err != nil {
					return err.Error() + "\n"
				}
				if !d.HasArg("fresh") {
					giveSession(c)
				}
			case "begin":
				c.Begin(scanAt(t, d, 0), scanRead(t, d), []byte("command"), env)
			case "reply":
				c.HandleReply(scanAt(t, d, c.now), scanReply(t, d, c), env)
			case "tick":
				if c.Deadline() == math.MaxInt64 && !d.HasArg("at") {
					d.Fatalf(t, "no deadline: say when")
				}
				c.Tick(scanAt(t, d, c.Deadline()), env)
			case "room":
				return fmt.Sprintf("command #%d: %v\nread #%d: %v\n", c.NextSeq(ReadLog), c.CanBegin(ReadLog), c.NextSeq(ReadStale), c.CanBegin(ReadStale))
			case "counters":
				return fmt.Sprintf("%+v\n", c.Counters())
			default:
				d.Fatalf(t, "unknown command")
			}
			if at := c.Deadline(); at == math.MaxInt64 {
				env.text.WriteString("idle\n")
			} else {
				fmt.Fprintf(&env.text, "until %v\n", time.Duration(at))
			}
			return env.text.String()
		})
	})
}

// giveSession makes a new client one that has opened session 7 and done nothing else.
func giveSession(c *Client) {
	c.seq++
	c.session, c.last = 7, c.seq
}

func scanRead(t *testing.T, d *datadriven.TestData) ReadKind {
	var name string
	if d.MaybeScanArgs(t, "read", &name) {
		for i, n := range ReadKindNames() {
			if n == name {
				return ReadKind(i)
			}
		}
		d.Fatalf(t, "unknown kind of read")
	}
	return ReadLog
}

func scanConfig(t *testing.T, d *datadriven.TestData) Config {
	cfg := Config{
		Client:           1,
		Servers:          []uint64{1, 2, 3},
		AttemptTimeout:   scanDuration(t, d, "attempt", 100*time.Millisecond),
		OperationTimeout: scanDuration(t, d, "operation", time.Second),
		RetryDelay:       scanDuration(t, d, "retry", 10*time.Millisecond),
		Sticky:           d.HasArg("sticky"),
		Monotonic:        d.HasArg("monotonic"),
		Spread:           d.HasArg("spread"),
		Ways:             d.HasArg("ways"),
	}
	switch {
	case d.HasArg("aware"):
		cfg.Locate = LocateServers
	case d.HasArg("registry"):
		cfg.Locate, cfg.Registries = LocateRegistry, []uint64{2049}
	}
	d.MaybeScanArgs(t, "window", &cfg.Window)
	d.MaybeScanArgs(t, "client", &cfg.Client)
	d.MaybeScanArgs(t, "last", &cfg.LastSeq)
	d.MaybeScanArgs(t, "redirects", &cfg.MaxRedirects)
	if d.HasArg("noservers") {
		cfg.Servers = nil
	} else if d.HasArg("servers") {
		cfg.Servers = nil
		d.ScanArgs(t, "servers", &cfg.Servers)
	}
	return cfg
}

func scanDuration(t *testing.T, d *datadriven.TestData, name string, otherwise time.Duration) time.Duration {
	var text string
	if !d.MaybeScanArgs(t, name, &text) {
		return otherwise
	}
	v, err := time.ParseDuration(text)
	if err != nil {
		d.Fatalf(t, "%s: %v", name, err)
	}
	return v
}

func scanAt(t *testing.T, d *datadriven.TestData, otherwise int64) int64 {
	return int64(scanDuration(t, d, "at", time.Duration(otherwise)))
}

func scanReply(t *testing.T, d *datadriven.TestData, c *Client) *Reply {
	r := &Reply{Client: c.cfg.Client, Seq: c.LastSeq()}
	d.MaybeScanArgs(t, "seq", &r.Seq)
	if i := c.find(r.Seq); i >= 0 {
		r.Attempt = c.ops[i].request.Attempt
	}
	if d.HasArg("who") {
		r.Seq, r.Attempt = c.lookup.seq, c.lookup.attempt
	}
	for s := ReplyOK; s <= ReplyWho; s++ {
		if d.HasArg(s.String()) {
			r.Status = s
		}
	}
	var result string
	var try uint64
	if d.MaybeScanArgs(t, "try", &try) {
		r.Attempt = uint32(try)
	}
	d.MaybeScanArgs(t, "client", &r.Client)
	d.MaybeScanArgs(t, "leader", &r.Leader)
	d.MaybeScanArgs(t, "index", &r.Index)
	d.MaybeScanArgs(t, "term", &r.Term)
	d.MaybeScanArgs(t, "session", &r.Session)
	d.MaybeScanArgs(t, "result", &result)
	r.Result = []byte(result)
	return r
}
