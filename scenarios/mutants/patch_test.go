package mutants

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const smallHeader = "row: A01\nviolates: ES\ntitle: t\nsource: s\n\n" // five lines

// diffOf is a patch of one file with one hunk.
const smallDiff = `--- a/p/a.go
+++ b/p/a.go
@@ -2,3 +2,3 @@
 two
-three
+THREE
 four
`

func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func applied(t *testing.T, diff string, files map[string]string) (map[string]string, error) {
	t.Helper()
	p, err := ParsePatch("x.patch", []byte(smallHeader+diff))
	if err != nil {
		t.Fatal(err)
	}
	changes, err := p.Apply(tree(t, files))
	got := map[string]string{}
	for _, c := range changes {
		got[c.Name] = string(c.Content)
	}
	return got, err
}

func TestPatchIsApplied(t *testing.T) {
	const before, after = "one\ntwo\nthree\nfour\nfive\n", "one\ntwo\nTHREE\nfour\nfive\n"
	gitDiff := "diff --git a/p/a.go b/p/a.go\nindex 1..2 100644\n" + smallDiff
	for _, tc := range []struct{ name, diff, before, after string }{
		{"where it says", smallDiff, before, after},
		{"as git writes it", gitDiff, before, after},
		{"where its lines have moved to", smallDiff, "zero\nzero\n" + before, "zero\nzero\n" + after},
		{"where it says, though its lines stand elsewhere too", smallDiff, before + before, after + before},
		{"with the line ends of another system", smallDiff, strings.ReplaceAll(before, "\n", "\r\n"), after},
		{"in two places", smallDiff + "@@ -5 +5,2 @@\n five\n+six\n", before, after + "six\n"},
		{"in two places, the second one moved", smallDiff + "@@ -5 +5,2 @@\n five\n+six\n", strings.Replace(before, "five", "4.5\nfive", 1), strings.Replace(after, "five", "4.5\nfive\nsix", 1)},
	} {
		got, err := applied(t, tc.diff, map[string]string{"p/a.go": tc.before})
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
		} else if d := cmp.Diff(map[string]string{"p/a.go": tc.after}, got); d != "" {
			t.Errorf("%s: %s", tc.name, d)
		}
	}
	two := smallDiff + strings.ReplaceAll(smallDiff, "a.go", "b.go")
	got, err := applied(t, two, map[string]string{"p/a.go": before, "p/b.go": before, "p/c.go": before})
	if d := cmp.Diff(map[string]string{"p/a.go": after, "p/b.go": after}, got); err != nil || d != "" {
		t.Errorf("two files: %v %s", err, d)
	}
}

func TestPatchThatDoesNotApply(t *testing.T) {
	const second = "@@ -5 +5,2 @@\n five\n+six\n"
	for _, tc := range []struct{ name, diff, file, content, want string }{
		{"changed lines", smallDiff, "p/a.go", "one\ntwo\ndrei\nfour\n", "x.patch:8: hunk 1 does not apply to p/a.go"},
		{"second hunk", smallDiff + second, "p/a.go", "one\ntwo\nthree\nfour\n", "x.patch:13: hunk 2 does not apply to p/a.go"},
		{"two places", smallDiff, "p/a.go", strings.Repeat("one\ntwo\nthree\nfour\n", 2)[4:],
			"x.patch:8: hunk 1 does not apply to p/a.go: its old lines stand there at 2 places, none of them line 2"},
		{"no such file", smallDiff, "p/b.go", "", "x.patch:8: p/a.go: no such file"},
	} {
		_, err := applied(t, tc.diff, map[string]string{tc.file: tc.content})
		if err == nil || err.Error() != tc.want {
			t.Errorf("%s: got %v\nwant %s", tc.name, err, tc.want)
		}
	}
}

func TestPatchIsChecked(t *testing.T) {
	for _, tc := range []struct{ name, diff, want string }{
		{"no diff", "", "x.patch: no diff: want a header, then lines that begin with diff --git or ---"},
		{"new file", "--- /dev/null\n+++ b/p/a.go\n@@ -0,0 +1 @@\n+one\n", "x.patch:8: p/a.go: a mutant changes lines of files that exist, and does nothing else to them"},
		{"rename", "diff --git a/p/a.go b/p/b.go\nsimilarity index 100%\nrename from p/a.go\nrename to p/b.go\n", "x.patch: p/b.go: a mutant changes lines of files that exist, and does nothing else to them"},
		{"outside", strings.ReplaceAll(smallDiff, "p/a.go", "../a.go"), `x.patch:8: "../a.go" is no Go file of the tree`},
		{"no program", strings.ReplaceAll(smallDiff, "p/a.go", "go.mod"), `x.patch:8: "go.mod" is no Go file of the tree`},
		{"file twice", smallDiff + smallDiff, "x.patch:15: p/a.go has two diffs"},
		{"nothing changes", "--- a/p/a.go\n+++ b/p/a.go\n@@ -1,2 +1,2 @@\n one\n two\n", "x.patch:11: fragment contains no changes"},
		{"nothing to find it by", "--- a/p/a.go\n+++ b/p/a.go\n@@ -1,0 +2 @@\n+one\n", "x.patch:8: a hunk needs lines to find its place by"},
	} {
		_, err := ParsePatch("x.patch", []byte(smallHeader+tc.diff))
		if err == nil || err.Error() != tc.want {
			t.Errorf("%s: got %v\nwant %s", tc.name, err, tc.want)
		}
	}
	_, err := ParsePatch("x.patch", []byte(smallHeader+strings.Replace(smallDiff, "-2,3", "-2,7", 1)))
	if err == nil || err.Error() != "x.patch:9: fragment header miscounts lines: -4 old, +0 new" {
		t.Errorf("a hunk that ends too early: got %v", err)
	}
	_, err = ParsePatch("x.patch", []byte(strings.Replace(smallHeader, "row", "now", 1)+smallDiff))
	if err == nil || !strings.HasPrefix(err.Error(), "x.patch:1: ") {
		t.Errorf("a bad header: got %v", err)
	}
}
