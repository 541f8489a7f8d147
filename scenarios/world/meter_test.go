package world

import (
	"testing"

	"raftsim/raft/client"
)

// counted is a meter that adds up.
type counted struct {
	t                  *testing.T
	completed, unknown uint64
	clients            client.Counters
}

func (c *counted) Operation(o Metered) {
	if o.From > o.To || o.Client == 0 || o.Seq == 0 {
		c.t.Errorf("%+v", o)
	}
	if o.Unknown {
		c.unknown++
	} else {
		c.completed++
	}
}

func (c *counted) Ended(clients client.Counters) { c.clients = clients }

// A meter hears of every operation once, and changes nothing.
func TestMeterHearsEverything(t *testing.T) {
	faults := []string{"isolate n1 #0 = at 600ms for 1s both", "isolate n2 #0 = at 600ms for 1s both"}
	alone := newPlay(t, nil, faults...).well()
	m := &counted{t: t}
	p := newPlay(t, func(c *Config) { c.Meter = m }, faults...).well()
	if p.outcome.Digest != alone.outcome.Digest {
		t.Error("a meter changes the run")
	}
	n := &p.outcome.Counts.Operations
	if m.completed != n.Completed || m.unknown != n.Abandoned || m.unknown == 0 || m.completed == 0 {
		t.Errorf("heard of %d and %d unknown ones, there were %d and %d", m.completed, m.unknown, n.Completed, n.Abandoned)
	}
	if m.clients.Attempts <= m.completed || m.clients.Timeouts == 0 {
		t.Errorf("clients: %+v", m.clients)
	}
}
