package register

import (
	"fmt"
	"time"

	"raftsim/faults"
	"raftsim/network"
	"raftsim/scenarios/register/abd"
	"raftsim/sim"
	"raftsim/sim/disk"
)

// What the kernel asks: sim.World.

// Disturb implements sim.World.
func (w *World) Disturb(d sim.Disturbance) {
	w.tellStrike(d)
	w.engine.Disturb(d)
}

// Look implements sim.World.
func (w *World) Look(slot uint32) { w.engine.Look(slot) }

// What faults may see and do: faults.World.

// Servers implements faults.World.
func (w *World) Servers() []sim.ProcID { return w.ids.servers }

// Clients implements faults.World.
func (w *World) Clients() []sim.ProcID { return w.ids.clients }

// Up implements faults.World.
func (w *World) Up(id sim.ProcID) bool { return w.server(id).up() }

// Block implements faults.World.
func (w *World) Block(from, to sim.ProcID) { w.network.Block(from, to) }

// Unblock implements faults.World.
func (w *World) Unblock(from, to sim.ProcID) { w.network.Unblock(from, to) }

// Crash implements faults.World.
func (w *World) Crash(id sim.ProcID, down time.Duration) { w.server(id).kill(crashed, down) }

// PowerLoss implements faults.World.
func (w *World) PowerLoss(id sim.ProcID, down time.Duration) { w.server(id).kill(powerLost, down) }

// Pause implements faults.World.
func (w *World) Pause(id sim.ProcID) { w.server(id).paused++ }

// Resume implements faults.World.
func (w *World) Resume(id sim.ProcID) {
	n := w.server(id)
	if n.paused--; n.paused > 0 {
		return
	}
	for _, ev := range n.missed {
		ev.At, ev.Flags = w.kernel.Now(), flagMissed
		w.kernel.Schedule(ev)
	}
	n.coming += len(n.missed)
	n.missed = n.missed[:0]
}

// StallDisk implements faults.World.
func (w *World) StallDisk(id sim.ProcID, d time.Duration) {
	w.server(id).disk.Stall(w.kernel.Now().Add(d))
}

// ScheduleHeal implements faults.World.
func (w *World) ScheduleHeal(at sim.Time, slot uint32) {
	w.kernel.Schedule(sim.Event{At: at, To: refereeProc, Kind: evHeal, Payload: slot})
}

// server returns the node with this id. Faults act on servers that exist.
func (w *World) server(id sim.ProcID) *node { return w.nodes[id-1] }

// What a register does not have. No vocabulary of this package names a fault that would ask for it.

// Leader implements faults.World: nobody leads.
func (w *World) Leader() sim.ProcID { return 0 }

// AboutToWin implements faults.World: nobody stands for election.
func (w *World) AboutToWin() sim.ProcID { return 0 }

// Reading implements faults.World: no server owes an answer that others do not owe as well.
func (w *World) Reading() sim.ProcID { return 0 }

// Fronts implements faults.World: there is nothing between clients and replicas.
func (w *World) Fronts() []sim.ProcID { return nil }

// Outage implements faults.World.
func (w *World) Outage(sim.ProcID) {}

// Restore implements faults.World.
func (w *World) Restore(sim.ProcID) {}

// Members implements faults.World: all are, for ever.
func (w *World) Members() (voters, learners faults.Side) { return faults.SideOf(w.ids.servers...), 0 }

// Reconfigure implements faults.World.
func (w *World) Reconfigure(faults.Side, faults.Side, bool) bool { return false }

// Transfer implements faults.World.
func (w *World) Transfer(sim.ProcID) bool { return false }

// Snapshot implements faults.World.
func (w *World) Snapshot(sim.ProcID) bool { return false }

// Damage implements faults.World.
func (w *World) Damage(sim.ProcID, faults.Damage) bool { return false }

// SetClockRate implements faults.World: replicas have no clocks.
func (w *World) SetClockRate(sim.ProcID, int64) {}

// StepClock implements faults.World.
func (w *World) StepClock(sim.ProcID, time.Duration) {}

// CheckDisturbance refuses a disturbance about what a run with so many servers, clients and keys does not have.
func CheckDisturbance(v *sim.Vocabulary, d sim.Disturbance, servers, clients, keys int) error {
	s, spec := d.Key.Subject(), v.Spec(d.Key.Purpose())
	name := func(id sim.ProcID) []byte { return v.AppendProc(nil, id) }
	isServer := func(id sim.ProcID) bool { return id < clientBase }
	for _, part := range [...]struct {
		used sim.Fields
		id   sim.ProcID
	}{{sim.FieldA, s.A}, {sim.FieldB, s.B}} {
		exists := part.id >= 1 && int(part.id) <= servers || part.id > clientBase && int(part.id-clientBase) <= clients
		if spec.Fields&part.used != 0 && !exists {
			return fmt.Errorf("%s does not exist: there are servers n1..n%d and clients c1..c%d", name(part.id), servers, clients)
		}
	}
	switch p := d.Key.Purpose(); {
	case p == network.PurposeLost, p == network.PurposeDoubled, p == network.PurposeLate:
		if toReplica := abd.Kind(s.Kind).ToReplica(); isServer(s.A) == toReplica || isServer(s.B) != toReplica {
			return fmt.Errorf("no message of kind %v goes from %s to %s", abd.Kind(s.Kind), name(s.A), name(s.B))
		}
	case disk.Owns(p):
		if !isServer(s.A) {
			return fmt.Errorf("%s is a client: %s is about servers", name(s.A), spec.Name)
		}
	case p == PurposeOperation:
		if isServer(s.A) {
			return fmt.Errorf("%s is a server: op is about clients", name(s.A))
		}
		if _, key := chosen(d.Value.N); !d.Value.Calm() && (d.Value.N < 1 || key >= uint64(keys)) {
			return fmt.Errorf("operation about k%d: there are keys k0..k%d", key, keys-1)
		}
	}
	c := Config{Servers: servers, Clients: clients}
	return faults.Check(d, c.present())
}
