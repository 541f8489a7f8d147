package abd

import (
	"errors"
	"testing"

	"raftsim/raft/vfs"
)

// A replica says nothing before what it says is durable: neither that it has stored a version, nor which one it has.
func TestAnswersWaitForTheDisk(t *testing.T) {
	m := newMachine(t)
	m.replica.Handle(query(1, 1, 0))
	if got := m.took(); got != "[answer c1#1 k0 none]" {
		t.Errorf("that it has nothing needs no disk: %s", got)
	}
	m.replica.Handle(store(1, 2, 0, 1, 1, 11))
	m.replica.Handle(query(2, 1, 0))
	m.replica.Handle(query(2, 2, 1))
	if got := m.took(); got != "[answer c2#2 k1 none]" {
		t.Errorf("before the sync: %s", got)
	}
	m.sync(-1)
	if got := m.took(); got != "[stored c1#2 k0 1.1=11 answer c2#1 k0 1.1=11]" {
		t.Errorf("after the sync: %s", got)
	}
}

// The highest timestamp stays, by counter and then by writer, whatever the order of arrival; whoever stores another one is told
// that it or a newer one is there.
func TestHighestTimestampStays(t *testing.T) {
	m := newMachine(t)
	for _, s := range []*Message{
		store(1, 1, 0, 2, 1, 21), store(3, 1, 0, 2, 3, 23), store(2, 1, 0, 2, 2, 22), store(9, 1, 0, 1, 9, 19), store(3, 1, 0, 2, 3, 23),
	} {
		m.replica.Handle(s)
		m.sync(-1)
	}
	if got := m.replica.Version(0); got != (Version{Timestamp{2, 3}, 23}) {
		t.Errorf("it has %s", got.AppendText(nil))
	}
	if got := m.took(); got != "[stored c1#1 k0 2.1=21 stored c3#1 k0 2.3=23 stored c2#1 k0 2.2=22 stored c9#1 k0 1.9=19 stored c3#1 k0 2.3=23]" {
		t.Errorf("it said %s", got)
	}
	if got, want := m.replica.Stats(), (Stats{Stores: 2, Superseded: 2, Repeats: 1, Ties: 2, Files: 1}); got != want {
		t.Errorf("it counted %+v, want %+v", got, want)
	}
}

// An older version is acknowledged only when the newer one that stands for it is durable.
func TestOlderStoreWaitsForTheNewer(t *testing.T) {
	m := newMachine(t)
	m.sync(-1)
	m.replica.Handle(store(1, 1, 0, 5, 1, 51))
	m.replica.Handle(store(2, 1, 0, 4, 2, 42))
	if got := m.took(); got != "[]" {
		t.Errorf("before the sync: %s", got)
	}
}

// A start makes everything it finds durable again before it answers with it, and only then removes the files it found.
func TestStartWritesEverythingAgain(t *testing.T) {
	m := newMachine(t)
	for key := range uint64(3) {
		m.replica.Handle(store(1, 1+key, key, 1, 1, 11))
	}
	m.took()
	m.start() // the process is new; nothing of what it finds is known to be synced
	m.replica.Handle(query(2, 1, 0))
	m.replica.Handle(query(2, 2, 7))
	if got := m.took(); got != "[answer c2#2 k7 none]" {
		t.Errorf("it said %s", got)
	}
	if got := m.files(); got != "[state-1 state-2]" {
		t.Errorf("before: %s", got)
	}
	m.mem.Completions() // of the process before
	m.sync(0)
	m.start()
	m.replica.Handle(query(2, 3, 0))
	m.sync(1) // the file, and not yet its name
	if got := m.took() + m.files(); got != "[][state-1 state-2 state-3]" {
		t.Errorf("with the data of the file: %s", got)
	}
	m.sync(-1)
	if got := m.took() + m.files(); got != "[answer c2#3 k0 1.1=11][state-3]" {
		t.Errorf("with its name: %s", got)
	}
}

// A file that has grown is followed by another one, and answers do not wait longer than for that.
func TestFilesFollowEachOther(t *testing.T) {
	m := newMachine(t)
	m.sync(-1)
	for counter := uint64(1); counter <= 4; counter++ {
		m.replica.Handle(store(1, counter, 0, counter, 1, counter))
		m.sync(-1)
	}
	m.replica.Handle(store(1, 5, 1, 1, 1, 5))
	if got := m.files(); got != "[state-1 state-2]" {
		t.Errorf("full: %s", got)
	}
	m.took()
	m.replica.Handle(query(2, 1, 0)) // durable in the old file
	m.replica.Handle(query(2, 2, 1)) // in the new one only
	if got := m.took(); got != "[answer c2#1 k0 4.1=4]" {
		t.Errorf("while the new file is under way: %s", got)
	}
	m.sync(-1)
	if got := m.took() + m.files(); got != "[stored c1#5 k1 1.1=5 answer c2#2 k1 1.1=5][state-2]" {
		t.Errorf("after: %s", got)
	}
}

// What is on disk is joined: the order of files and records does not matter, a torn record ends a file, and a record of another time
// in its place is a version like any other.
func TestRestoreJoins(t *testing.T) {
	record := func(key, counter, writer, value uint64) []byte {
		return appendRecord(nil, key, Version{Timestamp{counter, writer}, value})
	}
	torn := record(0, 9, 9, 99)
	torn[recordSize-1]++
	for _, tc := range []struct {
		what  string
		files map[string][][]byte
		want  Version
	}{
		{"nothing", nil, Version{}},
		{"one", map[string][][]byte{"state-4": {record(0, 1, 1, 11)}}, Version{Timestamp{1, 1}, 11}},
		{"the older file has the newer version", map[string][][]byte{"state-4": {record(0, 3, 1, 31)}, "state-5": {record(0, 2, 1, 21)}}, Version{Timestamp{3, 1}, 31}},
		{"out of order", map[string][][]byte{"state-4": {record(0, 3, 1, 31), record(0, 1, 1, 11)}}, Version{Timestamp{3, 1}, 31}},
		{"torn", map[string][][]byte{"state-4": {record(0, 1, 1, 11), torn, record(0, 5, 5, 55)}}, Version{Timestamp{1, 1}, 11}},
		{"cut short", map[string][][]byte{"state-4": {record(0, 1, 1, 11), record(0, 5, 5, 55)[:recordSize-1]}}, Version{Timestamp{1, 1}, 11}},
		{"zeros", map[string][][]byte{"state-4": {make([]byte, recordSize), record(0, 5, 5, 55)}}, Version{}},
	} {
		m := &machine{t: t}
		for name, records := range tc.files {
			f, err := m.mem.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			var off int64
			for _, r := range records {
				if _, err := f.WriteAt(r, off); err != nil {
					t.Fatal(err)
				}
				off += int64(len(r))
			}
		}
		m.start()
		if got := m.replica.Version(0); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.what, got.AppendText(nil), tc.want.AppendText(nil))
		}
	}
	m := &machine{t: t}
	if _, err := m.mem.Create("log"); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(m.config(), &m.mem, m); err == nil {
		t.Error("a file of somebody else was taken for one of a replica")
	}
	for _, c := range []Config{{}, {FileBytes: 1}, {MaxWaiting: 1}} {
		if _, err := Start(c, new(vfs.Mem), m); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}

// A sync that fails ends the replica: it does not guess what is durable.
func TestFailedSyncHalts(t *testing.T) {
	m := newMachine(t)
	m.sync(-1)
	broken := errors.New("broken")
	m.mem.FailSyncs(broken)
	m.replica.Handle(store(1, 1, 0, 1, 1, 11))
	m.sync(-1)
	if m.halted != broken || m.took() != "[]" {
		t.Errorf("halted with %v", m.halted)
	}
}

// What waits is bounded; what comes beyond is not answered, and leaves no trace.
func TestWaitingIsBounded(t *testing.T) {
	m := newMachine(t)
	m.sync(-1)
	for i := range uint64(6) {
		m.replica.Handle(store(1, 1+i, i, 1, 1, 11))
	}
	if got := m.replica.Stats().Refused; got != 3 {
		t.Errorf("%d refused", got)
	}
	m.sync(-1)
	if len(m.sent) != 3 || m.replica.Version(3) != (Version{}) {
		t.Errorf("%v", m.sent)
	}
}

// A replica that dies at a moment, whichever, touches nothing any more, and what it ever said it has is there when it starts again.
func TestDeathAtEveryMoment(t *testing.T) {
	life := func(m *machine) {
		for counter := uint64(1); counter <= 6 && !m.dead(); counter++ {
			m.replica.Handle(store(1, counter, counter%2, counter, 1, counter))
			if counter%2 == 0 && !m.dead() {
				m.sync(-1)
			}
		}
	}
	whole := newMachine(t)
	life(whole)
	if whole.moments < 20 {
		t.Fatalf("only %d moments", whole.moments)
	}
	for dies := 1; dies <= whole.moments; dies++ {
		m := &machine{t: t, dies: dies}
		r, err := Start(m.config(), &m.mem, m)
		if err != nil {
			t.Fatal(err)
		}
		if m.replica = r; !m.dead() {
			life(m)
		}
		if !m.dead() || m.touched > 0 {
			t.Fatalf("death at moment %d: dead %v, touched %d", dies, m.dead(), m.touched)
		}
		said := len(m.sent)
		m.start()
		for i := range uint64(said) {
			// Operation i+1 stored counter i+1, and was acknowledged in this order.
			if got := m.replica.Version((i + 1) % 2); got.Counter < i+1 {
				t.Errorf("death at moment %d: %s, although %d was acknowledged", dies, got.AppendText(nil), i+1)
			}
		}
	}
}

// Messages have one form, and everything else is refused.
func TestMessages(t *testing.T) {
	for k := Kind(0); k < kinds; k++ {
		m := Message{k, 1, 2, 3, Version{Timestamp{4, 5}, 1<<63 + 6}}
		b := AppendMessage([]byte("x"), &m)[1:]
		var got Message
		if err := DecodeMessage(b, &got); err != nil || got != m {
			t.Errorf("%v: %+v, %v", k, got, err)
		}
		if k.ToReplica() != (k == Query || k == Store) {
			t.Errorf("%v goes the wrong way", k)
		}
		for _, bad := range [][]byte{nil, b[1:], append(b[:len(b):len(b)], 0), append([]byte{byte(kinds)}, b[1:]...)} {
			if DecodeMessage(bad, &got) == nil {
				t.Errorf("%x was accepted", bad)
			}
		}
	}
	m := Message{Key: MaxKeys}
	if DecodeMessage(AppendMessage(nil, &m), &m) == nil {
		t.Error("a key beyond the bound was accepted")
	}
	if got := Kind(7).String(); got != "kind(7)" {
		t.Error(got)
	}
}
