package lock

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"pgregory.net/rapid"

	"raftsim/raft/statemachine"
	"raftsim/raft/statemachine/statemachinetest"
)

// TestTranscripts plays the histories in testdata/transcripts, one command a line:
//
//	at 3s                          (log time)
//	acquire lock=1 o1 [ttl=10s]
//	children lock=1 [o1]           (with a watch if there is an owner)
//	release lock=1 o1 token=2
//	renew o1
//	write lock=1 token=2 value=7
//	read lock=1
//	restart                        (go on with a replica made from a snapshot)
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		m := New()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var out strings.Builder
			for _, line := range strings.Split(strings.TrimSpace(d.Input), "\n") {
				fmt.Fprintf(&out, "%s: %s\n", line, play(t, &m, line))
			}
			return out.String()
		})
	})
}

func play(t *testing.T, m **Machine, line string) string {
	words := strings.Fields(line)
	if len(words) == 0 {
		t.Fatal("empty line")
	}
	c := Command{TTL: int64(10 * time.Second)}
	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		n, _ := strconv.ParseUint(value, 10, 64)
		d, _ := time.ParseDuration(value)
		switch key {
		case "lock":
			c.Lock = n
		case "token":
			c.Token = n
		case "value":
			c.Value = n
		case "ttl":
			c.TTL = int64(d)
		default:
			c.Owner, _ = strconv.ParseUint(strings.TrimPrefix(key, "o"), 10, 64)
		}
	}
	switch words[0] {
	case "at":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			t.Fatal(err)
		}
		(*m).Advance(int64(d))
		return "-"
	case "restart":
		snapshot := (*m).AppendSnapshot(nil)
		fresh := New()
		if err := fresh.Restore(snapshot); err != nil {
			t.Fatal(err)
		}
		*m = fresh
		return "-"
	}
	c.Op = map[string]Op{"acquire": OpAcquire, "children": OpChildren, "release": OpRelease, "renew": OpRenew, "write": OpWrite, "read": OpRead}[words[0]]
	var r Result
	if err := DecodeResult((*m).Apply(1, AppendCommand(nil, &c), nil), &r); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return describe(&r)
}

func describe(r *Result) string {
	switch r.Status {
	case StatusListed:
		text := "children"
		for _, c := range r.Children {
			text += fmt.Sprintf(" %d(o%d)", c.Number, c.Owner)
		}
		if r.Own == 0 {
			return text
		}
		return fmt.Sprintf("%s, own %d", text, r.Own)
	case StatusAlive:
		if len(r.Fired) == 0 {
			return "alive"
		}
		return fmt.Sprintf("alive, changed: %d", r.Fired)
	case StatusRefused:
		return fmt.Sprintf("refused, largest token %d", r.Token)
	case StatusResource:
		return fmt.Sprintf("token %d value %d", r.Token, r.Value)
	}
	return map[Status]string{StatusInvalid: "invalid", StatusGone: "gone", StatusReleased: "released", StatusWritten: "written"}[r.Status]
}

func drawCommand(t *rapid.T) []byte {
	return AppendCommand(nil, &Command{
		Op: Op(rapid.IntRange(1, 6).Draw(t, "op")), Lock: rapid.Uint64Range(0, 2).Draw(t, "lock"), Owner: rapid.Uint64Range(1, 4).Draw(t, "owner"),
		TTL: rapid.Int64Range(1, 150).Draw(t, "ttl"), Token: rapid.Uint64Range(0, 4).Draw(t, "token"), Value: rapid.Uint64Range(0, 9).Draw(t, "value"),
	})
}

func drawQuery(t *rapid.T) []byte {
	c := Command{Op: OpRead, Lock: rapid.Uint64Range(0, 2).Draw(t, "lock")}
	if rapid.Bool().Draw(t, "children") {
		c.Op = OpChildren
	}
	return AppendCommand(nil, &c)
}

func TestContract(t *testing.T) {
	statemachinetest.Check(t, func() statemachine.StateMachine { return New() }, drawCommand, drawQuery)
}

// States that differ in one respect, and no other, have different hashes and snapshots.
func TestHashSeesEverything(t *testing.T) {
	seen := map[uint64]string{}
	for _, history := range []string{
		"", "at 1s", "acquire lock=1 o1", "acquire lock=2 o1", "acquire lock=1 o2", "acquire lock=1 o1 ttl=1s",
		"acquire lock=1 o1; write lock=1 token=1 value=1", "acquire lock=1 o1; write lock=1 token=1 value=2",
		"acquire lock=1 o1; release lock=1 o1 token=1", "acquire lock=1 o1; at 1s", "acquire lock=1 o1; at 1s; renew o1",
		"acquire lock=1 o1; acquire lock=1 o2", "acquire lock=1 o1; acquire lock=1 o2; renew o1", "acquire lock=1 o2; acquire lock=1 o1",
		"acquire lock=1 o1; release lock=1 o1 token=1; renew o1", "acquire lock=1 o1; children lock=2 o1", "acquire lock=1 o1; at 11s",
		"acquire lock=1 o1; at 12s", "acquire lock=1 o1; at 12s; acquire lock=1 o1",
	} {
		m := New()
		for _, line := range strings.Split(history, ";") {
			if line = strings.TrimSpace(line); line != "" {
				play(t, &m, line)
			}
		}
		if other, twice := seen[m.Hash()]; twice {
			t.Errorf("%q and %q have one hash", history, other)
		}
		seen[m.Hash()] = history
	}
}

// What no commands lead to is no snapshot.
func TestRestoreRefuses(t *testing.T) {
	state := func() *Machine {
		return &Machine{
			now:     100,
			owners:  []owner{{id: 1, ttl: 10, active: 95, watching: []uint64{1}}, {id: 2, ttl: 10, active: 95, fired: []uint64{1, 3}}},
			parents: []parent{{number: 1, made: 5, token: 4, value: 1, children: []child{{4, 2}, {5, 1}}}, {number: 3}},
		}
	}
	if err := New().Restore(state().AppendSnapshot(nil)); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Machine){
		"expired owner":           func(m *Machine) { m.owners[0].active = 89 },
		"owner of the future":     func(m *Machine) { m.owners[0].active = 101 },
		"owner without a TTL":     func(m *Machine) { m.owners[0].ttl = 0 },
		"owner 0":                 func(m *Machine) { m.owners[0].id = 0 },
		"owners out of order":     func(m *Machine) { m.owners[0].id = 3 },
		"child of nobody":         func(m *Machine) { m.parents[0].children[0].owner = 7 },
		"two children of one":     func(m *Machine) { m.parents[0].children[0].owner = 1 },
		"child not made":          func(m *Machine) { m.parents[0].made = 4 },
		"children out of order":   func(m *Machine) { m.parents[0].children[0].number = 5 },
		"token never given":       func(m *Machine) { m.parents[0].token = 6 },
		"value never written":     func(m *Machine) { m.parents[1].value = 1 },
		"locks out of order":      func(m *Machine) { m.parents[1].number = 0; m.owners[1].fired = nil },
		"watch on no lock":        func(m *Machine) { m.owners[0].watching[0] = 2 },
		"news of locks unordered": func(m *Machine) { m.owners[1].fired[0] = 3 },
		"log time below 0":        func(m *Machine) { m.now = -1; m.owners, m.parents = nil, nil },
	} {
		m := state()
		spoil(m)
		if err := New().Restore(m.AppendSnapshot(nil)); err != ErrSnapshot {
			t.Errorf("%s: %v", name, err)
		}
	}
	whole := state().AppendSnapshot(nil)
	for n := range len(whole) {
		if err := New().Restore(whole[:n]); err != ErrSnapshot {
			t.Errorf("the first %d bytes: %v", n, err)
		}
	}
}

// Whatever decodes encodes to the same bytes, and nothing panics.
func TestHostileBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "bytes")
		if len(b) > 0 {
			b[0] %= 9
		}
		var c Command
		if err := c.decode(b); err == nil && !bytes.Equal(AppendCommand(nil, &c), b) {
			t.Fatalf("%x decodes to %+v", b, c)
		}
		var r Result
		_ = DecodeResult(b, &r)
		_ = New().Restore(b)
	})
}

// A state that has been through the same before does nothing new to the heap.
func TestNoAllocations(t *testing.T) {
	m := New()
	var dst []byte
	now := int64(0)
	var commands [][]byte
	for owner := uint64(1); owner <= 4; owner++ {
		for _, op := range []Op{OpAcquire, OpRenew, OpChildren, OpWrite, OpRead} {
			commands = append(commands, AppendCommand(nil, &Command{Op: op, Lock: 1, Owner: owner, TTL: 50, Token: 1}))
		}
	}
	round := func() {
		for _, c := range commands {
			now++
			m.Advance(now)
			dst = m.Apply(1, c, dst[:0])
		}
		now += 100
		m.Advance(now)
	}
	round()
	if n := testing.AllocsPerRun(20, round); n != 0 {
		t.Errorf("%v allocations in a round", n)
	}
}
