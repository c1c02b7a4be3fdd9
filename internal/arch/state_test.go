package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoPackageLevelMutableState keeps globals constant in deed: a table that is never written to after its declaration
// is a constant that Go cannot spell, anything else is hidden state shared by all meetings.
func TestNoPackageLevelMutableState(t *testing.T) {
	root := repoRoot(t)
	packages := map[string][]string{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipDir(d.Name())
		}
		if strings.HasSuffix(file, ".go") && !strings.HasSuffix(file, "_test.go") {
			packages[filepath.Dir(file)] = append(packages[filepath.Dir(file)], file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir, files := range packages {
		rel, err := filepath.Rel(root, dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, finding := range mutableState(t, files) {
			t.Errorf("%s: %s", rel, finding)
		}
	}
}

func TestMutableStateIsFound(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.go")
	const source = `package x
import "sync"
import "sync/atomic"
var table = map[string]int{"a": 1}
var constant = [...]int{1, 2}
var counter int
var mu sync.Mutex
var flag atomic.Bool
var _ = table
var queue = make(chan int)
func f() { _ = 1; table["b"] = 2; counter++ }
func g() { constant := []int{1}; constant[0] = 2; _ = constant }
`
	if err := writeFile(file, source); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(mutableState(t, []string{file}), "\n")
	for _, name := range []string{"table", "counter", "mu", "flag", "queue"} {
		if !strings.Contains(got, "var "+name+" ") {
			t.Errorf("%s is not found in:\n%s", name, got)
		}
	}
	if strings.Contains(got, "constant") {
		t.Errorf("constant is never written to, only its namesake is:\n%s", got)
	}
}

// mutableState looks at one package's files.
func mutableState(t *testing.T, files []string) (findings []string) {
	t.Helper()
	fset := token.NewFileSet()
	globals := map[string]*ast.ValueSpec{}
	parsed := make([]*ast.File, 0, len(files))
	for _, file := range files {
		f, err := parser.ParseFile(fset, file, nil, 0)
		if err != nil {
			t.Logf("%v", err) // the compiler says it better
			continue
		}
		parsed = append(parsed, f)
		for _, decl := range f.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.VAR {
				continue
			}
			for _, s := range gen.Specs {
				spec, ok := s.(*ast.ValueSpec)
				if !ok {
					continue
				}
				for i, name := range spec.Names {
					if name.Name == "_" {
						continue
					}
					globals[name.Name] = spec
					if shared(spec, i) {
						findings = append(findings, "var "+name.Name+" holds a lock, an atomic or a channel")
					}
				}
			}
		}
	}
	for _, f := range parsed {
		ast.Inspect(f, func(n ast.Node) bool {
			for _, target := range written(n) {
				if id := base(target); id != nil && isGlobal(id, globals) {
					findings = append(findings, "var "+id.Name+" is written to at "+filepath.Base(fset.Position(id.Pos()).String()))
				}
			}
			return true
		})
	}
	return findings
}

// shared says whether the i-th variable of spec is of a kind that exists only to be changed by several goroutines.
func shared(spec *ast.ValueSpec, i int) bool {
	kind := spec.Type
	if i < len(spec.Values) {
		switch v := spec.Values[i].(type) {
		case *ast.CallExpr:
			if fn, ok := v.Fun.(*ast.Ident); ok && fn.Name == "make" && len(v.Args) > 0 {
				kind = v.Args[0]
			}
		case *ast.CompositeLit:
			kind = v.Type
		}
	}
	switch k := kind.(type) {
	case *ast.ChanType:
		return true
	case *ast.IndexExpr: // atomic.Pointer[T]
		kind = k.X
	}
	sel, ok := kind.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := sel.X.(*ast.Ident)
	return ok && (pkg.Name == "sync" || pkg.Name == "atomic")
}

// written lists what a node writes to.
func written(n ast.Node) []ast.Expr {
	switch s := n.(type) {
	case *ast.AssignStmt:
		if s.Tok != token.DEFINE {
			return s.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{s.X}
	case *ast.CallExpr:
		fn, ok := s.Fun.(*ast.Ident)
		if ok && (fn.Name == "delete" || fn.Name == "clear") && fn.Obj == nil && len(s.Args) > 0 {
			return s.Args[:1]
		}
	}
	return nil
}

// base is the variable an expression starts from: x in x.f[i].
func base(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// isGlobal says whether id means the package-level variable of its name, not a local namesake. The parser resolves what
// is declared in the same file; what it leaves open is declared at package level in another.
func isGlobal(id *ast.Ident, globals map[string]*ast.ValueSpec) bool {
	spec, ok := globals[id.Name]
	return ok && (id.Obj == nil || id.Obj.Decl == spec)
}
