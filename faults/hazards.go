package faults

import (
	"time"

	"raftsim/sim"
)

// Hazards are the crashes and power losses at moments. The zero value needs Reset.
type Hazards struct {
	fates    *sim.Fates
	ordinals sim.Ordinals
	power    bool // can any answer differ from calm?
	crash    bool
	counts   Counts
}

// Strike is what a hazard does to a server. The zero value is nothing.
type Strike struct {
	Power bool // the machine loses power
	Crash bool // the process ends, the machine stays
	Down  time.Duration
}

const hazardSpace = 1

// Reset makes h the hazards of a run, keeping its memory.
func (h *Hazards) Reset(f *sim.Fates) {
	h.fates, h.counts = f, Counts{}
	h.power, h.crash = f.Active(PurposePower), f.Active(PurposeCrash)
	h.ordinals.Reset()
}

// Quiet reports whether no strike can differ from the zero value.
func (h *Hazards) Quiet() bool { return !h.power && !h.crash }

// Strike asks what happens to a running server at a moment. A moment is counted once, whatever is asked about it. Power
// is asked first; a server without power cannot crash. It costs nothing where no hazard can differ from calm.
func (h *Hazards) Strike(now sim.Time, node sim.ProcID, moment uint8, term uint64) Strike {
	if h.Quiet() {
		return Strike{}
	}
	key := h.ordinals.Next(hazardSpace, sim.Subject{A: node, Kind: moment, Epoch: term})
	if h.power {
		if v := h.fates.Ask(key.WithPurpose(PurposePower), now, 0); !v.Calm() {
			h.counts.add(PurposePower)
			return Strike{Power: true, Down: time.Duration(v.For)}
		}
	}
	if h.crash {
		if v := h.fates.Ask(key.WithPurpose(PurposeCrash), now, 0); !v.Calm() {
			h.counts.add(PurposeCrash)
			return Strike{Crash: true, Down: time.Duration(v.For)}
		}
	}
	return Strike{}
}

// Counts returns how many hazards struck so far.
func (h *Hazards) Counts() Counts { return h.counts }
