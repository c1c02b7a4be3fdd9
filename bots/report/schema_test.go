package report

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/bots-report.md anew")

const schemaPage = "../../docs/bots-report.md"

// The page lists every field of the JSON form. When one goes away or changes its type, Schema needs a new version.
func TestTheSchemaIsDocumented(t *testing.T) {
	text := schemaText(t)
	if *update {
		if err := os.WriteFile(schemaPage, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(schemaPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != text {
		t.Error("docs/bots-report.md does not list the fields as they are: go test ./bots/report -update. " +
			"If a field changed its meaning or is gone, raise the version in Schema.")
	}
}

// schemaText is the page: a table for each struct.
func schemaText(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("# The report of a run of bots, in JSON\n\n`conclave bots --json FILE` writes this form, `" + Schema +
		"`. Fields are added without a new\nversion. Readers refuse a version that they don't know. " +
		"Made by `go test ./bots/report -update`.\n\n" +
		"Times that end in `_ms` are milliseconds, those in `_s` seconds. Counts are of the whole run unless their\n" +
		"comment says otherwise.\n")
	comments := fieldComments(t, ".", "../measure", "../publish", "../receive")
	seen := map[reflect.Type]bool{}
	queue := []reflect.Type{reflect.TypeFor[Report]()}
	for len(queue) > 0 {
		typ := queue[0]
		queue = queue[1:]
		if seen[typ] {
			continue
		}
		seen[typ] = true
		fmt.Fprintf(&b, "\n## %s\n\n| field | type | |\n|---|---|---|\n", typ.Name())
		rows, found := fieldRows(typ, comments)
		b.WriteString(strings.Join(rows, ""))
		queue = append(queue, found...)
	}
	return b.String()
}

// fieldRows returns a row for each field of a struct, those of embedded ones included, and the structs that they hold.
func fieldRows(typ reflect.Type, comments map[string]string) (rows []string, found []reflect.Type) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			more, inside := fieldRows(f.Type, comments)
			rows, found = append(rows, more...), append(found, inside...)
			continue
		case name == "-" || !f.IsExported():
			continue
		}
		text, inner := typeText(f.Type)
		if inner != nil {
			found = append(found, inner)
		}
		meaning := strings.ReplaceAll(comments[typ.Name()+"."+f.Name], "|", "\\|")
		rows = append(rows, "| `"+name+"` | "+text+" | "+meaning+" |\n")
	}
	return rows, found
}

// typeText names a type as JSON knows it; inner is the struct that has a table of its own.
func typeText(typ reflect.Type) (text string, inner reflect.Type) {
	switch {
	case typ.String() == "time.Time":
		return "time, RFC 3339", nil
	case typ.Kind() == reflect.Pointer:
		return typeText(typ.Elem())
	case typ.Kind() == reflect.Slice:
		text, inner = typeText(typ.Elem())
		return "list of " + text, inner
	case typ.Kind() == reflect.Map:
		text, inner = typeText(typ.Elem())
		return "map to " + text, inner
	case typ.Kind() == reflect.Struct:
		return "[" + typ.Name() + "](#" + strings.ToLower(typ.Name()) + ")", typ
	case typ.Kind() == reflect.Bool || typ.Kind() == reflect.String:
		return typ.Kind().String(), nil
	}
	return "number", nil
}

// fieldComments reads the comments of all fields of structs, by "Type.Field".
func fieldComments(t *testing.T, dirs ...string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				if spec, ok := n.(*ast.TypeSpec); ok {
					if s, ok := spec.Type.(*ast.StructType); ok {
						structComments(out, spec.Name.Name, s)
					}
				}
				return true
			})
		}
	}
	return out
}

func structComments(out map[string]string, name string, s *ast.StructType) {
	for _, f := range s.Fields.List {
		text := strings.TrimSpace(f.Doc.Text() + " " + f.Comment.Text())
		for _, n := range f.Names {
			out[name+"."+n.Name] = strings.Join(strings.Fields(text), " ")
		}
	}
}

func TestAReportIsReadBackAsItWasWritten(t *testing.T) {
	r := good()
	r.Schema, r.Configuration, r.Label = Schema, "0123", "before"
	r.Series.Add(&Sample{AtS: 1, In: 3})
	var text strings.Builder
	if err := r.WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	back, err := Read(strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	if back.Configuration != "0123" || back.Series.Samples[0].In != 3 || back.Total.LostBefore != 20 {
		t.Errorf("%+v", back)
	}
	if err := r.WriteJSON(brokenWriter{}); err == nil {
		t.Error("a report that could not be written was")
	}
	for name, bad := range map[string]string{
		"no report of bots": `{"verdict":"passed"}`, "this version reads": `{"schema":"conclave-bots-report/9"}`,
		"not a report in JSON": `verdict passed`, "cannot unmarshal": `{"schema":"` + Schema + `","count":"many"}`,
	} {
		if _, err := Read(strings.NewReader(bad)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
