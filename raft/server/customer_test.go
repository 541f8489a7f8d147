package server

import (
	"fmt"

	"raftsim/raft/client"
	"raftsim/raft/statemachine"
)

// customer is a client of the storm: it opens a session, has a few operations under way in it, gives some up, reads what it and
// others have written, and asks again and again at any server.
type customer struct {
	id, seq   uint64
	session   uint64 // 0: none is open
	lastInLog uint64 // the last number used for a command or an opening
	underWay  []*operation
	seen      uint64 // highest index of any answer
}

type operation struct {
	request client.Request
	key     uint64 // of a read
	floor   uint64 // what a linearizable read of key must see at least
}

// maxUnderWay is how many operations a customer has under way.
const maxUnderWay = 3

// operate lets a client try once: something new, an operation under way again, or none of it.
func (s *storm) operate(cu *customer, r *rig) {
	switch n := len(cu.underWay); {
	case n > 0 && s.chance(4):
		i := s.below(n)
		if cu.underWay[i].request.Kind == client.KindOpen {
			cu.session = 0
		}
		cu.underWay = append(cu.underWay[:i], cu.underWay[i+1:]...)
		return
	case n == 0 || n < maxUnderWay && cu.session != 0 && s.chance(40):
		s.begin(cu)
	}
	op := cu.underWay[s.below(len(cu.underWay))]
	op.request.Attempt++
	if op.request.Kind == client.KindCommand {
		op.request.Ack = cu.ack()
	}
	if r.server != nil {
		r.request(op.request)
	}
}

// ack is the lowest number of a command that the client still wants an answer to.
func (cu *customer) ack() uint64 {
	ack := cu.seq + 1
	for _, op := range cu.underWay {
		if op.request.Kind == client.KindCommand {
			ack = min(ack, op.request.Seq)
		}
	}
	return ack
}

func (s *storm) begin(cu *customer) {
	cu.seq++
	op := &operation{}
	switch {
	case cu.session == 0:
		op.request = opening(cu.id, cu.seq, 0)
		cu.lastInLog = cu.seq
	case s.chance(40):
		op.key = uint64(1 + s.below(len(s.clients)))
		op.floor = s.ledger.floor[op.key]
		op.request = query(client.ReadKind(1+s.below(4)), cu.id, cu.seq, 0)
		op.request.Command = statemachine.AppendGet(nil, op.key)
		if s.chance(50) {
			op.request.Index = cu.seen
		}
	default:
		op.request = client.Request{
			Kind: client.KindCommand, Client: cu.id, Seq: cu.seq, Session: cu.session, Prev: cu.lastInLog,
			Command: put(cu.id, fmt.Sprint(cu.seq)),
		}
		cu.lastInLog = cu.seq
	}
	cu.underWay = append(cu.underWay, op)
}

// told takes in what a client was told: "ok" is an operation that was executed, which the ledger keeps from then on, or a read
// that saw everything it must.
func (s *storm) told(a answer) error {
	cu, rep := &s.clients[a.reply.Client-1], &a.reply
	i := 0
	for i < len(cu.underWay) && cu.underWay[i].request.Seq != rep.Seq {
		i++
	}
	if i == len(cu.underWay) {
		return nil
	}
	op := cu.underWay[i]
	if rep.Attempt > op.request.Attempt {
		return fmt.Errorf("n%d answers attempt %d of c%d #%d, which was not made", a.from, rep.Attempt, cu.id, rep.Seq)
	}
	switch {
	case rep.Status == client.ReplyExpired:
		if op.request.Session == cu.session {
			cu.session, cu.underWay = 0, nil
		}
		return nil
	case rep.Status != client.ReplyOK:
		return nil
	}
	cu.seen = max(cu.seen, rep.Index)
	cu.underWay = append(cu.underWay[:i], cu.underWay[i+1:]...)
	switch op.request.Kind {
	case client.KindOpen:
		cu.session = rep.Session
		s.totals.sessions++
	case client.KindRead:
		s.totals.reads++
		return s.judgeRead(a, cu, op)
	default:
		if _, known := s.ledger.executed[[2]uint64{cu.id, rep.Seq}]; !known {
			return fmt.Errorf("n%d told c%d that #%d is done, which nobody executed", a.from, cu.id, rep.Seq)
		}
		s.ledger.floor[cu.id] = max(s.ledger.floor[cu.id], rep.Seq)
		s.totals.acked++
	}
	return nil
}

func (s *storm) judgeRead(a answer, cu *customer, op *operation) error {
	result, err := statemachine.DecodeResult(a.reply.Result)
	if err != nil {
		return err
	}
	got := number(result.Cell)
	switch {
	case a.reply.Index < op.request.Index:
		return fmt.Errorf("n%d answers a read of c%d at %d, who has seen %d", a.from, cu.id, a.reply.Index, op.request.Index)
	case got > s.ledger.newest[op.key]:
		return fmt.Errorf("n%d shows #%d of c%d, which nobody executed", a.from, got, op.key)
	case op.request.Read == client.ReadStale:
	case got < op.floor:
		return fmt.Errorf("n%d shows #%d of c%d to a %v read, when #%d had been seen before", a.from, got, op.key, op.request.Read, op.floor)
	default:
		s.ledger.floor[op.key] = max(s.ledger.floor[op.key], got)
	}
	return nil
}
