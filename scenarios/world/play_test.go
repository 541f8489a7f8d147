package world

import (
	"slices"
	"strings"
	"testing"
	"time"

	"raftsim/network"
	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/server"
	"raftsim/scenarios/workload"
	"raftsim/sim"
	"raftsim/sim/disk"
)

// fatal is what a test and a rapid property have in common.
type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

// play is one run of a small world that a test looks into: before every step it sees the state that the step finds.
type play struct {
	World
	t       fatal
	config  Config
	outcome *Outcome
	steps   []traced
	before  func(ev sim.Event) // called before every step
	clocks  []int64            // what each server's clock showed last
}

// traced is one step as it was traced.
type traced struct {
	at     sim.Time
	to     sim.ProcID
	kind   uint8
	load   uint32
	line   string // what is said of an operation in it may be more the second time
	paused bool   // it found a paused machine, and comes again
}

func (s traced) String() string { return s.at.String() + " " + s.line }

// same reports whether two steps are of one event.
func (s traced) same(o traced) bool { return s.to == o.to && s.kind == o.kind && s.load == o.load }

const (
	playTimeout   = 150 * time.Millisecond
	playHeartbeat = 50 * time.Millisecond
)

// playConfig is three servers led by n1 and three clients in a calm world of 2 seconds.
func playConfig() Config {
	return Config{
		Servers: 3, InitialLeader: 1, Forward: true, DecodeDisks: true,
		Raft: raft.Config{
			ElectionTimeout: playTimeout, HeartbeatInterval: playHeartbeat, MaxClockDriftPPM: 500, RetainEntries: 10, MaxChunkBytes: 300,
		},
		Server:      server.Config{SegmentBytes: 4096, SnapshotEntries: 100, ApplyBatch: 64},
		Application: workload.KV{},
		Plan:        workload.Plan{Clients: 3, Keys: 2, Classes: []string{workload.ClassRegister, workload.ClassMixed}},
		Client:      client.Config{AttemptTimeout: playTimeout, OperationTimeout: 500 * time.Millisecond, Window: 1},
		Pace:        workload.Pace{Pause: 20 * time.Millisecond},
		Network:     network.Config{Delay: time.Millisecond, Spread: 2 * time.Millisecond},
		Disk:        disk.Options{SyncLatency: time.Millisecond},
		Window:      2 * time.Second, Liveness: 20 * playTimeout,
		CheckOnce: true, Record: true, Budget: 30_000,
	}
}

// newPlay makes a world with these disturbances; change may be nil.
func newPlay(t fatal, change func(*Config), lines ...string) *play {
	t.Helper()
	p := &play{t: t, config: playConfig()}
	if change != nil {
		change(&p.config)
	}
	v := playVocabulary(t)
	for _, line := range lines {
		d, err := v.ParseLine(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		p.config.Overrides = append(p.config.Overrides, d)
	}
	p.config.Tracer = p
	return p
}

func playVocabulary(t fatal) *sim.Vocabulary {
	t.Helper()
	v, err := NewVocabulary(workload.KV{})
	if err != nil {
		t.Fatalf("%v", err)
	}
	return v
}

// run runs it to its end.
func (p *play) run() *play {
	p.t.Helper()
	o, err := p.Run(playVocabulary(p.t), p.config)
	if err != nil {
		p.t.Fatalf("%v", err)
	}
	p.outcome = o
	return p
}

// well runs it, and wants no finding and every disturbance to have found its subject.
func (p *play) well() *play {
	p.t.Helper()
	p.run()
	if len(p.outcome.Violations) > 0 || p.outcome.Broken != "" {
		p.t.Fatalf("%v %s", p.outcome.Violations, p.outcome.Broken)
	}
	for i, hits := range p.outcome.Hits {
		if hits == 0 {
			p.t.Fatalf("disturbance %d found no subject", i+1)
		}
	}
	return p
}

// Step implements sim.Tracer.
func (p *play) Step(_ uint64, ev sim.Event, line []byte, _ uint64) {
	text, paused := strings.CutSuffix(string(line), " (paused: later)")
	p.steps = append(p.steps, traced{at: ev.At, to: ev.To, kind: ev.Kind, load: ev.Payload, line: text, paused: paused})
	for i, n := range p.nodes[:p.slots()] {
		if i == len(p.clocks) {
			p.clocks = append(p.clocks, 0)
		}
		// Local time never goes back, whatever becomes of the process.
		if now := n.now(); now < p.clocks[i] {
			p.t.Fatalf("at %v the clock of n%d shows %d after %d", ev.At, n.id, now, p.clocks[i])
		} else {
			p.clocks[i] = now
		}
	}
	if p.before != nil {
		p.before(ev)
	}
}

// of returns the steps of one server from one time up to, not including, another.
func (p *play) of(id sim.ProcID, from, until time.Duration) []traced {
	var out []traced
	for _, s := range p.steps {
		if s.to == id && s.at >= sim.Time(from) && s.at < sim.Time(until) {
			out = append(out, s)
		}
	}
	return out
}

func (p *play) status(id uint64) raft.Status { return p.nodes[id-1].server.Status() }

func kinds(steps []traced) (count [evFree + 1]int) {
	for _, s := range steps {
		count[s.kind]++
	}
	return count
}

func without(steps []traced, kind uint8) []traced {
	return slices.DeleteFunc(slices.Clone(steps), func(s traced) bool { return s.kind == kind })
}

// A play without disturbances is a calm run: one leader, no finding, every command on every server.
func TestCalmPlay(t *testing.T) {
	p := newPlay(t, nil).well()
	c := &p.outcome.Counts
	if c.Elections != 1 || c.StepDowns != 0 || c.Truncations != 0 || c.Executed < 100 || c.Delayed != 0 || c.Crashes+c.Halts+c.Panics != 0 {
		t.Errorf("%+v", c)
	}
	for _, n := range p.nodes[:3] {
		if n.applied() != c.Committed || n.clock != (clock{}) {
			t.Errorf("n%d has applied %d of %d, clock %+v", n.id, n.applied(), c.Committed, n.clock)
		}
	}
}
