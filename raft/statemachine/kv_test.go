package statemachine_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"raftsim/raft/statemachine"
	"raftsim/raft/statemachine/statemachinetest"
)

func newKV() statemachine.StateMachine { return statemachine.NewKV() }

func TestKVContract(t *testing.T) {
	statemachinetest.Check(t, newKV, func(t *rapid.T) []byte {
		return statemachine.AppendCommand(nil, statemachine.DrawCommand(t))
	})
}

func TestKVTranscript(t *testing.T) {
	kv := statemachine.NewKV()
	var steps uint64
	for _, step := range [][2]string{
		{`get k3`, `missing #0`},
		{`cas k3 value "a" "b"`, `failed missing #0`},
		{`cas k3 missing #1 "b"`, `failed missing #0`},
		{`cas k3 missing #0 "b"`, `ok`},
		{`get k3`, `value "b"`},
		{`put k3 "c"`, `ok`},
		{`append k3 "de"`, `ok`},
		{`get k3`, `value "cde"`},
		{`cas k3 value "c" "x"`, `failed value "cde"`},
		{`cas k3 missing #0 "x"`, `failed value "cde"`},
		{`cas k3 value "cde" ""`, `ok`},
		{`get k3`, `value ""`},
		{`delete k3 #7`, `ok`},
		{`get k3`, `missing #7`},
		{`delete k3 #8`, `ok`},
		{`cas k3 missing #7 "x"`, `failed missing #8`},
		{`append k3 "new"`, `ok`},
		{`get k3`, `value "new"`},
		{`delete k4 #9`, `ok`},
		{`get k4`, `missing #9`},
		{`get k3`, `value "new"`},
	} {
		command, err := statemachine.ParseCommand(step[0])
		if err != nil {
			t.Fatal(err)
		}
		steps++
		result, err := statemachine.DecodeResult(kv.Apply(steps, statemachine.AppendCommand(nil, command), nil))
		if err != nil {
			t.Fatal(err)
		}
		if result.String() != step[1] {
			t.Errorf("%s: %s, want %s", step[0], result, step[1])
		}
	}
	if got := kv.Apply(steps+1, []byte("nonsense"), nil); string(got) != "\x05" {
		t.Errorf("nonsense: %q, want ResultInvalid", got)
	}
}

// twin is the map as one would explain it: text to text, rebuilt for every question.
type twin map[uint64]string

func (m twin) cell(key uint64) statemachine.Cell {
	text, written := m[key]
	if !written {
		return statemachine.Cell{}
	}
	r, err := statemachine.ParseResult(text)
	if err != nil {
		panic(err)
	}
	return r.Cell
}

func (m twin) apply(c statemachine.Command) string {
	seen := m.cell(c.Key)
	value := statemachine.Cell{Present: true, Value: c.Value}
	switch c.Op {
	case statemachine.OpGet:
		return seen.String()
	case statemachine.OpPut:
		m[c.Key] = value.String()
	case statemachine.OpDelete:
		m[c.Key] = statemachine.Cell{Tombstone: c.Tombstone}.String()
	case statemachine.OpCAS:
		if seen.String() != c.Expect.String() {
			return "failed " + seen.String()
		}
		m[c.Key] = value.String()
	case statemachine.OpAppend:
		m[c.Key] = statemachine.Cell{Present: true, Value: []byte(string(seen.Value) + string(c.Value))}.String()
	}
	return "ok"
}

// direct builds the twin's state in a new map by the shortest way, in the given order of keys.
func (m twin) direct(order []uint64) *statemachine.KV {
	kv := statemachine.NewKV()
	var index uint64
	for _, key := range order {
		text, written := m[key]
		if !written {
			continue
		}
		index++
		if c := m.cell(key); c.Present {
			kv.Apply(index, statemachine.AppendPut(nil, key, c.Value), nil)
		} else {
			kv.Apply(index, statemachine.AppendDelete(nil, key, c.Tombstone), nil)
		}
		if got := kv.Lookup(key).String(); got != text {
			panic(fmt.Sprintf("k%d: %s, want %s", key, got, text))
		}
	}
	return kv
}

// Results are the twin's, equal states have equal hashes whatever led to them, and a command that changes the state changes the hash.
func TestKVAgainstTwin(t *testing.T) {
	keys := []uint64{1, 2, 3, 4}
	used := statemachine.NewKV()
	rapid.Check(t, func(t *rapid.T) {
		used.Reset()
		kv, slow := used, twin{}
		if kv.Hash() != statemachine.NewKV().Hash() || kv.Len() != 0 {
			t.Fatal("a reset map is not as new")
		}
		for i, c := range rapid.SliceOfN(rapid.Custom(statemachine.DrawCommand), 1, 60).Draw(t, "commands") {
			before, hash := fmt.Sprint(slow), kv.Hash()
			want := slow.apply(c)
			got, err := statemachine.DecodeResult(kv.Apply(uint64(i+1), statemachine.AppendCommand(nil, c), nil))
			if diff := cmp.Diff(want, got.String()); err != nil || diff != "" {
				t.Fatalf("command %d, %v: %v\n%s", i, c, err, diff)
			}
			if changed := fmt.Sprint(slow) != before; changed != (kv.Hash() != hash) {
				t.Fatalf("command %d, %v: state changed: %v; hash %016x to %016x", i, c, changed, hash, kv.Hash())
			}
		}
		order := rapid.Permutation(keys).Draw(t, "order")
		if direct := slow.direct(order); direct.Hash() != kv.Hash() || direct.Len() != kv.Len() {
			t.Fatalf("hash %016x of %d keys; the same state made directly %016x of %d",
				kv.Hash(), kv.Len(), direct.Hash(), direct.Len())
		} else if !bytes.Equal(direct.AppendSnapshot(nil), kv.AppendSnapshot(nil)) {
			t.Fatalf("snapshot %x; of the same state made directly %x", kv.AppendSnapshot(nil), direct.AppendSnapshot(nil))
		}
	})
}

// The hash is part of digests that are compared across machines: it may not differ on any architecture.
func TestKVHashPinned(t *testing.T) {
	kv := statemachine.NewKV()
	if got := kv.Hash(); got != 0 {
		t.Errorf("empty: %#016x", got)
	}
	for i := range uint64(100) {
		kv.Apply(2*i+1, statemachine.AppendAppend(nil, i%7, fmt.Appendf(nil, "value %d", i)), nil)
		if i%10 == 9 {
			kv.Apply(2*i+2, statemachine.AppendDelete(nil, i%3, i), nil)
		}
	}
	if got, want := kv.Hash(), uint64(0xaaf0ae753748f29b); got != want {
		t.Errorf("hash %#016x, want %#016x", got, want)
	}
}

// Values that trade places or move to another key make another state.
func TestKVHashTellsApart(t *testing.T) {
	states := [][]string{
		{}, {`put k1 "a"`}, {`put k2 "a"`}, {`put k1 ""`}, {`put k1 "a"`, `put k2 "a"`}, {`put k1 "a"`, `put k2 "b"`}, {`put k1 "b"`, `put k2 "a"`},
		{`delete k1 #1`}, {`delete k2 #1`}, {`delete k1 #2`}, {`delete k1 #1`, `delete k2 #2`}, {`delete k1 #2`, `delete k2 #1`},
		{`put k1 "a"`, `delete k2 #1`}, {`put k2 "a"`, `delete k1 #1`},
	}
	seen := map[uint64]string{}
	for _, lines := range states {
		kv := statemachine.NewKV()
		for i, line := range lines {
			c, err := statemachine.ParseCommand(line)
			if err != nil {
				t.Fatal(err)
			}
			kv.Apply(uint64(i+1), statemachine.AppendCommand(nil, c), nil)
		}
		name := fmt.Sprint(lines)
		if other, taken := seen[kv.Hash()]; taken {
			t.Errorf("%s and %s have hash %016x", name, other, kv.Hash())
		}
		seen[kv.Hash()] = name
	}
}

func TestKVAllocatesNothing(t *testing.T) {
	kv := statemachine.NewKV()
	value := []byte("sixteen bytes...")
	old := statemachine.Cell{Present: true, Value: value}
	commands := [][]byte{
		statemachine.AppendPut(nil, 3, value), statemachine.AppendGet(nil, 3), statemachine.AppendCAS(nil, 3, old, value),
		statemachine.AppendAppend(nil, 3, value), statemachine.AppendCAS(nil, 3, old, value), statemachine.AppendDelete(nil, 3, 7),
		statemachine.AppendGet(nil, 3), statemachine.AppendGet(nil, 9), []byte("nonsense"),
	}
	var index uint64
	buf := make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() {
		for _, c := range commands {
			index++
			buf = kv.Apply(index, c, buf[:0])
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkKVPut(b *testing.B) {
	kv := statemachine.NewKV()
	command := statemachine.AppendPut(nil, 3, []byte("sixteen bytes..."))
	buf := make([]byte, 0, 64)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		command[1] = byte(i & 31)
		buf = kv.Apply(0, command, buf[:0])
	}
}

func BenchmarkKVGet(b *testing.B) {
	kv := statemachine.NewKV()
	kv.Apply(1, statemachine.AppendPut(nil, 3, []byte("sixteen bytes...")), nil)
	command := statemachine.AppendGet(nil, 3)
	buf := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		buf = kv.Apply(0, command, buf[:0])
	}
}
