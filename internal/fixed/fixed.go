// Package fixed runs properties of pgregory.net/rapid on draws that are the same every time (a test tool).
//
// rapid.Check explores: it draws anew in every process, so how often something happened under it is chance, and a test that fails
// when it happened too seldom fails by chance. Such a test counts under Check of this package, where the counts are facts of the
// test, and explores with the same property besides.
package fixed

import (
	"flag"
	"fmt"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// steps is the average number of actions of a T.Repeat: what rapid does when it is not told otherwise.
const steps = 30

// Check is rapid.Check over this many cases that are always the same ones. A failure is made smaller and reported as by
// rapid.Check, and the seed it names finds it again under a rapid.Check of the same property.
func Check(t rapid.TB, cases int, property func(*rapid.T)) {
	t.Helper()
	Draws(cases, func() {
		t.Helper()
		rapid.Check(t, property)
	})
}

// Draws calls f, in which every rapid.Check makes this many cases from one seed, whatever the command line and the environment
// ask for. The settings of rapid belong to the whole process: no other test may run at the same time.
func Draws(cases int, f func()) {
	checks, length := cases, steps
	if testing.Short() { // rapid will divide them
		checks, length = 5*checks, 2*length
	}
	defer set("rapid.seed", 1)()
	defer set("rapid.checks", checks)()
	defer set("rapid.steps", length)()
	f()
}

// set changes a setting of rapid and returns what puts it back.
func set(name string, value int) (restore func()) {
	setting := flag.Lookup(name)
	if setting == nil {
		panic(fmt.Sprintf("fixed: rapid has no setting %s", name))
	}
	before := setting.Value.String()
	put := func(value string) {
		if err := setting.Value.Set(value); err != nil {
			panic(fmt.Sprintf("fixed: %s: %v", name, err))
		}
	}
	put(strconv.Itoa(value))
	return func() { put(before) }
}
