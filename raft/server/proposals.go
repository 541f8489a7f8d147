package server

// proposals are what this server put into its log as a leader, in order of index, until something was applied there. They say
// two things: that an operation is in this leader's log from its present term, where it stays as long as the server leads, so
// that proposing it again would only make the log longer (clients that retry before a slow cluster can commit would keep it
// slow); and, once an index has been applied, whether the proposal that had it is lost for good.
type proposals struct {
	current table[proposal] // of the present leadership, by operation
	queue   []proposed      // of all leaderships, in order of index
	start   int
}

type proposal struct{ index, term uint64 }

type proposed struct{ index, term, client, seq uint64 }

// has reports whether, and where, an operation is in the log from the given term, the present one.
func (p *proposals) has(client, seq, term uint64) (index uint64, ok bool) {
	if i := p.current.find(client, seq); i != noRow && p.current.rows[i].value.term == term {
		return p.current.rows[i].value.index, true
	}
	return 0, false
}

// add notes a proposal. Older ones at this index and above are forgotten: this log has lost them, but another may hold them
// yet, so nothing can be said of them.
func (p *proposals) add(n proposed) {
	for len(p.queue) > p.start && p.queue[len(p.queue)-1].index >= n.index {
		p.queue = p.queue[:len(p.queue)-1]
	}
	if p.start > 0 && len(p.queue) == cap(p.queue) {
		p.queue, p.start = p.queue[:copy(p.queue, p.queue[p.start:])], 0
	}
	p.queue = append(p.queue, n)
	i := p.current.find(n.client, n.seq)
	if i == noRow {
		i = p.current.add(n.client, n.seq)
	}
	p.current.rows[i].value = proposal{index: n.index, term: n.term}
}

// take removes the oldest proposal at index or below.
func (p *proposals) take(index uint64) (n proposed, ok bool) {
	if p.start == len(p.queue) || p.queue[p.start].index > index {
		return proposed{}, false
	}
	n = p.queue[p.start]
	if p.start++; p.start == len(p.queue) {
		p.queue, p.start = p.queue[:0], 0
	}
	if i := p.current.find(n.client, n.seq); i != noRow && p.current.rows[i].value == (proposal{n.index, n.term}) {
		p.current.remove(i)
	}
	return n, true
}

// deposed notes that a leadership is over: the log may lose what it proposed, so it may be proposed anew.
func (p *proposals) deposed() { p.current.clear() }
