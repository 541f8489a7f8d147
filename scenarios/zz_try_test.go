package scenarios

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

func TestTry(t *testing.T) {
	cat := builtin(t)
	r := NewRunner(cat)
	n, _ := strconv.Atoi(os.Getenv("TRY"))
	name := os.Getenv("SC")
	start := time.Now()
	var steps uint64
	sum := map[string]uint64{}
	bad := map[string]int{}
	short := 0
	for seed := uint64(1); seed <= uint64(n); seed++ {
		c := mustCase(t, cat, name, seed)
		res, err := r.Run(c, RunOptions{})
		if err != nil {
			t.Fatal(seed, err)
		}
		steps += res.Steps
		if c.Options.Run.Window == 30*time.Second && res.Counts.Operations.Invoked < 500 {
			short++
			if short < 25 {
				o := c.Options
				fmt.Println(seed, res.Counts.Operations, o.Workload.Clients, o.Cluster.Nodes, o.Cluster.ElectionTimeout, "lost", o.Network.Lost, "late", o.Network.Late, o.Network.LateMean, o.Network.LateShape, "slow", o.Disk.Slow, o.Disk.SlowMax, o.Faults.Crash, o.Network.FIFO, "inflight", o.Cluster.MaxInflight, o.Cluster.MaxEntriesPerMessage, res.Counts.Faults.Total(), res.Counts.Elections)
			}
		}
		x := res.Counts
		for k, v := range map[string]uint64{"elections": x.Elections, "cand": x.Candidacies, "stepdown": x.StepDowns, "trunc": x.Truncations, "redir": x.Redirects, "fwd": x.Forwards, "rep": x.Repeats, "crash": x.Crashes, "power": x.PowerLosses, "abandoned": x.Operations.Abandoned, "invoked": x.Operations.Invoked, "lost": x.Network.Lost, "dbl": x.Network.Doubled, "late": x.Network.Late, "reord": x.Network.Reordered, "cut": x.Network.CutAtSend, "cutA": x.Network.CutAtArrival, "dlost": x.Disk.BytesLost, "dkept": x.Disk.BytesKept, "torn": x.Disk.TornSectors, "slow": x.Disk.SlowSyncs, "wit": res.Stages.WitnessYes, "witno": res.Stages.WitnessNo, "py": res.Stages.PorcupineYes, "pn": res.Stages.PorcupineNo, "pu": res.Stages.PorcupineUnknown, "psteps": res.Stages.PorcupineSteps} {
			sum[k] += v
		}
		v, _ := cat.Vocabulary(name)
		for _, s := range v.Specs() {
			sum["fate-"+s.Name] += res.Fates[s.Purpose].Departed
			sum["f-"+s.Name] += x.Faults.Of(s.Purpose)
		}
		if res.Verdict != Pass {
			bad[res.Signature]++
			if bad[res.Signature] < 4 {
				fmt.Println(name, seed, res.Verdict, res.Signature, len(res.Violations))
				for i, v := range res.Violations {
					if i < 3 {
						fmt.Println("   ", v)
					}
				}
			}
		}
	}
	fmt.Println(name, "bad", bad, "steps", steps, "per run", time.Since(start)/time.Duration(n), "short", short)
	fmt.Println(sum)
}
