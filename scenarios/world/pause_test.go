package world

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"raftsim/raft"
	"raftsim/sim"
)

const ms = time.Millisecond

// What a paused machine misses comes when it goes on: all of it, in its order, and before any deadline that has passed meanwhile. A
// follower that slept through its election timeout hears of its leader first, and stands for nothing.
func TestPausedMachineSeesEverythingLater(t *testing.T) {
	p := newPlay(t, func(c *Config) { c.Disk.SyncLatency = 20 * ms }, "pause n2 #0 = at 600ms for 400ms").well()
	missed := p.of(2, 600*ms, time.Second)
	for _, s := range missed {
		if !s.paused {
			t.Errorf("%v: %q reaches a paused machine", s.at, s.line)
		}
	}
	waiting := without(missed, evTimer)
	count := kinds(waiting)
	if count[evMessage] < 10 || count[evSync] == 0 {
		t.Fatalf("%d messages and %d completions waited", count[evMessage], count[evSync])
	}
	then := p.of(2, time.Second, time.Second+1)
	if got := then[:min(len(waiting), len(then))]; !slices.EqualFunc(got, waiting, traced.same) {
		t.Errorf("missed\n%v\nthen seen\n%v", waiting, then)
	}
	for i, s := range then {
		if s.paused || s.kind == evTimer && i < len(waiting) {
			t.Errorf("step %d after the pause: %q", i, s.line)
		}
	}
	c := &p.outcome.Counts
	if c.Delayed != uint64(count[evMessage]) || c.Candidacies != 1 || c.Elections != 1 {
		t.Errorf("%d messages delayed, want %d; %d candidacies", c.Delayed, count[evMessage], c.Candidacies)
	}
}

// What arrives at the very instant at which a pause ends comes behind what was missed, even if it was on its way before.
func TestArrivalAtTheEndOfAPauseComesLast(t *testing.T) {
	p := newPlay(t, nil, "pause n2 #0 = at 600ms for 400ms").well()
	tried := 0
	for _, last := range p.of(2, 620*ms, time.Second) {
		if last.kind != evMessage {
			continue
		}
		// The same run up to here, but for a pause that ends with this message.
		q := newPlay(t, nil, fmt.Sprintf("pause n2 #0 = at 600ms for %dns", time.Duration(last.at)-600*ms)).well()
		at := time.Duration(last.at)
		waiting := without(q.of(2, 600*ms, at), evTimer)
		var then []traced
		for _, s := range q.of(2, at, at+1) {
			if !s.paused {
				then = append(then, s)
			}
		}
		if len(then) <= len(waiting) || !slices.EqualFunc(then[:len(waiting)], waiting, traced.same) {
			t.Fatalf("missed up to %v\n%v\nthen seen\n%v", at, waiting, then)
		}
		behind := then[len(waiting):]
		if !slices.ContainsFunc(behind, last.same) {
			t.Fatalf("%q is not among what comes behind: %v", last.line, behind)
		}
		if tried++; tried == 12 {
			break
		}
	}
	if tried < 10 {
		t.Errorf("only %d messages came while n2 slept", tried)
	}
}

// A deadline that passed during a pause, and that no input moves, is noticed at the end of the pause.
func TestDeadlinePassesDuringPause(t *testing.T) {
	p := newPlay(t, nil, "isolate n2 #0 = at 550ms for 1s both-clients", "pause n2 #0 = at 600ms for 400ms")
	var role raft.Role
	p.before = func(ev sim.Event) {
		if p.kernel.Now() <= sim.Time(time.Second) {
			role = p.status(2).Role
		}
	}
	p.well()
	if role != raft.StateFollower {
		t.Errorf("n2 is a %v during its pause", role)
	}
	then := p.of(2, time.Second, time.Second+1)
	if count := kinds(then); count[evTimer] != 1 || then[len(then)-1].kind != evTimer {
		t.Errorf("at the end of the pause: %v", then)
	}
	if next := p.of(2, time.Second+1, 2*time.Second); len(next) == 0 || p.outcome.Counts.Messages[raft.MsgPreVote] == 0 {
		t.Error("n2 asks for no votes")
	}
}

// Pauses that overlap last until the last one ends.
func TestPausesOverlap(t *testing.T) {
	p := newPlay(t, nil, "pause n2 #0 = at 600ms for 200ms", "pause n2 #1 = at 700ms for 300ms", "pause n2 #2 = at 1s for 50ms").well()
	for _, s := range p.of(2, 600*ms, 1050*ms) {
		if !s.paused {
			t.Errorf("%v: %q reaches a paused machine", s.at, s.line)
		}
	}
	if then := p.of(2, 1050*ms, 1050*ms+1); len(then) < 10 {
		t.Errorf("at the end of the last pause: %v", then)
	}
}

// A pause is the machine's: a process that dies meanwhile starts again after it.
func TestPauseOutlastsTheProcess(t *testing.T) {
	for _, death := range []string{"crash-at n2 #0 = at 700ms for 100ms", "power-at n2 #0 = at 700ms for 100ms"} {
		p := newPlay(t, nil, "pause n2 #0 = at 600ms for 500ms", death)
		p.before = func(ev sim.Event) {
			now := p.kernel.Now()
			if up := p.nodes[1].up(); up != (now <= sim.Time(700*ms) || now > sim.Time(1100*ms)) && now != sim.Time(700*ms) && now != sim.Time(1100*ms) {
				t.Fatalf("%s: at %v n2 is up: %v", death, now, up)
			}
		}
		p.well()
		if c := &p.outcome.Counts; c.Restarts != 1 || c.Crashes+c.PowerLosses != 1 {
			t.Errorf("%s: %+v", death, c)
		}
		if c := kinds(p.of(2, 800*ms, 800*ms+1)); c[evRestart] != 1 {
			t.Errorf("%s: no restart came due during the pause", death)
		}
	}
}

// A leader that sleeps is deposed, learns of it when it wakes, and has said nothing in its old term meanwhile.
func TestPausedLeaderIsDeposed(t *testing.T) {
	p := newPlay(t, nil, "pause n1 #0 = at 600ms for 600ms")
	terms := [2]uint64{}
	p.before = func(ev sim.Event) {
		switch now := p.kernel.Now(); {
		case now < sim.Time(600*ms):
			terms[0] = p.status(1).Term
		case now < sim.Time(1200*ms):
			if st := p.status(1); st.Term != terms[0] || st.Role != raft.StateLeader {
				t.Fatalf("at %v n1, which sleeps, is a %v of term %d", now, st.Role, st.Term)
			}
			terms[1] = p.status(2).Term
		}
	}
	p.well()
	if c := &p.outcome.Counts; c.Elections < 2 || c.StepDowns < 1 || terms[1] <= terms[0] {
		t.Errorf("%d elections, %d leaders stepped down, terms %v", c.Elections, c.StepDowns, terms)
	}
}

// Nothing can be asked of a paused server: no transfer, no change of the membership, no snapshot.
func TestPausedServersAreNotAsked(t *testing.T) {
	for line, struck := range map[string]func(*Counts) uint64{
		"transfer #0 = at 620ms to n2":               func(c *Counts) uint64 { return c.Transfers },
		"members #0 = at 620ms to n1":                func(c *Counts) uint64 { return c.ChangesAsked },
		"snapshot n1 #0 = at 620ms":                  func(c *Counts) uint64 { return c.Snapshots },
		"aim-snapshot #0 = at 620ms for 10ms leader": func(c *Counts) uint64 { return c.Snapshots },
	} {
		p := newPlay(t, func(c *Config) { c.Window, c.Server.SnapshotEntries = 650*ms, 0 }, "pause n1 #0 = at 600ms for 1s", line).run()
		if n := struck(&p.outcome.Counts); n != 0 {
			t.Errorf("%s: %d", line, n)
		}
		awake := newPlay(t, func(c *Config) { c.Window, c.Server.SnapshotEntries = 650*ms, 0 }, line).run()
		if n := struck(&awake.outcome.Counts); n == 0 {
			t.Errorf("%s: nothing happens where nobody sleeps", line)
		}
	}
}

// Whatever pauses there are, each event that found a paused machine is seen later, once, and in its order.
func TestPausesLoseNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var faults []string
		for i := range rapid.IntRange(1, 6).Draw(rt, "pauses") {
			faults = append(faults, fmt.Sprintf("pause n%d #%d = at %dms for %dms", rapid.IntRange(1, 3).Draw(rt, "who"), i,
				rapid.IntRange(0, 700).Draw(rt, "at"), rapid.IntRange(1, 400).Draw(rt, "length")))
		}
		for id := range rapid.IntRange(0, 3).Draw(rt, "crashes") {
			faults = append(faults, fmt.Sprintf("crash-at n%d #0 = at %dms for 100ms", id+1, rapid.IntRange(0, 700).Draw(rt, "crash")))
		}
		p := newPlay(rt, func(c *Config) { c.Window = 800 * ms }, faults...).well()
		for id := sim.ProcID(1); id <= 3; id++ {
			var waiting []traced
			var seenAt sim.Time // when what waits began to be seen
			for _, s := range p.of(id, 0, time.Hour) {
				switch {
				case s.kind == evTimer:
					if len(waiting) > 0 && !s.paused {
						rt.Fatalf("n%d: a deadline at %v with %v unseen", id, s.at, waiting)
					}
				case s.paused:
					waiting = append(waiting, s)
				case len(waiting) > 0 && s.same(waiting[0]):
					if seenAt != s.at && seenAt != 0 && len(waiting) > 0 {
						rt.Fatalf("n%d: %q is seen at %v, the first of what waited with it at %v", id, s.line, s.at, seenAt)
					}
					if waiting, seenAt = waiting[1:], s.at; len(waiting) == 0 {
						seenAt = 0
					}
				case len(waiting) > 0 && seenAt != 0:
					rt.Fatalf("n%d: %q comes at %v before %v", id, s.line, s.at, waiting[0])
				}
			}
			if len(waiting) > 0 {
				rt.Fatalf("n%d never sees %v", id, waiting)
			}
		}
	})
}
