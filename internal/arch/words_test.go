package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// avoided are words of docs/glossary.md, "Words we avoid", that a program can find. The pattern does not match itself.
var avoided = regexp.MustCompile(`\b([Ss]omebody|[Nn]obody|[Ww]hoever|[Ll]ets? go|[Ll]etting go)\b`)

// dialectStill are files and folders that still use such words. Clean one, then take it off the list.
var dialectStill = []string{"static/js/e2ee"}

// TestPlainWords looks for words that docs/glossary.md avoids, in code and documents. Names of tests may hold them.
func TestPlainWords(t *testing.T) {
	root := repoRoot(t)
	for _, file := range sourceFiles(t, root) {
		test := strings.HasSuffix(file, "_test.go") || strings.HasSuffix(file, ".test.js")
		if test || file == "docs/glossary.md" || slices.ContainsFunc(dialectStill, under(file)) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if word := avoided.FindString(line); word != "" {
				t.Errorf("%s:%d: %q is not plain: docs/glossary.md, \"Words we avoid\"", file, i+1, word)
			}
		}
	}
}

func TestAvoidedWordsAreFound(t *testing.T) {
	for line, want := range map[string]bool{
		"// asks " + "some" + "body": true, "No" + "body comes": true, "it lets " + "go of": true,
		"TestFloodsOf" + "Nobody": false, "http.NoBody": false, "someone": false, "let the goroutine end": false,
	} {
		if got := avoided.MatchString(line); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}

// TestTheGlossaryNamesWhatExists looks up each `package.Name` of docs/glossary.md.
func TestTheGlossaryNamesWhatExists(t *testing.T) {
	names := regexp.MustCompile("`([a-z0-9]+)\\.([A-Z]\\w*)`").FindAllStringSubmatch(readText(t, "docs/glossary.md"), -1)
	for _, m := range names {
		files, err := filepath.Glob(filepath.Join(repoRoot(t), m[1], "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		declared := regexp.MustCompile(`(?m)^(type|func|const|var|\t)\s?` + m[2] + `\b`)
		if !slices.ContainsFunc(files, func(file string) bool {
			text, err := os.ReadFile(file)
			return err == nil && declared.Match(text)
		}) {
			t.Errorf("there is no %s.%s", m[1], m[2])
		}
	}
	if len(names) < 4 {
		t.Errorf("only %d names found", len(names))
	}
}
