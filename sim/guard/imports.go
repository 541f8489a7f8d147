package guard

import (
	"bufio"
	"bytes"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// checkImports holds each import of a package against the allow-lists. Packages of the module itself are left to
// checkTree.
func checkImports(p *loaded, rules Rules, out *report) {
	for _, file := range p.files {
		for _, spec := range file.Imports {
			target := importPath(spec)
			if p.meta.Module != nil && within(p.meta.Module.Path, target) {
				continue
			}
			if !slices.Contains(rules.Imports, target) && !slices.Contains(rules.PackageImports[p.name], target) {
				out.add(p.at(spec), RuleImport, "%q is not on the list of what %s may import", target, p.name)
			}
		}
	}
}

// checkBuild reports files that only some builds contain: their rules would go unchecked, and two machines would run
// different programs.
func checkBuild(p *loaded, out *report) {
	somewhere := func(name, why string) {
		out.add(token.Position{Filename: p.relative(filepath.Join(p.meta.Dir, name)), Line: 1}, RuleBuild, "%s", why)
	}
	for _, name := range p.meta.IgnoredGoFiles {
		somewhere(name, "left out of this build by a constraint")
	}
	for _, name := range p.meta.CgoFiles {
		somewhere(name, "uses cgo")
	}
	for _, name := range p.meta.SFiles {
		somewhere(name, "assembly")
	}
	// A file that a platform nobody has would leave out carries a platform in its name.
	nowhere := build.Default
	nowhere.GOOS, nowhere.GOARCH = "none", "none"
	for i, name := range p.meta.GoFiles {
		matches, err := nowhere.MatchFile(p.meta.Dir, name)
		if err != nil || !matches || hasBuildLine(p.files[i]) {
			somewhere(name, "compiled under a build constraint only")
		}
	}
}

func hasBuildLine(file *ast.File) bool {
	for _, group := range file.Comments {
		for _, comment := range group.List {
			if comment.Pos() < file.Package && strings.HasPrefix(comment.Text, "//go:build ") {
				return true
			}
		}
	}
	return false
}

// checkTree checks what concerns every file under dir and not the matched packages alone: who imports whom within the
// module, and the imports reserved for one file. It parses import clauses only.
func checkTree(dir string, rules Rules, out *report) error {
	module, err := moduleOf(dir)
	if err != nil {
		return err
	}
	fset := token.NewFileSet()
	nested := "" // the folder of the nested module the walk is in
	unplaced := map[string]bool{}
	used := map[string]bool{} // single-file imports found where they belong
	err = filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if entry.IsDir() {
			return enter(file, rel, entry.Name(), &nested)
		}
		if !strings.HasSuffix(rel, ".go") || strings.HasPrefix(entry.Name(), "_") || strings.HasPrefix(entry.Name(), ".") {
			return nil
		}
		syntax, err := parser.ParseFile(fset, file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		room := path.Dir(rel)
		ours := rules.Layers != nil && !under(nested, rel) && !strings.HasSuffix(rel, "_test.go")
		below, placed := rules.Layers[room]
		if ours && !placed && !unplaced[room] {
			unplaced[room] = true
			out.add(token.Position{Filename: rel, Line: fset.Position(syntax.Package).Line}, RuleRoom,
				"package %s is not in the table of rooms", room)
		}
		for _, spec := range syntax.Imports {
			target := importPath(spec)
			pos := token.Position{Filename: rel, Line: fset.Position(spec.Pos()).Line}
			if only, reserved := rules.SingleFileImports[target]; reserved {
				if rel != only {
					out.add(pos, RuleSingleFile, "%q is reserved for %s", target, only)
				} else {
					used[target] = true
				}
			}
			if ours && placed && within(module, target) && !slices.Contains(below, relativeTo(module, target)) {
				out.add(pos, RuleLayer, "%s may not import %s", room, relativeTo(module, target))
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("guard: %w", err)
	}
	for _, target := range slices.Sorted(maps.Keys(rules.SingleFileImports)) {
		if !used[target] {
			out.add(token.Position{Filename: rules.SingleFileImports[target], Line: 1}, RuleSingleFile,
				"%q is reserved for this file, which does not import it", target)
		}
	}
	return nil
}

// enter decides about a folder of the walk: those the go command ignores are skipped, nested modules remembered.
func enter(folder, rel, name string, nested *string) error {
	if rel == "." {
		return nil
	}
	if name == "testdata" || name == "vendor" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil && !under(*nested, rel) {
		*nested = rel
	}
	return nil
}

// under reports whether a slash-separated path lies in a folder; no path lies in the folder "".
func under(folder, rel string) bool {
	return folder != "" && (rel == folder || strings.HasPrefix(rel, folder+"/"))
}

// within reports whether an import path belongs to a module.
func within(module, target string) bool {
	return target == module || strings.HasPrefix(target, module+"/")
}

func importPath(spec *ast.ImportSpec) string {
	target, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		panic(fmt.Sprintf("guard: the parser accepted the import path %s: %v", spec.Path.Value, err))
	}
	return target
}

// moduleOf reads the module's path from the go.mod in dir.
func moduleOf(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return "", fmt.Errorf("guard: %w", err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) >= 2 && words[0] == "module" {
			return strings.Trim(words[1], `"`), nil
		}
	}
	return "", fmt.Errorf("guard: no module line in %s", filepath.Join(dir, "go.mod"))
}
