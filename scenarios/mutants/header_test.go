package mutants

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"raftsim/checker"
)

const goodHeader = `row: E25
violates: ES, LC
title: a title
source: a source
scenario: damage

note: one
note: two
`

func TestHeaderIsRead(t *testing.T) {
	got, err := parseHeader("x.patch", strings.Split(goodHeader, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Header{
		Row: "E25", Violates: []checker.Property{checker.ElectionSafety, checker.LeaderCompleteness}, Title: "a title", Source: "a source", Scenario: "damage",
		Notes: []string{"one", "two"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if !got.Counts(checker.ElectionSafety) || got.Counts(checker.StateMachineSafety) {
		t.Error("ES is in the column and SMS is not")
	}
}

// Whatever is not exactly a header is refused at its line.
func TestHeaderIsStrict(t *testing.T) {
	for _, tc := range []struct{ name, old, new, want string }{
		{"no row", "row: E25\n", "", `x.patch: the header lacks "row:"`},
		{"no property", "violates: ES, LC\n", "", `x.patch: the header lacks "violates:"`},
		{"no title", "title: a title\n", "", `x.patch: the header lacks "title:"`},
		{"no source", "source: a source\n", "", `x.patch: the header lacks "source:"`},
		{"strange row", "row: E25", "row: E2", `x.patch:1: row "E2": want a capital letter and two digits`},
		{"strange property", "ES, LC", "ES LC", `x.patch:2: violates "ES LC": want distinct codes of properties with commas between, like ES, LC`},
		{"property twice", "ES, LC", "ES, ES", `x.patch:2: violates "ES, ES": want distinct codes of properties with commas between, like ES, LC`},
		{"property in small letters", "ES, LC", "es", `x.patch:2: violates "es": want distinct codes of properties with commas between, like ES, LC`},
		{"unknown key", "title:", "Title:", `x.patch:3: unknown key "Title": one of row, violates, title, source, scenario, note`},
		{"twice", "note: one", "row: E26", `x.patch:7: row stands twice`},
		{"violates twice", "note: one", "violates: LM", `x.patch:7: violates stands twice`},
		{"strange scenario", "scenario: damage", "scenario: damaged", `x.patch:5: unknown scenario "damaged"`},
		{"scenario twice", "note: one", "scenario: mixed", `x.patch:7: scenario stands twice`},
		{"empty", "title: a title", "title: ", `x.patch:3: title has no value`},
		{"free text", "note: one", "just text", `x.patch:7: a line of the header is KEY: VALUE, not "just text"`},
	} {
		if !strings.Contains(goodHeader, tc.old) {
			t.Fatalf("%s: nothing to replace", tc.name)
		}
		_, err := parseHeader("x.patch", strings.Split(strings.Replace(goodHeader, tc.old, tc.new, 1), "\n"))
		if err == nil || err.Error() != tc.want {
			t.Errorf("%s: got %v\nwant %s", tc.name, err, tc.want)
		}
	}
}
