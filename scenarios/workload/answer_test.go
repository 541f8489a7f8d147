package workload_test

import (
	"testing"

	"raftsim/raft/statemachine"
	"raftsim/scenarios/workload"
)

// What people read of answers: the name of a write stands for its value.
func TestAnswer(t *testing.T) {
	s := workload.KV{}.NewSession()
	if err := s.Reset(workload.Plan{Clients: 2, Keys: 1, Classes: []string{workload.ClassMixed}}); err != nil {
		t.Fatal(err)
	}
	m := statemachine.NewKV()
	index := uint64(0)
	for _, tc := range []struct {
		client, seq  uint64
		choice, want string
	}{
		{1, 1, "get k0", "nothing"},
		{1, 2, "put k0", "ok"},
		{2, 7, "get k0", "c1#2"},
		{1, 3, "append k0", "ok"},
		{2, 8, "get k0", "c1#2.c1#3"},
		{1, 4, "cas k0", "saw c1#2.c1#3"},
		{2, 9, "cas k0", "swapped"},
		{1, 5, "delete k0", "ok"},
		{2, 10, "get k0", "nothing since c1#5"},
	} {
		choice, err := workload.KV{}.ParseChoice(tc.choice)
		if err != nil {
			t.Fatal(err)
		}
		command, err := s.Invoke(tc.client, tc.seq, choice, index, nil)
		if err != nil {
			t.Fatal(err)
		}
		index++
		if err := s.Complete(tc.client, tc.seq, index, index, m.Apply(index, command, nil)); err != nil {
			t.Fatal(err)
		}
		got := string(s.(interface {
			Answer(dst []byte, client, seq uint64) []byte
		}).Answer(nil, tc.client, tc.seq))
		if got != tc.want {
			t.Errorf("c%d#%d %s: %q, want %q", tc.client, tc.seq, tc.choice, got, tc.want)
		}
	}
}
