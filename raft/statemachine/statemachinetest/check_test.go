package statemachinetest

import (
	"encoding/binary"
	"flag"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

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
		{"writes to the command", func() statemachine.StateMachine { return new(writesCommand) }, "wrote to the command"},
		{"ignores dst", func() statemachine.StateMachine { return new(ignoresDst) }, "changed what dst held"},
		{"overwrites dst", func() statemachine.StateMachine { return new(overwritesDst) }, "changed what dst held"},
		{"counts its hashes in the hash", func() statemachine.StateMachine { return new(impureHash) }, "Hash called twice"},
		{"counts its hashes in the state", func() statemachine.StateMachine { return new(hashMoves) }, "on two instances"},
		{"answers who it is", func() statemachine.StateMachine { made++; return &numbered{id: made} }, "on two instances"},
		{"hashes who it is", func() statemachine.StateMachine { made++; return &numberedHash{id: made} }, "two new instances"},
		{"shares state", func() statemachine.StateMachine { return shared{common} }, "on two instances"},
		{"panics on short bytes", func() statemachine.StateMachine { return new(panics) }, "panicked"},
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

	// The failures below are meant: no files about them, no long search for shorter ones.
	for _, setting := range [][2]string{{"rapid.nofailfile", "true"}, {"rapid.shrinktime", "50ms"}} {
		if err := flag.Set(setting[0], setting[1]); err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range badMachines() {
		r := &recorder{TB: t}
		r.run(func(r *recorder) { Check(r, bad.new, commands) })
		if !r.failed {
			t.Errorf("a machine that %s passes", bad.name)
		}
	}
}
