package statemachine_test

import (
	"fmt"
	"slices"
	"strings"

	"raftsim/raft/statemachine"
)

// model is Sessions as one would explain them: maps, nothing freed but what the rules free, and every answer ever given. Its state
// after a log is found by going through the whole log.
type model struct {
	ttl      int64
	logTime  int64
	machine  *statemachine.KV
	sessions map[uint64]*modelSession // by client

	said []statemachine.Outcome // about the entry under way
}

type modelSession struct {
	id, client, opened uint64
	active             int64
	ack                uint64
	high               uint64 // highest number executed, or of the opening
	results            map[uint64]string
	kept               map[uint64]statemachine.Envelope
}

func newModel(ttl int64) *model {
	return &model{ttl: ttl, machine: statemachine.NewKV(), sessions: map[uint64]*modelSession{}}
}

// replay goes through a log and returns the model's state and what it says of the last entry.
func replay(ttl int64, log [][]byte) *model {
	m := newModel(ttl)
	for i, data := range log {
		m.apply(uint64(i+1), data)
	}
	return m
}

func (m *model) say(status statemachine.Status, e statemachine.Envelope, session uint64, result string) {
	o := statemachine.Outcome{Client: e.Client, Seq: e.Seq, Session: session, Status: status, Kind: e.Kind}
	if result != "" {
		o.Result = []byte(result)
	}
	m.said = append(m.said, o)
}

func (m *model) apply(index uint64, data []byte) {
	m.said = nil
	var e statemachine.Envelope
	if len(data) == 0 {
		m.say(statemachine.StatusNoop, e, 0, "")
		return
	}
	if statemachine.DecodeEnvelope(data, &e) != nil {
		m.say(statemachine.StatusMalformed, e, 0, "")
		return
	}
	m.logTime = max(m.logTime, e.Stamp)
	for _, s := range m.byID() {
		if m.ttl > 0 && m.logTime-s.active > m.ttl {
			m.close(s)
		}
	}
	s := m.sessions[e.Client]
	if e.Kind == statemachine.EnvelopeOpen {
		switch {
		case s != nil && s.opened == e.Seq:
			s.active = m.logTime
			m.say(statemachine.StatusRepeated, e, s.id, "")
			return
		case s != nil && e.Seq <= s.done():
			m.say(statemachine.StatusStale, e, 0, "")
			return
		case s != nil:
			m.close(s)
		}
		m.sessions[e.Client] = &modelSession{
			id: index, client: e.Client, opened: e.Seq, active: m.logTime, ack: e.Seq, high: e.Seq,
			results: map[uint64]string{}, kept: map[uint64]statemachine.Envelope{},
		}
		m.say(statemachine.StatusApplied, e, index, "")
		return
	}
	if s == nil || s.id != e.Session {
		m.say(statemachine.StatusExpired, e, e.Session, "")
		return
	}
	m.command(index, s, e)
}

func (m *model) command(index uint64, s *modelSession, e statemachine.Envelope) {
	s.active = m.logTime
	s.ack = max(s.ack, e.Ack)
	for seq := range s.kept {
		if seq < s.ack {
			delete(s.kept, seq)
		}
	}
	_, again := s.kept[e.Seq]
	m.drain(index, s, e.Seq)
	_, still := s.kept[e.Seq]
	result, executed := s.results[e.Seq]
	switch {
	case again && still:
		m.say(statemachine.StatusWaiting, e, s.id, "")
	case again:
	case executed && e.Seq >= s.ack:
		m.say(statemachine.StatusRepeated, e, s.id, result)
	case e.Seq <= s.done():
		m.say(statemachine.StatusStale, e, s.id, "")
	case e.Seq >= s.ack+statemachine.Window:
		m.say(statemachine.StatusTooEarly, e, s.id, "")
	default:
		s.kept[e.Seq] = e
		m.drain(index, s, e.Seq)
		if _, waits := s.kept[e.Seq]; waits {
			m.say(statemachine.StatusWaiting, e, s.id, "")
		}
	}
	m.drain(index, s, ^uint64(0))
}

// drain executes what waits, lowest number first, as long as each one's predecessor is done.
func (m *model) drain(index uint64, s *modelSession, upTo uint64) {
	for len(s.kept) > 0 {
		e := s.kept[s.numbers()[0]]
		if e.Seq > upTo || e.Prev > s.done() {
			return
		}
		delete(s.kept, e.Seq)
		result := string(m.machine.Apply(index, e.Command, nil))
		s.results[e.Seq], s.high = result, e.Seq
		m.say(statemachine.StatusApplied, e, s.id, result)
	}
}

func (m *model) close(s *modelSession) {
	for _, seq := range s.numbers() {
		m.say(statemachine.StatusExpired, s.kept[seq], s.id, "")
	}
	delete(m.sessions, s.client)
}

func (m *model) byID() []*modelSession {
	var list []*modelSession
	for _, s := range m.sessions {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *modelSession) int { return int(int64(a.id) - int64(b.id)) })
	return list
}

func (s *modelSession) done() uint64 { return max(s.high, s.ack-1) }

func (s *modelSession) numbers() []uint64 {
	var list []uint64
	for seq := range s.kept {
		list = append(list, seq)
	}
	slices.Sort(list)
	return list
}

// String is the whole state that the rules speak of: two equal ones must behave alike for ever.
func (m *model) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "log time %d, machine %016x\n", m.logTime, m.machine.Hash())
	for _, s := range m.byID() {
		fmt.Fprintf(&b, "session %d of c%d opened #%d: done #%d, wants #%d, active %d;", s.id, s.client, s.opened, s.done(), s.ack, s.active)
		for seq := s.ack; seq <= s.done(); seq++ {
			if result, ok := s.results[seq]; ok {
				fmt.Fprintf(&b, " #%d=%x", seq, result)
			}
		}
		for _, seq := range s.numbers() {
			e := s.kept[seq]
			fmt.Fprintf(&b, " #%d after #%d %x", seq, e.Prev, e.Command)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
