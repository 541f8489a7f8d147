package raft

// rounds numbers and dates a leader's appends and heartbeats. A date is taken at most every 32nd part of an election timeout;
// what is sent in between has the date taken last. So a round's date is never later than the send, too early by at most that
// part, and the ring remembers the dates of the last two election timeouts however much is sent. Reads ask for rounds of
// their own (next) as often as they like: that raises the number and takes no date, so that it cannot push any out of the ring.
//
// Numbers start at 1 in each term; a reply of an earlier term is ignored before its round is looked at.
type rounds struct {
	quantum int64
	newest  uint64
	dates   [roundsKept]roundDate // the i-th date of the term at i mod roundsKept
	count   uint64
}

// roundDate is the date of round first and those after it, up to the next date.
type roundDate struct {
	first uint64
	at    int64
}

const (
	roundsKept       = 64
	roundsPerTimeout = roundsKept / 2
)

func (r *rounds) reset(electionTimeout int64) {
	r.quantum = max(electionTimeout/roundsPerTimeout, 1)
	r.newest, r.count = 0, 0
}

// at returns the round of something sent now.
func (r *rounds) at(now int64) uint64 {
	if r.count == 0 || now-r.dates[(r.count-1)%roundsKept].at >= r.quantum {
		r.newest++
		r.dates[r.count%roundsKept] = roundDate{first: r.newest, at: now}
		r.count++
	}
	return r.newest
}

// next returns a round that nothing sent before now belongs to.
func (r *rounds) next(now int64) uint64 {
	if before := r.newest; r.at(now) == before {
		r.newest++
	}
	return r.newest
}

// begun returns the date of a round; ok is false for a round never made or too old to matter.
func (r *rounds) begun(round uint64) (at int64, ok bool) {
	if round == 0 || round > r.newest {
		return 0, false
	}
	for i := r.count; i > 0 && r.count-i < roundsKept; i-- {
		if d := &r.dates[(i-1)%roundsKept]; d.first <= round {
			return d.at, true
		}
	}
	return 0, false
}
