package arch

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// link matches a Markdown link or image; group 1 is where it leads.
var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinksInDocumentsLeadSomewhere follows every relative link of every Markdown page.
func TestLinksInDocumentsLeadSomewhere(t *testing.T) {
	root := repoRoot(t)
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipDir(d.Name())
		}
		if filepath.Ext(file) != ".md" {
			return nil
		}
		page, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		for _, m := range link.FindAllStringSubmatch(string(page), -1) {
			target, err := url.Parse(m[1])
			if err != nil {
				t.Errorf("%s: %v", rel, err)
				continue
			}
			if target.IsAbs() || target.Path == "" || strings.HasPrefix(target.Path, "/") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), filepath.FromSlash(target.Path))); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", rel, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
