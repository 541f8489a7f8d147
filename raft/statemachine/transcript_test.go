package statemachine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"raftsim/raft/statemachine"
)

// TestTranscripts plays the logs in testdata/transcripts. Every entry prints its index and what became of each command.
//
//	new [ttl=10s]
//	open c=1 seq=1 [at=2s]
//	do c=1 seq=2 [session=1] [prev=1] [ack=2] [at=2s]     (the command is the input; log time stays if no time is given; the session
//	                                                       is the one opened last, the predecessor the number before, the
//	                                                       acknowledgement everything before, unless told otherwise)
//	noop
//	nonsense
//	recall c=1 seq=2 [session=1] [ack=2] [open]           (what is known without an entry)
//	restart                                               (go on with a replica made from a snapshot)
//	get key=1
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		p := &player{opened: map[uint64]uint64{}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string { return p.play(t, d) })
	})
}

type player struct {
	s      *statemachine.Sessions
	index  uint64
	now    int64
	opened map[uint64]uint64 // by client: the session opened last
}

func (p *player) play(t *testing.T, d *datadriven.TestData) string {
	switch d.Cmd {
	case "new":
		*p = player{s: newSessions(int64(duration(t, d, "ttl", 0))), opened: map[uint64]uint64{}}
		return ""
	case "open", "do":
		e := p.envelope(t, d)
		return p.apply(statemachine.AppendEnvelope(nil, &e))
	case "noop":
		return p.apply(nil)
	case "nonsense":
		return p.apply([]byte("nonsense"))
	case "recall":
		e := p.envelope(t, d)
		o, ok := p.s.Recall(&e)
		if !ok {
			return "not known\n"
		}
		return describe(o)
	case "restart":
		snapshot := p.s.AppendSnapshot(nil)
		p.s = newSessions(int64(p.s.TTL()))
		if err := p.s.Restore(snapshot); err != nil {
			return err.Error() + "\n"
		}
		return fmt.Sprintf("%d sessions, log time %v, applied %d\n", p.s.Len(), time.Duration(p.s.LogTime()), p.s.Applied())
	case "get":
		var key uint64
		d.ScanArgs(t, "key", &key)
		result, _ := p.s.Query(statemachine.AppendGet(nil, key), nil)
		return text(result) + "\n"
	}
	d.Fatalf(t, "unknown command")
	return ""
}

func (p *player) apply(data []byte) (out string) {
	p.index++
	for _, o := range p.s.Apply(p.index, data) {
		if o.Kind == statemachine.EnvelopeOpen && o.Status == statemachine.StatusApplied {
			p.opened[o.Client] = o.Session
		}
		out += fmt.Sprintf("%d: %s", p.index, describe(o))
	}
	return out
}

func (p *player) envelope(t *testing.T, d *datadriven.TestData) statemachine.Envelope {
	e := statemachine.Envelope{Kind: statemachine.EnvelopeCommand}
	d.ScanArgs(t, "c", &e.Client)
	d.ScanArgs(t, "seq", &e.Seq)
	p.now = int64(duration(t, d, "at", time.Duration(p.now)))
	e.Stamp = p.now
	if d.Cmd == "open" || d.HasArg("open") {
		e.Kind = statemachine.EnvelopeOpen
		return e
	}
	e.Session, e.Prev, e.Ack = p.opened[e.Client], e.Seq-1, e.Seq
	d.MaybeScanArgs(t, "session", &e.Session)
	d.MaybeScanArgs(t, "prev", &e.Prev)
	d.MaybeScanArgs(t, "ack", &e.Ack)
	if d.Cmd == "do" {
		c, err := statemachine.ParseCommand(d.Input)
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		e.Command = statemachine.AppendCommand(nil, c)
	}
	return e
}

func duration(t *testing.T, d *datadriven.TestData, name string, otherwise time.Duration) time.Duration {
	var s string
	if !d.MaybeScanArgs(t, name, &s) {
		return otherwise
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		d.Fatalf(t, "%s: %v", name, err)
	}
	return v
}

func describe(o statemachine.Outcome) string {
	if o.Client == 0 {
		return o.Status.String() + "\n"
	}
	line := fmt.Sprintf("c%d #%d of session %d %v", o.Client, o.Seq, o.Session, o.Status)
	if o.Kind == statemachine.EnvelopeOpen {
		line = fmt.Sprintf("c%d #%d opening of session %d %v", o.Client, o.Seq, o.Session, o.Status)
	}
	if len(o.Result) > 0 {
		line += ": " + text(o.Result)
	}
	return line + "\n"
}

func text(result []byte) string {
	r, err := statemachine.DecodeResult(result)
	if err != nil {
		return err.Error()
	}
	return r.String()
}
