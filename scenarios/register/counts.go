package register

import (
	"raftsim/faults"
	"raftsim/network"
	"raftsim/scenarios/register/abd"
	"raftsim/sim/disk"
)

// Counts says what really happened in a run.
type Counts struct {
	Crashes, PowerLosses, Restarts, Panics, Halts uint64
	Delayed                                       uint64 // messages that found a paused machine
	Absences                                      uint64 // servers that stayed down for half of the liveness phase

	Invoked, Completed, Abandoned uint64 // operations
	Reads, Writes                 uint64 // of the completed ones
	ReadsAgreed                   uint64 // a majority had the same version: no second phase
	ReadsWrittenBack              uint64
	WritesHelped                  uint64 // reads that wrote back what a write had not finished
	Ties                          uint64 // stores that met another version of the same counter
	Superseded                    uint64 // stores that came after a newer version
	Repeats, LateAnswers          uint64 // of clients
	Stores, Files, Refused        uint64 // of replicas

	Sent    [8]uint64  // by abd.Kind
	Moments [16]uint64 // by abd.Moment
	Network network.Stats
	Faults  faults.Counts
	Disk    disk.Stats // summed over servers
}

// Number is one of the numbers that only a register has, under a name that does not change.
type Number struct {
	Group string
	Name  string
	Count uint64
}

// Numbers returns the numbers that only a register has, in the order of a report.
func (c *Counts) Numbers() []Number {
	all := []Number{
		{"register", "reads_completed", c.Reads},
		{"register", "writes_completed", c.Writes},
		{"register", "reads_agreed", c.ReadsAgreed},
		{"register", "reads_written_back", c.ReadsWrittenBack},
		{"register", "writes_helped", c.WritesHelped},
		{"register", "ties_broken", c.Ties},
		{"register", "stores", c.Stores},
		{"register", "stores_superseded", c.Superseded},
		{"register", "stores_refused", c.Refused},
		{"register", "messages_repeated", c.Repeats},
		{"register", "answers_late", c.LateAnswers},
		{"register", "files_begun", c.Files},
	}
	for m, name := range abd.MomentNames() {
		all = append(all, Number{"moments", "moment_" + name, c.Moments[m]})
	}
	for k, name := range abd.KindNames() {
		all = append(all, Number{"sent", "sent_" + name, c.Sent[k]})
	}
	return all
}

// addReplica adds what a replica did in its life.
func (c *Counts) addReplica(s abd.Stats) {
	c.Stores += s.Stores
	c.Superseded += s.Superseded
	c.Ties += s.Ties
	c.Files += s.Files
	c.Refused += s.Refused
}
