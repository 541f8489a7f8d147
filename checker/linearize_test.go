package checker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each line of promise has a history that breaks it and a neighbour that does not.
func TestHistoriesByHand(t *testing.T) {
	for _, tc := range []struct {
		name           string
		illegal, legal string
	}{
		{"a read returns the last value written",
			"c1#1 put 1 a; c1#1 ok; c1#2 put 1 b; c1#2 ok; c2#1 get 1; c2#1 saw a",
			"c1#1 put 1 a; c1#1 ok; c2#1 get 1; c1#2 put 1 b; c1#2 ok; c2#1 saw a"},
		{"a client that is answered and asks again in one breath keeps its order",
			"c1#1 put 1 a; c1#1 ok; c1#2 get 1; c1#2 saw never",
			"c1#1 put 1 a; c1#2 get 1; c1#1 ok; c1#2 saw never"},
		{"two reads agree on the order of two writes",
			"c1#1 put 1 a; c2#1 put 1 b; c3#1 get 1; c3#1 saw a; c3#2 get 1; c3#2 saw b; c3#3 get 1; c3#3 saw a; c1#1 ok; c2#1 ok",
			"c1#1 put 1 a; c2#1 put 1 b; c3#1 get 1; c3#1 saw a; c3#2 get 1; c3#2 saw b; c3#3 get 1; c3#3 saw b; c1#1 ok; c2#1 ok"},
		{"a miss shows which delete removed the value",
			"c1#1 delete 1 7; c1#1 ok; c1#2 put 1 a; c1#2 ok; c1#3 delete 1 8; c1#3 ok; c2#1 get 1; c2#1 saw !7",
			"c1#1 delete 1 7; c1#1 ok; c1#2 put 1 a; c1#2 ok; c1#3 delete 1 8; c1#3 ok; c2#1 get 1; c2#1 saw !8"},
		{"a compare-and-set swaps only what it expected",
			"c1#1 put 1 a; c1#1 ok; c1#2 cas 1 never>b; c1#2 swapped",
			"c1#1 put 1 a; c1#1 ok; c1#2 cas 1 a>b; c1#2 swapped"},
		{"of two compare-and-sets of one value one fails",
			"c1#1 cas 1 never>a; c2#1 cas 1 never>b; c1#1 swapped; c2#1 swapped",
			"c1#1 cas 1 never>a; c2#1 cas 1 never>b; c1#1 swapped; c2#1 saw a"},
		{"a compare-and-set does not fail on what it expected",
			"c1#1 cas 1 never>a; c1#1 saw never",
			"c1#1 cas 1 never>a; c1#1 swapped"},
		{"what a failed compare-and-set saw counts as read",
			"c1#1 put 1 a; c1#1 ok; c1#2 put 1 b; c1#2 ok; c2#1 cas 1 never>c; c2#1 saw a",
			"c1#1 put 1 a; c1#1 ok; c1#2 put 1 b; c1#2 ok; c2#1 cas 1 never>c; c2#1 saw b"},
		{"an append happens once",
			"c1#1 append 1 a; c1#1 ok; c2#1 get 1; c2#1 saw a.a",
			"c1#1 append 1 a; c1#1 ok; c2#1 get 1; c2#1 saw a"},
		{"an append to a missing key begins a value",
			"c1#1 put 1 a; c1#1 ok; c1#2 delete 1 7; c1#2 ok; c1#3 append 1 b; c1#3 ok; c2#1 get 1; c2#1 saw a.b",
			"c1#1 put 1 a; c1#1 ok; c1#2 delete 1 7; c1#2 ok; c1#3 append 1 b; c1#3 ok; c2#1 get 1; c2#1 saw b"},
		{"a write of unknown outcome may happen late, but once it was seen it stays",
			"c1#1 put 1 a; c2#1 put 1 b; c2#1 ok; c3#1 get 1; c3#1 saw a; c3#2 get 1; c3#2 saw b",
			"c1#1 put 1 a; c2#1 put 1 b; c2#1 ok; c3#1 get 1; c3#1 saw b; c3#2 get 1; c3#2 saw a"},
		{"an unknown compare-and-set that was seen did swap",
			"c1#1 put 1 a; c1#1 ok; c2#1 cas 1 never>b; c3#1 get 1; c3#1 saw b",
			"c1#1 put 1 a; c1#1 ok; c2#1 cas 1 a>b; c3#1 get 1; c3#1 saw b"},
		{"an unknown delete shows in an append that begins a value",
			"c1#1 put 1 a; c1#1 ok; c1#2 append 1 b; c1#2 ok; c3#1 get 1; c3#1 saw b",
			"c1#1 put 1 a; c1#1 ok; c2#1 delete 1 7; c1#2 append 1 b; c1#2 ok; c3#1 get 1; c3#1 saw b"},
		{"nobody reads what nobody wrote",
			"c1#1 get 1; c1#1 saw a",
			"c1#1 get 1; c1#1 saw never"},
		{"nobody reads what is not written yet",
			"c1#1 get 1; c1#1 saw a; c2#1 put 1 a",
			"c1#1 get 1; c2#1 put 1 a; c1#1 saw a"},
		{"keys stand alone",
			"c1#1 put 1 a; c1#1 ok; c2#1 get 2; c2#1 saw a",
			"c1#1 put 1 a; c1#1 ok; c2#1 get 2; c2#1 saw never"},
	} {
		var h History
		script(t, &h, tc.illegal)
		r := Check(&h, nil, DefaultBudget)
		if r.Verdict != NotLinearizable || len(r.Violations) != 1 || r.Violations[0].Signature() != "LIN/not-linearizable" {
			t.Errorf("%s: %s\n  is illegal, got %v %v", tc.name, tc.illegal, r.Verdict, r.Violations)
		}
		h.Reset()
		script(t, &h, tc.legal)
		if r := Check(&h, nil, DefaultBudget); r.Verdict != Linearizable || len(r.Violations) != 0 {
			t.Errorf("%s: %s\n  is legal, got %v %v", tc.name, tc.legal, r.Verdict, r.Violations)
		}
	}
}

// The committed order as witness: what it says, and what else it shows.
func TestWitnessByHand(t *testing.T) {
	const history = "c1#1 put 1 a; c1#1 ok; c2#1 put 1 b; c3#1 get 1; c3#1 saw b; c2#1 ok; "
	for _, tc := range []struct {
		name, history, order string
		fault                WitnessFault
		verdict              Verdict
		signatures           []string
	}{
		{"the order explains all", history, "c1#1 c2#1 c3#1", WitnessFits, Linearizable, nil},
		{"other clients' commands are skipped", history, "c9#1 c1#1 c2#1 c3#1 c9#2", WitnessFits, Linearizable, nil},
		{"it gives another answer", history, "c1#1 c3#1 c2#1", WitnessOutput, Linearizable, nil},
		{"it is against real time", history, "c2#1 c1#1 c3#1", WitnessRealTime, Linearizable, nil},
		{"against real time with another in between", "c2#1 put 1 a; c3#1 get 1; c3#1 saw a; c1#1 delete 1 7; c1#1 ok; c2#1 ok", "c1#1 c2#1 c3#1", WitnessRealTime, Linearizable, nil},
		{"a read outside the log", history, "c1#1 c2#1", WitnessMissing, Linearizable, nil},
		{"an acknowledged write is not there", history, "c2#1 c3#1", WitnessMissing, Linearizable, []string{"DUR/acknowledged-not-committed"}},
		{"a write took effect twice", history, "c1#1 c2#1 c3#1 c2#1", WitnessRepeated, Linearizable, []string{"EO/ordered-twice"}},
		{"an unknown write may be absent", "c1#1 put 1 a", "", WitnessFits, Linearizable, nil},
		{"an unknown write may be there", "c1#1 put 1 a; c2#1 get 1; c2#1 saw a", "c1#1 c2#1", WitnessFits, Linearizable, nil},
		{"an unknown compare-and-set does what follows", "c1#1 put 1 a; c1#1 ok; c1#2 cas 1 a>b; c2#1 get 1; c2#1 saw b", "c1#1 c1#2 c2#1", WitnessFits, Linearizable, nil},
		{"an unknown one passed still began", "c1#1 get 1; c1#1 saw never; c2#1 put 1 a", "c2#1 c1#1", WitnessRealTime, Linearizable, nil},
		{"an illegal history has no witness", "c1#1 put 1 a; c1#1 ok; c2#1 get 1; c2#1 saw never", "c1#1 c2#1", WitnessOutput, NotLinearizable, []string{"LIN/not-linearizable"}},
	} {
		var h History
		script(t, &h, tc.history)
		r := Check(&h, order(t, tc.order), DefaultBudget)
		if got := r.Keys[0].Witness; got != tc.fault || r.Verdict != tc.verdict {
			t.Errorf("%s: %q, %v; want %q, %v", tc.name, got, r.Verdict, tc.fault, tc.verdict)
		}
		f := Findings{kept: r.Violations}
		if diff := cmp.Diff(tc.signatures, signatures(&f)); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
		if r.Err() != nil {
			t.Error(r.Err())
		}
	}
}

func TestExplanationIsShort(t *testing.T) {
	var h History
	text := ""
	for i := range 40 { // ten rounds of four clients that get along
		text += fmt.Sprintf("c1#%d put 3 %x; c2#%d get 3; c1#%d ok; c2#%d saw %x;", i+1, i+1, i+1, i+1, i+1, i+1)
	}
	text += "c3#1 get 3; c3#1 saw 1e; c1#90 put 3 99; c1#90 ok"
	script(t, &h, text)
	r := Check(&h, nil, DefaultBudget)
	if len(r.Violations) != 1 {
		t.Fatal(r)
	}
	v := r.Violations[0]
	want := "k3 has no legal order once c3#1 returned: " +
		"c1#30 put k3 v:1e -> ok [step 117, 119]; " +
		"c1#36 put k3 v:24 -> ok [step 141, 143]; " +
		"c3#1 get k3 -> v:1e [step 161, 162]"
	if v.Step != 162 || v.Detail != want {
		t.Errorf("step %d: %s\nwant %s", v.Step, v.Detail, want)
	}
}

// A compare-and-set is told with what it swapped, or the story would be about something else.
func TestExplanationKeepsChains(t *testing.T) {
	var h History
	script(t, &h, "c1#1 put 3 a; c1#1 ok; c1#2 cas 3 a>b; c1#2 swapped; c1#3 put 3 c; c1#3 ok; c2#1 get 3; c2#1 saw b")
	r := Check(&h, nil, DefaultBudget)
	if len(r.Violations) != 1 || strings.Count(r.Violations[0].Detail, ";") != 3 {
		t.Error(r.Violations)
	}
}

func TestExplanationIsBounded(t *testing.T) {
	var h History
	for i := range 30 { // values grown by appends are told as they are
		script(t, &h, fmt.Sprintf("c1#%d append 3 %x; c1#%d ok", i+1, i+1, i+1))
	}
	script(t, &h, "c2#1 get 3; c2#1 saw 1.2.3")
	r := Check(&h, nil, DefaultBudget)
	if len(r.Violations) != 1 || strings.Count(r.Violations[0].Detail, ";") != operationsShown || !strings.Contains(r.Violations[0].Detail, "(19 earlier)") {
		t.Error(r.Violations)
	}
}

// manyWriters is a legal history a search gets lost in: all writes are pending at once, and the one read at the end
// shows a value that the search tries last.
func manyWriters(t testing.TB, h *History, clients int) []Execution {
	var took []Execution
	for i := range clients {
		if err := h.Invoke(Invocation{Client: uint64(i), Kind: OpAppend, Value: value(uint64(i + 1)), Step: uint64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	var ids []uint64
	for i := clients - 1; i >= 0; i-- {
		if err := h.Return(Completion{Client: uint64(i), Step: uint64(clients + i)}); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, uint64(i+1))
		took = append(took, Execution{Client: uint64(i)})
	}
	if err := h.Invoke(Invocation{Client: 99, Kind: OpGet}); err != nil {
		t.Fatal(err)
	}
	if err := h.Return(Completion{Client: 99, Seen: SeenValue(value(ids...))}); err != nil {
		t.Fatal(err)
	}
	return append(took, Execution{Client: 99})
}

func TestBudgetEndsTheSearch(t *testing.T) {
	var h History
	took := manyWriters(t, &h, 12)
	r := Check(&h, nil, 10_000)
	if r.Verdict != Inconclusive || r.SearchUnknown != 1 || r.Steps != 10_000 || len(r.Violations) != 0 {
		t.Errorf("without a witness: %+v", r)
	}
	if r := Check(&h, took, 10_000); r.Verdict != Linearizable || r.WitnessYes != 1 || r.SearchUnknown != 1 {
		t.Errorf("with a witness: %+v", r)
	}
	if r := Check(&h, took, 0); r.Verdict != Linearizable || r.Steps != 0 {
		t.Errorf("without a search: %+v", r)
	}
	h.Reset()
	manyWriters(t, &h, 5)
	if r := Check(&h, nil, 10_000); r.Verdict != Linearizable {
		t.Errorf("a small one needs no witness: %+v", r)
	}
}

// A budget that just suffices gives an answer, and one step less does not.
func TestBudgetIsExact(t *testing.T) {
	for _, text := range []string{
		"c1#1 put 1 a; c1#1 ok; c1#2 get 1; c1#2 saw a",
		"c1#1 put 1 a; c1#1 ok; c1#2 put 1 b; c1#2 ok; c1#3 get 1; c1#3 saw a",
	} {
		var h History
		script(t, &h, text)
		full := Check(&h, nil, DefaultBudget)
		if r := Check(&h, nil, full.Steps); r.Verdict != full.Verdict || r.Steps != full.Steps {
			t.Errorf("%s: %v with %d steps, %v with %d", text, full.Verdict, full.Steps, r.Verdict, r.Steps)
		}
		if r := Check(&h, nil, full.Steps-1); r.Verdict != Inconclusive {
			t.Errorf("%s: %v with a step too few", text, r.Verdict)
		}
	}
}

func TestContradictionIsLoud(t *testing.T) {
	var h History
	script(t, &h, "c1#1 get 1; c1#1 saw a")
	var c Checker
	c.group(&h)
	k := KeyReport{Key: 1, Operations: 1, Search: AnswerIllegal, Witness: WitnessFits} // as if the witness had been wrong
	var r Report
	c.conclude(&h, c.byKey, 1, &k, &r)
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "internal failure") || len(r.Violations) != 0 {
		t.Errorf("%v, %v", err, r.Violations)
	}
}

func TestReportByKey(t *testing.T) {
	var h History
	script(t, &h, "c1#1 put 9 a; c1#1 ok; c1#2 get 2; c1#2 saw b; c1#3 get 9; c1#3 saw a; c1#4 put 5 c; c1#5 put 5 d; c1#6 get 5; c1#6 saw d")
	got := Check(&h, nil, DefaultBudget)
	want := []KeyReport{
		{Key: 2, Operations: 1, Witness: WitnessUnavailable, Search: AnswerIllegal, Verdict: NotLinearizable},
		{Key: 5, Operations: 3, Dropped: 1, Tightened: 1, Witness: WitnessUnavailable, Search: AnswerLegal, Steps: 2},
		{Key: 9, Operations: 2, Witness: WitnessUnavailable, Search: AnswerLegal, Steps: 2},
	}
	if diff := cmp.Diff(want, got.Keys); diff != "" {
		t.Error(diff)
	}
	if got.SearchLegal != 2 || got.SearchIllegal != 1 || got.Steps != 4 || got.Verdict != NotLinearizable {
		t.Errorf("%+v", got)
	}
}

func TestAnEmptyHistoryIsLinearizable(t *testing.T) {
	if r := Check(&History{}, nil, DefaultBudget); r.Verdict != Linearizable || len(r.Keys) != 0 {
		t.Errorf("%+v", r)
	}
}
