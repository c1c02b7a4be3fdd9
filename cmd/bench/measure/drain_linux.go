package measure

import (
	"errors"
	"fmt"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// drainBatch is how many datagrams one system call of a drain takes.
const drainBatch = 64

// drain returns a function that waits for datagrams on a socket, takes up to drainBatch of them with one system call,
// and says how many they were. It waits in Go's poller, as the bots do. What the datagrams hold is cut off.
func drain(conn *net.UDPConn) (func() (int, error), error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("drain: %w", err)
	}
	type message struct {
		header unix.Msghdr
		length uint32
		_      [4]byte
	}
	var (
		messages [drainBatch]message
		vectors  [drainBatch]unix.Iovec
		head     [64]byte // all write here
		n        int
		failure  error
	)
	for i := range messages {
		vectors[i].Base = &head[0]
		vectors[i].SetLen(len(head))
		messages[i].header.Iov = &vectors[i]
		messages[i].header.SetIovlen(1)
	}
	read := func(fd uintptr) bool {
		r, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&messages[0])), drainBatch,
			unix.MSG_DONTWAIT, 0, 0)
		n, failure = int(r), nil
		if errno == unix.EAGAIN {
			return false
		}
		if errno != 0 {
			n, failure = 0, errno
		}
		return true
	}
	return func() (int, error) {
		if err := raw.Read(read); err != nil {
			return 0, err //nolint:wrapcheck // ends the drain
		}
		if errors.Is(failure, unix.EINTR) {
			failure = nil
		}
		return n, failure
	}, nil
}
