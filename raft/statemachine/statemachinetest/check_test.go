package statemachinetest

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"raftsim/internal/fixed"
	"raftsim/raft/statemachine"
)

// register is a well-behaved machine: any command replaces its content and answers the old one; an empty command reads.
type register struct {
	content []byte
	sum     uint64
}

func (m *register) Apply(_ uint64, command, dst []byte) []byte {
	dst = append(dst, m.content...)
	if len(command) > 0 {
		m.set(command)
	}
	return dst
}

func (m *register) set(content []byte) {
	m.content = append(m.content[:0], content...)
	m.sum = 0
	for _, b := range m.content {
		m.sum = m.sum*31 + uint64(b) + 1
	}
}

func (m *register) Hash() uint64 { return m.sum }

func newRegister() statemachine.StateMachine { return new(register) }

// The bad machines differ from register in one point each.

type keepsCommand struct{ register }

func (m *keepsCommand) Apply(_ uint64, command, dst []byte) []byte {
	dst = append(dst, m.content...)
	if len(command) > 0 {
		m.set(command)
		m.content = command
	}
	return dst
}

type keepsResult struct {
	register
	last []byte
}

func (m *keepsResult) Apply(index uint64, command, dst []byte) []byte {
	start := len(dst)
	dst = append(dst, m.last...)
	dst = m.register.Apply(index, command, dst)
	m.last = dst[start:]
	if len(m.last) > 4 {
		m.last = m.last[:4]
	}
	return dst
}

type writesCommand struct{ register }

func (m *writesCommand) Apply(index uint64, command, dst []byte) []byte {
	dst = m.register.Apply(index, command, dst)
	if len(command) > 2 {
		command[2] = 0
	}
	return dst
}

type ignoresDst struct{ register }

func (m *ignoresDst) Apply(index uint64, command, _ []byte) []byte {
	return m.register.Apply(index, command, nil)
}

type overwritesDst struct{ register }

func (m *overwritesDst) Apply(index uint64, command, dst []byte) []byte {
	if len(dst) > 0 {
		dst[0] = 'B'
	}
	return m.register.Apply(index, command, dst)
}

type impureHash struct{ register }

func (m *impureHash) Hash() uint64 {
	m.sum++
	return m.sum
}

// hashMoves gives the same hash twice in a row but lets the calls leak into the state.
type hashMoves struct {
	register
	calls uint64
}

func (m *hashMoves) Apply(index uint64, command, dst []byte) []byte {
	dst = m.register.Apply(index, command, dst)
	return binary.LittleEndian.AppendUint64(dst, m.calls)
}

func (m *hashMoves) Hash() uint64 {
	m.calls++
	return m.sum
}

// numbered stands for everything that differs from one instance to the next: a clock, an address, a seed.
type numbered struct {
	register
	id uint64
}

func (m *numbered) Apply(index uint64, command, dst []byte) []byte {
	return binary.LittleEndian.AppendUint64(m.register.Apply(index, command, dst), m.id)
}

type numberedHash struct {
	register
	id uint64
}

func (m *numberedHash) Hash() uint64 { return m.sum + m.id }

type shared struct{ *register }

type panics struct{ register }

func (m *panics) Apply(index uint64, command, dst []byte) []byte {
	_ = binary.LittleEndian.Uint16(command)
	return m.register.Apply(index, command, dst)
}

// mapOrder answers with what it knows in the order of a range over a map (A01).
type mapOrder struct {
	register
	seen map[string]bool
}

func (m *mapOrder) Apply(index uint64, command, dst []byte) []byte {
	if m.seen == nil {
		m.seen = map[string]bool{}
	}
	for i := range 8 {
		m.seen[fmt.Sprint(string(command), i)] = true
	}
	for text := range m.seen {
		dst = append(dst, text...)
	}
	return m.register.Apply(index, command, dst)
}

// good is a register with snapshots and queries; a query is answered with itself and the content.
type good struct{ register }

func (m *good) AppendSnapshot(dst []byte) []byte {
	return append(append(dst, byte(len(m.content))), m.content...)
}

var errSnapshot = errors.New("not a snapshot")

func (m *good) Restore(b []byte) error {
	if len(b) == 0 || int(b[0]) != len(b)-1 {
		return errSnapshot
	}
	m.set(b[1:])
	return nil
}

func (m *good) Query(query, dst []byte) []byte { return append(append(dst, query...), m.content...) }

func newGood() statemachine.StateMachine { return new(good) }

// The bad ones below differ from good in one point each.

type keepsSnapshot struct{ good }

func (m *keepsSnapshot) Restore(b []byte) error {
	if err := m.good.Restore(b); err != nil {
		return err
	}
	m.content = b[1:]
	return nil
}

type writesSnapshot struct{ good }

func (m *writesSnapshot) Restore(b []byte) error {
	if err := m.good.Restore(b); err != nil {
		return err
	}
	b[0] ^= 1
	return nil
}

type ignoresSnapshotDst struct{ good }

func (m *ignoresSnapshotDst) AppendSnapshot([]byte) []byte { return m.good.AppendSnapshot(nil) }

// forgetsTime answers the log time, which it leaves out of its snapshots.
type forgetsTime struct {
	good
	now int64
}

func (m *forgetsTime) Advance(now int64) { m.now += now % 100 } // made of all the times there were

func (m *forgetsTime) Apply(index uint64, command, dst []byte) []byte {
	return binary.LittleEndian.AppendUint64(m.good.Apply(index, command, dst), uint64(m.now))
}

// snapshotMoves counts its snapshots in the state.
type snapshotMoves struct{ good }

func (m *snapshotMoves) AppendSnapshot(dst []byte) []byte {
	dst = m.good.AppendSnapshot(dst)
	m.sum++
	return dst
}

// forgetsInSnapshot leaves out something that later results depend on, but neither the hash nor the snapshot.
type forgetsInSnapshot struct {
	good
	commands byte
}

func (m *forgetsInSnapshot) Apply(index uint64, command, dst []byte) []byte {
	m.commands++
	return append(m.good.Apply(index, command, dst), m.commands)
}

// forgetsHash restores the content and not the hash.
type forgetsHash struct{ good }

func (m *forgetsHash) Restore(b []byte) error {
	sum := m.sum
	err := m.good.Restore(b)
	m.sum = sum
	return err
}

// leavesBehind keeps the end of what the instance held before if it was longer.
type leavesBehind struct{ good }

func (m *leavesBehind) Restore(b []byte) error {
	if len(b) == 0 || int(b[0]) != len(b)-1 {
		return errSnapshot
	}
	content := slices.Clone(m.content)
	copy(content, b[1:])
	if len(b)-1 > len(content) {
		content = b[1:]
	}
	m.set(content)
	return nil
}

// restoresHalf changes the state before it knows that the bytes are good.
type restoresHalf struct{ good }

func (m *restoresHalf) Restore(b []byte) error {
	m.set(nil)
	return m.good.Restore(b)
}

type panicsOnSnapshot struct{ good }

func (m *panicsOnSnapshot) Restore(b []byte) error {
	m.set(b[1:])
	return nil
}

// numberedSnapshot makes different bytes of equal states.
type numberedSnapshot struct {
	good
	id byte
}

func (m *numberedSnapshot) AppendSnapshot(dst []byte) []byte {
	return append(m.good.AppendSnapshot(dst), m.id)
}

func (m *numberedSnapshot) Restore(b []byte) error { return m.good.Restore(b[:max(len(b), 1)-1]) }

type queryWrites struct{ good }

func (m *queryWrites) Query(query, dst []byte) []byte {
	dst = m.good.Query(query, dst)
	m.set(query)
	return dst
}

// queryMoves lets queries leak into the state past the hash.
type queryMoves struct {
	good
	calls byte
}

func (m *queryMoves) Query(query, dst []byte) []byte {
	m.calls++
	return m.good.Query(query, append(dst, m.calls))
}

type queryIgnoresDst struct{ good }

func (m *queryIgnoresDst) Query(query, _ []byte) []byte { return m.good.Query(query, nil) }

type queryPanics struct{ good }

func (m *queryPanics) Query(query, dst []byte) []byte { return append(dst, query[0]) }

// badMachines lists them with words that the report must contain.
func badMachines() []struct {
	name string
	new  func() statemachine.StateMachine
	want string
} {
	var made uint64
	common := new(register)
	return []struct {
		name string
		new  func() statemachine.StateMachine
		want string
	}{
		{"keeps the command", func() statemachine.StateMachine { return new(keepsCommand) }, "on two instances"},
		{"keeps the result", func() statemachine.StateMachine { return new(keepsResult) }, "on two instances"},
		{"writes to the command", func() statemachine.StateMachine { return new(writesCommand) }, "wrote to its input"},
		{"ignores dst", func() statemachine.StateMachine { return new(ignoresDst) }, "changed what dst held"},
		{"overwrites dst", func() statemachine.StateMachine { return new(overwritesDst) }, "changed what dst held"},
		{"counts its hashes in the hash", func() statemachine.StateMachine { return new(impureHash) }, "a hash asked for twice"},
		{"counts its hashes in the state", func() statemachine.StateMachine { return new(hashMoves) }, "on two instances"},
		{"answers who it is", func() statemachine.StateMachine { made++; return &numbered{id: made} }, "on two instances"},
		{"hashes who it is", func() statemachine.StateMachine { made++; return &numberedHash{id: made} }, "two new instances"},
		{"shares state", func() statemachine.StateMachine { return shared{common} }, "on two instances"},
		{"panics on short bytes", func() statemachine.StateMachine { return new(panics) }, "panicked"},
		{"ranges over a map", func() statemachine.StateMachine { return new(mapOrder) }, "on two instances"},
		{"keeps the snapshot", func() statemachine.StateMachine { return new(keepsSnapshot) }, "restored state"},
		{"writes to the snapshot", func() statemachine.StateMachine { return new(writesSnapshot) }, "Restore wrote to it"},
		{"ignores dst in snapshots", func() statemachine.StateMachine { return new(ignoresSnapshotDst) }, "changed what dst held"},
		{"forgets the time in snapshots", func() statemachine.StateMachine { return new(forgetsTime) }, "made from a snapshot"},
		{"counts its snapshots", func() statemachine.StateMachine { return new(snapshotMoves) }, "AppendSnapshot changed the hash"},
		{"forgets a part in snapshots", func() statemachine.StateMachine { return new(forgetsInSnapshot) }, "made from a snapshot"},
		{"forgets the hash in snapshots", func() statemachine.StateMachine { return new(forgetsHash) }, "restored"},
		{"leaves something behind on restore", func() statemachine.StateMachine { return new(leavesBehind) }, "restored"},
		{"restores before it looks", func() statemachine.StateMachine { return new(restoresHalf) }, "but the state changed"},
		{"panics on bytes that are no snapshot", func() statemachine.StateMachine { return new(panicsOnSnapshot) }, "Restore panicked"},
		{"makes different snapshots of one state", func() statemachine.StateMachine { made++; return &numberedSnapshot{id: byte(made)} }, "snapshots of equal states differ"},
		{"writes in queries", func() statemachine.StateMachine { return new(queryWrites) }, "then query"},
		{"counts its queries", func() statemachine.StateMachine { return new(queryMoves) }, "then query"},
		{"ignores dst in queries", func() statemachine.StateMachine { return new(queryIgnoresDst) }, "changed what dst held"},
		{"panics on bytes that are no query", func() statemachine.StateMachine { return new(queryPanics) }, "Query panicked"},
	}
}

// sample has commands of several lengths, a read and a repetition.
func sample() [][]byte {
	return [][]byte{[]byte("hello"), nil, []byte("world"), []byte("x"), []byte("hello"), {}, []byte("longer than the others")}
}

func TestVerify(t *testing.T) {
	if err := Verify(newRegister, sample()); err != nil {
		t.Errorf("a good machine: %v", err)
	}
	if err := Verify(newGood, sample()); err != nil {
		t.Errorf("a good machine with snapshots and queries: %v", err)
	}
	if err := Verify(newGood, sample(), []byte("question"), nil); err != nil {
		t.Errorf("a good machine with queries of its own: %v", err)
	}
	for _, bad := range badMachines() {
		err := Verify(bad.new, sample())
		if err == nil {
			t.Errorf("a machine that %s passes", bad.name)
		} else if !strings.Contains(err.Error(), bad.want) {
			t.Errorf("a machine that %s: %v; want a report with %q", bad.name, err, bad.want)
		}
	}
}

// recorder takes the place of a test and notes whether it failed. A failing check ends by a panic with itself.
type recorder struct {
	testing.TB
	failed bool
	text   strings.Builder
}

func (r *recorder) Helper()                     {}
func (r *recorder) Name() string                { return "recorder" }
func (r *recorder) Logf(f string, a ...any)     { fmt.Fprintf(&r.text, f+"\n", a...) }
func (r *recorder) Errorf(f string, a ...any)   { r.failed = true; r.Logf(f, a...) }
func (r *recorder) Fatalf(f string, a ...any)   { r.Errorf(f, a...); panic(r) }
func (r *recorder) FailNow()                    { r.failed = true; panic(r) }
func (r *recorder) Fail()                       { r.failed = true }
func (r *recorder) Failed() bool                { return r.failed }
func (r *recorder) run(check func(t *recorder)) { defer r.stop(); check(r) }
func (r *recorder) stop() {
	if p := recover(); p != nil && p != any(r) {
		panic(p)
	}
}

func TestCheck(t *testing.T) {
	commands := func(rt *rapid.T) []byte { return rapid.SliceOfN(rapid.Byte(), 0, 6).Draw(rt, "command") }
	Check(t, newRegister, commands)
	Check(t, newGood, commands)
	Check(t, newGood, commands, commands)

	// The failures below are meant: no files about them, no long search for shorter ones.
	for _, setting := range [][2]string{{"rapid.nofailfile", "true"}, {"rapid.shrinktime", "50ms"}} {
		if err := flag.Set(setting[0], setting[1]); err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range badMachines() {
		r := &recorder{TB: t}
		r.run(func(r *recorder) { fixed.Draws(100, func() { Check(r, bad.new, commands) }) })
		if !r.failed {
			t.Errorf("a machine that %s passes", bad.name)
		}
	}
}
