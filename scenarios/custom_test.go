package scenarios_test

import (
	"encoding/binary"
	"errors"
	"testing"

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
			if r.Signature == "LIN/not-linearizable" {
				caught++
			} else if r.Verdict == scenarios.Violation {
				t.Errorf("forgetful %v, seed %d: %v", forgetful, seed, r.Violations[0])
			}
			again, err := runner.Run(c.Explicit(r.Recorded), scenarios.RunOptions{})
			if err != nil || again.Digest != r.Digest {
				t.Errorf("seed %d: the record of the run is another run: %v", seed, err)
			}
		}
		// The committed order explains every run of the right machine; where it does not, the search may run out of steps.
		if forgetful != (caught > 0) || decided < 8 || !forgetful && decided < 15 {
			t.Errorf("forgetful %v: %d of 15 runs caught, %d decided", forgetful, caught, decided)
		}
	}
}
