package arch

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// repoRoot is the folder that holds go.mod.
func repoRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = parent
	}
}

// skipDir skips what git ignores or owns.
func skipDir(name string) error {
	if slices.Contains([]string{".git", "node_modules", "artefacts", "cache", "bin", "testdata"}, name) {
		return filepath.SkipDir
	}
	return nil
}

// machinePaths are places that exist on one machine only, and addresses of package registries: the same repository has
// to build anywhere. The patterns are written so that they do not match themselves.
var machinePaths = []*regexp.Regexp{
	regexp.MustCompile(`/[w]ork/`),
	regexp.MustCompile(`\.\./[s]hared\b`),
	regexp.MustCompile(`/[h]ome/[a-z]`),
	regexp.MustCompile(`/[r]oot/`),
	regexp.MustCompile(`/[U]sers/[a-z]`),
	regexp.MustCompile(`/[t]mp/[a-z]`),
	regexp.MustCompile(`[r]egistry\.npmjs`),
	regexp.MustCompile(`[p]roxy\.golang\.org`),
	regexp.MustCompile(`"[r]esolved":`),
}

func TestNothingRefersToOneMachine(t *testing.T) {
	root := repoRoot(t)
	files := 0
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipDir(d.Name())
		}
		if !d.Type().IsRegular() || d.Name() == ".git" { // a file in a worktree
			return nil
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if bytes.IndexByte(data[:min(len(data), 8192)], 0) >= 0 { // binary
			return nil
		}
		files++
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(data), "\n") {
			for _, re := range machinePaths {
				if re.MatchString(line) {
					t.Errorf("%s:%d: refers to one machine (%s)", rel, i+1, re)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 10 {
		t.Fatalf("looked at %d files only: the walk is broken", files)
	}
}

// foreign finds anything that could make a browser talk to another origin. Names of XML namespaces are not fetched.
var foreign = regexp.MustCompile(`(?i)(https?:)?//[a-z0-9-]+(\.[a-z0-9-]+)+`)

var notFetched = []string{"http://www.w3.org", "https://www.w3.org"}

// TestWebClientNamesNoOtherOrigin keeps the promise that the page loads nothing from anywhere else: no CDN, no font
// host, no public STUN server.
func TestWebClientNamesNoOtherOrigin(t *testing.T) {
	root := filepath.Join(repoRoot(t), "static")
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		switch filepath.Ext(file) {
		case ".html", ".js", ".css", ".svg", ".json", ".webmanifest":
		default:
			return nil
		}
		if strings.HasSuffix(file, ".test.js") {
			return nil
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(data), "\n") {
			if trimmed := strings.TrimSpace(line); strings.HasPrefix(trimmed, "//") || strings.HasPrefix(trimmed, "*") {
				continue // a comment may cite a specification
			}
			for _, hit := range foreign.FindAllString(line, -1) {
				if !slices.ContainsFunc(notFetched, func(p string) bool { return strings.HasPrefix(hit, p) }) &&
					!strings.Contains(hit, "example.") {
					t.Errorf("%s:%d: names another origin: %s", filepath.Base(file), i+1, hit)
				}
			}
			if strings.Contains(line, "stun:") || strings.Contains(line, "turn:") {
				t.Errorf("%s:%d: names a STUN or TURN server", filepath.Base(file), i+1)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func writeFile(file, content string) error { return os.WriteFile(file, []byte(content), 0o600) }
