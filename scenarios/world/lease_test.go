package world

import (
	"fmt"
	"testing"

	"raftsim/raft"
	"raftsim/raft/server"
)

// Whoever wins an election finds no lease that goes on. A core that allows for less than clocks are wrong by breaks that as soon as its
// leader is cut off, whether or not anybody reads; where clocks are worse than their bound nothing is said.
func TestLeasesAreJudgedAtElections(t *testing.T) {
	careless := func(cfg raft.Config, now int64, initial raft.InitialState) (server.Core, error) {
		cfg.MaxClockDriftPPM = 1
		return raft.New(cfg, now, initial)
	}
	for _, tc := range []struct {
		name  string
		core  server.NewCore
		wrong int // parts per million by which the clocks of the followers are fast and the leader's is slow
		found bool
	}{
		{"true clocks", nil, 0, false},
		{"as wrong as is allowed for", nil, 250_000, false},
		{"worse than allowed for", nil, 260_000, false},
		{"true clocks, and nothing allowed for", careless, 0, false},
		{"wrong clocks, and nothing allowed for", careless, 250_000, true},
		{"worse clocks, and nothing allowed for", careless, 260_000, false},
	} {
		lines := []string{"isolate n1 #0 = at 600ms for 600ms both-clients"}
		if tc.wrong > 0 {
			lines = append(lines, fmt.Sprintf("clock n1 = -%dppm", tc.wrong), fmt.Sprintf("clock n2 = %dppm", tc.wrong), fmt.Sprintf("clock n3 = %dppm", tc.wrong))
		}
		p := newPlay(t, func(c *Config) {
			c.NewCore, c.Raft.LeaseReads, c.Raft.MaxClockDriftPPM = tc.core, true, 250_000
		}, lines...).run()
		if p.outcome.Counts.Elections < 2 {
			t.Errorf("%s: nobody else was elected", tc.name)
		}
		found := false
		for _, v := range p.outcome.Violations {
			if found = true; v.Signature() != "LIN/lease-overlaps-leader" || v.Node != 1 {
				t.Errorf("%s: %v", tc.name, v)
			}
		}
		if found != tc.found {
			t.Errorf("%s: found %v, want %v", tc.name, p.outcome.Violations, tc.found)
		}
	}
}
