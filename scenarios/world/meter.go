package world

import (
	"raftsim/raft/client"
	"raftsim/scenarios/workload"
	"raftsim/sim"
)

// Meter hears of every operation of the clients when it is over, and of what the clients did in all. It takes no part in the run.
type Meter interface {
	Operation(o Metered)
	Ended(clients client.Counters)
}

// Metered is one operation, from the moment its client wants it to its answer.
type Metered struct {
	Client, Seq uint64
	Choice      int64 // of the application
	From, To    sim.Time
	Unknown     bool // it was given up at To
}

// meteredSession is a session that a meter hears of.
type meteredSession struct {
	workload.Session
	world *World
	meter Meter
	open  map[asking]Metered
}

func newMeteredSession(w *World, s workload.Session, m Meter) *meteredSession {
	return &meteredSession{Session: s, world: w, meter: m, open: make(map[asking]Metered)}
}

// Invoke implements workload.Session.
func (s *meteredSession) Invoke(id, seq uint64, choice int64, step uint64, dst []byte) ([]byte, error) {
	s.open[asking{id, seq}] = Metered{Client: id, Seq: seq, Choice: choice, From: s.world.kernel.Now()}
	return s.Session.Invoke(id, seq, choice, step, dst)
}

// Complete implements workload.Session.
func (s *meteredSession) Complete(id, seq, step, index uint64, result []byte) error {
	s.over(asking{id, seq}, false)
	return s.Session.Complete(id, seq, step, index, result)
}

// Abandon implements workload.Session.
func (s *meteredSession) Abandon(id, seq, step uint64) {
	s.over(asking{id, seq}, true)
	s.Session.Abandon(id, seq, step)
}

func (s *meteredSession) over(which asking, unknown bool) {
	o := s.open[which]
	delete(s.open, which)
	o.To, o.Unknown = s.world.kernel.Now(), unknown
	s.meter.Operation(o)
}

// meterClients tells the meter what the clients did.
func (w *World) meterClients() {
	if w.config.Meter == nil {
		return
	}
	var all client.Counters
	for _, cl := range w.clients[:w.config.Plan.Clients] {
		c := cl.Counters()
		all.Operations += c.Operations
		all.Completed += c.Completed
		all.Abandoned += c.Abandoned
		all.Attempts += c.Attempts
		all.Redirects += c.Redirects
		all.Busy += c.Busy
		all.Unavailable += c.Unavailable
		all.Timeouts += c.Timeouts
	}
	w.config.Meter.Ended(all)
}
