package raft

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// slowLog is the whole history of a log as a list of all entries, and where it begins now.
type slowLog struct {
	terms  []uint64 // of entry i+1 at i; 0 for those that a snapshot from elsewhere stands for, but the last
	sizes  []int
	offset uint64
}

func (s *slowLog) last() uint64 { return uint64(len(s.terms)) }

// logMachine does the same to a raftLog and to its slow twin.
type logMachine struct {
	l     *raftLog
	slow  slowLog
	term  uint64
	views []logView
}

// logView is what somebody holds of the log, and what it was when it was handed out.
type logView struct{ held, was []Entry }

func newLogMachine() *logMachine { return &logMachine{l: &raftLog{id: 1}, term: 1} }

func (m *logMachine) data(size int) []byte {
	return []byte(fmt.Sprintf("%-9d", m.slow.last()*10+m.term))[:size]
}

func (m *logMachine) act(t *rapid.T) {
	l := m.l
	draw := func(label string, from, to uint64) uint64 { return rapid.Uint64Range(from, to).Draw(t, label) }
	switch draw("what", 0, 7) {
	case 0, 1:
		m.term += draw("rise", 0, 1)
		size := int(draw("size", 0, 9))
		if got, want := l.appendOwn(m.term, m.data(size)), m.slow.last()+1; got != want {
			t.Fatalf("appended as %d, want %d", got, want)
		}
		m.slow.terms, m.slow.sizes = append(m.slow.terms, m.term), append(m.slow.sizes, size)
	case 2: // a leader of a newer term has other entries
		from := draw("from", l.commit, l.lastIndex())
		m.term++
		var entries []Entry
		m.slow.terms, m.slow.sizes = m.slow.terms[:from], m.slow.sizes[:from]
		for range draw("count", 1, 4) {
			size := int(draw("size", 0, 9))
			entries = append(entries, Entry{Term: m.term, Index: m.slow.last() + 1, Data: m.data(size)})
			m.slow.terms, m.slow.sizes = append(m.slow.terms, m.term), append(m.slow.sizes, size)
		}
		l.follow(entries)
	case 3: // the host does everything there is to do, up to some point
		upto := draw("upto", l.applied, l.lastIndex())
		l.commitTo(max(l.commit, upto))
		l.handed, l.applying, l.applied = max(l.handed, upto), max(l.applying, upto), max(l.applied, upto)
		l.stableTo(upto)
	case 4, 5:
		index := draw("index", 0, l.applied)
		l.compact(index)
		m.slow.offset = max(m.slow.offset, index)
	case 6:
		index := l.commit + draw("beyond", 1, 5)
		m.term++
		l.restore(index, m.term)
		l.stable, l.applied = index, index // installed
		m.slow.offset = index
		m.slow.terms, m.slow.sizes = append(make([]uint64, index-1), m.term), make([]int, index)
	default:
		if from := l.offset + 1; from <= l.lastIndex() {
			from = draw("first", from, l.lastIndex())
			held := l.slice(from, draw("last", from, l.lastIndex()))
			v := logView{held: held}
			for _, e := range held {
				e.Data = append([]byte(nil), e.Data...)
				v.was = append(v.was, e)
			}
			m.views = append(m.views, v)
		}
	}
}

func (m *logMachine) check(t *rapid.T) {
	l, slow := m.l, &m.slow
	if l.lastIndex() != slow.last() || l.offset != slow.offset {
		t.Fatalf("the log is %d to %d, want %d to %d", l.offset+1, l.lastIndex(), slow.offset+1, slow.last())
	}
	if !(l.offset <= l.applied && l.applied <= l.applying && l.applying <= l.commit && l.offset <= l.stable && l.stable <= l.handed &&
		l.handed <= l.lastIndex() && l.applying <= l.stable) {
		t.Fatalf("marks out of order: %+v", *l)
	}
	unsettled := 0
	for index := range slow.last() + 2 {
		got, ok := l.term(index)
		known := index >= slow.offset && index <= slow.last()
		want := uint64(0)
		if known && index > 0 {
			want = slow.terms[index-1]
		}
		if ok != known || got != want {
			t.Fatalf("entry %d has term %d, %v; want %d, %v", index, got, ok, want, known)
		}
		if index > min(l.commit, l.stable) && index <= slow.last() {
			unsettled += slow.sizes[index-1]
		}
	}
	if l.unsettled != uint64(unsettled) {
		t.Fatalf("%d bytes not settled, want %d", l.unsettled, unsettled)
	}
	for i := range l.entries {
		if e := &l.entries[i]; e.Index != l.offset+uint64(i)+1 || len(e.Data) != slow.sizes[e.Index-1] {
			t.Fatalf("entry %d of %d bytes at %d", e.Index, len(e.Data), l.offset+uint64(i)+1)
		}
	}
	for _, v := range m.views {
		for i := range v.held {
			if diff := cmp.Diff(v.was[i].Term, v.held[i].Term); diff != "" || v.held[i].Index != v.was[i].Index || string(v.held[i].Data) != string(v.was[i].Data) {
				t.Fatalf("what was handed out as %s is now %s", DescribeEntry(nil, &v.was[i]), DescribeEntry(nil, &v.held[i]))
			}
		}
	}
}

// TestLogAgainstSlowTwin: whatever is appended, cut off at the end, cut off at the front or replaced by a snapshot, the log knows the
// terms that a plain list knows, counts the same bytes, and what was handed out stays as it was.
func TestLogAgainstSlowTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newLogMachine()
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			m.act(t)
			m.check(t)
		}
	})
}

// TestCompactedMemory: what was forgotten is not kept by an array that is mostly forgotten.
func TestCompactedMemory(t *testing.T) {
	l := &raftLog{id: 1}
	for range 1000 {
		l.appendOwn(1, nil)
	}
	l.commitTo(1000)
	l.handed, l.stable, l.applying, l.applied = 1000, 1000, 1000, 1000
	l.compact(990)
	if n := cap(l.entries); n > 40 || len(l.entries) != 10 {
		t.Errorf("10 entries in an array for %d", n)
	}
	l.compact(500)
	if l.offset != 990 {
		t.Errorf("the log begins after %d", l.offset)
	}
	mustPanic(t, "raft: n1 would go back from commit index 1000 to a snapshot of entry 1000", func() { l.restore(1000, 1) })
	l.appendOwn(1, nil)
	mustPanic(t, "raft: n1 would forget the entries up to 1001, but only 1000 is applied", func() { l.compact(1001) })
}
