package campaign

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"raftsim/scenarios"
)

// RunError says that a run could not be made, and which. Err is a *PanicError, *HangError or *scenarios.BrokenError where the
// harness failed; anything else is a case that cannot be run.
type RunError struct {
	Scenario string
	Seed     uint64
	Err      error
}

func (e *RunError) Error() string { return fmt.Sprintf("%s, seed %d: %v", e.Scenario, e.Seed, e.Err) }

// Unwrap returns Err.
func (e *RunError) Unwrap() error { return e.Err }

// PanicError is a panic of the harness. One of the system under test is a finding and never gets here.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("the harness panicked: %v", e.Value) }

// HangError says that a run did not end. A goroutine cannot be killed: the process has to end.
type HangError struct{ After time.Duration }

func (e *HangError) Error() string { return fmt.Sprintf("the run did not end within %v", e.After) }

// caseError marks a mistake in what was asked for.
type caseError struct{ err error }

func (e *caseError) Error() string { return e.err.Error() }
func (e *caseError) Unwrap() error { return e.err }

// Internal reports whether err says that the harness failed, rather than that a case cannot be run.
func Internal(err error) bool {
	var p *PanicError
	var h *HangError
	var b *scenarios.BrokenError
	return errors.As(err, &p) || errors.As(err, &h) || errors.As(err, &b)
}

// protect turns a panic of f into an error.
func protect[T any](f func() (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	return f()
}

// Guarded makes one run. A panic or a run that takes longer than hang (0: no limit) is the error of it.
func Guarded(cat *scenarios.Catalogue, c *scenarios.Case, o scenarios.RunOptions, hang time.Duration) (*scenarios.Result, error) {
	return GuardedBy(scenarios.NewRunner(cat), c, o, hang)
}

// GuardedBy makes one run in the memory of a runner, which must not be used again after an error.
func GuardedBy(r *scenarios.Runner, c *scenarios.Case, o scenarios.RunOptions, hang time.Duration) (*scenarios.Result, error) {
	type answer struct {
		res *scenarios.Result
		err error
	}
	answers := make(chan answer, 1)
	go func() {
		res, err := protect(func() (*scenarios.Result, error) { return r.Run(c, o) })
		answers <- answer{res, err}
	}()
	var late <-chan time.Time
	if hang > 0 {
		timer := time.NewTimer(hang)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case a := <-answers:
		if a.err != nil {
			return nil, &RunError{Scenario: c.Scenario, Seed: c.Seed, Err: a.err}
		}
		return a.res, nil
	case <-late:
		return nil, &RunError{Scenario: c.Scenario, Seed: c.Seed, Err: &HangError{After: hang}}
	}
}
