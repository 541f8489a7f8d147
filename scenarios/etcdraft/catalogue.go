package etcdraft

import "raftsim/scenarios"

// Catalogue holds the scenarios whose features etcd's core has through the adapter.
func Catalogue() (*scenarios.Catalogue, error) {
	var own []scenarios.Scenario
	for _, s := range scenarios.Builtin() {
		switch s.Name {
		case "calm", "partitions", "crashes":
			s.NewCore = NewCore
			s.Make = readsByLog(s.Make)
			own = append(own, s)
		}
	}
	return scenarios.NewCatalogue(own...)
}

// readsByLog makes cases in which every read goes through the log: the adapter's core knows no other way, and would refuse.
func readsByLog(of func(seed uint64) *scenarios.Case) func(seed uint64) *scenarios.Case {
	return func(seed uint64) *scenarios.Case {
		c := of(seed)
		w := &c.Options.Workload
		w.ReadLog, w.ReadLeader, w.ReadLease, w.ReadFollower, w.ReadStale, w.FinalReads = 1, 0, 0, 0, 0, false
		return c
	}
}
