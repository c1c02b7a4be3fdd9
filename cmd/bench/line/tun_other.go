//go:build !linux

package line

import (
	"errors"
	"os"
)

var errLinuxOnly = errors.New("lines are made of Linux's network namespaces")

func openTUN(string, string) (*os.File, error) { return nil, errLinuxOnly }

// InNamespace fails: there are no namespaces.
func InNamespace(string, func() error) error { return errLinuxOnly }

func newNamespace() (*os.File, error) { return nil, errLinuxOnly }
