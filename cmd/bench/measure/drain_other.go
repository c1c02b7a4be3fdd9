//go:build !linux

package measure

import (
	"errors"
	"net"
)

var errLinuxOnly = errors.New("measured on Linux only")

func drain(*net.UDPConn) (func() (int, error), error) { return nil, errLinuxOnly }
