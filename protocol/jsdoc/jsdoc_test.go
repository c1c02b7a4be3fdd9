package jsdoc_test

import (
	"os"
	"testing"

	"conclave/protocol/jsdoc"
)

// The web client's types are those of the server: the committed file is what the structs say.
func TestGeneratedTypesAreFresh(t *testing.T) {
	const path = "../../static/js/protocol-types.js"
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != jsdoc.Generate() {
		t.Fatalf("%s is stale: run `go generate ./protocol`", path)
	}
}
