package child

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// discardMedia has the kernel drop RTP and RTCP (first byte 128 to 191, RFC 7983) at the socket, before it is queued:
// a receiver that costs nothing.
func discardMedia(c syscall.RawConn) error {
	program := []unix.SockFilter{ // the filter of a UDP socket sees the UDP header, 8 bytes, first
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 8},
		{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: 128, Jt: 0, Jf: 2},
		{Code: unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K, K: 191, Jt: 1, Jf: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffff},
	}
	var filterErr error
	err := c.Control(func(fd uintptr) {
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
