package guard

import (
	"go/ast"
	"go/token"
	"go/types"
)

// checkGlobals reports package-level variables that could carry something from one run to the next. Harmless are
//   - blank variables, which only assert something at compile time;
//   - errors made by errors.New or fmt.Errorf that are never assigned again;
//   - numbers, strings, booleans, and arrays and structs of them, that nothing in the package can change: never
//     assigned, incremented, ranged into, sliced, address-taken, or the receiver of a method with a pointer receiver.
//
// Everything else (slices, maps, pointers, functions, interfaces) can be changed behind the compiler's back, even when
// it is not today. Assigning a variable of another package is reported where it is done.
func checkGlobals(p *loaded, out *report) {
	changed := changes(p)
	for _, file := range p.files {
		for _, decl := range file.Decls {
			decl, ok := decl.(*ast.GenDecl)
			if !ok || decl.Tok != token.VAR {
				continue
			}
			for _, spec := range decl.Specs {
				spec := spec.(*ast.ValueSpec)
				for i, name := range spec.Names {
					v, ok := p.info.Defs[name].(*types.Var)
					if !ok || name.Name == "_" {
						continue
					}
					sentinel := i < len(spec.Values) && isError(v.Type()) && makesError(p, spec.Values[i])
					switch {
					case !sentinel && !isPlain(v.Type()):
						out.add(p.at(name), RuleGlobal, "%s can be changed: its type is %s", name.Name, describe(p, v.Type()))
					case changed[v] != nil:
						where := p.at(changed[v])
						out.add(p.at(name), RuleGlobal, "%s is changed at %s:%d", name.Name, where.Filename, where.Line)
					}
				}
			}
		}
	}
	for v, expr := range changed {
		if v.Pkg() != p.types {
			out.add(p.at(expr), RuleGlobal, "changes %s.%s", v.Pkg().Name(), v.Name())
		}
	}
}

// isPlain reports whether a value of the type owns everything it holds, so that a copy shares nothing with it.
func isPlain(t types.Type) bool {
	if named, ok := t.(*types.Named); ok && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == "embed" {
		return true // files that are part of the program: nothing can change them
	}
	switch t := t.Underlying().(type) {
	case *types.Basic:
		return t.Kind() != types.UnsafePointer
	case *types.Array:
		return isPlain(t.Elem())
	case *types.Struct:
		for field := range t.Fields() {
			if !isPlain(field.Type()) {
				return false
			}
		}
		return true
	}
	return false
}

func isError(t types.Type) bool { return types.Identical(t, types.Universe.Lookup("error").Type()) }

// makesError reports whether an expression is a call of errors.New or fmt.Errorf.
func makesError(p *loaded, expr ast.Expr) bool {
	call, ok := ast.Unparen(expr).(*ast.CallExpr)
	if !ok {
		return false
	}
	var name *ast.Ident
	switch fun := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		name = fun
	case *ast.SelectorExpr:
		name = fun.Sel
	default:
		return false
	}
	f, ok := p.info.Uses[name].(*types.Func)
	if !ok {
		return false
	}
	return f.FullName() == "errors.New" || f.FullName() == "fmt.Errorf"
}

// changes maps every package-level variable that the package could change to one place where it does.
func changes(p *loaded) map[*types.Var]ast.Expr {
	changed := map[*types.Var]ast.Expr{}
	mark := func(expr ast.Expr) {
		if expr == nil {
			return
		}
		if v := rootVariable(p, expr); v != nil && changed[v] == nil {
			changed[v] = expr
		}
	}
	for _, file := range p.files {
		ast.Inspect(file, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.AssignStmt:
				if node.Tok != token.DEFINE {
					for _, left := range node.Lhs {
						mark(left)
					}
				}
			case *ast.IncDecStmt:
				mark(node.X)
			case *ast.RangeStmt:
				if node.Tok == token.ASSIGN {
					mark(node.Key)
					mark(node.Value)
				}
			case *ast.UnaryExpr:
				if node.Op == token.AND {
					mark(node.X)
				}
			case *ast.SliceExpr:
				if _, array := p.info.TypeOf(node.X).Underlying().(*types.Array); array {
					mark(node.X)
				}
			case *ast.SelectorExpr:
				if takesAddress(p.info.Selections[node]) {
					mark(node.X)
				}
			}
			return true
		})
	}
	return changed
}

// takesAddress reports whether selecting a method takes its operand's address: a pointer receiver on a value that is
// reached through no pointer.
func takesAddress(selection *types.Selection) bool {
	if selection == nil || selection.Kind() != types.MethodVal || selection.Indirect() {
		return false
	}
	method := selection.Obj().(*types.Func)
	_, pointer := method.Signature().Recv().Type().Underlying().(*types.Pointer)
	_, throughPointer := selection.Recv().Underlying().(*types.Pointer)
	return pointer && !throughPointer
}

// rootVariable returns the package-level variable that a path of fields and indexes starts from, or nil.
func rootVariable(p *loaded, expr ast.Expr) *types.Var {
	for {
		switch e := expr.(type) {
		case *ast.ParenExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.StarExpr:
			expr = e.X
		case *ast.SelectorExpr:
			if p.info.Selections[e] != nil {
				expr = e.X
				continue
			}
			return packageLevel(p.info.Uses[e.Sel])
		case *ast.Ident:
			return packageLevel(p.info.Uses[e])
		default:
			return nil
		}
	}
}

func packageLevel(object types.Object) *types.Var {
	if v, ok := object.(*types.Var); ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
		return v
	}
	return nil
}
