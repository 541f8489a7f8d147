package guard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// loaded is one package with its syntax and types, test files left out.
type loaded struct {
	root  string // absolute directory that positions are relative to
	name  string // relative to the module: "raft/quorum"
	meta  listed
	fset  *token.FileSet
	files []*ast.File
	types *types.Package
	info  *types.Info
}

// listed is what the go command tells about a package.
type listed struct {
	ImportPath     string
	Dir            string
	Export         string // file with the compiled package's types
	DepOnly        bool
	GoFiles        []string
	CgoFiles       []string
	SFiles         []string
	IgnoredGoFiles []string
	Module         *struct{ Path, GoVersion string }
}

const listedFields = "ImportPath,Dir,Export,DepOnly,GoFiles,CgoFiles,SFiles,IgnoredGoFiles,Module"

// load type-checks the matched packages from source; what they import comes from compiled export data, which is faster
// than source by far and is in the build cache of whoever has just run the tests.
func load(dir string, patterns []string) ([]*loaded, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("guard: %w", err)
	}
	all, err := list(root, patterns)
	if err != nil {
		return nil, err
	}
	exports := make(map[string]string, len(all))
	for _, l := range all {
		exports[l.ImportPath] = l.Export
	}
	fset := token.NewFileSet()
	imported := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		file := exports[path]
		if file == "" {
			return nil, fmt.Errorf("no export data for %q", path)
		}
		return os.Open(file)
	})
	var packages []*loaded
	for _, l := range all {
		if l.DepOnly {
			continue
		}
		p, err := check(root, l, fset, imported)
		if err != nil {
			return nil, err
		}
		packages = append(packages, p)
	}
	return packages, nil
}

// list runs the go command. A pattern that matches nothing is an error: a guard that silently checks no package would
// pass for ever.
func list(root string, patterns []string) ([]listed, error) {
	if len(patterns) == 0 {
		return nil, errors.New("guard: no packages named")
	}
	args := append([]string{"list", "-deps", "-export", "-json=" + listedFields, "--"}, patterns...)
	command := exec.Command("go", args...)
	command.Dir = root
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stdout, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("guard: go list: %w\n%s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	var all []listed
	matched := false
	for decoder := json.NewDecoder(bytes.NewReader(stdout)); ; {
		var l listed
		if err := decoder.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("guard: output of go list: %w", err)
		}
		matched = matched || !l.DepOnly
		all = append(all, l)
	}
	if !matched {
		return nil, fmt.Errorf("guard: %q matches no package", patterns)
	}
	return all, nil
}

// check parses and type-checks one package.
func check(root string, l listed, fset *token.FileSet, imported types.Importer) (*loaded, error) {
	p := &loaded{
		root: root,
		name: l.ImportPath,
		meta: l,
		fset: fset,
		info: &types.Info{
			Types:      map[ast.Expr]types.TypeAndValue{},
			Defs:       map[*ast.Ident]types.Object{},
			Uses:       map[*ast.Ident]types.Object{},
			Selections: map[*ast.SelectorExpr]*types.Selection{},
		},
	}
	config := types.Config{Importer: imported, Sizes: types.SizesFor("gc", build.Default.GOARCH)}
	if l.Module != nil {
		p.name = relativeTo(l.Module.Path, l.ImportPath)
		config.GoVersion = "go" + l.Module.GoVersion
	}
	for _, name := range l.GoFiles {
		file, err := parser.ParseFile(fset, filepath.Join(l.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("guard: %w", err)
		}
		p.files = append(p.files, file)
	}
	var err error
	if p.types, err = config.Check(l.ImportPath, fset, p.files, p.info); err != nil {
		return nil, fmt.Errorf("guard: %w", err)
	}
	return p, nil
}

// at is the position of a node, with its file relative to the checked directory.
func (p *loaded) at(node interface{ Pos() token.Pos }) token.Position {
	pos := p.fset.Position(node.Pos())
	pos.Filename = p.relative(pos.Filename)
	return pos
}

func (p *loaded) relative(file string) string {
	if rel, err := filepath.Rel(p.root, file); err == nil {
		file = rel
	}
	return filepath.ToSlash(file)
}

// relativeTo returns an import path relative to the module's, "." for the module's root.
func relativeTo(module, path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}
