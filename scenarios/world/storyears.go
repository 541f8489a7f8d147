package world

import (
	"fmt"
	"strings"

	"raftsim/network"
	"raftsim/scenarios/workload"
	"raftsim/sim"
	"raftsim/sim/disk"
)

// Where a story hears of what the servers do not tell: disturbances and the end of faults from the kernel, what clients want from
// their session.

// storyTracer is the tracer of a run that is told. It passes everything on to the one the run had anyway.
type storyTracer struct{ *story }

// Step implements sim.Tracer.
func (t storyTracer) Step(n uint64, ev sim.Event, line []byte, digest uint64) {
	if t.next != nil {
		t.next.Step(n, ev, line, digest)
	}
	if t.drawn && ev.At > t.at {
		t.flush() // before anything changes what is to be drawn
	}
	if ev.To != refereeProc {
		return
	}
	switch ev.Kind {
	case evHeal:
		if d, ok := t.world.engine.Spell(ev.Payload); ok {
			t.struck(fmt.Sprintf("over: %s", t.world.vocab.AppendKey(nil, d.Key)))
		}
	case evClose:
		t.remark("all faults end: from here on everything has to work")
	}
}

// Disturbed implements sim.DisturbanceTracer.
func (t storyTracer) Disturbed(at sim.Time, line []byte) {
	if next, ok := t.next.(sim.DisturbanceTracer); ok {
		next.Disturbed(at, line)
	}
	d, err := t.world.vocab.ParseLine(string(line))
	if err != nil {
		return // resolved from an aim, or of a kind that only machines read
	}
	switch p := d.Key.Purpose(); {
	case p == workload.PurposeOperation || p == PurposeElection:
		return // it shows in what follows
	case t.world.config.Noisy && (p == network.PurposeLost || p == network.PurposeDoubled || p == network.PurposeLate || p == disk.SlowSync):
		return // there are too many
	}
	key, value, _ := strings.Cut(string(line), " = ")
	key, _, _ = strings.Cut(key, " ~") // what the subject holds is for machines
	t.struck(key + " = " + value)
}

// struck tells of a disturbance, behind the line that it interrupts.
func (t storyTracer) struck(line string) {
	if t.world.kernel.Now() == t.at && (len(t.line) > 0 || len(t.sends.to) > 0) {
		t.after = append(t.after, line)
		return
	}
	t.flush()
	t.at, t.who = t.world.kernel.Now(), 0
	t.tell("!", line)
}

// toldSession is a session that tells what clients want and get.
type toldSession struct {
	workload.Session
	story *story
}

func (s *toldSession) proc(id uint64) sim.ProcID { return clientBase + sim.ProcID(id) }

// Invoke implements workload.Session.
func (s *toldSession) Invoke(id, seq uint64, choice int64, step uint64, dst []byte) ([]byte, error) {
	what := string(s.story.world.config.Application.AppendChoice(nil, choice))
	s.story.choices[asking{id, seq}] = what
	s.story.say(s.proc(id), "wants %s (c%d#%d)", what, id, seq)
	return s.Session.Invoke(id, seq, choice, step, dst)
}

// Complete implements workload.Session.
func (s *toldSession) Complete(id, seq, step, index uint64, result []byte) error {
	err := s.Session.Complete(id, seq, step, index, result)
	answer := "done"
	if t, ok := s.Session.(interface {
		Answer(dst []byte, client, seq uint64) []byte
	}); ok {
		answer = string(t.Answer(nil, id, seq))
	}
	s.story.say(s.proc(id), "has its answer: c%d#%d %s -> %s", id, seq, s.story.choices[asking{id, seq}], answer)
	return err
}

// Abandon implements workload.Session.
func (s *toldSession) Abandon(id, seq, step uint64) {
	s.Session.Abandon(id, seq, step)
	s.story.say(s.proc(id), "gives up c%d#%d %s: the outcome is unknown", id, seq, s.story.choices[asking{id, seq}])
}
