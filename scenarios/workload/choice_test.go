package workload_test

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"raftsim/raft/client"
	"raftsim/raft/statemachine"
	"raftsim/scenarios/workload"
	"raftsim/sim"
)

var allClasses = []string{workload.ClassRegister, workload.ClassCAS, workload.ClassAppend, workload.ClassMixed}

// operations of each class, as its documentation has them.
func allowed(class string) []statemachine.Op {
	const get, put, del, cas, app = statemachine.OpGet, statemachine.OpPut, statemachine.OpDelete, statemachine.OpCAS, statemachine.OpAppend
	switch class {
	case workload.ClassRegister:
		return []statemachine.Op{get, put, del}
	case workload.ClassCAS:
		return []statemachine.Op{get, put, cas}
	case workload.ClassAppend:
		return []statemachine.Op{get, app, put}
	}
	return []statemachine.Op{get, put, del, cas, app}
}

func drawPlan(t *rapid.T) workload.Plan {
	return workload.Plan{
		Clients: rapid.IntRange(1, 10).Draw(t, "clients"), Keys: rapid.IntRange(1, 7).Draw(t, "keys"),
		Classes: rapid.SliceOfN(rapid.SampledFrom(allClasses), 1, 9).Draw(t, "classes"),
		Hot:     rapid.SampledFrom([]sim.Ratio{{}, {Num: 1, Den: 2}, {Num: 1, Den: 1}}).Draw(t, "hot"),
		Reads: workload.Reads{
			Log: drawWeight(t, "log"), Leader: drawWeight(t, "leader"), Lease: drawWeight(t, "lease"),
			Follower: drawWeight(t, "follower"), Stale: drawWeight(t, "stale"),
			Sequential: drawWeight(t, "sequential"),
		},
		Monotonic: rapid.Bool().Draw(t, "monotonic"), FinalReads: rapid.Bool().Draw(t, "final reads"),
	}
}

func drawWeight(t *rapid.T, kind string) uint64 { return rapid.Uint64Range(0, 3).Draw(t, kind) }

// weightOf is the weight that a plan gives to a kind of read; where all are 0 everything goes through the log.
func weightOf(r workload.Reads, k client.ReadKind) uint64 {
	if r == (workload.Reads{}) {
		r.Log = 1
	}
	return map[client.ReadKind]uint64{
		client.ReadLog: r.Log, client.ReadLeader: r.Leader, client.ReadLease: r.Lease, client.ReadFollower: r.Follower, client.ReadStale: r.Stale,
		client.ReadSequential: r.Sequential,
	}[k]
}

// begin invokes a choice and decodes the command it makes.
func begin(t interface{ Fatal(...any) }, s workload.Session, id, seq uint64, choice int64) statemachine.Command {
	b, err := s.Invoke(id, seq, choice, seq, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := statemachine.DecodeCommand(b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Whatever is chosen, drawn, calm or final, is one of the operations of its key's class on a key of the plan, prints, parses back, and
// passes the check of a case.
func TestChoices(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		plan := drawPlan(rt)
		app := workload.KV{}
		s := app.NewSession()
		if err := s.Reset(plan); err != nil {
			rt.Fatal(err)
		}
		v, err := sim.NewVocabulary([]sim.ProcName{{Prefix: "c", Base: 1024, First: 1025, Last: 2047}}, workload.Specs(app)...)
		if err != nil {
			rt.Fatal(err)
		}
		seed := rapid.Uint64().Draw(rt, "seed")
		seqs := make([]uint64, plan.Clients+1)
		hot := 0
		for k := range uint64(60) {
			id := 1 + k%uint64(plan.Clients)
			w := sim.KeyedWords(seed, sim.MakeKey(workload.PurposeOperation, sim.Subject{A: sim.ProcID(1024 + id), Epoch: k}))
			final, ok := s.Final(id, k)
			choices := []int64{s.Draw(&w), s.Calm(id, k), final}
			if !ok {
				choices = choices[:2]
			}
			for i, choice := range choices {
				text := string(app.AppendChoice(nil, choice))
				if back, err := app.ParseChoice(text); err != nil || back != choice {
					rt.Fatalf("%q reads back as %d, %v; want %d", text, back, err, choice)
				}
				if err := app.CheckChoice(plan, choice); err != nil {
					rt.Fatal(err)
				}
				d := sim.Disturbance{
					Key:   sim.MakeKey(workload.PurposeOperation, sim.Subject{A: sim.ProcID(1024 + id), Epoch: k}),
					Value: sim.Value{N: choice, For: int64(time.Duration(k) * time.Millisecond)},
				}
				if back, err := v.ParseLine(v.Line(d)); err != nil || back != d {
					rt.Fatalf("%q reads back as %+v, %v; want %+v", v.Line(d), back, err, d)
				}
				seqs[id]++
				c := begin(rt, s, id, seqs[id], choice)
				read := s.Read(choice)
				switch {
				case read != client.ReadLog && (c.Op != statemachine.OpGet || i == 1 || i == 2 && !plan.FinalReads):
					rt.Fatalf("%s, %d: only gets are read outside the log, drawn ones and final ones", text, i)
				case i == 0 && c.Op == statemachine.OpGet && weightOf(plan.Reads, read) == 0:
					rt.Fatalf("%s: drawn with weights %+v", text, plan.Reads)
				case read == client.ReadLog != (s.Asked(id, seqs[id]) == client.ReadLog):
					rt.Fatalf("%s: asked by %v", text, s.Asked(id, seqs[id]))
				}
				if c.Key >= uint64(plan.Keys) {
					rt.Fatalf("%s: there are %d keys", text, plan.Keys)
				}
				class := plan.Classes[min(int(c.Key), len(plan.Classes)-1)]
				if i < 2 && !slices.Contains(allowed(class), c.Op) {
					rt.Fatalf("%s: no operation of class %s", text, class)
				}
				if i == 0 && c.Key == 0 {
					hot++
				}
			}
		}
		if plan.Hot.Num == 1 && plan.Hot.Den == 1 && hot != 60 {
			rt.Fatalf("%d of 60 draws went to the hot key, and it should be all", hot)
		}
	})
}

// The value of every write is unique, in whichever field it travels, so that a read says which write it saw.
func TestUniqueValues(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		plan := drawPlan(rt)
		s := workload.KV{}.NewSession()
		if err := s.Reset(plan); err != nil {
			rt.Fatal(err)
		}
		words := sim.KeyedWords(rapid.Uint64().Draw(rt, "seed"), sim.Key{})
		seen := make(map[uint64]bool)
		for seq := uint64(1); seq <= 30; seq++ {
			for client := uint64(1); client <= uint64(plan.Clients); client++ {
				c := begin(rt, s, client, seq, s.Draw(&words))
				id := c.Tombstone
				if c.Op == statemachine.OpGet {
					continue
				}
				if c.Op != statemachine.OpDelete {
					id = binary.BigEndian.Uint64(c.Value)
				}
				if id == 0 || seen[id] {
					rt.Fatalf("c%d#%d writes %x, which is 0 or was written before", client, seq, id)
				}
				seen[id] = true
			}
		}
	})
}

func TestParseChoiceRefuses(t *testing.T) {
	for _, text := range []string{
		"", "put", "put k", "put k-1", "put  k1", "put k1 ", "push k1", "none k1", " k1", "k1", "put k99999999999", "PUT k1", "put x1",
		"get- k1", "get-log k1", "get-soon k1", "get-leader", "get-leader-lease k1", "-lease k1", "put-leader k1", "cas-stale k1", "get -stale k1",
	} {
		if choice, err := (workload.KV{}).ParseChoice(text); err == nil {
			t.Errorf("%q is read as %d", text, choice)
		}
	}
	v, err := sim.NewVocabulary([]sim.ProcName{{Prefix: "c", Base: 1024, First: 1025, Last: 2047}}, workload.Specs(workload.KV{})...)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"op c1 t3 = put k1", "op c1 t3 = put k1 after", "op c1 t3 = put k1 after soon", "op c1 t3 = put k1 after -1ms", "op c1 t3 = after 1ms",
		"op c1 = put k1 after 1ms", "op t3 = put k1 after 1ms", "op c1 t3 #1 = put k1 after 1ms", "op c1 t3 = yes",
	} {
		if d, err := v.ParseLine(line); err == nil {
			t.Errorf("%q is read as %+v", line, d)
		}
	}
	// 1 + operation + 8*read + 64*key, with two keys.
	plan := workload.Plan{Clients: 1, Keys: 2, Classes: allClasses}
	for _, tc := range []struct {
		choice int64
		text   string
		good   bool
	}{
		{-1, "", false}, {0, "", false}, {1, "none k0", false}, {2, "get k0", true}, {6, "append k0", true}, {7, "none k0", false}, {8, "none k0", false},
		{10, "get-leader k0", true}, {18, "get-lease k0", true}, {26, "get-follower k0", true}, {34, "get-stale k0", true},
		{9, "none-leader k0", false}, {14, "append-leader k0", false}, {35, "put-stale k0", false}, {42, "get-sequential k0", true}, {50, "get-ReadKind(6) k0", false},
		{66, "get k1", true}, {70, "append k1", true}, {74, "get-leader k1", true}, {98, "get-stale k1", true},
		{130, "get k2", false}, {138, "get-leader k2", false}, {1 << 40, "", false}, {1 << 61, "", false},
	} {
		if err := (workload.KV{}).CheckChoice(plan, tc.choice); (err == nil) != tc.good {
			t.Errorf("choice %d: %v", tc.choice, err)
		}
		if tc.text == "" {
			continue
		}
		got := string(workload.KV{}.AppendChoice(nil, tc.choice))
		if back, err := (workload.KV{}).ParseChoice(got); got != tc.text || tc.good && (err != nil || back != tc.choice) {
			t.Errorf("choice %d prints as %q, want %q, and reads back as %d, %v", tc.choice, got, tc.text, back, err)
		}
	}
}

// Gets are read in the proportion of the weights, and only gets are.
func TestReadsFollowTheirWeights(t *testing.T) {
	const draws = 16_000
	for _, r := range []workload.Reads{
		{}, {Log: 1}, {Stale: 7}, {Log: 1, Leader: 2, Lease: 3, Follower: 4, Stale: 0}, {Log: 3, Leader: 1, Lease: 1, Follower: 1, Stale: 10}, {Lease: 1, Stale: 1},
	} {
		s := workload.KV{}.NewSession()
		if err := s.Reset(workload.Plan{Clients: 1, Keys: 3, Classes: allClasses, Reads: r}); err != nil {
			t.Fatal(err)
		}
		var count [client.ReadStale + 1]uint64
		gets, sum := uint64(0), uint64(0)
		for i := range uint64(draws) {
			w := sim.KeyedWords(i, sim.Key{})
			choice := s.Draw(&w)
			if text := string(workload.KV{}.AppendChoice(nil, choice)); text[:3] == "get" {
				gets++
				count[s.Read(choice)]++
			}
		}
		for k := range count {
			sum += weightOf(r, client.ReadKind(k))
		}
		if gets < draws/4 || gets > draws/2 {
			t.Errorf("%d of %d operations are gets", gets, draws)
		}
		for k, n := range count {
			want := gets * weightOf(r, client.ReadKind(k)) / sum
			if want == 0 && n > 0 || n > want+gets/20 || n+gets/20 < want {
				t.Errorf("%+v: %d of %d gets are %v, want about %d", r, n, gets, client.ReadKind(k), want)
			}
		}
	}
}

func TestImpossiblePlans(t *testing.T) {
	for _, plan := range []workload.Plan{
		{Clients: 1, Keys: 0, Classes: allClasses}, {Clients: 1, Keys: 1}, {Clients: 1, Keys: 1, Classes: []string{"register", "list"}},
	} {
		if err := (workload.KV{}).NewSession().Reset(plan); err == nil {
			t.Errorf("%+v is accepted", plan)
		}
	}
}

// With FinalReads every client ends with a read of each kind, and some visit all servers; what must complete are the write and those.
func TestFinalReads(t *testing.T) {
	for keys := 1; keys <= 7; keys++ {
		s := workload.KV{}.NewSession()
		if err := s.Reset(workload.Plan{Clients: 4, Keys: keys, Classes: allClasses, FinalReads: true}); err != nil {
			t.Fatal(err)
		}
		for id := uint64(1); id <= 4; id++ {
			kinds, visits := make(map[client.ReadKind]int), 0
			owed, brisk := s.Finals()
			for k := uint64(0); ; k++ {
				choice, ok := s.Final(id, k)
				if !ok {
					break
				}
				if err := (workload.KV{}).CheckChoice(workload.Plan{Keys: keys}, choice); err != nil {
					t.Fatal(err)
				}
				switch read := s.Read(choice); {
				case k > 0 && k < owed:
					kinds[read]++
				case k >= brisk && read == client.ReadFollower:
					visits++
				}
			}
			if len(kinds) != len(client.ReadKindNames()) || (visits > 0) != (id <= 2) || owed > workload.MaxFinals || brisk != owed+uint64(keys) {
				t.Errorf("c%d, %d keys: kinds %v, %d visits, %d must complete, %d are brisk", id, keys, kinds, visits, owed, brisk)
			}
		}
	}
}
