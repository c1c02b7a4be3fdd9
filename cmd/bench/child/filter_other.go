//go:build !linux

package child

import (
	"errors"
	"syscall"
)

var errLinuxOnly = errors.New("measured on Linux only")

func discardMedia(syscall.RawConn) error { return errLinuxOnly }
