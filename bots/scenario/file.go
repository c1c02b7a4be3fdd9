package scenario

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"conclave/internal/nearest"
)

// MaxFile bounds a scenario file, in bytes.
const MaxFile = 64 << 10

// Parse reads a scenario file. A key that it does not know is an error that names its line and the nearest key.
func Parse(raw []byte) (*Scenario, error) {
	if len(raw) > MaxFile {
		return nil, fmt.Errorf("scenario: more than %d bytes", MaxFile)
	}
	file, err := parser.ParseBytes(raw, 0)
	if err != nil {
		return nil, fmt.Errorf("scenario: %s", yaml.FormatError(err, false, true))
	}
	var s Scenario
	switch {
	case len(file.Docs) != 1 || file.Docs[0].Body == nil:
		return nil, errors.New("scenario: the file must hold one document")
	case hasMore(file.Docs[0].Body):
		return nil, errors.New("scenario: anchors, aliases and tags are not allowed")
	}
	if err := checkKeys(file.Docs[0].Body, reflect.TypeFor[Scenario]()); err != nil {
		return nil, fmt.Errorf("scenario: %w", err)
	}
	if err := yaml.NodeToValue(file.Docs[0].Body, &s); err != nil {
		return nil, fmt.Errorf("scenario: %s", yaml.FormatError(err, false, true))
	}
	return &s, nil
}

// hasMore finds what a scenario has no use for: aliases could make a small file large, and a tag can make the decoder
// panic.
func hasMore(node ast.Node) bool {
	found := false
	ast.Walk(visitor(func(n ast.Node) {
		switch n.Type() {
		case ast.AliasType, ast.AnchorType, ast.MergeKeyType, ast.TagType:
			found = true
		default:
		}
	}), node)
	return found
}

type visitor func(ast.Node)

// Visit implements ast.Visitor.
func (v visitor) Visit(n ast.Node) ast.Visitor {
	v(n)
	return v
}

// checkKeys compares the keys of a node with the yaml tags of the struct that it is read into.
func checkKeys(node ast.Node, t reflect.Type) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch n := node.(type) {
	case *ast.SequenceNode:
		if t.Kind() != reflect.Slice {
			return nil // the decoder says what is wrong with it
		}
		for _, value := range n.Values {
			if err := checkKeys(value, t.Elem()); err != nil {
				return err
			}
		}
	case *ast.MappingNode:
		for _, value := range n.Values {
			if err := checkKey(value, t); err != nil {
				return err
			}
		}
	case *ast.MappingValueNode:
		return checkKey(n, t)
	}
	return nil
}

func checkKey(n *ast.MappingValueNode, t reflect.Type) error {
	if t.Kind() == reflect.Map { // any key
		return checkKeys(n.Value, t.Elem())
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	key := n.Key.GetToken().Value
	var known []string
	for i := range t.NumField() {
		name := t.Field(i).Tag.Get("yaml")
		if name == key {
			return checkKeys(n.Value, t.Field(i).Type)
		}
		known = append(known, name)
	}
	return fmt.Errorf("line %d: unknown key %q%s", n.Key.GetToken().Position.Line, key, didYouMean(key, known))
}

// didYouMean suggests the known word that is most like the unknown one, or lists all.
func didYouMean(unknown string, known []string) string {
	if len(known) == 0 {
		return "; there is none"
	}
	if best := nearest.Name(unknown, known); best != "" {
		return "; did you mean " + best + "?"
	}
	return "; it is one of " + strings.Join(known, ", ")
}
