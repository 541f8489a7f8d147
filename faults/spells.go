package faults

import "raftsim/sim"

// spell is a disturbance in effect that ends: links that are cut, a server that stands still, a clock that runs at another rate.
type spell struct {
	what sim.Disturbance
	on   bool
}

// cast keeps a disturbance that has taken effect until its time is over.
func (e *Engine) cast(d sim.Disturbance) {
	e.counts.add(d.Key.Purpose())
	e.spells = append(e.spells, spell{what: d, on: true})
	_, length := span(d.Value)
	e.world.ScheduleHeal(e.kernel.Now().Add(length), uint32(len(e.spells)-1))
}

// Heal ends what ScheduleHeal was called for. It does nothing if HealAll was there before.
func (e *Engine) Heal(slot uint32) {
	s := &e.spells[slot]
	if !s.on {
		return
	}
	s.on = false
	switch id := s.what.Key.Subject().A; s.what.Key.Purpose() {
	case PurposePause:
		e.world.Resume(id)
	case PurposeOutage:
		e.world.Restore(id)
	case PurposeClockRate:
		e.changeRate(id, -s.what.Value.N)
	default:
		e.forLinks(s.what, e.world.Unblock)
	}
}

// Spell returns the disturbance that Heal(slot) ends; false if it is over.
func (e *Engine) Spell(slot uint32) (sim.Disturbance, bool) {
	return e.spells[slot].what, e.spells[slot].on
}

// HealAll ends every cut, pause and other rate of a clock, and disarms every aim: the fault window closes. Clocks keep the error they
// had from the start, and members stay as they are; disks stall on for as long as they were told, which is at most the grace.
func (e *Engine) HealAll() {
	for i := range e.spells {
		e.Heal(uint32(i))
	}
	for i := range e.aims {
		e.aims[i].done = true
	}
}

func (e *Engine) closeLinks(d sim.Disturbance) {
	links := 0
	e.forLinks(d, func(from, to sim.ProcID) {
		links++
		e.world.Block(from, to)
	})
	if links > 0 {
		e.cast(d)
	}
}

// changeRate adds to the faults of a clock that are in effect, in parts per million.
func (e *Engine) changeRate(id sim.ProcID, by int64) {
	c := e.clockOf(id)
	before := c.rate()
	if c.extra += by; c.rate() != before {
		e.world.SetClockRate(id, c.rate())
	}
}

// clockOf returns the clock of a server of the run.
func (e *Engine) clockOf(id sim.ProcID) *clock {
	for len(e.clocks) <= int(id) {
		e.clocks = append(e.clocks, clock{})
	}
	return &e.clocks[id]
}

// forLinks visits the links that a cut closes: a function of the disturbance and of who takes part, so that healing
// opens what was closed.
func (e *Engine) forLinks(d sim.Disturbance, do func(from, to sim.ProcID)) {
	servers, clients := e.world.Servers(), e.world.Clients()
	s := d.Key.Subject()
	switch d.Key.Purpose() {
	case PurposeIsolate:
		way := d.Value.N % withClients
		cutOff := func(others []sim.ProcID) {
			for _, other := range others {
				if other == s.A {
					continue
				}
				if way != wayOutbound {
					do(other, s.A)
				}
				if way != wayInbound {
					do(s.A, other)
				}
			}
		}
		cutOff(servers)
		if d.Value.N >= withClients {
			cutOff(clients)
			cutOff(e.world.Fronts())
		}
	case PurposeCut:
		do(s.A, s.B)
		if d.Value.N == cutBothWays {
			do(s.B, s.A)
		}
	case PurposeSplit:
		side := Side(d.Value.N)
		apart := func(group, others []sim.ProcID) {
			for _, from := range group {
				for _, to := range others {
					if side.Has(from) != side.Has(to) {
						do(from, to)
					}
				}
			}
		}
		apart(servers, servers)
		if side&ClientsBoth == 0 {
			apart(servers, clients)
			apart(clients, servers)
			apart(clients, clients)
		}
	}
}
