// Package cli is the command line of simrun over a catalogue of scenarios. Another main, with scenarios of its own, uses it by
// calling Main.
//
// Results go to stdout, progress and errors to stderr. A mistake of the caller is one line on stderr and exit code 2, and nothing
// is written.
package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"raftsim/scenarios"
	"raftsim/scenarios/campaign"
)

// Exit codes.
const (
	ExitPass             = 0
	ExitViolation        = 1
	ExitUsage            = 2
	ExitInconclusive     = 3
	ExitNotDeterministic = 4
	ExitInternal         = 70  // the harness failed, or a run did not end
	ExitInterrupted      = 130 // what was done until then is reported
)

// Main runs the command line args (without the program's name) and returns the exit code.
func Main(cat *scenarios.Catalogue, args []string, stdout, stderr io.Writer) (exitCode int) {
	a := &app{cat: cat, out: stdout, err: stderr}
	root := newRoot(a)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	if err := root.Execute(); err != nil {
		return a.explain(err)
	}
	return a.code
}

// app is what the commands share. A command leaves its exit code in code, or returns an error.
type app struct {
	cat    *scenarios.Catalogue
	out    io.Writer
	err    io.Writer
	format string // formatText or formatJSON
	code   int
}

const (
	formatText = "text"
	formatJSON = "json"
)

func (a *app) json() bool { return a.format == formatJSON }

// failure is an error with an exit code of its own. Any other error is a mistake of the caller.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// explain prints an error and returns the exit code it stands for.
func (a *app) explain(err error) int {
	var f *failure
	var diverged *campaign.DivergedError
	var panicked *campaign.PanicError
	switch {
	case errors.As(err, &f):
		a.complain(err)
		return f.code
	case errors.As(err, &diverged):
		fmt.Fprintln(a.err, "simrun:", err)
		return ExitNotDeterministic
	case errors.As(err, &panicked):
		a.complain(err)
		fmt.Fprintf(a.err, "%s", panicked.Stack)
		return ExitInternal
	case campaign.Internal(err):
		a.complain(err)
		return ExitInternal
	}
	a.complain(err)
	return ExitUsage
}

// complain prints an error in one line.
func (a *app) complain(err error) {
	fmt.Fprintln(a.err, "simrun:", strings.Join(strings.Fields(err.Error()), " "))
}

// verdictCode returns the exit code of a single run.
func verdictCode(v scenarios.Verdict) int {
	switch v {
	case scenarios.Violation:
		return ExitViolation
	case scenarios.Inconclusive:
		return ExitInconclusive
	}
	return ExitPass
}
