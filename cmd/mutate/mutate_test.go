package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const source = `package p

type T struct{}

func (t *T) allowed(n int) bool {
	if n   > 3 { // too many
		return false
	}
	return check(n) &&
		n != 2
}

func other(n int) bool { return n > 3 }
`

func TestOneCheckIsWeakened(t *testing.T) {
	cases := []struct{ fn, find, put, want string }{
		{"T.allowed", "n > 3", "false", "if false { // too many"},
		{"T.allowed", "check(n) && n != 2", "true", "\treturn true\n}"},
		{"T.allowed", "if n > 3 { return false }", "", ") bool {\n\t\n\treturn check"},
		{"other", "n > 3", "n > 4", "{ return n > 4 }"},
	}
	for _, c := range cases {
		m := mutant{file: "x.go", fn: c.fn, find: c.find, put: c.put}
		got, err := m.splice([]byte(source))
		if err != nil || !strings.Contains(string(got), c.want) {
			t.Errorf("%s in %s: %v\n%s", c.find, c.fn, err, got)
		}
	}
}

func TestAmbiguousAndMissingChecksAreErrors(t *testing.T) {
	for _, m := range []mutant{
		{file: "x.go", find: "n > 3"},               // in two functions
		{file: "x.go", fn: "other", find: "n > 5"},  // nowhere
		{file: "x.go", fn: "absent", find: "n > 3"}, // no such function
		{file: "x.go", fn: "other", find: "n > "},   // no Go
		{file: "x.js", find: "return"},              // several times
		{file: "x.js", fn: "function q", find: "n"}, // no such function
	} {
		if got, err := m.splice([]byte(source)); err == nil {
			t.Errorf("%+v became\n%s", m, got)
		}
	}
}

func TestJavaScriptIsReplacedAsText(t *testing.T) {
	m := mutant{file: "x.js", fn: "function b", find: "n > 3", put: "false"}
	got, err := m.splice([]byte("function a(n) { return n > 3; }\nfunction b(n) { return n > 3; }\n"))
	if want := "function a(n) { return n > 3; }\nfunction b(n) { return false; }\n"; err != nil || string(got) != want {
		t.Errorf("%v: %s", err, got)
	}
}

// TestAMutantIsKilledByItsTest runs the program on a small module: one check that a test needs, one that none needs,
// one that does not compile, and one whose test does not exist.
func TestAMutantIsKilledByItsTest(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module small\n\ngo 1.26\n")
	write("x.go", "package small\n\nfunc small(n int) bool { return n < 3 }\n")
	write("x_test.go", `package small

import "testing"

func TestSmall(t *testing.T) {
	if small(4) {
		t.Fail()
	}
}
`)
	for put, want := range map[string]verdict{"true": killed, "n < 4": survived, "n": broken} {
		m := mutant{file: "x.go", fn: "small", find: "n < 3", put: put, tests: []testRun{{".", "^TestSmall$"}}}
		if got, detail := m.kill(t.Context(), root); got != want {
			t.Errorf("%s: %s, want %s: %s", put, got, want, detail)
		}
	}
	m := mutant{file: "x.go", fn: "small", find: "n < 3", put: "true", tests: []testRun{{".", "^TestAbsent$"}}}
	if got, _ := m.kill(t.Context(), root); got != broken {
		t.Errorf("without a test: %s", got)
	}
}

// TestEveryMutantIsOfTheCodeAsItIs: each mutant's check is there once, and its tests exist.
func TestEveryMutantIsOfTheCodeAsItIs(t *testing.T) {
	list, err := mutants()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		source, err := os.ReadFile(filepath.Join("..", "..", m.file))
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
			continue
		}
		if _, err := m.splice(source); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
		for _, run := range m.tests {
			if !exists(t, filepath.Join("..", "..", run.target), run.pattern) {
				t.Errorf("%s: no test of %s matches %s", m.name, run.target, run.pattern)
			}
		}
	}
}

// exists says whether a package has a test that matches the pattern, or a JavaScript test file is there.
func exists(t *testing.T, target, pattern string) bool {
	t.Helper()
	if strings.HasSuffix(target, ".js") {
		_, err := os.Stat(target)
		return err == nil
	}
	files, err := filepath.Glob(filepath.Join(target, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(pattern)
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(source), -1) {
			if match.MatchString(m[1]) {
				return true
			}
		}
	}
	return false
}

// TestPagesNameEveryMutant: the mutants that the pages name are those of the list.
func TestPagesNameEveryMutant(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal("there are no pages", err)
	}
	var page []byte
	for _, name := range pages {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		page = append(page, text...)
	}
	list, err := mutants()
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, m := range list {
		listed[m.name] = true
		if !strings.Contains(string(page), "`"+m.name+"`") {
			t.Errorf("no page names the mutant %s", m.name)
		}
	}
	for _, m := range regexp.MustCompile("`(mutant:[a-z0-9-]+)`").FindAllStringSubmatch(string(page), -1) {
		if !listed[m[1]] {
			t.Errorf("a page names %s, which mutants.txt does not hold", m[1])
		}
	}
}
