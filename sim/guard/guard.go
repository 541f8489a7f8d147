// Package guard checks that the deterministic packages of a module stay deterministic: that what they compute follows
// from their inputs alone, on any machine, at any GOMAXPROCS.
//
// A package is deterministic when none of its non-test files
//   - imports anything that is not on an allow-list (so a new source of chance has to be argued for, not spotted),
//   - reads a clock, starts a goroutine, touches a channel, or selects,
//   - visits a map in its own order,
//   - computes with floats, whose rounding differs where a compiler fuses a multiplication with an addition,
//   - keeps state in package-level variables, which one run would hand on to the next,
//   - prints the address of something,
//   - depends on the width of a machine word through a function or constant made for that width,
//   - exists on some platforms only.
//
// What counts is the source text and its types. A dependency is judged by the allow-list, not by its own source. Order
// between elements that a comparison calls equal, allocation, and recursion depth are not looked at.
//
// The guard is a test tool: it runs the go command and is itself no deterministic package.
package guard

import (
	"cmp"
	"fmt"
	"go/token"
	"slices"
)

// The names of the rules, as they stand in Finding.Rule.
const (
	RuleImport     = "import"      // an import outside the allow-list
	RuleLayer      = "layer"       // an import of one of our packages that the table of rooms does not allow
	RuleRoom       = "room"        // one of our packages that the table of rooms does not know
	RuleSingleFile = "single-file" // an import reserved for one file, in another
	RuleBuild      = "build"       // a file that is not compiled everywhere
	RuleClock      = "clock"       // the time of day, timers, sleeping
	RuleGoroutine  = "goroutine"
	RuleSelect     = "select"
	RuleChannel    = "channel"
	RuleMapRange   = "map-range"
	RuleFloat      = "float"
	RuleGlobal     = "global"   // a package-level variable that can change
	RuleFunction   = "function" // a function of an allowed package that is not deterministic
	RuleWidth      = "width"    // a value that differs between 32 and 64 bits by design
	RuleAddress    = "address"  // text that contains a memory address
)

// Rules says what is allowed. Package names are relative to the module ("raft/quorum"; the module's root is ".").
// The zero value allows no import at all.
type Rules struct {
	// Imports may be used by every checked package. Packages of the module itself are not listed here but in Layers.
	Imports []string

	// PackageImports are allowed on top of Imports, for one package each.
	PackageImports map[string][]string

	// SingleFileImports maps an import path to the one file of the whole tree under dir that may name it
	// (slash-separated, relative to dir). Tests and nested modules count, folders called testdata do not. The file
	// still needs the import on one of the lists above.
	SingleFileImports map[string]string

	// Layers names, for every package of the module, the packages of the module it may import from non-test files.
	// A package without an entry is a finding: it has no place in the table of rooms. Nil leaves layers unchecked.
	Layers map[string][]string
}

// Finding is one place that breaks one rule.
type Finding struct {
	Pos    token.Position // Filename is slash-separated and relative to the checked directory
	Rule   string
	Detail string
}

// String returns "file:line: rule: detail".
func (f Finding) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", f.Pos.Filename, f.Pos.Line, f.Rule, f.Detail)
}

// Check loads the packages of the module at dir that match the patterns ("./sim", "./raft/...") and returns what breaks
// the rules in their non-test files, ordered by file and line, at most one finding per line, rule and detail. Layers and
// SingleFileImports are checked over the whole tree under dir whatever the patterns.
//
// An error means that the packages could not be judged: one does not exist or does not compile. It costs one run of
// "go list -export" (which compiles what is not cached) and one type check of each matched package.
func Check(dir string, patterns []string, rules Rules) ([]Finding, error) {
	packages, err := load(dir, patterns)
	if err != nil {
		return nil, err
	}
	var out report
	for _, p := range packages {
		checkBuild(p, &out)
		checkImports(p, rules, &out)
		checkSource(p, &out)
		checkGlobals(p, &out)
		checkAddresses(p, &out)
	}
	if err := checkTree(dir, rules, &out); err != nil {
		return nil, err
	}
	return out.sorted(), nil
}

// report collects findings.
type report struct{ findings []Finding }

func (r *report) add(pos token.Position, rule, format string, args ...any) {
	r.findings = append(r.findings, Finding{Pos: pos, Rule: rule, Detail: fmt.Sprintf(format, args...)})
}

// sorted orders the findings and drops repetitions on one line.
func (r *report) sorted() []Finding {
	slices.SortStableFunc(r.findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.Pos.Filename, b.Pos.Filename),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Detail, b.Detail),
		)
	})
	return slices.CompactFunc(r.findings, func(a, b Finding) bool { return a.String() == b.String() })
}
