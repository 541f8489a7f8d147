package statemachine_test

import (
	"testing"
	"time"

	"raftsim/raft/statemachine"
)

// load makes the entries of clients that each have some commands under way, in the steady state.
type load struct {
	s        *statemachine.Sessions
	command  []byte
	envelope []byte
	index    uint64
	clients  uint64
	window   uint64 // commands under way; 1: a closed loop
	tick     int64  // of log time from entry to entry
}

func newLoad(ttl time.Duration, clients, window uint64) *load {
	l := &load{
		s: statemachine.NewSessions(statemachine.NewKV(), ttl), command: statemachine.AppendPut(nil, 3, []byte("sixteen bytes...")),
		clients: clients, window: window, tick: 1000,
	}
	for l.index < clients {
		l.index++
		l.s.Apply(l.index, open(l.index, 1, 0))
	}
	return l
}

// step applies one entry. With several under way, each pair of neighbours comes in the wrong order.
func (l *load) step() statemachine.Status {
	turn := l.index - l.clients
	client, k := turn%l.clients+1, turn/l.clients
	seq := k + 2
	if l.window > 1 {
		seq = k ^ 1 + 2
	}
	l.index++
	l.envelope = statemachine.AppendEnvelope(l.envelope[:0], &statemachine.Envelope{
		Kind: statemachine.EnvelopeCommand, Client: client, Seq: seq, Stamp: l.tick * int64(l.index),
		Session: client, Prev: seq - 1, Ack: max(seq, l.window+1) - l.window + 1, Command: l.command,
	})
	return l.s.Apply(l.index, l.envelope)[0].Status
}

func TestSessionsAllocateNothing(t *testing.T) {
	for _, window := range []uint64{1, 8} {
		l := newLoad(time.Minute, 3, window)
		for range 200 {
			l.step()
		}
		var seen [statemachine.StatusExpired + 1]int
		if n := testing.AllocsPerRun(100, func() { seen[l.step()]++ }); n != 0 {
			t.Errorf("window %d: %v allocations", window, n)
		}
		if window > 1 && (seen[statemachine.StatusWaiting] < 40 || seen[statemachine.StatusApplied] < 40) {
			t.Errorf("window %d: %v", window, seen)
		}
	}
	// Sessions that come and go use the places of those before.
	s := newSessions(10)
	var index uint64
	buf := make([]byte, 0, 64)
	cycle := func() {
		index++
		buf = statemachine.AppendEnvelope(buf[:0], &statemachine.Envelope{
			Kind: statemachine.EnvelopeOpen, Client: index%7 + 1, Seq: index, Stamp: int64(index) * 3,
		})
		s.Apply(index, buf)
	}
	for range 100 {
		cycle()
	}
	if n := testing.AllocsPerRun(100, cycle); n != 0 || s.Len() != 4 {
		t.Errorf("%v allocations by sessions that come and go; %d sessions", n, s.Len())
	}
}

func TestSnapshotAllocatesNothing(t *testing.T) {
	l := newLoad(time.Minute, 3, 8)
	for range 200 {
		l.step()
	}
	buf := l.s.AppendSnapshot(nil)
	if n := testing.AllocsPerRun(100, func() { buf = l.s.AppendSnapshot(buf[:0]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func benchmarkSessions(b *testing.B, ttl time.Duration, window uint64) {
	l := newLoad(ttl, 8, window)
	b.ReportAllocs()
	for b.Loop() {
		l.step()
	}
}

func BenchmarkSessionsPut(b *testing.B)       { benchmarkSessions(b, 0, 1) }
func BenchmarkSessionsPutTTL(b *testing.B)    { benchmarkSessions(b, time.Minute, 1) }
func BenchmarkSessionsPutWindow(b *testing.B) { benchmarkSessions(b, time.Minute, 8) }

func BenchmarkSessionsSnapshot(b *testing.B) {
	l := newLoad(time.Minute, 100, 8)
	for range 2000 {
		l.step()
	}
	buf := l.s.AppendSnapshot(nil)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = l.s.AppendSnapshot(buf[:0])
	}
}

func BenchmarkSessionsRestore(b *testing.B) {
	l := newLoad(time.Minute, 100, 8)
	for range 2000 {
		l.step()
	}
	snapshot := l.s.AppendSnapshot(nil)
	b.SetBytes(int64(len(snapshot)))
	b.ReportAllocs()
	for b.Loop() {
		if err := l.s.Restore(snapshot); err != nil {
			b.Fatal(err)
		}
	}
}
