package statemachine_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/cespare/xxhash/v2"
	"pgregory.net/rapid"

	"raftsim/internal/fixed"
	"raftsim/raft/statemachine"
)

// Where things are in a snapshot of sessions; see the comment on its form.
const (
	atChecksum = 9
	atTTL      = 17
	atApplied  = 25
	atLogTime  = 33
	atCount    = 41
	atSessions = 45
	// in a session
	atActive  = 40
	atAnswers = 48
)

// doctored returns a copy of a snapshot with a change and a checksum that fits it.
func doctored(snapshot []byte, change func(b []byte)) []byte {
	b := bytes.Clone(snapshot)
	change(b)
	binary.LittleEndian.PutUint64(b[atChecksum:], xxhash.Sum64(b[atTTL:]))
	return b
}

func put(at int, value uint64) func(b []byte) {
	return func(b []byte) { binary.LittleEndian.PutUint64(b[at:], value) }
}

// snapshotted is a replica with two sessions: one that was idle for 7 of its 10 ns, and one with an answer and a waiting command.
func snapshotted() *statemachine.Sessions {
	s := newSessions(10)
	s.Apply(1, open(1, 1, 3))
	s.Apply(2, open(2, 1, 3))
	s.Apply(3, command(2, 2, 2, 10, `put k1 "a"`))
	s.Apply(4, statemachine.AppendEnvelope(nil, &statemachine.Envelope{
		Kind: statemachine.EnvelopeCommand, Client: 2, Seq: 5, Stamp: 10, Session: 2, Prev: 4, Ack: 2, Command: statemachine.AppendGet(nil, 1),
	}))
	return s
}

// N12: a snapshot without the sessions' clocks makes a replica that ends sessions at other entries. Here it is doctored so that
// all sessions seem active at the time of the snapshot: the hash tells, and later the answers do.
func TestSnapshotCarriesActivity(t *testing.T) {
	s := snapshotted()
	good, bad := newSessions(10), newSessions(10)
	snapshot := s.AppendSnapshot(nil)
	if err := good.Restore(snapshot); err != nil {
		t.Fatal(err)
	}
	if err := bad.Restore(doctored(snapshot, put(atSessions+atActive, 10))); err != nil {
		t.Fatal(err)
	}
	if good.Hash() != s.Hash() || bad.Hash() == s.Hash() {
		t.Errorf("hash %016x, restored %016x, restored without activity %016x", s.Hash(), good.Hash(), bad.Hash())
	}
	late := command(1, 1, 2, 14, `put k1 "b"`)
	for _, r := range []struct {
		name string
		s    *statemachine.Sessions
		want statemachine.Status
	}{{"never restored", s, statemachine.StatusExpired}, {"restored", good, statemachine.StatusExpired}, {"without activity", bad, statemachine.StatusApplied}} {
		if got := r.s.Apply(5, late)[0].Status; got != r.want {
			t.Errorf("%s: %v, want %v", r.name, got, r.want)
		}
	}
}

// A restored replica ends the session that was idle for longest first, not the one that was opened first.
func TestRestoreKeepsTheOrderOfActivity(t *testing.T) {
	s := newSessions(10)
	s.Apply(1, open(1, 1, 3))
	s.Apply(2, open(2, 1, 3))
	s.Apply(3, command(1, 1, 2, 10, `put k1 "a"`))
	restored := newSessions(10)
	if err := restored.Restore(s.AppendSnapshot(nil)); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*statemachine.Sessions{s, restored} {
		s.Apply(4, open(3, 1, 14))
		if _, ok := s.Recall(&statemachine.Envelope{Kind: statemachine.EnvelopeOpen, Client: 2, Seq: 1}); ok || s.Len() != 2 {
			t.Errorf("%d sessions; the one that was idle for 11 of 10 ns is there: %v", s.Len(), ok)
		}
	}
	if s.Hash() != restored.Hash() {
		t.Errorf("hash %016x, restored %016x", s.Hash(), restored.Hash())
	}
}

// What waits in sessions that end at one entry is reported in one order on all replicas, though only one of them has seen which
// session was active last.
func TestExpiryReportsInOneOrder(t *testing.T) {
	s := newSessions(10)
	waits := func(client uint64, stamp int64) []byte {
		return statemachine.AppendEnvelope(nil, &statemachine.Envelope{
			Kind: statemachine.EnvelopeCommand, Client: client, Seq: 3, Stamp: stamp, Session: client, Prev: 2, Ack: 2,
		})
	}
	s.Apply(1, open(1, 1, 0))
	s.Apply(2, open(2, 1, 0))
	s.Apply(3, waits(2, 5))
	s.Apply(4, waits(1, 5))
	restored := newSessions(10)
	if err := restored.Restore(s.AppendSnapshot(nil)); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*statemachine.Sessions{s, restored} {
		got := s.Apply(5, open(3, 1, 16))
		if len(got) != 3 || got[0].Client != 1 || got[1].Client != 2 || got[0].Status != statemachine.StatusExpired || got[2].Client != 3 {
			t.Errorf("%+v", got)
		}
	}
}

// What no log leads to, and what does not belong here, is refused with its reason, and nothing changes.
func TestRestoreRefuses(t *testing.T) {
	snapshot := snapshotted().AppendSnapshot(nil)
	first, second := atSessions, atSessions+50
	answer := second + 50
	wait := answer + 8 + 4 + 1
	for _, tc := range []struct {
		name string
		b    []byte
		want error
	}{
		{"nothing", nil, statemachine.ErrSnapshotShort},
		{"a header cut", snapshot[:atSessions-1], statemachine.ErrSnapshotShort},
		{"another magic", doctored(snapshot, func(b []byte) { b[0] = 'x' }), statemachine.ErrSnapshotFormat},
		{"version 2", doctored(snapshot, func(b []byte) { b[8] = 2 }), statemachine.ErrSnapshotFormat},
		{"one bit damaged", append(bytes.Clone(snapshot[:len(snapshot)-1]), snapshot[len(snapshot)-1]^1), statemachine.ErrSnapshotChecksum},
		{"cut", snapshot[:len(snapshot)-1], statemachine.ErrSnapshotChecksum},
		{"another TTL", doctored(snapshot, put(atTTL, 11)), statemachine.ErrSnapshotTTL},
		{"an earlier index (N13)", doctored(snapshot, put(atApplied, 3)), statemachine.ErrSnapshotOld},
		{"log time below 0", doctored(snapshot, put(atLogTime, 1<<63)), statemachine.ErrSnapshotState},
		{"more sessions than bytes", doctored(snapshot, func(b []byte) { binary.LittleEndian.PutUint32(b[atCount:], 1<<32-1) }), statemachine.ErrSnapshotShort},
		{"session 0", doctored(snapshot, put(first, 0)), statemachine.ErrSnapshotState},
		{"a session from the future", doctored(snapshot, put(second, 5)), statemachine.ErrSnapshotState},
		{"sessions out of order", doctored(snapshot, put(first, 3)), statemachine.ErrSnapshotState},
		{"client 0", doctored(snapshot, put(first+8, 0)), statemachine.ErrSnapshotState},
		{"a client twice", doctored(snapshot, put(first+8, 2)), statemachine.ErrSnapshotState},
		{"opened by 0", doctored(snapshot, put(first+16, 0)), statemachine.ErrSnapshotState},
		{"done before it was opened", doctored(snapshot, put(first+24, 0)), statemachine.ErrSnapshotState},
		{"wants more than is done", doctored(snapshot, put(first+32, 3)), statemachine.ErrSnapshotState},
		{"wants more than the window", doctored(snapshot, put(first+24, 65)), statemachine.ErrSnapshotState},
		{"active in the future", doctored(snapshot, put(first+atActive, 11)), statemachine.ErrSnapshotState},
		{"expired", doctored(snapshot, func(b []byte) { put(first+atActive, 1)(b); put(atLogTime, 12)(b) }), statemachine.ErrSnapshotState},
		{"active before time began", doctored(snapshot, put(first+atActive, 1<<63)), statemachine.ErrSnapshotState},
		{"65 answers", doctored(snapshot, func(b []byte) { b[first+atAnswers] = 65 }), statemachine.ErrSnapshotState},
		{"an answer that is not wanted", doctored(snapshot, put(answer, 1)), statemachine.ErrSnapshotState},
		{"an answer to what is not done", doctored(snapshot, put(answer, 3)), statemachine.ErrSnapshotState},
		{"an answer of 4 GiB", doctored(snapshot, func(b []byte) { binary.LittleEndian.PutUint32(b[answer+8:], 1<<32-1) }), statemachine.ErrSnapshotShort},
		{"a waiting command that is done", doctored(snapshot, put(wait, 2)), statemachine.ErrSnapshotState},
		{"a waiting command beyond the window", doctored(snapshot, put(wait, 66)), statemachine.ErrSnapshotState},
		{"a waiting command whose turn has come", doctored(snapshot, put(wait+8, 2)), statemachine.ErrSnapshotState},
		{"a command that waits for itself", doctored(snapshot, put(wait+8, 5)), statemachine.ErrSnapshotState},
		{"a machine cut", doctored(snapshot[:len(snapshot)-1], func([]byte) {}), statemachine.ErrCellShort},
		{"bytes after the machine", doctored(append(bytes.Clone(snapshot), 0), func([]byte) {}), statemachine.ErrSnapshotTrailing},
	} {
		s := snapshotted()
		hash, before := s.Hash(), s.AppendSnapshot(nil)
		if err := s.Restore(tc.b); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		} else if s.Hash() != hash || !bytes.Equal(s.AppendSnapshot(nil), before) {
			t.Errorf("%s: refused, but the state changed", tc.name)
		}
	}
	s := snapshotted()
	if err := s.Restore(snapshot); err != nil || !bytes.Equal(s.AppendSnapshot(nil), snapshot) {
		t.Errorf("the snapshot itself: %v", err)
	}
	plain := statemachine.NewSessions(new(executions), 10)
	if err := plain.Restore(snapshot); !errors.Is(err, statemachine.ErrNoSnapshots) || plain.Snapshots() || !s.Snapshots() {
		t.Errorf("a machine without snapshots: %v", err)
	}
}

func TestKVRestoreRefuses(t *testing.T) {
	kv := statemachine.NewKV()
	kv.Apply(1, statemachine.AppendPut(nil, 3, []byte("ab")), nil)
	kv.Apply(2, statemachine.AppendDelete(nil, 1, 7), nil)
	snapshot := kv.AppendSnapshot(nil)
	if want := "\x02\x00\x00\x00\x00\x00\x00\x00" + "\x01\x00\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00" +
		"\x03\x00\x00\x00\x00\x00\x00\x00\x01\x02\x00\x00\x00ab"; string(snapshot) != want {
		t.Errorf("snapshot %q, want %q", snapshot, want)
	}
	change := func(f func(b []byte)) []byte { b := bytes.Clone(snapshot); f(b); return b }
	for _, tc := range []struct {
		name string
		b    []byte
		want error
	}{
		{"nothing", nil, statemachine.ErrSnapshotShort},
		{"more keys than bytes", change(put(0, 1<<63)), statemachine.ErrSnapshotShort},
		{"cut in a key", change(put(0, 3))[:46], statemachine.ErrSnapshotShort},
		{"fewer keys", change(put(0, 1)), statemachine.ErrSnapshotTrailing},
		{"a key twice", change(put(8, 3)), statemachine.ErrSnapshotState},
		{"keys out of order", change(put(8, 4)), statemachine.ErrSnapshotState},
		{"a key that was never written", change(put(17, 0)), statemachine.ErrSnapshotState},
		{"an unknown cell", change(func(b []byte) { b[16] = 2 }), statemachine.ErrCellTag},
		{"a value cut", snapshot[:len(snapshot)-1], statemachine.ErrCellShort},
	} {
		hash := kv.Hash()
		if err := kv.Restore(tc.b); err != tc.want || kv.Hash() != hash || kv.Len() != 2 {
			t.Errorf("%s: %v, want %v; hash changed: %v", tc.name, err, tc.want, kv.Hash() != hash)
		}
	}
}

// checkHostileSnapshot: what is not refused is a snapshot, byte for byte, of a state that one can go on with.
func checkHostileSnapshot(t interface{ Errorf(string, ...any) }, b []byte) {
	for _, ttl := range []int64{0, 35} {
		s := newSessions(ttl)
		hash := s.Hash()
		if err := s.Restore(b); err != nil {
			if s.Hash() != hash || s.Len() != 0 || s.Applied() != 0 {
				t.Errorf("%x: refused (%v), but the state changed", b, err)
			}
			continue
		}
		if got := s.AppendSnapshot(nil); !bytes.Equal(got, b) {
			t.Errorf("%x restores to a state with snapshot %x", b, got)
		}
		for i := range uint64(3) {
			if s.Applied() == 1<<64-1 {
				break
			}
			client := uint64(i + 1)
			id := uint64(0)
			for id = s.Applied(); id > s.Applied()-min(5, s.Applied()); id-- {
				if o, _ := s.Recall(&statemachine.Envelope{Kind: statemachine.EnvelopeCommand, Client: client, Seq: 1, Session: id}); o.Status != statemachine.StatusExpired {
					break
				}
			}
			s.Apply(s.Applied()+1, statemachine.AppendEnvelope(nil, &statemachine.Envelope{
				Kind: statemachine.EnvelopeCommand, Client: client, Seq: 9, Stamp: s.LogTime() + 3, Session: max(id, 1), Prev: 8, Ack: 9,
			}))
		}
		again := newSessions(ttl)
		if err := again.Restore(s.AppendSnapshot(nil)); err != nil || again.Hash() != s.Hash() {
			t.Errorf("%x: three entries later: %v, hash %016x and %016x", b, err, s.Hash(), again.Hash())
		}
	}
}

func TestHostileSnapshots(t *testing.T) {
	accepted := 0
	property := func(t *rapid.T) {
		m, d := newModel(35), logDraw{}
		s := newSessions(35)
		for range rapid.IntRange(0, 15).Draw(t, "entries") {
			data := d.entry(t, m)
			m.apply(d.index, data)
			s.Apply(d.index, data)
		}
		b := s.AppendSnapshot(nil)
		for range rapid.IntRange(0, 2).Draw(t, "damages") {
			at := rapid.IntRange(atTTL, len(b)-1).Draw(t, "at")
			switch rapid.IntRange(0, 5).Draw(t, "damage") {
			case 0:
				b = b[:max(at, atSessions)]
			case 1:
				b = append(b, rapid.SliceOfN(rapid.Byte(), 1, 60).Draw(t, "tail")...)
			case 2:
				b[at] ^= rapid.ByteRange(1, 255).Draw(t, "flip")
			default:
				b[at] += byte(rapid.IntRange(-2, 2).Draw(t, "add"))
			}
		}
		if rapid.IntRange(0, 9).Draw(t, "checksum") > 0 {
			b = doctored(b, func([]byte) {})
		}
		if newSessions(35).Restore(b) == nil {
			accepted++
		}
		checkHostileSnapshot(t, b)
	}
	fixed.Check(t, 100, property)
	if accepted < 20 {
		t.Fatalf("%d snapshots accepted", accepted)
	}
	rapid.Check(t, property)
}

func FuzzRestore(f *testing.F) {
	f.Add(snapshotted().AppendSnapshot(nil))
	f.Add(newSessions(0).AppendSnapshot(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > atTTL {
			b = doctored(b, func([]byte) {}) // chance does not find a checksum
		}
		checkHostileSnapshot(t, b)
		kv := statemachine.NewKV()
		if kv.Restore(b) == nil && !bytes.Equal(kv.AppendSnapshot(nil), b) {
			t.Errorf("%x restores to a map with snapshot %x", b, kv.AppendSnapshot(nil))
		}
	})
}
