package statemachine_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"raftsim/internal/fixed"
	"raftsim/raft/statemachine"
	"raftsim/raft/statemachine/statemachinetest"
)

// logDraw draws logs whose entries often fit the sessions there are, and often do not.
type logDraw struct {
	now   int64
	index uint64
}

func (d *logDraw) entry(t *rapid.T, m *model) []byte {
	d.index++
	switch rapid.IntRange(0, 19).Draw(t, "kind of entry") {
	case 18:
		return nil
	case 19:
		return rapid.SliceOfN(rapid.Byte(), 1, 30).Draw(t, "bytes")
	}
	switch rapid.IntRange(0, 9).Draw(t, "time") {
	case 0:
		d.now -= 15
	case 1:
		d.now += 60
	case 2, 3:
		d.now += 10
	}
	e := statemachine.Envelope{
		Kind: statemachine.EnvelopeCommand, Client: rapid.Uint64Range(1, 3).Draw(t, "client"), Stamp: d.now,
		Command: statemachine.AppendCommand(nil, statemachine.DrawCommand(t)),
	}
	s := m.sessions[e.Client]
	if s == nil || rapid.IntRange(0, 11).Draw(t, "opens") == 11 {
		e.Kind, e.Command = statemachine.EnvelopeOpen, nil
		e.Seq = rapid.Uint64Range(1, 3).Draw(t, "seq")
		if s != nil {
			e.Seq = s.opened + rapid.Uint64Range(0, 8).Draw(t, "further")
		}
		return statemachine.AppendEnvelope(nil, &e)
	}
	e.Session = s.id
	if rapid.IntRange(0, 11).Draw(t, "late") == 11 {
		e.Session = rapid.Uint64Range(1, d.index+1).Draw(t, "session")
	}
	e.Seq = max(s.done(), 3) + 4 - rapid.Uint64Range(0, 6).Draw(t, "back")
	if rapid.IntRange(0, 11).Draw(t, "far") == 11 {
		e.Seq = s.ack + rapid.Uint64Range(statemachine.Window-2, statemachine.Window+1).Draw(t, "seq")
	}
	e.Prev = max(e.Seq, 2) - 1
	if rapid.IntRange(0, 3).Draw(t, "odd predecessor") == 3 {
		e.Prev = rapid.Uint64Range(1, e.Prev).Draw(t, "predecessor")
	}
	e.Ack = min(s.ack, e.Seq)
	if rapid.IntRange(0, 3).Draw(t, "acknowledges") == 3 {
		e.Ack = rapid.Uint64Range(1, e.Seq).Draw(t, "ack")
	}
	return statemachine.AppendEnvelope(nil, &e)
}

func newSessions(ttl int64) *statemachine.Sessions {
	return statemachine.NewSessions(statemachine.NewKV(), time.Duration(ttl))
}

// Whatever is in the log: what is said of each entry, the state and its hash are the model's, which goes through the whole log
// anew; and a replica that is made from a snapshot whenever chance says so cannot be told from one that never was.
func TestSessionsAgainstModel(t *testing.T) {
	used := [2]*statemachine.Sessions{newSessions(0), newSessions(35)}
	seen := map[statemachine.Status]int{}
	property := func(t *rapid.T) {
		which := rapid.IntRange(0, 1).Draw(t, "expires")
		ttl := int64(35 * which)
		s := used[which] // as a restart would find it, full of what was before
		s.Reset(statemachine.NewKV())
		relay := newSessions(ttl)
		m := newModel(ttl)
		var log [][]byte
		var d logDraw
		before := m.String()
		for range rapid.IntRange(1, 60).Draw(t, "entries") {
			log = append(log, d.entry(t, m))
			data, index := log[len(log)-1], uint64(len(log))
			m = replay(ttl, log)
			hash := s.Hash()
			got := s.Apply(index, data)
			if diff := cmp.Diff(m.said, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("entry %d:\n%s", index, diff)
			}
			if diff := cmp.Diff(m.said, relay.Apply(index, data), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("entry %d, replica made from snapshots:\n%s", index, diff)
			}
			for i := range got {
				seen[got[i].Status]++
			}
			after := m.String()
			if (after != before) != (s.Hash() != hash) {
				t.Fatalf("entry %d: hash %016x to %016x; state\n%sto\n%s", index, hash, s.Hash(), before, after)
			}
			before = after
			if s.Len() != len(m.sessions) || s.LogTime() != m.logTime || s.Applied() != index {
				t.Fatalf("entry %d: %d sessions, log time %d, applied %d", index, s.Len(), s.LogTime(), s.Applied())
			}
			if relay.Hash() != s.Hash() {
				t.Fatalf("entry %d: hash %016x, of a replica made from snapshots %016x", index, s.Hash(), relay.Hash())
			}
			relay = handOver(t, s, relay)
		}
	}
	fixed.Check(t, 50, property)
	for status := statemachine.StatusNoop; status <= statemachine.StatusExpired; status++ {
		if seen[status] < 10 {
			t.Errorf("%d entries were %v", seen[status], status)
		}
	}
	if !t.Failed() {
		rapid.Check(t, property)
	}
}

// handOver compares the snapshots of two replicas and now and then goes on with a third one that is made from it.
func handOver(t *rapid.T, s, relay *statemachine.Sessions) *statemachine.Sessions {
	if rapid.IntRange(0, 3).Draw(t, "snapshot") < 3 {
		return relay
	}
	hash := relay.Hash()
	snapshot := relay.AppendSnapshot([]byte("kept"))
	if relay.Hash() != hash {
		t.Fatal("a snapshot changes the hash")
	}
	snapshot, ok := bytes.CutPrefix(snapshot, []byte("kept"))
	if diff := cmp.Diff(s.AppendSnapshot(nil), snapshot); !ok || diff != "" {
		t.Fatalf("snapshots of equal states differ (or dst was not appended to: %v)\n%s", ok, diff)
	}
	next := newSessions(int64(s.TTL()))
	if rapid.Bool().Draw(t, "behind") { // an earlier state of its own, as a follower that is sent a snapshot has
		next.Apply(1, statemachine.AppendEnvelope(nil, &statemachine.Envelope{Kind: statemachine.EnvelopeOpen, Client: 2, Seq: 1, Stamp: 7}))
	}
	if err := next.Restore(snapshot); err != nil {
		t.Fatalf("restore: %v", err)
	}
	for i := range snapshot {
		snapshot[i] = 0xa5 // it is not kept
	}
	return next
}

// executions is a machine that remembers which commands it executed, in which order.
type executions struct{ list []string }

func (m *executions) Apply(_ uint64, command, dst []byte) []byte {
	m.list = append(m.list, string(command))
	return append(dst, command...)
}

func (m *executions) Hash() uint64 { return 0 }

// applier is Sessions, or something that is not quite that.
type applier func(index uint64, e *statemachine.Envelope)

// checkExactlyOnce lets a client with several commands under way retry them through a log that doubles, delays and reorders, and
// returns what is wrong with what was executed: it must be a part of the commands, each once, in the order of numbers.
func checkExactlyOnce(t *rapid.T, apply applier, m *executions) error {
	apply(1, &statemachine.Envelope{Kind: statemachine.EnvelopeOpen, Client: 9, Seq: 1})
	const commands = 6
	lowest := uint64(2)
	for index := uint64(2); index < 40; index++ {
		if lowest < 2+commands && rapid.IntRange(0, 4).Draw(t, "goes on") == 4 {
			lowest++ // answered, or given up
		}
		seq := rapid.Uint64Range(2, min(lowest+3, 1+commands)).Draw(t, "seq")
		apply(index, &statemachine.Envelope{
			Kind: statemachine.EnvelopeCommand, Client: 9, Seq: seq, Session: 1, Prev: seq - 1,
			Ack: min(rapid.Uint64Range(2, lowest).Draw(t, "ack"), seq), Command: fmt.Append(nil, seq),
		})
	}
	for i := 1; i < len(m.list); i++ {
		if m.list[i] <= m.list[i-1] {
			return fmt.Errorf("executed %v", m.list)
		}
	}
	return nil
}

func TestExactlyOnce(t *testing.T) {
	var buf []byte
	rapid.Check(t, func(t *rapid.T) {
		m := new(executions)
		s := statemachine.NewSessions(m, 0)
		if err := checkExactlyOnce(t, func(index uint64, e *statemachine.Envelope) {
			buf = statemachine.AppendEnvelope(buf[:0], e)
			s.Apply(index, buf)
		}, m); err != nil {
			t.Fatal(err)
		}
	})
}

// X01: without the memory of what was executed, a retry is a second operation, and the check sees it.
func TestExactlyOnceBites(t *testing.T) {
	found := 0
	fixed.Check(t, 20, func(t *rapid.T) {
		m := new(executions)
		if checkExactlyOnce(t, func(index uint64, e *statemachine.Envelope) {
			if e.Kind == statemachine.EnvelopeCommand {
				m.Apply(index, e.Command, nil)
			}
		}, m) != nil {
			found++
		}
	})
	if found < 15 {
		t.Errorf("%d of 20 runs without sessions are found out", found)
	}
}

func open(client, seq uint64, stamp int64) []byte {
	return statemachine.AppendEnvelope(nil, &statemachine.Envelope{Kind: statemachine.EnvelopeOpen, Client: client, Seq: seq, Stamp: stamp})
}

// command is one of a client with one command at a time.
func command(client, session, seq uint64, stamp int64, text string) []byte {
	c, err := statemachine.ParseCommand(text)
	if err != nil {
		panic(err)
	}
	return statemachine.AppendEnvelope(nil, &statemachine.Envelope{
		Kind: statemachine.EnvelopeCommand, Client: client, Seq: seq, Stamp: stamp, Session: session, Prev: seq - 1, Ack: seq,
		Command: statemachine.AppendCommand(nil, c),
	})
}

// X04: replicas that looked at their own clocks instead of the entries' would end sessions at different entries. Here one of them
// does: every stamp is replaced by its own, slower, clock. The answers differ, and so do the hashes.
func TestExpiryFollowsTheLog(t *testing.T) {
	log := func(at [3]int64) [][]byte {
		return [][]byte{open(1, 1, at[0]), open(2, 1, at[1]), command(1, 1, 2, at[2], `put k1 "a"`)}
	}
	one, other, local := newSessions(10), newSessions(10), newSessions(10)
	stamps, clock := log([3]int64{0, 1, 11}), log([3]int64{0, 1, 9})
	for i := range stamps {
		index := uint64(i + 1)
		a := one.Apply(index, stamps[i])
		if diff := cmp.Diff(a, other.Apply(index, stamps[i])); diff != "" || one.Hash() != other.Hash() {
			t.Fatalf("entry %d: two replicas differ\n%s", index, diff)
		}
		b := local.Apply(index, clock[i])
		if i < 2 {
			continue
		}
		if a[0].Status != statemachine.StatusExpired || b[0].Status != statemachine.StatusApplied {
			t.Errorf("idle for 11 of 10 ns: %v; by a clock that says 9: %v", a[0].Status, b[0].Status)
		}
	}
	if one.Hash() == local.Hash() {
		t.Error("a replica with a clock of its own has the same hash")
	}
}

// A restart resets and replays the log; what came before leaves no trace.
func TestSessionsReset(t *testing.T) {
	fresh, used := newSessions(10), newSessions(10)
	for i := range uint64(5) {
		used.Apply(2*i+10, open(i+1, 9, int64(i)))
		used.Apply(2*i+11, statemachine.AppendEnvelope(nil, &statemachine.Envelope{
			Kind: statemachine.EnvelopeCommand, Client: i + 1, Seq: 12, Session: 2*i + 10, Prev: 11, Ack: 9, Command: []byte("waits"),
		}))
	}
	used.Reset(statemachine.NewKV())
	if used.Len() != 0 || used.Applied() != 0 || used.LogTime() != 0 || used.Hash() != fresh.Hash() {
		t.Error("reset sessions are not as new")
	}
	for i, data := range [][]byte{open(1, 1, 1), command(1, 1, 2, 2, `put k1 "a"`), open(2, 1, 2)} {
		fresh.Apply(uint64(i+1), data)
		used.Apply(uint64(i+1), data)
	}
	if used.Hash() != fresh.Hash() || !bytes.Equal(used.AppendSnapshot(nil), fresh.AppendSnapshot(nil)) {
		t.Errorf("hash %016x after a reset, %016x without", used.Hash(), fresh.Hash())
	}
}

// The hash of the sessions is more than that of the machine: two replicas that will behave differently are different. It is part of
// digests that are compared across machines, so it may not differ on any architecture.
func TestSessionsHashPinned(t *testing.T) {
	s := newSessions(1000)
	for i := range uint64(60) {
		client := i%5 + 1
		switch {
		case i < 5:
			s.Apply(i+1, open(client, 1, int64(i)))
		case i%11 == 0:
			s.Apply(i+1, statemachine.AppendEnvelope(nil, &statemachine.Envelope{
				Kind: statemachine.EnvelopeCommand, Client: client, Seq: i + 5, Stamp: int64(i), Session: client, Prev: i + 4, Ack: 2,
				Command: []byte("waits"),
			}))
		default:
			s.Apply(i+1, command(client, client, i/5+1, int64(i), fmt.Sprintf(`append k%d "%d"`, i%3, i)))
		}
	}
	if got, want := s.Hash(), uint64(0x600a82e18f93fcd5); got != want {
		t.Errorf("hash %#016x, want %#016x", got, want)
	}
}

func TestSessionsPanics(t *testing.T) {
	for _, tc := range []struct {
		want string
		do   func(s *statemachine.Sessions)
	}{
		{"entry 4 applied after entry 4", func(s *statemachine.Sessions) { s.Apply(4, nil); s.Apply(4, nil) }},
		{"entry 3 applied after entry 4", func(s *statemachine.Sessions) { s.Apply(4, nil); s.Apply(3, nil) }},
		{"entry 0 applied after entry 0", func(s *statemachine.Sessions) { s.Apply(0, nil) }},
		{"sessions with a TTL of -1ns", func(*statemachine.Sessions) { newSessions(-1) }},
		{"snapshot of a *statemachine_test.executions", func(s *statemachine.Sessions) { s.Reset(new(executions)); s.AppendSnapshot(nil) }},
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, tc.want) {
					t.Errorf("panic %q, want one with %q", got, tc.want)
				}
			}()
			tc.do(newSessions(0))
		}()
	}
}

func TestSessionsQuery(t *testing.T) {
	s := newSessions(0)
	s.Apply(1, open(1, 1, 0))
	s.Apply(2, command(1, 1, 2, 0, `put k1 "a"`))
	hash := s.Hash()
	result, ok := s.Query(statemachine.AppendGet(nil, 1), []byte("kept"))
	if r, err := statemachine.DecodeResult(bytes.TrimPrefix(result, []byte("kept"))); !ok || err != nil || r.String() != `value "a"` {
		t.Errorf("query: %v %v %v", r, err, ok)
	}
	result, _ = s.Query(statemachine.AppendPut(nil, 1, nil), nil)
	if string(result) != "\x05" || s.Hash() != hash {
		t.Errorf("a put as a query: %q; hash changed: %v", result, s.Hash() != hash)
	}
	s.Reset(new(executions))
	if result, ok := s.Query(nil, []byte("kept")); ok || string(result) != "kept" {
		t.Errorf("query of a machine that has none: %q, %v", result, ok)
	}
}

// sessionsAsMachine lets the conformance check look at Sessions too.
type sessionsAsMachine struct{ *statemachine.Sessions }

func (s sessionsAsMachine) Apply(index uint64, data, dst []byte) []byte {
	for _, o := range s.Sessions.Apply(index, data) {
		dst = fmt.Append(dst, o)
	}
	return dst
}

func (s sessionsAsMachine) Query(query, dst []byte) []byte {
	dst, _ = s.Sessions.Query(query, dst)
	return dst
}

func TestSessionsContract(t *testing.T) {
	statemachinetest.Check(t, func() statemachine.StateMachine {
		return sessionsAsMachine{newSessions(35)}
	}, func(t *rapid.T) []byte {
		m, d := newModel(35), logDraw{index: 3}
		for client := uint64(1); client <= 3; client++ {
			m.apply(client, open(client, 1, 0))
		}
		return d.entry(t, m)
	}, func(t *rapid.T) []byte { return statemachine.AppendCommand(nil, statemachine.DrawCommand(t)) })
}
