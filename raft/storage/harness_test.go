package storage

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"raftsim/raft"
	"raftsim/raft/vfs"
)

const member = 3

func conf() raft.ConfState { return raft.ConfState{Voters: []uint64{1, 2, member}} }

// site is a member's log on a disk in memory.
type site struct {
	testing.TB
	mem    *vfs.Mem
	size   int64
	log    *Log
	ticket vfs.Ticket
	events []Event
}

// newSite returns a member that was bootstrapped and opened.
func newSite(t testing.TB, segmentBytes int64) *site {
	t.Helper()
	s := &site{TB: t, mem: &vfs.Mem{}, size: segmentBytes}
	if err := Bootstrap(s.mem, member, conf(), 1, 2); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]vfs.Completion{{Ticket: 1}, {Ticket: 2}}, s.mem.Completions()); diff != "" {
		t.Fatalf("syncs of bootstrap (-want +got):\n%s", diff)
	}
	s.open()
	return s
}

// open restarts the member and lets the opening complete.
func (s *site) open() State {
	s.Helper()
	st, err := s.tryOpen()
	if err != nil {
		s.Fatal(err)
	}
	return st
}

func (s *site) tryOpen() (State, error) {
	s.mem.Completions()
	s.ticket++
	log, st, err := Open(s.mem, member, Options{SegmentBytes: s.size}, s.ticket)
	if err != nil {
		return st, err
	}
	s.log = log
	if last := s.settle(); last != s.ticket {
		s.Fatalf("the opening ends with ticket %d, want %d", last, s.ticket)
	}
	return st, nil
}

// settle lets everything complete and returns the last ticket of the caller's that did.
func (s *site) settle() (last vfs.Ticket) {
	s.Helper()
	for {
		done := s.mem.Completions()
		if len(done) == 0 {
			return last
		}
		for _, c := range done {
			ev := s.log.Completed(c.Ticket, c.Err)
			if ev.Kind == EventFailed {
				s.Fatal(ev.Err)
			}
			if ev.Kind != EventNone {
				s.events = append(s.events, ev)
			}
			if c.Ticket < InternalTickets {
				last = c.Ticket
			}
		}
	}
}

func (s *site) append(b batch) {
	s.Helper()
	if err := s.log.Append(b.hs, b.entries); err != nil {
		s.Fatal(err)
	}
}

// write appends batches, each with a sync that completes.
func (s *site) write(batches ...batch) {
	s.Helper()
	for _, b := range batches {
		s.append(b)
		s.ticket++
		s.log.Sync(s.ticket)
		s.settle()
	}
}

// save saves a snapshot and waits for it.
func (s *site) save(index, term uint64, data string) raft.SnapshotMeta {
	s.Helper()
	meta := raft.SnapshotMeta{Index: index, Term: term, ConfState: conf(), Size: uint64(len(data))}
	s.must(s.log.SaveSnapshot(meta, []byte(data)))
	s.settle()
	if n := len(s.events); n == 0 || s.events[n-1].Kind != EventSnapshotSaved || !cmp.Equal(s.events[n-1].Meta, meta) {
		s.Fatalf("events %+v, want a saved snapshot %+v last", s.events, meta)
	}
	return meta
}

// install receives a snapshot in pieces of a few bytes and installs it.
func (s *site) install(index, term uint64, data string) raft.SnapshotMeta {
	s.Helper()
	meta := raft.SnapshotMeta{Index: index, Term: term, ConfState: conf(), Size: uint64(len(data))}
	s.receive(index, term, data)
	s.ticket++
	s.must(s.log.InstallSnapshot(meta, s.ticket))
	s.settle()
	want := Event{Kind: EventInstalled, Meta: meta, Ticket: s.ticket}
	if n := len(s.events); n == 0 || !cmp.Equal(s.events[n-1], want) {
		s.Fatalf("events %+v, want %+v last", s.events, want)
	}
	return meta
}

func (s *site) receive(index, term uint64, data string) {
	s.Helper()
	for at := 0; at == 0 || at < len(data); at += 5 {
		s.must(s.log.ReceiveChunk(raft.Chunk{Index: index, Term: term, Offset: uint64(at), Data: []byte(data[at:min(at+5, len(data))])}))
	}
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *site) names() []string {
	s.Helper()
	names, err := s.mem.List()
	s.must(err)
	return names
}

// copyTo returns a site with the same files and no log.
func (s *site) copy() *site {
	s.Helper()
	c := &site{TB: s.TB, mem: &vfs.Mem{}, size: s.size}
	for _, name := range s.names() {
		c.put(name, s.bytes(name))
	}
	return c
}

func (s *site) bytes(name string) []byte {
	s.Helper()
	f, err := s.mem.Open(name)
	s.must(err)
	size, err := f.Size()
	s.must(err)
	b := make([]byte, size)
	if n, err := f.ReadAt(b, 0); n < len(b) {
		s.Fatal(err)
	}
	return b
}

func (s *site) put(name string, b []byte) {
	s.Helper()
	f, err := s.mem.Create(name)
	s.must(err)
	if _, err = f.WriteAt(b, 0); err != nil {
		s.Fatal(err)
	}
}

// batch is what one Append writes.
type batch struct {
	hs      *raft.HardState
	entries []raft.Entry
}

func hard(term, vote, commit uint64) *raft.HardState {
	return &raft.HardState{Term: term, Vote: vote, Commit: commit}
}

func entry(term, index uint64, data string) raft.Entry {
	return raft.Entry{Term: term, Index: index, Data: []byte(data)}
}

// replay says, without any encoding, what the disk should remember of batches: the slow twin.
func replay(batches []batch) State {
	st := State{ID: member, ConfState: conf()}
	for _, b := range batches {
		if b.hs != nil {
			st.HardState = *b.hs
		}
		for _, e := range b.entries {
			st.Entries = append(st.Entries[:e.Index-1:e.Index-1], e)
		}
	}
	return st
}

// sameState compares all but the incarnation and what was cut off.
func sameState(want, got State) string {
	if want.ID == got.ID && want.HardState == got.HardState && want.Offset == got.Offset && want.OffsetTerm == got.OffsetTerm &&
		want.Lost == got.Lost && want.Snapshot.Index == 0 && got.Snapshot.Index == 0 && slices.Equal(want.ConfState.Voters, got.ConfState.Voters) &&
		slices.EqualFunc(want.Entries, got.Entries, func(a, b raft.Entry) bool {
			return a.Index == b.Index && a.Term == b.Term && a.Type == b.Type && bytes.Equal(a.Data, b.Data)
		}) {
		return "" // cmp is slow
	}
	return cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(State{}, "Cut", "Incarnation"))
}

// story is a leader change that replaces a tail, with batches of every shape.
func story() []batch {
	return []batch{
		{hs: hard(1, 2, 0)},
		{hs: hard(1, 2, 0), entries: []raft.Entry{entry(1, 1, ""), entry(1, 2, "two"), entry(1, 3, "three")}},
		{entries: []raft.Entry{entry(1, 4, "four")}},
		{hs: hard(4, 0, 2), entries: []raft.Entry{entry(4, 3, "other three")}},
		{hs: hard(4, 3, 3), entries: []raft.Entry{entry(4, 4, "other four"), {Term: 4, Index: 5, Type: raft.EntryConfChange, Data: []byte(strings.Repeat("x", 40))}}},
		{hs: hard(5, 0, 4)},
		{hs: hard(5, 1, 5), entries: []raft.Entry{entry(5, 6, "six")}},
	}
}

// segmentSizes are those at which each test of a story is run: a record in each segment, a few, all in one.
func segmentSizes(t *testing.T, test func(t *testing.T, size int64)) {
	for _, size := range []int64{1, 500, 1 << 20} {
		t.Run(fmt.Sprintf("segments of %d bytes", size), func(t *testing.T) { test(t, size) })
	}
}
