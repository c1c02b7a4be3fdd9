package main

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"conclave/config"
)

var update = flag.Bool("update", false, "write help.txt and docs/configuration.md anew")

// TestHelpIsWhatTheFieldsSay compares help.txt with the comments of the fields.
func TestHelpIsWhatTheFieldsSay(t *testing.T) { current(t, "help.txt", help, fieldHelp(t)) }

// fieldHelp is what help.txt should hold.
func fieldHelp(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	comments := map[string]map[string]string{} // by package, then by struct and field
	for _, o := range optionList() {
		dir := sourceOf(o)
		if comments[dir] == nil {
			comments[dir] = fieldComments(t, dir)
		}
		comment := comments[dir][o.Struct.Name()+"."+o.Field]
		if len(comment) < 10 {
			t.Errorf("%s: %s.%s has no comment that describes it", o.Name, o.Struct, o.Field)
		}
		out.WriteString(o.Name + ": " + comment + "\n")
	}
	return out.String()
}

// sourceOf is the folder of the package that declares o.
func sourceOf(o config.Option) string {
	pkg := o.Struct.PkgPath()
	if pkg == "main" || strings.HasSuffix(pkg, "cmd/conclave") {
		return "."
	}
	return filepath.Join("..", "..", filepath.FromSlash(strings.TrimPrefix(pkg, "conclave/")))
}

// fieldComments reads the comments of all struct fields of a package, each as one line.
func fieldComments(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range s.Fields.List {
					for _, id := range field.Names {
						out[spec.Name.Name+"."+id.Name] = strings.Join(strings.Fields(field.Doc.Text()), " ")
					}
				}
			}
			return false
		})
	}
	return out
}

func TestDocumentationListsEveryOption(t *testing.T) {
	const path, mark = "../../docs/configuration.md", "<!-- options -->\n"
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := strings.Cut(string(doc), mark)
	if !ok {
		t.Fatalf("%s has no line %q", path, mark)
	}
	current(t, path, string(doc), head+mark+reference(config.Options(defaultSettings(), config.ParseHelp(fieldHelp(t)))))
}

// reference is the part of docs/configuration.md that lists the options.
func reference(list []config.Option) string {
	var b strings.Builder
	group := ""
	code := func(s string) string { return "`" + s + "`" }
	for _, o := range list {
		if o.Group != group {
			group = o.Group
			b.WriteString("\n## " + group + "\n\n| option | flag, environment | default | what it does |\n|---|---|---|---|\n")
		}
		env, def := code(o.Env), ""
		if o.Secret {
			env += " or " + code(o.Env+"_FILE")
		}
		if o.Default != "" {
			def = code(o.Default)
		}
		cells := []string{code(o.Name), code(o.Flag) + ", " + env, def, strings.ReplaceAll(o.Help, "|", "\\|")}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	return b.String()
}

// current fails if a generated file is out of date, or writes it anew.
func current(t *testing.T, path, have, want string) {
	t.Helper()
	switch {
	case have == want:
	case !*update:
		t.Errorf("%s is out of date: go test ./cmd/conclave -run 'Help|Documentation' -update", path)
	default:
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAnOptionHasOneName compares the name of each flag with that of its field.
func TestAnOptionHasOneName(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range optionList() {
		if strings.ReplaceAll(o.Name, "_", "") != strings.ToLower(o.Field) {
			t.Errorf("%s.%s is called %s", o.Struct, o.Field, o.Name)
		}
		if seen[o.Name] {
			t.Errorf("two options are called %s", o.Name)
		}
		seen[o.Name] = true
	}
	if len(seen) < 40 {
		t.Errorf("only %d options", len(seen))
	}
}

// TestWithoutOptionsTheDefaultsApply parses an empty command line.
func TestWithoutOptionsTheDefaultsApply(t *testing.T) {
	cfg := parseConfig(t)
	want := optionList()
	for i, o := range config.Options(cfg, nil) {
		if o.Default != want[i].Default {
			t.Errorf("%s is %q, its default %q", o.Name, o.Default, want[i].Default)
		}
	}
}
