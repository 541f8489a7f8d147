package workload_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"raftsim/checker"
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
	"raftsim/scenarios/workload"
)

// diary plays a history into a session: operations begin and end when the script says so, and gets see what it says.
type diary struct {
	t       *testing.T
	session workload.Session
	seqs    map[uint64]uint64
	step    uint64
	order   []checker.Execution
}

// write does a put of the client's and returns what it wrote.
func (d *diary) write(id, index uint64) []byte {
	seq := d.begin(id, "put k0")
	d.end(id, seq, index, []byte{byte(statemachine.ResultOK)})
	d.order = append(d.order, checker.Execution{Client: id, Seq: seq, Index: index})
	return binary.BigEndian.AppendUint64(nil, id<<40|seq)
}

func (d *diary) begin(id uint64, text string) (seq uint64) {
	d.t.Helper()
	d.seqs[id]++
	d.step++
	choice, err := workload.KV{}.ParseChoice(text)
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.session.Invoke(id, d.seqs[id], choice, d.step, nil); err != nil {
		d.t.Fatal(err)
	}
	return d.seqs[id]
}

func (d *diary) end(id, seq, index uint64, result []byte) {
	d.t.Helper()
	d.step++
	if err := d.session.Complete(id, seq, d.step, index, result); err != nil {
		d.t.Fatal(err)
	}
}

func found(value []byte) []byte {
	return statemachine.AppendResult(nil, statemachine.Result{Kind: statemachine.ResultFound, Cell: statemachine.Cell{Present: true, Value: value}})
}

// A get outside the log that sees an old value is judged by what its kind promises: current reads are linearizable, those by a lease
// only while clocks keep to their bound, stale ones are states the key has had, in the order a client sees them if it asked for that.
func TestReadsAreJudgedByTheirKind(t *testing.T) {
	const notLinearizable, noState, wentBack = "LIN/not-linearizable", "SESS/stale-read-of-no-state", "SESS/read-went-back"
	for _, tc := range []struct {
		name      string
		kind      string
		monotonic bool
		broken    string // when clocks break: "before" the read begins, while it is "under way", "after" it ended
		at        uint64 // index of the answer; the write is at 2
		old       bool   // it sees what was before the write
		after     uint64 // index of an answer the client had seen before
		want      string // signature; "" for none
		observed  bool
	}{
		{name: "new value", kind: "get-leader", at: 2},
		{name: "new value by lease", kind: "get-lease", at: 2},
		{name: "new value by a follower", kind: "get-follower", at: 2},
		{name: "old value", kind: "get-leader", at: 1, old: true, want: notLinearizable},
		{name: "old value by a follower", kind: "get-follower", at: 1, old: true, want: notLinearizable},
		{name: "old value by lease", kind: "get-lease", at: 1, old: true, want: notLinearizable},
		{name: "old value through the log", kind: "get", at: 1, old: true, want: notLinearizable},
		{name: "old value by lease, clocks broken before", kind: "get-lease", broken: "before", at: 1, old: true, observed: true},
		{name: "old value by lease, clocks broken meanwhile", kind: "get-lease", broken: "under way", at: 1, old: true, observed: true},
		{name: "old value by lease, clocks broken too late", kind: "get-lease", broken: "after", at: 1, old: true, want: notLinearizable},
		{name: "old value, clocks broken, but no lease", kind: "get-leader", broken: "before", at: 1, old: true, want: notLinearizable},
		{name: "stale", kind: "get-stale", at: 1, old: true},
		{name: "stale, and new", kind: "get-stale", at: 2},
		{name: "stale, not what was there", kind: "get-stale", at: 2, old: true, want: noState},
		{name: "stale, clocks broken, not what was there", kind: "get-stale", broken: "before", at: 2, old: true, want: noState},
		{name: "stale, older than seen, unpromised", kind: "get-stale", at: 1, old: true, after: 2},
		{name: "stale, older than seen", kind: "get-stale", monotonic: true, at: 1, old: true, after: 2, want: wentBack},
		{name: "sequential", kind: "get-sequential", at: 1, old: true},
		{name: "sequential, not what was there", kind: "get-sequential", at: 2, old: true, want: "SESS/sequential-read-of-no-state"},
		{name: "sequential, older than seen", kind: "get-sequential", at: 1, old: true, after: 2, want: wentBack},
		{name: "sequential, as old as seen", kind: "get-sequential", at: 1, old: true, after: 1},
		{name: "stale, as old as seen", kind: "get-stale", monotonic: true, at: 1, old: true, after: 1},
	} {
		d := &diary{t: t, session: workload.KV{}.NewSession(), seqs: make(map[uint64]uint64)}
		if err := d.session.Reset(workload.Plan{Clients: 2, Keys: 1, Classes: allClasses, Monotonic: tc.monotonic}); err != nil {
			t.Fatal(err)
		}
		first := d.write(1, 1)
		second := d.write(1, 2)
		if tc.after > 0 {
			seen := second
			if tc.after == 1 {
				seen = first
			}
			d.end(2, d.begin(2, "get-stale k0"), tc.after, found(seen))
		}
		if tc.broken == "before" {
			d.session.ClocksBroken()
		}
		seq := d.begin(2, tc.kind+" k0")
		if tc.broken == "under way" {
			d.session.ClocksBroken()
		}
		value := second
		if tc.old {
			value = first
		}
		d.end(2, seq, tc.at, found(value))
		if tc.broken == "after" {
			d.session.ClocksBroken()
		}
		if tc.kind == "get" {
			d.order = append(d.order, checker.Execution{Client: 2, Seq: seq, Index: 3})
		}
		if is := tc.kind != "get"; (d.session.Asked(2, seq) != client.ReadLog) != is || d.session.Asked(1, 1) != client.ReadLog || d.session.Asked(2, 99) != client.ReadLog {
			t.Errorf("%s: asked by %v", tc.name, d.session.Asked(2, seq))
		}
		j := d.session.Judge(d.order, 10_000)
		var got []string
		for _, v := range j.Violations {
			got = append(got, v.Signature())
		}
		var want []string
		if tc.want != "" {
			want = append(want, tc.want)
		}
		if !slices.Equal(got, want) || (len(j.Observations) > 0) != tc.observed || j.Contradiction != "" {
			t.Errorf("%s: %v, observed %v, %s; want %q, observed %v", tc.name, got, j.Observations, j.Contradiction, tc.want, tc.observed)
		}
		s := j.Stages
		current, old, sequential := uint64(0), uint64(0), uint64(0)
		switch tc.kind {
		case "get":
		case "get-stale":
			old = 1
		case "get-sequential":
			sequential = 1
		default:
			current = 1
		}
		if tc.after > 0 {
			old++
		}
		if s.CurrentReads != current || s.StaleReads != old || s.SequentialReads != sequential || (s.OutOfContractReads == 1) != tc.observed {
			t.Errorf("%s: counted %+v", tc.name, s)
		}
	}
}

// A session forgets the run before: the clocks of another run are whole, and its reads unknown.
func TestSessionsBeginAnew(t *testing.T) {
	d := &diary{t: t, session: workload.KV{}.NewSession(), seqs: make(map[uint64]uint64)}
	plan := workload.Plan{Clients: 2, Keys: 1, Classes: allClasses}
	for round := range 2 {
		if err := d.session.Reset(plan); err != nil {
			t.Fatal(err)
		}
		if d.session.Operations() != (workload.Operations{}) {
			t.Errorf("round %d begins with %+v", round, d.session.Operations())
		}
		d.order = d.order[:0]
		clear(d.seqs)
		first := d.write(1, 1)
		d.write(1, 2)
		d.end(2, d.begin(2, "get-lease k0"), 1, found(first))
		d.begin(2, "get-lease k0") // under way for ever
		if j := d.session.Judge(d.order, 10_000); len(j.Violations) != 1 || j.Stages.OutOfContractReads != 0 {
			t.Errorf("round %d: %+v", round, j)
		}
		d.session.ClocksBroken()
	}
}

// What a session cannot make sense of is an error: an answer to nothing, of the wrong kind, or of bytes that are none.
func TestAnswersThatMakeNoSense(t *testing.T) {
	ok, missing := []byte{byte(statemachine.ResultOK)}, statemachine.AppendResult(nil, statemachine.Result{Kind: statemachine.ResultMissing})
	for _, tc := range []struct {
		text   string
		result []byte
		good   bool
	}{
		{"get k0", missing, true}, {"get k0", found([]byte("12345678")), true}, {"get k0", ok, false}, {"get-leader k0", ok, false},
		{"get-leader k0", missing, true}, {"put k0", ok, true}, {"put k0", missing, false}, {"delete k0", found([]byte("12345678")), false},
		{"cas k0", ok, true}, {"cas k0", missing, false}, {"append k0", ok, true}, {"get k0", nil, false}, {"get k0", []byte{99}, false},
		{"cas k0", statemachine.AppendResult(nil, statemachine.Result{Kind: statemachine.ResultFailed}), true},
		{"put k0", []byte{byte(statemachine.ResultInvalid)}, false},
	} {
		s := workload.KV{}.NewSession()
		if err := s.Reset(workload.Plan{Clients: 1, Keys: 1, Classes: allClasses}); err != nil {
			t.Fatal(err)
		}
		choice, err := workload.KV{}.ParseChoice(tc.text)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Complete(1, 1, 1, 1, tc.result); err == nil {
			t.Errorf("%s: completed before it was invoked", tc.text)
		}
		if _, err := s.Invoke(1, 1, choice, 1, nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Complete(1, 1, 2, 1, tc.result); (err == nil) != tc.good {
			t.Errorf("%s answered with %x: %v", tc.text, tc.result, err)
		}
	}
	if got := workload.KV.Name(workload.KV{}); got != "kv" {
		t.Error(got)
	}
	if _, err := (workload.KV{}).NewSession().Invoke(1, 1, int64(client.ReadStale), 1, nil); err == nil {
		t.Error("an operation of a plan without keys")
	}
}
