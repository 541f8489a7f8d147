package guard

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
)

// checkSource walks the statements and expressions of a package.
func checkSource(p *loaded, out *report) {
	for _, file := range p.files {
		ast.Inspect(file, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.GoStmt:
				out.add(p.at(node), RuleGoroutine, "go statement")
			case *ast.SelectStmt:
				out.add(p.at(node), RuleSelect, "select statement")
			case *ast.ChanType, *ast.SendStmt:
				out.add(p.at(node), RuleChannel, "channel")
			case *ast.UnaryExpr:
				if node.Op == token.ARROW {
					out.add(p.at(node), RuleChannel, "channel")
				}
			case *ast.RangeStmt:
				if anyTerm(p.info.TypeOf(node.X), isMap) {
					out.add(p.at(node), RuleMapRange, "range over %s", types.ExprString(node.X))
				}
			case *ast.Ident:
				checkUse(p, node, out)
			}
			if expr, ok := node.(ast.Expr); ok {
				checkExpr(p, expr, out)
			}
			return true
		})
	}
}

// checkExpr judges an expression, or the name of a type, by its type.
func checkExpr(p *loaded, expr ast.Expr, out *report) {
	value := p.info.Types[expr]
	t := value.Type
	if t == nil {
		if name, ok := expr.(*ast.Ident); ok && p.info.Defs[name] != nil {
			t = p.info.Defs[name].Type()
		}
	}
	if t == nil {
		return
	}
	if name, ok := expr.(*ast.Ident); ok && value.Value == nil {
		if c, ok := p.info.Defs[name].(*types.Const); ok {
			value.Value = c.Val()
		}
	}
	if slices.ContainsFunc(results(t), func(t types.Type) bool { return isFloat(t, value.Value) }) {
		out.add(p.at(expr), RuleFloat, "%s is a %s", types.ExprString(expr), describe(p, t))
	}
	if slices.ContainsFunc(results(t), isChan) {
		out.add(p.at(expr), RuleChannel, "channel")
	}
	if basic, ok := t.Underlying().(*types.Basic); ok && basic.Kind() == types.Uintptr {
		out.add(p.at(expr), RuleWidth, "%s is a uintptr", types.ExprString(expr))
	}
}

// isFloat reports whether a type is a float or complex number. An untyped constant that happens to be written with a
// point or exponent but is an integer (1e9) computes exactly and counts as one.
func isFloat(t types.Type, value constant.Value) bool {
	basic, ok := t.Underlying().(*types.Basic)
	if !ok || basic.Info()&(types.IsFloat|types.IsComplex) == 0 {
		return false
	}
	if basic.Info()&types.IsUntyped != 0 && value != nil {
		return constant.ToInt(value).Kind() != constant.Int
	}
	return true
}

func isChan(t types.Type) bool { _, ok := t.Underlying().(*types.Chan); return ok }
func isMap(t types.Type) bool  { _, ok := t.Underlying().(*types.Map); return ok }

// results spreads the several values of a call.
func results(t types.Type) []types.Type {
	tuple, ok := t.(*types.Tuple)
	if !ok {
		return []types.Type{t}
	}
	var all []types.Type
	for v := range tuple.Variables() {
		all = append(all, v.Type())
	}
	return all
}

// anyTerm reports whether a predicate holds for a type, or for a type that its type parameter can stand for.
func anyTerm(t types.Type, holds func(types.Type) bool) bool {
	if t == nil {
		return false
	}
	switch t := types.Unalias(t).(type) {
	case *types.TypeParam:
		return anyTerm(t.Constraint(), holds)
	case *types.Union:
		for term := range t.Terms() {
			if anyTerm(term.Type(), holds) {
				return true
			}
		}
		return false
	}
	if holds(t) {
		return true
	}
	if i, ok := t.Underlying().(*types.Interface); ok {
		for embedded := range i.EmbeddedTypes() {
			if anyTerm(embedded, holds) {
				return true
			}
		}
	}
	return false
}

func describe(p *loaded, t types.Type) string { return types.TypeString(t, types.RelativeTo(p.types)) }

// checkUse judges the use of a name that another package, or the language, declares.
func checkUse(p *loaded, name *ast.Ident, out *report) {
	object := p.info.Uses[name]
	if builtin, ok := object.(*types.Builtin); ok && (builtin.Name() == "print" || builtin.Name() == "println") {
		out.add(p.at(name), RuleFunction, "%s writes to standard error", builtin.Name())
	}
	if object == nil || object.Pkg() == nil || object.Pkg() == p.types || object.Parent() != object.Pkg().Scope() {
		return
	}
	from := object.Pkg().Path()
	if members, limited := onlyThese[from]; limited && !slices.Contains(members, object.Name()) {
		rule := RuleFunction
		if from == "time" {
			rule = RuleClock
		}
		out.add(p.at(name), rule, "%s.%s", object.Pkg().Name(), object.Name())
	}
	for _, never := range neverThese {
		if never.from == from && slices.Contains(never.members, object.Name()) {
			out.add(p.at(name), never.rule, "%s.%s: %s", object.Pkg().Name(), object.Name(), never.because)
		}
	}
}

// onlyThese limits packages of which little is harmless to that little.
var onlyThese = map[string][]string{
	"time": {
		"Duration", "ParseDuration", "Time", "Month", "Weekday",
		"Nanosecond", "Microsecond", "Millisecond", "Second", "Minute", "Hour",
	},
	"runtime/debug": {"Stack"},
}

// neverThese takes the exceptions out of packages that are harmless otherwise.
var neverThese = []struct {
	from, rule, because string
	members             []string
}{
	{"fmt", RuleFunction, "standard input and output belong to the command line",
		[]string{"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"}},
	{"io", RuleFunction, "made for goroutines", []string{"Pipe"}},
	{"iter", RuleFunction, "runs the sequence in a goroutine", []string{"Pull", "Pull2"}},
	{"maps", RuleMapRange, "visits a map in its own order",
		[]string{"All", "Keys", "Values", "DeleteFunc"}},
	{"github.com/anishathalye/porcupine", RuleClock, "gives up by the wall clock",
		[]string{"CheckOperationsTimeout", "CheckEventsTimeout"}},
	{"strconv", RuleWidth, "differs between machines", []string{"IntSize"}},
	{"math/bits", RuleWidth, "its result depends on the width of a word", []string{
		"UintSize", "LeadingZeros", "RotateLeft", "Reverse", "ReverseBytes",
		"Add", "Sub", "Mul", "Div", "Rem",
	}},
}
