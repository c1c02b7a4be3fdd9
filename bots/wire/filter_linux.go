package wire

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// Filter has the kernel discard at a socket, before it is queued, what a classic BPF program says.
func Filter(conn syscall.RawConn, program []unix.SockFilter) error {
	var filterErr error
	err := conn.Control(func(fd uintptr) {
		filterErr = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	})
	if err == nil {
		err = filterErr
	}
	if err != nil {
		return fmt.Errorf("SO_ATTACH_FILTER: %w", err)
	}
	return nil
}
