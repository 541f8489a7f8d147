package guard

import (
	"go/ast"
	"go/constant"
	"go/types"
	"strings"
)

// checkAddresses reports calls of fmt's printing functions whose text would contain an address: the verb %p, or an
// argument that is, or holds below its top level, a pointer, channel or function that prints as its address.
//
// It sees static types only: what hides in an interface is not followed.
func checkAddresses(p *loaded, out *report) {
	for _, file := range p.files {
		ast.Inspect(file, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				return true
			}
			selector, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
			if !ok {
				return true
			}
			f, ok := p.info.Uses[selector.Sel].(*types.Func)
			if !ok || f.Pkg() == nil || f.Pkg().Path() != "fmt" || !f.Signature().Variadic() {
				return true
			}
			fixed := f.Signature().Params().Len() - 1
			for i, arg := range call.Args {
				value := p.info.Types[arg]
				switch {
				case i < fixed && value.Value != nil && value.Value.Kind() == constant.String:
					if strings.Contains(strings.ReplaceAll(constant.StringVal(value.Value), "%%", ""), "%p") {
						out.add(p.at(arg), RuleAddress, "%%p prints an address")
					}
				case i >= fixed && !call.Ellipsis.IsValid() && value.Type != nil && printsAddress(value.Type, 0, true):
					out.add(p.at(arg), RuleAddress, "%s prints an address: its type is %s", types.ExprString(arg), describe(p, value.Type))
				}
			}
			return true
		})
	}
}

// printsAddress follows fmt: a value with a method for text is asked; a pointer at the top is followed to an array,
// slice, struct or map; any other pointer is printed as a number. Methods of unexported fields are not asked.
func printsAddress(t types.Type, depth int, asked bool) bool {
	if asked && hasText(t) {
		return false
	}
	switch u := t.Underlying().(type) {
	case *types.Chan, *types.Signature:
		return true
	case *types.Basic:
		return u.Kind() == types.UnsafePointer
	case *types.Pointer:
		if depth > 0 {
			return true
		}
		switch u.Elem().Underlying().(type) {
		case *types.Array, *types.Slice, *types.Struct, *types.Map:
			return printsAddress(u.Elem(), depth+1, true)
		}
		return true
	case *types.Array:
		return printsAddress(u.Elem(), depth+1, asked)
	case *types.Slice:
		return depth < maxDepth && printsAddress(u.Elem(), depth+1, asked)
	case *types.Map:
		return depth < maxDepth && (printsAddress(u.Key(), depth+1, asked) || printsAddress(u.Elem(), depth+1, asked))
	case *types.Struct:
		for field := range u.Fields() {
			if printsAddress(field.Type(), depth+1, asked && field.Exported()) {
				return true
			}
		}
	}
	return false
}

// maxDepth ends the descent into a type that contains itself through slices or maps.
const maxDepth = 8

// hasText reports whether fmt asks a value for its text.
func hasText(t types.Type) bool {
	methods := types.NewMethodSet(t)
	for _, name := range []string{"Error", "String", "Format"} {
		if methods.Lookup(nil, name) != nil {
			return true
		}
	}
	return false
}
