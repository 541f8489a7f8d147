package raft

// rounds dates a leader's appends and heartbeats. A round is begun at most every 32nd part of an election timeout;
// what is sent in between belongs to the round begun last. So a round's date is never later than the send, too
// early by at most that part, and the ring remembers every round of the last two election timeouts however much is
// sent. Numbers start at 1 in each term; a reply of an earlier term is ignored before its round is looked at.
type rounds struct {
	quantum int64
	newest  uint64
	begunAt [roundsKept]int64
}

const (
	roundsKept       = 64
	roundsPerTimeout = roundsKept / 2
)

func (r *rounds) reset(electionTimeout int64) {
	r.quantum = max(electionTimeout/roundsPerTimeout, 1)
	r.newest = 0
}

// at returns the round of something sent now.
func (r *rounds) at(now int64) uint64 {
	if r.newest == 0 || now-r.begunAt[r.newest%roundsKept] >= r.quantum {
		r.newest++
		r.begunAt[r.newest%roundsKept] = now
	}
	return r.newest
}

// begun returns when a round was begun; ok is false for a round never made or too old to matter.
func (r *rounds) begun(round uint64) (at int64, ok bool) {
	if round == 0 || round > r.newest || r.newest-round >= roundsKept {
		return 0, false
	}
	return r.begunAt[round%roundsKept], true
}
