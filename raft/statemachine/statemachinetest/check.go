// Package statemachinetest checks a statemachine.StateMachine against the contract of that interface, and of Snapshotter and Reader
// if it is one.
//
// What it finds: results or hashes that depend on more than the state and the command (time, chance, addresses, the index on
// one instance, state shared between instances), a command or dst that is kept or written to, a dst that is not appended
// to, a Hash, a snapshot or a query that changes the state, a snapshot that leaves something out, a Restore that leaves
// something behind or keeps its bytes, a panic on bytes that are no command, query or snapshot. Dependence on map order is found
// with the probability that two ranges differ.
//
// What it cannot find: a Hash that ignores part of the state, or a Hash or snapshot that depends on how the state came about in
// ways that a restored instance inherits. Test that against a slow twin of the machine.
package statemachinetest

import (
	"bytes"
	"fmt"

	"pgregory.net/rapid"

	"raftsim/raft/statemachine"
)

// Check runs random sequences of commands against instances made by new and fails t with the shortest one found that breaks
// the contract. commands draws one command, queries one query for a Reader (none: the commands serve as queries); one in eight of
// either is damaged before use. t is a *testing.T.
func Check(t rapid.TB, new func() statemachine.StateMachine, commands func(*rapid.T) []byte, queries ...func(*rapid.T) []byte) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) {
		list := drawList(rt, commands, "commands")
		var asked [][]byte
		for _, q := range queries {
			asked = append(asked, drawList(rt, q, "queries")...)
		}
		if err := Verify(new, list, asked...); err != nil {
			rt.Fatal(err)
		}
	})
}

func drawList(rt *rapid.T, draw func(*rapid.T) []byte, label string) [][]byte {
	return rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) []byte { return drawDamaged(rt, draw) }), 1, 40).Draw(rt, label)
}

func drawDamaged(rt *rapid.T, draw func(*rapid.T) []byte) []byte {
	command := bytes.Clone(draw(rt))
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
// gets what a busy server would give it: one buffer for all commands and one for all results, overwritten after each call, Hash
// called and queries asked at any time. Both hear of log time before each command if they are Timed. A Snapshotter is also carried on from instance to instance after every command. A last
// one replays everything at the end, as a restarted replica would, with Hash called only then.
func Verify(new func() statemachine.StateMachine, commands [][]byte, queries ...[]byte) error {
	v := verification{calm: new(), rough: new(), queries: queries}
	if len(queries) == 0 {
		v.queries = commands
	}
	if a, b := v.calm.Hash(), v.rough.Hash(); a != b {
		return fmt.Errorf("two new instances have hashes %016x and %016x", a, b)
	}
	if _, ok := v.calm.(statemachine.Snapshotter); ok {
		v.relay = &relay{machine: new(), spare: new()}
	}
	for i := range 2 * len(commands) {
		command := commands[i%len(commands)]
		if err := v.step(i, command); err != nil {
			return fmt.Errorf("command %d %x: %w", i, command, err)
		}
	}
	return verifyReplay(new(), v.calm.Hash(), commands, v.results)
}

type verification struct {
	calm, rough statemachine.StateMachine
	relay       *relay // nil if there are no snapshots
	queries     [][]byte
	results     [][]byte

	commandBuf, resultBuf []byte
}

func (v *verification) step(i int, command []byte) error {
	index := uint64(i + 1)
	want, err := applyCalm(v.calm, index, command)
	if err != nil {
		return err
	}
	v.results = append(v.results, want)

	pass(v.rough, index)
	v.commandBuf = append(v.commandBuf[:0], command...)
	got, err := rough("Apply", v.commandBuf, &v.resultBuf, func(command, dst []byte) []byte { return v.rough.Apply(index, command, dst) })
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("results %x and %x on two instances; the second one's buffers for commands and results are reused", want, got)
	}
	a := v.calm.Hash()
	if b := v.rough.Hash(); a != b {
		return fmt.Errorf("hashes %016x and %016x on two instances", a, b)
	}
	if again := v.calm.Hash(); again != a {
		return fmt.Errorf("a hash asked for twice is %016x, then %016x", a, again)
	}
	if err := v.query(v.queries[i%len(v.queries)], a); err != nil {
		return err
	}
	if v.relay != nil {
		return v.relay.step(index, command, want, a, v.calm, v.rough)
	}
	return nil
}

// query asks both instances, the rough one twice, and demands the same answer and an unchanged hash.
func (v *verification) query(query []byte, hash uint64) error {
	reader, ok := v.rough.(statemachine.Reader)
	if !ok {
		return nil
	}
	v.commandBuf = append(v.commandBuf[:0], query...)
	got, err := rough("Query", v.commandBuf, &v.resultBuf, reader.Query)
	if err != nil {
		return fmt.Errorf("then query %x: %w", query, err)
	}
	for _, m := range []statemachine.StateMachine{v.rough, v.calm} {
		again, err := call("Query", bytes.Clone(query), nil, m.(statemachine.Reader).Query)
		if err != nil {
			return fmt.Errorf("then query %x: %w", query, err)
		}
		if !bytes.Equal(got, again) {
			return fmt.Errorf("then query %x: answers %x and %x", query, got, again)
		}
		if after := m.Hash(); after != hash {
			return fmt.Errorf("then query %x: it changed the hash from %016x to %016x", query, hash, after)
		}
	}
	return nil
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

// pass lets log time go on before the command at index: one step each, and a hundred at every seventh.
func pass(m statemachine.StateMachine, index uint64) {
	if timed, ok := m.(statemachine.Timed); ok {
		timed.Advance(int64(index + index/7*100))
	}
}

// applyCalm gives the machine private copies and returns a private copy of the result.
func applyCalm(m statemachine.StateMachine, index uint64, command []byte) (result []byte, err error) {
	pass(m, index)
	out, err := call("Apply", bytes.Clone(command), nil, func(command, dst []byte) []byte { return m.Apply(index, command, dst) })
	return bytes.Clone(out), err
}

// rough lets a method append to a dst that has a past and room to grow, overwrites both buffers afterwards, and keeps buf's for
// the next call.
func rough(name string, in []byte, buf *[]byte, method func(in, dst []byte) []byte) (result []byte, err error) {
	const before = "before"
	original := bytes.Clone(in)
	dst := append((*buf)[:0], before...)
	out, err := call(name, in, dst, method)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(out, []byte(before)) {
		return nil, fmt.Errorf("result: %s changed what dst held: %q became %q", name, before, out)
	}
	if !bytes.Equal(in, original) {
		return nil, fmt.Errorf("%s wrote to its input: %x", name, in)
	}
	*buf = out
	result = bytes.Clone(out[len(before):])
	poison(in)
	poison(out)
	return result, nil
}

// call turns a panic of the machine into an error.
func call(name string, in, dst []byte, method func(in, dst []byte) []byte) (result []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("machine: %s panicked: %v", name, p)
		}
	}()
	return method(in, dst), nil
}

// poison overwrites the whole buffer, also what lies behind its length.
func poison(b []byte) {
	b = b[:cap(b)]
	for i := range b {
		b[i] = 0xa5
	}
}
