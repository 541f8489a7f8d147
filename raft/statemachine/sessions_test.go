package statemachine_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"raftsim/raft/statemachine"
	"raftsim/raft/statemachine/statemachinetest"
)

// Each line is one entry of the log, what applying it says and what k1 holds then.
func TestSessionsTranscript(t *testing.T) {
	kv := statemachine.NewKV()
	s := statemachine.NewSessions(kv)
	envelope := func(client, seq uint64, line string) []byte {
		c, err := statemachine.ParseCommand(line)
		if err != nil {
			t.Fatal(err)
		}
		return statemachine.AppendEnvelope(nil, client, seq, statemachine.AppendCommand(nil, c))
	}
	for i, step := range []struct {
		entry  []byte
		status statemachine.Status
		result string // "" when there is no answer
		k1     string
	}{
		{nil, statemachine.StatusNoop, "", `missing #0`},
		{envelope(1, 1, `append k1 "a"`), statemachine.StatusApplied, `ok`, `value "a"`},
		{envelope(1, 1, `append k1 "a"`), statemachine.StatusRepeated, `ok`, `value "a"`},
		{envelope(1, 2, `get k1`), statemachine.StatusApplied, `value "a"`, `value "a"`},
		{envelope(2, 1, `append k1 "b"`), statemachine.StatusApplied, `ok`, `value "ab"`},
		{envelope(1, 2, `get k1`), statemachine.StatusRepeated, `value "a"`, `value "ab"`}, // the answer of then
		{envelope(1, 1, `append k1 "a"`), statemachine.StatusStale, "", `value "ab"`},
		{envelope(1, 5, `append k1 "c"`), statemachine.StatusApplied, `ok`, `value "abc"`}, // 3 and 4 were given up
		{envelope(1, 4, `append k1 "x"`), statemachine.StatusStale, "", `value "abc"`},
		{[]byte("nonsense"), statemachine.StatusMalformed, "", `value "abc"`},
		{statemachine.AppendEnvelope(nil, 1, 6, []byte("nonsense")), statemachine.StatusApplied, `invalid`, `value "abc"`},
		{envelope(1, 6, `append k1 "y"`), statemachine.StatusRepeated, `invalid`, `value "abc"`},
	} {
		_, _, result, status := s.Apply(uint64(i+1), step.entry, []byte("kept"))
		result, ok := bytes.CutPrefix(result, []byte("kept"))
		if !ok {
			t.Errorf("step %d: dst was not appended to: %q", i, result)
		}
		text := ""
		if len(result) > 0 {
			r, err := statemachine.DecodeResult(result)
			if err != nil {
				t.Fatalf("step %d: %v", i, err)
			}
			text = r.String()
		}
		if status != step.status || text != step.result || kv.Lookup(1).String() != step.k1 {
			t.Errorf("step %d: %v, %q, k1 %v; want %v, %q, k1 %s", i, status, text, kv.Lookup(1), step.status, step.result, step.k1)
		}
	}
	if seq, result := s.Last(1); seq != 6 || string(result) != "\x05" {
		t.Errorf("client 1: last %d, result %q", seq, result)
	}
	if seq, result := s.Last(3); seq != 0 || result != nil {
		t.Errorf("a client never seen: last %d, result %q", seq, result)
	}
	if s.Len() != 2 || s.Applied() != 12 {
		t.Errorf("%d sessions, applied %d; want 2, 12", s.Len(), s.Applied())
	}
}

type entry struct {
	client, seq uint64
	command     []byte
}

func drawEntry(t *rapid.T) entry {
	return entry{
		client:  rapid.Uint64Range(0, 3).Draw(t, "client"), // 0 is malformed
		seq:     rapid.Uint64Range(0, 6).Draw(t, "seq"),    // so is 0
		command: statemachine.AppendCommand(nil, statemachine.DrawCommand(t)),
	}
}

// The twin remembers every command that was applied and searches its whole memory.
func TestSessionsAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain, kv := statemachine.NewKV(), statemachine.NewKV()
		s := statemachine.NewSessions(kv)
		type memory struct {
			entry
			result []byte
		}
		var applied []memory
		for i, e := range rapid.SliceOfN(rapid.Custom(drawEntry), 1, 60).Draw(t, "log") {
			index := uint64(i + 1)
			envelope := statemachine.AppendEnvelope(nil, e.client, e.seq, e.command)
			before := s.Hash()
			client, seq, result, status := s.Apply(index, envelope, nil)

			want, wantResult := statemachine.StatusApplied, []byte(nil)
			if e.client == 0 || e.seq == 0 {
				want, e.client, e.seq = statemachine.StatusMalformed, 0, 0
			}
			for _, m := range applied {
				if m.client != e.client {
					continue
				}
				if m.seq > e.seq {
					want, wantResult = statemachine.StatusStale, nil
				} else if m.seq == e.seq {
					want, wantResult = statemachine.StatusRepeated, m.result
				}
			}
			if want == statemachine.StatusApplied {
				wantResult = plain.Apply(index, e.command, nil)
				applied = append(applied, memory{e, wantResult})
			}
			if status != want || client != e.client || seq != e.seq || !bytes.Equal(result, wantResult) {
				t.Fatalf("entry %d: client %d seq %d %v %q; want client %d seq %d %v %q",
					i, client, seq, status, result, e.client, e.seq, want, wantResult)
			}
			if kv.Hash() != plain.Hash() {
				t.Fatalf("entry %d: the machine differs from one that got each command once", i)
			}
			if changed := s.Hash() != before; changed != (status == statemachine.StatusApplied) {
				t.Fatalf("entry %d: %v; hash changed: %v", i, status, changed)
			}
		}
	})
}

// A restart resets and replays the log; what came before leaves no trace, in either order of two clients.
func TestSessionsReset(t *testing.T) {
	one := statemachine.AppendEnvelope(nil, 1, 1, statemachine.AppendPut(nil, 1, []byte("a")))
	two := statemachine.AppendEnvelope(nil, 2, 4, statemachine.AppendGet(nil, 9))
	fresh := statemachine.NewSessions(statemachine.NewKV())
	fresh.Apply(1, one, nil)
	fresh.Apply(2, two, nil)

	kv := statemachine.NewKV()
	used := statemachine.NewSessions(kv)
	for i := range uint64(5) {
		used.Apply(i+10, statemachine.AppendEnvelope(nil, i+1, 9, statemachine.AppendPut(nil, i, []byte("longer"))), nil)
	}
	kv.Reset()
	used.Reset(kv)
	if used.Len() != 0 || used.Applied() != 0 || used.Hash() != statemachine.NewSessions(statemachine.NewKV()).Hash() {
		t.Error("reset sessions are not as new")
	}
	used.Apply(1, two, nil)
	used.Apply(2, one, nil)
	if used.Hash() != fresh.Hash() {
		t.Errorf("hash %016x after a reset, %016x without", used.Hash(), fresh.Hash())
	}
}

// The hash of the sessions is more than that of the machine: two replicas that will answer a retry differently are different.
func TestSessionsHash(t *testing.T) {
	get := statemachine.AppendGet(nil, 1)
	seen := map[uint64]string{}
	for _, log := range [][]entry{
		{}, {{1, 1, get}}, {{2, 1, get}}, {{1, 2, get}}, {{1, 1, get}, {2, 1, get}}, {{1, 1, get}, {2, 2, get}}, {{1, 2, get}, {2, 1, get}},
		{{1, 1, nil}},
	} {
		s := statemachine.NewSessions(statemachine.NewKV())
		for i, e := range log {
			s.Apply(uint64(i+1), statemachine.AppendEnvelope(nil, e.client, e.seq, e.command), nil)
		}
		if other, taken := seen[s.Hash()]; taken {
			t.Errorf("%v and %s have one hash", log, other)
		}
		seen[s.Hash()] = fmt.Sprint(log)
	}
	s := statemachine.NewSessions(statemachine.NewKV())
	for i := range uint64(50) {
		s.Apply(i+1, statemachine.AppendEnvelope(nil, i%5+1, i+1, statemachine.AppendAppend(nil, i%3, fmt.Append(nil, i))), nil)
	}
	if got, want := s.Hash(), uint64(0x38a1708a9f5db069); got != want {
		t.Errorf("pinned hash %#016x, want %#016x", got, want)
	}
}

func TestSessionsPanics(t *testing.T) {
	for _, tc := range []struct {
		want string
		do   func(s *statemachine.Sessions)
	}{
		{"entry 4 applied after entry 4", func(s *statemachine.Sessions) { s.Apply(4, nil, nil); s.Apply(4, nil, nil) }},
		{"entry 3 applied after entry 4", func(s *statemachine.Sessions) { s.Apply(4, nil, nil); s.Apply(3, nil, nil) }},
		{"entry 0 applied after entry 0", func(s *statemachine.Sessions) { s.Apply(0, nil, nil) }},
		{"cut dst from 4 bytes to 0", func(s *statemachine.Sessions) {
			s.Reset(cutter{})
			s.Apply(1, statemachine.AppendEnvelope(nil, 1, 1, nil), []byte("kept"))
		}},
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, tc.want) {
					t.Errorf("panic %q, want one with %q", got, tc.want)
				}
			}()
			tc.do(statemachine.NewSessions(statemachine.NewKV()))
		}()
	}
}

type cutter struct{}

func (cutter) Apply(_ uint64, _, dst []byte) []byte { return dst[:0] }
func (cutter) Hash() uint64                         { return 0 }

// sessionsAsMachine lets the conformance check look at Sessions too.
type sessionsAsMachine struct{ *statemachine.Sessions }

func (s sessionsAsMachine) Apply(index uint64, command, dst []byte) []byte {
	client, seq, result, status := s.Sessions.Apply(index, command, dst)
	return fmt.Append(result, client, seq, status)
}

func TestSessionsContract(t *testing.T) {
	statemachinetest.Check(t, func() statemachine.StateMachine {
		return sessionsAsMachine{statemachine.NewSessions(statemachine.NewKV())}
	}, func(t *rapid.T) []byte {
		e := drawEntry(t)
		return statemachine.AppendEnvelope(nil, e.client, e.seq, e.command)
	})
}

func TestSessionsAllocateNothing(t *testing.T) {
	s := statemachine.NewSessions(statemachine.NewKV())
	envelope := statemachine.AppendEnvelope(nil, 5, 1, statemachine.AppendPut(nil, 3, []byte("value")))
	buf := make([]byte, 0, 64)
	var index uint64
	if n := testing.AllocsPerRun(100, func() {
		index++
		envelope[9] = byte(index)
		_, _, buf, _ = s.Apply(2*index, envelope, buf[:0])   // applied
		_, _, buf, _ = s.Apply(2*index+1, envelope, buf[:0]) // repeated
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkSessionsPut(b *testing.B) {
	s := statemachine.NewSessions(statemachine.NewKV())
	command := statemachine.AppendPut(nil, 3, []byte("sixteen bytes..."))
	envelope := statemachine.AppendEnvelope(nil, 5, 1, command)
	buf := make([]byte, 0, 64)
	b.ReportAllocs()
	for i := uint64(1); b.Loop(); i++ {
		envelope = statemachine.AppendEnvelope(envelope[:0], i&7+1, i, command)
		_, _, buf, _ = s.Apply(i, envelope, buf[:0])
	}
}
