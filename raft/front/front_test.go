package front

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"raftsim/raft/client"
)

const ms = int64(time.Millisecond)

// scribe writes down what a front does.
type scribe struct{ lines []string }

func (s *scribe) SendRequest(server uint64, r *client.Request) {
	s.lines = append(s.lines, fmt.Sprintf("n%d <- %v", server, r))
}

func (s *scribe) SendReply(r *client.Reply) { s.lines = append(s.lines, r.String()) }

// play is a front with what happens to it.
type play struct {
	t *testing.T
	*Front
	scribe
}

func newPlay(t *testing.T, m Mode, change ...func(*Config)) *play {
	t.Helper()
	cfg := Config{ID: 2049, Mode: m, Servers: []uint64{1, 2, 3}, KeepAlive: 100 * time.Millisecond, Patience: 500 * time.Millisecond}
	for _, do := range change {
		do(&cfg)
	}
	f, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &play{t: t, Front: f}
}

func (p *play) ask(at int64, id uint64, attempt uint32) {
	p.HandleRequest(at*ms, &client.Request{
		Kind: client.KindCommand, Client: id, Seq: 2, Attempt: attempt, Session: 1, Prev: 1, Ack: 2, Command: []byte("ab"),
	}, p)
}

func (p *play) read(at int64, id uint64, kind client.ReadKind) {
	p.HandleRequest(at*ms, &client.Request{Kind: client.KindRead, Read: kind, Client: id, Seq: 3, Attempt: 1}, p)
}

func (p *play) reply(at int64, id uint64, attempt uint32, s client.ReplyStatus, leader uint64) {
	p.HandleReply(at*ms, &client.Reply{Client: id, Seq: 2, Attempt: attempt, Via: 2049, Status: s, Leader: leader}, p)
}

func (p *play) leads(at int64, id, term uint64) {
	p.HandleBeacon(at*ms, &client.Beacon{Leader: id, Term: term}, p)
}

func (p *play) want(lines ...string) {
	p.t.Helper()
	if diff := cmp.Diff(lines, p.lines); diff != "" && len(lines)+len(p.lines) > 0 {
		p.t.Errorf("(-want +got):\n%s", diff)
	}
	p.lines = nil
}

func sent(server, id uint64, attempt int) string {
	return fmt.Sprintf("n%d <- command c%d #2 try %d via 2049 session 1 after #1 ack #2: 2 bytes", server, id, attempt)
}

// A frontend that knows of no leader tries a server, keeps what that refuses until it knows of one, sends it again when another one
// leads, and passes the answer on.
func TestFrontendFollowsTheLeader(t *testing.T) {
	p := newPlay(t, Frontend)
	p.ask(0, 5, 1)
	p.want(sent(2, 5, 1))
	p.reply(5, 5, 1, client.ReplyUnavailable, 0)
	p.want()
	p.leads(10, 2, 3)
	p.want(sent(2, 5, 1))
	p.leads(20, 2, 3)
	p.want()
	p.leads(30, 1, 2) // an older leader that does not know
	p.want()
	p.leads(40, 1, 4)
	p.want(sent(1, 5, 1))
	p.ask(50, 6, 1)
	p.want(sent(1, 6, 1))
	p.reply(60, 5, 1, client.ReplyOK, 0)
	p.want("reply c5 #2 try 1 ok: 0 bytes")
	p.reply(61, 5, 1, client.ReplyOK, 0)
	p.want()
	if n := p.Counters(); n.Held != 1 || n.Resent != 1 || n.Strays != 1 || n.Sent != 4 {
		t.Errorf("%+v", n)
	}
}

// A frontend follows redirects itself, so many in a row, and keeps what is refused then, or for want of a leader, for the next beacon. Neither
// comes through to the client.
func TestFrontendFollowsRedirects(t *testing.T) {
	p := newPlay(t, Frontend, func(c *Config) { c.MaxRedirects = 2 })
	p.leads(0, 2, 3)
	p.ask(1, 5, 1)
	p.want(sent(2, 5, 1))
	p.reply(2, 5, 1, client.ReplyRedirect, 3)
	p.want(sent(3, 5, 1))
	if leader, _ := p.Leader(); leader != 3 {
		t.Errorf("believes in n%d after the hint", leader)
	}
	p.reply(3, 5, 1, client.ReplyRedirect, 1)
	p.want(sent(1, 5, 1))
	p.reply(4, 5, 1, client.ReplyRedirect, 2)
	p.want()
	p.leads(5, 2, 3)
	p.want(sent(2, 5, 1))
	p.reply(6, 5, 1, client.ReplyUnavailable, 0)
	p.want()
	p.leads(7, 2, 3)
	p.want(sent(2, 5, 1))
	p.reply(8, 5, 1, client.ReplyBusy, 0)
	p.want("reply c5 #2 try 1 busy")
	if n := p.Counters(); n.Redirects != 2 {
		t.Errorf("%+v", n)
	}
}

// A leader that has been silent for the keep-alive is gone.
func TestSilentLeader(t *testing.T) {
	p := newPlay(t, Balancer)
	p.leads(0, 2, 3)
	p.ask(99, 5, 1)
	p.want(sent(2, 5, 1))
	if at := p.Deadline(); at != 100*ms {
		t.Errorf("deadline %v", time.Duration(at))
	}
	p.Tick(100 * ms)
	p.ask(100, 6, 1)
	p.ask(100, 7, 1)
	p.want(sent(2, 6, 1), sent(3, 7, 1))
	if n := p.Counters(); n.Gone != 1 {
		t.Errorf("%+v", n)
	}
}

// A balancer passes refusals on, and sends nothing again.
func TestBalancerPassesOn(t *testing.T) {
	p := newPlay(t, Balancer)
	p.leads(0, 2, 3)
	p.ask(1, 5, 1)
	p.reply(2, 5, 1, client.ReplyRedirect, 3)
	p.want(sent(2, 5, 1), "reply c5 #2 try 1 redirect, leader n3")
	p.ask(3, 5, 2)
	p.leads(4, 1, 4)
	p.want(sent(2, 5, 2))
}

// Of mode any, and for reads that the server asked answers, servers take turns.
func TestTurns(t *testing.T) {
	p := newPlay(t, Any)
	p.leads(0, 2, 3)
	for id := uint64(5); id < 8; id++ {
		p.ask(1, id, 1)
	}
	p.want(sent(2, 5, 1), sent(3, 6, 1), sent(1, 7, 1))
	p = newPlay(t, Frontend)
	p.leads(0, 2, 3)
	for id := uint64(5); id < 8; id++ {
		p.read(1, id, client.ReadStale)
	}
	p.read(1, 8, client.ReadLeader)
	var to []string
	for _, line := range p.lines {
		to = append(to, line[:2])
	}
	if want := []string{"n2", "n3", "n1", "n2"}; !slices.Equal(to, want) {
		t.Errorf("%v, want %v", to, want)
	}
}

// The queue is bounded: who comes when it is full is told so. What nobody answers makes room after a while.
func TestQueueIsBounded(t *testing.T) {
	p := newPlay(t, Frontend, func(c *Config) { c.Queue = 2 })
	p.ask(0, 5, 1)
	p.ask(0, 6, 1)
	p.ask(0, 7, 1)
	p.want(sent(2, 5, 1), sent(3, 6, 1), "reply c7 #2 try 1 busy")
	p.ask(1, 6, 2) // has its place
	p.want(sent(1, 6, 2))
	p.ask(500, 7, 2)
	p.want(sent(1, 7, 2)) // the others have not answered
	if n := p.Counters(); n.Refused != 1 || n.Expired != 1 || p.Kept() != 2 {
		t.Errorf("%+v, %d kept", n, p.Kept())
	}
}

// A server that let a request go unanswered has no turn for a while, until it answers or announces itself, or nobody else has.
func TestSilentServersHaveNoTurn(t *testing.T) {
	p := newPlay(t, Any)
	p.ask(0, 5, 1) // n2
	p.Tick(500 * ms)
	p.lines = nil
	for id := uint64(6); id < 9; id++ {
		p.ask(600, id, 1)
	}
	p.want(sent(3, 6, 1), sent(1, 7, 1), sent(3, 8, 1))
	p.leads(601, 2, 3)
	p.ask(602, 9, 1)
	p.ask(602, 10, 1)
	p.want(sent(1, 9, 1), sent(2, 10, 1))
	p.Tick(1200 * ms) // nobody has answered
	p.ask(1200, 11, 1)
	p.want(sent(3, 11, 1))
	if n := p.Counters(); n.Suspected != 6 {
		t.Errorf("%+v", n)
	}
}

// A registry says who leads and passes nothing on.
func TestRegistry(t *testing.T) {
	p := newPlay(t, Registry)
	who := client.Request{Kind: client.KindWho, Client: 5, Seq: 2, Attempt: 1}
	p.HandleRequest(0, &who, p)
	p.leads(1, 2, 3)
	p.HandleRequest(2*ms, &who, p)
	p.ask(3, 5, 1)
	p.HandleRequest(101*ms, &who, p)
	p.want("reply c5 #2 try 1 who, term 0", "reply c5 #2 try 1 who, leader n2, term 3", "reply c5 #2 try 1 unavailable",
		"reply c5 #2 try 1 who, term 3")
	if at := p.Deadline(); at != math.MaxInt64 {
		t.Errorf("deadline %v", time.Duration(at))
	}
}

func TestConfigIsRefused(t *testing.T) {
	for _, change := range []func(*Config){
		func(c *Config) { c.ID = 0 }, func(c *Config) { c.Mode = modeEnd }, func(c *Config) { c.Servers = nil },
		func(c *Config) { c.KeepAlive = 0 }, func(c *Config) { c.Patience = 0 }, func(c *Config) { c.Queue = -1 },
		func(c *Config) { c.MaxRedirects = -1 },
	} {
		cfg := Config{ID: 2049, Servers: []uint64{1}, KeepAlive: 1, Patience: 1}
		change(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
}

// Whatever comes: no more is kept than there is room for, nothing longer than patience, and nothing is sent to nobody.
func TestBounds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mode := Mode(rapid.IntRange(0, int(modeEnd)-1).Draw(rt, "mode"))
		p := newPlay(t, mode, func(c *Config) { c.Queue = 3 })
		now := int64(0)
		for range rapid.IntRange(0, 60).Draw(rt, "steps") {
			now += rapid.Int64Range(0, 80).Draw(rt, "pause")
			id := rapid.Uint64Range(1, 6).Draw(rt, "client")
			switch rapid.IntRange(0, 4).Draw(rt, "what") {
			case 0, 1:
				p.ask(now, id, rapid.Uint32Range(1, 3).Draw(rt, "try"))
			case 2:
				p.reply(now, id, rapid.Uint32Range(1, 3).Draw(rt, "try"), client.ReplyStatus(rapid.IntRange(1, 7).Draw(rt, "status")),
					rapid.Uint64Range(0, 4).Draw(rt, "hint"))
			case 3:
				p.leads(now, rapid.Uint64Range(1, 4).Draw(rt, "leader"), rapid.Uint64Range(1, 9).Draw(rt, "term"))
			default:
				p.Tick(now * ms)
			}
			if p.Kept() > 3 || p.Deadline() <= now*ms {
				rt.Fatalf("%d kept, deadline %v at %v", p.Kept(), p.Deadline(), now*ms)
			}
		}
		for _, line := range p.lines {
			if line[0] == 'n' && (line[1] < '1' || line[1] > '3') {
				rt.Fatal(line)
			}
		}
		p.Tick((now + 500) * ms)
		if p.Kept() != 0 {
			rt.Fatalf("%d kept for longer than patience", p.Kept())
		}
	})
}
