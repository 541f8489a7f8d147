package workload_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"

	"raftsim/checker"
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
	"raftsim/scenarios/workload"
	"raftsim/sim"
)

// tally is a state machine of a user's own: "+" adds one, "?" reads; both answer the value.
type tally struct{ value uint64 }

func (c *tally) Apply(_ uint64, command, dst []byte) []byte {
	if string(command) == "+" {
		c.value++
	}
	return binary.BigEndian.AppendUint64(dst, c.value)
}

func (c *tally) Hash() uint64 { return c.value }

func tallyModel() checker.Model {
	return checker.PorcupineModel("tally", porcupine.Model{
		Init: func() any { return uint64(0) },
		Step: func(state, input, output any) (bool, any) {
			value := state.(uint64)
			if input == "+" {
				value++
			}
			return output == nil || output == value, value
		},
	})
}

// tallyApplication may be changed by the caller.
func tallyApplication() *workload.Custom {
	answer := func(result []byte) (any, error) {
		if len(result) != 8 {
			return nil, errors.New("want 8 bytes")
		}
		return binary.BigEndian.Uint64(result), nil
	}
	command := func(text string) func([]byte, uint64, uint64) ([]byte, any) {
		return func(dst []byte, _, _ uint64) ([]byte, any) { return append(dst, text...), text }
	}
	return &workload.Custom{
		AppName: "tally",
		Machine: func() statemachine.StateMachine { return new(tally) },
		Choices: []workload.Choice{
			{Text: "read", Weight: 1, Command: command("?"), Output: answer},
			{Text: "add one", Weight: 3, Write: true, Command: command("+"), Output: answer},
			{Text: "never", Weight: 0, Command: command("+"), Output: answer},
		},
		Model: tallyModel(),
	}
}

func eight(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// Several operations of one client are under way at once, and end in any order: each is found by its number, and the model judges
// them as overlapping.
func TestCustomOperationsOverlap(t *testing.T) {
	app := tallyApplication()
	for _, tc := range []struct {
		name    string
		answers map[uint64]uint64 // of c1's #3 to #5 (two additions and a read), all under way at once
		after   uint64            // what c2 reads when they have ended
		order   [3]uint64         // in which c1's were executed
		want    string            // the violation, "" for none
	}{
		{"in order", map[uint64]uint64{3: 1, 4: 2, 5: 2}, 2, [3]uint64{3, 4, 5}, ""},
		{"read between", map[uint64]uint64{3: 1, 4: 2, 5: 1}, 2, [3]uint64{3, 5, 4}, ""},
		{"the later first", map[uint64]uint64{3: 2, 4: 1, 5: 0}, 2, [3]uint64{5, 4, 3}, ""},
		{"answers of another order than it was", map[uint64]uint64{3: 2, 4: 1, 5: 0}, 2, [3]uint64{3, 4, 5}, "LIN/answers-differ-from-model " +
			"model tally: along the committed order the first answer it refuses is that of c1#3 add one at index 1, after 0 commands it takes: 2"},
		{"both the same", map[uint64]uint64{3: 1, 4: 1, 5: 1}, 2, [3]uint64{3, 4, 5}, "LIN/not-linearizable model tally: partition 1 of 1 has no legal order; " +
			"along the committed order the first answer it refuses is that of c1#4 add one at index 2, after 1 commands it takes: 1"},
		{"forgotten", map[uint64]uint64{3: 1, 4: 2, 5: 2}, 1, [3]uint64{3, 4, 5}, "LIN/not-linearizable model tally: partition 1 of 1 has no legal order; " +
			"along the committed order the first answer it refuses is that of c2#7 read at index 4, after 3 commands it takes: 1"},
	} {
		s := app.NewSession()
		if err := s.Reset(workload.Plan{Clients: 2}); err != nil {
			t.Fatal(err)
		}
		for seq, choice := range []int64{3: 2, 4: 2, 5: 1} {
			if choice == 0 {
				continue
			}
			if _, err := s.Invoke(1, uint64(seq), choice, uint64(seq), nil); err != nil {
				t.Fatal(err)
			}
		}
		for _, seq := range []uint64{5, 3, 4} { // not as they began
			if err := s.Complete(1, seq, 10, 0, eight(tc.answers[seq])); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Invoke(2, 7, 1, 11, nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Complete(2, 7, 12, 0, eight(tc.after)); err != nil {
			t.Fatal(err)
		}
		var order []checker.Execution
		for i, seq := range tc.order {
			order = append(order, checker.Execution{Client: 1, Seq: seq, Index: uint64(i + 1)})
		}
		j := s.Judge(append(order, checker.Execution{Client: 2, Seq: 7, Index: 4}), 10_000)
		if j.Contradiction != "" || j.Broken != "" || j.Inconclusive > 0 || j.Stages.OperationsJudged != 4 {
			t.Errorf("%s: %+v", tc.name, j)
		}
		got := ""
		for _, v := range j.Violations {
			got += v.Signature() + " " + v.Detail
		}
		if got != tc.want {
			t.Errorf("%s:\n%s\nwant:\n%s", tc.name, got, tc.want)
		}
		for seq, want := range map[uint64]string{3: "c1#3 add one", 5: "c1#5 read", 6: "c1#6", 2: "c1#2"} {
			if got := string(s.Describe(nil, 1, seq)); got != want {
				t.Errorf("%s: described as %q, want %q", tc.name, got, want)
			}
		}
		if got := s.Operations(); got != (workload.Operations{Invoked: 4, Completed: 4}) {
			t.Errorf("%s: %+v", tc.name, got)
		}
	}
}

// An answer to what was never asked, and one that the application cannot read, are errors, whatever else is under way.
func TestCustomAnswersThatMakeNoSense(t *testing.T) {
	s := tallyApplication().NewSession()
	if err := s.Reset(workload.Plan{Clients: 2}); err != nil {
		t.Fatal(err)
	}
	for seq := uint64(2); seq <= 6; seq += 2 {
		for id := uint64(1); id <= 2; id++ {
			if _, err := s.Invoke(id, seq, 2, seq, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tc := range []struct {
		id, seq uint64
		result  []byte
		want    string
	}{
		{1, 4, eight(1), ""}, {2, 2, eight(2), ""}, {1, 2, eight(3), ""}, {2, 6, eight(4), ""},
		{1, 3, eight(1), "never invoked"}, {1, 7, eight(1), "never invoked"}, {1, 1, eight(1), "never invoked"}, {3, 2, eight(1), "never invoked"},
		{99, 2, eight(1), "never invoked"}, {0, 2, eight(1), "never invoked"}, {1, 6, []byte("no"), "want 8 bytes"}, {2, 4, nil, "want 8 bytes"},
	} {
		err := s.Complete(tc.id, tc.seq, 20, 0, tc.result)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("c%d#%d answered with %x: %v, want %q", tc.id, tc.seq, tc.result, err, tc.want)
		}
	}
	for _, choice := range []int64{-1, 0, 4, 1 << 40} {
		if _, err := s.Invoke(1, 8, choice, 30, nil); err == nil {
			t.Errorf("choice %d is accepted", choice)
		}
	}
}

// Everything of a user's own goes through the log, is drawn by its weight, prints and parses, and a run ends with a write and one of each.
func TestCustomChoices(t *testing.T) {
	app := tallyApplication()
	s := app.NewSession()
	if err := s.Reset(workload.Plan{Clients: 2, Reads: workload.Reads{Leader: 1}}); err != nil {
		t.Fatal(err)
	}
	var count [4]int
	for i := range uint64(4000) {
		w := sim.KeyedWords(i, sim.Key{})
		count[s.Draw(&w)]++
	}
	if count[1] < 800 || count[1] > 1200 || count[2] < 2800 || count[3] > 0 {
		t.Errorf("drawn %v times, with weights 1, 3 and 0", count[1:])
	}
	for choice, text := range []string{"", "read", "add one", "never"} {
		if choice == 0 {
			continue
		}
		c := int64(choice)
		if got := string(app.AppendChoice(nil, c)); got != text || app.CheckChoice(workload.Plan{}, c) != nil || s.Read(c) != client.ReadLog {
			t.Errorf("choice %d prints as %q, want %q", c, got, text)
		}
		if back, err := app.ParseChoice(text); err != nil || back != c {
			t.Errorf("%q reads back as %d, %v", text, back, err)
		}
	}
	for _, text := range []string{"", "add", "add one ", "none", "Read"} {
		if c, err := app.ParseChoice(text); err == nil {
			t.Errorf("%q is read as %d", text, c)
		}
	}
	var finals []int64
	for k := uint64(0); ; k++ {
		c, ok := s.Final(1, k)
		if !ok {
			break
		}
		finals = append(finals, c)
	}
	if want := []int64{2, 1, 2, 3}; !slices.Equal(finals, want) {
		t.Errorf("a run ends with %v, want %v", finals, want)
	}
	if s.Asked(1, 1) != client.ReadLog {
		t.Error("a read outside the log")
	}
	s.Abandon(1, 1, 1)
	s.ClocksBroken()
	if got := s.Operations().Abandoned; got != 1 {
		t.Errorf("%d abandoned", got)
	}
}

// An application that lacks something is refused before any run, and the error says what.
func TestIncompleteApplications(t *testing.T) {
	for _, tc := range []struct {
		what   string
		change func(*workload.Custom)
		want   string
	}{
		{"nothing", func(*workload.Custom) {}, "<nil>"},
		{"everything", func(a *workload.Custom) { *a = workload.Custom{} }, "the application needs an AppName"},
		{"no name", func(a *workload.Custom) { a.AppName = "" }, "the application needs an AppName"},
		{"two words", func(a *workload.Custom) { a.AppName = "my app" }, `AppName "my app" is not one word of letters, digits, '-', '_' and '.'`},
		{"no machine", func(a *workload.Custom) { a.Machine = nil }, `application "tally" needs a Machine`},
		{"no model", func(a *workload.Custom) { a.Model = nil }, `application "tally" needs a Model`},
		{"an empty model", func(a *workload.Custom) { a.Model = checker.PorcupineModel("none", porcupine.Model{}) },
			`application "tally": model "none" needs Init and Step or StepContext`},
		{"no choice", func(a *workload.Custom) { a.Choices = nil }, `application "tally" needs Choices`},
		{"no write", func(a *workload.Custom) { a.Choices[1].Write = false },
			`application "tally" needs a choice with Write: a run ends with a write by every client`},
		{"no weight", func(a *workload.Custom) { a.Choices[0].Weight, a.Choices[1].Weight = 0, 0 }, `application "tally" needs a choice with a Weight above 0`},
		{"too much weight", func(a *workload.Custom) { a.Choices[0].Weight, a.Choices[1].Weight = 1<<63, 1<<63 },
			`the weights of the choices of application "tally" add up to more than 64 bits hold`},
		{"no text", func(a *workload.Custom) { a.Choices[2].Text = "" }, `choice 3 of application "tally" needs a Text`},
		{"no command", func(a *workload.Custom) { a.Choices[0].Command = nil }, `choice 1 of application "tally" ("read") needs a Command`},
		{"no output", func(a *workload.Custom) { a.Choices[1].Output = nil }, `choice 2 of application "tally" ("add one") needs an Output`},
		{"the same twice", func(a *workload.Custom) { a.Choices[2].Text = "read" }, `choices 1 and 3 of application "tally" have the same Text, "read"`},
	} {
		app := tallyApplication()
		tc.change(app)
		for _, err := range []error{app.Validate(), app.NewSession().Reset(workload.Plan{Clients: 1})} {
			if got := fmt.Sprint(err); got != tc.want {
				t.Errorf("%s: %s, want %s", tc.what, got, tc.want)
			}
		}
	}
	for _, text := range []string{" add", "add ", "a\nb", "a\tb", "add after all", "a // b", "//", "\x7f"} {
		app := tallyApplication()
		app.Choices[2].Text = text
		if err := app.Validate(); err == nil || !strings.HasPrefix(err.Error(), "choice 3 of application \"tally\" has a Text that a line of a seed file cannot carry") {
			t.Errorf("text %q: %v", text, err)
		}
	}
	for want, machine := range map[string]func() statemachine.StateMachine{
		`function Machine of application "tally" returned nil`:        func() statemachine.StateMachine { return nil },
		`function Machine of application "tally" panicked: not today`: func() statemachine.StateMachine { panic("not today") },
	} {
		app := tallyApplication()
		app.Machine = machine
		if err := app.Validate(); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := (*workload.Custom)(nil).Validate(); err == nil {
		t.Error("no application at all is whole")
	}
}

// A text that is taken prints as a line of a seed file, and parses back.
func TestChoiceTextsRoundTrip(t *testing.T) {
	for _, text := range []string{"add", "after", "a=b", "put k1 = 3", "calm", "größer", "a ~b #3", "-- x --"} {
		app := tallyApplication()
		app.Choices[2].Text = text
		if err := app.Validate(); err != nil {
			t.Fatal(err)
		}
		v, err := sim.NewVocabulary([]sim.ProcName{{Prefix: "c", First: 1, Last: 9}}, workload.Specs(app)...)
		if err != nil {
			t.Fatal(err)
		}
		d := sim.Disturbance{Key: sim.MakeKey(workload.PurposeOperation, sim.Subject{A: 1, Epoch: 3}), Value: sim.Value{N: 3, For: 5}}
		if back, err := v.ParseLine(v.Line(d)); err != nil || back != d {
			t.Errorf("%s: reads back as %+v, %v", v.Line(d), back, err)
		}
	}
}

// An addition that nobody heard of stands between an answer and the beginning. Where it is known what the machine answered it, a later
// answer that is not the model's is the machine's fault; where not, a model may be in another state, and only the search counts.
func TestCustomAnswersNobodyHeard(t *testing.T) {
	for _, tc := range []struct {
		name   string
		known  []byte // what c1#3 was answered when it was executed; nil: not known
		after  uint64 // what c2 reads
		budget uint64
		want   string
	}{
		{"as it was", eight(1), 1, 100, ""},
		{"known, and it counts", eight(1), 0, 100, "LIN/answers-differ-from-model: c2#3 read at index 2, after 1 commands it takes: 0"},
		{"known, and wrong itself", eight(7), 1, 100, "LIN/answers-differ-from-model: c1#3 add one at index 1, after 0 commands it takes: 7 (no client heard it)"},
		{"not known: another order explains it", nil, 0, 100, ""},
		{"not known, and too long to search", nil, 0, 0, "undecided: c2#3 read at index 2, after 1 commands it takes: 0; " +
			"behind answers that nobody knows, so it may be in another state than the machine was"},
		{"unreadable", []byte("no"), 0, 100, ""},
		{"not known: no order explains it", nil, 5, 100, "LIN/not-linearizable: c2#3 read at index 2, after 1 commands it takes: 5; " +
			"behind answers that nobody knows, so it may be in another state than the machine was"},
	} {
		s := tallyApplication().NewSession()
		if err := s.Reset(workload.Plan{Clients: 2}); err != nil {
			t.Fatal(err)
		}
		for id, choice := range []int64{1: 2, 2: 1} {
			if choice == 0 {
				continue
			}
			if _, err := s.Invoke(uint64(id), 3, choice, 1, nil); err != nil {
				t.Fatal(err)
			}
		}
		s.Abandon(1, 3, 2)
		if tc.known != nil {
			s.(workload.Executor).Executed(1, 3, tc.known)
			s.(workload.Executor).Executed(1, 3, eight(99)) // a replica that differs is the business of others
			s.(workload.Executor).Executed(1, 4, eight(99)) // nobody asked for it
		}
		s.(workload.Executor).Executed(2, 3, eight(tc.after))
		if err := s.Complete(2, 3, 9, 0, eight(tc.after)); err != nil {
			t.Fatal(err)
		}
		j := s.Judge([]checker.Execution{{Client: 1, Seq: 3, Index: 1}, {Client: 2, Seq: 3, Index: 2}}, tc.budget)
		got := ""
		for _, v := range j.Violations {
			got += v.Signature() + " " + v.Detail
		}
		if j.Inconclusive > 0 {
			got += "undecided " + j.Undecided
		}
		if before, rest, ok := strings.Cut(got, "the first answer it refuses is that of "); ok {
			got = strings.Fields(before)[0] + ": " + rest
		}
		if got != tc.want || j.Broken != "" {
			t.Errorf("%s:\n%s %s\nwant:\n%s", tc.name, got, j.Broken, tc.want)
		}
	}
}

// The state machine answers one thing and a client is told another: both are named.
func TestCustomAnswerIsNotTheMachines(t *testing.T) {
	s := tallyApplication().NewSession()
	if err := s.Reset(workload.Plan{Clients: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Invoke(1, 2, 2, 1, nil); err != nil {
		t.Fatal(err)
	}
	s.(workload.Executor).Executed(1, 2, eight(1))
	if err := s.Complete(1, 2, 9, 0, eight(4)); err != nil {
		t.Fatal(err)
	}
	j := s.Judge([]checker.Execution{{Client: 1, Seq: 2, Index: 1}}, 100)
	if len(j.Violations) != 1 || !strings.HasSuffix(j.Violations[0].Detail, "0 commands it takes: 4 (the machine had answered 1)") || j.Violations[0].Step != 9 {
		t.Errorf("%+v", j)
	}
	if got := string(s.(workload.Interpreter).Interpret(nil, 1, 2, eight(4))); got != "4" {
		t.Errorf("an answer in words: %q", got)
	}
}

// What the application's own functions cannot do is told as their fault.
func TestCustomCodeThatPanics(t *testing.T) {
	app := tallyApplication()
	app.Choices[0].Command = func([]byte, uint64, uint64) ([]byte, any) { panic("no command") }
	app.Choices[1].Output = func([]byte) (any, error) { panic("no output") }
	s := app.NewSession()
	if err := s.Reset(workload.Plan{Clients: 1}); err != nil {
		t.Fatal(err)
	}
	var broken *workload.ApplicationError
	if _, err := s.Invoke(1, 2, 1, 1, nil); !errors.As(err, &broken) || broken.Problem != `Command of choice "read" panicked: no command` {
		t.Errorf("%v", err)
	}
	if _, err := s.Invoke(1, 2, 2, 1, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Complete(1, 2, 9, 0, eight(4)); !errors.As(err, &broken) || broken.Problem != `Output of choice "add one" panicked: no output` {
		t.Errorf("%v", err)
	}
	// A model whose Equal is wrong contradicts itself: what it takes in the committed order it says has no order.
	app = tallyApplication()
	app.Model = contradictory{app.Model.(checker.Explainer)}
	if s = app.NewSession(); s.Reset(workload.Plan{Clients: 1}) != nil {
		t.Fatal("not reset")
	}
	if j := s.Judge(nil, 100); !strings.Contains(j.Broken, "its model tally contradicts itself") || j.Contradiction != "" {
		t.Errorf("%+v", j)
	}
	app.Model = panicking{}
	if s = app.NewSession(); s.Reset(workload.Plan{Clients: 1}) != nil {
		t.Fatal("not reset")
	}
	if j := s.Judge(nil, 100); j.Broken != "its model panicking failed: it panicked: no idea" {
		t.Errorf("%+v", j)
	}
}

type contradictory struct{ checker.Explainer }

func (contradictory) Check([]checker.GenericOperation, uint64) checker.ModelReport {
	return checker.ModelReport{Verdict: checker.NotLinearizable, Partitions: 1}
}

type panicking struct{}

func (panicking) Name() string { return "panicking" }

func (panicking) Check([]checker.GenericOperation, uint64) checker.ModelReport { panic("no idea") }
