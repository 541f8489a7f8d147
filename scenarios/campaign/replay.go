package campaign

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"raftsim/scenarios"
)

// Outcome compares the run of a seed file with what the file expects.
type Outcome uint8

const (
	AsRecorded Outcome = iota // expected to pass, and passes
	Reproduced                // the same signature
	PassesNow                 // a violation was expected, and everything passes
	Different                 // a violation of another signature
	NotReached                // no violation, and some recorded faults found no subject: the run has left the recorded path
	Undecided                 // no violation, and a part of the client history was not decided
)

// String says it in words.
func (o Outcome) String() string {
	switch o {
	case AsRecorded:
		return "passes, as recorded"
	case Reproduced:
		return "reproduced"
	case PassesNow:
		return "passes now"
	case Different:
		return "different violation"
	case NotReached:
		return "no longer reaches it"
	case Undecided:
		return "undecided"
	}
	return fmt.Sprintf("outcome %d", uint8(o))
}

// Replayed is what the run of a seed file came to.
type Replayed struct {
	Outcome    Outcome
	Result     *scenarios.Result
	SameDigest bool     // as when the file was written
	Faults     int      // overrides that are faults
	Missed     int      // faults that found no subject
	Choices    int      // other overrides: operations of clients, election timeouts
	Unasked    int      // choices nobody asked for; a run that ends up elsewhere makes other ones
	Lost       []string // the lines of the faults that found no subject, the first ten
}

// Replay runs the case of a seed file.
func Replay(cat *scenarios.Catalogue, f *scenarios.SeedFile, o scenarios.RunOptions, hang time.Duration) (*Replayed, error) {
	o.CheckOnce = true
	res, err := Guarded(cat, f.Case, o, hang)
	if err != nil {
		return nil, err
	}
	v, err := cat.Vocabulary(f.Case.Scenario)
	if err != nil {
		return nil, err
	}
	r := &Replayed{Result: res, SameDigest: res.Digest == f.Expect.Digest}
	for i, d := range f.Case.Overrides {
		all, none := &r.Choices, &r.Unasked
		if v.Spec(d.Key.Purpose()).Fault {
			all, none = &r.Faults, &r.Missed
		}
		*all++
		if res.Hits[i] == 0 {
			*none++
			if none == &r.Missed && len(r.Lost) < 10 {
				r.Lost = append(r.Lost, v.Line(d))
			}
		}
	}
	r.Outcome = outcome(f.Expect, res, r.Missed)
	return r, nil
}

func outcome(want scenarios.Expect, res *scenarios.Result, missed int) Outcome {
	switch {
	case res.Verdict == scenarios.Violation && res.Signature == want.Signature:
		return Reproduced
	case res.Verdict == scenarios.Violation:
		return Different
	case want.Verdict == scenarios.Violation && missed > 0:
		return NotReached
	case res.Verdict == scenarios.Inconclusive:
		return Undecided
	case want.Verdict == scenarios.Pass:
		return AsRecorded
	}
	return PassesNow
}

// maxFile bounds what is read as a seed file, in bytes: a million disturbances.
const maxFile = 64 << 20

// Read reads a seed file. Its errors name the file, and the line if there is one.
func Read(cat *scenarios.Catalogue, path string) (*scenarios.SeedFile, error) {
	data, err := readBounded(path)
	if err != nil {
		problem := err.Error()
		var pe *fs.PathError
		if errors.As(err, &pe) {
			problem = pe.Err.Error()
		}
		return nil, &scenarios.FileError{File: path, Problem: problem}
	}
	return cat.ParseSeedFile(path, data)
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("no seed file: it has more than %d bytes", maxFile)
	}
	return data, err
}
