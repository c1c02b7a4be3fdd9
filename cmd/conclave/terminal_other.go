//go:build !linux

package main

import "io"

// terminalWidth returns 0: progress is plain lines here.
func terminalWidth(io.Writer) int { return 0 }
