package guard_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"raftsim/sim/guard"

	"github.com/google/go-cmp/cmp"
)

const sample = "testdata/sample"

// sampleRules are the rules of the sample module, a small world with one of everything that is forbidden.
func sampleRules() guard.Rules {
	low := []string{"low"}
	return guard.Rules{
		Imports: []string{
			"errors", "fmt", "io", "iter", "maps", "math", "math/bits", "runtime/debug", "slices", "strconv", "time",
		},
		PackageImports:    map[string][]string{"noise": {"golang.org/x/exp/rand"}},
		SingleFileImports: map[string]string{"golang.org/x/exp/rand": "noise/noise.go"},
		Layers: map[string][]string{
			"low": nil, "high": low, "clean": low, "global": low, "imports": low, "clock": nil, "goroutine": nil,
			"channel": nil, "maprange": nil, "float": nil, "functions": nil, "build": nil, "address": nil, "noise": nil,
		},
	}
}

// TestSample compares what the guard finds in the sample with the "// want: rule ..." comments on the lines.
func TestSample(t *testing.T) {
	found, err := guard.Check(sample, []string{"./..."}, sampleRules())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	rules := map[string]bool{}
	for _, f := range found {
		at := fmt.Sprintf("%s:%d", f.Pos.Filename, f.Pos.Line)
		if !slices.Contains(got[at], f.Rule) {
			got[at] = append(got[at], f.Rule)
		}
		rules[f.Rule] = true
	}
	if diff := cmp.Diff(wanted(t), got); diff != "" {
		t.Errorf("findings by line (-want +got):\n%s", diff)
	}
	for _, rule := range []string{
		guard.RuleImport, guard.RuleLayer, guard.RuleRoom, guard.RuleSingleFile, guard.RuleBuild, guard.RuleClock,
		guard.RuleGoroutine, guard.RuleSelect, guard.RuleChannel, guard.RuleMapRange, guard.RuleFloat, guard.RuleGlobal,
		guard.RuleFunction, guard.RuleWidth, guard.RuleAddress,
	} {
		if !rules[rule] {
			t.Errorf("nothing in the sample breaks the rule %s", rule)
		}
	}
	if !slices.IsSortedFunc(found, func(a, b guard.Finding) int {
		return strings.Compare(sortKey(a), sortKey(b))
	}) {
		t.Errorf("findings are not ordered by file and line:\n%v", found)
	}
}

func sortKey(f guard.Finding) string { return fmt.Sprintf("%s:%06d", f.Pos.Filename, f.Pos.Line) }

// wanted reads the comments of the sample.
func wanted(t *testing.T) map[string][]string {
	t.Helper()
	want := map[string][]string{}
	err := filepath.WalkDir(sample, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(sample, file)
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(text), "\n") {
			if _, rules, ok := strings.Cut(line, "// want:"); ok && strings.TrimSpace(rules) != "" {
				names := strings.Fields(rules)
				slices.Sort(names)
				want[fmt.Sprintf("%s:%d", filepath.ToSlash(rel), i+1)] = names
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return want
}

// TestText pins the one-line form and shows one finding of each shape.
func TestText(t *testing.T) {
	found, err := guard.Check(sample, []string{"./imports", "./global", "./maprange"}, sampleRules())
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, f := range found {
		fmt.Fprintln(&text, f)
	}
	for _, line := range []string{
		`attic/attic.go:1: room: package attic is not in the table of rooms`,
		`global/global.go:20: global: table can be changed: its type is map[string]int`,
		`global/global.go:28: global: total is changed at global/global.go:49`,
		`imports/imports.go:9: import: "math/rand" is not on the list of what imports may import`,
		`low/low.go:4: layer: low may not import high`,
		`maprange/maprange.go:8: map-range: range over plain`,
		`noise/second.go:3: single-file: "golang.org/x/exp/rand" is reserved for noise/noise.go`,
	} {
		if !strings.Contains(text.String(), line+"\n") {
			t.Errorf("missing line %q", line)
		}
	}
	if t.Failed() {
		t.Logf("findings:\n%s", text.String())
	}
}

// TestReservedFile: a reservation for a file that does not use it is stale, and hides where the import went.
func TestReservedFile(t *testing.T) {
	rules := sampleRules()
	rules.Layers = nil
	rules.SingleFileImports = map[string]string{"golang.org/x/exp/rand": "noise/gone.go"}
	found, err := guard.Check(sample, []string{"./clean"}, rules)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, f := range found {
		if f.Rule == guard.RuleSingleFile {
			files = append(files, f.Pos.Filename)
		}
	}
	want := []string{
		"imports/imports.go", "nested/nested.go", "noise/gone.go", "noise/noise.go", "noise/noise_test.go", "noise/second.go",
	}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// TestCannotJudge: what the guard cannot look at is an error, never a pass.
func TestCannotJudge(t *testing.T) {
	for _, tc := range []struct {
		name, dir string
		patterns  []string
	}{
		{"no patterns", sample, nil},
		{"missing package", sample, []string{"./clean", "./nowhere"}},
		{"nothing matches", sample, []string{"./nowhere/..."}},
		{"missing folder", "testdata/none", []string{"./..."}},
		{"does not compile", "testdata/broken", []string{"./..."}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if found, err := guard.Check(tc.dir, tc.patterns, guard.Rules{}); err == nil {
				t.Errorf("no error; findings: %v", found)
			}
		})
	}
}
