package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"strings"
)

// span is a part of a source file, in bytes.
type span struct{ from, to int }

// splice makes the mutant's source of the file's.
func (m *mutant) splice(source []byte) ([]byte, error) {
	find := findText
	if m.isGo() {
		find = findNode
	}
	spans, err := find(source, m.fn, m.find)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.file, err)
	}
	if len(spans) != 1 {
		return nil, fmt.Errorf("%s: found %d times, want once: %s", m.file, len(spans), m.find)
	}
	s := spans[0]
	return []byte(string(source[:s.from]) + m.put + string(source[s.to:])), nil
}

// findText finds a text, after the first mention of the function if one is given.
func findText(source []byte, fn, find string) (spans []span, err error) {
	from := bytes.Index(source, []byte(fn))
	if from < 0 {
		return nil, fmt.Errorf("no %s", fn)
	}
	for {
		i := bytes.Index(source[from:], []byte(find))
		if i < 0 {
			return spans, nil
		}
		spans = append(spans, span{from + i, from + i + len(find)})
		from += i + len(find)
	}
}

// findNode finds the expressions and statements of a function that read like find, however they are laid out.
func findNode(source []byte, fn, find string) ([]span, error) {
	want, err := canonical(find)
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "", source, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parsing: %w", err)
	}
	root, err := function(file, fn)
	if err != nil {
		return nil, err
	}
	found := map[span]bool{}
	var spans []span
	ast.Inspect(root, func(n ast.Node) bool {
		switch n.(type) {
		case ast.Expr, ast.Stmt:
		default:
			return true
		}
		if s := (span{set.Position(n.Pos()).Offset, set.Position(n.End()).Offset}); !found[s] && text(set, n) == want {
			found[s] = true // an expression that is a statement is found as both
			spans = append(spans, s)
		}
		return true
	})
	return spans, nil
}

// canonical is how text prints an expression or a statement.
func canonical(code string) (string, error) {
	set := token.NewFileSet()
	if e, err := parser.ParseExprFrom(set, "", code, 0); err == nil {
		return text(set, e), nil
	}
	file, err := parser.ParseFile(set, "", "package p\nfunc _() {\n"+code+"\n}", parser.SkipObjectResolution)
	if err != nil {
		return "", fmt.Errorf("neither an expression nor a statement: %s", code)
	}
	decl, ok := file.Decls[0].(*ast.FuncDecl)
	if !ok || len(decl.Body.List) != 1 {
		return "", errors.New("more than one statement: " + code)
	}
	return text(set, decl.Body.List[0]), nil
}

// text prints a node on one line.
func text(set *token.FileSet, n ast.Node) string {
	var b strings.Builder
	if err := (&printer.Config{Mode: printer.RawFormat}).Fprint(&b, set, n); err != nil {
		return ""
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// function is the declaration of fn, "name" or "Type.name"; the whole file for "".
func function(file *ast.File, fn string) (ast.Node, error) {
	if fn == "" {
		return file, nil
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && qualified(f) == fn {
			return f, nil
		}
	}
	return nil, fmt.Errorf("no function %s", fn)
}

func qualified(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	t := f.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if name, ok := t.(*ast.Ident); ok {
		return name.Name + "." + f.Name.Name
	}
	return f.Name.Name
}
