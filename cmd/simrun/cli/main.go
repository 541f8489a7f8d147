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
	"os"
	"path/filepath"
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

// Options name the program, for the commands that reports and seed files tell people to go on with. The zero value is good.
type Options struct {
	// Name is what the program is called; "" for the name it was started by.
	Name string
	// Test runs seeds of the catalogue as a Go test, with the flags of simtest: "go test ./counter -run Seeds". "" for none, apart from
	// scenarios of this project in programs of its own.
	Test string
}

// Main runs the command line args (without the program's name) and returns the exit code.
func Main(cat *scenarios.Catalogue, args []string, stdout, stderr io.Writer) (exitCode int) {
	return MainOf(cat, Options{}, args, stdout, stderr)
}

// MainOf is Main of a program that says how it is called.
func MainOf(cat *scenarios.Catalogue, o Options, args []string, stdout, stderr io.Writer) (exitCode int) {
	if o.Name == "" {
		o.Name = strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	}
	a := &app{cat: cat, name: o.Name, test: o.Test, out: stdout, err: stderr}
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
	name   string // of the program
	test   string // Options.Test
	out    io.Writer
	err    io.Writer
	format string // formatText or formatJSON
	code   int
}

const (
	formatText = "text"
	formatJSON = "json"
)

// hints says how to go on with a case of a scenario.
func (a *app) hints(scenario string) campaign.Hints {
	return campaign.HintsFor(a.cat, scenario, a.name, a.test)
}

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
		fmt.Fprintln(a.err, a.name+":", err)
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
	fmt.Fprintln(a.err, a.name+":", strings.Join(strings.Fields(err.Error()), " "))
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
