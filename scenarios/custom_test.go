package scenarios_test

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"raftsim/checker"
	"raftsim/raft/statemachine"
	"raftsim/scenarios"
	"raftsim/scenarios/workload"
)

// counter is a state machine of a user's own: "+" adds one, "?" reads; both answer the value. forgetful loses every fiftieth
// addition, which no replica can tell from the others.
type counter struct {
	value, additions uint64
	forgetful        bool
}

func (c *counter) Apply(_ uint64, command, dst []byte) []byte {
	if string(command) == "+" {
		if c.additions++; !c.forgetful || c.additions%50 != 0 {
			c.value++
		}
	}
	return binary.BigEndian.AppendUint64(dst, c.value)
}

func (c *counter) Hash() uint64 { return c.value<<32 ^ c.additions }

// counterModel is what clients are promised: an addition answers one more than before, a read what is there.
func counterModel() checker.Model {
	return checker.PorcupineModel("counter", porcupine.Model{
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

func counterScenario(forgetful bool) scenarios.Scenario {
	answer := func(result []byte) (any, error) {
		if len(result) != 8 {
			return nil, errors.New("want 8 bytes")
		}
		return binary.BigEndian.Uint64(result), nil
	}
	command := func(text string) func([]byte, uint64, uint64) ([]byte, any) {
		return func(dst []byte, _, _ uint64) ([]byte, any) { return append(dst, text...), text }
	}
	return scenarios.Scenario{
		Name: "counter", Doc: "a counter instead of the map, under the faults of mixed",
		Application: &workload.Custom{
			AppName: "counter",
			Machine: func() statemachine.StateMachine { return &counter{forgetful: forgetful} },
			Choices: []workload.Choice{
				{Text: "add", Weight: 1, Write: true, Command: command("+"), Output: answer},
				{Text: "read", Weight: 1, Command: command("?"), Output: answer},
			},
			Model: counterModel(),
		},
		Make: scenarios.MakeMixed,
	}
}

// A state machine and a checker model of a user's own take the place of the map's in any scenario.
func TestOwnApplication(t *testing.T) {
	for _, forgetful := range []bool{false, true} {
		cat, err := scenarios.NewCatalogue(counterScenario(forgetful))
		if err != nil {
			t.Fatal(err)
		}
		runner := scenarios.NewRunner(cat)
		caught, decided := 0, 0
		for seed := uint64(1); seed <= 15; seed++ {
			c, err := cat.Case("counter", seed)
			if err != nil {
				t.Fatal(err)
			}
			r, err := runner.Run(c, scenarios.RunOptions{Record: true})
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != scenarios.Inconclusive {
				decided++
			}
			if r.Signature == "LIN/not-linearizable" || r.Signature == "LIN/answers-differ-from-model" {
				caught++
				if !strings.Contains(r.Violations[0].Detail, "the first answer it refuses is that of c") {
					t.Errorf("seed %d: %v", seed, r.Violations[0])
				}
			} else if r.Verdict == scenarios.Violation {
				t.Errorf("forgetful %v, seed %d: %v", forgetful, seed, r.Violations[0])
			}
			again, err := runner.Run(c.Explicit(r.Recorded), scenarios.RunOptions{})
			if err != nil || again.Digest != r.Digest {
				t.Errorf("seed %d: the record of the run is another run: %v", seed, err)
			}
		}
		// The committed order explains every run of the right machine. Of the wrong one it shows the first answer that is not the model's,
		// in every run of more than fifty additions, whether or not the search runs out of steps.
		if forgetful && caught < 8 || !forgetful && caught > 0 || decided < 15 {
			t.Errorf("forgetful %v: %d of 15 runs caught, %d decided", forgetful, caught, decided)
		}
	}
}

// What is wrong with the user's own code ends the run with one sentence that says so: it is no finding, and no failure of the harness.
func TestOwnCodeThatFails(t *testing.T) {
	for _, tc := range []struct {
		what   string
		change func(*workload.Custom)
		want   string
	}{
		{"a command no server takes", func(a *workload.Custom) {
			a.Choices[1].Command = func(dst []byte, _, _ uint64) ([]byte, any) { return append(dst, make([]byte, 2<<20)...), "?" }
		}, "application counter: c1#"},
		{"a machine that is nil", func(a *workload.Custom) {
			a.Machine = func() statemachine.StateMachine { return nil }
		}, "application counter: it made a state machine that is nil"},
		{"no machine at all", func(a *workload.Custom) {
			a.Machine = func() statemachine.StateMachine { panic("out of machines") }
		}, "application counter: making a state machine panicked: out of machines"},
		{"a command that panics", func(a *workload.Custom) {
			a.Choices[1].Command = func([]byte, uint64, uint64) ([]byte, any) { panic("no word") }
		}, `application counter: Command of choice "read" panicked: no word`},
		{"an answer that cannot be read", func(a *workload.Custom) {
			a.Choices[1].Output = func([]byte) (any, error) { panic("what?") }
		}, `application counter: Output of choice "read" panicked: what?`},
		{"a model that panics", func(a *workload.Custom) {
			a.Model = checker.PorcupineModel("lost", porcupine.Model{
				Init: func() any { return 0 }, Step: func(_, _, _ any) (bool, any) { panic("where?") },
			})
		}, "application counter: its model lost failed: checker: the model panicked: where?"},
	} {
		s := counterScenario(false)
		good := s.Application.(*workload.Custom)
		own := *good
		own.Choices = append([]workload.Choice(nil), good.Choices...)
		s.Application = &own
		cat, err := scenarios.NewCatalogue(s)
		if err != nil {
			t.Fatal(err)
		}
		c, err := cat.Case("counter", 3)
		if err != nil {
			t.Fatal(err)
		}
		c.Options.Run.Window = time.Second
		tc.change(&own) // once the catalogue has found it good
		res, err := scenarios.NewRunner(cat).Run(c, scenarios.RunOptions{})
		var failed *workload.ApplicationError
		if res != nil || !errors.As(err, &failed) || !strings.HasPrefix(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", tc.what, err, tc.want)
		}
		if tc.what == "a command no server takes" && (err == nil || !strings.HasSuffix(err.Error(), " read: a command of 2097152 bytes is more than servers take (server.Config.MaxCommand)")) {
			t.Errorf("%s: %v", tc.what, err)
		}
	}
}
