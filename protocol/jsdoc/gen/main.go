// Command gen writes the web client's protocol types to the file named by its argument.
package main

import (
	"fmt"
	"os"

	"conclave/protocol/jsdoc"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gen FILE")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], []byte(jsdoc.Generate()),
		0o644); err != nil { //nolint:gosec // a public source file
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
