package scenarios

import (
	"fmt"
	"strings"

	"raftsim/faults"
	"raftsim/scenarios/workload"
	"raftsim/scenarios/world"
	"raftsim/sim"
)

// parseMembership reads "n1,n2", "n1,n2 learners n3", "n1,n2 joint": voters, learners, and whether to go through a joint
// configuration in any case.
func parseMembership(text string, servers int) (m world.Membership, err error) {
	bad := func() (world.Membership, error) {
		return m, fmt.Errorf("%q is no membership of n1..n%d: write voters, perhaps learners, perhaps joint, like: n1,n2 learners n3 joint", text, servers)
	}
	var all faults.Side
	for i := range servers {
		all |= faults.SideOf(sim.ProcID(i + 1))
	}
	words := strings.Fields(text)
	if n := len(words); n > 0 && words[n-1] == "joint" {
		m.Joint, words = true, words[:n-1]
	}
	switch {
	case len(words) == 3 && words[1] == "learners":
		if m.Learners, err = faults.ParseSide(words[2]); err != nil {
			return bad()
		}
	case len(words) != 1:
		return bad()
	}
	if m.Voters, err = faults.ParseSide(words[0]); err != nil || m.Voters == 0 || m.Voters&m.Learners != 0 || (m.Voters|m.Learners)&^all != 0 {
		return bad()
	}
	return m, nil
}

// makeMembership: a cluster of one grows to three and to five, has every member replaced, and shrinks to one, or has members leave and
// come back, under load and while servers crash. Each change goes by single steps or through a joint configuration.
func makeMembership(seed uint64) *Case {
	k := knobs{seed}
	c := makeSwarm(seed, faults.ProfileCrashes)
	o := &c.Options
	o.Cluster.Nodes, o.Cluster.Spares = 1, 9
	var plan []string
	steps := []string{"n1,n2,n3", "n1,n2,n3,n4,n5", "n6,n7,n8,n9,n10", "n6,n7,n8", "n7"}
	if k.chance("membership.again", 1, 2) {
		// Servers that were removed come back with empty disks, twice: under their ids there is an earlier life to be mistaken for.
		steps = []string{"n1,n2,n3", "n1,n4,n5", "n1,n2,n3", "n3,n4 learners n1", "n1,n2,n3", "n2"}
	}
	for i, voters := range steps {
		if k.chance("membership.joint."+string(rune('0'+i)), 1, 2) {
			voters += " joint"
		}
		plan = append(plan, voters)
	}
	o.Cluster.Memberships = plan
	o.Run.Settle = true
	o.Workload.GiveUpDropped, o.Workload.AttemptTimeout, o.Workload.OperationTimeout = false, k.base().Workload.AttemptTimeout, k.base().Workload.OperationTimeout
	t := o.Cluster.ElectionTimeout
	o.Run.Window = 60 * t
	o.Run.LivenessTimeouts = 60
	o.Workload.Interval, o.Workload.Pause = 0, k.duration("membership.pause", t/10, t/3)
	o.Workload.Clients = int(k.between("membership.clients", 2, 4))
	for i := range o.Workload.Classes {
		o.Workload.Classes[i] = workload.ClassAppend
	}
	// A joining server must be able to catch up in a few election timeouts.
	o.Cluster.MaxEntriesPerMessage, o.Cluster.MaxBytesPerMessage, o.Cluster.MaxInflightBytes = 64, 1<<20, 16<<20
	o.Cluster.ChunkBytes = max(o.Cluster.ChunkBytes, 300)
	return c
}
