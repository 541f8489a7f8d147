package world

import (
	"fmt"

	"raftsim/raft"
	"raftsim/sim"
)

// shownLog is a server's log as a story has told it.
type shownLog struct {
	first   uint64 // index of entries[0]
	entries []shownEntry
}

type shownEntry struct {
	term uint64
	what string
}

func (s *story) log(id sim.ProcID) *shownLog {
	l := &s.logs[id-1]
	l.first = max(l.first, 1)
	return l
}

// restart makes the log empty after the entry at index.
func (l *shownLog) restart(index uint64) {
	l.first, l.entries = index+1, l.entries[:0]
}

func (l *shownLog) last() uint64 { return l.first + uint64(len(l.entries)) - 1 }

// cut removes the entries from index on.
func (l *shownLog) cut(index uint64) {
	if index <= l.last() {
		l.entries = l.entries[:max(index, l.first)-l.first]
	}
}

func (l *shownLog) append(e *raft.Entry, what string) {
	l.cut(e.Index)
	if e.Index != l.last()+1 {
		l.restart(e.Index - 1)
	}
	l.entries = append(l.entries, shownEntry{e.Term, what})
}

func (l *shownLog) at(index uint64) (e shownEntry, ok bool) {
	if index < l.first || index > l.last() {
		return shownEntry{}, false
	}
	return l.entries[index-l.first], true
}

// names returns entries by index and term, a run of one term in one: "3/t1", "3-5/t1, 6/t2".
func (l *shownLog) names(first, last uint64) (text string) {
	for first <= last {
		e, ok := l.at(first)
		end := first
		for next, more := l.at(end + 1); end < last && more == ok && next.term == e.term; next, more = l.at(end + 1) {
			end++
		}
		if text != "" {
			text += ", "
		}
		text += fmt.Sprint(first)
		if end > first {
			text += fmt.Sprintf("-%d", end)
		}
		if ok {
			text += fmt.Sprintf("/t%d", e.term)
		}
		first = end + 1
	}
	return text
}

// namedMost is how many entries of a clause are told with their content.
const namedMost = 4

// named is names with the content of the entries.
func (l *shownLog) named(first, last uint64) (text string) {
	if last-first >= namedMost {
		return l.names(first, last)
	}
	for i := first; i <= last; i++ {
		if i > first {
			text += ", "
		}
		e, _ := l.at(i)
		text += fmt.Sprintf("%d/t%d (%s)", i, e.term, e.what)
	}
	return text
}

// ending tells how far a log goes.
func (l *shownLog) ending() string {
	if len(l.entries) == 0 {
		return fmt.Sprintf(" with a log that holds nothing after %d", l.first-1)
	}
	return fmt.Sprintf(" with a log up to %s", l.names(l.last(), l.last()))
}

// columns is how many entries of a log a picture shows, the last ones.
const columns = 20

// draw shows all logs.
func (s *story) draw() {
	w := s.world
	from, last, wide := ^uint64(0), uint64(0), 1
	for i, n := range w.nodes[:w.slots()] {
		if l := s.log(n.proc); n.state != spare {
			from, last = min(from, l.first), max(last, l.last())
			if k := len(s.logs[i].entries); k > 0 {
				wide = max(wide, len(fmt.Sprint(l.entries[k-1].term)))
			}
		}
	}
	if last == 0 {
		return
	}
	wide = max(wide, len(fmt.Sprint(last)))
	if last >= columns {
		from = max(from, last-columns+1)
	}
	s.let()
	const indent = margin + "|  "
	b := fmt.Appendf(s.buffer[:0], "%s%-16s", indent, "")
	for i := from; i <= last; i++ {
		b = fmt.Appendf(b, " %*d", wide, i)
	}
	s.out.Tell(b)
	for _, n := range w.nodes[:w.slots()] {
		if n.state == spare {
			continue
		}
		b = s.drawRow(append(b[:0], indent...), n, from, last, wide)
		s.out.Tell(b)
	}
	s.buffer = b
}

func (s *story) drawRow(b []byte, n *node, from, last uint64, wide int) []byte {
	term, role := "-", "down"
	commit := uint64(0)
	if n.up() {
		st := n.server.Status()
		commit = st.Commit
		term = fmt.Sprintf("t%d", st.Term)
		if role = ""; n.running() && st.Role != raft.StateFollower {
			role = [...]string{raft.StateLeader: "leads", raft.StateCandidate: "stands", raft.StatePreCandidate: "asks"}[st.Role]
		}
		if n.paused > 0 {
			role = "paused"
		}
	}
	b = fmt.Appendf(b, "n%-3d %-4s %-6s", n.id, term, role)
	log := s.log(n.proc)
	for i := from; i <= last; i++ {
		bar := byte(' ')
		if n.up() && i == commit+1 {
			bar = '|'
		}
		e, ok := log.at(i)
		switch {
		case ok:
			b = fmt.Appendf(b, "%c%*d", bar, wide, e.term)
		case i < log.first:
			b = fmt.Appendf(b, "%c%*s", bar, wide, ".")
		default:
			b = fmt.Appendf(b, "%c%*s", bar, wide, "")
		}
	}
	if n.up() && commit == last {
		b = append(b, '|')
	}
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}
