package statemachine

import (
	"fmt"
	"slices"
	"time"
)

// Window is how many numbers, from the lowest one that a client still wants an answer to, it may have under way in a session.
// It bounds what a session holds: fewer than Window answers and waiting commands.
const Window = 64

// Sessions applies each (client, number) to its machine at most once, however often the log holds it, so a client may
// retry without risk (Raft dissertation, 6.3).
//
// A client first opens a session. The id of the session is the index of that entry, so no two sessions ever share one, and a
// late copy of a command of a session that is gone can never be executed. A client has one session at a time: opening another
// one, under a later number, ends the one before.
//
// The commands of a session are executed in the order of their numbers, whatever the order in the log: each names the one
// before it, and one that comes before its predecessor is kept until that one is executed, or until the client says by its
// acknowledgements that it has given that one up. So "given up" means: takes effect once before any later command, or never.
//
// A session expires when log time has gone on by more than the TTL since its last entry: at the first entry that shows it,
// before that entry does anything, and whatever the clocks of this replica say. A clock that runs ahead, or that of a new
// leader, can end sessions early; it ends them on all replicas alike.
//
// The zero value is not usable; call NewSessions. Memory: O(sessions), each with less than Window cached answers and waiting
// commands.
type Sessions struct {
	machine StateMachine
	timed   Timed            // the machine, if it is Timed
	ttl     int64            // of log time; 0: sessions never expire
	applied uint64           // index of the last entry given to Apply
	logTime int64            // never below 0
	slots   map[uint64]int32 // client -> position in list; looked up, never ranged over
	// near is some of slots, 0 where none: most lookups end here.
	near [nearSessions]int32
	// list holds the sessions. list[0] is none: it is the end of the circle older/newer, in the order of last activity.
	// The free positions are chained by newer, beginning at free.
	list  []session
	free  int32
	count int
	sum   uint64 // sum of the sessions' hashes

	outcomes []Outcome // of the last Apply
	order    []int32   // scratch of AppendSnapshot
	scratch  session   // of Restore
}

const nearSessions = 32

// NewSessions wraps a machine in its initial state. The ttl must be the same on all replicas; 0 is for ever, less than that a panic.
func NewSessions(machine StateMachine, ttl time.Duration) *Sessions {
	if ttl < 0 {
		panic(fmt.Sprintf("statemachine: sessions with a TTL of %v", ttl))
	}
	s := &Sessions{ttl: int64(ttl), slots: make(map[uint64]int32), list: make([]session, 1)}
	s.Reset(machine)
	return s
}

// Reset forgets every session and continues with machine, which must be in its initial state: a restart, before the log is
// replayed from its first entry.
func (s *Sessions) Reset(machine StateMachine) {
	s.machine = machine
	s.timed, _ = machine.(Timed)
	s.applied = 0
	s.forget()
}

// forget drops all sessions and keeps their memory.
func (s *Sessions) forget() {
	s.logTime = 0
	clear(s.slots)
	s.near = [nearSessions]int32{}
	s.free = 0
	for i := len(s.list) - 1; i > 0; i-- {
		s.list[i].newer, s.free = s.free, int32(i)
	}
	s.list[0].older, s.list[0].newer = 0, 0
	s.count = 0
	s.sum = 0
	s.outcomes = s.outcomes[:0]
}

// Apply executes one committed entry: its command, or those that waited for it, or both. It returns what became of each, in
// the order in which it happened; at least one, valid until the next call. Commands that waited in sessions which end here
// come first, as expired. data is not kept.
//
// Entries come in the order of the log: an index that does not rise is a panic. The sessions would hide such a bug for
// as long as the answers are cached, and no longer.
//
// Cost per command: one map lookup and the hash of the result on top of the machine, and O(Window) when several are under way;
// per session that ends, O(1) once. No allocation unless something outgrows all that was before it in its place.
func (s *Sessions) Apply(index uint64, data []byte) []Outcome {
	if index <= s.applied {
		panic(fmt.Sprintf("statemachine: entry %d applied after entry %d", index, s.applied))
	}
	s.applied = index
	s.outcomes = s.outcomes[:0]
	var e Envelope
	switch {
	case len(data) == 0:
		*s.outcome() = Outcome{Status: StatusNoop}
	case DecodeEnvelope(data, &e) != nil:
		*s.outcome() = Outcome{Status: StatusMalformed}
	default:
		s.advance(e.Stamp)
		if e.Kind == EnvelopeOpen {
			s.open(index, &e)
		} else {
			s.command(index, &e)
		}
	}
	return s.outcomes
}

// find returns the position of a client's session, 0 if it has none.
func (s *Sessions) find(client uint64) (slot int32, known bool) {
	near := &s.near[client%nearSessions]
	if *near != 0 && s.list[*near].client == client {
		return *near, true
	}
	if slot, known = s.slots[client]; known {
		*near = slot
	}
	return slot, known
}

// open gives the client a session, unless the entry is a late copy.
func (s *Sessions) open(index uint64, e *Envelope) {
	if slot, known := s.find(e.Client); known {
		c := &s.list[slot]
		if e.Seq == c.opened {
			s.touch(slot)
			s.refresh(c)
			s.report(e, StatusRepeated, c.id, nil)
			return
		}
		if e.Seq <= c.done {
			s.report(e, StatusStale, 0, nil)
			return
		}
		s.end(slot)
	}
	slot := s.add(e.Client, index, e.Seq)
	s.refresh(&s.list[slot])
	s.report(e, StatusApplied, index, nil)
}

// command executes a command when its turn has come, keeps it when it has not, and executes what waited for it.
func (s *Sessions) command(index uint64, e *Envelope) {
	slot, known := s.find(e.Client)
	if !known || s.list[slot].id != e.Session {
		s.report(e, StatusExpired, e.Session, nil)
		return
	}
	s.touch(slot)
	c := &s.list[slot]
	if e.Ack > c.ack {
		s.sum -= c.acknowledge(e.Ack)
	}
	if len(c.waiting) > 0 {
		s.commandAmongWaiting(index, c, e)
	} else if status, result := c.recall(e); status != StatusNoop {
		s.report(e, status, c.id, result)
	} else if e.Prev <= c.done {
		s.execute(index, c, e.Seq, e.Command)
	} else {
		s.sum += c.keep(e.Seq, e.Prev, e.Command)
		s.report(e, StatusWaiting, c.id, nil)
	}
	s.refresh(c)
}

// commandAmongWaiting is command for a session in which some are waiting. What the entry's acknowledgement lets go and has a
// lower number goes first, so that the order of numbers holds within one entry too.
func (s *Sessions) commandAmongWaiting(index uint64, c *session, e *Envelope) {
	held := c.waits(e.Seq)
	s.release(index, c, e.Seq)
	switch {
	case held && c.waits(e.Seq):
		s.report(e, StatusWaiting, c.id, nil)
	case held: // just released, and reported
	default:
		if status, result := c.recall(e); status != StatusNoop {
			s.report(e, status, c.id, result)
		} else if e.Prev <= c.done && (len(c.waiting) == 0 || c.waiting[0].seq > e.Seq) {
			s.execute(index, c, e.Seq, e.Command)
		} else {
			s.sum += c.keep(e.Seq, e.Prev, e.Command)
			s.report(e, StatusWaiting, c.id, nil)
		}
	}
	s.release(index, c, ^uint64(0))
}

// release executes, in order, the waiting commands up to a number whose turn has come.
func (s *Sessions) release(index uint64, c *session, upTo uint64) {
	n := 0
	for n < len(c.waiting) && c.waiting[n].seq <= upTo && c.waiting[n].prev <= c.done {
		w := &c.waiting[n]
		s.sum -= w.hash
		s.execute(index, c, w.seq, w.command)
		n++
	}
	c.waiting = shift(c.waiting, n)
}

// execute gives a command to the machine and caches its answer.
func (s *Sessions) execute(index uint64, c *session, seq uint64, command []byte) {
	a := c.next()
	a.result = s.machine.Apply(index, command, a.result[:0])
	a.seq = seq
	a.hash = c.answerHash(a)
	s.sum += a.hash
	c.done = seq
	o := s.outcome()
	o.Client, o.Seq, o.Session = c.client, seq, c.id
	o.Status, o.Kind, o.Result = StatusApplied, EnvelopeCommand, a.result
}

func (s *Sessions) report(e *Envelope, status Status, session uint64, result []byte) {
	o := s.outcome()
	o.Client, o.Seq, o.Session = e.Client, e.Seq, session
	o.Status, o.Kind, o.Result = status, e.Kind, result
}

// outcome adds one to the list, with whatever is in its place from before: all fields are to be set.
func (s *Sessions) outcome() *Outcome {
	n := len(s.outcomes)
	if n < cap(s.outcomes) {
		s.outcomes = s.outcomes[:n+1]
	} else {
		s.outcomes = append(s.outcomes, Outcome{})
	}
	return &s.outcomes[n]
}

// refresh brings the sum up to date after c changed, apart from its answers and waiting commands.
func (s *Sessions) refresh(c *session) {
	s.sum -= c.hash
	c.hash = c.headHash()
	s.sum += c.hash
}

// Recall tells what is known of an envelope without another entry; ok is false when only the log can tell. Stamp and Command
// play no part.
//
//   - StatusRepeated: it is done, and this is the answer (which aliases the session until the next Apply or Restore).
//   - StatusStale: no answer may be given.
//   - StatusWaiting: a copy waits in the session, and nothing this one acknowledges would change that.
//   - StatusExpired: this copy will never be executed. A replica that has not yet applied the opening does not say so.
//
// All of these stay true whatever the log goes on with, except that a waiting one may stop waiting.
func (s *Sessions) Recall(e *Envelope) (o Outcome, ok bool) {
	o = Outcome{Client: e.Client, Seq: e.Seq, Session: e.Session, Kind: e.Kind}
	slot, known := s.find(e.Client)
	c := &s.list[slot]
	if e.Kind == EnvelopeOpen {
		switch {
		case !known || e.Seq > c.done:
			return Outcome{}, false
		case e.Seq == c.opened:
			o.Session, o.Status = c.id, StatusRepeated
		default:
			o.Session, o.Status = 0, StatusStale
		}
		return o, true
	}
	if !known || c.id != e.Session {
		o.Status = StatusExpired
		return o, e.Session <= s.applied
	}
	if e.Seq <= c.done {
		o.Status, o.Result = c.recall(e)
		return o, true
	}
	o.Status = StatusWaiting
	if e.Ack <= c.ack && c.waits(e.Seq) {
		return o, true
	}
	return Outcome{}, false
}

// Query asks the machine; ok is false if it is no Reader.
func (s *Sessions) Query(query, dst []byte) (result []byte, ok bool) {
	r, ok := s.machine.(Reader)
	if !ok {
		return dst, false
	}
	return r.Query(query, dst), true
}

// Len returns the number of sessions.
func (s *Sessions) Len() int { return s.count }

// Applied returns the index of the last entry given to Apply or contained in the snapshot restored, or zero.
func (s *Sessions) Applied() uint64 { return s.applied }

// LogTime returns the largest stamp seen so far, at least 0.
func (s *Sessions) LogTime() int64 { return s.logTime }

// TTL returns how much log time a session may be idle, 0 for ever.
func (s *Sessions) TTL() time.Duration { return time.Duration(s.ttl) }

// Machine returns the wrapped machine, for reading.
func (s *Sessions) Machine() StateMachine { return s.machine }

// Hash is a fingerprint of the machine's state, log time, and all sessions with their cached answers, waiting commands and
// last activity. The applied index is no part of it: a no-op changes nothing. Cost: O(1).
func (s *Sessions) Hash() uint64 {
	return combine(combine(s.sum, uint64(s.logTime)), s.machine.Hash())
}

// byNumber orders outcomes by session and number.
func byNumber(a, b Outcome) int {
	switch {
	case a.Session != b.Session:
		if a.Session < b.Session {
			return -1
		}
		return 1
	case a.Seq < b.Seq:
		return -1
	case a.Seq > b.Seq:
		return 1
	}
	return 0
}

// advance moves log time on and ends the sessions that it shows to be idle for too long. What waited in them is reported in an
// order that does not depend on how ties in activity came about: a replica restored from a snapshot does not know.
func (s *Sessions) advance(stamp int64) {
	if stamp <= s.logTime {
		return
	}
	s.logTime = stamp
	if s.timed != nil {
		s.timed.Advance(stamp)
	}
	if s.ttl == 0 {
		return
	}
	for {
		oldest := s.list[0].newer
		if oldest == 0 || s.logTime-s.list[oldest].active <= s.ttl {
			break
		}
		s.end(oldest)
	}
	if len(s.outcomes) > 1 {
		slices.SortFunc(s.outcomes, byNumber)
	}
}
