package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// maxColumns is the greatest length of a line, in characters; a tab is one.
const maxColumns = 120

// longStill are files and folders whose lines are not yet short enough. Clean one, then take it off the list.
var longStill = []string{"static/js/e2ee"}

// TestLinesEnd looks at every line of Go, JavaScript and Markdown. Rows of tables, code in documents and files under
// testdata may be longer, and so may what a program has written.
func TestLinesEnd(t *testing.T) {
	root := repoRoot(t)
	for _, file := range sourceFiles(t, root) {
		if slices.ContainsFunc(longStill, under(file)) {
			continue
		}
		for _, n := range longLines(t, filepath.Join(root, file)) {
			t.Errorf("%s:%d: longer than %d characters", file, n, maxColumns)
		}
	}
}

// under says of a path whether it is the file or a folder above it.
func under(file string) func(path string) bool {
	return func(path string) bool { return file == path || strings.HasPrefix(file, path+"/") }
}

// sourceFiles are the files to look at, by their paths below root: what git knows or would add.
func sourceFiles(t *testing.T, root string) (files []string) {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "-co", "--exclude-standard", "*.go", "*.js", "*.md")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("git ls-files: %v", err)
	}
	for _, file := range strings.Fields(string(out)) {
		generated := path.Base(file) == "protocol-types.js"
		if _, err := os.Stat(filepath.Join(root, file)); err == nil && !generated && !strings.Contains(file, "testdata/") {
			files = append(files, file)
		}
	}
	if len(files) < 100 {
		t.Fatalf("only %d files found", len(files))
	}
	return files
}

// longLines are the numbers of the lines of a file that are too long.
func longLines(t *testing.T, file string) (numbers []int) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	exempt := func(int, string) bool { return false }
	switch filepath.Ext(file) {
	case ".go":
		rows := tableRows(t, file)
		exempt = func(n int, _ string) bool { return rows[n] }
	case ".md":
		code := false
		exempt = func(_ int, line string) bool {
			fence := strings.HasPrefix(strings.TrimSpace(line), "```")
			code = code != fence
			link := strings.HasPrefix(line, "([") && !strings.Contains(line, " ") // cannot be broken
			return code || link || strings.HasPrefix(strings.TrimSpace(line), "|")
		}
	}
	for i, line := range strings.Split(string(text), "\n") {
		if !exempt(i+1, line) && utf8.RuneCountInString(line) > maxColumns {
			numbers = append(numbers, i+1)
		}
	}
	return numbers
}

// tableRows are the lines of a Go file that hold whole elements of a composite literal.
func tableRows(t *testing.T, file string) map[int]bool {
	t.Helper()
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[int]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		literal, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		for _, e := range literal.Elts {
			begin, end := files.Position(e.Pos()).Line, files.Position(e.End()).Line
			if begin == end && begin != files.Position(literal.Lbrace).Line {
				rows[begin] = true
			}
		}
		return true
	})
	return rows
}

func TestLongLinesAreFoundOutsideTables(t *testing.T) {
	long := strings.Repeat("x", maxColumns+1)
	dir := t.TempDir()
	for name, tt := range map[string]struct {
		file, text string
		want       []int
	}{
		"go_comment":     {"a.go", "package a\n\n// " + long + "\n", []int{3}},
		"go_table":       {"a.go", "package a\n\nvar t = []string{\n\t\"" + long + "\",\n}\n", nil},
		"go_one_line":    {"a.go", "package a\n\nvar t = []string{\"" + long + "\"}\n", []int{3}},
		"md_text":        {"a.md", long + "\n| " + long + " |\n```\n" + long + "\n```\n" + long + "\n", []int{1, 6}},
		"js":             {"a.js", "// " + long + "\n", []int{1}},
		"just_fits":      {"a.md", long[1:] + "\n", nil},
		"two_byte_runes": {"a.md", strings.Repeat("µ", maxColumns) + "\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dir, tt.file)
			if err := writeFile(file, tt.text); err != nil {
				t.Fatal(err)
			}
			if got := longLines(t, file); !slices.Equal(got, tt.want) {
				t.Errorf("lines %v, want %v", got, tt.want)
			}
		})
	}
}
