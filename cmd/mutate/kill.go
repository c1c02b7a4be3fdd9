package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// verdict is what became of a mutant.
type verdict string

const (
	killed     verdict = "killed"
	survived   verdict = "SURVIVED"
	equivalent verdict = "equivalent" // survived, and the list says why behaviour is the same
	broken     verdict = "BROKEN"     // it was not put to the test
)

// testTimeout bounds one run: a mutant that hangs its test is killed by that.
const testTimeout = 3 * time.Minute

// kill runs the mutant's tests one by one until one fails. root is the repository.
func (m *mutant) kill(ctx context.Context, root string) (v verdict, detail string) {
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return broken, err.Error()
	}
	defer func() { _ = os.RemoveAll(dir) }()
	source, err := os.ReadFile(filepath.Join(root, m.file)) //nolint:gosec // a file of the repository
	if err != nil {
		return broken, err.Error()
	}
	mutated, err := m.splice(source)
	if err != nil {
		return broken, err.Error()
	}
	start := m.goTest
	if !m.isGo() {
		start = m.nodeTest
	}
	for _, t := range m.tests {
		cmd, err := start(ctx, root, dir, mutated, t)
		if err != nil {
			return broken, err.Error()
		}
		out, err := cmd.CombinedOutput()
		if v, detail := judge(string(out), err); v != survived {
			return v, detail
		}
	}
	return survived, "none of its tests failed"
}

// judge reads the outcome of a test run.
func judge(out string, err error) (v verdict, detail string) {
	switch {
	case strings.Contains(out, "no tests to run") || strings.Contains(out, "\nℹ tests 0"):
		return broken, "no such test"
	case strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]") ||
		strings.Contains(out, "building the server:") || strings.Contains(out, "SyntaxError"):
		return broken, "does not compile:\n" + out
	case err != nil:
		return killed, ""
	}
	return survived, ""
}

// goTest is a run of Go tests with the mutant laid over the working tree. What the tests build sees it too.
func (m *mutant) goTest(ctx context.Context, root, dir string, mutated []byte, t testRun) (*exec.Cmd, error) {
	original, err := filepath.Abs(filepath.Join(root, m.file))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.file, err)
	}
	file, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, mutated, 0o600); err != nil {
		return nil, fmt.Errorf("writing the mutant: %w", err)
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {original: file}})
	if err != nil {
		return nil, fmt.Errorf("overlay: %w", err)
	}
	if err := os.WriteFile(overlay, replace, 0o600); err != nil {
		return nil, fmt.Errorf("writing the overlay: %w", err)
	}
	args := []string{"test", "-count=1", "-timeout", testTimeout.String(), "-run", t.pattern, t.target}
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // our own list
	cmd.Dir, cmd.Env = root, append(os.Environ(), "GOFLAGS=-overlay="+overlay)
	return cmd, nil
}

// nodeTest is a run of a JavaScript test in a copy of the tree's JavaScript with the mutant in it.
func (m *mutant) nodeTest(ctx context.Context, root, dir string, mutated []byte, t testRun) (*exec.Cmd, error) {
	tree := filepath.Join(dir, "tree")
	for _, part := range []string{"static", "tests/unit", "e2ee/testdata", "package.json"} {
		if err := copyPart(root, tree, part); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(tree, m.file), mutated, 0o600); err != nil {
		return nil, fmt.Errorf("writing the mutant: %w", err)
	}
	args := []string{"--test", "--test-reporter=spec"}
	if t.pattern != "" {
		args = append(args, "--test-name-pattern="+t.pattern)
	}
	cmd := exec.CommandContext(ctx, "node", append(args, t.target)...) //nolint:gosec // our own list
	cmd.Dir, cmd.WaitDelay = tree, time.Second
	return cmd, nil
}

// copyPart copies a file or a directory of the repository, if it is there.
func copyPart(root, tree, part string) error {
	from, to := filepath.Join(root, part), filepath.Join(tree, part)
	info, err := os.Stat(from)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("copying %s: %w", part, err)
	}
	if info.IsDir() {
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			return fmt.Errorf("copying %s: %w", part, err)
		}
		return nil
	}
	raw, err := os.ReadFile(from) //nolint:gosec // a file of the repository
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o700)
	}
	if err == nil {
		err = os.WriteFile(to, raw, 0o600) //nolint:gosec // in a directory of our own
	}
	if err != nil {
		return fmt.Errorf("copying %s: %w", part, err)
	}
	return nil
}
