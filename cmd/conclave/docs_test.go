package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityDocumentIsTrue checks docs/security.md against the code: each test it names exists, each option too, and
// where a row of a limit names one option, the default is that option's.
func TestSecurityDocumentIsTrue(t *testing.T) {
	doc, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := testNames(t, "../..")
	for _, m := range regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w+)`").FindAllStringSubmatch(string(doc), -1) {
		if !tests[m[1]] {
			t.Errorf("there is no test %s", m[1])
		}
	}
	defaults := map[string]string{}
	for _, o := range optionList() {
		defaults[o.Name] = o.Default
	}
	row := regexp.MustCompile("(?m)^\\| [^|]+ \\| ([^|]*) \\| `([a-z_]+)`[^|]* \\| [^|]+ \\| [^|]* \\|$")
	checked := 0
	for _, m := range row.FindAllStringSubmatch(string(doc), -1) {
		def, ok := defaults[m[2]]
		if !ok {
			t.Errorf("there is no option %s", m[2])
		}
		if def != "" && !strings.HasPrefix(strings.TrimSpace(m[1]), def) {
			t.Errorf("%s: the document says %s, the default is %s", m[2], m[1], def)
		}
		checked++
	}
	if checked < 20 {
		t.Errorf("only %d rows with options were found", checked)
	}
}

// TestEncryptionDocumentNamesTestsThatExist checks docs/e2ee.md, section 16.
func TestEncryptionDocumentNamesTestsThatExist(t *testing.T) {
	doc, err := os.ReadFile("../../docs/e2ee.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := testNames(t, "../..")
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w+)`").FindAllStringSubmatch(string(doc), -1)
	for _, m := range named {
		if !tests[m[1]] {
			t.Errorf("there is no test %s", m[1])
		}
	}
	if len(named) < 20 {
		t.Errorf("only %d tests are named", len(named))
	}
}

// TestDrillsOfTheOperatorsPageExist checks the table of docs/self-hosting.md.
func TestDrillsOfTheOperatorsPageExist(t *testing.T) {
	doc, err := os.ReadFile("../../docs/self-hosting.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := testNames(t, "../..")
	named := regexp.MustCompile("`(Test[A-Z]\\w+)`").FindAllStringSubmatch(string(doc), -1)
	for _, m := range named {
		if !tests[m[1]] {
			t.Errorf("there is no test %s", m[1])
		}
	}
	files := regexp.MustCompile("`(tests/[a-z/]+\\.test\\.js)`").FindAllStringSubmatch(string(doc), -1)
	for _, m := range files {
		if _, err := os.Stat("../../" + m[1]); err != nil {
			t.Error(err)
		}
	}
	if len(named) < 12 || len(files) < 4 {
		t.Errorf("%d tests and %d files are named", len(named), len(files))
	}
}

// testNames are the names of all test and fuzz functions below root.
func testNames(t *testing.T, root string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		source, err := os.ReadFile(path) //nolint:gosec // our own source
		for _, m := range function.FindAllStringSubmatch(string(source), -1) {
			names[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestComplianceNamesTestsThatExist checks docs/compliance.md and docs/audit.md. A list of tests that do not exist is
// worse than none.
func TestComplianceNamesTestsThatExist(t *testing.T) {
	tests := testNames(t, "../..")
	for name, least := range map[string]int{"compliance": 25, "audit": 4} {
		doc, err := os.ReadFile("../../docs/" + name + ".md")
		if err != nil {
			t.Fatal(err)
		}
		named := regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w+)`").FindAllStringSubmatch(string(doc), -1)
		for _, m := range named {
			if !tests[m[1]] {
				t.Errorf("docs/%s.md: there is no test %s", name, m[1])
			}
		}
		if len(named) < least {
			t.Errorf("docs/%s.md: only %d tests are named", name, len(named))
		}
		if regexp.MustCompile(`(?i)conclave is (hipaa )?compliant`).Match(doc) {
			t.Errorf("docs/%s.md claims what software cannot be", name)
		}
	}
}
