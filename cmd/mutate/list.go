package main

import (
	_ "embed"
	"fmt"
	"path"
	"strings"
)

//go:embed mutants.txt
var mutantsFile string

// mutant is one weakened check.
type mutant struct {
	name string
	file string // from the root of the repository
	fn   string // the function it is in, with a receiver as Type.name; empty: anywhere in the file
	find string // what is replaced: an expression or a statement in Go, a text in other files; found exactly once
	put  string // what it becomes
	same string // why behaviour is provably the same, if it is

	tests []testRun
}

// testRun is a package and a pattern of test names, or a JavaScript test file.
type testRun struct{ target, pattern string }

func mutants() ([]mutant, error) { return parseList(mutantsFile) }

// parseList reads blocks of lines "key value", which begin with "mutant"; # begins a comment.
func parseList(text string) (list []mutant, err error) {
	names := map[string]bool{}
	for i, line := range strings.Split(text, "\n") {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		value = strings.TrimSpace(value)
		if key == "" || strings.HasPrefix(key, "#") {
			continue
		}
		if key == "mutant" {
			if names[value] {
				return nil, fmt.Errorf("line %d: two mutants are called %s", i+1, value)
			}
			names[value] = true
			list = append(list, mutant{name: value})
			continue
		}
		if len(list) == 0 {
			return nil, fmt.Errorf("line %d: %s before the first mutant", i+1, key)
		}
		if err := list[len(list)-1].set(key, value); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	for i := range list {
		if m := &list[i]; m.file == "" || m.find == "" || len(m.tests) == 0 {
			return nil, fmt.Errorf("mutant %s needs file, find and test", m.name)
		}
	}
	return list, nil
}

func (m *mutant) set(key, value string) error {
	switch key {
	case "file":
		m.file = value
	case "func":
		m.fn = value
	case "find":
		m.find = value
	case "put":
		m.put = value
	case "same":
		m.same = value
	case "test":
		target, pattern, _ := strings.Cut(value, " ")
		if strings.HasPrefix(target, "./") && pattern == "" {
			return fmt.Errorf("a test of %s needs a name", target)
		}
		m.tests = append(m.tests, testRun{target, strings.TrimSpace(pattern)})
	default:
		return fmt.Errorf("no such key: %s", key)
	}
	return nil
}

func (m *mutant) isGo() bool { return path.Ext(m.file) == ".go" }
