package sim

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const replaySeeds = 300

func (r toyResult) compare(t rapid.TB, what string, got toyResult) {
	t.Helper()
	if got.err != nil || r.err != nil {
		t.Fatalf("%s: errors %v and %v", what, r.err, got.err)
	}
	if got.digest != r.digest || got.steps != r.steps {
		t.Fatalf("%s: digest %#x in %d steps, want %#x in %d", what, got.digest, got.steps, r.digest, r.steps)
	}
	if d := cmp.Diff(r.recorded, got.recorded); d != "" {
		t.Fatalf("%s: recorded (-first +second):\n%s", what, d)
	}
}

// checkReplays runs a noisy case and all its equivalents.
func checkReplays(t rapid.TB, w *toyWorld, o toyOptions) toyResult {
	o.noisy = true
	run := w.run(t, o)

	same := o
	run.compare(t, "the same again, in another world", runToy(t, same))

	calm := o
	calm.noisy, calm.masks, calm.overrides = false, nil, run.recorded
	run.compare(t, "calm base and the record", w.run(t, calm))
	for i, d := range run.recorded {
		if w.fates.Hits(i) != 1 {
			t.Fatalf("override %q was hit %d times", w.vocabulary.Line(d), w.fates.Hits(i))
		}
	}

	self := o
	self.overrides = slices.Clone(run.recorded)
	for _, d := range o.overrides {
		if !slices.ContainsFunc(run.recorded, func(r Disturbance) bool { return r.Key == d.Key }) {
			self.overrides = append(self.overrides, d) // what the case calms, and its aims, a record does not say
		}
	}
	run.compare(t, "noise and its own record", w.run(t, self))

	quiet := self
	quiet.masks = []Mask{{}}
	run.compare(t, "silenced noise and the record", w.run(t, quiet))
	return run
}

// A run equals its own recording: over a calm base, over the same noise, and over the same noise silenced.
func TestRecordedRunReplays(t *testing.T) {
	w := newToyWorld(t)
	counts := make([]uint64, 256)
	aimed := 0
	for seed := range uint64(replaySeeds) {
		o := toyOptions{seed: seed, nodes: 2 + int(seed%4)}
		if seed%3 == 0 {
			o.closeAt, o.grace = Time(400*millisecond), Time(30*millisecond)
		}
		if seed%5 == 0 {
			o.masks = []Mask{{A: 1, From: Time(100 * millisecond), Until: Time(300 * millisecond)}}
		}
		run := checkReplays(t, w, o)
		for _, d := range run.recorded {
			counts[d.Key.Purpose()]++
			if d.Key.Purpose() == toyIsolate && d.Key.Subject().Ordinal >= toyAimedFrom {
				aimed++
			}
		}
	}
	for _, s := range toySpecs() {
		if (counts[s.Purpose] == 0) != (s.Aim || s.Purpose == toyKnob) {
			t.Errorf("%s was recorded %d times in %d runs", s.Name, counts[s.Purpose], replaySeeds)
		}
	}
	if aimed < replaySeeds/2 {
		t.Errorf("%d aimed isolations in %d runs", aimed, replaySeeds)
	}
}

// The same with drawn cases, among them explicit overrides mixed into the noise.
func TestRecordedRunReplaysDrawn(t *testing.T) {
	w := newToyWorld(t)
	rapid.Check(t, func(t *rapid.T) {
		o := toyOptions{
			seed: rapid.Uint64().Draw(t, "seed"), nodes: rapid.IntRange(1, 6).Draw(t, "nodes"),
			closeAt: Time(rapid.Int64Range(0, 600).Draw(t, "close") * millisecond), grace: Time(rapid.Int64Range(0, 50).Draw(t, "grace") * millisecond),
			masks: rapid.SliceOfN(drawMask(w.vocabulary), 0, 2).Draw(t, "masks"),
			until: Time(300 * millisecond),
		}
		o.overrides = rapid.SliceOfNDistinct(drawDisturbance(toySpecs(), 6), 0, 20, func(d Disturbance) Key { return d.Key }).Draw(t, "overrides")
		run := checkReplays(t, w, o)
		text := make([]Disturbance, 0, len(run.recorded))
		for _, d := range run.recorded {
			back, err := w.vocabulary.ParseLine(w.vocabulary.Line(d))
			if err != nil {
				t.Fatal(err)
			}
			text = append(text, back)
		}
		o.noisy, o.masks, o.overrides = false, nil, text
		run.compare(t, "the record read back from text", w.run(t, o))
	})
}

func withoutProc(ds []Disturbance, id ProcID) []Disturbance {
	return slices.DeleteFunc(slices.Clone(ds), func(d Disturbance) bool { return d.Key.Subject().A == id })
}

func withoutPurpose(ds []Disturbance, p Purpose) []Disturbance {
	return slices.DeleteFunc(slices.Clone(ds), func(d Disturbance) bool { return d.Key.Purpose() == p })
}

// One process more, one knob more, one more word in a draw: no other answer moves.
func TestNothingShiftsOtherAnswers(t *testing.T) {
	w := newToyWorld(t)
	grown := 0
	for seed := range uint64(replaySeeds) {
		o := toyOptions{seed: seed, noisy: true}
		base := w.run(t, o)

		p := o
		p.hermit = true
		with := w.run(t, p)
		rest := withoutProc(with.recorded, toyHermit)
		grown += len(with.recorded) - len(rest)
		if d := cmp.Diff(base.recorded, rest); d != "" {
			t.Fatalf("seed %d: a process more changed others (-without +with):\n%s", seed, d)
		}

		p = o
		p.knob = true
		with = w.run(t, p)
		rest = withoutPurpose(with.recorded, toyKnob)
		grown += len(with.recorded) - len(rest)
		if d := cmp.Diff(base.recorded, rest); d != "" {
			t.Fatalf("seed %d: a knob more changed others (-without +with):\n%s", seed, d)
		}
		if with.digest != base.digest || with.steps != base.steps {
			t.Fatalf("seed %d: a knob that does nothing changed the run", seed)
		}

		p = o
		p.extraWord = true
		base.compare(t, "one more word in a draw", w.run(t, p))
	}
	if grown < replaySeeds {
		t.Errorf("the process and the knob departed from calm %d times in %d runs", grown, replaySeeds)
	}
}

// Recording, checking and skipping of questions where no purpose is active leave no trace in a run.
func TestRecordingChangesNothing(t *testing.T) {
	w := newToyWorld(t)
	for seed := range uint64(60) {
		for _, noisy := range []bool{false, true} {
			o := toyOptions{seed: seed, noisy: noisy, nodes: 1 + int(seed%5)}
			recorded := w.run(t, o)
			o.forget = true
			plain := w.run(t, o)
			if plain.digest != recorded.digest || plain.steps != recorded.steps {
				t.Fatalf("seed %d, noisy %v: recording changed the run", seed, noisy)
			}
			asked := uint64(0)
			for _, s := range toySpecs() {
				if w.fates.Active(s.Purpose) != (noisy && s.Purpose != toyKnob) {
					t.Fatalf("noisy %v: %s is active: %v", noisy, s.Name, w.fates.Active(s.Purpose))
				}
				if s.Fields&FieldEpoch != 0 {
					asked += w.fates.Counts(s.Purpose).Asked
				}
			}
			if !noisy && asked != 0 {
				t.Fatalf("a calm run asked %d questions during the run", asked)
			}
		}
	}
}

// Whatever single line is deleted, the rest still has names: no question is asked twice, nothing panics, what lies in slots is
// still there, and the run has a record that replays.
func TestDeletingOneOverride(t *testing.T) {
	w := newToyWorld(t)
	runs, lost := 0, 0
	for seed := range uint64(16) {
		whole := w.run(t, toyOptions{seed: seed, noisy: true, until: Time(300 * millisecond)})
		for i := range whole.recorded {
			o := toyOptions{until: Time(300 * millisecond)}
			o.overrides = slices.Delete(slices.Clone(whole.recorded), i, i+1)
			got := w.run(t, o)
			runs++
			for j, d := range o.overrides {
				hit := w.fates.Hits(j)
				if hit > 1 || hit == 0 && w.vocabulary.Spec(d.Key.Purpose()).Timed {
					t.Fatalf("without %q, %q was hit %d times", w.vocabulary.Line(whole.recorded[i]), w.vocabulary.Line(d), hit)
				}
				if hit == 0 {
					lost++
				}
			}
			o.overrides = got.recorded
			got.compare(t, "the record of the reduced run", w.run(t, o))
		}
	}
	if runs < 500 || lost == 0 {
		t.Errorf("%d deletions, %d overrides that lost their subject: the test has lost its subject too", runs, lost)
	}
}

// Overrides whose subject never appears are calm, and say so by their hits.
func TestUnknownKeysAreIgnored(t *testing.T) {
	w := newToyWorld(t)
	run := w.run(t, toyOptions{seed: 5, noisy: true})
	unknown := []string{
		"lost n1>n30 token t0 #0 = yes",
		"late n1>n2 gossip t0 #99999 = 12ms",
		"crash n2 kind-77 t0 #0 = for 1ms",
		"pause n1 #2 = at 1ms for 1s",
		"isolate n39 #1000 = at 1ms for 1s both",
		"knob n3 #17 = -4",
	}
	o := toyOptions{overrides: slices.Clone(run.recorded)}
	for _, line := range unknown {
		d, err := w.vocabulary.ParseLine(line)
		if err != nil {
			t.Fatal(err)
		}
		o.overrides = append(o.overrides, d)
	}
	got := w.run(t, o)
	if got.digest != run.digest || got.steps != run.steps {
		t.Error("overrides without a subject changed the run")
	}
	for i, d := range o.overrides {
		known := i < len(run.recorded) || d.Key.Purpose() == toyIsolate // laid because the case names it, and acts on nobody
		if (w.fates.Hits(i) == 1) != known {
			t.Errorf("%q was hit %d times", w.vocabulary.Line(d), w.fates.Hits(i))
		}
	}
}

// A world that has run other cases before gives what a new one gives.
func TestReusedWorldIsNew(t *testing.T) {
	w := newToyWorld(t)
	for seed := range uint64(40) {
		w.run(t, toyOptions{seed: seed * 7, noisy: true, nodes: 5, bounds: Bounds{Steps: 100 + 10*seed}})
		o := toyOptions{seed: seed, noisy: seed%4 != 0, nodes: 1 + int(seed%5)}
		runToy(t, o).compare(t, fmt.Sprint("seed ", seed), w.run(t, o))
	}
}

// The digest of one run, pinned: equal in every process and on every architecture.
func TestPinnedDigest(t *testing.T) {
	got := runToy(t, toyOptions{seed: 2026, noisy: true, nodes: 5})
	const digest, steps, recorded = 0xf7387985a6fba58c, 876, 155
	if got.digest != digest || got.steps != steps || len(got.recorded) != recorded {
		t.Errorf("digest %#x, steps %d, recorded %d; want %#x, %d, %d", got.digest, got.steps, len(got.recorded), uint64(digest), steps, recorded)
	}
	calm := runToy(t, toyOptions{nodes: 5})
	const calmDigest, calmSteps = 0xc5d4d0c2134ba765, 1072
	if calm.digest != calmDigest || calm.steps != calmSteps || len(calm.recorded) != 0 {
		t.Errorf("calm: digest %#x, steps %d, recorded %d; want %#x, %d, 0", calm.digest, calm.steps, len(calm.recorded), uint64(calmDigest), calmSteps)
	}
}

// The digest sees a single bit of one payload.
func TestDigestSeesPayload(t *testing.T) {
	base := runToy(t, toyOptions{})
	spoilt := runToy(t, toyOptions{spoil: 30})
	if base.digest == spoilt.digest {
		t.Error("a spoilt payload left the digest as it was")
	}
}

func TestToyBounds(t *testing.T) {
	got := runToy(t, toyOptions{bounds: Bounds{Steps: 100}})
	var bound *BoundError
	if !errors.As(got.err, &bound) || got.steps != 100 {
		t.Errorf("error %v after %d steps", got.err, got.steps)
	}
}
