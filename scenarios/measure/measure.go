// Package measure prints what design decisions cost and gain: tables of latency and throughput in virtual time.
//
// A table is made of runs of the catalogue's servers in a world with costs: links have a bandwidth, disks take time for bytes, servers
// are busy. Virtual time makes the figures exact and repeatable: the same seed gives the same table on every machine. They say how
// one way of doing things compares with another in the world that the table states, and nothing about any real machine.
//
// Each run is judged like any other; a table with a violation in it is an error.
package measure

import (
	"fmt"

	"raftsim/scenarios"
	"raftsim/sim"
)

// maker makes one table.
type maker struct {
	name, doc string
	make      func(*bench) (*Table, error)
}

func makers() []maker {
	return []maker{
		{"commit", "batch, pipeline, parallel append and asynchronous apply, each against one request at a time", makeCommit},
		{"leader", "ways of finding the leader: latency, detours, and how long nobody is served after its loss", makeLeader},
		{"reads", "each kind of read: latency, messages, entries of the log", makeReads},
		{"blocking", "what an operation that cannot reach a majority does to later ones on other keys", makeBlocking},
		{"queue", "queue policies of a slow link: unbounded, bounded, replaced by newer messages", makeQueue},
	}
}

// Described is a table's name and what it shows.
type Described struct{ Name, Doc string }

// Tables lists all tables, in the order in which they are printed.
func Tables() (all []Described) {
	for _, m := range makers() {
		all = append(all, Described{m.name, m.doc})
	}
	return all
}

// Make makes the table of this name from runs of a seed.
func Make(name string, seed uint64) (*Table, error) {
	var names []string
	for _, m := range makers() {
		if m.name != name {
			names = append(names, m.name)
			continue
		}
		cat, err := scenarios.NewCatalogue(scenarios.Builtin()...)
		if err != nil {
			return nil, err
		}
		t, err := m.make(&bench{runner: scenarios.NewRunner(cat), catalogue: cat, seed: seed})
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", name, err)
		}
		t.Name, t.Seed = name, seed
		return t, nil
	}
	if near := sim.Nearest(name, names); near != "" {
		return nil, fmt.Errorf("unknown table %q: did you mean %q?", name, near)
	}
	return nil, fmt.Errorf("unknown table %q: one of %v", name, names)
}
