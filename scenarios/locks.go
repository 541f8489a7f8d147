package scenarios

import (
	"time"

	"raftsim/faults"
)

// makeLocks: the lock service under the faults of mixed. Few locks, so that clients wait for each other; leases short enough that
// some end because the cluster does not answer, and long enough that most holders keep theirs.
func makeLocks(seed uint64) *Case {
	k := knobs{seed}
	c := makeSwarm(seed, faults.ProfileMixed)
	w := &c.Options.Workload
	w.Window = 1
	w.Keys = int(k.between("locks.keys", 1, 3))
	w.LockTTL = k.duration("locks.ttl", 300*time.Millisecond, 1200*time.Millisecond)
	return c
}
