package register

import (
	"fmt"

	"raftsim/scenarios/register/abd"
	"raftsim/sim"
)

// Narrator hears a run told for people, a line for whatever somebody did. Telling changes nothing about the run.
type Narrator interface {
	// Tell hears a line, without its end. The line is reused after the call.
	Tell(line []byte)
}

// A line is "0.302141  n1          keeps 5.2 of k0": the time in seconds, who, and what he did; of "!" it is a disturbance that
// struck. Operations are named by client and number, versions by timestamp: counter and writer.

// told reports whether anybody listens. What is to be told costs nothing where nobody does.
func (w *World) told() bool { return w.config.Narrator != nil }

// tell tells what somebody did.
func (w *World) tell(who sim.ProcID, format string, args ...any) {
	w.tellOf(string(w.vocab.AppendProc(nil, who)), format, args...)
}

func (w *World) tellOf(who, format string, args ...any) {
	micros := w.kernel.Now() / 1000
	w.line = fmt.Appendf(w.line[:0], "%3d.%06d  %-11s ", micros/1_000_000, micros%1_000_000, who)
	w.line = fmt.Appendf(w.line, format, args...)
	w.config.Narrator.Tell(w.line)
}

// tellStrike tells of a disturbance that strikes.
func (w *World) tellStrike(d sim.Disturbance) {
	if w.told() {
		w.tellOf("!", "%s", w.vocab.Line(d))
	}
}

// tellKept tells what has changed for a replica that handled a message about a key.
func (n *node) tellKept(key uint64, before abd.Version) {
	if n.up() {
		if now := n.replica.Version(key); now != before {
			n.world.tell(n.proc, "keeps %s of k%d", now.Timestamp.AppendText(nil), key)
		}
	}
}

// tellState tells what a replica starts with.
func (n *node) tellState() {
	var has []byte
	for key := range n.world.config.Keys {
		if v := n.replica.Version(uint64(key)); v != (abd.Version{}) {
			has = fmt.Appendf(has, ", %s of k%d", v.Timestamp.AppendText(nil), key)
		}
	}
	if len(has) == 0 {
		has = []byte(", nothing")
	}
	n.world.tell(n.proc, "starts with %s", has[2:])
}

// tellReturn tells how an operation ended.
func (c *client) tellReturn(operation, key uint64, write bool, v abd.Version, how abd.Course) {
	way := "all who were asked had it"
	switch {
	case write:
		way = "a majority has it"
	case how.WroteBack:
		way = "a majority has it now: not all who were asked had it"
	}
	what := "nothing"
	if v != (abd.Version{}) {
		what = string(v.Timestamp.AppendText(nil))
	}
	c.world.tell(c.proc, "ends c%d#%d, %s k%d: %s; %s", c.id, operation, operationName(write), key, what, way)
}

// String says how a replica died.
func (d death) String() string {
	return [...]string{"lives", "crashes", "loses power", "halts: its disk failed it", "panics"}[d]
}
