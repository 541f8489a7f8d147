package world

import (
	"reflect"
	"slices"
	"testing"

	"raftsim/faults"
	"raftsim/network"
	"raftsim/raft"
	"raftsim/raft/server"
	"raftsim/sim"
)

// fill gives every number that can be set from outside its package one of its own, and returns how many there are.
func fill(v reflect.Value, next *uint64) {
	switch v.Kind() {
	case reflect.Uint64:
		if v.CanSet() {
			*next++
			v.SetUint(*next)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), next)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), next)
		}
	}
}

func numbers(v reflect.Value, out []uint64) []uint64 {
	switch v.Kind() {
	case reflect.Uint64:
		return append(out, v.Uint())
	case reflect.Struct:
		for i := range v.NumField() {
			out = numbers(v.Field(i), out)
		}
	case reflect.Array:
		for i := range v.Len() {
			out = numbers(v.Index(i), out)
		}
	}
	return out
}

// Every count is in the sum: none was forgotten when it was added.
func TestEveryCountIsAdded(t *testing.T) {
	var one, sum Counts
	next := uint64(0)
	fill(reflect.ValueOf(&one).Elem(), &next)
	if next < 120 {
		t.Fatalf("only %d counts", next)
	}
	sum.Add(&one)
	sum.Add(&one)
	got, want := numbers(reflect.ValueOf(sum), nil), numbers(reflect.ValueOf(one), nil)
	for i := range want {
		if got[i] != 2*want[i] {
			t.Errorf("count %d of %d: %d added twice is %d", i, len(want), want[i], got[i])
		}
	}
}

// Every plain number of Counts has one name, in a group of the report.
func TestEveryCountHasAName(t *testing.T) {
	var c Counts
	listed := make(map[*uint64]string)
	names := make(map[string]bool)
	for _, n := range c.Numbers() {
		if listed[n.Count] != "" || names[n.Name] || n.Name == "" {
			t.Errorf("%q is listed twice, or without a name", n.Name)
		}
		if !slices.Contains([]string{"cluster", "clients", "servers", "features", "locks", "routing"}, n.Group) {
			t.Errorf("%s is in group %q", n.Name, n.Group)
		}
		listed[n.Count], names[n.Name] = n.Name, true
	}
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		field := v.Type().Field(i).Name
		if p, ok := v.Field(i).Addr().Interface().(*uint64); ok && listed[p] == "" {
			t.Errorf("%s has no name", field)
		}
	}
	if len(raft.MessageTypeNames()) > len(c.Messages) || len(server.MomentNames()) > len(c.Moments) {
		t.Errorf("%d kinds of messages and %d moments do not fit", len(raft.MessageTypeNames()), len(server.MomentNames()))
	}
}

// What happens is counted, in the place it belongs to.
func TestCountsTellWhatHappened(t *testing.T) {
	p := newPlay(t, func(c *Config) {
		c.Spares, c.Server.SnapshotEntries, c.Raft.RetainEntries = 1, 20, 0
	}, "members #0 = at 600ms to n1,n2,n3,n4 joint", "transfer #0 = at 1s to n2", "crash-at n3 #0 = at 1.2s for 50ms").well()
	c := &p.outcome.Counts
	for _, n := range []struct {
		name  string
		got   uint64
		least uint64
		most  uint64
	}{
		{"configurations", c.Configurations, 8, 10}, {"joint configurations", c.JointConfigurations, 3, 5}, {"memberships", c.MembershipsReached, 1, 1},
		{"joined", c.Joined, 1, 1}, {"transfers", c.Transfers, 1, 1}, {"transferred", c.Transferred, 1, 1}, {"crashes", c.Crashes, 1, 1},
		{"restarts", c.Restarts, 2, 2}, // n4's first start is one
		{"snapshots", c.Snapshots, 20, 100}, {"saved", c.SnapshotsSaved, 20, c.Snapshots}, {"installations", c.Installations, 1, 2},
		{"compactions", c.Compactions, 15, 100}, {"chunks", c.Messages[raft.MsgSnap], 1, 50}, {"timeout-now", c.Messages[raft.MsgTimeoutNow], 1, 3},
		{"sessions opened", c.SessionsOpened, 9, 30}, {"members fault", c.Faults.Of(faults.PurposeMembers), 1, 1},
		{"transfer fault", c.Faults.Of(faults.PurposeTransfer), 1, 1}, {"operations", c.Operations.Completed, 100, 1000},
		{"chunk moments", c.Moments[server.MomentChunk], c.Messages[raft.MsgSnap], 50}, {"disk syncs", c.Disk.Syncs, 500, 5000},
	} {
		if n.got < n.least || n.got > n.most {
			t.Errorf("%s: %d, want %d to %d", n.name, n.got, n.least, n.most)
		}
	}
}

// Each kind of fault is drawn by the noise of a case in which everything is switched on, or is one that only a case can name.
func TestFaultsThatOnlyACaseNames(t *testing.T) {
	often := sim.Ratio{Num: 1, Den: 2}
	c := playConfig()
	c.Noise = network.Noise{Lost: often, Doubled: often, Late: often}
	c.Torn, c.Fails = often, often
	c.Slow = SlowSync{often, ms, 2 * ms}
	c.Full = DiskFull{often, 1, ms, 2 * ms}
	knobs := reflect.ValueOf(&c.Faults).Elem()
	for i := range knobs.NumField() {
		switch f := knobs.Field(i).Addr().Interface().(type) {
		case *faults.Slots:
			*f = faults.Slots{Count: 1, Chance: often}
		case *sim.Ratio:
			*f = often
		}
	}
	c.Faults.ClockDrift = 100
	noise := c.noise(nil)
	named := 0
	for _, s := range playVocabulary(t).Specs() {
		n := noise(s.Purpose)
		if drawn := n.Draw != nil && !n.Chance.Zero(); s.Fault && drawn == OnlyNamed(s.Purpose) {
			t.Errorf("%s: drawn %v, only named %v", s.Name, drawn, OnlyNamed(s.Purpose))
		}
		if OnlyNamed(s.Purpose) {
			named++
		}
	}
	if named == 0 {
		t.Error("no fault has to be named")
	}
}
