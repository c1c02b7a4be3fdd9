package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEveryStageHasItsTargetAndItsExplanation compares the stages of .ci/run with the Makefile and CONTRIBUTING.md.
func TestEveryStageHasItsTargetAndItsExplanation(t *testing.T) {
	run, makefile := readText(t, ".ci/run"), readText(t, "Makefile")
	byDefault := words(t, run, `(?m)^stages=\((.*)\)$`)
	if got := words(t, makefile, `(?m)^default := (.*)$`); !slices.Equal(got, byDefault) {
		t.Errorf("the Makefile's default is %q, that of .ci/run %q", got, byDefault)
	}
	var extra []string
	for _, m := range regexp.MustCompile(`(?m)^stage_(\w+)\(\)`).FindAllStringSubmatch(run, -1) {
		if !slices.Contains(byDefault, m[1]) {
			extra = append(extra, m[1])
		}
	}
	slices.Sort(extra)
	if got := words(t, makefile, `(?m)^extra := (.*)$`); !slices.Equal(got, extra) {
		t.Errorf("the Makefile's extra is %q, .ci/run has %q", got, extra)
	}
	contributing := readText(t, "CONTRIBUTING.md")
	for _, stage := range slices.Concat(byDefault, extra) {
		if !strings.Contains(contributing, "| `"+stage+"` |") {
			t.Errorf("CONTRIBUTING.md does not explain the stage %s", stage)
		}
	}
}

func readText(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(repoRoot(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// words are those that the pattern's group holds.
func words(t *testing.T, text, pattern string) []string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("nothing matches %s", pattern)
	}
	return strings.Fields(m[1])
}
