package scenarios

import (
	"testing"
)

// Costs change how fast things go and nothing about what is promised: runs of the swarm pass with each of them and with all, what they
// cost shows, and what was recorded of a run is the run.
func TestCostsUnderSwarm(t *testing.T) {
	cat := builtin(t)
	r := NewRunner(cat)
	type costs struct {
		set   []string
		shows func(*Result) int
	}
	network := func(r *Result) int { return int(r.Counts.Network.Queued) }
	all := []costs{
		{[]string{"network.bandwidth=300000"}, network},
		{[]string{"network.bandwidth=300000", "network.queue=4"}, func(r *Result) int { return int(r.Counts.Network.QueueDrops) }},
		{[]string{"network.bandwidth=300000", "network.queue_policy=replace"}, func(r *Result) int { return int(r.Counts.Network.Replaced) }},
		{[]string{"cluster.step_cost=200us"}, func(r *Result) int { return int(r.Counts.Waited) }},
		{[]string{"cluster.apply_cost=1ms"}, func(r *Result) int { return int(r.Counts.Waited) }},
		{[]string{"disk.sync_per_byte=3us"}, nil},
	}
	var every []string
	for _, c := range all {
		every = append(every, c.set...)
	}
	all = append(all, costs{every, network})
	for _, c := range all {
		shown, differs := 0, false
		for seed := uint64(1); seed <= 6; seed++ {
			free := mustCase(t, cat, "mixed", seed)
			plain, err := r.Run(free, RunOptions{})
			if err != nil {
				t.Fatal(err)
			}
			k := mustCase(t, cat, "mixed", seed)
			for _, s := range c.set {
				if err := k.Options.Set(s); err != nil {
					t.Fatal(err)
				}
			}
			res, err := r.Run(k, RunOptions{Record: true, CheckOnce: true})
			if err != nil || res.Verdict != Pass {
				t.Fatalf("%v, seed %d: %v, %+v", c.set, seed, err, res)
			}
			again, err := r.Run(k.Explicit(res.Recorded), RunOptions{CheckOnce: true})
			if err != nil || again.Digest != res.Digest {
				t.Errorf("%v, seed %d: the recording is another run: %v", c.set, seed, err)
			}
			differs = differs || res.Digest != plain.Digest
			if c.shows != nil {
				shown += c.shows(res)
			}
		}
		if !differs || c.shows != nil && shown == 0 {
			t.Errorf("%v: shown %d times, runs differ: %v", c.set, shown, differs)
		}
	}
}
