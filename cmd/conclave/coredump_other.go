//go:build !linux

package main

// forbidCoreDumps does nothing here: only Linux is meant for running a server others use.
func forbidCoreDumps() error { return nil }
