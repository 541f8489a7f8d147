package etcdraft

import "raftsim/scenarios"

// Catalogue holds the scenarios whose features etcd's core has through the adapter.
func Catalogue() (*scenarios.Catalogue, error) {
	var own []scenarios.Scenario
	for _, s := range scenarios.Builtin() {
		switch s.Name {
		case "calm", "partitions", "crashes":
			s.NewCore = NewCore
			own = append(own, s)
		}
	}
	return scenarios.NewCatalogue(own...)
}
