package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// foreignToForward are names that the packet path must not know: whose media it forwards, and how a connection came
// about.
var foreignToForward = regexp.MustCompile(`(?i:^(room|peer|meeting|seat)s?$)|^(ice|ICE)[A-Z]|ICE$`)

// TestForwardNamesNoRoomAndNoICE keeps the packet path apart from rooms and from ICE in its names too: what it may know
// is a value or a method of its owner.
func TestForwardNamesNoRoomAndNoICE(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(repoRoot(t), "sfu", "forward", "*.go"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, name := range foreignNames(t, file) {
			t.Errorf("%s names %s", filepath.Base(file), name)
		}
	}
}

func TestForeignNamesAreFound(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.go")
	const source = "package x\nfunc f(room int, p Peer) { iceState(); transport.CauseICE(); _ = slice }"
	if err := writeFile(file, source); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(foreignNames(t, file), " "); got != "room Peer iceState CauseICE" {
		t.Errorf("found %q", got)
	}
}

func foreignNames(t *testing.T, file string) (names []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && foreignToForward.MatchString(id.Name) {
			names = append(names, id.Name)
		}
		return true
	})
	return names
}
