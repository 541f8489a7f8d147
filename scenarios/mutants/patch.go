package mutants

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"

	"raftsim/scenarios"
)

// Patch is one mutant.
type Patch struct {
	File string // where it was read
	Header
	files []*gitdiff.File
	lines []int // of the hunks' headers in File, in order
}

// Change is a file as a patch leaves it.
type Change struct {
	Name    string // relative to the root of the tree, with slashes
	Content []byte
}

// ReadPatch reads a patch file. Errors are *scenarios.FileError.
func ReadPatch(path string) (*Patch, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &scenarios.FileError{File: path, Problem: cause(err)}
	}
	return ParsePatch(path, data)
}

// cause takes the path off an error about a file; whoever reports it names the file himself.
func cause(err error) string {
	var pe *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "no such file"
	case errors.As(err, &pe):
		return pe.Err.Error()
	}
	return err.Error()
}

// ParsePatch reads the content of a patch file. Errors are *scenarios.FileError.
//
// A patch changes lines of files that exist. New, deleted, renamed and binary files are refused: no bug of the bank is one.
func ParsePatch(file string, data []byte) (*Patch, error) {
	lines := strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
	start := slices.IndexFunc(lines, func(line string) bool {
		return strings.HasPrefix(line, "diff --git ") || strings.HasPrefix(line, "--- ")
	})
	if start < 0 {
		return nil, &scenarios.FileError{File: file, Problem: "no diff: want a header, then lines that begin with diff --git or ---"}
	}
	header, err := parseHeader(file, lines[:start])
	if err != nil {
		return nil, err
	}
	p := &Patch{File: file, Header: header}
	if p.files, _, err = gitdiff.Parse(strings.NewReader(strings.Join(lines[start:], "\n"))); err != nil {
		line, problem := diffError(err)
		if line > 0 {
			line += start
		}
		return nil, &scenarios.FileError{File: file, Line: line, Problem: problem}
	}
	for _, f := range p.files {
		f.OldName, f.NewName = bare(f.OldName), bare(f.NewName)
	}
	for i, line := range lines {
		// In the body of a hunk every line has a mark before it.
		if i >= start && strings.HasPrefix(line, "@@ -") {
			p.lines = append(p.lines, i+1)
		}
	}
	return p, p.check()
}

// bare takes the prefix off a name of a diff that git did not write: there the parser leaves it on.
func bare(name string) string { return strings.TrimPrefix(strings.TrimPrefix(name, "b/"), "a/") }

// lineOfError is how the parser of diffs names the place of a mistake.
var lineOfError = regexp.MustCompile(`^gitdiff: line (\d+): (.*)$`)

func diffError(err error) (line int, problem string) {
	m := lineOfError.FindStringSubmatch(err.Error())
	if m == nil {
		return 0, err.Error()
	}
	line, _ = strconv.Atoi(m[1])
	return line, m[2]
}

func (p *Patch) check() error {
	fail := func(line int, format string, values ...any) error {
		return &scenarios.FileError{File: p.File, Line: line, Problem: fmt.Sprintf(format, values...)}
	}
	hunk := 0
	for i, f := range p.files {
		line := 0
		if hunk < len(p.lines) {
			line = p.lines[hunk]
		}
		switch {
		case f.IsNew || f.IsDelete || f.IsCopy || f.IsRename || f.IsBinary || f.NewName != f.OldName || len(f.TextFragments) == 0:
			return fail(line, "%s: a mutant changes lines of files that exist, and does nothing else to them", f.NewName)
		case !filepath.IsLocal(filepath.FromSlash(f.NewName)) || !strings.HasSuffix(f.NewName, ".go"):
			return fail(line, "%q is no Go file of the tree", f.NewName)
		case slices.ContainsFunc(p.files[:i], func(o *gitdiff.File) bool { return o.NewName == f.NewName }):
			return fail(line, "%s has two diffs", f.NewName)
		}
		for _, fragment := range f.TextFragments {
			if hunk == len(p.lines) {
				return fail(0, "the diff has a hunk without a line that begins with @@")
			}
			if err := fragment.Validate(); err != nil {
				return fail(p.lines[hunk], "%v", err)
			}
			if fragment.OldLines == 0 {
				return fail(p.lines[hunk], "a hunk needs lines to find its place by")
			}
			hunk++
		}
	}
	return nil
}

// Apply returns the files of the tree at root that the patch changes, changed. Nothing is written. A hunk belongs where its old
// lines stand: at the line its header names, else at the only place they stand at. Errors are *scenarios.FileError.
func (p *Patch) Apply(root string) ([]Change, error) {
	var changes []Change
	hunk := 0
	for _, f := range p.files {
		source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(f.NewName)))
		if err != nil {
			return nil, &scenarios.FileError{File: p.File, Line: p.lines[hunk], Problem: f.NewName + ": " + cause(err)}
		}
		source = bytes.ReplaceAll(source, []byte("\r\n"), []byte("\n"))
		placed := *f
		placed.TextFragments = nil
		text := bytes.SplitAfter(source, []byte("\n"))
		for i, fragment := range f.TextFragments {
			at, places := place(text, fragment)
			if places != 1 {
				problem := fmt.Sprintf("hunk %d does not apply to %s", i+1, f.NewName)
				if places > 1 {
					problem += fmt.Sprintf(": its old lines stand there at %d places, none of them line %d", places, fragment.OldPosition)
				}
				return nil, &scenarios.FileError{File: p.File, Line: p.lines[hunk], Problem: problem}
			}
			moved := *fragment
			moved.OldPosition = int64(at) + 1
			placed.TextFragments = append(placed.TextFragments, &moved)
			hunk++
		}
		var changed bytes.Buffer
		if err := gitdiff.Apply(&changed, bytes.NewReader(source), &placed); err != nil {
			line := p.lines[hunk-len(f.TextFragments)]
			return nil, &scenarios.FileError{File: p.File, Line: line, Problem: fmt.Sprintf("does not apply to %s: %v", f.NewName, err)}
		}
		changes = append(changes, Change{Name: f.NewName, Content: changed.Bytes()})
	}
	return changes, nil
}

// place returns where the old lines of a hunk stand in text, counted from 0, and at how many places; the named place wins over all
// others.
func place(text [][]byte, f *gitdiff.TextFragment) (at, places int) {
	var old []string
	for _, line := range f.Lines {
		if line.Old() {
			old = append(old, line.Line)
		}
	}
	stands := func(at int) bool {
		if at < 0 || at+len(old) > len(text) {
			return false
		}
		for i, line := range old {
			if string(text[at+i]) != line {
				return false
			}
		}
		return true
	}
	if named := f.OldPosition - 1; named < int64(len(text)) && stands(int(named)) {
		return int(named), 1
	}
	for i := range text {
		if stands(i) {
			at = i
			places++
		}
	}
	return at, places
}
