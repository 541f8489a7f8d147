package checker

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Reads outside the log: where they stand in the witness, and what is promised of each kind.
func TestReadsByHand(t *testing.T) {
	// Two puts at indexes 1 and 2, one after the other.
	const writes = "c1#1 put 1 a; c1#1 ok; c1#2 put 1 b; c1#2 ok; "
	for _, tc := range []struct {
		name, history, order string
		fault                WitnessFault
		verdict              Verdict
		signatures           []string
		observed             int // observations
	}{
		{"a current read after all that took effect up to its index", writes + "c2#1 current 1; c2#1 saw b @2", "c1#1 c1#2", WitnessFits, Linearizable, nil, 0},
		{"and before what took effect later", "c2#1 current 1; " + writes + "c2#1 saw a @1", "c1#1 c1#2", WitnessFits, Linearizable, nil, 0},
		{"and before anything did", "c2#1 current 1; c1#9 put 1 c; c1#9 ok; c2#1 saw never @1", "c8#8 c1#9", WitnessFits, Linearizable, nil, 0},
		{"D03: a current read that is stale", writes + "c2#1 current 1; c2#1 saw a @1", "c1#1 c1#2", WitnessRealTime, NotLinearizable, []string{"LIN/not-linearizable"}, 0},
		{"of several effects at one index it sees all", "c1#1 put 1 a; c2#1 put 1 b; c1#1 ok; c2#1 ok; c3#1 current 1; c3#1 saw b @1", "c1#1 +c2#1", WitnessFits, Linearizable, nil, 0},
		{"and not some", "c1#1 put 1 a; c2#1 put 1 b; c1#1 ok; c2#1 ok; c3#1 current 1; c3#1 saw a @1", "c1#1 +c2#1", WitnessOutput, Linearizable, nil, 0},
		{"reads of one index in the order of their invocations", writes + "c2#1 current 1; c3#1 current 1; c3#1 saw b @2; c4#1 current 1; c4#1 saw b @2; c2#1 saw b @2", "c1#1 c1#2", WitnessFits, Linearizable, nil, 0},
		{"a later read of an earlier index", writes + "c2#1 current 1; c3#1 put 1 c; c3#1 ok; c2#1 saw c @3; c4#1 current 1; c4#1 saw b @2", "c1#1 c1#2 c3#1", WitnessRealTime, NotLinearizable, []string{"LIN/not-linearizable"}, 0},
		{"a wrong hint is no verdict", writes + "c2#1 current 1; c2#1 saw b @1", "c1#1 c1#2", WitnessOutput, Linearizable, nil, 0},
		{"nor is a missing one", writes + "c2#1 current 1; c2#1 saw b", "c1#1 c1#2", WitnessMissing, Linearizable, nil, 0},
		{"a current read that was never answered", writes + "c2#1 current 1", "c1#1 c1#2", WitnessFits, Linearizable, nil, 0},

		{"a stale read of an old state", writes + "c2#1 stale 1; c2#1 saw a @1", "c1#1 c1#2", WitnessFits, Linearizable, nil, 0},
		{"a stale read of the beginning", writes + "c2#1 stale 1; c2#1 saw never @0", "c1#1 c1#2", WitnessFits, Linearizable, nil, 0},
		{"a stale read of another state than that of its index", writes + "c2#1 stale 1; c2#1 saw a @2", "c1#1 c1#2", WitnessFits, Linearizable, []string{"SESS/stale-read-of-no-state"}, 0},
		{"a stale read of what nobody wrote, told once", writes + "c2#1 stale 1; c2#1 saw c @1; c2#2 stale 1; c2#2 saw c @2", "c1#1 c1#2", WitnessFits, Linearizable, []string{"SESS/stale-read-of-no-state"}, 0},
		{"without an order nobody can tell", writes + "c2#1 stale 1; c2#1 saw c @1", "-", WitnessUnavailable, Linearizable, nil, 0},
		{"a stale read of a key only read so", "c2#1 stale 1; c2#1 saw never @0", "", WitnessFits, Linearizable, nil, 0},
		{"a stale read is nobody's witness of a write", "c1#1 put 1 a; c2#1 stale 1; c2#1 saw a @1", "c1#1", WitnessFits, Linearizable, nil, 0},

		{"a session goes back in time (X12)", writes + "c2#1 stale 1; c2#1 saw b @2; c2#2 stale 1 session; c2#2 saw a @1", "c1#1 c1#2", WitnessFits, Linearizable, []string{"SESS/read-went-back"}, 0},
		{"no session does not promise not to", writes + "c2#1 stale 1; c2#1 saw b @2; c2#2 stale 1; c2#2 saw a @1", "c1#1 c1#2", WitnessFits, Linearizable, nil, 0},
		{"what was asked before the answer is not bound by it", writes + "c2#1 stale 1; c2#2 stale 1 session; c2#1 saw b @2; c2#2 saw a @1", "c1#1 c1#2", WitnessFits, Linearizable, nil, 0},
		{"nor by the answers of others", writes + "c3#1 stale 1; c3#1 saw b @2; c2#2 stale 1 session; c2#2 saw a @1", "c1#1 c1#2", WitnessFits, Linearizable, nil, 0},
		{"a session sees its own writes", "c1#1 put 1 a; c1#1 ok @1; c1#2 stale 1 session; c1#2 saw never @0", "c1#1", WitnessFits, Linearizable, []string{"SESS/read-went-back"}, 0},

		{"out of contract", writes + "c2#1 current 1; c2#1 saw a @1 out", "c1#1 c1#2", WitnessFits, Linearizable, nil, 1},
		{"out of contract, but right", writes + "c2#1 current 1; c2#1 saw b @2 out", "c1#1 c1#2", WitnessFits, Linearizable, nil, 0},
		{"a read within the contract is wrong besides", writes + "c2#1 current 1; c2#1 saw a @1 out; c3#1 current 1; c3#1 saw a @1", "c1#1 c1#2", WitnessRealTime, NotLinearizable, []string{"LIN/not-linearizable"}, 0},
		{"a write is lost besides", "c1#1 put 1 a; c1#1 ok; c2#1 current 1; c2#1 saw c @1 out; c2#2 get 1; c2#2 saw never", "c1#1 c2#2", WitnessOutput, NotLinearizable, []string{"LIN/not-linearizable"}, 0},
		{"what is read out of contract is nobody's witness of a write", "c1#1 put 1 a; c2#1 current 1; c2#1 saw a @1 out; c2#2 get 1; c2#2 saw never", "c2#2", WitnessFits, Linearizable, nil, 1},
	} {
		var h History
		script(t, &h, tc.history)
		var took []Execution
		if tc.order != "-" {
			took = order(t, tc.order)
		}
		r := Check(&h, took, DefaultBudget)
		if got := r.Keys[0].Witness; got != tc.fault || r.Verdict != tc.verdict || len(r.Observations) != tc.observed {
			t.Errorf("%s: %q, %v, observations %v; want %q, %v", tc.name, got, r.Verdict, r.Observations, tc.fault, tc.verdict)
		}
		for _, o := range r.Observations {
			if o.Signature() != "LIN/out-of-contract" || !strings.Contains(o.Detail, "out of contract") || !r.Keys[0].OutOfContract {
				t.Errorf("%s: %v", tc.name, o)
			}
		}
		f := Findings{kept: r.Violations}
		if diff := cmp.Diff(tc.signatures, signatures(&f)); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
		if r.Err() != nil {
			t.Errorf("%s: %v", tc.name, r.Err())
		}
	}
}

func TestReadsAreCounted(t *testing.T) {
	var h History
	script(t, &h, "c1#1 current 1; c1#1 saw never @1; c1#2 current 1; c1#2 saw never @1 out; c1#3 stale 1; c1#3 saw never @1; c1#4 stale 1; c1#5 get 1; c1#5 saw never")
	r := Check(&h, nil, DefaultBudget)
	if r.CurrentReads != 2 || r.OutOfContractReads != 1 || r.StaleReads != 1 || r.Keys[0].Operations != 3 {
		t.Errorf("%+v", r)
	}
}

// Stale reads are left out key by key.
func TestStaleReadsOfManyKeys(t *testing.T) {
	var h History
	script(t, &h, "c1#1 stale 1; c1#1 saw never @0; c1#2 put 1 a; c1#2 ok; c1#3 stale 2; c1#3 saw never @1; c1#4 put 2 b; c1#4 ok; c1#5 stale 3; c1#5 saw never @2; c1#6 get 3; c1#6 saw never")
	r := Check(&h, order(t, "c1#2 c1#4 c1#6"), DefaultBudget)
	if r.Verdict != Linearizable || r.WitnessYes != 3 || r.SearchLegal != 3 || len(r.Violations) != 0 || r.StaleReads != 3 {
		t.Errorf("%+v", r)
	}
	for _, k := range r.Keys {
		if k.Operations != 1 {
			t.Errorf("%+v", k)
		}
	}
}

// Without a search the witness decides about what is within the contract, and nothing is said of the rest.
func TestOutOfContractWithoutASearch(t *testing.T) {
	var h History
	script(t, &h, "c1#1 put 1 a; c1#1 ok; c2#1 current 1; c2#1 saw never @0 out")
	r := Check(&h, order(t, "c1#1"), 0)
	if r.Verdict != Linearizable || r.WitnessYes != 1 || r.SearchUnknown != 1 || len(r.Observations) != 0 || r.Keys[0].OutOfContract || r.Err() != nil {
		t.Errorf("%+v", r)
	}
}

func TestReadsAreTold(t *testing.T) {
	var h History
	script(t, &h, "c1#1 current 1; c1#1 saw a @7 out; c1#2 stale 1; c1#2 saw b @3; c1#3 stale 1")
	want := []string{
		"c1#1 get k1 -> v:a (current at 7, out of contract) [step 1, 2]",
		"c1#2 get k1 -> v:b (stale at 3) [step 3, 4]",
		"c1#3 get k1 -> unknown [step 5, ...]",
	}
	for i := range want {
		if got := string(h.Describe(nil, h.At(i))); got != want[i] {
			t.Errorf("got  %s\nwant %s", got, want[i])
		}
	}
}

func TestReadsAreValidated(t *testing.T) {
	var h History
	for name, in := range map[string]Invocation{
		"a write":      {Client: 1, Seq: 1, Kind: OpPut, Value: value(1), Read: ReadStale},
		"another kind": {Client: 1, Seq: 1, Kind: OpGet, Read: 4},
	} {
		if err := h.Invoke(in); err == nil || !strings.Contains(err.Error(), "read") {
			t.Errorf("%s: %v", name, err)
		}
	}
	script(t, &h, "c1#1 stale 1")
	if err := h.Return(Completion{Client: 1, Seq: 1, OutOfContract: true}); err == nil {
		t.Error("a stale read has no contract about time")
	}
}

// Operations of one client may overlap: they are ordered by time alone, like those of others.
func TestOneClientManyOperations(t *testing.T) {
	const text = "c1#1 put 1 a; c1#2 put 1 b; c1#3 get 1; c1#2 ok; c1#3 saw a; c1#1 ok; c1#4 get 1; c1#4 saw "
	var h History
	script(t, &h, text+"a")
	if r := Check(&h, order(t, "c1#2 c1#1 c1#3 c1#4"), DefaultBudget); r.Verdict != Linearizable || r.WitnessYes != 1 {
		t.Errorf("in an order of its own: %+v", r)
	}
	if h.Lookup(1, 2) != h.At(1) || h.Lookup(1, 1) != h.At(0) {
		t.Error("an operation under way is found by its number")
	}
	h.Reset()
	script(t, &h, text+"c")
	if r := Check(&h, nil, DefaultBudget); r.Verdict != NotLinearizable {
		t.Errorf("a value nobody wrote: %+v", r)
	}
}

// mixedHistory is a random history with some of its gets made current, stale or void, at indexes that may be right.
func mixedHistory(c *chance) (ops []twinOp, took []int, kinds []readTwin) {
	ops, took = randomHistory(c, 7, kindSets()[c.n(len(kindSets()))])
	kinds = make([]readTwin, len(ops))
	for i := range ops {
		if ops[i].kind == OpGet && c.n(2) == 0 {
			kinds[i].kind = ReadKind(1 + c.n(2))
			kinds[i].out = kinds[i].kind == ReadCurrent && c.n(3) > 0
			at := slices.Index(took, i)
			if at >= 0 && c.n(4) > 0 {
				kinds[i].at = uint64(at) // what came before it
			} else {
				kinds[i].at = uint64(c.n(len(took) + 1))
			}
		}
	}
	return ops, took, kinds
}

type readTwin struct {
	kind ReadKind
	out  bool
	at   uint64
}

// The verdict is that of trying all orders of what is within the contract; the witness never fits what has none; and a stale read is
// found wrong just when the operations up to its index, played by hand, leave another state.
func TestReadsEqualBruteForce(t *testing.T) {
	var c Checker
	var h History
	var legalSeen, illegalSeen, outSeen, staleSeen, fits int
	check := func(t interface {
		Fatalf(string, ...any)
	}, draw *chance) {
		ops, took, kinds := mixedHistory(draw)
		h.Reset()
		last := 0
		for i := range ops {
			last = max(last, ops[i].call, ops[i].ret)
		}
		for clock := 1; clock <= last; clock++ {
			for i := range ops {
				o, k := &ops[i], kinds[i]
				var err error
				if o.call == clock {
					err = h.Invoke(Invocation{Client: 1, Seq: uint64(i), Key: 3, Kind: o.kind, Value: value(o.words...), Read: k.kind,
						Tombstone: o.tombstone, Expect: o.expect.seen(), Step: uint64(clock)})
				} else if o.ret == clock {
					err = h.Return(Completion{Client: 1, Seq: uint64(i), Swapped: o.swapped, Seen: o.seen.seen(), ReadAt: k.at, OutOfContract: k.out, Step: uint64(clock)})
				}
				if err != nil {
					t.Fatalf("%v", err)
				}
			}
		}
		order := []Execution{}
		index := uint64(0)
		for _, i := range took {
			index++
			if kinds[i].kind == ReadLogged {
				order = append(order, Execution{Client: 1, Seq: uint64(i), Index: index})
			}
		}
		r := c.Check(&h, order, 1<<30)
		lines := func() (all []string) {
			for i := range h.Len() {
				all = append(all, "\n"+string(h.Describe(nil, h.At(i))))
			}
			return all
		}
		pick := func(want func(readTwin) bool) (some []twinOp) {
			for i := range ops {
				if want(kinds[i]) {
					some = append(some, ops[i])
				}
			}
			return some
		}
		brute := func(some []twinOp) bool { return bruteForce(some, make([]bool, len(some)), twinState{}) }
		within := brute(pick(func(k readTwin) bool { return k.kind != ReadStale && !k.out }))
		all := brute(pick(func(k readTwin) bool { return k.kind != ReadStale }))
		k := r.Keys[0]
		if (k.Verdict == Linearizable) != within || k.OutOfContract != (within && !all) || len(r.Observations) > 0 != (within && !all) || r.Err() != nil {
			t.Fatalf("%v, out of contract %v, %v; brute force says %v within and %v in all: %v", k.Verdict, k.OutOfContract, r.Err(), within, all, lines())
		}
		if k.Witness == WitnessFits && !within {
			t.Fatalf("the witness fits an illegal history: order %v of %v", order, lines())
		}
		wrong, sure := staleByHand(ops, kinds, order)
		found := false
		for _, v := range r.Violations {
			found = found || v.Rule == "stale-read-of-no-state"
		}
		if sure && found != wrong || found && !wrong {
			t.Fatalf("stale reads wrong: %v, found %v: order %v of %v", wrong, found, order, lines())
		}
		for _, seen := range []struct {
			is    bool
			count *int
		}{{within && all, &legalSeen}, {!within, &illegalSeen}, {within && !all, &outSeen}, {found, &staleSeen}, {k.Witness == WitnessFits, &fits}} {
			if seen.is {
				*seen.count++
			}
		}
	}
	for seed := range uint64(3 * fixedHistories) {
		seed = mix(seed, 99)
		check(t, &chance{next: func() uint64 { return seed }})
	}
	t.Logf("%d legal, %d illegal, %d out of contract, %d stale reads wrong, %d with a witness", legalSeen, illegalSeen, outSeen, staleSeen, fits)
	if few := fixedHistories / 50; min(legalSeen, illegalSeen, staleSeen, fits) < few || outSeen < few/2 {
		t.Fatal("too few of something")
	}
	rapid.Check(t, func(rt *rapid.T) {
		check(rt, &chance{next: func() uint64 { return rapid.Uint64().Draw(rt, "choice") }})
	})
}

// staleByHand plays the order with whole states. sure is false when the order itself contradicts an answer, after which nobody knows what
// the servers had.
func staleByHand(ops []twinOp, kinds []readTwin, order []Execution) (wrong, sure bool) {
	sure = true
	done := map[uint64]bool{}
	state := twinState{}
	next := 0
	for index := uint64(0); index <= uint64(len(ops)+1)*2; index++ {
		for next < len(order) && order[next].Index <= index {
			o := &ops[order[next].Seq]
			again := done[order[next].Seq]
			done[order[next].Seq] = true
			next++
			if again {
				sure = false
				continue
			}
			after, ok := o.apply(state)
			sure = sure && ok
			state = after
		}
		for i := range ops {
			if k := kinds[i]; k.kind == ReadStale && k.at == index && ops[i].ret != 0 && !ops[i].seen.equal(state) && sure {
				wrong = true
			}
		}
	}
	return wrong, sure
}

// The order for a user's model is that of the witness.
func TestWitnessOrder(t *testing.T) {
	history := []GenericOperation{
		{Client: 1, Seq: 1, Invoke: 1, Return: 2},
		{Client: 2, Seq: 1, Invoke: 3, Return: 9, ReadAt: 2},
		{Client: 3, Seq: 1, Invoke: 2, Return: 9, ReadAt: 2},
		{Client: 1, Seq: 2, Invoke: 4, Return: 5},
		{Client: 4, Seq: 1, Invoke: 4, Return: NoReturn, ReadAt: 1},
		{Client: 4, Seq: 2, Invoke: 4, Return: 6, ReadAt: 5},
		{Client: 1, Seq: 3, Invoke: 6, Return: 7},
	}
	took := []Execution{{1, 1, 1, 0}, {9, 9, 2, 0}, {1, 2, 2, 0}, {1, 3, 4, 0}}
	if got, want := WitnessOrder(history, took, nil), []int{0, 3, 2, 1, 6, 5}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := WitnessOrder(nil, []Execution{{1, 1, math.MaxUint64, 0}}, nil); len(got) != 0 {
		t.Error(got)
	}
}
