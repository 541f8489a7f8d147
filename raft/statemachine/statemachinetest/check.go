// Package statemachinetest checks a statemachine.StateMachine against the contract of that interface.
//
// What it finds: results or hashes that depend on more than the state and the command (time, chance, addresses, the index on
// one instance, state shared between instances), a command or dst that is kept or written to, a dst that is not appended
// to, a Hash that changes the state or itself, a panic on bytes that are no command. Dependence on map order is found with
// the probability that two ranges differ.
//
// What it cannot find: a Hash that ignores part of the state, or that depends on how the state came about. Test that against a
// slow twin of the machine.
package statemachinetest

import (
	"bytes"
	"fmt"

	"pgregory.net/rapid"

	"raftsim/raft/statemachine"
)

// Check runs random sequences of commands against instances made by new and fails t with the shortest one found that breaks
// the contract. commands draws one command; one in eight is damaged before use. t is a *testing.T.
func Check(t rapid.TB, new func() statemachine.StateMachine, commands func(*rapid.T) []byte) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) {
		list := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) []byte {
			return drawCommand(rt, commands)
		}), 1, 40).Draw(rt, "commands")
		if err := Verify(new, list); err != nil {
			rt.Fatal(err)
		}
	})
}

func drawCommand(rt *rapid.T, commands func(*rapid.T) []byte) []byte {
	command := bytes.Clone(commands(rt))
	if rapid.IntRange(0, 7).Draw(rt, "damage") != 7 {
		return command
	}
	if len(command) == 0 || rapid.Bool().Draw(rt, "longer") {
		return append(command, rapid.SliceOfN(rapid.Byte(), 1, 9).Draw(rt, "tail")...)
	}
	at := rapid.IntRange(0, len(command)-1).Draw(rt, "at")
	if rapid.Bool().Draw(rt, "cut") {
		return command[:at]
	}
	command[at] ^= rapid.ByteRange(1, 255).Draw(rt, "flip")
	return command
}

// Verify applies the commands, twice over so that what reads follows what writes, and returns the first breach of the contract.
//
// One instance is treated well: its own copy of each command, its own dst, both left alone. A second one, applied in step,
// gets what a busy server would give it: one buffer for all commands and one for all results, overwritten after each call, and Hash
// called at any time. A third replays everything at the end, as a restarted replica would, with Hash called only then.
func Verify(new func() statemachine.StateMachine, commands [][]byte) error {
	calm, rough := new(), new()
	if a, b := calm.Hash(), rough.Hash(); a != b {
		return fmt.Errorf("two new instances have hashes %016x and %016x", a, b)
	}
	var results [][]byte
	var commandBuf, resultBuf []byte
	for i := range 2 * len(commands) {
		command := commands[i%len(commands)]
		index := uint64(i + 1)

		want, err := applyCalm(calm, index, command)
		if err != nil {
			return fmt.Errorf("command %d %x: %w", i, command, err)
		}
		results = append(results, want)

		commandBuf = append(commandBuf[:0], command...)
		got, err := applyRough(rough, index, commandBuf, &resultBuf)
		if err != nil {
			return fmt.Errorf("command %d %x: %w", i, command, err)
		}
		if !bytes.Equal(commandBuf, command) {
			return fmt.Errorf("command %d %x: Apply wrote to the command: %x", i, command, commandBuf)
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("command %d %x: results %x and %x on two instances; the second one's buffers for commands and results are reused",
				i, command, want, got)
		}
		poison(commandBuf)
		poison(resultBuf)
		a := calm.Hash()
		if b := rough.Hash(); a != b {
			return fmt.Errorf("command %d %x: hashes %016x and %016x on two instances", i, command, a, b)
		}
		if again := calm.Hash(); again != a {
			return fmt.Errorf("command %d %x: Hash called twice gives %016x, then %016x", i, command, a, again)
		}
	}
	return verifyReplay(new(), calm.Hash(), commands, results)
}

func verifyReplay(replay statemachine.StateMachine, hash uint64, commands, results [][]byte) error {
	for i, want := range results {
		command := commands[i%len(commands)]
		got, err := applyCalm(replay, uint64(i+1), command)
		if err != nil {
			return fmt.Errorf("command %d %x, replayed: %w", i, command, err)
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("command %d %x: result %x, replayed on a new instance %x", i, command, want, got)
		}
	}
	if got := replay.Hash(); got != hash {
		return fmt.Errorf("hash %016x, replayed on a new instance %016x", hash, got)
	}
	return nil
}

// applyCalm gives the machine private copies and returns a private copy of the result.
func applyCalm(m statemachine.StateMachine, index uint64, command []byte) (result []byte, err error) {
	out, err := apply(m, index, bytes.Clone(command), nil)
	return bytes.Clone(out), err
}

// applyRough appends to a dst that has a past and room to grow, and keeps the buffer for the next call.
func applyRough(m statemachine.StateMachine, index uint64, command []byte, buf *[]byte) (result []byte, err error) {
	const before = "before"
	dst := append((*buf)[:0], before...)
	out, err := apply(m, index, command, dst)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(out, []byte(before)) {
		return nil, fmt.Errorf("result: Apply changed what dst held: %q became %q", before, out)
	}
	*buf = out
	return bytes.Clone(out[len(before):]), nil
}

// apply turns a panic of the machine into an error.
func apply(m statemachine.StateMachine, index uint64, command, dst []byte) (result []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("machine: Apply panicked: %v", p)
		}
	}()
	return m.Apply(index, command, dst), nil
}

// poison overwrites the whole buffer, also what lies behind its length.
func poison(b []byte) {
	b = b[:cap(b)]
	for i := range b {
		b[i] = 0xa5
	}
}
