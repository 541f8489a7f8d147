package campaign

import (
	"fmt"
	"strings"
	"time"

	"raftsim/scenarios"
	"raftsim/sim"
)

// Record runs c once more and keeps what happened.
func Record(cat *scenarios.Catalogue, c *scenarios.Case, hang time.Duration) (*scenarios.Result, error) {
	return Guarded(cat, c, scenarios.RunOptions{Record: true, CheckOnce: true}, hang)
}

// Text returns the seed file of a case whose run, recorded, came to res. file is the name it will have, h what runs it.
func Text(cat *scenarios.Catalogue, c *scenarios.Case, res *scenarios.Result, file string, h Hints) ([]byte, error) {
	v, err := cat.Vocabulary(c.Scenario)
	if err != nil {
		return nil, err
	}
	f := scenarios.SeedFile{Human: Human(v, c, res, file, h), Case: c, Expect: scenarios.Expect{
		Verdict: res.Verdict, Signature: res.Signature, Digest: res.Digest, Steps: res.Steps,
	}}
	return f.Format(v)
}

// Stem returns the name of a case's seed file without its ending: "mixed-LC-missing-commitment-42".
func Stem(c *scenarios.Case, res *scenarios.Result) string {
	what := res.Verdict.String()
	if res.Signature != "" {
		what = res.Signature
	}
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '.' {
			return r
		}
		return '-'
	}, c.Scenario+"-"+what)
	return plain + "-" + scenarios.FormatSeed(c.Seed)
}

// Keep writes the seed file of a recorded run into dir and returns its path.
func Keep(cat *scenarios.Catalogue, c *scenarios.Case, res *scenarios.Result, dir string, h Hints) (path string, err error) {
	return WriteNew(dir, Stem(c, res), func(name string) ([]byte, error) { return Text(cat, c, res, name, h) })
}

// DivergedError says that two runs that had to be the same were not.
type DivergedError struct {
	Scenario string
	Seed     uint64
	Digests  [2]uint64
	Where    sim.Difference // Step is 0 if the runs agreed when they were traced
}

func (e *DivergedError) Error() string {
	text := fmt.Sprintf("%s, seed %d: not deterministic: digest %s, then %s", e.Scenario, e.Seed,
		scenarios.FormatDigest(e.Digests[0]), scenarios.FormatDigest(e.Digests[1]))
	if e.Where.Step == 0 {
		return text + "; run again with traces, they agreed"
	}
	return text + "; " + e.Where.String()
}

// Twice runs a case two times, the second time in the memory of the first, and returns the first result. Runs that differ are a
// *DivergedError.
func Twice(cat *scenarios.Catalogue, c *scenarios.Case, hang time.Duration) (*scenarios.Result, error) {
	runner := scenarios.NewRunner(cat)
	first, err := GuardedBy(runner, c, scenarios.RunOptions{}, hang)
	if err != nil {
		return nil, err
	}
	second, err := GuardedBy(runner, c, scenarios.RunOptions{}, hang)
	if err != nil {
		return nil, err
	}
	return first, compare(cat, [2]*scenarios.Case{c, c}, first, second, hang)
}

// Explicit returns c with everything that happens in its run written down as overrides over a calm base, and the recorded result. It
// has checked that the run of that is the same run; if not, the error is a *DivergedError.
func Explicit(cat *scenarios.Catalogue, c *scenarios.Case, hang time.Duration) (*scenarios.Case, *scenarios.Result, error) {
	recorded, err := Record(cat, c, hang)
	if err != nil {
		return nil, nil, err
	}
	explicit := c.Explicit(recorded.Recorded)
	again, err := Record(cat, explicit, hang)
	if err != nil {
		return nil, nil, err
	}
	return explicit, again, compare(cat, [2]*scenarios.Case{c, explicit}, recorded, again, hang)
}

// compare returns nil if two results are of the same run, else where the runs part.
func compare(cat *scenarios.Catalogue, cases [2]*scenarios.Case, a, b *scenarios.Result, hang time.Duration) error {
	if a.Digest == b.Digest && a.Steps == b.Steps && a.Verdict == b.Verdict && a.Signature == b.Signature {
		return nil
	}
	e := &DivergedError{Scenario: cases[0].Scenario, Seed: cases[0].Seed, Digests: [2]uint64{a.Digest, b.Digest}}
	runner := scenarios.NewRunner(cat)
	var trails [2]sim.Trail
	for i, c := range cases {
		if _, err := GuardedBy(runner, c, scenarios.RunOptions{Tracer: &trails[i]}, hang); err != nil {
			return err
		}
	}
	e.Where, _ = sim.FirstDifference(&trails[0], &trails[1])
	return e
}
