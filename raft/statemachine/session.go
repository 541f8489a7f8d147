package statemachine

// session is what is remembered of a client. All of it is replicated state, but for the links.
type session struct {
	id     uint64
	client uint64
	opened uint64 // the number of the opening
	// done is the highest number that is settled: executed, or void, or never meant for the log. opened <= done.
	done uint64
	// ack is the lowest number whose answer the client may still want. opened <= ack <= done+1, done < ack+Window.
	ack    uint64
	active int64 // log time of its last entry

	answers []answer  // by number, from ack to done
	waiting []waiting // by number, above done and below ack+Window; the first one's predecessor is above done

	name  uint64 // hash of what never changes
	hash  uint64 // what this session contributes to Sessions.sum, without answers and waiting
	older int32  // neighbours in the order of last activity
	newer int32
}

// answer is what a command was answered. The buffer is used again.
type answer struct {
	seq    uint64
	hash   uint64
	result []byte
}

// waiting is a command that came before its predecessor.
type waiting struct {
	seq, prev uint64
	hash      uint64
	command   []byte
}

// Marks that keep the parts of a session apart in its hash.
const (
	markWaiting = 0x589965cc75374cc3
	markHead    = 0x1d8e4e27c47d124f
)

func (c *session) headHash() uint64 {
	return fold(fold(c.name^markHead^c.done, c.ack), uint64(c.active))
}

// answerHash is what an answer contributes to the hash.
func (c *session) answerHash(a *answer) uint64 { return fold(c.name^a.seq, hashBytes(a.result)) }

// add makes a session, in a place that one before it has left if there is one.
func (s *Sessions) add(client, id, seq uint64) int32 {
	slot := s.free
	if slot != 0 {
		s.free = s.list[slot].newer
	} else {
		slot = int32(len(s.list))
		s.list = append(s.list, session{})
	}
	c := &s.list[slot]
	*c = session{
		id: id, client: client, opened: seq, done: seq, ack: seq, active: s.logTime,
		answers: c.answers[:0], waiting: c.waiting[:0],
		name: combine(combine(id, client), seq),
	}
	s.link(slot)
	s.slots[client] = slot
	s.count++
	return slot
}

// end removes a session. What waited in it is reported: it will never be executed.
func (s *Sessions) end(slot int32) {
	c := &s.list[slot]
	s.sum -= c.hash
	for i := range c.answers {
		s.sum -= c.answers[i].hash
	}
	for i := range c.waiting {
		w := &c.waiting[i]
		s.sum -= w.hash
		*s.outcome() = Outcome{Client: c.client, Seq: w.seq, Session: c.id, Status: StatusExpired, Kind: EnvelopeCommand}
	}
	s.unlink(slot)
	delete(s.slots, c.client)
	s.near[c.client%nearSessions] = 0
	c.newer, s.free = s.free, slot
	s.count--
}

// touch notes that a session had an entry now. The circle stays in order: log time never falls.
func (s *Sessions) touch(slot int32) {
	c := &s.list[slot]
	if c.active == s.logTime {
		return
	}
	c.active = s.logTime
	if c.newer != 0 {
		s.unlink(slot)
		s.link(slot)
	}
}

func (s *Sessions) unlink(slot int32) {
	c := &s.list[slot]
	s.list[c.older].newer = c.newer
	s.list[c.newer].older = c.older
}

// link puts a session at the newest end.
func (s *Sessions) link(slot int32) {
	last := s.list[0].older
	c := &s.list[slot]
	c.older, c.newer = last, 0
	s.list[last].newer = slot
	s.list[0].older = slot
}

// acknowledge forgets the answers below ack and the waiting commands below it, which are void, and returns what they contributed
// to the hash.
func (c *session) acknowledge(ack uint64) (hash uint64) {
	c.ack = ack
	c.done = max(c.done, ack-1)
	n := 0
	for n < len(c.answers) && c.answers[n].seq < ack {
		hash += c.answers[n].hash
		n++
	}
	c.answers = shift(c.answers, n)
	if len(c.waiting) == 0 {
		return hash
	}
	n = 0
	for n < len(c.waiting) && c.waiting[n].seq < ack {
		hash += c.waiting[n].hash
		n++
	}
	c.waiting = shift(c.waiting, n)
	return hash
}

// recall tells whether a number is settled or out of bounds; StatusNoop: neither.
func (c *session) recall(e *Envelope) (Status, []byte) {
	if e.Seq > c.done {
		if e.Seq-c.ack >= Window {
			return StatusTooEarly, nil
		}
		return StatusNoop, nil
	}
	for i := range c.answers {
		if c.answers[i].seq == e.Seq {
			return StatusRepeated, c.answers[i].result
		}
	}
	return StatusStale, nil
}

// waits reports whether a command with this number is waiting.
func (c *session) waits(seq uint64) bool {
	for i := range c.waiting {
		if c.waiting[i].seq == seq {
			return true
		}
	}
	return false
}

// next returns the place of the next answer. Its result is what lay there before.
func (c *session) next() *answer {
	n := len(c.answers)
	if n < cap(c.answers) {
		c.answers = c.answers[:n+1]
	} else {
		c.answers = append(c.answers, answer{})
	}
	return &c.answers[n]
}

// keep adds a copy of a command to the waiting ones and returns what it contributes to the hash.
func (c *session) keep(seq, prev uint64, command []byte) (hash uint64) {
	n := len(c.waiting)
	if n < cap(c.waiting) {
		c.waiting = c.waiting[:n+1]
	} else {
		c.waiting = append(c.waiting, waiting{})
	}
	w := &c.waiting[n]
	w.seq, w.prev = seq, prev
	w.command = append(w.command[:0], command...)
	w.hash = fold(fold(c.name^markWaiting^w.seq, w.prev), hashBytes(w.command))
	hash = w.hash
	for n > 0 && c.waiting[n-1].seq > c.waiting[n].seq {
		c.waiting[n-1], c.waiting[n] = c.waiting[n], c.waiting[n-1]
		n--
	}
	return hash
}

// shift removes the first n elements and keeps them, for their buffers, beyond the end.
func shift[T any](list []T, n int) []T {
	if n == 0 {
		return list
	}
	if n == len(list) {
		return list[:0]
	}
	for i := n; i < len(list); i++ {
		list[i-n], list[i] = list[i], list[i-n]
	}
	return list[:len(list)-n]
}
