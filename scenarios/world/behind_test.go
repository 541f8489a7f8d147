package world

import (
	"testing"
	"time"

	"raftsim/sim"
)

// How far an answer is behind is told in entries and in the time since the first that it lacks was committed.
func TestAnswersBehindAreCounted(t *testing.T) {
	w := new(World)
	w.judges.Reset(1)
	var b Behind
	b.answered(w, 0) // nothing is committed
	w.commits = commitTimes{0, sim.Time(-3 * time.Millisecond), sim.Time(-time.Millisecond)}
	if b != (Behind{Answers: 1}) {
		t.Errorf("%+v", b)
	}
	b.since(w, 3, 3)
	b.since(w, 1, 3)
	if want := (Behind{Answers: 3, Late: 1, Entries: 2, Micros: 3000}); b != want {
		t.Errorf("%+v, want %+v", b, want)
	}
}
