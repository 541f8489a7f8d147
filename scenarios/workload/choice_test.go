package workload_test

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

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
	}
}

// begin invokes a choice and decodes the command it makes.
func begin(t interface{ Fatal(...any) }, s workload.Session, client, seq uint64, choice int64) statemachine.Command {
	b, err := s.Invoke(client, seq, choice, seq, nil)
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
			client := 1 + k%uint64(plan.Clients)
			w := sim.KeyedWords(seed, sim.MakeKey(workload.PurposeOperation, sim.Subject{A: sim.ProcID(1024 + client), Epoch: k}))
			final, ok := s.Final(client, k)
			choices := []int64{s.Draw(&w), s.Calm(client, k), final}
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
					Key:   sim.MakeKey(workload.PurposeOperation, sim.Subject{A: sim.ProcID(1024 + client), Epoch: k}),
					Value: sim.Value{N: choice, For: int64(time.Duration(k) * time.Millisecond)},
				}
				if back, err := v.ParseLine(v.Line(d)); err != nil || back != d {
					rt.Fatalf("%q reads back as %+v, %v; want %+v", v.Line(d), back, err, d)
				}
				seqs[client]++
				c := begin(rt, s, client, seqs[client], choice)
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
	plan := workload.Plan{Clients: 1, Keys: 2, Classes: allClasses}
	for _, tc := range []struct {
		choice int64
		good   bool
	}{{0, false}, {-1, false}, {1, false}, {2, true}, {6, true}, {7, false}, {8, false}, {10, true}, {14, true}, {18, false}, {1 << 40, false}} {
		if err := (workload.KV{}).CheckChoice(plan, tc.choice); (err == nil) != tc.good {
			t.Errorf("choice %d: %v", tc.choice, err)
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
